//! When an attempt that failed is made again, or a download: exponential backoff, half of it random. Pure.

use crate::clock::Millis;
use crate::limits::{
    FETCH_DELAY_MS_MAX, FETCH_DELAY_MS_MIN, FETCH_LAST_MS, RETRY_AFTER_MS_MAX, RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN,
};

/// The delay after the attempt numbered `attempt` (from 1) failed.
pub fn delay_ms(attempt: i64, random: u64) -> u64 {
    let doublings = u32::try_from(attempt.clamp(1, 32) - 1).unwrap_or(0);
    let full = RETRY_DELAY_MS_MIN.saturating_mul(1 << doublings).min(RETRY_DELAY_MS_MAX);
    full / 2 + random % (full / 2 + 1)
}

/// When to try again after `attempt` failed at `now`.
pub fn next_try(attempt: i64, now: Millis, random: u64) -> Millis {
    now.saturating_add(Millis::try_from(delay_ms(attempt, random)).unwrap_or(Millis::MAX))
}

/// When to download a message's file again after the failure numbered `attempt` (from 1) at `now`: spread over the time that it
/// has, the last time shortly before it expires. A server that asked for `wait_ms` is not asked before.
pub fn next_fetch(attempt: i64, now: Millis, expires_at: Millis, wait_ms: Option<Millis>, random: u64) -> Millis {
    let doublings = u32::try_from(attempt.clamp(1, 32) - 1).unwrap_or(0);
    let full = FETCH_DELAY_MS_MIN.saturating_mul(1 << doublings).min(FETCH_DELAY_MS_MAX);
    let jitter = Millis::try_from(random % (full.unsigned_abs() / 2 + 1)).unwrap_or(0);
    let due_at = now + full / 2 + jitter;
    let last = expires_at - FETCH_LAST_MS;
    let due_at = if now < last { due_at.min(last) } else { due_at };
    due_at.max(now + wait_ms.unwrap_or(0).clamp(0, RETRY_AFTER_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_are_spread_over_the_time_that_a_message_has() {
        for (hours, fewest) in [(1, 8), (24, 90)] {
            let expires_at = hours * 3_600_000;
            let (mut now, mut attempts) = (0, 0);
            while now < expires_at {
                attempts += 1;
                let next = next_fetch(attempts, now, expires_at, None, u64::MAX / 3);
                assert!(next > now && next - now <= FETCH_DELAY_MS_MAX, "{attempts}: {now} {next}");
                if now < expires_at - FETCH_LAST_MS && next >= expires_at - FETCH_LAST_MS {
                    assert_eq!(next, expires_at - FETCH_LAST_MS);
                }
                now = next;
            }
            assert!(attempts > fewest, "{attempts} in {hours} h");
        }
        assert_eq!(next_fetch(1, 0, 86_400_000, Some(120_000), 0), 120_000);
        assert_eq!(next_fetch(1, 0, 60_000, Some(Millis::MAX), 0), RETRY_AFTER_MS_MAX);
    }

    #[test]
    fn delays_double_up_to_their_bound_and_never_fall_below_half() {
        for attempt in 1..100 {
            let full = (RETRY_DELAY_MS_MIN << (attempt - 1).min(20)).min(RETRY_DELAY_MS_MAX);
            for random in [0, 1, 999, u64::MAX] {
                let delay = delay_ms(attempt, random);
                assert!((full / 2..=full).contains(&delay), "{attempt} {delay}");
            }
        }
        assert!(delay_ms(0, 0) > 0 && delay_ms(-5, 7) > 0);
    }
}
