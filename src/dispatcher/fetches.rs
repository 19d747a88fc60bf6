//! The downloads of a device's outgoing media: they start ahead of their messages' turn, what is urgent first, a few at a time
//! from each server and one server after another. What could not be downloaded steps aside: the store keeps it until it is due
//! again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Parts;
use super::download::FetchEnd;
use super::hosts::{Asked, Hosts, Place, Rest};
use super::late::LateLines;
pub(super) use super::need::job_of;
use super::need::{Aside, Need};
use super::queue::Job;
use super::running::{Running, Waiting as InLine};
use super::slots::Standing;
use super::turns::Turns;
use crate::bell::QueueBell;
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, RefNo};
use crate::store::Waiting;

#[derive(Default)]
pub(super) struct Fetches {
    needs: HashMap<RefNo, Need>,
    /// Those that have not begun, of each of [`Priority::ALL`].
    turns: [Turns; 3],
    running: Running,
    /// Messages whose files were downloaded and that have not left, and their recipients.
    ahead: [HashMap<RefNo, String>; 3],
    /// When enough was downloaded ahead last: until then nothing was late.
    full_at: [Millis; 3],
    /// Messages that would leave at once, and since when: they are downloaded though enough is downloaded ahead.
    passing: HashMap<RefNo, Millis>,
    /// Where this device waits for a server's next free slot.
    places: HashMap<String, Place>,
    /// When to look next whether downloads have had their slots for long enough that others wait for.
    pub(super) room_at: Millis,
    lines: LateLines,
    /// When a download ended last with an answer.
    answered_at: Millis,
    /// When to look next for those that hold their lines for too long, and for those that pass.
    look_at: Millis,
    ask_at: Millis,
    /// Behind which message the store is looked through next for those that are due, and whether some of them were left there.
    pub(super) due_after: (Millis, i64),
    pub(super) is_due_left: bool,
}

/// What one look at what may begin needs.
struct Look<'a> {
    parts: &'a Arc<Parts>,
    bell: &'a QueueBell,
    now: Millis,
    /// Where the device waited until now; what is not asked for again is given up.
    before: HashMap<String, Place>,
    /// Who has to wait for a slot.
    in_line: InLine,
    /// Servers for which the node had no slot; of each standing and priority one is asked about.
    full: Vec<(Standing, Priority, String)>,
}

const LOOK_MS: Millis = 250;

impl Fetches {
    /// The next download to end; `None` while none runs.
    pub(super) async fn join_next(&mut self) -> Option<FetchEnd> {
        self.running.join_next().await
    }

    /// One that has ended already.
    pub(super) fn try_join_next(&mut self) -> Option<FetchEnd> {
        self.running.try_join_next()
    }

    pub(super) fn abort_all(&mut self) {
        self.running.abort_all();
    }

    /// How many messages that have stepped aside are here.
    pub(super) fn aside(&self, hosts: &Hosts) -> Aside {
        let mut aside = Aside::default();
        for need in self.needs.values().filter(|need| need.is_aside) {
            aside.add(&need.host, need.priority, hosts.standing(&need.host), need.begun_at.is_none());
        }
        aside
    }

