//! One keep-alive HTTP/1.1 connection that reads only the status and length of a response.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BUFFER_BYTES: usize = 64 * 1024;
const LENGTH: &[u8] = b"content-length: ";

pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response, in the connection's buffer until the next request.
pub struct Answer<'wire> {
    pub status: u16,
    pub body: &'wire [u8],
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request in one write and waits for its response.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            ensure!(filled < self.buffer.len(), "an answer is longer than {BUFFER_BYTES} bytes");
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            if let Some(end) = find(&self.buffer[..filled], b"\r\n\r\n").map(|at| at + 4) {
                let whole = end + length(&self.buffer[..end])?;
                if filled >= whole {
                    let status = number(&self.buffer["HTTP/1.1 ".len()..end]).context("an answer without a status")?;
                    return Ok(Answer { status: u16::try_from(status)?, body: &self.buffer[end..whole] });
                }
            }
        }
    }
}

fn length(head: &[u8]) -> anyhow::Result<usize> {
    let at = find(head, LENGTH).context("an answer without a content-length")?;
    number(&head[at + LENGTH.len()..]).context("a content-length that is no number")
}

/// The number at the start of `text`.
fn number(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number: Option<usize>, digit| {
        number.unwrap_or(0).checked_mul(10)?.checked_add(usize::from(digit - b'0'))
    })
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
