//! Noise from other processes. A figure measured while something else was running means little, so each measurement
//! records how much of the machine other processes used, and noisy ones are repeated.

use std::time::Duration;

use anyhow::Context;

use crate::server::processor_time;
use crate::stopwatch::Moment;

/// A measurement is accepted if other processes used less than this share of the machine.
const SHARE_MAX: f64 = 0.1;
/// The fields of `/proc/stat` that count process time: user, nice, system. Interrupts are left out: most come from the
/// load's own packets.
const WORK: usize = 3;
/// Time that the hypervisor gave to other guests.
const STEAL: usize = 7;

/// CPU time counters at the start of a measurement.
pub struct Watch {
    started: Moment,
    machine: Duration,
    ours: Duration,
}

impl Watch {
    /// Starts watching; `server` is the process id of the server under measurement.
    pub fn start(server: u32) -> anyhow::Result<Self> {
        Ok(Self { started: Moment::now(), machine: machine_time()?, ours: our_time(server)? })
    }

    /// The share of the machine that other processes have used since, from 0 to 1.
    pub fn others(&self, server: u32) -> anyhow::Result<f64> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let all = self.started.elapsed().as_secs_f64() * cores;
        let machine = machine_time()?.saturating_sub(self.machine);
        let ours = our_time(server)?.saturating_sub(self.ours);
        Ok((machine.saturating_sub(ours).as_secs_f64() / all).min(1.0))
    }
}

/// Repeats a measurement up to `tries` times until it is quiet, and returns the least noisy one. `others` returns the
/// noise of a measurement.
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

/// CPU time of all processes, plus the time stolen by the host.
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
