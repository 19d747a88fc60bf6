//! Lives as long as the device's loop: links, connects, and says how the device fares.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use whatsapp_rust::features::RetryRequestOutcome;
use whatsapp_rust::types::events::Event as News;
use whatsapp_rust::wacore::iq::devices::RemoveCompanionDeviceSpec;

use super::Parts;
use super::again::Tasks;
use super::gate::Gate;
use super::health::{Turn, turn};
use super::inbound::Inbox;
use super::keys::{self, Keys, Missed};
use super::linking::{Linking, Refusal};
use super::missed::{self, ChatReporter};
use super::news::{Reporter, Told};
use super::order::Order;
use super::qr_codes::QrCodes;
use super::queue::{Inlet, Outlet};
use super::rotation::Rotation;
use super::session::{Plan, Session};
use super::shared::Shared;
use crate::channel::{Ending, Event, Events, PasskeyAnswer, Proof};
use crate::clock::Millis;
use crate::device::{DeviceState, Health, LinkWay, NOT_LINKED};
use crate::limits;

/// The wait before a session is started again that ended by itself: doubled each time, up to the other.
const AGAIN_MS_MIN: Millis = 2_000;
const AGAIN_MS_MAX: Millis = 5 * 60_000;

/// How often, and how soon again, a sender is asked for a message while the connection begins.
const ASKS_MAX: usize = 3;
const ASK_AFTER: Duration = Duration::from_millis(500);

/// What the device's loop wants.
#[derive(Debug)]
pub enum Command {
    /// By an attempt that is named by the moment at which it was wanted.
    Link(LinkWay, Millis),
    /// An attempt that an earlier process began; `lost` says why it ends, unless an account is linked by now.
    Resume {
        way: LinkWay,
        attempt: Millis,
        lost: Option<&'static str>,
    },
    AnswerPasskey(PasskeyAnswer),
    /// As was wanted at this moment.
    Unlink(Millis),
    /// A person says that it may be tried again.
    Connect,
}

pub struct Actor {
    pub parts: Parts,
    pub keys: Keys,
    pub shared: Shared,
    pub events: Events,
    pub commands: mpsc::Receiver<Command>,
    pub reports: Inlet<Told>,
    pub told: Outlet<Told>,
    /// Where acknowledgements and receipts go on their way to the loop.
    pub news: Inlet<Event>,
    pub misses: mpsc::Sender<Missed>,
    pub missed: mpsc::Receiver<Missed>,
    pub session: Option<Session>,
    /// The number of the session; what earlier ones still tell is not heard.
    pub sessions: u64,
    pub linking: Option<Linking>,
    /// With what WhatsApp refused a request last.
    pub refusal: Refusal,
    /// How many QR codes WhatsApp gave last.
    pub codes: QrCodes,
    pub order: Order,
    /// The last attempt to link an account.
    pub attempt: Millis,
    /// When to connect by itself.
    pub again: Option<Millis>,
    /// How often a session ended by itself since one was online.
    pub ends: u32,
    pub health: Option<Health>,
}

/// How often it is looked whether a session has logged in.
const LOGGED_IN_LOOK: Duration = Duration::from_millis(20);

impl Actor {
    /// Runs until the channel is closed. `start` is what to do first.
    pub async fn run(mut self, start: Start) {
        match start {
            Start::Unlinked => self.tell(Health::new(DeviceState::Unlinked, NOT_LINKED)).await,
            Start::Await => {}
            Start::Rest(health) => {
                self.again = health.until;
                self.tell(health).await;
            }
            Start::Connect { number, is_known } => {
                if is_known || self.is_accepted(number, Proof::LoggedIn).await {
                    self.connect().await;
                }
            }
        }
        loop {
            let clock = self.parts.clock.clone();
            let wake_at = self.linking.as_ref().map(|linking| linking.until).or(self.again);
            tokio::select! {
                // In this order: why a session ended is told before it ends, and heard before it is taken to have ended
                // without a word.
                biased;
                Some(told) = self.told.pop() => {
                    if told.session == self.sessions {
                        self.hear(&told.news).await;
                    }
                }
                () = ended(&mut self.session) => self.session_ended().await,
                Some(missed) = self.missed.recv() => self.ask_again(missed).await,
                command = self.commands.recv() => match command {
                    Some(Command::Link(way, attempt)) => self.link(way, attempt).await,
                    Some(Command::Resume { way, attempt, lost }) => self.resume(way, attempt, lost).await,
                    Some(Command::AnswerPasskey(answer)) => self.answer_passkey(answer).await,
                    Some(Command::Unlink(wished_at)) => self.unlink(wished_at).await,
                    Some(Command::Connect) => self.connect_again().await,
                    None => break,
                },
                () = async { clock.sleep_until(wake_at.unwrap_or_default()).await }, if wake_at.is_some() => {
                    self.woken().await;
                }
            }
        }
        self.stop().await;
    }

