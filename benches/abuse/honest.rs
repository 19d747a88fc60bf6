//! The honest client: it sends a message twenty times a second, on one connection, and notes how long each answer takes.

use std::net::SocketAddr;
use std::time::Duration;

use wachat::api::routes::BASE;
use wachat::clock::Clock;

use crate::instance::KEY;
use crate::stopwatch::Moment;
use crate::wire::Wire;

const PAUSE: Duration = Duration::from_millis(50);
/// A client that has waited this long gives up and sends its request again.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Answers {
    pub took_ms: Vec<f64>,
    refused: usize,
}

impl Answers {
    /// How many of its requests were not accepted.
    pub fn refused_percent(&self) -> f64 {
        self.refused as f64 / self.took_ms.len().max(1) as f64 * 100.0
    }
}

/// Asks for so long.
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
