//! The public keys that a device uploads, with which others establish sessions with it while it is offline.

use std::collections::{HashSet, VecDeque};

use crate::limits::PREKEYS_PER_DEVICE_MAX;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, holding};

/// A one-time prekey: a three-byte id and the public key.
pub type OneTime = ([u8; 3], [u8; 32]);

/// A signed prekey, which is also used when no one-time prekey is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPrekey {
    pub id: [u8; 3],
    pub value: [u8; 32],
    pub signature: [u8; 64],
}

impl SignedPrekey {
    /// Parses `<skey><id/><value/><signature/></skey>`.
    pub fn read(node: &Node) -> Option<Self> {
        Some(Self {
            id: node.child_bytes("id")?.try_into().ok()?,
            value: node.child_bytes("value")?.try_into().ok()?,
            signature: node.child_bytes("signature")?.try_into().ok()?,
        })
    }

    /// The inverse of `read`.
    pub fn write(&self) -> Node {
        NodeBuilder::new("skey")
            .children([holding("id", self.id), holding("value", self.value), holding("signature", self.signature)])
            .build()
    }
}

/// The uploaded keys of one device.
#[derive(Debug, Clone)]
pub struct KeyBundle {
    pub registration: [u8; 4],
    pub identity: [u8; 32],
    pub signed: SignedPrekey,
    one_time: VecDeque<OneTime>,
    /// Number of prekeys left when the device was last asked for more, if it has not uploaded any since.
    pub asked_at: Option<usize>,
}

impl KeyBundle {
    pub fn new(registration: [u8; 4], identity: [u8; 32], signed: SignedPrekey) -> Self {
        Self { registration, identity, signed, one_time: VecDeque::new(), asked_at: None }
    }

    /// Adds uploaded prekeys, replacing those with the same id. Beyond the limit the oldest are dropped.
    pub fn add(&mut self, uploaded: impl IntoIterator<Item = OneTime>) {
        let mut known: HashSet<[u8; 3]> = self.one_time.iter().map(|(id, _)| *id).collect();
        for (id, value) in uploaded {
            // Hundreds are uploaded at once, and hardly ever with a known id.
            if !known.insert(id) {
                self.one_time.iter_mut().filter(|(same, _)| *same == id).for_each(|same| same.1 = value);
                continue;
            }
            if self.one_time.len() >= PREKEYS_PER_DEVICE_MAX
                && let Some((oldest, _)) = self.one_time.pop_front()
            {
                known.remove(&oldest);
            }
            self.one_time.push_back((id, value));
        }
        self.asked_at = None;
    }

    /// Takes a one-time prekey, which is never handed out again; `None` if none is left.
    pub fn take_one_time(&mut self) -> Option<OneTime> {
        self.one_time.pop_front()
    }

    /// All of them, in the order in which they will be handed out.
    pub fn one_time(&self) -> impl Iterator<Item = &OneTime> {
        self.one_time.iter()
    }

    pub fn one_time_left(&self) -> usize {
        self.one_time.len()
    }
}

/// Parses `<key><id/><value/></key>`.
pub fn read_one_time(node: &Node) -> Option<OneTime> {
    Some((node.child_bytes("id")?.try_into().ok()?, node.child_bytes("value")?.try_into().ok()?))
}

/// The inverse of `read_one_time`.
pub fn write_one_time((id, value): &OneTime) -> Node {
    NodeBuilder::new("key").children([holding("id", *id), holding("value", *value)]).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> KeyBundle {
        KeyBundle::new([1; 4], [2; 32], SignedPrekey { id: [3; 3], value: [4; 32], signature: [5; 64] })
    }

    #[test]
    fn a_one_time_prekey_is_handed_out_once() {
        let mut keys = bundle();
        keys.add([([0, 0, 1], [1; 32]), ([0, 0, 2], [2; 32])]);
        assert_eq!(keys.take_one_time(), Some(([0, 0, 1], [1; 32])));
        assert_eq!(keys.take_one_time(), Some(([0, 0, 2], [2; 32])));
        assert_eq!(keys.take_one_time(), None);
    }

    #[test]
    fn the_same_id_uploaded_again_replaces_the_key() {
        let mut keys = bundle();
        keys.add([([0, 0, 1], [1; 32])]);
        keys.add([([0, 0, 1], [9; 32]), ([0, 0, 2], [2; 32])]);
        assert_eq!(keys.one_time_left(), 2);
        let mut twice_at_once = bundle();
        twice_at_once.add([([0, 0, 1], [1; 32]), ([0, 0, 1], [9; 32])]);
        assert_eq!(twice_at_once.one_time().collect::<Vec<_>>(), [&([0, 0, 1], [9; 32])]);
        assert_eq!(keys.take_one_time(), Some(([0, 0, 1], [9; 32])));
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        let signed = bundle().signed;
        assert_eq!(SignedPrekey::read(&signed.write()), Some(signed));
        let key = ([7; 3], [8; 32]);
        assert_eq!(read_one_time(&write_one_time(&key)), Some(key));
        assert_eq!(read_one_time(&holding("key", vec![1])), None);
    }
}
