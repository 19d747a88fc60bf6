//! Linking accounts to devices: what a person wants, what he is shown meanwhile, how it ended.

use super::link_ends::{LinkEnd, end_link};
use super::row::row;
use super::{Conn, Lease, Store, StoreError, devices, passkeys, sql};
use crate::clock::Millis;
use crate::device::{Device, LinkWay, Wish};

/// Why an attempt is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelling {
    /// Somebody wants no more of it.
    Wanted,
    /// The phone shows another code than the one that it is to be compared with.
    CodesDiffer,
}

impl Cancelling {
    /// What is said of it wherever the attempt is shown.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Wanted => "linking was cancelled",
            Self::CodesDiffer => {
                "the codes differ, so linking was cancelled: somebody else may have tried to link this account; on the phone open Linked \
                 devices, remove every device that nobody knows, and link again"
            }
        }
    }
}

/// A code that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCode {
    pub way: LinkWay,
    /// Sealed.
    pub code: Vec<u8>,
    pub expires_at: Millis,
    /// Until when there is a code: this one, or one that takes its place.
    pub codes_until: Millis,
}

/// How far linking is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    /// waiting, shown, connecting, linked or failed.
    pub status: String,
    /// qr or code.
    pub way: String,
    /// The code, sealed.
    pub code: Option<Vec<u8>>,
    pub expires_at: Option<Millis>,
    /// Why it failed.
    pub reason: String,
    pub changed_at: Millis,
}

row!(StoredLink { status, way, code, expires_at, reason, changed_at });

impl Store {
    /// Notes what is to be done with a device's link; whoever owns the device does it. It is named by the moment, or by a later one
    /// where the wish before was noted then. `false` when there is no such device.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn wish_link(&self, device_id: &str, wish: Wish, now: Millis) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.act(move |conn| Box::pin(async move { store_wish(conn, &device_id, &wish, now).await })).await
    }

    /// Notes that the wish to connect was granted.
    ///
    /// # Errors
    /// When it could not be stored: then it is granted again.
    pub async fn end_wish_to_connect(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let query = "UPDATE devices SET wish = NULL WHERE id = $1 AND lease_epoch = $2 AND wish = 'connect'";
                sql!(conn, execute, query, &lease.device_id, lease.epoch).map(drop)
            })
        })
        .await
    }

    /// How far the linking of a device is; `None` when nobody ever wanted it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_link(&self, device_id: &str) -> Result<Option<StoredLink>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as StoredLink,
            "SELECT status, way, code, expires_at, reason, changed_at FROM device_links WHERE device_id = $1",
            device_id,
        )
    }

    /// The number whose phone is to be linked to a device; `None` where any phone may be.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_expected_sender(&self, device_id: &str) -> Result<Option<String>, StoreError> {
        let mut conn = self.reader().await?;
        let query =
            "SELECT expected_sender FROM devices WHERE id = $1 AND removed_at IS NULL AND expected_sender <> ''";
        Ok(sql!(&mut conn, optional as (String,), query, device_id)?.map(|(expected,)| expected))
    }

    /// Shows a code, sealed, that is good until `expires_at`; not that of an earlier attempt than the last.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn show_link(
        &self,
        lease: &Lease,
        attempt: Millis,
        way: LinkWay,
        code: Vec<u8>,
        expires_at: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            let shown = ShownCode { way, code, expires_at, codes_until: expires_at };
            Box::pin(async move { show_link(conn, &lease, attempt, &shown, now).await })
        })
        .await
    }

    /// Has the attempt to link that is under way cancelled; the device keeps its number. `false` when there is none.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn cancel_link(&self, device_id: &str, why: Cancelling, now: Millis) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                match lock_device(conn, &device_id).await? {
                    Some(device) => cancel(conn, &device, why, now).await,
                    None => Ok(false),
                }
            })
        })
        .await
    }

    /// Stores how a wish about a device's link ended; it is then nobody's wish any more.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another device has that number, [`StoreError::OtherNumber`] when this one is to have
    /// another, [`StoreError::Superseded`] when the attempt that linked it is over: then nothing is stored.
    pub async fn end_link(&self, lease: &Lease, end: LinkEnd, now: Millis) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| Box::pin(async move { end_link(conn, &lease, &end, now).await })).await
    }
}

