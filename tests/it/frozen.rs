//! Stories of a node or a database that neither answers nor goes away: what hangs there holds up nobody else.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;
use wachat::settings::Hidden;
use wachat::store::{Location, StoreError};

use crate::door::Door;
use crate::process::{Place, Serving};
use crate::world::{ALICE, Database, PATIENCE, Time, World, eventually, stories, within};

/// How long a stop may take, with what a busy machine adds.
const STOP: Duration = Duration::from_secs(12);

/// What the gateway opens its own sessions with.
fn session(url: &str) -> PgConnectOptions {
    match Location::parse(url).expect("a location") {
        Location::Postgres(options) => *options,
        Location::Sqlite(_) => panic!("it is PostgreSQL"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_frozen_in_a_transaction_holds_up_no_other() {
    let key = || Some(Hidden("ab".repeat(32)));
    let one = World::with(Database::Postgres, Time::Machine, |settings| settings.master_key = key()).await;
    let url = one.settings.database_url.clone();
    let other = World::with(Database::Postgres, Time::Machine, |settings| {
        (settings.master_key, settings.database_url) = (key(), url.clone());
    })
    .await;
    let mut frozen = PgConnection::connect_with(&session(&url)).await.expect("a connection");
    for text in ["BEGIN", "LOCK TABLE messages, devices, meta IN EXCLUSIVE MODE"] {
        sqlx::query(text).execute(&mut frozen).await.expect("locked");
    }
    for world in [&one, &other] {
        let ref_no = within(PATIENCE, world.send(ALICE, "hello")).await.expect("it is accepted meanwhile");
        world.until(&ref_no, "R").await;
    }
    // The node that comes to itself learns that its transaction is over, and begins again.
    let error = sqlx::query("COMMIT").execute(&mut frozen).await.expect_err("it is over");
    assert!(matches!(StoreError::from(error), StoreError::Unavailable(_)));
    other.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ails_the_server_or_the_connection_passes_and_what_ails_the_row_does_not() {
    let place = Place::new(Database::Postgres).await;
    let mut conn =
        PgConnection::connect_with(&session(place.database_url.as_ref().expect("a URL"))).await.expect("it opens");
    let passing = [
        "08006", "25000", "25001", "25006", "25P02", "25P03", "25P04", "28000", "28P01", "3D000", "40001", "40P01",
        "53100", "53300", "55P03", "57014", "57P01", "57P03", "58030", "F0000",
    ];
    for (codes, is_passing) in [(&passing[..], true), (&["22003", "22021", "23502", "23514"][..], false)] {
        for code in codes {
            let text = format!("DO $$ BEGIN RAISE EXCEPTION 'a fault' USING ERRCODE = '{code}'; END $$");
            let error = sqlx::query(AssertSqlSafe(text)).execute(&mut conn).await.expect_err("raised");
            match StoreError::from(error) {
                StoreError::Unavailable(_) => assert!(is_passing, "{code}"),
                StoreError::BadRow(_) => assert!(!is_passing, "{code}"),
                other => panic!("{code}: {other}"),
            }
        }
    }
    let broken = [
        sqlx::Error::Protocol("not what was expected".into()),
        sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into()),
        sqlx::Error::BeginFailed,
    ];
    for error in broken {
        let said = error.to_string();
        assert!(matches!(StoreError::from(error), StoreError::Unavailable(_)), "{said}");
    }
}

#[tokio::test]
async fn a_program_that_waits_for_a_database_that_does_not_answer_can_be_stopped() {
    let mut place = Place::new(Database::Postgres).await;
    let (door, url) = Door::before(place.database_url.as_ref().expect("a URL")).await;
    place.database_url = Some(url);
    door.freeze();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    eventually("it has begun", async || {
        if place.data_dir().join("serve.lock").exists() { Ok(()) } else { Err("not yet".into()) }
    })
    .await;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is signalled");
    let ended =
        async { eventually("it ends", async || child.try_wait().expect("a child").ok_or_else(String::new)).await };
    assert!(within(STOP, ended).await.expect("in time").success());
}

stories! {
    async fn a_program_whose_database_does_not_answer_stops_in_time(database: Database) {
        let mut place = Place::new(database).await;
        let mut door = None;
        if let Some(url) = &place.database_url {
            let (made, url) = Door::before(url).await;
            (door, place.database_url) = (Some(made), Some(url));
        }
        let serving = place.serve().await;
        assert_eq!(serving.client.post("/message", &json!({"destination": ALICE, "message": "hello"})).await.status, 201);
        let mut held = None;
        match &door {
            Some(door) => door.freeze(),
            None => {
                let conn = rusqlite::Connection::open(place.data_dir().join("wachat.db")).expect("a connection");
                conn.busy_timeout(PATIENCE).expect("patience");
                conn.execute_batch("BEGIN IMMEDIATE").expect("held");
                held = Some(conn);
            }
        }
        // Somebody waits for an answer that does not come.
        let client = serving.client.clone();
        let mut asking = JoinSet::new();
        asking.spawn(async move { client.try_post("/message", &json!({"destination": ALICE, "message": "late"})).await });
        let stopped = within(STOP, Serving::terminate(serving)).await.expect("it stops in time");
        assert!(stopped.success(), "{stopped}");
        drop(held);
    }
}
