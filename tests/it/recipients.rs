//! Whom a message goes to, which device sends it, and what a sandbox handled.

use serde_json::{Value, json};
use wachat::device::Kind;
use wachat::inbox::sandbox_message;
use wachat::message::NewMessage;
use wachat::store::{MessageFilter, NewDevice, Page};

use crate::priorities::{leave_within, set_device, stored};
use crate::receiver::{Answer, Receiver};
use crate::stores::{DEVICE, NOW, accept, founded, message, state};
use crate::world::{ALICE, BOB, World, eventually, stories};

/// Numbers that no numbering plan allows, or that could be two.
const UNPLANNED: [&str; 3] = ["12345678", "551112345678", "81234567022"];

/// Somebody writes to the world's device, in a group or not.
async fn write_from(world: &World, originator: &str, group: Option<&str>) {
    let device = world.store.find_device(&world.device_id).await.expect("readable").expect("a device");
    let group = group.map(str::to_owned);
    let inbound = sandbox_message(&world.clock, originator.into(), group, None, "hello".into(), None);
    world.inbox.receive(&device, inbound).await.expect("received");
}

async fn post(world: &World, destination: &str) -> (u16, Value, String) {
    let reply = world.client.post("/message", &json!({"destination": destination, "message": "x"})).await;
    (reply.status, reply.body["data"]["destination"].clone(), reply.text)
}

async fn manage(world: &World, path: &str) -> Value {
    let reply = world.client.manage("GET", path, None).await;
    assert_eq!(reply.status, 200, "{path} {}", reply.text);
    reply.body["data"].clone()
}

async fn import(world: &World, file: &str) -> Value {
    let csv = [("content-type", "text/csv")];
    let given = world.client.ask("POST", "/manage/1.0/imports", &csv, Some(file.as_bytes().to_vec())).await;
    assert_eq!(given.status, 201, "{}", given.text);
    given.body["data"].clone()
}

