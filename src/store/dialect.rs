//! What the two databases do not say alike: how they report a fault, and how rows are claimed.

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use sqlx::error::ErrorKind;

use super::row_keys::unsent;
use super::tallies::facts;
use super::{Conn, StoreError, sql};

/// SQLite's primary result codes that pass by themselves or with an operator's help: PERM, BUSY, LOCKED, READONLY,
/// IOERR, FULL, CANTOPEN. <https://www.sqlite.org/rescode.html>
const SQLITE_PASSING: [i32; 7] = [3, 5, 6, 8, 10, 13, 14];

/// Those that say that the row itself is at fault: TOOBIG, CONSTRAINT, MISMATCH, RANGE.
const SQLITE_BAD_ROW: [i32; 4] = [18, 19, 20, 25];

/// PostgreSQL's error classes that do: connection; state of the transaction (a server that takes no writes, as a standby until it
/// is promoted, and a transaction that was ended because it was idle); authorization and name of the database, which may be changed
/// meanwhile; transaction rollback; insufficient resources; object not in prerequisite state (a lock that is not given, a database
/// that takes no connections); operator intervention; system error; configuration file.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const POSTGRES_PASSING: [&str; 10] = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "F0"];
/// Those that say that the row itself is at fault: data exception, integrity constraint violation.
const POSTGRES_BAD_ROW: [&str; 2] = ["22", "23"];

/// Any number would do that is no other lock's.
const CONVERSATIONS_LOCK: i64 = 0x7761_6368_6175;
/// The same for rows of imports.
const IMPORTS_LOCK: i64 = CONVERSATIONS_LOCK + 1;

pub(super) fn classify_postgres(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(fault) => {
            let code = fault.code().unwrap_or_default();
            if fault.kind() == ErrorKind::UniqueViolation {
                StoreError::Exists
            } else if code.len() == 5 && POSTGRES_PASSING.iter().any(|class| code.starts_with(class)) {
                StoreError::Unavailable(fault.message().to_owned())
            } else if code.len() == 5 && POSTGRES_BAD_ROW.iter().any(|class| code.starts_with(class)) {
                StoreError::BadRow(error.to_string())
            } else {
                StoreError::Refused(error.to_string())
            }
        }
        sqlx::Error::Encode(_) => StoreError::BadRow(error.to_string()),
        // What comes is no PostgreSQL any more: a connection that broke within an answer, a proxy's own words.
        sqlx::Error::Protocol(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::BeginFailed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Refused(error.to_string()),
    }
}

pub(super) fn classify_sqlite(error: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(fault, message) = error else { return StoreError::Refused(error.to_string()) };
    match fault.extended_code {
        SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY => StoreError::Exists,
        code => {
            let message = message.unwrap_or_else(|| fault.to_string());
            if SQLITE_PASSING.contains(&(code & 0xff)) {
                StoreError::Unavailable(message)
            } else if SQLITE_BAD_ROW.contains(&(code & 0xff)) {
                StoreError::BadRow(message)
            } else {
                StoreError::Refused(message)
            }
        }
    }
}

/// How a transaction that will write begins.
pub(super) fn begin(conn: &Conn) -> &'static str {
    match conn {
        // IMMEDIATE: take the write lock first, so that a transaction never fails halfway for want of it.
        Conn::Sqlite(_) => "BEGIN IMMEDIATE",
        Conn::Postgres(_) => "BEGIN",
    }
}

/// Keeps other transactions from accepting for this device until this one ends, so that the numbers of its messages become
/// visible in their order: a device's loop reads on behind the last number it saw, and must never find one before it.
/// SQLite has one writer at a time anyway.
pub(super) async fn lock_queue(conn: &mut Conn, device_id: &str) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(_) => {
            sql!(conn, execute, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", device_id).map(drop)
        }
    }
}

/// Keeps other transactions from accepting rows of imports until this one ends: each sees what the others have said to whom. Taken
/// before any other lock.
pub(super) async fn lock_imports(conn: &mut Conn) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(_) => sql!(conn, execute, "SELECT pg_advisory_xact_lock($1)", IMPORTS_LOCK).map(drop),
    }
}

/// Keeps other transactions from storing what came in until this one ends. Their batches would else wait for each other's
/// conversations in a ring; and so the numbers of messages that came in become visible in their order.
pub(super) async fn lock_conversations(conn: &mut Conn) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(_) => sql!(conn, execute, "SELECT pg_advisory_xact_lock($1)", CONVERSATIONS_LOCK).map(drop),
    }
}

