//! Message routing: from the sending device to all receiving devices.
//!
//! A message has a part for each device that it was encrypted for, and in a group another one for everybody. Each
//! device gets a stanza with its own part; the sender gets an ack once all stanzas are in mailboxes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::account::{Account, Naming};
use super::delivery_id::DeliveryId;
use super::device::Device;
use super::device_connection::{DeviceConnection, acknowledgement};
use super::directory::Resolved;
use super::fault_points::{self, Origin};
use super::group::{Group, mode};
use super::participant_hash;
use crate::clock;
use crate::faults::{AckDecision, DeliveryDecision, DeviceName};
use crate::limits::REQUEST_ITEMS_MAX;
use crate::server::iq::is_blocked;
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, Read as _, Server};

/// Why a message is refused, as the code of its nack.
///
/// ASSUMPTION: the codes are the service's words for such things in other places; which it uses here is not public.
mod refusal {
    pub const MALFORMED: u16 = 400;
    pub const NO_MEMBER: u16 = 403;
    pub const NOBODY: u16 = 404;
    pub const MAILBOX_FULL: u16 = 503;
}

/// A stanza for one device.
struct Delivery {
    device: Arc<Device>,
    node: Node,
    /// As the recipient sees it: a number, or a group's JID.
    conversation: Arc<str>,
}

/// Handles a message, and acks or nacks it.
pub fn receive(connection: &DeviceConnection, node: &Node) {
    let (Some(_), Some(to)) = (node.text("id").filter(|id| !id.is_empty()), node.jid("to")) else {
        return connection.acknowledge(node, Some(refusal::MALFORMED));
    };
    let network = &connection.network;
    let conversation = fault_points::conversation(network, &to);
    let decision = fault_points::sent(connection, &conversation, &to, node);
    if let AckDecision::Nack { code } = decision {
        return connection.acknowledge(node, Some(code));
    }
    // A message with a known id is delivered again, as the service does (github.com/oxidezap/whatsapp-rust/pull/1352).
    match deliveries(connection, node, &to).and_then(|deliveries| hand_out(connection, deliveries)) {
        Ok(delivery_id) => accept(connection, acknowledgement_of(connection, node, &to), delivery_id, decision),
        Err(code) => connection.acknowledge(node, Some(code)),
    }
}

/// Acks an accepted message, subject to faults.
fn accept(connection: &DeviceConnection, ack: Node, delivery_id: Vec<DeliveryId>, decision: AckDecision) {
    let answer = move |connection: &DeviceConnection| {
        delivery_id.iter().for_each(|delivery_id| connection.network.inner.checks.acked(&delivery_id.delivery_ref()));
        connection.answer(ack);
    };
    match decision {
        AckDecision::Send | AckDecision::Nack { .. } => answer(connection),
        AckDecision::SendAfter { delay_ms } => {
            let connection = connection.clone();
            connection.network.inner.tasks.clone().spawn(async move {
                fault_points::wait(delay_ms).await;
                answer(&connection);
            });
        }
        AckDecision::Drop => {}
        AckDecision::End(end) => connection.send_queue.end([fault_points::final_stanza(end)]),
    }
}

/// The ack, which tells the sender if its device list is outdated.
fn acknowledgement_of(connection: &DeviceConnection, node: &Node, to: &Jid) -> Node {
    let ack = acknowledgement(node, None);
    let hash = match connection.network.inner.groups.find(to) {
        Some(group) => {
            if node.jid("participant").is_none() {
                report_missed(connection, node, &group);
            }
            let hash = participant_hash::of_group(&group);
            node.text("phash").is_some_and(|delivery_id| delivery_id != hash).then_some(hash)
        }
        None => hash_for_person(connection, node, to),
    };
    match hash {
        Some(hash) => ack.attr("phash", hash).build(),
        None => ack.build(),
    }
}

/// The participant hash of the recipient's and the sender's devices, if the message is not for exactly those. Recipient
/// devices that it leaves out are reported to the checkers.
fn hash_for_person(connection: &DeviceConnection, node: &Node, to: &Jid) -> Option<String> {
    let resolved = connection.network.inner.directory.resolve(to)?;
    let is_own = Arc::ptr_eq(&resolved.account, &connection.account);
    let recipients = resolved.account.devices();
    let senders = if is_own { Vec::new() } else { connection.account.devices() };
    let delivery_id = named_devices(connection, node.child("participants")?);
    let is_named =
        |device: &Arc<Device>| Arc::ptr_eq(device, &connection.device) || delivery_id.contains(&Arc::as_ptr(device));
    // Nothing can be encrypted for a device without keys.
    let missed = recipients.iter().filter(|device| !is_named(device) && device.keys.lock().is_some());
    let missed: Vec<DeviceName> = missed.map(|device| device.name().clone()).collect();
    let id = node.text("id").unwrap_or_default();
    connection.network.inner.checks.addressed(connection.device.name(), &id, &missed);
    let all = || recipients.iter().chain(&senders);
    let naming = resolved.naming;
    let is_complete = all().all(is_named) && delivery_id.len() <= all().count();
    (!is_complete).then(|| participant_hash::of(all().map(|device| device.jid(naming).clone())))
}

