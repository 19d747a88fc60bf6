//! Measures the console's pages: `cargo xtask bench console`. See docs/benchmarks.md for what each figure means and how
//! it is measured.
//!
//! A full store and a small one of the same shape are seeded once. Then a gateway is started on each in turn, and every
//! page is visited repeatedly by one user.

mod arguments;
mod pages;
mod results;
mod seeded_store;

// Shared with the gateway benchmark, which uses more of these modules.
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/instance.rs"]
mod instance;
#[path = "../gateway/machine.rs"]
mod machine;
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
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/stopwatch.rs"]
mod stopwatch;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/wire.rs"]
mod wire;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use figure::Figure;
use instance::Workspace;
use machine::Machine;
use results::Results;
use seeded_store::SeededStore;

/// Messages in the small store.
const SMALL_MESSAGES: u64 = 1_000;

fn main() -> ExitCode {
    runner::end(runner::run(measure(&Arguments::parse())))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (workspace, profile) = (Workspace::new(arguments.common.database_url.as_deref())?, arguments.profile());
    let machine = Machine::look(workspace.folder(), workspace.database().await?)?;
    report::say(&machine.text());
    let stores =
        [SeededStore::fill(&workspace, profile.messages).await?, SeededStore::fill(&workspace, SMALL_MESSAGES).await?];
    let mut results = [Results::default(), Results::default()];
    for run in 0..profile.runs as usize {
        for turn in 0..stores.len() {
            let which = (run + turn) % stores.len();
            pages::visit(&stores[which], &profile, &mut results[which]).await?;
        }
        report::say(&format!("run {} of {} is done", run + 1, profile.runs));
    }
    let [full, small] = &results;
    let figures: Vec<Figure> = full.pages().map(|(name, took)| pages::figure(name, took, small.of(name))).collect();
    arguments.common.conclude("console", &workspace, &machine, &profile, &figures)
}
