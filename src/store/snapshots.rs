//! The fastest way to look at a few rows of the embedded database: connections that keep the state they saw for as long as
//! nothing was committed. To take a new look at the state costs several times what it costs to find a row in it.
//!
//! What this process commits is seen at once, what another process commits within [`limits::SNAPSHOT_MS_MAX`]; no longer than
//! that does an idle connection keep SQLite from taking its log back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::sqlite::{self, Use};
use super::{StoreError, dialect};
use crate::clock::Clock;
use crate::limits;

/// Counts what was committed, so that who keeps a state knows that it is old.
#[derive(Clone, Default)]
pub(super) struct Commits(Arc<AtomicU64>);

impl Commits {
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Connections that keep what they saw. Cheap to clone.
#[derive(Clone)]
pub(super) struct Snapshots(Arc<Shared>);

struct Shared {
    path: PathBuf,
    commits: Commits,
    is_closed: AtomicBool,
    /// One for each thread that runs requests, so that each finds its own pages in its own processor's cache.
    places: Vec<Mutex<Option<Snapshot>>>,
}

struct Snapshot {
    connection: Connection,
    /// How much was committed when this state was seen; `None` when it sees none.
    seen: Option<u64>,
}

impl Snapshots {
    /// Looks at the database at `path`, which must be there.
    pub(super) fn start(path: &Path, commits: Commits) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(limits::SNAPSHOTS_MAX);
        let places = (0..threads).map(|_| Mutex::default()).collect();
        let snapshots =
            Self(Arc::new(Shared { path: path.to_owned(), commits, is_closed: AtomicBool::new(false), places }));
        let resting = Arc::downgrade(&snapshots.0);
        // The machine's own time: how long SQLite must keep its log is nothing that a test holds still.
        let clock = Clock::system();
        #[allow(clippy::disallowed_methods, reason = "ends with the last Store")]
        tokio::spawn(async move {
            loop {
                clock.sleep(Duration::from_millis(limits::SNAPSHOT_MS_MAX)).await;
                let Some(shared) = resting.upgrade() else { return };
                shared.rest();
            }
        });
        snapshots
    }

    /// Runs `look`, which finds a few rows, here and now.
    ///
    /// # Errors
    /// When the store is closed or cannot be read.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut place = self.0.place();
        // Asked under the place's lock, so that nobody opens a connection behind `close`.
        if self.0.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable("the store is closed".into()));
        }
        self.0.look(&mut place, look).map_err(dialect::classify_sqlite)
    }

    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        for place in &self.0.places {
            lock(place).take();
        }
    }
}

thread_local! {
    /// This thread's number, in the order in which threads first looked.
    static THREAD: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed)
    };
}

fn lock(place: &Mutex<Option<Snapshot>>) -> MutexGuard<'_, Option<Snapshot>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// This thread's place.
    fn place(&self) -> MutexGuard<'_, Option<Snapshot>> {
        lock(&self.places[THREAD.with(|thread| *thread) % self.places.len()])
    }

    fn look<T>(
        &self,
        place: &mut Option<Snapshot>,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // What fails is not put back.
        let mut snapshot = match place.take() {
            Some(snapshot) => snapshot,
            None => Snapshot { connection: sqlite::connect(&self.path, Use::Reading)?, seen: None },
        };
        snapshot.refresh(self.commits.count())?;
        let seen = look(&snapshot.connection)?;
        *place = Some(snapshot);
        Ok(seen)
    }

    /// Lets go of what connections see.
    fn rest(&self) {
        for place in &self.places {
            let mut place = lock(place);
            if let Some(Err(error)) = place.as_mut().map(Snapshot::end) {
                tracing::warn!(%error, "a look at the database did not end");
                place.take();
            }
        }
    }
}

impl Snapshot {
    fn refresh(&mut self, committed: u64) -> rusqlite::Result<()> {
        if self.seen != Some(committed) {
            self.end()?;
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.seen = Some(committed);
        }
        Ok(())
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.seen.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> (tempfile::TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let writer = sqlite::connect(&path, Use::Writing).expect("opened");
        writer.execute_batch("CREATE TABLE numbers (number BIGINT NOT NULL)").expect("made");
        (folder, path, writer)
    }

    fn count(snapshots: &Snapshots) -> i64 {
        snapshots
            .look(|connection| connection.query_row("SELECT COUNT(*) FROM numbers", [], |row| row.get(0)))
            .expect("read")
    }

    fn add_one(writer: &Connection) {
        writer.execute("INSERT INTO numbers VALUES (1)", []).expect("written");
    }

    #[tokio::test]
    async fn what_was_noted_is_seen_at_once_and_what_was_not_a_moment_later() {
        let (_folder, path, writer) = database();
        let commits = Commits::default();
        let snapshots = Snapshots::start(&path, commits.clone());
        assert_eq!(count(&snapshots), 0);
        add_one(&writer);
        commits.note();
        assert_eq!(count(&snapshots), 1);
        add_one(&writer);
        assert_eq!(count(&snapshots), 1, "the state is kept");
        snapshots.0.rest();
        assert_eq!(count(&snapshots), 2);
    }

    #[tokio::test]
    async fn a_connection_that_rests_lets_sqlite_take_its_log_back() {
        let (_folder, path, writer) = database();
        let snapshots = Snapshots::start(&path, Commits::default());
        let take_back = || {
            let is_kept = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], is_kept).expect("asked")
        };
        writer.busy_timeout(Duration::ZERO).expect("set");
        count(&snapshots);
        add_one(&writer);
        assert!(take_back(), "somebody still looks at the state before");
        snapshots.0.rest();
        assert!(!take_back());
    }

    #[tokio::test]
    async fn a_look_that_failed_takes_nothing_with_it() {
        let (_folder, path, _writer) = database();
        let snapshots = Snapshots::start(&path, Commits::default());
        assert!(snapshots.look(|connection| connection.execute_batch("SELECT nothing")).is_err());
        assert!(snapshots.look(|connection| connection.execute("INSERT INTO numbers VALUES (1)", [])).is_err());
        assert_eq!(count(&snapshots), 0);
    }
    #[tokio::test]
    async fn nothing_is_seen_after_the_end() {
        let (_folder, path, _writer) = database();
        let snapshots = Snapshots::start(&path, Commits::default());
        assert_eq!(count(&snapshots), 0);
        snapshots.close();
        let look = snapshots.look(|connection| connection.execute_batch("SELECT 1"));
        assert!(matches!(look, Err(StoreError::Unavailable(_))), "{look:?}");
    }
}
