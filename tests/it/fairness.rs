//! What one client asks for, however much it is, holds up no other client.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use wachat::limits;
use wachat::message::NewMessage;
use wachat::store::Accept;

use crate::client::Client;
use crate::imports::{begin, until};
use crate::receiver::{Answer, Receiver};
use crate::stores::message;
use crate::world::{ALICE, BOB, World, eventually, stories};

/// So many rows to one recipient: each is a batch of its own.
fn long(rows: usize, text: &str) -> String {
    let rows: String = (0..rows).map(|at| format!("{ALICE},{text} {at}\n")).collect();
    format!("destination,message\n{rows}")
}

async fn look(client: &Client, id: &str) -> Value {
    client.manage("GET", &format!("/imports/{id}"), None).await.body["data"].clone()
}

/// Rows that take far longer than all else in a story.
const MANY: usize = 2_000;
/// Messages that a search takes a while to look through, and how long each is.
const SEARCHED: usize = 4_000;
const LONG_CHARS: usize = 4_000;
/// As many as are queued to the end.
const SOME: usize = 500;

stories! {
    async fn a_row_of_one_client_is_queued_beside_the_large_imports_of_another(database: Database) {
        let world = World::held(database).await;
        let other = world.add_client("other", "628110000091").await;
        let mut large = Vec::new();
        for name in ["a", "b", "c"] {
            large.push(begin(&world.client, &long(MANY, name), &format!("?campaign={name}")).await);
        }
        eventually("the first is under way", async || {
            let import = look(&world.client, &large[0]).await;
            if import["done_count"].as_i64() > Some(0) { Ok(()) } else { Err(import.to_string()) }
        })
        .await;
        let single = begin(&other.client, "destination,message\n628111111113,hello\n", "").await;
        assert_eq!(until(&other.client, &single, "done").await["accepted_count"], 1);
        let states: Vec<Value> = futures_util::future::join_all(large.iter().map(|id| look(&world.client, id))).await;
        assert!(states.iter().all(|import| import["state"] == "running"), "{states:?}");
        assert!(states[1..].iter().all(|import| import["done_count"] == 0), "one of a client at a time: {states:?}");
        for id in &large {
            assert_eq!(world.client.manage("POST", &format!("/imports/{id}/stop"), None).await.status, 200);
        }
        world.stop().await;
    }

    async fn an_import_makes_room_for_another_clients_after_its_turn_and_goes_on_later(database: Database) {
        let world = World::held(database).await;
        let second = world.add_client("second", "628110000092").await;
        let third = world.add_client("third", "628110000093").await;
        let mut large = Vec::new();
        for client in [&world.client, &second.client] {
            large.push((client, begin(client, &long(SOME, "text"), "").await));
        }
        for (client, id) in &large {
            eventually("both are under way", async || {
                let import = look(client, id).await;
                if import["done_count"].as_i64() > Some(0) { Ok(()) } else { Err(import.to_string()) }
            })
            .await;
        }
        let single = begin(&third.client, "destination,message\n628111111113,hello\n", "").await;
        // Their turns end.
        world.advance(Duration::from_secs(2)).await;
        assert_eq!(until(&third.client, &single, "done").await["accepted_count"], 1);
        for (client, id) in &large {
            let import = look(client, id).await;
            assert_eq!(import["state"], "running", "{import}");
        }
        for (client, id) in &large {
            let import = eventually("it goes on", async || {
                world.advance(Duration::from_millis(100)).await;
                let import = look(client, id).await;
                if import["state"] == "done" { Ok(import) } else { Err(import.to_string()) }
            })
            .await;
            assert_eq!((&import["accepted_count"], &import["known_count"]), (&json!(SOME), &json!(0)), "{import}");
        }
        world.stop().await;
    }

    async fn an_import_that_waits_for_room_holds_up_no_other_client(database: Database) {
        let world = World::with(database, crate::world::Time::Machine, |settings| settings.waiting_quota = 1).await;
        let others = [world.add_client("second", "628110000094").await, world.add_client("third", "628110000095").await];
        let last = world.add_client("last", "628110000096").await;
        let rows = "destination,message\n628111111113,a\n628111111114,b\n628111111115,c\n";
        let mut waiting = Vec::new();
        for (at, other) in others.iter().enumerate() {
            let device = json!({"client_id": other.client_id, "kind": "web", "sender": format!("62811000010{at}")});
            let added = other.client.manage("POST", "/devices", Some(device)).await;
            let queue = added.body["data"]["device_id"].as_str().expect("a device").to_owned();
            waiting.push((&other.client, begin(&other.client, rows, &format!("?queue={queue}")).await));
        }
        for (client, id) in &waiting {
            eventually("it waits for room", async || {
                let import = look(client, id).await;
                if import["wait_reason"].is_string() { Ok(()) } else { Err(import.to_string()) }
            })
            .await;
        }
        let single = begin(&last.client, "destination,message\n628111111113,hello\n", "").await;
        assert_eq!(until(&last.client, &single, "done").await["accepted_count"], 1);
        world.stop().await;
    }

    async fn the_searches_of_one_client_hold_up_no_search_of_another(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000098").await;
        let device = json!({"kind": "web", "sender": "628110000099"});
        let queue = world.client.manage("POST", "/devices", Some(device)).await.body["data"]["device_id"].clone();
        let queue = queue.as_str().expect("a device");
        let now = world.clock.now();
        let accepted = join_all((0..SEARCHED).map(|_| {
            let message = NewMessage { created_at: now, expires_at: now + 86_400_000, ..message(queue, &"x".repeat(LONG_CHARS)) };
            world.store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None })
        }));
        assert!(accepted.await.iter().all(Result::is_ok));
        assert_eq!(other.client.post("/message", &json!({"destination": BOB, "message": "a needle"})).await.status, 201);
        let in_line = limits::SEARCHES_OF_CLIENT_MAX + limits::SEARCHES_OF_CLIENT_WAITING_MAX;
        let (found, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let storm = join_all((0..in_line + 4).map(|_| async {
            let reply = world.client.manage("GET", "/messages?text=nobody-wrote-this", None).await;
            match reply.status {
                200 => found.fetch_add(1, Ordering::Relaxed),
                429 => refused.fetch_add(1, Ordering::Relaxed),
                other => panic!("{other}: {}", reply.text),
            };
        }));
        let honest = async {
            // One more than may wait was refused: the others stand in line.
            eventually("the line is full", async || {
                if refused.load(Ordering::Relaxed) > 0 { Ok(()) } else { Err("nobody was refused".into()) }
            })
            .await;
            let reply = other.client.manage("GET", "/messages?text=needle", None).await;
            (reply, found.load(Ordering::Relaxed))
        };
        let (_, (reply, before)) = tokio::join!(storm, honest);
        assert_eq!(reply.body["data"]["items"].as_array().map(Vec::len), Some(1), "{}", reply.text);
        assert!(before < in_line / 2, "{before} searches came first");
        assert!(found.load(Ordering::Relaxed) >= in_line, "none of them is lost");
        world.stop().await;
    }

    async fn samples_to_a_receiver_that_does_not_answer_leave_room_for_other_clients(database: Database) {
        let world = World::new(database).await;
        let other = world.add_client("other", "628110000097").await;
        let (deaf, good) = (Receiver::new(vec![Answer::nothing()]).await, Receiver::new(vec![Answer::status(200)]).await);
        for (client_id, receiver) in [(1, &deaf), (other.client_id, &good)] {
            let url = json!({"url": receiver.url("/inbox")});
            let set = world.client.manage("PUT", &format!("/clients/{client_id}/push"), Some(url)).await;
            assert_eq!(set.status, 200, "{}", set.text);
        }
        let hanging = (0..8).map(|_| world.client.manage("POST", "/clients/1/push/test", None));
        let hanging = futures_util::future::join_all(hanging);
        let honest = async {
            deaf.until(2).await;
            let path = format!("/clients/{}/push/test", other.client_id);
            other.client.manage("POST", &path, None).await
        };
        let (hung, sent) = tokio::join!(hanging, honest);
        assert_eq!((sent.status, &sent.body["data"]["answer"]["status"]), (200, &json!(200)), "{}", sent.text);
        let statuses: Vec<u16> = hung.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 6, "{statuses:?}");
        assert_eq!(deaf.asked().len(), 2);
        world.stop().await;
    }
}
