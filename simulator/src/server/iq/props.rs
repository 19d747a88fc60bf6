//! `abt`: experiments and switches of the service.

use crate::wire::stanza::{Node, NodeBuilder, Read as _, result};

/// A day, in seconds: clients ask again after it.
const REFRESH_SECONDS: u64 = 86_400;

/// Has clients attach privacy tokens to messages between two. Baileys takes it as on when the server says nothing (`chats.ts`);
/// whatsapp-rust attaches none without it.
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
