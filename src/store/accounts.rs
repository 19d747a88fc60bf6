//! Clients, API keys and Push URLs.

use super::audit::Made;
use super::row::row;
use super::{Conn, Store, StoreError, link_shares, sql, url_passwords};
use crate::account::{Caller, Client, KeyRecord, Person, StoredKeyHash};
use crate::clock::Millis;
use crate::customer_url::StoredUrl;

macro_rules! client {
    ($rest:literal) => {
        concat!("SELECT id, name, country_code, default_device, disabled, waiting_quota, files_quota_mb, created_at FROM clients ", $rest)
    };
}

macro_rules! person {
    ($rest:literal) => {
        concat!("SELECT id, client_id, userid, role, disabled, created_at FROM persons ", $rest)
    };
}

macro_rules! key {
    ($rest:literal) => {
        concat!(
            "SELECT id, client_id, person_id, name, hint, created_at, expires_at, revoked_at, last_used_at FROM api_keys ",
            $rest
        )
    };
}

pub(super) use {client, person};

row!(Client { id, name, country_code, default_device, disabled, waiting_quota, files_quota_mb, created_at });
row!(KeyRecord { id, client_id, person_id, name, hint, created_at, expires_at, revoked_at, last_used_at });

/// A key to add.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub client_id: i64,
    pub person_id: i64,
    pub name: String,
    pub hash: StoredKeyHash,
    pub hint: String,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
}

/// What the store knows of a key that a request carries.
#[derive(Debug, Clone)]
pub struct Access {
    pub caller: Caller,
    pub expires_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
}

/// Where a client's inbound messages are pushed to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PushSettings {
    pub client_id: i64,
    pub push_url: Option<StoredUrl>,
    pub push_secret_version: i64,
    /// The secret itself, sealed, where it does not follow from the master key.
    #[serde(skip)]
    pub push_secret: Option<Vec<u8>>,
    pub push_paused_at: Option<Millis>,
    pub push_paused_reason: Option<String>,
}

row!(PushSettings { client_id, push_url, push_secret_version, push_secret, push_paused_at, push_paused_reason });

