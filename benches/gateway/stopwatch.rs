//! The only place that reads the machine's monotonic clock: benchmarks measure real time, the product never does.

use std::time::{Duration, Instant};

/// A point in time to measure from.
#[derive(Debug, Clone, Copy)]
pub struct Moment(Instant);

impl Moment {
    #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time; everything else asks the Clock")]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// Time from `earlier` to `self`.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Time since then.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }
}
