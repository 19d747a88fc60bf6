//! Pacing: what waits, until when, and what goes on meanwhile.

use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use wachat::clock::Millis;
use wachat::store::{MessageFilter, Page};

use crate::world::{ALICE, BOB, World, eventually, stories};

/// A number that the sandbox refuses at first, as one of a stranger.
const STRANGER: &str = "628111110010";
const MINUTE_MS: Millis = 60_000;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Paces the device; the loop that starts then knows of it from the start.
fn paced(world: World, change: Value) -> Pin<Box<dyn Future<Output = World>>> {
    Box::pin(async move {
        set(&world, change).await;
        world.restart().await
    })
}

async fn set(world: &World, change: Value) {
    let reply = world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(change)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

async fn shown(world: &World) -> Value {
    world.client.manage("GET", &format!("/devices/{}", world.device_id), None).await.body["data"].clone()
}

/// Lets the sandbox receive a message.
async fn write(world: &World, from: &str) {
    let path = format!("/devices/{}/receive", world.device_id);
    let reply = world.client.manage("POST", &path, Some(json!({"from": from, "text": "hello"}))).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
}

/// Waits until the pacing holds something.
async fn until_held(world: &World, why: &str) -> Value {
    eventually("the device holds messages", async || {
        world.advance(Duration::from_millis(20)).await;
        let device = shown(world).await;
        let holds = device["waits_for"].as_str().is_some_and(|says| says.contains(why));
        if holds { Ok(device) } else { Err(device.to_string()) }
    })
    .await
}

/// Whether a message still waits after the device had time to send it.
async fn waits(world: &World, ref_no: &str) {
    for _ in 0..100 {
        world.advance(Duration::from_millis(20)).await;
    }
    assert_eq!(world.status(ref_no).await["status"], "Q");
}

async fn sent_at(world: &World, ref_no: &str) -> Millis {
    let message = world.until(ref_no, "R").await;
    moment(&message["sent_date"])
}

fn moment(date: &Value) -> Millis {
    date.as_str().expect("a date").parse::<jiff::Timestamp>().expect("a date").as_millisecond()
}

stories! {
    async fn what_may_leave_in_quiet_hours_is_counted_among_its_like(database: Database) {
        // It is 14:26:40Z.
        let quiet = json!({"quiet_from": "14:00", "quiet_to": "15:00", "gap_ms": 3_600_000});
        let world = paced(World::held(database).await, quiet).await;
        let send = async |priority: &str| {
            world.send_with(json!({"destination": BOB, "message": "hello", "priority": priority})).await
        };
        let first = send("high").await;
        world.until(&first, "R").await;
        let held = send("normal").await;
        let refs = [send("high").await, send("high").await, send("high").await];
        world.advance(Duration::from_secs(1)).await;
        for (ref_no, position) in refs.iter().zip(1..) {
            let message = world.status(ref_no).await;
            assert_eq!((&message["reason_code"], &message["position"]), (&json!("turn"), &json!(position)), "{message}");
        }
        let message = world.status(&held).await;
        assert_eq!((&message["reason_code"], &message["position"]), (&json!("quiet_hours"), &Value::Null), "{message}");
        world.stop().await;
    }

    async fn a_shorter_gap_holds_at_once_and_a_restart_forgets_none(database: Database) {
        let world = paced(World::held(database).await, json!({"gap_ms": 3_600_000})).await;
        let (first, second) = (world.send(ALICE, "hello").await, world.send(BOB, "hello").await);
        let third = world.send(ALICE, "hello").await;
        let first_at = sent_at(&world, &first).await;
        waits(&world, &second).await;
        let world = world.restart().await;
        waits(&world, &second).await;
        let late_by = moment(&world.status(&second).await["waits_until"]) - first_at - 60 * MINUTE_MS;
        assert!((-2_000..=0).contains(&late_by), "{late_by}");
        set(&world, json!({"gap_ms": MINUTE_MS})).await;
        eventually("it leaves after the new gap", async || {
            let until = world.status(&second).await["waits_until"].clone();
            if moment(&until) <= first_at + MINUTE_MS {
                return Ok(());
            }
            world.advance(Duration::from_millis(100)).await;
            Err(until.to_string())
        })
        .await;
        world.until_within(&second, "R", Duration::from_millis(200)).await;
        let gap = sent_at(&world, &second).await - first_at;
        assert!((MINUTE_MS - 1_000..=MINUTE_MS + 2_000).contains(&gap), "{gap}");
        waits(&world, &third).await;
        set(&world, json!({"gap_ms": 0})).await;
        world.until(&third, "R").await;
        world.stop().await;
    }

    async fn the_place_of_a_message_only_goes_forward(database: Database) {
        let world = paced(World::held(database).await, json!({"gap_ms": 3_600_000})).await;
        let first = world.send(ALICE, "hello").await;
        world.until(&first, "R").await;
        let mut refs = Vec::new();
        for number in 0..6 {
            refs.push(world.send(&format!("6281111120{number:02}"), "hello").await);
        }
        let place = async |at: usize| world.status(&refs[at]).await["position"].clone();
        assert_eq!([place(5).await, place(1).await], [6, 2]);
        for ref_no in &refs[2..5] {
            let reply = world.client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        // What was counted a moment ago is counted on from.
        assert_eq!([place(5).await, place(1).await, place(0).await], [3, 2, 1]);
        world.stop().await;
    }

    async fn messages_that_were_cancelled_or_have_expired_cost_no_time(database: Database) {
        let world = paced(World::held(database).await, json!({"gap_ms": 60_000})).await;
        let first = world.send(ALICE, "hello").await;
        world.until(&first, "R").await;
        let mut cancelled = Vec::new();
        for number in 0..20 {
            let hasty = json!({"destination": format!("6281111121{number:02}"), "message": "hello", "timeout": 60});
            world.send_with(hasty).await;
            cancelled.push(world.send(&format!("6281111120{number:02}"), "hello").await);
        }
        let last = world.send(BOB, "hello").await;
        for ref_no in &cancelled {
            let reply = world.client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        world.advance(2 * MINUTE).await;
        // The clock stands still: nothing more is waited for.
        eventually("the last one leaves", async || {
            let ref_no = wachat::message::RefNo::parse(&last).expect("a number");
            let message = world.store.find_message(1, &ref_no).await.expect("readable").expect("there");
            if message.attempts == 1 { Ok(()) } else { Err(format!("{message:?}")) }
        })
        .await;
        world.stop().await;
    }

    async fn quiet_hours_hold_messages_and_let_them_go_at_the_minute(database: Database) {
        // It is 14:26:40Z.
        let world = paced(World::held(database).await, json!({"quiet_from": "14:00", "quiet_to": "15:00"})).await;
        let ref_no = world.send(ALICE, "hello").await;
        let hasty = world.send_with(json!({"destination": BOB, "message": "code 1234", "timeout": 60})).await;
        assert_eq!(shown(&world).await["waits_until"], "2026-09-21T15:00:00Z");
        waits(&world, &ref_no).await;
        world.advance(2 * MINUTE).await;
        let given_up = world.until(&hasty, "A").await;
        let reason = given_up["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("its timeout passed while it waited, so it has to be sent again: quiet hours; replies"), "{given_up}");
        world.advance(30 * MINUTE).await;
        waits(&world, &ref_no).await;
        world.advance(MINUTE).await;
        let sent_at = sent_at(&world, &ref_no).await;
        assert!(sent_at >= moment(&json!("2026-09-21T15:00:00Z")));
        assert_eq!(shown(&world).await["waits_for"], Value::Null);
        world.stop().await;
    }

    async fn who_writes_in_quiet_hours_is_answered_at_once(database: Database) {
        let world = paced(World::held(database).await, json!({"quiet_from": "14:00", "quiet_to": "15:00"})).await;
        let (reply, other) = (world.send(ALICE, "an answer").await, world.send(BOB, "hello").await);
        waits(&world, &reply).await;
        write(&world, ALICE).await;
        world.until(&reply, "R").await;
        waits(&world, &other).await;
        world.stop().await;
    }

    async fn quiet_hours_that_are_taken_away_hold_nothing_any_more(database: Database) {
        let world = paced(World::held(database).await, json!({"quiet_from": "14:00", "quiet_to": "15:00"})).await;
        let ref_no = world.send(ALICE, "hello").await;
        waits(&world, &ref_no).await;
        let change = json!({"quiet_from": null, "quiet_to": null});
        world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(change)).await;
        world.until(&ref_no, "R").await;
        world.stop().await;
    }

    async fn a_new_accounts_messages_are_counted_over_a_restart_and_wait_for_the_next_day(database: Database) {
        let world = paced(World::held(database).await, json!({"warm_up": true})).await;
        let mut refs = Vec::new();
        for number in 0..12 {
            refs.push(world.send(&format!("6281111120{number:02}"), "hello").await);
        }
        for ref_no in &refs {
            world.until(ref_no, "R").await;
        }
        let world = world.restart().await;
        let device = shown(&world).await;
        assert_eq!((&device["warm_up_allowance"], &device["warm_up_used"]), (&json!(20), &json!(12)));
        let mut refs = Vec::new();
        for number in 12..21 {
            refs.push(world.send(&format!("6281111120{number:02}"), "hello").await);
        }
        let last = refs.pop().expect("the one that is too much");
        for ref_no in &refs {
            world.until(ref_no, "R").await;
        }
        waits(&world, &last).await;
        let device = until_held(&world, "new").await;
        assert_eq!(device["waits_until"], "2026-09-22T00:00:00Z");
        write(&world, ALICE).await;
        let reply = world.send(ALICE, "an answer").await;
        world.until(&reply, "R").await;
        waits(&world, &last).await;
        world.advance(9 * HOUR).await;
        waits(&world, &last).await;
        world.advance(35 * MINUTE).await;
        world.until(&last, "R").await;
        let device = shown(&world).await;
        assert_eq!((&device["warm_up_allowance"], &device["warm_up_used"]), (&json!(40), &json!(1)));
        world.stop().await;
    }

    async fn strangers_wait_after_a_refusal_and_known_chats_go_on(database: Database) {
        let world = World::held(database).await;
        let before = world.send(ALICE, "hello").await;
        world.until(&before, "R").await;
        write(&world, BOB).await;
        let refused = world.send(STRANGER, "hello").await;
        let device = until_held(&world, "new contacts").await;
        let other = world.send("628111111113", "hello").await;
        for (to, is_group) in [(ALICE, false), (BOB, false), ("120363025246125486", true)] {
            let known = world.send_with(json!({"destination": to, "message": "hello", "is_group": is_group})).await;
            world.until(&known, "R").await;
        }
        waits(&world, &other).await;
        waits(&world, &refused).await;
        world.advance(HOUR).await;
        for ref_no in [&refused, &other] {
            assert!(sent_at(&world, ref_no).await >= moment(&device["waits_until"]));
        }
        assert_eq!(shown(&world).await["waits_for"], Value::Null);
        world.stop().await;
    }

    async fn a_rest_outlasts_a_restart_and_is_twice_as_long_when_whatsapp_refuses_again(database: Database) {
        let world = World::held(database).await;
        let refused = world.send(STRANGER, "hello").await;
        let first = moment(&until_held(&world, "new contacts").await["waits_until"]);
        // A sandbox that starts anew remembers nobody, and refuses again.
        let world = world.restart().await;
        let other = world.send(ALICE, "hello").await;
        waits(&world, &other).await;
        world.advance(HOUR).await;
        world.until(&other, "R").await;
        let second = moment(&until_held(&world, "new contacts").await["waits_until"]);
        assert!((2..=3).contains(&((second - first) / 3_600_000)), "{first} {second}");
        waits(&world, &refused).await;
        world.advance(2 * HOUR).await;
        world.until(&refused, "R").await;
        world.stop().await;
    }

    async fn a_stranger_who_writes_is_none_any_more(database: Database) {
        let world = World::held(database).await;
        let refused = world.send(STRANGER, "hello").await;
        until_held(&world, "new contacts").await;
        waits(&world, &refused).await;
        write(&world, STRANGER).await;
        world.until(&refused, "R").await;
        world.stop().await;
    }

    async fn a_text_is_typed_first_and_the_typing_is_part_of_the_gap(database: Database) {
        let world = paced(World::held(database).await, json!({"typing": true, "gap_ms": 5_000})).await;
        let begun_at = world.clock.now();
        let text = "x".repeat(80);
        let refs = [world.send(ALICE, &text).await, world.send(BOB, &text).await];
        let mut sent = Vec::new();
        for ref_no in &refs {
            world.until(ref_no, "R").await;
            let ref_no = wachat::message::RefNo::parse(ref_no).expect("a number");
            let message = world.store.find_message(1, &ref_no).await.expect("readable").expect("there");
            sent.push(message.sent_at.expect("sent"));
        }
        assert!(sent[0] - begun_at >= 1_500, "{sent:?}");
        // Typed after the gap it would be 6.5 seconds at least; what is acknowledged is seen up to a step later.
        let gap = sent[1] - sent[0];
        assert!((4_900..=6_400).contains(&gap), "{gap}");
        world.stop().await;
    }

    async fn a_typing_gateway_stops_without_waiting_and_sends_afterwards(database: Database) {
        let world = paced(World::held(database).await, json!({"typing": true})).await;
        let ref_no = world.send(ALICE, &"x".repeat(200)).await;
        eventually("it types", async || {
            let page = Page { before: None, rows: 1 };
            let all = world.store.list_messages(&MessageFilter::of(1), page).await;
            let message = all.expect("readable").messages.remove(0);
            if message.attempts == 1 { Ok(()) } else { Err(format!("{message:?}")) }
        })
        .await;
        let world = world.restart().await;
        world.until(&ref_no, "R").await;
        world.stop().await;
    }

    async fn a_new_linked_account_is_paced_and_pacing_that_cannot_be_is_refused_by_its_field(database: Database) {
        let world = World::held(database).await;
        let added = world.client.manage("POST", "/devices", Some(json!({"kind": "web"}))).await.body["data"].clone();
        for (name, value) in [
            ("gap_ms", json!(1_500)),
            ("gap_jitter_ms", json!(1_500)),
            ("warm_up", json!(true)),
            ("typing", json!(false)),
            ("quiet_from", Value::Null),
            ("limit", json!(0)),
            ("time_zone", json!("UTC")),
            ("warm_up_allowance", json!(20)),
        ] {
            assert_eq!(added[name], value, "{name}");
        }
        let path = format!("/devices/{}", world.device_id);
        for (change, field) in [
            (json!({"quiet_from": "21:00"}), "quiet_to"),
            (json!({"quiet_to": "07:00"}), "quiet_from"),
            (json!({"quiet_from": "9pm", "quiet_to": "07:00"}), "quiet_from"),
            (json!({"quiet_from": "21:00", "quiet_to": "24:00"}), "quiet_to"),
            (json!({"quiet_from": "21:00", "quiet_to": "21:00"}), "quiet_to"),
            (json!({"time_zone": "Jakarta"}), "time_zone"),
            (json!({"gap_ms": 3_600_001}), "gap_ms"),
        ] {
            let reply = world.client.manage("PATCH", &path, Some(change.clone())).await;
            assert_eq!((reply.status, &reply.body["detail"][0]["loc"][1]), (422, &json!(field)), "{change} {}", reply.text);
        }
        let change = json!({"quiet_from": "21:00", "quiet_to": "07:00", "time_zone": "Asia/Jakarta", "typing": true});
        assert_eq!(world.client.manage("PATCH", &path, Some(change)).await.status, 200);
        // An end alone may change.
        let device = world.client.manage("PATCH", &path, Some(json!({"quiet_to": "06:30"}))).await.body["data"].clone();
        assert_eq!((&device["quiet_from"], &device["quiet_to"]), (&json!("21:00"), &json!("06:30")));
        assert_eq!((&device["time_zone"], &device["typing"]), (&json!("Asia/Jakarta"), &json!(true)));
        // It is 21:26 in Jakarta.
        assert_eq!(device["waits_until"], "2026-09-21T23:30:00Z");
        world.stop().await;
    }
}
