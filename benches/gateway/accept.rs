//! Messages accepted per second, each durable before its 201.

use anyhow::ensure;

use crate::Bench;
use crate::archive::Archive;
use crate::figure::{Aim, Figure, Unit, thousands};
use crate::instance::{Devices, Instance};
use crate::load::{self, Seen, Until};
use crate::noise;
use crate::report::say;
use crate::script::Script;
use crate::server::Server;

/// Upper bound on the recipients that one load uses.
const DESTINATIONS_MAX: u64 = 2_000_000;
const NULL: &str = "null handler";

/// Measurements of one server, one per run.
#[derive(Default)]
struct Runs(Vec<Seen>);

impl Runs {
    fn of(&self, number: impl Fn(&Seen) -> f64) -> Vec<f64> {
        self.0.iter().map(number).collect()
    }
}

/// Compared with the null handler: while nothing is sent, and while the sandbox sends as fast as it can.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (mut null, mut paused, mut sending) = (Runs::default(), Runs::default(), Runs::default());
    let mut left = Vec::new();
    for run in 0..bench.profile.runs {
        // Rotate the order, so that none always follows the same other.
        for turn in 0..3 {
            match (run + turn) % 3 {
                0 => null.0.push(accept_null(bench).await?),
                1 => paused.0.push(accept_empty(bench, Devices::Paused).await?.0),
                _ => {
                    let (seen, left_a_second) = accept_empty(bench, Devices::Sending).await?;
                    sending.0.push(seen);
                    left.push(left_a_second);
                }
            }
        }
        say(&format!(
            "accept, run {}: {}",
            run + 1,
            shown(&[("null", &null), ("paused", &paused), ("sending", &sending)])
        ));
    }
    let rate = |seen: &Seen| seen.rate;
    let p99 = |seen: &Seen| seen.p99_ms;
    let processor = |seen: &Seen| seen.processor_us;
    let beside = |name: &str, unit, runs: &Runs, of: fn(&Seen) -> f64| {
        Figure::new(name, unit, runs.of(of)).beside(NULL, null.of(of))
    };
    Ok(vec![
        beside("accept, queue paused", Unit::PerSecond, &paused, rate).aiming(Aim::ShareAtLeast(0.5)),
        beside("accept, queue paused: 99 of 100 answered within", Unit::Milliseconds, &paused, p99)
            .aiming(Aim::Under(20.0)),
        beside("accept, queue paused: processor time each", Unit::Microseconds, &paused, processor),
        beside("accept, while sending", Unit::PerSecond, &sending, rate),
        beside("accept, while sending: 99 of 100 answered within", Unit::Milliseconds, &sending, p99),
        Figure::new("accept, while sending: left the queue meanwhile", Unit::PerSecond, left),
        Figure::others("accept", [&null, &paused, &sending].into_iter().flat_map(|runs| runs.of(|seen| seen.others))),
    ])
}

/// Accepting into a store that holds many messages, compared with an empty one.
pub async fn measure_stored(bench: &Bench, archive: &Archive) -> anyhow::Result<Vec<Figure>> {
    let (mut empty, mut full) = (Runs::default(), Runs::default());
    for run in 0..bench.profile.runs {
        for turn in 0..2 {
            if (run + turn) % 2 == 0 {
                empty.0.push(accept_empty(bench, Devices::Paused).await?.0);
            } else {
                full.0.push(accept_full(bench, archive, u64::from(run) * DESTINATIONS_MAX).await?);
            }
        }
        say(&format!("stored, run {}: {}", run + 1, shown(&[("empty", &empty), ("full", &full)])));
    }
    let name = format!("accept, {} stored", thousands(archive.messages as f64));
    Ok(vec![
        Figure::new(&name, Unit::PerSecond, full.of(|seen| seen.rate))
            .beside("empty store", empty.of(|seen| seen.rate))
            .aiming(Aim::ShareAtLeast(0.9)),
        Figure::new(format!("{name}: 99 of 100 answered within"), Unit::Milliseconds, full.of(|seen| seen.p99_ms))
            .beside("empty store", empty.of(|seen| seen.p99_ms)),
        Figure::others(&name, [&empty, &full].into_iter().flat_map(|runs| runs.of(|seen| seen.others))),
    ])
}

async fn accept_null(bench: &Bench) -> anyhow::Result<Seen> {
    let measure = async || {
        let (instance, devices) = bench.workspace.with_devices(1, Devices::Paused).await?;
        let server = Server::null_handler(&instance)?.answers().await?;
        load::run(&server, Script::post(&devices, 0), until(bench)).await
    };
    noise::least(bench.profile.tries, measure, |seen| seen.others).await
}

/// Accepts into a new store. Also returns how many messages per second left their queue meanwhile.
async fn accept_empty(bench: &Bench, kind: Devices) -> anyhow::Result<(Seen, f64)> {
    noise::least(bench.profile.tries, async || accept_new(bench, kind).await, |(seen, _)| seen.others).await
}

async fn accept_full(bench: &Bench, archive: &Archive, first: u64) -> anyhow::Result<Seen> {
    let measure = async || accept(bench, &archive.instance, &archive.device, first).await;
    noise::least(bench.profile.tries, measure, |seen| seen.others).await
}

async fn accept_new(bench: &Bench, kind: Devices) -> anyhow::Result<(Seen, f64)> {
    let (instance, devices) = bench.workspace.with_devices(1, kind).await?;
    let seen = accept(bench, &instance, &devices[0], 0).await?;
    let store = instance.store().await?;
    let waiting: i64 = store.count_waiting().await?.iter().map(|(_, count)| count).sum();
    store.close().await;
    let left = seen.answered as f64 - waiting as f64;
    Ok((seen, left / (bench.profile.warm_up + bench.profile.length).as_secs_f64()))
}

/// Accepts into an instance's store, and checks that everything answered with 201 is there.
async fn accept(bench: &Bench, instance: &Instance, device: &str, first: u64) -> anyhow::Result<Seen> {
    let before = instance.count().await?;
    let server = Server::gateway(instance)?.online(instance).await?;
    let seen = load::run(&server, Script::post(&[device.to_owned()], first), until(bench)).await?;
    drop(server);
    let stored = instance.count().await? - before;
    ensure!(stored == seen.answered, "{} messages were accepted, but {stored} are stored", seen.answered);
    Ok(seen)
}

fn until(bench: &Bench) -> Until {
    Until::Time { warm_up: bench.profile.warm_up, length: bench.profile.length }
}

/// The rates of the last run.
fn shown(all: &[(&str, &Runs)]) -> String {
    let rates =
        all.iter().filter_map(|(name, runs)| Some(format!("{name} {}", Unit::PerSecond.show(runs.0.last()?.rate))));
    rates.collect::<Vec<_>>().join(", ")
}