macro_rules! expire {
    ($high:literal, $others:literal) => {
        concat!(
            "UPDATE messages SET status = 'A', aborted_at = $1, under_way_at = NULL, \
             reason = CASE WHEN under_way_at IS NOT NULL THEN $4 \
             WHEN wait_code = 'media' AND wait_reason IS NOT NULL THEN $5 || wait_reason \
             ELSE COALESCE($9 || CASE WHEN priority = 0 THEN ",
            $high,
            " ELSE ",
            $others,
            " END, $10 || wait_reason, \
             CASE WHEN media_url IS NOT NULL AND media_id IS NULL THEN $11 ELSE $3 END) END \
             WHERE seq IN (SELECT seq FROM messages WHERE status = 'Q' AND expires_at <= $1 \
             AND (under_way_at IS NULL OR under_way_at <= $2) ORDER BY expires_at LIMIT $6) \
             AND status = 'Q' AND (under_way_at IS NULL OR under_way_at <= $2) RETURNING device_id"
        )
    };
}

/// Whether the chat `value` is no stranger to the device `$1`.
macro_rules! known_chat {
    () => {
        "EXISTS (SELECT 1 FROM inbound WHERE device_id = $1 AND chat = value) OR EXISTS (SELECT 1 FROM messages \
         WHERE device_id = $1 AND destination = value AND delivered_at IS NOT NULL)"
    };
}

/// Those of the numbers in a JSON list that have written to a client.
pub(super) fn find_writers(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => concat!(
            "SELECT value FROM json_each($2) WHERE EXISTS ",
            "(SELECT 1 FROM inbound WHERE client_id = $1 AND originator = value)"
        ),
        Conn::Postgres(_) => concat!(
            "SELECT value FROM json_array_elements_text($2::json) AS asked (value) WHERE EXISTS ",
            "(SELECT 1 FROM inbound WHERE client_id = $1 AND originator = value)"
        ),
    }
}

/// Ends messages whose time is over, with the reason that they waited for last: `$7` and `$8` hold as JSON what each device's messages
/// wait for, those of high priority and the others.
pub(super) fn expire(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => expire!("$7 ->> device_id", "$8 ->> device_id"),
        Conn::Postgres(_) => expire!("CAST($7 AS JSON) ->> device_id", "CAST($8 AS JSON) ->> device_id"),
    }
}

/// Those of the chats in a JSON list that wrote to a device once, or to which one of its messages was delivered.
pub(super) fn find_known_chats(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => concat!("SELECT value FROM json_each($2) WHERE ", known_chat!()),
        Conn::Postgres(_) => {
            concat!("SELECT value FROM json_array_elements_text($2::json) AS asked (value) WHERE ", known_chat!())
        }
    }
}

/// Those of the keys in a JSON list that a client has used for messages which left or still may.
pub(super) fn find_used_keys(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => concat!(
            "SELECT name FROM idempotency WHERE client_id = $1 AND expires_at > $3 ",
            "AND name IN (SELECT value FROM json_each($2)) AND NOT ",
            unsent!("$4")
        ),
        Conn::Postgres(_) => concat!(
            "SELECT name FROM idempotency WHERE client_id = $1 AND expires_at > $3 ",
            "AND name IN (SELECT value FROM json_array_elements_text($2::json)) AND NOT ",
            unsent!("$4")
        ),
    }
}

/// Rows of imports that say one of the things in a JSON list, and whose messages left or still may.
pub(super) fn find_said(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => concat!(
            "SELECT said, name, body_hash, expires_at FROM idempotency WHERE client_id = $1 AND expires_at > $3 ",
            "AND said IN (SELECT value FROM json_each($2)) AND NOT ",
            unsent!("$4")
        ),
        Conn::Postgres(_) => concat!(
            "SELECT said, name, body_hash, expires_at FROM idempotency WHERE client_id = $1 AND expires_at > $3 ",
            "AND said IN (SELECT value FROM json_array_elements_text($2::json)) AND NOT ",
            unsent!("$4")
        ),
    }
}

/// That an import named `waiting` is under way, nobody works on it at this moment, and it is its client's turn with it: the first
/// that was begun goes before the others, one after another.
macro_rules! may_be_claimed {
    ($now:literal) => {
        concat!(
            "waiting.state = 'running' AND waiting.lease_until <= ",
            $now,
            " AND NOT EXISTS (SELECT 1 FROM imports AS others WHERE others.client_id = waiting.client_id AND others.state = 'running' ",
            "AND others.id <> waiting.id AND (others.lease_until > ",
            $now,
            " OR others.begun_at < waiting.begun_at OR (others.begun_at = waiting.begun_at AND others.seq < waiting.seq)))"
        )
    };
}
pub(super) use may_be_claimed;

