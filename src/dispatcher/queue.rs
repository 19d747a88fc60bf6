//! The window of one device's waiting messages that is in memory. Pure: it is told the time and does not wait.
//!
//! Messages to one recipient stand in a line, in the order of acceptance; only the head of a line may be taken, and only
//! while nothing of that line is under way. Lines do not hold each other up.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::clock::Millis;
use crate::limits;
use crate::message::RefNo;

/// A waiting message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job<T> {
    pub seq: i64,
    pub ref_no: RefNo,
    pub recipient: String,
    /// Not to be taken before this moment.
    pub due_at: Millis,
    pub load: T,
}

#[derive(Debug)]
pub struct Window<T> {
    lines: HashMap<String, Line<T>>,
    /// Heads of lines that may be taken, by the order of acceptance.
    ready: BTreeMap<i64, String>,
    /// Heads that may be taken later.
    later: BTreeSet<(Millis, i64, String)>,
    under_way: HashMap<RefNo, (String, Option<Millis>)>,
    /// When an acknowledgement is given up.
    deadlines: BTreeSet<(Millis, RefNo)>,
    cursor: i64,
    held: usize,
    /// How many of those stand in lines that rest.
    resting: usize,
}

#[derive(Debug)]
struct Line<T> {
    jobs: VecDeque<Job<T>>,
    /// The head was taken and has not come to an end.
    is_busy: bool,
    /// Nothing of the line may be taken before this moment, unless it is let go.
    rests_until: Option<Millis>,
}

impl<T> Line<T> {
    /// Where the head stands among those that may be taken later.
    fn place(&self, recipient: &str) -> Option<(Millis, i64, String)> {
        let head = self.jobs.front().filter(|_| !self.is_busy)?;
        Some((head.due_at.max(self.rests_until.unwrap_or(0)), head.seq, recipient.to_owned()))
    }
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self {
            lines: HashMap::new(),
            ready: BTreeMap::new(),
            later: BTreeSet::new(),
            under_way: HashMap::new(),
            deadlines: BTreeSet::new(),
            cursor: 0,
            held: 0,
            resting: 0,
        }
    }
}

impl<T: Clone> Window<T> {
    /// How many more messages it takes. What stands in lines that rest takes no room, up to a bound: behind it may stand
    /// what need not wait.
    pub fn room(&self) -> usize {
        let whole = limits::DEVICE_HELD_MESSAGES_MAX.saturating_sub(self.held);
        limits::DEVICE_WINDOW_MESSAGES_MAX.saturating_sub(self.held - self.resting).min(whole)
    }

    /// The number of the last message that was pushed: the next to load stand behind it.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// How many messages it holds, those under way included.
    pub fn len(&self) -> usize {
        self.held
    }

    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Adds a message behind all that were pushed before; one that was pushed before is ignored.
    pub fn push(&mut self, job: Job<T>) {
        if job.seq <= self.cursor {
            return;
        }
        self.cursor = job.seq;
        self.held += 1;
        let recipient = job.recipient.clone();
        let new = || Line { jobs: VecDeque::new(), is_busy: false, rests_until: None };
        let line = self.lines.entry(recipient.clone()).or_insert_with(new);
        line.jobs.push_back(job);
        self.resting += usize::from(line.rests_until.is_some());
        if line.jobs.len() == 1 {
            self.offer(&recipient);
        }
    }

    /// The first message that may be sent at `now`, which [`Window::take`] would take.
    pub fn peek(&mut self, now: Millis) -> Option<&Job<T>> {
        self.wake(now);
        let (_, recipient) = self.ready.first_key_value()?;
        self.lines.get(recipient)?.jobs.front()
    }

    /// Whose line a taken message stands in.
    pub fn recipient(&self, ref_no: &RefNo) -> Option<&str> {
        self.under_way.get(ref_no).map(|(recipient, _)| recipient.as_str())
    }

    /// A taken message goes back, and nothing of its line may be taken before `until`, unless the line is let go.
    pub fn rest(&mut self, ref_no: &RefNo, until: Millis) {
        let Some(recipient) = self.release(ref_no) else { return };
        if let Some(line) = self.lines.get_mut(&recipient) {
            line.rests_until = Some(until);
            self.resting += line.jobs.len();
            self.offer(&recipient);
        }
    }

    /// Lets a line go that rests.
    pub fn let_go(&mut self, recipient: &str) {
        let Some(line) = self.lines.get_mut(recipient).filter(|line| line.rests_until.is_some()) else { return };
        if let Some(place) = line.place(recipient) {
            self.later.remove(&place);
        }
        line.rests_until = None;
        self.resting -= line.jobs.len();
        self.offer(recipient);
    }

