//! `w:sync:app:state`: app state collections, shared by the devices of an account.

use crate::limits::PATCHES_PER_ANSWER_MAX;
use crate::server::account::Account;
use crate::server::app_state::PatchRefused;
use crate::server::device::Device;
use crate::server::device_connection::DeviceConnection;
use crate::server::notification::notification;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, holding, result};

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let collections = node.child("sync")?.all().iter().filter_map(|collection| of_one(connection, collection));
    Some(result(node, [NodeBuilder::new("sync").children(collections).build()]))
}

fn of_one(connection: &DeviceConnection, collection: &Node) -> Option<Node> {
    let name = collection.text("name")?;
    // A client without state sends no version, or 0.
    let version = collection.number("version").unwrap_or(0);
    match collection.child_bytes("patch") {
        None => Some(patches(&connection.account, &name, version)),
        Some(patch) => Some(match append(&connection.account, &name, version, patch, &connection.device) {
            Ok(version) => collection_node(&name, version).attr("type", "result").build(),
            Err(refused) => refusal(&connection.account, &name, version, refused),
        }),
    }
}

/// Appends a patch and notifies the account's other devices.
fn append(account: &Account, name: &str, base: u64, patch: &[u8], sender: &Device) -> Result<u64, PatchRefused> {
    let version = account.app_state.lock().append(name, base, patch)?;
    for device in account.devices() {
        if sender.index() == device.index() {
            continue;
        }
        let notification =
            notification(account.number().clone(), "server_sync").children([collection_node(name, version).build()]);
        device.notify(notification.build());
    }
    Ok(version)
}

/// ASSUMPTION: a client that asks for a snapshot is given all patches from the first, which comes to the same.
fn patches(account: &Account, name: &str, version: u64) -> Node {
    let (patches, newest) = {
        let collections = account.app_state.lock();
        (collections.after(name, version, PATCHES_PER_ANSWER_MAX), collections.version(name))
    };
    let reached = version + patches.len() as u64;
    let mut answer = collection_node(name, reached).attr("type", "result");
    if reached < newest {
        answer = answer.attr("has_more_patches", "true");
    }
    if patches.is_empty() {
        return answer.build();
    }
    let patches = patches.into_iter().map(|patch| holding("patch", patch));
    answer.children([NodeBuilder::new("patches").children(patches).build()]).build()
}

fn refusal(account: &Account, name: &str, version: u64, refused: PatchRefused) -> Node {
    let (code, text) = match refused {
        PatchRefused::Conflict(_) => (409, "conflict"),
        PatchRefused::Unreadable | PatchRefused::Unknown => (400, "bad-request"),
        PatchRefused::Full => (503, "service-unavailable"),
    };
    let error = NodeBuilder::new("error").attr("code", code).attr("text", text).build();
    let mut answer = patches(account, name, version);
    answer.attrs.insert("type", "error");
    let mut children = vec![error];
    children.extend(answer.all().iter().cloned());
    answer.content = Some(crate::wire::stanza::NodeContent::Nodes(children.into_iter().collect()));
    answer
}

fn collection_node(name: &str, version: u64) -> NodeBuilder {
    NodeBuilder::new("collection").attr("name", name).attr("version", version)
}
