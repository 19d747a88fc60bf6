//! When a push that failed is tried again (contract, section 5). Pure.

use std::time::Duration;

use crate::clock::{Millis, millis};
use crate::limits;

const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600 * SECOND;
const DELAYS: [Millis; 7] = [5 * SECOND, 30 * SECOND, 120 * SECOND, 600 * SECOND, HOUR, 3 * HOUR, 6 * HOUR];
const DELAY_AFTER: Millis = 12 * HOUR;
/// A receiver may ask for more time than the schedule gives, but not for longer than this.
const RETRY_AFTER_MAX: Millis = 12 * HOUR;

/// When to try again after the try numbered `attempt` (from 1) failed at `now`; `None` when 72 hours are over.
/// `random` adds up to a tenth.
pub fn next_try(
    attempt: i64,
    first_at: Millis,
    now: Millis,
    retry_after: Option<Duration>,
    random: u64,
) -> Option<Millis> {
    let last_at = first_at + limits::PUSH_HOURS_MAX * HOUR;
    if now >= last_at {
        return None;
    }
    let at = usize::try_from(attempt - 1).unwrap_or(0);
    let delay = DELAYS.get(at).copied().unwrap_or(DELAY_AFTER);
    let jitter = Millis::try_from(random % (delay.unsigned_abs() / 10 + 1)).unwrap_or(0);
    let asked = retry_after.map_or(0, |asked| millis(asked).min(RETRY_AFTER_MAX));
    // The last try is made when the 72 hours end, not left out because its turn would come later.
    Some((now + (delay + jitter).max(asked)).min(last_at))
}

/// How long a `Retry-After` header asks to wait: seconds, or until a date (RFC 9110, section 10.2.3).
pub fn retry_after(header: &str, now: Millis) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp().as_millisecond();
    Some(Duration::from_millis(date.saturating_sub(now).max(0).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 1_566_656_122_000;
        for (header, wanted) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sat, 24 Aug 2019 14:16:22 GMT", Some(60)),
            ("Sat, 24 Aug 2019 14:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(retry_after(header, now), wanted.map(Duration::from_secs), "{header}");
        }
    }

    #[test]
    fn tries_follow_the_schedule_until_72_hours_are_over() {
        let (mut now, mut waits) = (0, Vec::new());
        for attempt in 1.. {
            let Some(next) = next_try(attempt, 0, now, None, 0) else { break };
            waits.push((next - now) / SECOND);
            now = next;
        }
        assert_eq!(waits, [5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 43_200, 43_200, 43_200, 43_200, 6_445]);
        assert_eq!(now, 72 * HOUR);
    }

    #[test]
    fn jitter_adds_a_tenth_at_the_most() {
        for attempt in 1..20 {
            for random in [0, 1, 17, 999_999, u64::MAX] {
                let plain = next_try(attempt, 0, 0, None, 0).unwrap();
                let next = next_try(attempt, 0, 0, None, random).unwrap();
                assert!((plain..=plain + plain / 10).contains(&next));
            }
        }
    }

    #[test]
    fn retry_after_is_honoured_when_it_is_later_and_within_bounds() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(next_try(1, 0, 0, Some(hour), 0), Some(HOUR));
        assert_eq!(next_try(6, 0, 0, Some(hour), 0), Some(3 * HOUR));
        assert_eq!(next_try(1, 0, 0, Some(hour * 1_000), 0), Some(RETRY_AFTER_MAX));
    }
}
