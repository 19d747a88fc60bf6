//! An unmodified whatsapp-rust client with an in-memory store.

use std::sync::Arc;

use simulator::server::network::Network;
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust_ureq_http_client::UreqHttpClient;

use crate::world::{Growing, patiently};

pub struct Client {
    pub client: Arc<whatsapp_rust::Client>,
    pub events: Arc<Growing<Arc<Event>>>,
    backend: Arc<InMemoryBackend>,
    handle: BotHandle,
}

/// Accepts the network's self-signed certificate.
fn trusting_agent() -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    ureq::Agent::config_builder().tls_config(tls).build().into()
}

/// A message as the client reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub chat: Jid,
    pub sender: Jid,
    pub id: String,
    pub text: String,
    pub is_from_me: bool,
}

impl Client {
    /// A new client that is not linked.
    pub async fn start(network: &Network) -> Self {
        Self::start_with(network, Arc::new(InMemoryBackend::new()), None).await
    }

    /// A new client that requests a pairing code for this number.
    pub async fn start_with_code(network: &Network, number: &str) -> Self {
        let options = PairCodeOptions { phone_number: number.to_owned(), ..Default::default() };
        Self::start_with(network, Arc::new(InMemoryBackend::new()), Some(options)).await
    }

    async fn start_with(network: &Network, backend: Arc<InMemoryBackend>, code: Option<PairCodeOptions>) -> Self {
        let events = Growing::new();
        let mut builder = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(network.ws_url().unwrap()))
            .with_http_client(UreqHttpClient::with_agent(trusting_agent()))
            .with_version((2, 3000, 0))
            // Without a push name it waits for one, which the phones of some tests do not send.
            .with_push_name("Client")
            .with_event_handler(Seen(events.clone()));
        if let Some(options) = code {
            builder = builder.with_pair_code(options);
        }
        let bot = builder.build().await.unwrap();
        let client = bot.client();
        Self { client, events, backend, handle: bot.spawn() }
    }

    /// Shuts it down, and starts it again with its store.
    pub async fn restart(self, network: &Network) -> Self {
        let backend = self.stop().await;
        Self::resume(network, backend).await
    }

    pub async fn resume(network: &Network, backend: Arc<InMemoryBackend>) -> Self {
        Self::start_with(network, backend, None).await
    }

    /// Shuts it down, and returns its store.
    pub async fn stop(self) -> Arc<InMemoryBackend> {
        patiently("the client to stop", self.handle.shutdown()).await;
        self.backend
    }

    pub fn backend(&self) -> Arc<InMemoryBackend> {
        self.backend.clone()
    }

    /// The first event in which `find` finds something.
    pub async fn event<T>(&self, what: &str, find: impl Fn(&Event) -> Option<T>) -> T {
        self.events.until(what, |events| events.iter().find_map(|event| find(event))).await
    }

    /// The first QR code that it shows.
    pub async fn qr(&self) -> String {
        self.qr_other_than("").await
    }

    /// The next code after this one.
    pub async fn qr_other_than(&self, former: &str) -> String {
        self.event("a QR code", |event| match event {
            Event::PairingQrCode(code) if code.code != former => Some(code.code.clone()),
            _ => None,
        })
        .await
    }

    /// The pairing code to type into the phone.
    pub async fn code(&self) -> String {
        self.event("a code to type", |event| match event {
            Event::PairingCode(code) => Some(code.code.clone()),
            _ => None,
        })
        .await
    }

    pub async fn connected(&self) {
        self.connected_times(1).await;
    }

    /// Waits until it has connected this many times.
    pub async fn connected_times(&self, times: usize) {
        let is_connected = |event: &&Arc<Event>| matches!(***event, Event::Connected(_));
        self.events
            .until("a connection", |events| (events.iter().filter(is_connected).count() >= times).then_some(()))
            .await;
    }

    /// Waits until the server has sent it everything in its mailbox.
    pub async fn has_all_that_was_kept(&self) {
        let is_end = |event: &Event| matches!(event, Event::OfflineSyncCompleted(_)).then_some(());
        self.event("the end of what was kept", is_end).await;
    }

    /// Waits until it is logged out; returns whether it was refused at a login.
    pub async fn logged_out(&self) -> bool {
        self.event("the end of the link", |event| match event {
            Event::LoggedOut(out) => Some(out.on_connect),
            _ => None,
        })
        .await
    }

    /// Sends a text; returns its id once the server has acked it.
    pub async fn send(&self, to: &Jid, text: &str) -> String {
        let sent = self.client.send_message(to, text_message(text)).await.unwrap();
        let id = sent.message_id.to_string();
        assert_eq!(self.acknowledged(&id).await, None);
        id
    }

    /// Waits for the server's ack; returns its error, if it has one.
    pub async fn acknowledged(&self, id: &str) -> Option<String> {
        self.event("an acknowledgement", |event| match event {
            Event::ServerAck(ack) if ack.id == id && ack.class.as_deref() == Some("message") => Some(ack.error.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a receipt of this type for a message (`delivered`, `read` …, as the client names it).
    pub async fn receipt(&self, id: &str, kind: &str) -> Jid {
        self.event("a receipt", |event| match event {
            Event::Receipt(receipt)
                if receipt.message_ids.iter().any(|own| own == id)
                    && format!("{:?}", receipt.r#type).eq_ignore_ascii_case(kind) =>
            {
                Some(receipt.source.sender.clone())
            }
            _ => None,
        })
        .await
    }

    /// All messages that it has reported, in order.
    pub fn shown(&self) -> Vec<Shown> {
        self.events.with(|events| events.iter().flat_map(|event| shown(event)).collect())
    }

    /// Waits for a message with this text.
    pub async fn wait_for_message(&self, text: &str) -> Shown {
        self.events
            .until(text, |events| events.iter().flat_map(|event| shown(event)).find(|shown| shown.text == text))
            .await
    }
}

/// Collects events in order: the builder's handlers run concurrently.
struct Seen(Arc<Growing<Arc<Event>>>);

impl EventHandler for Seen {
    fn handle_event(&self, event: Arc<Event>) {
        self.0.push(event);
    }
}

pub fn text_message(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

fn shown(event: &Event) -> Vec<Shown> {
    let Event::Messages(batch) = event else { return Vec::new() };
    let each = batch.messages.iter().filter_map(|message| {
        let source = &message.info.source;
        Some(Shown {
            chat: source.chat.clone(),
            sender: source.sender.clone(),
            id: message.info.id.to_string(),
            text: message.message.text_content()?.to_owned(),
            is_from_me: source.is_from_me,
        })
    });
    each.collect()
}
