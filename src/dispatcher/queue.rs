//! The window of one device's waiting messages that is in memory. Pure: it is told the time and does not wait.
//!
//! Each priority has a lane of its own, with its own room and its own place in the store, so that a long queue at one
//! costs the others nothing. In a lane the messages to one recipient stand in a line (`lane.rs`), of which only the first few
//! are here: a burst to one recipient costs the others nothing either. A line that has moved on is refilled from the store.

mod lane;
#[cfg(test)]
mod tests;

use crate::clock::Millis;
use crate::message::{Priority, RefNo};
use lane::Lane;

/// A waiting message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job<T> {
    pub seq: i64,
    pub ref_no: RefNo,
    /// Whose line it stands in: one for all forms of a number.
    pub recipient: String,
    pub priority: Priority,
    /// Not to be taken before this moment.
    pub due_at: Millis,
    /// It does not leave from then on.
    pub expires_at: Millis,
    /// It cannot be taken before its file is there.
    pub needs_file: bool,
    pub load: T,
}

/// A line of which the store holds the next messages: those with numbers behind `after`, up to `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    pub recipient: String,
    pub priority: Priority,
    pub after: i64,
    pub until: i64,
}

/// A message that waits and holds up those behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocking {
    pub seq: i64,
    pub ref_no: RefNo,
    pub recipient: String,
    pub priority: Priority,
}

#[derive(Debug)]
pub struct Window<T> {
    /// In the order of [`Priority::ALL`].
    lanes: [Lane<T>; 3],
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { lanes: std::array::from_fn(|_| Lane::default()) }
    }
}

impl<T: Clone> Window<T> {
    /// Takes over what the time is: what has become due may be taken, and takes room.
    pub fn wake(&mut self, now: Millis) {
        self.each(|lane| lane.wake(now));
    }

    /// How many more messages of a priority it takes. What cannot be taken soon (another of its line comes first, its line
    /// rests or backs off, or its file is not there) takes no room, up to a bound: behind it may stand what need not wait.
    pub fn room(&self, priority: Priority) -> usize {
        self.lanes[priority.index()].room()
    }

    /// Whether nothing of a priority can be taken at `now`, whatever is here.
    pub fn is_stuck(&self, priority: Priority, now: Millis) -> bool {
        self.lanes[priority.index()].is_stuck(now)
    }

    /// The number of the last message of a priority that was pushed: the next to load stand behind it.
    pub fn cursor(&self, priority: Priority) -> i64 {
        self.lanes[priority.index()].cursor()
    }

    /// How many messages it holds, those under way included.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a message behind all of its priority that were pushed before. `false` when it is not kept: it was pushed before,
    /// or its line is long enough, and finds it in the store later.
    pub fn push(&mut self, job: Job<T>) -> bool {
        self.lanes[job.priority.index()].push(job)
    }

    /// Lines whose next messages are to be loaded, up to `count` of each priority.
    pub fn short(&self, count: usize) -> Vec<Short> {
        Priority::ALL.into_iter().flat_map(|one| self.lanes[one.index()].short(one, count)).collect()
    }

    /// What the store holds of a short line, in its order; `is_all` when there is no more.
    pub fn refill(&mut self, line: &Short, jobs: Vec<Job<T>>, is_all: bool) {
        let more_after = jobs.last().map(|job| job.seq).filter(|_| !is_all);
        self.lanes[line.priority.index()].refill(&line.recipient, jobs, more_after);
    }

    /// Messages that wait and that others wait behind: should they have ended, nobody else would tell.
    pub fn blocking(&self) -> Vec<Blocking> {
        Priority::ALL.into_iter().flat_map(|one| self.lanes[one.index()].blocking(one)).collect()
    }

    /// Of each priority that has little room left for what others wait behind, `count` of the messages that wait, others each
    /// time: should they have ended, nobody else would tell for as long as they are held.
    pub fn next_held(&mut self, count: usize) -> Vec<Blocking> {
        let mut next = Vec::new();
        for one in Priority::ALL {
            next.extend(self.lanes[one.index()].next_held(one, count));
        }
        next
    }

