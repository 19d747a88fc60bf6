//! `w:qr`: contact QR codes, requested, revoked and resolved.

use crate::server::account::Naming;
use crate::server::device_connection::DeviceConnection;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, error, result};

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let asked = node.child("qr")?;
    let codes = &connection.network.inner.contact_codes;
    if let Some(code) = asked.text("code") {
        let Some(owner) = codes.find(&code) else { return Some(error(node, 404, "item-not-found")) };
        let found = NodeBuilder::new("qr")
            .attr("type", "contact")
            .attr("jid", owner.jid(owner.shown_as(Naming::Number)).clone())
            .attr("notify", owner.name());
        return Some(result(node, [found.build()]));
    }
    let code = match asked.text("action").as_deref() {
        Some("get") => codes.of(&connection.account),
        Some("revoke") => codes.renew(&connection.account),
        _ => return None,
    };
    Some(result(node, [NodeBuilder::new("qr").attr("type", "contact").attr("code", code).build()]))
}
