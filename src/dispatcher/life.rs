//! The life of a device's loop: its channel is opened, the loop runs until it is stopped or a fault ends it, the channel is closed.
//! Called by the dispatcher, a task for each device.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::device::{DeviceLoop, EVENTS_AT_ONCE};
use super::fetches::Fetches;
use super::hold::Held;
use super::queue::Window;
use super::sends::Sends;
use crate::channel::{Channel, Event, Health};
use crate::clock::Millis;
use crate::device::{Device, DeviceState};
use crate::limits;
use crate::store::{Change, Lease, StoreError};
use crate::supervisor::{Backoff, caught};
use crate::telemetry::{self, Outage};

/// How long attempts under way may take when the device stops.
const CLOSING_MS: Millis = limits::CLOSE_SECONDS_MAX as Millis * 1_000;

/// How a device's loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    Stopped,
    /// Another node has the device, or nobody any more.
    Disowned,
    /// It panicked, or its channel ended by itself.
    Fault(String),
}

/// How a device's loop is told to stop.
#[derive(Clone)]
pub(super) struct Stop {
    pub(super) token: CancellationToken,
    /// Set when it is because the device was removed.
    pub(super) removed: Arc<AtomicBool>,
}

/// Runs a device until `stop`. Its channel is closed when this returns, whatever became of the loop, or of what comes before it.
pub(super) async fn run(parts: Arc<Parts>, lease: Lease, device: watch::Receiver<Device>, stop: Stop) -> Exit {
    let (name, opened) = (super::task_name(&lease.device_id), OnceLock::new());
    let life = Box::pin(live(Arc::clone(&parts), lease.clone(), device, stop, &opened));
    let panicked = match parts.supervisor.run(&name, life).await {
        Ok(exit) => return exit,
        Err(panicked) => panicked,
    };
    if let Some(channel) = opened.get() {
        // What it had not stored is not confirmed: who waited for it sees that nobody answers.
        let limit = Duration::from_secs(2 * limits::CLOSE_SECONDS_MAX);
        if !matches!(parts.clock.within(limit, caught(channel.close())).await, Ok(Ok(()))) {
            tracing::warn!(device = lease.device_id, "the connection of a device did not close in order");
        }
    }
    Exit::Fault(panicked.to_string())
}

