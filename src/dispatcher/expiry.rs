//! Messages whose time is over: they are ended with what they waited for last, as their devices stand at that moment. Called by the
//! dispatcher at each of its looks.

use super::{Dispatcher, EXPIRY_GRACE_MS};
use crate::clock::Millis;
use crate::message::Priority;
use crate::pacing::Pace;
use crate::store::{LastWaits, StoreError};
use crate::telemetry;
use crate::waiting::Sender;

impl Dispatcher {
    /// Ends messages whose time is over.
    pub(super) async fn end_expired(&self, now: Millis) -> Result<(), StoreError> {
        let store = &self.parts.store;
        let expiring = store.find_expiring(now, EXPIRY_GRACE_MS).await?;
        if expiring.is_empty() {
            return Ok(());
        }
        let mut waits = LastWaits::default();
        for device in store.list_devices(None).await?.iter().filter(|device| expiring.contains(&device.id)) {
            let used = match Pace::of(device).counted_on(now) {
                Some(day) => store.count_begun(&device.id, day).await?,
                None => 0,
            };
            let sender = Sender { device: Some(device), used, next_slot_at: 0, is_run: true };
            for priority in [Priority::High, Priority::Normal] {
                if let Some(kept) = sender.keeps(priority, now) {
                    waits.note(&device.id, priority, kept.reason);
                }
            }
        }
        for (device_id, expired) in store.expire_messages(now, EXPIRY_GRACE_MS, waits).await? {
            telemetry::count_aborted(&device_id, expired);
        }
        Ok(())
    }
}
