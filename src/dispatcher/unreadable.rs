//! Messages that came in and could not be decrypted: remembered when they are first seen, and reported when they still cannot
//! be read ten minutes later. When is a row, so that a restart forgets nothing.

use tokio::sync::oneshot;

use super::device::DeviceLoop;
use crate::clock::Millis;
use crate::limits;
use crate::message::Unreadable;
use crate::store::StoreError;

/// How often it is looked for messages to report that another process remembered.
const LOOK_MS: Millis = 60_000;

impl DeviceLoop {
    pub(super) async fn miss(&mut self, message: Unreadable, stored: oneshot::Sender<()>) {
        match self.parts.inbox.miss(&self.lease, message).await {
            Ok(due_at) => {
                self.unreadable_at = self.unreadable_at.min(due_at);
                // Who waits for it may have gone; then WhatsApp tells it again.
                let _ = stored.send(());
            }
            Err(error) => tracing::warn!(%error, "a message that cannot be read was not noted; WhatsApp keeps it"),
        }
    }

    pub(super) async fn settle(
        &self,
        whatsapp_id: &str,
        originator: &str,
        hidden: Option<String>,
        stored: oneshot::Sender<()>,
    ) {
        let device_id = &self.lease.device_id;
        match self.parts.store.settle_unreadable(device_id, whatsapp_id, originator, hidden).await {
            Ok(()) => drop(stored.send(())),
            Err(error) => tracing::warn!(%error, "that a message was read was not stored; WhatsApp keeps it"),
        }
    }

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