/// The devices in `<to jid>` children.
fn named_devices(connection: &DeviceConnection, list: &Node) -> HashSet<*const Device> {
    let delivery_id = list.all().iter().filter(|to| to.tag == "to").take(REQUEST_ITEMS_MAX);
    let devices = delivery_id.filter_map(|to| {
        let resolved = connection.network.inner.directory.resolve(&to.jid("jid")?)?;
        resolved.account.device(resolved.device)
    });
    devices.map(|device| Arc::as_ptr(&device)).collect()
}

/// Stores all stanzas in their mailboxes, or none. Returns the delivery ids to report when the message is acked.
fn hand_out(connection: &DeviceConnection, deliveries: Vec<Delivery>) -> Result<Vec<DeliveryId>, u16> {
    for (reserved, delivery) in deliveries.iter().enumerate() {
        if delivery.device.mailbox.reserve().is_err() {
            deliveries.iter().take(reserved).for_each(|delivery| delivery.device.mailbox.give_back());
            return Err(refusal::MAILBOX_FULL);
        }
    }
    let checks = &connection.network.inner.checks;
    let mut handed_out = Vec::new();
    for Delivery { device, node, conversation } in deliveries {
        let origin = Origin { device: &connection.device, conversation: &conversation };
        let decision = fault_points::delivered(&connection.network.inner.faults, &device, origin, &node);
        let delivery_id = connection.network.delivery_id(&device, &node);
        // Reported first: the recipient may be faster than this task.
        if let Some(delivery_id) = &delivery_id {
            checks.accepted(&delivery_id.delivery_ref());
            checks.kept(&delivery_id.delivery_ref());
        }
        keep(&device, node, decision);
        handed_out.extend(delivery_id);
    }
    Ok(handed_out)
}

/// Stores a stanza in its reserved slot.
fn keep(device: &Device, mut node: Node, decision: DeliveryDecision) {
    match decision {
        DeliveryDecision::Deliver => {}
        // Copies have no reserved slot: they are dropped if the mailbox is full.
        DeliveryDecision::Repeat { copies } => {
            (0..copies).try_for_each(|_| device.mailbox.keep(node.clone())).ok();
        }
        DeliveryDecision::Corrupt => fault_points::corrupt(&mut node),
    }
    device.mailbox.keep_reserved(node);
}

fn deliveries(connection: &DeviceConnection, node: &Node, to: &Jid) -> Result<Vec<Delivery>, u16> {
    if to.is_group() {
        let group = connection.network.inner.groups.find(to).ok_or(refusal::NOBODY)?;
        let rank = group.rank(&connection.account).ok_or(refusal::NO_MEMBER)?;
        if (group.rules().announcement && !rank.is_admin()) || group.group_type().is_community() {
            return Err(refusal::NO_MEMBER);
        }
        return Ok(match node.jid("participant") {
            Some(participant) => to_one_member(connection, node, &group, &participant),
            None => to_group(connection, node, &group),
        });
    }
    if to.server == Server::Broadcast {
        return Ok(to_named(connection, node, to));
    }
    let resolved = connection.network.inner.directory.resolve(to).ok_or(refusal::NOBODY)?;
    match node.child("participants") {
        Some(list) => Ok(to_each(connection, node, to, &resolved, list)),
        None => to_one_device(connection, node, &resolved),
    }
}

/// A message to a person: a part for each of their devices, and one for each other device of the sender.
fn to_each(connection: &DeviceConnection, node: &Node, to: &Jid, resolved: &Resolved, list: &Node) -> Vec<Delivery> {
    let blocked = is_blocked(&resolved.account, &connection.account);
    let (own, others) = (number_of(&connection.account), number_of(&resolved.account));
    resolved.account.add_correspondent(&own);
    let each = parts(connection, list).into_iter().filter_map(|(account, device, parts)| {
        if Arc::ptr_eq(&account, &connection.account) {
            let stanza = from_sender(connection, node, resolved.naming).attr("recipient", to.to_non_ad());
            Some(delivery(device, stanza, parts, node, &others))
        } else {
            // ASSUMPTION: a blocked sender is answered as if the message was taken.
            let stanza = from_sender(connection, node, connection.account.shown_as(resolved.naming));
            (!blocked).then(|| delivery(device, stanza, parts, node, &own))
        }
    });
    each.collect()
}

