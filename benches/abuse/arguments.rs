//! What the benchmark is asked to do.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::attacks::Attack;
use crate::runner::Common;

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
    /// Attacks instead of measuring: what is measured starts this program so
    #[arg(long, hide = true, num_args = 3, value_names = ["NAME", "ADDRESS", "KEY"])]
    attack: Vec<String>,
    #[command(flatten)]
    pub common: Common,
}

impl Arguments {
    pub fn wants(&self, attack: Attack) -> bool {
        self.only.is_empty() || self.only.contains(&attack)
    }

    /// What to attack by what, with whose key, where this is the attacker.
    ///
    /// # Errors
    /// When it names no attack or no address.
    pub fn attacker(&self) -> anyhow::Result<Option<(Attack, SocketAddr, String)>> {
        let [name, address, key] = self.attack.as_slice() else { return Ok(None) };
        let attack = Attack::from_str(name, false).map_err(anyhow::Error::msg)?;
        Ok(Some((attack, address.parse()?, key.clone())))
    }

    pub fn profile(&self) -> Profile {
        Profile { runs: self.runs, warm_up: Duration::ZERO, length: Duration::from_secs(self.seconds) }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    pub runs: u32,
    /// Each answer counts.
    pub warm_up: Duration,
    pub length: Duration,
}
