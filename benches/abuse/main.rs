//! Measures the memory that malicious callers can make the gateway use, and how attacks affect an honest client: `cargo
//! xtask bench abuse`. See docs/benchmarks.md for what each figure means and how it is measured.
//!
//! Each attack gets a fresh gateway. An honest client sends messages, first without the attack and then while the
//! attack repeats.

mod arguments;
mod attacks;
mod honest;

// Shared with the gateway benchmark, which uses more of these modules.
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/instance.rs"]
mod instance;
#[path = "../gateway/machine.rs"]
mod machine;
#[path = "../gateway/report.rs"]
mod report;
#[path = "../gateway/runner.rs"]
mod runner;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/server.rs"]
mod server;
#[path = "../gateway/stopwatch.rs"]
mod stopwatch;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/wire.rs"]
mod wire;

use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use wachat::clock::Clock;

use arguments::{Arguments, Profile};
use attacks::Attack;
use figure::{Aim, Figure, Unit, median};
use instance::{Devices, Workspace};
use machine::Machine;
use server::Server;

/// Resident memory is read this long after an attack.
const AFTER: Duration = Duration::from_secs(15);
/// Behind a trusted proxy, each sign-in can come from a different address.
const SETTINGS: &str = "trusted_proxies = \"127.0.0.0/8\"\nallow_networks = \"127.0.0.0/8\"\n";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    runner::end(runner::run(async {
        match arguments.attacker()? {
            Some((attack, address, key)) => attack_for_ever(attack, address, key).await,
            None => measure(&arguments).await,
        }
    }))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (workspace, profile) = (Workspace::new(arguments.common.database_url.as_deref())?, arguments.profile());
    let machine = Machine::look(workspace.folder(), workspace.database().await?)?;
    report::say(&machine.text());
    let mut figures = Vec::new();
    for attack in Attack::ALL.into_iter().filter(|attack| arguments.wants(*attack)) {
        let mut seen = Vec::new();
        for _ in 0..profile.runs {
            seen.push(suffer(&workspace, &profile, attack).await?);
        }
        figures.extend(figures_of(attack, &seen));
    }
    arguments.common.conclude("abuse", &workspace, &machine, &profile, &figures)
}

/// What an attack did to a gateway.
struct Suffered {
    peak_mb: f64,
    after_mb: f64,
    /// The honest client's median latency without the attack and during it.
    before_ms: f64,
    during_ms: f64,
    refused: f64,
}

async fn suffer(workspace: &Workspace, profile: &Profile, attack: Attack) -> anyhow::Result<Suffered> {
    let (instance, queues) = workspace.with_devices(1, Devices::Sending).await?;
    let key = attacks::prepare(&instance).await?;
    std::fs::write(instance.folder().join("wachat.toml"), SETTINGS)?;
    let server = Server::gateway(&instance)?.online(&instance).await?;
    let before = honest::ask(server.address(), &queues[0], profile.length).await?;
    let address = server.address();
    let attacker = Attacker::begin(attack, address, &key)?;
    let during = honest::ask(address, &queues[0], profile.length).await?;
    attacker.end()?;
    let peak_mb = server.memory_peak_mb()?;
    Clock::system().sleep(AFTER).await;
    let after_mb = server.memory_mb()?;
    let seen = Suffered {
        peak_mb,
        after_mb,
        before_ms: median(&before.took_ms),
        during_ms: median(&during.took_ms),
        refused: during.refused_percent(),
    };
    report::say(&format!(
        "{}: peak {peak_mb:.0} MB, {after_mb:.0} MB after it; an honest client {:.1} ms, {:.1} ms without it, {:.0} % refused",
        attack.name(),
        seen.during_ms,
        seen.before_ms,
        seen.refused
    ));
    server.stop().await?;
    Ok(seen)
}

/// The attacker: a separate process at the lowest priority, because a real attacker does not share the gateway's CPUs.
struct Attacker(Child);

impl Attacker {
    fn begin(attack: Attack, address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let name = attack.to_possible_value().context("an attack has a name")?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(std::env::current_exe()?);
        command.args(["--attack", name.get_name(), &address.to_string(), key]);
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("nice")?))
    }

    /// # Errors
    /// The attacker exited by itself, so the measurement covered no attack.
    fn end(mut self) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            Some(ended) => bail!("the attacker ended by itself: {ended}"),
            None => Ok(()),
        }
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        // It has no state to clean up.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Repeats the attack until this process is killed, so that no response is measured without it.
async fn attack_for_ever(attack: Attack, address: SocketAddr, key: String) -> anyhow::Result<ExitCode> {
    loop {
        attack.run(address, key.clone()).await;
    }
}

fn figures_of(attack: Attack, seen: &[Suffered]) -> Vec<Figure> {
    let all = |number: fn(&Suffered) -> f64| seen.iter().map(number).collect::<Vec<_>>();
    let name = attack.name();
    vec![
        Figure::new(format!("{name}: peak memory"), Unit::Megabytes, all(|one| one.peak_mb))
            .aiming(Aim::Under(attack.bound_mb())),
        Figure::new(format!("{name}: memory 15 s after it"), Unit::Megabytes, all(|one| one.after_mb))
            .aiming(Aim::Under(150.0)),
        Figure::new(format!("{name}: an honest client's median"), Unit::Milliseconds, all(|one| one.during_ms))
            .beside("without it", all(|one| one.before_ms)),
        Figure::new(
            format!("{name}: the same, of that without it"),
            Unit::Percent,
            all(|one| one.during_ms / one.before_ms * 100.0),
        )
        .aiming(Aim::Under(200.0)),
        Figure::new(format!("{name}: honest requests refused"), Unit::Percent, all(|one| one.refused))
            .aiming(Aim::Under(1.0)),
    ]
}
