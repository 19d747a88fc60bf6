//! Measures what callers who mean harm can make the gateway hold, and what an honest client notices of it: `cargo xtask bench abuse`.
//! docs/benchmarks.md says what each figure means and how it is measured.
//!
//! Each attack has a fresh gateway. An honest client asks it again and again, for a while without the attack and then during it; the
//! attack is made again and again for as long.

mod arguments;
mod attacks;
mod honest;

// The same tools as the gateway's other benchmark has, which uses more of them.
#[path = "../gateway/course.rs"]
mod course;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/figure.rs"]
mod figure;
#[path = "../gateway/machine.rs"]
mod machine;
#[path = "../gateway/report.rs"]
mod report;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/server.rs"]
mod server;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/site.rs"]
mod site;
#[path = "../gateway/stopwatch.rs"]
mod stopwatch;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/wire.rs"]
mod wire;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::anyhow;
use clap::Parser;
use tokio_util::sync::CancellationToken;
use wachat::clock::Clock;

use arguments::{Arguments, Extent};
use attacks::Attack;
use figure::{Aim, Figure, Unit, median};
use machine::Machine;
use server::Server;
use site::{Devices, Ground};

/// How long after an attack resident memory is read.
const AFTER: Duration = Duration::from_secs(15);
/// Behind a proxy that is trusted, each sign-in may come from an address of its own.
const SETTINGS: &str = "trusted_proxies = \"127.0.0.0/8\"\nallow_networks = \"127.0.0.0/8\"\n";

fn main() -> ExitCode {
    course::end(course::run(measure(&Arguments::parse())))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (ground, extent) = (Ground::new(arguments.common.database_url.as_deref())?, arguments.extent());
    let machine = Machine::look(ground.folder(), ground.database().await?)?;
    report::say(&machine.text());
    let mut figures = Vec::new();
    for attack in Attack::ALL.into_iter().filter(|attack| arguments.wants(*attack)) {
        let mut seen = Vec::new();
        for _ in 0..extent.runs {
            seen.push(suffer(&ground, &extent, attack).await?);
        }
        figures.extend(figures_of(attack, &seen));
    }
    arguments.common.conclude("abuse", &ground, &machine, &extent, &figures)
}

/// What became of a gateway under an attack.
struct Suffered {
    peak_mb: f64,
    after_mb: f64,
    /// The honest client's median without the attack and during it.
    before_ms: f64,
    during_ms: f64,
    refused: f64,
}

async fn suffer(ground: &Ground, extent: &Extent, attack: Attack) -> anyhow::Result<Suffered> {
    let (site, queues) = ground.peopled(1, Devices::Sending).await?;
    let key = attacks::prepare(&site).await?;
    std::fs::write(site.folder().join("wachat.toml"), SETTINGS)?;
    let server = Server::gateway(&site)?.online(&site).await?;
    let before = honest::ask(server.address(), &queues[0], extent.length).await?;
    let address = server.address();
    let attacker = Attacker::begin(attack, address, key)?;
    let during = honest::ask(address, &queues[0], extent.length).await?;
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

/// Who attacks, on a thread of its own: the thread that measures must not wait for what the attack costs the attacker.
struct Attacker {
    stop: CancellationToken,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Attacker {
    fn begin(attack: Attack, address: SocketAddr, key: String) -> std::io::Result<Self> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("attacker".into()).spawn(move || {
            // Again and again, so that there is no answer without it.
            let attacks = async {
                loop {
                    attack.run(address, key.clone()).await;
                }
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let _: Option<()> = runtime.block_on(stopped.run_until_cancelled(attacks));
            Ok(())
        })?;
        Ok(Self { stop, thread })
    }

    fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.thread.join().map_err(|_| anyhow!("the attacker's thread panicked"))??)
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
