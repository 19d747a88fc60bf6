//! Scenarios with a third client, which shares no code with the others: whatsmeow, unmodified. This file runs it: it
//! starts the program in `tests/whatsmeow`, sends it commands, and waits for its events.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use simulator::phone::rng::hex;
use simulator::runtime::{Person, Phones};
use simulator::server::network::Network;
use tempfile::TempDir;
use tokio::process::Command;

use crate::program::Program;
use crate::world::{World, patiently};

mod communities;
mod faults;
mod groups;
mod linking;
mod messages;
mod phone;
mod polls;
mod receipts;
mod settings;
mod state;
mod tokens;

/// Names the program.
const PROGRAM: &str = "WHATSMEOW_CLIENT";

/// The library logs an unexpected end of a stream. When it is asked to reconnect after linking it has a race:
/// occasionally it reads the end of the old stream when it no longer expects one.
const STREAM_END: &str = "Received stream end frame";

const ANN: &str = "15550001";
const BOB: &str = "15550002";
const CYD: &str = "15550003";

/// A running client, killed on drop.
pub struct Whatsmeow {
    program: Program,
    /// The folder with its store.
    folder: TempDir,
    options: Value,
}

impl Whatsmeow {
    /// A new client that is not linked or connected yet.
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), json!({})).await
    }

    /// The same with options of the library, such as `auto_reconnect`.
    pub async fn start_with(options: Value) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), options).await
    }

    /// Stops the program and starts a new one with its store, which is not connected yet.
    pub async fn restart(mut self) -> Self {
        self.program.quit().await;
        let mut client = Self::start_in(self.folder, self.options).await;
        self.program.expected_logs().iter().for_each(|part| client.may_log(part));
        client
    }

    async fn start_in(folder: TempDir, options: Value) -> Self {
        Self { program: Program::start(&mut Command::new(program())).await, folder, options }
    }

    /// Connects to a network. The outcome is an event: `qr`, `open`, or an error.
    pub async fn connect(&mut self, network: &Network) {
        let mut fields = self.options.clone();
        fields["address"] = json!(network.address().unwrap().to_string());
        fields["root_key"] = json!(hex(&network.root_key()));
        fields["folder"] = json!(self.folder.path());
        self.may_log(STREAM_END);
        self.command("connect", fields).await;
    }

    /// Waits for the QR codes; returns the first.
    pub async fn qr(&mut self) -> String {
        self.until("qr", |_| true).await["codes"][0].as_str().unwrap().to_owned()
    }

    /// Waits until it is logged in.
    pub async fn opened(&mut self) {
        self.until("open", |_| true).await;
        self.program.may_no_longer_log(STREAM_END);
    }

    /// Waits until a newly linked client has fetched its account's data. An interruption of that would be logged.
    pub async fn has_fetched_all(&mut self) {
        for name in ["critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"] {
            self.until("state_synced", |event| event["name"] == name).await;
        }
        for part in ["INITIAL_BOOTSTRAP", "PUSH_NAME", "NON_BLOCKING_DATA"] {
            self.until("history", |event| event["type"] == part).await;
        }
    }

    /// Ends the program, and asserts that it has logged nothing at WARN or above except what was expected, and sent no
    /// unhandled request.
    pub async fn ends_well(mut self, world: &World) {
        self.program.quit().await;
        world.assert_nothing_unknown();
    }
}

impl Deref for Whatsmeow {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Whatsmeow {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// The built program: from the environment, or in the target folder.
#[allow(clippy::disallowed_methods, reason = "a test has no settings; whoever built the program says where it is")]
fn program() -> PathBuf {
    let below_target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/whatsmeow/whatsmeow");
    let file = std::env::var(PROGRAM).map_or(below_target, PathBuf::from);
    assert!(
        file.is_file(),
        "{} is missing: run `cargo xtask test simulator`, which builds it, or name another file in {PROGRAM}",
        file.display(),
    );
    file
}

/// A new client, linked to this person's phone by its code, and logged in.
pub async fn linked(world: &World, person: &Person) -> Whatsmeow {
    linked_with(world, person, json!({})).await
}

async fn linked_with(world: &World, person: &Person, options: Value) -> Whatsmeow {
    let mut client = Whatsmeow::start_with(options).await;
    client.connect(&world.network).await;
    patiently("the link", person.scan(&client.qr().await)).await.unwrap();
    client.opened().await;
    client.has_fetched_all().await;
    client
}

/// Ann's client, linked to her phone, and Bob with his.
async fn client_and_people(world: &World) -> (Whatsmeow, Phones, Person, Person) {
    let phones = Phones::new(world.network.clone());
    let (ann, bob) = (phones.add(ANN, "Ann").await.unwrap(), phones.add(BOB, "Bob").await.unwrap());
    let client = linked(world, &ann).await;
    (client, phones, ann, bob)
}

/// Nothing was lost, duplicated or out of order.
fn assert_checks_pass(world: &World) {
    let report = world.network.checks().report();
    assert!(report.passed && report.complete, "{report:#?}");
}
