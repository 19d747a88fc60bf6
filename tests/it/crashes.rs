//! Crashes, full disks, stops and second starts: what was accepted is there and ends.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::client::Client;
use crate::process::{Place, Serving, text};
use crate::world::{ALICE, Database, eventually, stories, within};

const ROUNDS: usize = 30;
const WRITERS: usize = 8;
const MESSAGES_BEFORE_THE_KILL_MAX: u64 = 100;

/// Programs that post as fast as they are answered.
struct Load {
    accepted: watch::Sender<u64>,
    stop: AtomicBool,
}

impl Load {
    fn new() -> Self {
        Self { accepted: watch::Sender::new(0), stop: AtomicBool::new(false) }
    }

    /// Waits until so many messages got a 201.
    async fn reaches(&self, messages: u64) {
        let mut accepted = self.accepted.subscribe();
        within(Duration::from_secs(60), accepted.wait_for(|accepted| *accepted >= messages))
            .await
            .expect("they are accepted")
            .expect("they go on");
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Posts messages until the gateway is gone; gives the reference number of each that got a 201.
async fn post_until_gone(client: Client, round: usize, writer: usize, load: &Load) -> Vec<String> {
    let mut accepted = Vec::new();
    for at in 0.. {
        if load.stop.load(Ordering::Relaxed) {
            break;
        }
        let number = 1_000 + (round * 31 + writer * 7 + at) % 8_000;
        let body = json!({"destination": format!("62811300{number}"), "message": format!("{round}/{writer}/{at}")});
        match client.try_post("/message", &body).await {
            Some(reply) if reply.status == 201 => {
                accepted.push(reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned());
                load.accepted.send_modify(|accepted| *accepted += 1);
            }
            // Stored or not, nobody was told that it was.
            Some(_) | None => {}
        }
    }
    accepted
}

/// How many messages have not ended yet: read, or given up.
pub async fn count_unended(client: &Client) -> i64 {
    let counts = client.manage("GET", "/messages/counts", None).await;
    ["Q", "S", "D"].iter().map(|state| counts.body["data"][*state].as_i64().expect("a count")).sum()
}

stories! {
    async fn what_got_a_201_survives_kill_9_at_any_moment_and_ends(database: Database) {
        let place = Place::new(database).await;
        let clock = wachat::clock::Clock::system();
        let mut accepted = Vec::new();
        for round in 0..ROUNDS {
            let serving = place.serve().await;
            let load = Load::new();
            let client = serving.client.clone();
            let writers = futures_util::future::join_all(
                (0..WRITERS).map(|writer| post_until_gone(client.clone(), round, writer, &load)),
            );
            let murder = async {
                load.reaches(1 + clock.random_below(MESSAGES_BEFORE_THE_KILL_MAX)).await;
                serving.kill();
                load.stop();
            };
            let (survivors, ()) = tokio::join!(writers, murder);
            accepted.extend(survivors.into_iter().flatten());
        }
        assert!(accepted.len() > ROUNDS, "the rounds were too short to tell: {}", accepted.len());
        let serving = place.serve().await;
        for ref_no in &accepted {
            let reply = serving.client.get(&format!("/status/{ref_no}")).await;
            assert_eq!(reply.status, 200, "{ref_no} got a 201 and is gone: {}", reply.text);
        }
        eventually("every message has ended", async || {
            let unended = count_unended(&serving.client).await;
            if unended == 0 { Ok(()) } else { Err(format!("{unended} have not")) }
        })
        .await;
        let counts = serving.client.manage("GET", "/messages/counts", None).await;
        assert_eq!(counts.body["data"]["A"], 0, "none was given up: {}", counts.text);
        assert!(serving.terminate().await.success());
    }

    async fn a_stop_finishes_what_is_in_hand_and_exits_0(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let client = serving.client.clone();
        let load = Load::new();
        let writers = futures_util::future::join_all(
            (0..WRITERS).map(|writer| post_until_gone(client.clone(), 0, writer, &load)),
        );
        let end = async {
            load.reaches(10 * WRITERS as u64).await;
            let stopped = within(Duration::from_secs(10), serving.terminate()).await;
            load.stop();
            stopped.expect("it stops within 10 s")
        };
        let (accepted, status) = tokio::join!(writers, end);
        assert!(status.success(), "{status}");
        let serving = place.serve().await;
        for ref_no in accepted.iter().flatten() {
            assert_eq!(serving.client.get(&format!("/status/{ref_no}")).await.status, 200, "{ref_no}");
        }
        serving.kill();
    }

    async fn a_second_server_in_the_same_folder_says_so_and_exits(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let told = place.fails(&["serve", "--listen", "127.0.0.1:0"]).await;
        assert!(told.contains("another wachat serves") && told.contains("--data-dir"), "{told}");
        assert_eq!(serving.client.get("/auth/api_key").await.status, 200);
        serving.kill();
        // A crash leaves no lock behind.
        place.serve().await.kill();
    }

    async fn a_database_of_a_newer_program_or_another_master_key_is_refused(database: Database) {
        let place = Place::new(database).await;
        place.serve().await.kill();
        let mut command = place.command(&["device", "list"]);
        let other = command.env("WACHAT_MASTER_KEY", "ab".repeat(32)).output().expect("it runs");
        assert!(text(&other.stderr).contains("bring back master.key"), "{}", text(&other.stderr));
        crate::stores::pretend_newer(&place).await;
        let told = place.fails(&["serve", "--listen", "127.0.0.1:0"]).await;
        assert!(told.contains("schema version 999") && told.contains("newer wachat"), "{told}");
    }
}

/// Two folders, one database file: the file itself is locked too.
#[tokio::test]
async fn a_second_server_on_the_same_sqlite_file_says_so_and_exits() {
    let place = Place::new(Database::Sqlite).await;
    let serving = place.serve().await;
    let url = format!("sqlite:{}", place.data_dir().join("wachat.db").display());
    let elsewhere = Place { folder: tempfile::tempdir().expect("a folder"), database_url: Some(url) };
    let told = elsewhere.fails(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert!(told.contains("another wachat serves"), "{told}");
    serving.kill();
}

/// The gateway in a mount namespace of its own, whose data folder is a file system of four megabytes.
#[tokio::test]
async fn a_full_disk_answers_503_loses_nothing_and_passes_by_itself() {
    let place = Place::new(Database::Sqlite).await;
    std::fs::create_dir_all(place.data_dir()).expect("a folder");
    let inner = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg("mount -t tmpfs -o size=4m tmpfs \"$WACHAT_DATA_DIR\" && exec \"$0\" serve --listen 127.0.0.1:0");
    command.arg(inner.get_program()).current_dir(place.folder.path());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let serving = Serving::start(command).await;
    let client = &serving.client;
    let mut accepted = Vec::new();
    // Where a long message finds no room a short one may: the disk is full when there is none for either.
    let refused = eventually("the disk is full", async || {
        let mut refused = None;
        for length in [20_000, 1] {
            let reply = client.post("/message", &json!({"destination": ALICE, "message": "x".repeat(length)})).await;
            match reply.status {
                201 => accepted.push(reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned()),
                503 => refused = Some(reply),
                other => panic!("{other}: {}", reply.text),
            }
        }
        let ready = client.ask("GET", "/readyz", &[], None).await;
        refused.filter(|_| ready.status == 503).ok_or(ready.text)
    })
    .await;
    assert!(!accepted.is_empty());
    assert_eq!((refused.header("retry-after"), &refused.body["error"]), ("5", &json!(true)), "{}", refused.text);
    assert_eq!(client.ask("GET", "/healthz", &[], None).await.status, 200);
    let media = json!({"destination": ALICE, "media_base64": "YWFh".repeat(100_000), "file_name": "a.txt"});
    assert_eq!(client.post("/media", &media).await.status, 503);
    // What is there can be read.
    assert_eq!(client.get(&format!("/status/{}", accepted[0])).await.status, 200);

    let pid = serving.pid().to_string();
    let folder = place.data_dir().display().to_string();
    let grow =
        ["--target", &pid, "--user", "--mount", "--preserve-credentials", "mount", "-o", "remount,size=64m", &folder];
    let grown = Command::new("nsenter").args(grow).output().expect("nsenter");
    assert!(grown.status.success(), "{}", text(&grown.stderr));
    eventually("it takes messages again", async || {
        let reply = client.post("/message", &json!({"destination": ALICE, "message": "hello"})).await;
        if reply.status == 201 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    eventually("every message has ended", async || {
        let unended = count_unended(client).await;
        if unended == 0 { Ok(()) } else { Err(format!("{unended} have not")) }
    })
    .await;
    for ref_no in &accepted {
        let status = client.get(&format!("/status/{ref_no}")).await;
        assert_eq!(status.body["data"]["status"], "R", "{}", status.text);
    }
    assert!(serving.terminate().await.success());
}
