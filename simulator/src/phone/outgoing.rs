//! Sending: queries for the first message in the outbox, and the stanza once everything is known.

use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt, Node};
use waproto::buffa::MessageField;
use waproto::codec::message_to_vec;
use waproto::whatsapp as wa;

use super::groups::{self, Addressing, Group};
use super::outbox::{Again, Draft, Marks, Recipient, device_query, enc, key_query, meta, read_devices};
use super::stanza::Iq;
use super::{Action, Phone, Query, Sent};
use crate::phone::bundle::Bundle;
use crate::phone::content::for_own_devices;
use crate::phone::signal::SignalError;

/// The next step for a message.
enum Step {
    AskGroup(Jid),
    AskDevices(Vec<Jid>),
    AskKeys(Vec<Jid>),
    Send,
}

impl Phone {
    /// Processes the outbox until it is empty or waits for a response.
    pub(super) fn process_outbox(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        while let Some(draft) = self.outbox.first()
            && !self.outbox.is_waiting
        {
            let step = self.next_step(draft);
            let (query, iq) = match step {
                Step::Send => {
                    self.send_first(now_ms, actions);
                    continue;
                }
                Step::AskGroup(group) => {
                    (Query::Group(group.clone()), Iq::get("w:g2", vec![groups::query()]).to(group))
                }
                Step::AskDevices(accounts) => {
                    let session = format!("phone-{}", self.last_id + 1);
                    (Query::Devices, Iq::get("usync", vec![device_query(&accounts, &session)]))
                }
                Step::AskKeys(devices) => (Query::Keys, Iq::get("encrypt", vec![key_query(&devices)])),
            };
            self.outbox.is_waiting = true;
            if let Some(draft) = self.outbox.first_mut() {
                draft.has_asked_keys |= matches!(query, Query::Keys);
            }
            self.send_query(query, iq, now_ms, actions);
        }
    }

    fn next_step(&self, draft: &Draft) -> Step {
        let own = self.on_wire(&self.person.jid());
        let wanted = match &draft.recipient {
            Recipient::Peer(device, _) => vec![device.clone()],
            Recipient::Again(again) => vec![again.device.clone()],
            Recipient::Account(account) => match &draft.devices {
                Some(devices) => devices.clone(),
                None if self.signal.book().is_same_account(account, &own) => return Step::AskDevices(vec![own]),
                None => return Step::AskDevices(vec![self.on_wire(account), own]),
            },
            Recipient::Group(jid) => match (self.groups.find(jid), &draft.devices) {
                (None, _) => return Step::AskGroup(jid.clone()),
                (Some(group), None) => {
                    let mut accounts = group.members.clone();
                    if !accounts.iter().any(|member| self.signal.book().is_same_account(member, &own)) {
                        accounts.push(own);
                    }
                    return Step::AskDevices(accounts);
                }
                (Some(_), Some(devices)) => self.without_key(jid, devices),
            },
        };
        let missing: Vec<Jid> = wanted.into_iter().filter(|device| !self.signal.has_session(device)).collect();
        if missing.is_empty() || draft.has_asked_keys { Step::Send } else { Step::AskKeys(missing) }
    }

    /// An account's JID in stanzas: a migrated phone uses the LID if known.
    pub(super) fn on_wire(&self, account: &Jid) -> Jid {
        let lid = self.lid_migrated_at_ms.and_then(|_| self.signal.book().lid_of(account));
        lid.unwrap_or_else(|| account.clone())
    }

    /// The devices of a group that do not have the own sender key.
    fn without_key(&self, group: &Jid, devices: &[Jid]) -> Vec<Jid> {
        if !self.signal.has_own_sender_key(group) {
            return devices.to_vec();
        }
        let has_key = |device: &&Jid| {
            let address = self.signal.book().signal_address(device);
            self.groups.has_key(group, address.as_str())
        };
        devices.iter().filter(|device| !has_key(device)).cloned().collect()
    }

    pub(super) fn handle_group_info(&mut self, group: &Jid, answer: Option<&Node>, actions: &mut Vec<Action>) {
        self.outbox.is_waiting = false;
        let Some(described) = answer.and_then(|answer| answer.get_optional_child("group")) else {
            return self.give_up("the server does not describe the group", actions);
        };
        let (described, pairs) = Group::read(described);
        for (one, other) in &pairs {
            self.signal.learn(one, other);
        }
        self.groups.learn(group, described);
    }

