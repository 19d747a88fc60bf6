//! How a batch of acceptances is stored: the hot path of a message out. Called by the writer.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use sqlx::{AssertSqlSafe, Postgres};

use super::audit;
use super::outgoing::{Accept, Accepted, Idempotent, Reuse, SaidOnce};
use super::row_keys::unsent;
use super::{Conn, StoreError, dialect, sql, sqlite};
use crate::clock;
use crate::limits;
use crate::message::kind::MediaKind;
use crate::message::{Content, MediaSource, NewMessage};

/// Stores a batch of acceptances; one result each, in their order.
pub(super) async fn store_accepts(
    conn: &mut Conn,
    accepts: &[Arc<Accept>],
) -> Result<Vec<Result<Accepted, StoreError>>, StoreError> {
    let mut results: Vec<Result<Accepted, StoreError>> = accepts.iter().map(|_| Ok(Accepted)).collect();
    if accepts.iter().any(|accept| accept.idempotent.as_ref().is_some_and(|first| first.said.is_some())) {
        dialect::lock_imports(conn).await?;
    }
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
    let done = accepts.iter().zip(&results).filter(|(_, result)| result.is_ok());
    audit::insert_all(conn, done.filter_map(|(accept, _)| accept.audit.as_ref())).await?;
    Ok(results)
}

/// Stores a first answer, or puts it in the place of one of which that is true.
macro_rules! first_answer {
    ($($replaces:tt)+) => {
        concat!(
            "INSERT INTO idempotency (client_id, name, body_hash, answer, expires_at, said) ",
            "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client_id, name) DO UPDATE SET ",
            "body_hash = excluded.body_hash, answer = excluded.answer, expires_at = excluded.expires_at, ",
            "said = excluded.said WHERE ",
            $($replaces)+
        )
    };
}

/// `false` when the key stands for another answer already.
async fn store_first_answer(conn: &mut Conn, message: &NewMessage, first: &Idempotent) -> Result<bool, StoreError> {
    if let Some(said) = &first.said
        && is_said_already(conn, message, &first.key, said).await?
    {
        return Ok(false);
    }
    let said = first.said.as_ref().map(|said| &said.said);
    // Two that store the same key at once wait for each other here, and the second sees a message that waits.
    let rows = match first.reuse {
        Reuse::Never => sql!(
            conn,
            execute,
            first_answer!("idempotency.expires_at <= $7"),
            message.client_id,
            &first.key,
            &first.body_hash[..],
            &first.answer,
            first.expires_at,
            said,
            message.created_at,
        ),
        Reuse::Unsent => sql!(
            conn,
            execute,
            first_answer!("idempotency.expires_at <= $7 OR ", unsent!("$8")),
            message.client_id,
            &first.key,
            &first.body_hash[..],
            &first.answer,
            first.expires_at,
            said,
            message.created_at,
            message.sandbox,
        ),
    }?;
    Ok(rows == 1)
}

/// Whether other rows have said the same as often as this one may find it: another import may have queued them a moment ago.
async fn is_said_already(
    conn: &mut Conn,
    message: &NewMessage,
    key: &str,
    said: &SaidOnce,
) -> Result<bool, StoreError> {
    let count = sql!(
        conn,
        scalar as i64,
        concat!(
            "SELECT COUNT(*) FROM idempotency WHERE client_id = $1 AND said = $2 AND expires_at > $3 AND name <> $4 AND NOT ",
            unsent!("$5")
        ),
        message.client_id,
        &said.said,
        said.expires_after,
        key,
        message.sandbox,
    )?;
    Ok(count > said.most)
}

async fn forget_first_answer(conn: &mut Conn, client_id: i64, key: &str) -> Result<(), StoreError> {
    sql!(conn, execute, "DELETE FROM idempotency WHERE client_id = $1 AND name = $2", client_id, key).map(drop)
}

/// Counts the batch on its devices' days, and refuses what is over a limit, the latest first.
async fn count_days(
    conn: &mut Conn,
    accepts: &[Arc<Accept>],
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

const COLUMNS: &str = "ref_no, client_id, person_id, device_id, sender, destination, is_group, body, is_media, \
                       kind, media_id, media_url, file_name, created_at, expires_at, priority, tag, sandbox";
const COLUMN_COUNT: usize = 18;
/// What every new message begins with: it waits, and may leave at once.
const BEGINNING: (&str, &str) = ("status, due_at", "'Q', 0");

/// The columns that a message's content fills.
struct Filled<'m> {
    body: Option<&'m str>,
    is_media: bool,
    kind: Option<&'static str>,
    media_id: Option<&'m str>,
    media_url: Option<&'m str>,
    file_name: Option<&'m str>,
}

