//! Wake-ups. Whoever stores work rings; whoever does it listens. A ring is for speed only: the work is a row, and
//! behind every bell stands a poll, so a lost ring costs a moment and never a message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// One bell. A ring while nobody listens is kept, once.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for the next ring.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}

/// The bells that `app` makes and hands to both sides.
#[derive(Debug, Clone, Default)]
pub struct Bells {
    /// An inbound message waits to be pushed.
    pub push: Bell,
    /// An import was begun.
    pub imports: Bell,
    /// A device was added, changed or removed.
    pub devices: Bell,
    queues: Arc<Mutex<HashMap<String, Bell>>>,
}

impl Bells {
    /// The bell of one device's queue.
    pub fn queue(&self, device_id: &str) -> Bell {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = queues.get(device_id) {
            return bell.clone();
        }
        queues.entry(device_id.to_owned()).or_default().clone()
    }

    /// Rings for a message that was accepted. Does nothing for a device that no loop of this process listens for.
    pub fn ring_queue(&self, device_id: &str) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = queues.get(device_id) {
            bell.ring();
        }
    }

    /// Forgets the bell of a device that is gone.
    pub fn forget_queue(&self, device_id: &str) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(device_id);
    }
}
