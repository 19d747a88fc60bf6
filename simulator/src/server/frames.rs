//! The frames of one WebSocket in both directions, subject to faults: whole, slow, or cut in the middle.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::BytesMut;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use thiserror::Error;

use super::fault_points;
use super::network::Network;
use crate::clock;
use crate::faults::{Bandwidth, DeviceName, Direction, FrameDecision, Traffic};
use crate::limits::{CLOSE_WAIT_MS, HANDSHAKE_BYTES_MAX, SILENCE_SECONDS, WRITE_BYTES, WRITE_WAIT_SECONDS};
use crate::wire::frame::{FrameError, FrameReader, LENGTH_BYTES, append_length};
use crate::wire::noise::{NoiseError, Opener, Sealer};
use crate::wire::payload::{self, PayloadError};
use crate::wire::stanza::Node;

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
    #[error("the connection was cut on purpose")]
    Cut,
}

/// State shared by both directions of a connection.
struct Shared {
    network: Network,
    bandwidth: Mutex<Bandwidth>,
    device: OnceLock<DeviceName>,
}

impl Shared {
    fn passage(&self, direction: Direction, bytes: usize) -> FrameDecision {
        let traffic = Traffic { device: self.device.get(), direction, bytes };
        self.network.inner.faults.on_bytes(&mut self.bandwidth.lock(), &traffic)
    }
}

/// Splits a WebSocket.
pub fn split(network: &Network, socket: WebSocket) -> (Reader, Writer) {
    let (sink, stream) = socket.split();
    let bandwidth = Mutex::new(network.inner.faults.bandwidth());
    let shared = Arc::new(Shared { network: network.clone(), bandwidth, device: OnceLock::new() });
    let reader = Reader { stream, frames: FrameReader::default(), shared: shared.clone() };
    (reader, Writer { sink, buffer: BytesMut::new(), shared })
}

/// The client's frames.
pub struct Reader {
    stream: SplitStream<WebSocket>,
    frames: FrameReader,
    shared: Arc<Shared>,
}

impl Reader {
    /// Sets the device of the connection.
    pub fn is_of(&self, device: &DeviceName) {
        // A connection never changes its device, so this is set once.
        self.shared.device.set(device.clone()).ok();
    }

    /// The edge routing that the client sent before its header.
    pub fn edge_routing(&self) -> Option<&[u8]> {
        self.frames.edge_routing()
    }

    /// Reads a handshake message.
    pub async fn next_handshake(&mut self) -> Result<BytesMut, ConnectionError> {
        let frame = self.next_frame().await?;
        if frame.len() > HANDSHAKE_BYTES_MAX {
            return Err(ConnectionError::HandshakeTooLong(frame.len()));
        }
        Ok(frame)
    }

    /// Reads a stanza.
    pub async fn next_node(&mut self, opener: &mut Opener) -> Result<Node, ConnectionError> {
        let frame = self.next_frame().await?;
        let checks = &self.shared.network.inner.checks;
        match payload::open(frame, opener) {
            Ok(node) => {
                checks.stanza_parsed();
                Ok(node)
            }
            Err(error) => {
                checks.stanza_unparsed(self.shared.device.get(), &error.to_string());
                Err(error.into())
            }
        }
    }

    /// Reads and discards until the client has closed its side.
    pub async fn drain(&mut self) {
        while let Some(Ok(_)) = self.stream.next().await {}
    }

    async fn next_frame(&mut self) -> Result<BytesMut, ConnectionError> {
        loop {
            if let Some(frame) = self.frames.next_frame()? {
                return match self.shared.passage(Direction::ToServer, frame.len() + LENGTH_BYTES) {
                    FrameDecision::Whole { wait_ms } => {
                        fault_points::wait(wait_ms).await;
                        Ok(frame)
                    }
                    // A partial frame is useless.
                    FrameDecision::Cut { .. } => Err(ConnectionError::Cut),
                };
            }
            match clock::within(Duration::from_secs(SILENCE_SECONDS), self.stream.next()).await {
                Some(Some(Ok(Message::Binary(bytes)))) => self.frames.feed(&bytes),
                Some(Some(Ok(Message::Close(_)))) => {
                    // The response to a close frame is sent while the stream is read to its end.
                    clock::within(Duration::from_millis(CLOSE_WAIT_MS), self.drain()).await;
                    return Err(ConnectionError::Gone);
                }
                Some(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_)))) => {}
                _ => return Err(ConnectionError::Gone),
            }
        }
    }
}

/// Frames to the client. They are buffered until [`Writer::flush`], or until the buffer is large.
pub struct Writer {
    sink: SplitSink<WebSocket, Message>,
    buffer: BytesMut,
    shared: Arc<Shared>,
}

impl Writer {
    /// Writes a handshake message immediately.
    pub async fn write_handshake(&mut self, message: &[u8]) -> Result<(), ConnectionError> {
        let start = self.buffer.len();
        append_length(message.len(), &mut self.buffer)?;
        self.buffer.extend_from_slice(message);
        self.pass(start).await?;
        self.flush().await
    }

    /// Writes a stanza with the next flush, or earlier.
    pub async fn write_node(&mut self, node: &Node, sealer: &mut Sealer) -> Result<(), ConnectionError> {
        let start = self.buffer.len();
        payload::append(node, sealer, &mut self.buffer)?;
        self.pass(start).await
    }

    /// Writes the buffered frames.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = self.buffer.split().freeze();
        let wait = Duration::from_secs(WRITE_WAIT_SECONDS);
        match clock::within(wait, self.sink.send(Message::Binary(bytes))).await {
            Some(Ok(())) => Ok(()),
            _ => Err(ConnectionError::Gone),
        }
    }

    /// Applies the faults to the frame at `start` of the buffer.
    async fn pass(&mut self, start: usize) -> Result<(), ConnectionError> {
        match self.shared.passage(Direction::ToClient, self.buffer.len() - start) {
            FrameDecision::Whole { wait_ms: 0 } => {}
            FrameDecision::Whole { wait_ms } => {
                let frame = self.buffer.split_off(start);
                self.flush().await?;
                fault_points::wait(wait_ms).await;
                self.buffer.unsplit(frame);
            }
            FrameDecision::Cut { bytes, wait_ms } => {
                let mut frame = self.buffer.split_off(start);
                self.flush().await?;
                fault_points::wait(wait_ms).await;
                frame.truncate(bytes);
                self.buffer.unsplit(frame);
                self.flush().await?;
                return Err(ConnectionError::Cut);
            }
        }
        if self.buffer.len() >= WRITE_BYTES { self.flush().await } else { Ok(()) }
    }
}
