//! Which devices have another device's sender key for a group: all others cannot decrypt its messages until they
//! request a retry.
//!
//! The server cannot see keys. It sees which devices a message, or a retry of it, has an individual part for.

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
    /// A message of `sender` has an individual part for each of these devices.
    pub fn given(&self, group: &str, sender: &DeviceName, devices: impl IntoIterator<Item = DeviceName>) {
        let mut given = self.given.lock();
        let writer = (group.to_owned(), sender.clone());
        if given.len() < SENDER_KEYS_MAX || given.contains_key(&writer) {
            given.entry(writer).or_default().extend(devices);
        }
    }

    /// Those of these devices that never received `sender`'s key. `None` if that is not known.
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
