//! Owns the devices: one loop a device takes the next due message and hands it to the device's channel.
//!
//! A device is connected from at most one node. The right to connect it is a lease in the store, renewed while the node
//! lives; taking it over counts up the device's epoch, and every write of a loop names the epoch it owns, so that a node
//! which lost its lease (it slept, it was cut off) changes nothing more. An embedded store has one node, whose leases
//! never run out.
//!
//! A device that was removed may be added again under its id at once, as another kind, for another client. Each of them is an
//! incarnation of its own. The loop of the next one starts when that of the former one has ended: until then its channel may
//! still hold a connection and keys. A loop that ends by a fault is started again, under a new epoch.

mod aside;
mod attempt;
mod device;
mod download;
mod expiry;
mod fetches;
mod files;
mod hold;
pub mod hosts;
mod late;
mod life;
mod loading;
mod need;
mod passkeys;
pub mod queue;
pub mod retry;
mod running;
mod sends;
pub mod slots;
mod told;
mod turns;
mod unreadable;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bell::Bells;
use crate::channel::sandbox::Sandbox;
pub use crate::channel::web;
use crate::channel::web::Web;
use crate::channel::{Channel, Events};
use crate::clock::{Clock, Millis, millis};
use crate::device::{Device, DeviceState, Health, Kind};
use crate::egress::Egress;
use crate::files::Files;
use crate::inbox::Inbox;
use crate::limits;
use crate::pacing as pace;
use crate::receipts::Receipts;
use crate::seal::Sealer;
use crate::store::{Lease, Store, StoreError};
use crate::supervisor::{self, Backoff, Role, Supervisor};
use crate::telemetry::Outage;
use hosts::Hosts;
use life::Exit;

const OTHER_KEY: &str = "the master key was changed while this node was cut off; restart it with the new key";
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
    /// The servers that media comes from, as this node knows them.
    pub hosts: Hosts,
    pub supervisor: Supervisor,
    /// Seals the codes that a person is shown to link an account.
    pub link_sealer: Sealer,
    /// What linked accounts are connected by, and where their keys are.
    pub web: web::Parts,
    /// This node's name in the leases: the same after a restart.
    pub node: String,
    /// The fingerprint of the master key that it works with.
    pub fingerprint: String,
}

pub struct Dispatcher {
    parts: Arc<Parts>,
    /// One for each loop whose task has not ended: a device that was removed and added again under its id is started when the
    /// loop of the former one is over.
    loops: HashMap<String, Running>,
    /// Devices whose loop ended by a fault.
    faulted: HashMap<String, Faulted>,
    tasks: JoinSet<(Lease, Exit)>,
    renew_at: Millis,
}

struct Running {
    task: tokio::task::Id,
    epoch: i64,
    /// Which of the devices that had this id it runs.
    incarnation: i64,
    device: watch::Sender<Device>,
    stop: CancellationToken,
    /// Set, before the stop, when the device was removed.
    removed: Arc<AtomicBool>,
    started_at: Millis,
    backoff: Backoff,
}

/// A device that is started again.
struct Faulted {
    lease: Lease,
    /// Whether the lease has its new epoch.
    is_renewed: bool,
    start_at: Millis,
    backoff: Backoff,
}

impl Dispatcher {
    pub fn new(parts: Arc<Parts>) -> Self {
        let (loops, faulted, tasks) = (HashMap::new(), HashMap::new(), JoinSet::new());
        Self { parts, loops, faulted, tasks, renew_at: 0 }
    }

    /// Runs the devices until `stop`; then closes their connections in order and gives their leases back.
    pub async fn run(mut self, stop: CancellationToken) {
        let clock = self.parts.clock.clone();
        let mut outage = Outage::of("devices");
        loop {
            outage.hear(&self.look().await);
            let poll_at = clock.now() + millis(Duration::from_millis(limits::POLL_MS));
            let wake_at = self.faulted.values().map(|faulted| faulted.start_at).fold(poll_at, Millis::min);
            // One that could not be started yet is tried again at the next poll.
            let wake_at = if wake_at > clock.now() { wake_at } else { poll_at };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.parts.bells.devices.rung() => {}
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                () = clock.sleep_until(wake_at) => {}
            }
        }
        for running in self.loops.values() {
            running.stop.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
        self.release().await;
    }

    /// Gives this node's leases back: after that whatever a former dispatcher left behind writes nothing more.
    pub async fn release(&self) {
        if let Err(error) = self.parts.store.release_devices(&self.parts.node).await {
            tracing::warn!(%error, "the leases could not be given back; they run out by themselves");
        }
    }

    /// Brings the loops in line with the store: starts, changes and ends them, and ends messages whose time is over.
    async fn look(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        while let Some(ended) = self.tasks.try_join_next() {
            self.ended(ended);
        }
        self.end_expired(now).await?;
        let devices = self.devices().await?;
        for (id, running) in &self.loops {
            match devices.get(id) {
                Some(device) if device.incarnation == running.incarnation => running.update(device),
                _ => running.end_removed(),
            }
        }
        self.restart_faulted(&devices, now).await?;
        let is_new = devices.keys().any(|id| !self.loops.contains_key(id) && !self.faulted.contains_key(id));
        let is_time = !self.parts.store.is_embedded() && now >= self.renew_at;
        if is_new || is_time {
            self.lease(now).await?;
        }
        Ok(())
    }

    async fn devices(&self) -> Result<HashMap<String, Device>, StoreError> {
        let devices = self.parts.store.list_devices(None).await?;
        Ok(devices.into_iter().map(|device| (device.id.clone(), device)).collect())
    }

