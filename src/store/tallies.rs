//! What is counted of queues to say how many of their messages wait for what: messages that are alike, in groups. Each question
//! reads what is apart from the rest of a queue, by an index of it, and no long queue as a whole.

use super::row::row;
use super::{Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;

/// A message that was tried and waits; what is behind it to the same recipient may wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTried {
    pub device_id: String,
    pub priority: Priority,
    pub seq: i64,
    pub destination: String,
    pub wait_code: String,
    pub due_at: Millis,
    pub expires_at: Millis,
}

row!(StoredTried { device_id, priority: i64, seq, destination, wait_code, due_at, expires_at });

/// Messages that are alike. What is 1 of them holds, what is 0 does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    pub device_id: String,
    /// Which of the lines that were asked about they are in; -1 where none was.
    pub line: i64,
    pub priority: Priority,
    pub wait_code: Option<String>,
    pub is_group: bool,
    /// Whether an attempt to send them was begun.
    pub is_tried: i64,
    /// 2 where that attempt may still be under way, 1 where it began too long ago, else 0.
    pub under_way: i64,
    /// Whether they are due later.
    pub is_later: i64,
    /// Whether they are behind the message of their priority that was asked about.
    pub is_behind: i64,
    pub messages: i64,
    /// The number of the first.
    pub first_seq: i64,
}

row!(StoredGroup {
    device_id,
    line,
    priority: i64,
    wait_code,
    is_group,
    is_tried,
    under_way,
    is_later,
    is_behind,
    messages,
    first_seq
});

impl StoredGroup {
    /// Whether they are alike, in whichever line they are.
    pub fn is_like(&self, other: &Self) -> bool {
        let facts = |one: &Self| (one.priority, one.is_group, one.is_tried, one.under_way, one.is_later);
        facts(self) == facts(other) && self.wait_code == other.wait_code
    }
}

/// One form of a line's recipient: the line's number, the form, and for each priority the number of the message that later ones are
/// behind.
pub type AskedLine = (usize, String, i64, i64, i64);

/// Of the messages `one`, what they have alike at `$1`; attempts that began before `$2` are not under way any more.
macro_rules! facts {
    () => {
        "one.priority + 0 AS priority, one.wait_code AS wait_code, one.is_group AS is_group, \
         CAST(CASE WHEN one.attempts > 0 THEN 1 ELSE 0 END AS BIGINT) AS is_tried, \
         CAST(CASE WHEN one.under_way_at IS NULL THEN 0 WHEN one.under_way_at >= $2 THEN 2 ELSE 1 END AS BIGINT) AS under_way, \
         CAST(CASE WHEN one.due_at > $1 THEN 1 ELSE 0 END AS BIGINT) AS is_later"
    };
}
pub(super) use facts;

// Device by device; `priority + 0` and the empty destination name the indexes to go by: few messages wait like this, and a queue is
// long.

const LIST_TRIED: &str = "SELECT one.device_id AS device_id, one.priority + 0 AS priority, one.seq AS seq, one.destination AS destination, \
     one.wait_code AS wait_code, one.due_at AS due_at, one.expires_at AS expires_at FROM devices CROSS JOIN messages AS one \
     WHERE one.device_id = devices.id AND one.destination >= '' AND one.status = 'Q' AND one.wait_code <> 'media' LIMIT $1";

const COUNT_MEDIA: &str = concat!(
    "SELECT one.device_id AS device_id, CAST(-1 AS BIGINT) AS line, ",
    facts!(),
    ", CAST(0 AS BIGINT) AS is_behind, COUNT(*) AS messages, MIN(one.seq) AS first_seq FROM devices CROSS JOIN messages AS one \
     WHERE one.device_id = devices.id AND one.status = 'Q' AND one.wait_code = 'media' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
);

const LIST_AWAITING: &str = "SELECT devices.id FROM devices WHERE EXISTS (SELECT 1 FROM messages WHERE messages.device_id = devices.id \
     AND messages.destination >= '' AND messages.status = 'Q' AND messages.media_url IS NOT NULL AND messages.media_id IS NULL)";

macro_rules! recipients {
    ($number:literal) => {
        concat!(
            "SELECT destination, is_group FROM (SELECT destination, is_group FROM messages WHERE device_id = $1 AND priority = ",
            $number,
            " AND status = 'Q' ORDER BY seq LIMIT $2) AS waiting"
        )
    };
}

const LIST_RECIPIENTS: &str = concat!(recipients!("0"), " UNION ", recipients!("1"), " UNION ", recipients!("2"));