    /// The first `count` messages of each priority that may be taken: when one was cancelled, so were perhaps others.
    pub fn ready(&self, count: usize) -> Vec<Blocking> {
        Priority::ALL.into_iter().flat_map(|one| self.lanes[one.index()].ready(one, count)).collect()
    }

    /// A message that was not taken has ended.
    pub fn remove(&mut self, ended: &Blocking) {
        self.lanes[ended.priority.index()].remove(&ended.recipient, &ended.ref_no);
    }

    /// Puts a message that stepped aside back into its line, before those that were accepted after it.
    pub fn restore(&mut self, job: Job<T>) {
        self.lanes[job.priority.index()].restore(job);
    }

    /// The first message that may be sent at `now`, which [`Window::take`] would take: of the highest priority that has one.
    pub fn peek(&mut self, now: Millis) -> Option<&Job<T>> {
        self.lanes.iter_mut().find_map(|lane| lane.peek(now))
    }

    /// Takes the first message that may be sent at `now`, and marks it as under way. It stays in its line until
    /// [`Window::done`].
    pub fn take(&mut self, now: Millis) -> Option<Job<T>> {
        self.lanes.iter_mut().find_map(|lane| lane.take(now))
    }

    /// Whose line a taken message stands in.
    pub fn recipient(&self, ref_no: &RefNo) -> Option<&str> {
        self.lanes.iter().find_map(|lane| lane.recipient(ref_no))
    }

    /// A taken message goes back, and nothing of its line may be taken before `until`, unless the line is let go.
    pub fn rest(&mut self, ref_no: &RefNo, until: Millis) {
        self.each(|lane| lane.rest(ref_no, until));
    }

    /// Lets a recipient's lines go that rest.
    pub fn let_go(&mut self, recipient: &str) {
        self.each(|lane| lane.let_go(recipient));
    }

    /// Lets every line go that rests.
    pub fn let_all_go(&mut self) {
        self.each(Lane::let_all_go);
    }

    /// A taken message was written out; its acknowledgement is awaited until `deadline`, then it is offered again.
    pub fn sent(&mut self, ref_no: &RefNo, deadline: Millis) {
        self.each(|lane| lane.sent(ref_no, deadline));
    }

    /// Until when the acknowledgement of a message that was written out is awaited.
    pub fn deadline(&self, ref_no: &RefNo) -> Option<Millis> {
        self.lanes.iter().find_map(|lane| lane.deadline(ref_no))
    }

    /// No acknowledgement comes any more, of whatever was written out: it is offered again at once.
    pub fn sent_in_vain(&mut self, now: Millis) {
        self.each(|lane| lane.sent_in_vain(now));
    }

    /// A taken message came to an end: the next of its line may be taken.
    pub fn done(&mut self, ref_no: &RefNo) {
        self.each(|lane| lane.done(ref_no));
    }

    /// A taken message is to be tried again at `due_at`, before the others of its line; `change` may alter its load.
    pub fn again(&mut self, ref_no: &RefNo, due_at: Millis, mut change: impl FnMut(&mut T)) {
        self.each(|lane| lane.again(ref_no, due_at, &mut change));
    }

    /// The file of a message is there; `change` may say where.
    pub fn fetched(&mut self, ref_no: &RefNo, mut change: impl FnMut(&mut T)) {
        self.each(|lane| lane.fetched(ref_no, &mut change));
    }

    /// Takes a message that needs a file out of its line, so that later ones pass it. The caller keeps it, or the store does.
    pub fn step_aside(&mut self, ref_no: &RefNo) -> Option<Job<T>> {
        self.lanes.iter_mut().find_map(|lane| lane.step_aside(ref_no))
    }

    /// Whether a message is the first of its line, and the line waits for no later moment.
    pub fn is_next(&self, priority: Priority, recipient: &str, ref_no: &RefNo) -> bool {
        self.lanes[priority.index()].is_next(recipient, ref_no)
    }

    /// When the next message could be taken that cannot be taken at `now`.
    pub fn next_event(&self) -> Option<Millis> {
        self.lanes.iter().filter_map(Lane::next_event).min()
    }

    /// A message that was taken, or that needs a file, is in one lane; the others know nothing of it.
    fn each(&mut self, change: impl FnMut(&mut Lane<T>)) {
        self.lanes.iter_mut().for_each(change);
    }
}
