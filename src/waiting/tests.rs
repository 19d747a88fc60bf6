//! Every state of a device, with every pacing and every state of a message: the code, the end and the place.

use super::*;
use crate::device_status::tests::{NOW, Restraint, device, sets, shown};

mod warm_up;

const MINUTE: Millis = 60_000;

/// What a message is doing beside waiting for its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Fresh,
    Scheduled,
    UnderWay,
    /// Its acknowledgement is late.
    Unacknowledged,
    /// An attempt that ended with its process long ago.
    LeftBehind,
    SetAside(&'static str),
    /// It was tried, and is due again.
    DueAgain,
    /// Its file failed to come, and is being downloaded again.
    Downloading,
    /// A message before it to the same recipient is tried again.
    Behind,
    /// That one was sent, and its acknowledgement is late.
    BehindUnacknowledged,
    /// Its file is downloaded for the first time, and nothing is ahead of it.
    FirstDownload,
    /// A message before it to the same recipient is like that.
    BehindFile,
}

const DOINGS: [Doing; 15] = [
    Doing::Fresh,
    Doing::Scheduled,
    Doing::UnderWay,
    Doing::LeftBehind,
    Doing::SetAside("media"),
    Doing::SetAside("retry"),
    Doing::SetAside("rate_limited"),
    Doing::SetAside("new_contacts"),
    Doing::DueAgain,
    Doing::Downloading,
    Doing::Behind,
    Doing::Unacknowledged,
    Doing::BehindUnacknowledged,
    Doing::FirstDownload,
    Doing::BehindFile,
];

/// Who the message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Stranger,
    /// Wrote a minute ago.
    Awake,
    /// Wrote an hour ago.
    Today,
    /// Wrote two days ago.
    Before,
    /// A message was delivered to it.
    Reached,
    Group,
}

const TOS: [To; 6] = [To::Stranger, To::Awake, To::Today, To::Before, To::Reached, To::Group];

fn message(doing: Doing, to: To, priority: Priority) -> Message<'static> {
    let wrote_at = match to {
        To::Awake => Some(NOW - MINUTE),
        To::Today => Some(NOW - 60 * MINUTE),
        To::Before => Some(NOW - 2 * 24 * 60 * MINUTE),
        To::Stranger | To::Reached | To::Group => None,
    };
    let fresh = Message {
        priority,
        is_group: to == To::Group,
        attempts: 0,
        due_at: NOW,
        expires_at: Millis::MAX,
        under_way_at: None,
        wait_code: None,
        wait_reason: None,
        recipient: Recipient { wrote_at, was_reached: to == To::Reached },
        blocker: None,
        awaits_file: false,
        is_behind_file: false,
        ahead: 3,
        begun_ahead: 0,
    };
    let tried = Message { attempts: 1, ..fresh };
    match doing {
        Doing::Fresh => fresh,
        Doing::Scheduled => Message { due_at: NOW + 7, ..fresh },
        Doing::UnderWay => Message { under_way_at: Some(NOW - MINUTE), ..tried },
        Doing::LeftBehind => Message { under_way_at: Some(NOW - 10 * MINUTE), ..tried },
        Doing::SetAside(code) => {
            // A file that is not there yet was never handed to WhatsApp.
            let attempts = i64::from(code != "media");
            Message { due_at: NOW + 9, attempts, wait_code: Some(code), wait_reason: Some("no luck"), ..fresh }
        }
        Doing::DueAgain => tried,
        Doing::Behind => {
            let blocker = Blocker { code: ReasonCode::Retry, until: NOW + 11 };
            Message { blocker: Some(blocker), ..fresh }
        }
        Doing::BehindUnacknowledged => {
            let blocker = Blocker { code: ReasonCode::Turn, until: NOW + 13 };
            Message { blocker: Some(blocker), ..fresh }
        }
        Doing::Unacknowledged => {
            let wait_code = Some("turn");
            Message { under_way_at: Some(NOW - 3_000), due_at: NOW + 13, wait_code, ..tried }
        }
        Doing::FirstDownload => Message { awaits_file: true, ahead: 0, ..fresh },
        Doing::BehindFile => Message { is_behind_file: true, ahead: 1, ..fresh },
        Doing::Downloading => Message { due_at: NOW, wait_code: Some("media"), wait_reason: Some("no luck"), ..fresh },
    }
}

