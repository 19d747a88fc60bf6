//! The client library alone, with its stores in memory: this program when started with `--baseline`. It reads one
//! command per line: `link N`, `send DEVICES MESSAGES`, `receipts N`, `restart`. It prints the codes to scan, and
//! reports when each command is done and how long it took.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use wachat::clock::Clock;
use wachat::limits;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::types::events::{Event, EventHandler, EventInterest, EventKind};
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Client, Jid};
use whatsapp_rust_ureq_http_client::UreqHttpClient;

use crate::accounts;
use crate::linked::PATIENCE;
use crate::stopwatch::Moment;

/// First word of the lines it prints.
pub const CODE: &str = "code";
pub const DONE: &str = "done";

/// Accounts that are linked concurrently.
const AT_ONCE: usize = 16;
/// As long as the messages given to the gateway.
const TEXT: &str = "A message as programs send them. A message as programs send them. A message as programs send them.";

/// What all clients have reported.
struct Seen {
    codes: mpsc::UnboundedSender<String>,
    acks: watch::Sender<u64>,
    receipts: watch::Sender<u64>,
}

/// One account.
struct Account {
    number: String,
    backend: Arc<InMemoryBackend>,
    client: Arc<Client>,
    handle: BotHandle,
}

struct Listener {
    number: String,
    seen: Arc<Seen>,
    is_connected: watch::Sender<bool>,
}

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::PairingQrCode(code) => {
                // The parent may be gone, in which case this process exits.
                let _ = self.seen.codes.send(format!("{CODE} {} {}\n", self.number, code.code));
            }
            Event::Connected(_) => {
                self.is_connected.send_replace(true);
            }
            Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
                self.seen.acks.send_modify(|acks| *acks += 1);
            }
            Event::Receipt(receipt) if receipt.r#type == ReceiptType::Delivered && !receipt.source.is_from_me => {
                self.seen.receipts.send_modify(|receipts| *receipts += receipt.message_ids.len() as u64);
            }
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[EventKind::PairingQrCode, EventKind::Connected, EventKind::ServerAck, EventKind::Receipt])
    }
}

/// Runs the commands that arrive from `orders`, until that connection closes.
pub fn serve(network: SocketAddr, orders: SocketAddr) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (orders, mut answers) = TcpStream::connect(orders).await?.into_split();
        let mut orders = BufReader::new(orders).lines();
        let (codes, mut shown) = mpsc::unbounded_channel();
        let seen = Arc::new(Seen { codes, acks: watch::Sender::new(0), receipts: watch::Sender::new(0) });
        let mut baseline = Baseline { network, seen, accounts: Vec::new(), receipts: 0 };
        while let Some(order) = orders.next_line().await? {
            let mut done = std::pin::pin!(baseline.obey(&order));
            let took = loop {
                tokio::select! {
                    took = &mut done => break took?,
                    Some(code) = shown.recv() => answers.write_all(code.as_bytes()).await?,
                }
            };
            answers.write_all(format!("{DONE} {}\n", took.as_secs_f64()).as_bytes()).await?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

struct Baseline {
    network: SocketAddr,
    seen: Arc<Seen>,
    accounts: Vec<Account>,
    /// Receipts expected in total.
    receipts: u64,
}

impl Baseline {
    /// Returns how long the command took.
    async fn obey(&mut self, order: &str) -> anyhow::Result<Duration> {
        let words: Vec<&str> = order.split(' ').collect();
        let mut started = Moment::now();
        match words[..] {
            ["link", count] => link(&mut self.accounts, count.parse()?, self.network, &self.seen).await?,
            ["send", devices, messages] => {
                send(&self.accounts, devices.parse()?, messages.parse()?, &self.seen).await?;
            }
            ["receipts", count] => {
                self.receipts += count.parse::<u64>()?;
                self.seen.receipts.subscribe().wait_for(|came| *came >= self.receipts).await?;
            }
            ["restart"] => {
                let kept = stop(std::mem::take(&mut self.accounts)).await;
                started = Moment::now();
                let again =
                    kept.into_iter().map(|(number, kept)| Account::start(number, kept, self.network, &self.seen));
                self.accounts = try_join_all(again).await?;
            }
            _ => bail!("no such order: {order}"),
        }
        Ok(started.elapsed())
    }
}

async fn link(all: &mut Vec<Account>, count: u32, network: SocketAddr, seen: &Arc<Seen>) -> anyhow::Result<()> {
    let numbers = (u32::try_from(all.len())?..count).map(accounts::owner);
    let linked = stream::iter(numbers).map(|number| Account::start(number, Arc::default(), network, seen));
    all.extend(linked.buffered(AT_ONCE).try_collect::<Vec<_>>().await?);
    Ok(())
}

/// Shuts them down and returns their stores.
async fn stop(accounts: Vec<Account>) -> Vec<(String, Arc<InMemoryBackend>)> {
    let stopped = accounts.into_iter().map(|account| async move {
        account.handle.shutdown().await;
        (account.number, account.backend)
    });
    futures_util::future::join_all(stopped).await
}

/// Sends `messages` over the first `devices` accounts, with the gateway's concurrency and recipients, and waits until
/// the server has acknowledged them all.
async fn send(all: &[Account], devices: u32, messages: u64, seen: &Arc<Seen>) -> anyhow::Result<()> {
    let until = *seen.acks.borrow() + messages;
    let recipients: Vec<Jid> = accounts::recipients(devices).iter().map(|number| Jid::pn(number.as_str())).collect();
    let mut tasks = tokio::task::JoinSet::new();
    let at_once = (recipients.len() / devices as usize).min(limits::DEVICE_SENDS_MAX);
    for (place, account) in all.iter().take(devices as usize).enumerate() {
        for lane in 0..at_once {
            let (client, recipients) = (account.client.clone(), recipients.clone());
            tasks.spawn(async move {
                // Message `number` goes over account `number % devices`; a lane takes every `at_once`th of them.
                let (first, step) = (place + lane * devices as usize, at_once * devices as usize);
                for number in (first as u64..messages).step_by(step) {
                    let to = recipients[number as usize % recipients.len()].clone();
                    let text = wa::Message { conversation: Some(TEXT.to_owned()), ..Default::default() };
                    Box::pin(client.send_message(to, text)).await?;
                }
                anyhow::Ok(())
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    seen.acks.subscribe().wait_for(|acks| *acks >= until).await?;
    Ok(())
}

impl Account {
    /// Starts a client and waits until it is connected. A client that is not linked yet shows a code first.
    async fn start(
        number: String,
        backend: Arc<InMemoryBackend>,
        network: SocketAddr,
        seen: &Arc<Seen>,
    ) -> anyhow::Result<Self> {
        let is_connected = watch::Sender::new(false);
        let mut connected = is_connected.subscribe();
        let bot = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(format!("ws://{network}/ws/chat")))
            .with_http_client(UreqHttpClient::new())
            .with_version((2, 3000, 0))
            .with_event_handler(Listener { number: number.clone(), seen: seen.clone(), is_connected })
            .skip_history_sync()
            .build()
            .await?;
        let account = Self { number, backend, client: bot.client(), handle: bot.spawn() };
        let waited = Clock::system().within(PATIENCE, connected.wait_for(|is_connected| *is_connected)).await;
        waited.context("an account does not connect")??;
        Ok(account)
    }
}