    /// Lets every line go that rests.
    pub fn let_all_go(&mut self) {
        let resting = self.lines.iter().filter(|(_, line)| line.rests_until.is_some());
        let resting: Vec<String> = resting.map(|(recipient, _)| recipient.clone()).collect();
        for recipient in resting {
            self.let_go(&recipient);
        }
    }

    /// Takes the first message that may be sent at `now`, and marks it as under way. It stays in its line until
    /// [`Window::done`].
    pub fn take(&mut self, now: Millis) -> Option<Job<T>> {
        self.wake(now);
        let (_, recipient) = self.ready.pop_first()?;
        let line = self.lines.get_mut(&recipient)?;
        line.is_busy = true;
        let job = line.jobs.front()?.clone();
        self.under_way.insert(job.ref_no.clone(), (recipient, None));
        Some(job)
    }

    /// A taken message was written out; its acknowledgement is awaited until `deadline`, then it is offered again.
    pub fn sent(&mut self, ref_no: &RefNo, deadline: Millis) {
        if let Some((_, known)) = self.under_way.get_mut(ref_no) {
            if let Some(old) = known.replace(deadline) {
                self.deadlines.remove(&(old, ref_no.clone()));
            }
            self.deadlines.insert((deadline, ref_no.clone()));
        }
    }

    /// No acknowledgement comes any more, of whatever was written out: it is offered again at once.
    pub fn sent_in_vain(&mut self, now: Millis) {
        for (_, ref_no) in self.deadlines.clone() {
            self.again(&ref_no, now, |_| ());
        }
    }

    /// A taken message came to an end: the next of its line may be taken.
    pub fn done(&mut self, ref_no: &RefNo) {
        let Some(recipient) = self.release(ref_no) else { return };
        if let Some(line) = self.lines.get_mut(&recipient) {
            line.jobs.pop_front();
            self.held -= 1;
            if line.jobs.is_empty() {
                self.lines.remove(&recipient);
            } else {
                self.offer(&recipient);
            }
        }
    }

    /// A taken message is to be tried again at `due_at`, before the others of its line; `change` may alter its load.
    pub fn again(&mut self, ref_no: &RefNo, due_at: Millis, change: impl FnOnce(&mut T)) {
        let Some(recipient) = self.release(ref_no) else { return };
        if let Some(head) = self.lines.get_mut(&recipient).and_then(|line| line.jobs.front_mut()) {
            head.due_at = due_at;
            change(&mut head.load);
            self.offer(&recipient);
        }
    }

