//! Who asks: the `APIKey` header, looked up by its hash, remembered for a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::HeaderMap;

use super::Api;
use super::manage::audit;
use super::problem::Problem;
use crate::account::{ApiKey, Caller, KeyHash};
use crate::clock::Millis;
use crate::store::Access;

const HEADER: &str = "apikey";
/// How long a key is trusted without another look: what another process revokes ends within this time.
const TRUST_MS: Millis = 1_000;
/// Keys remembered at once; beyond it all are forgotten, which costs one look each.
const REMEMBERED_MAX: usize = 10_000;

/// The keys that were good a moment ago.
#[derive(Default)]
pub struct Keys {
    known: RwLock<HashMap<KeyHash, Known>>,
    /// When each key was last looked up, since somebody asked.
    uses: Mutex<HashMap<i64, Millis>>,
    /// Keys that are good while somebody holds them.
    lent: RwLock<HashMap<KeyHash, Arc<Access>>>,
}

struct Known {
    access: Arc<Access>,
    looked_up_at: Millis,
}

impl Keys {
    /// Forgets everything, after a key, a person or a client changed.
    pub fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn find(&self, hash: &KeyHash, now: Millis) -> Option<Arc<Access>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(hash)?;
        (now - found.looked_up_at < TRUST_MS).then(|| Arc::clone(&found.access))
    }

    fn remember(&self, hash: KeyHash, access: Arc<Access>, now: Millis) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(access.caller.key_id, now);
        known.insert(hash, Known { access, looked_up_at: now });
    }

    /// When each key was last looked up since this was last asked: near enough to its last use.
    pub fn take_uses(&self) -> Vec<(i64, Millis)> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

/// A key that is good while it is held, and in this process alone: the console asks with it as whoever is signed in.
pub struct Lent {
    api: Api,
    key: ApiKey,
}

impl Lent {
    pub fn key(&self) -> &ApiKey {
        &self.key
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.api.keys.lent.write().unwrap_or_else(PoisonError::into_inner).remove(&self.key.hash());
    }
}

/// Who asks, once his key is found good. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Asker(Arc<Access>);

/// The caller, and how it was authenticated.
pub enum Recognized {
    ByKey(Asker),
    /// In this process, without a key.
    Lent(Asker),
}

impl std::ops::Deref for Asker {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0.caller
    }
}

impl Api {
    /// Lets somebody who proved in another way who he is ask as a key of his would. His rate is not counted.
    pub fn lend(&self, caller: Caller) -> Lent {
        let key = ApiKey::generate(&self.clock);
        let access = Arc::new(Access { caller, expires_at: None, revoked_at: None });
        self.keys.lent.write().unwrap_or_else(PoisonError::into_inner).insert(key.hash(), access);
        Lent { api: self.clone(), key }
    }

    /// Finds out who asks, and counts the request against his key's rate.
    ///
    /// # Errors
    /// 401 without a key, 403 for one that is not good, 429 when he asks too often, 503 when the store cannot tell.
    pub async fn asker(&self, headers: &HeaderMap) -> Result<Asker, Problem> {
        let asker = match self.recognize(headers).await? {
            Recognized::ByKey(asker) => {
                self.rate.check_key(asker.key_id)?;
                asker
            }
            Recognized::Lent(asker) => asker,
        };
        self.rate.check_client(asker.person.client_id)?;
        audit::identified(&asker);
        Ok(asker)
    }

    /// Authenticates the caller.
    ///
    /// # Errors
    /// 401 without a key, 403 for one that is not good, 503 when the store cannot tell.
    pub async fn recognize(&self, headers: &HeaderMap) -> Result<Recognized, Problem> {
        let Some(key) = headers.get(HEADER) else { return Err(Problem::KeyMissing) };
        let key = key.to_str().map_err(|_| Problem::BadRequest("the APIKey header is not plain text".into()))?.trim();
        if key.is_empty() {
            return Err(Problem::KeyMissing);
        }
        let hash = KeyHash::of(key);
        let now = self.clock.now();
        let access = match self.keys.find(&hash, now) {
            Some(access) => access,
            None => {
                if let Some(access) = self.keys.lent.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
                    return Ok(Recognized::Lent(Asker(Arc::clone(access))));
                }
                let Some(access) = self.store.find_access(&self.key_secret.stored(&hash)).await? else {
                    return Err(Problem::KeyRefused("this API key is unknown; check it, or ask for one"));
                };
                let access = Arc::new(access);
                self.keys.remember(hash, Arc::clone(&access), now);
                access
            }
        };
        check(&access, now)?;
        Ok(Recognized::ByKey(Asker(access)))
    }
}

fn check(access: &Access, now: Millis) -> Result<(), Problem> {
    let refused = if access.revoked_at.is_some() {
        "this API key was revoked; ask for a new one"
    } else if access.expires_at.is_some_and(|at| at <= now) {
        "this API key has expired; ask for a new one"
    } else if access.caller.person.disabled {
        "the person of this API key is disabled; ask an owner to enable the person"
    } else if access.caller.client.disabled {
        "the client of this API key is disabled; ask the gateway's operator"
    } else {
        return Ok(());
    };
    Err(Problem::KeyRefused(refused))
}
