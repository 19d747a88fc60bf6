//! End-to-end throughput: messages per second that are accepted, begun, sent, delivered and read, with each state
//! stored.

use std::time::Duration;

use anyhow::{Context, ensure};
use wachat::clock::Clock;
use wachat::message::State;
use wachat::store::Store;

use crate::Bench;
use crate::figure::{Aim, Figure, Unit};
use crate::instance::{Devices, Instance};
use crate::load::{self, Seen, Until};
use crate::noise::{self, Watch};
use crate::report::say;
use crate::script::Script;
use crate::server::Server;

const DEVICES: u32 = 20;
/// Timeout for the last message to be read.
const PATIENCE: Duration = Duration::from_secs(300);
/// Counting pending messages reads a small index, so it is cheap to poll. Counting every message's state reads them
/// all, and is only done at the end.
const POLL_WAITING: Duration = Duration::from_millis(50);
const POLL_STATES: Duration = Duration::from_millis(20);

/// From the first POST until the last message is R, compared with accepting the same messages alone.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (mut through, mut accepted, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    let mut others = Vec::new();
    for run in 0..bench.profile.runs {
        for turn in 0..2 {
            if (run + turn) % 2 == 0 {
                let seen =
                    noise::least(bench.profile.tries, async || accept_only(bench).await, |seen| seen.others).await?;
                accepted.push(seen.rate);
                others.push(seen.others);
            } else {
                let gone = noise::least(bench.profile.tries, async || go(bench).await, |gone| gone.others).await?;
                through.push(gone.rate);
                processor.push(gone.processor_us);
                others.push(gone.others);
            }
        }
        let last = |rates: &[f64]| rates.last().map_or_else(String::new, |rate| Unit::PerSecond.show(*rate));
        say(&format!("through, run {}: accepted {}, through {}", run + 1, last(&accepted), last(&through)));
    }
    Ok(vec![
        Figure::new("through, accepted to R", Unit::PerSecond, through)
            .beside("accepted only", accepted)
            .aiming(Aim::AtLeast(3_000.0)),
        Figure::new("through: processor time each", Unit::Microseconds, processor),
        Figure::others("through", others),
    ])
}

async fn accept_only(bench: &Bench) -> anyhow::Result<Seen> {
    let (instance, devices) = bench.workspace.with_devices(DEVICES, Devices::Paused).await?;
    let server = Server::gateway(&instance)?.online(&instance).await?;
    accept(bench, &server, &devices).await
}

/// Messages that went all the way.
struct Gone {
    rate: f64,
    processor_us: f64,
    others: f64,
}

async fn go(bench: &Bench) -> anyhow::Result<Gone> {
    let (instance, devices) = bench.workspace.with_devices(DEVICES, Devices::Sending).await?;
    let server = Server::gateway(&instance)?.online(&instance).await?;
    let messages = bench.profile.through_messages;
    let watch = Watch::start(server.id())?;
    let before = server.processor_time()?;
    let seen = accept(bench, &server, &devices).await?;
    all_read(&instance, messages).await.with_context(|| server.last_words())?;
    let rate = messages as f64 / seen.started.elapsed().as_secs_f64();
    let processor = server.processor_time()? - before;
    let processor_us = processor.as_secs_f64() * 1e6 / messages as f64;
    Ok(Gone { rate, processor_us, others: watch.others(server.id())? })
}

async fn accept(bench: &Bench, server: &Server, devices: &[String]) -> anyhow::Result<Seen> {
    load::run(server, Script::post(devices, 0), Until::Count(bench.profile.through_messages)).await
}

/// Waits until every message is read.
async fn all_read(instance: &Instance, messages: u64) -> anyhow::Result<()> {
    let clock = Clock::system();
    let store = instance.store().await?;
    let read = async {
        while !store.count_waiting().await?.is_empty() {
            clock.sleep(POLL_WAITING).await;
        }
        while count_read(&store).await? < messages {
            clock.sleep(POLL_STATES).await;
        }
        anyhow::Ok(())
    };
    clock.within(PATIENCE, read).await.context("not every message was read")??;
    store.close().await;
    Ok(())
}

async fn count_read(store: &Store) -> anyhow::Result<u64> {
    let counts = store.count_messages(None).await?;
    let of = |state: State| {
        counts.iter().filter(|(letter, _)| letter == state.letter()).map(|(_, count)| count.unsigned_abs()).sum::<u64>()
    };
    ensure!(of(State::Aborted) == 0, "{} messages were aborted", of(State::Aborted));
    Ok(of(State::Read))
}
