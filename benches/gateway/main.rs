//! Measures the gateway: `cargo xtask bench`. See docs/benchmarks.md for what each figure means and how it is measured.
//!
//! Every server is a separate process with a data folder of its own; this program generates the load, seeds the stores
//! and computes the results. Each measurement is a file that returns [`figure::Figure`]s.

mod accept;
mod archive;
mod arguments;
mod figure;
mod instance;
mod load;
mod machine;
mod noise;
mod null_handler;
mod report;
mod runner;
#[allow(dead_code, reason = "the benchmark of linked accounts uses the rest")]
mod script;
#[allow(dead_code, reason = "the benchmark of linked accounts uses the rest")]
mod server;
mod start;
mod status;
mod stopwatch;
mod through;
mod wire;

use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;

use archive::Archive;
use arguments::{Arguments, Name, Profile};
use figure::Figure;
use instance::Workspace;
use machine::Machine;

/// Shared by all measurements.
struct Bench {
    workspace: Workspace,
    profile: Profile,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.serve_null {
        Some(given) => serve_null(given, arguments.common.database_url.as_deref()),
        None => runner::run(measure(&arguments)),
    };
    runner::end(done)
}

/// Runs the baseline server, on the same kind of runtime as the gateway.
fn serve_null(given: &[String], database_url: Option<&str>) -> anyhow::Result<ExitCode> {
    let [address, folder] = given else { bail!("--serve-null takes an address and a folder") };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(null_handler::serve(address.parse()?, folder.as_ref(), database_url))?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let bench =
        Bench { workspace: Workspace::new(arguments.common.database_url.as_deref())?, profile: arguments.profile() };
    let machine = Machine::look(bench.workspace.folder(), bench.workspace.database().await?)?;
    report::say(&machine.text());
    let figures = figures(arguments, &bench).await?;
    arguments.common.conclude("gateway", &bench.workspace, &machine, &bench.profile, &figures)
}

async fn figures(arguments: &Arguments, bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if arguments.wants(Name::Start) {
        figures.extend(start::measure(bench).await?);
    }
    if arguments.wants(Name::Accept) {
        figures.extend(accept::measure(bench).await?);
    }
    if arguments.wants(Name::Through) {
        figures.extend(through::measure(bench).await?);
    }
    if arguments.wants(Name::Status) || arguments.wants(Name::Stored) {
        let full = Archive::fill(&bench.workspace, bench.profile.stored_messages, bench.profile.asked_messages).await?;
        // Read-only measurements first: accepting grows the store.
        if arguments.wants(Name::Status) {
            figures.extend(status::measure(bench, &full).await?);
        }
        if arguments.wants(Name::Stored) {
            figures.extend(accept::measure_stored(bench, &full).await?);
        }
    }
    Ok(figures)
}
