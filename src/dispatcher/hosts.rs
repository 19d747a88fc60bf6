//! The servers that customers' media comes from, as this node knows them: how many downloads run from each, which rest because
//! they failed, and which devices wait for a free slot. Shared by all devices of the node, so that one dead server cannot take
//! every slot, nor one device all slots of a server. Pure: it is told the time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bell::QueueBell;
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, RefNo};

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Hosts(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    hosts: HashMap<String, Host>,
    running: usize,
    /// Devices that wait because as many downloads run as a node has at once.
    line: Line,
    /// How many turns were given out.
    turns: u64,
}

#[derive(Default)]
struct Host {
    running: usize,
    /// Failures one after another, of different messages.
    failures: u32,
    last_failed: Option<RefNo>,
    /// When it last answered.
    answered_at: Option<Millis>,
    rest: Rest,
    /// Devices that wait because enough downloads run from it.
    line: Line,
}

impl Host {
    /// How many more downloads may begin.
    fn free(&self) -> usize {
        let most = if self.failures >= FAILURES_TO_REST { 1 } else { limits::HOST_FETCHES_MAX };
        most.saturating_sub(self.running)
    }
}

/// When a waiting device gets a free slot: a higher priority first, then who asked first.
type Turn = (Priority, u64);

/// Devices that wait for a free slot, each by the bell of its loop.
#[derive(Default)]
struct Line(BTreeMap<Turn, QueueBell>);

impl Line {
    /// Whether one of `free` slots is left for this turn by those before it.
    fn may(&self, turn: Turn, free: usize) -> bool {
        self.0.range(..turn).take(free).count() < free
    }

    /// Wakes those for whom a slot is free; `free` says how many are for a priority.
    fn wake(&self, free: impl Fn(Priority) -> usize) {
        let first = self.0.iter().enumerate().take_while(|(at, ((priority, _), _))| *at < free(*priority));
        first.for_each(|(_, (_, bell))| bell.wake());
    }
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

/// What becomes of a wish to download.
pub enum Asked {
    Begun(Permit),
    /// Enough downloads run from this server. The place in the line of those that wait for it is kept until the next time.
    Wait(Place),
    /// Enough downloads run on this node.
    Full(Place),
    /// The server rests.
    Rests,
}

/// The right to one download; it ends with its owner.
pub struct Permit {
    hosts: Hosts,
    host: String,
}

/// A device's place among those that wait for a slot; given up when it is dropped, so that it is in nobody's way.
pub struct Place {
    hosts: Hosts,
    host: String,
    turn: Turn,
}

impl Place {
    pub fn priority(&self) -> Priority {
        self.turn.0
    }
}

impl Hosts {
    /// The right to begin a download of this priority, unless the server rests, enough are running, or other devices that wait
    /// come first. `place` is where this device stood so far; `bell` is rung when it is its turn.
    pub fn ask(&self, host: &str, priority: Priority, place: Option<Place>, bell: &QueueBell, now: Millis) -> Asked {
        let place = place.unwrap_or_else(|| self.place(host, priority));
        // It is not dropped in here: that locks too.
        let mut known = self.known();
        known.leave(host, place.turn);
        let may_node = known.line.may(place.turn, known.free(priority));
        let entry = known.entry(host);
        if now < entry.rest.until {
            drop(known);
            return Asked::Rests;
        }
        let may_host = entry.line.may(place.turn, entry.free());
        if may_host && may_node {
            entry.running += 1;
            known.running += 1;
            drop(known);
            return Asked::Begun(Permit { hosts: self.clone(), host: host.to_owned() });
        }
        if !may_host {
            entry.line.0.insert(place.turn, bell.clone());
        }
        if may_node {
            return Asked::Wait(place);
        }
        known.line.0.insert(place.turn, bell.clone());
        Asked::Full(place)
    }

    /// A place behind all others of its priority.
    fn place(&self, host: &str, priority: Priority) -> Place {
        let mut known = self.known();
        known.turns += 1;
        Place { hosts: self.clone(), host: host.to_owned(), turn: (priority, known.turns) }
    }

