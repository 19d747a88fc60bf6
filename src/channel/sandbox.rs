//! The channel without a phone or a network, for trying and testing. It takes every kind of message and plays what
//! WhatsApp and the recipients would do; numbers (and groups) that end in fixed digits play the failures:
//!
//! | ends in | what happens |
//! |---|---|
//! | 0001 | the number is not on WhatsApp |
//! | 0002 | sent, never delivered |
//! | 0003 | delivered, never read |
//! | 0004 | slow: five seconds for each step |
//! | 0005 | the phone is offline for a minute, then delivered and read |
//! | 0006 | WhatsApp refuses the first two attempts, then takes it |
//! | 0007 | the receipts come in the wrong order |
//! | 0008 | every receipt comes twice |
//! | 0009 | the first acknowledgement is lost |
//! | 0010 | WhatsApp refuses the first attempt, as one to a stranger |
//!
//! docs/sandbox.md says the same to customers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Channel, Event, Events, Health, Outgoing, ReceiptKind, SendFault, Sent};
use crate::clock::{Clock, Millis};
use crate::device::DeviceState;
use crate::message::RefNo;

/// From sending to the server's acknowledgement, from there to delivery, from there to reading.
const ACK_MS: Millis = 20;
const DELIVERY_MS: Millis = 50;
const READ_MS: Millis = 100;
const SLOW_MS: Millis = 5_000;
const OFFLINE_MS: Millis = 60_000;
/// People in a sandbox group.
const MEMBERS: u32 = 3;
/// Messages remembered, to know a repeated one.
const SEEN_MAX: usize = 10_000;
const COMMANDS_MAX: usize = 4_096;

/// What a recipient plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Play {
    Usual,
    NotOnWhatsApp,
    NeverDelivered,
    NeverRead,
    Slow,
    Offline,
    RefusedTwice,
    WrongOrder,
    Repeated,
    AckLost,
    Stranger,
}

fn play_of(destination: &str) -> Play {
    match crate::phone::last_four_digits(destination) {
        Some("0001") => Play::NotOnWhatsApp,
        Some("0002") => Play::NeverDelivered,
        Some("0003") => Play::NeverRead,
        Some("0004") => Play::Slow,
        Some("0005") => Play::Offline,
        Some("0006") => Play::RefusedTwice,
        Some("0007") => Play::WrongOrder,
        Some("0008") => Play::Repeated,
        Some("0009") => Play::AckLost,
        Some("0010") => Play::Stranger,
        _ => Play::Usual,
    }
}

