//! Messages to one recipient, in whichever form each of them writes its number, as the device's loop has them in one line: what is
//! known of the recipient, which message stands before which, and which are stuck behind another.

use std::collections::BTreeMap;
use std::ops::Range;

use super::row::row;
use super::{Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;
use crate::phone;

/// A message's number, and whom it goes to.
pub type Addressed<'a> = (i64, &'a str);

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
    /// Its own number.
    pub blocker: i64,
    /// When it is tried again, unless it expires before.
    pub due_at: Millis,
    pub expires_at: Millis,
    pub wait_code: String,
}

row!(StoredBlocker { seq, blocker, due_at, expires_at, wait_code });

/// Due messages that do not leave now: those behind one to the same recipient that is tried again or acknowledged first, and
/// those whose files are downloaded again. `priority + 0` and the empty destination name the index to go by: few messages wait
/// like this, and a queue is long.
const LIST_STUCK: &str = "SELECT behind.seq AS seq FROM messages AS blocker CROSS JOIN messages AS behind \
     WHERE blocker.device_id = $1 AND blocker.destination >= '' AND blocker.status = 'Q' AND blocker.wait_code <> 'media' \
     AND blocker.due_at > $2 AND blocker.expires_at > $2 AND blocker.priority + 0 = $3 \
     AND behind.device_id = $1 AND behind.destination = blocker.destination AND behind.seq > blocker.seq \
     AND behind.seq >= $4 AND behind.seq < $5 AND behind.status = 'Q' AND behind.priority + 0 = $3 AND behind.due_at <= $2 \
     AND (behind.wait_code IS NULL OR behind.wait_code <> 'media') \
     UNION SELECT seq FROM messages WHERE device_id = $1 AND status = 'Q' AND wait_code = 'media' AND due_at <= $2 \
     AND priority + 0 = $3 AND seq >= $4 AND seq < $5 ORDER BY seq LIMIT $6";

/// The recipients among whom numbers with two forms are, of messages that others may be stuck behind.
const LIST_TWO_FORMED: &str = "SELECT DISTINCT destination FROM messages WHERE device_id = $1 AND destination >= $4 \
     AND destination < $5 AND status = 'Q' AND wait_code <> 'media' AND due_at > $2 AND expires_at > $2 \
     AND priority + 0 = $3 LIMIT $6";

/// Every form of the recipients of messages, as JSON.
fn forms(messages: &[Addressed<'_>]) -> String {
    let forms = messages.iter().flat_map(|(seq, destination)| {
        phone::forms_of(&phone::line_of(destination)).into_iter().map(move |form| (*seq, form))
    });
    serde_json::to_string(&forms.collect::<Vec<_>>()).unwrap_or_default()
}

impl Store {
    /// What is known of the recipients of these messages.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_recipients(&self, messages: &[Addressed<'_>]) -> Result<Vec<StoredRecipient>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_recipients(&conn);
        let mut found: BTreeMap<i64, StoredRecipient> = BTreeMap::new();
        for one in sql!(&mut conn, all as StoredRecipient, text, &forms(messages))? {
            let known = found.entry(one.seq).or_insert_with(|| one.clone());
            known.wrote_at = known.wrote_at.max(one.wrote_at);
            known.was_reached = known.was_reached.max(one.was_reached);
        }
        Ok(found.into_values().collect())
    }

    /// The messages that these are behind and whose files were not downloaded yet, as pairs of numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_file_blockers(&self, messages: &[Addressed<'_>]) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_file_blockers(&conn);
        let mut first: BTreeMap<i64, i64> = BTreeMap::new();
        for (seq, blocker) in sql!(&mut conn, all as (i64, i64), text, &forms(messages))? {
            let known = first.entry(seq).or_insert(blocker);
            *known = blocker.min(*known);
        }
        Ok(first.into_iter().collect())
    }

    /// What blocks these messages at `now`; nothing for those that nothing does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_blockers(
        &self,
        messages: &[Addressed<'_>],
        now: Millis,
    ) -> Result<Vec<StoredBlocker>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_blockers(&conn);
        let mut first: BTreeMap<i64, StoredBlocker> = BTreeMap::new();
        for one in sql!(&mut conn, all as StoredBlocker, text, &forms(messages), now)? {
            let known = first.entry(one.seq).or_insert_with(|| one.clone());
            if one.blocker < known.blocker {
                *known = one;
            }
        }
        Ok(first.into_values().collect())
    }

    /// The numbers of the due messages among these that do not leave before something else happens, in their order.
    pub(super) async fn list_stuck(
        &self,
        device_id: &str,
        priority: Priority,
        seqs: Range<i64>,
        now: Millis,
    ) -> Result<Vec<i64>, StoreError> {
        let (number, mut conn) = (priority.number(), self.reader().await?);
        let (from, to, rows) = (seqs.start, seqs.end, limits::POSITION_MAX);
        let mut stuck = sql!(&mut conn, column as i64, LIST_STUCK, device_id, now, number, from, to, rows)?;
        let [first, end] = phone::TWO_FORMED;
        let two_formed = sql!(&mut conn, column as String, LIST_TWO_FORMED, device_id, now, number, first, end, rows)?;
        let others = two_formed.iter().flat_map(|one| {
            let forms = phone::forms_of(&phone::line_of(one)).into_iter();
            forms.filter(move |form| form != one).map(move |other| (one.as_str(), other))
        });
        let others: Vec<_> = others.collect();
        if !others.is_empty() {
            let text = dialect::list_stuck_behind(&conn);
            let others = serde_json::to_string(&others).unwrap_or_default();
            stuck.extend(sql!(&mut conn, column as i64, text, &others, device_id, now, number, from, to, rows)?);
            stuck.sort_unstable();
            stuck.dedup();
        }
        Ok(stuck)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::{Conn, Location};

    /// How SQLite goes about a query with so many values.
    pub async fn plan(text: impl FnOnce(&Conn) -> &'static str, values: usize) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.expect("it opens");
        let conn = store.reader().await.expect("a connection");
        let text = text(&conn);
        let Conn::Sqlite(mut conn) = conn else { panic!("another database") };
        let plan = conn.call(move |connection| {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}").replace('$', "?"))?;
            let values = rusqlite::params_from_iter(vec![1; values]);
            let lines = explained.query_map(values, |row| row.get::<_, String>(3))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        });
        plan.expect("a plan").join("\n")
    }

    #[tokio::test]
    async fn what_is_stuck_is_found_without_the_rest_of_its_queue() {
        let line = "messages_chat (device_id=? AND destination=? AND seq>? AND seq<?)";
        let (tried, media) =
            ("messages_tried (device_id=? AND destination", "messages_media_wait (device_id=? AND due_at<?)");
        let row = "INTEGER PRIMARY KEY (rowid=?)";
        for (plan, indexes) in [
            (plan(|_| LIST_STUCK, 6).await, [tried, line, media]),
            (plan(|_| LIST_TWO_FORMED, 6).await, [tried; 3]),
            (plan(dialect::list_stuck_behind, 7).await, [tried, line, line]),
            (
                plan(dialect::find_file_blockers, 1).await,
                ["messages_awaits_file (device_id=? AND destination=? AND seq<?)", row, row],
            ),
            (plan(dialect::find_blockers, 2).await, ["messages_tried (device_id=? AND destination=?", row, row]),
            (plan(dialect::find_recipients, 1).await, ["messages_known (device_id=? AND destination=?)", row, row]),
        ] {
            assert!(indexes.iter().all(|index| plan.contains(index)) && !plan.contains("SCAN messages"), "{plan}");
        }
    }
}
