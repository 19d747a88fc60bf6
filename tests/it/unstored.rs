//! Stories of a store that takes nothing for a while: what a linked account is told meanwhile is neither lost nor confirmed.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;

use crate::stage::{ANN, OWNER, Stage};
use crate::world::{Database, eventually, eventually_within, stories};

/// As many receipts as a loop takes at once.
const MANY: usize = 256;
/// SQLite waits ten seconds for a lock before it gives up.
const LONG: Duration = Duration::from_secs(60);

/// A store that refuses every write.
enum Refusing {
    Sqlite(rusqlite::Connection),
    Postgres(sqlx::PgConnection, String),
}

async fn terminate_others(conn: &mut sqlx::PgConnection) {
    let text = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid()";
    sqlx::query(text).execute(conn).await.expect("terminated");
}

impl Refusing {
    async fn begin(stage: &Stage) -> Self {
        let url = &stage.world.settings.database_url;
        if stage.world.database == Database::Sqlite {
            let conn = rusqlite::Connection::open(url.trim_start_matches("sqlite:")).expect("a connection");
            conn.busy_timeout(Duration::from_secs(5)).expect("patience");
            conn.execute_batch("BEGIN IMMEDIATE").expect("held");
            return Self::Sqlite(conn);
        }
        // As when the server fails over to a standby: every connection ends, and the new ones take no writes.
        let mut conn = sqlx::PgConnection::connect(url).await.expect("a connection");
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut conn).await.expect("a name");
        let text = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut conn).await.expect("read only");
        terminate_others(&mut conn).await;
        Self::Postgres(conn, name)
    }

    async fn end(self) {
        match self {
            Self::Sqlite(conn) => conn.execute_batch("ROLLBACK").expect("let go"),
            Self::Postgres(mut conn, name) => {
                let text = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
                sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut conn).await.expect("written again");
                terminate_others(&mut conn).await;
            }
        }
    }
}

async fn next_stanza(stage: &Stage) -> u64 {
    stage.network.get("/stanzas?limit=1").await["next"].as_u64().expect("a number")
}

/// How many stanzas of the linked device (its phone is told receipts too, and confirms them) went in this direction since `from`
/// that begin so and hold these words.
async fn count(stage: &Stage, mut from: u64, direction: &str, start: &str, words: &str) -> usize {
    let mut found = 0;
    loop {
        let page = stage.network.get(&format!("/stanzas?from={from}&limit=500")).await;
        let stanzas = page["stanzas"].as_array().cloned().unwrap_or_default();
        let is_it = |one: &&Value| {
            let text = one["stanza"].as_str().unwrap_or_default();
            let device = one["device"].as_str().unwrap_or_default();
            device == format!("{OWNER}:1@s.whatsapp.net")
                && one["direction"] == direction
                && text.starts_with(start)
                && text.contains(words)
        };
        found += stanzas.iter().filter(is_it).count();
        let next = page["next"].as_u64().expect("a number");
        if next == from || stanzas.is_empty() {
            return found;
        }
        from = next;
    }
}

async fn until_readyz(stage: &Stage, status: u16) {
    eventually_within(LONG, &format!("/readyz answers {status}"), async || {
        let reply = stage.world.client.ask("GET", "/readyz", &[], None).await;
        if reply.status == status { Ok(()) } else { Err(reply.text) }
    })
    .await;
}

stories! {
    async fn receipts_and_a_state_that_cannot_be_stored_are_stored_later_and_not_confirmed_before(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.goes(ANN, "offline").await;
        let mut all = Vec::new();
        for number in 0..MANY {
            all.push(stage.send(ANN, &format!("number {number}")).await);
        }
        for ref_no in &all {
            stage.world.until(ref_no, "S").await;
        }
        let refusing = Refusing::begin(&stage).await;
        // The connection ends and is made again: both are states that the store does not take. The receipts come by the new one.
        let from = next_stanza(&stage).await;
        stage.fault(json!({"kind": "stream_error", "code": 515}), json!({"next": 1})).await;
        eventually("a new connection is made", async || {
            let made = count(&stage, from, "to_client", "<success", "").await;
            if made > 0 { Ok(()) } else { Err("not yet".to_owned()) }
        })
        .await;
        let from = next_stanza(&stage).await;
        stage.network.goes(ANN, "online").await;
        eventually("the receipts come", async || {
            let came = count(&stage, from, "to_client", "<receipt", "").await;
            if came >= MANY { Ok(()) } else { Err(format!("{came}")) }
        })
        .await;
        until_readyz(&stage, 503).await;
        assert_eq!(count(&stage, from, "to_server", "<ack", "receipt").await, 0, "none is confirmed early");
        refusing.end().await;
        until_readyz(&stage, 200).await;
        for ref_no in &all {
            eventually_within(LONG, &format!("{ref_no} is delivered"), async || {
                let message = stage.world.status(ref_no).await;
                if message["status"] == "D" { Ok(()) } else { Err(message.to_string()) }
            })
            .await;
        }
        stage.until_state("online").await;
        assert!(stage.entered("reconnecting").await > 0, "the state of meanwhile is in the history");
        stage.network.assert_sound().await;
    }
}
