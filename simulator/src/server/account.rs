//! Accounts: what the server knows of one person. `directory.rs` finds them.
//!
//! An account has a phone number and a LID, a number that says nothing about it. Both name the same account: clients
//! ask by the one and send to the other.

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

/// Which of an account's two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    Number,
    Lid,
}

impl Naming {
    /// That of two addresses which names in this way.
    pub(super) fn pick<'a>(self, number: &'a Jid, lid: &'a Jid) -> &'a Jid {
        match self {
            Self::Number => number,
            Self::Lid => lid,
        }
    }

    /// How this address names a user; nothing for groups, broadcasts and servers.
    pub fn of(jid: &Jid) -> Option<Self> {
        match jid.server {
            Server::Pn | Server::Legacy => Some(Self::Number),
            Server::Lid => Some(Self::Lid),
            _ => None,
        }
    }
}

/// What is known of one person, and his devices.
pub struct Account {
    number: Jid,
    lid: Jid,
    /// Others are told the LID only.
    hides_number: AtomicBool,
    /// Held for single looks and changes, never while something is sent.
    state: Mutex<State>,
    /// App state: taken by few, kept apart so that a long answer delays no message.
    pub(super) app_state: Mutex<Collections>,
}

struct State {
    name: String,
    /// The name of the business, if the account is that of one.
    business_name: Option<String>,
    /// The phone names chats with persons by LID.
    is_lid_migrated: bool,
    about: Option<(String, u64)>,
    devices: BTreeMap<u16, Arc<Device>>,
    next_device: u16,
    /// The identity key of the phone, which vouches for companions.
    identity: Option<[u8; 32]>,
    key_index_list: Option<(u64, Vec<u8>)>,
    privacy: BTreeMap<String, String>,
    blocked: BTreeSet<String>,
    status_privacy: StatusPrivacy,
    disappearing_seconds: u64,
    /// Numbers of accounts that asked for this one's devices, and are told when they change.
    watchers: BTreeSet<String>,
    last_seen_seconds: Option<u64>,
    /// The passkey without which no companion is linked.
    required_passkey: Option<Arc<Credential>>,
    /// Numbers of accounts that wrote to this one, or gave it a privacy token.
    correspondents: BTreeSet<String>,
}

impl State {
    /// Whether one more companion may be linked.
    fn has_room(&self) -> bool {
        // The phone is no companion.
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

    /// From now on nobody is told the number, and by it nobody is found.
    pub fn hide_number(&self) {
        self.hides_number.store(true, Ordering::Relaxed);
    }

    pub fn hides_number(&self) -> bool {
        self.hides_number.load(Ordering::Relaxed)
    }

    /// How others are told of it who would otherwise see this address.
    pub(super) fn shown_as(&self, naming: Naming) -> Naming {
        if self.hides_number() { Naming::Lid } else { naming }
    }

    /// Its address of this kind, without a device.
    pub fn jid(&self, naming: Naming) -> &Jid {
        naming.pick(&self.number, &self.lid)
    }

    /// The name that others are shown with messages.
    pub fn name(&self) -> String {
        self.state.lock().name.clone()
    }

    pub fn set_name(&self, name: &str) {
        name.clone_into(&mut self.state.lock().name);
    }

    /// The name of the business, if the account is that of one.
    pub fn business_name(&self) -> Option<String> {
        self.state.lock().business_name.clone()
    }

    pub fn set_business_name(&self, name: &str) {
        self.state.lock().business_name = Some(name.to_owned());
    }

    /// Whether the phone says to clients that it names chats with persons by LID.
    pub fn is_lid_migrated(&self) -> bool {
        self.state.lock().is_lid_migrated
    }

    pub(crate) fn migrate_to_lids(&self) {
        self.state.lock().is_lid_migrated = true;
    }

    /// The text under the name, and when it was set, in seconds since 1970.
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

    /// A number for a new companion, never used before by this account; nothing when it has as many as it may.
    pub(super) fn reserve_device(&self) -> Option<u16> {
        let mut state = self.state.lock();
        if !state.has_room() {
            return None;
        }
        let index = state.next_device;
        state.next_device = index.checked_add(1)?;
        Some(index)
    }

    /// Adds a companion; false when others have been added since its number was reserved, and it is one too many.
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

    /// The phone's identity key, once it is known.
    pub fn identity(&self) -> Option<[u8; 32]> {
        self.state.lock().identity
    }

    pub(super) fn set_identity(&self, identity: [u8; 32]) {
        self.state.lock().identity = Some(identity);
    }

    /// When the list of valid key indexes was signed (seconds since 1970), and the signed list.
    pub fn key_index_list(&self) -> Option<(u64, Vec<u8>)> {
        self.state.lock().key_index_list.clone()
    }

    pub(super) fn set_key_index_list(&self, signed_at_seconds: u64, list: Vec<u8>) {
        self.state.lock().key_index_list = Some((signed_at_seconds, list));
    }

    /// From now on companions are linked with an assertion of this passkey only; with none, without.
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

    /// Looks at who sees the person's status, or changes it.
    pub(super) fn change_status_privacy<T>(&self, change: impl FnOnce(&mut StatusPrivacy) -> T) -> T {
        change(&mut self.state.lock().status_privacy)
    }

    pub(super) fn disappearing_seconds(&self) -> u64 {
        self.state.lock().disappearing_seconds
    }

    pub(super) fn set_disappearing_seconds(&self, seconds: u64) {
        self.state.lock().disappearing_seconds = seconds;
    }

    /// Notes that `number` asked for the devices of this account. Beyond the bound nobody more is noted: he learns of
    /// a change when he asks again.
    pub(super) fn watch_devices(&self, number: &str) {
        let mut state = self.state.lock();
        if state.watchers.len() < WATCHERS_PER_ACCOUNT_MAX && !state.watchers.contains(number) {
            state.watchers.insert(number.to_owned());
        }
    }

    /// Records that the account of `number` wrote to this one, or gave it a token, up to a bound.
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

    /// Whether any device of the account says that its user is there.
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
