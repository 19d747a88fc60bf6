//! Runs a benchmark from start to exit code: on one thread, until it has finished or is interrupted.

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

/// Arguments that every benchmark has.
#[derive(Args)]
pub struct Common {
    /// Measure on PostgreSQL: the URL of a database with permission to create and drop databases
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Write the figures as JSON to this file [default: a file under target/bench named after the benchmark]
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit with 1 if a target is missed
    #[arg(long)]
    pub strict: bool,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Common {
    /// Prints the figures, writes them to `name`.json, and returns the exit code.
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

/// Measures. When interrupted, it leaves no process and no folder behind.
pub fn run(measure: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    // One thread, so that the load uses as little of the machine as possible.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            measured = measure => measured,
            // Returning from here drops the processes and the folders.
            _ = term.recv() => bail!("it was told to stop"),
            _ = int.recv() => bail!("it was told to stop"),
        }
    })
}

/// Prints the error, if there was one.
pub fn end(done: anyhow::Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        report::say(&format!("the benchmark failed: {error:#}"));
        ExitCode::FAILURE
    })
}