/// The restraint that holds a message back.
fn holding(set: &[Restraint], message: &Message<'_>, to: To) -> Option<Restraint> {
    let is_first = message.attempts == 0;
    let is_exempt = |restraint: &Restraint| match restraint {
        Restraint::Quiet => message.priority == Priority::High || to == To::Awake,
        Restraint::WarmUp => message.priority == Priority::High || !is_first || matches!(to, To::Awake | To::Today),
        Restraint::NewContacts => to != To::Stranger,
        Restraint::Slowed => true,
    };
    let left: Vec<Restraint> = set.iter().copied().filter(|restraint| !is_exempt(restraint)).collect();
    shown(&left)
}

/// When the last of what holds a message back ends.
fn longest(set: &[Restraint], message: &Message<'_>, to: To) -> Option<Millis> {
    let others = |one: &Restraint| *one != Restraint::Slowed && holding(&[*one], message, to).is_some();
    set.iter().copied().filter(others).map(Restraint::until).max()
}

/// Every combination that a device which can send may meet.
fn every_message(check: impl Fn(&[Restraint], Doing, To, Priority)) {
    for set in sets() {
        for doing in DOINGS {
            for to in TOS {
                for priority in Priority::ALL {
                    check(&set, doing, to, priority);
                }
            }
        }
    }
}

#[test]
fn a_message_of_a_connected_device_has_the_first_reason_that_applies() {
    every_message(|set, doing, to, priority| {
        let mut device = device(Kind::Web, DeviceState::Online);
        set.iter().for_each(|one| one.put_on(&mut device));
        let message = message(doing, to, priority);
        let sender = Sender { device: Some(&device), used: 20, next_slot_at: 0, is_run: true };
        let found = waiting_reason(sender, &message, NOW);
        let is_holding = set.iter().any(|one| *one != Restraint::Slowed);
        let last = longest(set, &message, to);
        let is_slow = set.contains(&Restraint::Slowed);
        let (code, until, position) = match (doing, holding(set, &message, to)) {
            (Doing::Scheduled, _) => (ReasonCode::Scheduled, Some(NOW + 7), None),
            (Doing::UnderWay, _) => (ReasonCode::Turn, None, Some(1)),
            (Doing::Unacknowledged, _) => (ReasonCode::Turn, Some(NOW + 13), Some(1)),
            (_, Some(restraint)) => (restraint.code(), last, None),
            (Doing::SetAside(code), None) => (ReasonCode::from_name(code).expect("a code"), Some(NOW + 9), None),
            (Doing::Downloading, None) => (ReasonCode::Media, None, None),
            (Doing::Behind, None) => (ReasonCode::Retry, Some(NOW + 11), None),
            (Doing::BehindUnacknowledged, None) => (ReasonCode::Turn, Some(NOW + 13), None),
            (_, None) if is_slow => (ReasonCode::RateLimited, None, None),
            (Doing::FirstDownload | Doing::BehindFile, None) => (ReasonCode::Media, None, None),
            (_, None) => (ReasonCode::Turn, None, Some(4)),
        };
        let seen = (found.code, found.until, found.position);
        assert_eq!(seen, (code, until, position), "{set:?} {doing:?} {to:?} {priority:?}: {}", found.reason);
        assert!(!found.reason.is_empty() && sender.is_holding(NOW) == is_holding);
    });
}

