//! Faults, and how the client copes with them.

use serde_json::json;
use simulator::faults::{CutPlace, Direction, Fault, HowOften, PlannedFault, Scope, StreamErrorCode};

use super::{ANN, BOB, STREAM_END, assert_checks_pass, client_and_people, linked, linked_with};
use crate::world::{World, eventually, hears, patiently};
use simulator::runtime::Phones;

/// Fires once, at Ann's first companion.
fn once(fault: Fault) -> PlannedFault {
    let how_often = HowOften::Next(1);
    PlannedFault {
        fault,
        scope: Scope { account: Some(ANN.to_owned()), device: Some(1), how_often, ..Scope::default() },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_that_a_message_was_refused_and_why() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    world.network.add_fault(once(Fault::AckNacked { code: 479 })).unwrap();
    let refused = json!({"to": bob.jid().to_string(), "text": "refused"});
    let why = client.try_command("send_text", refused).await.unwrap_err();
    assert!(why.contains("479"), "{why}");
    client.send_text(&bob.jid().to_string(), "taken").await;
    hears(&bob, "taken").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_under_a_reach_out_lock_writes_to_those_who_wrote_to_it() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    world.network.add_fault(PlannedFault { fault: Fault::ReachOutLocked {}, scope: Scope::default() }).unwrap();
    let first = json!({"to": bob.jid().to_string(), "text": "you do not know me"});
    let why = client.try_command("send_text", first).await.unwrap_err();
    assert!(why.contains("463"), "{why}");
    world.network.faults().clear();
    bob.send_text(ann.jid(), "I know you").await.unwrap();
    client.reads("I know you").await;
    world.network.add_fault(PlannedFault { fault: Fault::ReachOutLocked {}, scope: Scope::default() }).unwrap();
    client.send_text(&bob.jid().to_string(), "now you do").await;
    hears(&bob, "now you do").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_asks_again_for_a_message_that_it_cannot_read() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    bob.send_text(ann.jid(), "first").await.unwrap();
    client.reads("first").await;
    client.may_log("Error decrypting message");
    world.network.add_fault(once(Fault::MessageUndecryptable {})).unwrap();
    let id = bob.send_text(ann.jid(), "spoiled at first").await.unwrap();
    client.until("undecryptable", |event| event["id"] == id).await;
    assert_eq!(client.reads("spoiled at first").await["id"], id);
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_sends_again_what_a_phone_cannot_read() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    client.send_text(&bob.jid().to_string(), "first").await;
    let scope = Scope { account: Some(BOB.to_owned()), how_often: HowOften::Next(1), ..Scope::default() };
    world.network.add_fault(PlannedFault { fault: Fault::MessageUndecryptable {}, scope }).unwrap();
    client.send_text(&bob.jid().to_string(), "spoiled at first").await;
    hears(&bob, "spoiled at first").await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_the_middle_of_a_frame_loses_nothing() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let mut client = linked_with(&world, &ann, json!({"auto_reconnect": true})).await;
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    for log in ["Failed to", "Error sending", "Error reading", "Ignoring message"] {
        client.may_log(log);
    }
    let cut = Fault::ConnectionCut { direction: Direction::ToClient, place: CutPlace::MiddleOfFrame(1) };
    world.network.add_fault(once(cut)).unwrap();
    bob.send_text(ann.jid(), "cut in two").await.unwrap();
    client.until("close", |_| true).await;
    client.opened().await;
    client.reads("cut in two").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_back_when_the_server_sends_it_away() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let mut client = linked_with(&world, &ann, json!({"auto_reconnect": true})).await;
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    for log in ["Got 503 stream error", STREAM_END, "Error reading from websocket"] {
        client.may_log(log);
    }
    world.network.add_fault(once(Fault::StreamError { code: StreamErrorCode::ServiceUnavailable })).unwrap();
    client.until("close", |_| true).await;
    client.opened().await;
    bob.send_text(ann.jid(), "here you are").await.unwrap();
    client.reads("here you are").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_why_it_may_not_log_in() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let ann = phones.add(ANN, "Ann").await.unwrap();
    let client = linked(&world, &ann).await;
    let mut client = client.restart().await;
    for log in ["Temporary ban connect failure", "Client outdated (405)", STREAM_END] {
        client.may_log(log);
    }
    world.network.add_fault(once(Fault::TemporaryBan { code: 101, expire_seconds: 3600 })).unwrap();
    client.connect(&world.network).await;
    let ban = client.until("ban", |_| true).await;
    assert_eq!((&ban["code"], ban["seconds"].as_f64()), (&json!(101), Some(3600.0)));
    let mut client = client.restart().await;
    world.network.add_fault(once(Fault::ClientOutdated {})).unwrap();
    client.connect(&world.network).await;
    client.until("outdated", |_| true).await;
    let mut client = client.restart().await;
    ann.unlink(1).await.unwrap();
    eventually("the end of the link", || ann.account().device(1).is_none()).await;
    client.connect(&world.network).await;
    assert_eq!(client.until("logged_out", |_| true).await["on_connect"], true);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_twice_is_read_twice_and_confirmed() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    client.may_log("Ignoring message");
    world.network.add_fault(once(Fault::MessageDuplicated { copies: 1 })).unwrap();
    let id = bob.send_text(ann.jid(), "twice").await.unwrap();
    assert_eq!(client.reads("twice").await["id"], id);
    eventually("both to be confirmed", || ann.account().device(1).unwrap().waiting() == 0).await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_come_late_or_twice_are_taken() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    world.network.add_fault(once(Fault::ReceiptDuplicated { copies: 2 })).unwrap();
    let id = client.send_text(&bob.jid().to_string(), "hello").await;
    for _ in 0..3 {
        client.receipt(&id, "delivery").await;
    }
    hears(&bob, "hello").await;
    bob.read(ann.jid()).await.unwrap();
    client.receipt(&id, "read").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_message_goes_out_though_no_one_time_key_is_left() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    world.network.add_fault(PlannedFault { fault: Fault::PrekeysExhausted {}, scope: Scope::default() }).unwrap();
    client.send_text(&bob.jid().to_string(), "without a one-time key").await;
    patiently("the text", hears(&bob, "without a one-time key")).await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_an_own_message_is_confirmed_by_a_receipt_alone() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    ann.send_text(bob.jid(), "from my phone").await.unwrap();
    client.reads("from my phone").await;
    eventually("nothing to wait", || ann.account().device(1).unwrap().waiting() == 0).await;
    client.ends_well(&world).await;
}
