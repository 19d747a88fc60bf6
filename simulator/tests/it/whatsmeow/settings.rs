//! An account's settings, and who is notified of changes.

use serde_json::json;

use super::{CYD, client_and_people, linked};
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_is_found_by_its_code_until_that_is_revoked() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let mut other = linked(&world, &bob).await;
    let code = |answer: serde_json::Value| answer["code"].as_str().unwrap().to_owned();
    let first = code(client.command("contact_code", json!({"on": false})).await);
    assert_eq!(code(client.command("contact_code", json!({"on": false})).await), first);
    let found = other.command("contact_of_code", json!({"text": format!("https://wa.me/qr/{first}")})).await;
    assert_eq!(found, json!({"jid": ann.jid().to_string(), "name": "Ann", "type": "contact"}));
    let second = code(client.command("contact_code", json!({"on": true})).await);
    let why = other.try_command("contact_of_code", json!({"text": first})).await.unwrap_err();
    assert!(why.contains("does not exist or has been revoked"), "{why}");
    assert_eq!(other.command("contact_of_code", json!({"text": second})).await["name"], "Ann");
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sees_a_status_is_chosen() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    let bob = json!(bob.account().lid().to_string());
    client.command("set_status_privacy", json!({"kind": "blacklist", "participants": [bob]})).await;
    let lists = client.command("status_privacy", json!({})).await;
    assert_eq!(
        (&lists[0]["Type"], &lists[0]["List"], lists[0]["IsDefault"] == true),
        (&json!("blacklist"), &json!([bob]), true)
    );
    client.command("set_status_privacy", json!({"kind": "contacts"})).await;
    let lists = client.command("status_privacy", json!({})).await;
    assert_eq!((&lists[0]["Type"], &lists[1]["List"]), (&json!("contacts"), &json!([bob])));
    let why = client.try_command("set_status_privacy", json!({"kind": "everybody"})).await.unwrap_err();
    assert!(why.contains("400"), "{why}");
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_text_under_the_name_is_told_to_those_who_know_the_person() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let mut other = linked(&world, &bob).await;
    let to = ann.jid().to_string();
    other.command("devices", json!({"to": to})).await;
    for (command, text) in [("status_text", "at work"), ("status_text_by_mex", "at home")] {
        client.command(command, json!({"text": text})).await;
        let heard = other.until("about", |event| event["text"] == text).await;
        assert_eq!(heard["jid"], to);
        assert_eq!(other.command("user_info", json!({"to": to})).await["Status"], text);
    }
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_of_an_account_hear_of_its_settings() {
    let world = World::new().await;
    let (mut client, phones, ann, _bob) = client_and_people(&world).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    let mut second = linked(&world, &ann).await;
    let lid = json!(cyd.account().lid().to_string());
    let blocked = client.command("block", json!({"to": lid, "action": "block"})).await;
    let first = second.until("blocklist", |_| true).await;
    assert_eq!(first["changes"], json!([{"jid": lid, "action": "block"}]));
    assert_eq!(first["hash"], blocked["DHash"]);
    client.command("block", json!({"to": lid, "action": "unblock"})).await;
    let next = second.until("blocklist", |_| true).await;
    assert_eq!((&next["previous_hash"], &next["hash"]), (&first["hash"], &first["previous_hash"]));
    client.command("set_privacy", json!({"name": "last", "value": "none"})).await;
    second.until("privacy", |event| event["last_seen_changed"] == true).await;
    eventually("all to be confirmed", || ann.account().devices().iter().all(|device| device.waiting() == 0)).await;
    client.ends_well(&world).await;
    second.ends_well(&world).await;
}
