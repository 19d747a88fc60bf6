//! Messages waiting to be sent. Before a message can be encrypted, the phone must know the group's members, everybody's
//! devices, and the prekeys of devices without a Signal session; it queries the server for each once. One message is
//! processed at a time, so that they are sent in the order in which they were written.

use std::collections::VecDeque;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;

use super::PhoneError;
use crate::limits::PHONE_MESSAGES_WAITING_MAX;
use crate::phone::content::Content;

/// The recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Every device of another account, and the own companions.
    Account(Jid),
    /// All members of a group.
    Group(Jid),
    /// One own companion, for peer messages. With the retry count, if it requested a retry.
    Peer(Jid, Option<u8>),
    /// One device that could not decrypt a message and requested a retry.
    Again(Again),
}

impl Recipient {
    /// Whether a device requested a retry.
    pub fn is_retry(&self) -> bool {
        matches!(self, Self::Again(_) | Self::Peer(_, Some(_)))
    }
}

/// A retry request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The requesting device, as addressed in its receipt.
    pub device: Jid,
    /// The chat of the message: the other person's account or a group.
    pub chat: Jid,
    /// The device's retry count.
    pub count: u8,
}

/// Attributes of the message stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    pub stanza_type: &'static str,
    pub media_type: Option<&'static str>,
    pub edit: Option<&'static str>,
    pub poll: Option<&'static str>,
    pub is_hidden_when_unreadable: bool,
}

impl Marks {
    pub const PEER: Self =
        Self { stanza_type: "text", media_type: None, edit: None, poll: None, is_hidden_when_unreadable: false };

    pub fn of(content: &Content) -> Self {
        Self {
            stanza_type: content.stanza_type(),
            media_type: content.media_type(),
            edit: content.edit_mark(),
            poll: content.poll_mark(),
            is_hidden_when_unreadable: content.is_about_another(),
        }
    }
}

/// A message that is not sent yet, and what was queried for it.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: String,
    pub recipient: Recipient,
    pub message: wa::Message,
    pub marks: Marks,
    pub devices: Option<Vec<Jid>>,
    pub has_asked_keys: bool,
}

impl Draft {
    pub fn new(id: String, recipient: Recipient, message: wa::Message, marks: Marks) -> Self {
        Self { id, recipient, message, marks, devices: None, has_asked_keys: false }
    }

    /// Repeats all queries: their responses may never arrive.
    pub fn reset(&mut self) {
        (self.devices, self.has_asked_keys) = (None, false);
    }
}

/// The queue.
#[derive(Default)]
pub struct Outbox {
    drafts: VecDeque<Draft>,
    /// Waiting for a response for the first draft.
    pub is_waiting: bool,
}

impl Outbox {
    /// # Errors
    /// [`PhoneError::Full`].
    pub fn push(&mut self, draft: Draft) -> Result<(), PhoneError> {
        if self.drafts.len() >= PHONE_MESSAGES_WAITING_MAX {
            return Err(PhoneError::Full);
        }
        self.drafts.push_back(draft);
        Ok(())
    }

    pub fn first(&self) -> Option<&Draft> {
        self.drafts.front()
    }

    pub fn first_mut(&mut self) -> Option<&mut Draft> {
        self.drafts.front_mut()
    }

    pub fn take_first(&mut self) -> Option<Draft> {
        self.is_waiting = false;
        self.drafts.pop_front()
    }
}

/// Queries the devices of accounts: children of `<iq xmlns="usync" type="get">`.
pub fn device_query(accounts: &[Jid], id: &str) -> Node {
    let users = accounts.iter().map(|jid| NodeBuilder::new("user").attr("jid", jid).build());
    let devices = NodeBuilder::new("devices").attr("version", "2").build();
    NodeBuilder::new("usync")
        .attrs([("sid", id), ("mode", "query"), ("last", "true"), ("index", "0"), ("context", "message")])
        .children([
            NodeBuilder::new("query").children([devices]).build(),
            NodeBuilder::new("list").children(users).build(),
        ])
        .build()
}

/// The devices in a response to [`device_query`], and the phone number and LID pairs in it.
pub fn read_devices(answer: &Node) -> (Vec<Jid>, Vec<(Jid, Jid)>) {
    let (mut found, mut pairs) = (Vec::new(), Vec::new());
    let users = answer.get_optional_child_by_tag(&["usync", "list"]).and_then(Node::children).unwrap_or_default();
    for user in users {
        let Some(jid) = user.attrs().optional_jid("jid") else { continue };
        if let Some(lid) = user.get_optional_child("lid").and_then(|lid| lid.attrs().optional_jid("val")) {
            pairs.push((jid.clone(), lid));
        }
        let list = user.get_optional_child_by_tag(&["devices", "device-list"]).and_then(Node::children);
        let ids = list.unwrap_or_default().iter().filter_map(|device| device.attrs().optional_u64("id"));
        found.extend(ids.filter_map(|id| u16::try_from(id).ok()).map(|id| jid.with_device(id)));
    }
    (found, pairs)
}

/// Fetches the prekeys of devices: children of `<iq xmlns="encrypt" type="get">`.
pub fn key_query(devices: &[Jid]) -> Node {
    let users = devices.iter().map(|jid| NodeBuilder::new("user").attr("jid", jid).build());
    NodeBuilder::new("key").children(users).build()
}

/// The `<meta>` of a poll or vote (whatsmeow `send.go`).
pub fn meta(marks: &Marks) -> Option<Node> {
    Some(NodeBuilder::new("meta").attr("polltype", marks.poll?).build())
}

/// An `<enc>`.
pub fn enc(kind: &'static str, bytes: Vec<u8>, marks: &Marks, count: Option<u8>) -> Node {
    let mut enc = NodeBuilder::new("enc").attr("v", "2").attr("type", kind);
    if let Some(media_type) = marks.media_type {
        enc = enc.attr("mediatype", media_type);
    }
    if marks.is_hidden_when_unreadable {
        enc = enc.attr("decrypt-fail", "hide");
    }
    if let Some(count) = count {
        enc = enc.attr("count", count);
    }
    enc.bytes(bytes).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_outbox_accepts_nothing() {
        let mut outbox = Outbox::default();
        let draft = || {
            let recipient = Recipient::Peer(Jid::pn("1").with_device(1), None);
            Draft::new("1".to_owned(), recipient, wa::Message::default(), Marks::PEER)
        };
        for _ in 0..PHONE_MESSAGES_WAITING_MAX {
            outbox.push(draft()).unwrap();
        }
        assert_eq!(outbox.push(draft()), Err(PhoneError::Full));
    }
}
