//! What the two databases do not say alike: how they report a fault, and how rows are claimed.

use sqlx::error::ErrorKind;

use super::{Conn, StoreError, sql};

/// SQLite's primary result codes that pass by themselves or with an operator's help: PERM, BUSY, LOCKED, READONLY,
/// IOERR, FULL, CANTOPEN. <https://www.sqlite.org/rescode.html>
const SQLITE_PASSING: [i64; 7] = [3, 5, 6, 8, 10, 13, 14];

/// PostgreSQL's error classes that do: connection, transaction rollback, insufficient resources, operator
/// intervention, system error. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const POSTGRES_PASSING: [&str; 5] = ["08", "40", "53", "57", "58"];

pub(super) fn classify(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(fault) => {
            if fault.kind() == ErrorKind::UniqueViolation {
                return StoreError::Exists;
            }
            let code = fault.code().unwrap_or_default();
            let sqlite = code.parse::<i64>().is_ok_and(|code| SQLITE_PASSING.contains(&(code & 0xff)));
            let postgres = code.len() == 5 && POSTGRES_PASSING.iter().any(|class| code.starts_with(class));
            let is_postgres = fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
            if (is_postgres && postgres) || (!is_postgres && sqlite) {
                return StoreError::Unavailable(fault.message().to_owned());
            }
            StoreError::Refused(error)
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Refused(error),
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

/// Picks the due pushes of one client, and leaves out those that another node is claiming at this moment.
pub(super) fn claim_pushes(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => concat!(
            "UPDATE pushes SET due_at = $3, attempts = attempts + 1 WHERE inbound_id IN (",
            "SELECT inbound_id FROM pushes WHERE client_id = $1 AND status = 'due' AND due_at <= $2 ",
            "ORDER BY due_at LIMIT $4) RETURNING inbound_id, client_id, attempts, first_at"
        ),
        Conn::Postgres(_) => concat!(
            "UPDATE pushes SET due_at = $3, attempts = attempts + 1 WHERE inbound_id IN (",
            "SELECT inbound_id FROM pushes WHERE client_id = $1 AND status = 'due' AND due_at <= $2 ",
            "ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING inbound_id, client_id, attempts, first_at"
        ),
    }
}
