//! The loop of one device. It alone moves the device's messages: it loads them, begins attempts on the disk, hands them
//! to the channel, and stores what the channel tells.
//!
//! Ask at any line what a crash would do: an attempt is begun in the store before anything is written to WhatsApp, and
//! stays begun until its end is stored. After a restart it is simply a waiting message again, sent under the same id.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{self, Ended};
use super::fetches::Fetches;
use super::files::HadFile;
use super::hold::{self, Held};
use super::queue::{Job, Window};
use super::sends::Sends;
use super::{Parts, retry};
use crate::bell::QueueBell;
use crate::channel::{Channel, Event, SendFault};
use crate::clock::Millis;
use crate::device::{Device, DeviceState};
use crate::limits;
use crate::message::RefNo;
use crate::store::{Lease, Step, StoreError, WaitCode, Waiting};
use crate::telemetry;

const ACK_MS: Millis = limits::ACK_SECONDS_MAX as Millis * 1_000;
/// How long messages rest that cannot go at this moment: the store knows sooner than this loop that the device was paused.
const HELD_MS: Millis = 100;
/// When an acknowledgement is late enough to be said to be awaited: most come within a second.
const LATE_ACK_MS: Millis = 2_000;
pub(super) const EVENTS_AT_ONCE: usize = 256;

/// Attempts at a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) sends: i64,
    /// Downloads of its file that failed.
    pub(super) fetches: i64,
    /// The day in whose warm-up it was counted, while none of it has left.
    pub(super) counted_on: Option<i64>,
}

pub(super) struct DeviceLoop {
    pub(super) parts: Arc<Parts>,
    pub(super) lease: Lease,
    pub(super) device: watch::Receiver<Device>,
    pub(super) channel: Arc<dyn Channel>,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) bell: QueueBell,
    pub(super) window: Window<Waiting>,
    pub(super) sends: Sends,
    /// What was written out lately: when its acknowledgement is late, and until when it is awaited.
    pub(super) written: VecDeque<(Millis, RefNo, Millis)>,
    /// Downloads of media; they may be left at any moment, and are made again.
    pub(super) fetches: Fetches,
    /// When the next message that stepped aside is due.
    pub(super) media_at: Millis,
    /// Files that came in, under way.
    pub(super) downloads: JoinSet<HadFile>,
    /// When to look for more of them.
    pub(super) files_at: Millis,
    /// When to look for messages that still cannot be read.
    pub(super) unreadable_at: Millis,
    /// How many attempts have been made at each message that is under way.
    pub(super) counts: HashMap<RefNo, Made>,
    /// How metrics name the device.
    pub(super) label: String,
    pub(super) state: DeviceState,
    /// When the wish about the link was uttered that the channel works on, or worked on last.
    pub(super) wished_at: Millis,
    /// Whether the channel knows what of before still awaits receipts.
    pub(super) has_remembered: bool,
    /// Not to send before this moment.
    pub(super) next_slot: Millis,
    /// When the last message left, as far as is known.
    pub(super) left_at: Millis,
    /// When the first message in the window may be begun, so that it leaves at the next slot.
    pub(super) begin_at: Millis,
    pub(super) held: Held,
    pub(super) stop: CancellationToken,
    pub(super) removed: Arc<AtomicBool>,
    /// Which of the devices that had this id it is.
    pub(super) incarnation: i64,
    /// When to look for what other processes did. What happens here does not put it off.
    pub(super) poll_at: Millis,
    /// Whether the store may hold messages of each priority behind the window.
    pub(super) may_load: [bool; 3],
    pub(super) is_channel_over: bool,
}

impl DeviceLoop {
    /// Does what can be done now, then waits for the next thing to happen and stores it.
    pub(super) async fn turn(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        self.grant_wish().await?;
        self.pass_on_passkey().await?;
        self.remember().await?;
        self.begin_downloads().await?;
        self.report_unreadable().await?;
        self.store_rest().await?;
        self.hear().await?;
        self.poll().await?;
        self.load().await?;
        let is_more = self.tend_fetches().await? | self.may_load_more();
        let is_more = self.begin().await? | is_more;
        let clock = self.parts.clock.clone();
        let wake_at = self.wake_at().map_or(self.poll_at, |at| at.min(self.poll_at)).min(self.fetches.room_at);
        let wake_at = if is_more { clock.now() } else { wake_at };
        let channel = Arc::clone(&self.channel);
        let mut events = Vec::new();
        tokio::select! {
            () = stop.cancelled() => {}
            _ = self.events.recv_many(&mut events, EVENTS_AT_ONCE) => self.store_events(events).await?,
            Some(ended) = self.sends.join_next() => {
                let more = std::iter::from_fn(|| self.sends.try_join_next()?.ok());
                let ended: Vec<_> = ended.ok().into_iter().chain(more).collect();
                self.store_ends(ended).await?;
            }
            Some(had) = self.downloads.join_next() => self.store_files(had.into_iter().collect()).await?,
            Some(ended) = self.fetches.join_next() => {
                let more = std::iter::from_fn(|| self.fetches.try_join_next());
                let ended: Vec<_> = std::iter::once(ended).chain(more).collect();
                self.store_fetches(ended).await?;
            }
            () = channel.ended() => self.is_channel_over = true,
            rung = self.bell.rung() => self.expect(rung),
            // A wall clock that is set back does not keep the loop asleep for longer than until the next poll.
            _ = clock.within(Duration::from_millis(limits::POLL_MS), clock.sleep_until(wake_at)) => {}
            _ = self.device.changed() => self.take_settings(),
        }
        Ok(())
    }