/// A message for one device, without a list: a peer message to an own device, or a retry for a device that could not
/// decrypt.
fn to_one_device(connection: &DeviceConnection, node: &Node, resolved: &Resolved) -> Result<Vec<Delivery>, u16> {
    let device = resolved.account.device(resolved.device).ok_or(refusal::NOBODY)?;
    let is_own = Arc::ptr_eq(&resolved.account, &connection.account);
    let naming = if is_own { resolved.naming } else { connection.account.shown_as(resolved.naming) };
    let mut stanza = from_sender(connection, node, naming);
    if is_own {
        if let Some(recipient) = node.attrs.get("recipient") {
            stanza = stanza.attr("recipient", recipient.clone());
        }
    } else if is_blocked(&resolved.account, &connection.account) {
        return Ok(Vec::new());
    }
    Ok(vec![delivery(device, stanza, encrypted(node), node, &number_of(&connection.account))])
}

/// A message to a group: for each device its own part, if there is one, and the part for everybody.
fn to_group(connection: &DeviceConnection, node: &Node, group: &Group) -> Vec<Delivery> {
    let delivery_id = node.child("participants").map(|list| parts(connection, list)).unwrap_or_default();
    let given = delivery_id.iter().map(|(_, device, _)| device.name().clone());
    connection.network.inner.sender_keys.given(&group.jid().to_string(), connection.device.name(), given);
    let mut own: HashMap<_, _> =
        delivery_id.into_iter().map(|(_, device, parts)| (Arc::as_ptr(&device), parts)).collect();
    let for_all = encrypted(node);
    let conversation = Arc::from(group.jid().to_string());
    let mut deliveries = Vec::new();
    for member in group.members() {
        for device in member.account.devices() {
            if Arc::ptr_eq(&device, &connection.device) {
                continue;
            }
            let mut parts = own.remove(&Arc::as_ptr(&device)).unwrap_or_default();
            parts.extend(for_all.iter().cloned());
            let stanza = from_member(connection, node, group.jid(), group.naming());
            deliveries.push(delivery(device, stanza, parts, node, &conversation));
        }
    }
    deliveries
}

/// Reports devices that never received the sender key to the checkers: an outdated device list leaves them out. Called
/// once all have the message, which may make up for an earlier omission.
fn report_missed(connection: &DeviceConnection, node: &Node, group: &Group) {
    let (keys, sender) = (&connection.network.inner.sender_keys, connection.device.name());
    let devices: Vec<_> = group.members().iter().flat_map(|member| member.account.devices()).collect();
    // Nothing can be encrypted for a device without keys.
    let is_match = |device: &&Arc<Device>| !Arc::ptr_eq(device, &connection.device) && device.keys.lock().is_some();
    let meant = devices.iter().filter(is_match).map(|device| device.name());
    let missed = keys.missing(&group.jid().to_string(), sender, meant);
    connection.network.inner.checks.addressed(sender, &node.text("id").unwrap_or_default(), &missed);
}

/// A retry of a group message, for a device that could not decrypt it.
fn to_one_member(connection: &DeviceConnection, node: &Node, group: &Group, participant: &Jid) -> Vec<Delivery> {
    let Some(resolved) = connection.network.inner.directory.resolve(participant) else { return Vec::new() };
    if group.rank(&resolved.account).is_none() {
        return Vec::new();
    }
    let Some(device) = resolved.account.device(resolved.device) else { return Vec::new() };
    // The sender key is part of the message.
    let given = [device.name().clone()];
    connection.network.inner.sender_keys.given(&group.jid().to_string(), connection.device.name(), given);
    let stanza = from_member(connection, node, group.jid(), group.naming());
    vec![delivery(device, stanza, encrypted(node), node, &Arc::from(group.jid().to_string()))]
}

