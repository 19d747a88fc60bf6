//! What every fault does, and how often it fires.

use serde_json::json;

use super::*;

fn planned(json: serde_json::Value) -> PlannedFault {
    serde_json::from_value(json).expect("a fault")
}

fn plan_with(json: serde_json::Value) -> Plan {
    let plan = Plan::new(1);
    plan.add(planned(json)).expect("possible");
    plan
}

fn gateway() -> DeviceName {
    DeviceName::new("15550001", 1)
}

fn friend() -> DeviceName {
    DeviceName::new("15550002", 0)
}

fn sent(plan: &Plan, chat: &str) -> AckDecision {
    plan.on_message(&Sending { device: &gateway(), chat, stanza_type: "text", id: "ID", is_first_contact: false })
}

fn arrival<'a>(device: &'a DeviceName, from: &'a DeviceName, stanza_type: &'a str) -> Arrival<'a> {
    Arrival { device, from, chat: &from.account, stanza_type, id: "ID" }
}

#[test]
fn each_fault_of_a_message_decides_about_its_ack() {
    let cases = [
        (json!({"kind": "ack_delayed", "delay_ms": 3000}), AckDecision::SendAfter { delay_ms: 3000 }),
        (json!({"kind": "ack_dropped"}), AckDecision::Drop),
        (json!({"kind": "ack_nacked", "code": 463}), AckDecision::Nack { code: 463 }),
        (json!({"kind": "rate_overlimit"}), AckDecision::Nack { code: 429 }),
        (json!({"kind": "message_duplicated", "copies": 1}), AckDecision::Send),
        (json!({"kind": "stream_error", "code": 503}), AckDecision::Send),
    ];
    for (fault, expected) in cases {
        assert_eq!(sent(&plan_with(json!({"fault": fault})), "15550002"), expected, "{fault}");
    }
}

#[test]
fn what_ends_a_stream_does_so_at_the_moment_that_its_scope_names() {
    let error = json!({"kind": "stream_error", "code": 515});
    let end = StreamEnd::Error(StreamErrorCode::RestartRequired);
    let plan = plan_with(json!({"fault": error}));
    assert_eq!(plan.on_connected(&gateway()), Some(end));
    assert_eq!(plan.on_login(&gateway()), LoginDecision::Admit);
    let plan = plan_with(json!({"fault": error, "scope": {"moment": "message"}}));
    assert_eq!((sent(&plan, "15550002"), plan.on_connected(&gateway())), (AckDecision::End(end), None));
    let plan = plan_with(json!({"fault": error, "scope": {"moment": "iq", "stanza_type": "usync"}}));
    let asked = |namespace| plan.on_iq(&Question { device: &gateway(), namespace, id: "1" });
    assert_eq!((asked("usync"), asked("privacy")), (IqDecision::End(end), IqDecision::Answer));
    let plan = plan_with(json!({"fault": {"kind": "stream_replaced"}}));
    assert_eq!(plan.on_connected(&gateway()), Some(StreamEnd::Replaced));
    let plan = plan_with(json!({"fault": {"kind": "device_removed"}, "scope": {"account": "15550001", "device": 1}}));
    assert_eq!(plan.on_connected(&gateway()), Some(StreamEnd::DeviceRemoved));
    assert_eq!(plan.on_connected(&friend()), None);
}

#[test]
fn a_login_is_refused_for_a_reason() {
    let ban = LoginRefusal::TemporaryBan { code: 101, expire_seconds: 3600 };
    let cases = [
        (json!({"fault": {"kind": "client_outdated"}}), LoginRefusal::ClientOutdated),
        (json!({"fault": {"kind": "temporary_ban", "code": 101, "expire_seconds": 3600}}), ban),
        (json!({"fault": {"kind": "device_removed"}, "scope": {"moment": "login"}}), LoginRefusal::DeviceRemoved),
    ];
    for (fault, expected) in cases {
        assert_eq!(plan_with(fault).on_login(&gateway()), LoginDecision::Refuse(expected));
    }
}

