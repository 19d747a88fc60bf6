//! A phone without a network: stanzas, commands and the time go in, actions come out.
//!
//! The phone is the first device of an account. This module holds its keys, Signal sessions, message contents, files, app
//! state and history, and decides which stanzas to send in reply to those it receives. It is sans-io: it never waits, reads
//! the clock or opens a connection. `crate::runtime` feeds it stanzas and the time and carries out the actions it returns.
//!
//! The public modules below are listed from the ground up; each uses only those before it. The private ones are the
//! phone itself: `stanza.rs` builds small stanzas, `incoming.rs` handles received messages, `outbox.rs` and `outgoing.rs`
//! send, `progress.rs` tracks delivery of sent messages, `retry.rs` handles undecryptable ones, `companions.rs` the linked
//! devices, `log.rs` the chat history, `groups.rs` group metadata, `tokens.rs` privacy tokens, `calls.rs` calls,
//! `newsletters.rs` newsletters.

pub mod recent;
pub mod rng;

pub mod address;
pub mod identity;
pub mod media_retry_payload;

pub mod bundle;

pub mod signal;

pub mod file;
pub mod linking;
pub mod pairing_code;
pub mod passkey;
pub mod passkey_pairing;

pub mod app_state;
pub mod content;
pub mod history;

mod app_state_sync;
mod calls;
mod commands;
mod companions;
mod groups;
mod incoming;
mod log;
mod media_retry;
mod newsletters;
mod outbox;
mod outgoing;
mod progress;
mod retry;
mod stanza;
mod tokens;

use std::collections::{BTreeMap, VecDeque};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::CurveError;

use crate::limits::{PHONE_ANSWER_MS_MAX, PHONE_CALLS_KEPT_MAX, PHONE_MESSAGES_RESENDABLE_MAX, PHONE_PREKEYS_UPLOADED};
use crate::phone::address::Profile;
use crate::phone::app_state::{AppState, Change, Collection, Patch};
use crate::phone::file::FileKind;
use crate::phone::identity::Identity;
use crate::phone::linking::Companions;
use crate::phone::recent::Recent;
use crate::phone::rng::SeededRng;
use crate::phone::signal::{RatchetStep, Signal};
use groups::Groups;
use outbox::Outbox;
use progress::Sent;
use retry::Requests;
use stanza::Iq;
use tokens::Tokens;

pub use calls::{Call, CallState};
pub use commands::{NewFile, PhoneError};
pub use companions::WaitingFile;
pub use log::{Log, LoggedMessage, Origin};
pub use progress::Progress;
pub use tokens::Token;

/// What the runtime has to do for a phone.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this stanza to the server.
    Send(Node),
    /// A message was displayed for the first time.
    Displayed(Box<LoggedMessage>),
    /// A duplicate, which was not displayed again.
    Repeated { chat: String, sender: String, id: String },
    /// A message could not be decrypted; a retry was requested unless `is_given_up`.
    Unreadable { chat: String, sender: String, id: String, reason: String, is_given_up: bool },
    /// A sent message has made progress.
    Progress { id: String, chat: String, progress: Progress },
    /// A sent message has failed.
    Failed { id: String, reason: String },
    /// Upload these bytes to the media host, then call [`Phone::stored`] with the ticket.
    Store { ticket: u64, kind: FileKind, bytes: Vec<u8> },
    /// Upload again what was at this path of the media host, then call [`Phone::stored`] or [`Phone::not_stored`].
    Restore { ticket: u64, direct_path: String },
    /// An app state change has taken effect, made by this phone or by a companion.
    Changed(Change),
    /// A ratchet advanced.
    Stepped(RatchetStep),
}

/// The purpose of an iq to the server.
enum Query {
    Group(Jid),
    Devices,
    Keys,
    /// The response is ignored.
    Ignored,
    PutKeys,
    PutState(Patch),
    GetState,
}

struct PendingQuery {
    query: Query,
    until_ms: u64,
}

