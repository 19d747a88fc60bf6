//! Devices: their settings, states, daily counters, and the leases that say which node connects them.

use super::row::row;
use super::session_writes::forget_device;
use super::{Conn, Store, StoreError, health, links, pacing, sql, unreadable};
use crate::clock::Millis;
use crate::device::{Device, DeviceState, Kind};
use crate::limits;

macro_rules! device {
    ($rest:literal) => {
        concat!(
            "SELECT id, client_id, sender, name, kind, state, state_reason, state_until, linked_at, wish, wish_phone, \
             wish_at, strangers_after, strangers_since, slow_since, slow_until, slow_gap_ms, paused, paused_by, paused_at, \
             daily_limit, gap_ms, gap_jitter_ms, typing, warm_up, quiet_from, quiet_to, time_zone, created_at, incarnation, \
             lease_node, lease_until, expected_sender FROM devices WHERE removed_at IS NULL",
            $rest
        )
    };
}

pub(super) use device;

/// Why messages of a removed device are aborted.
const REMOVED: &str = "its gateway was removed";

row!(Device {
    id,
    client_id,
    sender,
    name,
    kind: String,
    state: String,
    state_reason,
    state_until,
    linked_at,
    wish,
    wish_phone,
    wish_at,
    strangers_after,
    strangers_since,
    slow_since,
    slow_until,
    slow_gap_ms,
    paused,
    paused_by,
    paused_at,
    daily_limit,
    gap_ms,
    gap_jitter_ms,
    typing,
    warm_up,
    quiet_from,
    quiet_to,
    time_zone,
    created_at,
    incarnation,
    lease_node,
    lease_until,
    expected_sender
});

/// A device to add.
#[derive(Debug, Clone)]
pub struct NewDevice {
    pub id: String,
    pub client_id: i64,
    /// Digits; empty until an account is linked.
    pub sender: String,
    pub name: String,
    pub kind: Kind,
    pub daily_limit: i64,
    pub created_at: Millis,
}

/// What to change of a device; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct DevicePatch {
    pub name: Option<String>,
    pub paused: Option<bool>,
    /// Who changes it, for people to read.
    pub by: Option<String>,
    /// When.
    pub at: Millis,
    pub daily_limit: Option<i64>,
    pub gap_ms: Option<i64>,
    pub gap_jitter_ms: Option<i64>,
    pub typing: Option<bool>,
    pub warm_up: Option<bool>,
    pub quiet: Option<QuietHours>,
    pub time_zone: Option<String>,
}

/// Between which hours messages wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuietHours {
    None,
    /// As HH:MM.
    Between {
        from: String,
        to: String,
    },
}

impl QuietHours {
    fn hours(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::None => (None, None),
            Self::Between { from, to } => (Some(from), Some(to)),
        }
    }
}

/// The right of a node to connect a device until `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub device_id: String,
    pub epoch: i64,
}

row!(Lease { device_id, epoch });

impl Store {
    /// Adds a device, paced as its kind begins. One that was removed leaves its id to whoever brings it back.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when a device has that id, or one that is not removed has that sender.
    pub async fn add_device(&self, device: NewDevice) -> Result<(), StoreError> {
        self.act(move |conn| Box::pin(async move { insert(conn, &device).await })).await
    }

