//! Startup time, memory and binary size of the gateway.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::ensure;
use wachat::clock::Clock;

use crate::Bench;
use crate::figure::{Aim, Figure, Unit};
use crate::instance::Devices;
use crate::load::{self, Until};
use crate::report::say;
use crate::script::{self, Script};
use crate::server::{BINARY, Server};

/// A gateway counts as idle this long after its start.
const IDLE: Duration = Duration::from_secs(2);

/// Memory of one server.
struct Taken {
    idle_mb: f64,
    peak_mb: f64,
}

/// First run on an empty folder, memory, and binary size.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (mut first, mut version) = (Vec::new(), Vec::new());
    let (mut gateway, mut null) = (Vec::new(), Vec::new());
    for run in 0..bench.profile.runs {
        version.push(show_version()?);
        let (took, taken) = start(bench).await?;
        first.push(took);
        gateway.push(taken);
        null.push(start_null(bench).await?);
        say(&format!("start, run {}: {}", run + 1, Unit::Seconds.show(took)));
    }
    let of = |all: &[Taken], number: fn(&Taken) -> f64| all.iter().map(number).collect::<Vec<_>>();
    let size_mb = std::fs::metadata(BINARY)?.len() as f64 / 1e6;
    Ok(vec![
        Figure::new("start: empty folder to the first 201", Unit::Seconds, first)
            .beside("wachat --version", version)
            .aiming(Aim::Under(0.3)),
        Figure::new("memory, idle", Unit::Megabytes, of(&gateway, |taken| taken.idle_mb))
            .beside("null server", of(&null, |taken| taken.idle_mb))
            .aiming(Aim::Under(40.0)),
        Figure::new(
            "memory, at most while accepting and sending",
            Unit::Megabytes,
            of(&gateway, |taken| taken.peak_mb),
        )
        .beside("null server", of(&null, |taken| taken.peak_mb)),
        Figure::new("size of the program", Unit::Megabytes, vec![size_mb]).aiming(Aim::Under(60.0)),
    ])
}

fn show_version() -> anyhow::Result<f64> {
    let started = crate::stopwatch::Moment::now();
    let status = Command::new(BINARY).arg("--version").stdout(Stdio::null()).status()?;
    ensure!(status.success(), "wachat --version: {status}");
    Ok(started.elapsed().as_secs_f64())
}

/// Starts on an empty folder, so that client, key and device are created too. Returns the seconds until the first 201.
async fn start(bench: &Bench) -> anyhow::Result<(f64, Taken)> {
    let instance = bench.workspace.instance().await?;
    let started = crate::stopwatch::Moment::now();
    let mut server = Server::gateway(&instance)?;
    let status = server.first_answer(&script::first_post()).await?;
    let took = started.elapsed().as_secs_f64();
    ensure!(status == 201, "the first message was answered {status}");
    let store = instance.store().await?;
    let devices: Vec<String> = store.list_devices(None).await?.into_iter().map(|device| device.id).collect();
    store.close().await;
    Ok((took, take(bench, &server, &devices).await?))
}

async fn start_null(bench: &Bench) -> anyhow::Result<Taken> {
    let (instance, devices) = bench.workspace.with_devices(1, Devices::Sending).await?;
    let server = Server::null_handler(&instance)?.answers().await?;
    take(bench, &server, &devices).await
}

/// Measures a server's memory, first idle and then after a load.
async fn take(bench: &Bench, server: &Server, devices: &[String]) -> anyhow::Result<Taken> {
    Clock::system().sleep(IDLE).await;
    let idle_mb = server.memory_mb()?;
    let until = Until::Time { warm_up: bench.profile.warm_up, length: bench.profile.length };
    load::run(server, Script::post(devices, 0), until).await?;
    Ok(Taken { idle_mb, peak_mb: server.memory_peak_mb()? })
}
