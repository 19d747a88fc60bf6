//! How devices fare: their states, and what happened to them.

use super::row::row;
use super::{Conn, Lease, Page, Store, StoreError, sql};
use crate::clock::Millis;
use crate::device::{Health, NOT_LINKED};
use crate::limits;

/// Something that happened to a device.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeviceEvent {
    pub seq: i64,
    pub at: Millis,
    pub state: String,
    pub reason: String,
}

row!(DeviceEvent { seq, at, state, reason });

impl Store {
    /// Stores a device's state and that it entered it, if this node still owns it.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn set_device_health(&self, lease: &Lease, health: Health, now: Millis) -> Result<bool, StoreError> {
        let lease = lease.clone();
        self.write(move |conn| Box::pin(async move { set_health(conn, &lease, &health, now).await })).await
    }

    /// WhatsApp takes no first messages to strangers from this device before `until`.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn rest_strangers(
        &self,
        lease: &Lease,
        until: Millis,
        reason: String,
        now: Millis,
    ) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE devices SET strangers_after = $3, strangers_since = $4 \
                     WHERE id = $1 AND lease_epoch = $2 AND strangers_after < $3",
                    &lease.device_id,
                    lease.epoch,
                    until,
                    now,
                )?;
                if rows == 1 {
                    note(conn, &lease.device_id, "strangers_paused", &reason, now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// WhatsApp said at `now` that it was too much at once: two messages are at least `gap_ms` milliseconds apart before `until`.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn slow_down(
        &self,
        lease: &Lease,
        until: Millis,
        gap_ms: Millis,
        reason: String,
        now: Millis,
    ) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE devices SET slow_since = $3, slow_until = $4, slow_gap_ms = $5 \
                     WHERE id = $1 AND lease_epoch = $2",
                    &lease.device_id,
                    lease.epoch,
                    now,
                    until,
                    gap_ms,
                )?;
                if rows == 1 {
                    note(conn, &lease.device_id, "slowed", &reason, now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// What happened to a device, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_device_events(&self, device_id: &str, page: Page) -> Result<Vec<DeviceEvent>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as DeviceEvent,
            "SELECT seq, at, state, reason FROM device_events WHERE device_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
            device_id,
            page.before_or_max(),
            page.rows,
        )
    }
}

/// Stores a device's state and that it entered it. `false` when this node does not own it any more.
pub(super) async fn set_health(
    conn: &mut Conn,
    lease: &Lease,
    health: &Health,
    now: Millis,
) -> Result<bool, StoreError> {
    let rows = sql!(
        &mut *conn,
        execute,
        // A start says of a device without an account only that; why it has none, it knew before.
        "UPDATE devices SET state_reason = CASE WHEN $4 = $6 AND state = $3 AND state_reason <> '' THEN state_reason ELSE $4 END, \
         state = $3, state_until = $5 WHERE id = $1 AND lease_epoch = $2",
        &lease.device_id,
        lease.epoch,
        health.state.name(),
        &health.reason,
        health.until,
        NOT_LINKED,
    )?;
    if rows == 1 {
        note(conn, &lease.device_id, health.state.name(), &health.reason, now).await?;
    }
    Ok(rows == 1)
}

/// Writes down what happened to a device, and forgets what happened long ago.
pub(super) async fn note(
    conn: &mut Conn,
    device_id: &str,
    state: &str,
    reason: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sql!(
        &mut *conn,
        execute,
        "INSERT INTO device_events (device_id, at, state, reason) VALUES ($1, $2, $3, $4)",
        device_id,
        now,
        state,
        reason,
    )?;
    sql!(
        conn,
        execute,
        "DELETE FROM device_events WHERE device_id = $1 AND seq <= (SELECT seq FROM device_events WHERE device_id = $1 \
         ORDER BY seq DESC LIMIT 1 OFFSET $2)",
        device_id,
        limits::DEVICE_HISTORY_ROWS_MAX,
    )
    .map(drop)
}
