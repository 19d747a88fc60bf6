//! How many messages wait for each device, and since when: counted about once a second, shown often. Called by whoever shows devices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Api;
use crate::clock::Millis;
use crate::device::Device;
use crate::device_status::{Condition, condition};
use crate::limits;
use crate::pacing::Pace;
use crate::store::{Queue, StoreError};

/// What was counted last.
#[derive(Default)]
pub struct Queues {
    latest: Mutex<Option<Counted>>,
    /// Held by whoever counts.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Counted {
    queues: Arc<HashMap<String, Queue>>,
    /// When they are too old.
    until: Millis,
}

impl Queues {
    fn latest(&self, now: Millis) -> Option<Arc<HashMap<String, Queue>>> {
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
    pub async fn queues(&self) -> Result<Arc<HashMap<String, Queue>>, StoreError> {
        if let Some(queues) = self.queues.latest(self.clock.now()) {
            return Ok(queues);
        }
        let _turn = self.queues.turn.lock().await;
        // Somebody may have counted while this one waited.
        let now = self.clock.now();
        if let Some(queues) = self.queues.latest(now) {
            return Ok(queues);
        }
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
