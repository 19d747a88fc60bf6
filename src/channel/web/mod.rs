//! Accounts of people's phones, linked as WhatsApp Web is, on the client library whatsapp-rust.
//!
//! An actor for each device (`actor.rs`) connects, links (`linking.rs`, `paired.rs`) and says how the device fares (`health.rs`). What the library
//! tells comes by `news.rs` (by way of `queue.rs`), what people write by `inbound.rs`. `gate.rs` and `again.rs` keep the
//! library from confirming what is not stored or answered; `gate.rs` and `traffic.rs` keep messages from leaving by
//! sessions that are not stored. `send.rs` sends, `compose.rs` and `read.rs` say what messages mean, `keys.rs` is where
//! the account's keys are, `download.rs` downloads files, `network.rs` is how WhatsApp is reached.

mod actor;
mod again;
mod answers;
mod compose;
mod download;
mod download_sink;
mod gate;
mod health;
mod inbound;
pub mod keys;
mod linking;
mod missed;
pub mod network;
mod news;
mod order;
mod paired;
mod qr_codes;
mod queue;
mod read;
mod rotation;
mod send;
mod session;
mod shared;
mod timers;
mod traffic;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::actor::{Actor, Command, Start};
use self::download::Reference;
use self::keys::{KeyRing, Keys};
use self::linking::Refusal;
use self::network::Network;
use self::order::Order;
use self::qr_codes::QrCodes;
use self::shared::Shared;
use super::{Channel, Events, Health, Outgoing, PasskeyAnswer, SendFault};
use crate::clock::{Clock, Millis};
use crate::device::{Device, DeviceState, LinkWay, Wish};
use crate::limits;
use crate::memory::Reservation;

/// Orders that wait for the actor.
const COMMANDS_MAX: usize = 16;

/// What linked accounts are connected by, and where their keys are.
#[derive(Clone)]
pub struct Parts {
    pub keys: KeyRing,
    pub network: Network,
    pub clock: Clock,
    starts: Arc<Semaphore>,
    /// So many receipts at once wait in a thread each until they are stored.
    receipts: Arc<Semaphore>,
    /// So many requests to send a message again wait in a thread each until they are answered.
    requests: Arc<Semaphore>,
}

impl Parts {
    pub fn new(keys: KeyRing, network: Network, clock: Clock) -> Self {
        let starts = Arc::new(Semaphore::new(limits::CONNECTS_MAX));
        let receipts = Arc::new(Semaphore::new(limits::RECEIPTS_HELD_MAX));
        let requests = Arc::new(Semaphore::new(limits::REQUESTS_HELD_MAX));
        Self { keys, network, clock, starts, receipts, requests }
    }
}

pub struct Web {
    shared: Shared,
    keys: Keys,
    clock: Clock,
    /// Closed when the channel is.
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    /// Ends the passing on of news.
    stop: CancellationToken,
    /// Cancelled when the actor or who passes news on is over, however it ended.
    over: CancellationToken,
    /// The actor, and who passes news on.
    running: Mutex<Option<(JoinHandle<()>, JoinHandle<()>)>>,
}

impl Web {
    /// Connects the account that is linked to a device, or waits for one to be linked.
    ///
    /// # Errors
    /// In words for a person, when it cannot be.
    pub async fn open(parts: Parts, device: &Device, epoch: i64, events: Events) -> Result<Self, String> {
        if parts.network == Network::Nowhere {
            return Err("this build speaks to a simulated network only; set WACHAT_SIMULATED_NETWORK".into());
        }
        let keys = parts.keys.of(device, epoch);
        let account = keys.account().await.map_err(|error| format!("the keys of its link cannot be read: {error}"))?;
        let start = start(device, account.map(|(number, _)| number), parts.clock.now());
        let (commands, orders) = mpsc::channel(COMMANDS_MAX);
        let ((reports, told), (news, events_of_news)) = (queue::queue(), queue::queue());
        let (stop, over) = (CancellationToken::new(), CancellationToken::new());
        #[allow(clippy::disallowed_methods, reason = "the channel holds the handle and waits for it")]
        let passing = tokio::spawn(marking(over.clone(), events_of_news.pass_on(events.clone(), stop.clone())));
        let (misses, missed) = mpsc::channel(limits::DEVICE_EVENTS_MAX);
        let (shared, clock) = (Shared::new(parts.clock.clone()), parts.clock.clone());
        let actor = Actor {
            parts,
            keys: keys.clone(),
            shared: shared.clone(),
            events,
            commands: orders,
            reports,
            told,
            news,
            misses,
            missed,
            session: None,
            sessions: 0,
            linking: None,
            refusal: Refusal::default(),
            codes: QrCodes::default(),
            order: Order::default(),
            attempt: 0,
            again: None,
            ends: 0,
            health: None,
        };
        #[allow(clippy::disallowed_methods, reason = "the channel holds the handle and waits for it")]
        let actor = tokio::spawn(marking(over.clone(), actor.run(start)));
        let (commands, running) = (Mutex::new(Some(commands)), Mutex::new(Some((actor, passing))));
        Ok(Self { shared, keys, clock, commands, stop, over, running })
    }

