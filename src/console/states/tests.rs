//! Every state in words, in both languages, and who is needed.

use std::collections::HashSet;

use axum::http::{HeaderMap, HeaderValue, header};

use super::*;

fn viewer(language: &'static str) -> Viewer {
    Viewer::of(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(language))]))
}

#[test]
fn every_state_says_what_it_is_and_what_to_do_in_both_languages() {
    let viewers = [viewer("en"), viewer("id")];
    for kind in [Kind::Sandbox, Kind::Web, Kind::Cloud] {
        let mut said = HashSet::new();
        for state in DeviceStatus::ALL {
            for viewer in &viewers {
                let told = told(viewer, kind, state);
                assert!(said.insert(told.words), "{state:?}: each state and language has words of its own");
                assert_eq!(told.to_do.is_empty(), state == DeviceStatus::Online, "{state:?}");
                assert!(told.to_do.is_empty() || told.to_do.ends_with('.'), "{}", told.to_do);
            }
            let [english, indonesian] = [0, 1].map(|at| told(&viewers[at], kind, state).to_do);
            assert!(english.is_empty() || english != indonesian, "{state:?}");
        }
    }
}

#[test]
fn what_restrains_a_device_is_told_with_its_end_in_both_languages() {
    let at = |status, code| Restraint {
        status,
        code,
        until: Some("2026-11-24 07:00:00".into()),
        paused_by: (status == DeviceStatus::Paused).then_some("rina"),
    };
    let (english, indonesian) = (viewer("en"), viewer("id"));
    for (status, code, words, kata) in [
        (
            DeviceStatus::Paused,
            ReasonCode::Paused,
            "Paused by rina. Messages wait until you resume.",
            "Dijeda oleh rina. Pesan menunggu sampai Anda melanjutkan.",
        ),
        (
            DeviceStatus::Holding,
            ReasonCode::QuietHours,
            "On hold until 2026-11-24 07:00:00 (quiet hours). Replies to people who wrote in the last 15 minutes still go out.",
            "Pengiriman ditahan sampai 2026-11-24 07:00:00 (jam tenang). Balasan ke orang yang menulis dalam 15 menit \
             terakhir tetap terkirim.",
        ),
        (
            DeviceStatus::Holding,
            ReasonCode::WarmUp,
            "On hold until 2026-11-24 07:00:00 (today's warm-up messages are used up). Replies to people who wrote in the \
             last 24 hours still go out.",
            "Pengiriman ditahan sampai 2026-11-24 07:00:00 (jatah pemanasan hari ini habis). Balasan ke orang yang menulis \
             dalam 24 jam terakhir tetap terkirim.",
        ),
        (
            DeviceStatus::Holding,
            ReasonCode::NewContacts,
            "WhatsApp blocks messages to new contacts until 2026-11-24 07:00:00. Replies still go out.",
            "WhatsApp memblokir pesan ke nomor baru sampai 2026-11-24 07:00:00. Balasan tetap terkirim.",
        ),
        (
            DeviceStatus::Slowed,
            ReasonCode::RateLimited,
            "Rate-limited by WhatsApp. Sending slowly until 2026-11-24 07:00:00.",
            "Dibatasi oleh WhatsApp. Pengiriman lambat sampai 2026-11-24 07:00:00.",
        ),
    ] {
        let restraint = at(status, Some(code));
        assert_eq!(sentence(&english, &restraint).as_deref(), Some(words));
        assert_eq!(sentence(&indonesian, &restraint).as_deref(), Some(kata));
    }
    let free = DeviceStatus::ALL.into_iter().filter(|status| sentence(&english, &at(*status, None)).is_none());
    assert_eq!(free.count(), 12);
}

#[test]
fn every_state_has_a_label_of_its_own_in_both_languages() {
    for viewer in [viewer("en"), viewer("id")] {
        let labels: HashSet<_> = DeviceStatus::ALL.into_iter().map(|status| label(&viewer, status)).collect();
        assert_eq!(labels.len(), DeviceStatus::ALL.len());
    }
}

#[test]
fn a_person_is_needed_where_nothing_goes_on_by_itself() {
    let needing =
        |kind, waiting| DeviceStatus::ALL.into_iter().filter(move |state| needs_person(kind, *state, waiting));
    let always = [DeviceStatus::Banned, DeviceStatus::LoggedOut, DeviceStatus::Replaced, DeviceStatus::Outdated];
    assert!(needing(Kind::Sandbox, 0).eq(always));
    assert!(needing(Kind::Cloud, 0).eq(always));
    let linking = [DeviceStatus::Unlinked, DeviceStatus::Passkey, DeviceStatus::PasskeyConfirm];
    assert!(needing(Kind::Web, 0).eq(linking.into_iter().chain(always)));
    // Nobody is reminded of a pause in which nothing waits.
    let waiting = || always.into_iter().chain([DeviceStatus::Paused]);
    assert!(needing(Kind::Sandbox, 1).eq(waiting()));
    assert!(needing(Kind::Web, 1).eq(linking.into_iter().chain(waiting())));
    assert!(needing(Kind::Cloud, 1).eq([DeviceStatus::Unlinked].into_iter().chain(waiting())));
}

#[test]
fn a_reason_that_says_what_its_state_says_is_not_shown_beside_it() {
    for (state, reason) in SAID {
        assert!(is_said(*state, reason), "{reason}");
        // It is what the gateway says indeed, and no other state is without its reason for it.
        assert_ne!(viewer("id").said(reason), *reason);
        assert!(DeviceStatus::ALL.into_iter().all(|other| other == *state || !is_said(other, reason)), "{reason}");
    }
    assert!(!is_said(DeviceStatus::LoggedOut, "WhatsApp has locked the account; look at its phone"));
    assert!(!is_said(DeviceStatus::Banned, "WhatsApp has restricted the number for a while: code 106"));
}

#[test]
fn what_happened_is_told_by_its_word() {
    let viewer = viewer("en");
    assert_eq!(happened(&viewer, Kind::Web, "linked"), "An account was linked");
    assert_eq!(happened(&viewer, Kind::Web, "logged_out"), "The phone ended the link");
    assert_eq!(happened(&viewer, Kind::Web, "something new"), "something new");
}
