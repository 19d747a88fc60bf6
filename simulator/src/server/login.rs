//! The login of a companion: it says which device it is, and its Noise key must be the one that was linked.

use std::sync::Arc;

use waproto::whatsapp::ClientPayload;

use super::fault_points::LoginFate;
use super::network::Network;
use super::outlet::Outlet;
use super::session::Session;
use crate::clock;
use crate::wire::noise::Pattern;
use crate::wire::stanza::{Jid, Node, NodeBuilder, SERVER, holding};

/// The device is not linked, or not any more.
const LOGGED_OUT: u16 = 401;

/// Lets a client in, or tells it why not and ends its connection.
pub fn begin(
    network: &Network,
    payload: &ClientPayload,
    client_static: [u8; 32],
    pattern: Pattern,
    outlet: &Arc<Outlet>,
) -> Option<Session> {
    let number = payload.username.unwrap_or_default().to_string();
    let index = payload.device.and_then(|device| u16::try_from(device).ok()).unwrap_or_default();
    let account = network.inner.directory.by_number(&number);
    let device = account.as_ref().and_then(|account| account.device(index));
    let (Some(account), Some(device)) = (account, device) else {
        outlet.end([failure(LOGGED_OUT)]);
        return None;
    };
    if device.linked().is_none_or(|linked| linked.noise_public != client_static) {
        outlet.end([failure(LOGGED_OUT)]);
        return None;
    }
    if let LoginFate::Refuse(failure) = network.inner.faults.login(device.number()) {
        outlet.end([failure]);
        return None;
    }
    tracing::debug!(device = %device.number(), ?pattern, "a companion logged in");
    if let Some(line) = outlet.line() {
        line.set_pace(network.inner.faults.pace(device.number()));
    }
    let session = Session::begin(network, &account, &device, outlet);
    session.answer(success(device.lid()));
    session.answer(edge_routing());
    Some(session)
}

/// `<failure reason location/>`, after which the connection is closed.
pub fn failure(reason: u16) -> Node {
    NodeBuilder::new("failure").attr("reason", reason).attr("location", "sim").build()
}

fn success(lid: &Jid) -> Node {
    NodeBuilder::new("success")
        .attr("t", clock::now_seconds())
        .attr("lid", lid.clone())
        .attr("creation", clock::now_seconds())
        .attr("location", "sim")
        .attr("props", 27)
        .attr("abprops", 0)
        .build()
}

/// Bytes that the client puts before its header when it connects again.
fn edge_routing() -> Node {
    let routing = NodeBuilder::new("edge_routing").children([holding("routing_info", *b"sim\x01edge")]).build();
    NodeBuilder::new("ib").attr("from", SERVER).children([routing]).build()
}
