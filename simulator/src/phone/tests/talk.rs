//! Conversations between phones without faults.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::world::{NOW_MS, World, jid};
use crate::phone::content::{Content, EditForm, MessageBody};
use crate::phone::file::FileKind;
use crate::phone::signal::Way;
use crate::phone::{Action, NewFile, PhoneError, Progress};

#[test]
fn two_phones_talk_and_see_how_far_their_messages_got() {
    let mut world = World::new();
    let first = world.send("1", &jid("2"), "hello");
    world.send("2", &jid("1"), "hello yourself");
    world.send("1", &jid("2"), "how are you");
    assert_eq!(world.heard("2"), ["hello", "how are you"]);
    assert_eq!(world.heard("1"), ["hello yourself"]);
    let progress: Vec<&Progress> = world
        .done
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Progress { id, progress, .. } if *id == first => Some(progress),
            _ => None,
        })
        .collect();
    assert_eq!(progress, [&Progress::Accepted, &Progress::Delivered { by: "2@s.whatsapp.net".to_owned() }]);
}

#[test]
fn one_read_receipt_covers_all_messages_of_a_chat() {
    let mut world = World::new();
    for text in ["one", "two", "three"] {
        world.send("1", &jid("2"), text);
    }
    world.send("3", &jid("2"), "another chat");
    let before = world.stanzas.len();
    world.with("2", |phone| phone.read(&jid("1"), NOW_MS));
    assert_eq!(world.stanzas[before..].iter().filter(|node| node.tag == "receipt").count(), 1);
    let read = |number: &str, action: &Action| {
        number == "1" && matches!(action, Action::Progress { progress: Progress::Read { .. }, .. })
    };
    assert_eq!(world.count(read), 3);
    world.with("2", |phone| phone.read(&jid("1"), NOW_MS));
    assert_eq!(world.count(read), 3);
}

#[test]
fn a_person_answers_reacts_edits_and_deletes() {
    let mut world = World::new();
    let hello = world.send("1", &jid("2"), "helo");
    world.with("2", |phone| phone.reply(&jid("1"), &hello, "you mean hello", NOW_MS).unwrap().1);
    world.with("2", |phone| phone.react(&jid("1"), &hello, "🙂", NOW_MS).unwrap().1);
    world.with("1", |phone| phone.edit(&jid("2"), &hello, "hello", EditForm::Plain, NOW_MS).unwrap().1);
    let answer = world.kept("1")[1].clone();
    assert_eq!(answer.body.reply_to.unwrap().text, "helo");
    let at_bob = world.kept("2")[0].clone();
    assert_eq!((at_bob.edited.as_deref(), at_bob.reactions["2@s.whatsapp.net"].as_str()), (Some("hello"), "🙂"));
    assert_eq!(world.kept("1")[0].reactions["2@s.whatsapp.net"], "🙂");
    world.with("1", |phone| phone.delete(&jid("2"), &hello, NOW_MS).unwrap().1);
    assert!(world.kept("2")[0].deleted);
    let unknown = world.phones.get_mut("2").unwrap().edit(&jid("1"), &hello, "x", EditForm::Plain, NOW_MS).map(|_| ());
    assert_eq!(unknown, Err(PhoneError::UnknownMessage(hello)));
}

#[test]
fn a_file_is_stored_then_said_and_opened_at_the_other_end() {
    let mut world = World::new();
    let file = NewFile {
        file: FileKind::Voice,
        mime_type: "audio/ogg".to_owned(),
        caption: None,
        file_name: None,
        seconds: Some(2),
        bytes: b"la la la".to_vec(),
    };
    world.with("1", |phone| phone.send_file(&jid("2"), file, NOW_MS).unwrap().1);
    let stored = world.done.iter().find_map(|(_, action)| match action {
        Action::Store { bytes, .. } => Some(bytes.clone()),
        _ => None,
    });
    let kept = world.kept("2")[0].clone();
    let Content::File(attachment) = &kept.body.content else { panic!("{kept:?}") };
    assert_eq!(attachment.seal.open(attachment.file, &stored.unwrap()).unwrap(), b"la la la");
    assert!(attachment.seal.direct_path.starts_with("/v/"));
    world.with("2", |phone| phone.play(&jid("1"), &kept.id, NOW_MS).unwrap());
    let played =
        |_: &str, action: &Action| matches!(action, Action::Progress { progress: Progress::Played { .. }, .. });
    assert_eq!(world.count(played), 1);
}

#[test]
fn a_group_gets_its_key_once_and_everything_after_in_one_piece() {
    let mut world = World::new();
    let group = world.group(&["1", "2", "3"]);
    world.send("1", &group, "first");
    world.send("1", &group, "second");
    world.send("2", &group, "from bob");
    assert_eq!(world.heard("3"), ["first", "second", "from bob"]);
    assert_eq!(world.heard("2"), ["first", "second"]);
    assert!(world.kept("3").iter().all(|kept| kept.chat == group.to_string()));
    let to_group = |node: &&wacore_binary::Node| {
        node.tag == "message" && node.attrs().optional_jid("to").is_some_and(|to| to == group)
    };
    let shares: Vec<bool> =
        world.stanzas.iter().filter(to_group).map(|node| node.get_optional_child("participants").is_some()).collect();
    assert_eq!(shares, [true, false, true]);
}

