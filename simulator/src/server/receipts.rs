//! Receipts, and acknowledgements of stanzas: what a device has got, and what becomes of what it says about it.

use std::sync::Arc;

use super::account::Naming;
use super::device::Device;
use super::directory::Resolved;
use super::fault_points::{self, Origin};
use super::group::mode;
use super::mailbox::is_stanza;
use super::session::Session;
use super::{grouped_receipts, media_retry, own_copies};
use crate::checks::{Checks, Passage};
use crate::clock;
use crate::faults::ReceiptDecision;
use crate::limits::{RECEIPT_HELD_MS_MAX, REQUEST_ITEMS_MAX};
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, NodeValue, Read as _, Server};

/// What a receipt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delivered,
    /// A device got it whose user is not there.
    Inactive,
    /// A device got its copy of a message that another device of its account sent.
    Sender,
    Read,
    /// Read, but who wrote it is not told.
    ReadSelf,
    Played,
    /// It could not be decrypted, and is asked for again. That alone does not take it off the mailbox: an acknowledgement
    /// that follows does. It is seen of the real service (github.com/oxidezap/whatsapp-rust/pull/647).
    Retry,
    /// A call rings at the device: only the one that calls is told.
    Ringing,
    /// A message between the devices of one account.
    Peer,
    /// A companion could not load a file, and asks its phone for it.
    ServerError,
    Other,
}

impl Kind {
    fn of(receipt: &Node) -> Self {
        match receipt.text("type").as_deref() {
            None if receipt.child("offer").is_some() => Self::Ringing,
            None | Some("") | Some("delivery") => Self::Delivered,
            Some("inactive") => Self::Inactive,
            Some("sender") => Self::Sender,
            Some("read") => Self::Read,
            Some("read-self" | "played-self") => Self::ReadSelf,
            Some("played") => Self::Played,
            Some("retry" | "enc_rekey_retry") => Self::Retry,
            Some("peer_msg" | "hist_sync") => Self::Peer,
            Some("server-error") => Self::ServerError,
            Some(_) => Self::Other,
        }
    }

    /// Whether it says that the device has the message: it is not kept for it any longer.
    fn confirms(self) -> bool {
        matches!(self, Self::Delivered | Self::Inactive | Self::Sender | Self::Peer | Self::Read | Self::Played)
    }
}

/// Takes a receipt in: forgets the messages that it confirms, tells who wrote them, and acknowledges.
pub fn receive(session: &Session, receipt: &Node) {
    let Some(to) = receipt.jid("to") else { return session.acknowledge(receipt, Some(400)) };
    let kind = Kind::of(receipt);
    if kind == Kind::Other {
        session.network.inner.unknown.note(Some(session.device.number()), receipt);
    }
    let mailbox = &session.device.mailbox;
    for id in ids(receipt) {
        let is_meant = |node: &Node| is_stanza(node, "message", &id) && is_answered(session, node, receipt);
        if kind.confirms() {
            let confirmed = mailbox.confirm(is_meant);
            witness(session, confirmed, |checks, passage| {
                checks.receipted(passage);
                checks.released(passage);
            });
        } else if kind == Kind::Ringing {
            mailbox.confirm(|node| is_stanza(node, "call", &id) && is_answered(session, node, receipt));
        } else if kind == Kind::Retry {
            let mut asked_again = session.device.asked_again.lock();
            if asked_again.len() < REQUEST_ITEMS_MAX {
                asked_again.insert(id.clone());
            }
            drop(asked_again);
            witness(session, mailbox.find(is_meant), |checks, passage| checks.asked_again(passage));
        }
    }
    pass_on(session, receipt, kind, &to);
    session.acknowledge(receipt, None);
}

/// A client has got a receipt or notification, or refuses a message for good.
pub fn confirm(session: &Session, ack: &Node) {
    let (Some(class), Some(id)) = (ack.text("class"), ack.text("id")) else { return };
    let mailbox = &session.device.mailbox;
    let is_meant = |node: &Node| is_stanza(node, &class, &id) && is_answered(session, node, ack);
    if class == "receipt" {
        let kind = ack.text("type");
        if mailbox.confirm(|node| is_meant(node) && node.text("type") == kind).is_none() {
            // A client may name the type of a receipt differently from how it was sent, or twice.
            mailbox.confirm(is_meant);
        }
    } else {
        // A message that is acknowledged with an error was refused by whoever got it: it is not lost.
        let is_refused = ack.text("error").is_some();
        if !is_refused && own_copies::must_be_receipted(session, is_meant, &id) {
            return;
        }
        witness(session, mailbox.confirm(is_meant), |checks, passage| {
            if is_refused {
                checks.asked_again(passage);
            } else {
                checks.taken(passage);
            }
            checks.released(passage);
        });
    }
}

