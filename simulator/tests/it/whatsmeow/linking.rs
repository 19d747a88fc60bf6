//! Linking, connecting, and unlinking.

use serde_json::json;
use simulator::runtime::Phones;

use super::{ANN, BOB, STREAM_END, Whatsmeow, assert_checks_pass, client_and_people, linked, linked_with};
use crate::world::{World, eventually, hears, patiently};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanned_code_links_it() {
    let world = World::new().await;
    let (mut client, _phones, ann, _bob) = client_and_people(&world).await;
    let account = client.command("account", json!({})).await;
    assert_eq!(account["jid"], format!("{ANN}:1@s.whatsapp.net"));
    assert_eq!(account["lid"], format!("{}:1@lid", ann.account().lid().user));
    assert_eq!((&account["push_name"], &account["business_name"]), (&json!("Ann"), &json!("")));
    eventually("its keys", || ann.account().device(1).is_some_and(|device| device.prekeys_left() >= 800)).await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_of_a_business_has_its_name() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let ann = phones.add(ANN, "Ann").await.unwrap();
    ann.account().set_business_name("Ann's Shop");
    let mut client = linked(&world, &ann).await;
    let account = client.command("account", json!({})).await;
    assert_eq!((&account["business_name"], &account["platform"]), (&json!("Ann's Shop"), &json!("smba")));
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_phone_that_names_chats_by_lid_does_so_too() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    ann.migrate_to_lids().await.unwrap();
    bob.send_text(ann.jid(), "hello Ann").await.unwrap();
    hears(&ann, "hello Ann").await;
    let mut client = linked(&world, &ann).await;
    let id = client.send_text(&bob.jid().to_string(), "to a number").await;
    assert_eq!(hears(&bob, "to a number").await, id);
    assert_eq!(world.addressee_of(&id), *bob.account().lid());
    let id = ann.send_text(bob.jid(), "from the phone").await.unwrap();
    client.reads("from the phone").await;
    hears(&bob, "from the phone").await;
    assert_eq!(world.addressee_of(&id), *bob.account().lid());
    bob.send_text(ann.jid(), "and back").await.unwrap();
    client.reads("and back").await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typed_code_links_it() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let ann = phones.add(ANN, "Ann").await.unwrap();
    let mut client = Whatsmeow::start().await;
    client.connect(&world.network).await;
    client.qr().await;
    let refused = json!({"phone": ANN, "display": "My gateway"});
    let why = client.try_command("pair_by_code", refused).await.unwrap_err();
    assert!(why.contains("400"), "{why}");
    let code = client.command("pair_by_code", json!({"phone": ANN, "display": "Chrome (Linux)"})).await;
    let code = code["code"].as_str().unwrap().to_owned();
    patiently("the link", ann.type_code(&code)).await.unwrap();
    client.until("paired", |_| true).await;
    client.opened().await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_logs_out_by_itself() {
    let world = World::new().await;
    let (mut client, _phones, ann, _bob) = client_and_people(&world).await;
    client.command("logout", json!({})).await;
    eventually("the end of the link", || ann.account().device(1).is_none()).await;
    assert!(client.unexpected("logged_out").is_empty());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_hears_that_its_phone_has_unlinked_it() {
    let world = World::new().await;
    let (mut client, _phones, ann, _bob) = client_and_people(&world).await;
    // The end of the stream may be read before earlier stanzas are handled.
    client.may_log(STREAM_END);
    ann.unlink(1).await.unwrap();
    assert_eq!(client.until("logged_out", |_| true).await["on_connect"], false);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_back_to_the_same_account_when_it_is_started_again() {
    let world = World::new().await;
    let (client, _phones, ann, bob) = client_and_people(&world).await;
    let mut client = client.restart().await;
    client.connect(&world.network).await;
    client.opened().await;
    bob.send_text(ann.jid(), "welcome back").await.unwrap();
    client.reads("welcome back").await;
    assert!(client.unexpected("qr").is_empty());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_several_links_is_asked_to_connect_again() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let ann = phones.add(ANN, "Ann").await.unwrap();
    for _ in 0..3 {
        let client = linked(&world, &ann).await;
        client.ends_well(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_replaced_ends_with_the_reason() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let ann = phones.add(ANN, "Ann").await.unwrap();
    let mut client = linked_with(&world, &ann, json!({"auto_reconnect": false})).await;
    client.may_log(STREAM_END);
    // Attaching to the device replaces the existing connection.
    let connection = world.network.attach(ann.account(), &ann.account().device(1).unwrap());
    client.until("replaced", |_| true).await;
    drop(connection);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_reaches_nothing_beyond_this_machine() {
    let mut client = Whatsmeow::start().await;
    let elsewhere = json!({"address": "192.0.2.1:443", "root_key": "00".repeat(32), "folder": client.folder.path()});
    let why = client.try_command("connect", elsewhere).await.unwrap_err();
    assert!(why.contains("only loopback may be reached"), "{why}");
}
