//! What an empty store begins with: a client, its administrator, his key, and a sandbox device, all or nothing.

use super::{Store, StoreError, sql};
use crate::account::{KeyHash, Role};
use crate::clock::Millis;
use crate::device::{DeviceState, Kind};

/// The first rows.
#[derive(Debug, Clone)]
pub struct First {
    pub client_name: String,
    pub country_code: String,
    pub userid: String,
    pub password_hash: String,
    /// Its person is to choose another.
    pub password_given: bool,
    pub key_hash: KeyHash,
    pub key_hint: String,
    pub device_id: String,
    pub sender: String,
    pub device_name: String,
    pub now: Millis,
}

impl Store {
    /// Writes the first rows, if there is no client yet. `false` when there is.
    ///
    /// # Errors
    /// When they could not be stored.
    pub async fn found(&self, first: First) -> Result<bool, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "INSERT INTO clients (id, name, country_code, default_device, created_at) \
                     SELECT 1, $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM clients)",
                    &first.client_name,
                    &first.country_code,
                    &first.device_id,
                    first.now,
                )?;
                if rows == 0 {
                    return Ok(false);
                }
                if let super::Conn::Postgres(_) = conn {
                    sql!(&mut *conn, execute, "SELECT setval(pg_get_serial_sequence('clients', 'id'), 1)")?;
                }
                let person = sql!(
                    &mut *conn,
                    scalar as i64,
                    "INSERT INTO persons (client_id, userid, role, password_hash, password_given, created_at) \
                     VALUES (1, $1, $2, $3, $4, $5) RETURNING id",
                    &first.userid,
                    Role::Administrator.name(),
                    &first.password_hash,
                    first.password_given,
                    first.now,
                )?;
                sql!(
                    &mut *conn,
                    execute,
                    "INSERT INTO api_keys (client_id, person_id, name, hash, hint, created_at) \
                     VALUES (1, $1, 'first key', $2, $3, $4)",
                    person,
                    &first.key_hash.0[..],
                    &first.key_hint,
                    first.now,
                )?;
                sql!(
                    &mut *conn,
                    execute,
                    "INSERT INTO devices (id, client_id, sender, name, kind, state, created_at) VALUES ($1, 1, $2, $3, $4, $5, $6)",
                    &first.device_id,
                    &first.sender,
                    &first.device_name,
                    Kind::Sandbox.name(),
                    DeviceState::Connecting.name(),
                    first.now,
                )?;
                Ok(true)
            })
        })
        .await
    }
}
