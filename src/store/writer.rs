//! Group commit: a thread for the embedded database, a few tasks for PostgreSQL, take whatever waits to be written, run it
//! in one transaction, commit once, and only then answer everybody.
//!
//! A unit is either an acceptance, a step of a message's progress, or any other work. Acceptances of a batch are
//! stored together; every other unit stands in a savepoint of its own, so that its failure undoes nothing but itself. When the
//! commit fails, all units of the batch are told so: nobody is told of anything that is not on the disk.

use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::accepting;
use super::outgoing::{Accept, Accepted};
use super::progress::{self, Changed, Progress};
use super::snapshots::Commits;
use super::{Conn, Pool, StoreError, dialect, postgres, sql};
use crate::limits;
use crate::supervisor::{self, caught};

/// The future of a unit's work on its connection.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

type BoxedWork = Box<dyn for<'c> FnOnce(&'c mut Conn) -> Work<'c, ()> + Send>;

/// Who waits for a unit's result.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;
/// A result that waits for the commit, with who waits for it.
type Held<T> = (Answer<T>, Result<T, StoreError>);

/// What waits to be written, with who waits for it. What is written stays shared with who waits for it, and is freed by the
/// thread that made it: otherwise the allocator's locks are where requests meet the writer.
enum Unit {
    Accept(Arc<Accept>, Answer<Accepted>),
    Progress(Arc<Vec<Progress>>, Answer<Vec<Changed>>),
    Other(BoxedWork, Answer<()>),
    Close,
}

#[derive(Clone)]
pub(super) struct Writer {
    units: mpsc::Sender<Unit>,
    pool: Pool,
}

impl Writer {
    /// # Errors
    /// When the machine gives no thread.
    pub(super) fn start(pool: Pool, commits: Commits) -> std::io::Result<Self> {
        let (units, waiting) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        match &pool {
            // The embedded database works in the thread that asks it, and to wait for the disk is the writer's lot.
            Pool::Sqlite(_) => {
                let (runtime, writing) = (Handle::current(), keep_running(pool.clone(), commits, waiting));
                std::thread::Builder::new().name("store-writer".into()).spawn(move || runtime.block_on(writing))?;
            }
            Pool::Postgres(_) => (0..limits::POSTGRES_WRITERS).for_each(|_| {
                #[allow(clippy::disallowed_methods, reason = "ends with the last Store, or by close()")]
                tokio::spawn(keep_running(pool.clone(), commits.clone(), Arc::clone(&waiting)));
            }),
        }
        Ok(Self { units, pool })
    }

    pub(super) async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        let (answer, answered) = oneshot::channel();
        let accept = Arc::new(accept);
        self.submit(Unit::Accept(Arc::clone(&accept), answer))?;
        answered.await.unwrap_or_else(|_| Err(cut_off()))
    }

    pub(super) async fn progress(&self, progress: Vec<Progress>) -> Result<Vec<Changed>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let progress = Arc::new(progress);
        self.submit(Unit::Progress(Arc::clone(&progress), answer))?;
        answered.await.unwrap_or_else(|_| Err(cut_off()))
    }

    pub(super) async fn work<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T> + Send + 'static,
    {
        let (result, mut given) = oneshot::channel();
        let work: BoxedWork = Box::new(move |conn| {
            Box::pin(async move {
                let value = work(conn).await?;
                let _ = result.send(value);
                Ok(())
            })
        });
        let (answer, answered) = oneshot::channel();
        self.submit(Unit::Other(work, answer))?;
        answered.await.unwrap_or_else(|_| Err(cut_off()))?;
        given.try_recv().map_err(|_| stopped())
    }

    /// Writes what waits, then stops.
    pub(super) async fn close(&self) {
        let _ = self.units.send(Unit::Close).await;
        self.units.closed().await;
        self.pool.close().await;
    }

    fn submit(&self, unit: Unit) -> Result<(), StoreError> {
        self.units.try_send(unit).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                StoreError::Unavailable(format!("{} writes wait already", limits::WRITER_QUEUE_MAX))
            }
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the gateway is stopping".into())
}

/// Somebody's write was cut off by a fault of this program: it may be stored, or not.
fn cut_off() -> StoreError {
    StoreError::Unavailable("a fault of this program cut the write off".into())
}

