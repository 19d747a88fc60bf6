//! The load: some connections that each ask, wait for the answer, and ask again. It runs on one thread and takes as
//! little of it as it can, because it shares the machine with the server that it measures.

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
/// Beyond what was asked for, a load may take this long before its server is taken for dead.
const PATIENCE: Duration = Duration::from_secs(120);

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// What is answered within `length` after `warm_up` counts.
    Time { warm_up: Duration, length: Duration },
    /// So many requests, all of which count.
    Count(u64),
}

/// What a load saw.
pub struct Seen {
    /// Requests that were answered as wanted, in all.
    pub answered: u64,
    /// Those that count, a second.
    pub rate: f64,
    /// 99 of 100 of the answers that count came within this time.
    pub p99_ms: f64,
    /// The server's processor time for each request.
    pub processor_us: f64,
    /// The share of the machine that neither the server nor the load took, from 0 to 1.
    pub others: f64,
    /// When the first request was sent.
    pub started: Moment,
}

/// One answer: when it came, since the start, and after how long.
struct Answered {
    at: Duration,
    took: Duration,
}

/// Who asks what next.
struct LoadRun {
    script: Script,
    next: AtomicU64,
    until: Until,
    started: Moment,
}

impl LoadRun {
    /// The number of the next request, if there is to be one.
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
/// When anything is answered otherwise than wanted, or not at all.
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
        // The moment of this answer is the moment of the next question: the clock is asked once for both.
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
