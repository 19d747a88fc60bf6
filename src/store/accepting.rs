//! How a batch of acceptances is stored: the hot path of a message out. Called by the writer.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Sqlite};

use super::outgoing::{Accept, Accepted, Idempotent};
use super::{Conn, StoreError, dialect, sql};
use crate::clock;
use crate::limits;
use crate::message::{Content, MediaSource, NewMessage};

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
    insert_messages(conn, &stored).await?;
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
            .bind(message.created_at)
            .bind(message.expires_at)
    }};
}

/// Whether acceptances are of the most frequent kind, which only the database itself can refuse: without a daily limit and
/// without an `Idempotency-Key`.
pub(super) fn are_plain(accepts: &[Accept]) -> bool {
    accepts.iter().all(|accept| accept.daily_limit == 0 && accept.idempotent.is_none())
}

/// Stores plain acceptances and commits them, on SQLite, which takes several statements in one text. The transaction begins
/// and ends within them, and a batch of one device is a single text: each text is a conversation with the thread that the
/// database runs on, and one instead of four is what lets a batch keep up with its requests.
pub(super) async fn commit_plain(conn: &mut PoolConnection<Sqlite>, accepts: &[Accept]) -> Result<(), StoreError> {
    let mut days: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for accept in accepts {
        *days.entry((&accept.message.device_id, clock::day(accept.message.created_at))).or_default() += 1;
    }
    let is_one_go = days.len() == 1 && accepts.len() <= limits::INSERT_ROWS_MAX;
    if !is_one_go {
        let text = AssertSqlSafe(count_text(days.len()));
        bind_days(sqlx::query(text), &days).execute(&mut **conn).await?;
    }
    let mut chunks = accepts.chunks(limits::INSERT_ROWS_MAX).peekable();
    while let Some(chunk) = chunks.next() {
        let kind = match (is_one_go, chunks.peek()) {
            (true, _) => Insert::SqliteWhole,
            (false, None) => Insert::SqliteLast,
            (false, Some(_)) => Insert::Sqlite,
        };
        let mut query = sqlx::query(AssertSqlSafe(insert_text(kind, chunk.len())));
        if is_one_go {
            query = bind_days(query, &days);
        }
        let query = chunk.iter().fold(query, |query, accept| bind_message!(query, &accept.message));
        query.execute(&mut **conn).await?;
    }
    Ok(())
}

/// Begins a transaction of plain acceptances, and counts them on so many days of devices.
fn count_text(days: usize) -> String {
    let rows = vec!["(?, ?, ?)"; days].join(",");
    format!(
        "BEGIN IMMEDIATE; INSERT INTO device_days (device_id, day, accepted) VALUES {rows} ON CONFLICT (device_id, day) \
         DO UPDATE SET accepted = device_days.accepted + excluded.accepted"
    )
}

type SqliteQuery<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind_days<'q>(query: SqliteQuery<'q>, days: &'q BTreeMap<(&str, i64), i64>) -> SqliteQuery<'q> {
    days.iter().fold(query, |query, ((device, day), count)| query.bind(*device).bind(*day).bind(*count))
}

const COLUMNS: &str = "ref_no, client_id, person_id, device_id, sender, destination, is_group, body, is_media, \
                       media_id, media_url, file_name, created_at, expires_at";
const COLUMN_COUNT: usize = 14;

/// What an `INSERT` is part of.
#[derive(Debug, Clone, Copy)]
enum Insert {
    Postgres,
    Sqlite,
    /// The commit follows it.
    SqliteLast,
    /// It is a whole transaction.
    SqliteWhole,
}

/// The text of an `INSERT` with so many rows, made once.
fn insert_text(kind: Insert, rows: usize) -> &'static str {
    type Texts = [OnceLock<String>; limits::INSERT_ROWS_MAX];
    static TEXTS: [Texts; 4] = [const { [const { OnceLock::new() }; limits::INSERT_ROWS_MAX] }; 4];
    TEXTS[kind as usize][rows - 1].get_or_init(|| {
        let parameter = |number: usize| match kind {
            Insert::Postgres => format!("${number}"),
            // SQLite takes $1 too, but then finds each one's name by a walk over all names before it: with a thousand of
            // them that walk costs more than the rows.
            Insert::Sqlite | Insert::SqliteLast | Insert::SqliteWhole => "?".to_owned(),
        };
        let row = |row: usize| {
            let binds = (1..=COLUMN_COUNT).map(|at| parameter(row * COLUMN_COUNT + at));
            format!("({})", binds.collect::<Vec<_>>().join(","))
        };
        let values = (0..rows).map(row).collect::<Vec<_>>().join(",");
        let insert = format!("INSERT INTO messages ({COLUMNS}) VALUES {values}");
        match kind {
            Insert::Postgres | Insert::Sqlite => insert,
            Insert::SqliteLast => format!("{insert}; COMMIT"),
            Insert::SqliteWhole => format!("{}; {insert}; COMMIT", count_text(1)),
        }
    })
}

async fn insert_messages(conn: &mut Conn, messages: &[&NewMessage]) -> Result<(), StoreError> {
    for chunk in messages.chunks(limits::INSERT_ROWS_MAX) {
        // The texts are ours alone: column names and numbers of parameters.
        match conn {
            Conn::Sqlite(conn) => {
                let query = sqlx::query(AssertSqlSafe(insert_text(Insert::Sqlite, chunk.len())));
                let query = chunk.iter().fold(query, |query, message| bind_message!(query, message));
                query.execute(&mut **conn).await.map(drop)
            }
            Conn::Postgres(conn) => {
                let query = sqlx::query(AssertSqlSafe(insert_text(Insert::Postgres, chunk.len())));
                let query = chunk.iter().fold(query, |query, message| bind_message!(query, message));
                query.execute(&mut **conn).await.map(drop)
            }
        }?;
    }
    Ok(())
}
