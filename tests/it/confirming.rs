//! What WhatsApp is told only when it is done: that a receipt is stored. The store takes nothing meanwhile, so that the moment in between is as long as a story wants it, and then the gateway is
//! killed.

use serde_json::json;
use sqlx::Connection;

use crate::client::Client;
use crate::linked_crashes::{RECEIPTS_IN, Town};
use crate::process::Place;
use crate::stage::ANN;
use crate::world::{eventually, stories};

/// More than may wait in the client library at once.
const MANY: usize = 150;

/// A store that takes nothing for as long as this lives.
enum Held {
    Sqlite(#[allow(dead_code, reason = "it holds the lock")] rusqlite::Connection),
    Postgres(#[allow(dead_code, reason = "it holds the lock")] sqlx::PgConnection),
}

async fn hold(place: &Place) -> Held {
    match &place.database_url {
        Some(url) => {
            let mut conn = sqlx::PgConnection::connect(url).await.expect("a connection");
            for text in ["BEGIN", "LOCK TABLE messages, session_keys IN EXCLUSIVE MODE"] {
                sqlx::query(text).execute(&mut conn).await.expect("held");
            }
            Held::Postgres(conn)
        }
        None => {
            let conn = rusqlite::Connection::open(place.data_dir().join("wachat.db")).expect("a connection");
            conn.busy_timeout(std::time::Duration::from_secs(5)).expect("patience");
            conn.execute_batch("BEGIN IMMEDIATE").expect("held");
            Held::Sqlite(conn)
        }
    }
}

/// Sends texts to Ann, whose phone is off; gives their reference numbers once WhatsApp has them all.
async fn send(town: &Town, client: &Client, texts: impl Iterator<Item = String>) -> Vec<String> {
    town.network.goes(ANN, "offline").await;
    let mut all = Vec::new();
    for text in texts {
        let body = json!({"queue": town.device_id, "destination": ANN, "message": text});
        let reply = client.post("/message", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        all.push(reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned());
    }
    for ref_no in &all {
        until(client, ref_no, "S").await;
    }
    all
}

async fn until(client: &Client, ref_no: &str, state: &str) {
    eventually(&format!("{ref_no} becomes {state}"), async || {
        let reply = client.get(&format!("/status/{ref_no}")).await;
        if reply.body["data"]["status"] == state { Ok(()) } else { Err(reply.text) }
    })
    .await;
}

stories! {
    async fn more_receipts_than_may_wait_are_not_confirmed_before_they_are_stored(database: Database) {
        let town = Town::new(database).await;
        let serving = town.serve().await;
        town.until_connected(true).await;
        let all = send(&town, &serving.client, (0..MANY).map(|at| format!("number {at}"))).await;
        let (held, from) = (hold(&town.place).await, town.next_stanza().await);
        town.network.goes(ANN, "online").await;
        town.passed(RECEIPTS_IN, MANY as u64, from).await;
        serving.kill();
        drop(held);
        let serving = town.serve().await;
        for ref_no in &all {
            until(&serving.client, ref_no, "D").await;
        }
        town.network.assert_sound().await;
        assert!(serving.terminate().await.success());
    }
}
