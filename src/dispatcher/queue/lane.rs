//! The waiting messages of one priority in a device's window. Pure: it is told the time and does not wait.
//!
//! Messages to one recipient stand in a line, in the order of acceptance; only the head of a line may be taken, and only
//! while nothing of that line is under way and its file, if it needs one, is there. Lines do not hold each other up.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::Job;
use crate::clock::Millis;
use crate::limits;
use crate::message::RefNo;

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
    cursor: i64,
    held: usize,
    /// How many of those take no room.
    free: usize,
}

#[derive(Debug)]
struct Line<T> {
    jobs: VecDeque<Job<T>>,
    /// The head was taken and has not come to an end.
    is_busy: bool,
    /// Nothing of the line may be taken before this moment, unless it is let go.
    rests_until: Option<Millis>,
    /// An attempt at the head failed, and it waits for the next one.
    backs_off: bool,
    /// How many of its messages need a file first.
    files: usize,
}

impl<T> Line<T> {
    fn new() -> Self {
        Self { jobs: VecDeque::new(), is_busy: false, rests_until: None, backs_off: false, files: 0 }
    }

    /// Where the head stands among those that may be taken later; none while it cannot be taken at all.
    fn place(&self, recipient: &str) -> Option<(Millis, i64, String)> {
        let head = self.jobs.front().filter(|head| !self.is_busy && !head.needs_file)?;
        Some((head.due_at.max(self.rests_until.unwrap_or(0)), head.seq, recipient.to_owned()))
    }

    /// How many of its messages take no room: none of them can be taken soon, and others stand behind them.
    fn free(&self) -> usize {
        let waits = self.rests_until.is_some() || self.backs_off;
        let is_stuck = waits || self.jobs.front().is_some_and(|head| head.needs_file);
        if is_stuck { self.jobs.len() } else { self.files }
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
            cursor: 0,
            held: 0,
            free: 0,
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

    pub(super) fn push(&mut self, job: Job<T>) -> bool {
        if job.seq <= self.cursor {
            return false;
        }
        self.cursor = job.seq;
        self.restore(job);
        true
    }

    /// Puts a message into its line by its number, but not before one that was taken.
    pub(super) fn restore(&mut self, job: Job<T>) {
        let recipient = job.recipient.clone();
        let line = self.lines.get(&recipient);
        let at = line.map_or(0, |line| line.jobs.partition_point(|other| other.seq < job.seq));
        if line.is_some_and(|line| line.jobs.get(at).is_some_and(|other| other.seq == job.seq)) {
            return;
        }
        if job.needs_file {
            self.files.insert(job.ref_no.clone(), recipient.clone());
        }
        self.held += 1;
        self.edit(&recipient, |line| {
            line.files += usize::from(job.needs_file);
            line.jobs.insert(at.max(usize::from(line.is_busy)), job);
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
            line.backs_off = true;
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
                line.files -= 1;
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
            line.files -= usize::from(aside.is_some());
        });
        self.held -= usize::from(aside.is_some());
        aside
    }

    pub(super) fn next_event(&self) -> Option<Millis> {
        let later = self.later.first().map(|(due_at, ..)| *due_at);
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        later.into_iter().chain(deadline).min()
    }

    /// Moves what has become due to the ready ones.
    fn wake(&mut self, now: Millis) {
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
        self.free += line.free();
        let (place, is_empty) = (line.place(recipient), line.jobs.is_empty());
        self.later.extend(place);
        if is_empty {
            self.lines.remove(recipient);
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
