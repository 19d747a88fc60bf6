//! When an attempt that failed is made again: exponential backoff, half of it random. Pure.

use crate::clock::Millis;
use crate::limits::{RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN};

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

#[cfg(test)]
mod tests {
    use super::*;

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
