//! `privacy` and `blocklist`: privacy settings, blocked people, and privacy tokens.

use std::sync::Arc;

use crate::clock;
use crate::limits::BLOCKED_MAX;
use crate::server::account::{Account, Naming};
use crate::server::account_sync;
use crate::server::device_connection::DeviceConnection;
use crate::server::notification::notification;
use crate::server::participant_hash;
use crate::wire::stanza::{Jid, Node, NodeBuilder, Read as _, error, result};

/// Settings until a person changes them.
const DEFAULTS: [(&str, &str); 9] = [
    ("calladd", "all"),
    ("defense", "off"),
    ("groupadd", "all"),
    ("last", "all"),
    ("messages", "all"),
    ("online", "all"),
    ("profile", "all"),
    ("readreceipts", "all"),
    ("status", "contacts"),
];

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let account = &connection.account;
    if let Some(tokens) = node.child("tokens") {
        tokens.all().iter().for_each(|token| pass_token(connection, token));
        return Some(result(node, []));
    }
    let privacy = node.child("privacy")?;
    if node.text("type").as_deref() == Some("set") {
        for category in privacy.all() {
            if let (Some(name), Some(value)) = (category.text("name"), category.text("value"))
                && DEFAULTS.iter().any(|(known, _)| *known == name)
            {
                account.set_privacy(&name, &value);
            }
        }
        account_sync::notify_others(connection, privacy.clone());
    }
    Some(result(node, [settings(account)]))
}

fn settings(account: &Account) -> Node {
    let set = account.privacy();
    let categories = DEFAULTS.iter().map(|(name, default)| {
        let value = set.get(*name).map_or(*default, String::as_str);
        NodeBuilder::new("category").attr("name", *name).attr("value", value).build()
    });
    NodeBuilder::new("privacy").children(categories).build()
}

/// A person issues a token to somebody, who shows it when writing back.
///
/// ASSUMPTION: the service makes the token, and gives it to the other person's devices. Whoever has none is refused only
/// while their account is under a reach-out lock (the fault `reach_out_locked`).
fn pass_token(connection: &DeviceConnection, token: &Node) {
    let Some(other) = token.jid("jid").and_then(|jid| connection.network.account(&jid)) else { return };
    other.add_correspondent(&connection.account.number().user);
    let naming = connection.account.shown_as(Naming::Number);
    let token = NodeBuilder::new("token")
        // whatsmeow drops a token that does not name its own account.
        .attr("jid", other.jid(naming).clone())
        .attr("type", "trusted_contact")
        .attr("t", token.number("t").unwrap_or_else(clock::now_seconds))
        .bytes(clock::random_bytes::<32>())
        .build();
    let notification = notification(connection.account.jid(naming).clone(), "privacy_token")
        .attr("sender_lid", connection.account.lid().clone())
        .children([NodeBuilder::new("tokens").children([token]).build()])
        .build();
    for device in other.devices() {
        device.notify(notification.clone());
    }
}

pub fn answer_blocklist(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    if node.text("type").as_deref() == Some("get") {
        return Some(result(node, [list(connection)]));
    }
    let item = node.child("item")?;
    let Some(other) = item.jid("jid").and_then(|jid| connection.network.account(&jid)) else {
        return Some(error(node, 404, "item-not-found"));
    };
    let lid = other.lid().to_string();
    let before = hash(&blocked(connection));
    let is_block = item.text("action").as_deref() == Some("block");
    connection.account.change_blocked(|blocked| {
        if !is_block {
            blocked.remove(&lid);
        } else if blocked.len() < BLOCKED_MAX {
            blocked.insert(lid);
        }
    });
    notify_blocklist_changed(connection, &other, if is_block { "block" } else { "unblock" }, before);
    Some(result(node, [list(connection)]))
}

/// Notifies the account's other devices, with the hash of the previous list, so that they notice if they missed a
/// change.
fn notify_blocklist_changed(connection: &DeviceConnection, other: &Account, action: &'static str, before: String) {
    let item = NodeBuilder::new("item").attr("action", action).attr("jid", other.lid().clone()).build();
    let change = NodeBuilder::new("blocklist")
        .attr("action", "modify")
        .attr("dhash", hash(&blocked(connection)))
        .attr("prev_dhash", before)
        .children([item]);
    account_sync::notify_others(connection, change.build());
}

fn blocked(connection: &DeviceConnection) -> Vec<Jid> {
    connection.account.blocked().iter().filter_map(|lid| lid.parse().ok()).collect()
}

fn hash(blocked: &[Jid]) -> String {
    participant_hash::of(blocked.iter().cloned())
}

fn list(connection: &DeviceConnection) -> Node {
    let blocked = blocked(connection);
    let hash = hash(&blocked);
    let items = blocked.into_iter().map(|lid| NodeBuilder::new("item").attr("jid", lid).build());
    NodeBuilder::new("list").attr("addressing_mode", "lid").attr("dhash", hash).children(items).build()
}

/// Whether `account` has blocked `other`.
pub fn is_blocked(account: &Arc<Account>, other: &Account) -> bool {
    account.has_blocked(&other.lid().to_string())
}
