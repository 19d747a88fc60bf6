//! Invariant checks over everything that happens on the network, which can be read at any time.
//!
//! Each component reports its events to [`Checks`] as they happen: routing reports that it accepted and acked a
//! message, a mailbox that it stored or released one, a phone that it decrypted and displayed one. The reports are
//! independent, so one can contradict another: a message that routing has acked and no mailbox holds is lost.
//! [`Checks::report`] returns the current state of every check.
//!
//! Memory is bounded. For a message that has reached its recipient only a hash, a number and six flags are kept, enough
//! to notice a duplicate; for one in flight also its name. A million arrived messages take 77 MB, a million pending
//! ones 270 MB (measured). Beyond [`CHECKED_DELIVERIES_MAX`](crate::limits::CHECKED_DELIVERIES_MAX) the oldest arrived
//! ones are evicted, and the report counts them.

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

/// A message in flight to one device. All events about it must use the same names.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryRef<'a> {
    /// The sending device.
    pub sender: &'a DeviceName,
    /// The conversation as the recipient sees it: a phone number or a group's JID.
    pub chat: &'a str,
    /// The message's id.
    pub id: &'a str,
    /// The receiving device.
    pub recipient: &'a DeviceName,
}

/// The checkers, shared by all components; each event takes a short lock.
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
    /// Checkers without any events yet.
    pub fn new() -> Self {
        Self::remembering(limits::CHECKED_DELIVERIES_MAX)
    }

    /// Checkers that keep up to this many deliveries.
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

    /// The server accepts the message and will route it. Must be called in the order of acceptance within a chat and
    /// sender. A resend with the same id counts as the same message.
    pub fn accepted(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.accepted(delivery_ref);
    }

    /// A message arrived that all devices of its recipients can decrypt, except `missed`. A resend to one of those
    /// makes up for it.
    pub fn addressed(&self, sender: &DeviceName, id: &str, missed: &[DeviceName]) {
        self.state.lock().addressing.addressed(sender, id, missed);
    }

    /// The server has acked the message to its sender. From now on it must not be lost.
    pub fn acked(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.acked(delivery_ref);
    }

    /// The recipient's mailbox holds the message, or a resend of it, until the device sends a receipt or an ack.
    pub fn kept(&self, delivery_ref: &DeliveryRef<'_>) {
        let mut state = self.state.lock();
        state.deliveries.kept(delivery_ref);
        state.addressing.reached(delivery_ref);
    }

    /// The recipient's mailbox has released it.
    pub fn released(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.released(delivery_ref);
    }

    /// The recipient's device has sent a receipt: proof enough for a client whose screen is not visible to the checks.
    pub fn receipted(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.receipted(delivery_ref);
    }

    /// The recipient's device has acked it, which means that it has the message unless it requested a retry before.
    pub fn taken(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.taken(delivery_ref);
    }

    /// The recipient could not decrypt it and requested a retry; it may arrive late and out of order. Until it is back
    /// in the mailbox it does not count as lost.
    pub fn asked_again(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.asked_again(delivery_ref);
    }

    /// A phone has displayed it, or applied it if it is not meant to be displayed.
    pub fn shown(&self, delivery_ref: &DeliveryRef<'_>) {
        self.state.lock().deliveries.shown(delivery_ref);
    }

    /// The device was unlinked, or its account is gone: whatever waits for it is not lost.
    pub fn gone(&self, device: &DeviceName) {
        let mut state = self.state.lock();
        state.deliveries.gone(device);
        state.addressing.gone(device);
    }

    /// A device has decrypted a message.
    pub fn decrypted(&self, decryption: &Decryption<'_>) {
        self.state.lock().ratchets.decrypted(decryption);
    }

    /// A stanza was parsed.
    pub fn stanza_parsed(&self) {
        self.state.lock().stanzas.examine();
    }

    /// A stanza could not be parsed: invalid bytes, or a required part is missing. `device` is `None` before the login.
    pub fn stanza_unparsed(&self, device: Option<&DeviceName>, why: &str) {
        let mut state = self.state.lock();
        state.stanzas.examine();
        let from = device.map_or("a client before its login".to_owned(), DeviceName::to_string);
        state.stanzas.violate(|| format!("from {from}: {why}"));
    }

    /// The current state of every check.
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
