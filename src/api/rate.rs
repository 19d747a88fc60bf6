//! How often a key may ask, and how often all keys of a client and its people in the console together: a token bucket each, as large
//! as its rate a second.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::{Problem, Rated};
use crate::limits;

/// The rates of every key and of every client.
pub struct Rate {
    keys: Option<Limiter>,
    clients: Option<Limiter>,
    clock: DefaultClock,
}

struct Limiter {
    buckets: DefaultKeyedRateLimiter<i64>,
    rate: NonZeroU32,
}

impl Rate {
    /// `requests_a_second` for each key, and [`limits::CLIENT_RATE_KEYS`] times as many for each client; `None` for as many as they
    /// like.
    pub fn new(requests_a_second: Option<NonZeroU32>) -> Self {
        let limiter = |rate: NonZeroU32| Limiter { buckets: RateLimiter::keyed(Quota::per_second(rate)), rate };
        let clients = requests_a_second.map(|rate| limiter(rate.saturating_mul(limits::CLIENT_RATE_KEYS)));
        Self { keys: requests_a_second.map(limiter), clients, clock: DefaultClock::default() }
    }

    /// Counts a request of a key.
    ///
    /// # Errors
    /// [`Problem::RateLimited`] when it is one too many, with the time after which the next may come.
    pub fn check_key(&self, key_id: i64) -> Result<(), Problem> {
        self.check(self.keys.as_ref(), key_id, Rated::Key)
    }

    /// Counts a request of a client, by any key or in the console.
    ///
    /// # Errors
    /// As [`Rate::check_key`].
    pub fn check_client(&self, client_id: i64) -> Result<(), Problem> {
        self.check(self.clients.as_ref(), client_id, Rated::Client)
    }

    fn check(&self, limiter: Option<&Limiter>, id: i64, of: Rated) -> Result<(), Problem> {
        let Some(Limiter { buckets, rate }) = limiter else { return Ok(()) };
        buckets.check_key(&id).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::RateLimited { of, limit: rate.get(), retry_after_seconds: wait.as_secs() + 1 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_does_not_use_up_another_keys_rate() {
        let rate = Rate::new(NonZeroU32::new(2));
        assert!(rate.check_key(1).is_ok() && rate.check_key(1).is_ok());
        assert!(matches!(
            rate.check_key(1),
            Err(Problem::RateLimited { of: Rated::Key, limit: 2, retry_after_seconds: 1 })
        ));
        assert!(rate.check_key(2).is_ok());
    }

    #[test]
    fn one_client_does_not_use_up_another_clients_rate_however_many_keys_it_has() {
        let rate = Rate::new(NonZeroU32::new(2));
        let most = 2 * limits::CLIENT_RATE_KEYS.get();
        assert!((0..most).all(|_| rate.check_client(1).is_ok()));
        let limited = rate.check_client(1);
        assert!(matches!(limited, Err(Problem::RateLimited { of: Rated::Client, limit, .. }) if limit == most));
        assert!(rate.check_client(2).is_ok());
        assert!(Rate::new(None).check_client(1).is_ok());
    }
}