    fn may_send(&self) -> bool {
        self.state == DeviceState::Online && !self.device.borrow().paused
    }

    /// When something can be done that cannot be done now.
    fn wake_at(&self) -> Option<Millis> {
        if !self.may_send() {
            return None;
        }
        let slot = Some(self.begin_at).filter(|slot| *slot > self.parts.clock.now());
        slot.into_iter().chain(self.window.next_event()).min()
    }

    /// Takes what may be sent now, begins it in the store, and hands it to attempts. Gives whether some of it has ended
    /// meanwhile: then the next ones may be sent in its place, and nothing else would wake the loop for them.
    async fn begin(&mut self) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        if !self.may_send() || self.window.peek(now).is_none() {
            return Ok(false);
        }
        let waiting = self.window.len();
        let used = self.used_today(now).await?;
        let jobs = self.pick(now, used).await?;
        if jobs.is_empty() {
            return Ok(self.window.len() < waiting);
        }
        let ref_nos: Vec<_> = jobs.iter().map(|job| job.ref_no.clone()).collect();
        let counted_on = self.held.pace.counted_on(now);
        let (id, epoch) = (&self.lease.device_id, self.lease.epoch);
        let typing_ms: Vec<_> = jobs.iter().map(|job| hold::typing_ms(&self.held.pace, job)).collect();
        let latest = now + typing_ms.iter().copied().max().unwrap_or(0);
        let slot = self.held.next_slot(latest, self.parts.clock.random_below(u64::MAX));
        let stored_slot = Some(slot).filter(|_| !self.held.has_no_gap(now));
        let begun = self.parts.store.begin_attempts(id, epoch, now, ref_nos, counted_on, stored_slot).await;
        let Ok(Some(begun)) = begun else {
            self.put_back(&jobs, now + HELD_MS);
            return begun.map(|_| false);
        };
        telemetry::count_aborted(id, begun.aborted);
        for (job, typing_ms) in jobs.into_iter().zip(typing_ms) {
            if !begun.ref_nos.contains(&job.ref_no) {
                // It was cancelled.
                self.end(&job.ref_no);
                continue;
            }
            let made = Made { sends: job.load.attempts, fetches: job.load.fetch_attempts, counted_on: None };
            let made = self.counts.entry(job.ref_no.clone()).or_insert(made);
            made.counted_on = if made.sends == 0 { counted_on } else { made.counted_on };
            made.sends += 1;
            self.fetches.left(&job.ref_no);
            (self.next_slot, self.left_at, self.held.unsaved_slot) = (slot, latest, None);
            let (channel, lease) = (Arc::clone(&self.channel), self.lease.clone());
            let line = attempt::Line { channel, lease, typing_ms, stop: self.stop.clone() };
            let send = attempt::send(Arc::clone(&self.parts), line, job.ref_no.clone(), job.load);
            self.sends.spawn(job.priority, attempt::guarded(job.ref_no, send));
        }
        let is_more = self.window.len() < waiting;
        if is_more {
            // A whole campaign may have been cancelled: not each of its messages costs a transaction.
            let ready = self.window.ready(limits::DEVICE_WINDOW_MESSAGES_MAX);
            self.drop_ended(&ready).await?;
        }
        Ok(is_more)
    }

    /// Messages that expired while they waited are not begun, and cost nobody behind them a turn.
    fn end_expired(&mut self, now: Millis) {
        while self.window.peek(now).is_some_and(|next| now >= next.expires_at) {
            let Some(job) = self.window.take(now) else { break };
            self.end(&job.ref_no);
        }
    }

    /// Takes what may be sent now, after `used` of today's allowance; sets what is held to rest.
    async fn pick(&mut self, now: Millis, mut used: i64) -> Result<Vec<Job<Waiting>>, StoreError> {
        let (mut jobs, mut running) = (Vec::new(), self.sends.running());
        self.held.meet();
        loop {
            self.end_expired(now);
            let Some(next) = self.window.peek(now) else { break };
            let (priority, has_no_gap) = (next.priority, self.held.has_no_gap(now));
            if !has_no_gap {
                // A person types the next message while the gap passes.
                self.begin_at = self.next_slot - hold::typing_ms(&self.held.pace, next);
                if now < self.begin_at || !jobs.is_empty() {
                    break;
                }
            }
            if !running.has_room(priority, if has_no_gap { limits::DEVICE_SENDS_MAX } else { 1 }) {
                break;
            }
            let Some(job) = self.window.take(now) else { break };
            match self.waits(&job, used, now).await {
                Ok(None) => {}
                Ok(Some(wait)) => {
                    self.window.rest(&job.ref_no, wait.until);
                    continue;
                }
                Err(error) => {
                    jobs.push(job);
                    self.put_back(&jobs, now + HELD_MS);
                    return Err(error);
                }
            }
            used += i64::from(self.is_first(&job));
            running.add(priority);
            jobs.push(job);
        }
        Ok(jobs)
    }

    /// Gives taken messages back, until `due_at`.
    fn put_back(&mut self, jobs: &[Job<Waiting>], due_at: Millis) {
        for job in jobs {
            self.window.again(&job.ref_no, due_at, |_| ());
        }
    }

    pub(super) async fn store_ends(&mut self, ended: Vec<Ended>) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut steps = Vec::new();
        for end in ended {
            match end {
                Ended::Sent { ref_no } => {
                    self.has_left(&ref_no);
                    self.window.sent(&ref_no, now + ACK_MS);
                    self.written.push_back((now + LATE_ACK_MS, ref_no, now + ACK_MS));
                }
                Ended::Failed { ref_no, fault } => self.fail(ref_no, fault, &mut steps),
            }
        }
        self.record_steps(steps).await
    }

    /// Decides what becomes of a message whose attempt failed.
    pub(super) fn fail(&mut self, ref_no: RefNo, fault: SendFault, steps: &mut Vec<(RefNo, Step)>) {
        let now = self.parts.clock.now();
        let none = Made { sends: 0, fetches: 0, counted_on: None };
        let Made { sends: made, fetches, counted_on } = *self.counts.entry(ref_no.clone()).or_insert(none);
        let number = made + fetches;
        let step = match fault {
            SendFault::Never(reason) => {
                self.held_by_warm_up_go(counted_on);
                Step::Aborted { at: now, reason, attempts: number, uncounted: counted_on }
            }
            SendFault::Retry(reason) => {
                tracing::info!(device = self.lease.device_id, %ref_no, reason, "an attempt failed; it is made again");
                let due_at = retry::next_try(made, now, self.parts.clock.random_below(u64::MAX));
                Step::Retry { due_at, attempts: made, number, at: now, reason, code: WaitCode::Retry }
            }
            // The channel knows sooner than this loop that the connection is gone.
            SendFault::NotConnected => {
                let reason = SendFault::NotConnected.to_string();
                Step::Retry { due_at: now + HELD_MS, attempts: made, number, at: now, reason, code: WaitCode::Retry }
            }
            SendFault::TooMuch { wait_ms } => {
                self.slow_down(now, wait_ms);
                let due_at = retry::next_try(made, now, self.parts.clock.random_below(u64::MAX));
                let reason = SendFault::TooMuch { wait_ms }.to_string();
                Step::Retry { due_at, attempts: made, number, at: now, reason, code: WaitCode::RateLimited }
            }
            SendFault::Stranger => {
                // It goes back to its line, which rests until strangers may be written to again.
                self.rest(&ref_no, now);
                let due_at = retry::next_try(made, now, self.parts.clock.random_below(u64::MAX));
                let reason = SendFault::Stranger.to_string();
                Step::Retry { due_at, attempts: made, number, at: now, reason, code: WaitCode::NewContacts }
            }
        };
        match &step {
            Step::Retry { due_at, .. } => {
                let due_at = *due_at;
                self.window.again(&ref_no, due_at, |waiting| waiting.attempts = made);
            }
            _ => self.end(&ref_no),
        }
        steps.push((ref_no, step));
    }

    /// Something of it may have reached WhatsApp: it is counted in the warm-up, whatever becomes of it.
    pub(super) fn has_left(&mut self, ref_no: &RefNo) {
        if let Some(made) = self.counts.get_mut(ref_no) {
            made.counted_on = None;
        }
    }

    pub(super) fn end(&mut self, ref_no: &RefNo) {
        self.window.done(ref_no);
        self.counts.remove(ref_no);
        self.fetches.left(ref_no);
    }
}
