//! Messages that are lost, corrupted, duplicated, or undecryptable.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent};

use super::world::{NOW_MS, World, jid};
use crate::limits::{PHONE_ANSWER_MS_MAX, RETRIES_MAX};
use crate::phone::Action;

/// Flips a byte of each ciphertext.
fn corrupt_encs(node: &mut Node) {
    let Some(NodeContent::Nodes(children)) = &mut node.content else { return };
    for child in children.iter_mut().filter(|child| child.tag == "enc") {
        if let Some(NodeContent::Bytes(bytes)) = &mut child.content {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
    }
}

/// Corrupts the first messages to a number.
fn corrupt_first(number: &'static str, count: usize) -> Option<super::world::Corrupt> {
    let mut left = count;
    Some(Box::new(move |device: &Jid, node: &mut Node| {
        if device.user == number && node.tag == "message" && left > 0 {
            left -= 1;
            corrupt_encs(node);
        }
        true
    }))
}

fn is_unreadable(number: &str, action: &Action) -> bool {
    number == "2" && matches!(action, Action::Unreadable { .. })
}

#[test]
fn a_corrupted_message_is_retried_and_decrypted() {
    for spoilt in 1..=3 {
        let mut world = World::new();
        world.corrupt = corrupt_first("2", spoilt);
        world.send("1", &jid("2"), "hello");
        assert_eq!(world.heard("2"), ["hello"], "after {spoilt}");
        assert_eq!(world.count(is_unreadable), spoilt);
        world.send("1", &jid("2"), "next");
        world.send("2", &jid("1"), "fine");
        assert_eq!((world.heard("2"), world.heard("1")), (vec!["hello", "next"], vec!["fine"]));
    }
}

#[test]
fn asking_ends() {
    let mut world = World::new();
    world.corrupt = corrupt_first("2", usize::MAX);
    world.send("1", &jid("2"), "hello");
    assert!(world.heard("2").is_empty());
    assert_eq!(world.count(is_unreadable), usize::from(RETRIES_MAX), "the sender refuses the last request");
}

#[test]
fn requests_bring_keys_from_the_second_on() {
    let mut world = World::new();
    world.corrupt = corrupt_first("2", 2);
    world.send("1", &jid("2"), "hello");
    let is_retry = |node: &&Node| node.tag == "receipt" && node.attrs.get("type").is_some_and(|kind| *kind == "retry");
    let with_keys: Vec<bool> =
        world.stanzas.iter().filter(is_retry).map(|node| node.get_optional_child("keys").is_some()).collect();
    assert_eq!(with_keys, [false, true]);
}

#[test]
fn a_lost_message_does_not_harm_the_next() {
    let mut world = World::new();
    let mut seen = 0;
    world.corrupt = Some(Box::new(move |device, node| {
        seen += usize::from(device.user == "2" && node.tag == "message");
        !(device.user == "2" && node.tag == "message" && seen == 2)
    }));
    for text in ["one", "two", "three"] {
        world.send("1", &jid("2"), text);
    }
    assert_eq!(world.heard("2"), ["one", "three"]);
}

#[test]
fn a_message_that_comes_twice_is_shown_once_and_receipted_twice() {
    let mut world = World::new();
    let mut caught = None;
    world.send("1", &jid("2"), "first");
    world.corrupt = Some(Box::new(|_, _| false));
    world.send("1", &jid("2"), "hello");
    world.corrupt = None;
    for node in world.stanzas.clone() {
        if node.tag == "message" {
            caught = Some(node);
        }
    }
    let stanza = caught.unwrap();
    world.route(&jid("1"), &stanza);
    world.route(&jid("1"), &stanza);
    world.with("1", |_| vec![]);
    assert_eq!(world.heard("2"), ["first", "hello"]);
    assert_eq!(world.count(|_, action| matches!(action, Action::Repeated { .. })), 1);
    assert_eq!(world.stanzas.iter().filter(|node| node.tag == "receipt").count(), 3);
}

#[test]
fn a_member_who_lost_the_group_s_key_gets_it_again() {
    let mut world = World::new();
    let group = world.group(&["1", "2", "3"]);
    world.corrupt = Some(Box::new(|device, node| !(device.user == "3" && node.tag == "message")));
    world.send("1", &group, "lost for cyd");
    world.corrupt = None;
    world.send("1", &group, "second");
    assert_eq!(world.heard("3"), ["second"]);
    world.send("1", &group, "third");
    assert_eq!(world.heard("3"), ["second", "third"]);
    assert_eq!(world.heard("2"), ["lost for cyd", "second", "third"]);
}

#[test]
fn a_stanza_that_is_no_message_is_acked_with_an_error() {
    let mut world = World::new();
    let stanzas = [
        NodeBuilder::new("message").attr("id", "1").attr("from", jid("1")).build(),
        NodeBuilder::new("message").attr("id", "2").attr("from", Jid::group("123")).build(),
        NodeBuilder::new("message").attr("id", "2").attr("from", "status@broadcast").build(),
        NodeBuilder::new("message")
            .attr("id", "3")
            .attr("from", jid("1"))
            .children([NodeBuilder::new("enc").attr("type", "strange").bytes([1, 2]).build()])
            .build(),
    ];
    for stanza in stanzas {
        let actions = world.phones.get_mut("2").unwrap().handle(&stanza, NOW_MS);
        let [Action::Send(ack)] = actions.as_slice() else { panic!("{actions:?}") };
        assert!(ack.tag == "ack" && ack.attrs.get("error").is_some_and(|error| *error == "487"), "{ack:?}");
    }
}

#[test]
fn rubbish_is_survived() {
    let mut world = World::new();
    world.send("1", &jid("2"), "hello");
    let stanzas = world.stanzas.clone();
    let phone = world.phones.get_mut("2").unwrap();
    for stanza in stanzas {
        for tag in ["message", "receipt", "iq", "notification", "ack", "call", "presence", "ib", "success", "other"] {
            let mut stanza = stanza.clone();
            stanza.tag = tag.into();
            stanza.attrs.insert("from", "1@s.whatsapp.net");
            phone.handle(&stanza, NOW_MS);
        }
    }
}

#[test]
fn an_unanswered_query_times_out() {
    let mut world = World::new();
    let phone = world.phones.get_mut("1").unwrap();
    let (id, _) = phone.send(&jid("2"), crate::phone::content::MessageBody::text("hello"), NOW_MS).unwrap();
    assert!(phone.tick(NOW_MS + PHONE_ANSWER_MS_MAX - 1).is_empty());
    let actions = phone.tick(NOW_MS + PHONE_ANSWER_MS_MAX);
    assert!(matches!(&actions[0], Action::Failed { id: failed, .. } if *failed == id), "{actions:?}");
}

#[test]
fn a_refused_message_is_reported() {
    let mut world = World::new();
    let id = world.send("1", &jid("2"), "hello");
    let nack = NodeBuilder::new("ack").attr("class", "message").attr("id", id.as_str()).attr("error", "463").build();
    let actions = world.phones.get_mut("1").unwrap().handle(&nack, NOW_MS);
    assert!(matches!(&actions[0], Action::Failed { reason, .. } if reason.contains("463")), "{actions:?}");
}

#[test]
fn what_is_refused_to_one_device_is_not_reported() {
    let mut world = World::new();
    world.link("1");
    let id = world.send("1", &jid("2"), "hello");
    world.with("1", |phone| phone.send_initial_sync(1, crate::phone::history::HistorySize::default(), NOW_MS));
    let is_peer = |node: &&Node| node.attrs.get("category").is_some_and(|kind| *kind == "peer");
    let peer = world.stanzas.iter().find(is_peer).unwrap().attrs().optional_string("id").unwrap().into_owned();
    let phone = world.phones.get_mut("1").unwrap();
    let retry = NodeBuilder::new("retry").attr("id", id.as_str()).attr("count", 1).attr("v", 1).build();
    let receipt = NodeBuilder::new("receipt").attr("id", id.as_str()).attr("from", jid("2")).attr("type", "retry");
    phone.handle(&receipt.children([retry]).build(), NOW_MS);
    for id in [id, peer, "unknown".to_owned()] {
        let nack = NodeBuilder::new("ack").attr("class", "message").attr("id", id).attr("error", "479").build();
        assert!(phone.handle(&nack, NOW_MS).is_empty());
    }
}

#[test]
fn a_receipt_from_a_stranger_is_ignored() {
    let mut world = World::new();
    let id = world.send("1", &jid("2"), "for bob");
    let read = NodeBuilder::new("receipt").attr("id", id).attr("from", jid("3")).attr("type", "read").build();
    let actions = world.phones.get_mut("1").unwrap().handle(&read, NOW_MS);
    assert!(matches!(actions.as_slice(), [Action::Send(ack)] if ack.tag == "ack"), "{actions:?}");
}

#[test]
fn a_stranger_who_asks_for_a_message_gets_nothing() {
    let mut world = World::new();
    let id = world.send("1", &jid("2"), "for bob");
    let retry = NodeBuilder::new("retry").attr("id", id.as_str()).attr("count", 1).attr("v", 1).build();
    let receipt = NodeBuilder::new("receipt")
        .attr("id", id)
        .attr("from", jid("3"))
        .attr("type", "retry")
        .children([retry])
        .build();
    let actions = world.phones.get_mut("1").unwrap().handle(&receipt, NOW_MS);
    assert!(matches!(actions.as_slice(), [Action::Send(ack)] if ack.tag == "ack"), "{actions:?}");
}

#[test]
fn a_device_that_always_asks_for_the_first_time_is_answered_as_often_as_any_other() {
    let mut world = World::new();
    let id = world.send("1", &jid("2"), "for bob");
    let retry = NodeBuilder::new("retry").attr("id", id.as_str()).attr("count", 1).attr("v", 1).build();
    let receipt = NodeBuilder::new("receipt")
        .attr("id", id)
        .attr("from", jid("2"))
        .attr("type", "retry")
        .children([retry])
        .build();
    let before = world.stanzas.len();
    for _ in 0..3 * RETRIES_MAX {
        world.with("1", |phone| phone.handle(&receipt, NOW_MS));
    }
    let resent = world.stanzas[before..].iter().filter(|node| node.tag == "message").count();
    assert_eq!(resent, usize::from(RETRIES_MAX) - 1);
}

#[test]
fn a_phone_in_a_group_answers_a_member_s_request_with_the_key_and_the_message() {
    let mut world = World::new();
    let group = world.group(&["1", "2", "3"]);
    world.send("1", &group, "first");
    world.corrupt = corrupt_first("2", 1);
    world.send("1", &group, "second");
    assert_eq!(world.heard("2"), ["first", "second"]);
    assert_eq!(world.heard("3"), ["first", "second"]);
    let again = world.stanzas.iter().rfind(|node| node.tag == "message").unwrap();
    assert_eq!(again.attrs().optional_jid("participant"), Some(jid("2")));
    assert!(again.get_optional_child("enc").unwrap().attrs.get("count").is_some());
}
