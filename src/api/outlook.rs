//! What becomes of an import's messages as its device is now, for whoever shows imports: `imports/outlook.rs` decides, this finds what
//! it has to know.

use super::Api;
use crate::campaign::State;
use crate::clock;
use crate::device::Device;
use crate::imports::{Ahead, Outlook, Preview};
use crate::message::Priority;
use crate::store::{StoreError, StoredImport};
use crate::waiting::{Sender, Waiting};

impl Api {
    /// What becomes of `rows` that are to be queued and of `queued` that may wait already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn outlook(
        &self,
        device: &Device,
        priority: Priority,
        rows: i64,
        queued: i64,
    ) -> Result<Outlook, StoreError> {
        let (now, sender) = (self.clock.now(), Sender::of(device, self.standing(device).await?));
        let accepted_today = self.store.count_accepted(&device.id, clock::day(now)).await?;
        let waiting = self.queues().await?.get(&device.id).map_or(0, |queue| queue.waiting);
        let queued = queued.min(waiting);
        let ahead = Ahead { priority, rows, queued, others: waiting - queued, accepted_today };
        Ok(Outlook::of(sender, ahead, now))
    }

    /// What keeps a device from sending messages of a priority now, if anything does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn keeps(&self, device: &Device, priority: Priority) -> Result<Option<Waiting>, StoreError> {
        let sender = Sender::of(device, self.standing(device).await?);
        Ok(sender.keeps(priority, self.clock.now()))
    }

    /// What becomes of an import's messages; nothing of one that stopped, or whose device was removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn outlook_of(&self, import: &StoredImport) -> Result<Outlook, StoreError> {
        let preview = Preview::of(&import.preview);
        let rows = match import.state {
            State::Reading | State::Checked => preview.totals.all() - preview.known,
            State::Running => preview.totals.all() - import.known - import.accepted,
            State::Done => 0,
            State::Stopped => return Ok(Outlook::default()),
        };
        match self.store.find_device(&import.device_id).await? {
            Some(device) => self.outlook(&device, import.priority, rows.max(0), import.accepted).await,
            None => Ok(Outlook::default()),
        }
    }
}
