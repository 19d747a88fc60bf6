//! Accounts: what the server stores about one person. `directory.rs` finds them.
//!
//! An account has a phone number and a LID, which does not reveal the number. Both identify the same account: clients
//! query by one and send to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::app_state::Collections;
use super::assertion::Credential;
use super::device::Device;
use super::status_privacy::StatusPrivacy;
use crate::clock;
use crate::limits::{COMPANIONS_MAX, WATCHERS_PER_ACCOUNT_MAX};
use crate::wire::stanza::{Jid, Server};

/// One of an account's two addressing modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    Number,
    Lid,
}

impl Naming {
    /// Selects from two addresses the one in this addressing mode.
    pub(super) fn pick<'a>(self, number: &'a Jid, lid: &'a Jid) -> &'a Jid {
        match self {
            Self::Number => number,
            Self::Lid => lid,
        }
    }

    /// The addressing mode of this JID; `None` for groups, broadcasts and servers.
    pub fn of(jid: &Jid) -> Option<Self> {
        match jid.server {
            Server::Pn | Server::Legacy => Some(Self::Number),
            Server::Lid => Some(Self::Lid),
            _ => None,
        }
    }
}

/// A person's account and devices.
pub struct Account {
    number: Jid,
    lid: Jid,
    /// Others only learn the LID.
    hides_number: AtomicBool,
    /// Locked for single reads and changes, never while something is sent.
    state: Mutex<State>,
    /// App state: accessed by few, with a lock of its own so that a long response delays no message.
    pub(super) app_state: Mutex<Collections>,
}

struct State {
    name: String,
    /// The business name, if it is a business account.
    business_name: Option<String>,
    /// The phone addresses chats with people by LID.
    is_lid_migrated: bool,
    about: Option<(String, u64)>,
    devices: BTreeMap<u16, Arc<Device>>,
    next_device: u16,
    /// The phone's identity key, which signs companions.
    identity: Option<[u8; 32]>,
    key_index_list: Option<(u64, Vec<u8>)>,
    privacy: BTreeMap<String, String>,
    blocked: BTreeSet<String>,
    status_privacy: StatusPrivacy,
    disappearing_seconds: u64,
    /// Numbers of accounts that queried this one's devices, and are notified when they change.
    watchers: BTreeSet<String>,
    last_seen_seconds: Option<u64>,
    /// The passkey that is required to link a companion.
    required_passkey: Option<Arc<Credential>>,
    /// Numbers of accounts that wrote to this one, or issued it a privacy token.
    correspondents: BTreeSet<String>,
}

impl State {
    /// Whether another companion may be linked.
    fn has_room(&self) -> bool {
        // The phone does not count as a companion.
        self.devices.len() <= COMPANIONS_MAX
    }
}

impl Account {
    pub(super) fn new(number: Jid, lid: Jid, name: &str) -> Self {
        let state = State {
            name: name.to_owned(),
            business_name: None,
            is_lid_migrated: false,
            about: None,
            devices: BTreeMap::new(),
            next_device: 1,
            identity: None,
            key_index_list: None,
            privacy: BTreeMap::new(),
            blocked: BTreeSet::new(),
            status_privacy: StatusPrivacy::default(),
            disappearing_seconds: 0,
            watchers: BTreeSet::new(),
            last_seen_seconds: None,
            required_passkey: None,
            correspondents: BTreeSet::new(),
        };
        let phone = Device::phone(&number, &lid);
        let (hides_number, app_state) = (AtomicBool::new(false), Mutex::new(Collections::default()));
        let account = Self { number, lid, hides_number, state: Mutex::new(state), app_state };
        account.state.lock().devices.insert(0, Arc::new(phone));
        account
    }

    /// `15550001@s.whatsapp.net`
    pub fn number(&self) -> &Jid {
        &self.number
    }

    /// `90012345678901@lid`
    pub fn lid(&self) -> &Jid {
        &self.lid
    }

    /// Hides the number: others no longer learn it, nor find the account by it.
    pub fn hide_number(&self) {
        self.hides_number.store(true, Ordering::Relaxed);
    }

    pub fn hides_number(&self) -> bool {
        self.hides_number.load(Ordering::Relaxed)
    }

    /// The addressing mode in which others see it who would otherwise see this one.
    pub(super) fn shown_as(&self, naming: Naming) -> Naming {
        if self.hides_number() { Naming::Lid } else { naming }
    }

    /// Its JID in this addressing mode, without a device.
    pub fn jid(&self, naming: Naming) -> &Jid {
        naming.pick(&self.number, &self.lid)
    }

    /// The push name shown with messages.
    pub fn name(&self) -> String {
        self.state.lock().name.clone()
    }

    pub fn set_name(&self, name: &str) {
        name.clone_into(&mut self.state.lock().name);
    }

    /// The business name, if it is a business account.
    pub fn business_name(&self) -> Option<String> {
        self.state.lock().business_name.clone()
    }

    pub fn set_business_name(&self, name: &str) {
        self.state.lock().business_name = Some(name.to_owned());
    }

    /// Whether the phone announces to clients that it addresses chats with people by LID.
    pub fn is_lid_migrated(&self) -> bool {
        self.state.lock().is_lid_migrated
    }

    pub(crate) fn migrate_to_lids(&self) {
        self.state.lock().is_lid_migrated = true;
    }

