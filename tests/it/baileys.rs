//! An unmodified Baileys client, another implementation of the protocol: the program `simulator/tests/baileys/client.mjs`,
//! told what to do by JSON lines and answering by them.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::network::Network;
use crate::world::{PATIENCE, within};

/// Names the folder of the installed packages.
const MODULES: &str = "BAILEYS_MODULES";

/// One running client. Killed when it is dropped.
pub struct Baileys {
    child: Child,
    commands: ChildStdin,
    events: mpsc::UnboundedReceiver<Value>,
    /// Events that nobody has waited for yet.
    waiting: VecDeque<Value>,
    /// Where it keeps its keys.
    folder: TempDir,
    last: u64,
}

impl Drop for Baileys {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Baileys {
    /// A client that is linked to this person's phone, and logged in.
    pub async fn linked(network: &Network, number: &str) -> Self {
        let mut client = Self::start();
        client.until("ready", |_| true).await;
        let info = network.get("/info").await;
        let auth = client.folder.path().to_owned();
        client.command("connect", json!({"ws_url": info["ws_url"], "root_key": info["root_key"], "auth": auth})).await;
        let code = client.until("qr", |_| true).await;
        network.post(&format!("/people/{number}/scan"), json!({"qr": code["qr"]})).await;
        client.until("open", |_| true).await;
        client
    }

    fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("simulator/tests/baileys/client.mjs");
        let started = Command::new("node")
            .arg("--no-warnings")
            .arg(program)
            .env(MODULES, modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = started.expect("node starts; it is Node.js 20 or later");
        let (commands, out) = (child.stdin.take().expect("in"), child.stdout.take().expect("out"));
        let (told, events) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("JSON");
                if told.send(event).is_err() {
                    break;
                }
            }
        });
        Self { child, commands, events, waiting: VecDeque::new(), folder: TempDir::new().expect("a folder"), last: 0 }
    }

    /// Has a command carried out; gives its result.
    pub async fn command(&mut self, name: &str, fields: Value) -> Value {
        self.last += 1;
        let number = self.last;
        let mut command = fields;
        command["number"] = number.into();
        command["do"] = name.into();
        writeln!(self.commands, "{command}").expect("it listens");
        let is_answer = |event: &Value| ["done", "failed"].contains(&name_of(event)) && event["number"] == number;
        let answer = self.wait(name, is_answer).await;
        assert_eq!(answer["event"], "done", "{name}: {answer}");
        answer["result"].clone()
    }

    /// Sends a text; gives its id.
    pub async fn says(&mut self, to: &str, text: &str) -> String {
        let sent = self.command("send_text", json!({"to": to, "text": text})).await;
        sent["id"].as_str().expect("an id").to_owned()
    }

    /// Waits for a message for which `is_it`; gives it.
    pub async fn sees(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until("message", is_it).await
    }

    pub async fn sees_text(&mut self, text: &str) -> Value {
        self.sees(|message| message["text"] == text).await
    }

    /// Its person reads a message.
    pub async fn reads(&mut self, message: &Value) {
        self.command("read", json!({"ids": [message["id"]]})).await;
    }

    /// Nothing came that nobody waited for, and nothing that could not be read.
    pub fn assert_nothing_else(&self) {
        let others =
            self.waiting.iter().filter(|event| ["message", "undecryptable", "error"].contains(&name_of(event)));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&Value>::new());
    }

    async fn until(&mut self, event: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.wait(event, |seen| name_of(seen) == event && is_it(seen)).await
    }

    /// Waits for an event, and takes it; others stay for later.
    async fn wait(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&is_it) {
            return self.waiting.remove(at).expect("it is there");
        }
        loop {
            let told = within(PATIENCE, self.events.recv()).await;
            let event = told.ok().flatten().unwrap_or_else(|| panic!("no {what}; instead {:#?}", self.waiting));
            if is_it(&event) {
                return event;
            }
            self.waiting.push_back(event);
        }
    }
}

fn name_of(event: &Value) -> &str {
    event["event"].as_str().unwrap_or_default()
}

/// The installed packages: where the environment says, or below the build's folder.
fn modules() -> PathBuf {
    let below_target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/baileys/node_modules");
    let folder = std::env::var_os(MODULES).map_or(below_target, PathBuf::from);
    assert!(folder.is_dir(), "{} is missing: `cargo xtask test gateway` installs it", folder.display());
    folder
}
