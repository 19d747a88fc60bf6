//! The only door to time, randomness and ids.
//!
//! Everything that asks what time it is, waits, or needs a random number takes a [`Clock`]. Tests hold one still and
//! move it by hand, so that no test sleeps and none depends on the machine's speed.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Milliseconds since 1970-01-01T00:00:00Z, as the store keeps them.
pub type Millis = i64;

/// Milliseconds of 2020-01-01T00:00:00Z, the origin of [`Clock::ref_bits`].
const REF_EPOCH_MS: Millis = 1_577_836_800_000;
/// The bits of a reference number that count within a millisecond.
const REF_COUNTER_BITS: u32 = 24;

/// Time, waiting and randomness. Cheap to clone; all clones share one time.
#[derive(Clone, Debug)]
pub struct Clock {
    time: Time,
    /// The last reference number given out, so that the next one is larger.
    last_ref: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Time {
    System,
    /// Stands still until [`Clock::advance`] moves it.
    Held(watch::Sender<Millis>),
}

impl Clock {
    /// The machine's own time.
    pub fn system() -> Self {
        Self { time: Time::System, last_ref: Arc::default() }
    }

    /// A clock that stands at `now` until it is moved by [`Clock::advance`].
    pub fn held(now: Millis) -> Self {
        Self { time: Time::Held(watch::Sender::new(now)), last_ref: Arc::default() }
    }

    /// The time now.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn now(&self) -> Millis {
        match &self.time {
            Time::System => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)),
            Time::Held(now) => *now.borrow(),
        }
    }

    /// Moves a held clock forward and wakes who waits for it.
    ///
    /// # Panics
    /// On a system clock: only tests hold time.
    pub fn advance(&self, by: Duration) {
        let Time::Held(now) = &self.time else { panic!("only a held clock can be moved") };
        now.send_modify(|at| *at += millis(by));
    }

    /// Waits for `duration` of this clock's time.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.sleep_until(self.now().saturating_add(millis(duration)))
    }

    /// Waits until this clock shows `at`.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn sleep_until(&self, at: Millis) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        async move {
            match &clock.time {
                Time::System => {
                    // A wall clock may be set back while we wait: look again until it is so.
                    loop {
                        let left = at.saturating_sub(clock.now());
                        if left <= 0 {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(left.unsigned_abs().min(60_000))).await;
                    }
                }
                Time::Held(now) => {
                    let mut now = now.subscribe();
                    // The sender lives in `clock`, which this future holds: waiting cannot fail.
                    let _ = now.wait_for(|now| *now >= at).await;
                }
            }
        }
    }

    /// Gives `future` at most `limit` of real time, whatever this clock shows: a guard against a peer that never
    /// answers, not a part of the product's timing.
    ///
    /// # Errors
    /// [`TimedOut`] when the limit passed first.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub async fn within<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, TimedOut> {
        tokio::time::timeout(limit, future).await.map_err(|_| TimedOut)
    }

    /// Random bytes from the operating system, fit for secrets.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can go on without.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// A random whole number from 0 to `bound - 1` (0 when `bound` is 0). For jitter, not for secrets.
    pub fn random_below(&self, bound: u64) -> u64 {
        u64::from_le_bytes(self.random()).checked_rem(bound).unwrap_or(0)
    }

    /// A new id that sorts by time (UUID version 7), as 32 lower-case hexadecimal digits.
    pub fn new_id(&self) -> String {
        let seconds = self.now().unsigned_abs();
        let stamp = uuid::Timestamp::from_unix_time(seconds / 1000, nanos(seconds % 1000), 0, 0);
        uuid::Uuid::new_v7(stamp).simple().to_string()
    }

    /// The 72 bits of a new reference number: 40 bits of milliseconds since 2020, 24 bits that start at random in each
    /// millisecond and are counted up within it, 8 random bits. Larger than all that this clock gave before.
    pub fn ref_bits(&self) -> u128 {
        let since = self.now().saturating_sub(REF_EPOCH_MS).max(0).unsigned_abs();
        let [low, b1, b2, b3] = self.random::<4>();
        let start = u64::from(u32::from_le_bytes([b1, b2, b3, 0]) >> 1);
        let fresh = (since << REF_COUNTER_BITS) | start;
        let last = self.last_ref.fetch_max(fresh, Ordering::Relaxed);
        let given = if last < fresh { fresh } else { self.last_ref.fetch_add(1, Ordering::Relaxed) + 1 };
        (u128::from(given) << 8) | u128::from(low)
    }
}

/// A peer did not answer in the time it was given.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("timed out")]
pub struct TimedOut;

/// A duration in whole milliseconds.
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// `at` as RFC 3339 in UTC with a `Z`, cut to whole seconds as the API's documentation shows its dates.
pub fn rfc3339(at: Millis) -> String {
    jiff::Timestamp::from_second(at.div_euclid(1000))
        .map_or_else(|_| String::from("1970-01-01T00:00:00Z"), |at| at.to_string())
}

/// The UTC day that `at` falls on, counted from 1970-01-01. Daily limits count by it.
pub fn day(at: Millis) -> i64 {
    at.div_euclid(86_400_000)
}

/// Milliseconds from `at` to the next UTC midnight, when daily counters start anew.
pub fn until_next_day(at: Millis) -> Duration {
    Duration::from_millis((86_400_000 - at.rem_euclid(86_400_000)).unsigned_abs())
}

fn nanos(millis: u64) -> u32 {
    u32::try_from(millis).unwrap_or(999) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_clock_wakes_who_waits_only_when_it_is_moved() {
        let clock = Clock::held(1_000);
        let waits = clock.sleep(Duration::from_secs(5));
        tokio::pin!(waits);
        assert!(futures_util::poll!(&mut waits).is_pending());
        clock.advance(Duration::from_millis(4_999));
        assert!(futures_util::poll!(&mut waits).is_pending());
        clock.advance(Duration::from_millis(1));
        waits.await;
        assert_eq!(clock.now(), 6_000);
    }

    #[test]
    fn reference_numbers_only_grow() {
        let clock = Clock::system();
        let mut last = 0;
        for _ in 0..10_000 {
            let next = clock.ref_bits();
            assert!(next > last);
            assert!(next < 1 << 72);
            last = next;
        }
    }

    #[test]
    fn dates_are_whole_seconds_in_utc() {
        assert_eq!(rfc3339(1_566_656_122_999), "2019-08-24T14:15:22Z");
    }
}
