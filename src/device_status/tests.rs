//! Every connection state with every restraint: which one is shown, why, and until when.

use super::*;

/// 2026-09-21T14:26:40Z.
pub const NOW: Millis = 1_790_000_800_000;
const HOUR: Millis = 3_600_000;

pub fn device(kind: Kind, state: DeviceState) -> Device {
    Device {
        id: "1-000000000000001".into(),
        client_id: 1,
        sender: String::new(),
        name: String::new(),
        kind,
        state,
        state_reason: String::new(),
        state_until: None,
        linked_at: Some(NOW - HOUR),
        wish: None,
        wish_phone: None,
        wish_at: 0,
        strangers_after: 0,
        strangers_since: 0,
        slow_since: 0,
        slow_until: 0,
        slow_gap_ms: 0,
        paused: false,
        paused_by: None,
        paused_at: None,
        daily_limit: 0,
        gap_ms: 0,
        gap_jitter_ms: 0,
        typing: false,
        warm_up: false,
        quiet_from: None,
        quiet_to: None,
        time_zone: "UTC".into(),
        created_at: NOW - HOUR,
        incarnation: 1,
        lease_node: None,
        lease_until: 0,
        expected_sender: None,
    }
}

/// Of a device that a node runs.
fn running(used: i64) -> Standing {
    Standing { used, is_run: true }
}

/// Something that keeps a connected device from sending as it usually does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restraint {
    Quiet,
    WarmUp,
    NewContacts,
    Slowed,
}

impl Restraint {
    pub const ALL: [Self; 4] = [Self::Quiet, Self::WarmUp, Self::NewContacts, Self::Slowed];

    pub fn put_on(self, device: &mut Device) {
        match self {
            // Until 15:00.
            Self::Quiet => {
                (device.quiet_from, device.quiet_to) = (Some("14:00".into()), Some("15:00".into()));
            }
            // Its first day: 20 messages. Used up it waits for midnight.
            Self::WarmUp => device.warm_up = true,
            Self::NewContacts => (device.strangers_since, device.strangers_after) = (NOW - 1, NOW + HOUR),
            Self::Slowed => {
                (device.slow_since, device.slow_until, device.slow_gap_ms) = (NOW - 1, NOW + HOUR / 6, 2_000);
            }
        }
    }

    pub fn code(self) -> ReasonCode {
        match self {
            Self::Quiet => ReasonCode::QuietHours,
            Self::WarmUp => ReasonCode::WarmUp,
            Self::NewContacts => ReasonCode::NewContacts,
            Self::Slowed => ReasonCode::RateLimited,
        }
    }

    pub fn until(self) -> Millis {
        match self {
            Self::Quiet => 1_790_002_800_000,
            Self::WarmUp => 1_790_035_200_000,
            Self::NewContacts => NOW + HOUR,
            Self::Slowed => NOW + HOUR / 6,
        }
    }
}

/// Every set of restraints.
pub fn sets() -> impl Iterator<Item = Vec<Restraint>> {
    (0..16).map(|set| (0..4).filter(|at| set >> at & 1 == 1).map(|at| Restraint::ALL[at]).collect())
}

/// Of several restraints the one that is shown: the longer of quiet hours and a used-up warm-up (midnight is later here), then
/// the block on new contacts, then a slower pace.
pub fn shown(set: &[Restraint]) -> Option<Restraint> {
    [Restraint::WarmUp, Restraint::Quiet, Restraint::NewContacts, Restraint::Slowed]
        .into_iter()
        .find(|one| set.contains(one))
}

/// What each connection state is shown as, where nobody paused the device, and where somebody did.
const CONNECTIONS: [(DeviceState, ReasonCode, Option<ReasonCode>); 8] = [
    (DeviceState::Unlinked, ReasonCode::NotLinked, None),
    (DeviceState::Linking, ReasonCode::NotLinked, None),
    (DeviceState::Connecting, ReasonCode::Offline, Some(ReasonCode::Paused)),
    (DeviceState::Reconnecting, ReasonCode::Offline, Some(ReasonCode::Paused)),
    (DeviceState::Banned, ReasonCode::Banned, None),
    (DeviceState::LoggedOut, ReasonCode::LoggedOut, None),
    (DeviceState::Replaced, ReasonCode::Replaced, None),
    (DeviceState::Outdated, ReasonCode::Outdated, None),
];

