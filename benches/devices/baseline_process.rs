//! Runs the baseline, the client library alone, in a separate process on a separate network, with the same steps as the
//! gateway.

use std::net::Ipv4Addr;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use wachat::clock::Clock;

use crate::accounts;
use crate::arguments::{Name, Phones, Profile};
use crate::baseline::{CODE, DONE};
use crate::linked::{IDLE, PATIENCE};
use crate::network::Network;
use crate::report::say;
use crate::results::{Memory, Run, Sending};
use crate::server;

/// Handle to the baseline process, which is killed on drop.
struct BaselineProcess {
    network: Network,
    child: Child,
    orders: OwnedWriteHalf,
    lines: Lines<BufReader<OwnedReadHalf>>,
}

impl Drop for BaselineProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub async fn measure(profile: &Profile) -> anyhow::Result<Run> {
    let mut baseline = BaselineProcess::start().await?;
    let clock = Clock::system();
    clock.sleep(IDLE).await;
    let (empty_mb, mut run, mut linked) = (baseline.memory_mb()?, Run::default(), 0);
    for devices in profile.steps() {
        baseline.network.people((linked..devices).map(accounts::owner).collect()).await?;
        linked = devices;
        let took = baseline.order(&format!("link {devices}")).await?;
        say(&format!("library alone: {devices} linked, the last ones in {took:.1} s"));
        if profile.wants(Name::Memory) {
            clock.sleep(IDLE).await;
            run.memory.push(Memory { devices, each_mb: (baseline.memory_mb()? - empty_mb) / f64::from(devices) });
        }
        if profile.senders().contains(&devices) {
            let sent = baseline.send(profile, devices).await?;
            say(&format!("library alone: over {devices}: {sent:?}"));
            run.sending.push(sent);
        }
    }
    if profile.wants(Name::Restart) {
        let took = baseline.order("restart").await?;
        say(&format!("library alone: all online again in {took:.2} s"));
        run.restart_seconds = Some(took);
    }
    Ok(run)
}

impl BaselineProcess {
    async fn start() -> anyhow::Result<Self> {
        let network = Network::start()?;
        network.people(accounts::everybody()).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addresses = [network.address, listener.local_addr()?].map(|address| address.to_string());
        let child = Command::new(std::env::current_exe()?).arg("--baseline").args(addresses).spawn()?;
        let came = Clock::system().within(PATIENCE, listener.accept()).await;
        let (stream, _) = came.context("the library's process does not come")??;
        let (lines, orders) = stream.into_split();
        let lines = BufReader::new(lines).lines();
        Ok(Self { network, child, orders, lines })
    }

    fn memory_mb(&self) -> anyhow::Result<f64> {
        server::memory_mb(self.child.id())
    }

    fn processor_time(&self) -> anyhow::Result<Duration> {
        server::processor_time(self.child.id())
    }

    /// Sends a command, scans the codes that the process prints, and returns the time that it reports.
    async fn order(&mut self, order: &str) -> anyhow::Result<f64> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        let (network, lines) = (&self.network, &mut self.lines);
        let done = async {
            loop {
                let line = lines.next_line().await?.context("the library's process has ended")?;
                let mut words = line.split(' ');
                match (words.next(), words.next(), words.next()) {
                    (Some(CODE), Some(number), Some(qr)) => network.scan(number, qr).await?,
                    (Some(DONE), Some(seconds), None) => return anyhow::Ok(seconds.parse()?),
                    _ => anyhow::bail!("the library's process said: {line}"),
                }
            }
        };
        Clock::system().within(PATIENCE, done).await.with_context(|| format!("waited in vain for: {order}"))?
    }

    async fn send(&mut self, profile: &Profile, devices: u32) -> anyhow::Result<Sending> {
        let first = accounts::recipients(devices).len() as u64;
        self.network.switch(Phones::On, devices).await?;
        self.order(&format!("send {devices} {first}")).await?;
        self.order(&format!("receipts {first}")).await?;
        self.network.switch(profile.phones, devices).await?;
        let before = (self.processor_time()?, self.network.processor_time()?);
        let seconds = self.order(&format!("send {devices} {}", profile.messages)).await?;
        if profile.phones == Phones::On {
            self.order(&format!("receipts {}", profile.messages)).await?;
        }
        ensure!(seconds > 0.0, "nothing was sent");
        let each = |time: Duration| time.as_secs_f64() * 1e3 / profile.messages as f64;
        Ok(Sending {
            devices,
            rate: profile.messages as f64 / seconds,
            processor_ms: each(self.processor_time()? - before.0),
            network_ms: each(self.network.processor_time()? - before.1),
        })
    }
}
