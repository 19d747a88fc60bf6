//! What a device's pacing holds back, and what lets it go: the part of the device's loop that asks `pace.rs`.

use std::collections::{HashMap, HashSet};

use super::device::DeviceLoop;
use super::pace::{Chat, Pace, REPLY_MS, Rest, Slow, Wait, Why};
use super::queue::Job;
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, RefNo};
use crate::phone;
use crate::store::{StoreError, Waiting};
use crate::telemetry;

/// How often the store is asked who wrote: a message may come in through any process.
const HEAR_MS: Millis = 1_000;
/// A message may be committed this long after the moment that is written in it.
const LATE_MS: Millis = 60_000;
/// Of so many chats of each priority the store is asked at once whether they are strangers.
const CHATS_AT_ONCE: usize = 256;
/// How long a chat counts as a stranger before the store is asked again: a message may have been delivered meanwhile.
const ASK_AGAIN_MS: Millis = 5 * 60_000;

/// What the loop of a device remembers for its pacing.
pub(super) struct Held {
    pub(super) pace: Pace,
    rest: Rest,
    /// Whether the rest is only here yet.
    is_rest_unsaved: bool,
    slow: Slow,
    /// Whether that is only here yet.
    is_slow_unsaved: bool,
    /// When the next message may leave, where that has changed and is only here yet.
    pub(super) unsaved_slot: Option<Millis>,
    /// When each chat wrote last.
    heard: HashMap<String, Millis>,
    heard_until: Millis,
    hear_at: Millis,
    /// Chats that are no strangers.
    known: HashSet<String>,
    /// Chats that are, by what was found while the messages to send now were picked.
    strangers: HashSet<String>,
    /// Whether messages rest because today's allowance is used up.
    is_used_up: bool,
}

impl Held {
    pub(super) fn of(device: &crate::device::Device) -> Self {
        Self {
            pace: Pace::of(device),
            rest: Rest::of(device),
            is_rest_unsaved: false,
            slow: Slow::of(device),
            is_slow_unsaved: false,
            unsaved_slot: None,
            heard: HashMap::new(),
            heard_until: 0,
            hear_at: 0,
            known: HashSet::new(),
            strangers: HashSet::new(),
            is_used_up: false,
        }
    }

    /// Whoever was a stranger a moment ago may be none by now.
    pub(super) fn meet(&mut self) {
        self.strangers.clear();
    }

    /// Somebody may have written.
    pub(super) fn listen(&mut self) {
        self.hear_at = 0;
    }

    /// The clock was set back: whoever wrote at a time that is still to come may be there already, or write now.
    pub(super) fn hear_again(&mut self) {
        (self.hear_at, self.heard_until) = (0, 0);
    }

    /// WhatsApp took no first message to this chat.
    pub(super) fn refused(&mut self, chat: Option<&str>, now: Millis) {
        if let Some(chat) = chat {
            self.known.remove(chat);
        }
        let rest = self.rest.refused(now);
        self.is_rest_unsaved |= rest != self.rest;
        self.rest = rest;
    }

    /// Whether messages may leave now as fast as they can, one beside the other.
    pub(super) fn has_no_gap(&self, now: Millis) -> bool {
        self.pace.has_no_gap() && self.slow.next_slot(now, 0).is_none()
    }

    /// When the message after one that leaves at `sent_at` may leave. `random` picks the jitter.
    pub(super) fn next_slot(&self, sent_at: Millis, random: u64) -> Millis {
        let own = self.pace.next_slot(sent_at, random);
        self.slow.next_slot(sent_at, random).map_or(own, |slow| slow.max(own))
    }

    /// When the first message of this loop may leave, if the loop before it left `stored` behind: that moment, but no later than
    /// the gap that the device has by now asks for, should a message have left just before. A slow device waits for all of it.
    pub(super) fn first_slot(&self, stored: Millis, now: Millis, random: u64) -> Millis {
        let own = if self.pace.has_no_gap() { 0 } else { stored.min(self.pace.next_slot(now, random)) };
        self.slow.next_slot(now, random).map_or(own, |slow| slow.max(own))
    }

    /// When the message after one that left at `left_at` may leave by the settings of now. A device that became slower after that
    /// counts from there.
    fn slot_after(&self, left_at: Millis, now: Millis, random: u64) -> Millis {
        let since = if now < self.slow.until { self.slow.since } else { left_at };
        self.next_slot(left_at.max(since), random)
    }

