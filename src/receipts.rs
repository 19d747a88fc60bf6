//! Moves messages forward by what a channel told. Called by the device loops of the dispatcher.

use std::time::Duration;

use crate::clock::Clock;
use crate::message::RefNo;
use crate::store::{Lease, Progress, Step, Store, StoreError};

/// How long to wait before storing again what could not be stored.
const AGAIN: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub struct Receipts {
    store: Store,
    clock: Clock,
}

impl Receipts {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Stores steps of a device's messages. What the store cannot take now is offered again until it does: a full disk
    /// delays a receipt and never drops it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when trying again cannot help.
    pub async fn record(&self, lease: &Lease, steps: Vec<(RefNo, Step)>) -> Result<(), StoreError> {
        let steps: Vec<Progress> = steps
            .into_iter()
            .map(|(ref_no, step)| Progress { ref_no, device_id: lease.device_id.clone(), epoch: lease.epoch, step })
            .collect();
        let mut waits = false;
        loop {
            match self.store.progress(steps.clone()).await {
                Err(StoreError::Unavailable(reason)) => {
                    // Said once: a disk may be full for hours.
                    if !std::mem::replace(&mut waits, true) {
                        tracing::warn!(device = lease.device_id, reason, "receipts wait for the store");
                    }
                    self.clock.sleep(AGAIN).await;
                }
                other => return other,
            }
        }
    }
}
