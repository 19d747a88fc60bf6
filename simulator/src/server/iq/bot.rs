//! `bot`: the list of bots, which is empty.

use crate::wire::stanza::{Node, NodeBuilder, Read as _, result};

pub fn answer(node: &Node) -> Option<Node> {
    node.child("bot")?;
    Some(result(node, [NodeBuilder::new("bot").attr("v", 2).build()]))
}
