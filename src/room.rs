//! Whether there is room for one more message or file: within its client's quotas, and on the disk. Called by whoever accepts messages and keeps files
//! that clients give. What comes in from WhatsApp is never refused.

mod quota;

use quota::{Quota, Thing, Used};

use crate::clock::Clock;
use crate::disk::Disk;
use crate::settings::Settings;
use crate::store::{Store, StoreError};

pub use quota::Added;

const MB: i64 = 1_000_000;

/// Room for messages and files. Cheap to clone.
#[derive(Clone)]
pub struct Room {
    waiting: Quota,
    files: Quota,
    disk: Disk,
}

/// Why there is no room, in words for whoever sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    #[error(
        "this client's quota of waiting messages is used up ({used} of {most}); nothing was accepted. Try again when some have been sent, \
         cancel those that are not needed, or ask the gateway's operator to raise waiting_quota"
    )]
    Waiting { used: i64, most: i64 },
    #[error(
        "this client's quota of stored files has no room for one more ({used_mb} of {most_mb} MB are used); nothing was accepted. Send a \
         text, or a file that was sent before, or ask the gateway's operator to raise files_quota_mb"
    )]
    Files { used_mb: i64, most_mb: i64 },
    #[error(
        "the gateway's disk is nearly full, and what is left is kept for what comes in; nothing was accepted. Try again in a minute; the \
         gateway's operator has to make room"
    )]
    Disk,
}

/// Why something is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Room {
    pub fn new(store: &Store, disk: Disk, clock: &Clock, settings: &Settings) -> Self {
        let quota = |thing, most: i64| Quota::new(thing, most, store.clone(), clock.clone());
        Self {
            waiting: quota(Thing::WaitingMessages, settings.waiting_quota.into()),
            files: quota(Thing::FileBytes, i64::from(settings.files_quota_mb) * MB),
            disk,
        }
    }

    /// Room for a message that is going to wait.
    ///
    /// # Errors
    /// [`NoRoom`], or that the store cannot be read.
    pub async fn for_message(&self, client_id: i64) -> Result<Added, Refusal> {
        self.check_disk()?;
        let added = self.waiting.add(client_id, 1).await?;
        added.map_err(|Used { used, most }| NoRoom::Waiting { used, most }.into())
    }

    /// Room for a file that a client gives.
    ///
    /// # Errors
    /// [`NoRoom`], or that the store cannot be read.
    pub async fn for_file(&self, client_id: i64, bytes: i64) -> Result<Added, Refusal> {
        self.check_disk()?;
        let added = self.files.add(client_id, bytes).await?;
        added.map_err(|Used { used, most }| NoRoom::Files { used_mb: (used + MB / 2) / MB, most_mb: most / MB }.into())
    }

    /// Whether there is room for a file whose size is not known yet.
    ///
    /// # Errors
    /// As [`Room::for_file`].
    pub async fn check_file(&self, client_id: i64) -> Result<(), Refusal> {
        self.for_file(client_id, 1).await.map(Added::give_back)
    }

    /// Room for a file that came in: there always is.
    pub fn for_file_that_came_in(&self, client_id: i64, bytes: i64) -> Added {
        self.files.add_anyway(client_id, bytes)
    }

    fn check_disk(&self) -> Result<(), NoRoom> {
        if self.disk.takes_more() { Ok(()) } else { Err(NoRoom::Disk) }
    }

    /// The disk that all of it is on.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// A file of a client was taken away.
    pub fn file_is_gone(&self, client_id: i64, bytes: i64) {
        self.files.take_away(client_id, bytes);
    }

    /// A client's quotas may be others now. Other processes notice when they count the next time.
    pub fn quotas_changed(&self, client_id: i64) {
        self.waiting.read_again(client_id);
        self.files.read_again(client_id);
    }

    /// Counts anew what clients have. Called now and then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recount(&self) -> Result<(), StoreError> {
        for quota in [&self.waiting, &self.files] {
            quota.recount().await?;
        }
        Ok(())
    }
}
