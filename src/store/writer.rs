//! Group commit: one task (several on PostgreSQL) takes whatever waits to be written, runs it in one transaction,
//! commits once, and only then answers everybody.
//!
//! A unit is either an acceptance, a step of a message's progress, or any other work. Acceptances of a batch share one
//! `INSERT`; every other unit stands in a savepoint of its own, so that its failure undoes nothing but itself. When the
//! commit fails, all units of the batch are told so: nobody is told of anything that is not on the disk.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::outgoing::{self, Accept, Accepted};
use super::progress::{self, Progress};
use super::{Conn, Pool, StoreError, dialect, sql};
use crate::limits;

/// The future of a unit's work on its connection.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

type BoxedWork = Box<dyn for<'c> FnOnce(&'c mut Conn) -> Work<'c, ()> + Send>;

/// Who waits for a unit's result.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;
/// A result that waits for the commit, with who waits for it.
type Held<T> = (Answer<T>, Result<T, StoreError>);

/// What waits to be written, with who waits for it.
enum Unit {
    Accept(Box<Accept>, Answer<Accepted>),
    Progress(Vec<Progress>, Answer<()>),
    Other(BoxedWork, Answer<()>),
    Close,
}

#[derive(Clone)]
pub(super) struct Writer {
    units: mpsc::Sender<Unit>,
    pool: Pool,
}

impl Writer {
    pub(super) fn start(pool: Pool) -> Self {
        let (units, waiting) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let tasks = if matches!(pool, Pool::Sqlite(_)) { 1 } else { limits::POSTGRES_WRITERS };
        for _ in 0..tasks {
            #[allow(clippy::disallowed_methods, reason = "ends with the last Store, or by close()")]
            tokio::spawn(run(pool.clone(), Arc::clone(&waiting)));
        }
        Self { units, pool }
    }

    pub(super) async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.submit(Unit::Accept(Box::new(accept), answer))?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    pub(super) async fn progress(&self, progress: Vec<Progress>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.submit(Unit::Progress(progress, answer))?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
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
        answered.await.unwrap_or_else(|_| Err(stopped()))?;
        given.try_recv().map_err(|_| stopped())
    }

    /// Writes what waits, then stops.
    pub(super) async fn close(&self) {
        let _ = self.units.send(Unit::Close).await;
        self.units.closed().await;
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
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

async fn run(pool: Pool, waiting: Arc<Mutex<mpsc::Receiver<Unit>>>) {
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
                // A connection that failed is not trusted again.
                if commit(&mut conn, batch).await.is_ok() {
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
        Conn::Sqlite(mut conn) => drop(sqlx::query("ROLLBACK").execute(&mut *conn).await),
        Conn::Postgres(conn) => drop(conn.close().await),
    }
}

/// Results that wait for the commit.
#[derive(Default)]
struct Outcomes {
    accepted: Vec<Held<Accepted>>,
    others: Vec<Held<()>>,
}

impl Outcomes {
    fn answer(self, committed: Result<(), StoreError>) -> Result<(), StoreError> {
        for (answer, result) in self.accepted {
            let _ = answer.send(after(&committed, result));
        }
        for (answer, result) in self.others {
            let _ = answer.send(after(&committed, result));
        }
        committed
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

async fn commit(conn: &mut Conn, batch: Vec<Unit>) -> Result<(), StoreError> {
    let mut outcomes = Outcomes::default();
    let ran = run_batch(conn, batch, &mut outcomes).await;
    let committed = match ran {
        Ok(()) => sql!(conn, execute, "COMMIT").map(drop),
        Err(error) => Err(error),
    };
    outcomes.answer(committed)
}

/// Runs every unit of a batch; each ends in `outcomes`, also when this fails.
async fn run_batch(conn: &mut Conn, batch: Vec<Unit>, outcomes: &mut Outcomes) -> Result<(), StoreError> {
    let mut accepts = Vec::new();
    let mut others = Vec::new();
    for unit in batch {
        match unit {
            Unit::Accept(accept, answer) => accepts.push((accept, answer)),
            Unit::Progress(..) | Unit::Other(..) => others.push(unit),
            Unit::Close => {}
        }
    }
    let begin = dialect::begin(conn);
    let mut begun = sql!(conn, execute, begin).map(drop);
    if !accepts.is_empty() {
        let (accepts, answers): (Vec<_>, Vec<_>) = accepts.into_iter().unzip();
        let results = match &begun {
            Ok(()) => outgoing::store_accepts(conn, &accepts).await,
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
    for unit in others {
        if begun.is_err() {
            match unit {
                Unit::Progress(_, answer) | Unit::Other(_, answer) => outcomes.others.push((answer, Err(stopped()))),
                Unit::Accept(..) | Unit::Close => {}
            }
            continue;
        }
        begun = run_other(conn, unit, outcomes).await;
    }
    begun
}

/// Runs one unit in a savepoint. An error means that the whole batch is lost.
async fn run_other(conn: &mut Conn, unit: Unit, outcomes: &mut Outcomes) -> Result<(), StoreError> {
    sql!(conn, execute, "SAVEPOINT unit")?;
    let (answer, result) = match unit {
        Unit::Progress(steps, answer) => (answer, progress::store(conn, steps).await),
        Unit::Other(work, answer) => (answer, work(conn).await),
        Unit::Accept(..) | Unit::Close => return Ok(()),
    };
    let end = match &result {
        Ok(()) => sql!(conn, execute, "RELEASE SAVEPOINT unit"),
        Err(_) => sql!(conn, execute, "ROLLBACK TO SAVEPOINT unit"),
    };
    outcomes.others.push((answer, result));
    end.map(drop)
}

/// Tells everybody in a batch that it could not be written.
fn refuse(batch: Vec<Unit>, error: &StoreError) {
    let reason = reason(error);
    for unit in batch {
        match unit {
            Unit::Accept(_, answer) => drop(answer.send(Err(StoreError::Unavailable(reason.clone())))),
            Unit::Progress(_, answer) | Unit::Other(_, answer) => {
                drop(answer.send(Err(StoreError::Unavailable(reason.clone()))));
            }
            Unit::Close => {}
        }
    }
}
