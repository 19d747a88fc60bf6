//! How often somebody may try to sign in, how often an address may ask for what needs no signing in, and how often a shared page
//! may begin something.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::header;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::tries::Tries;
use super::words::{Language, Viewer};
use crate::account::{KeyHash, fold_userid};
use crate::address::network;
use crate::clock::Millis;
use crate::limits;

/// Bounds failed sign-ins. A name may be tried a few times from one address and somewhat more often from all together, and an
/// address may try a number of names: so nobody guesses for long. A browser in which the person has signed in before is counted by
/// itself (OWASP's device cookie), so that a stranger who knows a name cannot keep its owner out.
pub struct Throttle {
    /// A name from one address.
    here: Tries,
    /// A name from everywhere.
    name: Tries,
    /// Any name from one address.
    address: Tries,
    /// A name in a browser that is known for it.
    browser: Tries,
}

/// Who tries.
pub struct Trying<'a> {
    pub userid: &'a str,
    pub from: Option<IpAddr>,
    /// What tells apart the browser in which the person has signed in before.
    pub known_browser: Option<&'a str>,
}

/// A try that was counted.
pub struct Counted<'a>(Vec<(&'a Tries, KeyHash)>);

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

impl TooMany {
    /// What somebody reads who has to wait.
    pub fn says(&self, viewer: &Viewer) -> String {
        let seconds = self.0;
        match viewer.language {
            Language::English if seconds == 1 => "Too many attempts. Try again in a second.".to_owned(),
            Language::English => format!("Too many attempts. Try again in {seconds} seconds."),
            Language::Indonesian => format!("Terlalu banyak percobaan. Coba lagi dalam {seconds} detik."),
        }
    }

    /// The same for a program.
    pub fn retry_after(&self, mut response: Response) -> Response {
        response.headers_mut().insert(header::RETRY_AFTER, self.0.into());
        response
    }
}

impl Default for Throttle {
    fn default() -> Self {
        let (tries, each) = (limits::SIGN_IN_TRIES, limits::SIGN_IN_SECONDS_EACH);
        Self {
            here: Tries::new(tries, each),
            name: Tries::new(tries * 10, each / 10),
            address: Tries::new(limits::SIGN_IN_ADDRESS_TRIES, limits::SIGN_IN_ADDRESS_SECONDS_EACH),
            browser: Tries::new(tries, each),
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
    /// Counts a try, which is given back by [`Counted::give_back`]. One that comes too soon is not made, and counts for nothing.
    ///
    /// # Errors
    /// [`TooMany`] when it is one too many.
    pub fn count(&self, who: &Trying<'_>, now: Millis) -> Result<Counted<'_>, TooMany> {
        let userid = fold_userid(who.userid);
        let bounds = match who.known_browser {
            Some(browser) => vec![(&self.browser, KeyHash::of(&format!("{userid} {browser}")))],
            None => {
                let network = who.from.map(network);
                vec![
                    (&self.address, KeyHash::of(&format!("{network:?}"))),
                    (&self.here, KeyHash::of(&format!("{userid} {network:?}"))),
                    (&self.name, KeyHash::of(&userid)),
                ]
            }
        };
        for (tries, who) in &bounds {
            tries.check(who, now)?;
        }
        for (tries, who) in &bounds {
            tries.count(who, now);
        }
        Ok(Counted(bounds))
    }
}

impl Counted<'_> {
    /// The password was right, or was not looked at: the try does not count.
    pub fn give_back(self) {
        for (tries, who) in self.0 {
            tries.give_back(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)));

    fn from(userid: &str, from: Option<IpAddr>) -> Trying<'_> {
        Trying { userid, from, known_browser: None }
    }

    fn fails(throttle: &Throttle, who: &Trying<'_>, count: u32) {
        for _ in 0..count {
            assert!(throttle.count(who, 0).is_ok());
        }
    }

    #[test]
    fn who_guesses_waits_and_another_from_elsewhere_does_not() {
        let throttle = Throttle::default();
        fails(&throttle, &from("ann", HERE), limits::SIGN_IN_TRIES);
        let TooMany(seconds) = throttle.count(&from("Ann", HERE), 0).err().expect("one too many");
        assert_eq!(seconds, limits::SIGN_IN_SECONDS_EACH);
        assert!(throttle.count(&from("ann", THERE), 0).is_ok());
        assert!(throttle.count(&from("ben", HERE), 0).is_ok());
        assert!(throttle.count(&from("ann", HERE), 30_000).is_ok());
    }

    #[test]
    fn a_try_that_succeeds_is_not_counted_however_often() {
        let throttle = Throttle::default();
        for _ in 0..1_000 {
            throttle
                .count(&from("ann", HERE), 0)
                .map_err(|TooMany(seconds)| seconds)
                .expect("no try has failed")
                .give_back();
        }
    }

    #[test]
    fn an_address_that_makes_up_names_waits_and_so_does_its_whole_network() {
        let throttle = Throttle::default();
        let addresses: [IpAddr; 2] = ["2001:db8:1:2::1".parse().unwrap(), "2001:db8:1:2:ffff::9".parse().unwrap()];
        for number in 0..limits::SIGN_IN_ADDRESS_TRIES {
            let from = Some(addresses[number as usize % 2]);
            assert!(
                throttle.count(&Trying { userid: &format!("made-up-{number}"), from, known_browser: None }, 0).is_ok()
            );
        }
        assert!(throttle.count(&from("ann", Some(addresses[0])), 0).is_err());
        assert!(throttle.count(&from("ann", "2001:db8:1:3::1".parse().ok()), 0).is_ok());
        // IPv4 within IPv6 is IPv4.
        let throttle = Throttle::default();
        fails(&throttle, &from("ann", HERE), limits::SIGN_IN_TRIES);
        assert!(throttle.count(&from("ann", "::ffff:10.0.0.1".parse().ok()), 0).is_err());
    }

    #[test]
    fn a_stranger_who_knows_a_name_does_not_keep_its_owner_out() {
        let throttle = Throttle::default();
        for number in 0..100_u8 {
            while throttle.count(&from("ann", Some(IpAddr::from([10, 0, 1, number]))), 0).is_ok() {}
        }
        assert!(throttle.count(&from("ann", THERE), 0).is_err());
        let known = Trying { userid: "ann", from: THERE, known_browser: Some("a browser") };
        assert!(throttle.count(&known, 0).is_ok());
        // Nor does a known browser guess for ever.
        fails(&throttle, &known, limits::SIGN_IN_TRIES - 1);
        assert!(throttle.count(&known, 0).is_err());
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
    fn a_shared_page_waits_and_another_does_not() {
        let pages = SharedPages::default();
        for _ in 0..limits::LINK_SHARE_TRIES {
            assert_eq!(pages.count(KeyHash::of("a")), Ok(()));
        }
        let TooMany(seconds) = pages.count(KeyHash::of("a")).unwrap_err();
        assert!((1..=limits::LINK_SHARE_SECONDS_EACH).contains(&seconds), "{seconds}");
        assert_eq!(pages.count(KeyHash::of("b")), Ok(()));
    }
}
