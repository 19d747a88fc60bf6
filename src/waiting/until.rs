//! Until when a message waits: nothing that is known may hold it at the moment that is named. A gap, another attempt or a missing
//! connection may end at night, in a block on new contacts, or on a day whose messages of the warm-up are for those before it.

use super::{Message, Sender, Waiting, hold};
use crate::clock::Millis;
use crate::device_status::code_of;
use crate::message::Priority;
use crate::pacing::{Chat, Pace, Slow, Wait};
use crate::reason::ReasonCode;

/// Holds that follow one another at the most: quiet hours, a block on new contacts, quiet hours again.
const HOLDS_MAX: usize = 4;

impl Sender<'_> {
    /// What holds a message back at `at`, now or later.
    pub(super) fn hold_at(&self, message: &Message<'_>, at: Millis, now: Millis) -> Option<Wait> {
        hold(self.device?, self.used_at(at, now), message.leaver(), at)
    }

    /// What is used at `at` of that day's allowance.
    fn used_at(&self, at: Millis, now: Millis) -> i64 {
        let is_today = self.device.map(Pace::of).is_none_or(|pace| pace.day(at) == pace.day(now));
        if is_today { self.used } else { 0 }
    }

    /// Why a message waits whose device cannot send at present. What holds it when that ends is not hidden behind it, and may keep
    /// it longer.
    pub(super) fn once_connected(&self, blocked: Waiting, message: &Message<'_>, now: Millis) -> Waiting {
        if !matches!(blocked.code, ReasonCode::Offline | ReasonCode::Banned | ReasonCode::Outdated) {
            return blocked;
        }
        // Of a connection that may come at any moment nobody knows when it is there.
        let is_known = blocked.until.is_some();
        let at = blocked.until.unwrap_or(now);
        match self.hold_at(message, at, now) {
            Some(wait) => {
                let then = self.lasting(held(wait), message, at, now);
                let reason = format!("{}; once it is connected, this holds: {}", blocked.reason, then.reason);
                Waiting { reason, until: then.until.filter(|_| is_known), ..blocked }
            }
            None if is_known => self.lasting(blocked, message, at, now),
            None => blocked,
        }
    }

    /// What a message waits for, until nothing that is known holds it any more. Its device sends from `from` on.
    pub(super) fn lasting(&self, waiting: Waiting, message: &Message<'_>, from: Millis, now: Millis) -> Waiting {
        // How long a download takes nobody knows.
        if waiting.code == ReasonCode::Media && waiting.until.is_none() {
            return waiting;
        }
        let again_at = Some(message.due_at).filter(|at| *at > now);
        let first = waiting.until.max(again_at).max(message.blocker.map(|blocker| blocker.until));
        let day = self.warm_up_turn(message, from, now);
        let until = first.max(day).map(|at| self.free_after(message, at, now));
        let is_later = first < day && waiting.code != ReasonCode::WarmUp;
        let reason = match is_later {
            true => format!("{}; the account is new, and its turn comes on a later day", waiting.reason),
            false => waiting.reason,
        };
        Waiting { reason, until, ..waiting }
    }

    /// From `at` on, the first moment at which its device's pacing does not hold a message.
    fn free_after(&self, message: &Message<'_>, at: Millis, now: Millis) -> Millis {
        (0..HOLDS_MAX).fold(at, |at, _| self.hold_at(message, at, now).map_or(at, |wait| wait.until))
    }

    /// When a new account that sends from `from` on may begin a message, where those ahead of it use up what is left of that day.
    fn warm_up_turn(&self, message: &Message<'_>, from: Millis, now: Millis) -> Option<Millis> {
        let pace = Pace::of(self.device.filter(|_| message.priority != Priority::High && message.attempts == 0)?);
        let ahead = (message.ahead - message.begun_ahead).max(0);
        pace.turn(from, self.used_at(from, now), Chat { wrote_at: message.recipient.wrote_at }, ahead)
    }

    /// When a message leaves at the earliest that so many are ahead of and that only the gap keeps, its own one or the one that
    /// WhatsApp asked for.
    pub(super) fn slot_after(&self, ahead: i64, now: Millis) -> Option<Millis> {
        let (device, ahead) = (self.device?, ahead.max(0));
        let (pace, slow) = (Pace::of(device), Slow::of(device));
        let is_kept = (!pace.has_no_gap() || now < slow.until) && self.next_slot_at > now;
        let slow = if now < slow.until { slow } else { Slow::default() };
        is_kept.then(|| slow.slot_after(self.next_slot_at, ahead, pace.gap_ms()))
    }
}

/// What its device holds back.
pub(super) fn held(wait: Wait) -> Waiting {
    Waiting::new(code_of(wait.why), wait.why.says(), Some(wait.until))
}
