//! Measures the console's pages: `cargo xtask bench console`. docs/benchmarks.md says what each figure means and how it is
//! measured.
//!
//! A store that has lived is filled once, and a small one of the same shape; then gateways are started on them in turn, and
//! every page is visited again and again, as by one person.

mod arguments;
mod lived;
mod pages;
mod tally;

// The same tools as the gateway's other benchmark has, which uses more of them.
#[path = "../gateway/course.rs"]
mod course;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/figure.rs"]
mod figure;
#[path = "../gateway/machine.rs"]
mod machine;
#[path = "../gateway/report.rs"]
mod report;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/script.rs"]
mod script;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/server.rs"]
mod server;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/site.rs"]
mod site;
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
use lived::Lived;
use machine::Machine;
use site::Ground;
use tally::Tally;

/// Messages of the small store.
const SMALL_MESSAGES: u64 = 1_000;

fn main() -> ExitCode {
    course::end(course::run(measure(&Arguments::parse())))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (ground, extent) = (Ground::new(arguments.common.database_url.as_deref())?, arguments.extent());
    let machine = Machine::look(ground.folder(), ground.database().await?)?;
    report::say(&machine.text());
    let stores = [Lived::fill(&ground, extent.messages).await?, Lived::fill(&ground, SMALL_MESSAGES).await?];
    let mut tallies = [Tally::default(), Tally::default()];
    for run in 0..extent.runs as usize {
        for turn in 0..stores.len() {
            let which = (run + turn) % stores.len();
            pages::visit(&stores[which], &extent, &mut tallies[which]).await?;
        }
        report::say(&format!("run {} of {} is done", run + 1, extent.runs));
    }
    let [full, small] = &tallies;
    let figures: Vec<Figure> = full.pages().map(|(name, took)| pages::figure(name, took, small.of(name))).collect();
    arguments.common.conclude("console", &ground, &machine, &extent, &figures)
}
