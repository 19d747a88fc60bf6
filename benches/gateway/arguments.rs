//! What the benchmark is asked to do.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::runner::Common;

/// Measures the gateway, each figure beside a baseline of the same run.
///
/// docs/benchmarks.md says what each figure means.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
pub struct Arguments {
    /// Measure only these
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Name>,
    /// Runs of each measurement; the median counts [default: 5, or 2 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: Option<u32>,
    /// Short runs over few messages, to try the benchmark: its figures mean nothing
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    pub common: Common,
    /// Serve the handlers that store nothing, from a prepared data folder: the benchmark starts itself so
    #[arg(long, num_args = 2, value_names = ["ADDRESS", "DIR"], hide = true)]
    pub serve_null: Option<Vec<String>>,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Accepting messages, beside a handler that stores nothing
    Accept,
    /// Accepting messages into a store that holds a million, beside an empty one
    Stored,
    /// Asking for states of messages, beside a handler that reads nothing
    Status,
    /// From acceptance to R through the sandbox, beside accepting alone
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
                // What a database server takes cannot be told from what others take.
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

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    pub runs: u32,
    /// How often a run is made at the most, in the hope that nobody disturbs it.
    pub tries: u32,
    /// Load before the part that counts.
    pub warm_up: Duration,
    /// Load that counts.
    pub length: Duration,
    /// Messages in the full store.
    pub stored_messages: u64,
    /// Different messages that are asked for.
    pub asked_messages: u64,
    /// Messages that go from acceptance to R.
    pub through_messages: u64,
}
