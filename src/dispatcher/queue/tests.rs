//! The window: what may be taken when, whatever happens.

mod held;

use super::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use crate::limits;

fn job(seq: i64, recipient: &str, due_at: Millis) -> Job<u8> {
    let ref_no = RefNo::parse(&format!("{seq:018X}")).unwrap();
    let (recipient, priority, expires_at) = (recipient.into(), Priority::Normal, Millis::MAX);
    Job { seq, ref_no, recipient, priority, due_at, expires_at, needs_file: false, load: 0 }
}

fn urgent(seq: i64, recipient: &str) -> Job<u8> {
    Job { priority: Priority::High, ..job(seq, recipient, 0) }
}

fn with_file(seq: i64, recipient: &str) -> Job<u8> {
    Job { needs_file: true, ..job(seq, recipient, 0) }
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
    assert_eq!((window.len(), window.room(Priority::Normal)), (3, limits::DEVICE_WINDOW_MESSAGES_MAX));
    assert_eq!(window.take(5_000).map(|job| job.seq), Some(2));
    window.let_go("a");
    window.let_go("nobody");
    assert_eq!(window.room(Priority::Normal), limits::DEVICE_WINDOW_MESSAGES_MAX - 2);
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
    assert_eq!((window.len(), window.cursor(Priority::Normal)), (1, 1));
}

#[test]
fn a_higher_priority_leaves_first_and_has_room_of_its_own() {
    let mut window = Window::default();
    window.push(job(1, "a", 0));
    window.push(job(2, "a", 0));
    for seq in 3..=limits::DEVICE_WINDOW_MESSAGES_MAX as i64 + 1 {
        window.push(job(seq, &format!("r{seq}"), 0));
    }
    assert_eq!(window.room(Priority::Normal), 0);
    assert_eq!(window.room(Priority::High), limits::DEVICE_WINDOW_MESSAGES_MAX);
    assert_eq!(window.take(0).map(|job| job.seq), Some(1));
    // It passes one to the same recipient that is under way.
    window.push(urgent(2_000, "a"));
    assert_eq!(window.peek(0).map(|job| job.seq), Some(2_000));
    assert_eq!(window.take(0).map(|job| job.seq), Some(2_000));
    window.done(&urgent(2_000, "a").ref_no);
    window.done(&job(1, "a", 0).ref_no);
    assert_eq!(window.take(0).map(|job| job.seq), Some(2));
}

#[test]
fn a_message_that_needs_a_file_holds_its_line_until_it_steps_aside_and_takes_no_room() {
    let mut window = Window::default();
    window.push(with_file(1, "a"));
    window.push(job(2, "a", 0));
    window.push(with_file(3, "b"));
    assert_eq!((window.take(0), window.next_event()), (None, None));
    assert_eq!(window.room(Priority::Normal), limits::DEVICE_WINDOW_MESSAGES_MAX);
    let aside = window.step_aside(&job(1, "a", 0).ref_no).unwrap();
    assert_eq!(window.take(0).map(|job| job.seq), Some(2));
    // Its file is there: it goes behind the one that was taken, and before the others.
    window.push(job(4, "a", 0));
    window.restore(Job { needs_file: false, ..aside });
    window.fetched(&job(3, "b", 0).ref_no, |load| *load += 1);
    assert_eq!(window.take(0).map(|job| (job.seq, job.load)), Some((3, 1)));
    window.done(&job(2, "a", 0).ref_no);
    assert_eq!(window.take(0).map(|job| job.seq), Some(1));
    window.done(&job(1, "a", 0).ref_no);
    assert_eq!(window.take(0).map(|job| job.seq), Some(4));
    assert_eq!((window.len(), window.step_aside(&job(3, "b", 0).ref_no)), (2, None));
}

#[test]
fn messages_in_backoff_take_no_room() {
    let mut window = Window::default();
    for seq in 1..=limits::DEVICE_WINDOW_MESSAGES_MAX as i64 {
        window.push(job(seq, &format!("r{seq}"), 0));
        let taken = window.take(0).unwrap();
        window.again(&taken.ref_no, 60_000, |_| ());
    }
    assert_eq!(window.room(Priority::Normal), limits::DEVICE_WINDOW_MESSAGES_MAX);
    assert!(window.take(59_999).is_none() && window.take(60_000).is_some());
    assert_eq!(window.room(Priority::Normal), 0);
}

/// What a store would answer for the lines that have moved on, of all that was pushed.
fn refill(window: &mut Window<u8>, stored: &BTreeMap<i64, Job<u8>>) -> Vec<Job<u8>> {
    let mut loaded = Vec::new();
    for line in window.short(9) {
        let is_behind = |job: &&Job<u8>| {
            let is_line = (&job.recipient, job.priority) == (&line.recipient, line.priority);
            is_line && job.seq > line.after && job.seq <= line.until
        };
        let found = stored.values().filter(is_behind).take(limits::LINE_MESSAGES_MAX).cloned();
        let found: Vec<_> = found.collect();
        loaded.extend(found.clone());
        let is_all = found.len() < limits::LINE_MESSAGES_MAX;
        window.refill(&line, found, is_all);
    }
    loaded
}

