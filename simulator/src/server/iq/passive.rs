//! `passive`: whether the client wants stanzas. After the response to `active`, everything in its mailbox is sent.

use crate::server::device_connection::DeviceConnection;
use crate::wire::stanza::{Node, Read as _, result};

pub fn answer(node: &Node) -> Option<Node> {
    (node.child("active").is_some() || node.child("passive").is_some()).then(|| result(node, []))
}

pub fn after(connection: &DeviceConnection, node: &Node) {
    if node.child("active").is_some() {
        connection.activate();
    } else {
        connection.deactivate();
    }
}
