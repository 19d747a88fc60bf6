//! Records what a channel told of its device: moves messages forward, stores what came in, the device's state, its link. A batch
//! is one transaction, offered to the store until it takes it. Called by the device loops of the dispatcher.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::limits;
use crate::store::{Change, Lease, Outcome, Store, StoreError};
use crate::telemetry;

#[derive(Clone)]
pub struct Receipts {
    store: Store,
    clock: Clock,
}

/// What became of a change: `None` when the database refused it for good.
pub type Recorded = Option<Outcome>;

impl Receipts {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Stores changes of a device, all of them in one transaction; gives one result each. What the store cannot take now is
    /// offered again until it does: a full disk delays a receipt and never drops it. Once `stop` is cancelled it is offered
    /// once more, and then given up.
    ///
    /// One that the database refuses would hold up all others without end. It is found by storing each alone, logged, counted,
    /// and left out.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when this node does not own the device any more, another when the store did not take them before
    /// the stop: then nobody may be told that anything is stored.
    pub async fn record(
        &self,
        lease: &Lease,
        changes: Vec<Change>,
        stop: &CancellationToken,
    ) -> Result<Vec<Recorded>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let changes = Arc::new(changes);
        match self.offer(lease, Arc::clone(&changes), stop).await {
            Ok(outcomes) => Ok(outcomes.into_iter().map(Some).collect()),
            Err(error) if is_bad(&error) => self.record_each(lease, &changes, stop).await,
            Err(error) => Err(error),
        }
    }

    async fn record_each(
        &self,
        lease: &Lease,
        changes: &[Change],
        stop: &CancellationToken,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut recorded = Vec::with_capacity(changes.len());
        for change in changes {
            recorded.push(match self.offer(lease, Arc::new(vec![change.clone()]), stop).await {
                Ok(outcomes) => outcomes.first().copied(),
                Err(error) if !is_bad(&error) => return Err(error),
                Err(error) => {
                    tracing::error!(device = lease.device_id, %error, change = name(change), "an event cannot be stored; it is left out");
                    metrics::counter!(telemetry::EVENTS_REFUSED).increment(1);
                    None
                }
            });
        }
        Ok(recorded)
    }

    /// Offers a batch until the store takes or refuses it.
    async fn offer(
        &self,
        lease: &Lease,
        changes: Arc<Vec<Change>>,
        stop: &CancellationToken,
    ) -> Result<Vec<Outcome>, StoreError> {
        let (mut wait_ms, mut waits) = (limits::RECORD_AGAIN_MS_MIN, false);
        loop {
            let is_last = stop.is_cancelled();
            match self.store.record(lease, Arc::clone(&changes)).await {
                // Whatever ails the store: an operator may mend it, and nothing was stored.
                Err(error) if !is_last && !is_bad(&error) && !matches!(error, StoreError::NotOwner) => {
                    // Said once: a disk may be full for hours.
                    if !std::mem::replace(&mut waits, true) {
                        tracing::warn!(device = lease.device_id, %error, events = changes.len(), "events wait for the store");
                    }
                    stop.run_until_cancelled(self.clock.sleep(Duration::from_millis(wait_ms))).await;
                    wait_ms = (wait_ms * 2).min(limits::RECORD_AGAIN_MS_MAX);
                }
                outcome => {
                    if waits && outcome.is_ok() {
                        tracing::info!(device = lease.device_id, "the events that waited for the store are stored");
                    }
                    return outcome;
                }
            }
        }
    }
}

/// Whether it is the row's own fault, so that it will never be stored.
fn is_bad(error: &StoreError) -> bool {
    matches!(error, StoreError::BadRow(_) | StoreError::Exists)
}

/// What a change is, without what anybody wrote.
fn name(change: &Change) -> &'static str {
    match change {
        Change::Step { .. } => "a message's step",
        Change::Unreadable(_) => "a message that cannot be read",
        Change::Silent { .. } => "that a message was read",
        Change::Inbound(_) => "an inbound message",
        Change::File { .. } => "an inbound file",
        Change::State { .. } => "the device's state",
        Change::LinkCode { .. } => "a code to link",
        Change::Passkey { .. } => "a request for a passkey",
        Change::Link { .. } => "the end of linking",
        Change::MayBeListed { .. } => "that a phone may still list the gateway",
        Change::Removed { .. } => "that a refused account is removed",
    }
}
