//! The load generator: connections that each send a request, wait for the response, and repeat. It runs on one thread
//! and uses as little CPU as possible, because it shares the machine with the server under measurement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use wachat::clock::Clock;

use crate::noise::Watch;
use crate::script::Script;
use crate::server::Server;
use crate::stopwatch::Moment;
use crate::wire::Wire;

/// Keep-alive connections.
pub const CONNECTIONS: usize = 64;
/// Grace period beyond the requested length before the server is considered dead.
const PATIENCE: Duration = Duration::from_secs(120);

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// Counts the responses received within `length` after `warm_up`.
    Time { warm_up: Duration, length: Duration },
    /// A fixed number of requests, all of which count.
    Count(u64),
}

/// What a load measured.
pub struct Seen {
    /// Total number of requests answered with the expected status.
    pub answered: u64,
    /// Counted responses per second.
    pub rate: f64,
    /// 99th percentile latency of the counted responses.
    pub p99_ms: f64,
    /// The server's CPU time per request.
    pub processor_us: f64,
    /// The share of the machine that neither the server nor the load used, from 0 to 1.
    pub others: f64,
    /// When the first request was sent.
    pub started: Moment,
}

/// One response: when it arrived, relative to the start, and its latency.
struct Answered {
    at: Duration,
    took: Duration,
}

/// State shared by the connections of one load.
struct LoadRun {
    script: Script,
    next: AtomicU64,
    until: Until,
    started: Moment,
}

impl LoadRun {
    /// The number of the next request, or `None` when the load is over.
    fn next(&self, now: Moment) -> Option<u64> {
        match self.until {
            Until::Time { warm_up, length } if now.since(self.started) >= warm_up + length => None,
            Until::Time { .. } => Some(self.next.fetch_add(1, Ordering::Relaxed)),
            Until::Count(count) => Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count),
        }
    }
}

/// Puts a server under load.
///
/// # Errors
/// A response has an unexpected status, or none arrives.
pub async fn run(server: &Server, script: Script, until: Until) -> anyhow::Result<Seen> {
    let mut wires = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        wires.push(Wire::connect(server.address()).await.with_context(|| server.last_words())?);
    }
    let before = server.processor_time()?;
    let watch = Watch::start(server.id())?;
    let run = Arc::new(LoadRun { script, next: AtomicU64::new(0), until, started: Moment::now() });
    let mut conversations = JoinSet::new();
    for wire in wires {
        conversations.spawn(converse(Arc::clone(&run), wire));
    }
    let limit = match until {
        Until::Time { warm_up, length } => warm_up + length + PATIENCE,
        Until::Count(_) => PATIENCE,
    };
    let mut answers = Vec::new();
    let all = async {
        while let Some(ended) = conversations.join_next().await {
            answers.extend(ended??);
        }
        anyhow::Ok(())
    };
    let ended = Clock::system().within(limit, all).await.context("the server answers no more");
    ended.and_then(|ended| ended).with_context(|| server.last_words())?;
    let processor = server.processor_time()? - before;
    summary(&answers, &run, processor, watch.others(server.id())?)
}

async fn converse(run: Arc<LoadRun>, mut wire: Wire) -> anyhow::Result<Vec<Answered>> {
    let mut request = run.script.buffer();
    let mut answers = Vec::with_capacity(16 * 1024);
    let mut asked = run.started;
    while let Some(number) = run.next(asked) {
        run.script.write(number, &mut request);
        let answer = wire.ask(&request).await?;
        ensure!(
            answer.status == run.script.wanted,
            "answered {}: {}",
            answer.status,
            String::from_utf8_lossy(answer.body)
        );
        // One clock reading ends this request and starts the next.
        let now = Moment::now();
        answers.push(Answered { at: now.since(run.started), took: now.since(asked) });
        asked = now;
    }
    Ok(answers)
}

fn summary(answers: &[Answered], run: &LoadRun, processor: Duration, others: f64) -> anyhow::Result<Seen> {
    let (from, length) = match run.until {
        Until::Time { warm_up, length } => (warm_up, length),
        Until::Count(_) => (Duration::ZERO, answers.iter().map(|answer| answer.at).max().unwrap_or_default()),
    };
    let counted = answers.iter().filter(|answer| answer.at >= from && answer.at <= from + length);
    let mut took: Vec<Duration> = counted.map(|answer| answer.took).collect();
    ensure!(!took.is_empty(), "nothing was answered in time");
    took.sort_unstable();
    Ok(Seen {
        answered: answers.len() as u64,
        rate: took.len() as f64 / length.as_secs_f64(),
        p99_ms: took[took.len() * 99 / 100].as_secs_f64() * 1e3,
        processor_us: processor.as_secs_f64() * 1e6 / answers.len() as f64,
        others,
        started: run.started,
    })
}
