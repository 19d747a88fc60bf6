//! A file that is imported again: what left is not sent twice, and what never left is sent after all.

use serde_json::{Value, json};
use wachat::bell::Bells;
use wachat::device::Kind;
use wachat::imports::Imports;
use wachat::media::shelf::Shelf;
use wachat::message::{NewMessage, RefNo};
use wachat::store::{Accept, Idempotent, LastWaits, RenewedKey, Reuse, StoreError};

use crate::client::Client;
use crate::imports::{begin, texts, until};
use crate::stores::{DEVICE, NOW, founded, message};
use crate::world::{BOB, World, stories};

const FILE: &str = "destination,message\n628111111111,one\n628111111112,two\n";

async fn check(client: &Client, query: &str) -> Value {
    let csv = [("content-type", "text/csv")];
    let path = format!("/manage/1.0/imports{query}");
    let given = client.ask("POST", &path, &csv, Some(FILE.into())).await;
    assert_eq!(given.status, 201, "{}", given.text);
    given.body["data"].clone()
}

/// How many of a campaign's rows are queued now, and how many are known.
async fn import(client: &Client, query: &str) -> (Value, Value) {
    let id = begin(client, FILE, query).await;
    let done = until(client, &id, "done").await;
    (done["accepted_count"].clone(), done["known_count"].clone())
}

fn counts(accepted: i64, known: i64) -> (Value, Value) {
    (json!(accepted), json!(known))
}

fn row(key: &str, message: NewMessage) -> Accept {
    let idempotent = Idempotent {
        key: key.into(),
        body_hash: b"an import".to_vec(),
        answer: format!("\"{}\"", message.ref_no),
        expires_at: NOW + 1_000_000,
        reuse: Reuse::Unsent,
        said: None,
    };
    Accept { message, daily_limit: 0, idempotent: Some(idempotent), audit: None }
}

