//! A phone's small stanzas: acks, receipts and iqs, and the envelope of a `<message>`.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use super::log::Origin;
use crate::limits::RECEIPT_IDS_MAX;
use crate::phone::address::AddressBook;

/// The server's JID.
pub fn server() -> Jid {
    Jid::pn("")
}

/// A request to the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Iq {
    kind: &'static str,
    namespace: &'static str,
    to: Jid,
    children: Vec<Node>,
}

impl Iq {
    pub fn get(namespace: &'static str, children: Vec<Node>) -> Self {
        Self { kind: "get", namespace, to: server(), children }
    }

    pub fn set(namespace: &'static str, children: Vec<Node>) -> Self {
        Self { kind: "set", ..Self::get(namespace, children) }
    }

    /// Addressed to a group, or to the group service, instead of the server.
    pub fn to(self, to: Jid) -> Self {
        Self { to, ..self }
    }

    pub fn node(self, id: &str) -> Node {
        NodeBuilder::new("iq")
            .attr("id", id)
            .attr("type", self.kind)
            .attr("xmlns", self.namespace)
            .attr("to", self.to)
            .children(self.children)
            .build()
    }
}

/// Sender, chat and time of a message: the attributes of a `<message>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub id: String,
    pub origin: Origin,
    /// The sending device.
    pub sender: Jid,
    /// The group, or the other person's account.
    pub chat: Jid,
    /// Sent by a device of the own account.
    pub is_own: bool,
    /// A peer message between own devices, not for display.
    pub is_peer: bool,
    /// The recipient of a message from an own device.
    pub recipient: Option<Jid>,
    /// Seconds since 1970.
    pub at: u64,
    pub name: Option<String>,
    /// Addresses of one account that appear together in the stanza.
    pub pairs: Vec<(Jid, Jid)>,
}

impl Head {
    /// Parses the envelope. `None` if it lacks an id or a sender, or comes from a group or a broadcast without a
    /// participant.
    pub fn read(message: &Node, own: &Jid, book: &AddressBook) -> Option<Self> {
        let mut attrs = message.attrs();
        let id = attrs.optional_string("id").filter(|id| !id.is_empty())?.into_owned();
        let from = attrs.optional_jid("from")?;
        let participant = attrs.optional_jid("participant");
        let recipient = attrs.optional_jid("recipient");
        let is_of_many = matches!(from.server, Server::Group | Server::Broadcast);
        let sender = match &participant {
            Some(participant) => participant.clone(),
            None if is_of_many => return None,
            None => from.clone(),
        };
        let is_own = book.is_same_account(&sender, own);
        let chat = match &recipient {
            Some(recipient) if is_own && !is_of_many => recipient.to_non_ad(),
            _ => from.to_non_ad(),
        };
        let mut pairs = Vec::new();
        for (one, others) in [
            (Some(&sender), ["sender_lid", "sender_pn", "participant_lid", "participant_pn"]),
            (recipient.as_ref(), ["recipient_lid", "recipient_pn", "peer_recipient_lid", "peer_recipient_pn"]),
        ] {
            let Some(one) = one else { continue };
            pairs
                .extend(others.into_iter().filter_map(|key| attrs.optional_jid(key)).map(|other| (one.clone(), other)));
        }
        Some(Self {
            id,
            sender,
            chat,
            is_own,
            is_peer: attrs.optional_string("category").is_some_and(|category| category == "peer"),
            recipient,
            at: attrs.optional_u64("t").unwrap_or_default(),
            name: attrs.optional_string("notify").map(std::borrow::Cow::into_owned),
            pairs,
            origin: Origin { from, participant },
        })
    }

    /// The delivery receipt.
    pub fn delivered(&self) -> Node {
        let receipt = addressed(NodeBuilder::new("receipt").attr("id", self.id.as_str()), &self.origin);
        if self.is_peer {
            return receipt.attr("type", "peer_msg").build();
        }
        if !self.is_own {
            return receipt.build();
        }
        let receipt = receipt.attr("type", "sender");
        match &self.recipient {
            Some(recipient) => receipt.attr("recipient", recipient.to_non_ad()).build(),
            None => receipt.build(),
        }
    }

    /// The ack that removes it from the server's queue, with an error code if it cannot be used.
    pub fn ack(&self, error: Option<u16>) -> Node {
        let ack = NodeBuilder::new("ack").attr("class", "message").attr("id", self.id.as_str());
        let ack = addressed(ack, &self.origin);
        match error {
            Some(error) => ack.attr("error", error).build(),
            None => ack.build(),
        }
    }
}

fn addressed(stanza: NodeBuilder, origin: &Origin) -> NodeBuilder {
    let stanza = stanza.attr("to", &origin.from);
    match &origin.participant {
        Some(participant) => stanza.attr("participant", participant),
        None => stanza,
    }
}

/// The ack of a receipt, notification or call, which repeats the attributes that identify it.
pub fn ack_of(stanza: &Node) -> Option<Node> {
    let (id, from) = (stanza.attrs.get("id")?, stanza.attrs.get("from")?);
    let mut ack =
        NodeBuilder::new("ack").attr("class", stanza.tag.as_ref()).attr("id", id.clone()).attr("to", from.clone());
    for key in ["type", "participant", "recipient"] {
        if let Some(value) = stanza.attrs.get(key) {
            ack = ack.attr(key, value.clone());
        }
    }
    Some(ack.build())
}

/// Read or played receipts for several messages, in as few stanzas as the limit allows.
pub fn seen(kind: &'static str, messages: Vec<(Origin, String)>, now_ms: u64) -> Vec<Node> {
    let mut groups: Vec<(Origin, Vec<String>)> = Vec::new();
    for (origin, id) in messages {
        // In a one-to-one chat the JID has no device.
        let origin = Origin { from: origin.from.to_non_ad(), participant: origin.participant };
        match groups.iter_mut().find(|(known, ids)| *known == origin && ids.len() < RECEIPT_IDS_MAX) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((origin, vec![id])),
        }
    }
    groups
        .into_iter()
        .map(|(origin, ids)| {
            let (first, rest) = ids.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
            let receipt = NodeBuilder::new("receipt").attr("type", kind).attr("id", first).attr("t", now_ms / 1000);
            let receipt = addressed(receipt, &origin);
            if rest.is_empty() {
                return receipt.build();
            }
            let items = rest.iter().map(|id| NodeBuilder::new("item").attr("id", id).build());
            receipt.children([NodeBuilder::new("list").children(items).build()]).build()
        })
        .collect()
}

/// The ids in a receipt.
pub fn receipt_ids(receipt: &Node) -> Vec<String> {
    let first = receipt.attrs.get("id").map(|id| id.as_str().into_owned());
    let list = receipt.get_optional_child("list").and_then(Node::children).unwrap_or_default();
    let rest = list.iter().filter_map(|item| item.attrs.get("id")).map(|id| id.as_str().into_owned());
    first.into_iter().chain(rest).take(RECEIPT_IDS_MAX).collect()
}
