//! The suites of tests. Each is a build of its own: cargo joins the features of all that it builds at once, and the
//! clients of the simulated network's tests go without a check that the gateway must have.

use crate::cargo;

/// The gateway's feature for a simulated network.
const SIMULATED: &str = "simulated-network";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    Gateway,
    Simulator,
}

pub const ALL: &[Suite] = &[Suite::Gateway, Suite::Simulator];

impl Suite {
    /// The package that has the suite's benchmark.
    pub fn package(self) -> &'static str {
        match self {
            Self::Gateway => "wachat",
            Self::Simulator => "simulator",
        }
    }

    pub fn bench(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Simulator => "network",
        }
    }

    /// Runs one of cargo's commands on the suite's packages. The gateway's stories play on a simulated network, for which
    /// it is built without a check that the ordinary build has.
    pub fn cargo(self, command: &str, rest: &[String]) -> anyhow::Result<()> {
        match self {
            Self::Gateway => cargo(&[command, "--locked", "--package", "wachat", "--features", SIMULATED], rest),
            Self::Simulator => cargo(&[command, "--locked", "--package", "simulator"], rest),
        }
    }

    /// Builds the programs that the suite's stories start beside their own.
    pub fn prepare(self) -> anyhow::Result<()> {
        match self {
            // As the other suite builds it, so that it is built once.
            Self::Gateway => cargo(&["test", "--locked", "--package", "simulator", "--test", "it", "--no-run"], &[]),
            Self::Simulator => Ok(()),
        }
    }
}

/// The suites that the first argument names, all if it names none; and the other arguments.
pub fn chosen(arguments: &[String]) -> (&'static [Suite], &[String]) {
    match arguments.first().map(String::as_str) {
        Some("gateway") => (&[Suite::Gateway], &arguments[1..]),
        Some("simulator") => (&[Suite::Simulator], &arguments[1..]),
        _ => (ALL, arguments),
    }
}
