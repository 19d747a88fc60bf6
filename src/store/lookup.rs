//! Group read: whoever asks for a message by its reference number waits in a line, and one task (a few of them) takes
//! whatever waits and asks the database once. The counterpart of the writer's group commit: what a question costs is less
//! the row than the conversation with the thread, or the server, that the database runs on.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use sqlx::AssertSqlSafe;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::messages::{COLUMNS, StoredMessage};
use super::{Conn, Pool, StoreError};
use crate::limits;
use crate::message::RefNo;

type Answer = oneshot::Sender<Result<Option<StoredMessage>, StoreError>>;

/// Finds messages. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookups {
    asked: mpsc::Sender<(RefNo, Answer)>,
}

impl Lookups {
    pub(super) fn start(pool: &Pool) -> Self {
        let (asked, waiting) = mpsc::channel(limits::LOOKUP_QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..limits::LOOKUP_TASKS {
            #[allow(clippy::disallowed_methods, reason = "ends with the last Store")]
            tokio::spawn(run(pool.clone(), Arc::clone(&waiting)));
        }
        Self { asked }
    }

    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn find(&self, ref_no: RefNo) -> Result<Option<StoredMessage>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let unavailable = |reason: &str| StoreError::Unavailable(reason.to_owned());
        self.asked.try_send((ref_no, answer)).map_err(|_| unavailable("too many questions wait already"))?;
        answered.await.unwrap_or_else(|_| Err(unavailable("the gateway is stopping")))
    }
}

async fn run(pool: Pool, waiting: Arc<Mutex<mpsc::Receiver<(RefNo, Answer)>>>) {
    loop {
        let mut batch = Vec::new();
        if waiting.lock().await.recv_many(&mut batch, limits::LOOKUPS_AT_ONCE_MAX).await == 0 {
            return;
        }
        let ref_nos: Vec<&str> = batch.iter().map(|(ref_no, _)| ref_no.as_str()).collect();
        match ask(&pool, &ref_nos).await {
            Ok(found) => {
                let found: HashMap<String, StoredMessage> =
                    found.into_iter().map(|message| (message.ref_no.clone(), message)).collect();
                for (ref_no, answer) in batch {
                    // Two may ask for the same message.
                    drop(answer.send(Ok(found.get(ref_no.as_str()).cloned())));
                }
            }
            Err(error) => {
                let reason = match error {
                    StoreError::Unavailable(reason) => reason,
                    other => other.to_string(),
                };
                for (_, answer) in batch {
                    drop(answer.send(Err(StoreError::Unavailable(reason.clone()))));
                }
            }
        }
    }
}

async fn ask(pool: &Pool, ref_nos: &[&str]) -> Result<Vec<StoredMessage>, StoreError> {
    let mut conn = pool.acquire().await?;
    // The text is ours alone: column names and numbers of parameters.
    let text = AssertSqlSafe(text(&conn, ref_nos.len()));
    Ok(match &mut conn {
        Conn::Sqlite(conn) => {
            let query = ref_nos.iter().fold(sqlx::query_as(text), |query, ref_no| query.bind(*ref_no));
            query.fetch_all(&mut **conn).await
        }
        Conn::Postgres(conn) => {
            let query = ref_nos.iter().fold(sqlx::query_as(text), |query, ref_no| query.bind(*ref_no));
            query.fetch_all(&mut **conn).await
        }
    }?)
}

/// The question for so many messages, made once.
fn text(conn: &Conn, count: usize) -> &'static str {
    type Texts = [OnceLock<String>; limits::LOOKUPS_AT_ONCE_MAX];
    static TEXTS: [Texts; 2] = [const { [const { OnceLock::new() }; limits::LOOKUPS_AT_ONCE_MAX] }; 2];
    let is_postgres = matches!(conn, Conn::Postgres(_));
    TEXTS[usize::from(is_postgres)][count - 1].get_or_init(|| {
        let parameter = |number| if is_postgres { format!("${number}") } else { "?".to_owned() };
        let parameters = (1..=count).map(parameter).collect::<Vec<_>>().join(",");
        format!("SELECT {COLUMNS} FROM messages WHERE ref_no IN ({parameters})")
    })
}
