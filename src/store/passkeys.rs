//! The passkey step of linking: what WhatsApp asks for, and what a person answers.

use super::row::row;
use super::{Conn, Lease, Store, StoreError, sql};
use crate::clock::Millis;

/// How far the step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    /// required, sent, confirm or failed.
    pub status: String,
    pub options: String,
    /// The code to compare, sealed.
    pub code: Option<Vec<u8>>,
    pub expires_at: Millis,
}

row!(StoredPasskey { status, options, code, expires_at });

/// What WhatsApp asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyRequest {
    /// An assertion, by `expires_at`.
    Assertion { options: String, expires_at: Millis },
    /// To compare this code, sealed, with the one on the phone.
    Confirmation { code: Vec<u8> },
}

impl Store {
    /// How far the passkey step of a device's link is; `None` where WhatsApp asked for none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_passkey(&self, device_id: &str) -> Result<Option<StoredPasskey>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as StoredPasskey,
            "SELECT status, options, code, expires_at FROM passkeys WHERE device_id = $1",
            device_id,
        )
    }

    /// Stores a person's answer to `asked`, sealed, for the device's loop. `false` when something else is asked for by now.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn answer_passkey(
        &self,
        device_id: &str,
        asked: StoredPasskey,
        answer: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE passkeys SET status = 'sent', answer = $3 WHERE device_id = $1 AND status = $2 AND options = $4 \
                     AND expires_at = $5 AND (code = $6 OR (code IS NULL AND $6 IS NULL))",
                    &device_id,
                    &asked.status,
                    &answer,
                    &asked.options,
                    asked.expires_at,
                    &asked.code,
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Takes the answer that is to be passed on to WhatsApp, if there is one.
    ///
    /// # Errors
    /// When it could not be stored that it was taken.
    pub async fn take_passkey_answer(&self, lease: &Lease) -> Result<Option<Vec<u8>>, StoreError> {
        // Asked at every turn of the device's loop, which seldom finds one: the write is for when there is one.
        let mut conn = self.reader().await?;
        let query = "SELECT CAST(1 AS BIGINT) FROM passkeys WHERE device_id = $1 AND answer IS NOT NULL";
        if sql!(&mut conn, optional as (i64,), query, &lease.device_id)?.is_none() {
            return Ok(None);
        }
        drop(conn);
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let answer = sql!(
                    &mut *conn,
                    optional as (Vec<u8>,),
                    "SELECT answer FROM passkeys WHERE device_id = $1 AND answer IS NOT NULL AND EXISTS \
                     (SELECT 1 FROM devices WHERE id = $1 AND lease_epoch = $2)",
                    &lease.device_id,
                    lease.epoch,
                )?;
                if answer.is_some() {
                    sql!(conn, execute, "UPDATE passkeys SET answer = NULL WHERE device_id = $1", &lease.device_id)?;
                }
                Ok(answer.map(|(answer,)| answer))
            })
        })
        .await
    }
}

/// Stores what WhatsApp asks for, unless another attempt has begun by now. A code that was shown before is no longer good.
pub(super) async fn request(
    conn: &mut Conn,
    lease: &Lease,
    attempt: Millis,
    request: &PasskeyRequest,
) -> Result<(), StoreError> {
    let is_current = "SELECT CAST(1 AS BIGINT) FROM devices WHERE id = $1 AND wish IS NOT NULL AND wish_at = $2";
    if sql!(&mut *conn, optional as (i64,), is_current, &lease.device_id, attempt)?.is_none() {
        return Ok(());
    }
    match request {
        PasskeyRequest::Assertion { options, expires_at } => {
            sql!(
                &mut *conn,
                execute,
                "INSERT INTO passkeys (device_id, status, options, expires_at) VALUES ($1, 'required', $2, $3) \
                 ON CONFLICT (device_id) DO UPDATE SET status = 'required', options = excluded.options, code = NULL, \
                 expires_at = excluded.expires_at, answer = NULL",
                &lease.device_id,
                options,
                *expires_at,
            )?;
            sql!(
                conn,
                execute,
                "UPDATE device_links SET code = NULL, expires_at = NULL WHERE device_id = $1",
                &lease.device_id,
            )
            .map(drop)
        }
        PasskeyRequest::Confirmation { code } => sql!(
            conn,
            execute,
            "UPDATE passkeys SET status = 'confirm', code = $2, answer = NULL WHERE device_id = $1",
            &lease.device_id,
            &code[..],
        )
        .map(drop),
    }
}

/// The link came to an end: a failed step is kept to be shown, until the next link begins.
pub(super) async fn end(conn: &mut Conn, device_id: &str, is_failed: bool) -> Result<(), StoreError> {
    if is_failed {
        let text = "UPDATE passkeys SET status = 'failed', code = NULL, answer = NULL WHERE device_id = $1";
        return sql!(conn, execute, text, device_id).map(drop);
    }
    sql!(conn, execute, "DELETE FROM passkeys WHERE device_id = $1", device_id).map(drop)
}