    async fn hear(&mut self, news: &News) {
        match news {
            News::PairSuccess(paired) => self.is_paired(paired.id.user.to_string()).await,
            other if self.linking.is_some() => self.hear_while_linking(other).await,
            other => {
                if let Some(turn) = turn(other, self.parts.clock.now()) {
                    self.take(turn).await;
                }
            }
        }
    }

    pub(super) async fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Stay(health) => {
                let client = self.session.as_ref().filter(|_| health.state == DeviceState::Online);
                self.shared.set_online(client.map(|session| session.client.clone()));
                if let Some(session) = client {
                    session.has_started();
                    self.ends = 0;
                    if self.health.as_ref() == Some(&health) {
                        // The library does not tell of each connection that it makes anew.
                        self.tell(Health::new(DeviceState::Reconnecting, "WhatsApp wanted a new connection")).await;
                    }
                }
                self.tell(health).await;
            }
            Turn::Stop { health, again } => {
                self.stop().await;
                self.again = again;
                self.tell(health).await;
            }
        }
    }

    async fn unlink(&mut self, wished_at: Millis) {
        let ending = self.log_out().await;
        self.wipe().await;
        self.health = None;
        let _ = self.events.send(Event::Unlinked { wished_at, ending }).await;
    }

    /// Has WhatsApp end the link, if it can be reached, and closes the connection.
    pub(super) async fn log_out(&mut self) -> Ending {
        let ending = match &self.session {
            // Between the phone's last step and WhatsApp's word of it, an account may be linked that nobody here knows of.
            Some(_) if let Some(linking) = self.linking.as_ref().filter(|linking| !linking.is_paired()) => {
                linking.ending()
            }
            Some(session) => {
                // What the library tells meanwhile is no news.
                self.sessions += 1;
                let limit = Duration::from_secs(limits::UNLINK_SECONDS_MAX);
                let client = &session.client;
                // An account that was linked at this moment logs in once more before it can say anything. What it would
                // fetch then is not waited for: of a device that was removed nothing can be stored.
                // The library's own logout does not say whether WhatsApp answered.
                let clock = &self.parts.clock;
                let logout = async {
                    while !client.is_logged_in() {
                        clock.sleep(LOGGED_IN_LOOK).await;
                    }
                    client.execute(RemoveCompanionDeviceSpec::new(&client.pn()?)).await.ok()
                };
                match self.parts.clock.within(limit, logout).await {
                    Ok(Some(())) => Ending::Confirmed,
                    _ => Ending::MayBeListed,
                }
            }
            None if self.health.as_ref().is_some_and(|health| health.state == DeviceState::LoggedOut) => {
                Ending::Confirmed
            }
            // Banned, outdated, or replaced: WhatsApp takes no logout.
            None if matches!(self.keys.account().await, Ok(Some(_))) => Ending::MayBeListed,
            None => Ending::Confirmed,
        };
        self.stop().await;
        ending
    }

    pub(super) async fn wipe(&mut self) -> bool {
        self.shared.forget();
        match self.keys.wipe().await {
            Ok(()) => true,
            // Those of a device that was removed go with it, and those of another node are not ours to remove.
            Err(error) if keys::is_not_ours(&error) => false,
            Err(error) => {
                tracing::warn!(%error, "the keys of a link were not removed");
                false
            }
        }
    }

    pub(super) async fn stop(&mut self) {
        self.sessions += 1;
        (self.linking, self.again) = (None, None);
        self.shared.set_online(None);
        if let Some(session) = self.session.take() {
            session.stop().await;
        }
    }

    /// Connects at a person's word. A ban is sat out: whoever tries meanwhile makes it longer.
    async fn connect_again(&mut self) {
        let is_banned = self.health.as_ref().is_some_and(|health| health.state == DeviceState::Banned);
        if self.session.is_none() && !is_banned && matches!(self.keys.account().await, Ok(Some(_))) {
            self.connect().await;
        }
    }

    /// Asks the sender of a message for it again: a crash came between its decryption and its storing.
    async fn ask_again(&self, missed: Missed) {
        let Some(session) = &self.session else { return };
        tracing::info!("a message that a crash took is asked for again");
        missed::of_crash(&self.keys, &missed, self.parts.clock.now()).await.into_iter().for_each(|e| self.news.push(e));
        let limit = Duration::from_secs(limits::CLOSE_SECONDS_MAX);
        for _ in 0..ASKS_MAX {
            let asked = session.ask_again(missed.clone(), self.parts.clock.now());
            match self.parts.clock.within(limit, asked).await {
                Ok(Ok(RetryRequestOutcome::Sent { .. })) => return,
                // It was asked for as often as it may be, or its chat is none where that is done.
                Ok(Ok(outcome)) => return tracing::warn!(?outcome, "a message cannot be asked for again"),
                // The connection may just begin.
                Ok(Err(_)) | Err(_) => self.parts.clock.sleep(ASK_AFTER).await,
            }
        }
        tracing::warn!("a message could not be asked for again; it comes with the next connection");
    }

    pub(super) async fn connect(&mut self) {
        self.tell(Health::new(DeviceState::Connecting, "")).await;
        self.start(None).await;
    }

    pub(super) async fn start(&mut self, phone: Option<String>) {
        self.sessions += 1;
        self.again = None;
        let gate = Arc::new(Gate::default());
        let reporter = Reporter {
            session: self.sessions,
            actor: self.reports.clone(),
            events: self.news.clone(),
            clock: self.parts.clock.clone(),
            held: self.parts.receipts.clone(),
            gate: gate.clone(),
            traffic: self.keys.traffic().clone(),
            shared: self.shared.clone(),
            rotation: Rotation::default(),
            refusal: self.refusal.clone(),
            codes: self.codes.clone(),
            order: self.order.clone(),
        };
        let plan = Plan {
            keys: self.keys.clone(),
            network: self.parts.network.clone(),
            missed: self.misses.clone(),
            inbox: Inbox { events: self.events.clone(), keys: self.keys.clone(), clock: self.parts.clock.clone() },
            reporter,
            chats: ChatReporter {
                events: self.news.clone(),
                keys: self.keys.clone(),
                held: self.parts.receipts.clone(),
                gate: gate.clone(),
            },
            gate,
            tasks: Tasks {
                clock: self.parts.clock.clone(),
                held: self.parts.requests.clone(),
                traffic: self.keys.traffic().clone(),
                is_linking: self.linking.is_some(),
            },
            phone,
            clock: self.parts.clock.clone(),
            starts: self.linking.is_none().then(|| self.parts.starts.clone()),
        };
        match Session::start(plan).await {
            Ok(session) => self.session = Some(session),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be started");
                self.session_ended().await;
            }
        }
    }

    /// The session is over without a word why: it is tried again, later each time.
    async fn session_ended(&mut self) {
        if self.linking.is_some() {
            return self.fail("the connection to WhatsApp ended".into()).await;
        }
        self.stop().await;
        let wait = AGAIN_MS_MIN.saturating_mul(1 << self.ends.min(16)).min(AGAIN_MS_MAX);
        self.ends += 1;
        let again = self.parts.clock.now() + wait;
        self.again = Some(again);
        let reason = "WhatsApp cannot be reached; it is tried again".to_owned();
        self.tell(Health { state: DeviceState::Reconnecting, reason, until: Some(again) }).await;
    }

    async fn woken(&mut self) {
        match &self.linking {
            Some(linking) => self.fail(linking.overdue().into()).await,
            None => self.connect().await,
        }
    }

    /// Tells how the device fares, where that is news.
    pub(super) async fn tell(&mut self, health: Health) {
        if self.health.as_ref() != Some(&health) {
            self.health = Some(health.clone());
            let _ = self.events.send(Event::State(health)).await;
        }
    }
}

/// What to do first.
pub enum Start {
    Unlinked,
    /// Nothing, before it is said what becomes of the attempt to link that is under way.
    Await,
    /// Nothing by itself, or not before the health's end.
    Rest(Health),
    Connect {
        number: String,
        /// Whether the store knows that this number is the device's.
        is_known: bool,
    },
}

async fn ended(session: &mut Option<Session>) {
    match session {
        Some(session) => session.ended().await,
        None => std::future::pending().await,
    }
}
