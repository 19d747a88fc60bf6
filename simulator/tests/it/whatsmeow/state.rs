//! What a client stores: devices, numbers, app state, history, prekeys.

use serde_json::json;
use simulator::phone::app_state::Change;
use simulator::phone::history::HistorySize;
use simulator::runtime::{Person, Phones};
use simulator::server::account::Naming;
use simulator::wire::stanza::{NodeBuilder, Read as _};

use super::{ANN, BOB, CYD, STREAM_END, Whatsmeow, assert_checks_pass, client_and_people, linked};
use crate::phone::SERVER;
use crate::world::{World, eventually, hears, patiently};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_found_in_the_form_in_which_it_asks() {
    let world = World::new().await;
    let (mut client, _phones, _ann, bob) = client_and_people(&world).await;
    let found = client.command("is_on_whatsapp", json!({"phones": [format!("+{BOB}"), BOB, "15559999"]})).await;
    let found: Vec<_> = found.as_array().unwrap().iter().map(|one| (one["JID"].clone(), one["IsIn"] == true)).collect();
    let bob = json!(bob.jid().to_string());
    assert_eq!(found, [(bob.clone(), true), (bob, true), (json!("15559999@s.whatsapp.net"), false)]);
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_devices_that_it_keeps_follows_every_change() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let (number, lid) = (bob.jid().to_string(), bob.account().lid().to_string());
    let own = ann.jid().to_string();
    // Fills the lists that the client stores by both addresses.
    for to in [&number, &lid, &own] {
        client.command("devices", json!({"to": to})).await;
    }
    let mut other = linked(&world, &bob).await;
    let mut third = linked(&world, &ann).await;
    eventually("the notices to be taken", || ann.account().device(1).unwrap().waiting() == 0).await;
    for (to, count) in [(&number, 2), (&lid, 2), (&own, 3)] {
        let devices = client.command("devices", json!({"to": to})).await;
        assert_eq!(devices.as_array().unwrap().len(), count, "{devices}");
    }
    client.send_text(&number, "to both").await;
    other.reads("to both").await;
    third.reads("to both").await;
    bob.unlink(1).await.unwrap();
    other.may_log(STREAM_END);
    other.until("logged_out", |_| true).await;
    eventually("the notice to be taken", || ann.account().device(1).unwrap().waiting() == 0).await;
    for to in [&number, &lid] {
        let devices = client.command("devices", json!({"to": to})).await;
        assert_eq!(devices.as_array().unwrap().len(), 1, "{devices}");
    }
    assert_checks_pass(&world);
    client.ends_well(&world).await;
    third.ends_well(&world).await;
}