    async fn order(&self, command: Command) {
        if let Some(commands) = &*self.commands.lock().await {
            // An actor that is gone has closed the connection.
            let _ = commands.send(command).await;
        }
    }
}

/// Runs `task`, and says when it is over, also by a panic.
async fn marking(over: CancellationToken, task: impl Future<Output = ()>) {
    let _over = over.drop_guard();
    task.await;
}

/// What a device does first, by what its link was when it was last looked after.
fn start(device: &Device, account: Option<String>, now: Millis) -> Start {
    let Some(number) = account else { return Start::Unlinked };
    let as_it_was = || Health { state: device.state, reason: device.state_reason.clone(), until: device.state_until };
    match device.state {
        // Whoever took the connection over would be thrown out, and take it back: two gateways that are restarted for ever.
        DeviceState::LoggedOut | DeviceState::Replaced => Start::Rest(as_it_was()),
        DeviceState::Banned | DeviceState::Outdated if device.state_until.is_some_and(|until| until > now) => {
            Start::Rest(as_it_was())
        }
        // What becomes of it is said by whoever knows how far the attempt came.
        _ if matches!(device.wish(), Some(Wish::Link(_))) => Start::Await,
        _ => Start::Connect { is_known: device.linked_at.is_some() && device.sender == number, number },
    }
}

#[async_trait]
impl Channel for Web {
    async fn ended(&self) {
        self.over.cancelled().await;
    }

    async fn send(&self, message: &Outgoing) -> Result<(), SendFault> {
        let client = self.shared.online().ok_or(SendFault::NotConnected)?;
        send::send(&self.shared, &self.keys, &self.clock, &client, message).await
    }

    async fn count_members(&self, message: &Outgoing) -> Result<Option<u32>, SendFault> {
        if !message.is_group {
            return Ok(None);
        }
        let client = self.shared.online().ok_or(SendFault::NotConnected)?;
        send::count_members(&client, &message.destination).await.map(Some)
    }

    async fn type_to(&self, message: &Outgoing) {
        let Some(client) = self.shared.online().filter(|_| !message.is_group) else { return };
        if let Err(error) = client.chatstate().send_composing(&send::address(message)).await {
            tracing::debug!(%error, "typing was not shown");
        }
    }

    async fn download(&self, reference: &[u8], memory: Reservation) -> Result<Bytes, SendFault> {
        let client = self.shared.online().ok_or(SendFault::NotConnected)?;
        let opened = self.keys.open_reference(reference).ok();
        let reference: Option<Reference> = opened.and_then(|opened| serde_json::from_slice(&opened).ok());
        let Some(reference) = reference else {
            return Err(SendFault::Never(
                "what WhatsApp said of the file cannot be read any more, so it cannot be downloaded".into(),
            ));
        };
        download::download(&self.clock, &client, &reference, memory).await
    }

    async fn link(&self, way: LinkWay, attempt: Millis) {
        self.order(Command::Link(way, attempt)).await;
    }

    async fn resume(&self, way: LinkWay, attempt: Millis, lost: Option<&'static str>) {
        self.order(Command::Resume { way, attempt, lost }).await;
    }

    async fn answer_passkey(&self, answer: PasskeyAnswer) {
        self.order(Command::AnswerPasskey(answer)).await;
    }

    async fn unlink(&self, wished_at: Millis) {
        self.order(Command::Unlink(wished_at)).await;
    }

    async fn connect(&self) {
        self.order(Command::Connect).await;
    }

    async fn close(&self) {
        self.commands.lock().await.take();
        if let Some((actor, passing)) = self.running.lock().await.take() {
            let _ = actor.await;
            self.stop.cancel();
            let _ = passing.await;
        }
    }
}
