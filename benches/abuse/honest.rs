//! The honest client: sends 20 messages per second on one connection and records the latency of each.

use std::net::SocketAddr;
use std::time::Duration;

use wachat::api::routes::BASE;
use wachat::clock::Clock;

use crate::instance::KEY;
use crate::stopwatch::Moment;
use crate::wire::Wire;

const PAUSE: Duration = Duration::from_millis(50);
/// Timeout after which the client retries its request.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Answers {
    pub took_ms: Vec<f64>,
    refused: usize,
}

impl Answers {
    /// Share of its requests that were not accepted, in percent.
    pub fn refused_percent(&self) -> f64 {
        self.refused as f64 / self.took_ms.len().max(1) as f64 * 100.0
    }
}

/// Sends messages for this long.
pub async fn ask(address: SocketAddr, queue: &str, length: Duration) -> anyhow::Result<Answers> {
    let body = format!(r#"{{"queue":"{queue}","destination":"6281234567890","message":"An honest message."}}"#);
    let request = format!(
        "POST {BASE}/message HTTP/1.1\r\nHost: localhost\r\nAPIKey: {KEY}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (clock, started) = (Clock::system(), Moment::now());
    let (mut wire, mut answers) = (None, Answers::default());
    while started.elapsed() < length {
        let asked = Moment::now();
        let answered = clock.within(PATIENCE, one(&mut wire, address, request.as_bytes())).await;
        answers.took_ms.push(asked.elapsed().as_secs_f64() * 1e3);
        if !matches!(answered, Ok(Ok(201))) {
            answers.refused += 1;
            wire = None;
        }
        clock.sleep(PAUSE).await;
    }
    Ok(answers)
}

async fn one(wire: &mut Option<Wire>, address: SocketAddr, request: &[u8]) -> anyhow::Result<u16> {
    let wire = match wire {
        Some(wire) => wire,
        None => wire.insert(Wire::connect(address).await?),
    };
    Ok(wire.ask(request).await?.status)
}