    pub(super) fn handle_devices(&mut self, answer: Option<&Node>, actions: &mut Vec<Action>) {
        self.outbox.is_waiting = false;
        let Some(answer) = answer else { return self.give_up("the server does not list devices", actions) };
        let (mut devices, pairs) = read_devices(answer);
        for (one, other) in pairs {
            self.signal.learn(&one, &other);
        }
        let own = self.signal.book().canonical(&self.person.jid());
        devices.retain(|device| self.signal.book().canonical(device) != own);
        if let Some(draft) = self.outbox.first_mut() {
            draft.devices = Some(devices);
        }
    }

    /// Establishes sessions with the devices whose prekeys arrived. The others are left out.
    pub(super) fn handle_prekeys(&mut self, answer: Option<&Node>) {
        self.outbox.is_waiting = false;
        let list = answer.and_then(|answer| answer.get_optional_child("list")).and_then(Node::children);
        for user in list.unwrap_or_default() {
            let (Some(device), Ok(bundle)) = (user.attrs().optional_jid("jid"), Bundle::read(user)) else { continue };
            if let Err(error) = self.signal.begin(&device, &bundle) {
                tracing::warn!(%device, %error, "a phone cannot use a device's keys");
            }
        }
    }

    /// Fails the first message.
    pub(super) fn give_up(&mut self, reason: &str, actions: &mut Vec<Action>) {
        if let Some(draft) = self.outbox.take_first() {
            fail(draft, reason, actions);
        }
    }

    fn send_first(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(draft) = self.outbox.take_first() else { return };
        let stanza = match &draft.recipient {
            Recipient::Account(account) => self.for_account(&draft, account),
            Recipient::Group(group) => self.for_group(&draft, group),
            Recipient::Peer(device, count) => self.for_companion(&draft, device, *count),
            Recipient::Again(again) => self.for_one_again(&draft, again),
        };
        let stanza = match stanza {
            Ok(stanza) => stanza,
            Err(error) => return fail(draft, &error.to_string(), actions),
        };
        actions.push(Action::Send(stanza));
        if draft.recipient.is_retry() {
            if let Some(sent) = self.sent.get_mut(&draft.id) {
                sent.resent_without_ack += 1;
            }
            return;
        }
        if let Recipient::Account(account) = &draft.recipient {
            self.issue_token(account, now_ms, actions);
        }
        self.sent.insert(draft.id, Sent::new(draft.recipient, draft.message, draft.marks));
    }

    fn for_account(&mut self, draft: &Draft, account: &Jid) -> Result<Node, SignalError> {
        let message = message_to_vec(&draft.message);
        // Most accounts have no companion, and need no device-sent copy.
        let mut copy = None;
        let to_account = self.on_wire(account);
        let own = self.person.jid();
        let is_to_self = self.signal.book().is_same_account(account, &own);
        let (mut participants, mut reached) = (Vec::new(), 0);
        for device in draft.devices.iter().flatten() {
            let is_own = self.signal.book().is_same_account(device, &own);
            if !self.signal.has_session(device) {
                continue;
            }
            let plaintext = match is_own {
                true => {
                    copy.get_or_insert_with(|| message_to_vec(&for_own_devices(draft.message.clone(), &to_account)))
                }
                false => &message,
            };
            let sealed = self.signal.encrypt(device, plaintext)?;
            reached += usize::from(!is_own || is_to_self);
            participants.push(to(device, enc(sealed.kind.name(), sealed.bytes, &draft.marks, None)));
        }
        if reached == 0 && !is_to_self {
            return Err(SignalError::NoSession(format!("any device of {account}: it may not be on WhatsApp")));
        }
        let participants = NodeBuilder::new("participants").children(participants).build();
        let token = if is_to_self { None } else { self.token_for(account) };
        Ok(head(draft, &to_account).children([participants].into_iter().chain(meta(&draft.marks)).chain(token)).build())
    }

