//! Passwords in media URLs and Push URLs: sealed before they are stored, and those that an earlier version has stored in clear, at the first
//! start.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::row::row;
use super::sqlite::{self, Use};
use super::{Conn, Store, StoreError, dialect, sql};
use crate::clock::Clock;
use crate::customer_url::{StoredUrl, UrlSealer, masked};
use crate::limits;
use crate::message::{Content, MediaSource};
use crate::seal::DoesNotOpen;
use crate::secrets::MasterKey;
use crate::store::Accept;

/// Under which name `meta` says that there may be passwords in clear.
const IN_CLEAR: &str = "url_passwords_in_clear";
/// Numbers of messages that are looked through at once.
const MESSAGES_AT_ONCE: i64 = 50_000;

/// What seals, once the store knows its master key. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct UrlPasswords(Arc<OnceLock<UrlSealer>>);

struct ClientUrl {
    /// Of the client, or of its message.
    id: i64,
    client_id: i64,
    url: StoredUrl,
}

row!(ClientUrl { id, client_id, url });

struct Answer {
    client_id: i64,
    name: String,
    answer: String,
}

row!(Answer { client_id, name, answer });

impl UrlPasswords {
    /// A client's address as it is stored.
    ///
    /// # Errors
    /// When it has a password, and the store does not know its master key.
    pub(super) fn seal(&self, client_id: i64, url: String) -> Result<StoredUrl, StoreError> {
        match self.0.get() {
            Some(sealer) => Ok(sealer.seal(client_id, &url).unwrap_or_else(|| url.into())),
            None if masked(&url) == url => Ok(url.into()),
            None => Err(StoreError::Refused("there is no master key yet to seal the password of a URL with".into())),
        }
    }

    pub(super) fn open(&self, client_id: i64, url: &StoredUrl) -> Result<String, DoesNotOpen> {
        self.0.get().map_or_else(|| Ok(url.as_stored().to_owned()), |sealer| sealer.open(client_id, url))
    }

    /// Whether an address is the one that is stored; one that was copied from where it is shown is, too.
    pub(super) fn is_same(&self, client_id: i64, stored: &StoredUrl, given: &str) -> bool {
        stored.to_string() == given || self.open(client_id, stored).is_ok_and(|url| url == given)
    }
}

impl Accept {
    /// Seals the password in the address of its file.
    pub(super) fn seal_url(&mut self, passwords: &UrlPasswords) -> Result<(), StoreError> {
        let client_id = self.message.client_id;
        if let Content::Media { source: MediaSource::Url(url), .. } = &mut self.message.content {
            *url = passwords.seal(client_id, std::mem::take(url))?.into_stored();
        }
        Ok(())
    }
}

impl Store {
    /// Has passwords in URLs sealed under this key from now on, and seals those that are stored in clear. Done again, it goes on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn seal_urls(&self, master_key: &MasterKey, clock: &Clock) -> Result<(), StoreError> {
        let sealer = self.urls.0.get_or_init(|| UrlSealer::new(master_key, clock)).clone();
        let mut conn = self.reader().await?;
        let in_clear = "SELECT COUNT(*) FROM meta WHERE name = $1";
        if sql!(&mut conn, scalar as i64, in_clear, IN_CLEAR)? == 0 {
            return Ok(());
        }
        let messages = sql!(&mut conn, scalar as Option<i64>, "SELECT MAX(seq) FROM messages")?.unwrap_or(0);
        drop(conn);
        let of_clients = sealer.clone();
        let mut sealed =
            self.write(move |conn| Box::pin(async move { seal_push_urls(conn, &of_clients).await })).await?;
        for after in (0..messages).step_by(usize::try_from(MESSAGES_AT_ONCE).unwrap_or(1)) {
            let sealer = sealer.clone();
            sealed +=
                self.write(move |conn| Box::pin(async move { seal_media_urls(conn, &sealer, after).await })).await?;
        }
        sealed += self.write(|conn| Box::pin(async move { mask_answers(conn).await })).await?;
        sealed += self.write(|conn| Box::pin(async move { mask_previews(conn).await })).await?;
        if sealed > 0 {
            tracing::info!(sealed, "passwords in URLs are sealed now");
            self.overwrite_freed_pages().await?;
        }
        self.write(move |conn| {
            Box::pin(async move { sql!(conn, execute, "DELETE FROM meta WHERE name = $1", IN_CLEAR).map(drop) })
        })
        .await
    }

    /// A client's address with its password, for a request that goes out now.
    ///
    /// # Errors
    /// When it was changed in the store, or sealed under another master key.
    pub fn open_url(&self, client_id: i64, url: &StoredUrl) -> Result<String, DoesNotOpen> {
        self.urls.open(client_id, url)
    }

    /// An embedded database keeps what its rows held before in pages that are free, and in its log. A server has others to look after that.
    pub(super) async fn overwrite_freed_pages(&self) -> Result<(), StoreError> {
        let Conn::Sqlite(mut conn) = self.reader().await? else { return Ok(()) };
        let path = conn.call(|connection| Ok(connection.path().map(std::path::PathBuf::from)))?;
        let Some(path) = path else { return Ok(()) };
        let writing = sqlite::connect(&path, Use::Writing).map_err(dialect::classify_sqlite)?;
        if let Err(error) = writing.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the database file may hold former secrets in pages that are free until VACUUM is run on it");
        }
        Ok(())
    }
}

