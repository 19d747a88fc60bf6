//! The simulated WhatsApp network: a program of its own beside this one's, asked over its control API.

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

/// Requests to it at once.
const AT_ONCE: usize = 8;

/// A running network. It ends with its owner.
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
    /// Starts one on which nobody is.
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

    /// What the gateway's setting says.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        server::processor_time(self.child.id())
    }

    /// New people, each with a phone.
    pub async fn people(&self, numbers: Vec<String>) -> anyhow::Result<()> {
        let added = stream::iter(numbers).map(|number| async move {
            self.control.post("/people", json!({"number": number, "name": "Somebody"})).await
        });
        added.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await.map(drop)
    }

    /// A person's phone scans a code.
    pub async fn scan(&self, number: &str, qr: &str) -> anyhow::Result<()> {
        self.control.post(&format!("/people/{number}/scan"), json!({"qr": qr})).await.map(drop)
    }

    /// Switches the phones of all who take part in sending over `devices` as wanted for what is measured.
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
