//! A server under measurement: a separate process that is killed when its [`Server`] is dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use wachat::clock::Clock;
use wachat::device::DeviceState;

use crate::instance::{Instance, KEY};
use crate::wire::Wire;

/// The gateway, in a release build.
pub const BINARY: &str = env!("CARGO_BIN_EXE_wachat");
/// Startup timeout.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);
/// Linux reports CPU time in `/proc` in hundredths of a second, whatever its own tick is (proc(5), `USER_HZ`).
pub const TICK: Duration = Duration::from_millis(10);

pub struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts `wachat serve` on an instance, without waiting for it to be ready.
    pub fn gateway(instance: &Instance) -> anyhow::Result<Self> {
        let (command, address) = serve(instance)?;
        Self::start(command, address, instance.folder())
    }

    /// The same on a simulated WhatsApp network, for a build with that feature.
    pub fn gateway_on(instance: &Instance, network: &str) -> anyhow::Result<Self> {
        let (mut command, address) = serve(instance)?;
        command.env("WACHAT_SIMULATED_NETWORK", network);
        Self::start(command, address, instance.folder())
    }

    /// Starts the null handlers on an instance that already has [`KEY`].
    pub fn null_handler(instance: &Instance) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.env_clear();
        command.arg("--serve-null").arg(address.to_string()).arg(instance.folder());
        if let Some(url) = instance.database_url() {
            command.args(["--database-url", url]);
        }
        Self::start(command, address, instance.folder())
    }

    fn start(mut command: Command, address: SocketAddr, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("server.log");
        // Also keeps it from reading a settings file in the benchmark's working directory.
        command.env("WACHAT_API_KEY", KEY).current_dir(folder);
        // Without a password setting, the first run would generate one and print it, or create no user at all, and
        // nobody reads the output.
        command.env("WACHAT_ADMIN_PASSWORD", "of a benchmark");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Self { child, address, log })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Polls until the server answers, and returns the status.
    pub async fn first_answer(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        let clock = Clock::system();
        let asked = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    bail!("it ended with {status}");
                }
                if let Ok(mut wire) = Wire::connect(self.address).await {
                    return Ok(wire.ask(request).await?.status);
                }
                clock.sleep(POLL).await;
            }
        };
        let answered = clock.within(PATIENCE, asked).await.context("it does not answer");
        answered.and_then(|answered| answered).with_context(|| self.last_words())
    }

    /// Waits until the server answers.
    pub async fn answers(mut self) -> anyhow::Result<Self> {
        self.first_answer(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        Ok(self)
    }

    /// Waits until the gateway answers and every device of its instance is online.
    pub async fn online(self, instance: &Instance) -> anyhow::Result<Self> {
        let this = self.answers().await?;
        let clock = Clock::system();
        let store = instance.store().await?;
        let online = async {
            while store.list_devices(None).await?.iter().any(|device| device.state != DeviceState::Online) {
                clock.sleep(10 * POLL).await;
            }
            anyhow::Ok(())
        };
        clock.within(PATIENCE, online).await.context("a device does not come online")??;
        store.close().await;
        Ok(this)
    }

    /// Shuts it down with SIGTERM and waits until it has exited.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(self.id().to_string()).status()?;
        ensure!(told.success(), "kill: {told}");
        let clock = Clock::system();
        let ended = async {
            while self.child.try_wait()?.is_none() {
                clock.sleep(10 * POLL).await;
            }
            anyhow::Ok(())
        };
        clock.within(PATIENCE, ended).await.context("it does not end").and_then(|ended| ended)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that it has used.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(self.id()).with_context(|| self.last_words())
    }

    /// Current resident memory, in MB.
    pub fn memory_mb(&self) -> anyhow::Result<f64> {
        memory_mb(self.id()).with_context(|| self.last_words())
    }

    /// Peak resident memory, in MB.
    pub fn memory_peak_mb(&self) -> anyhow::Result<f64> {
        status_mb(self.id(), "VmHWM:").with_context(|| self.last_words())
    }

    /// The end of its log, for error messages.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(10).collect();
        format!("the server said last:\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed rather than stopped: a durable store copes with that, and nothing is left behind. It may already have
        // exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Current resident memory of a process, in MB.
pub fn memory_mb(process: u32) -> anyhow::Result<f64> {
    status_mb(process, "VmRSS:")
}

fn status_mb(process: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kb = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")).context("memory")?;
    Ok(kb.trim().parse::<f64>()? * 1024.0 / 1e6)
}

/// User and system time of a process.
pub fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name in brackets; the 14th and 15th are the times.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: Vec<u32> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(TICK * ticks.iter().sum())
}

/// The `wachat serve` command for an instance, and the address it will listen on. None of the operator's own settings
/// may affect the measurement.
fn serve(instance: &Instance) -> anyhow::Result<(Command, SocketAddr)> {
    let address = free_address()?;
    let mut command = Command::new(BINARY);
    command.env_clear();
    command.args(["serve", "--rate-limit", "0", "--listen", &address.to_string()]);
    command.arg("--data-dir").arg(instance.folder());
    if let Some(url) = instance.database_url() {
        command.args(["--database-url", url]);
    }
    Ok((command, address))
}

/// A loopback address that is currently free.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