#[test]
fn messages_and_receipts_are_struck_on_their_way_down() {
    let (device, from) = (gateway(), friend());
    let read = arrival(&device, &from, "read");
    let plan = plan_with(json!({"fault": {"kind": "message_duplicated", "copies": 2}}));
    assert_eq!(plan.on_delivery(&arrival(&device, &from, "text")), DeliveryDecision::Repeat { copies: 2 });
    let plan = plan_with(json!({"fault": {"kind": "message_undecryptable"}, "scope": {"recipient": "15550002"}}));
    assert_eq!(plan.on_delivery(&arrival(&device, &from, "text")), DeliveryDecision::Corrupt);
    let plan =
        plan_with(json!({"fault": {"kind": "receipt_duplicated", "copies": 1}, "scope": {"stanza_type": "read"}}));
    assert_eq!(plan.on_receipt(&read), ReceiptDecision::Repeat { copies: 1 });
    assert_eq!(plan.on_receipt(&arrival(&device, &from, "delivery")), ReceiptDecision::Pass);
    let plan = plan_with(json!({"fault": {"kind": "receipt_held", "behind": 3}}));
    assert_eq!(plan.on_receipt(&read), ReceiptDecision::Hold { behind: 3 });
}

#[test]
fn questions_about_others_go_wrong() {
    let device = gateway();
    let (friend, stranger) = (Lookup { device: &device, number: "15550002" }, Lookup { device: &device, number: "9" });
    let plan = plan_with(json!({"fault": {"kind": "not_on_whatsapp"}, "scope": {"recipient": "9"}}));
    assert_eq!(plan.on_usync(&stranger), UsyncDecision::NotOnWhatsapp);
    assert_eq!(plan.on_prekeys(&stranger), PrekeysDecision::NotOnWhatsapp);
    assert_eq!(plan.on_usync(&friend), UsyncDecision::Answer);
    let plan = plan_with(json!({"fault": {"kind": "prekeys_exhausted"}}));
    assert_eq!(plan.on_prekeys(&friend), PrekeysDecision::GiveWithoutOneTimeKey);
    assert_eq!(plan.on_usync(&friend), UsyncDecision::Answer);
}

#[test]
fn pings_are_spared_unless_they_are_meant() {
    let device = gateway();
    let ping = Question { device: &device, namespace: "w:p", id: "1" };
    assert_eq!(plan_with(json!({"fault": {"kind": "rate_overlimit"}})).on_iq(&ping), IqDecision::Answer);
    let plan = plan_with(json!({"fault": {"kind": "rate_overlimit"}, "scope": {"moment": "iq", "stanza_type": "w:p"}}));
    assert_eq!(plan.on_iq(&ping), IqDecision::RateOverlimit);
}

#[test]
fn the_media_host_fails_in_three_ways() {
    let device = gateway();
    let upload = MediaTransfer { device: &device, direction: Direction::ToServer };
    let download = MediaTransfer { device: &device, direction: Direction::ToClient };
    let plan = plan_with(json!({"fault": {"kind": "media_down"}, "scope": {"stanza_type": "upload"}}));
    assert_eq!(plan.on_media(&upload), MediaDecision::Refuse(MediaRefusal::HangsUp));
    assert_eq!(plan.on_media(&download), MediaDecision::Serve);
    let plan = plan_with(json!({"fault": {"kind": "media_down", "status_code": 507}}));
    assert_eq!(plan.on_media(&download), MediaDecision::Refuse(MediaRefusal::Status(507)));
    let plan = plan_with(json!({"fault": {"kind": "media_slow", "delay_ms": 5}}));
    assert_eq!(plan.on_media(&upload), MediaDecision::Slow { delay_ms: 5, bytes_per_second: None });
}

