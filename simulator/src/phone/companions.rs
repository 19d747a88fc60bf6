//! Companion devices: linking them, initial sync, and the peer requests that they send to their phone.

use std::collections::{BTreeMap, HashMap};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::buffa::{Message, MessageField};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::PeerDataOperationRequestType;
use waproto::whatsapp::message::peer_data_operation_request_response_message::{
    PeerDataOperationResult, peer_data_operation_result::PlaceholderMessageResendResponse,
};

use super::media_retry::Retry;
use super::outbox::{Draft, Marks, Recipient};
use super::stanza::Iq;
use super::{Action, Phone, Query};
use crate::phone::app_state::AppState;
use crate::phone::content::{Attachment, Content, PeerRequest, encode, with_secret};
use crate::phone::file::{FileKind, seal};
use crate::phone::history::{HistoryChat, HistoryLine, HistoryPart, HistorySize, before as older, made_up, parts};
use crate::phone::linking::{Admission, Companion, LinkError, QrCode};
use crate::phone::pairing_code::{CodeOutcome, CodePairing, PairingCodeError};
use crate::phone::rng::{SeededRng, hex};

/// An encrypted file that is not uploaded yet.
pub enum WaitingFile {
    /// A message of this person.
    Message { id: String, chat: Jid, attachment: Attachment },
    /// A history chunk for a companion.
    History { device: Jid, part: HistoryPart, seal: crate::phone::file::Seal },
    /// A file that a companion could not download.
    Retry(Retry),
}

impl Phone {
    pub fn linked(&self) -> &[Companion] {
        self.companions.linked()
    }

    /// Handles a scanned code whose connection the server has found by its ref: `identity` and `noise_key` are those
    /// that the connection registered with.
    ///
    /// # Errors
    /// Each variant of [`LinkError`] that a code can cause.
    pub fn scan(
        &mut self,
        code: &QrCode,
        identity: &[u8],
        noise_key: &[u8],
        now_ms: u64,
    ) -> Result<Admission, LinkError> {
        code.check(identity, noise_key)?;
        self.admit(code.identity, &code.secret, now_ms)
    }

    /// The inputs of [`CodePairing::begin`]: this phone's public identity key, and randomness. Processing a typed code
    /// takes too long for the phone's task to wait for, so it runs beside it.
    pub fn pairing_code_inputs(&mut self) -> (Vec<u8>, SeededRng) {
        let (identity, rng) = self.signal.identity_mut();
        let name = hex(&rng.bytes::<16>());
        (identity.public_key().to_vec(), SeededRng::new(0, &name))
    }

    /// Sends `primary_hello` for a typed code, created by [`CodePairing::begin`], to the companion.
    pub fn send_pairing_code(&mut self, primary_hello: Node, now_ms: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        self.send_query(Query::Ignored, Iq::set("md", vec![primary_hello]), now_ms, &mut actions);
        actions
    }

    /// The companion responded to a typed code: see [`CodePairing::finish`].
    ///
    /// # Errors
    /// As [`CodePairing::finish`].
    pub fn finish_code(&self, pairing: &CodePairing, finish: &Node) -> Result<CodeOutcome, PairingCodeError> {
        pairing.finish(finish, self.signal.identity())
    }

    /// Signs a companion that was agreed on by code.
    ///
    /// # Errors
    /// [`LinkError::TooMany`] or [`LinkError::WrongKey`].
    pub fn admit(&mut self, identity: [u8; 32], secret: &[u8; 32], now_ms: u64) -> Result<Admission, LinkError> {
        let (own, rng) = self.signal.identity_mut();
        self.companions.admit(own, identity, secret, now_ms, rng)
    }

    /// Verifies the signed identity that the companion returned in `<pair-device-sign>`. Returns the identity that
    /// others are shown.
    ///
    /// # Errors
    /// See [`Companions::settle`](crate::phone::linking::Companions::settle).
    pub fn settle(&mut self, device: u16, admission: &Admission, returned: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.companions.settle(self.signal.identity(), device, admission, returned)
    }

    /// The content of `<key-index-list>`.
    ///
    /// # Errors
    /// As [`crate::phone::identity::Identity::generate`].
    pub fn key_index_list(&mut self, now_ms: u64) -> Result<Vec<u8>, LinkError> {
        let (own, rng) = self.signal.identity_mut();
        Ok(self.companions.key_index_list(own, now_ms, rng)?)
    }

