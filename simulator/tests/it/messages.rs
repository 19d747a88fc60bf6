//! Messages between people, their receipts, and the mailboxes of offline devices.

use simulator::faults::Direction;
use simulator::server::local_connection::LocalConnection;
use simulator::server::stanza_log::Entry;
use simulator::wire::stanza::{Node, NodeBuilder, Read as _};
use whatsapp_rust::prelude::*;

use crate::client::{Client, text_message};
use crate::world::{World, patiently};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_read_by_the_phone_it_was_sent_to_and_copied_to_ones_own() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let id = client.send(&bob.jid(), "hello").await;
    let read = bob.reads("hello").await;
    assert_eq!((read.chat.user.as_str(), read.sender.device, read.id), ("15550001", 1, id.clone()));
    let copy = ann.reads("hello").await;
    assert_eq!(copy.chat.user.as_str(), "15550002");
    client.receipt(&id, "delivered").await;
    bob.mark_read(&read.chat, &id).await;
    client.receipt(&id, "read").await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_from_a_phone_reaches_the_clients_of_both_sides() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let (client, other) = (world.linked(&ann).await, world.linked(&bob).await);
    let id = bob.write(&ann.jid(), "good morning").await;
    let shown = client.wait_for_message("good morning").await;
    assert_eq!((shown.chat.user.as_str(), shown.is_from_me, shown.id), ("15550002", false, id.clone()));
    let own = other.wait_for_message("good morning").await;
    assert_eq!((own.chat.user.as_str(), own.is_from_me), ("15550001", true));
    bob.receipt(&id, None).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_named_by_lid_reach_the_same_person() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    client.send(&bob.lid(), "by lid").await;
    let read = bob.reads("by lid").await;
    assert_eq!(read.chat, ann.lid());
    bob.write(&ann.lid(), "back by lid").await;
    client.wait_for_message("back by lid").await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_a_client_is_away_waits_for_it_in_order() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    bob.write(&ann.jid(), "before").await;
    client.wait_for_message("before").await;
    let backend = client.stop().await;
    let texts: Vec<String> = (0..20).map(|turn| format!("while away {turn}")).collect();
    for text in &texts {
        bob.write(&ann.jid(), text).await;
    }
    let client = Client::resume(&world.network, backend).await;
    client.wait_for_message(&texts[19]).await;
    let shown: Vec<String> = client.shown().into_iter().map(|shown| shown.text).collect();
    assert_eq!(shown, texts);
    client.has_all_that_was_kept().await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_once_it_was_confirmed() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    for turn in 0..5 {
        bob.write(&ann.jid(), &format!("text {turn}")).await;
        let id = client.send(&bob.jid(), &format!("answer {turn}")).await;
        client.wait_for_message(&format!("text {turn}")).await;
        client.receipt(&id, "delivered").await;
    }
    for device in [ann.device(0), ann.device(1), bob.device(0)] {
        crate::world::eventually("everything to be confirmed", || device.waiting() == 0).await;
    }
    let client = client.restart(&world.network).await;
    client.has_all_that_was_kept().await;
    assert_eq!(client.shown(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_loses_no_message() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    for turn in 0..10 {
        bob.write(&ann.jid(), &format!("text {turn}")).await;
        if turn == 4 {
            assert!(world.network.cut(&ann.device(1)));
        }
    }
    client.wait_for_message("text 9").await;
    for turn in 0..10 {
        client.wait_for_message(&format!("text {turn}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_was_used_is_acknowledged_and_delivered_again() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    for text in ["first", "second"] {
        let options = SendOptions::default().with_message_id("SAMEID01");
        client.client.send_message_with_options(&bob.jid(), text_message(text), options).await.unwrap();
    }
    client.send(&bob.jid(), "third").await;
    bob.reads("third").await;
    assert_eq!((bob.times_read("first"), bob.times_read("second")), (1, 1));
    let acks = client.events.with(|events| {
        events.iter().filter(|event| matches!(&***event, Event::ServerAck(ack) if ack.id == "SAMEID01")).count()
    });
    assert_eq!(acks, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_read_is_asked_for_again() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let _client = world.linked(&ann).await;
    let device = ann.device(1);
    bob.write_corrupted(device.number(), "BROKEN01").await;
    let retry = bob.receipt("BROKEN01", Some("retry")).await;
    assert_eq!(retry.jid("from").as_ref(), Some(device.number()));
    assert!(retry.child("retry").is_some());
    world.assert_nothing_unknown();
}

/// A message from Ann's phone to somebody else's, which does not need to be decryptable.
fn unreadable(to: &Jid, again: bool) -> Node {
    let enc = NodeBuilder::new("enc").attr("v", 2).attr("type", "msg").bytes(vec![1]);
    let message = NodeBuilder::new("message").attr("to", to.clone()).attr("id", "BROKEN02").attr("type", "text");
    if again {
        return message.children([enc.attr("count", 1).build()]).build();
    }
    let part = NodeBuilder::new("to").attr("jid", to.clone()).children([enc.build()]).build();
    message.children([NodeBuilder::new("participants").children([part]).build()]).build()
}

/// Waits for the next message on a connection; returns whether it was sent again.
async fn next_message(connection: &mut LocalConnection) -> bool {
    let message = patiently("a message", async {
        loop {
            let node = connection.recv().await.expect("the link holds");
            if node.tag == "message" {
                return node;
            }
        }
    });
    message.await.child("enc").expect("a part").text("count").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_for_again_and_sent_again_is_kept_until_it_is_receipted() {
    let world = World::new().await;
    let ann = world.person("15550001", "Ann").await;
    let bob = world.network.register_person("15550002", "Bob");
    let device = bob.phone().expect("a phone");
    let mut connection = world.network.attach(&bob, &device);
    ann.send(unreadable(device.number(), false)).await;
    assert!(!next_message(&mut connection).await);

    let receipt = || NodeBuilder::new("receipt").attr("id", "BROKEN02").attr("to", ann.jid());
    let retry = NodeBuilder::new("retry").attr("id", "BROKEN02").attr("count", 1).attr("v", 1).build();
    connection.send(receipt().attr("type", "retry").children([retry]).build()).await;
    ann.receipt("BROKEN02", Some("retry")).await;
    assert_eq!(device.waiting(), 1, "asking for it again does not confirm it");
    ann.send(unreadable(device.number(), true)).await;
    assert!(next_message(&mut connection).await);
    connection
        .send(NodeBuilder::new("ack").attr("class", "message").attr("id", "BROKEN02").attr("to", ann.jid()).build())
        .await;
    assert_eq!(device.waiting(), 1, "the acknowledgement is of the first");

    drop(connection);
    let mut connection = world.network.attach(&bob, &device);
    assert!(next_message(&mut connection).await, "the second is kept for a device that comes back");
    connection.send(receipt().build()).await;
    assert_eq!(device.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_nobody_is_refused() {
    let world = World::new().await;
    let ann = world.person("15550001", "Ann").await;
    let message = NodeBuilder::new("message").attr("to", "15559999@s.whatsapp.net").attr("id", "X1").build();
    ann.send(message).await;
    let error = ann.stanza("a refusal", |node| (node.tag == "ack").then(|| node.number("error"))).await;
    assert_eq!(error, Some(404));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_named_twice_gets_a_message_once() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let named = [bob.jid(), bob.lid(), bob.jid()].map(|jid| NodeBuilder::new("to").attr("jid", jid).build());
    let list = NodeBuilder::new("participants").children(named).build();
    ann.send(NodeBuilder::new("message").attr("to", bob.jid()).attr("id", "TWICE01").children([list]).build()).await;
    ann.write(&bob.jid(), "the next").await;
    bob.reads("the next").await;
    let entries = world.network.log().from(0, usize::MAX);
    let is_it = |entry: &&Entry| {
        entry.direction == Direction::ToClient
            && entry.node.tag == "message"
            && entry.node.text("id").as_deref() == Some("TWICE01")
    };
    assert_eq!(entries.iter().filter(is_it).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_on_the_network_and_who_is_not() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let asked = [bob.jid(), Jid::pn("15559999")];
    let found = client.client.contacts().is_on_whatsapp(&asked).await.unwrap();
    let is_here: Vec<bool> = found.iter().map(|result| result.is_registered).collect();
    assert_eq!(is_here, [true, false]);
    assert_eq!(found[0].lid.as_ref(), Some(&bob.lid()));
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_time_prekeys_are_handed_out_once_and_new_ones_are_asked_for() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let _client = world.linked(&ann).await;
    let device = ann.device(1);
    crate::world::eventually("the first prekeys", || device.prekeys_left() > 100).await;
    let before = device.prekeys_left();
    let mut seen = std::collections::HashSet::new();
    while device.prekeys_left() >= 10 {
        let user = NodeBuilder::new("user").attr("jid", device.number().clone()).build();
        let answer =
            bob.ask("encrypt", "get", "s.whatsapp.net", vec![NodeBuilder::new("key").children([user]).build()]).await;
        let key = answer.child("list").unwrap().all()[0].child("key").unwrap().child_bytes("id").unwrap().to_vec();
        assert!(seen.insert(key), "a key was handed out twice");
    }
    assert_eq!(seen.len(), before - 9);
    crate::world::eventually("new prekeys", || device.prekeys_left() > 100).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_and_typing_reach_who_subscribed() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    client.client.presence().subscribe(bob.jid()).await.unwrap();
    let is_from_bob = |jid: &Jid| jid.user == "15550002" || jid.user == bob.lid().user;
    client
        .event("that Bob is away", |event| match event {
            Event::Presence(presence) if is_from_bob(&presence.from) && presence.unavailable => Some(()),
            _ => None,
        })
        .await;
    bob.send(NodeBuilder::new("presence").attr("type", "available").attr("name", "Bob").build()).await;
    client
        .event("that Bob is there", |event| match event {
            Event::Presence(presence) if is_from_bob(&presence.from) && !presence.unavailable => Some(()),
            _ => None,
        })
        .await;
    let composing = NodeBuilder::new("composing").build();
    bob.send(NodeBuilder::new("chatstate").attr("to", ann.jid()).children([composing]).build()).await;
    client.event("that Bob types", |event| matches!(event, Event::ChatPresence(_)).then_some(())).await;
    client.client.chatstate().send_composing(&bob.jid()).await.unwrap();
    bob.stanza("that Ann types", |node| (node.tag == "chatstate").then_some(())).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_replaced_or_unlinked_is_not_said_to_be_there_any_longer() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    drop(world.linked(&bob).await);
    let (account, device) = (&bob.account, bob.device(1));
    ann.send(NodeBuilder::new("presence").attr("type", "subscribe").attr("to", bob.jid()).build()).await;
    let available = || NodeBuilder::new("presence").attr("type", "available").build();
    let first = world.network.attach(account, &device);
    first.send(available()).await;
    ann.presences(&[false, true]).await;
    let second = world.network.attach(account, &device);
    ann.presences(&[false, true, false]).await;
    second.send(available()).await;
    world.network.remove_device(account, 1);
    ann.presences(&[false, true, false, true, false]).await;
}
