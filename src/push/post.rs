//! One post to a Push URL: what it carries, and that it goes out. The courier's tries and the samples that a person asks for
//! are the same post.

use std::time::Duration;

use super::payload::{self, PushMessage};
use crate::clock::Millis;
use crate::egress::{Answer, Egress, EgressError, Form};
use crate::limits;

/// What a Push URL is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Post {
    /// A message, signed at this moment.
    pub fn of(message: &PushMessage, secret: &[u8; 32], now: Millis) -> Self {
        let body = payload::form(message);
        Self { headers: payload::sign(secret, &message.id, now.div_euclid(1_000), &body), body }
    }

    /// Posts it once.
    ///
    /// # Errors
    /// [`EgressError`]; an answer of any status is none.
    pub async fn send(self, egress: &Egress, url: &str) -> Result<Answer, EgressError> {
        let limit = Duration::from_secs(limits::PUSH_SECONDS_MAX);
        egress.post(Form { body: self.body, headers: self.headers, url }, limit).await
    }
}
