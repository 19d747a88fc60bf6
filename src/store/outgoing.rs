//! Messages that wait: accepted, begun, expired, cancelled. `waiting.rs` loads them into their device's queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::audit::{self, NewAuditEntry};
use super::pacing::count_begun;
use super::{Conn, Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::device::Kind;
use crate::limits;
use crate::message::{NewMessage, Priority, RefNo, expired};

/// A message to accept, with what must be true for it.
#[derive(Debug)]
pub struct Accept {
    pub message: NewMessage,
    /// The gateway's messages a day; 0 for no limit.
    pub daily_limit: i64,
    pub idempotent: Option<Idempotent>,
    /// Recorded with it; [`Store::accept`] takes what is pending.
    pub audit: Option<NewAuditEntry>,
}

/// The first answer to an `Idempotency-Key`, stored with the message that it answers.
#[derive(Debug)]
pub struct Idempotent {
    pub key: String,
    pub body_hash: Vec<u8>,
    /// The answer's `data`, as JSON.
    pub answer: String,
    /// Until then the answer is replayed.
    pub expires_at: Millis,
    pub reuse: Reuse,
    /// Of a row that is imported.
    pub said: Option<SaidOnce>,
}

/// What a row of an import says to whom, whatever its campaign is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidOnce {
    pub said: String,
    /// It is not accepted where so many rows of imports have said it that are remembered for longer than until `expires_after`, and
    /// whose messages left or still may. Its own key does not count.
    pub most: i64,
    pub expires_after: Millis,
}

/// Whether a key may be used again before its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    Never,
    /// Once it is certain that the message that it stands for never leaves: it was given up before the first attempt, or a sandbox
    /// has it and this one is for WhatsApp.
    Unsent,
}

/// A message that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted;

/// Why a message was given up whose media never came; the last failure follows.
const MEDIA_LATE: &str = "its file could not be downloaded in time: ";
/// Why one was given up whose file was still to be downloaded for the first time.
const WITHOUT_ITS_FILE: &str = "its timeout passed before its file was downloaded";

/// Why one was given up that its device or its pacing kept; what it waited for follows.
const WHILE_IT_WAITED: &str = "its timeout passed while it waited, so it has to be sent again: ";
/// Why one was given up that was to be tried again; the last failure follows.
const AFTER_A_FAILURE: &str = "its timeout passed; the last attempt failed: ";

/// What the messages of devices wait for, in words for a person: of each device that keeps them.
#[derive(Debug, Default)]
pub struct LastWaits {
    high: BTreeMap<String, String>,
    others: BTreeMap<String, String>,
}

impl LastWaits {
    /// Notes what a device's messages wait for, those of high priority or the others.
    pub fn note(&mut self, device_id: &str, priority: Priority, reason: String) {
        let waits = if priority == Priority::High { &mut self.high } else { &mut self.others };
        waits.insert(device_id.to_owned(), reason);
    }
}

/// What came of beginning attempts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Messages whose attempts are on the disk, so that they may be written to WhatsApp.
    pub ref_nos: Vec<RefNo>,
    /// How many were given up.
    pub aborted: u64,
}

/// The devices of messages whose time is over. `device_id || ''` keeps SQLite from looking through every queue, device by device.
const FIND_EXPIRING: &str = "SELECT DISTINCT device_id || '' FROM messages WHERE status = 'Q' AND expires_at <= $1 \
     AND (under_way_at IS NULL OR under_way_at <= $2)";

impl Store {
    /// Stores a message; when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::DailyLimit`], [`StoreError::KeyUsed`], or that nothing could be stored.
    pub async fn accept(&self, mut accept: Accept) -> Result<Accepted, StoreError> {
        accept.seal_url(&self.urls)?;
        accept.audit = accept.audit.or_else(audit::take);
        self.writer.accept(accept).await
    }

