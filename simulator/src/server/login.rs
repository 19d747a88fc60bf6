//! A companion's login: it says which device it is, and its Noise key must match the linked one.

use std::sync::Arc;

use waproto::whatsapp::ClientPayload;

use super::device_connection::DeviceConnection;
use super::fault_points;
use super::network::Network;
use super::send_queue::SendQueue;
use crate::clock;
use crate::wire::stanza::{Jid, Node, NodeBuilder, holding, server};

/// The device is not linked, or no longer.
const LOGGED_OUT: u16 = 401;

/// Logs a client in, or refuses it and ends its connection.
pub fn begin(
    network: &Network,
    payload: &ClientPayload,
    client_static: [u8; 32],
    send_queue: &Arc<SendQueue>,
) -> Option<DeviceConnection> {
    let number = payload.username.unwrap_or_default().to_string();
    let index = payload.device.and_then(|device| u16::try_from(device).ok()).unwrap_or_default();
    let account = network.inner.directory.by_number(&number);
    let device = account.as_ref().and_then(|account| account.device(index));
    let (Some(account), Some(device)) = (account, device) else {
        send_queue.end([failure(LOGGED_OUT)]);
        return None;
    };
    if device.linked().is_none_or(|linked| linked.noise_public != client_static) {
        send_queue.end([failure(LOGGED_OUT)]);
        return None;
    }
    let faults = &network.inner.faults;
    if let Some(refusal) = fault_points::login(faults, &device) {
        send_queue.end([refusal]);
        return None;
    }
    tracing::debug!(device = %device.number(), "a companion logged in");
    let connection = DeviceConnection::begin(network, &account, &device, send_queue);
    if account.device(index).is_none_or(|still| !Arc::ptr_eq(&still, &device)) {
        // It was unlinked after the lookup, when there was no connection to close yet.
        connection.end();
        send_queue.end([failure(LOGGED_OUT)]);
        return None;
    }
    connection.answer(success(device.lid()));
    connection.answer(edge_routing());
    if let Some(end) = faults.on_connected(device.name()) {
        send_queue.end([fault_points::final_stanza(end)]);
    }
    Some(connection)
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

/// Edge routing: the bytes that clients send before their header when they reconnect.
pub const EDGE_ROUTING: &[u8] = b"sim\x01edge";

/// Sends the client its edge routing.
fn edge_routing() -> Node {
    let routing = NodeBuilder::new("edge_routing").children([holding("routing_info", EDGE_ROUTING)]).build();
    NodeBuilder::new("ib").attr("from", server()).children([routing]).build()
}
