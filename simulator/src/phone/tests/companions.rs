//! A phone and the other devices of its account.

use std::collections::BTreeMap;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, NodeContent};
use waproto::buffa::MessageField;
use waproto::codec::message_to_vec;
use waproto::whatsapp as wa;

use super::world::{NOW_MS, World, jid, person};
use crate::limits::PHONE_ANSWER_MS_MAX;
use crate::phone::app_state::{Change, Collection};
use crate::phone::content::{EditForm, MessageBody, Reading, encode, for_own_devices};
use crate::phone::history::HistorySize;
use crate::phone::{Action, Phone};

/// Number of peer messages that this number's companion has received.
fn silent(world: &World, number: &str) -> usize {
    world.companions[number].read.iter().filter(|read| read.reading == Reading::Silent).count()
}

#[test]
fn a_status_is_of_the_one_who_posted_it() {
    let mut world = World::new();
    world.link("2");
    let status = message_to_vec(&encode(&MessageBody::text("at the sea"), &jid("1"), NOW_MS));
    let device = jid("2").with_device(1);
    let stanza = NodeBuilder::new("message").attr("id", "S1").attr("t", 1).attr("participant", device);
    world.send_parts_as_companion("2", &jid("1"), stanza.attr("from", "status@broadcast"), &[&status]);
    let kept = world.kept("1")[0];
    assert_eq!((kept.chat.as_str(), kept.sender.as_str()), ("status@broadcast", "2@s.whatsapp.net"));
}

#[test]
fn both_devices_of_a_person_get_a_message_and_the_sender_s_other_a_copy() {
    let mut world = World::new();
    world.link("1");
    world.link("2");
    world.send("1", &jid("2"), "hello");
    let at_bob = &world.companions["2"].read[0];
    assert_eq!((&at_bob.reading, &at_bob.sent_to), (&Reading::message(MessageBody::text("hello")), &None));
    let copy = &world.companions["1"].read[0];
    assert_eq!(copy.reading, Reading::message(MessageBody::text("hello")));
    assert_eq!(copy.sent_to.as_deref(), Some("2@s.whatsapp.net"));
}

#[test]
fn what_a_companion_sent_is_shown_as_the_person_s_own() {
    let mut world = World::new();
    world.link("1");
    let copy = for_own_devices(encode(&MessageBody::text("from my desk"), &jid("2"), NOW_MS), &jid("2"));
    let stanza = NodeBuilder::new("message").attr("id", "C1").attr("t", 1).attr("recipient", jid("2"));
    world.send_as_companion("1", &jid("1"), stanza, &message_to_vec(&copy));
    let kept = world.kept("1")[0].clone();
    assert_eq!((kept.chat.as_str(), kept.from_me), ("2@s.whatsapp.net", true));
    let receipt = world.stanzas.iter().find(|node| node.tag == "receipt").unwrap();
    assert_eq!(receipt.attrs().optional_string("type").as_deref(), Some("sender"));
    assert_eq!(receipt.attrs().optional_jid("recipient"), Some(jid("2")));
}

#[test]
fn a_companion_reads_the_group_along() {
    let mut world = World::new();
    world.link("1");
    world.link("2");
    let group = world.group(&["1", "2"]);
    world.send("1", &group, "all");
    world.send("1", &group, "again");
    for number in ["1", "2"] {
        let said: Vec<&Reading> = world.companions[number]
            .read
            .iter()
            .map(|read| &read.reading)
            .filter(|read| **read != Reading::Silent)
            .collect();
        assert_eq!(said, [&Reading::message(MessageBody::text("all")), &Reading::message(MessageBody::text("again"))]);
    }
}

#[test]
fn a_new_companion_is_given_keys_and_history() {
    let mut world = World::new();
    world.send("2", &jid("1"), "an old message");
    world.link("1");
    world.with("1", |phone| phone.send_initial_sync(1, HistorySize { chats: 3, messages_per_chat: 10 }, NOW_MS));
    // The app state key share, and four chunks: chats, names, the rest, older messages.
    assert_eq!(silent(&world, "1"), 5);
    assert_eq!(world.count(|_, action| matches!(action, Action::Store { .. })), 3);
    let peers = world.stanzas.iter().filter(|node| node.attrs.get("category").is_some_and(|kind| *kind == "peer"));
    assert_eq!(peers.count(), 5);
}

