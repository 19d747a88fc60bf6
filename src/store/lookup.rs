//! Questions about single messages, the most frequent of all. The embedded database answers each at once, in the thread that
//! asks. To PostgreSQL they go together: each waits in a line, and a task or two take whatever waits and ask once, the
//! counterpart of the writer's group commit.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use rusqlite::OptionalExtension;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::messages::{COLUMNS, StoredMessage, message};
use super::row::SqliteRow;
use super::snapshots::Snapshots;
use super::{StoreError, postgres};
use crate::limits;
use crate::message::RefNo;

type Answer = oneshot::Sender<Result<Option<StoredMessage>, StoreError>>;

/// Finds messages. Cheap to clone.
#[derive(Clone)]
pub(super) enum Lookups {
    Sqlite(Snapshots),
    Postgres(mpsc::Sender<(RefNo, Answer)>),
}

impl Lookups {
    pub(super) fn of_postgres(pool: &PgPool) -> Self {
        let (asked, waiting) = mpsc::channel(limits::LOOKUP_QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..limits::POSTGRES_LOOKUPS {
            #[allow(clippy::disallowed_methods, reason = "ends with the last Store")]
            tokio::spawn(run(pool.clone(), Arc::clone(&waiting)));
        }
        Self::Postgres(asked)
    }

    pub(super) fn close(&self) {
        if let Self::Sqlite(snapshots) = self {
            snapshots.close();
        }
    }

    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn find(&self, ref_no: RefNo) -> Result<Option<StoredMessage>, StoreError> {
        match self {
            Self::Sqlite(snapshots) => snapshots.look(|connection| {
                let mut statement = connection.prepare_cached(message!("WHERE ref_no = ?1"))?;
                statement.query_row([ref_no.as_str()], StoredMessage::read).optional()
            }),
            Self::Postgres(asked) => {
                let (answer, answered) = oneshot::channel();
                let unavailable = |reason: &str| StoreError::Unavailable(reason.to_owned());
                asked.try_send((ref_no, answer)).map_err(|_| unavailable("too many questions wait already"))?;
                answered.await.unwrap_or_else(|_| Err(unavailable("the gateway is stopping")))
            }
        }
    }
}

async fn run(pool: PgPool, waiting: Arc<Mutex<mpsc::Receiver<(RefNo, Answer)>>>) {
    let mut batch = Vec::new();
    while next(&mut *waiting.lock().await, &mut batch).await {
        let ref_nos: Vec<&str> = batch.iter().map(|(ref_no, _)| ref_no.as_str()).collect();
        match find(&pool, &ref_nos).await {
            Ok(found) => {
                for ((_, answer), found) in batch.drain(..).zip(found) {
                    drop(answer.send(Ok(found)));
                }
            }
            Err(error) => {
                let reason = match error {
                    StoreError::Unavailable(reason) => reason,
                    other => other.to_string(),
                };
                for (_, answer) in batch.drain(..) {
                    drop(answer.send(Err(StoreError::Unavailable(reason.clone()))));
                }
            }
        }
    }
}

/// Waits for questions, and lets the requests that are being read at this moment join them. `false` when none will come.
async fn next(waiting: &mut mpsc::Receiver<(RefNo, Answer)>, batch: &mut Vec<(RefNo, Answer)>) -> bool {
    if waiting.recv_many(batch, limits::LOOKUPS_AT_ONCE_MAX).await == 0 {
        return false;
    }
    tokio::task::yield_now().await;
    while batch.len() < limits::LOOKUPS_AT_ONCE_MAX
        && let Ok(one) = waiting.try_recv()
    {
        batch.push(one);
    }
    true
}

/// What is found of each, in their order.
async fn find(pool: &PgPool, ref_nos: &[&str]) -> Result<Vec<Option<StoredMessage>>, StoreError> {
    // The text is ours alone: column names and numbers of parameters.
    let query = sqlx::query_as(AssertSqlSafe(text(ref_nos.len())));
    let query = ref_nos.iter().fold(query, |query, ref_no| query.bind(*ref_no));
    let found: Vec<StoredMessage> = postgres::answered(query.fetch_all(pool)).await?;
    let found: HashMap<&str, &StoredMessage> = found.iter().map(|message| (message.ref_no.as_str(), message)).collect();
    // Two may ask for the same message.
    Ok(ref_nos.iter().map(|ref_no| found.get(ref_no).copied().cloned()).collect())
}

/// The question for so many messages, made once.
fn text(count: usize) -> &'static str {
    static TEXTS: [OnceLock<String>; limits::LOOKUPS_AT_ONCE_MAX] =
        [const { OnceLock::new() }; limits::LOOKUPS_AT_ONCE_MAX];
    TEXTS[count - 1].get_or_init(|| {
        let parameters = (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(",");
        format!("SELECT {COLUMNS} FROM messages WHERE ref_no IN ({parameters})")
    })
}
