//! Unmodified clients with in-memory stores.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use simulator::clock;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::wacore::store::InMemoryBackend;

use crate::process::Process;

/// Clients that are linked concurrently: generating their keys takes time, and a code must be scanned before it
/// expires.
const AT_ONCE: usize = 32;
/// Generous timeout for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Client {
    pub client: Arc<whatsapp_rust::Client>,
    pub number: Jid,
    seen: Arc<Seen>,
    handle: BotHandle,
}

/// What a client has reported.
struct Seen {
    qr: watch::Sender<Option<String>>,
    is_connected: watch::Sender<bool>,
    messages: watch::Sender<usize>,
}

struct Listener(Arc<Seen>);

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::PairingQrCode(code) => {
                self.0.qr.send_replace(Some(code.code.clone()));
            }
            Event::Connected(_) => {
                self.0.is_connected.send_replace(true);
            }
            Event::Messages(batch) => {
                let texts = batch.messages.iter().filter(|message| message.message.conversation.is_some()).count();
                self.0.messages.send_modify(|count| *count += texts);
            }
            _ => {}
        }
    }
}

/// Links this many clients, each to a person of its own, and returns how long it took.
pub async fn link(service: &Process, count: usize) -> anyhow::Result<(Vec<Client>, Duration)> {
    let started = clock::instant();
    let turns = &Semaphore::new(AT_ONCE);
    let linked = (0..count).map(|place| async move {
        let _turn = turns.acquire().await?;
        Box::pin(Client::start(service, format!("1555{place:07}"))).await
    });
    let clients = service.survives(futures_util::future::try_join_all(linked)).await?;
    Ok((clients, started.elapsed()))
}

/// Stops them all.
pub async fn stop(clients: Vec<Client>) {
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(async move { client.handle.shutdown().await });
    }
    clock::within(PATIENCE, tasks.join_all()).await;
}

impl Client {
    async fn start(service: &Process, number: String) -> anyhow::Result<Self> {
        let seen = Arc::new(Seen {
            qr: watch::Sender::new(None),
            is_connected: watch::Sender::new(false),
            messages: watch::Sender::new(0),
        });
        let bot = Bot::builder()
            .with_backend_arc(Arc::new(InMemoryBackend::new()))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(service.ws_url()))
            .with_http_client(whatsapp_rust_ureq_http_client::UreqHttpClient::new())
            .with_version((2, 3000, 0))
            .with_event_handler(Listener(seen.clone()))
            .build()
            .await?;
        let client = Self { client: bot.client(), number: Jid::pn(&number), seen, handle: bot.spawn() };
        let mut codes = client.seen.qr.subscribe();
        let code = patiently("a code", codes.wait_for(Option::is_some)).await??.clone().context("a code")?;
        service.scan(&number, &code).await?;
        let mut connections = client.seen.is_connected.subscribe();
        patiently("a connection", connections.wait_for(|is_connected| *is_connected)).await??;
        Ok(client)
    }

    /// Number of texts received so far.
    pub fn messages(&self) -> usize {
        *self.seen.messages.borrow()
    }

    /// Waits until it has received this many texts in total.
    pub async fn wait_for_message(&self, count: usize) -> anyhow::Result<()> {
        let mut messages = self.seen.messages.subscribe();
        patiently("the texts", messages.wait_for(|shown| *shown >= count)).await??;
        Ok(())
    }
}

async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> anyhow::Result<T> {
    clock::within(PATIENCE, work).await.with_context(|| format!("waited in vain for {what}"))
}
