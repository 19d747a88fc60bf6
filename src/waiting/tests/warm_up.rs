//! On which day a message's turn comes while its account is new.

use super::*;

#[test]
fn a_campaign_that_a_new_account_cannot_send_today_says_of_each_message_on_which_day_it_leaves() {
    let mut device = device(Kind::Web, DeviceState::Online);
    Restraint::WarmUp.put_on(&mut device);
    let midnight = Restraint::WarmUp.until();
    let pace = Pace::of(&device);
    let (tomorrow, next) =
        (pace.allowance(midnight).expect("one"), pace.allowance(midnight + 24 * 60 * MINUTE).expect("one"));
    let used = pace.allowance(NOW).expect("one");
    for (ahead, days) in [(0, 0), (tomorrow - 1, 0), (tomorrow, 1), (tomorrow + next - 1, 1), (tomorrow + next, 2)] {
        let message = Message { ahead, ..message(Doing::Fresh, To::Stranger, Priority::Bulk) };
        let found =
            waiting_reason(Sender { device: Some(&device), used, next_slot_at: 0, is_run: true }, &message, NOW);
        assert_eq!(
            (found.code, found.until),
            (ReasonCode::WarmUp, Some(midnight + days * 24 * 60 * MINUTE)),
            "{ahead}"
        );
    }
    // Before the allowance is used up, what is behind it is not promised the next gap.
    let (device, left) = (Device { gap_ms: 1_000, ..device }, 5);
    let last = NOW + left * 1_000;
    for (ahead, begun_ahead, until) in [
        (left - 1, 0, last),
        (left, 0, midnight),
        // What is being sent is counted as used already.
        (left - 1 + 2, 2, last + 2_000),
        (left + 2, 2, midnight),
        (left + tomorrow - 1, 0, midnight),
        (left + tomorrow, 0, midnight + 24 * 60 * MINUTE),
    ] {
        for priority in [Priority::Normal, Priority::High] {
            let message = Message { ahead, begun_ahead, ..message(Doing::Fresh, To::Stranger, priority) };
            let sender = Sender { device: Some(&device), used: used - left, next_slot_at: NOW + 1_000, is_run: true };
            let found = waiting_reason(sender, &message, NOW);
            let until = if priority == Priority::High { NOW + (ahead + 1) * 1_000 } else { until };
            assert_eq!((found.code, found.until), (ReasonCode::Turn, Some(until)), "{ahead} {priority:?}");
            let is_later = found.reason.ends_with("; the account is new, and its turn comes on a later day");
            assert_eq!(is_later, until >= midnight, "{}", found.reason);
        }
    }
    // Nor is what is being sent counted twice once the allowance is used up.
    let message =
        Message { ahead: tomorrow + 2, begun_ahead: 3, ..message(Doing::Fresh, To::Stranger, Priority::Bulk) };
    let sender = Sender { device: Some(&device), used, next_slot_at: 0, is_run: true };
    assert_eq!(waiting_reason(sender, &message, NOW).until, Some(midnight));
}

#[test]
fn what_holds_a_message_first_does_not_hide_that_its_turn_in_the_warm_up_comes_later() {
    let day = 24 * 60 * MINUTE;
    for restraint in [Restraint::Quiet, Restraint::NewContacts, Restraint::Slowed] {
        let mut device = device(Kind::Web, DeviceState::Online);
        (device.warm_up, device.linked_at) = (true, Some(NOW));
        let pace = Pace::of(&device);
        let (midnight, today) = (pace.next_midnight(NOW), pace.allowance(NOW).expect("one"));
        let tomorrow = pace.allowance(midnight).expect("one");
        restraint.put_on(&mut device);
        let found = |to, ahead| {
            let message = Message { ahead, ..message(Doing::Fresh, to, Priority::Normal) };
            waiting_reason(Sender { device: Some(&device), used: 0, next_slot_at: 0, is_run: true }, &message, NOW)
        };
        let later = found(To::Stranger, today + tomorrow + 1);
        assert_eq!(later.code, restraint.code());
        assert!(later.until.is_some_and(|until| until >= midnight + day), "{later:?}");
        assert!(later.reason.ends_with("; the account is new, and its turn comes on a later day"), "{later:?}");
        assert!(!found(To::Stranger, 0).reason.contains("account is new"), "{restraint:?}");
        // Answers are not counted out by the warm-up.
        assert!(!found(To::Today, today + tomorrow + 1).reason.contains("account is new"), "{restraint:?}");
    }
}