/// A sandbox account; always online.
pub struct Sandbox {
    planned: mpsc::Sender<Vec<Planned>>,
    clock: Clock,
    /// How often each of the latest messages was sent.
    seen: Mutex<Seen>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Seen {
    now: HashMap<RefNo, u32>,
    before: HashMap<RefNo, u32>,
}

impl Seen {
    /// Counts an attempt; gives its number, from 1.
    fn count(&mut self, ref_no: &RefNo) -> u32 {
        if self.now.len() >= SEEN_MAX {
            self.before = std::mem::take(&mut self.now);
        }
        let attempts = self.now.get(ref_no).or_else(|| self.before.get(ref_no)).copied().unwrap_or(0) + 1;
        self.now.insert(ref_no.clone(), attempts);
        attempts
    }
}

/// Something that will happen.
struct Planned {
    at: Millis,
    event: Event,
}

impl Sandbox {
    /// Opens the account. Its one task ends by [`Channel::close`], or when it is dropped.
    pub fn open(clock: Clock, events: Events) -> Self {
        let (planned, plans) = mpsc::channel(COMMANDS_MAX);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let task = run(clock.clone(), plans, events);
        let until = stop.clone();
        tasks.spawn(async move {
            until.run_until_cancelled(task).await;
        });
        tasks.close();
        Self { planned, clock, seen: Mutex::default(), stop, tasks }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Channel for Sandbox {
    async fn ended(&self) {
        self.tasks.wait().await;
    }

    async fn count_members(&self, message: &Outgoing) -> Result<Option<u32>, SendFault> {
        Ok(message.is_group.then_some(MEMBERS))
    }

    async fn send(&self, message: &Outgoing) -> Result<(), SendFault> {
        let attempt = self.seen.lock().unwrap_or_else(PoisonError::into_inner).count(&message.ref_no);
        let play = play_of(&message.destination);
        match play {
            Play::NotOnWhatsApp => {
                return Err(SendFault::Never(format!("{} is not on WhatsApp", message.destination)));
            }
            Play::RefusedTwice if attempt <= 2 => {
                return Err(SendFault::Retry("the sandbox refuses the first two attempts to this number".into()));
            }
            Play::Stranger if attempt == 1 => return Err(SendFault::Stranger),
            _ => {}
        }
        let members = message.is_group.then_some(MEMBERS);
        let story = Story { ref_no: message.ref_no.clone(), members, play, now: self.clock.now() };
        let plan = if attempt == 1 || matches!(play, Play::RefusedTwice | Play::Stranger) {
            story.whole()
        } else {
            // It was shown already: the server acknowledges the repetition, nothing else happens.
            story.acknowledgement()
        };
        self.planned.send(plan).await.map_err(|_| SendFault::NotConnected)
    }

    async fn remember(&self, sent: Vec<Sent>) {
        for message in sent {
            let members = message.is_group.then_some(MEMBERS);
            let play = play_of(&message.destination);
            let story = Story { ref_no: message.ref_no, members, play, now: self.clock.now() };
            if self.planned.send(story.after_sending()).await.is_err() {
                return;
            }
        }
    }

    async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// What will happen to one message.
struct Story {
    ref_no: RefNo,
    members: Option<u32>,
    play: Play,
    now: Millis,
}

impl Story {
    fn delay(&self, usual: Millis) -> Millis {
        if self.play == Play::Slow { SLOW_MS } else { usual }
    }

    fn acknowledgement(&self) -> Vec<Planned> {
        let at = self.now + self.delay(ACK_MS);
        vec![Planned { at, event: Event::Acknowledged { ref_no: self.ref_no.clone(), at } }]
    }

    fn whole(&self) -> Vec<Planned> {
        let mut plan = match self.play {
            // Until the second attempt is acknowledged, nothing shows that the first arrived.
            Play::AckLost => return Vec::new(),
            Play::WrongOrder => {
                let at = self.now + ACK_MS + DELIVERY_MS + READ_MS;
                vec![Planned { at, event: Event::Acknowledged { ref_no: self.ref_no.clone(), at } }]
            }
            _ => self.acknowledgement(),
        };
        plan.extend(self.after_sending());
        plan
    }

    fn after_sending(&self) -> Vec<Planned> {
        let mut plan = Vec::new();
        for member in 0..self.members.unwrap_or(1) {
            let name = self.members.map(|_| format!("62811100{member:04}"));
            let start = self.now + self.delay(ACK_MS) + Millis::from(member) * 10;
            let start = start + if self.play == Play::Offline { OFFLINE_MS } else { 0 };
            let delivered = start + self.delay(DELIVERY_MS);
            let read = delivered + self.delay(READ_MS);
            let (delivered, read) = if self.play == Play::WrongOrder { (read, start) } else { (delivered, read) };
            let mut receipt = |kind, at| {
                let (stored, _) = oneshot::channel();
                let event = Event::Receipt { ref_no: self.ref_no.clone(), kind, member: name.clone(), at, stored };
                plan.push(Planned { at, event });
            };
            let times = if self.play == Play::Repeated { 2 } else { 1 };
            for _ in 0..times {
                if self.play != Play::NeverDelivered {
                    receipt(ReceiptKind::Delivered, delivered);
                }
                if !matches!(self.play, Play::NeverDelivered | Play::NeverRead) {
                    receipt(ReceiptKind::Read, read);
                }
            }
        }
        plan
    }
}

/// Lets what is planned happen in its time.
async fn run(clock: Clock, mut plans: mpsc::Receiver<Vec<Planned>>, events: Events) {
    if events.send(Event::State(Health::new(DeviceState::Online, ""))).await.is_err() {
        return;
    }
    // The order of two at the same moment is the order of planning.
    let mut order = 0u64;
    let mut waiting: BinaryHeap<Reverse<(Millis, u64)>> = BinaryHeap::new();
    let mut happenings: HashMap<u64, Event> = HashMap::new();
    loop {
        let next = waiting.peek().map(|Reverse((at, _))| *at);
        let due = async {
            match next {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = due => {
                let now = clock.now();
                while let Some(Reverse((at, number))) = waiting.peek().copied() {
                    if at > now {
                        break;
                    }
                    waiting.pop();
                    if let Some(event) = happenings.remove(&number)
                        && events.send(event).await.is_err()
                    {
                        return;
                    }
                }
            }
            plan = plans.recv() => {
                let Some(plan) = plan else { return };
                for Planned { at, event } in plan {
                    order += 1;
                    waiting.push(Reverse((at, order)));
                    happenings.insert(order, event);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Body;
    use super::*;

    struct Stage {
        clock: Clock,
        sandbox: Sandbox,
        events: mpsc::Receiver<Event>,
    }

    fn stage() -> Stage {
        let clock = Clock::held(1_000_000);
        let (told, events) = mpsc::channel(64);
        Stage { sandbox: Sandbox::open(clock.clone(), told), clock, events }
    }

    fn to(destination: &str, is_group: bool) -> Outgoing {
        let (ref_no, body) = (RefNo::new(&Clock::system()), Body::Text("hello".into()));
        Outgoing { ref_no, destination: destination.into(), is_group, is_again: false, body }
    }

    impl Stage {
        /// What is told within `wait` of the held clock, as letters: A, D, R.
        async fn told(&mut self, wait: Duration) -> String {
            for _ in 0..100 {
                self.clock.advance(wait / 100);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
            }
            let mut letters = String::new();
            while let Ok(event) = self.events.try_recv() {
                letters.push(match event {
                    Event::Acknowledged { .. } => 'A',
                    Event::Receipt { kind: ReceiptKind::Delivered, .. } => 'D',
                    Event::Receipt { kind: ReceiptKind::Read, .. } => 'R',
                    Event::State(health) if health.state == DeviceState::Online => continue,
                    other => panic!("{other:?}"),
                });
            }
            letters
        }
    }

    #[tokio::test]
    async fn every_ending_plays_its_part() {
        for (destination, wait_seconds, wanted) in [
            ("628111111111", 1, "ADR"),
            ("628111110002", 100, "A"),
            ("628111110003", 100, "AD"),
            ("628111110004", 4, ""),
            ("628111110004", 16, "ADR"),
            ("628111110005", 50, "A"),
            ("628111110005", 70, "ADR"),
            ("628111110007", 1, "RAD"),
            ("628111110008", 1, "ADDRR"),
            ("628111110009", 100, ""),
        ] {
            let mut stage = stage();
            stage.sandbox.send(&to(destination, false)).await.unwrap();
            assert_eq!(stage.told(Duration::from_secs(wait_seconds)).await, wanted, "{destination}");
        }
    }

    #[tokio::test]
    async fn a_number_that_is_not_on_whatsapp_is_refused_for_good_and_a_stranger_once() {
        let stage = stage();
        let stranger = to("628111110010", false);
        assert!(matches!(stage.sandbox.send(&stranger).await, Err(SendFault::Stranger)));
        assert!(stage.sandbox.send(&stranger).await.is_ok());
        assert!(matches!(stage.sandbox.send(&to("628111110001", false)).await, Err(SendFault::Never(_))));
    }

    #[tokio::test]
    async fn the_third_attempt_to_a_refusing_number_goes() {
        let mut stage = stage();
        let message = to("628111110006", false);
        for _ in 0..2 {
            assert!(matches!(stage.sandbox.send(&message).await, Err(SendFault::Retry(_))));
        }
        stage.sandbox.send(&message).await.unwrap();
        assert_eq!(stage.told(Duration::from_secs(1)).await, "ADR");
    }

    #[tokio::test]
    async fn a_message_sent_again_is_acknowledged_and_not_shown_again() {
        let mut stage = stage();
        let message = to("628111110009", false);
        stage.sandbox.send(&message).await.unwrap();
        stage.sandbox.send(&message).await.unwrap();
        assert_eq!(stage.told(Duration::from_secs(1)).await, "A");
    }

    #[tokio::test]
    async fn each_member_of_a_group_delivers_and_reads() {
        let mut stage = stage();
        stage.sandbox.send(&to("120363025246125486", true)).await.unwrap();
        let told = stage.told(Duration::from_secs(1)).await;
        assert_eq!((told.matches('D').count(), told.matches('R').count()), (3, 3));
    }

    #[tokio::test]
    async fn messages_of_before_a_restart_go_on() {
        let mut stage = stage();
        let ref_no = RefNo::new(&Clock::system());
        let sent = Sent { ref_no, destination: "628111111111".into(), is_group: false, delivered: false };
        stage.sandbox.remember(vec![sent]).await;
        assert_eq!(stage.told(Duration::from_secs(1)).await, "DR");
    }
}
