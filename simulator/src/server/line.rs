//! The bytes of one TCP connection, which can be slowed down or cut at any byte.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::clock;

/// How a connection carries bytes, TLS included where it is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// The connection breaks once it has written this many more bytes to the client.
    pub cut_after_sent_bytes: Option<u64>,
    /// The connection breaks once it has read this many more bytes from the client.
    pub cut_after_received_bytes: Option<u64>,
    /// Bytes a second to the client.
    pub bytes_per_second: Option<u64>,
}

/// A handle on the pace of a connection.
#[derive(Debug, Default)]
pub struct Line {
    pace: Mutex<Pace>,
}

impl Line {
    /// Changes how bytes are carried from here on.
    pub fn set_pace(&self, pace: Pace) {
        *self.pace.lock() = pace;
    }

    pub fn pace(&self) -> Pace {
        *self.pace.lock()
    }
}

/// A TCP stream that follows its [`Line`].
pub struct PacedStream {
    stream: TcpStream,
    line: Arc<Line>,
    /// The next byte is written when this is over.
    rest: Option<Pin<Box<Sleep>>>,
}

impl PacedStream {
    pub fn new(stream: TcpStream, line: Arc<Line>) -> Self {
        Self { stream, line, rest: None }
    }
}

impl AsyncRead for PacedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(left) = self.line.pace().cut_after_received_bytes else {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        };
        let most = room(left, buffer.remaining());
        if most == 0 {
            return Poll::Ready(Err(broken()));
        }
        let mut bytes = vec![0; most];
        let mut part = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.put_slice(part.filled());
        let mut pace = self.line.pace.lock();
        pace.cut_after_received_bytes = pace.cut_after_received_bytes.map(|left| left.saturating_sub(count as u64));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PacedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(context));
            self.rest = None;
        }
        let pace = self.line.pace();
        let mut most = bytes.len();
        if let Some(left) = pace.cut_after_sent_bytes {
            most = room(left, most);
            if most == 0 && !bytes.is_empty() {
                return Poll::Ready(Err(broken()));
            }
        }
        if let Some(speed) = pace.bytes_per_second {
            // A tenth of a second at a time, so that a slow link is slow from the first byte.
            most = room((speed / 10).max(1), most);
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..most]))?;
        if let Some(speed) = pace.bytes_per_second {
            let micros = (count as u64).saturating_mul(1_000_000) / speed.max(1);
            self.rest = Some(Box::pin(clock::timer(Duration::from_micros(micros))));
        }
        if pace.cut_after_sent_bytes.is_some() {
            let mut pace = self.line.pace.lock();
            pace.cut_after_sent_bytes = pace.cut_after_sent_bytes.map(|left| left.saturating_sub(count as u64));
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn room(left: u64, wanted: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(wanted)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut on purpose")
}
