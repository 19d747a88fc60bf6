//! Calls, as clients see and reject them.

use serde_json::json;
use simulator::phone::{Call, CallState};
use simulator::runtime::{CallKind, Person, Phones};
use simulator::wire::stanza::Read as _;
use whatsapp_rust::prelude::Event;
use whatsapp_rust::wacore::types::call::{CallAction, IncomingCall, MissedReason};

use crate::baileys::Baileys;
use crate::client::Client;
use crate::control::Control;
use crate::whatsmeow::{Whatsmeow, linked};
use crate::world::{World, eventually, patiently};

async fn two_people(world: &World) -> (Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add("15550001", "Ann").await.unwrap(), phones.add("15550002", "Bob").await.unwrap());
    (phones, ann, bob)
}

/// Waits until a person's call is in this state.
async fn is_in(person: &Person, call: &str, state: CallState) -> Call {
    let wanted = call.to_owned();
    let sees = person.wait_for_call(move |call| call.id == wanted && call.state == state);
    patiently(&format!("a call that is {state:?}"), sees).await.unwrap()
}

/// A client's event about a call.
fn of_call(event: &Event) -> Option<&IncomingCall> {
    if let Event::IncomingCall(call) = event { Some(call) } else { None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_rings_at_every_device_and_ends_when_the_caller_hangs_up() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = Client::start(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    let call = bob.call(ann.jid(), CallKind::Video).await.unwrap();
    let offer = client.event("a call", |event| of_call(event).cloned()).await;
    assert_eq!((offer.from, offer.notify.as_deref()), (bob.account().lid().clone(), Some("Bob")));
    let CallAction::Offer { call_id, call_creator, caller_pn, is_video, audio, .. } = offer.action else {
        panic!("the first that is told of a call is its offer")
    };
    assert_eq!((call_id.as_str(), &call_creator, is_video), (call.as_str(), bob.account().lid(), true));
    assert_eq!((caller_pn.as_ref(), audio.len()), (Some(bob.jid()), 2));
    let ringing = is_in(&ann, &call, CallState::Ringing).await;
    assert_eq!((ringing.with, ringing.from_me, ringing.video), (bob.jid().to_string(), false, true));
    bob.hang_up(&call).await.unwrap();
    client
        .event("the end of the call", |event| {
            of_call(event).filter(|call| matches!(call.action, CallAction::Terminate { .. })).map(|_| ())
        })
        .await;
    is_in(&ann, &call, CallState::Ended).await;
    eventually("what is said of the call to be confirmed", || {
        ann.account().devices().iter().all(|device| device.waiting() == 0)
    })
    .await;
    let is_ringing = |node: &simulator::wire::stanza::Node| node.tag == "receipt" && node.child("offer").is_some();
    assert_eq!(world.sent().iter().filter(|(_, node)| is_ringing(node)).count(), 2, "the phone and the client ring");
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_a_client_was_away_for_is_missed() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let client = Client::start(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.connected().await;
    let backend = client.stop().await;
    let call = bob.call(ann.jid(), CallKind::Voice).await.unwrap();
    is_in(&ann, &call, CallState::Ringing).await;
    bob.hang_up(&call).await.unwrap();
    let client = Client::resume(&world.network, backend).await;
    let missed = client
        .event("a missed call", |event| match event {
            Event::MissedCall(missed) => Some(missed.clone()),
            _ => None,
        })
        .await;
    assert!(missed.call_id == call && matches!(missed.reason, MissedReason::Offline), "{missed:?}");
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsmeow_refuses_a_call_and_it_stops_ringing_everywhere() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let (mut client, mut other) = (linked(&world, &ann).await, linked(&world, &ann).await);
    let call = bob.call(ann.jid(), CallKind::Voice).await.unwrap();
    let is_offer = |event: &serde_json::Value| event["action"] == "offer";
    let offer = client.until("call", is_offer).await;
    assert_eq!((&offer["id"], &offer["video"]), (&json!(call), &json!(false)));
    let bob_lid = bob.account().lid().to_string();
    assert_eq!(
        (&offer["from"], &offer["creator"], &offer["creator_alt"]),
        (&json!(bob_lid), &json!(bob_lid), &json!(bob.jid().to_string()))
    );
    other.until("call", is_offer).await;
    client.command("reject_call", json!({"to": offer["from"], "id": call})).await;
    is_in(&bob, &call, CallState::Rejected).await;
    is_in(&ann, &call, CallState::Ended).await;
    let end = other.until("call", |event| event["action"] == "terminate").await;
    assert_eq!(end["reason"], "rejected_elsewhere");
    assert!(client.unexpected("call").is_empty(), "who refuses it need not hear of it");
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baileys_refuses_a_call() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let mut client = Baileys::start().await;
    client.connect(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    client.opened().await;
    let call = bob.call(ann.jid(), CallKind::Video).await.unwrap();
    let offer = client.until("call", |event| event["action"] == "offer").await;
    assert_eq!((&offer["id"], &offer["video"]), (&json!(call), &json!(true)));
    assert_eq!(offer["number"], bob.jid().to_string());
    client.command("reject_call", json!({"id": call, "from": offer["from"]})).await;
    is_in(&bob, &call, CallState::Rejected).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_blocked_calls_in_vain() {
    let world = World::new().await;
    let (_phones, ann, bob) = two_people(&world).await;
    let mut client: Whatsmeow = linked(&world, &ann).await;
    client.command("block", json!({"to": bob.jid().to_string(), "action": "block"})).await;
    let call = bob.call(ann.jid(), CallKind::Voice).await.unwrap();
    bob.hang_up(&call).await.unwrap();
    is_in(&bob, &call, CallState::Ended).await;
    assert!(ann.calls().await.unwrap().is_empty());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_call_each_other_by_the_api() {
    let control = Control::new().await;
    let made = control.post("people/15550001/call", json!({"to": "15550002", "video": true})).await;
    let in_state = |all: &serde_json::Value, state: &str| all[0]["state"] == state && all[0]["call"] == made["call"];
    control.until("people/15550002/calls", |all| in_state(all, "ringing").then_some(())).await;
    assert_eq!(control.try_post("people/15550002/hangup", json!({"call": made["call"]})).await.0, 204);
    control.until("people/15550001/calls", |all| in_state(all, "rejected").then_some(())).await;
    let (status, _) = control.try_post("people/15550001/hangup", json!({"call": made["call"]})).await;
    assert_eq!(status, 404, "it is over");
    assert_eq!(control.try_post("people/15550001/call", json!({"to": "15559999"})).await.0, 404);
}