impl Store {
    /// Adds a client; gives its number.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn add_client(&self, name: &str, country_code: &str, now: Millis) -> Result<i64, StoreError> {
        let (name, country_code) = (name.to_owned(), country_code.to_owned());
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    scalar as i64,
                    "INSERT INTO clients (name, country_code, created_at) VALUES ($1, $2, $3) RETURNING id",
                    &name,
                    &country_code,
                    now,
                )
                .map(Made)
            })
        })
        .await
        .map(|Made(id)| id)
    }

    /// Every client, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_clients(&self) -> Result<Vec<Client>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as Client, client!("ORDER BY id"))
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn find_client(&self, id: i64) -> Result<Option<Client>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as Client, client!("WHERE id = $1"), id)
    }

    /// Writes a client's name, country code, default device, quotas and whether it is disabled, which ends its linking pages. `false` when
    /// there is no such client.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn update_client(&self, client: Client, now: Millis) -> Result<bool, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE clients SET name = $2, country_code = $3, default_device = $4, disabled = $5, waiting_quota = $6, \
                     files_quota_mb = $7 WHERE id = $1",
                    client.id,
                    &client.name,
                    &client.country_code,
                    &client.default_device,
                    client.disabled,
                    client.waiting_quota,
                    client.files_quota_mb,
                )?;
                link_shares::end_unpermitted(conn, now).await?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Adds a key; gives its number.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the key is known already.
    pub async fn add_key(&self, key: NewKey) -> Result<i64, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    scalar as i64,
                    "INSERT INTO api_keys (client_id, person_id, name, hash, is_keyed, hint, created_at, expires_at) \
                     VALUES ($1, $2, $3, $4, TRUE, $5, $6, $7) RETURNING id",
                    key.client_id,
                    key.person_id,
                    &key.name,
                    &key.hash.0[..],
                    &key.hint,
                    key.created_at,
                    key.expires_at,
                )
                .map(Made)
            })
        })
        .await
        .map(|Made(id)| id)
    }

    /// The keys of a client, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_keys(&self, client_id: i64) -> Result<Vec<KeyRecord>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as KeyRecord, key!("WHERE client_id = $1 ORDER BY id"), client_id)
    }

    /// Ends a key, and the linking pages that were shared with it. `false` when the client has none of that number.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn revoke_key(&self, client_id: i64, id: i64, now: Millis) -> Result<bool, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND client_id = $2",
                    id,
                    client_id,
                    now,
                )?;
                link_shares::end_unpermitted(conn, now).await?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Notes when keys were last used.
    ///
    /// # Errors
    /// When it could not be stored; nothing is lost by it.
    pub async fn note_key_use(&self, uses: Vec<(i64, Millis)>) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                for (id, at) in uses {
                    sql!(&mut *conn, execute, "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", id, at)?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Whose key has this hash, whether or not it may still be used.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_access(&self, hash: &StoredKeyHash) -> Result<Option<Access>, StoreError> {
        let mut conn = self.reader().await?;
        let key = sql!(&mut conn, optional as KeyRecord, key!("WHERE hash = $1"), &hash.0[..])?;
        let Some(key) = key else { return Ok(None) };
        let person = sql!(&mut conn, one as Person, person!("WHERE id = $1"), key.person_id)?;
        let client = sql!(&mut conn, one as Client, client!("WHERE id = $1"), key.client_id)?;
        Ok(Some(Access {
            caller: Caller { key_id: key.id, page: None, person, client },
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        }))
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn find_push_settings(&self, client_id: i64) -> Result<Option<PushSettings>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as PushSettings,
            "SELECT id AS client_id, push_url, push_secret_version, push_secret, push_paused_at, push_paused_reason \
             FROM clients WHERE id = $1",
            client_id,
        )
    }

    /// Whether a client's Push URL is shown as this text: its password need not be given again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn shows_push_url(&self, client_id: i64, text: &str) -> Result<bool, StoreError> {
        let settings = self.find_push_settings(client_id).await?;
        Ok(settings.and_then(|settings| settings.push_url).is_some_and(|url| url.to_string() == text))
    }

    /// Sets or removes a client's Push URL, and sets a paused one going again. One that is given as it is shown keeps its password. `false`
    /// when there is no such client.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn set_push_url(&self, client_id: i64, url: Option<String>, now: Millis) -> Result<bool, StoreError> {
        let passwords = self.urls.clone();
        self.act(move |conn| {
            Box::pin(async move {
                let url = match url {
                    Some(url) => Some(url_passwords::push_url(conn, &passwords, client_id, url).await?),
                    None => None,
                };
                renew_pushes(conn, client_id, now).await?;
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE clients SET push_url = $2, push_paused_at = NULL, push_paused_reason = NULL WHERE id = $1",
                    client_id,
                    url.as_ref().map(StoredUrl::as_stored),
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Makes the next secret the one that pushes are signed with.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn rotate_push_secret(&self, client_id: i64) -> Result<bool, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE clients SET push_secret_version = push_secret_version + 1, push_secret = NULL WHERE id = $1",
                    client_id,
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Rests a client's pushes, or (with no reason) sets them going again, each with its 72 hours before it.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn pause_push(&self, client_id: i64, reason: Option<String>, now: Millis) -> Result<bool, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                let rows = rest_pushes(conn, client_id, reason.as_deref(), now).await?;
                if reason.is_none() {
                    renew_pushes(conn, client_id, now).await?;
                }
                Ok(rows == 1)
            })
        })
        .await
    }
}

/// Rests a client's pushes for a reason; without one ends their rest. Gives how many clients that was.
pub(super) async fn rest_pushes(
    conn: &mut Conn,
    client_id: i64,
    reason: Option<&str>,
    now: Millis,
) -> Result<u64, StoreError> {
    sql!(
        conn,
        execute,
        "UPDATE clients SET push_paused_at = $2, push_paused_reason = $3 WHERE id = $1",
        client_id,
        reason.map(|_| now),
        reason,
    )
}

/// Makes what is not delivered yet due at once, as if it had never been tried.
async fn renew_pushes(conn: &mut Conn, client_id: i64, now: Millis) -> Result<u64, StoreError> {
    sql!(
        conn,
        execute,
        "UPDATE pushes SET first_at = $2, due_at = $2, attempts = 0 WHERE client_id = $1 AND status = 'due'",
        client_id,
        now,
    )
}