    /// Marks attempts as under way, and says which of them may now be written to WhatsApp: those that nobody cancelled and
    /// whose time is not over. A message that was accepted while the device's id belonged to a sandbox is sent by no real
    /// account, nor the other way round: it is given up. `None` when the device may send nothing now: it is paused, or another node's. First attempts
    /// are counted on the day `counted_on` of a device that warms up. The next message may leave at `next_slot_at`, where the
    /// device keeps a gap.
    ///
    /// # Errors
    /// When it could not be stored: then none may.
    pub async fn begin_attempts(
        &self,
        device_id: &str,
        epoch: i64,
        now: Millis,
        ref_nos: Vec<RefNo>,
        counted_on: Option<i64>,
        next_slot_at: Option<Millis>,
    ) -> Result<Option<Begun>, StoreError> {
        let device_id = device_id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                let may_send = sql!(
                    &mut *conn,
                    optional as (bool, String),
                    "SELECT paused, kind FROM devices WHERE id = $1 AND lease_epoch = $2 AND removed_at IS NULL",
                    &device_id,
                    epoch,
                )?;
                let Some((false, kind)) = may_send else { return Ok(None) };
                let is_sandbox = kind == Kind::Sandbox.name();
                let (mut begun, mut first) = (Begun::default(), 0);
                for ref_no in ref_nos {
                    let attempts = sql!(
                        &mut *conn,
                        optional as (i64,),
                        "UPDATE messages SET under_way_at = $2, attempts = attempts + 1, wait_code = NULL, \
                         wait_reason = NULL WHERE ref_no = $1 \
                         AND status = 'Q' AND expires_at > $2 AND sandbox = $3 RETURNING attempts",
                        ref_no.as_str(),
                        now,
                        is_sandbox,
                    )?;
                    if let Some((attempts,)) = attempts {
                        begun.ref_nos.push(ref_no);
                        first += i64::from(attempts == 1);
                    } else {
                        begun.aborted += give_up_of_other_kind(conn, &ref_no, &kind, now).await?;
                    }
                }
                if let Some(day) = counted_on.filter(|_| first > 0) {
                    count_begun(conn, &device_id, day, first).await?;
                }
                if let Some(at) = next_slot_at.filter(|_| !begun.ref_nos.is_empty()) {
                    sql!(&mut *conn, execute, "UPDATE devices SET next_slot_at = $2 WHERE id = $1", &device_id, at)?;
                }
                Ok(Some(begun))
            })
        })
        .await
    }

    /// The devices of messages whose time is over, as [`Store::expire_messages`] ends them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_expiring(&self, now: Millis, grace_ms: Millis) -> Result<Vec<String>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, column as String, FIND_EXPIRING, now, now - grace_ms)
    }

    /// Ends every waiting message whose time is over, with what it waited for last; gives how many of each device. One that is under
    /// way is left to its device for `grace_ms`, which hears of an acknowledgement first. However many they are, others may write in
    /// between.
    ///
    /// # Errors
    /// When it could not be stored, or not all of it.
    pub async fn expire_messages(
        &self,
        now: Millis,
        grace_ms: Millis,
        waits: LastWaits,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let (mut expired, waits) = (BTreeMap::new(), Arc::new(waits));
        loop {
            let some = self.expire_some(now, grace_ms, Arc::clone(&waits)).await?;
            let is_all = some.len() < usize::try_from(limits::EXPIRED_AT_ONCE).unwrap_or(usize::MAX);
            for (device_id,) in some {
                *expired.entry(device_id).or_default() += 1;
            }
            if is_all {
                return Ok(expired);
            }
        }
    }

    /// Ends some of them; gives the device of each.
    async fn expire_some(
        &self,
        now: Millis,
        grace_ms: Millis,
        waits: Arc<LastWaits>,
    ) -> Result<Vec<(String,)>, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let text = dialect::expire(conn);
                let json = |waits: &BTreeMap<String, String>| serde_json::to_string(waits).unwrap_or_default();
                sql!(
                    conn,
                    all as (String,),
                    text,
                    now,
                    now - grace_ms,
                    expired(false),
                    expired(true),
                    MEDIA_LATE,
                    limits::EXPIRED_AT_ONCE,
                    &json(&waits.high),
                    &json(&waits.others),
                    WHILE_IT_WAITED,
                    AFTER_A_FAILURE,
                    WITHOUT_ITS_FILE,
                )
            })
        })
        .await
    }

    /// Aborts a message that waits. `false` when it has left, has ended, or an attempt is under way.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn cancel_message(&self, client_id: i64, ref_no: &RefNo, now: Millis) -> Result<bool, StoreError> {
        let ref_no = ref_no.clone();
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE messages SET status = 'A', aborted_at = $3, reason = 'cancelled' \
                     WHERE ref_no = $1 AND client_id = $2 AND status = 'Q' AND under_way_at IS NULL",
                    ref_no.as_str(),
                    client_id,
                    now,
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }
}

/// Gives up a message that was accepted while its device was of the other kind.
async fn give_up_of_other_kind(conn: &mut Conn, ref_no: &RefNo, kind: &str, now: Millis) -> Result<u64, StoreError> {
    let is_sandbox = kind == Kind::Sandbox.name();
    let reason = if is_sandbox {
        "its gateway became a sandbox before it was sent"
    } else {
        "it was accepted by a sandbox, whose id now belongs to a real account"
    };
    sql!(
        conn,
        execute,
        "UPDATE messages SET status = 'A', aborted_at = $2, under_way_at = NULL, reason = $3 \
         WHERE ref_no = $1 AND status = 'Q' AND sandbox <> $4",
        ref_no.as_str(),
        now,
        reason,
        is_sandbox,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::message::Content;
    use crate::store::Location;

    #[tokio::test]
    async fn what_expires_is_found_without_what_waits_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.expect("it opens");
        let Ok(Conn::Sqlite(mut conn)) = store.reader().await else { panic!("a connection") };
        let plan = conn.call(|connection| {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {FIND_EXPIRING}").replace('$', "?"))?;
            let lines = explained.query_map([2, 1], |row| row.get::<_, String>(3))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        });
        let plan = plan.expect("a plan").join("\n");
        assert!(plan.starts_with("SEARCH messages USING INDEX messages_expiry (expires_at<?)"), "{plan}");
    }

    #[tokio::test]
    async fn messages_that_expire_at_once_are_ended_in_several_transactions() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.expect("it opens");
        let clock = Clock::held(1_000);
        let rows = 2 * limits::EXPIRED_AT_ONCE + 1;
        let accepted = (0..rows).map(|_| {
            let message = NewMessage {
                ref_no: RefNo::new(&clock),
                client_id: 1,
                person_id: 1,
                device_id: "1-1".into(),
                sender: "628110000000".into(),
                sandbox: true,
                destination: "628111111111".into(),
                is_group: false,
                content: Content::Text("hello".into()),
                created_at: 1_000,
                expires_at: 2_000,
                priority: Priority::Normal,
                tag: None,
            };
            store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None })
        });
        for accepted in futures_util::future::join_all(accepted).await {
            accepted.expect("accepted");
        }
        let first = store.expire_some(2_000, 0, Arc::default()).await.expect("expired");
        assert_eq!(first.len().try_into(), Ok(limits::EXPIRED_AT_ONCE));
        let rest = store.expire_messages(2_000, 0, LastWaits::default()).await.expect("expired");
        assert_eq!(rest, [("1-1".to_owned(), limits::EXPIRED_AT_ONCE.unsigned_abs() + 1)].into());
        assert!(store.expire_messages(2_000, 0, LastWaits::default()).await.expect("looked").is_empty());
    }
}
