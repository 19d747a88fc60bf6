//! Drives an unmodified Baileys client: starts the program in `tests/baileys`, sends it commands, waits for its events.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use serde_json::json;
use simulator::phone::rng::hex;
use simulator::server::network::Network;
use tempfile::TempDir;
use tokio::process::Command;

use crate::program::Program;

/// Names the folder of the installed packages.
const MODULES: &str = "BAILEYS_MODULES";

/// A running client, killed on drop.
pub struct Baileys {
    program: Program,
    /// The folder with its keys.
    folder: TempDir,
}

impl Baileys {
    /// A new client that is not linked or connected yet.
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// Stops the program and starts a new one with its keys, which is not connected yet. (The library writes its keys
    /// in place, so that killing it would occasionally lose them.)
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

    /// Connects to a network. The outcome is an event: `qr`, `open` or `close`.
    pub async fn connect(&mut self, network: &Network) {
        let root_key = hex(&network.root_key());
        let (ws_url, auth) = (network.ws_url().unwrap(), self.folder.path().to_owned());
        self.command("connect", json!({"ws_url": ws_url, "root_key": root_key, "auth": auth})).await;
    }

    /// The folder with its keys.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits for the QR code.
    pub async fn qr(&mut self) -> String {
        self.until("qr", |_| true).await["qr"].as_str().unwrap().to_owned()
    }

    /// Waits until it is logged in.
    pub async fn opened(&mut self) {
        self.until("open", |_| true).await;
    }

    /// Waits until its connection has ended; returns the library's reason code.
    pub async fn closed(&mut self) -> Option<u64> {
        self.until("close", |_| true).await["code"].as_u64()
    }

    /// Waits until its connection has ended for another reason than linking (515).
    pub async fn ended_unasked(&mut self) {
        self.until("close", |close| close["code"] != 515).await;
    }

    /// Waits until the server has nacked a message that it sent; returns the code.
    pub async fn is_refused(&mut self, id: &str) -> String {
        let refused = self.until("refused", |event| event["id"] == id).await;
        refused["why"].as_str().unwrap().to_owned()
    }
}

impl Deref for Baileys {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Baileys {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// The installed packages: from the environment, or in the target folder.
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
