//! Faults, as a real client sees them.

use simulator::faults::{self, CutPlace, Direction, Fault, HowOften, PlannedFault, Scope, StreamErrorCode};
use simulator::server::stanza_log::Entry;
use simulator::wire::stanza::Read as _;
use whatsapp_rust::prelude::*;

use crate::client::text_message;
use crate::world::{World, eventually};

/// A fault without restrictions.
fn always(fault: Fault) -> PlannedFault {
    PlannedFault { fault, scope: Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_refused_with_the_code_that_was_asked_for() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let fault = world.network.add_fault(always(Fault::AckNacked { code: 463 })).unwrap();
    let sent = client.client.send_message(bob.jid(), text_message("refused")).await.unwrap();
    assert_eq!(client.acknowledged(&sent.message_id).await.as_deref(), Some("463"));
    world.network.faults().remove(fault);
    client.send(&bob.jid(), "taken").await;
    bob.reads("taken").await;
    assert_eq!(bob.times_read("refused"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_is_dropped_and_the_message_arrives() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    world.network.add_fault(always(Fault::AckDropped {})).unwrap();
    let sent = client.client.send_message(bob.jid(), text_message("no answer")).await.unwrap();
    bob.reads("no answer").await;
    client.receipt(&sent.message_id, "delivered").await;
    let is_ack =
        |event: &std::sync::Arc<Event>| matches!(&**event, Event::ServerAck(ack) if ack.id == *sent.message_id);
    assert!(!client.events.with(|events| events.iter().any(is_ack)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_at_the_second_try_counts_as_acknowledged() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let fault = world.network.add_fault(always(Fault::AckDropped {})).unwrap();
    ann.write_as(&bob.jid(), "twice", "AGAIN01").await;
    bob.reads("twice").await;
    let examined = || {
        let report = world.network.checks().report();
        report.checks.iter().find(|check| check.name == "nothing_acked_is_lost").unwrap().examined
    };
    assert_eq!(examined(), 0);
    world.network.faults().remove(fault);
    ann.write_as(&bob.jid(), "twice", "AGAIN01").await;
    ann.stanza("the acknowledgement", |node| (node.tag == "ack").then_some(())).await;
    eventually("the message to come again", || bob.times_read("twice") == 2).await;
    assert_eq!(examined(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_twice_is_confirmed_twice_and_shown_once() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let scope = Scope { account: Some("15550001".to_owned()), device: Some(1), ..Default::default() };
    world.network.add_fault(PlannedFault { fault: Fault::MessageDuplicated { copies: 1 }, scope }).unwrap();
    let id = bob.write(&ann.jid(), "twice").await;
    client.wait_for_message("twice").await;
    eventually("both to be confirmed", || ann.device(1).waiting() == 0).await;
    let is_it = |entry: &&Entry| entry.direction == Direction::ToClient && entry.node.tag == "message";
    let entries = world.network.log().from(0, usize::MAX);
    let times = entries.iter().filter(is_it).filter(|entry| entry.node.text("id").as_deref() == Some(&*id)).count();
    assert_eq!(times, 3, "twice to the client, once to the phone of its owner");
    assert_eq!(client.shown().iter().filter(|shown| shown.text == "twice").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_in_the_middle_of_a_frame_comes_back() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    let cut = Fault::ConnectionCut { direction: faults::Direction::ToClient, place: CutPlace::AfterBytes(100) };
    let fault = world.network.add_fault(always(cut)).unwrap();
    bob.write(&ann.jid(), "through the cut").await;
    client.event("the cut", |event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    world.network.faults().remove(fault);
    client.wait_for_message("through the cut").await;
    assert!(!world.network.faults().log().entries.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_error_ends_the_connections_that_are_there() {
    let world = World::new().await;
    let ann = world.person("15550001", "Ann").await;
    let client = world.linked(&ann).await;
    let error = Fault::StreamError { code: StreamErrorCode::ServiceUnavailable };
    let scope = Scope { account: Some("15550001".to_owned()), how_often: HowOften::Next(1), ..Scope::default() };
    world.network.add_fault(PlannedFault { fault: error, scope }).unwrap();
    // The library reconnects without an event when the stream is ended properly.
    client.connected_times(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_banned_is_told_for_how_long() {
    let world = World::new().await;
    let ann = world.person("15550001", "Ann").await;
    let client = world.linked(&ann).await;
    world.network.add_fault(always(Fault::TemporaryBan { code: 101, expire_seconds: 3600 })).unwrap();
    let client = client.restart(&world.network).await;
    client.event("the ban", |event| matches!(event, Event::TemporaryBan(_)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_media_host_is_down_and_a_number_is_not_here() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let client = world.linked(&ann).await;
    world.network.add_fault(always(Fault::MediaDown { status_code: Some(503) })).unwrap();
    world.network.add_fault(always(Fault::NotOnWhatsapp {})).unwrap();
    let kind = whatsapp_rust::wacore::download::MediaType::Image;
    assert!(client.client.upload(vec![1; 100], kind, Default::default()).await.is_err());
    let found = client.client.contacts().is_on_whatsapp(&[bob.jid()]).await.unwrap();
    assert!(!found[0].is_registered);
}
