//! The downloads of a device's outgoing media: they start ahead of their messages' turn, a few at a time from each server
//! and one server after another. What could not be downloaded steps aside: the store keeps it until it is due again.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use super::hosts::{Outcome, Rest};
use super::queue::Job;
use super::{Parts, retry};
use crate::clock::Millis;
use crate::files::{FileError, TakeError, Taken};
use crate::limits;
use crate::media::choice::Mismatch;
use crate::media::fetch::{self, FetchFault};
use crate::media::kind::MediaKind;
use crate::message::{Priority, RefNo};
use crate::store::{Step, Waiting};

/// How a download ended.
pub(super) struct FetchEnd {
    pub(super) ref_no: RefNo,
    pub(super) fetched: Result<Fetched, FetchFault>,
}

/// A file that was downloaded and kept, and as what it is shown.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) media_id: String,
    pub(super) kind: MediaKind,
}

impl Fetched {
    /// Notes it in its message.
    pub(super) fn note(&self, waiting: &mut Waiting) {
        waiting.media_id = Some(self.media_id.clone());
        waiting.kind = Some(self.kind.name().to_owned());
    }
}

/// A message whose file is needed.
pub(super) struct Need {
    seq: i64,
    priority: Priority,
    host: String,
    load: Arc<Waiting>,
    /// Since when it holds its recipient's line; `None` once it has stepped aside.
    holds_since: Option<Millis>,
    is_running: bool,
}

impl Need {
    /// Whether the message has left its recipient's line.
    pub(super) fn is_aside(&self) -> bool {
        self.holds_since.is_none()
    }

