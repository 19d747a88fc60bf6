//! Measures linked accounts: `cargo xtask bench devices`. docs/benchmarks.md says what each figure means and how it is
//! measured.
//!
//! The WhatsApp network is simulated by a program of its own, which this one only asks over HTTP. The gateway is a
//! process, and so is what it stands beside: the client library alone ([`bare`]), run by this program started once more.

mod accounts;
mod api;
mod arguments;
mod bare;
mod beside;
mod linked;
mod network;
mod tally;

// The same tools as the gateway's other benchmark has, which uses more of them.
#[path = "../gateway/course.rs"]
mod course;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/disturbance.rs"]
mod disturbance;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../gateway/load.rs"]
mod load;
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
#[path = "../gateway/stopwatch.rs"]
mod stopwatch;
#[path = "../gateway/wire.rs"]
mod wire;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use machine::Machine;
use site::Ground;
use tally::Tally;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.bare.as_deref() {
        Some(&[network, orders]) => bare::serve(network, orders),
        _ => course::run(measure(&arguments)),
    };
    course::end(done)
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (ground, extent) = (Ground::new(arguments.common.database_url.as_deref())?, arguments.extent());
    let machine = Machine::look(ground.folder(), ground.database().await?)?;
    report::say(&machine.text());
    let mut tally = Tally::default();
    for run in 0..extent.runs {
        for turn in 0..2 {
            // Each in another order, and each on a network of its own.
            if (run + turn) % 2 == 0 {
                tally.bare.push(Box::pin(beside::measure(&extent)).await?);
            } else {
                tally.linked.push(Box::pin(linked::measure(&ground, &extent)).await?);
            }
        }
        report::say(&format!("run {} of {} is done", run + 1, extent.runs));
    }
    let figures = tally.figures(&extent);
    arguments.common.conclude("devices", &ground, &machine, &extent, &figures)
}
