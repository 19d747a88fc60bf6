//! Receipts and acks: what a device has received, and who is told.

use std::sync::Arc;

use super::account::Naming;
use super::device::Device;
use super::device_connection::DeviceConnection;
use super::directory::Resolved;
use super::fault_points::{self, Origin};
use super::group::mode;
use super::mailbox::is_stanza;
use super::{grouped_receipts, media_retry, own_copies};
use crate::checks::{Checks, DeliveryRef};
use crate::clock;
use crate::faults::ReceiptDecision;
use crate::limits::{RECEIPT_HELD_MS_MAX, REQUEST_ITEMS_MAX};
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, NodeValue, Read as _, Server};

/// The kind of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delivered,
    /// Received by a device whose user is not available.
    Inactive,
    /// Received the device-sent copy of a message from another device of the account.
    Sender,
    Read,
    /// Read, without telling the author.
    ReadSelf,
    Played,
    /// Undecryptable; a retry is requested. That alone does not remove it from the mailbox: an ack that follows does.
    /// This was observed in the real service (github.com/oxidezap/whatsapp-rust/pull/647).
    Retry,
    /// A call rings at the device: only the calling device is told.
    Ringing,
    /// A peer message between the devices of one account.
    Peer,
    /// A companion could not download a file, and asks its phone for it.
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

    /// Whether it confirms the message, which then leaves the mailbox.
    fn confirms(self) -> bool {
        matches!(self, Self::Delivered | Self::Inactive | Self::Sender | Self::Peer | Self::Read | Self::Played)
    }
}

/// Handles a receipt: removes the confirmed messages from the mailbox, notifies their authors, and acks.
pub fn receive(connection: &DeviceConnection, receipt: &Node) {
    let Some(to) = receipt.jid("to") else { return connection.acknowledge(receipt, Some(400)) };
    let kind = Kind::of(receipt);
    if kind == Kind::Other {
        connection.network.inner.unhandled_iqs.record(Some(connection.device.number()), receipt);
    }
    let mailbox = &connection.device.mailbox;
    for id in ids(receipt) {
        let is_match = |node: &Node| is_stanza(node, "message", &id) && is_answered(connection, node, receipt);
        if kind.confirms() {
            let confirmed = mailbox.confirm(is_match);
            report_delivery(connection, confirmed, |checks, delivery_ref| {
                checks.receipted(delivery_ref);
                checks.released(delivery_ref);
            });
        } else if kind == Kind::Ringing {
            mailbox.confirm(|node| is_stanza(node, "call", &id) && is_answered(connection, node, receipt));
        } else if kind == Kind::Retry {
            let mut asked_again = connection.device.asked_again.lock();
            if asked_again.len() < REQUEST_ITEMS_MAX {
                asked_again.insert(id.clone());
            }
            drop(asked_again);
            report_delivery(connection, mailbox.find(is_match), |checks, delivery_ref| {
                checks.asked_again(delivery_ref)
            });
        }
    }
    forward(connection, receipt, kind, &to);
    connection.acknowledge(receipt, None);
}

/// A client acks a receipt or notification, or refuses a message for good.
pub fn confirm(connection: &DeviceConnection, ack: &Node) {
    let (Some(class), Some(id)) = (ack.text("class"), ack.text("id")) else { return };
    let mailbox = &connection.device.mailbox;
    let is_match = |node: &Node| is_stanza(node, &class, &id) && is_answered(connection, node, ack);
    if class == "receipt" {
        let kind = ack.text("type");
        if mailbox.confirm(|node| is_match(node) && node.text("type") == kind).is_none() {
            // A client may change the type of a receipt in its ack, or send it twice.
            mailbox.confirm(is_match);
        }
    } else {
        // A message that the recipient acked with an error was refused: it is not lost.
        let is_refused = ack.text("error").is_some();
        if !is_refused && own_copies::must_be_receipted(connection, is_match, &id) {
            return;
        }
        report_delivery(connection, mailbox.confirm(is_match), |checks, delivery_ref| {
            if is_refused {
                checks.asked_again(delivery_ref);
            } else {
                checks.taken(delivery_ref);
            }
            checks.released(delivery_ref);
        });
    }
}

