//! A client that has one of everything, and what to look for where nothing of it may be seen: every text that it has begins
//! with [`CANARY`].

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Client;
use crate::operations::{Names, text};
use crate::world::{Other, World, eventually};

/// What every text of the client begins with.
pub const CANARY: &str = "canary";
/// Whom it writes to, and who writes to it.
const FRIEND: &str = "628111119871";
const WRITER: &str = "628111119872";
/// The sandbox plays a number that is not on WhatsApp.
const NOBODY: &str = "628111110001";
const GROUP: &str = "120363000000009871@g.us";
const NUMBER: &str = "628110009871";
const PAUSED_NUMBER: &str = "628110009872";

/// The client, as the tenant matrix asks for it.
pub struct Victim {
    pub owner: Other,
    /// A person of its own who only sends.
    pub sender: Client,
    pub sender_id: i64,
    /// What names its things.
    pub names: Names,
    /// A device that has no link, for what sandboxes have not.
    pub web_device: String,
    /// Link to a file of it.
    pub media_url: String,
    /// What names it in an answer: ids, numbers, secrets.
    pub marks: BTreeSet<String>,
}

/// Adds a person to a client and gives the person's number and key.
pub async fn add_person(world: &World, client_id: i64, userid: &str, role: &str) -> (i64, Client) {
    let person = json!({"userid": userid, "role": role, "password": crate::signed_in::PASSWORD});
    let id = number(&manage(&world.client, "POST", &format!("/clients/{client_id}/persons"), person).await["id"]);
    let key = json!({"person_id": id, "name": format!("{userid}-key")});
    let made = manage(&world.client, "POST", &format!("/clients/{client_id}/keys"), key).await;
    (id, world.client.with_key(made["api_key"].as_str().expect("a key")))
}

/// Asks, and gives the `data` of what must succeed.
async fn manage(client: &Client, method: &str, path: &str, body: Value) -> Value {
    let reply = client.manage(method, path, Some(body).filter(|body| !body.is_null())).await;
    assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.text);
    reply.body["data"].clone()
}

