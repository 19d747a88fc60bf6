//! The network's process. It prints the address for clients, and for each input line `NUMBER CODE` it creates a person
//! with this number whose phone scans the code.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use axum::Router;
use simulator::runtime::Phones;
use simulator::server::network::{Network, Settings};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;

/// The argument that runs this program as the network.
pub const NAME: &str = "--service";

/// Serves until the input ends.
///
/// # Errors
/// A scan was refused: its client would wait forever.
pub async fn serve() -> anyhow::Result<()> {
    let network = Network::new(Settings::default())?;
    network.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Router::new()).await?;
    let ws_url = network.ws_url().context("an address")?;
    writeln!(std::io::stdout(), "{ws_url}")?;
    let phones = Phones::new(network);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let phones = phones.clone();
                tasks.spawn(async move { scan(&phones, &line).await.with_context(|| line) });
            }
            Some(scanned) = tasks.join_next() => scanned??,
        }
    }
}

async fn scan(phones: &Phones, line: &str) -> anyhow::Result<()> {
    let (number, qr) = line.split_once(' ').context("a line is a number and a code")?;
    phones.add(number, "Somebody").await?.scan(qr).await?;
    Ok(())
}
