//! The window: messages that wait for a later moment leave room for others, however they came to wait.

use super::*;

/// Fills a window with messages that are tried again at 60 s, each of which became the head of its line in that way.
fn fill(put: impl Fn(&mut Window<u8>, i64, &str)) -> Window<u8> {
    let mut window = Window::default();
    window.wake(1_000);
    for at in 0..limits::DEVICE_WINDOW_MESSAGES_MAX as i64 {
        put(&mut window, at * 10, &format!("r{at}"));
    }
    window
}

/// Takes the first message of a recipient.
fn end_first(window: &mut Window<u8>) {
    let taken = window.take(1_000).unwrap();
    window.done(&taken.ref_no);
}

#[test]
fn messages_in_backoff_take_no_room_however_they_came_to_be_first() {
    let loaded = fill(|window, seq, to| {
        window.push(job(seq + 1, to, 60_000));
    });
    let next_in_line = fill(|window, seq, to| {
        window.push(job(seq + 1, to, 0));
        window.push(job(seq + 2, to, 60_000));
        end_first(window);
    });
    let refilled = fill(|window, seq, to| {
        window.push(job(seq + 1, to, 0));
        let line = Short { recipient: to.into(), priority: Priority::Normal, after: seq + 1, until: seq + 2 };
        window.refill(&line, vec![job(seq + 2, to, 60_000)], true);
        end_first(window);
    });
    let restored = fill(|window, seq, to| window.restore(job(seq + 1, to, 60_000)));
    let behind_a_removed = fill(|window, seq, to| {
        window.push(job(seq + 1, to, 60_000));
        window.push(job(seq + 2, to, 60_000));
        let first = window.blocking().into_iter().find(|one| one.seq == seq + 1).unwrap();
        window.remove(&first);
    });
    for mut window in [loaded, next_in_line, refilled, restored, behind_a_removed] {
        assert_eq!(window.room(Priority::Normal), limits::DEVICE_WINDOW_MESSAGES_MAX);
        assert!(window.take(59_999).is_none());
        // They take it when they are due, though none is taken.
        window.wake(60_000);
        assert_eq!(window.room(Priority::Normal), 0);
    }
}

#[test]
fn messages_in_backoff_that_were_loaded_are_looked_up_for_those_behind_them() {
    let mut window = Window::default();
    window.wake(1_000);
    window.push(job(1, "a", 60_000));
    window.push(job(2, "a", 0));
    window.push(job(3, "b", 1_000));
    window.push(job(4, "b", 1_000));
    let blocking = window.blocking();
    assert_eq!(blocking.iter().map(|one| one.seq).collect::<Vec<_>>(), [1]);
    window.remove(&blocking[0]);
    assert_eq!([window.take(1_000), window.take(1_000)].map(|job| job.map(|job| job.seq)), [Some(2), Some(3)]);
}

#[test]
fn where_nothing_more_fits_all_that_wait_are_looked_up_in_turn_except_those_under_way() {
    let (mut window, slice) = (Window::default(), limits::DEVICE_WINDOW_MESSAGES_MAX);
    let max = limits::DEVICE_HELD_MESSAGES_MAX as i64;
    let taken = job(1, "r1", 0);
    window.push(taken.clone());
    window.take(0);
    for seq in 2..=max {
        // Each second one is behind another.
        let to = format!("r{}", seq / 2 * 2);
        window.push(job(seq, &to, 0));
        if let Some(first) = window.take(0) {
            window.rest(&first.ref_no, 900_000);
        }
        assert!(seq > max / 2 || window.next_held(slice).is_empty());
    }
    assert_eq!(window.room(Priority::Normal), 0);
    let rounds = limits::DEVICE_HELD_MESSAGES_MAX.div_ceil(slice);
    let found: BTreeSet<i64> = (0..rounds).flat_map(|_| window.next_held(slice)).map(|one| one.seq).collect();
    assert!(found.into_iter().eq(2..=max));
    // Those that have ended make room, wherever they stood in their lines.
    for one in window.next_held(slice).into_iter().filter(|one| one.seq % 3 > 0) {
        window.remove(&one);
    }
    assert!(window.room(Priority::Normal) > slice / 2 && window.next_held(slice).is_empty());
    window.done(&taken.ref_no);
}

#[test]
fn messages_that_may_be_taken_are_found_to_have_ended_together() {
    let mut window = Window::default();
    for (seq, to) in [(1, "a"), (2, "b"), (3, "b"), (4, "c"), (5, "d")] {
        window.push(job(seq, to, 0));
    }
    window.push(job(6, "e", 60_000));
    window.push(urgent(7, "a"));
    assert_eq!(window.take(0).map(|job| job.seq), Some(7));
    assert_eq!(window.take(0).map(|job| job.seq), Some(1));
    let ready = window.ready(2);
    assert_eq!(ready.iter().map(|one| one.seq).collect::<Vec<_>>(), [2, 4]);
    for one in &ready {
        window.remove(one);
    }
    assert_eq!(
        [window.take(0), window.take(0), window.take(0)].map(|job| job.map(|job| job.seq)),
        [Some(3), Some(5), None]
    );
}
