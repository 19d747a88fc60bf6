//! `newsletter`: channels. ASSUMPTION: there are none here, and asking for one finds nothing.

use crate::wire::stanza::{Node, error};

pub fn answer(node: &Node) -> Option<Node> {
    Some(error(node, 404, "item-not-found"))
}
