//! How many messages a second go the whole way: accepted, begun, sent, delivered, read, each state stored.

use std::time::Duration;

use anyhow::{Context, ensure};
use wachat::clock::Clock;
use wachat::message::State;
use wachat::store::Store;

use crate::Bench;
use crate::figure::{Aim, Figure, Unit};
use crate::load::{self, Seen, Until};
use crate::report::say;
use crate::script::Script;
use crate::server::Server;
use crate::site::{Devices, Site};

const DEVICES: u32 = 20;
/// How long the last message may take to be read.
const PATIENCE: Duration = Duration::from_secs(300);
/// Counting what waits reads a small index; counting every message's state reads them all, and is done in the end only.
const POLL_WAITING: Duration = Duration::from_millis(50);
const POLL_STATES: Duration = Duration::from_millis(20);

/// From the first POST to the moment the last message is R, beside accepting the same messages alone.
pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (mut through, mut accepted, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    let messages = bench.extent.through_messages;
    for run in 0..bench.extent.runs {
        for turn in 0..2 {
            if (run + turn) % 2 == 0 {
                let (_site, _server, seen) = accept(bench, Devices::Paused).await?;
                accepted.push(seen.rate);
            } else {
                let (site, server, seen) = accept(bench, Devices::Sending).await?;
                all_read(&site, messages).await.with_context(|| server.last_words())?;
                through.push(messages as f64 / seen.started.elapsed().as_secs_f64());
                processor.push(server.processor_time()?.as_secs_f64() * 1e6 / messages as f64);
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
    ])
}

async fn accept(bench: &Bench, kind: Devices) -> anyhow::Result<(Site, Server, Seen)> {
    let (site, devices) = bench.ground.peopled(DEVICES, kind).await?;
    let server = Server::gateway(&site)?.online(&site).await?;
    let seen = load::run(&server, Script::post(&devices, 0), Until::Count(bench.extent.through_messages)).await?;
    Ok((site, server, seen))
}

/// Waits until every message is read.
async fn all_read(site: &Site, messages: u64) -> anyhow::Result<()> {
    let clock = Clock::system();
    let store = site.store().await?;
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