#[test]
fn how_often_a_fault_comes_is_counted_chat_by_chat() {
    let cases = [
        (json!("always"), [true, true, true, true, true, true]),
        (json!({"next": 2}), [true, true, false, false, false, false]),
        (json!({"every": 3}), [false, false, true, false, false, true]),
        (json!({"probability": 0.0}), [false; 6]),
        (json!({"probability": 1.0}), [true; 6]),
    ];
    for (how_often, expected) in cases {
        let plan = plan_with(json!({"fault": {"kind": "ack_dropped"}, "scope": {"how_often": how_often}}));
        let both = expected.map(|dropped| [dropped; 2]);
        let seen = expected.map(|_| ["15550002", "15550003"].map(|chat| sent(&plan, chat) == AckDecision::Drop));
        assert_eq!(seen, both, "{how_often}");
    }
    let scope = json!({"how_often": {"next": 2}, "from": 2, "until": 2});
    let plan = plan_with(json!({"fault": {"kind": "ack_dropped"}, "scope": scope}));
    assert_eq!([1, 2, 3].map(|_| sent(&plan, "15550002") == AckDecision::Drop), [false, true, false]);
    let scope = json!({"how_often": {"next": 2}, "counted": "device"});
    let plan = plan_with(json!({"fault": {"kind": "ack_dropped"}, "scope": scope}));
    assert_eq!(["1", "2", "3"].map(|chat| sent(&plan, chat) == AckDecision::Drop), [true, true, false]);
}

#[test]
fn the_first_fault_that_strikes_decides_and_the_others_only_count() {
    let plan = plan_with(json!({"fault": {"kind": "ack_dropped"}, "scope": {"how_often": {"next": 1}}}));
    let second = json!({"fault": {"kind": "ack_nacked", "code": 479}, "scope": {"how_often": {"next": 2}}});
    let second = plan.add(planned(second)).expect("possible");
    let seen = [1, 2, 3].map(|_| sent(&plan, "15550002"));
    assert_eq!(seen, [AckDecision::Drop, AckDecision::Nack { code: 479 }, AckDecision::Send]);
    assert_eq!(plan.active().iter().map(|fault| fault.struck).collect::<Vec<_>>(), [1, 1]);
    assert!(plan.remove(second) && !plan.remove(second));
    assert_eq!(
        plan.log().lines(),
        ["1 ack_dropped message 15550001:1 15550002 text #1", "2 ack_nacked message 15550001:1 15550002 text #2",]
    );
}

fn pass(plan: &Plan, bandwidth: &mut Bandwidth, direction: Direction, bytes: usize) -> FrameDecision {
    plan.on_bytes(bandwidth, &Traffic { device: Some(&gateway()), direction, bytes })
}

fn cut(direction: &str, place: serde_json::Value) -> serde_json::Value {
    json!({"fault": {"kind": "connection_cut", "direction": direction, "place": place}})
}

const WHOLE: FrameDecision = FrameDecision::Whole { wait_ms: 0 };

#[test]
fn a_connection_is_cut_at_any_byte() {
    for limit in 0..=250usize {
        let plan = plan_with(cut("to_client", json!({"after_bytes": limit})));
        let mut bandwidth = plan.bandwidth();
        let mut passed = 0;
        for bytes in [100, 3, 200] {
            assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 1_000), WHOLE);
            match pass(&plan, &mut bandwidth, Direction::ToClient, bytes) {
                FrameDecision::Whole { .. } => passed += bytes,
                FrameDecision::Cut { bytes, .. } => {
                    passed += bytes;
                    break;
                }
            }
        }
        assert_eq!(passed, limit);
        assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 9), FrameDecision::Cut { bytes: 0, wait_ms: 0 });
        assert_eq!(plan.log().entries.len(), 1);
    }
}

#[test]
fn a_connection_is_cut_in_the_middle_of_a_frame() {
    let plan = plan_with(cut("to_server", json!({"middle_of_frame": 2})));
    let mut bandwidth = plan.bandwidth();
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 64), WHOLE);
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 64), FrameDecision::Cut { bytes: 32, wait_ms: 0 });
}

#[test]
fn a_fault_that_comes_later_counts_from_then_on() {
    let plan = Plan::new(1);
    let mut bandwidth = plan.bandwidth();
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToClient, 500), WHOLE);
    plan.add(planned(cut("to_client", json!({"after_bytes": 10})))).expect("possible");
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToClient, 8), WHOLE);
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToClient, 8), FrameDecision::Cut { bytes: 2, wait_ms: 0 });
}