/// Links another client to Bob's phone while this one is offline, and drops the notification.
async fn link_that_it_misses(world: &World, client: &mut Whatsmeow, ann: &Person, bob: &Person) -> Whatsmeow {
    client.command("disconnect", json!({})).await;
    let device = ann.account().device(1).unwrap();
    eventually("the client to be gone", || !device.is_connected()).await;
    let mut link = world.network.attach(ann.account(), &device);
    let other = linked(world, bob).await;
    loop {
        let notice = patiently("the notice", link.recv()).await.unwrap();
        let id = notice.text("id").unwrap_or_default().into_owned();
        let ack = NodeBuilder::new("ack").attr("class", notice.tag.to_string()).attr("id", id);
        link.send(ack.attr("to", bob.jid().clone()).build()).await;
        if notice.text("type").as_deref() == Some("devices") {
            break;
        }
    }
    drop(link);
    client.connect(&world.network).await;
    client.opened().await;
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_devices_that_is_out_of_date_is_reported() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    client.send_text(&bob.jid().to_string(), "before").await;
    hears(&bob, "before").await;
    let mut other = link_that_it_misses(&world, &mut client, &ann, &bob).await;
    client.may_log("Server returned different participant list hash");
    let lost = client.send_text(&bob.jid().to_string(), "by an old list").await;
    let report = world.network.checks().report();
    let check = report.check("sent_to_every_device").unwrap();
    assert_eq!((check.violations, report.passed), (1, false), "{report:#?}");
    assert!(check.first[0].contains(&lost), "{check:?}");
    client.send_text(&bob.jid().to_string(), "by a new list").await;
    other.reads("by a new list").await;
    assert_eq!(world.network.checks().report().check("sent_to_every_device").unwrap().violations, 1);
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_group_by_an_old_list_of_devices_is_reported_until_it_is_sent_again() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let group = ann.create_group("Friends", &[BOB.to_owned()], Naming::Lid).unwrap();
    client.send_text(&group.to_string(), "before").await;
    hears(&bob, "before").await;
    let mut other = link_that_it_misses(&world, &mut client, &ann, &bob).await;
    // The new client is offline too: nobody requests a retry.
    other.command("disconnect", json!({})).await;
    eventually("the other to be gone", || !bob.account().device(1).unwrap().is_connected()).await;
    client.may_log("Server returned different participant list hash");
    let lost = client.send_text(&group.to_string(), "by an old list").await;
    hears(&bob, "by an old list").await;
    let report = world.network.checks().report();
    let check = report.check("sent_to_every_device").unwrap();
    assert_eq!((check.violations, report.passed), (1, false), "{report:#?}");
    assert!(check.first[0].contains(&lost) && check.first[0].contains("15550002:1"), "{check:?}");
    other.may_log("Error decrypting message");
    other.connect(&world.network).await;
    other.opened().await;
    other.reads("by an old list").await;
    assert_checks_pass(&world);
    client.ends_well(&world).await;
    other.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_the_shared_state_pass_both_ways() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let chat = bob.jid().to_string();
    let pin = |pinned| Change::Pin { chat: chat.clone(), pinned };
    // The first change of a collection is applied without an event for each of its entries.
    ann.change(pin(true)).await.unwrap();
    client.until("state_synced", |event| event["name"] == "regular_low").await;
    assert_eq!(client.command("chat_settings", json!({"to": chat})).await["Pinned"], true);
    ann.change(pin(false)).await.unwrap();
    client.until("pinned", |event| event["chat"] == chat && event["on"] == false).await;
    client.command("pin", json!({"to": chat, "on": true})).await;
    client.until("pinned", |event| event["on"] == true).await;
    client.command("mute", json!({"to": chat, "on": true})).await;
    client.until("state_synced", |event| event["name"] == "regular_high").await;
    let settings = client.command("chat_settings", json!({"to": chat})).await;
    assert_eq!((&settings["Found"], &settings["Pinned"]), (&json!(true), &json!(true)));
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_client_is_given_the_history() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let said = bob.send_text(ann.jid(), "an old message").await.unwrap();
    hears(&ann, "an old message").await;
    // Too large for a message: it is sent as a file on the media host.
    ann.set_history(HistorySize { chats: 20, messages_per_chat: 100 }).unwrap();
    let mut client = Whatsmeow::start().await;
    client.connect(&world.network).await;
    patiently("the link", ann.scan(&client.qr().await)).await.unwrap();
    let has = |wanted: &str, event: &serde_json::Value| event["messages"].as_array().unwrap().contains(&json!(wanted));
    client.until("history", |event| has(&said, event)).await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_brings_new_prekeys_when_few_are_left() {
    let world = World::new().await;
    let (mut client, phones, ann, bob) = client_and_people(&world).await;
    let device = ann.account().device(1).unwrap();
    eventually("its keys", || device.prekeys_left() > 800).await;
    // Somebody takes nearly all of them.
    let taker = world.person(CYD, "Cyd").await;
    let users = (11..device.prekeys_left())
        .map(|_| NodeBuilder::new("user").attr("jid", device.number().clone()).build())
        .collect::<Vec<_>>();
    for some in users.chunks(200) {
        taker.ask("encrypt", "get", SERVER, vec![NodeBuilder::new("key").children(some.to_vec()).build()]).await;
    }
    assert_eq!(device.prekeys_left(), 11);
    // Everybody who starts a session takes one.
    for number in 0..9 {
        let person = phones.add(&format!("1555100{number}"), "Somebody").await.unwrap();
        person.send_text(ann.jid(), &format!("hello {number}")).await.unwrap();
        client.reads(&format!("hello {number}")).await;
    }
    eventually("more keys", || device.prekeys_left() >= 40).await;
    bob.send_text(ann.jid(), "still readable").await.unwrap();
    client.reads("still readable").await;
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_the_account_are_asked_for_and_changed() {
    let world = World::new().await;
    let (mut client, phones, ann, _bob) = client_and_people(&world).await;
    let cyd = phones.add(CYD, "Cyd").await.unwrap();
    client.command("set_privacy", json!({"name": "last", "value": "none"})).await;
    assert_eq!(client.command("privacy", json!({})).await["LastSeen"], "none");
    let status = client.command("status_privacy", json!({})).await;
    assert_eq!((&status[0]["Type"], &status[0]["IsDefault"]), (&json!("contacts"), &json!(true)));
    client.command("status_text", json!({"text": "at work"})).await;
    let block = json!({"to": cyd.jid().to_string(), "action": "block"});
    let list = client.command("block", block).await;
    assert_eq!(list["JIDs"], json!([cyd.account().lid().to_string()]));
    assert!(list["DHash"].as_str().is_some_and(|hash| !hash.is_empty()), "{list}");
    cyd.send_text(ann.jid(), "do you hear me").await.unwrap();
    let info = client.command("user_info", json!({"to": cyd.jid().to_string()})).await;
    assert_eq!(info["LID"], cyd.account().lid().to_string());
    assert!(client.unexpected("message").is_empty());
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_could_not_read_it_gets_from_its_phone() {
    let world = World::new().await;
    let (mut client, _phones, ann, bob) = client_and_people(&world).await;
    let id = bob.send_text(ann.jid(), "read by the phone").await.unwrap();
    client.reads("read by the phone").await;
    hears(&ann, "read by the phone").await;
    let (to, sender) = (bob.jid().to_string(), bob.jid().to_string());
    let asked = client.command("request_again", json!({"to": to, "sender": sender, "id": id})).await;
    let again = client.reads("read by the phone").await;
    assert_eq!((&again["id"], &again["request"]), (&json!(id), &asked["id"]));
    client.ends_well(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gets_older_messages_of_a_chat_when_it_asks_for_them() {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(bob.send_text(ann.jid(), &format!("old {number}")).await.unwrap());
        hears(&ann, &format!("old {number}")).await;
    }
    let mut client = linked(&world, &ann).await;
    let wanted = json!({"to": bob.jid().to_string(), "id": ids[4], "count": 3});
    client.command("request_before", wanted).await;
    let part = client.until("history", |event| event["type"] == "ON_DEMAND").await;
    assert_eq!(part["messages"], json!([ids[3], ids[2], ids[1]]), "the newest first");
    client.ends_well(&world).await;
}

/// Two programs with one account's keys would be one device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_program_has_an_account_of_its_own() {
    let world = World::new().await;
    let (client, _phones, _ann, _bob) = client_and_people(&world).await;
    let mut fresh = Whatsmeow::start().await;
    fresh.connect(&world.network).await;
    fresh.qr().await;
    client.ends_well(&world).await;
    fresh.ends_well(&world).await;
}
