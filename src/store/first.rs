//! What an empty store begins with: a client, its administrator, his key, and a sandbox device, all or nothing.

use super::persons::insert_person;
use super::{NewPerson, Store, StoreError, sql};
use crate::account::{Role, StoredKeyHash};
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
    pub key_hash: StoredKeyHash,
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
                let administrator = NewPerson {
                    client_id: 1,
                    userid: first.userid,
                    role: Role::Administrator,
                    password_hash: Some(first.password_hash),
                    created_at: first.now,
                };
                let person = insert_person(conn, administrator).await?;
                if !first.password_given {
                    sql!(&mut *conn, execute, "UPDATE persons SET password_given = FALSE WHERE id = $1", person)?;
                }
                sql!(
                    &mut *conn,
                    execute,
                    "INSERT INTO api_keys (client_id, person_id, name, hash, is_keyed, hint, created_at) \
                     VALUES (1, $1, 'first key', $2, TRUE, $3, $4)",
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