impl<'m> Filled<'m> {
    fn by(content: &'m Content) -> Self {
        match content {
            Content::Text(text) => {
                let kind = Some("text");
                Self { body: Some(text), is_media: false, kind, media_id: None, media_url: None, file_name: None }
            }
            Content::Media { caption, source, file_name, kind } => {
                let (media_id, media_url) = match source {
                    MediaSource::Shelf(id) => (Some(id.as_str()), None),
                    MediaSource::Url(url) => (None, Some(url.as_str())),
                };
                let (body, file_name) = (caption.as_deref(), file_name.as_deref());
                Self { body, is_media: true, kind: kind.map(MediaKind::name), media_id, media_url, file_name }
            }
        }
    }
}

async fn insert_messages(conn: &mut Conn, messages: &[&NewMessage]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(conn) => conn.call(|connection| insert_sqlite(connection, messages)),
        Conn::Postgres(conn) => {
            for chunk in messages.chunks(limits::INSERT_ROWS_MAX) {
                // The text is ours alone: column names and numbers of parameters.
                let query = sqlx::query(AssertSqlSafe(postgres_text(chunk.len())));
                let query = chunk.iter().fold(query, |query, message| bind_postgres(query, message));
                query.execute(&mut **conn).await?;
            }
            Ok(())
        }
    }
}

/// How many rows an `INSERT` into SQLite carries, as many as possible first. Each one opens every index of the table, which is more than a
/// quarter of what it costs to insert a row alone; each number of rows is a statement that is planned once and remembered.
const SQLITE_ROWS: [usize; 3] = [16, 4, 1];

fn insert_sqlite(connection: &rusqlite::Connection, messages: &[&NewMessage]) -> rusqlite::Result<()> {
    let mut rest = messages;
    for rows in SQLITE_ROWS {
        let chunks = rest.chunks_exact(rows);
        rest = chunks.remainder();
        if chunks.len() == 0 {
            continue;
        }
        let mut statement = sqlite::prepare(connection, sqlite_text(rows))?;
        for chunk in chunks {
            for (row, message) in chunk.iter().enumerate() {
                bind_sqlite(&mut statement, row * COLUMN_COUNT, message)?;
            }
            statement.raw_execute()?;
        }
    }
    Ok(())
}

fn bind_sqlite(statement: &mut rusqlite::Statement<'_>, before: usize, message: &NewMessage) -> rusqlite::Result<()> {
    let filled = Filled::by(&message.content);
    let values: [&dyn rusqlite::ToSql; COLUMN_COUNT] = [
        &message.ref_no.as_str(),
        &message.client_id,
        &message.person_id,
        &message.device_id,
        &message.sender,
        &message.destination,
        &message.is_group,
        &filled.body,
        &filled.is_media,
        &filled.kind,
        &filled.media_id,
        &filled.media_url,
        &filled.file_name,
        &message.created_at,
        &message.expires_at,
        &message.priority.number(),
        &message.tag,
        &message.sandbox,
    ];
    values.iter().enumerate().try_for_each(|(at, value)| statement.raw_bind_parameter(before + at + 1, value))
}

type PostgresQuery<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

fn bind_postgres<'q>(query: PostgresQuery<'q>, message: &'q NewMessage) -> PostgresQuery<'q> {
    let filled = Filled::by(&message.content);
    query
        .bind(message.ref_no.as_str())
        .bind(message.client_id)
        .bind(message.person_id)
        .bind(&message.device_id)
        .bind(&message.sender)
        .bind(&message.destination)
        .bind(message.is_group)
        .bind(filled.body)
        .bind(filled.is_media)
        .bind(filled.kind)
        .bind(filled.media_id)
        .bind(filled.media_url)
        .bind(filled.file_name)
        .bind(message.created_at)
        .bind(message.expires_at)
        .bind(message.priority.number())
        .bind(message.tag.as_deref())
        .bind(message.sandbox)
}

type Texts = [OnceLock<String>; limits::INSERT_ROWS_MAX];

fn postgres_text(rows: usize) -> &'static str {
    static TEXTS: Texts = [const { OnceLock::new() }; limits::INSERT_ROWS_MAX];
    TEXTS[rows - 1].get_or_init(|| insert_text("INSERT", rows))
}

/// A row that cannot be inserted fails the whole transaction, so SQLite need not keep all pages that the statement has changed as they
/// were before, to put them back: that doubled what it wrote.
fn sqlite_text(rows: usize) -> &'static str {
    static TEXTS: Texts = [const { OnceLock::new() }; limits::INSERT_ROWS_MAX];
    TEXTS[rows - 1].get_or_init(|| insert_text("INSERT OR FAIL", rows))
}

fn insert_text(insert: &str, rows: usize) -> String {
    let row = |row: usize| {
        let binds = (1..=COLUMN_COUNT).map(|at| format!("${}", row * COLUMN_COUNT + at));
        format!("({}, {})", binds.collect::<Vec<_>>().join(","), BEGINNING.1)
    };
    let values = (0..rows).map(row).collect::<Vec<_>>().join(",");
    format!("{insert} INTO messages ({COLUMNS}, {}) VALUES {values}", BEGINNING.0)
}
