//! Deliveries to Push URLs: claimed, ended, tried again, replayed.

use super::row::row;
use super::{Conn, Store, StoreError, accounts, dialect, sql};
use crate::clock::Millis;

/// A claimed delivery. Until its `due_at` passes nobody else claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePush {
    pub inbound_id: String,
    pub client_id: i64,
    /// This try's number, from 1.
    pub attempts: i64,
    /// When trying began.
    pub first_at: Millis,
    /// Which content of its message it carries.
    pub revision: i64,
}

row!(DuePush { inbound_id, client_id, attempts, first_at, revision });

/// How a try ended.
#[derive(Debug, Clone)]
pub enum PushOutcome {
    Done,
    /// To be tried again then.
    Again {
        due_at: Millis,
    },
    /// 72 hours are over.
    Failed,
}

/// How a try ended, and what was answered.
#[derive(Debug, Clone)]
pub struct PushEnd {
    pub outcome: PushOutcome,
    /// `None` when there was no answer.
    pub http_status: Option<i64>,
    /// The beginning of the answer, or what went wrong.
    pub answer: String,
    /// Why the client's pushes rest from now on, if they do.
    pub rests: Option<&'static str>,
}

/// A delivery as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoredPush {
    pub inbound_id: String,
    pub client_id: i64,
    pub status: String,
    pub attempts: i64,
    pub created_at: Millis,
    pub due_at: Millis,
    pub done_at: Option<Millis>,
    /// The last answer's HTTP status; empty when there was no answer.
    pub last_status: Option<i64>,
    /// The beginning of the last answer, or what went wrong.
    pub last_answer: Option<String>,
}

row!(StoredPush { inbound_id, client_id, status, attempts, created_at, due_at, done_at, last_status, last_answer });

/// A page of a client's deliveries, newest first.
macro_rules! listed {
    ($which:literal) => {
        concat!(
            "SELECT inbound_id, client_id, status, attempts, created_at, due_at, done_at, last_status, last_answer \
             FROM pushes WHERE client_id = $1 ",
            $which,
            " AND created_at <= $3 AND (created_at < $3 OR (created_at = $3 AND inbound_id < $4)) \
             ORDER BY created_at DESC, inbound_id DESC LIMIT $5"
        )
    };
}

impl StoredPush {
    pub const STATUSES: [&'static str; 4] = ["due", "done", "failed", "held"];
}

/// Makes a message's push due at `due_at`, where its client has a Push URL: the first time, or again because the message has
/// changed. For who stores that in the same transaction.
pub(super) async fn offer(
    conn: &mut Conn,
    inbound_id: &str,
    client_id: i64,
    now: Millis,
    due_at: Millis,
) -> Result<(), StoreError> {
    sql!(
        conn,
        execute,
        "INSERT INTO pushes (inbound_id, client_id, status, created_at, first_at, due_at) \
         SELECT $1, id, 'due', $3, $3, $4 FROM clients WHERE id = $2 AND push_url IS NOT NULL \
         ON CONFLICT (inbound_id) DO UPDATE SET status = 'due', attempts = 0, first_at = excluded.first_at, \
         due_at = excluded.due_at, done_at = NULL, revision = pushes.revision + 1",
        inbound_id,
        client_id,
        now,
        due_at,
    )
    .map(drop)
}

impl Store {
    /// How many deliveries are not done yet, when the one that has waited longest began to be tried, and how many Push URLs
    /// are paused; of all clients.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_push_backlog(&self) -> Result<(i64, Option<Millis>, i64), StoreError> {
        let mut conn = self.reader().await?;
        let (waiting, oldest) = sql!(
            &mut conn,
            one as (i64, Option<i64>),
            "SELECT COUNT(*), MIN(first_at) FROM pushes WHERE status IN ('due', 'held') AND status <> 'done'",
        )?;
        let paused = sql!(
            &mut conn,
            scalar as i64,
            "SELECT COUNT(*) FROM clients WHERE push_url IS NOT NULL AND push_paused_at IS NOT NULL",
        )?;
        Ok((waiting, oldest, paused))
    }

