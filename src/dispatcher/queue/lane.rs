//! The waiting messages of one priority in a device's window. Pure: it is told the time and does not wait.
//!
//! Messages to one recipient stand in a line, in the order of acceptance; only the head of a line may be taken, and only
//! while nothing of that line is under way and its file, if it needs one, is there. Lines do not hold each other up: of each
//! only its first messages are here, and what stands behind them stays in the store until the line has moved on.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{Blocking, Job, Short};
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, RefNo};

#[derive(Debug)]
pub(super) struct Lane<T> {
    lines: HashMap<String, Line<T>>,
    /// Heads of lines that may be taken, by the order of acceptance.
    ready: BTreeMap<i64, String>,
    /// Heads that may be taken later.
    later: BTreeSet<(Millis, i64, String)>,
    under_way: HashMap<RefNo, (String, Option<Millis>)>,
    /// When an acknowledgement is given up.
    deadlines: BTreeSet<(Millis, RefNo)>,
    /// In whose lines messages stand that need a file first.
    files: HashMap<RefNo, String>,
    /// Lines that have moved on so far that the next of their messages are to be loaded.
    short: BTreeSet<String>,
    cursor: i64,
    held: usize,
    /// How many of those take no room.
    free: usize,
    /// The number of the last message of [`Lane::next_held`].
    looked_up_to: i64,
    /// What the time was when it was last told.
    now: Millis,
}

#[derive(Debug)]
struct Line<T> {
    jobs: VecDeque<Job<T>>,
    /// The head was taken and has not come to an end.
    is_busy: bool,
    /// Nothing of the line may be taken before this moment, unless it is let go.
    rests_until: Option<Millis>,
    /// The head is not due yet: an attempt at it failed, here or in an earlier process, and it waits for the next one.
    backs_off: bool,
    /// More of its messages are in the store only: those behind this number.
    more_after: Option<i64>,
}

impl<T> Line<T> {
    fn new() -> Self {
        Self { jobs: VecDeque::new(), is_busy: false, rests_until: None, backs_off: false, more_after: None }
    }

    /// Where the head stands among those that may be taken later; none while it cannot be taken at all. One whose time is
    /// over is offered at once: whoever takes it finds that out, and the line goes on.
    fn place(&self, recipient: &str) -> Option<(Millis, i64, String)> {
        let head = self.jobs.front().filter(|head| !self.is_busy && !head.needs_file)?;
        let at = head.due_at.max(self.rests_until.unwrap_or(0)).min(head.expires_at);
        Some((at, head.seq, recipient.to_owned()))
    }

    /// How many of its messages take no room: those that cannot be taken soon. That is all but the head, and the head too
    /// while it waits.
    fn free(&self) -> usize {
        let waits = self.rests_until.is_some() || self.backs_off;
        let is_stuck = waits || self.jobs.front().is_some_and(|head| head.needs_file);
        self.jobs.len().saturating_sub(usize::from(!is_stuck))
    }

    /// Whether the head, whichever it is by now, waits for its next attempt.
    fn backs_off(&self, now: Millis) -> bool {
        !self.is_busy && self.jobs.front().is_some_and(|head| head.due_at.min(head.expires_at) > now)
    }

    fn is_short(&self) -> bool {
        self.more_after.is_some() && self.jobs.len() <= limits::LINE_MESSAGES_MIN
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            lines: HashMap::new(),
            ready: BTreeMap::new(),
            later: BTreeSet::new(),
            under_way: HashMap::new(),
            deadlines: BTreeSet::new(),
            files: HashMap::new(),
            short: BTreeSet::new(),
            cursor: 0,
            held: 0,
            free: 0,
            looked_up_to: 0,
            now: 0,
        }
    }
}

impl<T: Clone> Lane<T> {
    pub(super) fn room(&self) -> usize {
        let whole = limits::DEVICE_HELD_MESSAGES_MAX.saturating_sub(self.held);
        limits::DEVICE_WINDOW_MESSAGES_MAX.saturating_sub(self.held - self.free).min(whole)
    }

