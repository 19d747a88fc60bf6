//! Messages that wait, as a device's loop loads them: of each priority, of one recipient, and those whose files are due.

use super::row::row;
use super::{Store, StoreError, sql};
use crate::clock::Millis;
use crate::customer_url::StoredUrl;
use crate::message::Priority;

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
    pub media_url: Option<StoredUrl>,
    pub file_name: Option<String>,
    pub expires_at: Millis,
    pub due_at: Millis,
    pub attempts: i64,
    /// When an attempt began that has not come to an end.
    pub under_way_at: Option<Millis>,
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
    under_way_at,
    fetch_attempts,
    priority: i64
});

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
         attempts, under_way_at, fetch_attempts, priority"
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
    " FROM messages WHERE device_id = $1 AND status = 'Q' AND wait_code = 'media' AND due_at <= $2 AND (due_at, seq) > ($3, $4) \
     ORDER BY due_at, seq LIMIT $5"
);

/// The next of one recipient's. `priority + 0` keeps the databases from looking through the whole queue for them.
const FIND_WAITING_OF: &str = concat!(
    "SELECT ",
    waiting!(),
    " FROM messages WHERE device_id = $1 AND destination = $2 AND seq > $3 AND seq <= $4 AND priority + 0 = $5 \
     AND status = 'Q' AND (wait_code IS NULL OR wait_code <> 'media') ORDER BY seq LIMIT $6"
);

impl Store {
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

    /// As [`Store::find_waiting`], the messages of one priority to one recipient, up to the number `until`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_waiting_of(
        &self,
        device_id: &str,
        recipient: &str,
        priority: Priority,
        behind: Behind,
        until: i64,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (number, rows) = (priority.number(), behind.rows());
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as Waiting, FIND_WAITING_OF, device_id, recipient, behind.after, until, number, rows)
    }

    /// Messages of a device whose media is to be downloaded again now, the longest due first: those behind the one that is due at
    /// `after.0` and has the number `after.1`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_due_media(
        &self,
        device_id: &str,
        now: Millis,
        after: (Millis, i64),
        rows: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        let mut conn = self.reader().await?;
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        sql!(&mut conn, all as Waiting, FIND_DUE_MEDIA, device_id, now, after.0, after.1, rows)
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Conn;
    use crate::store::Location;

    async fn store() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        (Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.expect("it opens"), folder)
    }

    #[tokio::test]
    async fn a_line_is_found_without_the_rest_of_its_queue() {
        let (store, _folder) = store().await;
        let Ok(Conn::Sqlite(mut conn)) = store.reader().await else { panic!("a connection") };
        let plan = conn.call(|connection| {
            let mut explained =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {FIND_WAITING_OF}").replace('$', "?"))?;
            let lines =
                explained.query_map(rusqlite::params!["1-1", "a", 1, 9, 0, 10], |row| row.get::<_, String>(3))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        });
        let plan = plan.expect("a plan").join("\n");
        assert_eq!(
            plan,
            "SEARCH messages USING INDEX messages_chat (device_id=? AND destination=? AND seq>? AND seq<?)"
        );
    }

    #[tokio::test]
    async fn a_queue_is_found_without_what_has_left_it() {
        let (store, _folder) = store().await;
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
