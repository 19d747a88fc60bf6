//! Message status requests per second.

use crate::Bench;
use crate::archive::Archive;
use crate::figure::{Aim, Figure, Unit, thousands};
use crate::instance::Devices;
use crate::load::{self, Seen, Until};
use crate::noise;
use crate::report::say;
use crate::script::Script;
use crate::server::Server;

const NULL: &str = "null handler";

/// From a store that holds only the requested messages, and from a full one, compared with the null handler.
pub async fn measure(bench: &Bench, full: &Archive) -> anyhow::Result<Vec<Figure>> {
    let asked = bench.profile.asked_messages;
    let small = Archive::fill(&bench.workspace, asked, asked).await?;
    let mut seen: [Vec<Seen>; 3] = Default::default();
    for run in 0..bench.profile.runs {
        for turn in 0..3 {
            let which = ((run + turn) % 3) as usize;
            let one = match which {
                0 => ask_null(bench, &small).await?,
                1 => ask(bench, &small).await?,
                _ => ask(bench, full).await?,
            };
            seen[which].push(one);
        }
        let rates = seen.iter().filter_map(|runs| Some(Unit::PerSecond.show(runs.last()?.rate)));
        say(&format!("status, run {} (null, small, full): {}", run + 1, rates.collect::<Vec<_>>().join(", ")));
    }
    let of = |which: usize, number: fn(&Seen) -> f64| seen[which].iter().map(number).collect::<Vec<_>>();
    let mut figures = Vec::new();
    for (which, archive) in [(1, &small), (2, full)] {
        let name = format!("status, {} stored", thousands(archive.messages as f64));
        let rate =
            Figure::new(&name, Unit::PerSecond, of(which, |seen| seen.rate)).beside(NULL, of(0, |seen| seen.rate));
        // A million messages do not fit in a connection's cache; this figure shows what that costs.
        figures.push(if which == 1 { rate.aiming(Aim::ShareAtLeast(0.6)) } else { rate });
        figures.push(
            Figure::new(
                format!("{name}: 99 of 100 answered within"),
                Unit::Milliseconds,
                of(which, |seen| seen.p99_ms),
            )
            .beside(NULL, of(0, |seen| seen.p99_ms)),
        );
        figures.push(
            Figure::new(
                format!("{name}: processor time each"),
                Unit::Microseconds,
                of(which, |seen| seen.processor_us),
            )
            .beside(NULL, of(0, |seen| seen.processor_us)),
        );
    }
    figures.push(Figure::others("status", seen.iter().flatten().map(|seen| seen.others)));
    Ok(figures)
}

async fn ask_null(bench: &Bench, archive: &Archive) -> anyhow::Result<Seen> {
    let (instance, _) = bench.workspace.with_devices(1, Devices::Paused).await?;
    let server = Server::null_handler(&instance)?.answers().await?;
    put_questions(bench, &server, archive).await
}

async fn ask(bench: &Bench, archive: &Archive) -> anyhow::Result<Seen> {
    let server = Server::gateway(&archive.instance)?.online(&archive.instance).await?;
    put_questions(bench, &server, archive).await
}

async fn put_questions(bench: &Bench, server: &Server, archive: &Archive) -> anyhow::Result<Seen> {
    let until = Until::Time { warm_up: bench.profile.warm_up, length: bench.profile.length };
    let measure = async || load::run(server, Script::status(archive.asked.clone()), until).await;
    noise::least(bench.profile.tries, measure, |seen| seen.others).await
}
