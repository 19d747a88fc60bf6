//! `Idempotency-Key`: the first answer is replayed for the same key and body, so that a program that does not know
//! whether its request arrived may send it again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use super::Api;
use super::problem::Problem;
use crate::account::KeyHash;
use crate::limits;

const HEADER: &str = "idempotency-key";
/// Told with an answer that was given before.
pub const REPLAYED: &str = "idempotent-replayed";

/// The keys of requests that are being answered at this moment.
#[derive(Default)]
pub struct InFlight {
    keys: Mutex<HashSet<(i64, String)>>,
}

/// A request that carries a key. While it lives, no other with the same key is answered.
pub struct Once<'api> {
    in_flight: &'api InFlight,
    client_id: i64,
    pub key: String,
    /// Under the secret of the API keys: what is in a body, such as a password, is not to be guessed from a copy of the database.
    pub body_hash: Vec<u8>,
    /// As earlier versions stored it.
    plain_hash: Vec<u8>,
}

impl Drop for Once<'_> {
    fn drop(&mut self) {
        let mut keys = self.in_flight.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&(self.client_id, std::mem::take(&mut self.key)));
    }
}

impl Api {
    /// Takes a request's key, if it has one. `what` tells one endpoint's requests from another's.
    ///
    /// # Errors
    /// 400 for a key that is none, 409 while the first request with it is being answered.
    pub fn once(
        &self,
        client_id: i64,
        headers: &HeaderMap,
        what: &str,
        body: &[u8],
    ) -> Result<Option<Once<'_>>, Problem> {
        let Some(key) = headers.get(HEADER) else { return Ok(None) };
        let key = key.to_str().unwrap_or_default().trim();
        if key.is_empty() || key.len() > limits::IDEMPOTENCY_KEY_CHARS_MAX {
            let most = limits::IDEMPOTENCY_KEY_CHARS_MAX;
            return Err(Problem::BadRequest(format!(
                "the Idempotency-Key header has 1 to {most} visible ASCII characters"
            )));
        }
        let plain = KeyHash(Sha256::new().chain_update(what).chain_update([0]).chain_update(body).finalize().into());
        let (body_hash, plain_hash) = (self.key_secret.stored(&plain).0.to_vec(), plain.0.to_vec());
        let is_first = {
            let mut keys = self.idempotency.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.insert((client_id, key.to_owned()))
        };
        if !is_first {
            return Err(Problem::Conflict(
                "a request with this Idempotency-Key is being answered; ask again in a moment".into(),
            ));
        }
        Ok(Some(Once { in_flight: &self.idempotency, client_id, key: key.to_owned(), body_hash, plain_hash }))
    }

    /// The answer that was given to this key before, if any.
    ///
    /// # Errors
    /// 422 when the key came with another body then.
    pub async fn first_answer(&self, once: &Once<'_>) -> Result<Option<String>, Problem> {
        match self.store.find_first_answer(once.client_id, &once.key, self.clock.now()).await? {
            Some((hash, answer)) if [&once.body_hash, &once.plain_hash].contains(&&hash) => Ok(Some(answer)),
            Some(_) => Err(Problem::header(
                "Idempotency-Key",
                "this key was used with another body; use a new key for a new message",
            )),
            None => Ok(None),
        }
    }
}
