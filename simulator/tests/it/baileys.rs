//! Drives an unmodified Baileys client: starts the program in `tests/baileys`, sends it commands, waits for its events.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use simulator::people::chance::hex;
use simulator::server::network::Network;
use tempfile::TempDir;
use tokio::process::Command;

use crate::program::Program;

/// Names the folder of the installed packages.
const MODULES: &str = "BAILEYS_MODULES";

/// One running client. It ends with its owner.
pub struct Baileys {
    program: Program,
    /// Where it keeps its keys.
    folder: TempDir,
}

impl Baileys {
    /// A client that has never been linked, and is not connected yet.
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// The program ends, and a new one has its keys; it is not connected yet. (The library writes its keys in place, so
    /// that killing it would now and then leave none.)
    pub async fn restart(mut self) -> Self {
        self.program.quit().await;
        Self::start_in(self.folder).await
    }

    async fn start_in(folder: TempDir) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baileys/client.mjs");
        let mut command = Command::new("node");
        let program = Program::start(command.arg("--no-warnings").arg(program).env(MODULES, modules())).await;
        Self { program, folder }
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
        self.program.receipt(id, kind).await;
    }

    /// Waits until the server has refused a message that it has sent; returns the code.
    pub async fn is_refused(&mut self, id: &str) -> String {
        let refused = self.until("refused", |event| event["id"] == id).await;
        refused["why"].as_str().unwrap().to_owned()
    }

    /// Has a command carried out; returns its result.
    pub async fn command(&mut self, name: &str, fields: Value) -> Value {
        self.program.command(name, fields).await
    }

    /// Has a command carried out that may fail; the error is what the library says.
    pub async fn try_command(&mut self, name: &str, fields: Value) -> Result<Value, String> {
        self.program.try_command(name, fields).await
    }

    /// Waits for an event with this name for which `is_meant` holds, and takes it. Others stay for later.
    pub async fn until(&mut self, event: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
        self.program.until(event, is_meant).await
    }

    /// Events with this name that have come and that nobody has waited for.
    pub fn unexpected(&self, event: &str) -> Vec<&Value> {
        self.program.unexpected(event)
    }
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
