//! The only SQL. One text runs natively on SQLite and PostgreSQL; what must differ stands in `dialect.rs`.
//!
//! Writes go through `writer.rs`, which commits whatever waits together; reads take a connection of their own. A file
//! a noun: what may be asked of it and done to it, as functions named like sentences.

mod accepting;
mod accounts;
mod attempts;
pub mod audit;
mod changes;
mod conversations;
mod devices;
mod dialect;
mod first;
mod going_live;
mod health;
mod import_leases;
mod imports;
mod inbound;
mod inbound_files;
mod key_hashes;
mod lines;
mod link_ends;
mod link_shares;
mod links;
mod listing;
mod lookup;
mod media;
mod members;
mod messages;
mod meta;
mod migrate;
mod moving;
mod originators;
mod outgoing;
mod owners;
mod pacing;
mod passkeys;
mod persons;
mod postgres;
mod progress;
mod pushes;
mod queues;
mod rotation;
mod row;
mod row_keys;
mod session_writes;
mod sessions;
mod sign_ins;
mod snapshots;
mod sqlite;
mod statistics;
mod tallies;
mod unreadable;
mod url_passwords;
mod userids;
mod waiting;
mod writer;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgPool, Postgres};

use crate::limits;

pub use accounts::{Access, NewKey, PushSettings};
pub use attempts::FailedAttempt;
pub use audit::{AuditEntry, AuditWay, NewAuditEntry};
pub use changes::{Change, Outcome};
pub use conversations::{Chat, StoredConversation};
pub use devices::{DevicePatch, Lease, NewDevice, QuietHours};
pub use first::First;
pub use going_live::{GoLive, WarmUp, WentLive};
pub use health::DeviceEvent;
pub use import_leases::{ImportLease, ImportStep};
pub use imports::{NewImport, StoredImport};
pub use inbound::{NewInbound, StoredInbound};
pub use inbound_files::{DueFile, FileEnd};
pub use lines::{Addressed, StoredBlocker, StoredRecipient};
pub use link_ends::{LinkEnd, MAY_BE_LISTED};
pub use link_shares::{LinkShare, NewLinkShare};
pub use links::{Cancelling, ShownCode, StoredLink};
pub use listing::{LookEnd, MessageFilter, MessagePage};
pub use media::{StoredMedia, StoredPreview};
pub use members::MemberReceipt;
pub use messages::StoredMessage;
pub use moving::{Created, Migrated, Migration, MigrationConflict};
pub use outgoing::{Accept, Accepted, Begun, Idempotent, LastWaits, Reuse, SaidOnce};
pub use owners::Owned;
pub use passkeys::{PasskeyRequest, StoredPasskey};
pub use persons::{NewPassword, NewPerson, PersonPatch};
pub use progress::{Progress, Step, WaitCode};
pub use pushes::{DuePush, PushEnd, PushOutcome, StoredPush};
pub use queues::{Queue, StoredBegun, StoredDue};
pub use rotation::Rotated;
pub use row_keys::{RenewedKey, SaidBefore};
pub use session_writes::KeyChange;
pub use sessions::{FILE_REFERENCE, KeyKind, KeyRow, place};
pub use sign_ins::{NewSignIn, SignIn, SignedIn};
pub use statistics::{Tally, WaitingPush};
pub use tallies::{AskedLine, StoredGroup, StoredTried};
pub use unreadable::{DueUnreadable, NewUnreadable};
pub use userids::PasswordRecord;
pub use waiting::{Behind, Waiting};

/// What a look at the store's readiness writes.
const PROBE_BYTES: usize = 32 * 1024;

/// The store. Cheap to clone; all clones share its connections and its writer.
#[derive(Clone)]
pub struct Store {
    readers: Pool,
    lookups: lookup::Lookups,
    writer: writer::Writer,
    urls: url_passwords::UrlPasswords,
}

#[derive(Clone)]
enum Pool {
    Sqlite(sqlite::Pool),
    Postgres(PgPool),
}

