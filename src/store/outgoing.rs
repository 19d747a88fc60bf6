//! Messages that wait: accepted, loaded into their device's queue, begun, expired, cancelled.

use super::pacing::count_begun;
use super::row::row;
use super::{Conn, Store, StoreError, sql};
use crate::clock::Millis;
use crate::device::Kind;
use crate::message::{NewMessage, Priority, RefNo};

/// A message to accept, with what must be true for it.
#[derive(Debug)]
pub struct Accept {
    pub message: NewMessage,
    /// The gateway's messages a day; 0 for no limit.
    pub daily_limit: i64,
    pub idempotent: Option<Idempotent>,
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

/// A message that waits in its device's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub seq: i64,
    pub ref_no: String,
    pub client_id: i64,
    pub destination: String,
    pub is_group: bool,
    pub body: Option<String>,
    pub is_media: bool,
    /// As what it is shown; before its file is here, what was asked for.
    pub kind: Option<String>,
    pub media_id: Option<String>,
    pub media_url: Option<String>,
    pub file_name: Option<String>,
    pub expires_at: Millis,
    pub due_at: Millis,
    pub attempts: i64,
    pub fetch_attempts: i64,
    pub priority: Priority,
}

row!(Waiting {
    seq,
    ref_no,
    client_id,
    destination,
    is_group,
    body,
    is_media,
    kind,
    media_id,
    media_url,
    file_name,
    expires_at,
    due_at,
    attempts,
    fetch_attempts,
    priority: i64
});

/// Why a message that waited too long was given up.
pub const fn expired(was_tried: bool) -> &'static str {
    if was_tried {
        "its timeout passed without an acknowledgement; it may have been delivered"
    } else {
        "its timeout passed before it could be sent"
    }
}

/// Why a message was given up whose media never came; the last failure follows.
const MEDIA_LATE: &str = "its file could not be downloaded in time: ";

/// A message whose attempt is on the disk, so that it may be written to WhatsApp.
pub type Begun = RefNo;

/// Where a look at the messages of one priority begins, and how many it may find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Behind {
    /// The number of the last message that is known.
    pub after: i64,
    pub rows: usize,
}

impl Behind {
    fn rows(self) -> i64 {
        i64::try_from(self.rows).unwrap_or(i64::MAX)
    }
}

macro_rules! waiting {
    () => {
        "seq, ref_no, client_id, destination, is_group, body, is_media, kind, media_id, media_url, file_name, expires_at, due_at, \
         attempts, fetch_attempts, priority"
    };
    ($number:literal, $after:literal, $rows:literal, $name:literal) => {
        concat!(
            "SELECT * FROM (SELECT ",
            waiting!(),
            " FROM messages WHERE device_id = $1 AND priority = ",
            $number,
            " AND status = 'Q' AND seq > ",
            $after,
            " AND (wait_code IS NULL OR wait_code <> 'media') ORDER BY seq LIMIT ",
            $rows,
            ") AS ",
            $name
        )
    };
}

/// One look for all priorities, each led by the index and bounded by itself.
const FIND_WAITING: &str = concat!(
    waiting!("0", "$2", "$3", "high"),
    " UNION ALL ",
    waiting!("1", "$4", "$5", "normal"),
    " UNION ALL ",
    waiting!("2", "$6", "$7", "bulk")
);

const FIND_DUE_MEDIA: &str = concat!(
    "SELECT ",
    waiting!(),
    " FROM messages WHERE device_id = $1 AND status = 'Q' AND wait_code = 'media' AND due_at <= $2 ORDER BY due_at LIMIT $3"
);