    /// Whether downloads run from a server, and when it last answered.
    pub fn news(&self, host: &str) -> (bool, Option<Millis>) {
        let known = self.known();
        known.hosts.get(host).map_or((false, None), |host| (host.running > 0, host.answered_at))
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

impl Known {
    /// How many more downloads of a priority may begin.
    fn free(&self, priority: Priority) -> usize {
        let kept = limits::NODE_FETCHES_KEPT[priority.index()];
        limits::NODE_FETCHES_MAX.saturating_sub(kept).saturating_sub(self.running)
    }

    fn entry(&mut self, host: &str) -> &mut Host {
        if self.hosts.len() >= limits::HOSTS_REMEMBERED_MAX && !self.hosts.contains_key(host) {
            self.hosts.retain(|_, host| host.running > 0 || !host.line.0.is_empty());
        }
        self.hosts.entry(host.to_owned()).or_default()
    }

    /// Gives a turn up; whether it was waited for.
    fn leave(&mut self, host: &str, turn: Turn) -> bool {
        let of_host = self.hosts.get_mut(host).and_then(|host| host.line.0.remove(&turn));
        let of_node = self.line.0.remove(&turn);
        of_host.is_some() || of_node.is_some()
    }

    /// Tells those whose turn it may be.
    fn wake(&self, host: &str) {
        self.line.wake(|priority| self.free(priority));
        if let Some(host) = self.hosts.get(host) {
            host.line.wake(|_| host.free());
        }
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
            host.answered_at = Some(now);
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
        known.wake(&self.host);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut known = self.hosts.known();
        if known.leave(&self.host, self.turn) {
            known.wake(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn ref_no(number: u8) -> RefNo {
        RefNo::parse(&format!("{number:018X}")).unwrap()
    }

    /// What a device gets that waits for nothing.
    fn begin(hosts: &Hosts, host: &str, now: Millis) -> Option<Permit> {
        match hosts.ask(host, Priority::Normal, None, &QueueBell::default(), now) {
            Asked::Begun(permit) => Some(permit),
            _ => None,
        }
    }

    fn wait(hosts: &Hosts, priority: Priority, place: Option<Place>, bell: &QueueBell) -> Place {
        match hosts.ask("a", priority, place, bell, 0) {
            Asked::Wait(place) | Asked::Full(place) => place,
            _ => panic!("it begins"),
        }
    }

    fn is_rung(bell: &QueueBell) -> bool {
        bell.rung().now_or_never().is_some()
    }

    fn failed(wait_ms: Option<Millis>) -> Outcome {
        Outcome::Failed { wait_ms }
    }

    #[test]
    fn a_server_has_few_downloads_at_once_and_does_not_hold_up_another() {
        let hosts = Hosts::default();
        let all: Vec<_> = (0..limits::HOST_FETCHES_MAX).filter_map(|_| begin(&hosts, "a", 0)).collect();
        assert_eq!(all.len(), limits::HOST_FETCHES_MAX);
        assert!(begin(&hosts, "a", 0).is_none() && begin(&hosts, "b", 0).is_some());
        drop(all);
        assert!(begin(&hosts, "a", 0).is_some());
    }

    #[test]
    fn a_free_slot_is_the_first_waiting_devices_and_what_is_urgent_comes_first() {
        let hosts = Hosts::default();
        let [bulk, normal, urgent] = [QueueBell::default(), QueueBell::default(), QueueBell::default()];
        let mut all: Vec<_> = (0..limits::HOST_FETCHES_MAX).filter_map(|_| begin(&hosts, "a", 0)).collect();
        let first = wait(&hosts, Priority::Normal, None, &normal);
        let campaign = wait(&hosts, Priority::Bulk, None, &bulk);
        let code = wait(&hosts, Priority::High, None, &urgent);
        all.pop();
        // Who has the others may not take it, nor may those that wait behind.
        assert!(begin(&hosts, "a", 0).is_none() && is_rung(&urgent) && !is_rung(&normal));
        let first = wait(&hosts, Priority::Normal, Some(first), &normal);
        let Asked::Begun(permit) = hosts.ask("a", Priority::High, Some(code), &urgent, 0) else { panic!("it waits") };
        all.push(permit);
        all.pop();
        assert!(is_rung(&normal) && !is_rung(&bulk) && begin(&hosts, "a", 0).is_none());
        // One that wants it no more is in nobody's way.
        drop(first);
        assert!(is_rung(&bulk));
        assert!(matches!(hosts.ask("a", Priority::Bulk, Some(campaign), &bulk, 0), Asked::Begun(_)));
        assert!(begin(&hosts, "a", 0).is_some());
    }

    #[test]
    fn what_is_urgent_finds_a_slot_beside_any_campaign_and_a_full_node_is_shared_too() {
        let (hosts, bell) = (Hosts::default(), QueueBell::default());
        let mut running = Vec::new();
        let mut most = |priority| {
            for number in 0.. {
                match hosts.ask(&format!("{priority:?}{number}"), priority, None, &bell, 0) {
                    Asked::Begun(permit) => running.push(permit),
                    _ => break,
                }
            }
            running.len()
        };
        let most = [most(Priority::Bulk), most(Priority::Normal), most(Priority::High)];
        let kept = limits::NODE_FETCHES_KEPT.map(|kept| limits::NODE_FETCHES_MAX - kept);
        assert_eq!(most, [kept[2], kept[1], kept[0]]);
        assert!(kept.is_sorted_by(|one, other| one > other));
        let other = QueueBell::default();
        let place = wait(&hosts, Priority::High, None, &other);
        running.pop();
        assert!(is_rung(&other));
        assert!(!matches!(hosts.ask("b", Priority::High, None, &bell, 0), Asked::Begun(_)));
        assert!(matches!(hosts.ask("a", Priority::High, Some(place), &other, 0), Asked::Begun(_)));
    }

    #[test]
    fn a_server_that_fails_rests_for_longer_and_longer_until_it_answers() {
        let hosts = Hosts::default();
        let mut now = 0;
        let fail = |number, now| begin(&hosts, "a", now).unwrap().end(&ref_no(number), &failed(None), now);
        fail(1, now);
        // One file that fails again and again is one fault.
        fail(1, now);
        assert_eq!(hosts.rest("a", now), None);
        let mut lengths = Vec::new();
        for number in 2..20 {
            fail(number, now);
            let rest = hosts.rest("a", now).unwrap();
            assert!(begin(&hosts, "a", rest.until - 1).is_none());
            lengths.push(rest.until - now);
            now = rest.until;
        }
        assert!(lengths.is_sorted() && lengths[0] == limits::HOST_REST_MS_MIN);
        assert_eq!(lengths.last(), Some(&limits::HOST_REST_MS_MAX));
        // One at a time finds out whether it is back.
        let probe = begin(&hosts, "a", now).unwrap();
        assert!(begin(&hosts, "a", now).is_none());
        probe.end(&ref_no(20), &Outcome::Answered, now);
        assert!(begin(&hosts, "a", now).is_some() && begin(&hosts, "a", now).is_some());
    }

    #[test]
    fn a_server_that_says_for_how_long_is_left_alone_for_so_long_but_no_more_than_a_minute() {
        let hosts = Hosts::default();
        begin(&hosts, "a", 0).unwrap().end(&ref_no(1), &failed(Some(9_000)), 0);
        assert_eq!(hosts.rest("a", 8_999), Some(Rest { until: 9_000, reason: ASKED_TO_WAIT.into() }));
        assert_eq!(hosts.rest("a", 9_000), None);
        // A failure says nothing of how long, and does not shorten it.
        let both = [begin(&hosts, "b", 0).unwrap(), begin(&hosts, "b", 0).unwrap()];
        let wanted = [Some(1_800_000), None];
        for ((number, permit), wait_ms) in (1..).zip(both).zip(wanted) {
            permit.end(&ref_no(number), &failed(wait_ms), 0);
        }
        let rest = Rest { until: limits::HOST_REST_MS_MAX, reason: ASKED_TO_WAIT.into() };
        assert_eq!(hosts.rest("b", 0), Some(rest));
        for number in 1..=2 {
            begin(&hosts, "c", 0).unwrap().end(&ref_no(number), &failed(None), 0);
        }
        assert_eq!(hosts.rest("c", 0).map(|rest| rest.reason), Some(RESTS.to_owned()));
    }
}
