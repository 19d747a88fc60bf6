//! The servers that customers' media comes from, as this node knows them: how many downloads run from each, which rest because
//! they failed, and which devices wait for a free slot. Shared by all devices of the node, so that one dead server cannot take
//! every slot, nor one device all slots of a server. Pure: it is told the time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::slots::{Line, Slots, Standing, Turn};
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
    /// Of each of [`Standing::ALL`].
    slots: [Slots; 3],
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
    fn standing(&self) -> Standing {
        match (self.answered_at, self.failures) {
            // One failure may be of one file only.
            (Some(_), 0..FAILURES_TO_REST) => Standing::Answers,
            (None, 0) => Standing::New,
            _ => Standing::Failing,
        }
    }

    /// How many more downloads may begin.
    fn free(&self) -> usize {
        let most = if self.failures >= FAILURES_TO_REST { 1 } else { limits::HOST_FETCHES_MAX };
        most.saturating_sub(self.running)
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
        /// That it answered with an error. That costs little, and its other files may be good.
        has_answered: bool,
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
    /// Enough downloads from servers of this one's standing run on this node.
    Full(Place),
    /// The server rests.
    Rests,
}

/// The right to one download; it ends with its owner.
pub struct Permit {
    hosts: Hosts,
    host: String,
    standing: Standing,
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
        let standing = known.entry(host).standing();
        let slots = &known.slots[standing.index()];
        let may_node = slots.line.may(place.turn, slots.free(standing, priority));
        let entry = known.entry(host);
        if now < entry.rest.until {
            drop(known);
            return Asked::Rests;
        }
        let may_host = entry.line.may(place.turn, entry.free());
        if may_host && may_node {
            entry.running += 1;
            known.slots[standing.index()].running += 1;
            drop(known);
            return Asked::Begun(Permit { hosts: self.clone(), host: host.to_owned(), standing });
        }
        if !may_host {
            entry.line.0.insert(place.turn, bell.clone());
        }
        if may_node {
            return Asked::Wait(place);
        }
        known.slots[standing.index()].line.0.insert(place.turn, bell.clone());
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

    pub fn standing(&self, host: &str) -> Standing {
        self.known().hosts.get(host).map_or(Standing::New, Host::standing)
    }

    /// The priorities for which devices wait because as many downloads run from servers of a standing as a node has at once.
    pub fn waiting(&self, standing: Standing) -> Vec<Priority> {
        self.known().slots[standing.index()].line.0.keys().map(|(priority, _)| *priority).collect()
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
    fn entry(&mut self, host: &str) -> &mut Host {
        if self.hosts.len() >= limits::HOSTS_REMEMBERED_MAX && !self.hosts.contains_key(host) {
            let is_used = |host: &Host| host.running > 0 || !host.line.0.is_empty();
            self.hosts.retain(|_, host| is_used(host) || host.standing() == Standing::Answers);
            if self.hosts.len() >= limits::HOSTS_REMEMBERED_MAX {
                self.hosts.retain(|_, host| is_used(host));
            }
        }
        self.hosts.entry(host.to_owned()).or_default()
    }

    /// Gives a turn up; whether it was waited for.
    fn leave(&mut self, host: &str, turn: Turn) -> bool {
        let of_host = self.hosts.get_mut(host).and_then(|host| host.line.0.remove(&turn));
        let of_node = self.slots.iter_mut().filter_map(|slots| slots.line.0.remove(&turn)).count();
        of_host.is_some() || of_node > 0
    }

    /// Tells those whose turn it may be.
    fn wake(&self, host: &str) {
        for standing in Standing::ALL {
            self.slots[standing.index()].wake(standing);
        }
        if let Some(host) = self.hosts.get(host) {
            host.line.wake(|_| host.free());
        }
    }
}

/// One failure may be of one file only; a second one in a row is the server's.
const FAILURES_TO_REST: u32 = 2;

impl Permit {
    /// What the server was known for when the download began.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Notes how the download of a message's file ended.
    pub fn end(self, ref_no: &RefNo, outcome: &Outcome, now: Millis) {
        let mut known = self.hosts.known();
        let Some(host) = known.hosts.get_mut(&self.host) else { return };
        let Outcome::Failed { wait_ms, has_answered } = outcome else {
            (host.failures, host.last_failed, host.rest) = (0, None, Rest::default());
            host.answered_at = Some(now);
            return;
        };
        // The same file again says nothing new about the server.
        if host.last_failed.replace(ref_no.clone()).as_ref() != Some(ref_no) {
            host.failures = host.failures.saturating_add(1);
        }
        let doublings = if *has_answered { 0 } else { host.failures.saturating_sub(FAILURES_TO_REST).min(16) };
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
        let slots = &mut known.slots[self.standing.index()];
        slots.running = slots.running.saturating_sub(1);
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
mod tests;
