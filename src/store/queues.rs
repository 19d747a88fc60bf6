//! What is asked about queues as a whole: how many messages wait for each device and since when, how many are ahead of one, and
//! who is exempt from being held back. Each question reads a bounded part of the store, or is asked seldom.

use std::ops::Range;

use super::row::row;
use super::{Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;

/// The waiting messages of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub device_id: String,
    pub waiting: i64,
    /// When the first of them was accepted.
    pub oldest_at: Millis,
}

row!(Queue { device_id, waiting, oldest_at });

/// What is known of a waiting message's recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecipient {
    /// The message's.
    pub seq: i64,
    /// When the recipient last wrote to the device.
    pub wrote_at: Option<Millis>,
    /// 1 when a message of the device was delivered to it before.
    pub was_reached: i64,
}

row!(StoredRecipient { seq, wrote_at, was_reached });

/// A message that is tried again before the later ones to its recipient are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlocker {
    /// The message behind it.
    pub seq: i64,
    /// When it is tried again.
    pub due_at: Millis,
    pub wait_code: String,
}

row!(StoredBlocker { seq, due_at, wait_code });

impl Store {
    /// The queue of each device that has one. Reads an entry of an index for every waiting message: whoever asks often keeps the
    /// answer for a while.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_queues(&self) -> Result<Vec<Queue>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as Queue,
            "SELECT counted.device_id AS device_id, counted.waiting AS waiting, messages.created_at AS oldest_at FROM \
             (SELECT device_id, COUNT(*) AS waiting, MIN(seq) AS first_seq FROM messages WHERE status = 'Q' GROUP BY device_id) \
             AS counted JOIN messages ON messages.seq = counted.first_seq ORDER BY counted.device_id",
        )
    }

    /// How many messages of a device that are due at `now` leave before any of this priority, up to [`limits::POSITION_MAX`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_before(&self, device_id: &str, priority: Priority, now: Millis) -> Result<i64, StoreError> {
        let mut ahead = 0;
        for higher in Priority::ALL.into_iter().take_while(|one| *one != priority) {
            ahead += self.count_between(device_id, higher, i64::MIN..i64::MAX, now).await?;
        }
        Ok(ahead.min(limits::POSITION_MAX))
    }

    /// How many messages of a device and a priority with these numbers are due at `now`, up to [`limits::POSITION_MAX`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_between(
        &self,
        device_id: &str,
        priority: Priority,
        seqs: Range<i64>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as i64,
            "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE device_id = $1 AND status = 'Q' AND priority = $2 AND seq >= $3 \
             AND seq < $4 AND due_at <= $5 LIMIT $6) AS due",
            device_id,
            priority.number(),
            seqs.start,
            seqs.end,
            now,
            limits::POSITION_MAX,
        )
    }

    /// The numbers of a device's messages of a priority among these that are due at `now`, in their order, up to
    /// [`limits::POSITION_MAX`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_between(
        &self,
        device_id: &str,
        priority: Priority,
        seqs: Range<i64>,
        now: Millis,
    ) -> Result<Vec<i64>, StoreError> {
        let mut conn = self.reader().await?;
        let due = sql!(
            &mut conn,
            all as (i64,),
            "SELECT seq FROM messages WHERE device_id = $1 AND status = 'Q' AND priority = $2 AND seq >= $3 AND seq < $4 \
             AND due_at <= $5 ORDER BY seq LIMIT $6",
            device_id,
            priority.number(),
            seqs.start,
            seqs.end,
            now,
            limits::POSITION_MAX,
        )?;
        Ok(due.into_iter().map(|(seq,)| seq).collect())
    }

    /// What is known of the recipients of these messages.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_recipients(&self, seqs: &[i64]) -> Result<Vec<StoredRecipient>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_recipients(&conn);
        let seqs = serde_json::to_string(seqs).unwrap_or_default();
        sql!(&mut conn, all as StoredRecipient, text, &seqs)
    }

    /// What blocks these messages at `now`; nothing for those that nothing does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_blockers(&self, seqs: &[i64], now: Millis) -> Result<Vec<StoredBlocker>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_blockers(&conn);
        let seqs = serde_json::to_string(seqs).unwrap_or_default();
        sql!(&mut conn, all as StoredBlocker, text, &seqs, now)
    }
}
