//! What a client may keep here has a bound of its own: messages that wait, and files. Whoever reaches it is told which, and nobody else notices.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wachat::inbox::{Received, sandbox_message};
use wachat::message::InboundFile;

use crate::client::Reply;
use crate::imports::{begin, give, texts, until};
use crate::process::{Place, text};
use crate::world::{ALICE, BOB, Database, Time, World, eventually, stories};

/// A gateway in which three messages of each client may wait, and a device of the first client whose messages do.
async fn world_of_three(database: Database, time: Time) -> (World, String) {
    let world = World::with(database, time, |settings| settings.waiting_quota = 3).await;
    let queue = add_unlinked(&world).await;
    (world, queue)
}

async fn add_unlinked(world: &World) -> String {
    let device = json!({"kind": "web", "sender": "628110000081"});
    let added = world.client.manage("POST", "/devices", Some(device)).await;
    added.body["data"]["device_id"].as_str().expect("a device").to_owned()
}

fn waits(queue: &str) -> Value {
    json!({"destination": ALICE, "message": "hello", "queue": queue})
}

fn file(bytes: usize, first: u8) -> Value {
    let mut bytes = vec![7; bytes];
    bytes[0] = first;
    json!({"destination": ALICE, "media_base64": STANDARD.encode(bytes), "file_name": "a.bin"})
}

fn assert_refused(reply: &Reply, said: &str, wait_seconds: &str) {
    assert_eq!((reply.status, reply.header("retry-after")), (429, wait_seconds), "{}", reply.text);
    let message = reply.body["message"].as_str().expect("a message");
    assert!(message.contains(said) && message.contains("nothing was accepted"), "{message}");
}

const THREE: &str = "quota of waiting messages is used up (3 of 3)";
const FULL: &str = "quota of stored files has no room for one more (1 of 1 MB are used)";

