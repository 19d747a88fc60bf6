//! Measures linked accounts: `cargo xtask bench devices`. See docs/benchmarks.md for what each figure means and how it
//! is measured.
//!
//! The WhatsApp network is simulated by a separate program, controlled over HTTP. The gateway is a separate process,
//! and so is its baseline: the client library alone ([`baseline`]), for which this program starts itself again.

mod accounts;
mod api;
mod arguments;
mod baseline;
mod baseline_process;
mod linked;
mod network;
mod results;

// Shared with the gateway benchmark, which uses more of these modules.
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/instance.rs"]
mod instance;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/load.rs"]
mod load;
#[path = "../gateway/machine.rs"]
mod machine;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/noise.rs"]
mod noise;
#[path = "../gateway/report.rs"]
mod report;
#[path = "../gateway/runner.rs"]
mod runner;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/script.rs"]
mod script;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/server.rs"]
mod server;
#[path = "../gateway/stopwatch.rs"]
mod stopwatch;
#[path = "../gateway/wire.rs"]
mod wire;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use instance::Workspace;
use machine::Machine;
use results::Results;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.baseline.as_deref() {
        Some(&[network, orders]) => baseline::serve(network, orders),
        _ => runner::run(measure(&arguments)),
    };
    runner::end(done)
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (workspace, profile) = (Workspace::new(arguments.common.database_url.as_deref())?, arguments.profile());
    let machine = Machine::look(workspace.folder(), workspace.database().await?)?;
    report::say(&machine.text());
    let mut results = Results::default();
    for run in 0..profile.runs {
        for turn in 0..2 {
            // Alternate the order; each measurement gets a network of its own.
            if (run + turn) % 2 == 0 {
                results.baseline.push(Box::pin(baseline_process::measure(&profile)).await?);
            } else {
                results.linked.push(Box::pin(linked::measure(&workspace, &profile)).await?);
            }
        }
        report::say(&format!("run {} of {} is done", run + 1, profile.runs));
    }
    let figures = results.figures(&profile);
    arguments.common.conclude("devices", &workspace, &machine, &profile, &figures)
}
