//! `status` and `disappearing_mode`: the about text, who sees a status, and the default disappearing message timer.

use crate::server::about;
use crate::server::device_connection::DeviceConnection;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, error, result};

pub fn answer_status(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    if let Some(privacy) = node.child("privacy") {
        let is_set = node.text("type").as_deref() == Some("set");
        if is_set && !connection.account.change_status_privacy(|chosen| chosen.choose(privacy)) {
            return Some(error(node, 400, "bad-request"));
        }
        let described = connection.account.change_status_privacy(|chosen| chosen.describe());
        return Some(result(node, if is_set { None } else { Some(described) }));
    }
    let text = node.child("status")?.content_text().unwrap_or_default();
    about::change(connection, &text);
    Some(result(node, []))
}

pub fn answer_disappearing_mode(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    if node.text("type").as_deref() == Some("set") {
        let seconds = node.child("disappearing_mode")?.number("duration")?;
        connection.account.set_disappearing_seconds(seconds);
        return Some(result(node, []));
    }
    let mode = NodeBuilder::new("disappearing_mode")
        .attr("duration", connection.account.disappearing_seconds())
        .attr("t", 0)
        .build();
    Some(result(node, [mode]))
}
