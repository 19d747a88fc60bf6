//! What is asked about messages: one by its reference number, counts. Pages of them are `listing.rs`'s.

use super::row::row;
use super::{Store, StoreError, sql};
use crate::clock::Millis;
use crate::customer_url::StoredUrl;
use crate::message::{Priority, RefNo, State};

macro_rules! columns {
    () => {
        "seq, ref_no, client_id, person_id, device_id, sender, destination, is_group, body, is_media, \
         CASE WHEN kind IS NULL AND is_media THEN (SELECT media.kind FROM media WHERE media.id = messages.media_id) \
         ELSE kind END AS kind, media_id, media_url, file_name, status, reason, created_at, expires_at, due_at, attempts, under_way_at, sent_at, delivered_at, read_at, \
         aborted_at, members, delivered_count, read_count, priority, tag, fetch_attempts, wait_code, wait_reason, sandbox"
    };
}

macro_rules! message {
    ($rest:literal) => {
        concat!("SELECT ", $crate::store::messages::columns!(), " FROM messages ", $rest)
    };
}
pub(super) use {columns, message};

/// The columns of a [`StoredMessage`].
pub(super) const COLUMNS: &str = columns!();

/// A message as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    pub seq: i64,
    pub ref_no: String,
    pub client_id: i64,
    pub person_id: i64,
    pub device_id: String,
    pub sender: String,
    pub destination: String,
    pub is_group: bool,
    pub body: Option<String>,
    pub is_media: bool,
    /// As what it is shown, of a message with a file; what was asked for, while the file is not here. Nothing where nobody can tell yet.
    pub kind: Option<String>,
    pub media_id: Option<String>,
    pub media_url: Option<StoredUrl>,
    pub file_name: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub due_at: Millis,
    pub attempts: i64,
    pub under_way_at: Option<Millis>,
    pub sent_at: Option<Millis>,
    pub delivered_at: Option<Millis>,
    pub read_at: Option<Millis>,
    pub aborted_at: Option<Millis>,
    pub members: Option<i64>,
    pub delivered_count: i64,
    pub read_count: i64,
    pub priority: Priority,
    pub tag: Option<String>,
    /// Downloads of its file that failed.
    pub fetch_attempts: i64,
    /// Why it waits until `due_at`: `media`, `retry`, `rate_limited` or `new_contacts`; none while it only waits for its turn.
    pub wait_code: Option<String>,
    /// The same in words.
    pub wait_reason: Option<String>,
    /// Whether its gateway was a sandbox when it was accepted.
    pub sandbox: bool,
}

row!(StoredMessage {
    seq,
    ref_no,
    client_id,
    person_id,
    device_id,
    sender,
    destination,
    is_group,
    body,
    is_media,
    kind,
    media_id,
    media_url,
    file_name,
    status,
    reason,
    created_at,
    expires_at,
    due_at,
    attempts,
    under_way_at,
    sent_at,
    delivered_at,
    read_at,
    aborted_at,
    members,
    delivered_count,
    read_count,
    priority: i64,
    tag,
    fetch_attempts,
    wait_code,
    wait_reason,
    sandbox
});

impl StoredMessage {
    /// Its state; `U` never stands in the store, it follows from the device ([`State::shown`]).
    pub fn state(&self) -> State {
        State::from_letter(&self.status).unwrap_or(State::Queue)
    }
}

impl Store {
    /// The message of a client that has this reference number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_message(&self, client_id: i64, ref_no: &RefNo) -> Result<Option<StoredMessage>, StoreError> {
        let found = self.lookups.find(ref_no.clone()).await?;
        Ok(found.filter(|message| message.client_id == client_id))
    }

    /// How many messages are in each stored state, of one client or of all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_messages(&self, client_id: Option<i64>) -> Result<Vec<(String, i64)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as (String, i64),
            "SELECT status, COUNT(*) FROM messages WHERE ($1 IS NULL OR client_id = $1) GROUP BY status ORDER BY status",
            client_id,
        )
    }

    /// How many messages wait, for each device that has any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_waiting(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as (String, i64),
            "SELECT device_id, COUNT(*) FROM messages WHERE status = 'Q' GROUP BY device_id ORDER BY device_id",
        )
    }

    /// Messages of a sandbox that were sent but not read, oldest first: those among `rows` rows on either side of
    /// the first that still waits, which is where a device that stopped was at work.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_unread(
        &self,
        device_id: &str,
        since: Millis,
        rows: i64,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let mut conn = self.reader().await?;
        let head = sql!(
            &mut conn,
            scalar as i64,
            "SELECT COALESCE((SELECT MIN(seq) FROM messages WHERE device_id = $1 AND status = 'Q'), \
             (SELECT MAX(seq) + 1 FROM messages), 0)",
            device_id,
        )?;
        sql!(
            &mut conn,
            all as StoredMessage,
            message!(
                "WHERE ref_no <> '' AND seq > $2 AND seq < $3 AND device_id = $1 AND status IN ('S', 'D') AND sandbox \
                 AND created_at >= $4 ORDER BY seq"
            ),
            device_id,
            head - rows,
            head + rows,
            since,
        )
    }

    /// The first answer that was given under an `Idempotency-Key`, with the hash of its request's body.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_first_answer(
        &self,
        client_id: i64,
        key: &str,
        now: Millis,
    ) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as (Vec<u8>, String),
            "SELECT body_hash, answer FROM idempotency WHERE client_id = $1 AND name = $2 AND expires_at > $3",
            client_id,
            key,
            now,
        )
    }

    /// Forgets first answers whose time is over; gives how many.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn forget_first_answers(&self, now: Millis) -> Result<u64, StoreError> {
        self.write(move |conn| {
            Box::pin(async move { sql!(conn, execute, "DELETE FROM idempotency WHERE expires_at <= $1", now) })
        })
        .await
    }
}