#[test]
fn a_history_shows_what_was_said_as_it_stands_and_names_groups_by_their_subject() {
    let mut world = World::new();
    let group = world.group(&["1", "2", "3"]);
    let subject = NodeBuilder::new("subject").attr("subject", "Cooks").build();
    let renamed = NodeBuilder::new("notification").attr("type", "w:gp2").attr("id", "n1").attr("from", &group);
    world.deliver(&jid("1"), renamed.children([subject]).build());
    world.send("2", &group, "in the group");
    let edited = world.send("1", &jid("3"), "helo");
    world.with("1", |phone| phone.edit(&jid("3"), &edited, "hello", EditForm::Plain, NOW_MS).unwrap().1);
    let deleted = world.send("1", &jid("3"), "oops");
    world.with("1", |phone| phone.delete(&jid("3"), &deleted, NOW_MS).unwrap().1);
    let phone = &world.phones["1"];
    let names = BTreeMap::from([("3@s.whatsapp.net".to_owned(), "Cyd".to_owned())]);
    let chats = phone.history_chats(HistorySize::default(), &names, NOW_MS);
    let shown: Vec<_> = chats
        .iter()
        .map(|chat| (chat.name.as_deref(), chat.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(shown, [(Some("Cooks"), vec!["in the group"]), (Some("Cyd"), vec!["hello"])]);
    assert_eq!(phone.history_chats(HistorySize::default(), &BTreeMap::new(), NOW_MS)[1].name, None);
}

#[test]
fn a_companion_that_asks_for_keys_or_messages_gets_them() {
    let mut world = World::new();
    let id = world.send("2", &jid("1"), "hello");
    world.link("1");
    let send_query = |protocol: wa::message::ProtocolMessage| {
        message_to_vec(&wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() })
    };
    let keys = send_query(wa::message::ProtocolMessage {
        r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_REQUEST),
        app_state_sync_key_request: MessageField::some(wa::message::AppStateSyncKeyRequest {
            key_ids: vec![wa::message::AppStateSyncKeyId { key_id: Some(vec![9; 6]) }],
        }),
        ..Default::default()
    });
    use wa::message::peer_data_operation_request_message::PlaceholderMessageResendRequest;
    let resend = send_query(wa::message::ProtocolMessage {
        r#type: Some(wa::message::protocol_message::Type::PEER_DATA_OPERATION_REQUEST_MESSAGE),
        peer_data_operation_request_message: MessageField::some(wa::message::PeerDataOperationRequestMessage {
            peer_data_operation_request_type: Some(
                wa::message::PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND,
            ),
            placeholder_message_resend_request: vec![PlaceholderMessageResendRequest {
                message_key: MessageField::some(wa::MessageKey {
                    remote_jid: Some(jid("2").to_string()),
                    id: Some(id),
                    ..Default::default()
                }),
            }],
            ..Default::default()
        }),
        ..Default::default()
    });
    for (at, plaintext) in [keys, resend].iter().enumerate() {
        let stanza = NodeBuilder::new("message").attr("id", format!("P{at}")).attr("t", 1).attr("category", "peer");
        world.send_as_companion("1", &jid("1"), stanza, plaintext);
        assert_eq!(silent(&world, "1"), at + 1);
    }
    let receipts = world.stanzas.iter().filter(|node| node.attrs.get("type").is_some_and(|kind| *kind == "peer_msg"));
    assert_eq!(receipts.count(), 2);
}

#[test]
fn nobody_else_asks_a_phone_for_anything() {
    let mut world = World::new();
    world.link("2");
    let request = wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_REQUEST),
            ..Default::default()
        }),
        ..Default::default()
    };
    let stanza = NodeBuilder::new("message").attr("id", "P1").attr("t", 1).attr("category", "peer");
    world.send_as_companion("2", &jid("1"), stanza, &message_to_vec(&request));
    assert!(world.companions["2"].read.is_empty());
}

/// The response of a server that accepted a patch, or that has these patches.
fn state_answer(id: &str, collection: NodeBuilder) -> Node {
    let sync = NodeBuilder::new("sync").children([collection.build()]).build();
    NodeBuilder::new("iq").attr("type", "result").attr("id", id).children([sync]).build()
}

/// The patch in the first iq among the actions, and the iq's id.
fn put(actions: &[Action]) -> (String, Vec<u8>) {
    let Some(Action::Send(iq)) = actions.iter().find(|action| matches!(action, Action::Send(node) if node.tag == "iq"))
    else {
        panic!("{actions:?}")
    };
    let patch = iq.get_optional_child_by_tag(&["sync", "collection", "patch"]).unwrap();
    let Some(NodeContent::Bytes(bytes)) = &patch.content else { panic!("bytes") };
    (iq.attrs().optional_string("id").unwrap().into_owned(), bytes.clone())
}

#[test]
fn a_new_name_is_in_force_when_the_server_has_it() {
    let mut world = World::new();
    let phone = world.phones.get_mut("1").unwrap();
    let change = Change::Name { name: "Annie".to_owned() };
    let (id, _) = put(&phone.change(change.clone(), NOW_MS));
    assert!(phone.change(Change::Pin { chat: "2@s.whatsapp.net".to_owned(), pinned: true }, NOW_MS).is_empty());
    let actions = phone.handle(&state_answer(&id, NodeBuilder::new("collection").attr("type", "result")), NOW_MS);
    assert_eq!(actions[0], Action::Changed(change));
    put(&actions);
}

