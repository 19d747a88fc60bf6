//! An account's device list, as others see it: in query responses, and in notifications of changes.

use std::sync::Arc;

use super::account::Account;
use super::account::Naming;
use super::device::Device;
use super::network::Network;
use super::notification::notification;
use super::participant_hash;
use crate::clock;
use crate::wire::stanza::{Node, NodeBuilder, holding, with_attribute};

/// What happened to a device.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    Added(&'a Device),
    Removed(&'a Device),
}

/// The `<devices>` of a user in a response.
pub fn answer(account: &Account) -> Node {
    let devices = account.devices();
    let list = devices.iter().map(|device| {
        let node = NodeBuilder::new("device").attr("id", device.index());
        match device.linked() {
            Some(linked) => node.attr("key-index", linked.key_index).build(),
            None => node.build(),
        }
    });
    let mut children = vec![NodeBuilder::new("device-list").children(list).build()];
    children.extend(key_index_list(account));
    NodeBuilder::new("devices").children(children).build()
}

fn key_index_list(account: &Account) -> Option<Node> {
    let (signed_at_seconds, list) = account.key_index_list()?;
    Some(NodeBuilder::new("key-index-list").attr("ts", signed_at_seconds).bytes(list).build())
}

/// Notifies the account's own devices, and all accounts that have queried them, that a device was added or removed.
///
/// ASSUMPTION: the real service tells the account's contacts; here it is whoever asked for the devices before.
pub fn announce(network: &Network, account: &Arc<Account>, change: Change<'_>) {
    for device in account.devices() {
        let is_new = matches!(change, Change::Added(added) if added.index() == device.index());
        if !is_new {
            device.notify(own_notification(account));
        }
    }
    for number in account.watchers() {
        let Some(watcher) = network.inner.directory.by_number(&number) else { continue };
        if Arc::ptr_eq(&watcher, account) {
            continue;
        }
        for device in watcher.devices() {
            device.notify(others_notification(account, change));
        }
    }
}

fn own_notification(account: &Account) -> Node {
    let mut children: Vec<Node> = account.devices().iter().map(|device| device_node(device)).collect();
    children.extend(key_index_list(account));
    notification(account.number().clone(), "account_sync")
        .children([NodeBuilder::new("devices").attr("dhash", hash(account, Naming::Number)).children(children).build()])
        .build()
}

/// The hash with which clients verify their device list after a change.
fn hash(account: &Account, naming: Naming) -> String {
    participant_hash::of(account.devices().iter().map(|device| device.jid(naming).clone()))
}

fn others_notification(account: &Account, change: Change<'_>) -> Node {
    let list = key_index_list(account);
    let both_names = |node: Node, device: &Device| with_attribute(&node, "lid", device.lid().clone());
    let operation = match change {
        Change::Added(device) => {
            let added = both_names(device_node(device), device);
            NodeBuilder::new("add").children([Some(added), list].into_iter().flatten())
        }
        Change::Removed(device) => {
            let bare = NodeBuilder::new("device").attr("jid", device.number().clone()).build();
            let at = NodeBuilder::new("key-index-list").attr("ts", clock::now_seconds()).build();
            NodeBuilder::new("remove").children([both_names(bare, device), at])
        }
    };
    let operation = operation
        .attr("device_hash", hash(account, Naming::Number))
        .attr("device_lid_hash", hash(account, Naming::Lid));
    notification(account.number().clone(), "devices")
        .attr("lid", account.lid().clone())
        .children([operation.build()])
        .build()
}

fn device_node(device: &Device) -> Node {
    let node = NodeBuilder::new("device").attr("jid", device.number().clone());
    match device.linked() {
        Some(linked) => node.attr("key-index", linked.key_index).build(),
        None => node.build(),
    }
}

/// The `<device-identity>` of a companion; `None` for a phone, which needs none.
pub fn identity(device: &Device) -> Option<Node> {
    device.linked().map(|linked| holding("device-identity", linked.signed_identity.clone()))
}
