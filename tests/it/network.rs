//! The simulated WhatsApp network, as the program that it is: started by a story, asked over its control API.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::Client;
use crate::world::eventually;

/// A running network. Killed when it is dropped.
pub struct Network {
    child: Child,
    control: Client,
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Network {
    pub async fn start() -> Self {
        // It is built beside this program: `cargo xtask test` does it first.
        let program = Path::new(env!("CARGO_BIN_EXE_wachat")).with_file_name("simulator");
        let started = Command::new(&program)
            .args(["--listen", "127.0.0.1:0"])
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("{}: {error}; build it with `cargo build --package simulator`", program.display())
        });
        let mut out = BufReader::new(child.stdout.take().expect("out"));
        let address = tokio::task::spawn_blocking(move || {
            let mut lines = String::new();
            while !lines.contains("/control") {
                let mut line = String::new();
                assert!(out.read_line(&mut line).expect("a line") > 0, "the simulated network ended: {lines}");
                lines += &line;
            }
            std::thread::spawn(move || drop(std::io::Read::read_to_string(&mut out, &mut String::new())));
            let address =
                lines.split("control http://").nth(1).and_then(|rest| rest.split('/').next().map(str::to_owned));
            address.expect("an address")
        });
        let address: SocketAddr = address.await.expect("it was read").parse().expect("an address");
        Self { child, control: Client::new(address, "") }
    }

    /// What `WACHAT_SIMULATED_NETWORK` is set to.
    pub fn url(&self) -> String {
        format!("http://{}", self.control.address)
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self.control.ask("GET", &format!("/control{path}"), &[], None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.body
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let reply =
            self.control.ask("POST", &format!("/control{path}"), &[], Some(body.to_string().into_bytes())).await;
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.text);
        reply.body
    }

    /// The status of the answer.
    pub async fn try_post(&self, path: &str, body: Value) -> u16 {
        self.control.ask("POST", &format!("/control{path}"), &[], Some(body.to_string().into_bytes())).await.status
    }

    pub async fn delete(&self, path: &str) {
        let reply = self.control.ask("DELETE", &format!("/control{path}"), &[], None).await;
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.text);
    }

    /// A new person, with a phone that is online.
    pub async fn person(&self, number: &str, name: &str) -> Value {
        self.post("/people", json!({"number": number, "name": name})).await
    }

    /// A new group; gives its id without `@g.us`.
    pub async fn group(&self, creator: &str, members: &[&str], addressing: &str) -> String {
        let group = json!({"subject": "Cooks", "creator": creator, "members": members, "addressing": addressing});
        let made = self.post("/groups", group).await;
        made["group"].as_str().expect("a group").trim_end_matches("@g.us").to_owned()
    }

    /// How often the latest stanzas ask for a message again that could not be read.
    pub async fn times_asked_again(&self) -> usize {
        let page = self.get("/stanzas?limit=500").await;
        let asks = |one: &&Value| one["stanza"].as_str().is_some_and(|text| text.contains("type=\"retry\""));
        page["stanzas"].as_array().expect("a list").iter().filter(asks).count()
    }

    /// A fault that strikes as `scope` says; gives its number.
    pub async fn fault(&self, fault: Value, scope: Value) -> i64 {
        let added = self.post("/faults", json!({"fault": fault, "scope": scope})).await;
        added["number"].as_i64().expect("a number")
    }

    pub async fn heal(&self) {
        self.delete("/faults").await;
    }

    /// The file in a message that a person's phone shows.
    pub async fn file(&self, number: &str, id: &str) -> Vec<u8> {
        let reply = self.control.ask("GET", &format!("/control/people/{number}/files/{id}"), &[], None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.bytes
    }

    /// Waits until a person's phone shows a message for which `is_it`; gives it.
    pub async fn shows(&self, number: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{number} sees it"), async || {
            let received = self.get(&format!("/people/{number}/received")).await;
            received
                .as_array()
                .into_iter()
                .flatten()
                .find(|one| is_it(one))
                .cloned()
                .ok_or_else(|| received.to_string())
        })
        .await
    }

    pub async fn shows_text(&self, number: &str, text: &str) -> Value {
        self.shows(number, |one| one["text"] == text).await
    }

    /// How many messages with this text a person's phone shows.
    pub async fn times(&self, number: &str, text: &str) -> usize {
        let received = self.get(&format!("/people/{number}/received")).await;
        received.as_array().into_iter().flatten().filter(|one| one["text"] == text).count()
    }

    /// A person's phone goes out of reach, or comes back: `offline` or `online`.
    pub async fn goes(&self, number: &str, whereto: &str) {
        self.post(&format!("/people/{number}/{whereto}"), json!({})).await;
    }

    /// A person reads everything.
    pub async fn reads(&self, number: &str) {
        self.post(&format!("/people/{number}/read"), json!({})).await;
    }

    /// A person writes a text; gives its id on WhatsApp.
    pub async fn says(&self, number: &str, to: &str, text: &str) -> String {
        let sent = self.post(&format!("/people/{number}/send"), json!({"to": to, "text": text})).await;
        sent["id"].as_str().expect("an id").to_owned()
    }

    /// The checkers found nothing wrong, and no request was unknown.
    pub async fn assert_sound(&self) {
        let checks = self.get("/checks").await;
        assert_eq!(checks["passed"], true, "{checks:#}");
        let unknown = self.get("/unknown").await;
        assert_eq!(unknown, json!([]), "requests that the network did not know");
    }
}
