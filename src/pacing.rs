//! How a device goes about its number, so that it neither looks like a machine nor wears out its welcome: a gap between
//! two messages, typing, fewer messages in a new account's first days, quiet hours, rest towards strangers, and a slower pace
//! when WhatsApp asks for it. Pure: it is told the time, and says until when a message waits and why. docs/pacing.md says the
//! same to customers.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::clock::Millis;
use crate::device::{Device, parse_time_of_day, parse_time_zone};
use crate::limits;

const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 24 * HOUR_MS;
/// Who wrote this recently is awake, whatever the hour.
pub const AWAKE_MS: Millis = 15 * 60_000;
/// Who wrote this recently is answered, however new the account.
pub const REPLY_MS: Millis = DAY_MS;
/// Messages on each day since the account was linked, from the first; then as many as one likes. Accounts that
/// write to many people in their first days are the ones that are banned.
const WARM_UP: [i64; 10] = [20, 40, 80, 150, 250, 400, 600, 1_000, 1_500, 2_500];
/// Several times as fast as anybody types: what is shown is that somebody is there, and the queue must move.
const TYPED_CHARS_PER_SECOND: i64 = 40;
const STRANGERS_REST_MS_MIN: Millis = HOUR_MS;
const STRANGERS_REST_MS_MAX: Millis = DAY_MS;

/// The pace of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    gap_ms: i64,
    jitter_ms: i64,
    typing: bool,
    /// Since when it warms up; `None` when it does not.
    warm_since: Option<Millis>,
    quiet: Option<(Time, Time)>,
    zone: TimeZone,
}

/// Why messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Quiet,
    WarmUp,
    Strangers,
}

impl Why {
    /// In words for a person.
    pub fn says(self) -> &'static str {
        match self {
            Self::Quiet => {
                "quiet hours; replies to people who wrote in the last 15 minutes and messages of high priority still go out"
            }
            Self::WarmUp => {
                "the account is new and today's messages are used up; replies to people who wrote in the last 24 hours and \
                 messages of high priority still go out"
            }
            Self::Strangers => {
                "WhatsApp blocks messages to new contacts for now, those of high priority too; replies still go out"
            }
        }
    }
}

/// How long a message waits, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub until: Millis,
    pub why: Why,
}

/// What is known of a message's recipient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chat {
    /// When it last wrote to the device.
    pub wrote_at: Option<Millis>,
}

impl Chat {
    /// One that wrote at another moment, and of which the same holds at `now`. There are only a few of these.
    pub fn alike(self, now: Millis) -> Self {
        let since = |at: Millis| [REPLY_MS, AWAKE_MS].into_iter().find(|age| now - at >= *age).unwrap_or(0);
        Self { wrote_at: self.wrote_at.map(|at| now - since(at)) }
    }

    /// Whether a message to it is an answer, however new the account.
    fn is_answered(self, now: Millis) -> bool {
        self.wrote_at.is_some_and(|at| now - at < REPLY_MS)
    }
}

impl Pace {
    pub fn of(device: &Device) -> Self {
        let time = |text: &Option<String>| parse_time_of_day(text.as_deref()?).ok();
        Self {
            gap_ms: device.gap_ms.max(0),
            jitter_ms: device.gap_jitter_ms.max(0),
            typing: device.typing,
            warm_since: device.warm_up.then(|| device.linked_at.unwrap_or(device.created_at)),
            quiet: time(&device.quiet_from).zip(time(&device.quiet_to)),
            zone: parse_time_zone(&device.time_zone).unwrap_or(TimeZone::UTC),
        }
    }

    /// Whether messages may leave as fast as they can, one beside the other.
    pub fn has_no_gap(&self) -> bool {
        self.gap_ms == 0 && self.jitter_ms == 0
    }

    /// The least time between two messages, without what may randomly be added.
    pub fn gap_ms(&self) -> Millis {
        self.gap_ms
    }

    /// Whether it matters who wrote to the device.
    pub fn minds_replies(&self) -> bool {
        self.warm_since.is_some() || self.quiet.is_some()
    }

    /// Whether it holds messages back today, or may: some of them, by who they go to.
    pub fn may_hold(&self, now: Millis) -> bool {
        self.quiet.is_some() || self.allowance(now).is_some()
    }

    /// When the message after one that leaves at `sent_at` may leave. `random` picks the jitter.
    pub fn next_slot(&self, sent_at: Millis, random: u64) -> Millis {
        let jitter = random.checked_rem(self.jitter_ms.unsigned_abs() + 1).unwrap_or(0);
        sent_at + self.gap_ms + i64::try_from(jitter).unwrap_or(0)
    }

    /// How long somebody seems to type a text of so many characters; `None` of a file. `random` makes it up to a quarter
    /// longer or shorter.
    pub fn typing_ms(&self, chars: Option<usize>, random: u64) -> Millis {
        let Some(chars) = chars.filter(|_| self.typing) else { return 0 };
        let chars = i64::try_from(chars.min(limits::TEXT_CHARS_MAX)).unwrap_or(0);
        let exact = chars * 1_000 / TYPED_CHARS_PER_SECOND;
        let percent = 75 + i64::try_from(random % 51).unwrap_or(0);
        (exact * percent / 100).clamp(limits::TYPING_MS_MIN, limits::TYPING_MS_MAX)
    }

