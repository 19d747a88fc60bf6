//! What is asked about queues as a whole: how many messages wait for each device and since when, how many are ahead of one, and
//! who is exempt from being held back. Each question reads a bounded part of the store, or is asked seldom.

use std::ops::Range;

use super::row::row;
use super::{Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;
use crate::phone;

/// The waiting messages of a device and a priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub device_id: String,
    pub priority: Priority,
    pub waiting: i64,
    /// Those of them that are due later.
    pub later: i64,
    /// The number of the first.
    pub first_seq: i64,
    /// When the first of them was accepted.
    pub oldest_at: Millis,
}

row!(Queue { device_id, priority: i64, waiting, later, first_seq, oldest_at });

/// What decides whether a waiting message may leave while its device holds others back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDue {
    pub seq: i64,
    pub destination: String,
    pub is_group: bool,
    pub attempts: i64,
    /// When the recipient last wrote to the device.
    pub wrote_at: Option<Millis>,
    /// 1 when a message of the device was delivered to it before.
    pub was_reached: i64,
}

row!(StoredDue { seq, destination, is_group, attempts, wrote_at, was_reached });

/// A due message of which an attempt was begun: it is under way, or is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBegun {
    pub seq: i64,
    pub destination: String,
    pub is_group: bool,
    pub under_way_at: Option<Millis>,
}

row!(StoredBegun { seq, destination, is_group, under_way_at });

impl Store {
    /// The queues of each device that has some. Reads an entry of an index for every waiting message: whoever asks often keeps the
    /// answer for a while.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_queues(&self, now: Millis) -> Result<Vec<Queue>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as Queue,
            "SELECT counted.device_id AS device_id, counted.priority AS priority, counted.waiting AS waiting, \
             counted.later AS later, counted.first_seq AS first_seq, messages.created_at AS oldest_at \
             FROM (SELECT device_id, priority, COUNT(*) AS waiting, MIN(seq) AS first_seq, \
             CAST(SUM(CASE WHEN due_at > $1 THEN 1 ELSE 0 END) AS BIGINT) AS later FROM messages WHERE status = 'Q' GROUP BY device_id, priority) AS counted \
             JOIN messages ON messages.seq = counted.first_seq ORDER BY counted.device_id",
            now,
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

    /// How many messages of a device and a priority with these numbers may leave when their turn comes, up to [`limits::POSITION_MAX`].
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
        let stuck = self.list_stuck(device_id, priority, seqs.clone(), now).await?.len();
        let mut conn = self.reader().await?;
        let due = sql!(
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
        )?;
        Ok((due - i64::try_from(stuck).unwrap_or(i64::MAX)).max(0))
    }

    /// The first due messages of a device and a priority, as far as its loop looks past those that are held; without those that
    /// are stuck.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_due(
        &self,
        device_id: &str,
        priority: Priority,
        now: Millis,
    ) -> Result<Vec<StoredDue>, StoreError> {
        let stuck = self.list_stuck(device_id, priority, i64::MIN..i64::MAX, now).await?;
        let rows = i64::try_from(limits::DEVICE_HELD_MESSAGES_MAX).unwrap_or(i64::MAX);
        let mut conn = self.reader().await?;
        let due = sql!(
            &mut conn,
            all as StoredDue,
            "SELECT seq, destination, is_group, attempts, (SELECT MAX(received_at) FROM inbound WHERE inbound.seq = (SELECT MAX(last.seq) \
             FROM inbound AS last WHERE last.device_id = messages.device_id AND last.chat = messages.destination)) AS wrote_at, \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM messages AS before WHERE before.device_id = messages.device_id \
             AND before.destination = messages.destination AND before.delivered_at IS NOT NULL) THEN 1 ELSE 0 END AS BIGINT) \
             AS was_reached FROM messages WHERE device_id = $1 AND status = 'Q' AND priority = $2 AND due_at <= $3 \
             ORDER BY seq LIMIT $4",
            device_id,
            priority.number(),
            now,
            rows,
        )?;
        let mut due: Vec<StoredDue> = due;
        due.retain(|one| stuck.binary_search(&one.seq).is_err());
        let has_forms = |one: &&StoredDue| phone::forms_of(&phone::line_of(&one.destination)).len() > 1;
        let of_two: Vec<_> = due.iter().filter(has_forms).map(|one| (one.seq, one.destination.as_str())).collect();
        if !of_two.is_empty() {
            let known = self.find_recipients(&of_two).await?;
            for one in &mut due {
                if let Ok(at) = known.binary_search_by_key(&one.seq, |known| known.seq) {
                    (one.wrote_at, one.was_reached) = (known[at].wrote_at, known[at].was_reached);
                }
            }
        }
        Ok(due)
    }

    /// Those that were begun among the first [`limits::UNDER_WAY_AMONG`] due messages of a device and a priority, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_begun(
        &self,
        device_id: &str,
        priority: Priority,
        now: Millis,
    ) -> Result<Vec<StoredBegun>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredBegun,
            "SELECT seq, destination, is_group, under_way_at FROM (SELECT seq, destination, is_group, under_way_at, attempts \
             FROM messages WHERE device_id = $1 AND status = 'Q' AND priority = $2 AND due_at <= $4 ORDER BY seq LIMIT $3) AS due \
             WHERE attempts > 0 ORDER BY seq",
            device_id,
            priority.number(),
            limits::UNDER_WAY_AMONG,
            now,
        )
    }

    /// When the next message of a device that keeps a gap may leave; 0 where none has left yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_next_slot(&self, device_id: &str) -> Result<Millis, StoreError> {
        let mut conn = self.reader().await?;
        let text = "SELECT next_slot_at FROM devices WHERE id = $1";
        let found = sql!(&mut conn, optional as (i64,), text, device_id)?;
        Ok(found.map_or(0, |(at,)| at))
    }

    /// The numbers of a device's messages of a priority among these that may leave when their turn comes, in their order, up to
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
        let stuck = self.list_stuck(device_id, priority, seqs.clone(), now).await?;
        let mut conn = self.reader().await?;
        let mut due = sql!(
            &mut conn,
            column as i64,
            "SELECT seq FROM messages WHERE device_id = $1 AND status = 'Q' AND priority = $2 AND seq >= $3 AND seq < $4 \
             AND due_at <= $5 ORDER BY seq LIMIT $6",
            device_id,
            priority.number(),
            seqs.start,
            seqs.end,
            now,
            limits::POSITION_MAX,
        )?;
        due.retain(|seq| stuck.binary_search(seq).is_err());
        Ok(due)
    }

    /// Those of these messages that do not wait any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_ended(&self, seqs: &[i64]) -> Result<Vec<i64>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_ended(&conn);
        let seqs = serde_json::to_string(seqs).unwrap_or_default();
        sql!(&mut conn, column as i64, text, &seqs)
    }
}
