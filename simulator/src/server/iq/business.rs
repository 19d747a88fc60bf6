//! `w:biz`: business profiles. There are none.

use crate::wire::stanza::{Node, NodeBuilder, Read as _, result};

pub fn answer(node: &Node) -> Option<Node> {
    node.child("business_profile")?;
    Some(result(node, [NodeBuilder::new("business_profile").build()]))
}
