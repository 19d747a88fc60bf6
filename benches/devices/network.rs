//! The simulated WhatsApp network, run as a separate program and controlled over its control API.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::accounts;
use crate::api::Api;
use crate::arguments::Phones;
use crate::server::{self, BINARY};

/// Concurrent requests to it.
const AT_ONCE: usize = 8;

/// A running network, killed on drop.
pub struct Network {
    child: Child,
    pub address: SocketAddr,
    control: Api,
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Network {
    /// Starts an empty network.
    pub fn start() -> anyhow::Result<Self> {
        let program = Path::new(BINARY).with_file_name("simulator");
        let mut child = Command::new(&program)
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}; `cargo xtask bench devices` builds it", program.display()))?;
        let mut said = BufReader::new(child.stdout.take().context("its output")?);
        let (mut line, mut address) = (String::new(), None);
        while address.is_none() {
            line.clear();
            ensure!(said.read_line(&mut line)? > 0, "the simulated network ended");
            address = line.strip_prefix("control http://").and_then(|rest| rest.split('/').next()).map(str::parse);
        }
        let address = address.context("its address")??;
        Ok(Self { child, address, control: Api::new(address, "/control") })
    }

    /// The value for the gateway's environment variable.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        server::processor_time(self.child.id())
    }

    /// Creates people, each with a phone.
    pub async fn people(&self, numbers: Vec<String>) -> anyhow::Result<()> {
        let added = stream::iter(numbers).map(|number| async move {
            self.control.post("/people", json!({"number": number, "name": "Somebody"})).await
        });
        added.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await.map(drop)
    }

    /// Has a person's phone scan a code.
    pub async fn scan(&self, number: &str, qr: &str) -> anyhow::Result<()> {
        self.control.post(&format!("/people/{number}/scan"), json!({"qr": qr})).await.map(drop)
    }

    /// Switches on or off the phones of everyone involved in sending over `devices`.
    pub async fn switch(&self, phones: Phones, devices: u32) -> anyhow::Result<()> {
        let way = match phones {
            Phones::On => "online",
            Phones::Off => "offline",
        };
        let all = (0..devices).map(accounts::owner).chain(accounts::recipients(devices));
        let switched = stream::iter(all)
            .map(|number| async move { self.control.post(&format!("/people/{number}/{way}"), json!({})).await });
        switched.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await.map(drop)
    }
}
