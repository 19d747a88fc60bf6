//! A device of an account: the phone (0), or a companion. The server treats both alike: keys, and a mailbox.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::account::Naming;
use super::keys::KeyBundle;
use super::mailbox::Mailbox;
use crate::faults::{DeviceName, ReorderBuffer};
use crate::wire::stanza::{Jid, Node};

/// What a companion proved when it was linked.
#[derive(Debug, Clone)]
pub struct Companion {
    /// The Noise static key, which identifies it at each login.
    pub noise_public: [u8; 32],
    /// Protobuf `ADVSignedDeviceIdentity`, with the signatures of the account and the device.
    pub signed_identity: Vec<u8>,
    pub key_index: u32,
}

/// A device.
pub struct Device {
    number: Jid,
    lid: Jid,
    companion: Option<Companion>,
    available: AtomicBool,
    pub(super) keys: Mutex<Option<KeyBundle>>,
    pub(super) mailbox: Mailbox,
    /// Ids of messages from own devices for which this one has requested a retry. An ack then removes such a message
    /// from the mailbox.
    pub(super) asked_again: Mutex<BTreeSet<String>>,
    /// Receipts that a fault holds back until others have overtaken them.
    pub(super) reorder_buffer: Mutex<ReorderBuffer<Node>>,
    name: DeviceName,
}

impl Device {
    pub(super) fn phone(number: &Jid, lid: &Jid) -> Self {
        Self::new(number.with_device(0), lid.with_device(0), None)
    }

    pub(super) fn companion(number: &Jid, lid: &Jid, index: u16, companion: Companion) -> Self {
        Self::new(number.with_device(index), lid.with_device(index), Some(companion))
    }

    fn new(number: Jid, lid: Jid, companion: Option<Companion>) -> Self {
        let name = DeviceName::new(number.user.as_str(), number.device);
        Self {
            name,
            number,
            lid,
            companion,
            available: AtomicBool::new(false),
            keys: Mutex::new(None),
            mailbox: Mailbox::default(),
            asked_again: Mutex::new(BTreeSet::new()),
            reorder_buffer: Mutex::new(ReorderBuffer::default()),
        }
    }

    /// Its name in faults.
    pub fn name(&self) -> &DeviceName {
        &self.name
    }

    /// 0 for the phone.
    pub fn index(&self) -> u16 {
        self.number.device
    }

    /// Its JID by phone number; the phone's has no device part.
    pub fn number(&self) -> &Jid {
        &self.number
    }

    /// Its JID by LID.
    pub fn lid(&self) -> &Jid {
        &self.lid
    }

    pub fn jid(&self, naming: Naming) -> &Jid {
        naming.pick(&self.number, &self.lid)
    }

    /// What it proved when it was linked; `None` for the phone.
    pub fn linked(&self) -> Option<&Companion> {
        self.companion.as_ref()
    }

    /// Whether it is connected and has announced itself as available.
    pub fn is_available(&self) -> bool {
        self.available.load(Ordering::Relaxed)
    }

    pub(super) fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::Relaxed);
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        self.mailbox.is_attached()
    }

    /// One-time prekeys left.
    pub fn prekeys_left(&self) -> usize {
        self.keys.lock().as_ref().map_or(0, KeyBundle::one_time_left)
    }

    /// Queues a notification until it is confirmed. A device whose mailbox is full misses it.
    pub(super) fn notify(&self, notice: Node) {
        if self.mailbox.keep(notice).is_err() {
            tracing::warn!(device = %self.number, "a mailbox is full: a notice was not left");
        }
    }

    /// Number of unconfirmed stanzas.
    pub fn waiting(&self) -> usize {
        self.mailbox.waiting()
    }
}
