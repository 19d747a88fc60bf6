//! How many messages wait for each device, and since when: counted about once a second, shown often. Called by whoever shows devices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::Api;
use crate::clock::Millis;
use crate::device::Device;
use crate::device_status::{Condition, condition};
use crate::limits;
use crate::pacing::Pace;
use crate::store::{Queue, StoreError};

/// What waits, by device; only devices for which something waits.
pub type Waiting = Arc<HashMap<String, Queue>>;

/// What was counted last.
#[derive(Default)]
pub struct Queues {
    latest: Mutex<Option<Counted>>,
    /// Held by whoever counts.
    turn: Arc<tokio::sync::Mutex<()>>,
    tasks: TaskTracker,
}

#[derive(Clone)]
struct Counted {
    queues: Waiting,
    /// When they are too old.
    until: Millis,
}

impl Queues {
    /// Waits until nothing is counted any more.
    pub async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What was counted, if it is good for longer than `now`.
    fn latest(&self, now: Millis) -> Option<Waiting> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().filter(|counted| now < counted.until).map(|counted| Arc::clone(&counted.queues))
    }
}

impl Api {
    /// What waits for each device that has something waiting, at most about a second old: older only where counting takes more
    /// than a twentieth of a second.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn queues(&self) -> Result<Waiting, StoreError> {
        if let Some(queues) = self.queues.latest(self.clock.now()) {
            return Ok(queues);
        }
        let _turn = self.queues.turn.lock().await;
        // Somebody may have counted while this one waited.
        match self.queues.latest(self.clock.now()) {
            Some(queues) => Ok(queues),
            None => self.count_queues().await,
        }
    }

    /// Like [`Api::queues`], for pages that refresh every second: when counting takes too long, returns the last count if it is at
    /// most a minute old, else `None`.
    pub async fn queues_soon(&self) -> Option<Waiting> {
        let now = self.clock.now();
        if self.queues.latest(now).is_none() {
            self.count_queues_aside();
            let patience = Duration::from_millis(limits::QUEUES_WAIT_MS);
            let _ = self.clock.within(patience, self.queues.turn.lock()).await;
        }
        self.queues.latest(now - limits::QUEUES_SHOWN_MS)
    }

    /// Counts while nobody waits, unless somebody does so already.
    fn count_queues_aside(&self) {
        let Ok(turn) = Arc::clone(&self.queues.turn).try_lock_owned() else { return };
        let api = self.clone();
        self.queues.tasks.spawn(async move {
            if let Err(error) = api.count_queues().await {
                tracing::warn!(%error, "what waits for each device cannot be counted");
            }
            drop(turn);
        });
    }

    /// Only for who has the turn.
    async fn count_queues(&self) -> Result<Waiting, StoreError> {
        let now = self.clock.now();
        let found = self.store.list_queues().await?;
        let queues =
            Arc::new(found.into_iter().map(|queue| (queue.device_id.clone(), queue)).collect::<HashMap<_, _>>());
        let taken_ms = self.clock.now() - now;
        let until = now + limits::QUEUES_MS.max(taken_ms.saturating_mul(limits::QUEUES_SHARE));
        let counted = Counted { queues: Arc::clone(&queues), until };
        *self.queues.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(queues)
    }

    /// What is used of a device's warm-up allowance of today; 0 where none is counted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn used_today(&self, device: &Device) -> Result<i64, StoreError> {
        match Pace::of(device).counted_on(self.clock.now()) {
            Some(day) => self.store.count_begun(&device.id, day).await,
            None => Ok(0),
        }
    }

    /// What a device is doing now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn condition_of(&self, device: &Device) -> Result<Condition, StoreError> {
        Ok(condition(device, self.used_today(device).await?, self.clock.now()))
    }
}