/// A status or broadcast: only for the devices it lists.
///
/// ASSUMPTION: the service knows by a list of its own who sees a status; here it is who is named in the message.
fn to_named(connection: &DeviceConnection, node: &Node, to: &Jid) -> Vec<Delivery> {
    let for_all = encrypted(node);
    let delivery_id = node.child("participants").map(|list| parts(connection, list)).unwrap_or_default();
    let conversation = Arc::from(to.to_string());
    let each = delivery_id.into_iter().map(|(_, device, mut parts)| {
        parts.extend(for_all.iter().cloned());
        delivery(device, from_member(connection, node, to, Naming::Number), parts, node, &conversation)
    });
    each.collect()
}

/// The existing devices in `<to jid>` children, except the sender itself, and their encrypted parts. A device that is
/// listed twice, in whichever addressing mode, gets the first.
fn parts(connection: &DeviceConnection, list: &Node) -> Vec<(Arc<Account>, Arc<Device>, Vec<Node>)> {
    let mut known = HashSet::new();
    let each = list.all().iter().filter(|to| to.tag == "to").take(REQUEST_ITEMS_MAX).filter_map(|to| {
        let resolved = connection.network.inner.directory.resolve(&to.jid("jid")?)?;
        let device = resolved.account.device(resolved.device)?;
        let is_wanted = !Arc::ptr_eq(&device, &connection.device) && known.insert(Arc::as_ptr(&device));
        is_wanted.then(|| (resolved.account, device, encrypted(to)))
    });
    each.collect()
}

fn number_of(account: &Account) -> Arc<str> {
    Arc::from(account.number().user.as_str())
}

fn encrypted(node: &Node) -> Vec<Node> {
    node.all().iter().filter(|child| child.tag == "enc").cloned().collect()
}

/// `<message from …>` for a person's devices.
fn from_sender(connection: &DeviceConnection, node: &Node, naming: Naming) -> NodeBuilder {
    let device = &connection.device;
    let stanza = common(connection, node).attr("from", device.jid(naming).clone());
    match naming {
        Naming::Number => stanza.attr("sender_lid", device.lid().clone()),
        Naming::Lid if connection.account.hides_number() => stanza,
        Naming::Lid => stanza.attr("sender_pn", device.number().clone()),
    }
}

/// `<message from participant …>` for the devices of a group's members.
fn from_member(connection: &DeviceConnection, node: &Node, chat: &Jid, naming: Naming) -> NodeBuilder {
    let device = &connection.device;
    let stanza = common(connection, node)
        .attr("from", chat.clone())
        .attr("participant", device.jid(naming).clone())
        .attr("addressing_mode", mode(naming));
    match naming {
        Naming::Number => stanza.attr("participant_lid", device.lid().clone()),
        Naming::Lid if connection.account.hides_number() => stanza,
        Naming::Lid => stanza.attr("participant_pn", device.number().clone()),
    }
}

/// The attributes of a message that are the same for every device.
fn common(connection: &DeviceConnection, node: &Node) -> NodeBuilder {
    let mut stanza =
        NodeBuilder::new("message").attr("t", clock::now_seconds()).attr("notify", connection.account.name());
    for name in ["id", "type", "category", "edit", "push_priority"] {
        if let Some(value) = node.attrs.get(name) {
            stanza = stanza.attr(name, value.clone());
        }
    }
    stanza
}

/// The stanza with its encrypted parts, and the sender's other children.
fn delivery(
    device: Arc<Device>,
    stanza: NodeBuilder,
    mut children: Vec<Node>,
    node: &Node,
    conversation: &Arc<str>,
) -> Delivery {
    let begins_session = children.iter().any(|part| part.text("type").as_deref() == Some("pkmsg"));
    let others = node.all().iter().filter(|child| match child.tag.as_ref() {
        "enc" | "participants" => false,
        // ASSUMPTION: a privacy token is for the service, which checks it: no client looks for one in what it gets.
        "tctoken" => false,
        // The recipient of a session's first message needs to know whose device it is from.
        "device-identity" => begins_session,
        _ => true,
    });
    children.extend(others.cloned());
    let node = stanza.children(children).build();
    Delivery { device, node, conversation: conversation.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAILBOX_STANZAS_MAX;
    use crate::wire::stanza::empty;

    #[test]
    fn copies_that_do_not_fit_take_no_place_from_a_message() {
        let device = Device::phone(&Jid::pn("1"), &Jid::lid("2"));
        device.mailbox.reserve().unwrap();
        (2..MAILBOX_STANZAS_MAX).for_each(|_| device.mailbox.keep(empty("receipt")).unwrap());
        keep(&device, empty("message"), DeliveryDecision::Repeat { copies: 5 });
        assert_eq!(device.waiting(), MAILBOX_STANZAS_MAX);
    }
}
