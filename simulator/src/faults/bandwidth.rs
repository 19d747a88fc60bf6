//! Traffic of one connection, and the faults that apply to it.

use crate::faults::decision::FrameDecision;
use crate::faults::fault::{CutPlace, Direction, Fault};

/// Counts the bytes and frames of one connection. From [`Plan::bandwidth`](crate::faults::Plan::bandwidth).
#[derive(Debug)]
pub struct Bandwidth {
    /// The next fault number when the connection was opened: lower ones existed before it.
    faults_before: u32,
    to_server: Count,
    to_client: Count,
    strikes: Vec<Strike>,
    is_cut: bool,
}

/// Whether a fault applies to this connection: decided once, at the first frame that it covers.
#[derive(Debug, Clone, Copy)]
struct Strike {
    fault: u32,
    /// The number of the connection in the fault's counter.
    number: u64,
    strikes: bool,
    to_server: Count,
    to_client: Count,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    bytes: u64,
    frames: u64,
}

/// What one fault does to one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Wait(u64),
    Cut(usize),
}

impl Bandwidth {
    pub(super) fn new(faults_before: u32) -> Self {
        let nothing = Count::default();
        Self { faults_before, to_server: nothing, to_client: nothing, strikes: Vec::new(), is_cut: false }
    }

    /// The number of this connection in that fault's counter, and whether the fault applies; `None` if it was not
    /// decided yet.
    pub(super) fn known(&self, fault: u32) -> Option<(u64, bool)> {
        self.strikes.iter().find(|strike| strike.fault == fault).map(|strike| (strike.number, strike.strikes))
    }

    /// Records the decision for all later frames.
    pub(super) fn record(&mut self, fault: u32, number: u64, strikes: bool) {
        let was_there = fault < self.faults_before;
        let [to_server, to_client] = if was_there { [Count::default(); 2] } else { [self.to_server, self.to_client] };
        self.strikes.push(Strike { fault, number, strikes, to_server, to_client });
    }

    /// Drops faults that are no longer active, to keep the list short.
    pub(super) fn retain(&mut self, is_active: impl Fn(u32) -> bool) {
        self.strikes.retain(|strike| is_active(strike.fault));
    }

    /// What this fault, which applies, does to the next frame.
    pub(super) fn effect(&self, number: u32, fault: &Fault, direction: Direction, bytes: usize) -> Option<Effect> {
        match fault {
            Fault::SlowLink { bytes_per_second, latency_ms } => {
                Some(Effect::Wait(latency_ms.saturating_add(carried_ms(bytes, *bytes_per_second))))
            }
            Fault::ConnectionCut { direction: cut, place } if *cut == direction => {
                let base = self.strikes.iter().find(|strike| strike.fault == number)?;
                let (base, passed) = match direction {
                    Direction::ToServer => (base.to_server, self.to_server),
                    Direction::ToClient => (base.to_client, self.to_client),
                };
                let still = match place {
                    CutPlace::AfterBytes(limit) => base.bytes.saturating_add(*limit).saturating_sub(passed.bytes),
                    CutPlace::MiddleOfFrame(frame) if passed.frames + 1 >= base.frames.saturating_add(*frame) => {
                        bytes as u64 / 2
                    }
                    CutPlace::MiddleOfFrame(_) => return None,
                };
                let still = usize::try_from(still).unwrap_or(usize::MAX);
                (still <= bytes).then_some(Effect::Cut(still))
            }
            _ => None,
        }
    }

    /// Whether the connection was cut: nothing passes any more.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Counts a frame and combines the effects on it.
    pub(super) fn pass(&mut self, direction: Direction, bytes: usize, effects: &[Effect]) -> FrameDecision {
        let count = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        count.bytes = count.bytes.saturating_add(bytes as u64);
        count.frames += 1;
        let passage = passage(effects);
        self.is_cut = matches!(passage, FrameDecision::Cut { .. });
        passage
    }
}

/// Time in milliseconds to transfer this many bytes at this rate; 0 without a rate.
pub fn carried_ms(bytes: usize, bytes_per_second: Option<u64>) -> u64 {
    bytes_per_second.map_or(0, |pace| (bytes as u64).saturating_mul(1000).div_ceil(pace.max(1)))
}

/// Combines all effects on one frame: waits add up, the earliest cut wins.
fn passage(effects: &[Effect]) -> FrameDecision {
    let wait_ms = effects.iter().fold(0u64, |sum, effect| match effect {
        Effect::Wait(wait_ms) => sum.saturating_add(*wait_ms),
        Effect::Cut(_) => sum,
    });
    let cut = effects.iter().filter_map(|effect| match effect {
        Effect::Cut(bytes) => Some(*bytes),
        Effect::Wait(_) => None,
    });
    match cut.min() {
        Some(bytes) => FrameDecision::Cut { bytes, wait_ms },
        None => FrameDecision::Whole { wait_ms },
    }
}