    /// When the next message may leave at the latest, if one began to be typed at `now` and `jitter_ms` is what its gap may grow by.
    fn last_slot(&self, now: Millis, jitter_ms: i64) -> Millis {
        let gap_ms = (self.pace.gap_ms() + jitter_ms.max(0)).max(self.slow.gap_ms + self.slow.gap_ms / 2);
        now + limits::TYPING_MS_MAX + gap_ms
    }

    fn chat(&self, name: &str) -> Chat {
        Chat { wrote_at: self.heard.get(name).copied() }
    }

    fn know(&mut self, name: &str) {
        if self.known.len() >= usize::try_from(limits::CHATS_REMEMBERED_MAX).unwrap_or(usize::MAX) {
            self.known.clear();
        }
        self.known.insert(name.to_owned());
    }
}

/// How long somebody seems to type before this message leaves. The same at each look, so that a slot can be waited for.
pub(super) fn typing_ms(pace: &Pace, job: &Job<Waiting>) -> Millis {
    let text = job.load.body.as_deref().filter(|_| !job.load.is_media);
    pace.typing_ms(text.map(|text| text.chars().count()), job.seq.unsigned_abs().wrapping_mul(0x9e37_79b9) >> 8)
}

impl DeviceLoop {
    /// Takes a change of the device's settings over. What waited by the former ones is looked at again.
    pub(super) fn take_settings(&mut self) {
        let device = self.device.borrow_and_update().clone();
        let pace = Pace::of(&device);
        let rest = Rest::of(&device);
        if rest.until > self.held.rest.until {
            self.held.rest = rest;
        }
        if pace != self.held.pace {
            self.held.pace = pace;
            self.window.let_all_go();
            self.shorten_wait();
        }
    }

    /// The gap has changed: the next message waits no longer than it asks for.
    fn shorten_wait(&mut self) {
        let now = self.parts.clock.now();
        let slot = self.held.slot_after(self.left_at, now, self.parts.clock.random_below(u64::MAX));
        if slot < self.next_slot {
            (self.next_slot, self.begin_at) = (slot, 0);
            self.held.unsaved_slot = Some(slot);
        }
    }

    /// No message waits for longer than a whole gap, should the wall clock have been set back since the last one left.
    pub(super) fn bound_slot(&mut self, now: Millis) {
        let latest = self.held.last_slot(now, self.device.borrow().gap_jitter_ms);
        if latest < self.next_slot {
            (self.next_slot, self.left_at, self.begin_at) = (latest, now, 0);
            self.held.unsaved_slot = Some(latest);
        }
    }

    /// Stores a rest that has begun, that the device has become slower, and that its next message may leave earlier.
    pub(super) async fn store_rest(&mut self) -> Result<(), StoreError> {
        if let Some(at) = self.held.unsaved_slot {
            self.parts.store.set_next_slot(&self.lease, at).await?;
            self.held.unsaved_slot = None;
        }
        if self.held.is_slow_unsaved {
            let Slow { since, until, gap_ms } = self.held.slow;
            let minutes = limits::SLOW_MS / 60_000;
            let reason = format!(
                "WhatsApp said that it was too much at once; for {minutes} minutes two messages are at least {gap_ms} ms apart"
            );
            self.parts.store.slow_down(&self.lease, until, gap_ms, reason, since).await?;
            tracing::warn!(device = self.lease.device_id, gap_ms, until, "WhatsApp said that it was too much at once");
            self.parts.bells.devices.ring();
            metrics::counter!(telemetry::DEVICE_SLOWED, "device" => self.label.clone()).increment(1);
            self.held.is_slow_unsaved = false;
        }
        if self.held.is_rest_unsaved {
            let (until, now) = (self.held.rest.until, self.held.rest.since);
            let reason = "WhatsApp refused a first message to a stranger".to_owned();
            self.parts.store.rest_strangers(&self.lease, until, reason, now).await?;
            tracing::warn!(device = self.lease.device_id, until, "messages to strangers wait");
            self.parts.bells.devices.ring();
            self.held.is_rest_unsaved = false;
        }
        Ok(())
    }

