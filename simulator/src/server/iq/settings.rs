//! `status` and `disappearing_mode`: the text under a name, and how long new chats keep messages.

use crate::server::session::Session;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, result};

pub fn answer_status(session: &Session, node: &Node) -> Option<Node> {
    // Who sees a status: nobody has chosen anything but the default, all contacts.
    if node.text("type").as_deref() == Some("get") && node.child("privacy").is_some() {
        let list = NodeBuilder::new("list").attr("type", "contacts").attr("default", "true").build();
        return Some(result(node, [NodeBuilder::new("privacy").children([list]).build()]));
    }
    let text = node.child("status")?.content_text().unwrap_or_default();
    session.account.set_about(&text);
    Some(result(node, []))
}

pub fn answer_disappearing_mode(session: &Session, node: &Node) -> Option<Node> {
    if node.text("type").as_deref() == Some("set") {
        let seconds = node.child("disappearing_mode")?.number("duration")?;
        session.account.set_disappearing_seconds(seconds);
        return Some(result(node, []));
    }
    let mode = NodeBuilder::new("disappearing_mode")
        .attr("duration", session.account.disappearing_seconds())
        .attr("t", 0)
        .build();
    Some(result(node, [mode]))
}