    /// The clients that have deliveries due.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn clients_with_due_pushes(&self, now: Millis) -> Result<Vec<i64>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            column as i64,
            "SELECT id FROM clients WHERE push_url IS NOT NULL AND push_paused_at IS NULL AND EXISTS \
             (SELECT 1 FROM pushes WHERE client_id = clients.id AND status = 'due' AND due_at <= $1) ORDER BY id",
            now,
        )
    }

    /// Takes up to `limit` due deliveries of a client; should this process die they are due again at `again_at`.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn claim_pushes(
        &self,
        client_id: i64,
        now: Millis,
        again_at: Millis,
        limit: usize,
    ) -> Result<Vec<DuePush>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.write(move |conn| {
            Box::pin(async move {
                let text = dialect::claim_pushes(conn);
                sql!(conn, all as DuePush, text, client_id, now, again_at, limit)
            })
        })
        .await
    }

    /// Stores how a try ended and, where it was the last, that the client's pushes rest, in one transaction. A try that carried
    /// an earlier content of the message ends nothing: the push is due with the new one.
    ///
    /// # Errors
    /// When it could not be stored: then the delivery is tried again.
    pub async fn end_push_try(&self, push: &DuePush, end: PushEnd, now: Millis) -> Result<(), StoreError> {
        let (inbound_id, revision) = (push.inbound_id.clone(), push.revision);
        let (status, due_at, done_at) = match end.outcome {
            PushOutcome::Done => ("done", None, Some(now)),
            PushOutcome::Again { due_at } => ("due", Some(due_at), None),
            PushOutcome::Failed => ("failed", None, None),
        };
        self.write(move |conn| {
            Box::pin(async move {
                let ended = sql!(
                    &mut *conn,
                    optional as (i64,),
                    "UPDATE pushes SET status = $2, due_at = COALESCE($3, due_at), done_at = $4, last_status = $5, \
                     last_answer = $6 WHERE inbound_id = $1 AND revision = $7 RETURNING client_id",
                    &inbound_id,
                    status,
                    due_at,
                    done_at,
                    end.http_status,
                    &end.answer,
                    revision,
                )?;
                if let (Some((client_id,)), Some(reason)) = (ended, end.rests) {
                    accounts::rest_pushes(conn, client_id, Some(reason), now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Makes messages that came in between two moments due for delivery, whether they were delivered before or not;
    /// gives how many. `id` picks one of them.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn replay_pushes(
        &self,
        client_id: i64,
        id: Option<String>,
        from: Millis,
        until: Millis,
        now: Millis,
    ) -> Result<u64, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO pushes (inbound_id, client_id, status, created_at, first_at, due_at) \
                     SELECT id, client_id, 'due', $5, $5, $5 FROM inbound WHERE client_id = $1 \
                     AND ($2 IS NULL OR id = $2) AND received_at >= $3 AND received_at < $4 \
                     ON CONFLICT (inbound_id) DO UPDATE SET status = 'due', attempts = 0, first_at = excluded.first_at, \
                     due_at = excluded.due_at, done_at = NULL, revision = pushes.revision + 1",
                    client_id,
                    &id,
                    from,
                    until,
                    now,
                )
            })
        })
        .await
    }

    /// A client's deliveries, newest first, of one status or of all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_pushes(
        &self,
        client_id: i64,
        status: Option<&str>,
        before: Option<(Millis, String)>,
        rows: i64,
    ) -> Result<Vec<StoredPush>, StoreError> {
        let mut conn = self.reader().await?;
        let (before_at, before_id) = before.unwrap_or((i64::MAX, String::new()));
        let text = match status {
            // The few that are not done have an index of their own, which is used where a question says so.
            Some("due" | "failed" | "held") => listed!("AND status = $2 AND status <> 'done'"),
            _ => listed!("AND ($2 IS NULL OR status = $2)"),
        };
        sql!(&mut conn, all as StoredPush, text, client_id, status, before_at, before_id, rows)
    }
}
