//! The hot path of a message out: accepted, begun, and moved forward. These writes are built for batches.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use sqlx::AssertSqlSafe;

use super::{Conn, Store, StoreError, dialect, sql};
use crate::clock::{self, Millis};
use crate::limits;
use crate::message::{Content, MediaSource, NewMessage, RefNo};

/// A message to accept, with what must be true for it.
#[derive(Debug)]
pub struct Accept {
    pub message: NewMessage,
    /// The gateway's messages a day; 0 for no limit.
    pub daily_limit: i64,
    pub idempotent: Option<Idempotent>,
}

/// The first answer to an `Idempotency-Key`, stored with the message that it answers.
#[derive(Debug)]
pub struct Idempotent {
    pub key: String,
    pub body_hash: Vec<u8>,
    /// The answer's `data`, as JSON.
    pub answer: String,
    /// Until then the answer is replayed.
    pub expires_at: Millis,
}

/// A message that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted;

/// A message that waits in its device's queue.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    pub seq: i64,
    pub ref_no: String,
    pub client_id: i64,
    pub destination: String,
    pub is_group: bool,
    pub body: Option<String>,
    pub is_media: bool,
    pub media_id: Option<String>,
    pub media_url: Option<String>,
    pub file_name: Option<String>,
    pub expires_at: Millis,
    pub due_at: Millis,
    pub attempts: i64,
}

/// Why a message that waited too long was given up.
pub const fn expired(was_tried: bool) -> &'static str {
    if was_tried {
        "its timeout passed without an acknowledgement; it may have been delivered"
    } else {
        "its timeout passed before it could be sent"
    }
}

/// A message whose attempt is on the disk, so that it may be written to WhatsApp.
pub type Begun = RefNo;

impl Store {
    /// Stores a message; when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::DailyLimit`], [`StoreError::KeyUsed`], or that nothing could be stored.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        self.writer.accept(accept).await
    }

    /// The messages of a device that wait, in the order of acceptance, behind the one numbered `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_waiting(&self, device_id: &str, after: i64, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as Waiting,
            "SELECT seq, ref_no, client_id, destination, is_group, body, is_media, media_id, media_url, file_name, \
             expires_at, due_at, attempts FROM messages WHERE device_id = $1 AND status = 'Q' AND seq > $2 \
             ORDER BY seq LIMIT $3",
            device_id,
            after,
            i64::try_from(limit).unwrap_or(i64::MAX),
        )
    }

    /// Marks attempts as under way, and says which of them may now be written to WhatsApp: those that nobody cancelled and
    /// whose time is not over. `None` when the device may send nothing now: it is paused, or another node's.
    ///
    /// # Errors
    /// When it could not be stored: then none may.
    pub async fn begin_attempts(
        &self,
        device_id: &str,
        epoch: i64,
        now: Millis,
        ref_nos: Vec<RefNo>,
    ) -> Result<Option<Vec<Begun>>, StoreError> {
        let device_id = device_id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                let may_send = sql!(
                    &mut *conn,
                    optional as (bool,),
                    "SELECT paused FROM devices WHERE id = $1 AND lease_epoch = $2 AND removed_at IS NULL",
                    &device_id,
                    epoch,
                )?;
                if may_send != Some((false,)) {
                    return Ok(None);
                }
                let mut begun = Vec::with_capacity(ref_nos.len());
                for ref_no in ref_nos {
                    let rows = sql!(
                        &mut *conn,
                        execute,
                        "UPDATE messages SET under_way_at = $2, attempts = attempts + 1 WHERE ref_no = $1 \
                         AND status = 'Q' AND expires_at > $2",
                        ref_no.as_str(),
                        now,
                    )?;
                    if rows == 1 {
                        begun.push(ref_no);
                    }
                }
                Ok(Some(begun))
            })
        })
        .await
    }

    /// Ends every waiting message whose time is over; gives how many. One that is under way is left to its device for
    /// `grace_ms`, which hears of an acknowledgement first.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn expire_messages(&self, now: Millis, grace_ms: Millis) -> Result<u64, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE messages SET status = 'A', aborted_at = $1, under_way_at = NULL, \
                     reason = CASE WHEN under_way_at IS NULL THEN $3 ELSE $4 END \
                     WHERE status = 'Q' AND expires_at <= $1 AND (under_way_at IS NULL OR under_way_at <= $2)",
                    now,
                    now - grace_ms,
                    expired(false),
                    expired(true),
                )
            })
        })
        .await
    }

    /// Aborts a message that waits. `false` when it has left, has ended, or an attempt is under way.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn cancel_message(&self, client_id: i64, ref_no: &RefNo, now: Millis) -> Result<bool, StoreError> {
        let ref_no = ref_no.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE messages SET status = 'A', aborted_at = $3, reason = 'cancelled' \
                     WHERE ref_no = $1 AND client_id = $2 AND status = 'Q' AND under_way_at IS NULL",
                    ref_no.as_str(),
                    client_id,
                    now,
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }
}