    fn for_group(&mut self, draft: &Draft, group: &Jid) -> Result<Node, SignalError> {
        let devices = draft.devices.clone().unwrap_or_default();
        let addressing = self.groups.find(group).map_or(Addressing::Number, |known| known.addressing);
        let receivers = self.without_key(group, &devices);
        let has_key = self.signal.has_own_sender_key(group);
        if !has_key {
            self.groups.clear_key_recipients(group);
        }
        // Encrypting creates the sender key if there is none.
        let distribution = match has_key && receivers.is_empty() {
            true => Vec::new(),
            false => message_to_vec(&self.distribution(group)?),
        };
        let mut participants = Vec::new();
        for device in receivers.iter().filter(|device| !device.is_hosted()) {
            if !self.signal.has_session(device) {
                continue;
            }
            let sealed = self.signal.encrypt(device, &distribution)?;
            participants.push(to(device, enc(sealed.kind.name(), sealed.bytes, &Marks::PEER, None)));
            let address = self.signal.book().signal_address(device).to_string();
            self.groups.mark_key_sent(group, address);
        }
        let sealed = self.signal.encrypt_for_group(group, &message_to_vec(&draft.message))?;
        let mut children = Vec::new();
        if !participants.is_empty() {
            children.push(NodeBuilder::new("participants").children(participants).build());
        }
        children.push(enc(sealed.kind.name(), sealed.bytes, &draft.marks, None));
        children.extend(meta(&draft.marks));
        let own = match addressing {
            Addressing::Number => self.person.jid(),
            Addressing::Lid => self.person.lid_jid(),
        };
        let mut stanza = head(draft, group).attr("addressing_mode", addressing.name());
        if let Ok(hash) = MessageUtils::participant_list_hash(devices.iter().chain([&own])) {
            stanza = stanza.attr("phash", hash);
        }
        Ok(stanza.children(children).build())
    }

    fn for_companion(&mut self, draft: &Draft, device: &Jid, count: Option<u8>) -> Result<Node, SignalError> {
        let sealed = self.signal.encrypt(device, &message_to_vec(&draft.message))?;
        let enc = enc(sealed.kind.name(), sealed.bytes, &draft.marks, count);
        let meta = NodeBuilder::new("meta").attr("appdata", "default").build();
        let stanza = head(draft, device).attr("category", "peer").attr("push_priority", "high");
        Ok(stanza.children([meta, enc]).build())
    }

    fn for_one_again(&mut self, draft: &Draft, again: &Again) -> Result<Node, SignalError> {
        let Again { device, chat, count } = again;
        let own = self.person.jid();
        let mut stanza = head(draft, if chat.is_group() { chat } else { device });
        let mut message = draft.message.clone();
        if chat.is_group() {
            let addressing = self.groups.find(chat).map_or(Addressing::Number, |known| known.addressing);
            stanza = stanza.attr("participant", device).attr("addressing_mode", addressing.name());
            message.sender_key_distribution_message = self.distribution(chat)?.sender_key_distribution_message;
        } else if self.signal.book().is_same_account(device, &own) {
            stanza = stanza.attr("recipient", chat);
            message = for_own_devices(message, chat);
        }
        let sealed = self.signal.encrypt(device, &message_to_vec(&message))?;
        let enc = enc(sealed.kind.name(), sealed.bytes, &draft.marks, Some(*count));
        Ok(stanza.children([enc].into_iter().chain(meta(&draft.marks))).build())
    }

    /// A message that distributes the own sender key.
    fn distribution(&mut self, group: &Jid) -> Result<wa::Message, SignalError> {
        let key = self.signal.distribution(group)?;
        Ok(wa::Message {
            sender_key_distribution_message: MessageField::some(wa::message::SenderKeyDistributionMessage {
                group_id: Some(group.to_string()),
                axolotl_sender_key_distribution_message: Some(key),
            }),
            ..Default::default()
        })
    }
}

/// Failures of chat messages are reported to the person; those of retries and peer messages are only logged.
fn fail(draft: Draft, reason: &str, actions: &mut Vec<Action>) {
    match draft.recipient {
        Recipient::Account(_) | Recipient::Group(_) => {
            actions.push(Action::Failed { id: draft.id, reason: reason.to_owned() });
        }
        Recipient::Peer(device, _) | Recipient::Again(Again { device, .. }) => {
            tracing::warn!(%device, id = draft.id, reason, "a phone cannot send to a device");
        }
    }
}

fn to(device: &Jid, enc: Node) -> Node {
    NodeBuilder::new("to").attr("jid", device).children([enc]).build()
}

fn head(draft: &Draft, to: &Jid) -> NodeBuilder {
    let stanza =
        NodeBuilder::new("message").attr("id", draft.id.as_str()).attr("to", to).attr("type", draft.marks.stanza_type);
    match draft.marks.edit {
        Some(edit) => stanza.attr("edit", edit),
        None => stanza,
    }
}
