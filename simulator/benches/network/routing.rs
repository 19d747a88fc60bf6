//! Routing alone: devices connected inside this process, without encryption or sockets. A message counts when its
//! sender has the receipt for it. Baseline: the same stanzas over channels, without a server in between.

use std::time::Duration;

use anyhow::Context;
use simulator::clock;
use simulator::server::local_connection::LocalConnection;
use simulator::server::network::{Network, Settings};
use simulator::wire::stanza::{Jid, Node, NodeBuilder, Read as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::figure::{Figure, Unit};

/// Pairs of people who write to each other, concurrently.
const PAIRS: usize = 4;
/// Messages in flight per sender, without a receipt yet.
const IN_FLIGHT: usize = 64;
/// Size of an encrypted line of text.
const CIPHERTEXT_BYTES: usize = 160;

pub async fn measure(arguments: &Arguments) -> anyhow::Result<Figure> {
    let each = (arguments.messages / PAIRS).max(1);
    let (mut routed, mut handed) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        routed.push((each * PAIRS) as f64 / over_links(each).await?.as_secs_f64());
        handed.push((each * PAIRS) as f64 / over_channels(each).await?.as_secs_f64());
    }
    Ok(Figure::new("messages routed, links", Unit::PerSecond, routed).beside("over channels", handed))
}

async fn over_links(each: usize) -> anyhow::Result<Duration> {
    let network = Network::new(Settings::default())?;
    let attach = |number: &str| {
        let account = network.register_person(number, "Somebody");
        let device = account.phone().context("a phone")?;
        anyhow::Ok((network.attach(&account, &device), account.number().clone()))
    };
    let mut tasks = JoinSet::new();
    let started = clock::instant();
    for pair in 0..PAIRS {
        let (sender, _) = attach(&format!("1555{pair:04}"))?;
        let (recipient, number) = attach(&format!("1666{pair:04}"))?;
        tasks.spawn(receive(recipient, each));
        tasks.spawn(send(sender, number, each));
    }
    finish(tasks).await?;
    Ok(started.elapsed())
}

/// Sends `count` messages and waits for the receipt of each.
async fn send(mut connection: LocalConnection, to: Jid, count: usize) -> anyhow::Result<()> {
    let (mut sent, mut received) = (0, 0);
    while received < count {
        while sent < count && sent - received < IN_FLIGHT {
            connection.send(message(&to, sent)).await;
            sent += 1;
        }
        let node = connection.recv().await.context("the sender's link has ended")?;
        if node.tag == "receipt" {
            connection.send(answer("ack", &node).attr("class", "receipt").build()).await;
            received += 1;
        }
    }
    Ok(())
}

async fn receive(mut connection: LocalConnection, count: usize) -> anyhow::Result<()> {
    let mut received = 0;
    while received < count {
        let node = connection.recv().await.context("the recipient's link has ended")?;
        if node.tag == "message" {
            connection.send(answer("receipt", &node).build()).await;
            received += 1;
        }
    }
    Ok(())
}

async fn over_channels(each: usize) -> anyhow::Result<Duration> {
    let mut tasks = JoinSet::new();
    let started = clock::instant();
    for _ in 0..PAIRS {
        let (out, mut incoming) = mpsc::channel::<Node>(IN_FLIGHT);
        let (back, mut receipts) = mpsc::channel::<Node>(IN_FLIGHT);
        tasks.spawn(async move {
            while let Some(node) = incoming.recv().await {
                back.send(answer("receipt", &node).build()).await?;
            }
            anyhow::Ok(())
        });
        tasks.spawn(async move {
            let to = Jid::pn("16660000");
            let (mut sent, mut received) = (0, 0);
            while received < each {
                while sent < each && sent - received < IN_FLIGHT {
                    out.send(message(&to, sent)).await?;
                    sent += 1;
                }
                receipts.recv().await.context("the channel has ended")?;
                received += 1;
            }
            Ok(())
        });
    }
    finish(tasks).await?;
    Ok(started.elapsed())
}

async fn finish(mut tasks: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

fn message(to: &Jid, number: usize) -> Node {
    let enc = NodeBuilder::new("enc").attr("v", 2).attr("type", "msg").bytes(vec![7; CIPHERTEXT_BYTES]).build();
    let part = NodeBuilder::new("to").attr("jid", to.clone()).children([enc]).build();
    NodeBuilder::new("message")
        .attr("to", to.clone())
        .attr("id", format!("MESSAGE{number:08}"))
        .attr("type", "text")
        .children([NodeBuilder::new("participants").children([part]).build()])
        .build()
}

/// A stanza in reply to another.
fn answer(tag: &'static str, node: &Node) -> NodeBuilder {
    let mut answer = NodeBuilder::new(tag).attr("id", node.text("id").unwrap_or_default().into_owned());
    if let Some(from) = node.jid("from").or_else(|| node.jid("to")) {
        answer = answer.attr("to", from);
    }
    answer
}