/// Stores a batch of acceptances; one result each, in their order.
pub(super) async fn store_accepts(
    conn: &mut Conn,
    accepts: &[Accept],
) -> Result<Vec<Result<Accepted, StoreError>>, StoreError> {
    let mut results: Vec<Result<Accepted, StoreError>> = accepts.iter().map(|_| Ok(Accepted)).collect();
    for (accept, result) in accepts.iter().zip(&mut results) {
        if let Some(first) = &accept.idempotent
            && !store_first_answer(conn, &accept.message, first).await?
        {
            *result = Err(StoreError::KeyUsed);
        }
    }
    count_days(conn, accepts, &mut results).await?;
    for (accept, result) in accepts.iter().zip(&results) {
        // A key must not answer for a message that was refused.
        if let (Some(first), Err(StoreError::DailyLimit { .. })) = (&accept.idempotent, result) {
            forget_first_answer(conn, accept.message.client_id, &first.key).await?;
        }
    }
    let stored: Vec<&NewMessage> =
        accepts.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(accept, _)| &accept.message).collect();
    insert_messages(conn, &stored, Then::Nothing).await?;
    Ok(results)
}

/// `false` when the key stands for another answer already.
async fn store_first_answer(conn: &mut Conn, message: &NewMessage, first: &Idempotent) -> Result<bool, StoreError> {
    let rows = sql!(
        conn,
        execute,
        "INSERT INTO idempotency (client_id, name, body_hash, answer, expires_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (client_id, name) DO UPDATE SET body_hash = excluded.body_hash, answer = excluded.answer, \
         expires_at = excluded.expires_at WHERE idempotency.expires_at <= $6",
        message.client_id,
        &first.key,
        &first.body_hash[..],
        &first.answer,
        first.expires_at,
        message.created_at,
    )?;
    Ok(rows == 1)
}

async fn forget_first_answer(conn: &mut Conn, client_id: i64, key: &str) -> Result<(), StoreError> {
    sql!(conn, execute, "DELETE FROM idempotency WHERE client_id = $1 AND name = $2", client_id, key).map(drop)
}

/// Counts the batch on its devices' days, and refuses what is over a limit, the latest first.
async fn count_days(
    conn: &mut Conn,
    accepts: &[Accept],
    results: &mut [Result<Accepted, StoreError>],
) -> Result<(), StoreError> {
    // In the order of their names, so that two batches on two connections cannot wait for each other.
    let mut days: BTreeMap<(&str, i64), Vec<usize>> = BTreeMap::new();
    for (at, accept) in accepts.iter().enumerate().filter(|(at, _)| results[*at].is_ok()) {
        let day = clock::day(accept.message.created_at);
        days.entry((&accept.message.device_id, day)).or_default().push(at);
    }
    for ((device_id, day), places) in days {
        dialect::lock_queue(conn, device_id).await?;
        let count = i64::try_from(places.len()).unwrap_or(i64::MAX);
        let total = sql!(
            &mut *conn,
            scalar as i64,
            "INSERT INTO device_days (device_id, day, accepted) VALUES ($1, $2, $3) ON CONFLICT (device_id, day) \
             DO UPDATE SET accepted = device_days.accepted + excluded.accepted RETURNING accepted",
            device_id,
            day,
            count,
        )?;
        let limit = accepts[places[0]].daily_limit;
        let over = if limit > 0 { (total - limit).clamp(0, count) } else { 0 };
        if over > 0 {
            for at in places.iter().rev().take(usize::try_from(over).unwrap_or(0)) {
                results[*at] = Err(StoreError::DailyLimit { limit });
            }
            sql!(
                &mut *conn,
                execute,
                "UPDATE device_days SET accepted = accepted - $3 WHERE device_id = $1 AND day = $2",
                device_id,
                day,
                over,
            )?;
        }
    }
    Ok(())
}

/// Whether acceptances are of the most frequent kind, which only the database itself can refuse: without a daily limit and
/// without an `Idempotency-Key`; on a database that stores them in two goes.
pub(super) fn are_plain(conn: &Conn, accepts: &[Accept]) -> bool {
    let is_plain = |accept: &Accept| accept.daily_limit == 0 && accept.idempotent.is_none();
    dialect::takes_several_statements(conn) && accepts.iter().all(is_plain)
}