/// Takes imports that nobody works on, and leaves out those that another node is taking at this moment.
pub(super) fn claim_imports(conn: &Conn) -> &'static str {
    macro_rules! text {
        ($locking:literal) => {
            concat!(
                "UPDATE imports SET lease_node = $1, lease_until = $3, lease_epoch = lease_epoch + 1 WHERE id IN (",
                "SELECT id FROM imports AS waiting WHERE ",
                may_be_claimed!("$2"),
                // The client that was served least lately.
                " ORDER BY (SELECT MAX(lease_until) FROM imports AS served WHERE served.client_id = waiting.client_id), begun_at, seq LIMIT $4",
                $locking,
                ") RETURNING id AS import_id, lease_epoch AS epoch"
            )
        };
    }
    match conn {
        Conn::Sqlite(_) => text!(""),
        Conn::Postgres(_) => text!(" FOR UPDATE SKIP LOCKED"),
    }
}

/// A query about the messages whose numbers `$1` holds as JSON.
macro_rules! about_messages {
    ($conn:expr, $query:literal) => {
        match $conn {
            Conn::Sqlite(_) => concat!($query, "(SELECT value FROM json_each($1))"),
            Conn::Postgres(_) => {
                concat!($query, "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))")
            }
        }
    };
}

/// A query about pairs, `asked`, that `$1` holds as JSON: a number or text, and a text.
macro_rules! about_pairs {
    ($conn:expr, $query:literal, $first:literal, $where:literal) => {
        match $conn {
            Conn::Sqlite(_) => concat!(
                $query,
                " FROM (SELECT value ->> 0 AS first, value ->> 1 AS form FROM json_each($1)) AS asked ",
                $where
            ),
            Conn::Postgres(_) => concat!(
                $query,
                " FROM (SELECT CAST(value ->> 0 AS ",
                $first,
                ") AS first, value ->> 1 AS form FROM json_array_elements(CAST($1 AS JSON))) AS asked ",
                $where
            ),
        }
    };
}

/// When the recipients of messages last wrote to their devices, and whether a message was delivered to them before: `$1` holds the
/// messages' numbers, each with every form of its recipient.
pub(super) fn find_recipients(conn: &Conn) -> &'static str {
    about_pairs!(
        conn,
        "SELECT messages.seq AS seq, (SELECT MAX(received_at) FROM inbound WHERE inbound.seq = (SELECT MAX(last.seq) \
         FROM inbound AS last WHERE last.device_id = messages.device_id AND last.chat = asked.form)) AS wrote_at, \
         CAST(CASE WHEN EXISTS (SELECT 1 FROM messages AS before WHERE before.device_id = messages.device_id \
         AND before.destination = asked.form AND before.delivered_at IS NOT NULL) THEN 1 ELSE 0 END AS BIGINT) AS was_reached",
        "BIGINT",
        "CROSS JOIN messages WHERE messages.seq = asked.first"
    )
}

/// Whose bytes a file of the same content has. On PostgreSQL it stays until who asks has noted what shares it.
pub(super) fn find_same_file(conn: &Conn) -> &'static str {
    macro_rules! text {
        () => {
            "SELECT COALESCE(blob, id) AS id FROM media WHERE client_id = $1 AND sha256 = $2 AND bytes = $3 ORDER BY id LIMIT 1"
        };
    }
    match conn {
        Conn::Sqlite(_) => text!(),
        Conn::Postgres(_) => concat!(text!(), " FOR SHARE"),
    }
}

/// Those of these messages that do not wait any more.
pub(super) fn find_ended(conn: &Conn) -> &'static str {
    about_messages!(conn, "SELECT seq FROM messages WHERE status <> 'Q' AND seq IN ")
}

/// The first message before each of these, to a form of its recipient and of its priority, that is not tried again before `$2`.
pub(super) fn find_blockers(conn: &Conn) -> &'static str {
    about_pairs!(
        conn,
        "SELECT behind.seq AS seq, blocker.seq AS blocker, blocker.due_at AS due_at, blocker.expires_at AS expires_at, \
         blocker.wait_code AS wait_code",
        "BIGINT",
        "CROSS JOIN messages AS behind CROSS JOIN messages AS blocker WHERE behind.seq = asked.first \
         AND blocker.seq = (SELECT MIN(earlier.seq) FROM messages AS earlier \
         WHERE earlier.device_id = behind.device_id AND earlier.destination = asked.form \
         AND earlier.seq < behind.seq AND earlier.status = 'Q' AND earlier.wait_code <> 'media' \
         AND earlier.priority + 0 = behind.priority AND earlier.due_at > $2 AND earlier.expires_at > $2)"
    )
}

