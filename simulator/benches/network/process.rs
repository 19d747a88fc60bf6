//! Handle to the network's process.

use std::process::Stdio;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::service;

/// A running network, killed on drop.
pub struct Process {
    child: Child,
    /// Locked while one line is written.
    input: Mutex<ChildStdin>,
    /// Locked while waiting for it to exit.
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

    /// Creates a person with this number and has their phone scan a code.
    pub async fn scan(&self, number: &str, qr: &str) -> anyhow::Result<()> {
        let line = format!("{number} {qr}\n");
        Ok(self.input.lock().await.write_all(line.as_bytes()).await?)
    }

    /// Runs `work`, and fails if the network exits meanwhile, as it does when a scan is refused.
    pub async fn survives<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let mut lines = self.lines.lock().await;
        tokio::select! {
            done = work => done,
            _ = lines.next_line() => anyhow::bail!("the network has ended"),
        }
    }

    /// Its current resident memory.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id().context("the network has ended")?);
        let status = std::fs::read_to_string(&path).context(path)?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(kilobytes.context("its memory")?.trim().parse::<u64>()? * 1024)
    }
}
