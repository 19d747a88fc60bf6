//! The servers that customers' media comes from, as this node knows them: how many downloads run from each, and which rest
//! because they failed. Shared by all devices of the node, so that one dead server cannot take every slot. Pure: it is told
//! the time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Millis;
use crate::limits;
use crate::message::RefNo;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Hosts(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    hosts: HashMap<String, Host>,
    running: usize,
}

#[derive(Default)]
struct Host {
    running: usize,
    /// Failures one after another, of different messages.
    failures: u32,
    last_failed: Option<RefNo>,
    rest: Rest,
}

/// A time in which nothing is asked of a server, and why: in words that are true of each of its addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rest {
    pub until: Millis,
    pub reason: String,
}

/// How a download from a server ended, as far as the server is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Failed {
        /// How long the server wants to be left alone, where it says so.
        wait_ms: Option<Millis>,
    },
}

/// Why messages wait for a server that asked for it with `Retry-After`, and for one that failed.
const ASKED_TO_WAIT: &str = "the server of media_url asked to wait";
const RESTS: &str = "the server of media_url is left alone for a moment because it failed";

/// The right to one download; it ends with its owner.
pub struct Permit {
    hosts: Hosts,
    host: String,
}

impl Hosts {
    /// The right to begin a download, unless the server rests or enough are running.
    pub fn begin(&self, host: &str, now: Millis) -> Option<Permit> {
        let mut known = self.known();
        if known.running >= limits::NODE_FETCHES_MAX {
            return None;
        }
        if known.hosts.len() >= limits::HOSTS_REMEMBERED_MAX && !known.hosts.contains_key(host) {
            known.hosts.retain(|_, host| host.running > 0);
        }
        let entry = known.hosts.entry(host.to_owned()).or_default();
        let most = if entry.failures >= FAILURES_TO_REST { 1 } else { limits::HOST_FETCHES_MAX };
        if entry.running >= most || now < entry.rest.until {
            return None;
        }
        entry.running += 1;
        known.running += 1;
        Some(Permit { hosts: self.clone(), host: host.to_owned() })
    }

    /// Whether a server rests now.
    pub fn rest(&self, host: &str, now: Millis) -> Option<Rest> {
        let known = self.known();
        known.hosts.get(host).map(|host| &host.rest).filter(|rest| now < rest.until).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One failure may be of one file only; a second one in a row is the server's.
const FAILURES_TO_REST: u32 = 2;

impl Permit {
    /// Notes how the download of a message's file ended.
    pub fn end(self, ref_no: &RefNo, outcome: &Outcome, now: Millis) {
        let mut known = self.hosts.known();
        let Some(host) = known.hosts.get_mut(&self.host) else { return };
        let Outcome::Failed { wait_ms } = outcome else {
            (host.failures, host.last_failed, host.rest) = (0, None, Rest::default());
            return;
        };
        // The same file again says nothing new about the server.
        if host.last_failed.replace(ref_no.clone()).as_ref() != Some(ref_no) {
            host.failures = host.failures.saturating_add(1);
        }
        let doublings = host.failures.saturating_sub(FAILURES_TO_REST).min(16);
        let rest_ms = (limits::HOST_REST_MS_MIN << doublings).min(limits::HOST_REST_MS_MAX);
        let rest_ms = if host.failures < FAILURES_TO_REST { 0 } else { rest_ms };
        // The address that was asked waits for as long as it says; its other addresses need not.
        let wanted = wait_ms.unwrap_or(0).clamp(0, limits::HOST_REST_MS_MAX);
        let until = now + rest_ms.max(wanted);
        if until > now && until > host.rest.until {
            let reason = if wanted >= rest_ms { ASKED_TO_WAIT } else { RESTS };
            host.rest = Rest { until, reason: reason.to_owned() };
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut known = self.hosts.known();
        known.running = known.running.saturating_sub(1);
        if let Some(host) = known.hosts.get_mut(&self.host) {
            host.running = host.running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ref_no(number: u8) -> RefNo {
        RefNo::parse(&format!("{number:018X}")).unwrap()
    }

    fn failed(wait_ms: Option<Millis>) -> Outcome {
        Outcome::Failed { wait_ms }
    }

    #[test]
    fn a_server_has_few_downloads_at_once_and_does_not_hold_up_another() {
        let hosts = Hosts::default();
        let all: Vec<_> = (0..limits::HOST_FETCHES_MAX).filter_map(|_| hosts.begin("a", 0)).collect();
        assert_eq!(all.len(), limits::HOST_FETCHES_MAX);
        assert!(hosts.begin("a", 0).is_none() && hosts.begin("b", 0).is_some());
        drop(all);
        assert!(hosts.begin("a", 0).is_some());
    }

    #[test]
    fn a_server_that_fails_rests_for_longer_and_longer_until_it_answers() {
        let hosts = Hosts::default();
        let mut now = 0;
        let fail = |number, now| hosts.begin("a", now).unwrap().end(&ref_no(number), &failed(None), now);
        fail(1, now);
        // One file that fails again and again is one fault.
        fail(1, now);
        assert_eq!(hosts.rest("a", now), None);
        let mut lengths = Vec::new();
        for number in 2..20 {
            fail(number, now);
            let rest = hosts.rest("a", now).unwrap();
            assert!(hosts.begin("a", rest.until - 1).is_none());
            lengths.push(rest.until - now);
            now = rest.until;
        }
        assert!(lengths.is_sorted() && lengths[0] == limits::HOST_REST_MS_MIN);
        assert_eq!(lengths.last(), Some(&limits::HOST_REST_MS_MAX));
        // One at a time finds out whether it is back.
        let probe = hosts.begin("a", now).unwrap();
        assert!(hosts.begin("a", now).is_none());
        probe.end(&ref_no(20), &Outcome::Answered, now);
        assert!(hosts.begin("a", now).is_some() && hosts.begin("a", now).is_some());
    }

    #[test]
    fn a_server_that_says_for_how_long_is_left_alone_for_so_long_but_no_more_than_a_minute() {
        let hosts = Hosts::default();
        hosts.begin("a", 0).unwrap().end(&ref_no(1), &failed(Some(9_000)), 0);
        assert_eq!(hosts.rest("a", 8_999), Some(Rest { until: 9_000, reason: ASKED_TO_WAIT.into() }));
        assert_eq!(hosts.rest("a", 9_000), None);
        // A failure says nothing of how long, and does not shorten it.
        let both = [hosts.begin("b", 0).unwrap(), hosts.begin("b", 0).unwrap()];
        let wanted = [Some(1_800_000), None];
        for ((number, permit), wait_ms) in (1..).zip(both).zip(wanted) {
            permit.end(&ref_no(number), &failed(wait_ms), 0);
        }
        let rest = Rest { until: limits::HOST_REST_MS_MAX, reason: ASKED_TO_WAIT.into() };
        assert_eq!(hosts.rest("b", 0), Some(rest));
        for number in 1..=2 {
            hosts.begin("c", 0).unwrap().end(&ref_no(number), &failed(None), 0);
        }
        assert_eq!(hosts.rest("c", 0).map(|rest| rest.reason), Some(RESTS.to_owned()));
    }
}
