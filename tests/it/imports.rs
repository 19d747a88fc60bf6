//! Imports of CSV files: every good row is queued once, whatever becomes of the gateway and of the person meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use wachat::campaign::{Refused, State, Stop};
use wachat::store::{ImportLease, ImportStep, NewImport, Page, StoreError};

use crate::client::{Client, Reply};
use crate::process::Place;
use crate::stores::{DEVICE, NOW, founded};
use crate::world::{ALICE, BOB, Time, World, eventually, stories};

/// Rows of a file whose import is broken off again and again, and every how many of them is a bad one.
const ROWS: usize = 3_000;
const BAD_EVERY: usize = 100;
const BREAKS: usize = 6;

/// Gives a file; gives what is answered.
pub async fn give(client: &Client, file: &str, query: &str) -> Reply {
    let path = format!("/manage/1.0/imports{query}");
    client.ask("POST", &path, &[("content-type", "text/csv")], Some(file.as_bytes().to_vec())).await
}

/// Gives a file and begins its import; gives its id.
pub async fn begin(client: &Client, file: &str, query: &str) -> String {
    let given = give(client, file, query).await;
    assert_eq!((given.status, &given.body["data"]["state"]), (201, &json!("checked")), "{}", given.text);
    let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
    let begun = client.manage("POST", &format!("/imports/{id}/begin"), None).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    id
}

async fn look(client: &Client, id: &str) -> Value {
    let shown = client.manage("GET", &format!("/imports/{id}"), None).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    shown.body["data"].clone()
}

pub async fn until(client: &Client, id: &str, state: &str) -> Value {
    eventually(&format!("the import is {state}"), async || {
        let import = look(client, id).await;
        if import["state"] == state { Ok(import) } else { Err(import.to_string()) }
    })
    .await
}

/// Waits until so many rows are dealt with; gives how many are, or nothing when the import is done before.
async fn until_row(client: &Client, id: &str, row: i64) -> Option<i64> {
    eventually("the import goes on", async || {
        let import = look(client, id).await;
        match (import["state"].as_str(), import["done_count"].as_i64()) {
            (Some("done"), _) => Ok(None),
            (_, Some(done)) if done >= row => Ok(Some(done)),
            _ => Err(import.to_string()),
        }
    })
    .await
}

/// How often each text stands among the client's messages.
pub async fn texts(client: &Client) -> HashMap<String, usize> {
    let (mut found, mut query) = (HashMap::new(), "?limit=500".to_owned());
    loop {
        let page = client.manage("GET", &format!("/messages{query}"), None).await;
        for item in page.body["data"]["items"].as_array().expect("items") {
            *found.entry(item["message"].as_str().expect("a text").to_owned()).or_default() += 1;
        }
        let Some(next) = page.body["data"]["next_before"].as_str() else { return found };
        query = format!("?limit=500&before={next}");
    }
}

/// Many rows to one recipient, which are offered one after another.
fn long(rows: usize) -> String {
    let rows: String = (0..rows).map(|at| format!("{ALICE},text {at}\n")).collect();
    format!("destination,message\n{rows}")
}

/// A person of the first client; gives his number and a client with his key.
async fn person(world: &World, userid: &str, role: &str) -> (i64, Client) {
    let person = json!({"userid": userid, "role": role});
    let added = world.client.manage("POST", "/clients/1/persons", Some(person)).await;
    let id = added.body["data"]["id"].as_i64().expect("a person");
    let made = world.client.manage("POST", "/clients/1/keys", Some(json!({"person_id": id}))).await;
    (id, world.client.with_key(made.body["data"]["api_key"].as_str().expect("a key")))
}

fn new_import(id: &str) -> NewImport {
    NewImport {
        id: id.into(),
        client_id: 1,
        person_id: 1,
        device_id: DEVICE.into(),
        file_name: "a.csv".into(),
        campaign: "a".into(),
        former_names: "[]".into(),
        country_code: "62".into(),
        preview: "[]".into(),
        row_count: 9,
        created_at: NOW,
        priority: wachat::message::Priority::Bulk,
        tag: None,
    }
}