#[test]
fn a_burst_to_one_recipient_takes_the_room_of_one_message_and_keeps_its_order() {
    let (mut window, mut stored) = (Window::default(), BTreeMap::new());
    for seq in 1..=600 {
        window.push(job(seq, "a", 0));
        stored.insert(seq, job(seq, "a", 0));
    }
    assert_eq!((window.len(), window.cursor(Priority::Normal)), (limits::LINE_MESSAGES_MAX, 600));
    // Its head awaits an acknowledgement that is lost.
    let first = window.take(0).unwrap();
    window.sent(&first.ref_no, 60_000);
    assert_eq!(window.room(Priority::Normal), limits::DEVICE_WINDOW_MESSAGES_MAX - 1);
    assert!(window.is_stuck(Priority::Normal, 0) && window.short(1).is_empty());
    window.push(job(601, "b", 0));
    assert!(!window.is_stuck(Priority::Normal, 0));
    assert_eq!(window.take(0).map(|job| job.seq), Some(601));
    window.done(&job(601, "b", 0).ref_no);
    window.done(&first.ref_no);
    stored.remove(&1);
    let (mut ended, mut loads) = (vec![1], 0);
    loop {
        loads += usize::from(!refill(&mut window, &stored).is_empty());
        assert!(window.len() <= 2 * limits::LINE_MESSAGES_MAX);
        let Some(job) = window.take(0) else { break };
        window.done(&job.ref_no);
        stored.remove(&job.seq);
        ended.push(job.seq);
    }
    assert!(ended.iter().copied().eq(1..=600) && window.is_empty(), "{ended:?}");
    assert!(loads <= 600 / (limits::LINE_MESSAGES_MAX - limits::LINE_MESSAGES_MIN), "{loads}");
}

#[test]
fn what_is_accepted_while_a_line_is_long_is_behind_what_the_store_holds_of_it() {
    let (mut window, mut stored) = (Window::default(), BTreeMap::new());
    for seq in 1..=20 {
        window.push(job(seq, "a", 0));
        stored.insert(seq, job(seq, "a", 0));
    }
    let mut ended = Vec::new();
    for late in [21, 22, 23] {
        for _ in 0..6 {
            let taken = window.take(0).unwrap();
            window.done(&taken.ref_no);
            stored.remove(&taken.seq);
            ended.push(taken.seq);
        }
        // One was cancelled.
        stored.remove(&19);
        stored.insert(late, job(late, "a", 0));
        refill(&mut window, &stored);
        window.push(job(late, "a", 0));
        refill(&mut window, &stored);
    }
    ended.extend(std::iter::from_fn(|| {
        let taken = window.take(0)?;
        window.done(&taken.ref_no);
        Some(taken.seq)
    }));
    assert_eq!(ended, (1..=23).filter(|seq| *seq != 19).collect::<Vec<_>>());
}

#[test]
fn a_line_goes_on_when_its_head_expires_or_is_found_to_have_ended() {
    let mut window = Window::default();
    window.push(Job { expires_at: 5_000, ..job(1, "a", 0) });
    window.push(job(2, "a", 0));
    window.push(with_file(3, "b"));
    window.push(job(4, "b", 0));
    let first = window.take(0).unwrap();
    assert_eq!(window.blocking().iter().map(|one| one.seq).collect::<Vec<_>>(), [3]);
    window.again(&first.ref_no, 900_000, |_| ());
    assert_eq!(window.next_event(), Some(5_000));
    let mut blocking = window.blocking();
    blocking.sort_by_key(|one| one.seq);
    assert_eq!(blocking.iter().map(|one| one.seq).collect::<Vec<_>>(), [1, 3]);
    // It is offered when its time is over, to be found expired; so it is where its line rests.
    assert_eq!((window.take(4_999), window.take(5_000).map(|job| job.seq)), (None, Some(1)));
    window.rest(&first.ref_no, 900_000);
    assert_eq!(window.take(5_000).map(|job| job.seq), Some(1));
    window.again(&first.ref_no, 900_000, |_| ());
    for one in &blocking {
        window.remove(one);
        window.remove(one);
    }
    assert_eq!([window.take(0), window.take(0)].map(|job| job.map(|job| job.seq)), [Some(2), Some(4)]);
    // One that was taken is not removed.
    window.remove(&Blocking {
        seq: 2,
        ref_no: job(2, "a", 0).ref_no,
        recipient: "a".into(),
        priority: Priority::Normal,
    });
    assert_eq!((window.len(), window.blocking()), (2, Vec::new()));
}