    /// A message in the window, or one that stepped aside earlier and is due again (`holds_since` is `None`), needs its file.
    pub(super) fn want(&mut self, job: &Job<Waiting>, holds_since: Option<Millis>) {
        if self.needs.contains_key(&job.ref_no) {
            return;
        }
        let need = Need::of(job, holds_since);
        self.turns[job.priority.index()].add(&need.host, need.place(), &job.ref_no);
        self.needs.insert(job.ref_no.clone(), need);
        self.ask_at = 0;
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

    /// Nothing more is to be known of a message here: its download has ended, or its file is not needed any more.
    pub(super) fn end(&mut self, ref_no: &RefNo) -> Option<Need> {
        self.left(ref_no);
        self.passing.remove(ref_no);
        let need = self.needs.remove(ref_no)?;
        self.turns[need.priority.index()].remove(&need.host, need.place(), ref_no);
        Some(need)
    }

    /// Its file was downloaded ahead of its turn.
    pub(super) fn is_ahead(&mut self, ref_no: RefNo, need: &Need) {
        self.ahead[need.priority.index()].insert(ref_no, need.recipient.clone());
    }

    /// A server has answered.
    pub(super) fn answered(&mut self, now: Millis) {
        self.answered_at = now;
    }

    fn is_full(&self, priority: Priority) -> bool {
        self.ahead[priority.index()].len() >= limits::MEDIA_AHEAD_MAX
    }

    /// Of which messages it is to be found out whether they would leave at once: where enough is downloaded ahead, which may be
    /// held for long, they are downloaded all the same. `is_next` says of a message in the window whether it is the first of its
    /// line and waits for no later moment.
    pub(super) fn in_question(
        &mut self,
        now: Millis,
        is_next: impl Fn(Priority, &str, &RefNo) -> bool,
    ) -> Vec<Job<Waiting>> {
        if now < self.ask_at {
            return Vec::new();
        }
        self.ask_at = now + LOOK_MS;
        let may_pass = Priority::ALL.map(|priority| {
            let soon = self.ahead[priority.index()].iter().filter(|(ref_no, to)| is_next(priority, to, ref_no));
            self.is_full(priority) && soon.count() < limits::MEDIA_AHEAD_MAX
        });
        if !may_pass.contains(&true) {
            self.passing.clear();
            return Vec::new();
        }
        let candidate = |ref_no: &RefNo, need: &Need| {
            let is_next = need.is_aside || is_next(need.priority, &need.recipient, ref_no);
            need.begun_at.is_none() && may_pass[need.priority.index()] && is_next
        };
        let candidates = self.needs.iter().filter(|(ref_no, need)| candidate(ref_no, need));
        let candidates: HashSet<RefNo> = candidates.map(|(ref_no, _)| ref_no.clone()).collect();
        self.passing.retain(|ref_no, _| candidates.contains(ref_no));
        let due = candidates.into_iter().filter_map(|ref_no| {
            let need = self.needs.get(&ref_no).filter(|need| need.ask_at <= now)?;
            Some((need.ask_at, need.priority, need.seq, ref_no))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        let job = |ref_no: RefNo| Some(job_of(ref_no.clone(), (*self.needs.get(&ref_no)?.load).clone()));
        due.into_iter().take(ASKED_AT_ONCE).filter_map(|(.., ref_no)| job(ref_no)).collect()
    }

    /// Whether a message would leave at once; when it is not so, it is asked about again at `ask_at`.
    pub(super) fn passes(&mut self, ref_no: &RefNo, passes: bool, ask_at: Millis, now: Millis) {
        if let Some(need) = self.needs.get_mut(ref_no) {
            need.ask_at = ask_at;
        }
        if passes {
            self.passing.entry(ref_no.clone()).or_insert(now);
        } else {
            self.passing.remove(ref_no);
        }
    }

    /// Begins what may begin: a higher priority first, one server after another, few from each. Those whose servers are silent or slow
    /// make room where others wait.
    pub(super) fn begin(&mut self, parts: &Arc<Parts>, bell: &QueueBell, now: Millis) {
        let before = std::mem::take(&mut self.places);
        let mut look = Look { parts, bell, now, before, in_line: InLine::default(), full: Vec::new() };
        for priority in Priority::ALL {
            if self.is_full(priority) {
                self.full_at[priority.index()] = now;
                self.begin_passing(priority, &mut look);
                continue;
            }
            let mut left = self.turns[priority.index()].round();
            while left > 0 && !self.is_full(priority) {
                let Some((host, ref_no)) = self.turns[priority.index()].next() else { break };
                if self.ask(&host, priority, &ref_no, &mut look) {
                    left = self.turns[priority.index()].round();
                    look.in_line.count_again(priority);
                } else {
                    left -= 1;
                }
            }
        }
        for (_, priority, host) in look.full.iter().rev() {
            self.turns[priority.index()].put_first(host);
        }
        self.room_at = self.running.make_room(look.in_line, &parts.hosts, now).unwrap_or(Millis::MAX);
    }

    fn begin_passing(&mut self, priority: Priority, look: &mut Look<'_>) {
        let of = |ref_no: &RefNo| self.needs.get(ref_no).filter(|need| need.priority == priority);
        let passing = self.passing.keys().filter_map(|ref_no| {
            let need = of(ref_no).filter(|need| need.begun_at.is_none())?;
            Some((need.seq, need.host.clone(), ref_no.clone()))
        });
        let mut passing: Vec<_> = passing.collect();
        passing.sort_unstable();
        for (_, host, ref_no) in passing {
            self.ask(&host, priority, &ref_no, look);
        }
    }

    /// Begins a download if it may begin now.
    fn ask(&mut self, host: &str, priority: Priority, ref_no: &RefNo, look: &mut Look<'_>) -> bool {
        if self.places.contains_key(host) {
            return false;
        }
        let standing = look.parts.hosts.standing(host);
        let is_full = look.full.iter().any(|(of, its, _)| *of == standing && *its == priority);
        if is_full || !self.running.has_slot(standing, priority) {
            look.in_line.count(standing, priority);
            return false;
        }
        let before = look.before.remove(host).filter(|place| place.priority() == priority);
        match look.parts.hosts.ask(host, priority, before, look.bell, look.now) {
            Asked::Begun(permit) => {
                let Some(need) = self.needs.get_mut(ref_no) else { return false };
                need.begun_at = Some(look.now);
                self.turns[priority.index()].remove(host, need.place(), ref_no);
                self.running.begin(look.parts, permit, ref_no, need, look.now);
                return true;
            }
            Asked::Wait(place) => {
                self.places.insert(host.to_owned(), place);
            }
            // The place in the node's line is kept by asking for the same server first the next time.
            Asked::Full(place) => {
                self.places.insert(host.to_owned(), place);
                look.full.push((standing, priority, host.to_owned()));
            }
            Asked::Rests => {}
        }
        false
    }

    /// Messages that have held their lines for so long that others pass them: their files are still not there.
    pub(super) fn overdue(&mut self, hosts: &Hosts, now: Millis) -> Vec<RefNo> {
        if now < self.look_at {
            return Vec::new();
        }
        let is_overdue = |(ref_no, need): &(&RefNo, &Need)| {
            let since = self.holds_since(ref_no, need, hosts, now);
            since.is_some_and(|since| now - since >= limits::MEDIA_HOLD_MS_MAX)
        };
        let found = self.needs.iter().filter(is_overdue).map(|(ref_no, _)| ref_no.clone());
        let found: Vec<_> = found.collect();
        // Where there are any, not all of them may step aside at once.
        self.look_at = if found.is_empty() { now + LOOK_MS } else { now };
        found
    }

    /// Since when a message has held up those behind it for want of its file; `None` once it has stepped aside.
    fn holds_since(&self, ref_no: &RefNo, need: &Need, hosts: &Hosts, now: Millis) -> Option<Millis> {
        if need.is_aside {
            return None;
        }
        let own = match need.begun_at {
            Some(begun_at) => begun_at,
            // There is nothing to hold against it that could be found.
            None if now - need.wanted_at < limits::MEDIA_HOLD_MS_MAX => need.wanted_at,
            None => self.waits_since(ref_no, need, hosts),
        };
        let line = self.lines.since(need.priority, &need.recipient, need.seq, now);
        Some(line.map_or(own, |line| own.min(line)))
    }

    /// Since when a download has waited in vain to begin: while its server answers others, or this device's other downloads get
    /// on, or enough is downloaded ahead, its turn is still to come.
    fn waits_since(&self, ref_no: &RefNo, need: &Need, hosts: &Hosts) -> Millis {
        let excused_at = self.passing.get(ref_no).copied().unwrap_or(self.full_at[need.priority.index()]);
        let (is_asked, answered_at) = hosts.news(&need.host);
        let answered_at = if is_asked { answered_at } else { answered_at.max(Some(self.answered_at)) };
        need.wanted_at.max(excused_at).max(answered_at.unwrap_or(0))
    }

    /// A message does not get its file now: what stands behind it has been held up for long enough. `up_to` is the number of the
    /// last message that was accepted.
    pub(super) fn is_late(&mut self, ref_no: &RefNo, need: &Need, hosts: &Hosts, up_to: i64, now: Millis) {
        if let Some(since) = self.holds_since(ref_no, need, hosts, now) {
            self.lines.note((need.priority, &need.recipient), need.seq, since, up_to, now);
        }
    }

    /// A message has stepped aside. Its download goes on; one that has not begun is the store's, and is given back.
    pub(super) fn step_aside(&mut self, ref_no: &RefNo, hosts: &Hosts, up_to: i64, now: Millis) -> Option<Need> {
        let mut need = self.needs.remove(ref_no)?;
        self.is_late(ref_no, &need, hosts, up_to, now);
        need.is_aside = true;
        let is_running = need.begun_at.is_some();
        self.needs.insert(ref_no.clone(), need);
        if is_running { None } else { self.end(ref_no) }
    }

    pub(super) fn priority(&self, ref_no: &RefNo) -> Option<Priority> {
        self.needs.get(ref_no).map(|need| need.priority)
    }

    /// Messages that have not begun and whose server rests.
    pub(super) fn resting(&self, hosts: &Hosts, now: Millis) -> Vec<(RefNo, Rest)> {
        let of = |turns: &Turns, host: &String| {
            let rest = hosts.rest(host, now)?;
            Some(turns.of(host).map(|ref_no| (ref_no.clone(), rest.clone())).collect::<Vec<_>>())
        };
        let of_all = |turns| Turns::hosts(turns).filter_map(move |host| of(turns, host)).flatten();
        self.turns.iter().flat_map(of_all).collect()
    }
}

/// How many messages are asked about at once whether they would leave.
const ASKED_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: i64) -> Job<Waiting> {
        let ref_no = RefNo::parse(&format!("{number:018X}")).unwrap();
        let load = Waiting {
            seq: number,
            ref_no: ref_no.as_str().to_owned(),
            client_id: 1,
            destination: "a".into(),
            is_group: false,
            body: None,
            is_media: true,
            kind: None,
            media_id: None,
            media_url: Some("https://media.example/a.png".to_owned().into()),
            file_name: None,
            expires_at: Millis::MAX,
            due_at: 0,
            attempts: 0,
            under_way_at: None,
            fetch_attempts: 0,
            priority: Priority::Normal,
        };
        job_of(ref_no, load)
    }

    #[test]
    fn a_message_that_ends_in_whatever_way_leaves_no_file_ahead() {
        let mut fetches = Fetches::default();
        for number in 0..200 {
            let job = job(number);
            fetches.want(&job, Some(0));
            let need = fetches.end(&job.ref_no).unwrap();
            fetches.is_ahead(job.ref_no.clone(), &need);
            assert!(!fetches.is_full(Priority::Normal), "{number}");
            // It was cancelled while it waited with its file.
            assert!(fetches.end(&job.ref_no).is_none());
        }
    }
}
