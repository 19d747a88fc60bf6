//! Each message is shown at most once to its recipient and in order within its chat, and no acked message is lost.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::checks::DeliveryRef;
use crate::checks::counter::CheckCounter;
use crate::checks::report::{Check, DeliveryCounts};
use crate::faults::DeviceName;
use crate::limits;

/// Identifies a delivery or a chat. Among a million, two share a hash about once in ten million runs.
type Hash = u64;

/// Unfinished deliveries to skip while looking for one to evict.
const STEPS_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Deliveries {
    /// Capacity.
    room: usize,
    hasher: RandomState,
    deliveries: HashMap<Hash, Delivery>,
    /// The same by age, for eviction.
    by_age: VecDeque<Hash>,
    /// Per chat and sender: how many were accepted, and which was shown last.
    chats: HashMap<Hash, Chat>,
    gone: HashSet<DeviceName>,
    once: CheckCounter,
    order: CheckCounter,
    acked: u64,
    accepted: u64,
    forgotten: u64,
    unjudged: u64,
}

#[derive(Debug)]
struct Delivery {
    /// Sequence number of the message within its chat and sender, from 1.
    number: u32,
    /// The recipient is a simulated phone, so what it shows is known.
    is_watched: bool,
    is_acked: bool,
    /// Number of its stanzas in the mailbox: the sender may have sent it again.
    kept: u32,
    is_receipted: bool,
    is_shown: bool,
    was_asked_again: bool,
    /// The recipient has requested a retry, and the message is not back in the mailbox yet.
    is_awaited: bool,
    /// Who it is from and for; `None` once it has arrived.
    name: Option<Box<Name>>,
}

#[derive(Debug)]
struct Name {
    recipient: DeviceName,
    text: String,
}

#[derive(Debug, Default)]
struct Chat {
    accepted: u32,
    shown: u32,
}

impl Delivery {
    fn has_arrived(&self) -> bool {
        self.is_shown || (self.is_receipted && !self.is_watched)
    }

    /// Nothing more can happen to it, except being shown again.
    fn is_finished(&self) -> bool {
        self.has_arrived() && self.kept == 0
    }
}

impl Deliveries {
    pub fn new(room: usize) -> Self {
        Self {
            room,
            hasher: RandomState::new(),
            deliveries: HashMap::new(),
            by_age: VecDeque::new(),
            chats: HashMap::new(),
            gone: HashSet::new(),
            once: CheckCounter::default(),
            order: CheckCounter::default(),
            acked: 0,
            accepted: 0,
            forgotten: 0,
            unjudged: 0,
        }
    }

    pub fn accepted(&mut self, delivery_ref: &DeliveryRef<'_>) {
        let hash = self.delivery(delivery_ref);
        if self.deliveries.contains_key(&hash) {
            return;
        }
        let chat_hash = self.chat(delivery_ref);
        let is_known = self.chats.contains_key(&chat_hash);
        if !self.make_room() || (!is_known && self.chats.len() >= limits::CHECKED_CHATS_MAX) {
            self.unjudged += 1;
            return;
        }
        let chat = self.chats.entry(chat_hash).or_default();
        chat.accepted = chat.accepted.saturating_add(1);
        let name = Name { recipient: delivery_ref.recipient.clone(), text: text(delivery_ref) };
        let delivery = Delivery {
            number: chat.accepted,
            is_watched: delivery_ref.recipient.device == 0,
            is_acked: false,
            kept: 0,
            is_receipted: false,
            is_shown: false,
            was_asked_again: false,
            is_awaited: false,
            name: Some(Box::new(name)),
        };
        self.deliveries.insert(hash, delivery);
        self.by_age.push_back(hash);
        self.accepted += 1;
    }

    pub fn acked(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.acked += 1;
        self.change(delivery_ref, |delivery| delivery.is_acked = true);
    }

    pub fn kept(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.change(delivery_ref, |delivery| {
            delivery.kept = delivery.kept.saturating_add(1);
            delivery.is_awaited = false;
        });
    }

    pub fn released(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.change(delivery_ref, |delivery| delivery.kept = delivery.kept.saturating_sub(1));
    }

    pub fn receipted(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.change(delivery_ref, |delivery| delivery.is_receipted = true);
    }

    pub fn taken(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.change(delivery_ref, |delivery| delivery.is_receipted |= !delivery.was_asked_again);
    }

    pub fn asked_again(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.change(delivery_ref, |delivery| {
            delivery.was_asked_again = true;
            delivery.is_awaited = true;
        });
    }

