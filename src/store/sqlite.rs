//! Connections to the embedded database. They work in the thread that calls them: a question costs no conversation with
//! another thread. Called by `sql!` and where the store is opened.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, Params, ToSql};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::row::SqliteRow;
use super::{StoreError, dialect};
use crate::clock::Clock;
use crate::limits;

/// Texts whose preparation a connection remembers; more than there are.
const STATEMENTS_REMEMBERED: usize = 256;

/// A few connections to one database. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    connections: u32,
}

/// A connection that goes back to its pool when it is dropped.
pub(crate) struct SqliteConn {
    /// `None` only while it is dropped.
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Reading,
    Writing,
}

impl Pool {
    /// Opens connections to the database at `path`, which is made when it is not there.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn open(path: &Path, connections: u32, purpose: Use) -> rusqlite::Result<Self> {
        let opened = (0..connections).map(|_| connect(path, purpose)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(opened)),
            permits: Arc::new(Semaphore::new(connections as usize)),
            connections,
        })
    }

    pub(super) async fn acquire(&self) -> Result<SqliteConn, StoreError> {
        let closed = || StoreError::Unavailable("the store is closed".into());
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let wait = Duration::from_secs(limits::LOCK_WAIT_SECONDS);
                Clock::system()
                    .within(wait, Arc::clone(&self.permits).acquire_owned())
                    .await
                    .map_err(|_| StoreError::Unavailable("every connection to the database is busy".into()))?
                    .map_err(|_| closed())?
            }
        };
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or_else(closed)?;
        Ok(SqliteConn { connection: Some(connection), idle: Arc::clone(&self.idle), _permit: permit })
    }

    /// Waits until every connection is back, and closes them all.
    pub(super) async fn close(&self) {
        let all = self.permits.acquire_many(self.connections).await;
        self.permits.close();
        drop(all);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for SqliteConn {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

impl SqliteConn {
    /// # Errors
    /// As [`StoreError`] has it.
    pub(crate) fn execute(&mut self, text: &str, binds: &[&dyn ToSql]) -> Result<u64, StoreError> {
        self.call(|connection| prepare(connection, text)?.execute(binds).map(|rows| rows as u64))
    }

    /// # Errors
    /// As [`StoreError`] has it.
    pub(crate) fn all<T: SqliteRow>(&mut self, text: &str, binds: &[&dyn ToSql]) -> Result<Vec<T>, StoreError> {
        self.call(|connection| prepare(connection, text)?.query_map(binds, T::read)?.collect())
    }

    /// # Errors
    /// As [`StoreError`] has it.
    pub(crate) fn optional<T: SqliteRow>(&mut self, text: &str, binds: &[&dyn ToSql]) -> Result<Option<T>, StoreError> {
        self.call(|connection| first(prepare(connection, text)?, binds))
    }

    /// # Errors
    /// As [`StoreError`] has it; also when there is no row.
    pub(crate) fn one<T: SqliteRow>(&mut self, text: &str, binds: &[&dyn ToSql]) -> Result<T, StoreError> {
        self.call(|connection| first(prepare(connection, text)?, binds)?.ok_or(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Several statements, without values.
    ///
    /// # Errors
    /// As [`StoreError`] has it.
    pub(super) fn batch(&mut self, text: &str) -> Result<(), StoreError> {
        self.call(|connection| connection.execute_batch(text))
    }

    /// Runs `work` here and now. On a thread that drives tasks, another thread drives them meanwhile.
    pub(super) fn call<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let connection =
            self.connection.as_ref().ok_or_else(|| StoreError::Unavailable("the connection is closed".into()))?;
        let is_shared = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
        if is_shared { tokio::task::block_in_place(|| work(connection)) } else { work(connection) }
            .map_err(dialect::classify_sqlite)
    }
}

/// SQLite knows `$1` as a name, and gives names their numbers in the order in which they come; `?1` is a number.
pub(super) fn prepare<'c>(connection: &'c Connection, text: &str) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(&text.replace('$', "?"))
}

fn first<T: SqliteRow>(mut statement: CachedStatement<'_>, binds: impl Params) -> rusqlite::Result<Option<T>> {
    let mut rows = statement.query(binds)?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let value = T::read(row)?;
    // To its end, as every statement that writes.
    while rows.next()?.is_some() {}
    Ok(Some(value))
}

/// Opens one connection.
///
/// # Errors
/// What SQLite says.
pub(super) fn connect(path: &Path, purpose: Use) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(limits::LOCK_WAIT_SECONDS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_REMEMBERED);
    // Without it SQLite plans every statement with a bound LIMIT again each time it runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk when it returns. It is what a 201 stands on.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Pages that are written again and again go to the database file once in four thousand, not once in a thousand.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    // A negative number is one of kilobytes.
    connection.pragma_update(None, "cache_size", -limits::SQLITE_CACHE_KB)?;
    connection.pragma_update(None, "query_only", purpose == Use::Reading)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::{OptionalExtension as _, StatementStatus};

    use super::*;

    #[test]
    fn a_statement_is_planned_once_however_often_its_values_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = connect(&folder.path().join("test.db"), Use::Writing).expect("it opens");
        connection.execute_batch("CREATE TABLE numbers (number BIGINT, is_odd BOOLEAN)").expect("a table");
        connection.execute_batch("CREATE INDEX odd ON numbers (number) WHERE is_odd = 1").expect("an index");
        for text in [
            "SELECT number FROM numbers WHERE number > $1 LIMIT $2",
            "SELECT number FROM numbers WHERE number > $1 AND is_odd = $2",
            "SELECT * FROM (SELECT number FROM numbers WHERE number > $1 ORDER BY number LIMIT $2) AS one UNION ALL SELECT 1",
        ] {
            let mut statement = prepare(&connection, text).expect("a statement");
            for number in 0..3 {
                statement.query_row([number, 1], |_| Ok(())).optional().expect("an answer");
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{text}");
        }
    }
}
