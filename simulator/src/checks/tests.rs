//! Each check passes when all is well, and fails when its invariant is violated.

use super::*;

fn ann() -> DeviceName {
    DeviceName::new("15550001", 1)
}

fn bob() -> DeviceName {
    DeviceName::new("15550002", 0)
}

/// Reports the events of one message by name.
struct Message<'a> {
    checks: &'a Checks,
    id: &'a str,
    sender: DeviceName,
    recipient: DeviceName,
}

impl<'a> Message<'a> {
    fn new(checks: &'a Checks, id: &'a str) -> Self {
        Self { checks, id, sender: ann(), recipient: bob() }
    }

    /// Ann's companion receives it from Bob: a client whose screen is not visible.
    fn to_a_client(checks: &'a Checks, id: &'a str) -> Self {
        Self { checks, id, sender: bob(), recipient: ann() }
    }

    fn goes_through(&self, events: &str) -> &Self {
        let chat = &self.sender.account;
        let delivery_ref = DeliveryRef { sender: &self.sender, chat, id: self.id, recipient: &self.recipient };
        for event in events.split_whitespace() {
            match event {
                "accepted" => self.checks.accepted(&delivery_ref),
                "kept" => self.checks.kept(&delivery_ref),
                "acked" => self.checks.acked(&delivery_ref),
                "shown" => self.checks.shown(&delivery_ref),
                "receipted" => self.checks.receipted(&delivery_ref),
                "released" => self.checks.released(&delivery_ref),
                "taken" => self.checks.taken(&delivery_ref),
                "asked_again" => self.checks.asked_again(&delivery_ref),
                other => panic!("no event {other}"),
            }
        }
        self
    }
}

const WELL: &str = "accepted kept acked shown receipted released";

/// The single violation of a check, which must be the only one that fails.
fn violation(checks: &Checks, name: &str) -> String {
    let report = checks.report();
    let failed: Vec<_> = report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect();
    assert_eq!(failed, [name]);
    assert!(!report.passed);
    let check = report.check(name).expect("a check");
    assert_eq!(check.violations, 1);
    check.first[0].clone()
}

fn assert_passed(checks: &Checks) {
    let report = checks.report();
    assert!(report.passed && report.complete, "{report:#?}");
}

#[test]
fn what_goes_well_passes_at_every_moment() {
    let checks = Checks::new();
    let ids: Vec<String> = (0..5).map(|number| format!("M{number}")).collect();
    for id in &ids {
        for event in WELL.split_whitespace() {
            Message::new(&checks, id).goes_through(event);
            assert_passed(&checks);
        }
    }
    let expected = DeliveryCounts { accepted: 5, arrived: 5, ..DeliveryCounts::default() };
    assert_eq!(checks.report().deliveries, expected);
    assert_eq!(checks.report().check("shown_at_most_once").expect("a check").examined, 5);
}

#[test]
fn a_message_shown_twice_is_found() {
    let checks = Checks::new();
    Message::new(&checks, "M1").goes_through(WELL).goes_through("shown");
    let expected = "message M1 of 15550001:1 in 15550001 for 15550002:0 was shown again";
    assert_eq!(violation(&checks, "shown_at_most_once"), expected);
}

#[test]
fn a_message_accepted_twice_is_one_message() {
    let checks = Checks::new();
    Message::new(&checks, "M1").goes_through("accepted kept accepted acked shown receipted released");
    assert_passed(&checks);
    Message::new(&checks, "M1").goes_through("accepted kept shown");
    assert!(violation(&checks, "shown_at_most_once").ends_with("was shown again"));
}

#[test]
fn a_message_from_nowhere_is_found() {
    let checks = Checks::new();
    Message::new(&checks, "M1").goes_through("shown");
    assert!(violation(&checks, "shown_at_most_once").ends_with("was shown, but never accepted"));
}

#[test]
fn messages_shown_out_of_order_are_found() {
    let checks = Checks::new();
    let (first, second) = (Message::new(&checks, "M1"), Message::new(&checks, "M2"));
    first.goes_through("accepted kept acked");
    second.goes_through(WELL);
    assert_passed(&checks);
    first.goes_through("shown receipted released");
    let found = violation(&checks, "shown_in_order");
    assert!(found.ends_with("number 1 of its chat, was shown after number 2"), "{found}");
}

#[test]
fn order_is_a_matter_of_one_sender_in_one_chat() {
    let checks = Checks::new();
    let carol = Message { sender: DeviceName::new("15550003", 0), ..Message::new(&checks, "M1") };
    carol.goes_through("accepted kept acked");
    Message::new(&checks, "M2").goes_through(WELL);
    carol.goes_through("shown receipted released");
    assert_passed(&checks);
}

#[test]
fn a_message_that_had_to_be_asked_for_again_may_be_late() {
    let checks = Checks::new();
    let first = Message::new(&checks, "M1");
    first.goes_through("accepted kept acked asked_again released");
    Message::new(&checks, "M2").goes_through(WELL);
    assert_passed(&checks);
    assert_eq!(checks.report().deliveries.asked_again, 1);
    first.goes_through("accepted kept shown receipted released");
    assert_passed(&checks);
}

#[test]
fn a_message_that_was_sent_again_is_lost_when_that_is_nowhere() {
    let checks = Checks::new();
    let message = Message::to_a_client(&checks, "M1");
    for events in ["accepted kept acked", "asked_again", "kept", "taken released"] {
        message.goes_through(events);
        assert_passed(&checks);
    }
    assert_eq!(checks.report().deliveries.arrived, 0, "an acknowledgement of what cannot be read is no receipt");
    message.goes_through("taken released");
    assert!(violation(&checks, "nothing_acked_is_lost").ends_with("was acked, but is neither kept nor taken"));
    message.goes_through("accepted kept receipted released");
    assert_passed(&checks);
}