    /// Finds out who wrote, and lets go what waits for them.
    pub(super) async fn hear(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let minds = self.held.pace.minds_replies() || self.held.rest.waits(now).is_some();
        if !minds || now < self.held.hear_at {
            return Ok(());
        }
        let since = self.held.heard_until.max(now - REPLY_MS);
        for (chat, at) in self.parts.store.find_heard(&self.lease.device_id, since).await? {
            let chat = phone::line_of(&chat);
            if self.held.heard.insert(chat.clone(), at).is_none_or(|before| before < at) {
                self.held.know(&chat);
                self.window.let_go(&chat);
            }
        }
        self.held.heard.retain(|_, at| now - *at < REPLY_MS);
        self.held.heard_until = now - LATE_MS;
        self.held.hear_at = now + HEAR_MS;
        Ok(())
    }

    /// Until when a message waits that could be sent now. `used` is what is used of today's allowance.
    pub(super) async fn waits(
        &mut self,
        job: &Job<Waiting>,
        used: i64,
        now: Millis,
    ) -> Result<Option<Wait>, StoreError> {
        let chat = self.held.chat(&job.recipient);
        // What is urgent leaves at night too, and when the allowance is used up; it counts in it.
        let wait = if job.priority == Priority::High {
            None
        } else if self.is_first(job) {
            self.held.pace.first_waits(now, used, chat)
        } else {
            self.held.pace.waits(now, chat)
        };
        self.held.is_used_up |= wait.is_some_and(|wait| wait.why == Why::WarmUp);
        let Some(rest) = self.held.rest.waits(now).filter(|_| wait.is_none() && !job.load.is_group) else {
            return Ok(wait);
        };
        if self.is_known(&job.recipient).await? {
            return Ok(None);
        }
        Ok(Some(Wait { until: rest.until.min(now + ASK_AGAIN_MS), ..rest }))
    }

    /// Whether a chat is no stranger. The store is asked of the next ones at the same time: a whole campaign may wait.
    async fn is_known(&mut self, chat: &str) -> Result<bool, StoreError> {
        if self.held.known.contains(chat) || self.held.strangers.contains(chat) {
            return Ok(self.held.known.contains(chat));
        }
        let next = self.window.ready(CHATS_AT_ONCE).into_iter().map(|next| next.recipient);
        let is_unknown = |chat: &String| !self.held.known.contains(chat);
        let chats: HashSet<String> = next.filter(is_unknown).chain([chat.to_owned()]).collect();
        let forms: Vec<String> = chats.iter().flat_map(|chat| phone::forms_of(chat)).collect();
        let found = self.parts.store.find_known_chats(&self.lease.device_id, &forms).await?;
        let found: HashSet<String> = found.iter().map(|form| phone::line_of(form)).collect();
        for chat in &found {
            self.held.know(chat);
        }
        let is_known = found.contains(chat);
        self.held.strangers.extend(chats.into_iter().filter(|chat| !found.contains(chat)));
        Ok(is_known)
    }

    /// Whether no attempt at this message was made yet.
    pub(super) fn is_first(&self, job: &Job<Waiting>) -> bool {
        self.counts.get(&job.ref_no).map_or(job.load.attempts, |made| made.sends) == 0
    }

    /// A message that was counted on a day has not left: another may leave in its place.
    pub(super) fn held_by_warm_up_go(&mut self, counted_on: Option<i64>) {
        if counted_on.is_some() && std::mem::take(&mut self.held.is_used_up) {
            self.window.let_all_go();
        }
    }

    /// What is used of today's allowance.
    pub(super) async fn used_today(&self, now: Millis) -> Result<i64, StoreError> {
        match self.held.pace.counted_on(now) {
            Some(day) => self.parts.store.count_begun(&self.lease.device_id, day).await,
            None => Ok(0),
        }
    }

    /// WhatsApp says that it is too much at once: the device is slower, from now on.
    pub(super) fn slow_down(&mut self, now: Millis, wait_ms: Millis) {
        let slow = self.held.slow.told(now, self.held.pace.gap_ms(), wait_ms);
        if slow != self.held.slow {
            (self.held.slow, self.held.is_slow_unsaved) = (slow, true);
            self.next_slot = self.next_slot.max(self.held.next_slot(now, self.parts.clock.random_below(u64::MAX)));
            self.held.unsaved_slot = Some(self.next_slot);
        }
    }

    /// WhatsApp takes no first messages from this device: strangers rest, from now on.
    pub(super) fn rest(&mut self, ref_no: &RefNo, now: Millis) {
        let chat = self.window.recipient(ref_no).map(str::to_owned);
        self.held.refused(chat.as_deref(), now);
    }
}