/// The server's response about the collection of names when it refuses a patch.
fn refusal(code: u16) -> NodeBuilder {
    let error = NodeBuilder::new("error").attr("code", code).build();
    NodeBuilder::new("collection")
        .attr("name", Collection::CriticalBlock.name())
        .attr("type", "error")
        .children([error])
}

#[test]
fn a_phone_that_was_too_late_catches_up_and_tries_again() {
    let mut world = World::new();
    // Another device of the same account made the second name change: the same phone, at another time.
    let mut twin = World::new().phones.remove("1").unwrap();
    let (id, theirs) = put(&twin.change(Change::Name { name: "Theirs".to_owned() }, NOW_MS));
    assert!(!id.is_empty());
    let phone = world.phones.get_mut("1").unwrap();
    let (id, _) = put(&phone.change(Change::Name { name: "Mine".to_owned() }, NOW_MS));
    let actions = phone.handle(&state_answer(&id, refusal(409)), NOW_MS);
    let [Action::Send(fetch)] = actions.as_slice() else { panic!("{actions:?}") };
    let id = fetch.attrs().optional_string("id").unwrap().into_owned();
    let patches = NodeBuilder::new("patches").children([NodeBuilder::new("patch").bytes(theirs).build()]).build();
    let missed = NodeBuilder::new("collection").attr("name", Collection::CriticalBlock.name()).children([patches]);
    let actions = phone.handle(&state_answer(&id, missed), NOW_MS);
    assert_eq!(actions[0], Action::Changed(Change::Name { name: "Theirs".to_owned() }));
    let (id, _) = put(&actions);
    let actions = phone.handle(&state_answer(&id, NodeBuilder::new("collection").attr("type", "result")), NOW_MS);
    assert_eq!(actions, [Action::Changed(Change::Name { name: "Mine".to_owned() })]);
}

#[test]
fn a_change_that_the_server_does_not_take_gives_way_to_the_next() {
    let pin = Change::Pin { chat: "2@s.whatsapp.net".to_owned(), pinned: true };
    for code in [400, 503] {
        let mut world = World::new();
        let phone = world.phones.get_mut("1").unwrap();
        let (id, _) = put(&phone.change(Change::Name { name: "Annie".to_owned() }, NOW_MS));
        phone.change(pin.clone(), NOW_MS);
        let (id, _) = put(&phone.handle(&state_answer(&id, refusal(code)), NOW_MS));
        let taken = state_answer(&id, NodeBuilder::new("collection").attr("type", "result"));
        assert_eq!(phone.handle(&taken, NOW_MS), [Action::Changed(pin.clone())]);
    }
}

#[test]
fn a_change_that_always_conflicts_is_dropped() {
    let mut world = World::new();
    let phone = world.phones.get_mut("1").unwrap();
    for answers in [true, false] {
        let (id, _) = put(&phone.change(Change::Name { name: "Annie".to_owned() }, NOW_MS));
        let actions = phone.handle(&state_answer(&id, refusal(409)), NOW_MS);
        let [Action::Send(fetch)] = actions.as_slice() else { panic!("{actions:?}") };
        let id = fetch.attrs().optional_string("id").unwrap().into_owned();
        let nothing = NodeBuilder::new("collection").attr("name", Collection::CriticalBlock.name());
        let actions = match answers {
            true => phone.handle(&state_answer(&id, nothing), NOW_MS),
            false => phone.tick(NOW_MS + PHONE_ANSWER_MS_MAX),
        };
        assert!(actions.is_empty(), "{actions:?}");
    }
}

/// A notification that a collection has a new version.
fn server_sync(version: u64) -> Node {
    let collection = NodeBuilder::new("collection").attr("name", "regular").attr("version", version).build();
    let notification = NodeBuilder::new("notification").attr("id", "n1").attr("from", "s.whatsapp.net");
    notification.attr("type", "server_sync").children([collection]).build()
}

/// The ids of the app state fetches among the actions.
fn fetches(actions: &[Action]) -> Vec<String> {
    let is_fetch = |iq: &&Node| iq.get_optional_child("sync").is_some();
    let iqs = actions.iter().filter_map(|action| match action {
        Action::Send(iq) => Some(iq),
        _ => None,
    });
    iqs.filter(is_fetch).map(|iq| iq.attrs().optional_string("id").unwrap().into_owned()).collect()
}

