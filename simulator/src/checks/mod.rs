//! Checkers that hold at any moment, fed with what happens on the network.
//!
//! Whoever does something tells [`Checks`]: the routing that it accepted and acked a message, a mailbox that it keeps
//! one or lets it go, a phone that it decrypted and showed one. They tell it as it happens, in their own words, so that
//! one can prove the other wrong: a message that routing has acked and no mailbox keeps is lost. [`Checks::report`]
//! says at any moment what holds and what does not.
//!
//! Memory is bounded. Of a message that has reached its recipient only a hash, a number and six flags are kept, so that
//! a second showing is noticed; of one still on its way also its name. A million messages that have arrived take 77 MB,
//! a million that all wait 270 MB (measured). When there are more than
//! [`CHECKED_DELIVERIES_MAX`](crate::limits::CHECKED_DELIVERIES_MAX), the oldest that have arrived are forgotten, and the
//! report counts them.

mod addressing;
mod counter;
mod deliveries;
mod ratchets;
mod report;

use parking_lot::Mutex;

use crate::faults::DeviceName;
use crate::limits;
use addressing::Addressing;
use counter::CheckCounter;
use deliveries::Deliveries;
use ratchets::Ratchets;

pub use ratchets::Decryption;
pub use report::{Check, DeliveryCounts, Report};

/// A message on its way to one device. The same names must come with every event about it.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryRef<'a> {
    /// Which device sent it.
    pub sender: &'a DeviceName,
    /// The number or the group's jid of the conversation, as the recipient sees it.
    pub chat: &'a str,
    /// The message's id.
    pub id: &'a str,
    /// Which device gets it.
    pub recipient: &'a DeviceName,
}

/// The checkers. Shared by everybody who has something to tell; each event takes a short lock.
#[derive(Debug)]
pub struct Checks {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    addressing: Addressing,
    deliveries: Deliveries,
    ratchets: Ratchets,
    stanzas: CheckCounter,
}

impl Default for Checks {
    fn default() -> Self {
        Self::new()
    }
}

impl Checks {
    /// Checkers that have seen nothing.
    pub fn new() -> Self {
        Self::remembering(limits::CHECKED_DELIVERIES_MAX)
    }

    /// Checkers that remember so many deliveries.
    fn remembering(deliveries: usize) -> Self {
        let deliveries = Deliveries::new(deliveries);
        let state = State {
            addressing: Addressing::default(),
            deliveries,
            ratchets: Ratchets::default(),
            stanzas: CheckCounter::default(),
        };
        Self { state: Mutex::new(state) }
    }

    /// The server takes the message and will route it. Of one chat and sender in the order in which it took them. A
    /// second time with the same id, when the sender repeats itself, it stays the same message.
    pub fn accepted(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.accepted(delivery_ref);
    }

    /// A message came that all devices of its recipients can read but those missed. The same message that
    /// comes again for one of them makes up for it.
    pub fn addressed(&self, sender: &DeviceName, id: &str, missed: &[DeviceName]) {
        self.state.lock().addressing.addressed(sender, id, missed);
    }

    /// The server has told the sender that it has the message. From now on it must not be lost.
    pub fn acked(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.acked(delivery_ref);
    }

    /// The recipient's mailbox keeps it, or what its sender sent again, until the device has receipted or acknowledged it.
    pub fn kept(&self, delivery_ref: &DeliveryRef<'_>) {
        let mut state = self.state.lock();
        state.deliveries.kept(delivery_ref);
        state.addressing.reached(delivery_ref);
    }

    /// The recipient's mailbox has let it go.
    pub fn released(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.released(delivery_ref);
    }

    /// The recipient's device has said that it has the message: enough for a client whose screen we cannot see.
    pub fn receipted(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.receipted(delivery_ref);
    }

    /// The recipient's device has acknowledged it: it has it, unless it asked for it again before.
    pub fn taken(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.taken(delivery_ref);
    }

    /// The recipient could not read it and has asked its sender for it again; it may come late, out of its order. Until
    /// it is kept again it is lost to nobody.
    pub fn asked_again(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.asked_again(delivery_ref);
    }

    /// A phone has shown it to its person, or done what it says if it is not for a person's eyes.
    pub fn shown(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.shown(delivery_ref);
    }

    /// The device was unlinked, or its account is gone: whatever waits for it is lost to nobody.
    pub fn gone(&self, device: &DeviceName) {
        let mut state = self.state.lock();
        state.deliveries.gone(device);
        state.addressing.gone(device);
    }

    /// A device has decrypted a message of a session.
    pub fn decrypted(&self, decryption: &Decryption<'_>) {
        self.state.lock().ratchets.decrypted(decryption);
    }

    /// A stanza was read and understood.
    pub fn stanza_parsed(&self) {
        self.state.lock().stanzas.examine();
    }

    /// A stanza was not: bytes that are none, or one without what its kind needs. `device` is None before the login.
    pub fn stanza_unparsed(&self, device: Option<&DeviceName>, why: &str) {
        let mut state = self.state.lock();
        state.stanzas.examine();
        let from = device.map_or("a client before its login".to_owned(), DeviceName::to_string);
        state.stanzas.violate(|| format!("from {from}: {why}"));
    }

    /// What holds and what does not, now.
    pub fn report(&self) -> Report {
        let state = self.state.lock();
        let mut checks = state.deliveries.checks();
        checks.push(state.addressing.check());
        checks.push(state.stanzas.named("every_stanza_parsed"));
        checks.push(state.ratchets.check());
        Report::new(
            checks,
            state.deliveries.standing(),
            state.deliveries.unjudged() + state.ratchets.unjudged() + state.addressing.unjudged(),
        )
    }
}

#[cfg(test)]
mod tests;
