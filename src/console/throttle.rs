//! How often somebody may try a password: a few times at once, then slowly, for each name from each address, and less slowly
//! for the name from everywhere, so that who guesses cannot lock the person out who knows. And how often an address may ask for what
//! needs no signing in, and how often a shared page may begin something.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use crate::account::KeyHash;
use crate::limits;

/// Names and addresses are strangers' words: their hashes are remembered.
type Who = KeyHash;

pub struct Throttle {
    here: DefaultKeyedRateLimiter<Who>,
    everywhere: DefaultKeyedRateLimiter<Who>,
    clock: DefaultClock,
    /// Checking a password takes 19 MiB and a good part of a second's tenth.
    checks: Semaphore,
}

/// How often each of those who need no signing in may ask.
pub struct Visitors<Key: Clone + Eq + Hash> {
    limiter: DefaultKeyedRateLimiter<Key>,
    clock: DefaultClock,
}

pub type Addresses = Visitors<Option<IpAddr>>;
/// By the hash of their tokens.
pub type SharedPages = Visitors<KeyHash>;

/// Whole seconds after which the next try may be made.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany(pub u64);

impl Default for Throttle {
    fn default() -> Self {
        Self {
            here: RateLimiter::keyed(quota(limits::SIGN_IN_SECONDS_EACH, limits::SIGN_IN_TRIES)),
            everywhere: RateLimiter::keyed(quota(limits::SIGN_IN_SECONDS_EACH / 10, limits::SIGN_IN_TRIES * 10)),
            clock: DefaultClock::default(),
            checks: Semaphore::new(limits::PASSWORD_CHECKS_MAX),
        }
    }
}

impl Default for Addresses {
    fn default() -> Self {
        let a_second = NonZeroU32::new(limits::PAIRING_REQUESTS_A_SECOND).unwrap_or(NonZeroU32::MIN);
        let at_once = NonZeroU32::new(limits::PAIRING_REQUESTS).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_second(a_second).allow_burst(at_once));
        Self { limiter, clock: DefaultClock::default() }
    }
}

impl Default for SharedPages {
    fn default() -> Self {
        let limiter = RateLimiter::keyed(quota(limits::LINK_SHARE_SECONDS_EACH, limits::LINK_SHARE_TRIES));
        Self { limiter, clock: DefaultClock::default() }
    }
}

impl<Key: Clone + Eq + Hash> Visitors<Key> {
    /// Counts a request.
    ///
    /// # Errors
    /// [`TooMany`] when it is one too many.
    pub fn count(&self, from: Key) -> Result<(), TooMany> {
        if self.limiter.len() > limits::SIGN_IN_NAMES_MAX {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let checked = self.limiter.check_key(&from);
        checked.map_err(|until| TooMany(until.wait_time_from(self.clock.now()).as_secs() + 1))
    }
}

fn quota(seconds_each: u64, at_once: u32) -> Quota {
    let at_once = NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(Duration::from_secs(seconds_each.max(1)))
        .unwrap_or(Quota::per_minute(at_once))
        .allow_burst(at_once)
}

impl Throttle {
    /// Counts a try.
    ///
    /// # Errors
    /// [`TooMany`] when it is one too many.
    pub fn count(&self, userid: &str, from: Option<IpAddr>) -> Result<(), TooMany> {
        if self.here.len() + self.everywhere.len() > limits::SIGN_IN_NAMES_MAX {
            self.here.retain_recent();
            self.everywhere.retain_recent();
            self.here.shrink_to_fit();
            self.everywhere.shrink_to_fit();
        }
        let userid = userid.to_lowercase();
        let here = KeyHash::of(&format!("{userid} {from:?}"));
        for (limiter, who) in [(&self.here, here), (&self.everywhere, KeyHash::of(&userid))] {
            limiter.check_key(&who).map_err(|until| TooMany(until.wait_time_from(self.clock.now()).as_secs() + 1))?;
        }
        Ok(())
    }

    /// Does slow work on a thread of its own, a few at a time.
    pub async fn slowly<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _turn = self.checks.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_waits_and_another_from_elsewhere_does_not() {
        let throttle = Throttle::default();
        let (here, there) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        for _ in 0..limits::SIGN_IN_TRIES {
            assert_eq!(throttle.count("ann", here), Ok(()));
        }
        let TooMany(seconds) = throttle.count("Ann", here).unwrap_err();
        assert!((1..=limits::SIGN_IN_SECONDS_EACH).contains(&seconds), "{seconds}");
        assert_eq!(throttle.count("ann", there), Ok(()));
        assert_eq!(throttle.count("ben", here), Ok(()));
    }

    #[test]
    fn an_address_that_asks_too_often_waits_and_another_does_not() {
        let addresses = Addresses::default();
        let (here, there) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        let asked = (0..10_000).find(|_| addresses.count(here).is_err()).expect("too often");
        assert!(asked >= limits::PAIRING_REQUESTS, "{asked}");
        assert_eq!(addresses.count(there), Ok(()));
    }

    #[test]
    fn a_shared_page_waits_and_neither_another_page_nor_whoever_signs_in_does() {
        let (pages, throttle) = (SharedPages::default(), Throttle::default());
        let here = Some(IpAddr::from([10, 0, 0, 1]));
        for _ in 0..limits::LINK_SHARE_TRIES {
            assert_eq!(pages.count(KeyHash::of("a")), Ok(()));
        }
        let TooMany(seconds) = pages.count(KeyHash::of("a")).unwrap_err();
        assert!((1..=limits::LINK_SHARE_SECONDS_EACH).contains(&seconds), "{seconds}");
        assert_eq!((pages.count(KeyHash::of("b")), throttle.count("a", here)), (Ok(()), Ok(())));
    }
}
