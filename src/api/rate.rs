//! How often a key may ask: a token bucket a key, as large as its rate a second.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;

/// The rate of every key.
pub struct Rate {
    limiter: Option<(DefaultKeyedRateLimiter<i64>, NonZeroU32)>,
    clock: DefaultClock,
}

impl Rate {
    /// `requests_a_second` for each key; `None` for as many as they like.
    pub fn new(requests_a_second: Option<NonZeroU32>) -> Self {
        let limiter = requests_a_second.map(|rate| (RateLimiter::keyed(Quota::per_second(rate)), rate));
        Self { limiter, clock: DefaultClock::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Problem::RateLimited`] when it is one too many, with the time after which the next may come.
    pub fn check(&self, key_id: i64) -> Result<(), Problem> {
        let Some((limiter, rate)) = &self.limiter else { return Ok(()) };
        limiter.check_key(&key_id).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::RateLimited { limit: rate.get(), retry_after_seconds: wait.as_secs() + 1 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_does_not_use_up_another_keys_rate() {
        let rate = Rate::new(NonZeroU32::new(2));
        assert!(rate.check(1).is_ok() && rate.check(1).is_ok());
        assert!(matches!(rate.check(1), Err(Problem::RateLimited { limit: 2, retry_after_seconds: 1 })));
        assert!(rate.check(2).is_ok());
    }
}