#[test]
fn a_message_of_a_device_that_cannot_send_has_its_devices_reason() {
    let states = [
        (DeviceState::Unlinked, ReasonCode::NotLinked),
        (DeviceState::Linking, ReasonCode::NotLinked),
        (DeviceState::Connecting, ReasonCode::Offline),
        (DeviceState::Reconnecting, ReasonCode::Offline),
        (DeviceState::Banned, ReasonCode::Banned),
        (DeviceState::LoggedOut, ReasonCode::LoggedOut),
        (DeviceState::Replaced, ReasonCode::Replaced),
        (DeviceState::Outdated, ReasonCode::Outdated),
    ];
    for (state, code) in states {
        every_message(|set, doing, to, priority| {
            let mut device = device(Kind::Web, state);
            device.state_until = Some(NOW + 5);
            set.iter().for_each(|one| one.put_on(&mut device));
            for paused in [false, true] {
                device.paused = paused;
                let message = message(doing, to, priority);
                let found = waiting_reason(
                    Sender { device: Some(&device), used: 20, next_slot_at: 0, is_run: true },
                    &message,
                    NOW,
                );
                // Another attempt at it, or at the one that it is behind, may be made later than the device connects.
                let again_at = [message.due_at, message.blocker.map_or(0, |blocker| blocker.until)];
                let own = again_at.into_iter().max().filter(|at| *at > NOW + 5).unwrap_or(NOW + 5);
                let (code, until) = match (doing, code) {
                    (Doing::Scheduled, _) => (ReasonCode::Scheduled, Some(NOW + 7)),
                    (_, ReasonCode::Offline) if paused => (ReasonCode::Paused, None),
                    // These end by themselves; what holds the message then may last longer.
                    (_, ReasonCode::Offline | ReasonCode::Banned | ReasonCode::Outdated) => {
                        (code, longest(set, &message, to).or(Some(own)))
                    }
                    // What a person has to end has no known end.
                    _ => (code, None),
                };
                assert_eq!((found.code, found.until, found.position), (code, until, None), "{state:?} {doing:?}");
                assert!(!code.can_leave() && !found.reason.is_empty());
            }
        });
    }
    let fresh = message(Doing::Fresh, To::Stranger, Priority::Normal);
    let gone = waiting_reason(Sender { device: None, used: 0, next_slot_at: 0, is_run: true }, &fresh, NOW);
    assert_eq!(gone.code, ReasonCode::NotLinked);
}

#[test]
fn a_paused_device_names_who_paused_it() {
    let mut device = device(Kind::Web, DeviceState::Online);
    (device.paused, device.paused_by) = (true, Some("rina".into()));
    let fresh = message(Doing::Fresh, To::Stranger, Priority::High);
    let found = waiting_reason(Sender { device: Some(&device), used: 0, next_slot_at: 0, is_run: true }, &fresh, NOW);
    assert_eq!(
        (found.code, found.reason.as_str()),
        (ReasonCode::Paused, "its device was paused by 'rina'; resume it to send")
    );
}

#[test]
fn a_place_is_told_in_words_and_has_a_bound() {
    for (ahead, position, reason) in [
        (0, 1, "next to be sent"),
        (1, 2, "waiting for its turn; 1 message is ahead of it"),
        (1_182, 1_183, "waiting for its turn; 1182 messages are ahead of it"),
        (limits::POSITION_MAX, 100_001, "waiting for its turn; 100000 messages or more are ahead of it"),
        (limits::POSITION_MAX + 1, 100_001, "waiting for its turn; 100000 messages or more are ahead of it"),
    ] {
        assert_eq!(in_line(ahead, None), Waiting::turn(reason.to_owned(), None, Some(position)));
    }
}

#[test]
fn a_message_that_only_the_gap_keeps_says_when_it_leaves_at_the_earliest() {
    let mut device = device(Kind::Web, DeviceState::Online);
    device.gap_ms = 60 * MINUTE;
    let found = |device: &Device, next_slot_at, ahead| {
        let message = Message { ahead, ..message(Doing::Fresh, To::Stranger, Priority::Normal) };
        let found = waiting_reason(Sender { device: Some(device), used: 0, next_slot_at, is_run: true }, &message, NOW);
        assert_eq!((found.code, found.position), (ReasonCode::Turn, Some(ahead + 1)));
        (found.reason, found.until)
    };
    let (reason, until) = found(&device, NOW + 9, 0);
    assert_eq!((reason.as_str(), until), ("next to be sent; the device waits between messages", Some(NOW + 9)));
    assert_eq!(found(&device, NOW + 9, 2).1, Some(NOW + 9 + 120 * MINUTE));
    // The slot has come; then nothing but its turn keeps it.
    assert_eq!(found(&device, NOW, 0), ("next to be sent".to_owned(), None));
    (device.gap_ms, device.gap_jitter_ms) = (0, 0);
    assert_eq!(found(&device, NOW + 9, 0).1, None);
}

#[test]
fn what_failed_is_told_with_its_fault() {
    for (code, reason) in [
        ("media", "its file is not downloaded yet: no luck; the download is tried again"),
        ("retry", "the last attempt failed: no luck; it is tried again"),
        ("rate_limited", "rate-limited by WhatsApp; it is tried again"),
        (
            "new_contacts",
            "WhatsApp blocks messages to new contacts for now, those of high priority too; replies still go out",
        ),
        ("something newer", "the last attempt failed: no luck; it is tried again"),
    ] {
        assert_eq!(set_aside(&message(Doing::SetAside(code), To::Group, Priority::Normal), NOW).reason, reason);
    }
    // Its next download is due, and has to wait for others.
    let due = set_aside(&message(Doing::Downloading, To::Group, Priority::Normal), NOW);
    let reason = "its file is not downloaded yet: no luck; other downloads come first, then it is tried again";
    assert_eq!((due.reason.as_str(), due.until), (reason, None));
}