    pub(super) fn cursor(&self) -> i64 {
        self.cursor
    }

    pub(super) fn len(&self) -> usize {
        self.held
    }

    /// Whether nothing can be taken at `now`, whatever is here.
    pub(super) fn is_stuck(&self, now: Millis) -> bool {
        self.ready.is_empty() && self.later.first().is_none_or(|(due_at, ..)| *due_at > now)
    }

    pub(super) fn push(&mut self, job: Job<T>) -> bool {
        if job.seq <= self.cursor {
            return false;
        }
        self.cursor = job.seq;
        if let Some(line) = self.lines.get_mut(&job.recipient)
            && (line.more_after.is_some() || line.jobs.len() >= limits::LINE_MESSAGES_MAX)
        {
            // All before it are here, or were.
            line.more_after.get_or_insert(job.seq - 1);
            return false;
        }
        self.restore(job);
        true
    }

    /// Puts a message into its line by its number, but not before one that was taken.
    pub(super) fn restore(&mut self, job: Job<T>) {
        let recipient = job.recipient.clone();
        let mut at = 0;
        if let Some(line) = self.lines.get(&recipient) {
            if line.jobs.iter().any(|other| other.seq == job.seq) {
                return;
            }
            at = usize::from(line.is_busy);
            at += line.jobs.iter().skip(at).take_while(|other| other.seq < job.seq).count();
        }
        if job.needs_file {
            self.files.insert(job.ref_no.clone(), recipient.clone());
        }
        self.held += 1;
        self.edit(&recipient, |line| line.jobs.insert(at, job));
    }

    /// Lines whose next messages are to be loaded, up to `count`.
    pub(super) fn short(&self, priority: Priority, count: usize) -> Vec<Short> {
        let of = |recipient: &String| {
            let after = self.lines.get(recipient)?.more_after?;
            Some(Short { recipient: recipient.clone(), priority, after, until: self.cursor })
        };
        self.short.iter().filter_map(of).take(count).collect()
    }

    /// What was found behind a short line's messages; `more_after` is the last one, where there may be more.
    pub(super) fn refill(&mut self, recipient: &str, jobs: Vec<Job<T>>, more_after: Option<i64>) {
        for job in jobs {
            self.restore(job);
        }
        if self.lines.contains_key(recipient) {
            self.edit(recipient, |line| line.more_after = more_after);
        }
    }

    /// The heads that were set aside, or whose files are not there, and that others wait behind.
    pub(super) fn blocking(&self, priority: Priority) -> impl Iterator<Item = Blocking> {
        let is_blocking = |line: &Line<T>, head: &Job<T>| !line.is_busy && (line.backs_off || head.needs_file);
        self.lines.iter().filter(|(_, line)| line.jobs.len() > 1).filter_map(move |(recipient, line)| {
            let head = line.jobs.front().filter(|head| is_blocking(line, head))?;
            Some(Blocking { seq: head.seq, ref_no: head.ref_no.clone(), recipient: recipient.clone(), priority })
        })
    }

    /// Where little room is left by what waits, the next `count` of those messages that were not looked up last: they may have
    /// ended, and others stand behind them.
    pub(super) fn next_held(&mut self, priority: Priority, count: usize) -> Vec<Blocking> {
        let room = limits::DEVICE_HELD_MESSAGES_MAX.saturating_sub(self.held);
        if room >= limits::DEVICE_WINDOW_MESSAGES_MAX / 8 {
            return Vec::new();
        }
        let untaken = self.lines.iter().flat_map(|(to, line)| {
            let taken = usize::from(line.is_busy);
            line.jobs.iter().skip(taken).map(move |job| (job.seq, &job.ref_no, to))
        });
        let mut untaken: Vec<_> = untaken.collect();
        untaken.sort_unstable();
        let from = untaken.partition_point(|(seq, ..)| *seq <= self.looked_up_to) % untaken.len().max(1);
        let next = untaken.iter().cycle().skip(from).take(count.min(untaken.len()));
        let next = next.map(|(seq, ref_no, to)| Blocking {
            seq: *seq,
            ref_no: (*ref_no).clone(),
            recipient: (*to).clone(),
            priority,
        });
        let next: Vec<_> = next.collect();
        self.looked_up_to = next.last().map_or(0, |last| last.seq);
        next
    }

