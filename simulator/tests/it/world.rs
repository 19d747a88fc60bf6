//! A network with a port, people on it, and helpers to wait for events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use simulator::clock;
use simulator::faults::Direction;
use simulator::phone::rng::hex;
use simulator::runtime::Person;
use simulator::server::network::{Network, Settings};
use simulator::wire::stanza::{Jid, Node, Read as _};

use crate::client::Client;
use crate::phone::Phone;

/// Generous timeout for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    pub network: Network,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init()
            .ok();
        let network = Network::new(settings).unwrap();
        network.listen(SocketAddr::from(([127, 0, 0, 1], 0)), Router::new()).await.unwrap();
        Self { network }
    }

    /// A person with a connected phone.
    pub async fn person(&self, number: &str, name: &str) -> Phone {
        Phone::new(&self.network, number, name).await
    }

    /// A new client, linked to this phone by QR code, and connected.
    pub async fn linked(&self, phone: &Phone) -> Client {
        let client = Client::start(&self.network).await;
        phone.scan(&client.qr().await).await.unwrap();
        client.connected().await;
        client
    }

    /// The latest stanzas from devices, each with its device.
    pub fn sent(&self) -> Vec<(Option<Jid>, Arc<Node>)> {
        let entries = self.network.log().from(0, usize::MAX).into_iter();
        let sent = entries.filter(|entry| entry.direction == Direction::ToServer);
        sent.map(|entry| (entry.device, entry.node)).collect()
    }

    /// The recipient of the message with this id, from its stanza.
    pub fn addressee_of(&self, id: &str) -> Jid {
        self.message_sent(id).jid("to").expect("an address")
    }

    fn message_sent(&self, id: &str) -> Arc<Node> {
        let is_it = |node: &Node| node.tag == "message" && node.text("id").as_deref() == Some(id);
        self.sent().into_iter().find(|(_, node)| is_it(node)).expect("the message was sent").1
    }

    /// The privacy token in the message with this id, in hexadecimal; empty if it had none.
    pub fn token_shown_with(&self, id: &str) -> String {
        self.message_sent(id).child_bytes("tctoken").map(hex).unwrap_or_default()
    }

    /// For each grouped receipt that a device was sent, its members.
    pub fn grouped_receipts(&self, device: &Jid) -> Vec<Vec<Jid>> {
        let entries = self.network.log().from(0, usize::MAX).into_iter();
        let got =
            entries.filter(|entry| entry.direction == Direction::ToClient && entry.device.as_ref() == Some(device));
        let users = |node: &Node| {
            let users = node.child("participants").map(Node::all).unwrap_or_default();
            users.iter().filter_map(|user| user.jid("jid")).collect::<Vec<_>>()
        };
        got.filter(|entry| entry.node.tag == "receipt")
            .map(|entry| users(&entry.node))
            .filter(|all| !all.is_empty())
            .collect()
    }

    /// Waits until a phone has stored a privacy token.
    pub async fn until_token_came(&self, person: &Jid) {
        let is_ack = |node: &Node| node.tag == "ack" && node.text("type").as_deref() == Some("privacy_token");
        let has_come = || self.sent().iter().any(|(device, node)| device.as_ref() == Some(person) && is_ack(node));
        eventually(&format!("a token for {person}"), has_come).await;
    }

    /// Asserts that no client sent an unhandled request.
    pub fn assert_nothing_unknown(&self) {
        assert_eq!(self.network.unhandled_iqs(), []);
    }
}

/// Runs `work` with a timeout, and fails if it takes too long.
pub async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    match clock::within(PATIENCE, work).await {
        Some(outcome) => outcome,
        None => panic!("waited in vain for {what}"),
    }
}

/// Waits until a person's phone shows a text from somebody else; returns the message's id.
pub async fn hears(person: &Person, text: &str) -> String {
    let wanted = text.to_owned();
    let wait_for_message = person.wait_for_message(move |kept| !kept.from_me && kept.body.content.summary() == wanted);
    patiently(text, wait_for_message).await.unwrap().id
}

/// Polls until a condition holds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    patiently(what, async {
        while !holds() {
            clock::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A growing list that can be waited on.
pub struct Growing<T> {
    items: parking_lot::Mutex<Vec<T>>,
    changed: tokio::sync::watch::Sender<usize>,
}

impl<T> Growing<T> {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { items: parking_lot::Mutex::new(Vec::new()), changed: tokio::sync::watch::Sender::new(0) })
    }

    pub fn push(&self, item: T) {
        self.items.lock().push(item);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Waits until `find` finds something in the list.
    pub async fn until<R>(&self, what: &str, find: impl Fn(&[T]) -> Option<R>) -> R {
        let mut changed = self.changed.subscribe();
        patiently(what, async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = find(&self.items.lock()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        })
        .await
    }

    pub fn with<R>(&self, look: impl FnOnce(&[T]) -> R) -> R {
        look(&self.items.lock())
    }
}
