//! The audit log: who did what. What somebody does is recorded in the transaction that does it: an action that is done is in the log,
//! and one that cannot be recorded is not done.
//!
//! [`recording`] runs an action; the first change that [`Store::act`] makes within it takes the entry along.

use std::cell::RefCell;

use super::row::row;
use super::writer::Work;
use super::{Conn, Page, Store, StoreError, sql};
use crate::clock::Millis;
use crate::limits;

tokio::task_local! {
    /// What is being done and was not recorded yet.
    static PENDING: RefCell<Option<NewAuditEntry>>;
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub seq: i64,
    pub at: Millis,
    pub client_id: i64,
    pub userid: String,
    pub way: String,
    pub action: String,
    pub subject: String,
}

row!(AuditEntry { seq, at, client_id, userid, way, action, subject });

/// By what it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditWay {
    Console,
    CommandLine,
    /// A linking page that a person shared: by somebody without a sign-in.
    SharedLink,
    /// Whoever had a pairing link: nobody is known by name.
    PairingLink,
    /// The number of an API key.
    Key(i64),
}

/// An entry to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEntry {
    pub at: Millis,
    /// Whose thing was changed.
    pub client_id: i64,
    pub userid: String,
    pub way: AuditWay,
    pub action: String,
    pub subject: String,
}

/// What came of an action.
pub(super) trait Outcome: Send + 'static {
    /// Whether something was changed.
    fn is_done(&self) -> bool;

    /// Adds to the entry what is known only once it is done.
    fn complete(&self, _entry: &mut NewAuditEntry) {}
}

impl Outcome for () {
    fn is_done(&self) -> bool {
        true
    }
}

impl Outcome for bool {
    fn is_done(&self) -> bool {
        *self
    }
}

impl Outcome for u64 {
    fn is_done(&self) -> bool {
        true
    }
}

impl<T: Send + 'static> Outcome for Option<T> {
    fn is_done(&self) -> bool {
        self.is_some()
    }
}

/// What an action gives, whatever it is, that is done unless it fails.
pub(super) struct Done<T>(pub T);

impl<T: Send + 'static> Outcome for Done<T> {
    fn is_done(&self) -> bool {
        true
    }
}

/// The number that the store gave to what an action made.
pub(super) struct Made(pub i64);

impl Outcome for Made {
    fn is_done(&self) -> bool {
        true
    }

    fn complete(&self, entry: &mut NewAuditEntry) {
        entry.add_subject(&self.0.to_string());
    }
}

impl NewAuditEntry {
    /// Names one more thing that the action is about.
    pub fn add_subject(&mut self, name: &str) {
        if !self.subject.is_empty() {
            self.subject.push(' ');
        }
        self.subject.push_str(name);
    }

    async fn insert(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let way = match self.way {
            AuditWay::Console => "console".to_owned(),
            AuditWay::CommandLine => "command line".to_owned(),
            AuditWay::SharedLink => "shared link".to_owned(),
            AuditWay::PairingLink => "pairing link".to_owned(),
            AuditWay::Key(id) => format!("key {id}"),
        };
        let subject: String = self.subject.chars().take(limits::AUDIT_CHARS_MAX).collect();
        sql!(
            conn,
            execute,
            "INSERT INTO audit (at, client_id, userid, way, action, subject) VALUES ($1, $2, $3, $4, $5, $6)",
            self.at,
            self.client_id,
            &self.userid,
            &way,
            &self.action,
            &subject,
        )
        .map(drop)
    }
}

/// Runs an action; gives also the entry that was pending at its end, of an action that changed nothing in the store.
pub async fn pending<T>(entry: Option<NewAuditEntry>, action: impl Future<Output = T>) -> (T, Option<NewAuditEntry>) {
    // On the heap: it goes around what is large already.
    let action = Box::pin(action);
    PENDING.scope(RefCell::new(entry), async { (action.await, take()) }).await
}

/// Runs an action that changes the store, and is recorded with the change.
pub async fn recording<T>(entry: NewAuditEntry, action: impl Future<Output = T>) -> T {
    pending(Some(entry), action).await.0
}

/// Says what is being done, once that is known. Says nothing outside of [`pending`]: what only looks is not recorded.
pub fn set(entry: NewAuditEntry) {
    let _ = PENDING.try_with(|pending| pending.replace(Some(entry)));
}

/// Names one more thing that is about to be changed.
pub fn add_subject(name: &str) {
    let _ = PENDING.try_with(|pending| pending.borrow_mut().as_mut().map(|entry| entry.add_subject(name)));
}

/// The pending entry, which is whoever's who takes it to record.
pub(super) fn take() -> Option<NewAuditEntry> {
    PENDING.try_with(|pending| pending.borrow_mut().take()).ok().flatten()
}

/// Stores the entries of accepted messages.
pub(super) async fn insert_all<'a>(
    conn: &mut Conn,
    entries: impl Iterator<Item = &'a NewAuditEntry> + Send,
) -> Result<(), StoreError> {
    for entry in entries {
        entry.insert(conn).await?;
    }
    Ok(())
}

impl Store {
    /// Writes what a person does, with the pending entry where it is done: both or neither.
    pub(super) async fn act<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Outcome,
        F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T> + Send + 'static,
    {
        let Some(mut entry) = take() else { return self.write(work).await };
        let kept = entry.clone();
        let outcome = self.write(move |conn| {
            Box::pin(async move {
                let outcome = work(&mut *conn).await?;
                if outcome.is_done() {
                    outcome.complete(&mut entry);
                    entry.insert(conn).await?;
                }
                Ok(outcome)
            })
        });
        let outcome = outcome.await;
        if !outcome.as_ref().is_ok_and(Outcome::is_done) {
            set(kept);
        }
        outcome
    }

    /// Records what is done already, by something else than a change of the store. To fail now would have it done again.
    pub async fn record_done(&self, entry: NewAuditEntry) {
        if let Err(error) = self.write(move |conn| Box::pin(async move { entry.insert(conn).await })).await {
            tracing::warn!(%error, "an action could not be recorded in the audit log");
        }
    }

    /// What was done to a client's things, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_audit(&self, client_id: i64, page: Page) -> Result<Vec<AuditEntry>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as AuditEntry,
            "SELECT seq, at, client_id, userid, way, action, subject FROM audit \
             WHERE client_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
            client_id,
            page.before_or_max(),
            page.rows,
        )
    }

    /// Deletes the entries from before a moment, up to `rows` at once.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn delete_audit(&self, before: Millis, rows: i64) -> Result<u64, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                // They were recorded in the order of their numbers: the oldest come first.
                sql!(
                    conn,
                    execute,
                    "DELETE FROM audit WHERE at < $1 AND seq IN (SELECT seq FROM audit ORDER BY seq LIMIT $2)",
                    before,
                    rows,
                )
            })
        })
        .await
    }
}
