//! `w:m`: the media host to use.

use crate::server::device_connection::DeviceConnection;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, empty, error, result};

/// How long a client may use the response, in seconds.
const TTL_SECONDS: u64 = 300;

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    node.child("media_conn")?;
    let Some(address) = connection.network.media_host() else {
        return Some(error(node, 503, "service-unavailable"));
    };
    let host = NodeBuilder::new("host")
        .attr("hostname", address)
        .attr("type", "primary")
        .attr("maxContentLengthBytes", crate::limits::MEDIA_BYTES_MAX)
        .children([empty("upload"), empty("download")])
        .build();
    let media_conn = NodeBuilder::new("media_conn")
        .attr("auth", connection.network.inner.media.new_auth(connection.device.name()))
        .attr("ttl", TTL_SECONDS)
        .attr("auth_ttl", TTL_SECONDS)
        .attr("max_buckets", 12)
        .children([host])
        .build();
    Some(result(node, [media_conn]))
}
