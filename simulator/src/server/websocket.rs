//! A client's WebSocket connection, from the handshake to the last byte.
//!
//! After the handshake a client either registers (if it is new) or logs in. One task reads and handles stanzas in
//! order; another writes the send queue, in batches.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocket;
use tokio_util::sync::CancellationToken;
use waproto::buffa::Message as _;
use waproto::whatsapp::ClientPayload;

use super::device_connection::DeviceConnection;
use super::frames::{self, ConnectionError, Reader, Writer};
use super::network::Network;
use super::registration::Registering;
use super::send_queue::SendQueue;
use super::{login, registration};
use crate::clock;
use crate::faults::Direction;
use crate::limits::{CLOSE_WAIT_MS, HANDSHAKE_WAIT_SECONDS, WRITE_STANZAS_MAX};
use crate::wire::noise::{Answered, Handshaken, Opener, Pattern, Sealer, answer_hello};
use crate::wire::stanza::{Jid, Node};

/// The peer.
enum Role {
    Registering(Arc<Registering>),
    Device(Box<DeviceConnection>),
}

impl Role {
    fn device(&self) -> Option<&Jid> {
        match self {
            Self::Registering(_) => None,
            Self::Device(connection) => Some(connection.device.number()),
        }
    }

    fn receive(&self, node: &Node) {
        match self {
            Self::Registering(registering) => registering.receive(node),
            Self::Device(connection) => connection.receive(node),
        }
    }

    fn end(&self) {
        match self {
            Self::Registering(registering) => registering.end(),
            Self::Device(connection) => connection.end(),
        }
    }
}

/// Serves a WebSocket until it closes, or the port is closed.
pub async fn serve(network: Network, socket: WebSocket, stop: CancellationToken) {
    let (mut reader, mut writer) = frames::split(&network, socket);
    let wait = Duration::from_secs(HANDSHAKE_WAIT_SECONDS);
    let handshake = tokio::select! {
        handshake = clock::within(wait, shake_hands(&network, &mut reader, &mut writer)) => handshake,
        () = stop.cancelled() => return,
    };
    let handshaken = match handshake {
        Some(Ok(handshaken)) => handshaken,
        Some(Err(error)) => return tracing::debug!(%error, "a handshake failed"),
        None => return tracing::debug!("a handshake took too long"),
    };
    let Handshaken { client_static, payload, sealer, opener, pattern } = handshaken;
    count(&network, pattern, reader.edge_routing());
    let payload = match ClientPayload::decode_from_slice(&payload) {
        Ok(payload) => payload,
        Err(error) => return tracing::debug!(%error, "a client payload cannot be read"),
    };
    let send_queue = Arc::new(SendQueue::default());
    let role = if payload.device_pairing_data.is_set() {
        registration::begin(&network, &payload, client_static, &send_queue).map(Role::Registering)
    } else {
        login::begin(&network, &payload, client_static, &send_queue)
            .map(|connection| Role::Device(Box::new(connection)))
    };
    if stop.is_cancelled() {
        // Closing the port may have missed this connection.
        send_queue.cut();
    }
    if let Some(Role::Device(connection)) = &role {
        reader.is_of(connection.device.name());
    }
    let written = CancellationToken::new();
    let pump = Pump {
        network: network.clone(),
        device: role.as_ref().and_then(Role::device).cloned(),
        send_queue: send_queue.clone(),
        sealer,
        written: written.clone(),
    };
    network.inner.tasks.spawn(pump.run(writer));
    if let Some(role) = role {
        take_in(&network, &role, &send_queue, &mut reader, opener, &written).await;
        role.end();
    }
    written.cancelled().await;
    if !send_queue.is_cut() {
        // The service leaves closing to the client, and drops the connection of a client that does not: with an
        // immediate close frame, some clients discard the last stanzas that they have read but not handled.
        clock::within(Duration::from_millis(CLOSE_WAIT_MS), reader.drain()).await;
    }
}

fn count(network: &Network, pattern: Pattern, edge_routing: Option<&[u8]>) {
    let mut handshakes = network.inner.handshakes.lock();
    match pattern {
        Pattern::Xx => handshakes.xx += 1,
        Pattern::Ik => handshakes.ik += 1,
        Pattern::XxFallback => handshakes.xx_fallback += 1,
    }
    if edge_routing == Some(login::EDGE_ROUTING) {
        handshakes.edge_routed += 1;
    }
}

async fn shake_hands(
    network: &Network,
    reader: &mut Reader,
    writer: &mut Writer,
) -> Result<Handshaken, ConnectionError> {
    let hello = reader.next_handshake().await?;
    let authority = network.inner.authority.read().clone();
    match answer_hello(&authority, &hello)? {
        Answered::Finished(answer, handshaken) => {
            writer.write_handshake(&answer).await?;
            Ok(*handshaken)
        }
        Answered::Awaiting(answer, awaiting) => {
            writer.write_handshake(&answer).await?;
            Ok(awaiting.finish(&reader.next_handshake().await?)?)
        }
    }
}

/// Handles stanzas until either side is done.
async fn take_in(
    network: &Network,
    role: &Role,
    send_queue: &SendQueue,
    reader: &mut Reader,
    mut opener: Opener,
    written: &CancellationToken,
) {
    loop {
        let node = tokio::select! {
            node = reader.next_node(&mut opener) => node,
            () = written.cancelled() => return,
        };
        match node {
            Ok(node) => {
                let node = Arc::new(node);
                network.inner.log.record(Direction::ToServer, role.device(), &node);
                role.receive(&node);
            }
            Err(error) => {
                tracing::debug!(%error, device = role.device().map(Jid::to_string), "a connection ended");
                return send_queue.cut();
            }
        }
    }
}

/// Writes the send queue.
struct Pump {
    network: Network,
    device: Option<Jid>,
    send_queue: Arc<SendQueue>,
    sealer: Sealer,
    written: CancellationToken,
}

impl Pump {
    async fn run(mut self, mut writer: Writer) {
        while let Some(nodes) = self.send_queue.take(WRITE_STANZAS_MAX).await {
            if let Err(error) = self.write(&nodes, &mut writer).await {
                tracing::debug!(%error, "a connection cannot be written to");
                self.send_queue.cut();
            }
        }
        self.written.cancel();
    }

    async fn write(&mut self, nodes: &[Arc<Node>], writer: &mut Writer) -> Result<(), ConnectionError> {
        for node in nodes {
            writer.write_node(node, &mut self.sealer).await?;
            self.network.inner.log.record(Direction::ToClient, self.device.as_ref(), node);
        }
        writer.flush().await
    }
}
