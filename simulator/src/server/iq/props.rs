//! `abt`: the service's experiments and feature flags.

use crate::wire::stanza::{Node, NodeBuilder, Read as _, result};

/// A day, in seconds, after which clients ask again.
const REFRESH_SECONDS: u64 = 86_400;

/// Makes clients attach privacy tokens to one-to-one messages. Baileys does so by default (`chats.ts`); whatsapp-rust
/// only with this property.
const TOKENS_IN_MESSAGES: u32 = 10_518;

pub fn answer(node: &Node) -> Option<Node> {
    node.child("props")?;
    let props = NodeBuilder::new("props")
        .attr("protocol", 1)
        .attr("hash", "simulated")
        .attr("refresh", REFRESH_SECONDS)
        .attr("refresh_id", 1)
        .children([NodeBuilder::new("prop").attr("config_code", TOKENS_IN_MESSAGES).attr("config_value", "1").build()])
        .build();
    Some(result(node, [props]))
}
