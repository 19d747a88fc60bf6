//! App state shared between a phone and its companions: keys, patches, and how the client library reads them.

use super::*;

const NOW_MS: u64 = 1_750_000_000_000;

fn changes() -> Vec<Change> {
    let chat = "15550002@s.whatsapp.net".to_owned();
    vec![
        Change::Name { name: "Ann".to_owned() },
        Change::Contact { jid: chat.clone(), name: "Bob Builder".to_owned() },
        Change::Mute { chat: chat.clone(), until_ms: Some(-1) },
        Change::Mute { chat: chat.clone(), until_ms: None },
        Change::Pin { chat: chat.clone(), pinned: true },
        Change::Pin { chat, pinned: false },
        Change::Name { name: "Anna".to_owned() },
    ]
}

/// The phone's state, and that of a companion that received the key.
fn pair() -> (AppState, AppState, SeededRng) {
    let rng = SeededRng::new(1, "ann");
    let phone = AppState::new(&mut SeededRng::new(2, "state"), NOW_MS);
    let companion = AppState::new(&mut SeededRng::new(2, "state"), NOW_MS);
    (phone, companion, rng)
}

#[test]
fn every_change_passes_the_client_library_s_checks_and_is_read_as_it_was_made() {
    let (mut phone, mut companion, mut rng) = pair();
    for change in changes() {
        let patch = phone.patch(&change, NOW_MS, &mut rng).unwrap();
        assert_eq!(phone.accept(&patch).unwrap(), std::slice::from_ref(&change));
        assert_eq!(companion.accept(&patch).unwrap(), [change]);
    }
    assert_eq!(phone.version(Collection::CriticalBlock), 2);
    assert_eq!(phone.version(Collection::Regular), 0);
}

#[test]
fn a_patch_that_the_server_did_not_take_changes_nothing() {
    let (mut phone, _, mut rng) = pair();
    let change = Change::Name { name: "Ann".to_owned() };
    phone.patch(&change, NOW_MS, &mut rng).unwrap();
    assert_eq!(phone.version(Collection::CriticalBlock), 0);
    let patch = phone.patch(&change, NOW_MS, &mut rng).unwrap();
    assert_eq!(patch.version, 1);
    phone.accept(&patch).unwrap();
    assert!(matches!(phone.accept(&patch), Err(StateError::Version { expected: 2, found: 1 })));
}

#[test]
fn two_devices_take_turns() {
    let (mut phone, mut companion, mut rng) = pair();
    for round in 0..4 {
        let (maker, other) = if round % 2 == 0 { (&mut phone, &mut companion) } else { (&mut companion, &mut phone) };
        let patch = maker.patch(&Change::Name { name: format!("Ann {round}") }, NOW_MS, &mut rng).unwrap();
        maker.accept(&patch).unwrap();
        other.accept(&patch).unwrap();
    }
    assert_eq!(phone.version(Collection::CriticalBlock), 4);
}

#[test]
fn a_changed_patch_or_one_with_another_key_is_refused() {
    let (mut phone, _, mut rng) = pair();
    let change = Change::Name { name: "Ann".to_owned() };
    let patch = phone.patch(&change, NOW_MS, &mut rng).unwrap();
    for at in (0..patch.bytes.len()).step_by(5) {
        let mut changed = patch.clone();
        changed.bytes[at] ^= 1;
        assert!(phone.accept(&changed).is_err(), "byte {at}");
    }
    let stranger = AppState::new(&mut rng, NOW_MS).patch(&change, NOW_MS, &mut SeededRng::new(3, "x")).unwrap();
    assert!(matches!(phone.accept(&stranger), Err(StateError::Wrong(AppStateError::KeyNotFound))));
    assert!(phone.accept(&patch).is_ok());
}

#[test]
fn patches_go_to_the_server_and_come_back() {
    let (phone, _, mut rng) = pair();
    let patch = phone.patch(&changes()[0], NOW_MS, &mut rng).unwrap();
    let sync = patch.upload();
    let sent = sync.get_optional_child("collection").unwrap();
    assert_eq!(sent.attrs().optional_string("version").as_deref(), Some("0"));
    let bytes = NodeBuilder::new("patch").bytes(patch.bytes.clone()).build();
    let answer = NodeBuilder::new("collection")
        .attr("name", "critical_block")
        .children([NodeBuilder::new("patches").children([bytes]).build()])
        .build();
    assert_eq!(Patch::read_all(&answer).unwrap(), [patch]);
}