/// A phone.
pub struct Phone {
    person: Profile,
    signal: Signal,
    companions: Companions,
    state: AppState,
    /// App state changes that have not taken effect yet; the first may be in flight.
    pending_changes: VecDeque<Change>,
    /// The patch of the first change if another device was faster, while the phone catches up.
    conflicting_patch: Option<Patch>,
    /// More has changed while the app state was being fetched.
    is_behind: bool,
    is_online: bool,
    /// Whether the person is unavailable, though the phone is connected.
    is_away: bool,
    /// When the phone migrated to LIDs, in milliseconds since 1970.
    lid_migrated_at_ms: Option<u64>,
    /// Whether the server has confirmed the prekey upload.
    has_uploaded: bool,
    outbox: Outbox,
    sent: Recent<String, Sent>,
    groups: Groups,
    requests: Requests,
    tokens: Tokens,
    calls: Recent<String, Call>,
    log: Log,
    pending_queries: BTreeMap<String, PendingQuery>,
    waiting_files: BTreeMap<u64, WaitingFile>,
    last_id: u64,
}

impl Phone {
    /// A new phone with new keys, all derived from `seed` and the number.
    ///
    /// # Errors
    /// As [`Identity::generate`].
    pub fn new(person: Profile, seed: u64, now_ms: u64) -> Result<Self, CurveError> {
        let mut rng = SeededRng::new(seed, &person.number);
        Ok(Self {
            companions: Companions::new(&mut rng),
            state: AppState::new(&mut rng, now_ms),
            signal: Signal::new(&person, rng)?,
            pending_changes: [Change::Name { name: person.name.clone() }].into(),
            conflicting_patch: None,
            is_behind: false,
            person,
            is_online: false,
            is_away: false,
            lid_migrated_at_ms: None,
            has_uploaded: false,
            outbox: Outbox::default(),
            sent: Recent::new(PHONE_MESSAGES_RESENDABLE_MAX),
            groups: Groups::default(),
            requests: Requests::default(),
            tokens: Tokens::default(),
            calls: Recent::new(PHONE_CALLS_KEPT_MAX),
            log: Log::default(),
            pending_queries: BTreeMap::new(),
            waiting_files: BTreeMap::new(),
            last_id: 0,
        })
    }

    pub fn person(&self) -> &Profile {
        &self.person
    }

    pub fn identity(&self) -> &Identity {
        self.signal.identity()
    }