    /// When the next message could be taken that cannot be taken at `now`.
    pub fn next_event(&self) -> Option<Millis> {
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
            if let Some((_, seq, recipient)) = self.later.pop_first() {
                if let Some(line) = self.lines.get_mut(&recipient).filter(|line| line.rests_until.is_some()) {
                    line.rests_until = None;
                    self.resting -= line.jobs.len();
                }
                self.ready.insert(seq, recipient);
            }
        }
    }

    /// Offers the head of a line that is not busy.
    fn offer(&mut self, recipient: &str) {
        if let Some(place) = self.lines.get(recipient).and_then(|line| line.place(recipient)) {
            self.later.insert(place);
        }
    }

    fn release(&mut self, ref_no: &RefNo) -> Option<String> {
        let (recipient, deadline) = self.under_way.remove(ref_no)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, ref_no.clone()));
        }
        if let Some(line) = self.lines.get_mut(&recipient) {
            line.is_busy = false;
        }
        Some(recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(seq: i64, recipient: &str, due_at: Millis) -> Job<u8> {
        let ref_no = RefNo::parse(&format!("{seq:018X}")).unwrap();
        Job { seq, ref_no, recipient: recipient.into(), due_at, load: 0 }
    }

    #[test]
    fn one_recipients_messages_go_one_after_another_in_their_order() {
        let mut window = Window::default();
        for seq in 1..=3 {
            window.push(job(seq, "a", 0));
        }
        window.push(job(4, "b", 0));
        assert_eq!(window.take(0).map(|job| job.seq), Some(1));
        assert_eq!(window.take(0).map(|job| job.seq), Some(4));
        assert_eq!(window.take(0), None);
        window.done(&job(1, "a", 0).ref_no);
        assert_eq!(window.take(0).map(|job| job.seq), Some(2));
        assert_eq!(window.len(), 3);
    }

    #[test]
    fn a_message_that_waits_holds_up_its_own_line_only() {
        let mut window = Window::default();
        window.push(job(1, "a", 0));
        window.push(job(2, "a", 0));
        window.push(job(3, "b", 0));
        let first = window.take(0).unwrap();
        window.again(&first.ref_no, 1_000, |load| *load += 1);
        assert_eq!(window.take(500).map(|job| job.seq), Some(3));
        assert_eq!(window.take(500), None);
        assert_eq!(window.next_event(), Some(1_000));
        let again = window.take(1_000).unwrap();
        assert_eq!((again.seq, again.load), (1, 1));
    }

    #[test]
    fn a_line_that_rests_waits_whole_takes_no_room_and_can_be_let_go() {
        let mut window = Window::default();
        window.push(job(1, "a", 0));
        window.push(job(2, "b", 0));
        for until in [9_000, 5_000] {
            let taken = window.take(0).unwrap();
            window.rest(&taken.ref_no, until);
        }
        window.push(job(3, "a", 0));
        assert_eq!((window.take(4_999), window.next_event()), (None, Some(5_000)));
        assert_eq!((window.len(), window.room()), (3, limits::DEVICE_WINDOW_MESSAGES_MAX));
        assert_eq!(window.take(5_000).map(|job| job.seq), Some(2));
        window.let_go("a");
        window.let_go("nobody");
        assert_eq!(window.room(), limits::DEVICE_WINDOW_MESSAGES_MAX - 3);
        assert_eq!(window.peek(5_000).map(|job| job.seq), Some(1));
        let first = window.take(5_000).unwrap();
        assert_eq!(window.recipient(&first.ref_no), Some("a"));
        window.rest(&first.ref_no, 20_000);
        window.let_all_go();
        assert_eq!(window.take(5_000).map(|job| job.seq), Some(1));
        window.done(&first.ref_no);
        assert_eq!(window.take(5_000).map(|job| job.seq), Some(3));
    }

    #[test]
    fn a_message_without_an_acknowledgement_is_offered_again() {
        let mut window = Window::default();
        window.push(job(1, "a", 0));
        let first = window.take(0).unwrap();
        window.sent(&first.ref_no, 60_000);
        assert_eq!(window.take(59_999), None);
        assert_eq!(window.next_event(), Some(60_000));
        assert_eq!(window.take(60_000).map(|job| job.seq), Some(1));
        window.sent(&first.ref_no, 120_000);
        window.sent_in_vain(70_000);
        assert_eq!(window.take(70_000).map(|job| job.seq), Some(1));
        window.done(&first.ref_no);
        assert_eq!((window.is_empty(), window.next_event()), (true, None));
    }

    #[test]
    fn a_message_is_pushed_once() {
        let mut window = Window::default();
        window.push(job(1, "a", 0));
        window.push(job(1, "a", 0));
        assert_eq!((window.len(), window.cursor()), (1, 1));
    }

    proptest! {
        /// Whatever happens in whatever order: each line's messages end in their order, and none is lost.
        #[test]
        fn no_order_of_events_loses_a_message_or_turns_two_round(steps in prop::collection::vec((0u8..7, 0usize..8), 1..200)) {
            let mut window = Window::default();
            let (mut pushed, mut now) = (0, 0);
            let mut taken: Vec<Job<u8>> = Vec::new();
            let mut ended: HashMap<String, Vec<i64>> = HashMap::new();
            for (what, which) in steps {
                let picked = (!taken.is_empty()).then(|| which % taken.len().max(1));
                match (what, picked) {
                    (0, _) => {
                        pushed += 1;
                        window.push(job(pushed, &format!("r{}", which % 3), 0));
                    }
                    (1, _) => taken.extend(window.take(now).inspect(|job| {
                        assert!(!taken.iter().any(|other| other.recipient == job.recipient && other.seq != job.seq));
                    })),
                    (2, Some(at)) => {
                        let job = taken.swap_remove(at);
                        window.done(&job.ref_no);
                        ended.entry(job.recipient.clone()).or_default().push(job.seq);
                        taken.retain(|other| other.seq != job.seq);
                    }
                    (3, Some(at)) => {
                        let job = taken.swap_remove(at);
                        window.again(&job.ref_no, now + 10, |_| ());
                        taken.retain(|other| other.seq != job.seq);
                    }
                    (4, Some(at)) => {
                        let job = taken.swap_remove(at);
                        window.rest(&job.ref_no, now + 30);
                        taken.retain(|other| other.seq != job.seq);
                    }
                    (5, _) => window.let_go(&format!("r{}", which % 3)),
                    _ => now += 5,
                }
            }
            for line in ended.values() {
                prop_assert!(line.is_sorted());
            }
            for job in taken {
                window.done(&job.ref_no);
                ended.entry(job.recipient).or_default().push(job.seq);
            }
            now += 1_000;
            while let Some(job) = window.take(now) {
                window.done(&job.ref_no);
                ended.entry(job.recipient).or_default().push(job.seq);
            }
            let all: BTreeSet<i64> = ended.values().flatten().copied().collect();
            prop_assert_eq!(all.len() as i64, pushed);
            prop_assert!(window.is_empty());
        }
    }
}
