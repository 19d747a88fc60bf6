//! End-to-end texts between clients over WebSockets: encrypted, framed, routed, decrypted and shown. Each is encrypted
//! for three devices, two of which are phones in the network's process. Baseline: the same number of texts encrypted
//! and decrypted by one core, without a network.

use std::time::Duration;

use simulator::clock;
use whatsapp_rust::prelude::*;

use crate::arguments::Arguments;
use crate::client::Client;
use crate::figure::{Figure, Unit};
use crate::signal;

/// Pairs of clients, one of which writes to the other, all concurrently.
const PAIRS: usize = 8;

pub async fn measure(arguments: &Arguments, clients: &[Client]) -> anyhow::Result<Figure> {
    let (pairs, _) = clients[..clients.len().min(2 * PAIRS)].as_chunks::<2>();
    anyhow::ensure!(!pairs.is_empty(), "two clients are needed to write to each other");
    let each = (arguments.messages / 10 / pairs.len()).max(1);
    let all = each * pairs.len();
    // The first text of a chat establishes its sessions.
    write(pairs, 1).await?;
    let (mut routed, mut sealed) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        routed.push(all as f64 / write(pairs, each).await?.as_secs_f64());
        sealed.push(all as f64 / signal::texts(all)?.as_secs_f64());
    }
    Ok(Figure::new("messages routed, WebSockets", Unit::PerSecond, routed).beside("Signal alone, one core", sealed))
}

/// Has one client of each pair write `each` texts, and waits until the other has received them.
async fn write(pairs: &[[Client; 2]], each: usize) -> anyhow::Result<Duration> {
    let started = clock::instant();
    let written = pairs.iter().map(|[sender, recipient]| async move {
        let shown = recipient.messages();
        for number in 0..each {
            let text = wa::Message { conversation: Some(format!("text {number}")), ..Default::default() };
            Box::pin(sender.client.send_message(&recipient.number, text)).await?;
        }
        recipient.wait_for_message(shown + each).await
    });
    futures_util::future::try_join_all(written).await?;
    Ok(started.elapsed())
}
