//! The network's process, as this program sees it.

use std::process::Stdio;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::service;

/// A running network. It ends with its owner.
pub struct Process {
    child: Child,
    /// Held while one line is written.
    input: Mutex<ChildStdin>,
    /// Held while its end is waited for.
    lines: Mutex<Lines<BufReader<ChildStdout>>>,
    ws_url: String,
}

impl Process {
    pub async fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(service::NAME)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = Mutex::new(child.stdin.take().context("its input")?);
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let ws_url = lines.next_line().await?.context("the network has ended")?;
        Ok(Self { child, input, lines: Mutex::new(lines), ws_url })
    }

    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Has a new person with this number scan a code.
    pub async fn scan(&self, number: &str, qr: &str) -> anyhow::Result<()> {
        let line = format!("{number} {qr}\n");
        Ok(self.input.lock().await.write_all(line.as_bytes()).await?)
    }

    /// Does `work`, which the network must survive: it ends when a scan is refused.
    pub async fn survives<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let mut lines = self.lines.lock().await;
        tokio::select! {
            done = work => done,
            _ = lines.next_line() => anyhow::bail!("the network has ended"),
        }
    }

    /// The memory that it has now.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id().context("the network has ended")?);
        let status = std::fs::read_to_string(&path).context(path)?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(kilobytes.context("its memory")?.trim().parse::<u64>()? * 1024)
    }
}