    /// Sends a newly connected companion the app state key and the history.
    pub fn send_initial_sync(&mut self, device: u16, history: HistorySize, now_ms: u64) -> Vec<Action> {
        let to = self.person.jid().with_device(device);
        self.send_to_companion(&to, self.key_share());
        let mut actions = Vec::new();
        let mut names = self.names();
        let chats = self.history_chats(history, &names, now_ms);
        let named = chats.iter().filter(|chat| !chat.jid.ends_with("@g.us"));
        names.extend(named.filter_map(|chat| Some((chat.jid.clone(), chat.name.clone()?))));
        for part in parts(&self.person, &chats, &names, self.lid_migrated_at_ms) {
            if part.is_small() {
                self.send_to_companion(&to, part.inline_notice());
                continue;
            }
            self.store_history(&to, part, &mut actions);
        }
        self.advance(now_ms, actions)
    }

    /// Uploads a history chunk; its companion is notified when it is there.
    fn store_history(&mut self, device: &Jid, part: HistoryPart, actions: &mut Vec<Action>) {
        let key = self.signal.rng().bytes();
        match seal(FileKind::History, &part.compressed, key) {
            Ok((seal, bytes)) => {
                let waiting = WaitingFile::History { device: device.clone(), part, seal };
                actions.push(self.wait_for_file(waiting, FileKind::History, bytes));
            }
            Err(error) => tracing::warn!(%error, "a part of a history is left out"),
        }
    }

    /// Unlinks a companion at the person's request.
    ///
    /// # Errors
    /// [`LinkError::Unknown`].
    pub fn unlink(&mut self, device: u16, now_ms: u64) -> Result<Vec<Action>, LinkError> {
        self.remove_companion(device)?;
        let removed = NodeBuilder::new("remove-companion-device")
            .attr("jid", self.person.jid().with_device(device))
            .attr("reason", "user_initiated")
            .build();
        let mut actions = Vec::new();
        self.send_query(Query::Ignored, Iq::set("md", vec![removed]), now_ms, &mut actions);
        Ok(actions)
    }

    /// Removes a companion that unlinked itself, or that the server removed.
    ///
    /// # Errors
    /// [`LinkError::Unknown`].
    pub fn remove_companion(&mut self, device: u16) -> Result<(), LinkError> {
        self.companions.unlink(device)?;
        let jid = self.person.jid().with_device(device);
        self.signal.delete_session(&jid);
        Ok(())
    }

    /// The bytes of [`Action::Store`] are uploaded.
    pub fn stored(&mut self, ticket: u64, direct_path: &str, url: &str, now_ms: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        match self.waiting_files.remove(&ticket) {
            Some(WaitingFile::Message { id, chat, mut attachment }) => {
                attachment.seal.direct_path = direct_path.to_owned();
                attachment.seal.url = url.to_owned();
                if let Err(error) = self.send_as(&id, &chat, Content::File(Box::new(attachment)).into(), now_ms) {
                    actions.push(Action::Failed { id, reason: error.to_string() });
                }
            }
            Some(WaitingFile::History { device, part, mut seal }) => {
                seal.direct_path = direct_path.to_owned();
                self.send_to_companion(&device, part.stored_notice(&seal));
            }
            Some(WaitingFile::Retry(retry)) => actions.push(self.file_restored(&retry, direct_path)),
            None => {}
        }
        self.advance(now_ms, actions)
    }

    /// The upload of [`Action::Store`] failed.
    pub fn not_stored(&mut self, ticket: u64, reason: &str) -> Vec<Action> {
        match self.waiting_files.remove(&ticket) {
            Some(WaitingFile::Message { id, .. }) => vec![Action::Failed { id, reason: reason.to_owned() }],
            Some(WaitingFile::Retry(retry)) => vec![retry.not_found()],
            _ => Vec::new(),
        }
    }

    pub(super) fn wait_for_file(&mut self, waiting: WaitingFile, kind: FileKind, bytes: Vec<u8>) -> Action {
        self.last_id += 1;
        self.waiting_files.insert(self.last_id, waiting);
        Action::Store { ticket: self.last_id, kind, bytes }
    }

    /// Answers a companion's peer request with this id.
    pub(super) fn answer_companion(
        &mut self,
        device: &Jid,
        id: &str,
        request: PeerRequest,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let answer = match request {
            PeerRequest::StateKeys(ids) if ids.iter().any(|id| id == self.state.key_id()) => self.key_share(),
            PeerRequest::StateKeys(ids) => AppState::unknown_keys(&ids),
            PeerRequest::Messages(keys) => self.placeholder_answer(id, &keys, now_ms),
            PeerRequest::Older { chat, before, count } => {
                let chat = chat.parse::<Jid>().map(|chat| self.signal.book().account(&chat).to_string());
                let chats = self.history_chats(HistorySize::default(), &self.names(), now_ms);
                if let Some(chat) = chats.iter().find(|known| chat.as_ref().is_ok_and(|chat| *chat == known.jid)) {
                    self.store_history(device, older(chat, &before, count, id), actions);
                }
                return;
            }
            // ASSUMPTION: a phone that does not answer other requests is one that is slow; clients do not wait for them.
            PeerRequest::Other => return,
        };
        self.send_to_companion(device, answer);
    }

