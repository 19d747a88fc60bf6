//! A client's WebSocket, from the handshake to the last byte.
//!
//! After the handshake a client either registers (it is new) or logs in. One task reads and acts on stanzas in order;
//! another writes what waits in the outlet, as much at once as there is.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::BytesMut;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use waproto::buffa::Message as _;
use waproto::whatsapp::ClientPayload;

use super::line::Line;
use super::network::Network;
use super::outlet::Outlet;
use super::registration::Registering;
use super::session::Session;
use super::stanza_log::Direction;
use super::{login, registration};
use crate::clock;
use crate::limits::{
    CLOSE_WAIT_MS, HANDSHAKE_BYTES_MAX, HANDSHAKE_WAIT_SECONDS, SILENCE_SECONDS, WRITE_BYTES, WRITE_STANZAS_MAX,
    WRITE_WAIT_SECONDS,
};
use crate::wire::frame::{FrameError, FrameReader, append_length};
use crate::wire::noise::{Answered, Handshaken, NoiseError, Opener, Sealer, answer_hello};
use crate::wire::payload::{self, PayloadError};
use crate::wire::stanza::{Jid, Node};

/// Why a connection ended early.
#[derive(Debug, Error)]
pub enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Noise(#[from] NoiseError),
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("a handshake message of {0} bytes")]
    HandshakeTooLong(usize),
    #[error("the client is gone")]
    Gone,
}

/// Who is at the other end.
enum Role {
    Registering(Arc<Registering>),
    Device(Box<Session>),
}

impl Role {
    fn device(&self) -> Option<&Jid> {
        match self {
            Self::Registering(_) => None,
            Self::Device(session) => Some(session.device.number()),
        }
    }

    async fn receive(&self, node: Arc<Node>) {
        match self {
            Self::Registering(registering) => registering.receive(&node),
            Self::Device(session) => session.receive(node).await,
        }
    }

    fn end(&self) {
        match self {
            Self::Registering(registering) => registering.end(),
            Self::Device(session) => session.end(),
        }
    }
}

/// Serves a WebSocket until it ends.
pub async fn serve(network: Network, socket: WebSocket, line: Arc<Line>) {
    let (sink, stream) = socket.split();
    let mut reading = Reading { stream, frames: FrameReader::default() };
    let mut writing = sink;
    let wait = Duration::from_secs(HANDSHAKE_WAIT_SECONDS);
    let handshaken = match clock::within(wait, shake_hands(&network, &mut reading, &mut writing)).await {
        Some(Ok(handshaken)) => handshaken,
        Some(Err(error)) => return tracing::debug!(%error, "a handshake failed"),
        None => return tracing::debug!("a handshake took too long"),
    };
    let Handshaken { client_static, payload, sealer, opener, pattern } = handshaken;
    let payload = match ClientPayload::decode_from_slice(&payload) {
        Ok(payload) => payload,
        Err(error) => return tracing::debug!(%error, "a client payload cannot be read"),
    };
    let outlet = Arc::new(Outlet::new(Some(line)));
    let role = if payload.device_pairing_data.is_set() {
        registration::begin(&network, &payload, client_static, &outlet).map(Role::Registering)
    } else {
        login::begin(&network, &payload, client_static, pattern, &outlet).map(|session| Role::Device(Box::new(session)))
    };
    run(network, role, outlet, reading, writing, sealer, opener).await;
}

