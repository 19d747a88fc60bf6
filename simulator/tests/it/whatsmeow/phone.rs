//! What a client gets from its phone and its person: expired files, contacts, and presence.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use simulator::phone::NewFile;
use simulator::phone::app_state::Change;
use simulator::phone::file::FileKind;
use simulator::phone::rng::hex;
use simulator::runtime::Phones;

use super::{ANN, BOB, client_and_people, linked};
use crate::world::{World, eventually, patiently};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_has_expired_is_put_back_by_the_phone() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let picture = NewFile {
        file: FileKind::Image,
        mime_type: "image/png".to_owned(),
        caption: None,
        file_name: None,
        seconds: None,
        bytes: b"not really a picture".to_vec(),
    };
    let id = bob.send_file(ann.jid(), picture).await.unwrap();
    client.until("message", |message| message["id"] == id).await;
    let is_it = id.clone();
    patiently("the picture", ann.wait_for_message(move |kept| kept.id == is_it)).await.unwrap();
    let hash = json!(hex(&Sha256::digest(b"not really a picture")));
    // It expires again after that.
    for _ in 0..2 {
        ann.expire_file(&id).await.unwrap();
        let why = client.try_command("load", json!({"id": id})).await.unwrap_err();
        assert!(why.contains("404"), "{why}");
        client.command("media_retry", json!({"id": id})).await;
        let answer = client.until("media_retry", |event| event["id"] == id).await;
        assert_eq!(answer["result"], "SUCCESS", "{answer}");
        assert_eq!(client.command("load", json!({"id": id})).await["sha256"], hash);
    }
    client.command("media_retry_unknown", json!({"id": id})).await;
    let answer = client.until("media_retry", |event| event["id"] != id).await;
    assert!(answer["why"].as_str().is_some_and(|why| why.contains("no longer available")), "{answer}");
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_the_address_book_of_its_phone() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let entry = |name: &str| Change::Contact { jid: bob.jid().to_string(), name: name.to_owned() };
    ann.change(entry("Bob of the bakery")).await.unwrap();
    let version = || world.network.collection_version(ann.account(), "critical_unblock_low");
    eventually("the entry", || version() == 1).await;
    let mut client = linked(&world, &ann).await;
    let contact = client.command("contact", json!({"to": bob.jid().to_string()})).await;
    assert_eq!((&contact["FullName"], &contact["FirstName"]), (&json!("Bob of the bakery"), &json!("Bob")));
    ann.change(entry("Bob the baker")).await.unwrap();
    let change = client.until("contact", |event| event["name"] == "Bob the baker").await;
    assert_eq!(change["jid"], bob.jid().to_string());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_sees_when_somebody_goes_and_comes_back() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let to = bob.jid().to_string();
    bob.set_away(true).await.unwrap();
    client.command("available", json!({"value": "available"})).await;
    client.command("subscribe", json!({"to": to})).await;
    client.until("presence", |event| event["available"] == false).await;
    for is_away in [false, true] {
        bob.set_away(is_away).await.unwrap();
        let seen = client.until("presence", |event| event["available"] == !is_away).await;
        assert_eq!(seen["from"], to);
    }
    // Unavailable but connected: messages arrive.
    bob.offline().await.unwrap();
    bob.online().await.unwrap();
    let id = client.send_text(&to, "are you there").await;
    client.receipt(&id, "delivery").await;
    assert!(!bob.account().is_available() && ann.account().is_available());
    client.ends_well(&world).await;
}