    pub fn shown(&mut self, delivery_ref: &DeliveryRef<'_>) {
        self.once.examine();
        self.order.examine();
        let (hash, chat) = (self.delivery(delivery_ref), self.chat(delivery_ref));
        let Some(delivery) = self.deliveries.get(&hash) else {
            // It may have been accepted and evicted; if nothing was evicted, it was never accepted.
            match self.forgotten + self.unjudged {
                0 => self.once.violate(|| format!("{} was shown, but never accepted", text(delivery_ref))),
                _ => self.unjudged += 1,
            }
            return;
        };
        if delivery.is_shown {
            self.once.violate(|| format!("{} was shown again", text(delivery_ref)));
            return;
        }
        let (number, may_be_late) = (delivery.number, delivery.was_asked_again);
        let chat = self.chats.entry(chat).or_default();
        if number < chat.shown && !may_be_late {
            let (number, shown) = (number, chat.shown);
            self.order.violate(|| {
                format!("{}, number {number} of its chat, was shown after number {shown}", text(delivery_ref))
            });
        }
        chat.shown = chat.shown.max(number);
        self.change(delivery_ref, |delivery| delivery.is_shown = true);
    }

    pub fn gone(&mut self, device: &DeviceName) {
        if self.gone.len() >= limits::CHECKED_CHATS_MAX {
            // Messages waiting for it will seem lost, so the report must say that it is incomplete.
            self.unjudged += u64::from(!self.gone.contains(device));
            return;
        }
        self.gone.insert(device.clone());
    }

    /// Checks everything that has not arrived.
    pub fn checks(&self) -> Vec<Check> {
        let mut lost = CheckCounter::default();
        for delivery in self.by_age.iter().filter_map(|hash| self.deliveries.get(hash)) {
            let Some(name) = &delivery.name else { continue };
            if delivery.is_acked && delivery.kept == 0 && !self.gone.contains(&name.recipient) {
                self.look_for(delivery, name, &mut lost);
            }
        }
        let mut lost = lost.named("nothing_acked_is_lost");
        lost.examined = self.acked;
        vec![self.once.named("shown_at_most_once"), self.order.named("shown_in_order"), lost]
    }

    pub fn standing(&self) -> DeliveryCounts {
        let mut standing = DeliveryCounts {
            accepted: self.accepted,
            forgotten: self.forgotten,
            arrived: self.forgotten,
            ..DeliveryCounts::default()
        };
        for delivery in self.deliveries.values() {
            standing.arrived += u64::from(delivery.has_arrived());
            standing.waiting += u64::from(delivery.kept > 0 && !delivery.has_arrived());
            standing.asked_again += u64::from(delivery.was_asked_again && !delivery.has_arrived());
        }
        standing
    }

    pub fn unjudged(&self) -> u64 {
        self.unjudged
    }

    /// An acked message that is in no mailbox: decides whether it is lost.
    fn look_for(&self, delivery: &Delivery, name: &Name, lost: &mut CheckCounter) {
        let text = &name.text;
        match (delivery.has_arrived(), delivery.is_awaited, delivery.is_receipted) {
            (true, ..) | (false, true, _) => {}
            (false, false, true) => lost.violate(|| format!("{text} was receipted by the phone, but never shown")),
            (false, false, false) => lost.violate(|| format!("{text} was acked, but is neither kept nor taken")),
        }
    }

    fn change(&mut self, delivery_ref: &DeliveryRef<'_>, change: impl FnOnce(&mut Delivery)) {
        let hash = self.delivery(delivery_ref);
        if let Some(delivery) = self.deliveries.get_mut(&hash) {
            change(delivery);
            if delivery.is_finished() {
                delivery.name = None;
            }
        }
    }

    /// Evicts the oldest arrived delivery if full. False if the oldest are all still in flight.
    fn make_room(&mut self) -> bool {
        let mut steps = 0;
        while self.deliveries.len() >= self.room {
            let Some(oldest) = self.by_age.pop_front() else { return false };
            match self.deliveries.get(&oldest).is_none_or(Delivery::is_finished) {
                true => {
                    self.deliveries.remove(&oldest);
                    self.forgotten += 1;
                }
                false if steps == STEPS_MAX => {
                    self.by_age.push_front(oldest);
                    return false;
                }
                false => {
                    self.by_age.push_back(oldest);
                    steps += 1;
                }
            }
        }
        true
    }

    fn delivery(&self, delivery_ref: &DeliveryRef<'_>) -> Hash {
        self.hasher.hash_one((delivery_ref.recipient, delivery_ref.chat, delivery_ref.sender, delivery_ref.id))
    }

    fn chat(&self, delivery_ref: &DeliveryRef<'_>) -> Hash {
        self.hasher.hash_one((delivery_ref.recipient, delivery_ref.chat, delivery_ref.sender))
    }
}

fn text(delivery_ref: &DeliveryRef<'_>) -> String {
    let DeliveryRef { sender, chat, id, recipient } = delivery_ref;
    let text = format!("message {id} of {sender} in {chat} for {recipient}");
    // Clients choose the id, and up to a million of them are kept.
    text.chars().take(limits::CHECK_VIOLATION_CHARS_MAX).collect()
}