#[test]
fn a_message_that_expires_before_its_wait_ends_says_so() {
    let mut device = device(Kind::Web, DeviceState::Online);
    Restraint::Quiet.put_on(&mut device);
    let until = Restraint::Quiet.until();
    for (expires_at, expires_first) in [(until - 1, true), (until, true), (until + 1, false)] {
        let fresh = Message { expires_at, ..message(Doing::Fresh, To::Stranger, Priority::Normal) };
        let found =
            waiting_reason(Sender { device: Some(&device), used: 0, next_slot_at: 0, is_run: true }, &fresh, NOW);
        assert_eq!((found.code, found.until), (ReasonCode::QuietHours, Some(until)));
        assert_eq!(found.reason.ends_with("; the message expires before then"), expires_first, "{}", found.reason);
    }
}

#[test]
fn a_device_that_connects_does_not_hide_what_holds_its_messages_then() {
    let mut device = device(Kind::Sandbox, DeviceState::Connecting);
    let fresh = message(Doing::Fresh, To::Stranger, Priority::Normal);
    let found = |device: &Device| {
        let sender = Sender { device: Some(device), used: 0, next_slot_at: 0, is_run: true };
        (waiting_reason(sender, &fresh, NOW).reason, sender.minds_recipients(NOW))
    };
    let starts = "its device is starting; if this lasts, check that the server runs";
    assert_eq!(found(&device), (starts.to_owned(), false));
    Restraint::Quiet.put_on(&mut device);
    let quiet = crate::pacing::Why::Quiet.says();
    assert_eq!(found(&device), (format!("{starts}; once it is connected, this holds: {quiet}"), true));
}

#[test]
fn a_message_of_a_slow_device_says_when_it_leaves_itself_at_the_earliest() {
    let mut device = device(Kind::Web, DeviceState::Online);
    (device.slow_since, device.slow_until, device.slow_gap_ms) = (NOW - 1_000, NOW + 10_000, 4_000);
    let until = |device: &Device, next_slot_at, ahead| {
        let message = Message { ahead, ..message(Doing::Fresh, To::Stranger, Priority::Normal) };
        let found = waiting_reason(Sender { device: Some(device), used: 0, next_slot_at, is_run: true }, &message, NOW);
        assert_eq!(found.code, ReasonCode::RateLimited);
        found.until
    };
    // Three more leave slowly, at +1, +5 and +9 s; the next gap is the last slow one.
    let slow = [0, 1, 2, 3, 4, 100].map(|ahead| until(&device, NOW + 1_000, ahead).map(|at| at - NOW));
    assert_eq!(slow, [1_000, 5_000, 9_000, 13_000, 13_000, 13_000].map(Some));
    device.gap_ms = 500;
    assert_eq!(until(&device, NOW + 1_000, 5), Some(NOW + 14_000));
    assert_eq!(until(&device, NOW, 5), None);
}

#[test]
fn a_message_whose_device_no_node_runs_says_so_unless_only_a_person_can_help_it() {
    let states = [
        (DeviceState::Online, ReasonCode::Offline),
        (DeviceState::Connecting, ReasonCode::Offline),
        (DeviceState::Reconnecting, ReasonCode::Offline),
        (DeviceState::Unlinked, ReasonCode::NotLinked),
        (DeviceState::Banned, ReasonCode::Banned),
        (DeviceState::LoggedOut, ReasonCode::LoggedOut),
    ];
    for (state, code) in states {
        let mut device = device(Kind::Web, state);
        let fresh = message(Doing::Fresh, To::Stranger, Priority::Normal);
        let found =
            waiting_reason(Sender { device: Some(&device), used: 0, next_slot_at: 0, is_run: false }, &fresh, NOW);
        assert_eq!((found.code, found.position), (code, None), "{state:?}");
        assert_eq!(found.reason.contains("no node"), code == ReasonCode::Offline, "{}", found.reason);
        device.paused = true;
        let found =
            waiting_reason(Sender { device: Some(&device), used: 0, next_slot_at: 0, is_run: false }, &fresh, NOW);
        let paused = if code == ReasonCode::Offline { ReasonCode::Paused } else { code };
        assert_eq!(found.code, paused);
    }
}