#[test]
fn who_left_a_group_cannot_read_on() {
    let mut world = World::new();
    let group = world.group(&["1", "2", "3"]);
    world.send("1", &group, "with cyd");
    world.group(&["1", "2"]);
    let left = wacore_binary::builder::NodeBuilder::new("notification")
        .attr("type", "w:gp2")
        .attr("id", "n1")
        .attr("from", &group)
        .children([wacore_binary::builder::NodeBuilder::new("remove").build()])
        .build();
    world.deliver(&jid("1"), left);
    world.send("1", &group, "without cyd");
    assert_eq!(world.heard("2"), ["with cyd", "without cyd"]);
    assert_eq!(world.heard("3"), ["with cyd"]);
    let last = world.stanzas.iter().rfind(|node| node.tag == "message").unwrap();
    let shared = last.get_optional_child("participants").unwrap().children().unwrap();
    assert_eq!(shared.len(), 1, "the new key goes to bob alone");
}

#[test]
fn what_is_written_offline_leaves_in_order_when_the_phone_is_back() {
    let mut world = World::new();
    world.phones.get_mut("1").unwrap().go_offline();
    for text in ["one", "two", "three"] {
        world.send("1", &jid("2"), text);
    }
    assert!(world.heard("2").is_empty());
    world.with("1", |phone| phone.come_online(NOW_MS));
    assert_eq!(world.heard("2"), ["one", "two", "three"]);
}

#[test]
fn a_number_without_devices_is_not_on_whatsapp() {
    let mut world = World::new();
    world.send("1", &jid("404"), "anybody there");
    world.send("1", &jid("2"), "hello");
    let failed = |_: &str, action: &Action| matches!(action, Action::Failed { reason, .. } if reason.contains("404"));
    assert_eq!(world.count(failed), 1);
    assert_eq!(world.heard("2"), ["hello"], "the next message is not held up");
}

#[test]
fn the_same_seed_gives_the_same_stanzas() {
    let run = || {
        let mut world = World::new();
        world.send("1", &jid("2"), "hello");
        world.send("2", &jid("1"), "hello");
        world.stanzas
    };
    assert_eq!(run(), run());
}

#[test]
fn each_ratchet_moves_by_one_and_none_is_decrypted_twice() {
    let mut world = World::new();
    let group = world.group(&["1", "2", "3"]);
    for round in 0..5 {
        world.send("1", &jid("2"), &format!("round {round}"));
        world.send("2", &jid("1"), "yes");
        world.send("3", &group, "all");
    }
    let steps: Vec<_> = world
        .done
        .iter()
        .filter_map(|(number, action)| match action {
            Action::Stepped(step) => Some((number.clone(), step.clone())),
            _ => None,
        })
        .collect();
    let unique: std::collections::BTreeSet<_> = steps.iter().collect();
    assert_eq!(unique.len(), steps.len());
    for (number, step) in steps.iter().filter(|(_, step)| step.way == Way::Sent && step.counter > 0) {
        let before = crate::phone::signal::RatchetStep { counter: step.counter - 1, ..step.clone() };
        assert!(unique.contains(&(number.clone(), before)), "{step:?} without the one before");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let mut world = World::new();
    let long = "x".repeat(crate::limits::TEXT_CHARACTERS_MAX + 1);
    let refused = world.phones.get_mut("1").unwrap().send(&jid("2"), MessageBody::text(&long), NOW_MS).map(|_| ());
    assert_eq!(refused, Err(PhoneError::TooLong));
}

#[test]
fn a_phone_gives_a_token_with_its_first_message_and_shows_the_one_it_was_given() {
    let mut world = World::new();
    let token = NodeBuilder::new("token").attr("jid", jid("1")).attr("t", 5).attr("type", "trusted_contact");
    let tokens = NodeBuilder::new("tokens").children([token.bytes([7; 8]).build()]).build();
    let notice = NodeBuilder::new("notification").attr("type", "privacy_token").attr("id", "1").attr("from", jid("2"));
    world.deliver(&jid("1"), notice.children([tokens]).build());
    for text in ["first", "second"] {
        world.send("1", &jid("2"), text);
    }
    let group = world.group(&["1", "2", "3"]);
    world.send("1", &group, "to all");
    let is_token = |node: &&Node| node.get_optional_child("tokens").is_some();
    let given: Vec<&Node> = world.stanzas.iter().filter(is_token).collect();
    assert_eq!(given.len(), 1, "one person was written to, twice: {given:?}");
    let wait_for_message = |node: &&Node| node.tag == "message" && node.get_optional_child("tctoken").is_some();
    assert_eq!(world.stanzas.iter().filter(wait_for_message).count(), 2, "none in a group");
}
