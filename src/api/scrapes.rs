//! Who may read `/metrics`: they name every device, and how much each sends.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::header;

use crate::account::KeyHash;
use crate::settings::Settings;

/// What others are answered.
pub const REFUSED: &str =
    "the metrics are for programs on the gateway's own machine; send the operator's token: Authorization: Bearer TOKEN";

/// What an operator allows.
pub struct Scrapes {
    is_open: bool,
    /// Compared by its hash, so that the time it takes says nothing.
    token: Option<KeyHash>,
}

impl Scrapes {
    pub fn new(settings: &Settings) -> Self {
        Self {
            is_open: settings.metrics_open,
            token: settings.metrics_token.as_ref().map(|token| KeyHash::of(&token.0)),
        }
    }

    /// Whether this request may read them: it has the token, or comes from this machine and was not passed on by a proxy that nobody
    /// named as trusted.
    pub fn allow(&self, request: &Request) -> bool {
        let headers = request.headers();
        let is_passed_on = ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| headers.contains_key(*name));
        let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|from| from.0.ip().to_canonical());
        let is_local = !is_passed_on && from.is_some_and(|ip| ip.is_loopback());
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let has_token =
            self.token.as_ref().zip(given).is_some_and(|(token, given)| *token == KeyHash::of(given.trim()));
        self.is_open || is_local || has_token
    }
}
