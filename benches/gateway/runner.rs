//! How a benchmark runs from its start to its exit code: on one thread, until it has measured or is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Profile;
use crate::figure::Figure;
use crate::instance::Workspace;
use crate::machine::Machine;
use crate::report;

/// What every benchmark is told.
#[derive(Args)]
pub struct Common {
    /// Measure on PostgreSQL: a URL of a database on which databases may be created and dropped
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Where the figures go, for programs [default: a file under target/bench named as what is measured]
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit with 1 when an aim is missed
    #[arg(long)]
    pub strict: bool,
    /// Given by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Common {
    /// Tells the figures, to people and as `name`.json to programs; gives how the benchmark ends.
    pub fn conclude(
        &self,
        name: &str,
        workspace: &Workspace,
        machine: &Machine,
        profile: &Profile,
        figures: &[Figure],
    ) -> anyhow::Result<ExitCode> {
        report::print(machine, profile, figures)?;
        let json = self.json.clone().unwrap_or_else(|| workspace.folder().join(format!("{name}.json")));
        report::write(&json, machine, profile, figures)?;
        report::say(&format!("written for programs: {}", json.display()));
        let is_missed = figures.iter().any(|figure| figure.is_met() == Some(false));
        Ok(if self.strict && is_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Measures; told to stop, it leaves no process and no folder behind.
pub fn run(measure: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    // One thread: the load takes as little of the machine as it can.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            measured = measure => measured,
            // Falling out of here drops the processes and the folders.
            _ = term.recv() => bail!("it was told to stop"),
            _ = int.recv() => bail!("it was told to stop"),
        }
    })
}

/// Tells what went wrong, if anything did.
pub fn end(done: anyhow::Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        report::say(&format!("the benchmark failed: {error:#}"));
        ExitCode::FAILURE
    })
}