#[test]
fn an_acked_message_that_is_nowhere_is_lost() {
    for lost in ["accepted acked", "accepted kept acked released"] {
        let checks = Checks::new();
        Message::new(&checks, "M1").goes_through(lost);
        let found = violation(&checks, "nothing_acked_is_lost");
        assert!(found.ends_with("was acked, but is neither kept nor taken"), "{found}");
    }
}

#[test]
fn a_message_that_was_never_acked_may_be_lost() {
    let checks = Checks::new();
    Message::new(&checks, "M1").goes_through("accepted");
    assert_passed(&checks);
}

#[test]
fn a_phone_must_show_what_it_receipts_and_a_client_need_not() {
    let checks = Checks::new();
    Message::to_a_client(&checks, "M1").goes_through("accepted kept acked receipted released");
    assert_passed(&checks);
    Message::new(&checks, "M2").goes_through("accepted kept acked receipted released");
    let found = violation(&checks, "nothing_acked_is_lost");
    assert!(found.ends_with("was receipted by the phone, but never shown"), "{found}");
}

#[test]
fn messages_for_an_unlinked_device_are_not_lost() {
    let checks = Checks::new();
    Message::to_a_client(&checks, "M1").goes_through("accepted kept acked released");
    assert!(!checks.report().passed);
    checks.gone(&ann());
    assert_passed(&checks);
}

#[test]
fn a_device_too_many_that_is_gone_leaves_the_report_incomplete() {
    let checks = Checks::new();
    for number in 0..limits::CHECKED_CHATS_MAX {
        checks.gone(&DeviceName::new(number.to_string(), 1));
    }
    checks.gone(&DeviceName::new("0", 1));
    assert_passed(&checks);
    checks.gone(&ann());
    assert!(!checks.report().complete);
}

#[test]
fn a_stanza_that_nobody_understands_is_found() {
    let checks = Checks::new();
    checks.stanza_parsed();
    assert_passed(&checks);
    checks.stanza_unparsed(Some(&ann()), "a message without an id");
    assert_eq!(violation(&checks, "every_stanza_parsed"), "from 15550001:1: a message without an id");
}

#[test]
fn only_the_first_violations_are_kept_and_all_are_counted() {
    let checks = Checks::new();
    for number in 0..1_000 {
        checks.stanza_unparsed(None, &format!("{number} {}", "x".repeat(10_000)));
    }
    let report = checks.report();
    let check = report.check("every_stanza_parsed").expect("a check");
    assert_eq!((check.violations, check.first.len()), (1_000, limits::CHECK_VIOLATIONS_SHOWN_MAX));
    assert!(check.first.iter().all(|text| text.chars().count() <= limits::CHECK_VIOLATION_CHARS_MAX));
}

/// Chain, counter.
type Step = (u8, u32);

/// Reports decryptions and returns the violations.
fn ratchet(steps: &[Step]) -> Vec<String> {
    let checks = Checks::new();
    for (chain, counter) in steps {
        checks.decrypted(&Decryption {
            owner: &bob(),
            peer: &ann(),
            group: None,
            chain: &[*chain; 32],
            counter: *counter,
        });
    }
    checks.report().check("ratchets_move").expect("a check").first.clone()
}

#[test]
fn a_ratchet_moves_as_it_should() {
    let cases: [(&str, &[Step], &str); 7] = [
        ("one chain", &[(1, 0), (1, 1), (1, 2)], ""),
        ("a new chain", &[(1, 0), (1, 1), (2, 0), (2, 1)], ""),
        ("a message that overtakes another", &[(1, 0), (1, 2), (1, 1), (1, 3)], ""),
        ("a late one of the last chain", &[(1, 0), (2, 0), (1, 1)], ""),
        ("a key used twice", &[(1, 0), (1, 1), (1, 1)], "number 1 of a chain came a second time"),
        ("a late one that came already", &[(1, 0), (1, 2), (1, 1), (1, 1)], "one key opened two messages"),
        ("a jump", &[(1, 0), (1, 2_002)], "number 2002 came where 1 was next"),
    ];
    for (name, steps, expected) in cases {
        let found = ratchet(steps);
        match expected {
            "" => assert!(found.is_empty(), "{name}: {found:?}"),
            expected => assert!(found.len() == 1 && found[0].contains(expected), "{name}: {found:?}"),
        }
    }
}

#[test]
fn a_sender_key_counts_from_where_it_stands_when_it_is_handed_over() {
    let checks = Checks::new();
    let (owner, peer) = (bob(), ann());
    let decrypted = |counter| {
        let group = Some("1203@g.us");
        checks.decrypted(&Decryption { owner: &owner, peer: &peer, group, chain: &[7; 4], counter });
    };
    decrypted(5_000);
    decrypted(5_001);
    assert_passed(&checks);
    decrypted(5_001);
    assert!(violation(&checks, "ratchets_move").contains("15550002:0 decrypted from 15550001:1"));
}

#[test]
fn messages_beyond_the_capacity_are_still_checked_on_arrival() {
    let checks = Checks::remembering(500);
    let count = 1_500;
    for number in 0..count {
        Message::new(&checks, &number.to_string()).goes_through(WELL);
    }
    let report = checks.report();
    assert!(report.passed && report.complete, "{report:#?}");
    assert_eq!((report.deliveries.arrived, report.deliveries.forgotten), (count as u64, 1_000));
    // An evicted message can no longer be judged, and the report says so.
    Message::new(&checks, "0").goes_through("shown");
    let report = checks.report();
    assert!(report.passed && !report.complete);
    Message::new(&checks, &(count - 1).to_string()).goes_through("shown");
    assert!(!checks.report().passed);
}
