//! `w:m`: where files are put and fetched.

use crate::server::session::Session;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, empty, error, result};

/// How long a client may use the answer, in seconds.
const TTL_SECONDS: u64 = 300;

pub fn answer(session: &Session, node: &Node) -> Option<Node> {
    node.child("media_conn")?;
    let Some(address) = session.network.media_host() else {
        return Some(error(node, 503, "service-unavailable"));
    };
    let host = NodeBuilder::new("host")
        .attr("hostname", address)
        .attr("type", "primary")
        .attr("maxContentLengthBytes", crate::limits::MEDIA_BYTES_MAX)
        .children([empty("upload"), empty("download")])
        .build();
    let media_conn = NodeBuilder::new("media_conn")
        .attr("auth", session.network.inner.media.new_auth(session.device.name()))
        .attr("ttl", TTL_SECONDS)
        .attr("auth_ttl", TTL_SECONDS)
        .attr("max_buckets", 12)
        .children([host])
        .build();
    Some(result(node, [media_conn]))
}