stories! {
    async fn messages_to_both_forms_of_one_number_keep_their_order(database: Database) {
        let world = World::held(database).await;
        let server = Receiver::new(vec![Answer::nothing()]).await;
        for (one, other) in [("5511987654321", "551187654321"), ("551187654322", "5511987654322"), ("5215512345678", "525512345678")] {
            let picture = world.send_media(json!({"destination": one, "media_url": server.url("/a.png")})).await;
            let behind = world.send(other, "behind the picture").await;
            let elsewhere = world.send(BOB, "to somebody else").await;
            leave_within(&world, &[&elsewhere], 1_000, 100).await;
            assert_eq!(stored(&world, &behind).await.attempts, 0, "{one} {other}");
            let cancelled = world.client.manage("POST", &format!("/messages/{picture}/cancel"), None).await;
            assert_eq!(cancelled.status, 200, "{}", cancelled.text);
            leave_within(&world, &[&behind], 1_200, 100).await;
        }
        // So they do behind what is in memory of them.
        set_device(&world, json!({"paused": true})).await;
        let mut refs = Vec::new();
        for number in 0..40 {
            refs.push(world.send(["5511987654321", "551187654321"][number % 2], "one of many").await);
        }
        set_device(&world, json!({"paused": false})).await;
        leave_within(&world, &[&refs[39]], 60_000, 100).await;
        let mut before = None;
        for ref_no in &refs {
            let message = stored(&world, ref_no).await;
            let left_at = message.sent_at.or(message.under_way_at);
            assert!(left_at.is_some() && before <= left_at, "{message:?}");
            before = left_at;
        }
        world.stop().await;
    }

    async fn who_has_written_is_answered_at_exactly_that_number(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000001").await;
        let file = format!("destination,message\n{}\n", UNPLANNED.map(|number| format!("{number},x")).join("\n"));
        for number in UNPLANNED {
            let (status, _, text) = post(&world, number).await;
            assert!(status == 422 && text.contains(number), "{number} {text}");
        }
        assert_eq!(import(&world, &file).await["refused_count"], 3);
        for (number, group) in UNPLANNED.into_iter().zip([None, Some("120363025246125486"), None]) {
            write_from(&world, number, group).await;
            for written in [number.to_owned(), format!("{number}@s.whatsapp.net"), format!("{number}.0")] {
                let (status, destination, text) = post(&world, &written).await;
                // One that could be two numbers is that one only as it was shown: a spreadsheet wrote the fraction.
                let is_it = !(written.ends_with(".0") && number == UNPLANNED[2]);
                let expected = if is_it { (201, Some(number)) } else { (422, None) };
                assert_eq!((status, destination.as_str()), expected, "{written} {text}");
            }
            let media = json!({"destination": number, "media_base64": "aGVsbG8=", "file_name": "a.txt"});
            assert_eq!(world.client.post("/media", &media).await.status, 201);
            let theirs = other.client.post("/message", &json!({"destination": number, "message": "x"})).await;
            assert_eq!(theirs.status, 422, "nobody else's writer: {}", theirs.text);
        }
        // A file lists customers: that a stranger with one of two possible numbers has written does not say whom a row means.
        let import = import(&world, &file).await;
        assert_eq!((&import["refused_count"], &import["sandbox"]), (&json!(1), &json!(true)));
        let id = import["id"].as_str().expect("an id");
        let refused = manage(&world, &format!("/imports/{id}/refused")).await.to_string();
        assert!(refused.contains("+6281234567022") && refused.contains("+81234567022"), "{refused}");
        world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        eventually("the import is done", async || {
            let import = manage(&world, &format!("/imports/{id}")).await;
            if import["accepted_count"] == 2 { Ok(()) } else { Err(import.to_string()) }
        })
        .await;
        // A number that only looks like one that wrote stays refused.
        assert_eq!(post(&world, "12345679").await.0, 422);
        world.stop().await;
    }

    async fn a_destination_is_what_was_written_or_refused(database: Database) {
        let world = World::new(database).await;
        for (body, wanted) in [
            (r#"{"destination": 628120000002.0, "message": "x"}"#, Some("628120000002")),
            (r#"{"destination": "08123456789.0", "message": "x"}"#, Some("628123456789")),
            (r#"{"destination": 628120000002.5, "message": "x"}"#, None),
            (r#"{"destination": 628120000002.0000001, "message": "x"}"#, None),
            (r#"{"destination": 6.28E+11, "message": "x"}"#, None),
            (r#"{"destination": "+62 (0) 812 3456 7890", "message": "x"}"#, Some("6281234567890")),
            (r#"{"destination": "120363025246125486@g.us", "message": "x"}"#, Some("120363025246125486")),
        ] {
            let json = [("content-type", "application/json")];
            let reply = world.client.ask("POST", "/wachat_api/1.0/message", &json, Some(body.into())).await;
            assert_eq!(reply.body["data"]["destination"].as_str(), wanted, "{body} {}", reply.text);
            assert_eq!(reply.status, if wanted.is_some() { 201 } else { 422 }, "{body}");
        }
        let filter = MessageFilter::of(1);
        let newest = world.store.list_messages(&filter, Page { before: None, rows: 1 }).await.expect("readable");
        assert!(newest.messages[0].is_group, "its suffix makes it a group");
        let csv = "destination,message\n628120000002.0,x\n6.28E+11,x\n81234567022,x\n120363025246125486@g.us,x\n";
        let import = import(&world, csv).await;
        let refused = manage(&world, &format!("/imports/{}/refused", import["id"].as_str().expect("an id"))).await;
        let reasons = refused["items"].to_string();
        assert!(import["refused_count"] == 2 && reasons.contains("has lost digits"), "{reasons}");
        assert!(reasons.contains("+6281234567022 or as +81234567022"), "{reasons}");
        world.stop().await;
    }

    async fn a_sandbox_is_the_default_only_while_there_is_nothing_else(database: Database) {
        let world = World::new(database).await;
        let default = async || -> Vec<String> {
            let devices = manage(&world, "/devices").await;
            let devices = devices.as_array().expect("devices").iter();
            devices.filter(|one| one["is_default"] == true).map(|one| one["kind"].as_str().expect("a kind").into()).collect()
        };
        assert_eq!(default().await, ["sandbox"]);
        // The first start named the sandbox as the default.
        assert_eq!(manage(&world, "/clients/1").await["default_device"], json!(world.device_id));
        let added = world.client.manage("POST", "/devices", Some(json!({"kind": "web"}))).await;
        let web = added.body["data"]["device_id"].as_str().expect("a device").to_owned();
        assert_eq!(default().await, ["web"]);
        let sent = world.client.post("/message", &json!({"destination": ALICE, "message": "x"})).await;
        assert_eq!(sent.body["data"]["queue"], json!(web), "{}", sent.text);
        let waits = world.status(sent.body["data"]["ref_no"].as_str().expect("a ref_no")).await;
        assert_eq!((&waits["status"], &waits["sandbox"]), (&json!("U"), &json!(false)));
        assert_eq!(import(&world, &format!("destination,message\n{ALICE},x\n")).await["queue"], json!(web));
        // Who names it still gets it; nobody makes it the default again.
        let named = world.send_with(json!({"destination": ALICE, "message": "x", "queue": world.device_id})).await;
        assert_eq!(world.until(&named, "R").await["sandbox"], true);
        let set = async |id: &str| {
            world.client.manage("PATCH", "/clients/1", Some(json!({"default_device": id}))).await.status
        };
        assert_eq!((set(&web).await, set(&world.device_id).await), (200, 422));
        world.client.manage("DELETE", &format!("/devices/{web}"), None).await;
        assert_eq!((default().await, set(&world.device_id).await), (vec!["sandbox".to_owned()], 200));
        world.stop().await;
    }

    async fn what_a_sandbox_handled_says_so_everywhere(database: Database) {
        let world = World::new(database).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        world.client.manage("PUT", "/clients/1/push", Some(json!({"url": receiver.url("/push")}))).await;
        let ref_no = world.send(ALICE, "hello").await;
        write_from(&world, ALICE, None).await;
        assert_eq!(world.until(&ref_no, "R").await["sandbox"], true);
        for path in ["/messages", "/inbox", "/conversations"] {
            assert_eq!(manage(&world, path).await["items"][0]["sandbox"], true, "{path}");
        }
        let talk = manage(&world, &format!("/conversations/{}/{ALICE}", world.device_id)).await;
        let marks = talk["items"].as_array().expect("items").iter().map(|one| {
            [&one["inbound"], &one["outbound"]].iter().any(|way| way["sandbox"] == true)
        });
        assert_eq!(marks.collect::<Vec<_>>(), [true, true]);
        receiver.until(1).await;
        assert_eq!(receiver.asked()[0].field("sandbox").as_deref(), Some("true"));
        world.stop().await;
    }

    async fn what_a_sandbox_accepted_is_never_sent_by_the_account_that_has_its_id_later(database: Database) {
        let (store, _folder) = founded(database).await;
        let new = |kind| NewDevice {
            id: DEVICE.into(), client_id: 1, sender: "628110000000".into(), name: "x".into(), kind, daily_limit: 0, created_at: NOW,
        };
        let played = accept(&store, message(DEVICE, "played")).await;
        let lease = store.lease_devices("a", NOW, NOW + 20_000).await.expect("leased").remove(0);
        store.begin_attempts(DEVICE, lease.epoch, NOW, vec![played.clone()], None, None).await.expect("begun");
        let sent = wachat::store::Step::Sent { at: NOW };
        store.progress(crate::stores::step(&lease, &played, sent)).await.expect("stored");
        store.remove_device(DEVICE, NOW).await.expect("removed");
        store.add_device(new(Kind::Web)).await.expect("added");
        // Accepted by a process that did not know of it yet.
        let late = accept(&store, message(DEVICE, "late")).await;
        let real = accept(&store, NewMessage { sandbox: false, ..message(DEVICE, "real") }).await;
        let lease = store.lease_devices("a", NOW, NOW + 20_000).await.expect("leased").remove(0);
        let both = vec![late.clone(), real.clone()];
        let begun = store.begin_attempts(DEVICE, lease.epoch, NOW, both, None, None).await.expect("asked");
        assert_eq!(begun.map(|begun| (begun.ref_nos, begun.aborted)), Some((vec![real.clone()], 1)));
        assert_eq!(state(&store, &late).await.0, "A");
        let found = store.find_message(1, &late).await.expect("readable").expect("there");
        assert!(found.reason.expect("a reason").contains("accepted by a sandbox"));
        // Nor does a sandbox play what a real account sent.
        let step = wachat::store::Step::Sent { at: NOW };
        store.progress(crate::stores::step(&lease, &real, step)).await.expect("stored");
        let unread = store.find_unread(DEVICE, NOW - 1, 100).await.expect("readable");
        assert_eq!(unread.iter().map(|one| one.ref_no.as_str()).collect::<Vec<_>>(), [played.as_str()]);
        store.close().await;
    }

    async fn no_kind_is_taken_that_cannot_be_connected(database: Database) {
        let world = World::new(database).await;
        let cloud = json!({"kind": "cloud", "sender": "628133333333"});
        let refused = world.client.manage("POST", "/devices", Some(cloud)).await;
        assert!(refused.status == 422 && refused.text.contains("'cloud' is not one of sandbox, web"), "{}", refused.text);
        // One of an earlier release is still there, and says why it does nothing.
        let old = NewDevice {
            id: "1-000000000000077".into(), client_id: 1, sender: "628133333333".into(), name: "old".into(),
            kind: Kind::Cloud, daily_limit: 0, created_at: NOW,
        };
        world.store.add_device(old).await.expect("added");
        eventually("it says why", async || {
            let shown = manage(&world, "/devices/1-000000000000077").await;
            let reason = shown["state_reason"].as_str().unwrap_or_default();
            if reason.contains("cannot be connected") { Ok(()) } else { Err(shown.to_string()) }
        })
        .await;
        let linked = world.client.manage("POST", "/devices/1-000000000000077/link", None).await;
        assert!(linked.status == 409 && linked.text.contains("add a device of the kind web"), "{}", linked.text);
        let sender = json!({"kind": "web", "sender": format!("{BOB}.0")});
        assert_eq!(world.client.manage("POST", "/devices", Some(sender)).await.body["data"]["sender"], BOB);
        let code = world.client.manage("POST", &format!("/devices/{}/pairing-code", world.device_id), Some(json!({"phone": "551187654321"}))).await;
        assert_eq!(code.status, 409, "the number is one, a sandbox has no account: {}", code.text);
        world.stop().await;
    }
}
