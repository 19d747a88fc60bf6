//! What a device's pacing asks: how much of the day's allowance is used, who wrote lately, and who is no stranger.

use super::devices::device;
use super::{Conn, Lease, Store, StoreError, dialect, sql};
use crate::clock::Millis;
use crate::device::Device;
use crate::limits;
use crate::pacing::Pace;

impl Store {
    /// How many messages a device that warms up tried for the first time on a day of its time zone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_begun(&self, device_id: &str, day: i64) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as i64,
            "SELECT COALESCE(CAST(SUM(messages) AS BIGINT), 0) FROM device_begun WHERE device_id = $1 AND day = $2",
            device_id,
            day,
        )
    }

    /// Stores when the next message of a device may leave, where its settings have changed that.
    ///
    /// # Errors
    /// When it could not be stored. Of a device that is another node's by now nothing is.
    pub async fn set_next_slot(&self, lease: &Lease, at: Millis) -> Result<(), StoreError> {
        let Lease { device_id, epoch } = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let text = "UPDATE devices SET next_slot_at = $3 WHERE id = $1 AND lease_epoch = $2";
                sql!(conn, execute, text, &device_id, epoch, at).map(drop)
            })
        })
        .await
    }

    /// The chats that wrote to a device since then, and when each did last; the latest ones, up to
    /// [`limits::CHATS_REMEMBERED_MAX`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_heard(&self, device_id: &str, since: Millis) -> Result<Vec<(String, Millis)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as (String, i64),
            "SELECT chat, MAX(received_at) AS heard_at FROM inbound WHERE device_id = $1 AND received_at >= $2 \
             GROUP BY chat ORDER BY heard_at DESC LIMIT $3",
            device_id,
            since,
            limits::CHATS_REMEMBERED_MAX,
        )
    }

    /// Those of these chats that are no strangers to a device: they wrote once, or a message was delivered to them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_known_chats(&self, device_id: &str, chats: &[String]) -> Result<Vec<String>, StoreError> {
        let mut conn = self.reader().await?;
        let text = dialect::find_known_chats(&conn);
        let chats = serde_json::to_string(chats).unwrap_or_default();
        sql!(&mut conn, column as String, text, device_id, &chats)
    }
}

/// Counts messages that are tried for the first time, or takes them back.
pub(super) async fn count_begun(conn: &mut Conn, device_id: &str, day: i64, messages: i64) -> Result<(), StoreError> {
    sql!(
        conn,
        execute,
        "INSERT INTO device_begun (device_id, day, messages) VALUES ($1, $2, $3) ON CONFLICT (device_id, day) \
         DO UPDATE SET messages = device_begun.messages + excluded.messages",
        device_id,
        day,
        messages,
    )
    .map(drop)
}

/// A device goes by the days of another time zone from now on. What was begun on the day of now is counted on the day that it becomes, so
/// that no day's messages leave a second time. It stays counted where it was only if that day is still to come and is another: where the
/// day that it becomes has a count of its own, from before.
pub(super) async fn move_zone(conn: &mut Conn, device_id: &str, zone: &str, now: Millis) -> Result<(), StoreError> {
    let found = sql!(&mut *conn, optional as Device, device!(" AND id = $1"), device_id)?;
    let Some(device) = found else { return Ok(()) };
    let moved = Device { time_zone: zone.to_owned(), ..device.clone() };
    let [from, to] = [device, moved].map(|device| Pace::of(&device).day(now));
    if from == to {
        return Ok(());
    }
    let of_its_own = sql!(
        &mut *conn,
        optional as (i64,),
        "SELECT messages FROM device_begun WHERE device_id = $1 AND day = $2",
        device_id,
        to,
    )?;
    sql!(
        &mut *conn,
        execute,
        "INSERT INTO device_begun (device_id, day, messages) SELECT device_id, $3, messages FROM device_begun \
         WHERE device_id = $1 AND day = $2 ON CONFLICT (device_id, day) DO UPDATE SET messages = \
         CASE WHEN excluded.messages > device_begun.messages THEN excluded.messages ELSE device_begun.messages END",
        device_id,
        from,
        to,
    )?;
    if to < from && of_its_own.is_some() {
        return Ok(());
    }
    sql!(conn, execute, "DELETE FROM device_begun WHERE device_id = $1 AND day = $2", device_id, from).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;

    #[tokio::test]
    async fn many_chats_are_looked_up_at_once_without_the_rest_of_the_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Location::Sqlite(folder.path().join("test.db"))).await.expect("it opens");
        let chats: Vec<String> = (0..1_000).map(|number| format!("62811{number:07}")).collect();
        assert!(store.find_known_chats("1-1", &chats).await.expect("readable").is_empty());
        let reader = store.reader().await.expect("a reader");
        let text = dialect::find_known_chats(&reader);
        let Conn::Sqlite(mut conn) = reader else { panic!("a connection") };
        let plan = conn.call(move |connection| {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}").replace('$', "?"))?;
            let lines = explained.query_map(["1-1", "[]"], |row| row.get::<_, String>(3))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        });
        let plan = plan.expect("a plan").join("\n");
        for index in ["inbound_chat (device_id=? AND chat=?)", "messages_known (device_id=? AND destination=?)"] {
            assert!(plan.contains(index), "{plan}");
        }
    }
}
