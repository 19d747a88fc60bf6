//! Conversations are put together of both directions, page by page.

use super::*;
use crate::message::Priority;

fn theirs(seq: i64, received_at: i64) -> StoredInbound {
    StoredInbound {
        seq,
        id: format!("in{seq}"),
        client_id: 1,
        device_id: "d".into(),
        gateway: "1".into(),
        whatsapp_id: "w".into(),
        chat: "2".into(),
        originator: "2".into(),
        name: None,
        is_group: false,
        kind: "text".into(),
        body: "x".into(),
        media_id: None,
        file_name: None,
        media_pending: false,
        about: None,
        sent_at: received_at,
        received_at,
    }
}

fn ours(seq: i64, created_at: i64) -> StoredMessage {
    StoredMessage {
        seq,
        ref_no: format!("out{seq}"),
        client_id: 1,
        person_id: 1,
        device_id: "d".into(),
        sender: "1".into(),
        destination: "2".into(),
        is_group: false,
        body: None,
        is_media: false,
        kind: None,
        media_id: None,
        media_url: None,
        file_name: None,
        status: "Q".into(),
        reason: None,
        created_at,
        expires_at: 0,
        due_at: 0,
        attempts: 0,
        under_way_at: None,
        sent_at: None,
        delivered_at: None,
        read_at: None,
        aborted_at: None,
        members: None,
        delivered_count: 0,
        read_count: 0,
        priority: Priority::Normal,
        tag: None,
        fetch_attempts: 0,
        wait_code: None,
        wait_reason: None,
    }
}

#[test]
fn pages_of_both_directions_leave_nothing_out_and_repeat_nothing() {
    // The clock went back before the third that came in: its direction keeps its order.
    let received = [theirs(4, 40), theirs(3, 10), theirs(2, 20), theirs(1, 5)];
    let sent = [ours(9, 30), ours(8, 20), ours(7, 1)];
    for rows in 1..=8 {
        let (mut at, mut walked) = (Place::NEWEST, Vec::new());
        loop {
            let in_page = received.iter().filter(|one| one.seq < at.received).take(rows + 1).cloned().collect();
            let out_page = sent.iter().filter(|one| one.seq < at.sent).take(rows + 1).cloned().collect();
            let (said, next) = merge(in_page, out_page, rows, at);
            assert!(said.len() <= rows);
            walked.extend(said.into_iter().map(|one| match one {
                Said::In(message) => message.id,
                Said::Out(message) => message.ref_no,
            }));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        assert_eq!(walked, ["in4", "out9", "out8", "in3", "in2", "in1", "out7"], "{rows} rows");
    }
}

#[test]
fn a_place_is_two_numbers() {
    assert_eq!(Place::parse("3.9").expect("a place"), Place { received: 3, sent: 9 });
    for bad in ["", "3", "3.", "-1.2", "a.b", "1.2.3"] {
        assert!(Place::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn who_hides_his_number_can_be_answered() {
    assert!(can_answer("628111") && can_answer("120363025246125486") && can_answer("99887766@lid"));
    assert!(!can_answer("628111@broadcast"));
}
