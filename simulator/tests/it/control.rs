//! The control API over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::runtime::Phones;
use simulator::server::network::{Network, Settings};
use simulator::{clock, control};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::world::patiently;

pub struct Control {
    pub network: Network,
    address: SocketAddr,
}

impl Control {
    /// A network with its control API, and Ann and Bob on it.
    pub async fn new() -> Self {
        let network = Network::new(Settings::default()).unwrap();
        let router = control::router(Phones::new(network.clone()));
        let address = network.listen(SocketAddr::from(([127, 0, 0, 1], 0)), router).await.unwrap();
        let control = Self { network, address };
        for (number, name) in [("15550001", "Ann"), ("15550002", "Bob")] {
            let (status, person) = control.try_post("people", json!({ "number": number, "name": name })).await;
            assert_eq!((status, &person["online"]), (201, &json!(true)));
        }
        control
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, "").await
    }

    /// Posts a request that succeeds; returns the response.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.try_post(path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub async fn try_post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask("POST", path, &body.to_string()).await
    }

    /// Status and JSON of the response; null if it is empty.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, text) = self.raw(method, path, body).await;
        (status, serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    async fn raw(&self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} /control{}{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            if path.is_empty() { "" } else { "/" },
            body.len(),
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        patiently("an answer", stream.read_to_end(&mut answer)).await.unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end))
    }

    /// Polls until `find` finds something in the response.
    pub async fn until<T>(&self, path: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        patiently(path, async {
            loop {
                if let Some(found) = find(&self.get(path).await.1) {
                    return found;
                }
                clock::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Waits until somebody has received a text; returns the whole message.
    async fn received(&self, number: &str, text: &str) -> Value {
        let is_it = |message: &&Value| message["text"] == text || message["caption"] == text;
        let path = format!("people/{number}/received");
        self.until(&path, |all| all.as_array()?.iter().find(is_it).cloned()).await
    }

    /// Asserts that all checks pass.
    async fn assert_all_holds(&self) {
        let (_, report) = self.get("checks").await;
        assert_eq!((&report["passed"], &report["complete"]), (&json!(true), &json!(true)), "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_says_where_it_is_and_whom_to_trust() {
    let control = Control::new().await;
    let (_, info) = control.get("info").await;
    assert_eq!(info["ws_url"], format!("ws://{}/ws/chat", control.address));
    assert_eq!(info["root_key"].as_str().unwrap().len(), 64);
    let (status, page) = control.raw("GET", "", "").await;
    assert!(status == 200 && page.starts_with(b"<!doctype html>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_linked_writes_and_hears_all_by_the_api_and_everything_holds() {
    let control = Control::new().await;
    let client = Client::start(&control.network).await;
    let (status, linked) = control.try_post("people/15550001/scan", json!({ "qr": client.qr().await })).await;
    assert_eq!((status, &linked["jid"]), (200, &json!("15550001:1@s.whatsapp.net")));
    client.connected().await;
    control.post("people/15550002/send", json!({ "to": "15550001", "text": "hello" })).await;
    let id = client.wait_for_message("hello").await.id;
    let sent = control.until("people/15550002/sent", |all| {
        all.as_array()?.iter().find(|sent| sent["delivered_to"] != json!([])).cloned()
    });
    assert_eq!(sent.await["id"], id);
    client.send(&"15550002@s.whatsapp.net".parse().unwrap(), "hello yourself").await;
    let heard = control.received("15550002", "hello yourself").await;
    assert_eq!(heard["chat"], "15550001@s.whatsapp.net");
    assert_eq!(control.get("unknown").await.1, json!([]));
    assert_eq!(control.try_post("people/15550001/unlink", json!({ "device": 1 })).await.0, 204);
    assert!(!client.logged_out().await);
    control.assert_all_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_linked_by_a_typed_code() {
    let control = Control::new().await;
    let (status, problem) = control.try_post("people/15550001/type-code", json!({ "code": "ABCD-2345" })).await;
    assert_eq!(status, 404, "{problem}");
    let client = Client::start_with_code(&control.network, "15550001").await;
    let (status, linked) = control.try_post("people/15550001/type-code", json!({ "code": client.code().await })).await;
    assert_eq!((status, &linked["device"]), (200, &json!(1)));
    client.connected().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_in_a_group_read_react_edit_and_delete() {
    let control = Control::new().await;
    let group = json!({ "subject": "Two", "creator": "15550001", "members": ["15550002"] });
    let (status, made) = control.try_post("groups", group).await;
    assert_eq!((status, &made["members"]), (201, &json!(["15550001", "15550002"])));
    let chat = made["group"].as_str().unwrap();
    let said = control.post("people/15550001/send", json!({ "group": chat, "text": "helo" })).await;
    let id = said["id"].as_str().unwrap();
    control.received("15550002", "helo").await;
    assert_eq!(control.try_post("people/15550002/read", json!({})).await.0, 204);
    let is_read = |all: &Value| (all[0]["read_by"] == json!(["15550002@s.whatsapp.net"])).then_some(());
    control.until("people/15550001/sent", is_read).await;
    control.post("people/15550002/react", json!({ "chat": chat, "id": id, "emoji": "👍" })).await;
    let is_liked = |all: &Value| (all[0]["reactions"] == json!({ "15550002@s.whatsapp.net": "👍" })).then_some(());
    control.until("people/15550002/received", is_liked).await;
    let is_told = |all: &Value| (all[0]["kind"] == "reaction").then_some(());
    control.until("people/15550001/received", is_told).await;
    control.until("people/15550001/messages", |all| (all[0]["from_me"] == true).then(|| is_liked(all))?).await;
    assert_eq!(control.try_post("people/15550001/resend", json!({ "id": id })).await.0, 204);
    control.post("people/15550001/edit", json!({ "chat": chat, "id": id, "text": "hello" })).await;
    control.until("people/15550002/received", |all| (all[0]["edited"] == "hello").then_some(())).await;
    let wrapped = json!({ "chat": chat, "id": id, "text": "hello, all", "form": "wrapped" });
    control.post("people/15550001/edit", wrapped).await;
    control.until("people/15550002/received", |all| (all[0]["edited"] == "hello, all").then_some(())).await;
    control.post("people/15550001/delete", json!({ "chat": chat, "id": id })).await;
    control.until("people/15550002/received", |all| (all[0]["deleted"] == true).then_some(())).await;
    assert_eq!(control.get("groups").await.1[0]["subject"], "Two");
    assert_eq!(control.try_post("people/15550002/leave", json!({ "group": chat })).await.0, 204);
    control.until("groups", |all| (all[0]["members"] == json!(["15550001"])).then_some(())).await;
    control.assert_all_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_note_is_sent_fetched_and_played() {
    let control = Control::new().await;
    let media = STANDARD.encode("a voice");
    let note = json!({ "to": "15550002", "media_base64": media, "kind": "voice" });
    control.post("people/15550001/send", note).await;
    let path = "people/15550002/received";
    let heard = control.until(path, |all| all.get(0).cloned()).await;
    assert_eq!((&heard["kind"], &heard["file"]), (&json!("file"), &json!("voice")));
    let id = heard["id"].as_str().unwrap();
    let (status, bytes) = control.raw("GET", &format!("people/15550002/files/{id}"), "").await;
    assert_eq!((status, bytes.as_slice()), (200, &b"a voice"[..]));
    assert_eq!(control.try_post("people/15550002/play", json!({ "chat": "15550001", "id": id })).await.0, 204);
    let is_played = |all: &Value| (all[0]["played_by"] == json!(["15550002@s.whatsapp.net"])).then_some(());
    control.until("people/15550001/sent", is_played).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_comes_back_shows_what_waited_and_nothing_was_lost() {
    let control = Control::new().await;
    assert_eq!(control.post("people/15550002/offline", json!({})).await["online"], false);
    control.post("people/15550001/send", json!({ "to": "15550002", "text": "later" })).await;
    control.until("people/15550001/sent", |all| (all[0]["accepted"] == true).then_some(())).await;
    control.assert_all_holds().await;
    assert_eq!(control.get("checks").await.1["deliveries"]["waiting"], 1);
    assert_eq!(control.try_post("people/15550002/read", json!({})).await.0, 409);
    control.post("people/15550002/online", json!({})).await;
    control.received("15550002", "later").await;
    control.until("checks", |report| (report["deliveries"]["arrived"] == 1).then_some(())).await;
    control.assert_all_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_planned_strikes_is_logged_and_taken_back() {
    let control = Control::new().await;
    let fault = json!({ "fault": { "kind": "ack_nacked", "code": 463 }, "scope": { "how_often": { "next": 1 } } });
    let (status, added) = control.try_post("faults", fault).await;
    assert_eq!((status, &added["number"]), (201, &json!(1)));
    control.post("people/15550001/send", json!({ "to": "15550002", "text": "refused" })).await;
    let failed = control.until("people/15550001/sent", |all| all[0]["failed"].as_str().map(str::to_owned)).await;
    assert!(failed.contains("463"), "{failed}");
    assert_eq!(control.get("faults").await.1[0]["struck"], 1);
    assert_eq!(control.get("faults/log").await.1["entries"][0]["number"], 1);
    assert_eq!(control.ask("DELETE", "faults/1", "").await.0, 204);
    assert_eq!(control.ask("DELETE", "faults/1", "").await.0, 404);
    assert_eq!(control.ask("DELETE", "faults", "").await.0, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicated_and_undecryptable_messages_are_shown_once_and_none_is_lost() {
    let control = Control::new().await;
    for fault in [json!({ "kind": "message_duplicated", "copies": 2 }), json!({ "kind": "message_undecryptable" })] {
        let scope = json!({ "account": "15550002", "how_often": { "next": 1 } });
        assert_eq!(control.try_post("faults", json!({ "fault": fault, "scope": scope })).await.0, 201);
    }
    for text in ["one", "two", "three"] {
        control.post("people/15550001/send", json!({ "to": "15550002", "text": text })).await;
    }
    for text in ["one", "two", "three"] {
        control.received("15550002", text).await;
    }
    control.until("checks", |report| (report["deliveries"]["arrived"] == 3).then_some(())).await;
    assert_eq!(control.get("people/15550002/received").await.1.as_array().map(Vec::len), Some(3));
    control.assert_all_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stanzas_are_shown_page_by_page() {
    let control = Control::new().await;
    let (_, first) = control.get("stanzas?from=0&limit=1").await;
    assert!(first["stanzas"][0]["stanza"].as_str().unwrap().starts_with("<iq "));
    let (_, second) = control.get(&format!("stanzas?from={}&limit=1", first["next"])).await;
    assert_eq!(second["stanzas"][0]["number"], 1);
    assert_eq!(control.get("stanzas?limit=0").await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_what_to_do() {
    let control = Control::new().await;
    let send = "people/15550001/send";
    for (path, body, status, words) in [
        ("people", json!({ "number": "+1555", "name": "Cyd" }), 400, "give 5 to 15 digits"),
        ("people", json!({ "number": "15550001", "name": "Ann" }), 409, "has a phone already"),
        ("people", json!({ "number": "15550003" }), 400, "missing field `name`"),
        ("people/15559999/offline", json!({}), 404, "make that person"),
        ("people/15550001/scan", json!({ "qr": "hello" }), 400, "not a QR code"),
        (send, json!({ "text": "to whom?" }), 400, "either to or group"),
        (send, json!({ "to": "15550002" }), 400, "one of text"),
        (send, json!({ "to": "15550002", "text": "a", "kind": "image" }), 400, "go with media_base64"),
        (send, json!({ "to": "15550002", "media_base64": "*", "kind": "image" }), 400, "no base64"),
        (send, json!({ "to": "15550002", "media_base64": "aGk=" }), 400, "give kind"),
        (send, json!({ "group": "1@g.us", "text": "a" }), 404, "there is no group"),
        (send, json!({ "to": "Bob", "text": "a" }), 400, "no address"),
        (send, json!({ "to": "15550002", "text": "a", "reply_to": "x" }), 404, "no message x"),
        ("people/15550001/resend", json!({ "id": "x" }), 404, "no message x"),
        ("people/15550001/react", json!({ "chat": "15550002", "id": "x", "emoji": "👍" }), 404, "no message x"),
        ("people/15550001/unlink", json!({ "device": 3 }), 404, "no such linked device"),
        ("people/15550001/leave", json!({ "group": "1@g.us" }), 404, "is not in the group"),
        ("groups", json!({ "subject": "a", "creator": "15550001", "members": ["1"] }), 404, "nobody has the number 1"),
        ("groups", json!({ "subject": "", "creator": "15550001", "members": [] }), 400, "give a subject of 1 to"),
        ("people/15550001/history", json!({ "chats": 300_000, "messages_per_chat": 0 }), 400, "a history has at most"),
        ("people/15550001/history", json!({ "chats": 11, "messages_per_chat": 20_000 }), 400, "a history has at most"),
        ("faults", json!({ "fault": { "kind": "ack_nacked", "code": 0 } }), 400, "code is 0"),
        ("nowhere", json!({}), 404, "no such route"),
        ("info", json!({}), 405, "another method"),
    ] {
        let (got, problem) = control.try_post(path, body).await;
        let error = problem["error"].as_str().unwrap_or_default();
        assert!(got == status && error.contains(words), "{path}: {got} {problem}");
    }
    assert_eq!(control.raw("POST", "people", &" ".repeat(300_000)).await.0, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_number_is_only_known_by_its_lid() {
    let control = Control::new().await;
    let zoe = control.post("people", json!({ "number": "15550009", "name": "Zoe", "hides_number": true })).await;
    control.post("people/15550009/send", json!({ "to": "15550001", "text": "guess who" })).await;
    let shown = control.received("15550001", "guess who").await;
    assert_eq!((&shown["sender"], &shown["chat"]), (&zoe["lid"], &zoe["lid"]));
    control.post("people/15550001/send", json!({ "to": zoe["lid"], "text": "Zoe!" })).await;
    control.received("15550009", "Zoe!").await;
    control.until("checks", |report| (report["deliveries"]["arrived"] == 2).then_some(())).await;
    control.assert_all_holds().await;
}
