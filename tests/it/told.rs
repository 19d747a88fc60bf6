//! What is told of messages and devices, wherever it is asked: by the API, alone and in lists, on the console's pages, by the
//! command line, and in the metrics. Used by `reasons.rs`.

use std::process::Command;

use serde_json::{Value, json};
use wachat::clock::Millis;
use wachat::device::{DeviceState, Health};
use wachat::store::Lease;

use crate::process::text;
use crate::signed_in::Browser;
use crate::world::{Database, World, eventually};

/// What is told of a waiting message.
const TOLD: [&str; 5] = ["status", "reason", "reason_code", "waits_until", "position"];

/// What is told of a message by the API for programs, by the management API, alone and in a list.
pub async fn told(world: &World, ref_no: &str) -> Result<Value, String> {
    let status = world.status(ref_no).await;
    let one = world.client.manage("GET", &format!("/messages/{ref_no}"), None).await.body["data"].clone();
    let list = world.client.manage("GET", "/messages?limit=500", None).await;
    let items = list.body["data"]["items"].as_array().cloned().unwrap_or_default();
    let listed = items.into_iter().find(|item| item["ref_no"] == ref_no).expect("it is listed");
    let of = |message: &Value| TOLD.map(|name| message[name].clone());
    if of(&status) == of(&one) && of(&status) == of(&listed) {
        Ok(status)
    } else {
        Err(format!("{:?} {:?} {:?}", of(&status), of(&one), of(&listed)))
    }
}

/// Waits until a message has this reason wherever it is asked; gives what is told of it.
pub async fn until_told(browser: &Browser<'_>, ref_no: &str, code: &str) -> Value {
    let world = browser.world;
    eventually(&format!("{ref_no} waits for {code}"), async || {
        let message = told(world, ref_no).await?;
        if message["reason_code"] != code {
            return Err(message.to_string());
        }
        let reason = message["reason"].as_str().expect("a reason").replace('\'', "&#39;");
        let page = browser.get(&format!("/console/messages/{ref_no}")).await;
        let list = browser.get("/console/messages").await;
        if !page.text.contains(&format!("data-code=\"{code}\">{reason}</dd>")) || !list.text.contains(&reason) {
            return Err(page.text);
        }
        if let Some(until) = message["waits_until"].as_str() {
            assert!(page.text.contains(&format!("datetime=\"{until}\"")), "{until}: {}", page.text);
        }
        Ok(message)
    })
    .await
}

/// The program, beside the gateway of a story.
pub async fn command_line(world: &World, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wachat"));
    command.args(words).current_dir(world.folder());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WACHAT_")) {
        command.env_remove(name);
    }
    command.env("WACHAT_DATA_DIR", &world.settings.data_dir).env("WACHAT_DATABASE_URL", &world.settings.database_url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ran").expect("it started");
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {}", text(&output.stdout)))
}

/// As [`until_told`], and the command line says the same.
pub async fn until_told_everywhere(browser: &Browser<'_>, ref_no: &str, code: &str) -> Value {
    let message = until_told(browser, ref_no, code).await;
    let shown = command_line(browser.world, &["status", ref_no, "--json"]).await;
    assert_eq!(TOLD.map(|name| &message[name]), TOLD.map(|name| &shown[name]));
    message
}

/// The right to write of a device as its loop does.
pub async fn lease(world: &World, device_id: &str) -> Lease {
    let node = match world.database {
        Database::Sqlite => "embedded".to_owned(),
        Database::Postgres => {
            std::fs::read_to_string(world.settings.data_dir.join("node.id")).expect("its name").trim().to_owned()
        }
    };
    let leases = world.store.lease_devices(&node, world.clock.now(), Millis::MAX).await.expect("leases");
    leases.into_iter().find(|lease| lease.device_id == device_id).expect("a lease")
}

/// A web device whose loop cannot connect, and leaves its state to the story.
pub async fn add_web(world: &World) -> String {
    let reply = world.client.manage("POST", "/devices", Some(json!({"kind": "web", "name": "Shop"}))).await;
    let id = reply.body["data"]["device_id"].as_str().expect("an id").to_owned();
    eventually("its loop has given up", async || {
        let events = world.client.manage("GET", &format!("/devices/{id}/events"), None).await;
        if events.text.contains("simulated network only") { Ok(()) } else { Err(events.text) }
    })
    .await;
    id
}

pub async fn enter(world: &World, id: &str, state: DeviceState, until: Option<Millis>) {
    let health = Health { until, ..Health::new(state, "so it is") };
    let lease = lease(world, id).await;
    assert!(world.store.set_device_health(&lease, health, world.clock.now()).await.expect("stored"));
}

/// Waits until the device is told the same by the API, the console, the command line and the metrics: in this state, with so
/// many messages waiting.
pub async fn until_is(browser: &Browser<'_>, id: &str, state: &str, waiting: i64) -> Value {
    let world = browser.world;
    eventually(&format!("{id} is {state}"), async || {
        let one = world.client.manage("GET", &format!("/devices/{id}"), None).await.body["data"].clone();
        let list = world.client.manage("GET", "/devices", None).await.body["data"].clone();
        let listed = list.as_array().into_iter().flatten().find(|device| device["device_id"] == id).cloned();
        let names = ["state", "state_code", "state_until", "waiting", "oldest_waiting_at"];
        let of = |device: &Value| names.map(|name| device[name].clone());
        if of(&one) != of(&listed.expect("it is listed")) || one["state"] != state || one["waiting"] != waiting {
            return Err(one.to_string());
        }
        let metrics = world.client.ask("GET", "/metrics", &[], None).await.text;
        let states = metrics.lines().filter(|line| line.starts_with(&format!("wachat_device_state{{device=\"{id}\"")));
        let on: Vec<&str> = states.filter(|line| line.ends_with(" 1")).collect();
        let count = format!("wachat_device_messages_waiting{{device=\"{id}\"}} {waiting}");
        if on != [format!("wachat_device_state{{device=\"{id}\",state=\"{state}\"}} 1")] || !metrics.contains(&count) {
            return Err(format!("{on:?} {count}"));
        }
        assert!(metrics.contains(&format!("wachat_device_oldest_waiting_seconds{{device=\"{id}\"}} ")));
        for page in ["", "/devices", &format!("/devices/{id}")] {
            let page = browser.get(&format!("/console{page}")).await.text;
            let words = if state == "logged_out" { "logged out" } else { state };
            let badge = format!("<span class=\"state {state}\">{words}</span>");
            if !page.contains(&badge) || (state != "online" && page.contains("It is online and sends")) {
                return Err(page);
            }
        }
        Ok(one)
    })
    .await
}

/// As [`until_is`], and the command line says the same.
pub async fn until_is_everywhere(browser: &Browser<'_>, id: &str, state: &str, waiting: i64) -> Value {
    let device = until_is(browser, id, state, waiting).await;
    let rows = command_line(browser.world, &["device", "list", "--json"]).await;
    let row = rows.as_array().into_iter().flatten().find(|row| row["device_id"] == id).expect("it is listed");
    let names = ["state", "state_until", "waiting", "oldest_waiting_at"];
    assert_eq!(names.map(|name| &device[name]), names.map(|name| &row[name]));
    device
}
