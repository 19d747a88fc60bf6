//! `abt`: experiments and switches of the service. This one has none.

use crate::wire::stanza::{Node, NodeBuilder, Read as _, result};

/// A day, in seconds: clients ask again after it.
const REFRESH_SECONDS: u64 = 86_400;

pub fn answer(node: &Node) -> Option<Node> {
    node.child("props")?;
    let props = NodeBuilder::new("props")
        .attr("protocol", 1)
        .attr("hash", "simulated")
        .attr("refresh", REFRESH_SECONDS)
        .attr("refresh_id", 1)
        .build();
    Some(result(node, [props]))
}
