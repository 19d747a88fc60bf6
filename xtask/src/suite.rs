//! The suites of tests. All of them together are one build, so that what they share is compiled once; one of them alone is
//! a build of its own. Cargo joins the features of all that it builds at once: in both the gateway is built for a simulated
//! network, without a check of certificates, and reaches nothing but loopback.

use crate::cargo;

/// The gateway's feature for a simulated network.
const SIMULATED: &str = "simulated-network";
/// Builds the simulated network, which is started beside the gateway.
const NETWORK: [&str; 6] = ["build", "--locked", "--package", "simulator", "--bin", "simulator"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    Gateway,
    Simulator,
}

pub const ALL: &[Suite] = &[Suite::Gateway, Suite::Simulator];

/// Runs one of cargo's commands on all suites' packages, and on the chores themselves.
pub fn cargo_all(command: &str, rest: &[String]) -> anyhow::Result<()> {
    let packages = ["--package", "wachat", "--package", "simulator", "--package", "xtask"];
    let features = format!("wachat/{SIMULATED}");
    cargo(&[&[command, "--locked"], packages.as_slice(), &["--features", &features]].concat(), rest)
}

impl Suite {
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

/// A program that measures.
#[derive(Clone, Copy)]
pub struct Bench {
    package: &'static str,
    name: &'static str,
    needs_network: bool,
}

/// What is measured unless something else is named: the gateway that people run.
pub const GATEWAY: Bench = Bench { package: "wachat", name: "gateway", needs_network: false };

/// The program that measures what is named so.
pub fn bench(name: &str) -> Option<Bench> {
    Some(match name {
        "gateway" => GATEWAY,
        "console" => Bench { package: "wachat", name: "console", needs_network: false },
        "abuse" => Bench { package: "wachat", name: "abuse", needs_network: false },
        "devices" => Bench { package: "wachat", name: "devices", needs_network: true },
        "simulator" => Bench { package: "simulator", name: "network", needs_network: false },
        _ => return None,
    })
}

impl Bench {
    pub fn run(self, rest: &[String]) -> anyhow::Result<()> {
        let mut words = vec!["bench", "--locked", "--package", self.package, "--bench", self.name];
        if self.needs_network {
            cargo(&NETWORK, &["--release".to_owned()])?;
            words.extend(["--features", SIMULATED]);
        }
        cargo(&words, rest)
    }
}