    /// Every device, of one client or of all, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_devices(&self, client_id: Option<i64>) -> Result<Vec<Device>, StoreError> {
        let mut conn = self.reader().await?;
        match client_id {
            Some(id) => sql!(&mut conn, all as Device, device!(" AND client_id = $1 ORDER BY created_at, id"), id),
            None => sql!(&mut conn, all as Device, device!(" ORDER BY created_at, id")),
        }
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn find_device(&self, id: &str) -> Result<Option<Device>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as Device, device!(" AND id = $1"), id)
    }

    /// Changes a device's settings. `false` when there is none of that id. Whoever resumes one that was paused wishes that
    /// it connects, where nothing else is wished.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn update_device(&self, id: &str, patch: DevicePatch) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                let (from, to) = patch.quiet.as_ref().map_or((None, None), QuietHours::hours);
                if let Some(zone) = &patch.time_zone {
                    pacing::move_zone(conn, &id, zone, patch.at).await?;
                }
                let paused = sql!(&mut *conn, optional as (bool,), "SELECT paused FROM devices WHERE id = $1", &id)?;
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE devices SET name = COALESCE($2, name), paused = COALESCE($3, paused), \
                     daily_limit = COALESCE($4, daily_limit), gap_ms = COALESCE($5, gap_ms), \
                     gap_jitter_ms = COALESCE($6, gap_jitter_ms), typing = COALESCE($7, typing), \
                     warm_up = COALESCE($8, warm_up), time_zone = COALESCE($9, time_zone), \
                     quiet_from = CASE WHEN $10 THEN $11 ELSE quiet_from END, \
                     quiet_to = CASE WHEN $10 THEN $12 ELSE quiet_to END, \
                     wish = CASE WHEN paused AND $3 = FALSE THEN COALESCE(wish, 'connect') ELSE wish END, \
                     wish_at = CASE WHEN paused AND $3 = FALSE AND COALESCE(wish, 'connect') = 'connect' \
                     THEN wish_at + 1 ELSE wish_at END, \
                     paused_by = CASE WHEN $3 = paused OR $3 IS NULL THEN paused_by WHEN $3 = TRUE THEN $13 END, \
                     paused_at = CASE WHEN $3 = paused OR $3 IS NULL THEN paused_at WHEN $3 = TRUE THEN $14 END \
                     WHERE id = $1 AND removed_at IS NULL",
                    &id,
                    &patch.name,
                    patch.paused,
                    patch.daily_limit,
                    patch.gap_ms,
                    patch.gap_jitter_ms,
                    patch.typing,
                    patch.warm_up,
                    &patch.time_zone,
                    patch.quiet.is_some(),
                    from,
                    to,
                    &patch.by,
                    patch.at,
                )?;
                let turned = patch.paused.filter(|now| rows == 1 && paused.is_some_and(|(before,)| before != *now));
                if let Some(now) = turned {
                    let reason = patch.by.as_ref().map_or_else(String::new, |who| format!("by '{who}'"));
                    health::note(conn, &id, if now { "paused" } else { "resumed" }, &reason, patch.at).await?;
                }
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Takes a device away. What waits in its queue is given up; what was sent is kept. Gives how many messages were given
    /// up, or `None` when there is no such device.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn remove_device(&self, id: &str, now: Millis) -> Result<Option<u64>, StoreError> {
        let id = id.to_owned();
        self.act(move |conn| Box::pin(async move { take_away(conn, &id, REMOVED, now).await })).await
    }

    /// How many messages a device accepted on a UTC day.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_accepted(&self, device_id: &str, day: i64) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as i64,
            "SELECT COALESCE(CAST(SUM(accepted) AS BIGINT), 0) FROM device_days WHERE device_id = $1 AND day = $2",
            device_id,
            day,
        )
    }

    /// Keeps the leases that `node` holds, and takes those that nobody holds any more, up to `most` new ones. Gives
    /// every lease it now has; a taken one has a new epoch, so that its former owner's writes do nothing.
    ///
    /// # Errors
    /// When it could not be stored: then the node owns nothing for sure after `until`.
    pub async fn lease_devices(&self, node: &str, now: Millis, until: Millis) -> Result<Vec<Lease>, StoreError> {
        let node = node.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    &mut *conn,
                    execute,
                    "UPDATE devices SET lease_until = $2 WHERE lease_node = $1 AND removed_at IS NULL",
                    &node,
                    until,
                )?;
                sql!(
                    &mut *conn,
                    execute,
                    "UPDATE devices SET lease_node = $1, lease_until = $2, lease_epoch = lease_epoch + 1 \
                     WHERE removed_at IS NULL AND (lease_node IS NULL OR (lease_node <> $1 AND lease_until < $3))",
                    &node,
                    until,
                    now,
                )?;
                sql!(
                    &mut *conn,
                    all as Lease,
                    "SELECT id AS device_id, lease_epoch AS epoch FROM devices WHERE lease_node = $1 AND removed_at IS NULL",
                    &node,
                )
            })
        })
        .await
    }

    /// Whether some node renewed the lease of a device a moment ago.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_fresh_lease(&self, now: Millis) -> Result<bool, StoreError> {
        let mut conn = self.reader().await?;
        let fresh = sql!(
            &mut conn,
            scalar as i64,
            "SELECT COUNT(*) FROM devices WHERE removed_at IS NULL AND lease_until > $1 AND lease_until < $2",
            now,
            now + limits::LEASE_MS_MAX,
        )?;
        Ok(fresh > 0)
    }

    /// Gives every lease of `node` back, so that another node, or this one after a restart, may take them at once.
    ///
    /// # Errors
    /// When it could not be stored: then they run out by themselves.
    pub async fn release_devices(&self, node: &str) -> Result<(), StoreError> {
        let node = node.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE devices SET lease_node = NULL, lease_until = 0, state = CASE WHEN state = 'online' \
                     THEN 'connecting' ELSE state END WHERE lease_node = $1",
                    &node,
                )
                .map(drop)
            })
        })
        .await
    }
}