stories! {
    async fn rows_whose_messages_never_left_are_queued_again_and_once(database: Database) {
        let world = World::new(database).await;
        let added = world.client.manage("POST", "/devices", Some(json!({"kind": "sandbox", "sender": "628110000077"}))).await;
        let gone = added.body["data"]["device_id"].as_str().expect("a device").to_owned();
        let paused = world.client.manage("PATCH", &format!("/devices/{gone}"), Some(json!({"paused": true}))).await;
        assert_eq!(paused.status, 200, "{}", paused.text);
        let through = |device: &str| format!("?campaign=june&queue={device}");
        assert_eq!(import(&world.client, &through(&gone)).await, counts(2, 0));
        let first = check(&world.client, &through(&world.device_id)).await;
        assert_eq!(first["known_count"], 2, "they wait: {first}");
        assert_eq!(import(&world.client, &through(&world.device_id)).await, counts(0, 2));
        // Its device is removed: they never leave.
        world.client.manage("DELETE", &format!("/devices/{gone}"), None).await;
        let again = check(&world.client, &through(&world.device_id)).await;
        assert_eq!((&again["known_count"], &again["valid_count"]), (&json!(0), &json!(2)), "{again}");
        // Two at once queue one copy of each.
        let at_once = [begin(&world.client, FILE, &through(&world.device_id)).await, begin(&world.client, FILE, &through(&world.device_id)).await];
        let mut accepted = 0;
        for id in at_once {
            accepted += until(&world.client, &id, "done").await["accepted_count"].as_i64().expect("a count");
        }
        assert_eq!(accepted, 2);
        // One copy that was aborted, and one that was queued in its place.
        assert_eq!(texts(&world.client).await, [("one".to_owned(), 2), ("two".to_owned(), 2)].into());
        assert_eq!(import(&world.client, &through(&world.device_id)).await, counts(0, 2));
        world.stop().await;
    }

    async fn a_row_is_known_under_each_name_of_its_file(database: Database) {
        let world = World::new(database).await;
        assert_eq!(import(&world.client, "?file_name=juli.csv").await, counts(2, 0));
        for query in ["file_name=juli%20(1).csv", "file_name=JULI.CSV&priority=high", "file_name=C:%5Cdata%5Cjuli.xlsx&tag=a", "campaign=juli.csv", "file_name=juli.csv.csv", "file_name=juli%20(1)%20(1).csv", "file_name=juli%20-%20Copy.csv"] {
            let checked = check(&world.client, &format!("?{query}")).await;
            assert_eq!((&checked["campaign"], &checked["known_count"]), (&json!("juli"), &json!(2)), "{query}");
        }
        assert_eq!(check(&world.client, "?file_name=juni.csv").await["known_count"], 0);
        // What is queued is what was checked.
        let id = check(&world.client, "?file_name=mei.csv%20(1).csv").await["id"].as_str().expect("an id").to_owned();
        let begun = world.client.manage("POST", &format!("/imports/{id}/begin?sent_before=send"), None).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        assert_eq!(until(&world.client, &id, "done").await["accepted_count"], 2);
        for name in ["mei.csv", "mei.csv%20(1).csv", "mei.csv.csv"] {
            assert_eq!(check(&world.client, &format!("?file_name={name}")).await["known_count"], 2, "{name}");
            assert_eq!(import(&world.client, &format!("?file_name={name}")).await, counts(0, 2), "{name}");
        }
        world.stop().await;
    }

    async fn an_import_that_began_meanwhile_keeps_its_file(database: Database) {
        let world = World::held(database).await;
        let id = check(&world.client, "").await["id"].as_str().expect("an id").to_owned();
        let seen = world.store.find_import(1, None, &id).await.expect("read").expect("an import");
        // No bell: the clerk does not work on it before the clock moves.
        world.store.begin_import(&id, 1, None, NOW).await.expect("stored");
        let shelf = Shelf::open(&world.settings.media_store).expect("a shelf");
        let room = wachat::room::Room::new(&world.store, world.room.disk().clone(), &world.clock, &world.settings);
        let imports = Imports::new(world.store.clone(), shelf.clone(), room, Bells::default(), world.clock.clone());
        let refused = imports.remove(&seen).await.expect_err("it is under way").to_string();
        assert_eq!(refused, "it is under way; stop it first");
        assert!(shelf.has(&id).await.expect("a shelf"), "its file is gone");
        // Once it is being forgotten, nobody begins it.
        imports.stop(&seen).await.expect("stored");
        assert!(world.store.retire_import(&id).await.expect("stored"));
        world.store.begin_import(&id, 1, None, NOW).await.expect("stored");
        assert!(world.store.find_import(1, None, &id).await.expect("read").is_none());
        imports.remove(&seen).await.expect("it is free");
        assert!(!shelf.has(&id).await.expect("a shelf"));
        world.stop().await;
    }

    async fn what_the_check_refused_is_not_queued(database: Database) {
        let world = World::new(database).await;
        let file = format!("destination,message\n81234567022,one\n{BOB},two\n");
        let csv = [("content-type", "text/csv")];
        let given = world.client.ask("POST", "/manage/1.0/imports", &csv, Some(file.into_bytes())).await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(given.body["data"]["refused_count"], 1, "{}", given.text);
        // Whoever writes can be answered from now on.
        let device = world.store.find_device(&world.device_id).await.expect("readable").expect("a device");
        let inbound = wachat::inbox::sandbox_message(&world.clock, "81234567022".into(), None, None, "hello".into(), None);
        world.inbox.receive(&device, inbound).await.expect("received");
        world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        let done = until(&world.client, &id, "done").await;
        assert_eq!((&done["accepted_count"], &done["refused_count"]), (&json!(1), &json!(1)), "{done}");
        assert_eq!(texts(&world.client).await.into_keys().collect::<Vec<_>>(), ["two"]);
        world.stop().await;
    }

    async fn a_key_is_free_again_once_its_message_never_leaves(database: Database) {
        let (store, _folder) = founded(database).await;
        let new = || message(DEVICE, "x");
        let used = async |kind| store.find_used_keys(1, &["k"], kind, NOW).await.expect("asked").len();
        let cancel = async |ref_no: &RefNo| assert!(store.cancel_message(1, ref_no, NOW).await.expect("asked"));
        let first = new();
        store.accept(row("k", first.clone())).await.expect("accepted");
        assert!(matches!(store.accept(row("k", new())).await, Err(StoreError::KeyUsed)), "it waits");
        assert_eq!(used(Kind::Sandbox).await, 1);
        cancel(&first.ref_no).await;
        assert_eq!(used(Kind::Sandbox).await, 0);
        let copies: Vec<NewMessage> = (0..9).map(|_| new()).collect();
        let ends = futures_util::future::join_all(copies.iter().map(|one| store.accept(row("k", one.clone())))).await;
        let at = ends.iter().position(Result::is_ok).expect("one of them");
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
        // A sandbox has it: nothing is sent by a real account before it is given to one.
        assert_eq!((used(Kind::Sandbox).await, used(Kind::Web).await), (1, 0));
        // An attempt was begun: it may have been delivered.
        let lease = store.lease_devices("a", NOW, NOW + 20_000).await.expect("leased").remove(0);
        let begun = store.begin_attempts(DEVICE, lease.epoch, NOW, vec![copies[at].ref_no.clone()], None, None).await;
        assert_eq!(begun.expect("asked").map(|begun| begun.ref_nos.len()), Some(1));
        assert_eq!(store.expire_messages(NOW + 90_000, 1_000, LastWaits::default()).await.expect("expired"), [(DEVICE.to_owned(), 1)].into());
        assert_eq!(used(Kind::Sandbox).await, 1);
        assert!(matches!(store.accept(row("k", new())).await, Err(StoreError::KeyUsed)));
        // A key of an earlier version hands over what it stands for.
        let renewed = || vec![RenewedKey { former: "k".into(), key: "n".into() }];
        for _ in 0..2 {
            store.renew_keys(1, renewed()).await.expect("renewed");
        }
        assert!(matches!(store.accept(row("n", new())).await, Err(StoreError::KeyUsed)));
        let real = NewMessage { sandbox: false, ..new() };
        store.accept(row("n", real)).await.expect("for WhatsApp");
        assert!(matches!(store.accept(row("n", NewMessage { sandbox: false, ..new() })).await, Err(StoreError::KeyUsed)));
        store.close().await;
    }
}
