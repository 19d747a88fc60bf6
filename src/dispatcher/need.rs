//! A message whose file is needed before it can leave, and what becomes of it when the file does not come. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::download::Fetched;
use super::hosts::Rest;
use super::queue::Job;
use super::retry;
use super::slots::Standing;
use super::turns::Place;
use crate::clock::Millis;
use crate::limits;
use crate::media::fetch;
use crate::message::{Priority, RefNo};
use crate::phone;
use crate::store::{Step, Waiting};

pub(super) struct Need {
    pub(super) seq: i64,
    pub(super) priority: Priority,
    /// Whose line it stands in.
    pub(super) recipient: String,
    pub(super) host: String,
    pub(super) load: Arc<Waiting>,
    /// Since when it is known, in its line.
    pub(super) wanted_at: Millis,
    /// Whether the message has left its recipient's line.
    pub(super) is_aside: bool,
    /// When its download began.
    pub(super) begun_at: Option<Millis>,
    /// When to ask (again) whether its message might leave at once.
    pub(super) ask_at: Millis,
}

impl Need {
    pub(super) fn of(job: &Job<Waiting>, holds_since: Option<Millis>) -> Self {
        let host = job.load.media_url.as_ref().map(|url| fetch::host(url.as_stored())).unwrap_or_default();
        let (seq, priority, load) = (job.seq, job.priority, Arc::new(job.load.clone()));
        let (wanted_at, is_aside) = (holds_since.unwrap_or(0), holds_since.is_none());
        let recipient = job.recipient.clone();
        Self { seq, priority, recipient, host, load, wanted_at, is_aside, begun_at: None, ask_at: 0 }
    }

    pub(super) fn place(&self) -> Place {
        (self.load.fetch_attempts, self.seq)
    }

    /// The message with its file, to go back to its line.
    pub(super) fn job(&self, ref_no: RefNo, fetched: &Fetched) -> Job<Waiting> {
        let mut load = (*self.load).clone();
        fetched.note(&mut load);
        job_of(ref_no, load)
    }

    /// The message waits: for the reason that its server rests, or that its turn has not come.
    pub(super) fn park(&self, rest: &Rest) -> Step {
        let Waiting { fetch_attempts, .. } = *self.load;
        Step::Aside { due_at: rest.until, fetch_attempts, failed: None, reason: rest.reason.clone() }
    }

    /// The download failed at `now`: when it is tried again. `random` spreads those of one server.
    pub(super) fn again(&self, reason: String, wait_ms: Option<Millis>, now: Millis, random: u64) -> Step {
        let fetch_attempts = self.load.fetch_attempts + 1;
        let due_at = retry::next_fetch(fetch_attempts, now, self.load.expires_at, wait_ms, random);
        Step::Aside { due_at, fetch_attempts, failed: Some((self.number(), now)), reason }
    }

    /// What the failed attempt is counted as, with those to send it.
    pub(super) fn number(&self) -> i64 {
        self.load.attempts + self.load.fetch_attempts + 1
    }
}

/// Messages that have stepped aside and are in memory.
#[derive(Default)]
pub(super) struct Aside {
    all: usize,
    failing: usize,
    /// Those that wait for each server's downloads.
    waiting: HashMap<(String, Priority), usize>,
}

impl Aside {
    pub(super) fn add(&mut self, host: &str, priority: Priority, standing: Standing, waits: bool) {
        self.all += 1;
        self.failing += usize::from(standing == Standing::Failing);
        *self.waiting.entry((host.to_owned(), priority)).or_default() += usize::from(waits);
    }

    pub(super) fn is_full(&self) -> bool {
        self.all >= limits::DEVICE_MEDIA_ASIDE_MAX
    }

    /// Takes one more for this server, unless enough are here.
    pub(super) fn take(&mut self, host: &str, priority: Priority, standing: Standing) -> bool {
        let of_host = self.waiting.get(&(host.to_owned(), priority)).copied().unwrap_or(0);
        let is_too_many = standing == Standing::Failing && self.failing >= limits::DEVICE_FAILING_ASIDE_MAX;
        let takes = !is_too_many && of_host < limits::HOST_MEDIA_ASIDE_MAX;
        if takes {
            self.add(host, priority, standing, true);
        }
        takes
    }
}

/// A waiting message as it stands in the window.
pub(super) fn job_of(ref_no: RefNo, load: Waiting) -> Job<Waiting> {
    Job {
        seq: load.seq,
        ref_no,
        recipient: phone::line_of(&load.destination),
        priority: load.priority,
        due_at: load.due_at,
        expires_at: load.expires_at,
        needs_file: load.is_media && load.media_id.is_none() && load.media_url.is_some(),
        load,
    }
}
