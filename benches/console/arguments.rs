//! Command-line arguments of the console benchmark.

use std::time::Duration;

use clap::Parser;

use crate::runner::Common;

/// Measures the console's pages over a full store, compared with the same pages over a small one.
///
/// See docs/benchmarks.md for what each figure means.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench console")]
pub struct Arguments {
    /// Measure only pages whose names contain one of these words
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each measurement; the median is reported
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Visits of each page in a run
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..))]
    visits: u32,
    /// Messages in the full store
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    messages: u32,
    #[command(flatten)]
    pub common: Common,
}

impl Arguments {
    pub fn profile(&self) -> Profile {
        Profile {
            runs: self.runs,
            warm_up: Duration::ZERO,
            length: Duration::ZERO,
            visits: self.visits as usize,
            messages: u64::from(self.messages),
            only: self.only.clone(),
        }
    }
}

/// How much to measure.
#[derive(Debug, Clone)]
pub struct Profile {
    pub runs: u32,
    /// Zero: every visit counts, and the number of visits is fixed.
    pub warm_up: Duration,
    pub length: Duration,
    pub visits: usize,
    pub messages: u64,
    only: Vec<String>,
}

impl Profile {
    pub fn wants(&self, page: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|words| page.contains(words.as_str()))
    }
}