stories! {
    async fn a_client_whose_messages_wait_up_to_its_quota_queues_no_more_until_some_are_gone(database: Database) {
        let (world, queue) = world_of_three(database, Time::Held).await;
        let other = world.add_client("other", "628110000082").await;
        let first = world.send_with(waits(&queue)).await;
        for _ in 0..2 {
            world.send_with(waits(&queue)).await;
        }
        for path in ["/message", "/media"] {
            let mut body = waits(&queue);
            body["media_url"] = json!("https://example.com/a.png");
            assert_refused(&world.client.post(path, &body).await, THREE, "60");
        }
        let resent = world.client.manage("POST", &format!("/messages/{first}/resend"), None).await;
        assert_refused(&resent, THREE, "60");
        // A message that is refused leaves nothing behind: its key is free, and its file is gone.
        let keyed = [("Idempotency-Key", "once")];
        assert_refused(&world.client.post_with("/message", &waits(&queue), &keyed).await, THREE, "60");
        assert_eq!(other.client.post("/message", &json!({"destination": BOB, "message": "hello"})).await.status, 201);
        let cancelled = world.client.manage("POST", &format!("/messages/{first}/cancel"), None).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        // It is counted again at most once a second.
        world.advance(Duration::from_secs(1)).await;
        assert_eq!(world.client.post_with("/message", &waits(&queue), &keyed).await.status, 201);
        assert_refused(&world.client.post("/message", &waits(&queue)).await, THREE, "60");
        let world = world.restart().await;
        assert_refused(&world.client.post("/message", &waits(&queue)).await, THREE, "60");
        world.stop().await;
    }

    async fn no_more_messages_are_accepted_at_once_than_the_quota_has_room_for(database: Database) {
        let (world, queue) = world_of_three(database, Time::Machine).await;
        let body = waits(&queue);
        let replies = futures_util::future::join_all((0..40).map(|_| world.client.post("/message", &body))).await;
        let accepted = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(accepted, 3, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
        world.stop().await;
    }

    async fn what_has_left_takes_no_room(database: Database) {
        let world = World::with(database, Time::Machine, |settings| settings.waiting_quota = 3).await;
        for at in 0..6 {
            let sent = eventually("there is room", async || {
                let reply = world.client.post("/message", &json!({"destination": ALICE, "message": at.to_string()})).await;
                if reply.status == 201 { Ok(reply) } else { Err(reply.text) }
            });
            let ref_no = sent.await.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned();
            world.until(&ref_no, "R").await;
        }
        world.stop().await;
    }

    async fn an_import_that_is_larger_than_the_quota_waits_and_goes_on_by_itself(database: Database) {
        let (world, queue) = world_of_three(database, Time::Machine).await;
        let rows: String = (0..5).map(|at| format!("62811300{},text {at}\n", 1_000 + at)).collect();
        let id = begin(&world.client, &format!("destination,message\n{rows}"), &format!("?queue={queue}")).await;
        let path = format!("/imports/{id}");
        let said = |import: &Value| import["wait_reason"].as_str().is_some_and(|reason| reason.contains(THREE));
        let import = eventually("the import waits", async || {
            let import = world.client.manage("GET", &path, None).await.body["data"].clone();
            if said(&import) { Ok(import) } else { Err(import.to_string()) }
        })
        .await;
        assert_eq!((&import["state"], &import["refused_count"]), (&json!("running"), &json!(0)), "{import}");
        assert_eq!((&import["accepted_count"], &import["done_count"]), (&json!(3), &json!(3)), "{import}");
        assert_eq!(texts(&world.client).await.len(), 3);
        let messages = world.client.manage("GET", "/messages", None).await;
        for message in messages.body["data"]["items"].as_array().expect("items").iter().take(2) {
            let path = format!("/messages/{}/cancel", message["ref_no"].as_str().expect("a ref_no"));
            assert_eq!(world.client.manage("POST", &path, None).await.status, 200);
        }
        let import = until(&world.client, &id, "done").await;
        let counts = (&import["accepted_count"], &import["refused_count"], &import["wait_reason"]);
        assert_eq!(counts, (&json!(5), &json!(0), &Value::Null), "{import}");
        assert_eq!(import["done_count"], 5, "{import}");
        assert_eq!(texts(&world.client).await.len(), 5);
        // One that waits can be stopped.
        let id = begin(&world.client, "destination,message\n628113001009,late\n", &format!("?queue={queue}")).await;
        let stopped = world.client.manage("POST", &format!("/imports/{id}/stop"), None).await;
        assert_eq!((stopped.status, &stopped.body["data"]["state"]), (200, &json!("stopped")), "{}", stopped.text);
        assert_eq!(stopped.body["data"]["wait_reason"], Value::Null);
        world.stop().await;
    }

    async fn a_client_whose_files_reach_its_quota_sends_no_other_file(database: Database) {
        let world = World::with(database, Time::Held, |settings| settings.files_quota_mb = 1).await;
        let other = world.add_client("other", "628110000083").await;
        assert_eq!(world.client.post("/media", &file(999_000, 1)).await.status, 201);
        assert_refused(&world.client.post("/media", &file(1_001, 2)).await, FULL, "3600");
        // What is there already takes no more room, and what fits is taken.
        assert_eq!(world.client.post("/media", &file(999_000, 1)).await.status, 201);
        assert_eq!(world.client.post("/media", &file(1_000, 3)).await.status, 201);
        let url = json!({"destination": ALICE, "media_url": "https://example.com/a.png"});
        assert_refused(&world.client.post("/media", &url).await, FULL, "3600");
        assert_refused(&give(&world.client, "destination,message\n628113001009,a\n", "").await, FULL, "3600");
        assert_eq!(world.client.post("/message", &json!({"destination": ALICE, "message": "a text"})).await.status, 201);
        assert_eq!(other.client.post("/media", &file(900_000, 1)).await.status, 201);
        // Whatever comes in is kept.
        let device = world.store.find_device(&world.device_id).await.expect("readable").expect("a device");
        let came = Some(InboundFile::Here { bytes: vec![9; 5_000].into(), file_name: Some("b.bin".into()) });
        let came = sandbox_message(&world.clock, BOB.into(), None, None, "look".into(), came);
        let received = world.inbox.receive(&device, came).await.expect("stored");
        assert!(matches!(received, Received::New(_)), "{received:?}");
        let world = world.restart().await;
        assert_refused(&world.client.post("/media", &file(1_000, 4)).await, FULL, "3600");
        world.stop().await;
    }

    async fn a_file_whose_message_is_refused_takes_no_room(database: Database) {
        let world = World::with(database, Time::Held, |settings| settings.files_quota_mb = 1).await;
        let device = json!({"kind": "web", "sender": "628110000084", "limit": 1});
        let device = world.client.manage("POST", "/devices", Some(device)).await.body["data"]["device_id"].clone();
        for (first, wanted) in [(1, 201), (2, 429), (3, 429), (4, 429)] {
            let mut body = file(300_000, first);
            body["queue"] = device.clone();
            let reply = world.client.post("/media", &body).await;
            assert_eq!(reply.status, wanted, "{}", reply.text);
            assert!(wanted == 201 || reply.text.contains("limit of 1 messages a day"), "{}", reply.text);
        }
        let mut fits = file(700_000, 5);
        fits["queue"] = json!(world.device_id);
        let reply = world.client.post("/media", &fits).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        world.stop().await;
    }

    async fn the_command_line_keeps_to_the_quotas_too(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        place.json(&["device", "add", "--client", "1", "--kind", "web", "--sender", "628110000085", "--json"]).await;
        assert!(serving.terminate().await.success());
        std::fs::write(place.folder.path().join("c.csv"), "destination,message\n628113001001,a\n628113001002,b\n").expect("written");
        std::fs::write(place.folder.path().join("a.bin"), [7; 4]).expect("written");
        std::fs::write(place.folder.path().join("wachat.toml"), "waiting_quota = 1").expect("written");
        let through = ["--sender", "628110000085"];
        let imported = place.fails(&[&["import", "c.csv"][..], &through].concat()).await;
        assert!(imported.contains("quota of waiting messages is used up (1 of 1)"), "{imported}");
        let sent = place.fails(&[&["send", "--to", ALICE, "--text", "a"][..], &through].concat()).await;
        assert!(sent.contains("quota of waiting messages is used up (1 of 1)"), "{sent}");
        // What is left is queued by the same command, once there is room.
        std::fs::write(place.folder.path().join("wachat.toml"), "waiting_quota = 0").expect("written");
        let imported = place.run(&[&["import", "c.csv", "--json"][..], &through].concat()).await;
        let report: Value = serde_json::from_slice(&imported.stdout).expect("JSON");
        assert_eq!((&report["accepted"], &report["known"]), (&json!(1), &json!(1)), "{}", text(&imported.stderr));
    }

    async fn an_administrator_gives_a_client_quotas_of_its_own(database: Database) {
        let world = World::with(database, Time::Held, |settings| (settings.waiting_quota, settings.files_quota_mb) = (0, 1)).await;
        let other = world.add_client("other", "628110000086").await;
        let queue = add_unlinked(&world).await;
        let path = "/clients/1";
        let set = async |change: Value| world.client.manage("PATCH", path, Some(change)).await;
        let quotas = |reply: &Reply| (reply.body["data"]["waiting_quota"].clone(), reply.body["data"]["files_quota_mb"].clone());
        assert_eq!(quotas(&world.client.manage("GET", path, None).await), (Value::Null, Value::Null));
        world.send_with(waits(&queue)).await;
        // It counts at once, and only for this client; what is not named stays.
        assert_eq!(quotas(&set(json!({"waiting_quota": 3})).await), (json!(3), Value::Null));
        assert_eq!(quotas(&set(json!({"files_quota_mb": 2, "name": "Toko"})).await), (json!(3), json!(2)));
        for _ in 0..2 {
            world.send_with(waits(&queue)).await;
        }
        assert_refused(&world.client.post("/message", &waits(&queue)).await, THREE, "60");
        assert_eq!(set(json!({"waiting_quota": 100})).await.status, 200);
        let through_sandbox = |first| {
            let mut body = file(900_000, first);
            body["queue"] = json!(world.device_id);
            body
        };
        for first in [1, 2] {
            assert_eq!(world.client.post("/media", &through_sandbox(first)).await.status, 201, "two megabytes");
            assert_eq!(other.client.post("/media", &file(900_000, first)).await.status, if first == 1 { 201 } else { 429 }, "one");
        }
        // One that is lowered refuses what is new, and touches nothing.
        assert_eq!(set(json!({"waiting_quota": 1, "files_quota_mb": 1})).await.status, 200);
        let refused = world.client.post("/message", &waits(&queue)).await;
        assert_eq!(refused.status, 429, "{}", refused.text);
        let third = through_sandbox(3);
        assert_refused(&world.client.post("/media", &third).await, "quota of stored files has no room", "3600");
        let world = world.restart().await;
        assert_eq!(world.client.post("/message", &waits(&queue)).await.status, 429);
        // Without one of its own, what the settings say holds again; 0 is for any number.
        let set = async |change: Value| world.client.manage("PATCH", path, Some(change)).await;
        assert_eq!(quotas(&set(json!({"waiting_quota": null, "files_quota_mb": 0})).await), (Value::Null, json!(0)));
        assert_eq!(world.client.post("/message", &waits(&queue)).await.status, 201);
        assert_eq!(world.client.post("/media", &third).await.status, 201);
        world.stop().await;
    }

    async fn only_an_administrator_changes_quotas_and_the_log_says_who_did(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000087").await;
        let path = format!("/clients/{}", other.client_id);
        for change in [json!({"waiting_quota": 5}), json!({"files_quota_mb": null}), json!({"name": "x", "waiting_quota": 0})] {
            let refused = other.client.manage("PATCH", &path, Some(change)).await;
            assert_eq!(refused.status, 403, "{}", refused.text);
        }
        for change in [json!({"waiting_quota": -1}), json!({"files_quota_mb": 4_294_967_296_i64}), json!({"waiting_quota": 1.5}), json!({"waiting_quota": "many"})] {
            let refused = world.client.manage("PATCH", &path, Some(change)).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
        }
        let shown = other.client.manage("GET", &path, None).await;
        assert_eq!((&shown.body["data"]["name"], &shown.body["data"]["waiting_quota"]), (&json!("other"), &Value::Null));
        assert_eq!(world.client.manage("PATCH", &path, Some(json!({"waiting_quota": 5}))).await.status, 200);
        assert_eq!(other.client.manage("GET", &path, None).await.body["data"]["waiting_quota"], 5);
        let log = other.client.manage("GET", "/audit", None).await;
        let entry = log.body["data"]["items"].as_array().expect("entries").iter().find(|entry| entry["action"] == "PATCH /clients/{client_id}");
        assert_eq!(entry.map(|entry| &entry["userid"]), Some(&json!("admin")), "{}", log.text);

        let mut visitor = crate::console::Visitor::new(&world);
        visitor.sign_in("admin", world.first_password.as_deref().expect("a password")).await;
        visitor.choose_password(world.first_password.as_deref().expect("a password"), "a password for quotas").await;
        let page = format!("/console/account/clients/{}", other.client_id);
        let seen = visitor.get(&page).await;
        assert!(seen.shows("name=\"waiting_quota\" value=\"5\"") && seen.shows("name=\"files_quota_mb\" value=\"\""), "{}", seen.text);
        let form = |waiting, files| [("name", "other"), ("country_code", "62"), ("default_device", ""), ("waiting_quota", waiting), ("files_quota_mb", files)];
        let refused = visitor.post(&page, &form("many", "7")).await;
        assert!(refused.status == 422 && refused.shows("value=\"many\"") && refused.shows("value=\"7\""), "{}", refused.text);
        visitor.post(&page, &form("", "7")).await;
        let shown = other.client.manage("GET", &path, None).await;
        assert_eq!((&shown.body["data"]["waiting_quota"], &shown.body["data"]["files_quota_mb"]), (&Value::Null, &json!(7)), "{}", shown.text);
        world.stop().await;
    }

    async fn the_command_line_sets_quotas_beside_a_running_server(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        place.json(&["device", "add", "--client", "1", "--kind", "web", "--sender", "628110000088", "--json"]).await;
        let set = place.json(&["client", "set", "--client", "1", "--waiting-quota", "1", "--files-quota-mb", "2", "--json"]).await;
        assert_eq!((&set["waiting_quota"], &set["files_quota_mb"]), (&json!(1), &json!(2)));
        let waits = json!({"destination": ALICE, "message": "hello", "sender": "628110000088"});
        let first = eventually("the new device is known", async || {
            let reply = serving.client.post("/message", &waits).await;
            if reply.status == 201 { Ok(reply) } else { Err(reply.text) }
        })
        .await;
        let refused = serving.client.post("/message", &waits).await;
        assert!(refused.status == 429 && refused.text.contains("(1 of 1)"), "{} {}", first.text, refused.text);
        for bad in ["-1", "many", "4294967296"] {
            let said = place.fails(&["client", "set", "--client", "1", &format!("--waiting-quota={bad}")]).await;
            assert!(said.contains("a quota is a whole number"), "{said}");
        }
        // A client at its quota is looked at again within a second.
        place.json(&["client", "set", "--client", "1", "--waiting-quota", "default", "--json"]).await;
        eventually("there is room", async || {
            let reply = serving.client.post("/message", &waits).await;
            if reply.status == 201 { Ok(()) } else { Err(reply.text) }
        })
        .await;
        assert_eq!(place.json(&["client", "list", "--json"]).await[0]["waiting_quota"], Value::Null);
        assert!(serving.terminate().await.success());
    }
}