/// Adds a device, as [`Store::add_device`] does.
pub(super) async fn insert(conn: &mut Conn, device: &NewDevice) -> Result<(), StoreError> {
    let pacing = device.kind.first_pacing();
    // Programs name the number already: no other account may take its place unnoticed.
    let expected = Some(&device.sender).filter(|sender| device.kind == Kind::Web && !sender.is_empty());
    let rows = sql!(
        &mut *conn,
        execute,
        "INSERT INTO devices (id, client_id, sender, name, kind, state, daily_limit, created_at, gap_ms, \
         gap_jitter_ms, warm_up, expected_sender) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET \
         client_id = excluded.client_id, sender = excluded.sender, name = excluded.name, \
         kind = excluded.kind, state = excluded.state, state_reason = '', state_until = NULL, \
         linked_at = NULL, wish = NULL, wish_phone = NULL, incarnation = devices.incarnation + 1, \
         strangers_after = 0, strangers_since = 0, slow_since = 0, \
         slow_until = 0, slow_gap_ms = 0, paused = FALSE, paused_by = NULL, paused_at = NULL, \
         daily_limit = excluded.daily_limit, gap_ms = excluded.gap_ms, \
         gap_jitter_ms = excluded.gap_jitter_ms, warm_up = excluded.warm_up, typing = FALSE, \
         quiet_from = NULL, quiet_to = NULL, time_zone = 'UTC', expected_sender = excluded.expected_sender, \
         created_at = excluded.created_at, removed_at = NULL, lease_node = NULL, lease_until = 0 \
         WHERE devices.removed_at IS NOT NULL",
        &device.id,
        device.client_id,
        &device.sender,
        &device.name,
        device.kind.name(),
        DeviceState::Unlinked.name(),
        device.daily_limit,
        device.created_at,
        pacing.gap_ms,
        pacing.gap_jitter_ms,
        pacing.warm_up,
        expected,
    )?;
    if rows == 0 {
        return Err(StoreError::Exists);
    }
    // A write that met the former removal may have come after it.
    forget_device(conn, &device.id).await?;
    begin_empty(conn, device).await
}

/// Takes a device away, as [`Store::remove_device`] does; `reason` is what its waiting messages are aborted with.
pub(super) async fn take_away(conn: &mut Conn, id: &str, reason: &str, now: Millis) -> Result<Option<u64>, StoreError> {
    let rows = sql!(
        &mut *conn,
        execute,
        "UPDATE devices SET removed_at = $2, lease_epoch = lease_epoch + 1 WHERE id = $1 AND removed_at IS NULL",
        id,
        now,
    )?;
    if rows == 0 {
        return Ok(None);
    }
    forget_device(conn, id).await?;
    unreadable::forget_device(conn, id).await?;
    links::forget_device(conn, id).await?;
    sql!(&mut *conn, execute, "UPDATE clients SET default_device = NULL WHERE default_device = $1", id)?;
    let aborted = sql!(
        &mut *conn,
        execute,
        "UPDATE messages SET status = 'A', aborted_at = $2, under_way_at = NULL, reason = $3 \
         WHERE device_id = $1 AND status = 'Q'",
        id,
        now,
        reason,
    )?;
    Ok(Some(aborted))
}

/// Leaves nothing to a new device of one that had its id before: no link that is shown, no history, no messages counted today,
/// and no message that was accepted while that one was removed.
async fn begin_empty(conn: &mut Conn, device: &NewDevice) -> Result<(), StoreError> {
    links::forget_device(conn, &device.id).await?;
    sql!(&mut *conn, execute, "DELETE FROM device_events WHERE device_id = $1", &device.id)?;
    sql!(&mut *conn, execute, "DELETE FROM device_days WHERE device_id = $1", &device.id)?;
    sql!(
        conn,
        execute,
        "UPDATE messages SET status = 'A', aborted_at = $2, under_way_at = NULL, reason = 'its gateway was removed' \
         WHERE device_id = $1 AND status = 'Q'",
        &device.id,
        device.created_at,
    )
    .map(drop)
}