/// Reports the fate of a message that is or was in the mailbox to the checkers.
fn report_delivery(
    connection: &DeviceConnection,
    message: Option<Arc<Node>>,
    notify: impl FnOnce(&Checks, &DeliveryRef<'_>),
) {
    if let Some(delivery_id) = message.and_then(|message| connection.network.delivery_id(&connection.device, &message))
    {
        notify(&connection.network.inner.checks, &delivery_id.delivery_ref());
    }
}

/// The message ids in a receipt.
fn ids(receipt: &Node) -> Vec<String> {
    let listed = receipt.child("list").map(Node::all).unwrap_or_default();
    let listed = listed.iter().take(REQUEST_ITEMS_MAX).filter_map(|item| item.text("id"));
    receipt.text("id").into_iter().chain(listed).map(|id| id.into_owned()).collect()
}

/// Whether a stored stanza came from the address that a receipt or an ack goes to: ids are only unique per sender, and
/// receipts of a group's members have the id of the message. Clients omit the participant if the rest is sufficient.
fn is_answered(connection: &DeviceConnection, kept: &Node, answer: &Node) -> bool {
    let is_participant = match (kept.attrs.get("participant"), answer.attrs.get("participant")) {
        (Some(one), Some(other)) => is_same(connection, one, other),
        // A grouped receipt has no participant.
        (None, Some(_)) if grouped_receipts::is_grouped(kept) => false,
        _ => true,
    };
    match (kept.attrs.get("from"), answer.attrs.get("to")) {
        (Some(from), Some(to)) => is_participant && is_same(connection, from, to),
        _ => false,
    }
}

/// Whether two addresses identify the same account or group, regardless of the device.
fn is_same(connection: &DeviceConnection, one: &NodeValue, other: &NodeValue) -> bool {
    if one.as_str() == other.as_str() {
        return true;
    }
    let (Some(one), Some(other)) = (one.to_jid(), other.to_jid()) else { return false };
    if one.server == other.server {
        return one.user == other.user;
    }
    match (connection.network.account(&one), connection.network.account(&other)) {
        (Some(sender), Some(delivery_id)) => Arc::ptr_eq(&sender, &delivery_id),
        _ => false,
    }
}

fn forward(connection: &DeviceConnection, receipt: &Node, kind: Kind, to: &Jid) {
    match kind {
        Kind::Other => {}
        Kind::ServerError => media_retry::ask_phone(connection, receipt),
        Kind::Sender | Kind::Peer => {
            if let Some(device) = own_device(connection, to) {
                let other = receipt.jid("recipient").unwrap_or_else(|| to.clone());
                let conversation = fault_points::conversation(&connection.network, &other);
                send(connection, &device, &conversation, to_own(connection, receipt));
            }
        }
        Kind::Retry | Kind::Ringing => notify_sender(connection, receipt, to),
        Kind::ReadSelf => notify_own_devices(connection, receipt, to),
        Kind::Read | Kind::Played => {
            notify_author(connection, receipt, to);
            notify_own_devices(connection, receipt, to);
        }
        Kind::Delivered | Kind::Inactive => notify_author(connection, receipt, to),
    }
}

fn own_device(connection: &DeviceConnection, jid: &Jid) -> Option<Arc<Device>> {
    let resolved = connection.network.inner.directory.resolve(jid)?;
    Arc::ptr_eq(&resolved.account, &connection.account).then(|| resolved.account.device(resolved.device)).flatten()
}

/// The author of the message that a receipt is about: the participant in a group or broadcast, otherwise the peer.
fn author(connection: &DeviceConnection, receipt: &Node, to: &Jid) -> Option<Resolved> {
    let author = if is_person(to) { Some(to.clone()) } else { receipt.jid("participant") };
    connection.network.inner.directory.resolve(&author?)
}

fn is_person(jid: &Jid) -> bool {
    !jid.is_group() && jid.server != Server::Broadcast
}

/// Forwards it to all devices of the author.
fn notify_author(connection: &DeviceConnection, receipt: &Node, to: &Jid) {
    let Some(author) = author(connection, receipt, to) else { return };
    if Arc::ptr_eq(&author.account, &connection.account) {
        return;
    }
    let conversation = as_author_sees(connection, to);
    for device in author.account.devices() {
        let stanza = to_author(connection, receipt, to, author.naming, Naming::user);
        send(connection, &device, &conversation, stanza);
    }
}

/// Forwards it to the one device that sent a message or calls: for a retry request, or because its call rings.
fn notify_sender(connection: &DeviceConnection, receipt: &Node, to: &Jid) {
    let Some(author) = author(connection, receipt, to) else { return };
    let Some(device) = author.account.device(author.device) else { return };
    let mut stanza = to_author(connection, receipt, to, author.naming, Naming::device);
    if Arc::ptr_eq(&author.account, &connection.account)
        && let Some(recipient) = receipt.attrs.get("recipient")
    {
        stanza = stanza.attr("recipient", recipient.clone());
    }
    send(connection, &device, &as_author_sees(connection, to), stanza);
}

/// The conversation of a receipt as the author of the message sees it: with the recipient.
fn as_author_sees(connection: &DeviceConnection, to: &Jid) -> String {
    if is_person(to) { connection.account.number().user.to_string() } else { to.to_string() }
}

impl Naming {
    fn user(connection: &DeviceConnection, naming: Self) -> Jid {
        connection.account.jid(naming).clone()
    }

    fn device(connection: &DeviceConnection, naming: Self) -> Jid {
        connection.device.jid(naming).clone()
    }
}

/// The `<receipt>` for the author of a message. A delivery or read receipt names the person, a retry request the
/// device, to which whatsmeow resends the message.
fn to_author(
    connection: &DeviceConnection,
    receipt: &Node,
    to: &Jid,
    naming: Naming,
    who: fn(&DeviceConnection, Naming) -> Jid,
) -> NodeBuilder {
    let stanza = common(receipt);
    if is_person(to) {
        return stanza.attr("from", who(connection, connection.account.shown_as(naming)));
    }
    let naming = connection.network.inner.groups.find(to).map_or(naming, |group| group.naming());
    let stanza = stanza.attr("from", to.clone()).attr("participant", who(connection, naming));
    match naming {
        Naming::Number => stanza,
        Naming::Lid if connection.account.hides_number() => stanza.attr("addressing_mode", mode(naming)),
        Naming::Lid => {
            stanza.attr("participant_pn", connection.account.number().clone()).attr("addressing_mode", mode(naming))
        }
    }
}

/// Tells the account's other devices that one of them displayed a message to its user.
fn notify_own_devices(connection: &DeviceConnection, receipt: &Node, to: &Jid) {
    let own = connection.device.jid(naming_of(connection, to)).clone();
    for device in connection.account.devices() {
        if Arc::ptr_eq(&device, &connection.device) {
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
        send(connection, &device, &fault_points::conversation(&connection.network, to), stanza);
    }
}

/// The addressing mode of a chat.
fn naming_of(connection: &DeviceConnection, chat: &Jid) -> Naming {
    let group = connection.network.inner.groups.find(chat).map(|group| group.naming());
    group.or_else(|| Naming::of(chat)).unwrap_or(Naming::Number)
}

fn to_own(connection: &DeviceConnection, receipt: &Node) -> NodeBuilder {
    // Own devices are addressed in the chat's addressing mode.
    let chat = receipt.jid("recipient").or_else(|| receipt.jid("to"));
    let naming = chat.map_or(Naming::Number, |chat| naming_of(connection, &chat));
    let stanza = common(receipt).attr("from", connection.device.jid(naming).clone());
    match receipt.attrs.get("recipient") {
        Some(recipient) => stanza.attr("recipient", recipient.clone()),
        None => stanza,
    }
}

/// Id, type, time, and content: more ids, or the details of a retry request.
fn common(receipt: &Node) -> NodeBuilder {
    let mut stanza = NodeBuilder::new("receipt");
    for name in ["id", "type", "category"] {
        if let Some(value) = receipt.attrs.get(name) {
            stanza = stanza.attr(name, value.clone());
        }
    }
    stanza.attr("t", clock::now_seconds()).apply_content(receipt.content.clone())
}

/// Sends a receipt, reordered or duplicated by the faults.
fn send(connection: &DeviceConnection, device: &Arc<Device>, conversation: &str, stanza: NodeBuilder) {
    let receipt = stanza.build();
    let origin = Origin { device: &connection.device, conversation };
    let decision = fault_points::receipted(&connection.network.inner.faults, device, origin, &receipt);
    let (passing, newest) = {
        let mut held = device.reorder_buffer.lock();
        (held.pass(receipt, decision), held.newest())
    };
    passing.into_iter().for_each(|receipt| device.notify(receipt));
    if let ReceiptDecision::Hold { .. } = decision {
        let device = device.clone();
        connection.network.inner.tasks.spawn(async move {
            // It is released even if nothing overtakes it.
            fault_points::wait(RECEIPT_HELD_MS_MAX).await;
            let held = device.reorder_buffer.lock().release_until(newest);
            held.into_iter().for_each(|receipt| device.notify(receipt));
        });
    }
}

/// Sends the receipts that are held back for a device.
pub fn release_held(device: &Device) {
    let held = device.reorder_buffer.lock().release();
    held.into_iter().for_each(|receipt| device.notify(receipt));
}
