//! Which downloads begin, and who waits.

use futures_util::FutureExt;

use super::*;

fn ref_no(number: u8) -> RefNo {
    RefNo::parse(&format!("{number:018X}")).unwrap()
}

/// What a device gets that waits for nothing.
fn begin(hosts: &Hosts, host: &str, now: Millis) -> Option<Permit> {
    match hosts.ask(host, Priority::Normal, None, &QueueBell::default(), now) {
        Asked::Begun(permit) => Some(permit),
        _ => None,
    }
}

fn wait(hosts: &Hosts, priority: Priority, place: Option<Place>, bell: &QueueBell) -> Place {
    match hosts.ask("a", priority, place, bell, 0) {
        Asked::Wait(place) | Asked::Full(place) => place,
        _ => panic!("it begins"),
    }
}

fn is_rung(bell: &QueueBell) -> bool {
    bell.rung().now_or_never().is_some()
}

fn failed(wait_ms: Option<Millis>) -> Outcome {
    Outcome::Failed { wait_ms, has_answered: false }
}

#[test]
fn a_server_has_few_downloads_at_once_and_does_not_hold_up_another() {
    let hosts = Hosts::default();
    let all: Vec<_> = (0..limits::HOST_FETCHES_MAX).filter_map(|_| begin(&hosts, "a", 0)).collect();
    assert_eq!(all.len(), limits::HOST_FETCHES_MAX);
    assert!(begin(&hosts, "a", 0).is_none() && begin(&hosts, "b", 0).is_some());
    drop(all);
    assert!(begin(&hosts, "a", 0).is_some());
}

#[test]
fn a_free_slot_is_the_first_waiting_devices_and_what_is_urgent_comes_first() {
    let hosts = Hosts::default();
    let [bulk, normal, urgent] = [QueueBell::default(), QueueBell::default(), QueueBell::default()];
    let mut all: Vec<_> = (0..limits::HOST_FETCHES_MAX).filter_map(|_| begin(&hosts, "a", 0)).collect();
    let first = wait(&hosts, Priority::Normal, None, &normal);
    let campaign = wait(&hosts, Priority::Bulk, None, &bulk);
    let code = wait(&hosts, Priority::High, None, &urgent);
    all.pop();
    // Who has the others may not take it, nor may those that wait behind.
    assert!(begin(&hosts, "a", 0).is_none() && is_rung(&urgent) && !is_rung(&normal));
    let first = wait(&hosts, Priority::Normal, Some(first), &normal);
    let Asked::Begun(permit) = hosts.ask("a", Priority::High, Some(code), &urgent, 0) else { panic!("it waits") };
    all.push(permit);
    all.pop();
    assert!(is_rung(&normal) && !is_rung(&bulk) && begin(&hosts, "a", 0).is_none());
    // One that wants it no more is in nobody's way.
    drop(first);
    assert!(is_rung(&bulk));
    assert!(matches!(hosts.ask("a", Priority::Bulk, Some(campaign), &bulk, 0), Asked::Begun(_)));
    assert!(begin(&hosts, "a", 0).is_some());
}

#[test]
fn what_is_urgent_finds_a_slot_beside_any_campaign_and_a_full_node_is_shared_too() {
    let (hosts, bell) = (Hosts::default(), QueueBell::default());
    let mut running = Vec::new();
    let mut most = |priority| {
        for number in 0.. {
            match hosts.ask(&format!("{priority:?}{number}"), priority, None, &bell, 0) {
                Asked::Begun(permit) => running.push(permit),
                _ => break,
            }
        }
        running.len()
    };
    let most = [most(Priority::Bulk), most(Priority::Normal), most(Priority::High)];
    let kept = Priority::ALL.map(|priority| Standing::New.of_node(priority));
    assert_eq!(most, [kept[2], kept[1], kept[0]]);
    assert!(kept.is_sorted_by(|one, other| one > other));
    let other = QueueBell::default();
    let place = wait(&hosts, Priority::High, None, &other);
    running.pop();
    assert!(is_rung(&other));
    assert!(!matches!(hosts.ask("b", Priority::High, None, &bell, 0), Asked::Begun(_)));
    assert!(matches!(hosts.ask("a", Priority::High, Some(place), &other, 0), Asked::Begun(_)));
}

#[test]
fn a_server_that_fails_rests_for_longer_and_longer_until_it_answers() {
    let hosts = Hosts::default();
    let mut now = 0;
    let fail = |number, now| begin(&hosts, "a", now).unwrap().end(&ref_no(number), &failed(None), now);
    fail(1, now);
    // One file that fails again and again is one fault.
    fail(1, now);
    assert_eq!(hosts.rest("a", now), None);
    let mut lengths = Vec::new();
    for number in 2..20 {
        fail(number, now);
        let rest = hosts.rest("a", now).unwrap();
        assert!(begin(&hosts, "a", rest.until - 1).is_none());
        lengths.push(rest.until - now);
        now = rest.until;
    }
    assert!(lengths.is_sorted() && lengths[0] == limits::HOST_REST_MS_MIN);
    assert_eq!(lengths.last(), Some(&limits::HOST_REST_MS_MAX));
    // Another of its files may be good where it answers.
    let answers_with_an_error = Outcome::Failed { wait_ms: None, has_answered: true };
    begin(&hosts, "a", now).unwrap().end(&ref_no(20), &answers_with_an_error, now);
    now = hosts.rest("a", now).map(|rest| rest.until).filter(|until| *until == now + limits::HOST_REST_MS_MIN).unwrap();
    // One at a time finds out whether it is back.
    let probe = begin(&hosts, "a", now).unwrap();
    assert!(begin(&hosts, "a", now).is_none());
    probe.end(&ref_no(21), &Outcome::Answered, now);
    assert!(begin(&hosts, "a", now).is_some() && begin(&hosts, "a", now).is_some());
}

#[test]
fn a_server_that_says_for_how_long_is_left_alone_for_so_long_but_no_more_than_a_minute() {
    let hosts = Hosts::default();
    begin(&hosts, "a", 0).unwrap().end(&ref_no(1), &failed(Some(9_000)), 0);
    assert_eq!(hosts.rest("a", 8_999), Some(Rest { until: 9_000, reason: ASKED_TO_WAIT.into() }));
    assert_eq!(hosts.rest("a", 9_000), None);
    // A failure says nothing of how long, and does not shorten it.
    let both = [begin(&hosts, "b", 0).unwrap(), begin(&hosts, "b", 0).unwrap()];
    let wanted = [Some(1_800_000), None];
    for ((number, permit), wait_ms) in (1..).zip(both).zip(wanted) {
        permit.end(&ref_no(number), &failed(wait_ms), 0);
    }
    let rest = Rest { until: limits::HOST_REST_MS_MAX, reason: ASKED_TO_WAIT.into() };
    assert_eq!(hosts.rest("b", 0), Some(rest));
    for number in 1..=2 {
        begin(&hosts, "c", 0).unwrap().end(&ref_no(number), &failed(None), 0);
    }
    assert_eq!(hosts.rest("c", 0).map(|rest| rest.reason), Some(RESTS.to_owned()));
}
