//! Why messages wait, and what devices are doing: the same wherever it is asked.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::clock::Millis;
use wachat::device::DeviceState;
use wachat::message::RefNo;
use wachat::store::{Progress, Step, WaitCode};

use crate::linked_crashes::BEN;
use crate::signed_in::{Browser, world};
use crate::stage::{ANN, OWNER, Stage};
use crate::told::{add_web, enter, lease, told, until_is, until_is_everywhere, until_told, until_told_everywhere};
use crate::world::{ALICE, BOB, Time, World, eventually, stories};

/// A number that the sandbox refuses at first, as one of a new contact; and one whose first two attempts it refuses.
const NEW_CONTACT: &str = "628111110010";
const REFUSED_TWICE: &str = "628111110006";
/// One of which the sandbox loses the first acknowledgement.
const UNACKNOWLEDGED: &str = "628111110009";
const HOUR: Duration = Duration::from_secs(3_600);

/// Changes the sandbox.
async fn change(world: &World, to: Value) {
    let reply = world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(to)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Quiet hours around this moment, by UTC.
fn quiet_now(world: &World) -> Value {
    let at = |ms: Millis| {
        let time = jiff::Timestamp::from_millisecond(world.clock.now() + ms).expect("a moment");
        time.strftime("%H:%M").to_string()
    };
    json!({"quiet_from": at(-3_600_000), "quiet_to": at(2 * 3_600_000)})
}

fn moment(date: &Value) -> Millis {
    let text = date.as_str().unwrap_or_else(|| panic!("a date: {date}"));
    text.parse::<jiff::Timestamp>().expect("a date").as_millisecond()
}

/// Waits until each of these messages has its position: the API caches counts for a second.
async fn until_placed(world: &World, expected: &[(&String, usize)]) {
    eventually("each message has its position", async || {
        for (ref_no, position) in expected {
            let message = world.status(ref_no).await;
            if message["position"] != *position {
                return Err(message.to_string());
            }
        }
        Ok(())
    })
    .await;
}

stories! {
    async fn every_state_of_a_device_that_cannot_send_is_its_messages_reason(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        let id = add_web(&world).await;
        let ref_no = world.send_with(json!({"queue": id, "destination": ALICE, "message": "hello"})).await;
        let tomorrow = world.clock.now() / 1_000 * 1_000 + 86_400_000;
        for (state, until, code) in [
            (DeviceState::Unlinked, None, "not_linked"),
            (DeviceState::Linking, None, "not_linked"),
            (DeviceState::Connecting, None, "offline"),
            (DeviceState::Reconnecting, Some(tomorrow), "offline"),
            (DeviceState::Banned, Some(tomorrow), "banned"),
            (DeviceState::LoggedOut, None, "logged_out"),
            (DeviceState::Replaced, None, "replaced"),
            (DeviceState::Outdated, Some(tomorrow), "outdated"),
        ] {
            enter(&world, &id, state, until).await;
            // What the API knows of gateways may be a second old, and two of these states have one code.
            let date = until.map(wachat::clock::rfc3339);
            let message = eventually("the reason is that of the state", async || {
                let message = told(&world, &ref_no).await?;
                let is_it = message["reason_code"] == code && message["waits_until"] == json!(date);
                if is_it { Ok(message) } else { Err(message.to_string()) }
            })
            .await;
            assert_eq!((&message["status"], &message["position"]), (&json!("U"), &Value::Null), "{message}");
            until_told_everywhere(&browser, &ref_no, code).await;
            let device = until_is_everywhere(&browser, &id, state.name(), 1).await;
            assert_eq!((&device["state_code"], &device["state_until"]), (&json!(code), &json!(date)));
        }
        // A pause is told before a missing connection, and after what only a person can mend.
        let pause = json!({"paused": true});
        world.client.manage("PATCH", &format!("/devices/{id}"), Some(pause)).await;
        until_is_everywhere(&browser, &id, "outdated", 1).await;
        enter(&world, &id, DeviceState::Reconnecting, None).await;
        let message = until_told_everywhere(&browser, &ref_no, "paused").await;
        assert_eq!(message["reason"], "its device was paused by 'admin'; resume it to send");
        let device = until_is_everywhere(&browser, &id, "paused", 1).await;
        assert_eq!((&device["paused_by"], device["paused_at"].is_string()), (&json!("admin"), true), "{device}");
        let page = browser.get(&format!("/console/devices/{id}")).await;
        assert!(page.text.contains("Paused by admin. Messages wait until you resume."), "{}", page.text);
        world.stop().await;
    }

    async fn what_waits_for_its_turn_knows_its_place(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        change(&world, json!({"gap_ms": 3_600_000})).await;
        let first = world.send(ALICE, "leaves at once").await;
        world.until(&first, "R").await;
        let send = async |priority: &str, text: &str| {
            world.send_with(json!({"destination": BOB, "message": text, "priority": priority})).await
        };
        let normal = [send("normal", "one").await, send("normal", "two").await];
        let (bulk, high) = (send("bulk", "three").await, send("high", "four").await);
        let placed = [(&high, 1), (&normal[0], 2), (&normal[1], 3), (&bulk, 4)];
        until_placed(&world, &placed).await;
        for (ref_no, position) in placed {
            let message = until_told_everywhere(&browser, ref_no, "turn").await;
            assert_eq!((&message["status"], &message["position"]), (&json!("Q"), &json!(position)), "{message}");
        }
        let message = world.status(&high).await;
        assert_eq!(message["reason"], "next to be sent; the device waits between messages");
        // Each leaves an hour after the one before it, at the earliest.
        let at = async |ref_no: &String| moment(&world.status(ref_no).await["waits_until"]);
        let (first, last) = (at(&high).await, at(&bulk).await);
        assert!((first - world.clock.now() - 3_600_000).abs() < 120_000, "{message}");
        assert_eq!(last - first, 3 * 3_600_000);
        until_is_everywhere(&browser, &world.device_id, "online", 4).await;
        // The one behind a message that is cancelled moves up.
        world.client.manage("POST", &format!("/messages/{high}/cancel"), None).await;
        eventually("the others move up", async || {
            let message = told(&world, &bulk).await?;
            if message["position"] == 3 { Ok(()) } else { Err(message.to_string()) }
        })
        .await;
        assert_eq!(told(&world, &high).await.expect("the same")["reason_code"], Value::Null);
        world.stop().await;
    }

    async fn a_long_list_tells_each_place_as_the_message_alone_does(database: Database) {
        let world = World::new(database).await;
        change(&world, json!({"gap_ms": 3_600_000})).await;
        let first = world.send(ALICE, "leaves at once").await;
        world.until(&first, "R").await;
        let mut refs = Vec::new();
        for number in 0..120 {
            let priority = ["bulk", "normal", "high"][number % 3];
            refs.push(world.send_with(json!({"destination": BOB, "message": "x", "priority": priority})).await);
        }
        let place = |at: usize| at / 3 + 1 + [80, 40, 0][at % 3];
        until_placed(&world, &[117, 118, 119].map(|at| (&refs[at], place(at)))).await;
        let page = world.client.manage("GET", "/messages?limit=500", None).await;
        let items = page.body["data"]["items"].as_array().expect("messages").clone();
        for (at, ref_no) in refs.iter().enumerate() {
            let listed = items.iter().find(|item| item["ref_no"] == *ref_no).expect("it is listed");
            assert_eq!(listed["position"], json!(place(at)), "{at}");
        }
        for at in [0, 1, 2, 60, 119] {
            assert_eq!(told(&world, &refs[at]).await.expect("the same")["position"], json!(place(at)), "{at}");
        }
        // In XML too.
        let xml = world.client.ask("GET", &format!("/wachat_api/1.0/status/{}", refs[2]), &[("Accept", "text/xml")], None).await;
        let told = "<reason>next to be sent; the device waits between messages</reason><reason_code>turn</reason_code><waits_until>2";
        assert!(xml.text.contains(told) && xml.text.contains("<position>1</position>"), "{}", xml.text);
        world.stop().await;
    }

    async fn quiet_hours_are_the_reason_and_answers_and_high_priority_go_on(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        change(&world, quiet_now(&world)).await;
        let device = until_is_everywhere(&browser, &world.device_id, "holding", 0).await;
        let refs = [world.send(ALICE, "one").await, world.send(BOB, "two").await];
        for ref_no in &refs {
            let message = until_told_everywhere(&browser, ref_no, "quiet_hours").await;
            assert_eq!((&message["status"], &message["waits_until"]), (&json!("Q"), &device["state_until"]), "{message}");
        }
        let device = until_is_everywhere(&browser, &world.device_id, "holding", 2).await;
        assert_eq!(device["state_code"], "quiet_hours");
        let page = browser.get(&format!("/console/devices/{}", world.device_id)).await;
        assert!(page.text.contains("On hold until") && page.text.contains("Waiting: 2"), "{}", page.text);
        // One who writes is answered.
        let path = format!("/devices/{}/receive", world.device_id);
        world.client.manage("POST", &path, Some(json!({"from": ALICE, "text": "hello"}))).await;
        world.until(&refs[0], "R").await;
        change(&world, json!({"quiet_from": null, "quiet_to": null})).await;
        world.until(&refs[1], "R").await;
        until_is_everywhere(&browser, &world.device_id, "online", 0).await;
        world.stop().await;
    }

    async fn a_warm_up_that_is_used_up_is_the_reason_until_midnight(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        change(&world, json!({"warm_up": true})).await;
        let mut refs = Vec::new();
        for number in 0..21 {
            refs.push(world.send(&format!("6281111120{number:02}"), "hello").await);
        }
        let last = refs.pop().expect("the one that is too much");
        for ref_no in &refs {
            world.until(ref_no, "R").await;
        }
        let message = until_told_everywhere(&browser, &last, "warm_up").await;
        let device = until_is_everywhere(&browser, &world.device_id, "holding", 1).await;
        assert_eq!((&device["state_code"], &device["state_until"]), (&json!("warm_up"), &message["waits_until"]));
        assert!(message["waits_until"].as_str().is_some_and(|until| until.ends_with("T00:00:00Z")), "{message}");
        world.stop().await;
    }

    async fn a_block_on_new_contacts_is_the_reason_of_messages_to_them_alone(database: Database) {
        let world = world(database, Time::Machine).await;
        let browser = Browser::of(&world, "admin").await;
        let refused = world.send(NEW_CONTACT, "hello").await;
        let device = until_is_everywhere(&browser, &world.device_id, "holding", 1).await;
        assert_eq!(device["state_code"], "new_contacts");
        let other = world.send(ALICE, "hello").await;
        for ref_no in [&refused, &other] {
            let message = until_told_everywhere(&browser, ref_no, "new_contacts").await;
            assert_eq!(message["waits_until"], device["state_until"], "{message}");
        }
        let page = browser.get(&format!("/console/devices/{}", world.device_id)).await;
        assert!(page.text.contains("WhatsApp blocks messages to new contacts until"), "{}", page.text);
        world.stop().await;
    }

    async fn a_message_that_was_set_aside_tells_why_and_until_when(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        change(&world, json!({"gap_ms": 3_600_000})).await;
        world.advance(Duration::from_secs(2)).await;
        let first = world.send(ALICE, "leaves at once").await;
        world.until(&first, "R").await;
        let ref_no = world.send(BOB, "set aside").await;
        let behind = world.send(ALICE, "behind it").await;
        until_told(&browser, &ref_no, "turn").await;
        let lease = lease(&world, &world.device_id).await;
        let due_at = (world.clock.now() / 1_000 + 60) * 1_000;
        for (code, reason) in [
            (WaitCode::Media, "its file is not downloaded yet: no luck; the download is tried again"),
            (WaitCode::Retry, "the last attempt failed: no luck; it is tried again"),
            (WaitCode::RateLimited, "rate-limited by WhatsApp; it is tried again"),
            (WaitCode::NewContacts, "WhatsApp blocks messages to new contacts for now, those of high priority too; replies still go out"),
        ] {
            let step = Step::Retry { due_at, attempts: 1, number: 1, at: world.clock.now(), reason: "no luck".into(), code };
            let parsed = RefNo::parse(&ref_no).expect("a reference number");
            let one = Progress { ref_no: parsed, device_id: lease.device_id.clone(), epoch: lease.epoch, step };
            world.store.progress(vec![one]).await.expect("stored");
            let message = until_told(&browser, &ref_no, code.name()).await;
            assert_eq!((&message["status"], &message["reason"]), (&json!("Q"), &json!(reason)), "{message}");
            assert_eq!(message["waits_until"], wachat::clock::rfc3339(due_at));
            let exported = browser.get("/console/messages/export.csv").await.text;
            let row = exported.lines().find(|line| line.starts_with(&ref_no)).expect("its row");
            assert!(row.contains(reason) && row.contains(&wachat::clock::rfc3339(due_at)), "{row}");
        }
        // It is in nobody's way.
        world.advance(Duration::from_secs(2)).await;
        assert_eq!(until_told(&browser, &behind, "turn").await["position"], 1);
        world.stop().await;
    }

    async fn a_refused_attempt_is_the_reason_until_the_next(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let ref_no = world.send(REFUSED_TWICE, "try").await;
        let message = until_told(&browser, &ref_no, "retry").await;
        let reason = "the last attempt failed: the sandbox refuses the first two attempts to this number; it is tried again";
        assert_eq!((&message["reason"], message["waits_until"].is_string()), (&json!(reason), true), "{message}");
        world.until_within(&ref_no, "R", Duration::from_millis(200)).await;
        assert_eq!(told(&world, &ref_no).await.expect("the same")["reason"], Value::Null);
        world.stop().await;
    }

    async fn a_message_behind_one_that_is_tried_again_says_so(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let first = world.send(REFUSED_TWICE, "refused at first").await;
        let blocker = until_told(&browser, &first, "retry").await;
        let behind = world.send(REFUSED_TWICE, "behind it").await;
        let message = until_told(&browser, &behind, "retry").await;
        assert_eq!(message["reason"], "an earlier message to the same recipient is tried again first", "{message}");
        assert_eq!((&message["waits_until"], &message["position"]), (&blocker["waits_until"], &Value::Null), "{message}");
        let other = world.send(BOB, "to another").await;
        world.until(&other, "R").await;
        world.until_within(&first, "R", Duration::from_millis(200)).await;
        world.until_within(&behind, "R", Duration::from_millis(200)).await;
        world.stop().await;
    }

    async fn a_message_behind_one_that_is_not_acknowledged_says_so_and_is_in_nobodys_way(database: Database) {
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        let first = world.send(UNACKNOWLEDGED, "its acknowledgement is lost").await;
        let behind = world.send(UNACKNOWLEDGED, "behind it").await;
        let message = eventually("the acknowledgement is late", async || {
            world.advance(Duration::from_millis(500)).await;
            let message = told(&world, &behind).await?;
            if message["waits_until"].is_string() { Ok(message) } else { Err(message.to_string()) }
        })
        .await;
        let reason = "an earlier message to the same recipient awaits its acknowledgement";
        assert_eq!((&message["reason"], &message["reason_code"]), (&json!(reason), &json!("turn")), "{message}");
        let head = until_told(&browser, &first, "turn").await;
        assert_eq!(head["reason"], "sent to WhatsApp; its acknowledgement is awaited");
        assert_eq!((&head["waits_until"], &message["position"]), (&message["waits_until"], &Value::Null));
        let other = world.send(BOB, "to another").await;
        world.until(&other, "R").await;
        world.until_within(&behind, "S", Duration::from_millis(500)).await;
        world.stop().await;
    }

    async fn a_device_that_whatsapp_slowed_down_says_so_everywhere(database: Database) {
        let stage = Stage::held(database).await;
        let world = &stage.world;
        let hash = wachat::password::hash(crate::signed_in::PASSWORD, &wachat::clock::Clock::system()).expect("a hash");
        world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        let browser = Browser::of(world, "admin").await;
        let messages = json!({"account": OWNER, "recipient": ANN, "moment": "message", "how_often": {"next": 1}});
        stage.network.fault(json!({"kind": "rate_overlimit"}), messages).await;
        let refused = stage.send(ANN, "too much").await;
        stage.until_entered("slowed", 1).await;
        let refused = until_told(&browser, &refused, "rate_limited").await;
        assert_eq!(refused["status"], "Q", "{refused}");
        // Behind the refused message it waits for that one's next attempt, and to somebody else for the end of the slow pace.
        let behind = stage.send(ANN, "waits its turn").await;
        let behind = until_told(&browser, &behind, "rate_limited").await;
        assert_eq!(behind["waits_until"], refused["waits_until"], "{behind} {refused}");
        stage.network.person(BEN, "Ben").await;
        let other = stage.send(BEN, "waits its turn too").await;
        let message = until_told(&browser, &other, "rate_limited").await;
        let device = stage.manage("GET", "", None).await;
        assert_eq!((&device["state"], &device["state_code"]), (&json!("slowed"), &json!("rate_limited")), "{device}");
        assert_eq!(device["state_until"], device["slow_until"]);
        // It leaves when its turn comes at that pace, long before the device is itself again.
        let until = moment(&message["waits_until"]);
        assert!(until > world.clock.now() && until < moment(&device["slow_until"]), "{message}");
        world.advance(Duration::from_secs(1)).await;
        until_is(&browser, &stage.device_id, "slowed", 3).await;
    }

    async fn a_linked_accounts_queue_tells_what_it_waits_for_from_the_start(database: Database) {
        let stage = Stage::unlinked(database).await;
        let ref_no = stage.send(ANN, "waits for a link").await;
        stage.until_waits(&ref_no).await;
        assert_eq!(stage.world.status(&ref_no).await["reason_code"], "not_linked");
        stage.manage("PATCH", "", Some(json!({"quiet_from": "00:00", "quiet_to": "23:59", "time_zone": "UTC"}))).await;
        stage.link(OWNER).await;
        let message = eventually("quiet hours hold it", async || {
            let message = told(&stage.world, &ref_no).await?;
            if message["reason_code"] == "quiet_hours" { Ok(message) } else { Err(message.to_string()) }
        })
        .await;
        assert_eq!(message["status"], "Q");
        stage.manage("PATCH", "", Some(json!({"quiet_from": null, "quiet_to": null}))).await;
        stage.world.until(&ref_no, "D").await;
        stage.network.assert_sound().await;
    }

    async fn a_page_follows_when_a_hold_ends(database: Database) {
        // It is 14:26:40Z.
        let world = world(database, Time::Held).await;
        let browser = Browser::of(&world, "admin").await;
        change(&world, json!({"quiet_from": "14:00", "quiet_to": "15:00"})).await;
        world.advance(Duration::from_secs(2)).await;
        let ref_no = world.send(ALICE, "hello").await;
        let own = format!("/console/devices/{}", world.device_id);
        let page = browser.get(&own).await;
        let told = "On hold until 2026-09-21 15:00:00 (quiet hours). Replies to people who wrote in the last 15 minutes still go out.";
        assert!(page.text.contains(told), "{}", page.text);
        let indonesian = browser.get_with(&own, "accept-language", "id").await;
        let kata = "Pengiriman ditahan sampai 2026-09-21 15:00:00 (jam tenang).";
        assert!(indonesian.text.contains(kata) && indonesian.text.contains(">ditahan</span>"), "{}", indonesian.text);
        until_is(&browser, &world.device_id, "holding", 1).await;
        world.advance(HOUR).await;
        world.until(&ref_no, "R").await;
        world.advance(Duration::from_secs(2)).await;
        until_is(&browser, &world.device_id, "online", 0).await;
        let page = browser.get(&own).await;
        assert!(page.text.contains("<strong>Connected</strong>") && !page.text.contains("On hold"), "{}", page.text);
        world.stop().await;
    }

    async fn a_pause_and_its_end_are_in_the_history(database: Database) {
        let world = world(database, Time::Machine).await;
        for paused in [true, true, false] {
            change(&world, json!({"paused": paused})).await;
        }
        let events = world.client.manage("GET", &format!("/devices/{}/events", world.device_id), None).await;
        let items = events.body["data"]["items"].as_array().cloned().expect("events");
        let turned = items.iter().filter(|event| event["reason"] == "by 'admin'").map(|event| event["state"].clone());
        assert_eq!(turned.collect::<Vec<_>>(), [json!("resumed"), json!("paused")], "{}", events.text);
        let device = world.client.manage("GET", &format!("/devices/{}", world.device_id), None).await;
        assert_eq!(device.body["data"]["paused_by"], Value::Null);
        world.stop().await;
    }
}
