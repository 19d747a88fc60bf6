//! Messages that came in and could not be decrypted: remembered from the first moment, reported when nobody sends them again in
//! time, and replaced in the inbox should they be readable later.

use super::row::row;
use super::{Conn, Lease, NewInbound, Store, StoreError, dialect, health, inbound, sql};
use crate::clock::Millis;
use crate::limits;

/// A message to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUnreadable {
    pub whatsapp_id: String,
    /// The group, or else the originator.
    pub chat: String,
    pub originator: String,
    /// The hidden id of its writer, where it is known beside the number.
    pub hidden: Option<String>,
    pub name: Option<String>,
    pub is_group: bool,
    /// What the inbox says of it.
    pub note: String,
    pub sent_at: Millis,
    pub seen_at: Millis,
    /// When it is reported.
    pub due_at: Millis,
}

/// A message that is to be reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueUnreadable {
    pub seq: i64,
    pub whatsapp_id: String,
    pub chat: String,
    pub originator: String,
    pub name: Option<String>,
    pub is_group: bool,
    pub note: String,
    pub sent_at: Millis,
}

row!(DueUnreadable { seq, whatsapp_id, chat, originator, name, is_group, note, sent_at });

impl Store {
    /// When the next message of a device is to be reported.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next_unreadable_at(&self, device_id: &str) -> Result<Option<Millis>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as Option<i64>,
            "SELECT MIN(due_at) FROM unreadable WHERE device_id = $1 AND due_at IS NOT NULL",
            device_id,
        )
    }

    /// The messages of a device that are to be reported now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_due_unreadable(
        &self,
        device_id: &str,
        now: Millis,
        rows: i64,
    ) -> Result<Vec<DueUnreadable>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as DueUnreadable,
            "SELECT seq, whatsapp_id, chat, originator, name, is_group, note, sent_at FROM unreadable \
             WHERE device_id = $1 AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at LIMIT $3",
            device_id,
            now,
            rows,
        )
    }

    /// Reports a message that nobody sent again: in the inbox, to the Push URL and in the device's history, in one transaction,
    /// if this node still owns the device. `false` when it was read meanwhile.
    ///
    /// # Errors
    /// When it could not be stored; it is reported later then.
    pub async fn report_unreadable(&self, lease: &Lease, seq: i64, new: NewInbound) -> Result<bool, StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                dialect::lock_conversations(conn).await?;
                let marked = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE unreadable SET due_at = NULL, inbound_id = $3 WHERE seq = $1 AND due_at IS NOT NULL AND EXISTS \
                     (SELECT 1 FROM devices WHERE id = unreadable.device_id AND lease_epoch = $2)",
                    seq,
                    lease.epoch,
                    &new.id,
                )?;
                if marked == 0 || !inbound::insert(conn, &new).await? {
                    return Ok(false);
                }
                health::note(conn, &new.device_id, "unreadable", &new.body, new.received_at).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// Remembers a message that could not be decrypted. One that is remembered or was read already changes nothing. `false` when too
/// many wait to be reported.
pub(super) async fn add(conn: &mut Conn, lease: &Lease, new: &NewUnreadable) -> Result<bool, StoreError> {
    forget_old(conn, &lease.device_id, new.seen_at).await?;
    let waiting = sql!(
        &mut *conn,
        scalar as i64,
        "SELECT COUNT(*) FROM unreadable WHERE device_id = $1 AND due_at IS NOT NULL",
        &lease.device_id,
    )?;
    if waiting >= limits::UNREADABLE_ROWS_MAX {
        return Ok(false);
    }
    sql!(
        conn,
        execute,
        "INSERT INTO unreadable (device_id, whatsapp_id, originator, chat, name, is_group, note, sent_at, \
         seen_at, due_at) SELECT id, $3, $4, $6, $7, $8, $9, $10, $11, $12 FROM devices \
         WHERE id = $1 AND lease_epoch = $2 AND NOT EXISTS (SELECT 1 FROM inbound WHERE device_id = $1 \
         AND whatsapp_id = $3 AND (originator = $4 OR originator = $5)) \
         ON CONFLICT (device_id, whatsapp_id, originator) DO NOTHING",
        &lease.device_id,
        lease.epoch,
        &new.whatsapp_id,
        &new.originator,
        &new.hidden,
        &new.chat,
        &new.name,
        new.is_group,
        &new.note,
        new.sent_at,
        new.seen_at,
        new.due_at,
    )?;
    Ok(true)
}

/// A message was read after all, and shows nobody anything.
pub(super) async fn settle(
    conn: &mut Conn,
    device_id: &str,
    whatsapp_id: &str,
    originator: &str,
    hidden: &Option<String>,
) -> Result<(), StoreError> {
    sql!(
        conn,
        execute,
        "DELETE FROM unreadable WHERE device_id = $1 AND whatsapp_id = $2 \
         AND (originator = $3 OR originator = $4) AND due_at IS NOT NULL",
        device_id,
        whatsapp_id,
        originator,
        hidden,
    )
    .map(drop)
}

/// Ends the wait for a message that can be read now; gives the id under which it was reported, if it was.
pub(super) async fn take(conn: &mut Conn, new: &NewInbound) -> Result<Option<String>, StoreError> {
    let taken = sql!(
        conn,
        optional as (Option<String>,),
        "DELETE FROM unreadable WHERE device_id = $1 AND whatsapp_id = $2 AND (originator = $3 OR originator = $4) \
         RETURNING inbound_id",
        &new.device_id,
        &new.whatsapp_id,
        &new.originator,
        &new.hidden,
    )?;
    Ok(taken.and_then(|(id,)| id))
}

/// Deletes what was reported long ago, and beyond a number.
async fn forget_old(conn: &mut Conn, device_id: &str, now: Millis) -> Result<(), StoreError> {
    sql!(
        conn,
        execute,
        "DELETE FROM unreadable WHERE device_id = $1 AND due_at IS NULL AND (seen_at < $2 OR seq <= \
         (SELECT seq FROM unreadable WHERE device_id = $1 AND due_at IS NULL ORDER BY seq DESC LIMIT 1 OFFSET $3))",
        device_id,
        now - limits::UNREADABLE_DAYS * 86_400_000,
        limits::UNREADABLE_ROWS_MAX,
    )
    .map(drop)
}

/// Deletes what a device waits for; for who removes the device in the same transaction.
pub(super) async fn forget_device(conn: &mut Conn, device_id: &str) -> Result<(), StoreError> {
    sql!(conn, execute, "DELETE FROM unreadable WHERE device_id = $1", device_id).map(drop)
}