    /// The first `count` messages that may be taken.
    pub(super) fn ready(&self, priority: Priority, count: usize) -> impl Iterator<Item = Blocking> {
        self.ready.values().take(count).filter_map(move |recipient| {
            let Job { seq, ref_no, .. } = self.lines.get(recipient)?.jobs.front()?;
            Some(Blocking { seq: *seq, ref_no: ref_no.clone(), recipient: recipient.clone(), priority })
        })
    }

    /// A message that was not taken has ended: the next of its line may be taken.
    pub(super) fn remove(&mut self, recipient: &str, ref_no: &RefNo) {
        let Some(line) = self.lines.get(recipient) else { return };
        let at = line.jobs.iter().position(|job| job.ref_no == *ref_no);
        let Some(at) = at.filter(|at| *at > 0 || !line.is_busy) else { return };
        self.files.remove(ref_no);
        self.held -= 1;
        self.edit(recipient, |line| {
            line.jobs.remove(at);
        });
    }

    pub(super) fn peek(&mut self, now: Millis) -> Option<&Job<T>> {
        self.wake(now);
        let (_, recipient) = self.ready.first_key_value()?;
        self.lines.get(recipient)?.jobs.front()
    }

    pub(super) fn recipient(&self, ref_no: &RefNo) -> Option<&str> {
        self.under_way.get(ref_no).map(|(recipient, _)| recipient.as_str())
    }

    pub(super) fn rest(&mut self, ref_no: &RefNo, until: Millis) {
        let Some(recipient) = self.release(ref_no) else { return };
        self.edit(&recipient, |line| {
            line.is_busy = false;
            line.rests_until = Some(until);
        });
    }

    pub(super) fn let_go(&mut self, recipient: &str) {
        if self.lines.get(recipient).is_some_and(|line| line.rests_until.is_some()) {
            self.edit(recipient, |line| line.rests_until = None);
        }
    }

    pub(super) fn let_all_go(&mut self) {
        let resting = self.lines.iter().filter(|(_, line)| line.rests_until.is_some());
        let resting: Vec<String> = resting.map(|(recipient, _)| recipient.clone()).collect();
        for recipient in resting {
            self.let_go(&recipient);
        }
    }

    pub(super) fn take(&mut self, now: Millis) -> Option<Job<T>> {
        self.wake(now);
        let (_, recipient) = self.ready.first_key_value()?;
        let recipient = recipient.clone();
        self.edit(&recipient, |line| line.is_busy = true);
        let job = self.lines.get(&recipient)?.jobs.front()?.clone();
        self.under_way.insert(job.ref_no.clone(), (recipient, None));
        Some(job)
    }

    pub(super) fn sent(&mut self, ref_no: &RefNo, deadline: Millis) {
        if let Some((_, known)) = self.under_way.get_mut(ref_no) {
            if let Some(old) = known.replace(deadline) {
                self.deadlines.remove(&(old, ref_no.clone()));
            }
            self.deadlines.insert((deadline, ref_no.clone()));
        }
    }

    pub(super) fn deadline(&self, ref_no: &RefNo) -> Option<Millis> {
        self.under_way.get(ref_no)?.1
    }

    pub(super) fn sent_in_vain(&mut self, now: Millis) {
        for (_, ref_no) in self.deadlines.clone() {
            self.again(&ref_no, now, |_| ());
        }
    }