impl Store {
    /// Stores a message; when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::DailyLimit`], [`StoreError::KeyUsed`], or that nothing could be stored.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        self.writer.accept(accept).await
    }

    /// The messages of a device that wait, of each priority in the order of acceptance, behind those that are known. Messages
    /// that wait for their media are not among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_waiting(&self, device_id: &str, behind: [Behind; 3]) -> Result<Vec<Waiting>, StoreError> {
        let [high, normal, bulk] = behind;
        let mut conn = self.reader().await?;
        let mut found = sql!(
            &mut conn,
            all as Waiting,
            FIND_WAITING,
            device_id,
            high.after,
            high.rows(),
            normal.after,
            normal.rows(),
            bulk.after,
            bulk.rows(),
        )?;
        // The parts are in order; the whole need not be.
        found.sort_unstable_by_key(|waiting: &Waiting| (waiting.priority, waiting.seq));
        Ok(found)
    }

    /// Messages of a device whose media is to be downloaded again now, the longest due first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_due_media(&self, device_id: &str, now: Millis, rows: usize) -> Result<Vec<Waiting>, StoreError> {
        let mut conn = self.reader().await?;
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        sql!(&mut conn, all as Waiting, FIND_DUE_MEDIA, device_id, now, rows)
    }

    /// When the next message of a device waits for its media that is not due at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_next_media(&self, device_id: &str, now: Millis) -> Result<Option<Millis>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as Option<i64>,
            "SELECT MIN(due_at) FROM messages WHERE device_id = $1 AND status = 'Q' AND wait_code = 'media' AND due_at > $2",
            device_id,
            now,
        )
    }

    /// Marks attempts as under way, and says which of them may now be written to WhatsApp: those that nobody cancelled and
    /// whose time is not over. A message that was accepted while the device's id belonged to a sandbox is sent by no real
    /// account, nor the other way round: it is given up. `None` when the device may send nothing now: it is paused, or another node's. First attempts
    /// are counted on the day `counted_on` of a device that warms up.
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
    ) -> Result<Option<Vec<Begun>>, StoreError> {
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
                let (mut begun, mut first) = (Vec::with_capacity(ref_nos.len()), 0);
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
                        begun.push(ref_no);
                        first += i64::from(attempts == 1);
                    } else {
                        give_up_of_other_kind(conn, &ref_no, &kind, now).await?;
                    }
                }
                if let Some(day) = counted_on.filter(|_| first > 0) {
                    count_begun(conn, &device_id, day, first).await?;
                }
                Ok(Some(begun))
            })
        })
        .await
    }

    /// Ends every waiting message whose time is over; gives how many. One that is under way is left to its device for
    /// `grace_ms`, which hears of an acknowledgement first.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn expire_messages(&self, now: Millis, grace_ms: Millis) -> Result<u64, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE messages SET status = 'A', aborted_at = $1, under_way_at = NULL, \
                     reason = CASE WHEN under_way_at IS NOT NULL THEN $4 \
                     WHEN wait_code = 'media' AND wait_reason IS NOT NULL THEN $5 || wait_reason ELSE $3 END \
                     WHERE status = 'Q' AND expires_at <= $1 AND (under_way_at IS NULL OR under_way_at <= $2)",
                    now,
                    now - grace_ms,
                    expired(false),
                    expired(true),
                    MEDIA_LATE,
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
        self.write(move |conn| {
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
async fn give_up_of_other_kind(conn: &mut Conn, ref_no: &RefNo, kind: &str, now: Millis) -> Result<(), StoreError> {
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
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;

    #[tokio::test]
    async fn a_queue_is_found_without_what_has_left_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.expect("it opens");
        let Ok(Conn::Sqlite(mut conn)) = store.reader().await else { panic!("a connection") };
        for after in [i64::MIN, -1, 0, 1, i64::MAX] {
            let plan = conn.call(|connection| {
                let mut explained =
                    connection.prepare(&format!("EXPLAIN QUERY PLAN {FIND_WAITING}").replace('$', "?"))?;
                let lines = explained.query_map(rusqlite::params!["1-1", after, 10, after, 10, after, 10], |row| {
                    row.get::<_, String>(3)
                })?;
                lines.collect::<rusqlite::Result<Vec<_>>>()
            });
            let plan = plan.expect("a plan").join("\n");
            let led = plan.matches("messages_waiting (device_id=? AND priority=? AND seq>?)").count();
            assert_eq!(
                (led, plan.matches("SCAN messages").count(), plan.matches("TEMP B-TREE").count()),
                (3, 0, 0),
                "{after}: {plan}"
            );
        }
    }
}
