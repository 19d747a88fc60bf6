//! Newsletter messages and what readers do with them: forwarded as they are, because nothing is encrypted.

use std::sync::Arc;

use super::device_connection::{DeviceConnection, acknowledgement};
use super::newsletters::{Newsletter, Role};
use crate::clock;
use crate::limits::REQUEST_ITEMS_MAX;
use crate::wire::stanza::{Node, NodeBuilder, Read as _};

/// Why a message is refused. The codes are those of group messages (`routing.rs`).
mod refusal {
    pub const MALFORMED: u16 = 400;
    pub const NOT_OWNER: u16 = 403;
    pub const NOBODY: u16 = 404;
}

/// `edit` of a message that replaces an earlier one.
const EDIT: &str = "3";

/// `edit` of a message that deletes an earlier one.
const DELETE: &str = "8";

/// Handles a message or a reaction in a newsletter.
pub fn receive(connection: &DeviceConnection, node: &Node) {
    let newsletter = node.jid("to").and_then(|to| connection.network.inner.newsletters.find(&to));
    let Some(newsletter) = newsletter else { return connection.acknowledge(node, Some(refusal::NOBODY)) };
    if let Some(reaction) = node.child("reaction") {
        let code = reaction.text("code").filter(|code| !code.is_empty());
        let server_id = node.number("server_id").unwrap_or_default();
        let is_there = newsletter.react(&connection.account, server_id, code.as_deref());
        return connection.acknowledge(node, (!is_there).then_some(refusal::NOBODY));
    }
    match publish(connection, node, &newsletter) {
        // whatsmeow takes the number from here.
        Ok(server_id) => connection.answer(acknowledgement(node, None).attr("server_id", server_id).build()),
        Err(code) => connection.acknowledge(node, Some(code)),
    }
}

fn publish(connection: &DeviceConnection, node: &Node, newsletter: &Newsletter) -> Result<u64, u16> {
    if newsletter.role(&connection.account) != Role::Owner {
        return Err(refusal::NOT_OWNER);
    }
    let id = node.text("id").filter(|id| !id.is_empty()).ok_or(refusal::MALFORMED)?;
    let plaintext = node.child("plaintext").ok_or(refusal::MALFORMED)?;
    let edit = node.text("edit");
    if matches!(edit.as_deref(), Some(EDIT | DELETE)) && !newsletter.has_posted(&id) {
        return Err(refusal::NOBODY);
    }
    let is_deleted = edit.as_deref() == Some(DELETE);
    let kind = node.text("type").unwrap_or_default();
    let server_id = newsletter.post(&id, &kind, (!is_deleted).then(|| plaintext.clone()));
    let mut stanza = NodeBuilder::new("message")
        .attr("from", newsletter.jid().clone())
        .attr("id", id.as_ref())
        .attr("server_id", server_id)
        .attr("t", clock::now_seconds());
    for name in ["type", "edit"] {
        if let Some(value) = node.attrs.get(name) {
            stanza = stanza.attr(name, value.clone());
        }
    }
    let stanza = stanza.children([plaintext.clone()]).build();
    for device in newsletter.readers().iter().flat_map(|reader| reader.devices()) {
        if !Arc::ptr_eq(&device, &connection.device) {
            device.notify(stanza.clone());
        }
    }
    Ok(server_id)
}

/// Handles a receipt for newsletter messages: counts them as viewed.
pub fn receipted(connection: &DeviceConnection, receipt: &Node) {
    let newsletter = receipt.jid("to").and_then(|to| connection.network.inner.newsletters.find(&to));
    if let Some(newsletter) = newsletter
        && receipt.text("type").as_deref() == Some("view")
    {
        let items = receipt.child("list").map(Node::all).unwrap_or_default();
        let seen = items.iter().take(REQUEST_ITEMS_MAX).filter_map(|item| item.number("server_id"));
        newsletter.view(&seen.collect::<Vec<_>>());
    }
    connection.acknowledge(receipt, None);
}
