//! The window: what may be taken when, whatever happens.

use super::*;
use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use crate::limits;

fn job(seq: i64, recipient: &str, due_at: Millis) -> Job<u8> {
    let ref_no = RefNo::parse(&format!("{seq:018X}")).unwrap();
    Job { seq, ref_no, recipient: recipient.into(), priority: Priority::Normal, due_at, needs_file: false, load: 0 }
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
    assert_eq!(window.room(Priority::Normal), limits::DEVICE_WINDOW_MESSAGES_MAX - 3);
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
    for seq in 1..=limits::DEVICE_WINDOW_MESSAGES_MAX as i64 {
        window.push(job(seq, "a", 0));
    }
    assert_eq!(window.room(Priority::Normal), 0);
    assert_eq!(window.room(Priority::High), limits::DEVICE_WINDOW_MESSAGES_MAX);
    assert_eq!(window.take(0).map(|job| job.seq), Some(1));
    // It passes one to the same recipient that is under way.
    window.push(urgent(2_000, "a"));
    assert_eq!(window.peek(0).map(|job| job.seq), Some(2_000));
    assert_eq!(window.take(0).map(|job| job.seq), Some(2_000));
    assert_eq!(window.take(0), None);
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

proptest! {
    /// Whatever happens in whatever order: of each recipient the messages of one priority end in their order, but for those
    /// that stepped aside, and none is lost.
    #[test]
    fn no_order_of_events_loses_a_message_or_turns_two_round(steps in prop::collection::vec((0u8..10, 0usize..18), 1..200)) {
        let mut window = Window::default();
        let (mut pushed, mut now) = (0, 0);
        let mut taken: Vec<Job<u8>> = Vec::new();
        let mut needy: Vec<Job<u8>> = Vec::new();
        let mut aside: Vec<Job<u8>> = Vec::new();
        let mut passed: BTreeSet<i64> = BTreeSet::new();
        let mut ended: HashMap<(String, Priority), Vec<i64>> = HashMap::new();
        for (what, which) in steps {
            let picked = (!taken.is_empty()).then(|| which % taken.len().max(1));
            match (what, picked) {
                (0 | 7, _) => {
                    pushed += 1;
                    let priority = Priority::ALL[which / 3 % 3];
                    let new = Job { priority, needs_file: what == 7, ..job(pushed, &format!("r{}", which % 3), 0) };
                    window.push(new.clone());
                    needy.extend(Some(new).filter(|new| new.needs_file));
                }
                (1, _) => taken.extend(window.take(now).inspect(|job| {
                    let same = |other: &Job<u8>| (&other.recipient, other.priority) == (&job.recipient, job.priority);
                    assert!(!taken.iter().any(|other| same(other) && other.seq != job.seq));
                    assert!(!job.needs_file);
                })),
                (2, Some(at)) => {
                    let job = taken.swap_remove(at);
                    window.done(&job.ref_no);
                    ended.entry((job.recipient.clone(), job.priority)).or_default().push(job.seq);
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
                (8, _) if !needy.is_empty() => {
                    let job = needy.swap_remove(which % needy.len());
                    if which % 2 == 0 {
                        window.fetched(&job.ref_no, |_| ());
                    } else {
                        passed.insert(job.seq);
                        aside.extend(window.step_aside(&job.ref_no));
                    }
                }
                (9, _) => {
                    if let Some(job) = aside.pop() {
                        window.restore(Job { needs_file: false, ..job });
                    }
                }
                _ => now += 5,
            }
        }
        for line in ended.values() {
            prop_assert!(line.iter().filter(|seq| !passed.contains(*seq)).is_sorted());
        }
        for job in taken {
            window.done(&job.ref_no);
            ended.entry((job.recipient, job.priority)).or_default().push(job.seq);
        }
        for job in needy {
            window.fetched(&job.ref_no, |_| ());
        }
        for job in aside {
            window.restore(Job { needs_file: false, ..job });
        }
        now += 1_000;
        while let Some(job) = window.take(now) {
            window.done(&job.ref_no);
            ended.entry((job.recipient, job.priority)).or_default().push(job.seq);
        }
        let all: BTreeSet<i64> = ended.values().flatten().copied().collect();
        prop_assert_eq!(all.len() as i64, pushed);
        prop_assert!(window.is_empty());
        let room = limits::DEVICE_WINDOW_MESSAGES_MAX;
        prop_assert!(Priority::ALL.into_iter().all(|priority| window.room(priority) == room));
    }
}