/// Stores plain acceptances and commits them. The transaction begins and ends within its statements: waiting for the
/// database twice instead of four times is what lets a batch keep up with its requests.
pub(super) async fn commit_plain(conn: &mut Conn, accepts: &[Accept]) -> Result<(), StoreError> {
    let mut days: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for accept in accepts {
        *days.entry((&accept.message.device_id, clock::day(accept.message.created_at))).or_default() += 1;
    }
    let rows = vec!["(?, ?, ?)"; days.len()].join(",");
    let text = format!(
        "BEGIN IMMEDIATE; INSERT INTO device_days (device_id, day, accepted) VALUES {rows} ON CONFLICT (device_id, day) \
         DO UPDATE SET accepted = device_days.accepted + excluded.accepted"
    );
    if let Conn::Sqlite(conn) = conn {
        let counts = sqlx::query(AssertSqlSafe(text));
        let counts = days.iter().fold(counts, |query, ((device, day), count)| query.bind(device).bind(day).bind(count));
        counts.execute(&mut **conn).await?;
    }
    let messages: Vec<&NewMessage> = accepts.iter().map(|accept| &accept.message).collect();
    insert_messages(conn, &messages, Then::Commit).await
}

const COLUMNS: &str = "ref_no, client_id, person_id, device_id, sender, destination, is_group, body, is_media, \
                       media_id, media_url, file_name, status, created_at, expires_at, due_at";
const COLUMN_COUNT: usize = 16;

/// What follows the last `INSERT` in the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Commit,
}

/// The text of an `INSERT` with so many rows, made once.
fn insert_text(conn: &Conn, rows: usize, then: Then) -> &'static str {
    type Texts = [OnceLock<String>; limits::INSERT_ROWS_MAX];
    static TEXTS: [Texts; 3] = [const { [const { OnceLock::new() }; limits::INSERT_ROWS_MAX] }; 3];
    let (kind, end) = match (conn, then) {
        (Conn::Sqlite(_), Then::Nothing) => (0, ""),
        (Conn::Sqlite(_), Then::Commit) => (1, "; COMMIT"),
        (Conn::Postgres(_), _) => (2, ""),
    };
    TEXTS[kind][rows - 1].get_or_init(|| {
        let row = |row: usize| {
            let binds = (1..=COLUMN_COUNT).map(|at| dialect::parameter(conn, row * COLUMN_COUNT + at));
            format!("({})", binds.collect::<Vec<_>>().join(","))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("INSERT INTO messages ({COLUMNS}) VALUES {}{end}", rows.join(","))
    })
}

/// Binds one row, in the order of `COLUMNS`.
macro_rules! bind_message {
    ($query:expr, $message:expr) => {{
        let message: &NewMessage = $message;
        let (body, media) = match &message.content {
            Content::Text(text) => (Some(text.as_str()), None),
            Content::Media { caption, source, file_name } => (caption.as_deref(), Some((source, file_name.as_deref()))),
        };
        let media_id = media.and_then(|(source, _)| match source {
            MediaSource::Shelf(id) => Some(id.as_str()),
            MediaSource::Url(_) => None,
        });
        let media_url = media.and_then(|(source, _)| match source {
            MediaSource::Url(url) => Some(url.as_str()),
            MediaSource::Shelf(_) => None,
        });
        $query
            .bind(message.ref_no.as_str())
            .bind(message.client_id)
            .bind(message.person_id)
            .bind(&message.device_id)
            .bind(&message.sender)
            .bind(&message.destination)
            .bind(message.is_group)
            .bind(body)
            .bind(media.is_some())
            .bind(media_id)
            .bind(media_url)
            .bind(media.and_then(|(_, name)| name))
            .bind("Q")
            .bind(message.created_at)
            .bind(message.expires_at)
            .bind(message.created_at)
    }};
}

async fn insert_messages(conn: &mut Conn, messages: &[&NewMessage], then: Then) -> Result<(), StoreError> {
    let mut chunks = messages.chunks(limits::INSERT_ROWS_MAX).peekable();
    while let Some(chunk) = chunks.next() {
        let then = if chunks.peek().is_none() { then } else { Then::Nothing };
        // The text is ours alone: column names and numbers of parameters.
        let text = AssertSqlSafe(insert_text(conn, chunk.len(), then));
        match conn {
            Conn::Sqlite(conn) => {
                let query = chunk.iter().fold(sqlx::query(text), |query, message| bind_message!(query, message));
                query.execute(&mut **conn).await.map(drop)
            }
            Conn::Postgres(conn) => {
                let query = chunk.iter().fold(sqlx::query(text), |query, message| bind_message!(query, message));
                query.execute(&mut **conn).await.map(drop)
            }
        }?;
    }
    Ok(())
}