/// Reads and writes until either side is done. Who was not let in is told so, and that is all.
async fn run(
    network: Network,
    role: Option<Role>,
    outlet: Arc<Outlet>,
    mut reading: Reading,
    writing: SplitSink<WebSocket, Message>,
    sealer: Sealer,
    mut opener: Opener,
) {
    let written = CancellationToken::new();
    let device = role.as_ref().and_then(Role::device).cloned();
    network.inner.tasks.spawn({
        let writer = Writer { network: network.clone(), device: device.clone(), outlet: outlet.clone(), sealer };
        let written = written.clone();
        async move {
            writer.run(writing).await;
            written.cancel();
        }
    });
    if let Some(role) = role {
        let error = loop {
            let node = tokio::select! {
                node = reading.next_node(&mut opener) => node,
                () = written.cancelled() => break None,
            };
            match node {
                Ok(node) => {
                    let node = Arc::new(node);
                    network.inner.log.note(Direction::Up, device.as_ref(), &node);
                    role.receive(node).await;
                }
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = error {
            tracing::debug!(%error, device = device.map(|jid| jid.to_string()), "a connection ended");
            outlet.cut();
        }
        role.end();
    }
    // What was written last is lost if this side closes before the other has read it.
    written.cancelled().await;
    if outlet.is_cut() {
        return;
    }
    clock::within(Duration::from_millis(CLOSE_WAIT_MS), async { while reading.stream.next().await.is_some() {} }).await;
}

async fn shake_hands(
    network: &Network,
    reading: &mut Reading,
    writing: &mut SplitSink<WebSocket, Message>,
) -> Result<Handshaken, ConnectionError> {
    let hello = reading.next_handshake().await?;
    match answer_hello(&network.inner.authority, &hello)? {
        Answered::Finished(answer, handshaken) => {
            send(writing, framed(&answer)?).await?;
            Ok(*handshaken)
        }
        Answered::Awaiting(answer, awaiting) => {
            send(writing, framed(&answer)?).await?;
            Ok(awaiting.finish(&reading.next_handshake().await?)?)
        }
    }
}

fn framed(bytes: &[u8]) -> Result<BytesMut, FrameError> {
    let mut out = BytesMut::with_capacity(bytes.len() + 3);
    append_length(bytes.len(), &mut out)?;
    out.extend_from_slice(bytes);
    Ok(out)
}

async fn send(writing: &mut SplitSink<WebSocket, Message>, bytes: BytesMut) -> Result<(), ConnectionError> {
    let wait = Duration::from_secs(WRITE_WAIT_SECONDS);
    match clock::within(wait, writing.send(Message::Binary(bytes.freeze()))).await {
        Some(Ok(())) => Ok(()),
        _ => Err(ConnectionError::Gone),
    }
}

struct Reading {
    stream: SplitStream<WebSocket>,
    frames: FrameReader,
}

impl Reading {
    async fn next_frame(&mut self) -> Result<BytesMut, ConnectionError> {
        loop {
            if let Some(frame) = self.frames.next_frame()? {
                return Ok(frame);
            }
            match clock::within(Duration::from_secs(SILENCE_SECONDS), self.stream.next()).await {
                Some(Some(Ok(Message::Binary(bytes)))) => self.frames.feed(&bytes),
                Some(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_)))) => {}
                _ => return Err(ConnectionError::Gone),
            }
        }
    }

    async fn next_handshake(&mut self) -> Result<BytesMut, ConnectionError> {
        let frame = self.next_frame().await?;
        if frame.len() > HANDSHAKE_BYTES_MAX {
            return Err(ConnectionError::HandshakeTooLong(frame.len()));
        }
        Ok(frame)
    }

    async fn next_node(&mut self, opener: &mut Opener) -> Result<Node, ConnectionError> {
        let frame = self.next_frame().await?;
        Ok(payload::open(frame, opener)?)
    }
}

struct Writer {
    network: Network,
    device: Option<Jid>,
    outlet: Arc<Outlet>,
    sealer: Sealer,
}

impl Writer {
    async fn run(mut self, mut writing: SplitSink<WebSocket, Message>) {
        while let Some(nodes) = self.outlet.take(WRITE_STANZAS_MAX).await {
            if let Err(error) = self.write(&nodes, &mut writing).await {
                tracing::debug!(%error, "a connection cannot be written to");
                self.outlet.cut();
                return;
            }
        }
        // Who is cut off is not told.
        if self.outlet.is_cut() {
            return;
        }
        let close = async {
            if writing.send(Message::Close(None)).await.is_ok() {
                writing.close().await.ok();
            }
        };
        clock::within(Duration::from_secs(WRITE_WAIT_SECONDS), close).await;
    }

    async fn write(
        &mut self,
        nodes: &[Arc<Node>],
        writing: &mut SplitSink<WebSocket, Message>,
    ) -> Result<(), ConnectionError> {
        let mut out = BytesMut::new();
        for node in nodes {
            payload::append(node, &mut self.sealer, &mut out)?;
            self.network.inner.log.note(Direction::Down, self.device.as_ref(), node);
            if out.len() >= WRITE_BYTES {
                send(writing, std::mem::take(&mut out)).await?;
            }
        }
        if out.is_empty() { Ok(()) } else { send(writing, out).await }
    }
}
