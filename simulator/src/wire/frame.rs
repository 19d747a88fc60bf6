//! Splits a client's byte stream into frames, and adds frames to outgoing bytes.
//!
//! A stream starts with an optional edge routing (`ED\0\1`, a 3-byte length, that many bytes) and the header (`WA`,
//! version, dictionary). Then every frame is a 3-byte big-endian length and its bytes. Boundaries of WebSocket messages
//! and packets have no meaning.

use bytes::{Buf, BytesMut};
use thiserror::Error;

use crate::limits::{EDGE_ROUTING_BYTES_MAX, FRAME_BYTES_MAX};

/// The header of the supported protocol version: version 6, dictionary 3. It is also the handshake's prologue.
pub const HEADER: [u8; 4] = wacore_binary::consts::WA_CONN_HEADER;

const EDGE_MARK: &[u8; 4] = b"ED\0\x01";
/// Size of the length before each frame.
pub const LENGTH_BYTES: usize = 3;

/// Why a stream cannot be parsed any further: the connection must be closed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("the stream does not begin with the header WA 06 03, but with {0:02x?}")]
    Header([u8; 4]),
    #[error("a frame or edge routing of {bytes} bytes, where {bytes_max} are allowed")]
    TooLong { bytes: usize, bytes_max: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Neither edge routing nor header was read.
    Start,
    /// Edge routing was read; the header must follow.
    Header,
    Frames,
}

/// Parses one connection's stream.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    stage: Stage,
    edge_routing: Option<Vec<u8>>,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), stage: Stage::Start, edge_routing: None }
    }
}

impl FrameReader {
    /// Adds received bytes. Call [`FrameReader::next_frame`] until it returns none before adding more, so that the
    /// buffer never exceeds one frame and one piece.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, without its length; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The bytes are not such a stream, or a frame exceeds the limit.
    pub fn next_frame(&mut self) -> Result<Option<BytesMut>, FrameError> {
        while self.stage != Stage::Frames {
            if !self.read_start()? {
                return Ok(None);
            }
        }
        let Some(length) = self.length_at(0) else { return Ok(None) };
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong { bytes: length, bytes_max: FRAME_BYTES_MAX });
        }
        if self.buffer.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        Ok(Some(self.buffer.split_to(length)))
    }

    /// The edge routing before the header, if any.
    pub fn edge_routing(&self) -> Option<&[u8]> {
        self.edge_routing.as_deref()
    }

    /// Parses one step of what precedes the frames; false when more bytes are needed.
    fn read_start(&mut self) -> Result<bool, FrameError> {
        let Some(mark) = self.buffer.first_chunk::<4>().copied() else { return Ok(false) };
        if self.stage == Stage::Start && mark == *EDGE_MARK {
            let Some(length) = self.length_at(EDGE_MARK.len()) else { return Ok(false) };
            if length > EDGE_ROUTING_BYTES_MAX {
                return Err(FrameError::TooLong { bytes: length, bytes_max: EDGE_ROUTING_BYTES_MAX });
            }
            let start = EDGE_MARK.len() + LENGTH_BYTES;
            if self.buffer.len() < start + length {
                return Ok(false);
            }
            self.buffer.advance(start);
            self.edge_routing = Some(self.buffer.split_to(length).to_vec());
            self.stage = Stage::Header;
            return Ok(true);
        }
        if mark != HEADER {
            return Err(FrameError::Header(mark));
        }
        self.buffer.advance(HEADER.len());
        self.stage = Stage::Frames;
        Ok(true)
    }

    fn length_at(&self, offset: usize) -> Option<usize> {
        let bytes = self.buffer.get(offset..offset + LENGTH_BYTES)?;
        Some(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }
}

/// Appends a frame's length to `out`; its `length` bytes must follow.
///
/// # Errors
/// The length does not fit in three bytes.
pub fn append_length(length: usize, out: &mut BytesMut) -> Result<(), FrameError> {
    let bytes_max = (1 << 24) - 1;
    match u32::try_from(length) {
        Ok(short) if length <= bytes_max => {
            out.extend_from_slice(&short.to_be_bytes()[1..]);
            Ok(())
        }
        _ => Err(FrameError::TooLong { bytes: length, bytes_max }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(edge: Option<&[u8]>, frames: &[&[u8]]) -> Vec<u8> {
        let mut out = BytesMut::new();
        if let Some(edge) = edge {
            out.extend_from_slice(EDGE_MARK);
            append_length(edge.len(), &mut out).unwrap();
            out.extend_from_slice(edge);
        }
        out.extend_from_slice(&HEADER);
        for frame in frames {
            append_length(frame.len(), &mut out).unwrap();
            out.extend_from_slice(frame);
        }
        out.to_vec()
    }

    #[test]
    fn frames_come_out_whole_however_the_stream_is_cut() {
        let long = vec![7; 70_000];
        let bytes = stream(Some(b"edge"), &[b"one", b"", &long]);
        for piece in [1, 2, 3, 5, 1000, bytes.len()] {
            let mut reader = FrameReader::default();
            let mut frames = Vec::new();
            for part in bytes.chunks(piece) {
                reader.feed(part);
                while let Some(frame) = reader.next_frame().unwrap() {
                    frames.push(frame.to_vec());
                }
            }
            assert_eq!(frames, [b"one".to_vec(), Vec::new(), long.clone()], "pieces of {piece} bytes");
            assert_eq!(reader.edge_routing(), Some(&b"edge"[..]));
        }
    }

    #[test]
    fn a_stream_of_another_protocol_is_refused() {
        let mut reader = FrameReader::default();
        reader.feed(b"GET / HTTP/1.1");
        assert_eq!(reader.next_frame(), Err(FrameError::Header(*b"GET ")));
    }

    #[test]
    fn a_frame_over_its_bound_is_refused_by_its_length_alone() {
        let mut reader = FrameReader::default();
        reader.feed(&HEADER);
        reader.feed(&[0xff, 0xff, 0xff]);
        assert!(matches!(reader.next_frame(), Err(FrameError::TooLong { bytes: 0xff_ffff, .. })));
    }
}
