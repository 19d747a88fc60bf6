//! The program: parses its command line and runs a network until it is interrupted.

mod arguments;

use anyhow::Context as _;
use simulator::control;
use simulator::faults::Scenario;
use simulator::phone::rng::hex;
use simulator::runtime::Phones;
use simulator::server::network::{Network, Settings};
use simulator::wire::certificate::ServerKeys;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(arguments) = Arguments::read(std::env::args().skip(1))? else {
        return print(arguments::HELP);
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let scenario = arguments.scenario.as_deref().map(Scenario::read).transpose()?;
    let seed = arguments.seed.or(scenario.as_ref().map(|scenario| scenario.seed)).unwrap_or(0);
    let keys = match &arguments.keys {
        Some(path) => arguments::kept_keys(path)?,
        None => ServerKeys::generate(),
    };
    let network = Network::new(Settings { seed, keys })?;
    let phones = Phones::new(network.clone());
    let address = network
        .listen(arguments.listen, control::router(phones.clone()))
        .await
        .with_context(|| format!("{} cannot be listened on; choose another with --listen", arguments.listen))?;
    let ws_url = network.ws_url().unwrap_or_default();
    print(&format!("ws_url {ws_url}\nroot_key {}\ncontrol http://{address}/control\n", hex(&network.root_key())))?;
    let mut tasks = JoinSet::new();
    if let Some(scenario) = scenario {
        tasks.spawn(control::play(network.clone(), scenario));
    }
    tokio::signal::ctrl_c().await.context("the signal to stop cannot be waited for")?;
    tasks.shutdown().await;
    phones.stop().await;
    network.stop().await;
    Ok(())
}

/// Writes to standard output, independent of the log settings.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
