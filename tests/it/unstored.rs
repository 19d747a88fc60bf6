//! Stories of a store that takes nothing for a while: what a linked account is told meanwhile is neither lost nor confirmed.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;

use crate::client::Client;
use crate::door::Door;
use crate::linked_crashes::Town;
use crate::network::Network;
use crate::process::Serving;
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

/// How a program's store goes away.
enum Away {
    /// PostgreSQL is stopped.
    Stopped(Door),
    /// No file takes another byte.
    Full { pid: u32 },
}

impl Away {
    async fn begin(&mut self) {
        match self {
            Self::Stopped(door) => door.shut().await,
            Self::Full { pid } => limit_files(*pid, "0"),
        }
    }

    fn end(&mut self) {
        match self {
            Self::Stopped(door) => door.open(),
            Self::Full { pid } => limit_files(*pid, "unlimited"),
        }
    }
}

/// Sets how long the files may be that a process writes.
fn limit_files(pid: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:");
    let set = Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().expect("prlimit");
    assert!(set.success(), "{set}");
}

/// The same program, which is told when a file may not be longer, and is not ended for it.
fn told_of_full_disks(command: &Command) -> Command {
    let mut told = Command::new("sh");
    told.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => told.env(name, value),
            None => told.env_remove(name),
        };
    }
    told
}

/// A linked account, whichever way its gateway runs.
struct Linked<'a> {
    network: &'a Network,
    client: &'a Client,
    device_id: &'a str,
}

impl Linked<'_> {
    async fn next_stanza(&self) -> u64 {
        self.network.get("/stanzas?limit=1").await["next"].as_u64().expect("a number")
    }

    /// How many stanzas of the linked device (its phone is told receipts too, and confirms them) went in this direction since `from`
    /// that begin so and hold these words.
    async fn count(&self, mut from: u64, direction: &str, start: &str, words: &str) -> usize {
        let mut found = 0;
        loop {
            let page = self.network.get(&format!("/stanzas?from={from}&limit=500")).await;
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

    async fn until_readyz(&self, status: u16) {
        eventually_within(LONG, &format!("/readyz answers {status}"), async || {
            let reply = self.client.ask("GET", "/readyz", &[], None).await;
            if reply.status == status { Ok(()) } else { Err(reply.text) }
        })
        .await;
    }

    async fn status(&self, ref_no: &str) -> Value {
        self.client.get(&format!("/status/{ref_no}")).await.body["data"].clone()
    }

    async fn until(&self, ref_no: &str, status: &str) {
        eventually_within(LONG, &format!("{ref_no} is {status}"), async || {
            let message = self.status(ref_no).await;
            if message["status"] == status { Ok(()) } else { Err(message.to_string()) }
        })
        .await;
    }

    async fn device(&self, path: &str) -> Value {
        self.client.manage("GET", &format!("/devices/{}{path}", self.device_id), None).await.body["data"].clone()
    }

    /// Many messages are sent; while the store is away their receipts come, and the connection is another one. None is lost,
    /// and none confirmed before it is stored.
    async fn loses_nothing(&self, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
        self.network.goes(ANN, "offline").await;
        let mut all = Vec::new();
        for number in 0..MANY {
            let body = json!({"queue": self.device_id, "destination": ANN, "message": format!("number {number}")});
            let reply = self.client.post("/message", &body).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            all.push(reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned());
        }
        for ref_no in &all {
            self.until(ref_no, "S").await;
        }
        begin().await;
        // The connection ends and is made again: both are states that the store does not take. The receipts come by the new one.
        let from = self.next_stanza().await;
        self.network
            .fault(json!({"kind": "stream_error", "code": 515}), json!({"account": OWNER, "how_often": {"next": 1}}))
            .await;
        eventually("a new connection is made", async || {
            let made = self.count(from, "to_client", "<success", "").await;
            if made > 0 { Ok(()) } else { Err("not yet".to_owned()) }
        })
        .await;
        let from = self.next_stanza().await;
        self.network.goes(ANN, "online").await;
        eventually("the receipts come", async || {
            let came = self.count(from, "to_client", "<receipt", "").await;
            if came >= MANY { Ok(()) } else { Err(format!("{came}")) }
        })
        .await;
        self.until_readyz(503).await;
        assert_eq!(self.count(from, "to_server", "<ack", "receipt").await, 0, "none is confirmed early");
        end().await;
        self.until_readyz(200).await;
        for ref_no in &all {
            self.until(ref_no, "D").await;
        }
        eventually("the device is online", async || {
            let device = self.device("").await;
            if device["state"] == "online" { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        let events = self.device("/events?limit=500").await;
        let was_away = events["items"].as_array().into_iter().flatten().any(|event| event["state"] == "reconnecting");
        assert!(was_away, "the state of meanwhile is in the history: {events}");
        self.network.assert_sound().await;
    }
}

stories! {
    async fn receipts_and_a_state_that_cannot_be_stored_are_stored_later_and_not_confirmed_before(database: Database) {
        let stage = Stage::new(database).await;
        let linked = Linked { network: &stage.network, client: &stage.world.client, device_id: &stage.device_id };
        let refusing = std::cell::RefCell::new(None);
        let begin = async || *refusing.borrow_mut() = Some(Refusing::begin(&stage).await);
        let end = async || refusing.take().expect("begun").end().await;
        linked.loses_nothing(begin, end).await;
    }

    async fn receipts_and_a_state_outlast_a_full_disk_and_a_database_that_is_stopped(database: Database) {
        let mut town = Town::new(database).await;
        let mut door = None;
        if let Some(url) = &town.place.database_url {
            let (made, url) = Door::before(url).await;
            (door, town.place.database_url) = (Some(made), Some(url));
        }
        let mut command = town.place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("WACHAT_SIMULATED_NETWORK", town.network.url());
        let mut command = told_of_full_disks(&command);
        command.current_dir(town.place.folder.path());
        let serving = Serving::start(command).await;
        let pid = serving.pid();
        let away = std::cell::RefCell::new(door.map_or(Away::Full { pid }, Away::Stopped));
        let linked = Linked { network: &town.network, client: &serving.client, device_id: &town.device_id };
        eventually("it is online", async || {
            let device = linked.device("").await;
            if device["state"] == "online" { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        #[allow(clippy::await_holding_refcell_ref, reason = "begun before it ends")]
        let begin = async || away.borrow_mut().begin().await;
        linked.loses_nothing(begin, async || away.borrow_mut().end()).await;
        assert!(serving.terminate().await.success());
    }
}
