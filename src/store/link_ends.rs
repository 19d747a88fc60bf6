//! How wishes about a device's link end: an account is linked, or none is any more. Called through `links.rs`, and by `changes.rs`.

use super::health::note;
use super::{Conn, Lease, StoreError, link_shares, passkeys, sql};
use crate::clock::Millis;
use crate::device::DeviceState;

const ENDED: &str = "the link was ended";
/// Stands behind why no account is linked, where the phone may list the gateway nevertheless.
pub const MAY_BE_LISTED: &str = "; WhatsApp did not confirm that the link ended: look under Linked devices on the phone, and remove this gateway there \
                             if it is listed";

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
    /// No account is linked any more, as was wished at this moment. The device's number is given up, unless only an attempt to link was
    /// cancelled. Nothing is stored of it when something else is wished by now.
    Unlinked { wished_at: Millis },
}

/// As `Store::end_link`; that the number is another's is found out before anything is written.
pub(super) async fn end_link(conn: &mut Conn, lease: &Lease, end: &LinkEnd, now: Millis) -> Result<(), StoreError> {
    if let LinkEnd::Linked { attempt, number } | LinkEnd::Paired { attempt, number } = end {
        // An API key may have expired since the attempt was begun on the page that it shared.
        link_shares::end_unpermitted_of(conn, &lease.device_id, now).await?;
        check_linked(conn, lease, *attempt, number).await?;
    }
    let mut cancelled = None;
    if let LinkEnd::Unlinked { wished_at } = end {
        // What was ended, and stored, before a restart is ended once more after it; and a later wish has an end of its own.
        let Some((wish, why)) = find_ended(conn, lease, *wished_at).await? else { return Ok(()) };
        cancelled = (wish == "cancel").then_some(why);
    }
    let (status, reason, number, state) = match end {
        LinkEnd::Paired { .. } => return note_paired(conn, lease, now).await,
        LinkEnd::Linked { number, .. } => ("linked", "", Some(number.as_str()), DeviceState::Connecting),
        LinkEnd::Failed { reason, .. } | LinkEnd::Refused { reason } => {
            ("failed", reason.as_str(), None, DeviceState::Unlinked)
        }
        LinkEnd::Unlinked { .. } => ("failed", cancelled.as_deref().unwrap_or(ENDED), None, DeviceState::Unlinked),
    };
    // The number is the device's from now on, until a person unlinks it.
    let is_given_up = matches!(end, LinkEnd::Unlinked { .. }) && cancelled.is_none();
    let attempt = if let LinkEnd::Failed { attempt, .. } = end { *attempt } else { None };
    let rows = sql!(
        &mut *conn,
        execute,
        "UPDATE devices SET wish = CASE WHEN $9 AND wish IN ('qr', 'code') THEN 'cancel' END, wish_phone = NULL, \
         sender = COALESCE($3, sender), state = $4, \
         state_reason = $5, state_until = NULL, linked_at = $6, \
         expected_sender = CASE WHEN $7 THEN NULL ELSE COALESCE($3, expected_sender) END \
         WHERE id = $1 AND lease_epoch = $2 AND ($8 IS NULL OR (wish_at = $8 AND wish IN ('qr', 'code')))",
        &lease.device_id,
        lease.epoch,
        number,
        state.name(),
        reason,
        number.map(|_| now),
        is_given_up,
        attempt,
        matches!(end, LinkEnd::Refused { .. }),
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

/// What was wished at this moment, where it still is: that the device is unlinked, or that its attempt ends, which was cancelled or
/// refused, and why.
async fn find_ended(conn: &mut Conn, lease: &Lease, wished_at: Millis) -> Result<Option<(String, String)>, StoreError> {
    let query = "SELECT devices.wish, COALESCE(device_links.reason, '') FROM devices \
                 LEFT JOIN device_links ON device_links.device_id = devices.id \
                 WHERE devices.id = $1 AND devices.lease_epoch = $2 AND devices.wish IN ('unlink', 'cancel') \
                 AND devices.wish_at = $3";
    sql!(conn, optional as (String, String), query, &lease.device_id, lease.epoch, wished_at)
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
