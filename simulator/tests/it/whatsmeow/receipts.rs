//! Receipts, and who is notified of them.

use serde_json::json;
use simulator::server::account::Naming;

use super::{BOB, CYD, client_and_people, linked, linked_with};
use crate::world::{World, eventually, hears, patiently};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_that_its_message_was_delivered_and_read() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let id = client.send_text(&bob.jid().to_string(), "hello").await;
    client.receipt(&id, "delivery").await;
    hears(&bob, "hello").await;
    bob.read(ann.jid()).await.unwrap();
    assert_eq!(client.receipt(&id, "read").await["sender"], bob.jid().to_string());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_learns_that_it_has_read_and_played() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let id = bob.send_text(ann.jid(), "read me").await.unwrap();
    client.reads("read me").await;
    let to = bob.jid().to_string();
    client.command("read", json!({"to": to, "ids": [id]})).await;
    let reader = ann.jid().to_string();
    let is_read =
        patiently("that it was read", bob.wait_for_progress(&id, move |sent| sent.read_by.contains(&reader))).await;
    is_read.unwrap();
    client.command("read", json!({"to": to, "ids": [id], "kind": "played"})).await;
    let player = ann.jid().to_string();
    patiently("that it was played", bob.wait_for_progress(&id, move |sent| sent.played_by.contains(&player)))
        .await
        .unwrap();
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_user_is_not_there_says_that_it_has_a_message() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    let mut other = linked(&world, &bob).await;
    bob.offline().await.unwrap();
    let id = client.send_text(&bob.jid().to_string(), "is anybody there").await;
    other.reads("is anybody there").await;
    client.receipt(&id, "inactive").await;
    other.command("available", json!({"value": "available"})).await;
    let id = client.send_text(&bob.jid().to_string(), "now you are").await;
    client.receipt(&id, "delivery").await;
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_of_own_devices_are_named_as_the_chat_is() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let lid = bob.account().lid().to_string();
    let id = client.send_text(&lid, "by lid").await;
    let own = client.receipt(&id, "sender").await;
    assert_eq!(own["sender"], ann.account().lid().to_string());
    let id = client.send_text(&bob.jid().to_string(), "by number").await;
    let own = client.receipt(&id, "sender").await;
    assert_eq!(own["sender"], ann.jid().to_string());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_notices_who_is_there_and_who_types() {
    let world = World::new().await;
    let (mut client, phones, ann, bob) = client_and_people(&world).await;
    let mut other = linked(&world, &bob).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    cyd.offline().await.unwrap();
    client.command("available", json!({"value": "available"})).await;
    client.command("subscribe", json!({"to": cyd.jid().to_string()})).await;
    client.until("presence", |event| event["available"] == false).await;
    cyd.online().await.unwrap();
    client.until("presence", |event| event["available"] == true).await;
    other.command("available", json!({"value": "available"})).await;
    other.command("typing", json!({"to": ann.jid().to_string()})).await;
    client.until("typing", |event| event["state"] == "composing").await;
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_acknowledgements_in_order_nothing_stays_in_the_mailbox() {
    let world = World::new().await;
    let (client, _phones, ann, bob) = client_and_people(&world).await;
    client.ends_well(&world).await;
    let mut client = linked_with(&world, &ann, json!({"synchronous_ack": true})).await;
    for number in 0..5 {
        bob.send_text(ann.jid(), &format!("in {number}")).await.unwrap();
        ann.send_text(bob.jid(), &format!("out {number}")).await.unwrap();
        client.reads(&format!("in {number}")).await;
        client.reads(&format!("out {number}")).await;
    }
    eventually("nothing to wait", || ann.account().device(2).unwrap().waiting() == 0).await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_of_several_members_that_it_missed_come_together() {
    let world = World::new().await;
    let (mut client, phones, ann, bob) = client_and_people(&world).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    let group = ann.create_group("Cooks", &[BOB.to_owned(), CYD.to_owned()], Naming::Lid).unwrap();
    bob.offline().await.unwrap();
    cyd.offline().await.unwrap();
    let id = client.send_text(&group.to_string(), "for later").await;
    let mut client = client.restart().await;
    for member in [&bob, &cyd] {
        member.online().await.unwrap();
        hears(member, "for later").await;
    }
    let device = ann.account().device(1).unwrap();
    eventually("receipts of both", || device.waiting() >= 2).await;
    client.connect(&world.network).await;
    client.opened().await;
    for member in [&bob, &cyd] {
        let lid = member.account().lid().to_string();
        let is_theirs = |event: &serde_json::Value| event["ids"] == json!([id]) && event["sender"] == lid;
        client.until("receipt", is_theirs).await;
    }
    assert_eq!(world.grouped_receipts(device.number()).len(), 1);
    eventually("it to be confirmed", || device.waiting() == 0).await;
    client.ends_well(&world).await;
}
