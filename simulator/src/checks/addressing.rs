//! A message to a person must be encrypted for each of their devices, and one to a group for each member's devices. A
//! sender with an outdated device list leaves some out, and the message is lost to those unless they request a retry.

use std::collections::BTreeSet;

use super::DeliveryRef;
use super::counter::CheckCounter;
use super::report::Check;
use crate::faults::DeviceName;
use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Addressing {
    examined: u64,
    /// Device left out, sender, id.
    missed: BTreeSet<(String, String, String)>,
    unjudged: u64,
}

impl Addressing {
    pub fn addressed(&mut self, sender: &DeviceName, id: &str, missed: &[DeviceName]) {
        self.examined += 1;
        for device in missed {
            if self.missed.len() >= limits::CHECKED_CHATS_MAX {
                self.unjudged += 1;
                return;
            }
            self.missed.insert((device.to_string(), sender.to_string(), id.to_owned()));
        }
    }

    /// The message has reached a device, possibly one that was left out before.
    pub fn reached(&mut self, delivery_ref: &DeliveryRef<'_>) {
        if !self.missed.is_empty() {
            let key = (delivery_ref.recipient.to_string(), delivery_ref.sender.to_string(), delivery_ref.id.to_owned());
            self.missed.remove(&key);
        }
    }

    pub fn gone(&mut self, device: &DeviceName) {
        let device = device.to_string();
        self.missed.retain(|(missed, ..)| *missed != device);
    }

    pub fn unjudged(&self) -> u64 {
        self.unjudged
    }

    pub fn check(&self) -> Check {
        let mut counter = CheckCounter::default();
        for (device, sender, id) in &self.missed {
            counter.violate(|| format!("message {id} of {sender} was not for {device}, a device of its recipients"));
        }
        let mut check = counter.named("sent_to_every_device");
        check.examined = self.examined;
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_left_out_counts_until_it_gets_the_message_or_is_gone() {
        let (ann, bob) = (DeviceName::new("15550001", 1), DeviceName::new("15550002", 3));
        let mut addressing = Addressing::default();
        addressing.addressed(&ann, "A", &[]);
        addressing.addressed(&ann, "B", std::slice::from_ref(&bob));
        addressing.addressed(&ann, "C", std::slice::from_ref(&bob));
        assert_eq!((addressing.check().examined, addressing.check().violations), (3, 2));
        addressing.reached(&DeliveryRef { sender: &ann, chat: "15550001", id: "B", recipient: &bob });
        assert_eq!(addressing.check().violations, 1);
        addressing.gone(&bob);
        assert!(addressing.check().passed);
    }
}
