//! Stories of what an operator and a support agent read of a queue: what an import's messages are up against, what a device's messages
//! wait for, and which node runs it.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::device::{DeviceState, Health, Kind};
use wachat::store::NewDevice;

use crate::client::Client;
use crate::imports::{begin, until};
use crate::priorities::set_device;
use crate::process::{Place, text};
use crate::signed_in::{self, Browser};
use crate::told::until_is;
use crate::world::{ALICE, BOB, Time, World, eventually, stories};

/// So many rows, each to somebody else.
fn rows(count: usize) -> String {
    (0..count).fold("destination,message\n".to_owned(), |file, row| file + &format!("62811400{row:05},hello\n"))
}

/// The preview of a file.
async fn preview(client: &Client, file: &str) -> Value {
    let body = Some(file.as_bytes().to_vec());
    let reply = client.ask("POST", "/manage/1.0/imports", &[("content-type", "text/csv")], body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.body["data"].clone()
}

async fn device(world: &World, id: &str) -> Value {
    world.client.manage("GET", &format!("/devices/{id}"), None).await.body["data"].clone()
}

stories! {
    async fn an_import_says_what_its_messages_are_up_against(database: Database) {
        // It is 14:26:40Z, on the first day of the account.
        let world = World::held(database).await;
        assert_eq!(preview(&world.client, &rows(500)).await["notes"], json!([]));
        set_device(&world, json!({"warm_up": true})).await;
        let seen = preview(&world.client, &rows(500)).await;
        assert_eq!([&seen["leave_today_count"], &seen["leave_in_time_count"], &seen["device_code"]], [&json!(20), &json!(60), &Value::Null]);
        let note = seen["notes"][0].as_str().expect("a note");
        assert!(note.starts_with("messages that can leave today: 20 of 500, and within 24 hours: 60") && note.contains("what is left then expires"), "{note}");
        set_device(&world, json!({"paused": true})).await;
        let id = begin(&world.client, &rows(500), "").await;
        until(&world.client, &id, "done").await;
        let done = eventually("what waits is counted", async || {
            world.advance(Duration::from_millis(100)).await;
            let shown = world.client.manage("GET", &format!("/imports/{id}"), None).await.body["data"].clone();
            if shown["device_code"] == "paused" { Ok(shown) } else { Err(shown.to_string()) }
        })
        .await;
        let note = done["notes"][0].as_str().expect("a note");
        assert!(note.starts_with("the messages wait: its device was paused by") && note.ends_with("resume it to send"), "{note}");
        // The device says of how many.
        eventually("they are counted", async || {
            let shown = device(&world, &world.device_id).await;
            world.advance(Duration::from_millis(100)).await;
            if shown["waiting_for"] == json!({"paused": 500}) { Ok(()) } else { Err(shown.to_string()) }
        })
        .await;
        world.stop().await;
    }

    async fn each_message_of_a_campaign_says_on_which_day_of_the_warm_up_it_leaves(database: Database) {
        let world = World::held(database).await;
        set_device(&world, json!({"warm_up": true})).await;
        let world = world.restart().await;
        let id = begin(&world.client, &rows(100), "").await;
        until(&world.client, &id, "done").await;
        let day = world.clock.now() / 86_400_000;
        eventually("today's messages are begun", async || {
            match world.store.count_begun(&world.device_id, day).await {
                Ok(20) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        // Those that are being sent are counted as used, not as waiting.
        let reply = world.client.manage("GET", "/messages?limit=500", None).await;
        let held = reply.body["data"]["items"].as_array().expect("messages").iter();
        let held = held.filter(|message| message["reason_code"] == "warm_up");
        let tomorrow = held.clone().filter(|message| message["waits_until"] == "2026-09-22T00:00:00Z").count();
        assert_eq!((held.count(), tomorrow), (80, 40), "{}", reply.text);
        let messages = eventually("today's messages have left", async || {
            world.advance(Duration::from_millis(20)).await;
            let reply = world.client.manage("GET", "/messages?limit=500", None).await;
            let mut all = reply.body["data"]["items"].as_array().cloned().expect("messages");
            all.reverse();
            all.retain(|message| message["status"] == "Q");
            if all.len() == 80 { Ok(all) } else { Err(format!("{} wait", all.len())) }
        })
        .await;
        for (place, message) in messages.iter().enumerate() {
            let day = if place < 40 { "2026-09-22T00:00:00Z" } else { "2026-09-23T00:00:00Z" };
            assert_eq!((&message["reason_code"], &message["waits_until"]), (&json!("warm_up"), &json!(day)), "{place}: {message}");
            let is_late = message["reason"].as_str().is_some_and(|reason| reason.ends_with("; the message expires before then"));
            assert_eq!(is_late, place >= 40, "{place}: {message}");
        }
        // Quiet hours until tomorrow morning are no reason to say that all of them leave then.
        set_device(&world, json!({"quiet_from": "08:00", "quiet_to": "07:00"})).await;
        for place in [0, 39, 40, 79] {
            let message = world.status(messages[place]["ref_no"].as_str().expect("one")).await;
            let day = if place < 40 { "2026-09-22T07:00:00Z" } else { "2026-09-23T07:00:00Z" };
            assert_eq!((&message["reason_code"], &message["waits_until"]), (&json!("quiet_hours"), &json!(day)), "{message}");
            let names_both = message["reason"].as_str().is_some_and(|reason| {
                reason.starts_with("quiet hours; ") && reason.contains("; the account is new, and its turn comes on a later day")
            });
            assert_eq!(names_both, place >= 40, "{message}");
        }
        world.stop().await;
    }

    async fn a_message_whose_device_no_node_runs_says_so(database: Database) {
        let world = signed_in::world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let id = "1-000000000000002";
        let (name, sender, created_at) = ("Elsewhere".to_owned(), "628110000002".to_owned(), world.clock.now());
        let new = NewDevice { id: id.into(), client_id: 1, sender, name, kind: Kind::Sandbox, daily_limit: 0, created_at };
        world.store.add_device(new).await.expect("added");
        // Another node takes it before this one looks, and ends without a word.
        let until = created_at + 20_000;
        let leases = world.store.lease_devices("another node", created_at, until).await.expect("leased");
        let lease = leases.into_iter().find(|lease| lease.device_id == id).expect("a lease");
        assert!(world.store.set_device_health(&lease, Health::new(DeviceState::Online, ""), created_at).await.expect("stored"));
        assert_eq!(device(&world, id).await["state"], "online");
        let ref_no = world.send_with(json!({"queue": id, "destination": ALICE, "message": "hello"})).await;
        assert_eq!(world.status(&ref_no).await["reason_code"], "turn");
        world.advance(Duration::from_secs(11)).await;
        let message = world.status(&ref_no).await;
        assert_eq!((&message["status"], &message["reason_code"]), (&json!("U"), &json!("offline")), "{message}");
        assert!(message["reason"].as_str().is_some_and(|reason| reason.contains("no node of the gateway runs its device")), "{message}");
        // So does the device, wherever it is shown.
        let shown = until_is(&browser, id, "offline", 1).await;
        assert_eq!((&shown["state_code"], &shown["state_until"]), (&json!("offline"), &Value::Null), "{shown}");
        assert_eq!(shown["waiting_for"], json!({"offline": 1}), "{shown}");
        assert!(shown["state_reason"].as_str().is_some_and(|reason| reason.contains("no node of the gateway runs this device")), "{shown}");
        let metrics = world.client.ask("GET", "/metrics", &[], None).await.text;
        assert!(metrics.contains(&format!("wachat_device_online{{device=\"{id}\"}} 0")), "{metrics}");
        let page = browser.get(&format!("/console/devices/{id}")).await;
        assert!(page.text.contains("No node of the gateway runs it"), "{}", page.text);
        // This node takes it over.
        world.advance(Duration::from_secs(10)).await;
        world.until(&ref_no, "R").await;
        let other = world.send(BOB, "by this node's own").await;
        world.until(&other, "R").await;
        assert_eq!(device(&world, id).await["state"], "online");
        world.stop().await;
    }

    async fn a_device_that_a_node_is_about_to_take_is_never_offline(database: Database) {
        let world = World::new(database).await;
        for number in 0..5 {
            let new = json!({"kind": "sandbox", "sender": format!("62811000001{number}")});
            let added = world.client.manage("POST", "/devices", Some(new)).await;
            let id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
            let mut shown = added.body["data"].clone();
            while shown["state"] != "online" {
                assert!(shown["state"] != "offline" && shown["state_code"] == "offline", "{shown}");
                shown = device(&world, &id).await;
            }
        }
        world.stop().await;
    }

    async fn a_server_that_was_killed_leaves_no_device_online(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let listed = async || place.json(&["device", "list", "--json"]).await[0].clone();
        eventually("it is online", async || {
            let device = listed().await;
            if device["state"] == "online" { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        serving.kill();
        let sent = place.json(&["send", "--to", ALICE, "--text", "hello", "--json"]).await;
        // A lease that is not renewed ends after a while.
        let device = eventually("it is offline", async || {
            let device = listed().await;
            if device["state"] == "offline" { Ok(device) } else { Err(device.to_string()) }
        })
        .await;
        assert_eq!((&device["state_code"], &device["waiting_for"]), (&json!("offline"), &json!({"offline": 1})), "{device}");
        assert!(device["state_reason"].as_str().is_some_and(|reason| reason.contains("no node")), "{device}");
        let table = place.run(&["device", "list"]).await;
        assert!(text(&table.stdout).contains(" offline "), "{}", text(&table.stdout));
        let message = place.json(&["status", sent["ref_no"].as_str().expect("one"), "--json"]).await;
        assert_eq!(message["reason_code"], "offline", "{message}");
        let serving = place.serve().await;
        eventually("it is online again", async || {
            let device = listed().await;
            if device["state"] == "online" { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        assert!(serving.terminate().await.success());
    }
}
