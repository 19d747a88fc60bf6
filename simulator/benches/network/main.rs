//! Measures the simulated network: `cargo xtask bench simulator`. Each figure is compared with a baseline from the same
//! run.
//!
//! The network with its phones is a separate process ([`service`]); this program runs real clients and computes the
//! results. Only routing alone ([`routing`]) is measured inside this process, because it uses in-process connections.

mod arguments;
mod client;
mod figure;
mod process;
mod routing;
mod service;
mod signal;
mod sockets;

use std::process::ExitCode;

use arguments::Arguments;
use figure::{Figure, Unit};
use process::Process;

const MEGABYTE: f64 = 1e6;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(text) => {
            figure::progress(&text);
            return ExitCode::from(2);
        }
    };
    if arguments.is_help_wanted {
        figure::progress(arguments::HELP);
        return ExitCode::SUCCESS;
    }
    let done = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    match done.and_then(|runtime| runtime.block_on(run(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            figure::progress(&format!("the benchmark failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.is_service {
        return service::serve().await;
    }
    figure::progress("routing over links inside this process");
    let mut figures = vec![routing::measure(arguments).await?];
    let service = Process::start().await?;
    let empty = service.resident_bytes()?;
    figure::progress(&format!("linking {} clients", arguments.clients));
    let (clients, linked) = client::link(&service, arguments.clients).await?;
    let full = service.resident_bytes()?;
    figures.extend([
        Figure::new(format!("{} clients linked", arguments.clients), Unit::Seconds, vec![linked.as_secs_f64()])
            .beside("making their keys alone", vec![signal::keys(arguments.clients)?.as_secs_f64()]),
        Figure::new("memory of the network's process", Unit::Megabytes, vec![full as f64 / MEGABYTE])
            .beside("before", vec![empty as f64 / MEGABYTE]),
    ]);
    figure::progress("routing between clients over WebSockets");
    figures.push(sockets::measure(arguments, &clients).await?);
    figure::print(arguments.runs, &figures)?;
    client::stop(clients).await;
    Ok(())
}
