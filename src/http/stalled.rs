//! A connection that ends when its client does not read: else it would be held open, and an answer in memory, for as long as the client
//! likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::limits;

/// A stream whose writes must get on.
pub(super) struct Unstalled {
    stream: TcpStream,
    clock: Clock,
    /// Ends when a write has waited for too long; there while one waits.
    patience: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Unstalled {
    pub(super) fn new(stream: TcpStream, clock: Clock) -> Self {
        // Where it cannot be bounded, a client that reads very slowly is only found later.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, limits::ANSWER_BYTES_KEPT);
        Self { stream, clock, patience: None }
    }

    /// What a write came to; a fault where it has waited for too long.
    fn checked<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let limit = Duration::from_secs(limits::ANSWER_STALL_SECONDS_MAX);
        let patience = self.patience.get_or_insert_with(|| Box::pin(self.clock.sleep(limit)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Unstalled {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Unstalled {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.checked(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.checked(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.checked(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