    /// The about text, and when it was set, in seconds since 1970.
    pub fn about(&self) -> Option<(String, u64)> {
        self.state.lock().about.clone()
    }

    pub fn set_about(&self, text: &str) {
        self.state.lock().about = Some((text.to_owned(), clock::now_seconds()));
    }

    /// All devices, the phone (0) first.
    pub fn devices(&self) -> Vec<Arc<Device>> {
        self.state.lock().devices.values().cloned().collect()
    }

    pub fn device(&self, index: u16) -> Option<Arc<Device>> {
        self.state.lock().devices.get(&index).cloned()
    }

    /// The phone, which every account has.
    pub fn phone(&self) -> Option<Arc<Device>> {
        self.device(0)
    }

    /// Reserves an index for a new companion, never used before by this account; `None` at the maximum number of
    /// companions.
    pub(super) fn reserve_device(&self) -> Option<u16> {
        let mut state = self.state.lock();
        if !state.has_room() {
            return None;
        }
        let index = state.next_device;
        state.next_device = index.checked_add(1)?;
        Some(index)
    }

    /// Adds a companion; false if the maximum was reached since its index was reserved.
    pub(super) fn add_device(&self, device: Arc<Device>) -> bool {
        let mut state = self.state.lock();
        if !state.has_room() {
            return false;
        }
        state.devices.insert(device.index(), device);
        true
    }

    pub(super) fn remove_device(&self, index: u16) -> Option<Arc<Device>> {
        self.state.lock().devices.remove(&index)
    }

    /// The phone's identity key, once known.
    pub fn identity(&self) -> Option<[u8; 32]> {
        self.state.lock().identity
    }

    pub(super) fn set_identity(&self, identity: [u8; 32]) {
        self.state.lock().identity = Some(identity);
    }

    /// When the key-index list was signed (seconds since 1970), and the signed list.
    pub fn key_index_list(&self) -> Option<(u64, Vec<u8>)> {
        self.state.lock().key_index_list.clone()
    }

    pub(super) fn set_key_index_list(&self, signed_at_seconds: u64, list: Vec<u8>) {
        self.state.lock().key_index_list = Some((signed_at_seconds, list));
    }

    /// From now on companions can only be linked with an assertion of this passkey; with `None`, without one.
    pub fn require_passkey(&self, passkey: Option<Credential>) {
        self.state.lock().required_passkey = passkey.map(Arc::new);
    }

    pub fn required_passkey(&self) -> Option<Arc<Credential>> {
        self.state.lock().required_passkey.clone()
    }

    pub(super) fn privacy(&self) -> BTreeMap<String, String> {
        self.state.lock().privacy.clone()
    }

    pub(super) fn set_privacy(&self, category: &str, value: &str) {
        self.state.lock().privacy.insert(category.to_owned(), value.to_owned());
    }

    pub(super) fn blocked(&self) -> BTreeSet<String> {
        self.state.lock().blocked.clone()
    }

    /// Whether a LID is blocked.
    pub(super) fn has_blocked(&self, lid: &str) -> bool {
        self.state.lock().blocked.contains(lid)
    }

    /// Blocks or unblocks a LID.
    pub(super) fn change_blocked(&self, change: impl FnOnce(&mut BTreeSet<String>)) {
        change(&mut self.state.lock().blocked);
    }

    /// Reads or changes who sees the person's status.
    pub(super) fn change_status_privacy<T>(&self, change: impl FnOnce(&mut StatusPrivacy) -> T) -> T {
        change(&mut self.state.lock().status_privacy)
    }

    pub(super) fn disappearing_seconds(&self) -> u64 {
        self.state.lock().disappearing_seconds
    }

    pub(super) fn set_disappearing_seconds(&self, seconds: u64) {
        self.state.lock().disappearing_seconds = seconds;
    }

    /// Records that `number` queried this account's devices. Beyond the limit nobody is added: those accounts learn of
    /// a change with their next query.
    pub(super) fn watch_devices(&self, number: &str) {
        let mut state = self.state.lock();
        if state.watchers.len() < WATCHERS_PER_ACCOUNT_MAX && !state.watchers.contains(number) {
            state.watchers.insert(number.to_owned());
        }
    }

    /// Records that the account of `number` wrote to this one, or issued it a token, up to a limit.
    pub(super) fn add_correspondent(&self, number: &str) {
        let mut state = self.state.lock();
        if state.correspondents.len() < WATCHERS_PER_ACCOUNT_MAX && !state.correspondents.contains(number) {
            state.correspondents.insert(number.to_owned());
        }
    }

    pub(super) fn has_correspondent(&self, number: &str) -> bool {
        self.state.lock().correspondents.contains(number)
    }

    pub(super) fn watchers(&self) -> Vec<String> {
        self.state.lock().watchers.iter().cloned().collect()
    }

    /// Whether any of the account's devices is available.
    pub fn is_available(&self) -> bool {
        self.state.lock().devices.values().any(|device| device.is_available())
    }

    pub(super) fn last_seen_seconds(&self) -> Option<u64> {
        self.state.lock().last_seen_seconds
    }

    pub(super) fn record_last_seen(&self) {
        self.state.lock().last_seen_seconds = Some(clock::now_seconds());
    }
}