/// Tells the checkers what became of a message that is or was in the mailbox.
fn witness(session: &Session, message: Option<Arc<Node>>, tell: impl FnOnce(&Checks, &Passage<'_>)) {
    if let Some(named) = message.and_then(|message| session.network.named(&session.device, &message)) {
        tell(&session.network.inner.checks, &named.passage());
    }
}

/// The ids that a receipt is about.
fn ids(receipt: &Node) -> Vec<String> {
    let listed = receipt.child("list").map(Node::all).unwrap_or_default();
    let listed = listed.iter().take(REQUEST_ITEMS_MAX).filter_map(|item| item.text("id"));
    receipt.text("id").into_iter().chain(listed).map(|id| id.into_owned()).collect()
}

/// Whether a kept stanza came from where a receipt or an acknowledgement goes: ids are unique only for each sender, and
/// the receipts of a group's members have that of the message. A client leaves the participant out where the rest says
/// enough.
fn is_answered(session: &Session, kept: &Node, answer: &Node) -> bool {
    let is_participant = match (kept.attrs.get("participant"), answer.attrs.get("participant")) {
        (Some(one), Some(other)) => is_same(session, one, other),
        // That of several members names none of them.
        (None, Some(_)) if grouped_receipts::is_grouped(kept) => false,
        _ => true,
    };
    match (kept.attrs.get("from"), answer.attrs.get("to")) {
        (Some(from), Some(to)) => is_participant && is_same(session, from, to),
        _ => false,
    }
}

/// Whether two addresses name the same, whatever device they name.
fn is_same(session: &Session, one: &NodeValue, other: &NodeValue) -> bool {
    if one.as_str() == other.as_str() {
        return true;
    }
    let (Some(one), Some(other)) = (one.to_jid(), other.to_jid()) else { return false };
    if one.server == other.server {
        return one.user == other.user;
    }
    match (session.network.account(&one), session.network.account(&other)) {
        (Some(sender), Some(named)) => Arc::ptr_eq(&sender, &named),
        _ => false,
    }
}

fn pass_on(session: &Session, receipt: &Node, kind: Kind, to: &Jid) {
    match kind {
        Kind::Other => {}
        Kind::ServerError => media_retry::ask_phone(session, receipt),
        Kind::Sender | Kind::Peer => {
            if let Some(device) = own_device(session, to) {
                let other = receipt.jid("recipient").unwrap_or_else(|| to.clone());
                let conversation = fault_points::conversation(&session.network, &other);
                send(session, &device, &conversation, to_own(session, receipt));
            }
        }
        Kind::Retry | Kind::Ringing => tell_one(session, receipt, to),
        Kind::ReadSelf => tell_own(session, receipt, to),
        Kind::Read | Kind::Played => {
            tell_author(session, receipt, to);
            tell_own(session, receipt, to);
        }
        Kind::Delivered | Kind::Inactive => tell_author(session, receipt, to),
    }
}

fn own_device(session: &Session, jid: &Jid) -> Option<Arc<Device>> {
    let resolved = session.network.inner.directory.resolve(jid)?;
    Arc::ptr_eq(&resolved.account, &session.account).then(|| resolved.account.device(resolved.device)).flatten()
}

/// Who wrote what a receipt is about: the participant of a group or broadcast, else the other side.
fn author(session: &Session, receipt: &Node, to: &Jid) -> Option<Resolved> {
    let author = if is_person(to) { Some(to.clone()) } else { receipt.jid("participant") };
    session.network.inner.directory.resolve(&author?)
}

fn is_person(jid: &Jid) -> bool {
    !jid.is_group() && jid.server != Server::Broadcast
}

/// Tells all devices of the author.
fn tell_author(session: &Session, receipt: &Node, to: &Jid) {
    let Some(author) = author(session, receipt, to) else { return };
    if Arc::ptr_eq(&author.account, &session.account) {
        return;
    }
    let conversation = as_author_sees(session, to);
    for device in author.account.devices() {
        let stanza = to_author(session, receipt, to, author.naming, Naming::user);
        send(session, &device, &conversation, stanza);
    }
}

/// Tells the one device that sent a message or calls: it is asked for a message again, or its call rings.
fn tell_one(session: &Session, receipt: &Node, to: &Jid) {
    let Some(author) = author(session, receipt, to) else { return };
    let Some(device) = author.account.device(author.device) else { return };
    let mut stanza = to_author(session, receipt, to, author.naming, Naming::device);
    if Arc::ptr_eq(&author.account, &session.account)
        && let Some(recipient) = receipt.attrs.get("recipient")
    {
        stanza = stanza.attr("recipient", recipient.clone());
    }
    send(session, &device, &as_author_sees(session, to), stanza);
}

/// The conversation of a receipt as whoever wrote the message sees it: for him it is with who got it.
fn as_author_sees(session: &Session, to: &Jid) -> String {
    if is_person(to) { session.account.number().user.to_string() } else { to.to_string() }
}

impl Naming {
    fn user(session: &Session, naming: Self) -> Jid {
        session.account.jid(naming).clone()
    }

    fn device(session: &Session, naming: Self) -> Jid {
        session.device.jid(naming).clone()
    }
}

/// `<receipt>` as the author of a message gets it. That of a delivery or reading names the person, that of a retry the
/// device, to which whatsmeow sends the message again.
fn to_author(
    session: &Session,
    receipt: &Node,
    to: &Jid,
    naming: Naming,
    who: fn(&Session, Naming) -> Jid,
) -> NodeBuilder {
    let stanza = common(receipt);
    if is_person(to) {
        return stanza.attr("from", who(session, session.account.shown_as(naming)));
    }
    let naming = session.network.inner.groups.find(to).map_or(naming, |group| group.naming());
    let stanza = stanza.attr("from", to.clone()).attr("participant", who(session, naming));
    match naming {
        Naming::Number => stanza,
        Naming::Lid if session.account.hides_number() => stanza.attr("addressing_mode", mode(naming)),
        Naming::Lid => {
            stanza.attr("participant_pn", session.account.number().clone()).attr("addressing_mode", mode(naming))
        }
    }
}

/// Tells the other devices of the account that one of them showed a message to its user.
fn tell_own(session: &Session, receipt: &Node, to: &Jid) {
    let own = session.device.jid(naming_of(session, to)).clone();
    for device in session.account.devices() {
        if Arc::ptr_eq(&device, &session.device) {
            continue;
        }
        let stanza = common(receipt);
        let stanza = if is_person(to) {
            stanza.attr("from", own.clone()).attr("recipient", to.to_non_ad())
        } else {
            let stanza = stanza.attr("from", to.clone()).attr("participant", own.clone());
            match receipt.attrs.get("participant") {
                Some(author) => stanza.attr("recipient", author.clone()),
                None => stanza,
            }
        };
        send(session, &device, &fault_points::conversation(&session.network, to), stanza);
    }
}

/// How a chat names the people in it.
fn naming_of(session: &Session, chat: &Jid) -> Naming {
    let group = session.network.inner.groups.find(chat).map(|group| group.naming());
    group.or_else(|| Naming::of(chat)).unwrap_or(Naming::Number)
}

fn to_own(session: &Session, receipt: &Node) -> NodeBuilder {
    // One's own device is named as the chat names people.
    let chat = receipt.jid("recipient").or_else(|| receipt.jid("to"));
    let naming = chat.map_or(Naming::Number, |chat| naming_of(session, &chat));
    let stanza = common(receipt).attr("from", session.device.jid(naming).clone());
    match receipt.attrs.get("recipient") {
        Some(recipient) => stanza.attr("recipient", recipient.clone()),
        None => stanza,
    }
}

/// Id, type, time, and what it holds: more ids, or what a retry says.
fn common(receipt: &Node) -> NodeBuilder {
    let mut stanza = NodeBuilder::new("receipt");
    for name in ["id", "type", "category"] {
        if let Some(value) = receipt.attrs.get(name) {
            stanza = stanza.attr(name, value.clone());
        }
    }
    stanza.attr("t", clock::now_seconds()).apply_content(receipt.content.clone())
}

/// Sends a receipt, in the order and as often as the faults will.
fn send(session: &Session, device: &Arc<Device>, conversation: &str, stanza: NodeBuilder) {
    let receipt = stanza.build();
    let origin = Origin { device: &session.device, conversation };
    let decision = fault_points::receipted(&session.network.inner.faults, device, origin, &receipt);
    let (passing, newest) = {
        let mut held = device.held.lock();
        (held.pass(receipt, decision), held.newest())
    };
    passing.into_iter().for_each(|receipt| device.tell(receipt));
    if let ReceiptDecision::Hold { .. } = decision {
        let device = device.clone();
        session.network.inner.tasks.spawn(async move {
            // When nothing comes that could overtake it, it comes all the same.
            fault_points::wait(RECEIPT_HELD_MS_MAX).await;
            let held = device.held.lock().release_until(newest);
            held.into_iter().for_each(|receipt| device.tell(receipt));
        });
    }
}

/// Sends the receipts that are held back for a device.
pub fn release_held(device: &Device) {
    let held = device.held.lock().release();
    held.into_iter().for_each(|receipt| device.tell(receipt));
}
