//! Drives an unmodified Baileys client: starts the program in `tests/baileys`, sends it commands, waits for its events.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use simulator::clock;
use simulator::people::chance::hex;
use simulator::server::network::Network;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::world::{PATIENCE, patiently};

/// Names the folder of the installed packages.
const MODULES: &str = "BAILEYS_MODULES";

/// One running client. It ends with its owner.
pub struct Baileys {
    program: Child,
    commands: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    /// Events that have come and that nobody has waited for yet.
    waiting: VecDeque<Value>,
    /// Where it keeps its keys.
    folder: TempDir,
    last: u64,
}

impl Baileys {
    /// A client that has never been linked, and is not connected yet.
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// The program ends, and a new one has its keys; it is not connected yet. (The library writes its keys in place, so
    /// that killing it would now and then leave none.)
    pub async fn restart(mut self) -> Self {
        self.command("quit", json!({})).await;
        let Self { mut program, folder, .. } = self;
        patiently("the end of the client", program.wait()).await.unwrap();
        Self::start_in(folder).await
    }

    async fn start_in(folder: TempDir) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baileys/client.mjs");
        let mut program = Command::new("node")
            .arg("--no-warnings")
            .arg(program)
            .env(MODULES, modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node can be started; install Node.js 20 or later");
        let commands = program.stdin.take().unwrap();
        let events = BufReader::new(program.stdout.take().unwrap()).lines();
        let mut client = Self { program, commands, events, waiting: VecDeque::new(), folder, last: 0 };
        client.until("ready", |_| true).await;
        client
    }

    /// Connects to a network. What follows is an event: `qr` or `open`, or `close`.
    pub async fn connect(&mut self, network: &Network) {
        let root_key = hex(&network.root_key());
        let (ws_url, auth) = (network.ws_url().unwrap(), self.folder.path().to_owned());
        self.command("connect", json!({"ws_url": ws_url, "root_key": root_key, "auth": auth})).await;
    }

    /// Where it keeps its keys.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits for the code that a phone scans.
    pub async fn qr(&mut self) -> String {
        self.until("qr", |_| true).await["qr"].as_str().unwrap().to_owned()
    }

    /// Waits until it is logged in.
    pub async fn opened(&mut self) {
        self.until("open", |_| true).await;
    }

    /// Waits until its connection has ended; returns the code by which the library tells why.
    pub async fn closed(&mut self) -> Option<u64> {
        self.until("close", |_| true).await["code"].as_u64()
    }

    /// Waits until its connection has ended otherwise than linking asks for (515).
    pub async fn ended_unasked(&mut self) {
        self.until("close", |close| close["code"] != 515).await;
    }

    /// Sends a text; returns its id. The library says so when it is written to the socket.
    pub async fn send_text(&mut self, to: &str, text: &str) -> String {
        let sent = self.command("send_text", json!({"to": to, "text": text})).await;
        sent["id"].as_str().unwrap().to_owned()
    }

    /// Waits for a message with this text.
    pub async fn reads(&mut self, text: &str) -> Value {
        self.until("message", |message| message["text"] == text).await
    }

    /// Waits for a receipt of a message that it has sent: `delivery`, `read`, or another type.
    pub async fn receipt(&mut self, id: &str, kind: &str) {
        let is_about = |event: &Value| event["ids"].as_array().is_some_and(|ids| ids.contains(&json!(id)));
        self.until("receipt", |event| event["type"] == kind && is_about(event)).await;
    }

    /// Waits until the server has refused a message that it has sent; returns the code.
    pub async fn is_refused(&mut self, id: &str) -> String {
        let refused = self.until("refused", |event| event["id"] == id).await;
        refused["why"].as_str().unwrap().to_owned()
    }

    /// Has a command carried out; returns its result.
    pub async fn command(&mut self, name: &str, fields: Value) -> Value {
        match self.try_command(name, fields).await {
            Ok(result) => result,
            Err(why) => panic!("{name} failed: {why}; events that nobody waited for: {:#?}", self.waiting),
        }
    }

    /// Has a command carried out that may fail; the error is what the library says.
    pub async fn try_command(&mut self, name: &str, fields: Value) -> Result<Value, String> {
        self.last += 1;
        let number = self.last;
        let mut command = json!({"number": number, "do": name});
        command.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let answers = |event: &Value| event["number"] == number;
        let answer = self.wait(name, |event| ["done", "failed"].contains(&name_of(event)) && answers(event)).await;
        match name_of(&answer) {
            "done" => Ok(answer["result"].clone()),
            _ => Err(answer["why"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// Waits for an event with this name for which `is_meant` holds, and takes it. Others stay for later.
    pub async fn until(&mut self, event: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
        self.wait(event, |seen| name_of(seen) == event && is_meant(seen)).await
    }

    /// Events with this name that have come and that nobody has waited for.
    pub fn unexpected(&self, event: &str) -> Vec<&Value> {
        self.waiting.iter().filter(|seen| name_of(seen) == event).collect()
    }

    async fn wait(&mut self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.waiting.iter().position(&is_meant) {
            return self.waiting.remove(place).unwrap();
        }
        loop {
            let Some(line) = clock::within(PATIENCE, self.events.next_line()).await else {
                panic!("waited in vain for {what}; nobody waited for {:#?}", self.waiting);
            };
            let line = line.unwrap();
            let line = line.unwrap_or_else(|| panic!("the client has ended; nobody waited for {:#?}", self.waiting));
            let event: Value = serde_json::from_str(&line).unwrap();
            tracing::debug!(%event, "baileys");
            if is_meant(&event) {
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
#[allow(clippy::disallowed_methods, reason = "a test has no settings; whoever installed the packages says where")]
fn modules() -> PathBuf {
    let below_target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/baileys/node_modules");
    let folder = std::env::var(MODULES).map_or(below_target, PathBuf::from);
    assert!(
        folder.is_dir(),
        "{} is missing: run `cargo xtask test simulator`, which installs it, or name another folder in {MODULES}",
        folder.display(),
    );
    folder
}
