//! Command-line arguments of the gateway benchmark.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::runner::Common;

/// Measures the gateway, each figure compared with a baseline from the same run.
///
/// See docs/benchmarks.md for what each figure means.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
pub struct Arguments {
    /// Measure only these
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Name>,
    /// Runs of each measurement; the median is reported [default: 5, or 2 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: Option<u32>,
    /// Short runs over few messages, to try the benchmark; the figures are meaningless
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    pub common: Common,
    /// Serve the null handler from a prepared data folder; the benchmark starts itself with this option
    #[arg(long, num_args = 2, value_names = ["ADDRESS", "DIR"], hide = true)]
    pub serve_null: Option<Vec<String>>,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Accepting messages, compared with the null handler
    Accept,
    /// Accepting messages into a store that holds a million, compared with an empty one
    Stored,
    /// Requesting message status, compared with the null handler
    Status,
    /// From acceptance to R through the sandbox, compared with accepting alone
    Through,
    /// Start, memory, size
    Start,
}

impl Arguments {
    pub fn wants(&self, name: Name) -> bool {
        self.only.is_empty() || self.only.contains(&name)
    }

    pub fn profile(&self) -> Profile {
        let runs = |usual| self.runs.unwrap_or(usual);
        if self.quick {
            Profile {
                runs: runs(2),
                tries: 1,
                warm_up: Duration::from_millis(200),
                length: Duration::from_secs(1),
                stored_messages: 20_000,
                asked_messages: 1_000,
                through_messages: 2_000,
            }
        } else {
            Profile {
                runs: runs(5),
                // The CPU time of a database server cannot be told apart from noise.
                tries: if self.common.database_url.is_none() { 4 } else { 1 },
                warm_up: Duration::from_secs(1),
                length: Duration::from_secs(5),
                stored_messages: 1_000_000,
                asked_messages: 10_000,
                through_messages: 20_000,
            }
        }
    }
}

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    pub runs: u32,
    /// Maximum attempts per run, to get one without noise.
    pub tries: u32,
    /// Load before the measured part.
    pub warm_up: Duration,
    /// Length of the measured part.
    pub length: Duration,
    /// Messages in the full store.
    pub stored_messages: u64,
    /// Distinct messages whose status is requested.
    pub asked_messages: u64,
    /// Messages that go from acceptance to R.
    pub through_messages: u64,
}