    async fn lease(&mut self, now: Millis) -> Result<(), StoreError> {
        let until = if self.parts.store.is_embedded() { Millis::MAX } else { now + limits::LEASE_MS };
        let Parts { store, node, fingerprint, .. } = &*self.parts;
        if !store.is_embedded() && !store.register_node(node, fingerprint.clone(), until).await? {
            // It was cut off for so long that somebody took it for stopped. What it would write now, nobody could open.
            self.loops.values().for_each(|running| running.stop.cancel());
            return Err(StoreError::Refused(OTHER_KEY.into()));
        }
        let leases = self.parts.store.lease_devices(&self.parts.node, now, until).await?;
        self.renew_at = now + limits::LEASE_RENEWAL_MS;
        let owned: HashMap<&str, i64> = leases.iter().map(|lease| (lease.device_id.as_str(), lease.epoch)).collect();
        // A loop whose device another node has taken, or that was taken back under a new epoch, ends.
        for (id, running) in self.loops.iter().filter(|(_, running)| !running.stop.is_cancelled()) {
            if owned.get(id.as_str()) != Some(&running.epoch) {
                if !self.parts.store.is_embedded() {
                    tracing::warn!(
                        device = id,
                        "the lease of this device was lost; another node may have taken it over"
                    );
                }
                running.stop.cancel();
            }
        }
        // Asked after the leases were taken: of a device that was removed and added again meanwhile the new one is started, under
        // a lease that is worth nothing if it is the former one's.
        let devices = self.devices().await?;
        for lease in leases {
            let id = &lease.device_id;
            let is_free = !self.loops.contains_key(id) && !self.faulted.contains_key(id);
            if let Some(device) = devices.get(id).filter(|_| is_free) {
                self.start(device.clone(), lease, Backoff::default());
            }
        }
        Ok(())
    }

    fn start(&mut self, device: Device, lease: Lease, backoff: Backoff) {
        self.parts.supervisor.mark_up(&task_name(&device.id));
        let incarnation = device.incarnation;
        let (told, watched) = watch::channel(device);
        let (stop, removed) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let parts = Arc::clone(&self.parts);
        let (own, stopping) = (lease.clone(), life::Stop { token: stop.clone(), removed: Arc::clone(&removed) });
        let task = self.tasks.spawn(async move {
            let exit = life::run(parts, own.clone(), watched, stopping).await;
            (own, exit)
        });
        let running = Running {
            task: task.id(),
            epoch: lease.epoch,
            incarnation,
            device: told,
            stop,
            removed,
            started_at: self.parts.clock.now(),
            backoff,
        };
        self.loops.insert(lease.device_id, running);
    }

    /// A loop's task is over.
    fn ended(&mut self, ended: Result<(Lease, Exit), tokio::task::JoinError>) {
        let (lease, exit) = match ended {
            Ok(ended) => ended,
            // The task catches panics itself: this one came from where it does.
            Err(error) => {
                let Some((id, running)) = self.loops.iter().find(|(_, running)| running.task == error.id()) else {
                    return;
                };
                (Lease { device_id: id.clone(), epoch: running.epoch }, Exit::Fault(error.to_string()))
            }
        };
        let id = &lease.device_id;
        self.parts.bells.forget_queue(id);
        let Some(Running { started_at, mut backoff, .. }) = self.loops.remove(id) else { return };
        let Exit::Fault(reason) = exit else { return };
        tracing::error!(device = id, reason, "the loop of a device ended by a fault");
        supervisor::report("device", &reason);
        let now = self.parts.clock.now();
        let start_at = now + millis(backoff.next(now - started_at));
        self.parts.supervisor.mark_down(&task_name(id), Role::Partial, now, start_at);
        self.faulted.insert(id.clone(), Faulted { is_renewed: false, start_at, backoff, lease });
    }

    /// Starts devices again whose loop ended by a fault: under a new epoch, and when it is time.
    async fn restart_faulted(&mut self, devices: &HashMap<String, Device>, now: Millis) -> Result<(), StoreError> {
        for (id, mut faulted) in std::mem::take(&mut self.faulted) {
            if !faulted.is_renewed {
                let reason = "a fault of the gateway stopped this device; it is started again".to_owned();
                let health = Health { state: DeviceState::Reconnecting, reason, until: Some(faulted.start_at) };
                match self.parts.store.renew_epoch(&faulted.lease, health, now).await {
                    Ok(Some(lease)) => (faulted.lease, faulted.is_renewed) = (lease, true),
                    // It was removed, or another node has it.
                    Ok(None) => {
                        self.parts.supervisor.mark_up(&task_name(&id));
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(device = id, %error, "a device waits for the store to be started again")
                    }
                }
            }
            match devices.get(&id) {
                Some(device) if faulted.is_renewed && now >= faulted.start_at => {
                    self.start(device.clone(), faulted.lease, faulted.backoff);
                }
                Some(_) => drop(self.faulted.insert(id, faulted)),
                None => self.parts.supervisor.mark_up(&task_name(&id)),
            }
        }
        Ok(())
    }
}

impl Running {
    fn update(&self, device: &Device) {
        self.device.send_if_modified(|known| {
            let is_changed = known != device;
            if is_changed {
                known.clone_from(device);
            }
            is_changed
        });
    }

    /// Ends the loop of a device that was removed, whether or not another has its id by now.
    fn end_removed(&self) {
        if !self.stop.is_cancelled() {
            self.removed.store(true, Ordering::Release);
            self.stop.cancel();
        }
    }
}

/// How a device's loop is named where tasks are listed.
fn task_name(device_id: &str) -> String {
    format!("device {device_id}")
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
