//! How many messages wait for each device, and since when: counted about once a second, shown often. Called by whoever shows devices.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::Api;
use crate::clock::Millis;
use crate::device::Device;
use crate::device_status::Standing;
use crate::limits;
use crate::pacing::Pace;
use crate::reason::ReasonCode;
use crate::store::{self, StoreError};
use crate::waiting::{Sender, Tally};

/// What waits, by device; only devices for which something waits.
pub type Waiting = Arc<HashMap<String, Queue>>;

/// What waits for a device.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    pub waiting: i64,
    /// When the first of it was accepted.
    pub oldest_at: Millis,
    /// As it was counted, until it is known what waits for what.
    counted: Vec<store::Queue>,
    tally: Tally,
}

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
        let mut queues: HashMap<String, Queue> = HashMap::new();
        for found in self.store.list_queues(now).await? {
            let queue = queues.entry(found.device_id.clone()).or_default();
            let is_first = queue.waiting == 0;
            queue.oldest_at = if is_first { found.oldest_at } else { queue.oldest_at.min(found.oldest_at) };
            queue.waiting += found.waiting;
            queue.counted.push(found);
        }
        if !queues.is_empty() {
            let apart = self.find_apart(now).await?;
            for device in self.store.list_devices(None).await? {
                if let Some(queue) = queues.get_mut(&device.id) {
                    let counted = std::mem::take(&mut queue.counted);
                    queue.tally = self.tally(&device, &counted, &apart, now).await?;
                }
            }
        }
        let queues = Arc::new(queues);
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

    /// What a device's state follows from beside its row.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn standing(&self, device: &Device) -> Result<Standing, StoreError> {
        Ok(Standing { used: self.used_today(device).await?, is_run: self.runner.runs(device, self.clock.now()) })
    }

    /// How many messages of a device wait for what.
    pub fn waiting_for(&self, device: &Device, standing: Standing, queue: Option<&Queue>) -> BTreeMap<ReasonCode, i64> {
        let sender = Sender::of(device, standing);
        queue.map_or_else(BTreeMap::new, |queue| sender.count_by_reason(&queue.tally, self.clock.now()))
    }
}