    /// The app state key, for the devices that are linked now.
    fn key_share(&self) -> wa::Message {
        self.state.key_share(self.companions.raw_id(), self.companions.last_index(), &self.companions.key_indexes())
    }

    /// Sends a peer message to one companion.
    fn send_to_companion(&mut self, device: &Jid, message: wa::Message) {
        let id = self.signal.rng().message_id();
        self.post(Draft::new(id, Recipient::Peer(device.clone(), None), message, Marks::PEER));
    }

    /// Queues a message that nobody waits for: it is dropped when the outbox is full.
    pub(super) fn post(&mut self, draft: Draft) {
        let id = draft.id.clone();
        if let Err(error) = self.outbox.push(draft) {
            tracing::warn!(%error, id, "a message to a device is left out");
        }
    }

    /// The messages that a companion could not decrypt, as far as the phone has them; `id` is that of its request.
    fn placeholder_answer(&self, id: &str, keys: &[wa::MessageKey], now_ms: u64) -> wa::Message {
        let result = |key: &wa::MessageKey| {
            let chat: Jid = key.remote_jid.as_deref()?.parse().ok()?;
            let kept = self.log.find(&self.signal.book().account(&chat).to_string(), key.id.as_deref()?)?;
            let message = encode(&kept.body, &chat, now_ms);
            let message = match kept.secret.as_deref().and_then(|secret| secret.try_into().ok()) {
                Some(secret) => with_secret(message, secret),
                None => message,
            };
            let info = wa::WebMessageInfo {
                key: MessageField::some(key.clone()),
                message: MessageField::some(message),
                message_timestamp: Some(kept.at),
                participant: key.participant.clone(),
                push_name: kept.name.clone(),
                ..Default::default()
            };
            Some(PeerDataOperationResult {
                placeholder_message_resend_response: MessageField::some(PlaceholderMessageResendResponse {
                    web_message_info_bytes: Some(info.encode_to_vec()),
                }),
                ..Default::default()
            })
        };
        let response = wa::message::PeerDataOperationRequestResponseMessage {
            peer_data_operation_request_type: Some(PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND),
            stanza_id: Some(id.to_owned()),
            peer_data_operation_result: keys.iter().filter_map(result).collect(),
        };
        wa::Message {
            protocol_message: MessageField::some(wa::message::ProtocolMessage {
                r#type: Some(wa::message::protocol_message::Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
                peer_data_operation_request_response_message: MessageField::some(response),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// The phone's chats in their current state, plus made-up ones.
    pub(super) fn history_chats(
        &self,
        size: HistorySize,
        names: &BTreeMap<String, String>,
        now_ms: u64,
    ) -> Vec<HistoryChat> {
        let mut chats: Vec<HistoryChat> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for kept in self.log.iter().filter(|kept| !kept.deleted && !kept.body.content.is_about_another()) {
            let place = *places.entry(&kept.chat).or_insert(chats.len());
            if place == chats.len() {
                chats.push(self.history_chat(&kept.chat, names));
            }
            chats[place].lines.push(HistoryLine {
                id: kept.id.clone(),
                from_me: kept.from_me,
                sender: kept.chat.ends_with("@g.us").then(|| kept.sender.clone()),
                at: kept.at,
                text: kept.edited.clone().unwrap_or_else(|| kept.body.content.summary().to_owned()),
            });
        }
        chats.extend(made_up(size, now_ms));
        chats
    }

    fn history_chat(&self, chat: &str, names: &BTreeMap<String, String>) -> HistoryChat {
        let jid = chat.parse::<Jid>().ok();
        let lid = jid.as_ref().and_then(|jid| self.signal.book().lid_of(jid));
        let subject = jid.as_ref().and_then(|jid| self.groups.subject(jid));
        HistoryChat {
            jid: chat.to_owned(),
            lid: lid.map(|lid| lid.to_string()),
            name: subject.or_else(|| names.get(chat).map(String::as_str)).map(str::to_owned),
            token: jid.as_ref().and_then(|jid| self.tokens.of(jid)).cloned(),
            token_issued_at: jid.as_ref().and_then(|jid| self.tokens.issued_at(jid)),
            lines: Vec::new(),
        }
    }

    /// Others' latest push names, by account.
    fn names(&self) -> BTreeMap<String, String> {
        let others = self.log.iter().filter(|kept| !kept.from_me);
        others.filter_map(|kept| Some((kept.sender.clone(), kept.name.clone()?))).collect()
    }
}
