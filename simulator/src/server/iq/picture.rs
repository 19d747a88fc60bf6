//! `w:profile:picture`: pictures of people and groups. ASSUMPTION: nobody has one; a new one is taken and not kept.

use crate::clock;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, error, result};

pub fn answer(node: &Node) -> Option<Node> {
    if node.text("type").as_deref() == Some("get") {
        return Some(error(node, 404, "item-not-found"));
    }
    match node.child("picture") {
        Some(_) => Some(result(node, [NodeBuilder::new("picture").attr("id", clock::now_ms()).build()])),
        None => Some(result(node, [])),
    }
}