stories! {
    async fn every_good_row_is_queued_once_however_often_the_gateway_is_killed_or_stopped(database: Database) {
        let place = Place::new(database).await;
        let is_bad = |at: usize| at % BAD_EVERY == 7;
        let row = |at: usize| match is_bad(at) {
            true => format!("12,bad {at}\n"),
            false => format!("62811300{},text {at}\n", 1_000 + at),
        };
        let file = format!("destination,message\n{}", (0..ROWS).map(row).collect::<String>());
        let mut serving = place.serve().await;
        let id = begin(&serving.client, &file, "?file_name=c.csv").await;
        let (mut row, mut breaks) = (1, 0);
        while let Some(done) = until_row(&serving.client, &id, row).await {
            row = done + 1;
            match breaks % 3 {
                _ if breaks == BREAKS => break,
                2 => assert!(serving.terminate().await.success()),
                _ => serving.kill(),
            }
            breaks += 1;
            serving = place.serve().await;
        }
        assert!(breaks >= 3, "it was over too soon to tell: {breaks}");
        let import = until(&serving.client, &id, "done").await;
        let bad = (0..ROWS).filter(|at| is_bad(*at)).count();
        assert_eq!(
            (&import["accepted_count"], &import["known_count"], &import["refused_count"]),
            (&json!(ROWS - bad), &json!(0), &json!(bad)),
            "{import}"
        );
        let queued = texts(&serving.client).await;
        for at in (0..ROWS).filter(|at| !is_bad(*at)) {
            assert_eq!(queued.get(&format!("text {at}")), Some(&1), "row {at}");
        }
        assert_eq!(queued.len(), ROWS - bad);
        let refused = serving.client.manage("GET", &format!("/imports/{id}/refused?limit=500"), None).await;
        let lines: Vec<i64> = refused.body["data"]["items"].as_array().expect("rows").iter().filter_map(|row| row["line"].as_i64()).collect();
        let expected: Vec<i64> = (0..ROWS).filter(|at| is_bad(*at)).map(|at| i64::try_from(at).expect("a line") + 2).collect();
        assert_eq!(lines, expected);
        assert!(serving.terminate().await.success());
    }

    async fn who_is_disabled_midway_imports_nothing_more_and_somebody_else_goes_on(database: Database) {
        let world = World::new(database).await;
        let (person_id, sender) = person(&world, "sender", "sender").await;
        let id = begin(&sender, &long(300), "").await;
        assert!(until_row(&sender, &id, 1).await.is_some());
        let off = world.client.manage("PATCH", &format!("/clients/1/persons/{person_id}"), Some(json!({"disabled": true}))).await;
        assert_eq!(off.status, 200, "{}", off.text);
        let import = until(&world.client, &id, "stopped").await;
        assert_eq!((&import["stop"], &import["userid"]), (&json!("may_not_send"), &json!("sender")), "{import}");
        assert!(import["reason"].as_str().expect("a reason").contains("may not send any more"), "{import}");
        let queued = texts(&world.client).await.len();
        assert!(queued < 300 && import["accepted_count"] == queued, "{import}");
        world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        let import = until(&world.client, &id, "done").await;
        assert_eq!((&import["userid"], &import["accepted_count"], &import["stop"]), (&json!("admin"), &json!(300), &Value::Null));
        assert_eq!(texts(&world.client).await.len(), 300);
        world.stop().await;
    }

    async fn a_person_stops_an_import_goes_on_with_it_and_forgets_it(database: Database) {
        let world = World::new(database).await;
        let id = begin(&world.client, &long(300), "").await;
        assert!(until_row(&world.client, &id, 1).await.is_some());
        let path = format!("/imports/{id}");
        assert_eq!(world.client.manage("DELETE", &path, None).await.status, 409);
        let stopped = world.client.manage("POST", &format!("{path}/stop"), None).await;
        assert_eq!((&stopped.body["data"]["state"], &stopped.body["data"]["stop"]), (&json!("stopped"), &json!("person")));
        world.client.manage("POST", &format!("{path}/begin"), None).await;
        let import = until(&world.client, &id, "done").await;
        assert_eq!((&import["accepted_count"], &import["known_count"]), (&json!(300), &json!(0)), "{import}");
        // What is done stays done.
        for what in ["begin", "stop"] {
            let told = world.client.manage("POST", &format!("{path}/{what}"), None).await;
            assert_eq!((told.status, &told.body["data"]["state"]), (200, &json!("done")));
        }
        let kept = world.folder().join("data/media").join(&id[30..]).join(&id);
        assert!(kept.exists(), "{}", kept.display());
        assert_eq!(world.client.manage("DELETE", &path, None).await.status, 200);
        assert!(!kept.exists());
        assert_eq!(world.client.manage("GET", &path, None).await.status, 404);
        assert_eq!(texts(&world.client).await.len(), 300);
        world.stop().await;
    }

    async fn a_file_whose_rows_were_changed_queues_the_new_ones_alone(database: Database) {
        let world = World::new(database).await;
        let row = |at: usize| format!("{},text {at}\n", if at.is_multiple_of(2) { ALICE } else { BOB });
        let file = |rows: &[usize]| format!("destination,message\n{}", rows.iter().map(|at| row(*at)).collect::<String>());
        // Row 2 was queued by an earlier version, which recognized rows by their place.
        let found = wachat::campaign::read(file(&[1, 2, 3, 4]).as_bytes(), ROWS).expect("a file");
        let campaign = wachat::campaign::Campaign {
            client_id: 1,
            name: wachat::campaign::Name::of(None, "c.csv"),
            country_code: "62".into(),
            known: std::collections::HashSet::new(),
        };
        let mut checker = wachat::campaign::Checker::new(campaign);
        let rows: Vec<_> = found.lines.into_iter().map(|line| checker.check(line).expect("a good row")).collect();
        let device = world.store.find_device(&world.device_id).await.expect("read").expect("the sandbox");
        let urgency = wachat::imports::Urgency::default();
        let way = wachat::imports::Way { by: "an import", sent_since: world.clock.now() };
        let mut accept = wachat::imports::accept(&rows[1], 1, 1, &device, way, &urgency, &world.clock);
        accept.idempotent.as_mut().expect("a key").key.clone_from(&rows[1].former_keys[0]);
        world.store.accept(accept).await.expect("stored");
        for (rows, accepted, known) in [(&[1, 2, 3, 4][..], 3, 1), (&[3, 1, 4], 0, 3), (&[4, 5, 1, 6, 3, 1], 3, 3), (&[2], 0, 1)] {
            let id = begin(&world.client, &file(rows), "?file_name=c.csv").await;
            let import = until(&world.client, &id, "done").await;
            assert_eq!((&import["accepted_count"], &import["known_count"]), (&json!(accepted), &json!(known)), "{import}");
        }
        let queued = texts(&world.client).await;
        let expected = (1..=6).map(|at| (format!("text {at}"), if at == 1 { 2 } else { 1 }));
        assert_eq!(queued, expected.collect::<HashMap<_, _>>());
        world.stop().await;
    }

    async fn another_client_sees_nothing_of_an_import_and_a_sender_sees_his_own(database: Database) {
        let world = World::new(database).await;
        let file = format!("destination,message\n{ALICE},hello\n12,bad\n");
        let given = give(&world.client, &file, "?campaign=ours").await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        let other = world.add_client("other", "628110000001").await.client;
        let (_, sender) = person(&world, "sender", "sender").await;
        for asker in [&other, &sender] {
            for query in ["", "?client_id=1"] {
                for (method, path) in [("GET", ""), ("DELETE", ""), ("GET", "/refused"), ("POST", "/begin"), ("POST", "/stop")] {
                    let reply = asker.manage(method, &format!("/imports/{id}{path}{query}"), None).await;
                    assert_eq!(reply.status, 404, "{method} {path}{query} {}", reply.text);
                }
            }
            let listed = asker.manage("GET", "/imports", None).await;
            assert_eq!(listed.body["data"]["items"], json!([]), "{}", listed.text);
        }
        assert_eq!(give(&other, &file, "?client_id=1").await.status, 404);
        assert_eq!(give(&other, &file, &format!("?queue={}", world.device_id)).await.status, 404);
        assert_eq!(give(&world.client.with_key(""), &file, "").await.status, 401);
        assert_eq!(look(&world.client, &id).await["state"], "checked");
        assert!(texts(&world.client).await.is_empty());
        // The same row of the same campaign is each client's own.
        let own = begin(&sender, &file, "?campaign=his").await;
        until(&sender, &own, "done").await;
        let theirs = begin(&other, &file, "?campaign=his").await;
        assert_eq!(until(&other, &theirs, "done").await["accepted_count"], 1);
        let listed = world.client.manage("GET", "/imports?limit=1", None).await;
        assert_eq!(listed.body["data"]["items"][0]["id"], own.as_str(), "{}", listed.text);
        let before = listed.body["data"]["next_before"].as_str().expect("another page");
        let listed = world.client.manage("GET", &format!("/imports?before={before}"), None).await;
        assert_eq!(listed.body["data"]["items"][0]["id"], id.as_str(), "{}", listed.text);
        world.stop().await;
    }

    async fn rows_over_the_daily_limit_are_refused_and_a_removed_device_stops_the_rest(database: Database) {
        let world = World::new(database).await;
        let device = json!({"kind": "web", "sender": "628110000044", "limit": 2});
        let added = world.client.manage("POST", "/devices", Some(device)).await;
        let device = added.body["data"]["device_id"].as_str().expect("a device").to_owned();
        let file = format!("destination,message\n{ALICE},1\n{ALICE},2\n{ALICE},3\n{BOB},4\n");
        let id = begin(&world.client, &file, &format!("?queue={device}")).await;
        let import = until(&world.client, &id, "done").await;
        assert_eq!((&import["accepted_count"], &import["refused_count"]), (&json!(2), &json!(2)), "{import}");
        let refused = world.client.manage("GET", &format!("/imports/{id}/refused?limit=1"), None).await;
        let page = &refused.body["data"];
        assert_eq!((&page["items"][0]["line"], &page["items"][0]["destination"]), (&json!(4), &json!(ALICE)), "{}", refused.text);
        assert!(page["items"][0]["reason"].as_str().expect("a reason").contains("daily limit of 2"), "{}", refused.text);
        let after = page["next_after"].as_str().expect("another page");
        let refused = world.client.manage("GET", &format!("/imports/{id}/refused?after={after}"), None).await;
        assert_eq!(refused.body["data"]["items"][0]["line"], 5, "{}", refused.text);

        let given = give(&world.client, &file, &format!("?queue={device}&campaign=later")).await;
        let id = given.body["data"]["id"].as_str().expect("an id").to_owned();
        world.client.manage("DELETE", &format!("/devices/{device}"), None).await;
        world.client.manage("POST", &format!("/imports/{id}/begin"), None).await;
        assert_eq!(until(&world.client, &id, "stopped").await["stop"], "device");
        world.stop().await;
    }

    async fn an_import_is_forgotten_with_its_file_after_its_time(database: Database) {
        let world = World::with(database, Time::Held, |_| ()).await;
        let file = format!("destination,message\n{ALICE},hello\n");
        let id = begin(&world.client, &file, "").await;
        until(&world.client, &id, "done").await;
        let kept = world.folder().join("data/media").join(&id[30..]).join(&id);
        world.advance(Duration::from_secs(29 * 86_400)).await;
        let second = give(&world.client, &file, "").await;
        assert_eq!(second.body["data"]["state"], "checked", "{}", second.text);
        assert!(kept.exists());
        world.advance(Duration::from_secs(2 * 86_400)).await;
        eventually("it is forgotten", async || {
            world.advance(Duration::from_secs(60)).await;
            let listed = world.client.manage("GET", "/imports", None).await;
            let count = listed.body["data"]["items"].as_array().map(Vec::len);
            // It is not listed any more before its file goes.
            if count == Some(1) && !kept.exists() { Ok(()) } else { Err(listed.text) }
        })
        .await;
        assert_eq!(world.client.manage("GET", &format!("/imports/{id}"), None).await.status, 404);
        // Too many: the oldest that is not under way gives way.
        for at in 0..wachat::limits::IMPORTS_KEPT_MAX {
            assert_eq!(give(&world.client, &file, &format!("?campaign={at}")).await.status, 201);
        }
        let listed = world.client.manage("GET", "/imports?limit=500", None).await;
        assert_eq!(listed.body["data"]["items"].as_array().map(Vec::len), usize::try_from(wachat::limits::IMPORTS_KEPT_MAX).ok());
        assert!(!listed.text.contains(second.body["data"]["id"].as_str().expect("an id")), "{}", listed.text);
        world.stop().await;
    }

    async fn one_node_works_on_an_import_and_one_that_lost_it_notes_nothing(database: Database) {
        let (store, _folder) = founded(database).await;
        for id in ["a", "b"] {
            store.add_import(new_import(id)).await.expect("added");
            assert!(store.find_import(1, None, id).await.expect("asked").is_none(), "nobody sees what is being read");
            store.end_import_check(id).await.expect("read");
        }
        // One whose reading broke off is forgotten soon, the others after their time.
        store.add_import(new_import("c")).await.expect("added");
        for (kept_since, read_since, old) in [(NOW, NOW, vec![]), (NOW, NOW + 1, vec!["c"]), (NOW + 1, NOW, vec!["a", "b", "c"])] {
            assert_eq!(store.list_old_imports(kept_since, read_since, 9).await.expect("asked"), old);
        }
        assert!(store.lease_imports("one", NOW, NOW + 10, 9).await.expect("asked").is_empty(), "nothing was begun");
        store.begin_import("a", 1, None, NOW).await.expect("begun");
        let leases = futures_util::future::join_all(["one", "two"].map(|node| store.lease_imports(node, NOW, NOW + 10, 9))).await;
        let mut leases: Vec<ImportLease> = leases.into_iter().flat_map(|taken| taken.expect("asked")).collect();
        assert_eq!(leases.len(), 1, "{leases:?}");
        let first = leases.remove(0);
        let refused = Refused { place: 3, line: 5, destination: "x".into(), reason: "no".into() };
        let step = || ImportStep { next_row: 4, accepted: 2, known: 1, refused: vec![refused.clone()] };
        assert_eq!(store.note_import(&first, step(), NOW + 20).await.expect("noted"), State::Running);
        assert!(store.lease_imports("two", NOW + 20 - 1, NOW + 40, 9).await.expect("asked").is_empty());
        // The first node is silent for too long.
        let second = store.lease_imports("two", NOW + 20, NOW + 40, 9).await.expect("asked").remove(0);
        assert!(matches!(store.note_import(&first, step(), NOW + 50).await, Err(StoreError::NotOwner)));
        assert!(matches!(store.end_import(&first, None, NOW).await, Err(StoreError::NotOwner)));
        assert!(matches!(store.find_leased_import(&first).await, Err(StoreError::NotOwner)));
        // A row that is refused twice is one.
        store.note_import(&second, ImportStep { next_row: 6, ..step() }, NOW + 50).await.expect("noted");
        let import = store.find_leased_import(&second).await.expect("its own");
        assert_eq!((import.next_row, import.accepted, import.known, import.refused), (6, 4, 2, 1));
        assert_eq!(store.list_refusals("a", -1, 9).await.expect("rows").len(), 1);
        // Whoever stops it is heard with the next note; then it is free.
        store.stop_import("a", NOW).await.expect("stopped");
        assert_eq!(store.note_import(&second, step(), NOW + 90).await.expect("noted"), State::Stopped);
        store.begin_import("a", 1, None, NOW).await.expect("begun");
        let third = store.lease_imports("one", NOW + 20, NOW + 40, 9).await.expect("asked").remove(0);
        assert!(!store.forget_import("a").await.expect("asked"), "it is under way");
        store.end_import(&third, Some(Stop::Fault), NOW).await.expect("ended");
        assert!(store.forget_import("a").await.expect("asked"));
        assert!(matches!(store.note_import(&third, step(), NOW).await, Err(StoreError::NotOwner)));
        assert!(store.list_refusals("a", -1, 9).await.expect("rows").is_empty());
        assert_eq!(store.list_imports(1, None, Page { before: None, rows: 9 }).await.expect("imports").len(), 1);
        store.close().await;
    }
}
