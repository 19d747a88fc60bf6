//! Command-line arguments of the abuse benchmark.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::attacks::Attack;
use crate::runner::Common;

/// Measures the memory that each attack costs the gateway, and how it affects an honest client.
///
/// See docs/benchmarks.md for what each figure means.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench abuse")]
pub struct Arguments {
    /// Run only these attacks
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Attack>,
    /// Runs of each attack; the median is reported
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Seconds for which the honest client sends, first without the attack and then during it
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=120))]
    seconds: u64,
    /// Run an attack instead of measuring; the benchmark starts itself with this option
    #[arg(long, hide = true, num_args = 3, value_names = ["NAME", "ADDRESS", "KEY"])]
    attack: Vec<String>,
    #[command(flatten)]
    pub common: Common,
}

impl Arguments {
    pub fn wants(&self, attack: Attack) -> bool {
        self.only.is_empty() || self.only.contains(&attack)
    }

    /// If this process is the attacker: which attack, the target address, and the API key to use.
    ///
    /// # Errors
    /// The attack name or the address is invalid.
    pub fn attacker(&self) -> anyhow::Result<Option<(Attack, SocketAddr, String)>> {
        let [name, address, key] = self.attack.as_slice() else { return Ok(None) };
        let attack = Attack::from_str(name, false).map_err(anyhow::Error::msg)?;
        Ok(Some((attack, address.parse()?, key.clone())))
    }

    pub fn profile(&self) -> Profile {
        Profile { runs: self.runs, warm_up: Duration::ZERO, length: Duration::from_secs(self.seconds) }
    }
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    pub runs: u32,
    /// Zero: every response counts.
    pub warm_up: Duration,
    pub length: Duration,
}
