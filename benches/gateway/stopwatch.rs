//! The only place that asks the machine's monotonic clock: a benchmark measures real time, the product never does.

use std::time::{Duration, Instant};

/// A moment to measure from.
#[derive(Debug, Clone, Copy)]
pub struct Moment(Instant);

impl Moment {
    #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time; everything else asks the Clock")]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// How long before `self` the `earlier` moment was.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// How long ago this moment was.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }
}
