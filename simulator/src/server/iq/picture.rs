//! `w:profile:picture`: pictures of people and groups, queried, changed and removed.

use bytes::Bytes;

use crate::server::device_connection::DeviceConnection;
use crate::server::group_notice;
use crate::server::notification::notification;
use crate::server::pictures::Picture;
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, Read as _, error, result};

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let own = connection.account.number();
    let target = node.jid("target").filter(|target| !target.user.is_empty());
    let target = target.unwrap_or_else(|| own.clone()).to_non_ad();
    let Some(owner) = owner_of(connection, &target) else { return Some(error(node, 404, "item-not-found")) };
    let pictures = &connection.network.inner.pictures;
    if node.text("type").as_deref() == Some("get") {
        let kind = node.child("picture").and_then(|asked| asked.text("type"));
        return Some(match pictures.get(&owner) {
            Some(picture) => result(node, [describe(connection, &picture, kind.as_deref().unwrap_or("image"))]),
            None => error(node, 404, "item-not-found"),
        });
    }
    if !may_change(connection, &target, &owner) {
        return Some(error(node, 403, "forbidden"));
    }
    match node.child("picture").and_then(Node::bytes) {
        Some(bytes) => {
            let path = connection.network.media().put(Bytes::copy_from_slice(bytes));
            let Some(picture) = pictures.set(&owner, path) else { return Some(error(node, 419, "resource-limit")) };
            announce(connection, &target, NodeBuilder::new("set").attr("id", picture.id));
            Some(result(node, [NodeBuilder::new("picture").attr("id", picture.id).build()]))
        }
        None => {
            pictures.remove(&owner);
            announce(connection, &target, NodeBuilder::new("delete"));
            Some(result(node, []))
        }
    }
}

/// The canonical key of a person or group, however it is addressed.
fn owner_of(connection: &DeviceConnection, target: &Jid) -> Option<String> {
    if target.is_group() {
        return connection.network.inner.groups.find(target).map(|group| group.jid().to_string());
    }
    connection.network.account(target).map(|account| account.number().to_string())
}

/// People may change their own picture, and members that of their group.
fn may_change(connection: &DeviceConnection, target: &Jid, owner: &str) -> bool {
    match connection.network.inner.groups.find(target) {
        Some(group) => {
            let rank = group.rank(&connection.account);
            rank.is_some_and(|rank| rank.is_admin() || !group.rules().locked)
        }
        None => owner == connection.account.number().to_string(),
    }
}

fn describe(connection: &DeviceConnection, picture: &Picture, kind: &str) -> Node {
    let host = connection.network.media_host().unwrap_or_default();
    NodeBuilder::new("picture")
        .attr("id", picture.id)
        .attr("type", kind)
        .attr("url", format!("https://{host}{}", picture.direct_path))
        .attr("direct_path", picture.direct_path.as_str())
        .build()
}

/// Notifies a group's members, or the person's own devices and all accounts that have queried them.
fn announce(connection: &DeviceConnection, target: &Jid, change: NodeBuilder) {
    let change = change.attr("jid", target.clone()).attr("author", connection.account.number().clone()).build();
    let notice = |from: &Jid| notification(from.clone(), "picture").children([change.clone()]).build();
    if let Some(group) = connection.network.inner.groups.find(target) {
        group_notice::leave(&group.members(), &notice(group.jid()));
        return;
    }
    let watchers = connection.account.watchers();
    let watchers = watchers.iter().filter_map(|number| connection.network.inner.directory.by_number(number));
    for account in watchers.chain([connection.account.clone()]) {
        account.devices().iter().for_each(|device| device.notify(notice(connection.account.number())));
    }
}
