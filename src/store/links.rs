//! Linking accounts to devices: what a person wants, what he is shown meanwhile, how it ended.

use super::health::note;
use super::row::row;
use super::{Conn, Lease, Store, StoreError, devices, link_shares, passkeys, sql};
use crate::clock::Millis;
use crate::device::{Device, DeviceState, LinkWay, Wish};

/// Why there is no link where an attempt was cancelled.
const CANCELLED: &str = "linking was cancelled";
const ENDED: &str = "the link was ended";
/// Stands behind why no account is linked, where the phone may list the gateway nevertheless.
pub const MAY_BE_LISTED: &str = "; WhatsApp did not confirm that the link ended: look under Linked devices on the phone, and remove this gateway there \
                             if it is listed";

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

/// How a wish about a link ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// The phone has linked the account with this number, and WhatsApp has not let the gateway in with it yet: the attempt goes on.
    Paired { attempt: Option<Millis>, number: String },
    /// The account with this number is linked: by this attempt, or by one of before the device's loop began.
    Linked { attempt: Option<Millis>, number: String },
    /// It did not come to a link; a former link is gone too, where there was one. Nothing is stored of it when another attempt
    /// than this one has begun by now.
    Failed { attempt: Option<Millis>, reason: String },
    /// The account that was linked may not be this device's; it is removed at WhatsApp now, and until then that is a wish to cancel.
    Refused { reason: String },
    /// No account is linked any more. The device's number is given up, unless only an attempt to link was cancelled.
    Unlinked,
}

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
            Box::pin(async move { show_link(conn, &lease, attempt, &way, &code, expires_at, now).await })
        })
        .await
    }

    /// Has the attempt to link that is under way cancelled; the device keeps its number. `false` when there is none.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn cancel_link(&self, device_id: &str, now: Millis) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                match lock_device(conn, &device_id).await? {
                    Some(device) => cancel(conn, &device, now).await,
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
    way: &LinkWay,
    code: &[u8],
    expires_at: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    sql!(
        conn,
        execute,
        "UPDATE device_links SET status = 'shown', code = $3, expires_at = $4, changed_at = $5 \
         WHERE device_id = $1 AND way = $6 AND EXISTS \
         (SELECT 1 FROM devices WHERE id = $1 AND lease_epoch = $2 AND wish IS NOT NULL AND wish_at = $7)",
        &lease.device_id,
        lease.epoch,
        code,
        expires_at,
        now,
        way.name(),
        attempt,
    )
    .map(drop)
}

/// Notes that the attempt to link that is under way is to be cancelled, if there is one. What it has shown is good for nothing from
/// now on: no account is linked by it, whatever the phone has done by then.
pub(super) async fn cancel(conn: &mut Conn, device: &Device, now: Millis) -> Result<bool, StoreError> {
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
        CANCELLED,
        now,
    )?;
    store_wish(conn, &device.id, &Wish::Cancel, now).await
}

/// As [`Store::end_link`]; that the number is another's is found out before anything is written.
pub(super) async fn end_link(conn: &mut Conn, lease: &Lease, end: &LinkEnd, now: Millis) -> Result<(), StoreError> {
    if let LinkEnd::Linked { attempt, number } | LinkEnd::Paired { attempt, number } = end {
        // An API key may have expired since the attempt was begun on the page that it shared.
        link_shares::end_unpermitted_of(conn, &lease.device_id, now).await?;
        check_linked(conn, lease, *attempt, number).await?;
    }
    let mut cancelled = None;
    if *end == LinkEnd::Unlinked {
        // What was ended, and stored, before a restart is ended once more after it.
        let Some((wish, why)) = find_ended(conn, lease).await? else { return Ok(()) };
        cancelled = (wish == "cancel").then_some(why);
    }
    let (status, reason, number, state) = match end {
        LinkEnd::Paired { .. } => return note_paired(conn, lease, now).await,
        LinkEnd::Linked { number, .. } => ("linked", "", Some(number.as_str()), DeviceState::Connecting),
        LinkEnd::Failed { reason, .. } | LinkEnd::Refused { reason } => {
            ("failed", reason.as_str(), None, DeviceState::Unlinked)
        }
        LinkEnd::Unlinked => ("failed", cancelled.as_deref().unwrap_or(ENDED), None, DeviceState::Unlinked),
    };
    // The number is the device's from now on, until a person unlinks it.
    let is_given_up = *end == LinkEnd::Unlinked && cancelled.is_none();
    let attempt = if let LinkEnd::Failed { attempt, .. } = end { *attempt } else { None };
    let rows = sql!(
        &mut *conn,
        execute,
        "UPDATE devices SET wish = CASE WHEN $9 AND wish IN ('qr', 'code') THEN 'cancel' END, wish_phone = NULL, \
         sender = COALESCE($3, sender), state = $4, \
         state_reason = $5, state_until = NULL, linked_at = $6, \
         expected_sender = CASE WHEN $7 THEN NULL ELSE COALESCE($3, expected_sender) END \
         WHERE id = $1 AND lease_epoch = $2 AND ($8 IS NULL OR (wish_at = $8 AND wish IN ('qr', 'code'))) \
         AND ($10 OR wish IS NULL OR wish NOT IN ('qr', 'code'))",
        &lease.device_id,
        lease.epoch,
        number,
        state.name(),
        reason,
        number.map(|_| now),
        is_given_up,
        attempt,
        matches!(end, LinkEnd::Refused { .. }),
        // What was unlinked before another attempt was begun does not end that one.
        *end != LinkEnd::Unlinked,
    )?;
    if rows == 0 {
        return Ok(());
    }
    passkeys::end(conn, &lease.device_id, number.is_none() && !is_given_up).await?;
    if number.is_some() {
        link_shares::end(conn, &lease.device_id, now).await?;
    }
    // Why there is none was stored when it was cancelled, or refused.
    if cancelled.is_none() {
        sql!(
            &mut *conn,
            execute,
            "UPDATE device_links SET status = $2, code = NULL, expires_at = NULL, reason = $3, changed_at = $4 \
             WHERE device_id = $1",
            &lease.device_id,
            status,
            reason,
            now,
        )?;
    }
    note(conn, &lease.device_id, if number.is_some() { "linked" } else { state.name() }, reason, now).await
}

