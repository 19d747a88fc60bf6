//! A message out: accepted, sent, delivered, read; or given up, and why.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use wachat::store::{MessageFilter, Page, StoredMessage};

use crate::world::{ALICE, BOB, Time, World, eventually, stories};

/// Numbers that the sandbox plays failures for.
const NOT_ON_WHATSAPP: &str = "628111110001";
const NEVER_DELIVERED: &str = "628111110002";
const NEVER_READ: &str = "628111110003";
const OFFLINE: &str = "628111110005";
const REFUSED_TWICE: &str = "628111110006";
const WRONG_ORDER: &str = "628111110007";
const REPEATED: &str = "628111110008";
const ACK_LOST: &str = "628111110009";
const GROUP: &str = "120363025246125486";
const SECOND: Duration = Duration::from_secs(1);

/// Every stored message, oldest first.
async fn stored(world: &World) -> Vec<StoredMessage> {
    let page = Page { before: None, rows: 10_000 };
    let mut messages = world.store.list_messages(&MessageFilter::of(1), page).await.expect("messages").messages;
    messages.reverse();
    messages
}

async fn set_device(world: &World, change: Value) {
    let reply = world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(change)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Pauses the device, or lets it go on.
async fn pause(world: &World, paused: bool) {
    set_device(world, json!({"paused": paused})).await;
}

stories! {
    async fn a_text_goes_from_accepted_to_read_and_each_date_is_set(database: Database) {
        let world = World::held(database).await;
        let ref_no = world.send(ALICE, "hello").await;
        let message = world.until(&ref_no, "R").await;
        assert_eq!((&message["message"], &message["caption"]), (&json!("hello"), &Value::Null));
        let dates: Vec<_> = ["create_date", "sent_date", "delivered_date", "read_date"]
            .iter()
            .map(|name| message[*name].as_str().expect("a date").to_owned())
            .collect();
        assert!(dates.is_sorted() && dates.iter().all(|date| date.ends_with('Z')), "{dates:?}");
        world.stop().await;
    }

    async fn a_message_keeps_its_priority_and_its_tag(database: Database) {
        let world = World::new(database).await;
        let urgent = json!({"destination": ALICE, "message": "1234", "priority": "high", "tag": "order 42"});
        let ref_no = world.send_with(urgent).await;
        let plain = world.send(BOB, "hello").await;
        for (ref_no, priority, tag) in [(&ref_no, "high", json!("order 42")), (&plain, "normal", Value::Null)] {
            let message = world.status(ref_no).await;
            assert_eq!((&message["priority"], &message["tag"]), (&json!(priority), &tag));
        }
        let listed = world.client.manage("GET", "/messages?tag=order+42", None).await;
        assert_eq!(listed.body["data"]["items"].as_array().map(Vec::len), Some(1), "{}", listed.text);
        let again = world.client.manage("POST", &format!("/messages/{ref_no}/resend"), None).await;
        let again = world.status(again.body["data"]["ref_no"].as_str().expect("a ref_no")).await;
        assert_eq!((&again["priority"], &again["tag"]), (&json!("high"), &json!("order 42")));
        world.stop().await;
    }

    async fn messages_to_one_recipient_leave_one_after_another_in_the_order_of_acceptance(database: Database) {
        let world = World::new(database).await;
        let mut last = String::new();
        for at in 0..30 {
            last = world.send(if at % 3 == 0 { BOB } else { ALICE }, &format!("message {at}")).await;
        }
        world.until(&last, "R").await;
        eventually("all are read", async || {
            let messages = stored(&world).await;
            if messages.iter().all(|message| message.status == "R") { Ok(()) } else { Err(format!("{messages:?}")) }
        })
        .await;
        for recipient in [ALICE, BOB] {
            let of_one: Vec<_> = stored(&world).await.into_iter().filter(|m| m.destination == recipient).collect();
            // The next one leaves only after the one before was acknowledged, which takes the sandbox a while.
            assert!(of_one.is_sorted_by(|one, next| one.sent_at < next.sent_at), "{recipient}");
            assert!(of_one.is_sorted_by_key(|message| message.ref_no.clone()));
        }
        world.stop().await;
    }

    async fn a_message_past_its_timeout_never_leaves(database: Database) {
        let world = World::held(database).await;
        pause(&world, true).await;
        let ref_no = world.send_with(json!({"destination": ALICE, "message": "code 1234", "timeout": 60})).await;
        assert_eq!(world.status(&ref_no).await["status"], "U");
        world.advance(Duration::from_secs(61)).await;
        let message = world.until(&ref_no, "A").await;
        let reason = message["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("its timeout passed while it waited, so it has to be sent again: its device"), "{message}");
        assert!(reason.ends_with("resume it to send"), "{message}");
        pause(&world, false).await;
        let other = world.send(ALICE, "later").await;
        world.until(&other, "R").await;
        let message = world.status(&ref_no).await;
        assert_eq!((&message["status"], &message["sent_date"]), (&json!("A"), &Value::Null));
        assert_eq!(stored(&world).await[0].attempts, 0);
        world.stop().await;
    }

    async fn a_number_that_is_not_on_whatsapp_is_aborted_with_the_reason(database: Database) {
        let world = World::held(database).await;
        let ref_no = world.send(NOT_ON_WHATSAPP, "hello").await;
        let message = world.until(&ref_no, "A").await;
        assert_eq!(message["reason"], format!("{NOT_ON_WHATSAPP} is not on WhatsApp"));
        assert!(message["aborted_date"].is_string());
        world.stop().await;
    }

    async fn a_refused_attempt_is_made_again_with_backoff(database: Database) {
        let world = World::held(database).await;
        let begun_at = world.clock.now();
        let ref_no = world.send(REFUSED_TWICE, "hello").await;
        world.until_within(&ref_no, "R", Duration::from_millis(100)).await;
        let message = stored(&world).await.remove(0);
        assert_eq!(message.attempts, 3);
        // Two waits of at least half of 2 s and of 4 s.
        assert!(message.sent_at.expect("sent") - begun_at >= 3_000, "{message:?}");
        world.stop().await;
    }

    async fn a_lost_acknowledgement_is_asked_for_again_under_the_same_id(database: Database) {
        let world = World::held(database).await;
        let ref_no = world.send(ACK_LOST, "hello").await;
        // The sandbox acknowledges the second attempt only because it knows the id from the first.
        world.until_within(&ref_no, "S", SECOND).await;
        assert_eq!(stored(&world).await[0].attempts, 2);
        world.stop().await;
    }

    async fn receipts_in_the_wrong_order_or_twice_end_the_same(database: Database) {
        let world = World::held(database).await;
        for number in [WRONG_ORDER, REPEATED] {
            let ref_no = world.send(number, "hello").await;
            world.until(&ref_no, "R").await;
            world.advance(SECOND).await;
            let message = world.until(&ref_no, "R").await;
            for date in ["sent_date", "delivered_date", "read_date"] {
                assert!(message[date].is_string(), "{number} {message}");
            }
        }
        world.stop().await;
    }

    async fn what_is_never_delivered_or_read_stays_where_it_came_to(database: Database) {
        let world = World::held(database).await;
        let undelivered = world.send(NEVER_DELIVERED, "hello").await;
        let unread = world.send(NEVER_READ, "hello").await;
        world.until(&undelivered, "S").await;
        world.until(&unread, "D").await;
        world.advance(Duration::from_secs(100_000)).await;
        world.until(&undelivered, "S").await;
        world.until(&unread, "D").await;
        world.stop().await;
    }

    async fn a_phone_that_is_offline_delivers_when_it_comes_back(database: Database) {
        let world = World::held(database).await;
        let begun_at = world.clock.now();
        let ref_no = world.send(OFFLINE, "hello").await;
        world.until(&ref_no, "S").await;
        world.until_within(&ref_no, "R", SECOND).await;
        let message = stored(&world).await.remove(0);
        assert!(message.delivered_at.expect("delivered") - begun_at >= 60_000);
        world.stop().await;
    }

    async fn a_paused_gateways_messages_show_as_unsent_and_leave_when_it_goes_on(database: Database) {
        let world = World::held(database).await;
        pause(&world, true).await;
        let ref_no = world.send(ALICE, "hello").await;
        assert_eq!(world.status(&ref_no).await["status"], "U");
        world.advance(SECOND * 5).await;
        assert_eq!(world.status(&ref_no).await["status"], "U");
        pause(&world, false).await;
        world.until(&ref_no, "R").await;
        world.stop().await;
    }

    async fn a_cancelled_message_never_leaves_and_one_that_left_is_not_cancelled(database: Database) {
        let world = World::held(database).await;
        let read = world.send(ALICE, "first").await;
        world.until(&read, "R").await;
        let reply = world.client.manage("POST", &format!("/messages/{read}/cancel"), None).await;
        assert_eq!(reply.status, 409, "{}", reply.text);
        pause(&world, true).await;
        let ref_no = world.send(ALICE, "second").await;
        let reply = world.client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await;
        assert_eq!((reply.status, &reply.body["data"]["status"]), (200, &json!("A")));
        pause(&world, false).await;
        world.advance(SECOND * 5).await;
        assert_eq!(world.status(&ref_no).await["reason"], "cancelled");
        world.stop().await;
    }

    async fn a_group_message_is_read_when_every_member_has_read_it(database: Database) {
        let world = World::held(database).await;
        let body = json!({"destination": format!("{GROUP}@g.us"), "message": "hello", "is_group": true});
        let ref_no = world.send_with(body).await;
        let message = world.until(&ref_no, "R").await;
        assert_eq!(message["destination"], GROUP);
        assert_eq!((&message["members"], &message["delivered_count"], &message["read_count"]), (&json!(3), &json!(3), &json!(3)));
        world.stop().await;
    }

    async fn messages_of_before_a_restart_are_followed_to_their_end(database: Database) {
        let world = World::held(database).await;
        let sent = world.send(OFFLINE, "sent before").await;
        world.until(&sent, "S").await;
        pause(&world, true).await;
        let waiting = world.send(ALICE, "waiting before").await;
        let world = world.restart().await;
        assert_eq!(world.status(&waiting).await["status"], "U");
        pause(&world, false).await;
        world.until(&waiting, "R").await;
        world.until_within(&sent, "R", SECOND).await;
        world.stop().await;
    }

    async fn removing_a_gateway_aborts_what_waits_in_its_queue(database: Database) {
        let world = World::held(database).await;
        pause(&world, true).await;
        let ref_no = world.send(ALICE, "hello").await;
        let reply = world.client.manage("DELETE", &format!("/devices/{}", world.device_id), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let message = world.status(&ref_no).await;
        assert_eq!((&message["status"], &message["reason"]), (&json!("A"), &json!("its gateway was removed")));
        let reply = world.client.post("/message", &json!({"destination": ALICE, "message": "x"})).await;
        assert_eq!(reply.status, 404, "{}", reply.text);
        world.stop().await;
    }

    async fn a_paced_gateway_keeps_its_gap_between_two_messages(database: Database) {
        let world = World::held(database).await;
        set_device(&world, json!({"gap_ms": 1_000, "gap_jitter_ms": 300})).await;
        // A running loop hears of it a moment later; one that starts knows it from the start.
        let world = world.restart().await;
        for number in [ALICE, BOB, "628111111113", "628111111114"] {
            world.send(number, "hello").await;
        }
        // Each is under way until it is acknowledged, which takes longer than a step of the clock.
        let mut begun = BTreeMap::new();
        eventually("all leave", async || {
            for message in stored(&world).await {
                if let Some(at) = message.under_way_at {
                    begun.entry(message.ref_no).or_insert(at);
                }
            }
            world.advance(Duration::from_millis(10)).await;
            if begun.len() == 4 { Ok(()) } else { Err(format!("{begun:?}")) }
        })
        .await;
        let mut begun: Vec<i64> = begun.into_values().collect();
        begun.sort_unstable();
        for pair in begun.windows(2) {
            assert!((1_000..1_400).contains(&(pair[1] - pair[0])), "{begun:?}");
        }
        world.stop().await;
    }

    async fn a_queue_longer_than_memory_holds_ends_whole(database: Database) {
        let world = World::with(database, Time::Machine, |_| ()).await;
        let more_than_a_window = wachat::limits::DEVICE_WINDOW_MESSAGES_MAX + 500;
        let posts = (0..more_than_a_window).map(|at| {
            let (client, to) = (world.client.clone(), format!("62811200{:04}", 1_000 + at % 1_400));
            async move { client.post("/message", &json!({"destination": to, "message": "hello"})).await.status }
        });
        use futures_util::StreamExt;
        let accepted: Vec<u16> = futures_util::stream::iter(posts).buffer_unordered(64).collect().await;
        assert!(accepted.iter().all(|status| *status == 201));
        eventually("every message is read", async || {
            let counts = world.store.count_messages(None).await.expect("counts");
            let whole = i64::try_from(more_than_a_window).expect("a small number");
            if counts == [("R".to_owned(), whole)] { Ok(()) } else { Err(format!("{counts:?}")) }
        })
        .await;
        world.stop().await;
    }
}