/// The first message before each of these, to a form of its recipient and of its priority, whose file was not downloaded yet nor failed.
pub(super) fn find_file_blockers(conn: &Conn) -> &'static str {
    about_pairs!(
        conn,
        "SELECT behind.seq AS seq, blocker.seq AS blocker",
        "BIGINT",
        "CROSS JOIN messages AS behind CROSS JOIN messages AS blocker WHERE behind.seq = asked.first AND blocker.seq = \
         (SELECT MIN(earlier.seq) FROM messages AS earlier WHERE earlier.device_id = behind.device_id \
         AND earlier.destination = asked.form AND earlier.seq < behind.seq AND earlier.status = 'Q' \
         AND earlier.media_url IS NOT NULL AND earlier.media_id IS NULL AND earlier.wait_code IS NULL \
         AND earlier.priority + 0 = behind.priority)"
    )
}

/// As `lines.rs` lists what is stuck, the messages to the other forms of the numbers that `$1` holds.
pub(super) fn list_stuck_behind(conn: &Conn) -> &'static str {
    about_pairs!(
        conn,
        "SELECT DISTINCT behind.seq AS seq",
        "TEXT",
        "CROSS JOIN messages AS blocker CROSS JOIN messages AS behind \
         WHERE blocker.device_id = $2 AND blocker.destination = asked.first AND blocker.status = 'Q' \
         AND blocker.wait_code <> 'media' AND blocker.due_at > $3 AND blocker.expires_at > $3 AND blocker.priority + 0 = $4 \
         AND behind.device_id = $2 AND behind.destination = asked.form AND behind.seq > blocker.seq \
         AND behind.seq >= $5 AND behind.seq < $6 AND behind.status = 'Q' AND behind.priority + 0 = $4 AND behind.due_at <= $3 \
         AND (behind.wait_code IS NULL OR behind.wait_code <> 'media') ORDER BY behind.seq LIMIT $7"
    )
}

/// What messages have alike that go to the recipients which `$3` holds as JSON, of the device `$4` and from the number `$5` on: `tallies.rs`
/// says how.
pub(super) fn count_lines(conn: &Conn) -> &'static str {
    macro_rules! text {
        ($asked:literal) => {
            concat!(
                "SELECT one.device_id AS device_id, asked.line AS line, ",
                facts!(),
                ", CAST(CASE WHEN one.seq > CASE one.priority WHEN 0 THEN asked.high WHEN 1 THEN asked.normal ELSE asked.bulk END \
                 THEN 1 ELSE 0 END AS BIGINT) AS is_behind, COUNT(*) AS messages, MIN(one.seq) AS first_seq FROM (SELECT ",
                $asked,
                ") AS asked CROSS JOIN messages AS one WHERE one.device_id = $4 AND one.destination = asked.form AND one.seq >= $5 \
                 AND one.status = 'Q' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
            )
        };
    }
    match conn {
        Conn::Sqlite(_) => text!(
            "value ->> 0 AS line, value ->> 1 AS form, value ->> 2 AS high, value ->> 3 AS normal, value ->> 4 AS bulk \
             FROM json_each($3)"
        ),
        Conn::Postgres(_) => text!(
            "CAST(value ->> 0 AS BIGINT) AS line, value ->> 1 AS form, CAST(value ->> 2 AS BIGINT) AS high, \
             CAST(value ->> 3 AS BIGINT) AS normal, CAST(value ->> 4 AS BIGINT) AS bulk FROM json_array_elements(CAST($3 AS JSON))"
        ),
    }
}

/// Picks the due pushes of one client, and leaves out those that another node is claiming at this moment.
pub(super) fn claim_pushes(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => concat!(
            "UPDATE pushes SET due_at = $3, attempts = attempts + 1 WHERE inbound_id IN (",
            "SELECT inbound_id FROM pushes WHERE client_id = $1 AND status = 'due' AND due_at <= $2 ",
            "ORDER BY due_at LIMIT $4) RETURNING inbound_id, client_id, attempts, first_at, revision"
        ),
        Conn::Postgres(_) => concat!(
            "UPDATE pushes SET due_at = $3, attempts = attempts + 1 WHERE inbound_id IN (",
            "SELECT inbound_id FROM pushes WHERE client_id = $1 AND status = 'due' AND due_at <= $2 ",
            "ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING inbound_id, client_id, attempts, first_at, revision"
        ),
    }
}
