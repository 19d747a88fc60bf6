//! Owns the devices: one loop a device takes the next due message and hands it to the device's channel.
//!
//! A device is connected from at most one node. The right to connect it is a lease in the store, renewed while the node
//! lives; taking it over counts up the device's epoch, and every write of a loop names the epoch it owns, so that a node
//! which lost its lease (it slept, it was cut off) changes nothing more. An embedded store has one node, whose leases
//! never run out.

mod attempt;
mod device;
mod files;
mod hold;
pub mod pace;
pub mod queue;
pub mod retry;
mod told;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bell::Bells;
use crate::channel::sandbox::Sandbox;
pub use crate::channel::web;
use crate::channel::web::Web;
use crate::channel::{Channel, Events};
use crate::clock::{Clock, Millis};
use crate::device::{Device, Kind};
use crate::egress::Egress;
use crate::files::Files;
use crate::inbox::Inbox;
use crate::limits;
use crate::receipts::Receipts;
use crate::seal::Sealer;
use crate::store::{Lease, Store, StoreError};
use crate::telemetry;

/// How long a lease holds without being renewed, and how often it is.
const LEASE_MS: Millis = 20_000;
const RENEWAL_MS: Millis = 5_000;
/// How long an attempt that nobody looks after may still be acknowledged after its message's time is over.
const EXPIRY_GRACE_MS: Millis = (limits::ACK_SECONDS_MAX + limits::SEND_SECONDS_MAX) as Millis * 1_000;

/// What every device loop works with.
pub struct Parts {
    pub store: Store,
    pub receipts: Receipts,
    pub inbox: Inbox,
    pub files: Files,
    pub egress: Egress,
    pub bells: Bells,
    pub clock: Clock,
    /// Seals the codes that a person is shown to link an account.
    pub link_sealer: Sealer,
    /// What linked accounts are connected by, and where their keys are.
    pub web: web::Parts,
    /// This node's name in the leases: the same after a restart.
    pub node: String,
}

pub struct Dispatcher {
    parts: Arc<Parts>,
    loops: HashMap<String, Running>,
    tasks: JoinSet<()>,
    renew_at: Millis,
}

struct Running {
    epoch: i64,
    device: watch::Sender<Device>,
    stop: CancellationToken,
}

impl Dispatcher {
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), loops: HashMap::new(), tasks: JoinSet::new(), renew_at: 0 }
    }

    /// Runs the devices until `stop`; then closes their connections in order and gives their leases back.
    pub async fn run(mut self, stop: CancellationToken) {
        let clock = self.parts.clock.clone();
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the devices could not be looked after");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.parts.bells.devices.rung() => {}
                () = clock.sleep(Duration::from_millis(limits::POLL_MS)) => {}
            }
        }
        for running in self.loops.values() {
            running.stop.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
        if let Err(error) = self.parts.store.release_devices(&self.parts.node).await {
            tracing::warn!(%error, "the leases could not be given back; they run out by themselves");
        }
    }

    /// Brings the loops in line with the store: starts, changes and ends them, and ends messages whose time is over.
    async fn look(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        while self.tasks.try_join_next().is_some() {}
        let expired = self.parts.store.expire_messages(now, EXPIRY_GRACE_MS).await?;
        telemetry::count_aborted(expired);
        let devices: HashMap<String, Device> =
            self.parts.store.list_devices(None).await?.into_iter().map(|device| (device.id.clone(), device)).collect();
        let is_new = devices.keys().any(|id| !self.loops.contains_key(id));
        let is_time = !self.parts.store.is_embedded() && now >= self.renew_at;
        if is_new || is_time {
            self.lease(&devices, now).await?;
        }
        self.loops.retain(|id, running| {
            let Some(device) = devices.get(id) else {
                running.stop.cancel();
                self.parts.bells.forget_queue(id);
                return false;
            };
            running.device.send_if_modified(|known| {
                let is_changed = known != device;
                if is_changed {
                    known.clone_from(device);
                }
                is_changed
            });
            true
        });
        Ok(())
    }

    async fn lease(&mut self, devices: &HashMap<String, Device>, now: Millis) -> Result<(), StoreError> {
        let until = if self.parts.store.is_embedded() { Millis::MAX } else { now + LEASE_MS };
        let leases = self.parts.store.lease_devices(&self.parts.node, now, until).await?;
        self.renew_at = now + RENEWAL_MS;
        let owned: HashMap<&str, i64> = leases.iter().map(|lease| (lease.device_id.as_str(), lease.epoch)).collect();
        // A loop whose device another node has taken, or that was taken back under a new epoch, ends.
        self.loops.retain(|id, running| {
            // One that was removed is nobody's; its loop is ended by who looked for it.
            let is_ours = owned.get(id.as_str()) == Some(&running.epoch) || !devices.contains_key(id);
            if !is_ours {
                tracing::warn!(device = id, "another node has taken this device over");
                running.stop.cancel();
            }
            is_ours
        });
        for lease in leases {
            if let Some(device) = devices.get(&lease.device_id).filter(|device| !self.loops.contains_key(&device.id)) {
                self.start(device.clone(), lease);
            }
        }
        Ok(())
    }

    fn start(&mut self, device: Device, lease: Lease) {
        let (told, watched) = watch::channel(device);
        let stop = CancellationToken::new();
        let running = Running { epoch: lease.epoch, device: told, stop: stop.clone() };
        self.loops.insert(lease.device_id.clone(), running);
        self.tasks.spawn(device::run(Arc::clone(&self.parts), lease, watched, stop));
    }
}

/// What a device says whose kind has no channel.
const NO_CHANNEL: &str = "devices of this kind cannot be connected; remove it and add one of the kind web";

/// Opens a device's channel. Where it cannot be opened, in words for a person: its queue waits, and expires.
async fn open(parts: &Parts, lease: &Lease, device: &Device, events: Events) -> Result<Arc<dyn Channel>, String> {
    match device.kind {
        Kind::Sandbox => Ok(Arc::new(Sandbox::open(parts.clock.clone(), events))),
        Kind::Web => Ok(Arc::new(Web::open(parts.web.clone(), device, lease.epoch, events).await?)),
        Kind::Cloud => Err(NO_CHANNEL.to_owned()),
    }
}
