//! Presence and typing. Nothing of it is stored: only connected devices receive it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::account::{Account, Naming};
use super::device::Device;
use super::device_connection::DeviceConnection;
use super::network::Network;
use crate::limits::SUBSCRIBERS_PER_ACCOUNT_MAX;
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, Read as _};

/// Presence subscriptions: the subscribed accounts, by the number of the person they subscribed to, with the addressing
/// mode they used.
#[derive(Default)]
pub struct Subscriptions {
    by_number: Mutex<HashMap<String, HashMap<String, Naming>>>,
}

impl Subscriptions {
    fn add(&self, subject: &Account, subscriber: &Account, naming: Naming) {
        let mut by_number = self.by_number.lock();
        let subscribers = by_number.entry(subject.number().user.to_string()).or_default();
        let number = subscriber.number().user.to_string();
        if subscribers.len() < SUBSCRIBERS_PER_ACCOUNT_MAX || subscribers.contains_key(&number) {
            subscribers.insert(number, naming);
        }
    }

    fn remove(&self, subject: &Account, subscriber: &Account) {
        if let Some(subscribers) = self.by_number.lock().get_mut(subject.number().user.as_str()) {
            subscribers.remove(subscriber.number().user.as_str());
        }
    }

    fn of(&self, subject: &Account) -> Vec<(String, Naming)> {
        let by_number = self.by_number.lock();
        let subscribers = by_number.get(subject.number().user.as_str());
        subscribers.into_iter().flatten().map(|(number, naming)| (number.clone(), *naming)).collect()
    }
}

/// `<presence>`: a device announces whether it is available, or subscribes to another person.
pub fn receive(connection: &DeviceConnection, node: &Node) {
    match node.text("type").as_deref() {
        None | Some("available") => {
            if let Some(name) = node.text("name").filter(|name| !name.is_empty()) {
                connection.account.set_name(&name);
            }
            // A push name alone says nothing about availability.
            if node.text("type").is_some() {
                change(&connection.network, &connection.account, &connection.device, true);
            }
        }
        Some("unavailable") => change(&connection.network, &connection.account, &connection.device, false),
        Some("subscribe") => subscribe(connection, node),
        Some("unsubscribe") => {
            if let Some(subject) = node.jid("to").and_then(|jid| connection.network.account(&jid)) {
                connection.network.inner.subscriptions.remove(&subject, &connection.account);
            }
        }
        Some(_) => connection.network.inner.unhandled_iqs.record(Some(connection.device.number()), node),
    }
}

/// A device has disconnected: it is no longer available. It may be unlinked already.
pub fn leave(network: &Network, account: &Account, device: &Device) {
    change(network, account, device, false);
}

fn change(network: &Network, account: &Account, device: &Device, available: bool) {
    let before = device.is_available() || account.is_available();
    device.set_available(available);
    let after = account.is_available();
    if before == after {
        return;
    }
    if !after {
        account.record_last_seen();
    }
    for (number, naming) in network.inner.subscriptions.of(account) {
        if let Some(subscriber) = network.inner.directory.by_number(&number) {
            for device in subscriber.devices() {
                device.mailbox.pass(presence_of(account, naming));
            }
        }
    }
}

fn subscribe(connection: &DeviceConnection, node: &Node) {
    let Some(to) = node.jid("to").filter(|jid| !jid.is_group()) else { return };
    let Some(resolved) = connection.network.inner.directory.resolve(&to) else { return };
    connection.network.inner.subscriptions.add(&resolved.account, &connection.account, resolved.naming);
    connection.answer(presence_of(&resolved.account, resolved.naming));
}

fn presence_of(account: &Account, naming: Naming) -> Node {
    let presence = NodeBuilder::new("presence").attr("from", account.jid(account.shown_as(naming)).clone());
    if account.is_available() {
        return presence.build();
    }
    let presence = presence.attr("type", "unavailable");
    match account.last_seen_seconds() {
        Some(seconds) => presence.attr("last", seconds).build(),
        None => presence.attr("last", "deny").build(),
    }
}

/// `<chatstate>`: somebody started or stopped typing.
pub fn relay_chatstate(connection: &DeviceConnection, node: &Node) {
    let Some(to) = node.jid("to") else { return };
    let relay = |from: Jid| NodeBuilder::new("chatstate").attr("from", from).apply_content(node.content.clone());
    if let Some(group) = connection.network.inner.groups.find(&to) {
        if group.rank(&connection.account).is_none() {
            return;
        }
        let stanza = relay(to).attr("participant", connection.account.jid(group.naming()).clone()).build();
        let others = group.members().into_iter().filter(|member| !Arc::ptr_eq(&member.account, &connection.account));
        for device in others.flat_map(|member| member.account.devices()) {
            device.mailbox.pass(stanza.clone());
        }
    } else if let Some(resolved) = connection.network.inner.directory.resolve(&to) {
        let stanza = relay(connection.account.jid(connection.account.shown_as(resolved.naming)).clone()).build();
        for device in resolved.account.devices() {
            device.mailbox.pass(stanza.clone());
        }
    }
}
