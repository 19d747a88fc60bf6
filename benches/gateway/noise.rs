//! Who else uses the machine. A figure that was measured while something else ran says little, so each measurement tells
//! how much of the machine others took meanwhile, and one that was disturbed is made again.

use std::time::Duration;

use anyhow::Context;

use crate::server::processor_time;
use crate::stopwatch::Moment;

/// A measurement counts at once when others took less than this share of the machine.
const SHARE_MAX: f64 = 0.1;
/// Fields of `/proc/stat` that are work of processes: user, nice, system. Interrupts are left out: most are the load's own
/// packets.
const WORK: usize = 3;
/// Time that the host gave to somebody else.
const STEAL: usize = 7;

/// What the machine had done when a measurement began.
pub struct Watch {
    started: Moment,
    machine: Duration,
    ours: Duration,
}

impl Watch {
    /// Starts to watch, beside the server with the process id `server` and this process.
    pub fn start(server: u32) -> anyhow::Result<Self> {
        Ok(Self { started: Moment::now(), machine: machine_time()?, ours: our_time(server)? })
    }

    /// The share of the machine that others took since, from 0 to 1.
    pub fn others(&self, server: u32) -> anyhow::Result<f64> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let all = self.started.elapsed().as_secs_f64() * cores;
        let machine = machine_time()?.saturating_sub(self.machine);
        let ours = our_time(server)?.saturating_sub(self.ours);
        Ok((machine.saturating_sub(ours).as_secs_f64() / all).min(1.0))
    }
}

/// Measures until it is not disturbed, `tries` times at the most; then the least disturbed counts, whatever it
/// measured. `others` tells how much a measurement was.
pub async fn least<T>(
    tries: u32,
    measure: impl AsyncFn() -> anyhow::Result<T>,
    others: impl Fn(&T) -> f64,
) -> anyhow::Result<T> {
    let mut best = measure().await?;
    for _ in 1..tries {
        if others(&best) < SHARE_MAX {
            break;
        }
        let again = measure().await?;
        if others(&again) < others(&best) {
            best = again;
        }
    }
    Ok(best)
}

/// Processor time that all processes have taken, and the host with them.
fn machine_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).context("/proc/stat")?;
    let ticks: Vec<u32> = line.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let work: u32 = ticks.iter().take(WORK).sum();
    Ok(crate::server::TICK * (work + ticks.get(STEAL).copied().unwrap_or(0)))
}

fn our_time(server: u32) -> anyhow::Result<Duration> {
    Ok(processor_time(server)? + processor_time(std::process::id())?)
}