    /// The day that `now` falls on where the device is, counted from 1970-01-01.
    pub fn day(&self, now: Millis) -> i64 {
        days_since_1970(self.date(now))
    }

    /// The day on which first attempts at messages are counted, when they are.
    pub fn counted_on(&self, now: Millis) -> Option<i64> {
        self.allowance(now).map(|_| self.day(now))
    }

    /// How many messages may be begun today; `None` for any number.
    pub fn allowance(&self, now: Millis) -> Option<i64> {
        let days = self.day(now) - self.day(self.warm_since?);
        WARM_UP.get(usize::try_from(days).unwrap_or(0)).copied()
    }

    /// Until when, and why, a message to this chat waits that was not tried before, after `used` of today's allowance.
    pub fn first_waits(&self, now: Millis, used: i64, chat: Chat) -> Option<Wait> {
        let is_used_up = self.allowance(now).is_some_and(|allowance| used >= allowance);
        let warm_up =
            (is_used_up && !chat.is_answered(now)).then(|| Wait { until: self.next_midnight(now), why: Why::WarmUp });
        later(self.waits(now, chat), warm_up)
    }

    /// When a new account may begin the message to this chat that so many others are to be begun before, where they use up what
    /// is left of today's allowance. Of quiet hours that last into tomorrow nothing of it is left.
    pub fn turn(&self, now: Millis, used: i64, chat: Chat, ahead: i64) -> Option<Millis> {
        let allowance = self.allowance(now).filter(|_| !chat.is_answered(now))?;
        let is_over = self.quiet_until(now).is_some_and(|until| self.day(until) > self.day(now));
        let left = if is_over { 0 } else { (allowance - used).max(0) };
        (ahead >= left).then(|| self.warm_up_until(now, ahead - left))
    }

    /// When a new account may begin the message that so many others are to be begun before, once today's allowance is used up.
    fn warm_up_until(&self, now: Millis, ahead: i64) -> Millis {
        let (mut midnight, mut left) = (self.next_midnight(now), ahead.max(0));
        while let Some(allowance) = self.allowance(midnight).filter(|allowance| left >= *allowance) {
            left -= allowance;
            midnight = self.next_midnight(midnight);
        }
        self.quiet_until(midnight).unwrap_or(midnight)
    }

    /// How many messages may leave from `now` until `until`, after `used` of today's allowance; `None` for any number.
    pub fn room(&self, now: Millis, until: Millis, used: i64) -> Option<i64> {
        let gap_ms = self.gap_ms + self.jitter_ms / 2;
        let (mut at, mut used, mut room, mut spare_ms) = (now, used, 0, 0);
        while at < until {
            let end = self.next_midnight(at).min(until);
            let awake_ms = self.awake_ms(at, end) + spare_ms;
            spare_ms = awake_ms.checked_rem(gap_ms).unwrap_or(0);
            let by_gap = awake_ms.checked_div(gap_ms);
            let by_warm_up = self.allowance(at).map(|allowance| (allowance - used).max(0));
            room += by_gap.into_iter().chain(by_warm_up).min()?;
            (at, used) = (end, 0);
        }
        Some(room)
    }

    /// How much of the time between two moments is outside of the quiet hours.
    fn awake_ms(&self, from: Millis, to: Millis) -> Millis {
        let (mut at, mut awake) = (from, 0);
        while at < to {
            if let Some(end) = self.quiet_until(at) {
                at = end.max(at + 1);
                continue;
            }
            let today = self.date(at);
            let begins = [Ok(today), today.tomorrow()].into_iter().flatten().zip(self.quiet.into_iter().cycle());
            let begins = begins.map(|(day, (from, _))| self.first(day.to_datetime(from)));
            let end = begins.filter(|begin| *begin > at).min().unwrap_or(to).min(to);
            awake += end - at;
            at = end;
        }
        awake
    }

    /// Until when, and why, any message to this chat waits.
    pub fn waits(&self, now: Millis, chat: Chat) -> Option<Wait> {
        let is_awake = chat.wrote_at.is_some_and(|at| now - at < AWAKE_MS);
        self.quiet_until(now).filter(|_| !is_awake).map(|until| Wait { until, why: Why::Quiet })
    }

    /// When the quiet hours end that `now` is in.
    fn quiet_until(&self, now: Millis) -> Option<Millis> {
        let (from, to) = self.quiet?;
        let today = self.date(now);
        [today.yesterday(), Ok(today)].into_iter().flatten().find_map(|begin| {
            let end = if from < to { begin } else { begin.tomorrow().ok()? };
            // An hour that comes twice belongs to the quiet ones as a whole.
            let (begin, end) = (self.first(begin.to_datetime(from)), self.last(end.to_datetime(to)));
            (begin <= now && now < end).then_some(end)
        })
    }