async fn seal_push_urls(conn: &mut Conn, sealer: &UrlSealer) -> Result<usize, StoreError> {
    let text = "SELECT id, id AS client_id, push_url AS url FROM clients WHERE push_url LIKE '%@%'";
    let mut sealed = 0;
    for ClientUrl { id, client_id, url } in sql!(&mut *conn, all as ClientUrl, text)? {
        let Some(url) = sealer.seal_once(client_id, &url) else { continue };
        sql!(&mut *conn, execute, "UPDATE clients SET push_url = $2 WHERE id = $1", id, url.as_stored())?;
        sealed += 1;
    }
    Ok(sealed)
}

async fn seal_media_urls(conn: &mut Conn, sealer: &UrlSealer, after: i64) -> Result<usize, StoreError> {
    let text = "SELECT seq AS id, client_id, media_url AS url FROM messages \
                WHERE seq > $1 AND seq <= $2 AND media_url LIKE '%@%'";
    let mut sealed = 0;
    for ClientUrl { id, client_id, url } in sql!(&mut *conn, all as ClientUrl, text, after, after + MESSAGES_AT_ONCE)? {
        let Some(url) = sealer.seal_once(client_id, &url) else { continue };
        sql!(&mut *conn, execute, "UPDATE messages SET media_url = $2 WHERE seq = $1", id, url.as_stored())?;
        sealed += 1;
    }
    Ok(sealed)
}

/// What is shown again needs no password.
async fn mask_answers(conn: &mut Conn) -> Result<usize, StoreError> {
    let text = "SELECT client_id, name, answer FROM idempotency WHERE answer LIKE '%media_url%@%'";
    let mut changed = 0;
    for Answer { client_id, name, answer } in sql!(&mut *conn, all as Answer, text)? {
        let Some(answer) = masked_json(&answer) else { continue };
        let text = "UPDATE idempotency SET answer = $3 WHERE client_id = $1 AND name = $2";
        sql!(&mut *conn, execute, text, client_id, &name, &answer)?;
        changed += 1;
    }
    Ok(changed)
}

async fn mask_previews(conn: &mut Conn) -> Result<usize, StoreError> {
    let text = "SELECT id, preview FROM imports WHERE preview LIKE '%media_url%@%'";
    let mut changed = 0;
    for (id, preview) in sql!(&mut *conn, all as (String, String), text)? {
        let Some(preview) = masked_json(&preview) else { continue };
        sql!(&mut *conn, execute, "UPDATE imports SET preview = $2 WHERE id = $1", &id, &preview)?;
        changed += 1;
    }
    Ok(changed)
}

/// The same with the passwords masked in every `media_url`; `None` where there are none.
fn masked_json(text: &str) -> Option<String> {
    fn mask(value: &mut Value, name: &str) {
        match value {
            Value::String(text) if name == "media_url" => *text = masked(text).into_owned(),
            Value::Array(values) => values.iter_mut().for_each(|value| mask(value, name)),
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| mask(value, name)),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(text).ok()?;
    let before = value.clone();
    mask(&mut value, "");
    (value != before).then(|| value.to_string())
}

/// A client's Push URL as it is stored: the one that is there, where what is given is how that is shown.
pub(super) async fn push_url(
    conn: &mut Conn,
    passwords: &UrlPasswords,
    client_id: i64,
    given: String,
) -> Result<StoredUrl, StoreError> {
    let text = "SELECT push_url FROM clients WHERE id = $1 AND push_url IS NOT NULL";
    let stored = sql!(conn, optional as (StoredUrl,), text, client_id)?;
    match stored {
        Some((stored,)) if stored.to_string() == given => Ok(stored),
        _ => passwords.seal(client_id, given),
    }
}

/// Seals the passwords again under another master key; gives how many there are.
pub(super) async fn seal_again(
    conn: &mut Conn,
    old: &MasterKey,
    new: &MasterKey,
    clock: &Clock,
) -> Result<u64, StoreError> {
    let (old, new) = (UrlSealer::new(old, clock), UrlSealer::new(new, clock));
    let again = |row: &ClientUrl| -> Result<Option<StoredUrl>, StoreError> {
        let opened = old.open(row.client_id, &row.url).map_err(|error| StoreError::Refused(error.to_string()))?;
        Ok(new.seal(row.client_id, &opened))
    };
    let mut count = 0;
    let text = "SELECT id, id AS client_id, push_url AS url FROM clients WHERE push_url LIKE '%@%'";
    for row in sql!(&mut *conn, all as ClientUrl, text)? {
        let Some(url) = again(&row)? else { continue };
        sql!(&mut *conn, execute, "UPDATE clients SET push_url = $2 WHERE id = $1", row.id, url.as_stored())?;
        count += 1;
    }
    let mut last = 0;
    loop {
        let text = "SELECT seq AS id, client_id, media_url AS url FROM messages WHERE media_url LIKE '%@%' AND seq > $1 \
                    ORDER BY seq LIMIT $2";
        let rows = sql!(&mut *conn, all as ClientUrl, text, last, limits::PAGE_ROWS_MAX)?;
        let Some(end) = rows.last() else { return Ok(count) };
        last = end.id;
        for row in &rows {
            let Some(url) = again(row)? else { continue };
            sql!(&mut *conn, execute, "UPDATE messages SET media_url = $2 WHERE seq = $1", row.id, url.as_stored())?;
            count += 1;
        }
    }
}