/// Runs a writer to its end, also where a panic ends it before. Whoever waited for what it had in hand is told that it was cut
/// off.
async fn keep_running(pool: Pool, commits: Commits, waiting: Arc<Mutex<mpsc::Receiver<Unit>>>) {
    while let Err(panicked) = caught(run(pool.clone(), commits.clone(), Arc::clone(&waiting))).await {
        supervisor::report("store_writer", &panicked.to_string());
    }
}

async fn run(pool: Pool, commits: Commits, waiting: Arc<Mutex<mpsc::Receiver<Unit>>>) {
    let mut kept: Option<Conn> = None;
    loop {
        let mut batch = Vec::new();
        {
            let mut waiting = waiting.lock().await;
            if waiting.recv_many(&mut batch, limits::COMMIT_UNITS_MAX).await == 0 {
                return;
            }
            if batch.iter().any(|unit| matches!(unit, Unit::Close)) {
                waiting.close();
            }
        }
        let conn = match kept.take() {
            Some(conn) => Ok(conn),
            None => pool.acquire().await,
        };
        match conn {
            Ok(mut conn) => {
                let committed = match caught(commit(&mut conn, batch)).await {
                    Ok((committed, outcomes)) => {
                        commits.note();
                        outcomes.answer(&committed);
                        committed
                    }
                    // Whoever waits was dropped with the batch, and knows by that.
                    Err(panicked) => {
                        commits.note();
                        supervisor::report("store_writer", &panicked.to_string());
                        Err(cut_off())
                    }
                };
                // A connection that failed is not trusted again.
                if committed.is_ok() {
                    kept = Some(conn);
                } else {
                    discard(conn).await;
                }
            }
            Err(error) => refuse(batch, &error),
        }
    }
}

async fn discard(conn: Conn) {
    match conn {
        // SQLite has one writing connection and nothing to lose it by: a fault is the disk's, not the connection's.
        Conn::Sqlite(mut conn) => drop(conn.batch("ROLLBACK")),
        Conn::Postgres(conn) => postgres::discard(conn).await,
    }
}

/// Results that wait for the commit.
#[derive(Default)]
struct Outcomes {
    accepted: Vec<Held<Accepted>>,
    steps: Vec<Held<Vec<Changed>>>,
    others: Vec<Held<()>>,
}

impl Outcomes {
    fn answer(self, committed: &Result<(), StoreError>) {
        for (answer, result) in self.accepted {
            let _ = answer.send(after(committed, result));
        }
        for (answer, result) in self.steps {
            let _ = answer.send(after(committed, result));
        }
        for (answer, result) in self.others {
            let _ = answer.send(after(committed, result));
        }
    }
}

fn after<T>(committed: &Result<(), StoreError>, result: Result<T, StoreError>) -> Result<T, StoreError> {
    match committed {
        Ok(()) => result,
        Err(error) => Err(StoreError::Unavailable(reason(error))),
    }
}

/// Why nothing was stored, without the words that every such answer begins with.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// Steps of one unit, with who waits for them.
type Steps = (Arc<Vec<Progress>>, Answer<Vec<Changed>>);

/// A batch by what is to be done.
#[derive(Default)]
struct Batch {
    accepts: Vec<Arc<Accept>>,
    accept_answers: Vec<Answer<Accepted>>,
    steps: Vec<Steps>,
    others: Vec<(BoxedWork, Answer<()>)>,
}

impl Batch {
    fn of(units: Vec<Unit>) -> Self {
        let mut batch = Self::default();
        for unit in units {
            match unit {
                Unit::Accept(accept, answer) => {
                    batch.accepts.push(accept);
                    batch.accept_answers.push(answer);
                }
                Unit::Progress(progress, answer) => batch.steps.push((progress, answer)),
                Unit::Other(work, answer) => batch.others.push((work, answer)),
                Unit::Close => {}
            }
        }
        batch
    }
}

/// Runs every unit and commits once; only then may anybody be answered.
async fn commit(conn: &mut Conn, units: Vec<Unit>) -> (Result<(), StoreError>, Outcomes) {
    let (batch, mut outcomes) = (Batch::of(units), Outcomes::default());
    let committed = match run_batch(conn, batch, &mut outcomes).await {
        Ok(()) => sql!(conn, execute, "COMMIT").map(drop),
        Err(error) => Err(error),
    };
    (committed, outcomes)
}