    /// When the day ends that `now` falls on where the device is.
    pub fn next_midnight(&self, now: Millis) -> Millis {
        match self.date(now).tomorrow() {
            Ok(tomorrow) => self.first(tomorrow.to_datetime(Time::midnight())),
            Err(_) => now + DAY_MS,
        }
    }

    fn date(&self, at: Millis) -> Date {
        self.zone.to_datetime(timestamp(at)).date()
    }

    /// The first moment at which a clock on the wall shows `time` or more.
    fn first(&self, time: DateTime) -> Millis {
        self.moment(time, Timestamp::min)
    }

    /// The last moment at which it comes to show `time`.
    fn last(&self, time: DateTime) -> Millis {
        self.moment(time, Timestamp::max)
    }

    fn moment(&self, time: DateTime, pick: fn(Timestamp, Timestamp) -> Timestamp) -> Millis {
        let ambiguous = self.zone.to_ambiguous_timestamp(time);
        let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let (Ok(one), Ok(other)) = (ambiguous.earlier(), ambiguous.later()) else { return Millis::MAX };
        if skipped {
            // The clock jumps over this time: it is when it jumps.
            let jump = self.zone.following(one.min(other)).next();
            return jump.map_or(one, |jump| jump.timestamp()).as_millisecond();
        }
        pick(one, other).as_millisecond()
    }
}

fn later(one: Option<Wait>, other: Option<Wait>) -> Option<Wait> {
    one.into_iter().chain(other).max_by_key(|wait| wait.until)
}

fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn days_since_1970(day: Date) -> i64 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days().into())
}

/// A time in which a device writes to no strangers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rest {
    pub since: Millis,
    pub until: Millis,
}

impl Rest {
    pub fn of(device: &Device) -> Self {
        Self { since: device.strangers_since, until: device.strangers_after }
    }

    /// Until when a first message to a stranger waits.
    pub fn waits(self, now: Millis) -> Option<Wait> {
        (now < self.until).then_some(Wait { until: self.until, why: Why::Strangers })
    }

    /// The rest after WhatsApp refused a first message at `now`: an hour at first, twice as long each time that it happens
    /// again within a day of the end of the last, up to a day. A refusal during a rest is of a message that was under
    /// way, and changes nothing.
    pub fn refused(self, now: Millis) -> Self {
        if now < self.until {
            return self;
        }
        let is_again = self.until > 0 && now - self.until < DAY_MS;
        let length = if is_again { (self.until - self.since).saturating_mul(2) } else { STRANGERS_REST_MS_MIN };
        Self { since: now, until: now + length.clamp(STRANGERS_REST_MS_MIN, STRANGERS_REST_MS_MAX) }
    }
}

/// A time in which a device sends more slowly than it would: WhatsApp said that it was too much at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slow {
    pub since: Millis,
    pub until: Millis,
    /// The least time between two messages meanwhile.
    pub gap_ms: Millis,
}

impl Slow {
    pub fn of(device: &Device) -> Self {
        Self { since: device.slow_since, until: device.slow_until, gap_ms: device.slow_gap_ms }
    }

    /// When the message leaves at the earliest that so many are ahead of, if the next one may leave at `next_slot_at` and `own_gap_ms`
    /// is the gap that the device has by itself.
    pub fn slot_after(self, next_slot_at: Millis, ahead: i64, own_gap_ms: Millis) -> Millis {
        let gap_ms = self.gap_ms.max(own_gap_ms).max(1);
        // Each message that leaves before it is over is followed by the longer gap.
        let slowly = ((self.until - next_slot_at).max(0) + gap_ms - 1) / gap_ms;
        let slowly = slowly.min(ahead);
        let then = own_gap_ms.saturating_mul(ahead - slowly);
        next_slot_at.saturating_add(gap_ms.saturating_mul(slowly)).saturating_add(then)
    }

    /// When the next message may leave, where it matters, after something happened at `at`. `random` makes it up to half as
    /// much later.
    pub fn next_slot(self, at: Millis, random: u64) -> Option<Millis> {
        let jitter = random % (self.gap_ms.unsigned_abs() / 2 + 1);
        (at < self.until).then(|| at + self.gap_ms + i64::try_from(jitter).unwrap_or(0))
    }

    /// The pace after WhatsApp said so at `now`, and that it wants `wait_ms` for itself: at first twice the gap that the device
    /// has, at the least two seconds; twice as slow each time that it says so again while the device is slow or soon after.
    /// What it says before another message could leave is of those that were under way, and changes nothing.
    pub fn told(self, now: Millis, own_gap_ms: Millis, wait_ms: Millis) -> Self {
        if now < self.since + self.gap_ms {
            return self;
        }
        let is_again = self.until > 0 && now < self.until + limits::SLOW_MS;
        let gap_ms = if is_again { self.gap_ms } else { own_gap_ms }.saturating_mul(2).max(wait_ms);
        let gap_ms = gap_ms.clamp(limits::SLOW_GAP_MS_MIN, limits::SLOW_GAP_MS_MAX);
        Self { since: now, until: now + limits::SLOW_MS, gap_ms }
    }
}

#[cfg(test)]
mod tests;