#[test]
fn the_next_connection_is_another_moment() {
    let mut once = cut("to_client", json!({"after_bytes": 0}));
    once["scope"] = json!({"how_often": {"next": 1}});
    let plan = plan_with(once);
    let (mut first, mut second) = (plan.bandwidth(), plan.bandwidth());
    assert!(matches!(pass(&plan, &mut first, Direction::ToClient, 8), FrameDecision::Cut { .. }));
    assert_eq!(pass(&plan, &mut second, Direction::ToClient, 8), WHOLE);
    assert_eq!(pass(&plan, &mut second, Direction::ToClient, 8), WHOLE);
}

#[test]
fn a_handshake_is_struck_only_when_it_is_meant() {
    let hello = Traffic { device: None, direction: Direction::ToClient, bytes: 40 };
    let plan = plan_with(cut("to_client", json!({"after_bytes": 7})));
    let mut bandwidth = plan.bandwidth();
    assert_eq!(plan.on_bytes(&mut bandwidth, &hello), WHOLE);
    // The place has passed by the time the device is known.
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToClient, 8), FrameDecision::Cut { bytes: 0, wait_ms: 0 });
    let mut meant = cut("to_client", json!({"after_bytes": 7}));
    meant["scope"] = json!({"moment": "handshake"});
    let plan = plan_with(meant);
    assert_eq!(plan.on_bytes(&mut plan.bandwidth(), &hello), FrameDecision::Cut { bytes: 7, wait_ms: 0 });
}

#[test]
fn a_slow_link_takes_its_time_for_every_byte() {
    let slow = json!({"fault": {"kind": "slow_link", "bytes_per_second": 1000, "latency_ms": 20}});
    let plan = plan_with(slow.clone());
    let mut bandwidth = plan.bandwidth();
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToClient, 500), FrameDecision::Whole { wait_ms: 520 });
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 1), FrameDecision::Whole { wait_ms: 21 });
    assert_eq!(plan.log().entries.len(), 1, "a connection is one moment");
    plan.add(planned(slow)).expect("possible");
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 1), FrameDecision::Whole { wait_ms: 42 });
    plan.clear();
    assert_eq!(pass(&plan, &mut bandwidth, Direction::ToServer, 1), WHOLE);
}

#[test]
fn every_fault_is_written_as_it_is_read() {
    let faults = json!([
        {"kind": "ack_delayed", "delay_ms": 5}, {"kind": "ack_dropped"}, {"kind": "ack_nacked", "code": 463},
        {"kind": "reach_out_locked"}, {"kind": "rate_overlimit"}, {"kind": "stream_error", "code": 515},
        {"kind": "connection_cut", "direction": "to_server", "place": {"middle_of_frame": 4}},
        {"kind": "connection_cut", "direction": "to_client", "place": {"after_bytes": 4096}},
        {"kind": "slow_link", "bytes_per_second": 4096, "latency_ms": 80},
        {"kind": "receipt_duplicated", "copies": 1}, {"kind": "receipt_held", "behind": 2},
        {"kind": "message_duplicated", "copies": 1}, {"kind": "message_undecryptable"}, {"kind": "client_outdated"},
        {"kind": "temporary_ban", "code": 101, "expire_seconds": 60}, {"kind": "device_removed"},
        {"kind": "stream_replaced"}, {"kind": "prekeys_exhausted"}, {"kind": "media_down", "status_code": 503},
        {"kind": "media_down"}, {"kind": "media_slow", "delay_ms": 5}, {"kind": "not_on_whatsapp"},
        {"kind": "link_code_refused", "code": 400}, {"kind": "link_code_refused", "code": 429, "backoff_seconds": 60},
        {"kind": "linking_ended", "how": "stream_end"}, {"kind": "linking_ended", "how": {"failure": 403}},
    ]);
    for json in faults.as_array().expect("a list") {
        let fault: Fault = serde_json::from_value(json.clone()).expect("a fault");
        assert_eq!(serde_json::to_value(&fault).expect("JSON"), *json);
        assert_eq!(fault.kind(), json["kind"]);
        assert!(fault.hooks().iter().any(|hook| fault.fires_by_default_at(*hook)), "{json}");
    }
}