/// One connection, to whichever database it is.
pub(crate) enum Conn {
    Sqlite(sqlite::SqliteConn),
    Postgres(PoolConnection<Postgres>),
}

/// What went wrong, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was stored; trying again later may help: a full disk, a lost connection, too much waiting.
    #[error("the store cannot take this now: {0}")]
    Unavailable(String),
    /// It is there already.
    #[error("that exists already")]
    Exists,
    /// The gateway's messages of this day are used up.
    #[error("the gateway's daily limit of {limit} messages is reached")]
    DailyLimit { limit: i64 },
    /// The account that was linked is not the one that the device's number belongs to.
    #[error("this device's number is {expected}")]
    OtherNumber { expected: String },
    /// An account was linked by an attempt that was cancelled, or in whose place another has begun.
    #[error("this attempt to link is over")]
    Superseded,
    /// The device is another node's, or nobody's any more: nothing was stored, and trying again does not help.
    #[error("this node does not own the device any more")]
    NotOwner,
    /// The same `Idempotency-Key` was stored first by another request.
    #[error("this Idempotency-Key was used already")]
    KeyUsed,
    #[error(
        "the database has schema version {stored}, this program knows versions up to {known}: start a newer wachat, or restore the backup made before the upgrade"
    )]
    Newer { stored: i64, known: i64 },
    #[error("cannot open the database {url}: {reason}")]
    CannotOpen { url: String, reason: String },
    /// The database takes no row that holds this, and never will: a value out of its range, a broken rule of the schema.
    #[error("the database takes no such row: {0}")]
    BadRow(String),
    /// A fault of this program, or of the database's settings.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        dialect::classify_postgres(&error)
    }
}

/// Runs one SQL text on a [`Conn`]: `execute` gives the number of rows, `all`, `optional`, `one`, `column` and `scalar` give values.
macro_rules! sql {
    ($conn:expr, execute, $text:expr $(, $bind:expr)* $(,)?) => {
        match $conn {
            $crate::store::Conn::Sqlite(conn) => conn.execute($text, rusqlite::params![$($bind),*]),
            $crate::store::Conn::Postgres(conn) => {
                $crate::store::postgres::answered(sqlx::query($text)$(.bind($bind))*.execute(&mut **conn))
                    .await
                    .map(|done| done.rows_affected())
            }
        }
    };
    ($conn:expr, all as $row:ty, $text:expr $(, $bind:expr)* $(,)?) => {
        sql!(@ $conn, all, fetch_all, $row, $text $(, $bind)*)
    };
    ($conn:expr, optional as $row:ty, $text:expr $(, $bind:expr)* $(,)?) => {
        sql!(@ $conn, optional, fetch_optional, $row, $text $(, $bind)*)
    };
    ($conn:expr, one as $row:ty, $text:expr $(, $bind:expr)* $(,)?) => {
        sql!(@ $conn, one, fetch_one, $row, $text $(, $bind)*)
    };
    ($conn:expr, column as $value:ty, $text:expr $(, $bind:expr)* $(,)?) => {
        sql!(@ $conn, all, fetch_all, ($value,), $text $(, $bind)*)
            .map(|rows| rows.into_iter().map(|(value,)| value).collect::<Vec<$value>>())
    };
    ($conn:expr, scalar as $value:ty, $text:expr $(, $bind:expr)* $(,)?) => {
        sql!(@ $conn, one, fetch_one, ($value,), $text $(, $bind)*).map(|(value,)| value)
    };
    (@ $conn:expr, $ask:ident, $fetch:ident, $row:ty, $text:expr $(, $bind:expr)*) => {
        match $conn {
            $crate::store::Conn::Sqlite(conn) => conn.$ask::<$row>($text, rusqlite::params![$($bind),*]),
            $crate::store::Conn::Postgres(conn) => {
                $crate::store::postgres::answered(sqlx::query_as::<_, $row>($text)$(.bind($bind))*.$fetch(&mut **conn)).await
            }
        }
    };
}
pub(crate) use sql;