    pub(super) fn load(&self) -> &Waiting {
        &self.load
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

/// A waiting message as it stands in the window.
pub(super) fn job_of(ref_no: RefNo, load: Waiting) -> Job<Waiting> {
    Job {
        seq: load.seq,
        ref_no,
        recipient: load.destination.clone(),
        priority: load.priority,
        due_at: load.due_at,
        expires_at: load.expires_at,
        needs_file: load.is_media && load.media_id.is_none() && load.media_url.is_some(),
        load,
    }
}

#[derive(Default)]
pub(super) struct Fetches {
    needs: HashMap<RefNo, Need>,
    /// Those that have not begun, by server; a higher priority first, then the order of acceptance.
    waiting: HashMap<String, BTreeSet<(Priority, i64, RefNo)>>,
    /// The servers in the order in which they are asked next.
    order: VecDeque<String>,
    running: JoinSet<FetchEnd>,
    tasks: HashMap<Id, RefNo>,
    /// Messages whose files were downloaded and that have not left.
    ahead: [HashSet<RefNo>; 3],
    /// When enough was downloaded ahead last: until then nothing was late.
    full_at: [Millis; 3],
    /// When to look next for those that hold their lines for too long.
    look_at: Millis,
}

const LOOK_MS: Millis = 250;

impl Fetches {
    /// The next download to end; `None` while none runs.
    pub(super) async fn join_next(&mut self) -> Option<FetchEnd> {
        let ended = self.running.join_next_with_id().await?;
        self.ended(ended)
    }

    /// One that has ended already.
    pub(super) fn try_join_next(&mut self) -> Option<FetchEnd> {
        let ended = self.running.try_join_next_with_id()?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, FetchEnd), JoinError>) -> Option<FetchEnd> {
        match ended {
            Ok((id, end)) => {
                self.tasks.remove(&id);
                Some(end)
            }
            // It panicked: a fault that its log tells. The message is tried again.
            Err(error) => {
                let ref_no = self.tasks.remove(&error.id())?;
                Some(FetchEnd { ref_no, fetched: Err(FetchFault::Unkept("its download broke off".into())) })
            }
        }
    }

    pub(super) fn abort_all(&mut self) {
        self.running.abort_all();
    }

    /// How many more messages that have stepped aside may be taken from the store.
    pub(super) fn room(&self) -> usize {
        let aside = self.needs.values().filter(|need| need.is_aside()).count();
        limits::DEVICE_MEDIA_ASIDE_MAX.saturating_sub(aside)
    }

    /// A message in the window, or one that stepped aside earlier and is due again (`holds_since` is `None`), needs its file.
    pub(super) fn want(&mut self, job: &Job<Waiting>, holds_since: Option<Millis>) {
        if self.needs.contains_key(&job.ref_no) {
            return;
        }
        let host = fetch::host(job.load.media_url.as_deref().unwrap_or_default());
        let waiting = self.waiting.entry(host.clone()).or_default();
        if waiting.is_empty() && !self.order.contains(&host) {
            self.order.push_back(host.clone());
        }
        waiting.insert((job.priority, job.seq, job.ref_no.clone()));
        let (seq, priority, load) = (job.seq, job.priority, Arc::new(job.load.clone()));
        self.needs.insert(job.ref_no.clone(), Need { seq, priority, host, load, holds_since, is_running: false });
    }

    pub(super) fn knows(&self, ref_no: &RefNo) -> bool {
        self.needs.contains_key(ref_no)
    }

    /// A message has left, or has ended.
    pub(super) fn left(&mut self, ref_no: &RefNo) {
        for ahead in &mut self.ahead {
            ahead.remove(ref_no);
        }
    }

    /// A download has ended.
    pub(super) fn end(&mut self, ref_no: &RefNo) -> Option<Need> {
        let need = self.needs.remove(ref_no)?;
        self.forget(ref_no, &need);
        Some(need)
    }

    /// Its file was downloaded ahead of its turn.
    pub(super) fn is_ahead(&mut self, ref_no: RefNo, priority: Priority) {
        self.ahead[priority.index()].insert(ref_no);
    }

    /// Begins what may begin: one server after another, few from each.
    pub(super) fn begin(&mut self, parts: &Arc<Parts>, now: Millis) {
        for (full_at, ahead) in self.full_at.iter_mut().zip(&self.ahead) {
            if ahead.len() >= limits::MEDIA_AHEAD_MAX {
                *full_at = now;
            }
        }
        let mut passed = 0;
        while passed < self.order.len() && self.running.len() < limits::DEVICE_FETCHES_MAX {
            let Some(host) = self.order.pop_front() else { break };
            let begun = self.begin_from(&host, parts, now);
            if self.waiting.get(&host).is_some_and(|waiting| !waiting.is_empty()) {
                self.order.push_back(host);
            } else {
                self.waiting.remove(&host);
            }
            passed = if begun { 0 } else { passed + 1 };
        }
    }

    fn begin_from(&mut self, host: &str, parts: &Arc<Parts>, now: Millis) -> bool {
        let Some(waiting) = self.waiting.get_mut(host) else { return false };
        let may = |priority: Priority| self.ahead[priority.index()].len() < limits::MEDIA_AHEAD_MAX;
        let next = waiting.iter().find(|(priority, ..)| may(*priority)).cloned();
        let Some(next) = next else { return false };
        let Some(permit) = parts.hosts.begin(host, now) else { return false };
        waiting.remove(&next);
        let (_, _, ref_no) = next;
        let Some(need) = self.needs.get_mut(&ref_no) else { return true };
        need.is_running = true;
        let (parts, load) = (Arc::clone(parts), Arc::clone(&need.load));
        let for_whom = ref_no.clone();
        let task = self.running.spawn(async move {
            let fetched = download(&parts, &load).await;
            permit.end(&ref_no, &outcome(&fetched), parts.clock.now());
            FetchEnd { ref_no, fetched }
        });
        self.tasks.insert(task.id(), for_whom);
        true
    }

    /// Messages that have held their lines for so long that others pass them: their files are still not there.
    pub(super) fn overdue(&mut self, now: Millis) -> Vec<RefNo> {
        if now < self.look_at {
            return Vec::new();
        }
        let is_overdue = |need: &Need| {
            let since = need.holds_since.map(|since| since.max(self.full_at[need.priority.index()]));
            since.is_some_and(|since| now - since >= limits::MEDIA_HOLD_MS_MAX)
        };
        let found = self.needs.iter().filter(|(_, need)| is_overdue(need)).map(|(ref_no, _)| ref_no.clone());
        let found: Vec<_> = found.collect();
        // Where there are any, not all of them may step aside at once.
        self.look_at = if found.is_empty() { now + LOOK_MS } else { now };
        found
    }

    /// A message has stepped aside. Its download goes on; one that has not begun is the store's, and is given back.
    pub(super) fn step_aside(&mut self, ref_no: &RefNo) -> Option<Need> {
        let need = self.needs.get_mut(ref_no)?;
        need.holds_since = None;
        if need.is_running { None } else { self.end(ref_no) }
    }

    /// Messages that have not begun and whose server rests.
    pub(super) fn resting(&self, parts: &Parts, now: Millis) -> Vec<(RefNo, Rest)> {
        let of_host = |(host, waiting): (&String, &BTreeSet<(Priority, i64, RefNo)>)| {
            let rest = parts.hosts.rest(host, now)?;
            Some(waiting.iter().map(|(.., ref_no)| (ref_no.clone(), rest.clone())).collect::<Vec<_>>())
        };
        self.waiting.iter().filter_map(of_host).flatten().collect()
    }

    fn forget(&mut self, ref_no: &RefNo, need: &Need) {
        if let Some(waiting) = self.waiting.get_mut(&need.host) {
            waiting.remove(&(need.priority, need.seq, ref_no.clone()));
        }
    }
}

/// Downloads a message's file and keeps it.
async fn download(parts: &Parts, waiting: &Waiting) -> Result<Fetched, FetchFault> {
    let url = waiting.media_url.as_deref().unwrap_or_default();
    let asked = waiting.kind.as_deref().and_then(MediaKind::from_name);
    let file = fetch::fetch(&parts.egress, &parts.clock, url, waiting.file_name.as_deref(), asked).await?;
    let taken = parts.files.take(waiting.client_id, file, asked, waiting.body.as_deref()).await;
    taken.map(|Taken { id, kind, .. }| Fetched { media_id: id, kind }).map_err(|error| match error {
        TakeError::Mismatch(Mismatch::TooBig(too_big)) => {
            FetchFault::Never(format!("media_url is too large: {too_big}"))
        }
        TakeError::Mismatch(mismatch) => FetchFault::Never(mismatch.to_string()),
        TakeError::File(FileError::Missing) => FetchFault::Never("its file is no longer there".into()),
        TakeError::File(other) => {
            // It waits for the disk or the bucket: an operator should know.
            tracing::warn!(reason = %other, "a message's file cannot be kept");
            FetchFault::Unkept(other.to_string())
        }
    })
}

fn outcome(fetched: &Result<Fetched, FetchFault>) -> Outcome {
    match fetched {
        Err(FetchFault::Retry { wait_ms, .. }) => Outcome::Failed { wait_ms: *wait_ms },
        Ok(_) | Err(FetchFault::Never(_) | FetchFault::Unkept(_)) => Outcome::Answered,
    }
}