/// The codes of the attempt are good for nothing any more: a phone has used one. Where none was shown, it was one of another attempt.
async fn note_paired(conn: &mut Conn, lease: &Lease, now: Millis) -> Result<(), StoreError> {
    let query = "UPDATE device_links SET status = 'connecting', code = NULL, expires_at = NULL, changed_at = $3 \
                 WHERE device_id = $1 AND status <> 'waiting' AND EXISTS \
                 (SELECT 1 FROM devices WHERE id = $1 AND lease_epoch = $2)";
    let rows = sql!(conn, execute, query, &lease.device_id, lease.epoch, now)?;
    if rows == 1 { Ok(()) } else { Err(StoreError::Superseded) }
}

/// Adds to why no account is linked that the phone may still list this gateway. Nothing, where another attempt has begun by now.
pub(super) async fn add_may_be_listed(conn: &mut Conn, lease: &Lease, now: Millis) -> Result<(), StoreError> {
    sql!(
        &mut *conn,
        execute,
        "UPDATE device_links SET reason = reason || $2 \
         WHERE device_id = $1 AND status = 'failed' AND SUBSTR(reason, LENGTH(reason) - LENGTH($2) + 1) <> $2",
        &lease.device_id,
        MAY_BE_LISTED,
    )?;
    let said = sql!(
        &mut *conn,
        optional as (String,),
        "UPDATE devices SET state_reason = state_reason || $3 \
         WHERE id = $1 AND lease_epoch = $2 AND state = 'unlinked' \
         AND SUBSTR(state_reason, LENGTH(state_reason) - LENGTH($3) + 1) <> $3 RETURNING state_reason",
        &lease.device_id,
        lease.epoch,
        MAY_BE_LISTED,
    )?;
    match said {
        Some((reason,)) => note(conn, &lease.device_id, DeviceState::Unlinked.name(), &reason, now).await,
        None => Ok(()),
    }
}

/// Notes that an account is removed at WhatsApp, as far as it can be, which this attempt linked and which was refused.
pub(super) async fn end_refusal(conn: &mut Conn, lease: &Lease, attempt: Option<Millis>) -> Result<(), StoreError> {
    sql!(
        conn,
        execute,
        "UPDATE devices SET wish = NULL WHERE id = $1 AND lease_epoch = $2 AND wish = 'cancel' AND state = 'unlinked' \
         AND ($3 IS NULL OR wish_at = $3)",
        &lease.device_id,
        lease.epoch,
        attempt,
    )
    .map(drop)
}

/// What ends the device's link: that a person unlinks it, or that its attempt was cancelled or refused, and why.
async fn find_ended(conn: &mut Conn, lease: &Lease) -> Result<Option<(String, String)>, StoreError> {
    let query = "SELECT devices.wish, COALESCE(device_links.reason, '') FROM devices \
                 LEFT JOIN device_links ON device_links.device_id = devices.id \
                 WHERE devices.id = $1 AND devices.lease_epoch = $2 AND devices.wish IN ('unlink', 'cancel')";
    sql!(conn, optional as (String, String), query, &lease.device_id, lease.epoch)
}

/// Whether an account with this number may be the device's, linked by this attempt.
async fn check_linked(conn: &mut Conn, lease: &Lease, attempt: Option<Millis>, number: &str) -> Result<(), StoreError> {
    let query = "SELECT wish, wish_at FROM devices WHERE id = $1 AND lease_epoch = $2";
    let found = sql!(&mut *conn, optional as (Option<String>, Millis), query, &lease.device_id, lease.epoch)?;
    // Under a lease that was lost nothing is written below either.
    let Some((wish, wish_at)) = found else { return Ok(()) };
    let is_over = match (wish.as_deref(), attempt) {
        (Some("unlink" | "cancel"), _) => true,
        // Whoever cancelled an attempt, or began another, relies on that it links nothing.
        (wish, Some(attempt)) => !matches!(wish, Some("qr" | "code")) || wish_at != attempt,
        // Linked before the loop began, by an attempt that nobody knows any more.
        (_, None) => false,
    };
    if is_over {
        return Err(StoreError::Superseded);
    }
    let others = sql!(
        &mut *conn,
        scalar as i64,
        "SELECT COUNT(*) FROM devices WHERE sender = $1 AND id <> $2 AND removed_at IS NULL",
        number,
        &lease.device_id,
    )?;
    if others > 0 {
        return Err(StoreError::Exists);
    }
    let query = "SELECT expected_sender FROM devices WHERE id = $1 AND lease_epoch = $2 AND expected_sender <> $3";
    let expected = sql!(conn, optional as (String,), query, &lease.device_id, lease.epoch, number)?;
    expected.map_or(Ok(()), |(expected,)| Err(StoreError::OtherNumber { expected }))
}