const LIST_FIRST_DUE: &str = "SELECT seq, destination FROM messages WHERE device_id = $1 AND status = 'Q' AND priority = $2 \
     AND due_at <= $3 AND (wait_code IS NULL OR wait_code <> 'media') ORDER BY seq LIMIT $4";

const COUNT_BEHIND_FILE: &str = "SELECT COUNT(*) FROM messages WHERE device_id = $1 AND destination = $2 AND seq > $3 AND seq < $4 \
     AND priority + 0 = $5 AND status = 'Q' AND wait_code IS NULL AND under_way_at IS NULL AND due_at <= $6";

impl Store {
    /// The messages that were tried and wait, of all devices.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_tried(&self) -> Result<Vec<StoredTried>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as StoredTried, LIST_TRIED, limits::POSITION_MAX)
    }

    /// The messages of all devices whose files failed to come.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_media(&self, now: Millis, under_way_since: Millis) -> Result<Vec<StoredGroup>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as StoredGroup, COUNT_MEDIA, now, under_way_since)
    }

    /// The devices of which some message waits for its file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_awaiting(&self) -> Result<Vec<String>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, column as String, LIST_AWAITING)
    }

    /// A device's messages to some recipients, from the number `first_seq` on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_lines(
        &self,
        device_id: &str,
        lines: &[AskedLine],
        first_seq: i64,
        now: Millis,
        under_way_since: Millis,
    ) -> Result<Vec<StoredGroup>, StoreError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let lines = serde_json::to_string(lines).unwrap_or_default();
        let mut conn = self.reader().await?;
        let text = dialect::count_lines(&conn);
        sql!(&mut conn, all as StoredGroup, text, now, under_way_since, &lines, device_id, first_seq)
    }

    /// Whom the first messages of each priority go to, as far as a device's loop looks past those that are held, and whether they are
    /// groups.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_recipients(&self, device_id: &str) -> Result<Vec<(String, bool)>, StoreError> {
        let rows = i64::try_from(limits::DEVICE_HELD_MESSAGES_MAX).unwrap_or(i64::MAX);
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as (String, bool), LIST_RECIPIENTS, device_id, rows)
    }

    /// The first due messages of a device and a priority, but those whose files failed to come: their numbers and recipients.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_first_due(
        &self,
        device_id: &str,
        priority: Priority,
        now: Millis,
        rows: i64,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as (i64, String), LIST_FIRST_DUE, device_id, priority.number(), now, rows)
    }

    /// Whom a message goes to, and whether that is a group, if its file is downloaded for the first time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_awaiting(&self, seq: i64) -> Result<Option<(String, bool)>, StoreError> {
        let text = "SELECT destination, is_group FROM messages WHERE seq = $1 AND status = 'Q' AND is_media AND wait_code IS NULL \
                    AND media_url IS NOT NULL AND media_id IS NULL";
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as (String, bool), text, seq)
    }

    /// How many due messages, none of which was set aside or is under way, are between two numbers and go to this recipient.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_behind_file(
        &self,
        device_id: &str,
        recipient: &str,
        priority: Priority,
        (after, before): (i64, i64),
        now: Millis,
    ) -> Result<i64, StoreError> {
        let (text, number) = (COUNT_BEHIND_FILE, priority.number());
        let mut conn = self.reader().await?;
        sql!(&mut conn, scalar as i64, text, device_id, recipient, after, before, number, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::lines::tests::plan;

    #[tokio::test]
    async fn what_waits_for_something_of_its_own_is_counted_without_the_rest_of_its_queue() {
        let line = "messages_chat (device_id=? AND destination=? AND seq>?";
        for (plan, index) in [
            (plan(|_| LIST_TRIED, 1).await, "messages_tried (device_id=? AND destination>?)"),
            (plan(|_| COUNT_MEDIA, 2).await, "messages_media_wait (device_id=?)"),
            (plan(|_| LIST_AWAITING, 0).await, "messages_awaits_file (device_id=? AND destination>?)"),
            (plan(|_| LIST_RECIPIENTS, 2).await, "messages_waiting (device_id=? AND priority=?)"),
            (plan(|_| LIST_FIRST_DUE, 4).await, "messages_waiting (device_id=? AND priority=?)"),
            (plan(|_| COUNT_BEHIND_FILE, 6).await, line),
            (plan(dialect::count_lines, 5).await, line),
        ] {
            assert!(plan.contains(index) && !plan.contains("SCAN messages") && !plan.contains("SCAN one"), "{plan}");
        }
    }
}