/// Where the store is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file, made when it is not there.
    Sqlite(PathBuf),
    /// A server, with what every session of ours asks of it.
    Postgres(Box<PgConnectOptions>),
}

impl Location {
    /// Reads a database URL: `sqlite:PATH`, `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it; it never repeats a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("sqlite: needs the path of a file".into())
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(|_| "it is no valid PostgreSQL URL".to_owned())?;
            return Ok(Self::Postgres(Box::new(postgres::session(options))));
        }
        Err("a database URL starts with sqlite: or postgres://".into())
    }

    /// The location without its password.
    pub fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(options) => {
                format!(
                    "postgres://{}:{}/{}",
                    options.get_host(),
                    options.get_port(),
                    options.get_database().unwrap_or("")
                )
            }
        }
    }
}

impl Store {
    /// Opens the store, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] when it cannot be reached, [`StoreError::Newer`] when a later program wrote it.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        let failed =
            |error: &dyn std::fmt::Display| StoreError::CannotOpen { url: location.shown(), reason: error.to_string() };
        let commits = snapshots::Commits::default();
        let (readers, writers, lookups) = match location {
            Location::Sqlite(path) => {
                let open = |connections, purpose| {
                    sqlite::Pool::open(path, connections, purpose).map_err(|error| failed(&error))
                };
                let writer = open(1, sqlite::Use::Writing)?;
                migrate::run(&mut Conn::Sqlite(writer.acquire().await?)).await?;
                let readers = open(limits::SQLITE_READERS, sqlite::Use::Reading)?;
                let snapshots = snapshots::Snapshots::start(path, commits.clone());
                (Pool::Sqlite(readers), Pool::Sqlite(writer), lookup::Lookups::Sqlite(snapshots))
            }
            Location::Postgres(options) => {
                let pool = postgres::open(options).await.map_err(|reason| failed(&reason))?;
                migrate::run(&mut Conn::Postgres(pool.acquire().await?)).await?;
                let lookups = lookup::Lookups::of_postgres(&pool);
                (Pool::Postgres(pool.clone()), Pool::Postgres(pool), lookups)
            }
        };
        let writer = writer::Writer::start(writers, commits).map_err(|error| failed(&error))?;
        Ok(Self { readers, lookups, writer, urls: url_passwords::UrlPasswords::default() })
    }

    /// Whether it is an embedded database, which one process serves.
    pub fn is_embedded(&self) -> bool {
        matches!(self.readers, Pool::Sqlite(_))
    }

    /// Whether a message would be stored now: a row of about the size goes the whole way to the disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it would not.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        static LOOKS: AtomicUsize = AtomicUsize::new(0);
        // A message touches several pages of tables and indexes, which one small row does not; and SQLite writes nothing
        // where a row stays as it is.
        let look = LOOKS.fetch_add(1, Ordering::Relaxed);
        let value = format!("{look:0PROBE_BYTES$}");
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO meta (name, value) VALUES ('ready', $1) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    &value,
                )
                .map(drop)
            })
        })
        .await
    }

    /// Finishes what waits to be written and closes every connection.
    pub async fn close(&self) {
        self.writer.close().await;
        self.lookups.close();
        self.readers.close().await;
    }

    async fn reader(&self) -> Result<Conn, StoreError> {
        self.readers.acquire().await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> writer::Work<'c, T> + Send + 'static,
    {
        self.writer.work(work).await
    }
}

impl Pool {
    async fn acquire(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => Conn::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => Conn::Postgres(pool.acquire().await?),
        })
    }

    async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A page of a listing, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Only rows older than the one with this number.
    pub before: Option<i64>,
    pub rows: i64,
}

impl Page {
    fn before_or_max(self) -> i64 {
        self.before.unwrap_or(i64::MAX)
    }
}
