//! A JSON API on loopback: the gateway's, or the simulated network's.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::instance::KEY;
use crate::wire::Wire;

/// Opens a new connection for each request: these requests are not what is measured.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    base: &'static str,
}

impl Api {
    /// The API at `address` whose paths start with `base`.
    pub fn new(address: SocketAddr, base: &'static str) -> Self {
        Self { address, base }
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask("GET", path, "").await
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.ask("POST", path, &body.to_string()).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.ask("PATCH", path, &body.to_string()).await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
        let request = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: localhost\r\nAPIKey: {KEY}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.base,
            body.len()
        );
        let mut wire = Wire::connect(self.address).await?;
        let answer = wire.ask(request.as_bytes()).await.with_context(|| format!("{method} {path}"))?;
        let text = String::from_utf8_lossy(answer.body);
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        Ok(serde_json::from_str(&text)?)
    }
}
