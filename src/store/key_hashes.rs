//! The secret under which API keys are stored. A change of the master key keeps it, sealed: what is stored of a key cannot be made again
//! without the key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::row::row;
use super::{Conn, Store, StoreError, sql};
use crate::account::{KeyHash, KeySecret};
use crate::clock::Clock;
use crate::secrets::MasterKey;

/// Under which name `meta` keeps the secret, sealed, where it does not follow from the master key.
const SECRET: &str = "api_key_secret";

struct PlainHash {
    id: i64,
    hash: Vec<u8>,
}

row!(PlainHash { id, hash });

impl Store {
    /// The secret under which API keys are stored. Hashes that were stored without one are made so: they need no key for it.
    ///
    /// # Errors
    /// When the store cannot be read or written, or is sealed with another master key.
    pub async fn open_key_secret(&self, master_key: &MasterKey) -> Result<KeySecret, StoreError> {
        let mut conn = self.reader().await?;
        let secret = find(&mut conn, master_key).await?;
        let plain = sql!(&mut conn, scalar as i64, "SELECT COUNT(*) FROM api_keys WHERE NOT is_keyed")?;
        drop(conn);
        if plain > 0 {
            let secret = secret.clone();
            self.write(move |conn| Box::pin(async move { key_all(conn, &secret).await })).await?;
        }
        Ok(secret)
    }
}

/// Makes plain hashes what is stored of a key. Another node may do so at the same moment: each row is changed once.
async fn key_all(conn: &mut Conn, secret: &KeySecret) -> Result<(), StoreError> {
    for PlainHash { id, hash } in
        sql!(&mut *conn, all as PlainHash, "SELECT id, hash FROM api_keys WHERE NOT is_keyed ORDER BY id")?
    {
        let hash = hash.try_into().map_err(|_| StoreError::Refused(format!("the API key {id} has no hash")))?;
        let text = "UPDATE api_keys SET hash = $2, is_keyed = TRUE WHERE id = $1 AND NOT is_keyed";
        sql!(&mut *conn, execute, text, id, &secret.stored(&KeyHash(hash)).0[..])?;
    }
    Ok(())
}

async fn find(conn: &mut Conn, master_key: &MasterKey) -> Result<KeySecret, StoreError> {
    let kept = sql!(conn, optional as (String,), "SELECT value FROM meta WHERE name = $1", SECRET)?;
    let damaged = |error: String| StoreError::Refused(format!("the secret of the API keys: {error}"));
    let kept = kept.map(|(kept,)| STANDARD.decode(kept)).transpose().map_err(|error| damaged(error.to_string()))?;
    master_key.key_secret(kept.as_deref()).map_err(|error| damaged(error.to_string()))
}

/// Keeps the secret over a change of the master key.
pub(super) async fn keep(conn: &mut Conn, old: &MasterKey, new: &MasterKey, clock: &Clock) -> Result<(), StoreError> {
    let secret = find(conn, old).await?;
    sql!(&mut *conn, execute, "DELETE FROM meta WHERE name = $1", SECRET)?;
    // Back under the key that it followed from, it need not be kept.
    if new.key_secret(None).is_ok_and(|follows| follows == secret) {
        return Ok(());
    }
    let kept = STANDARD.encode(new.keep_key_secret(clock, &secret));
    sql!(conn, execute, "INSERT INTO meta (name, value) VALUES ($1, $2)", SECRET, &kept).map(drop)
}