async fn send(client: &Client, path: &str, body: Value) -> String {
    let reply = client.post(path, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    text(&reply.body["data"]["ref_no"])
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

impl Victim {
    pub async fn new(world: &World) -> Self {
        let owner = world.add_client("canary-toko", NUMBER).await;
        let (client, id) = (owner.client.clone(), owner.client_id);
        let (sender_id, sender) = add_person(world, id, "canary-sender", "sender").await;
        let key = json!({"person_id": sender_id, "name": "canary-old-key"});
        let key_id = number(&manage(&client, "POST", &format!("/clients/{id}/keys"), key).await["id"]);
        let push = format!("/clients/{id}/push");
        let push_view = manage(&client, "PUT", &push, json!({"url": "http://127.0.0.1:9/canary-push"})).await;
        manage(&client, "POST", &format!("{push}/pause"), Value::Null).await;
        manage(&client, "PATCH", &format!("/devices/{}", owner.device_id), json!({"name": "canary-device"})).await;
        let mut marks = BTreeSet::from([NUMBER.to_owned(), PAUSED_NUMBER.into(), FRIEND.into(), WRITER.into()]);
        marks.extend([owner.device_id.clone(), text(&push_view["secret"])]);
        let mut device = json!({"kind": "sandbox", "sender": PAUSED_NUMBER, "name": "canary-paused"});
        device = manage(&client, "POST", "/devices", device).await;
        let paused = text(&device["device_id"]);
        manage(&client, "PATCH", &format!("/devices/{paused}"), json!({"paused": true})).await;
        device = manage(&client, "POST", "/devices", json!({"kind": "web", "name": "canary-web"})).await;
        let web_device = text(&device["device_id"]);
        let share = manage(&client, "POST", &format!("/devices/{web_device}/link/share"), Value::Null).await;
        marks.extend([paused.clone(), web_device.clone(), text(&share["url"])]);
        let sent = Self::send_all(world, &client, &owner.device_id, &paused).await;
        let waiting = sent.last().expect("one waits").clone();
        let media = manage(&client, "GET", &format!("/messages/{}", sent[2]), Value::Null).await;
        let media_url = text(&media["media_url"]);
        marks.extend(sent);
        marks.insert(media_url.rsplit('/').next().and_then(|token| token.split('.').next()).expect("an id").to_owned());
        let inbound = Self::receive_all(&client, &owner.device_id).await;
        let import = Self::import(world, &client, &paused).await;
        marks.extend(inbound.iter().cloned().chain([import.clone()]));
        let names = Names::from([
            ("client_id", id.into()),
            ("person_id", sender_id.into()),
            ("key_id", key_id.into()),
            ("device_id", owner.device_id.clone().into()),
            ("queue", owner.device_id.clone().into()),
            ("default_device", owner.device_id.clone().into()),
            ("sender", NUMBER.into()),
            ("import_id", import.into()),
            ("ref_no", waiting.clone().into()),
            ("message_ref_no", waiting.into()),
            ("id", inbound[0].clone().into()),
            ("chat", WRITER.into()),
            ("originator", WRITER.into()),
            ("destination", FRIEND.into()),
        ]);
        Self { owner, sender, sender_id, names, web_device, media_url, marks }
    }

    /// Messages in every state; the last one waits.
    async fn send_all(world: &World, client: &Client, device: &str, paused: &str) -> Vec<String> {
        let file = STANDARD.encode("canary-bytes");
        let bodies = [
            ("/message", json!({"destination": FRIEND, "message": "canary-text", "tag": "canary-tag"})),
            ("/message", json!({"destination": NOBODY, "message": "canary-aborted"})),
            (
                "/media",
                json!({"destination": FRIEND, "media_base64": file, "file_name": "canary-file.txt", "caption": "canary-caption"}),
            ),
            ("/message", json!({"destination": GROUP, "message": "canary-group"})),
            (
                "/media",
                json!({"destination": FRIEND, "media_url": "http://127.0.0.1:9/canary-url.png", "queue": paused}),
            ),
            ("/message", json!({"destination": FRIEND, "message": "canary-waiting", "queue": paused})),
        ];
        let mut sent = Vec::new();
        for (path, mut body) in bodies {
            if body["queue"].is_null() {
                body["queue"] = device.into();
            }
            sent.push(send(client, path, body).await);
        }
        for (ref_no, state) in sent.iter().zip(["R", "A", "R"]) {
            eventually("a message ends", async || {
                world.advance(Duration::from_millis(20)).await;
                let message = client.get(&format!("/status/{ref_no}")).await;
                if message.body["data"]["status"] == state { Ok(()) } else { Err(message.text) }
            })
            .await;
        }
        sent
    }

    async fn receive_all(client: &Client, device: &str) -> Vec<String> {
        let path = format!("/devices/{device}/receive");
        let one = json!({"from": WRITER, "text": "canary-inbound", "name": "canary-writer"});
        let in_group = json!({"from": WRITER, "text": "canary-inbound-group", "group": GROUP});
        let [one, in_group] = [manage(client, "POST", &path, one).await, manage(client, "POST", &path, in_group).await];
        vec![text(&one["id"]), text(&in_group["id"])]
    }

    /// An import that was begun, with a row that is refused.
    async fn import(world: &World, client: &Client, queue: &str) -> String {
        let file = format!("destination,message\n{FRIEND},canary-row\ncanary-nonsense,canary-refused\n");
        let query = format!("?file_name=canary-import.csv&campaign=canary-campaign&tag=canary-import&queue={queue}");
        let id = crate::imports::begin(client, &file, &query).await;
        eventually("the import is done", async || {
            world.advance(Duration::from_millis(20)).await;
            let import = client.manage("GET", &format!("/imports/{id}"), None).await;
            if import.body["data"]["state"] == "done" { Ok(()) } else { Err(import.text) }
        })
        .await;
        id
    }

    /// What an answer shows of the client that its request did not carry.
    pub fn seen_in(&self, answer: &str, carried: &str) -> Vec<String> {
        let mut answer = answer.to_owned();
        let marks = self.marks.iter().filter(|mark| answer.contains(mark.as_str()) && !carried.contains(mark.as_str()));
        let mut seen: Vec<String> = marks.cloned().collect();
        for mark in self.marks.iter().filter(|mark| carried.contains(mark.as_str())) {
            answer = answer.replace(mark, "");
        }
        if let Some(at) = answer.to_lowercase().find(CANARY) {
            seen.push(answer[at..].chars().take(40).collect());
        }
        for field in ["client_id", "idClient"] {
            let name = format!("\"{field}\":{}", self.owner.client_id);
            let is_its = |(at, _): (usize, &str)| !answer[at + name.len()..].starts_with(|c: char| c.is_ascii_digit());
            if answer.match_indices(&name).any(is_its) {
                seen.push(name);
            }
        }
        seen
    }
}

/// Names of the same shape that name nothing.
pub fn missing(names: &Names) -> Names {
    names.iter().map(|(name, value)| (*name, another(value))).collect()
}

fn another(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return json!(999_983) };
    let at = text.len() - 4;
    let next = |c: char| match c {
        '0'..='8' | 'a'..='e' | 'A'..='E' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        '9' => '0',
        'f' => 'a',
        'F' => 'A',
        'g'..='z' => 'y',
        'G'..='Z' => 'Y',
        other => other,
    };
    Value::String(text[..at].chars().chain(text[at..].chars().map(next)).collect())
}
