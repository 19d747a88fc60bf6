//! Which devices were given the sender key of another in a group: for all others its messages are unreadable, until they
//! ask for one again.
//!
//! The server cannot see a key. It sees for which devices a message, or one that is sent again, has a part of their own.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::faults::DeviceName;
use crate::limits::SENDER_KEYS_MAX;

/// A group, and a device that writes to it.
type Writer = (String, DeviceName);

#[derive(Default)]
pub struct SenderKeys {
    given: Mutex<HashMap<Writer, HashSet<DeviceName>>>,
}

impl SenderKeys {
    /// A message of `sender` has a part for each of these devices.
    pub fn given(&self, group: &str, sender: &DeviceName, devices: impl IntoIterator<Item = DeviceName>) {
        let mut given = self.given.lock();
        let writer = (group.to_owned(), sender.clone());
        if given.len() < SENDER_KEYS_MAX || given.contains_key(&writer) {
            given.entry(writer).or_default().extend(devices);
        }
    }

    /// Those of these devices that were never given the key of `sender`. None if it is not known what was given.
    pub fn missing<'a>(
        &self,
        group: &str,
        sender: &DeviceName,
        devices: impl IntoIterator<Item = &'a DeviceName>,
    ) -> Vec<DeviceName> {
        let given = self.given.lock();
        let Some(known) = given.get(&(group.to_owned(), sender.clone())) else { return Vec::new() };
        devices.into_iter().filter(|device| !known.contains(device)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_once_and_to_each_sender_s_devices_apart() {
        let keys = SenderKeys::default();
        let [ann, bob, cyd] = ["1", "2", "3"].map(|number| DeviceName::new(number, 0));
        assert_eq!(keys.missing("1@g.us", &ann, [&bob]), []);
        keys.given("1@g.us", &ann, [bob.clone()]);
        keys.given("1@g.us", &ann, []);
        assert_eq!(keys.missing("1@g.us", &ann, [&bob, &cyd]), std::slice::from_ref(&cyd));
        keys.given("1@g.us", &bob, [cyd.clone()]);
        assert_eq!(keys.missing("1@g.us", &ann, [&cyd]), [cyd]);
    }
}
