//! Wake-ups. Whoever stores work rings; whoever does it listens. A ring is for speed only: the work is a row, and
//! behind every bell stands a poll, so a lost ring costs a moment and never a message.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::message::Priority;

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

/// The bell of one device's queue. It knows for which priorities it was rung, so that nobody looks in the store for the others.
#[derive(Debug, Clone, Default)]
pub struct QueueBell {
    bell: Bell,
    /// One bit for each of [`Priority::ALL`].
    priorities: Arc<AtomicU8>,
}

impl QueueBell {
    pub fn ring(&self, priority: Priority) {
        self.priorities.fetch_or(1 << priority.index(), Ordering::Release);
        self.bell.ring();
    }

    /// Wakes who listens, though nothing was accepted.
    pub fn wake(&self) {
        self.bell.ring();
    }

    /// Waits for the next ring. Gives whether it was for each of [`Priority::ALL`].
    pub async fn rung(&self) -> [bool; 3] {
        self.bell.rung().await;
        let rung = self.priorities.swap(0, Ordering::AcqRel);
        Priority::ALL.map(|priority| rung & (1 << priority.index()) != 0)
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
    queues: Arc<Mutex<HashMap<String, QueueBell>>>,
}

impl Bells {
    /// The bell of one device's queue.
    pub fn queue(&self, device_id: &str) -> QueueBell {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = queues.get(device_id) {
            return bell.clone();
        }
        queues.entry(device_id.to_owned()).or_default().clone()
    }

    /// Rings for a message that was accepted. Does nothing for a device that no loop of this process listens for.
    pub fn ring_queue(&self, device_id: &str, priority: Priority) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = queues.get(device_id) {
            bell.ring(priority);
        }
    }

    /// Forgets the bell of a device that is gone.
    pub fn forget_queue(&self, device_id: &str) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(device_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_queue_bell_says_for_which_priorities_it_was_rung_since_it_was_last_heard() {
        let bells = Bells::default();
        let bell = bells.queue("1-1");
        bells.ring_queue("1-1", Priority::Bulk);
        bells.ring_queue("1-1", Priority::High);
        bells.ring_queue("1-2", Priority::Normal);
        assert_eq!(bell.rung().await, [true, false, true]);
        bells.ring_queue("1-1", Priority::Normal);
        assert_eq!(bell.rung().await, [false, true, false]);
    }
}
