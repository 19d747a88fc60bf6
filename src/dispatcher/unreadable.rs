//! Messages that came in and could not be decrypted: remembered when they are first seen, and reported when they still cannot
//! be read ten minutes later. When is a row, so that a restart forgets nothing.

use super::device::DeviceLoop;
use crate::clock::Millis;
use crate::limits;
use crate::store::StoreError;

/// How often it is looked for messages to report that another process remembered.
const LOOK_MS: Millis = 60_000;

impl DeviceLoop {
    /// Reports what is due.
    pub(super) async fn report_unreadable(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        if now < self.unreadable_at {
            return Ok(());
        }
        let (store, id) = (&self.parts.store, &self.lease.device_id);
        let due = store.find_due_unreadable(id, now, limits::UNREADABLE_AT_ONCE).await?;
        let device = self.device.borrow().clone();
        for message in due {
            let originator = message.originator.clone();
            if self.parts.inbox.report(&device, &self.lease, message).await? {
                tracing::warn!(device = id, originator, "a message cannot be read; its sender did not send it again");
            }
        }
        let next = store.next_unreadable_at(id).await?;
        self.unreadable_at = next.unwrap_or(Millis::MAX).min(now + LOOK_MS);
        Ok(())
    }
}