    pub(super) fn done(&mut self, ref_no: &RefNo) {
        let Some(recipient) = self.release(ref_no) else { return };
        self.held -= 1;
        self.edit(&recipient, |line| {
            line.is_busy = false;
            line.jobs.pop_front();
        });
    }

    pub(super) fn again(&mut self, ref_no: &RefNo, due_at: Millis, change: impl FnOnce(&mut T)) {
        let Some(recipient) = self.release(ref_no) else { return };
        self.edit(&recipient, |line| {
            line.is_busy = false;
            if let Some(head) = line.jobs.front_mut() {
                head.due_at = due_at;
                change(&mut head.load);
            }
        });
    }

    /// The file of a message is there; `change` may say where.
    pub(super) fn fetched(&mut self, ref_no: &RefNo, change: impl FnOnce(&mut T)) {
        let Some(recipient) = self.files.remove(ref_no) else { return };
        self.edit(&recipient, |line| {
            if let Some(job) = line.jobs.iter_mut().find(|job| job.ref_no == *ref_no) {
                job.needs_file = false;
                change(&mut job.load);
            }
        });
    }

    /// Takes a message that needs a file out of its line: those behind it pass.
    pub(super) fn step_aside(&mut self, ref_no: &RefNo) -> Option<Job<T>> {
        let recipient = self.files.remove(ref_no)?;
        let mut aside = None;
        self.edit(&recipient, |line| {
            let at = line.jobs.iter().position(|job| job.ref_no == *ref_no);
            aside = at.and_then(|at| line.jobs.remove(at));
        });
        self.held -= usize::from(aside.is_some());
        aside
    }

    pub(super) fn is_next(&self, recipient: &str, ref_no: &RefNo) -> bool {
        let line = self.lines.get(recipient).filter(|line| line.rests_until.is_none() && !line.backs_off);
        line.and_then(|line| line.jobs.front()).is_some_and(|head| head.ref_no == *ref_no)
    }

    pub(super) fn next_event(&self) -> Option<Millis> {
        let later = self.later.first().map(|(due_at, ..)| *due_at);
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        later.into_iter().chain(deadline).min()
    }

    /// Moves what has become due to the ready ones.
    pub(super) fn wake(&mut self, now: Millis) {
        self.now = now;
        while let Some((deadline, ref_no)) = self.deadlines.first().cloned() {
            if deadline > now {
                break;
            }
            self.again(&ref_no, now, |_| ());
        }
        while self.later.first().is_some_and(|(due_at, ..)| *due_at <= now) {
            let Some((_, seq, recipient)) = self.later.pop_first() else { break };
            if let Some(line) = self.lines.get_mut(&recipient) {
                self.free -= line.free();
                (line.rests_until, line.backs_off) = (None, false);
                self.free += line.free();
                self.ready.insert(seq, recipient);
            }
        }
    }

    /// Changes a line, and offers its head anew. A line without messages is none.
    fn edit(&mut self, recipient: &str, change: impl FnOnce(&mut Line<T>)) {
        let line = self.lines.entry(recipient.to_owned()).or_insert_with(Line::new);
        if let Some(place) = line.place(recipient)
            && !self.later.remove(&place)
        {
            self.ready.remove(&place.1);
        }
        self.free -= line.free();
        change(line);
        line.backs_off = line.backs_off(self.now);
        self.free += line.free();
        let (place, is_short) = (line.place(recipient), line.is_short());
        let is_over = line.jobs.is_empty() && line.more_after.is_none();
        self.later.extend(place);
        if is_over {
            self.lines.remove(recipient);
        }
        if is_short {
            self.short.insert(recipient.to_owned());
        } else {
            self.short.remove(recipient);
        }
    }

    /// The line in which a taken message stands, which is not under way any more.
    fn release(&mut self, ref_no: &RefNo) -> Option<String> {
        let (recipient, deadline) = self.under_way.remove(ref_no)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, ref_no.clone()));
        }
        Some(recipient)
    }
}