#[test]
fn the_shared_state_is_fetched_by_one_question_at_a_time_until_nothing_is_left() {
    let mut world = World::new();
    let mut twin = World::new().phones.remove("1").unwrap();
    let (_, theirs) = put(&twin.change(Change::Name { name: "Theirs".to_owned() }, NOW_MS));
    let phone = world.phones.get_mut("1").unwrap();
    let first = fetches(&phone.handle(&server_sync(1), NOW_MS));
    assert_eq!(first.len(), 1);
    assert!(fetches(&phone.handle(&server_sync(2), NOW_MS)).is_empty(), "one is under way");
    let collection = || NodeBuilder::new("collection").attr("name", Collection::CriticalBlock.name());
    let second = fetches(&phone.handle(&state_answer(&first[0], collection()), NOW_MS));
    assert_eq!(second.len(), 1, "more was changed in between");
    let patches = NodeBuilder::new("patches").children([NodeBuilder::new("patch").bytes(theirs).build()]).build();
    let more = || collection().attr("has_more_patches", "true").children([patches.clone()]);
    let third = fetches(&phone.handle(&state_answer(&second[0], more()), NOW_MS));
    assert_eq!(third.len(), 1, "there is more");
    assert!(fetches(&phone.handle(&state_answer(&third[0], more()), NOW_MS)).is_empty(), "nothing of it is news");
}

#[test]
fn prekeys_that_run_low_are_replenished() {
    let mut world = World::new();
    let count = NodeBuilder::new("count").attr("value", "3").build();
    let low = NodeBuilder::new("notification")
        .attr("id", "n1")
        .attr("from", "s.whatsapp.net")
        .attr("type", "encrypt")
        .children([count])
        .build();
    let actions = world.phones.get_mut("1").unwrap().handle(&low, NOW_MS);
    assert!(matches!(&actions[0], Action::Send(ack) if ack.tag == "ack"));
    assert!(matches!(&actions[1], Action::Send(iq) if iq.get_optional_child("list").is_some()));
}

#[test]
fn keys_that_the_server_never_confirmed_are_given_again() {
    let is_upload = |action: &&Action| matches!(action, Action::Send(iq) if iq.get_optional_child("skey").is_some());
    let mut phone = Phone::new(person("4", "Dan"), 7, NOW_MS).unwrap();
    for _ in 0..2 {
        assert_eq!(phone.come_online(NOW_MS).iter().filter(is_upload).count(), 1);
        phone.go_offline();
    }
    let actions = phone.come_online(NOW_MS);
    let Some(Action::Send(iq)) = actions.iter().find(is_upload) else { panic!("{actions:?}") };
    let id = iq.attrs().optional_string("id").unwrap().into_owned();
    phone.handle(&NodeBuilder::new("iq").attr("type", "result").attr("id", id).build(), NOW_MS);
    assert_eq!(phone.come_online(NOW_MS).iter().filter(is_upload).count(), 0);
}

#[test]
fn a_sender_key_for_another_chat_is_not_kept() {
    let mut world = World::new();
    world.link("2");
    let group = world.group(&["1", "2"]);
    let key = world.companions.get_mut("2").unwrap().signal.distribution(&group).unwrap();
    let gift = wa::Message {
        sender_key_distribution_message: MessageField::some(wa::message::SenderKeyDistributionMessage {
            group_id: Some(group.to_string()),
            axolotl_sender_key_distribution_message: Some(key),
        }),
        ..Default::default()
    };
    let stanza = NodeBuilder::new("message").attr("id", "K1").attr("t", 1);
    world.send_as_companion("2", &jid("1"), stanza, &message_to_vec(&gift));
    let said = message_to_vec(&encode(&MessageBody::text("hello"), &group, NOW_MS));
    let sealed = world.companions.get_mut("2").unwrap().signal.encrypt_for_group(&group, &said).unwrap();
    let enc = NodeBuilder::new("enc").attr("type", sealed.kind.name()).attr("v", "2").bytes(sealed.bytes).build();
    let stanza = NodeBuilder::new("message").attr("id", "G1").attr("from", &group).attr("t", 1);
    let stanza = stanza.attr("participant", jid("2").with_device(1)).children([enc]).build();
    let actions = world.phones.get_mut("1").unwrap().handle(&stanza, NOW_MS);
    let is_unreadable = |action: &Action| matches!(action, Action::Unreadable { .. });
    assert!(actions.iter().any(is_unreadable), "{actions:?}");
}

#[test]
fn what_was_read_is_shown_though_a_second_part_is_no_message() {
    let mut world = World::new();
    world.link("2");
    let said = message_to_vec(&encode(&MessageBody::text("hello"), &jid("1"), NOW_MS));
    let stanza = NodeBuilder::new("message").attr("id", "T1").attr("from", jid("2").with_device(1)).attr("t", 1);
    world.send_parts_as_companion("2", &jid("1"), stanza, &[&said, &[0xff]]);
    assert_eq!(world.heard("1"), ["hello"]);
}
