//! What WhatsApp is told only when it is done: that a receipt is stored, that a message which could not be read was sent again.
//! The store takes nothing meanwhile, so that the moment in between is as long as a story wants it, and then the gateway is
//! killed. And what members of a group get who could not read a message.

use serde_json::json;
use sqlx::Connection;

use crate::client::Client;
use crate::linked_crashes::{BEN, RECEIPTS_IN, Town};
use crate::process::Place;
use crate::stage::{ANN, OWNER};
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

async fn send_to_group(town: &Town, client: &Client, text: &str) -> String {
    let body = json!({"queue": town.device_id, "destination": town.group, "is_group": true, "message": text});
    let reply = client.post("/message", &body).await;
    reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned()
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

    async fn a_phone_that_asks_for_a_message_again_gets_it_though_the_gateway_is_killed_meanwhile(database: Database) {
        let town = Town::new(database).await;
        let serving = town.serve().await;
        town.until_connected(true).await;
        // Its first message to her begins a session: what cannot be read is the one after it.
        let first = send(&town, &serving.client, std::iter::once("legible".to_owned())).await;
        town.network.goes(ANN, "online").await;
        until(&serving.client, &first[0], "D").await;
        let illegible = json!({"account": ANN, "recipient": OWNER, "how_often": {"next": 1}});
        town.network.fault(json!({"kind": "message_undecryptable"}), illegible).await;
        let asked = send(&town, &serving.client, std::iter::once("illegible at first".to_owned())).await;
        let (held, from) = (hold(&town.place).await, town.next_stanza().await);
        town.network.goes(ANN, "online").await;
        town.passed(RECEIPTS_IN, 1, from).await;
        serving.kill();
        drop(held);
        let serving = town.serve().await;
        eventually("she reads it", async || {
            if town.network.times(ANN, "illegible at first").await == 1 {
                return Ok(());
            }
            let stanzas = town.network.get(&format!("/stanzas?from={from}&limit=500")).await;
            Err(format!("{stanzas:#}\n{}", serving.log()))
        })
        .await;
        until(&serving.client, &asked[0], "D").await;
        assert_eq!(town.network.times(ANN, "illegible at first").await, 1);
        town.network.assert_sound().await;
        assert!(serving.terminate().await.success());
    }

    async fn members_of_a_group_who_ask_for_a_message_at_once_all_get_it(database: Database) {
        let town = Town::new(database).await;
        let serving = town.serve().await;
        town.until_connected(true).await;
        until(&serving.client, &send_to_group(&town, &serving.client, "legible").await, "D").await;
        for member in [ANN, BEN] {
            town.network.goes(member, "offline").await;
            let illegible = json!({"account": member, "how_often": {"next": 1}});
            town.network.fault(json!({"kind": "message_undecryptable"}), illegible).await;
        }
        let ref_no = send_to_group(&town, &serving.client, "illegible at first").await;
        until(&serving.client, &ref_no, "S").await;
        let (held, from) = (hold(&town.place).await, town.next_stanza().await);
        for member in [ANN, BEN] {
            town.network.goes(member, "online").await;
        }
        town.passed(RECEIPTS_IN, 2, from).await;
        drop(held);
        until(&serving.client, &ref_no, "D").await;
        for member in [ANN, BEN] {
            assert_eq!(town.network.times(member, "illegible at first").await, 1);
        }
        assert!(town.network.times_asked_again().await > 0, "nobody asked");
        town.network.assert_sound().await;
        assert!(serving.terminate().await.success());
    }

    async fn a_groups_key_is_given_again_though_the_gateway_was_killed_after_a_refusal(database: Database) {
        let town = Town::new(database).await;
        let serving = town.serve().await;
        town.until_connected(true).await;
        let refusal = json!({"account": OWNER, "moment": "message", "how_often": {"next": 1}});
        town.network.fault(json!({"kind": "ack_nacked", "code": 500}), refusal).await;
        let ref_no = send_to_group(&town, &serving.client, "to all").await;
        eventually("it is refused", async || {
            let failed = serving.client.manage("GET", &format!("/messages/{ref_no}/attempts"), None).await;
            if failed.text.contains("refused it with 500") { Ok(()) } else { Err(failed.text) }
        })
        .await;
        serving.kill();
        let serving = town.serve().await;
        until(&serving.client, &ref_no, "D").await;
        assert_eq!(town.network.times(ANN, "to all").await, 1);
        assert_eq!(town.network.times_asked_again().await, 0, "a member had to ask for it");
        town.network.assert_sound().await;
        assert!(serving.terminate().await.success());
    }
}
