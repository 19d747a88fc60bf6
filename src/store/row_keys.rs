//! The keys of rows that were imported: which of them stand for messages that left or still may. The keys are stored with the
//! messages that they stand for (`accepting.rs`).

use std::collections::HashSet;

use super::row::row;
use super::{Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::device::Kind;

/// Whether it is certain that the message of a first answer never left and never leaves: it was given up before its first attempt,
/// or a sandbox has it and the parameter says that it is now for WhatsApp. A message that is no longer stored may have left.
macro_rules! unsent {
    ($sandbox:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM messages WHERE messages.ref_no = REPLACE(idempotency.answer, '\"', '') ",
            "AND messages.client_id = idempotency.client_id ",
            "AND (messages.status = 'A' AND messages.attempts = 0 OR messages.sandbox AND NOT ",
            $sandbox,
            "))"
        )
    };
}

pub(super) use unsent;

/// A row's key of an earlier version, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewedKey {
    pub former: String,
    pub key: String,
}

/// A row that an import has queued, of those that say one thing to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidBefore {
    /// What it says to whom.
    pub said: String,
    /// By which it is recognized.
    pub name: String,
    /// The id of the import, as it was accepted.
    pub body_hash: Vec<u8>,
    pub expires_at: Millis,
}

row!(SaidBefore { said, name, body_hash, expires_at });

impl Store {
    /// Rows of any campaign of a client that say one of those things, whose messages left or still may, and that are remembered
    /// for longer than until `expires_after`; where the next one goes through a device of that kind.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_said(
        &self,
        client_id: i64,
        said: &[&str],
        kind: Kind,
        expires_after: Millis,
    ) -> Result<Vec<SaidBefore>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_said(&conn);
        let said = serde_json::to_string(said).unwrap_or_default();
        sql!(&mut conn, all as SaidBefore, text, client_id, &said, expires_after, kind == Kind::Sandbox)
    }

    /// Those of a client's keys that stand for a message which left or still may, where the next one goes through a device of
    /// that kind.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_used_keys(
        &self,
        client_id: i64,
        keys: &[&str],
        kind: Kind,
        now: Millis,
    ) -> Result<HashSet<String>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_used_keys(&conn);
        let keys = serde_json::to_string(keys).unwrap_or_default();
        let used = sql!(&mut conn, all as (String,), text, client_id, &keys, now, kind == Kind::Sandbox)?;
        Ok(used.into_iter().map(|(key,)| key).collect())
    }

    /// Has rows that were recognized by keys of earlier versions be recognized by their own from now on, for as long as by those.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn renew_keys(&self, client_id: i64, keys: Vec<RenewedKey>) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                for RenewedKey { former, key } in &keys {
                    sql!(
                        &mut *conn,
                        execute,
                        "INSERT INTO idempotency (client_id, name, body_hash, answer, expires_at) \
                         SELECT client_id, $3, body_hash, answer, expires_at FROM idempotency \
                         WHERE client_id = $1 AND name = $2 \
                         ON CONFLICT (client_id, name) DO UPDATE SET body_hash = excluded.body_hash, \
                         answer = excluded.answer, expires_at = excluded.expires_at \
                         WHERE idempotency.expires_at < excluded.expires_at",
                        client_id,
                        former,
                        key,
                    )?;
                }
                Ok(())
            })
        })
        .await
    }
}