/// Leaves nothing of a device's links.
pub(super) async fn forget_device(conn: &mut Conn, device_id: &str) -> Result<(), StoreError> {
    sql!(&mut *conn, execute, "DELETE FROM device_links WHERE device_id = $1", device_id)?;
    sql!(&mut *conn, execute, "DELETE FROM passkeys WHERE device_id = $1", device_id)?;
    sql!(conn, execute, "DELETE FROM link_shares WHERE device_id = $1", device_id).map(drop)
}

/// The device as it is, its row locked before that of its link, as whoever links it does.
pub(super) async fn lock_device(conn: &mut Conn, device_id: &str) -> Result<Option<Device>, StoreError> {
    sql!(&mut *conn, execute, "UPDATE devices SET lease_epoch = lease_epoch WHERE id = $1", device_id)?;
    sql!(conn, optional as Device, devices::device!(" AND id = $1"), device_id)
}

/// Stores a wish, as [`Store::wish_link`] does.
pub(super) async fn store_wish(conn: &mut Conn, device_id: &str, wish: &Wish, now: Millis) -> Result<bool, StoreError> {
    let phone = match wish {
        Wish::Link(LinkWay::Code { phone }) => Some(phone),
        _ => None,
    };
    let rows = sql!(
        &mut *conn,
        execute,
        // The device's loop knows a new wish by its moment: no two have the same, whoever else noted one just now.
        // A link that is begun before the number was given up, as was wanted, is one of any number; and none is linked while it lasts.
        "UPDATE devices SET wish = $2, wish_phone = $3, wish_at = CASE WHEN wish_at < $4 THEN $4 ELSE wish_at + 1 END, \
         expected_sender = CASE WHEN wish = 'unlink' AND $5 THEN NULL ELSE expected_sender END, \
         linked_at = CASE WHEN $5 THEN NULL ELSE linked_at END WHERE id = $1 AND removed_at IS NULL",
        device_id,
        wish.name(),
        phone,
        now,
        matches!(wish, Wish::Link(_)),
    )?;
    if let (1, Wish::Link(way)) = (rows, wish) {
        passkeys::end(conn, device_id, false).await?;
        sql!(
            conn,
            execute,
            "INSERT INTO device_links (device_id, status, way, changed_at) VALUES ($1, 'waiting', $2, $3) \
             ON CONFLICT (device_id) DO UPDATE SET status = 'waiting', way = excluded.way, code = NULL, \
             expires_at = NULL, reason = '', changed_at = excluded.changed_at",
            device_id,
            way.name(),
            now,
        )?;
    }
    Ok(rows == 1)
}

pub(super) async fn show_link(
    conn: &mut Conn,
    lease: &Lease,
    attempt: Millis,
    shown: &ShownCode,
    now: Millis,
) -> Result<(), StoreError> {
    let rows = sql!(
        &mut *conn,
        execute,
        "UPDATE device_links SET status = 'shown', code = $3, expires_at = $4, changed_at = $5 \
         WHERE device_id = $1 AND way = $6 AND EXISTS \
         (SELECT 1 FROM devices WHERE id = $1 AND lease_epoch = $2 AND wish IS NOT NULL AND wish_at = $7)",
        &lease.device_id,
        lease.epoch,
        &shown.code,
        shown.expires_at,
        now,
        shown.way.name(),
        attempt,
    )?;
    if rows == 0 {
        return Ok(());
    }
    let query = "UPDATE devices SET state_until = $3 WHERE id = $1 AND lease_epoch = $2 AND state = 'linking'";
    sql!(conn, execute, query, &lease.device_id, lease.epoch, shown.codes_until).map(drop)
}

/// Notes that the attempt to link that is under way is to be cancelled, if there is one. What it has shown is good for nothing from
/// now on: no account is linked by it, whatever the phone has done by then.
pub(super) async fn cancel(conn: &mut Conn, device: &Device, why: Cancelling, now: Millis) -> Result<bool, StoreError> {
    if !matches!(device.wish(), Some(Wish::Link(_))) {
        return Ok(false);
    }
    // What WhatsApp still waits for is taken from nobody any more.
    passkeys::end(conn, &device.id, true).await?;
    sql!(
        &mut *conn,
        execute,
        "UPDATE device_links SET status = 'failed', code = NULL, expires_at = NULL, reason = $2, changed_at = $3 WHERE device_id = $1",
        &device.id,
        why.reason(),
        now,
    )?;
    store_wish(conn, &device.id, &Wish::Cancel, now).await
}
