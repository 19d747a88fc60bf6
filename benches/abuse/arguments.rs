//! What the benchmark is asked to do.

use std::time::Duration;

use clap::Parser;

use crate::attacks::Attack;
use crate::course::Common;

/// Measures what attacks make the gateway hold, and what an honest client notices of each.
///
/// docs/benchmarks.md says what each figure means.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench abuse")]
pub struct Arguments {
    /// Only these attacks
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Attack>,
    /// Runs of each attack; the median counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Seconds in which the honest client asks, without the attack and during it
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=120))]
    seconds: u64,
    #[command(flatten)]
    pub common: Common,
}

impl Arguments {
    pub fn wants(&self, attack: Attack) -> bool {
        self.only.is_empty() || self.only.contains(&attack)
    }

    pub fn extent(&self) -> Extent {
        Extent { runs: self.runs, warm_up: Duration::ZERO, length: Duration::from_secs(self.seconds) }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub runs: u32,
    /// Each answer counts.
    pub warm_up: Duration,
    pub length: Duration,
}