/// Of each recipient and priority, the messages that ended, in that order.
type Ended = HashMap<(String, Priority), Vec<i64>>;

/// Brings the files that are missing, restores what stepped aside, and ends everything.
fn drain(
    window: &mut Window<u8>,
    stored: &mut BTreeMap<i64, Job<u8>>,
    aside: Vec<Job<u8>>,
    now: Millis,
    ended: &mut Ended,
) {
    for job in aside {
        window.restore(Job { needs_file: false, ..job });
    }
    loop {
        for job in stored.values_mut() {
            job.needs_file = false;
            window.fetched(&job.ref_no, |_| ());
        }
        refill(window, stored);
        let Some(job) = window.take(now) else { break };
        end(window, stored, job, ended);
    }
}

/// Some messages to one recipient: a burst, or one. Gives those that are in memory and whose files are missing.
fn push(
    window: &mut Window<u8>,
    stored: &mut BTreeMap<i64, Job<u8>>,
    pushed: &mut i64,
    which: usize,
    needs_file: bool,
) -> Vec<Job<u8>> {
    let (priority, recipient) = (Priority::ALL[which / 3 % 3], format!("r{}", which % 3));
    let mut needy = Vec::new();
    for _ in 0..if which < 6 { 9 } else { 1 } {
        *pushed += 1;
        let new = Job { priority, needs_file, ..job(*pushed, &recipient, 0) };
        stored.insert(*pushed, new.clone());
        if window.push(new.clone()) && needs_file {
            needy.push(new);
        }
    }
    needy
}

/// A message that was taken came to its end.
fn end(window: &mut Window<u8>, stored: &mut BTreeMap<i64, Job<u8>>, job: Job<u8>, ended: &mut Ended) {
    window.done(&job.ref_no);
    stored.remove(&job.seq);
    ended.entry((job.recipient, job.priority)).or_default().push(job.seq);
}

proptest! {
    /// Whatever happens in whatever order: of each recipient the messages of one priority end in their order, but for those
    /// that stepped aside, and none is lost.
    #[test]
    fn no_order_of_events_loses_a_message_or_turns_two_round(steps in prop::collection::vec((0u8..10, 0usize..18), 1..200)) {
        let mut window = Window::default();
        let (mut pushed, mut now) = (0, 0);
        let mut taken: Vec<Job<u8>> = Vec::new();
        let mut needy: Vec<Job<u8>> = Vec::new();
        let mut stored: BTreeMap<i64, Job<u8>> = BTreeMap::new();
        let mut aside: Vec<Job<u8>> = Vec::new();
        let mut passed: BTreeSet<i64> = BTreeSet::new();
        let mut ended = Ended::new();
        for (what, which) in steps {
            let picked = (!taken.is_empty()).then(|| which % taken.len().max(1));
            match (what, picked) {
                (0 | 7, _) => needy.extend(push(&mut window, &mut stored, &mut pushed, which, what == 7)),
                (1, _) => taken.extend(window.take(now).inspect(|job| {
                    let same = |other: &Job<u8>| (&other.recipient, other.priority) == (&job.recipient, job.priority);
                    assert!(!taken.iter().any(|other| same(other) && other.seq != job.seq));
                    assert!(!job.needs_file);
                })),
                (2, Some(at)) => {
                    let job = taken.swap_remove(at);
                    taken.retain(|other| other.seq != job.seq);
                    end(&mut window, &mut stored, job, &mut ended);
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
                (8, _) if !needy.is_empty() => {
                    let job = needy.swap_remove(which % needy.len());
                    if which % 2 == 0 {
                        window.fetched(&job.ref_no, |_| ());
                        stored.entry(job.seq).and_modify(|job| job.needs_file = false);
                    } else {
                        passed.insert(job.seq);
                        stored.remove(&job.seq);
                        aside.extend(window.step_aside(&job.ref_no));
                    }
                }
                (9, _) => {
                    if let Some(job) = aside.pop() {
                        let job = Job { needs_file: false, ..job };
                        stored.insert(job.seq, job.clone());
                        window.restore(job);
                    }
                }
                _ => now += 5,
            }
            needy.extend(refill(&mut window, &stored).into_iter().filter(|job| job.needs_file));
        }
        for line in ended.values() {
            prop_assert!(line.iter().filter(|seq| !passed.contains(*seq)).is_sorted());
        }
        for job in taken {
            end(&mut window, &mut stored, job, &mut ended);
        }
        drain(&mut window, &mut stored, aside, now + 1_000, &mut ended);
        let all: BTreeSet<i64> = ended.values().flatten().copied().collect();
        prop_assert_eq!(all.len() as i64, pushed);
        prop_assert!(window.is_empty());
        let room = limits::DEVICE_WINDOW_MESSAGES_MAX;
        prop_assert!(Priority::ALL.into_iter().all(|priority| window.room(priority) == room));
    }
}
