//! Notifications: what the server tells devices unasked, and expects an ack for.

use crate::clock;
use crate::wire::stanza::{NodeBuilder, NodeValue};

/// `<notification from type id t>`, for the caller to complete.
pub fn notification(from: impl Into<NodeValue>, kind: &'static str) -> NodeBuilder {
    NodeBuilder::new("notification")
        .attr("from", from)
        .attr("type", kind)
        .attr("id", u64::from_be_bytes(clock::random_bytes()).to_string())
        .attr("t", clock::now_seconds())
}