/// Opens the device's channel, left in `opened` for whoever has to close it, and runs the loop.
async fn live(
    parts: Arc<Parts>,
    lease: Lease,
    device: watch::Receiver<Device>,
    stop: Stop,
    opened: &OnceLock<Arc<dyn Channel>>,
) -> Exit {
    let (channel, events) = match open(&parts, &lease, &device, &stop.token).await {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let channel = Arc::clone(opened.get_or_init(|| channel));
    let known = device.borrow().clone();
    let bell = parts.bells.queue(&lease.device_id);
    let held = Held::of(&known);
    telemetry::begin_device(&telemetry::device_label(&known.id));
    let now = parts.clock.now();
    let stored_slot = match parts.store.find_next_slot(&known.id).await {
        Ok(at) => at,
        Err(error) => {
            tracing::warn!(device = known.id, %error, "when the next message may leave could not be read; it waits for a whole gap");
            Millis::MAX
        }
    };
    let next_slot = held.first_slot(stored_slot, now, parts.clock.random_below(u64::MAX));
    let left_at = (stored_slot - held.pace.gap_ms()).min(now);
    let this = DeviceLoop {
        parts,
        lease,
        device,
        channel,
        events,
        bell,
        window: Window::default(),
        sends: Sends::default(),
        written: VecDeque::new(),
        fetches: Fetches::default(),
        media_at: 0,
        downloads: JoinSet::new(),
        files_at: 0,
        unreadable_at: 0,
        counts: HashMap::new(),
        label: telemetry::device_label(&known.id),
        state: DeviceState::Connecting,
        wished_at: 0,
        has_remembered: false,
        next_slot,
        left_at,
        begin_at: 0,
        held,
        stop: stop.token,
        removed: stop.removed,
        incarnation: known.incarnation,
        poll_at: 0,
        may_load: [true; 3],
        is_channel_over: false,
    };
    this.work().await
}

type Opened = (Arc<dyn Channel>, mpsc::Receiver<Event>);

/// Opens the device's channel. One that cannot be opened is tried again, and says so meanwhile.
async fn open(
    parts: &Parts,
    lease: &Lease,
    device: &watch::Receiver<Device>,
    stop: &CancellationToken,
) -> Result<Opened, Exit> {
    let (mut backoff, mut said) = (Backoff::default(), None);
    loop {
        let (told, events) = mpsc::channel(limits::DEVICE_EVENTS_MAX);
        let known = device.borrow().clone();
        let reason = match super::open(parts, lease, &known, told).await {
            Ok(channel) => return Ok((channel, events)),
            Err(reason) => reason,
        };
        if said.as_ref() != Some(&reason) {
            tracing::warn!(device = lease.device_id, reason, "a device cannot be connected");
            let health = Health::new(DeviceState::Unlinked, reason.clone());
            let change = Change::State { health, at: parts.clock.now() };
            match parts.receipts.record(lease, vec![change], stop).await {
                Err(StoreError::NotOwner) => return Err(Exit::Disowned),
                _ => said = Some(reason),
            }
        }
        let again = parts.clock.sleep(backoff.next(0));
        if stop.run_until_cancelled(again).await.is_none() {
            return Err(Exit::Stopped);
        }
    }
}

impl DeviceLoop {
    async fn work(mut self) -> Exit {
        let stop = self.stop.clone();
        let mut outage = Outage::of_device(&self.lease.device_id);
        let exit = loop {
            if stop.is_cancelled() {
                break Exit::Stopped;
            }
            let turned = self.turn(&stop).await;
            if !matches!(turned, Err(StoreError::NotOwner)) {
                outage.hear(&turned);
            }
            match turned {
                Ok(()) if self.is_channel_over => break Exit::Fault("its channel ended".into()),
                Ok(()) => {}
                Err(StoreError::NotOwner) => break Exit::Disowned,
                Err(_) => {
                    let again = self.parts.clock.sleep(Duration::from_millis(limits::POLL_MS));
                    stop.run_until_cancelled(again).await;
                }
            }
        };
        // What is stored from now on is offered once: nothing is to be waited for without end.
        stop.cancel();
        self.close().await;
        exit
    }

    /// Whether the device was removed. Another may have its id by now.
    pub(super) async fn is_removed(&self) -> bool {
        if self.removed.load(Ordering::Acquire) {
            return true;
        }
        match self.parts.store.find_device(&self.lease.device_id).await {
            Ok(found) => found.is_none_or(|device| device.incarnation != self.incarnation),
            Err(error) => {
                tracing::warn!(device = self.lease.device_id, %error, "whether a device was removed could not be read");
                false
            }
        }
    }

    /// Ends in order: lets sends end, closes the channel, stores what it tells until then. Who tells is never held up by a
    /// full queue: what waits for it would not end. Of a device that was removed the account's link ends too.
    async fn close(mut self) {
        self.fetches.abort_all();
        self.downloads.abort_all();
        let (clock, channel) = (self.parts.clock.clone(), Arc::clone(&self.channel));
        let latest = clock.now() + CLOSING_MS;
        let (mut ended, mut told) = (Vec::new(), Vec::new());
        while !self.sends.is_empty() {
            tokio::select! {
                Some(end) = self.sends.join_next() => ended.extend(end.ok()),
                _ = self.events.recv_many(&mut told, EVENTS_AT_ONCE), if !self.events.is_closed() => {
                    self.store_last(&mut told).await;
                }
                // An attempt that is left is made again, under the same id.
                () = clock.sleep_until(latest) => self.sends.abort_all(),
            }
        }
        if let Err(error) = self.store_ends(ended).await {
            tracing::warn!(%error, "how the last attempts ended was not stored");
        }
        let is_removed = self.is_removed().await;
        let wished_at = self.device.borrow().wish_at;
        let closing = async {
            if is_removed {
                channel.unlink(wished_at).await;
            }
            channel.close().await;
        };
        tokio::pin!(closing);
        loop {
            tokio::select! {
                () = &mut closing => break,
                _ = self.events.recv_many(&mut told, EVENTS_AT_ONCE), if !self.events.is_closed() => {
                    self.store_last(&mut told).await;
                }
            }
        }
        self.events.close();
        while self.events.recv_many(&mut told, EVENTS_AT_ONCE).await > 0 {
            self.store_last(&mut told).await;
        }
        if is_removed && let Err(error) = self.parts.store.forget_removed(&self.lease.device_id).await {
            tracing::warn!(%error, "some keys of a removed device may still be stored");
        }
    }

    async fn store_last(&mut self, told: &mut Vec<Event>) {
        let told = std::mem::take(told);
        if told.is_empty() {
            return;
        }
        match self.store_events(told).await {
            Ok(()) => {}
            // There is nothing left that they could be stored of.
            Err(StoreError::NotOwner) if self.is_removed().await => {}
            // Nobody is told that they were: WhatsApp tells them again.
            Err(error) => {
                tracing::warn!(device = self.lease.device_id, %error, "the last events were not stored, nor confirmed");
            }
        }
    }
}
