//! Command-line arguments of the devices benchmark.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::accounts::SENDERS_MAX;
use crate::runner::Common;

/// Measures linked accounts on a simulated network, compared with the client library alone.
///
/// See docs/benchmarks.md for what each figure means.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench devices")]
pub struct Arguments {
    /// Measure only these
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Name>,
    /// Runs of each measurement; the median is reported
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Maximum number of linked devices
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
    /// Messages in each measurement of sending
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
    /// Whether phones are on, and return receipts, or are switched off
    #[arg(long, value_name = "STATE", default_value = "off")]
    phones: Phones,
    #[command(flatten)]
    pub common: Common,
    /// Run the client library alone on a network, controlled over a connection; the benchmark starts itself with this
    /// option
    #[arg(long, num_args = 2, value_names = ["NETWORK", "ORDERS"], hide = true)]
    pub baseline: Option<Vec<SocketAddr>>,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Memory per linked device: with one, with 50, and with all
    Memory,
    /// From the start of a gateway until all its devices are online
    Restart,
    /// From acceptance to S, over one device and over 50
    Sending,
}

/// Whether the network's phones are on while messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Phones {
    On,
    Off,
}

impl Arguments {
    pub fn profile(&self) -> Profile {
        Profile {
            runs: self.runs,
            warm_up: Duration::ZERO,
            length: Duration::ZERO,
            devices: self.devices,
            messages: u64::from(self.messages),
            phones: self.phones,
            only: self.only.clone(),
        }
    }
}

/// How much to measure.
#[derive(Debug, Clone)]
pub struct Profile {
    pub runs: u32,
    /// Zero: everything counts, from the first message to the last.
    pub warm_up: Duration,
    pub length: Duration,
    pub devices: u32,
    pub messages: u64,
    pub phones: Phones,
    only: Vec<Name>,
}

impl Profile {
    pub fn wants(&self, name: Name) -> bool {
        self.only.is_empty() || self.only.contains(&name)
    }

    /// Numbers of devices to measure at, in order.
    pub fn steps(&self) -> Vec<u32> {
        let mut steps: Vec<u32> =
            [1, SENDERS_MAX, self.devices].into_iter().filter(|step| *step <= self.devices).collect();
        steps.dedup();
        if !self.wants(Name::Memory) && !self.wants(Name::Restart) {
            steps.truncate(2);
        }
        steps
    }

    /// Numbers of devices to send over.
    pub fn senders(&self) -> Vec<u32> {
        if !self.wants(Name::Sending) {
            return Vec::new();
        }
        self.steps().into_iter().filter(|step| *step <= SENDERS_MAX).collect()
    }
}