/// Runs every unit of a batch; each ends in `outcomes`, also when this fails.
async fn run_batch(conn: &mut Conn, batch: Batch, outcomes: &mut Outcomes) -> Result<(), StoreError> {
    let Batch { accepts, accept_answers, mut steps, others } = batch;
    let begin = dialect::begin(conn);
    let mut begun = sql!(conn, execute, begin).map(drop);
    if !accepts.is_empty() {
        let answers = accept_answers;
        let results = match &begun {
            Ok(()) => accepting::store_accepts(conn, &accepts).await,
            Err(_) => Ok(Vec::new()),
        };
        match results {
            Ok(results) => {
                let missing = std::iter::repeat_with(|| Err(stopped()));
                outcomes.accepted.extend(answers.into_iter().zip(results.into_iter().chain(missing)));
            }
            Err(error) => {
                outcomes.accepted.extend(answers.into_iter().map(|answer| (answer, Err(stopped()))));
                begun = Err(error);
            }
        }
    }
    if begun.is_ok() {
        begun = run_steps(conn, &mut steps, outcomes).await;
    }
    outcomes.steps.extend(steps.into_iter().map(|(_, answer)| (answer, Err(stopped()))));
    for (work, answer) in others {
        let result = match &begun {
            Ok(()) => in_savepoint(conn, work).await,
            Err(_) => Ok(Err(stopped())),
        };
        let (result, end) = match result {
            Ok(result) => (result, Ok(())),
            Err(error) => (Err(stopped()), Err(error)),
        };
        outcomes.others.push((answer, result));
        begun = begun.and(end);
    }
    begun
}

/// Runs the steps of all units in one savepoint; when that fails, each unit's in one of its own. What was run is taken out
/// of `steps`.
async fn run_steps(conn: &mut Conn, steps: &mut Vec<Steps>, outcomes: &mut Outcomes) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let all: Vec<_> = steps.iter().map(|(progress, _)| Arc::clone(progress)).collect();
    if let Ok(changed) = in_savepoint(conn, |conn| Box::pin(progress::store(conn, all))).await? {
        let answers = steps.drain(..).map(|(_, answer)| answer);
        outcomes.steps.extend(answers.zip(changed.into_iter().map(Ok)));
        return Ok(());
    }
    for (progress, answer) in steps.drain(..) {
        let stored = in_savepoint(conn, |conn| Box::pin(progress::store(conn, vec![progress]))).await?;
        outcomes.steps.push((answer, stored.map(|changed| changed.into_iter().flatten().collect())));
    }
    Ok(())
}

/// Runs one unit so that its failure undoes nothing but itself. The outer error means that the whole batch is lost.
async fn in_savepoint<T, F>(conn: &mut Conn, work: F) -> Result<Result<T, StoreError>, StoreError>
where
    F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T>,
{
    sql!(conn, execute, "SAVEPOINT unit")?;
    // A panic is the unit's own fault too.
    let result = match caught(async { work(conn).await }).await {
        Ok(result) => result,
        Err(panicked) => Err(StoreError::BadRow(format!("a fault of this program: {panicked}"))),
    };
    match &result {
        Ok(_) => sql!(conn, execute, "RELEASE SAVEPOINT unit"),
        Err(_) => sql!(conn, execute, "ROLLBACK TO SAVEPOINT unit"),
    }?;
    Ok(result)
}

/// Tells everybody in a batch that it could not be written.
fn refuse(batch: Vec<Unit>, error: &StoreError) {
    let reason = reason(error);
    for unit in batch {
        match unit {
            Unit::Accept(_, answer) => drop(answer.send(Err(StoreError::Unavailable(reason.clone())))),
            Unit::Progress(_, answer) => drop(answer.send(Err(StoreError::Unavailable(reason.clone())))),
            Unit::Other(_, answer) => drop(answer.send(Err(StoreError::Unavailable(reason.clone())))),
            Unit::Close => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Location, Store};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_that_panics_is_refused_and_the_next_one_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.unwrap();
        for _ in 0..3 {
            let work = store.write::<(), _>(|_| {
                Box::pin(async {
                    std::hint::black_box(None::<()>).expect("a fault");
                    Ok(())
                })
            });
            assert!(matches!(work.await, Err(StoreError::BadRow(_))));
            store.check_writable().await.unwrap();
        }
        store.close().await;
    }
}
