//! `passive`: whether the client wants stanzas. At `active` everything that is kept for it follows the answer.

use crate::server::session::Session;
use crate::wire::stanza::{Node, Read as _, result};

pub fn answer(node: &Node) -> Option<Node> {
    (node.child("active").is_some() || node.child("passive").is_some()).then(|| result(node, []))
}

pub fn after(session: &Session, node: &Node) {
    if node.child("active").is_some() {
        session.activate();
    } else {
        session.deactivate();
    }
}