#[test]
fn what_cannot_send_is_shown_before_what_holds_back_or_slows_down() {
    for (state, code, when_paused) in CONNECTIONS {
        for (set, used) in sets().flat_map(|set| [(set.clone(), 0), (set, 20)]) {
            let mut device = device(Kind::Web, state);
            device.state_until = Some(NOW + 5);
            set.iter().for_each(|one| one.put_on(&mut device));
            let found = condition(&device, running(used), NOW);
            assert_eq!((found.status, found.code), (state.into(), Some(code)), "{state:?} {set:?}");
            assert_eq!((found.until, found.status.sends()), (Some(NOW + 5), false));
            device.paused = true;
            let found = condition(&device, running(used), NOW);
            assert_eq!(found.code, when_paused.or(Some(code)), "{state:?} {set:?}");
            assert_eq!(found.status == DeviceStatus::Paused, when_paused.is_some());
        }
    }
}

#[test]
fn a_connected_device_shows_what_restrains_it_with_its_end() {
    for set in sets() {
        let mut device = device(Kind::Web, DeviceState::Online);
        set.iter().for_each(|one| one.put_on(&mut device));
        let found = condition(&device, running(20), NOW);
        let Some(restraint) = shown(&set) else {
            assert_eq!((found.status, found.code, found.until), (DeviceStatus::Online, None, None));
            continue;
        };
        let status = if restraint == Restraint::Slowed { DeviceStatus::Slowed } else { DeviceStatus::Holding };
        assert_eq!((found.status, found.code), (status, Some(restraint.code())), "{set:?}");
        assert_eq!(found.until, Some(restraint.until()), "{set:?}");
        assert!(found.status.sends() && !found.reason.is_empty());
        device.paused = true;
        assert_eq!(condition(&device, running(20), NOW).status, DeviceStatus::Paused);
    }
    let mut device = device(Kind::Web, DeviceState::Online);
    Restraint::WarmUp.put_on(&mut device);
    assert_eq!(condition(&device, running(19), NOW).status, DeviceStatus::Online, "one of today's is left");
}

#[test]
fn a_restraint_ends_at_its_moment() {
    for restraint in Restraint::ALL {
        let mut device = device(Kind::Web, DeviceState::Online);
        restraint.put_on(&mut device);
        // The next day has 40.
        assert_ne!(
            condition(&device, running(20), restraint.until() - 1).status,
            DeviceStatus::Online,
            "{restraint:?}"
        );
        assert_eq!(condition(&device, running(20), restraint.until()).status, DeviceStatus::Online, "{restraint:?}");
    }
}

#[test]
fn a_sandbox_that_has_not_started_is_offline_and_can_be_paused() {
    let mut device = device(Kind::Sandbox, DeviceState::Unlinked);
    assert_eq!(condition(&device, running(0), NOW).code, Some(ReasonCode::Offline));
    device.paused = true;
    device.paused_by = Some("rina".into());
    let found = condition(&device, running(0), NOW);
    assert_eq!((found.status, found.reason.as_str()), (DeviceStatus::Paused, "paused by 'rina'"));
}

#[test]
fn a_device_that_no_node_runs_never_looks_as_if_it_sent() {
    for (set, state) in sets().flat_map(|set| DeviceState::ALL.map(|state| (set.clone(), state))) {
        for (kind, paused) in [(Kind::Web, false), (Kind::Web, true), (Kind::Sandbox, false)] {
            let mut device = device(kind, state);
            (device.paused, device.state_until) = (paused, Some(NOW + 5));
            set.iter().for_each(|one| one.put_on(&mut device));
            let run = condition(&device, running(20), NOW);
            let found = condition(&device, Standing { is_run: false, ..running(20) }, NOW);
            let may_connect = run.status.sends() || run.code == Some(ReasonCode::Offline);
            assert!(!found.status.sends(), "{state:?} {set:?}");
            if may_connect {
                let seen = (found.status, found.code, found.until);
                assert_eq!(seen, (DeviceStatus::Offline, Some(ReasonCode::Offline), None), "{state:?} {set:?}");
                assert!(found.reason.starts_with("no node of the gateway runs this device"));
            } else {
                // What only a person can change holds whoever runs it.
                assert_eq!(found, run, "{state:?} {set:?}");
            }
        }
    }
}

#[test]
fn a_state_that_was_expected_to_be_over_by_now_has_no_known_end() {
    for (state, is_kept) in DeviceState::ALL.into_iter().flat_map(|state| [(state, false), (state, true)]) {
        let mut device = device(Kind::Web, state);
        device.state_until = Some(if is_kept { NOW + 1 } else { NOW });
        let until = condition(&device, running(0), NOW).until;
        assert_eq!(until, device.state_until.filter(|_| is_kept), "{state:?}");
    }
}

#[test]
fn every_status_is_found_by_its_name() {
    for status in DeviceStatus::ALL {
        assert_eq!(DeviceStatus::from_name(status.name()), Some(status));
        assert_eq!(serde_json::json!(status), status.name());
    }
}