    /// Every message displayed or sent, the oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &LoggedMessage> {
        self.log.iter()
    }

    /// Learns that two JIDs belong to one account.
    pub fn learn(&mut self, one: &Jid, other: &Jid) {
        self.signal.learn(one, other);
    }

    /// From now on the phone addresses chats with people by LID, and announces this to new companions.
    pub fn migrate_to_lids(&mut self, now_ms: u64) {
        self.lid_migrated_at_ms = Some(now_ms);
    }

    /// The phone is connected: uploads prekeys if necessary, and sends what is queued.
    pub fn come_online(&mut self, now_ms: u64) -> Vec<Action> {
        self.is_online = true;
        let mut actions = Vec::new();
        if !self.has_uploaded {
            self.upload_keys(now_ms, &mut actions);
        }
        actions.push(self.presence());
        self.advance(now_ms, actions)
    }

    /// The person becomes available or unavailable; the phone stays connected.
    pub fn set_away(&mut self, is_away: bool) -> Vec<Action> {
        self.is_away = is_away;
        if self.is_online { vec![self.presence()] } else { Vec::new() }
    }

    fn presence(&self) -> Action {
        let kind = if self.is_away { "unavailable" } else { "available" };
        let presence = NodeBuilder::new("presence").attr("type", kind).attr("name", self.person.name.as_str());
        Action::Send(presence.build())
    }

    /// The connection is closed. Pending queries are repeated later.
    pub fn go_offline(&mut self) {
        self.is_online = false;
        self.pending_queries.clear();
        self.conflicting_patch = None;
        self.outbox.is_waiting = false;
        if let Some(draft) = self.outbox.first_mut() {
            draft.reset();
        }
    }

    /// Handles a stanza.
    pub fn handle(&mut self, node: &Node, now_ms: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        match node.tag.as_ref() {
            "message" if newsletters::is_post(node) => self.handle_post(node, &mut actions),
            "message" => self.handle_message(node, now_ms, &mut actions),
            "receipt" => self.handle_receipt(node, &mut actions),
            "ack" => self.handle_ack(node, &mut actions),
            "iq" => self.handle_iq(node, now_ms, &mut actions),
            "notification" => self.handle_notification(node, now_ms, &mut actions),
            "call" => self.handle_call(node, &mut actions),
            _ => {}
        }
        self.advance(now_ms, actions)
    }

    /// Handles timeouts: gives up unanswered queries.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Action> {
        let late: Vec<String> = self
            .pending_queries
            .iter()
            .filter(|(_, pending_queries)| pending_queries.until_ms <= now_ms)
            .map(|(id, _)| id.clone())
            .collect();
        let mut actions = Vec::new();
        for id in late {
            match self.pending_queries.remove(&id).map(|pending_queries| pending_queries.query) {
                Some(Query::Group(_) | Query::Devices | Query::Keys) => {
                    self.give_up("the server did not answer", &mut actions);
                }
                Some(Query::GetState) => self.handle_app_state(None, now_ms, &mut actions),
                _ => {}
            }
        }
        self.advance(now_ms, actions)
    }

    /// Sends what can be sent, queries what is missing, and adds the ratchet steps.
    fn advance(&mut self, now_ms: u64, mut actions: Vec<Action>) -> Vec<Action> {
        if self.is_online {
            self.upload_changes(now_ms, &mut actions);
            self.process_outbox(now_ms, &mut actions);
        }
        actions.extend(self.signal.take_steps().into_iter().map(Action::Stepped));
        actions
    }

    fn handle_iq(&mut self, node: &Node, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(id) = node.attrs.get("id").map(|id| id.as_str().into_owned()) else { return };
        let kind = node.attrs.get("type").map(|kind| kind.as_str().into_owned()).unwrap_or_default();
        if kind == "get" || kind == "set" {
            let answer = NodeBuilder::new("iq").attr("type", "result").attr("id", id).attr("to", stanza::server());
            actions.push(Action::Send(answer.build()));
            return;
        }
        let Some(pending_queries) = self.pending_queries.remove(&id) else { return };
        let answer = (kind == "result").then_some(node);
        match pending_queries.query {
            Query::Ignored => {}
            Query::PutKeys => self.has_uploaded |= answer.is_some(),
            Query::PutState(patch) => self.handle_patch_result(patch, answer, now_ms, actions),
            Query::GetState => self.handle_app_state(answer, now_ms, actions),
            Query::Group(group) => self.handle_group_info(&group, answer, actions),
            Query::Devices => self.handle_devices(answer, actions),
            Query::Keys => self.handle_prekeys(answer),
        }
    }

    fn handle_notification(&mut self, node: &Node, now_ms: u64, actions: &mut Vec<Action>) {
        actions.extend(stanza::ack_of(node).map(Action::Send));
        let mut attrs = node.attrs();
        match attrs.optional_string("type").as_deref() {
            Some("encrypt") if node.get_optional_child("count").is_some() => self.upload_keys(now_ms, actions),
            Some("privacy_token") => self.handle_tokens(node),
            Some("w:gp2") => {
                let Some(group) = attrs.optional_jid("from") else { return };
                self.groups.remove(&group);
                self.groups.name(&group, groups::subject_in(node));
                if groups::somebody_left(node) {
                    self.groups.clear_key_recipients(&group);
                    self.signal.delete_own_sender_key(&group);
                }
            }
            Some("server_sync") => {
                let behind = |node: &&Node| {
                    let mut attrs = node.attrs();
                    let collection = attrs.optional_string("name").and_then(|name| Collection::read(&name));
                    let version = attrs.optional_u64("version").unwrap_or_default();
                    collection.is_some_and(|collection| self.state.version(collection) < version)
                };
                if node.get_children_by_tag("collection").any(|node| behind(&node)) {
                    self.fetch_app_state(now_ms, actions);
                }
            }
            _ => {}
        }
    }

    fn upload_keys(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let (identity, rng) = self.signal.identity_mut();
        let keys = identity.upload(PHONE_PREKEYS_UPLOADED, rng);
        self.send_query(Query::PutKeys, Iq::set("encrypt", keys), now_ms, actions);
    }

    fn send_query(&mut self, query: Query, iq: Iq, now_ms: u64, actions: &mut Vec<Action>) {
        self.last_id += 1;
        let id = format!("phone-{}", self.last_id);
        actions.push(Action::Send(iq.node(&id)));
        self.pending_queries.insert(id, PendingQuery { query, until_ms: now_ms + PHONE_ANSWER_MS_MAX });
    }
}

#[cfg(test)]
mod tests;