#[test]
fn what_is_impossible_is_refused_with_what_to_do() {
    let drop = json!({"kind": "ack_dropped"});
    let cases = [
        (json!({"fault": drop, "scope": {"moment": "iq"}}), "ack_dropped never comes at the moment iq"),
        (json!({"fault": drop, "scope": {"device": 1}}), "name the account too"),
        (json!({"fault": drop, "scope": {"account": "+1555"}}), "in digits, without +"),
        (json!({"fault": drop, "scope": {"how_often": {"next": 0}}}), "give 1 or more"),
        (json!({"fault": drop, "scope": {"how_often": {"probability": 1.5}}}), "from 0 to 1"),
        (json!({"fault": drop, "scope": {"from": 3, "until": 2}}), "until (2) comes before from (3)"),
        (json!({"fault": drop, "scope": {"from": 0}}), "counted from 1"),
        (json!({"fault": {"kind": "ack_delayed", "delay_ms": 600_001}}), "ten minutes"),
        (json!({"fault": {"kind": "ack_nacked", "code": 0}}), "such as 463"),
        (json!({"fault": {"kind": "slow_link", "bytes_per_second": 0}}), "nothing would ever pass"),
        (json!({"fault": {"kind": "media_down", "status_code": 200}}), "400 to 599"),
        (json!({"fault": {"kind": "receipt_held", "behind": 0}}), "1 to 100"),
        (json!({"fault": {"kind": "link_code_refused", "code": 418}}), "give 400, 403, 404, 429, 452 or 500"),
        (cut("to_client", json!({"middle_of_frame": 0})), "counted from 1"),
    ];
    for (json, expected) in cases {
        let error = Plan::new(1).add(planned(json)).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    for json in
        [json!({"kind": "stream_error", "code": 500}), json!({"kind": "ack_dropped", "code": 1}), json!({"kind": "x"})]
    {
        assert!(serde_json::from_value::<Fault>(json.clone()).is_err(), "{json}");
    }
}

#[test]
fn a_plan_is_full_at_its_bound() {
    let plan = Plan::new(1);
    let drop = planned(json!({"fault": {"kind": "ack_dropped"}}));
    for _ in 0..crate::limits::FAULTS_MAX {
        plan.add(drop.clone()).expect("room");
    }
    assert_eq!(plan.add(drop), Err(PlanError::Full));
    plan.clear();
    assert!(plan.active().is_empty());
}

#[test]
fn counters_keep_no_more_of_a_clients_words_than_the_log() {
    let long = "x".repeat(10_000);
    let asked = Question { device: &gateway(), namespace: &long, id: "1" };
    let sent = Sending { device: &gateway(), chat: &long, stanza_type: "text", id: "1", is_first_contact: false };
    for hook_call in [hook::HookCall::from(&asked), hook::HookCall::from(&sent)] {
        let counter = hook_call.counter(Counted::Chat);
        assert_eq!(counter.matches('x').count(), crate::limits::FAULT_NAME_CHARS_MAX);
    }
}

#[test]
fn a_full_log_keeps_the_same_entries_in_whatever_order_they_came() {
    let logged = |numbers: &mut dyn Iterator<Item = usize>| {
        let plan = plan_with(json!({"fault": {"kind": "ack_dropped"}}));
        for number in numbers {
            sent(&plan, &number.to_string());
        }
        plan.log()
    };
    let count = crate::limits::FAULT_LOG_ENTRIES_MAX + 500;
    let (up, down) = (logged(&mut (0..count)), logged(&mut (0..count).rev()));
    assert_eq!((up.entries.len(), up.left_out), (crate::limits::FAULT_LOG_ENTRIES_MAX, 500));
    assert_eq!(up, down);
}
