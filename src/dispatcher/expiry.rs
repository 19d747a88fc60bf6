//! Messages whose time is over: they are ended with what they waited for last, as their devices stand at that moment. Called by the
//! dispatcher at each of its looks.

use super::{Dispatcher, EXPIRY_GRACE_MS};
use crate::clock::Millis;
use crate::device::Device;
use crate::device_status::Standing;
use crate::message::Priority;
use crate::pacing::Pace;
use crate::reason::ReasonCode;
use crate::store::{LastWaits, StoreError};
use crate::telemetry;
use crate::waiting::{Sender, WAS_NOT_RUN};

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
            let is_run = self.is_run(device, now);
            let sender = Sender::of(device, Standing { used, is_run });
            for priority in [Priority::High, Priority::Normal] {
                if let Some(kept) = sender.keeps(priority, now) {
                    let is_down = !is_run && kept.code == ReasonCode::Offline;
                    let reason = if is_down { WAS_NOT_RUN.to_owned() } else { kept.reason };
                    waits.note(&device.id, priority, reason);
                }
            }
        }
        for (device_id, expired) in store.expire_messages(now, EXPIRY_GRACE_MS, waits).await? {
            telemetry::count_aborted(&device_id, expired);
        }
        Ok(())
    }

    /// Whether some node ran a device until now. This one ends what expired while it was stopped before it takes its leases.
    fn is_run(&self, device: &Device, now: Millis) -> bool {
        let is_here = self.loops.contains_key(&device.id) || self.faulted.contains_key(&device.id);
        is_here || !self.parts.store.is_embedded() && device.lease_until > now
    }
}
