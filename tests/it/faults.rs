//! Stories of what goes wrong with single messages: acknowledgements, refusals, receipts, files, messages that come in.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wachat::limits;

use crate::files::PNG;
use crate::receiver::Receiver;
use crate::signed_in::{Browser, PASSWORD};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{eventually, stories};

const BEN: &str = "628110000012";

/// Sends a picture from the linked account; gives its reference number.
async fn send_picture(stage: &Stage) -> String {
    let body = json!({"queue": stage.device_id, "destination": ANN, "media_base64": STANDARD.encode(PNG), "file_name": "a.png", "caption": "look"});
    let reply = stage.world.client.post("/media", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.body["data"]["ref_no"].as_str().expect("a ref_no").to_owned()
}

/// Ann's phone shows the picture.
async fn assert_shown(stage: &Stage) {
    let shown = stage.network.shows(ANN, |one| one["kind"] == "file").await;
    assert_eq!(stage.network.file(ANN, shown["id"].as_str().expect("an id")).await, PNG);
}

stories! {
    async fn an_acknowledgement_that_is_late_is_waited_for(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.goes(ANN, "offline").await;
        stage.fault(json!({"kind": "ack_delayed", "delay_ms": 2_000}), json!({"next": 1})).await;
        let ref_no = stage.send(ANN, "slowly").await;
        stage.until_struck(1).await;
        let message = stage.world.status(&ref_no).await;
        assert_eq!((&message["status"], &message["sent_date"]), (&json!("Q"), &Value::Null));
        stage.world.until(&ref_no, "S").await;
        stage.network.goes(ANN, "online").await;
        stage.world.until(&ref_no, "D").await;
        assert_eq!((stage.network.times(ANN, "slowly").await, stage.handed_over(&ref_no).await), (1, 1));
        stage.network.assert_sound().await;
    }

    async fn a_message_without_an_acknowledgement_is_sent_again_under_its_id(database: Database) {
        let stage = Stage::held(database).await;
        stage.network.goes(ANN, "offline").await;
        stage.fault(json!({"kind": "ack_dropped"}), json!({"next": 1})).await;
        let ref_no = stage.send(ANN, "twice").await;
        stage.until_struck(1).await;
        stage.world.advance(Duration::from_secs(limits::ACK_SECONDS_MAX - 1)).await;
        let message = stage.world.status(&ref_no).await;
        assert_eq!((&message["status"], stage.handed_over(&ref_no).await), (&json!("Q"), 1));
        stage.world.until_within(&ref_no, "S", Duration::from_secs(1)).await;
        assert_eq!(stage.handed_over(&ref_no).await, 2);
        stage.network.goes(ANN, "online").await;
        stage.world.until(&ref_no, "D").await;
        assert_eq!(stage.network.times(ANN, "twice").await, 1);
        stage.network.assert_sound().await;
    }

    async fn strangers_wait_when_whatsapp_takes_no_first_messages_and_others_go_on(database: Database) {
        let stage = Stage::held(database).await;
        stage.network.person(BEN, "Ben").await;
        stage.network.says(ANN, OWNER, "hello").await;
        stage.until_in("hello").await;
        let refused = json!({"account": OWNER, "recipient": BEN});
        stage.network.fault(json!({"kind": "ack_nacked", "code": 463}), refused).await;
        let first = stage.send(BEN, "you do not know me").await;
        let device = eventually("strangers rest", async || {
            let device = stage.manage("GET", "", None).await;
            if device["strangers_after"].is_string() { Ok(device) } else { Err(device.to_string()) }
        })
        .await;
        assert_eq!((&device["state"], &device["strangers_after"]), (&json!("holding"), &json!("2026-09-21T15:26:40Z")));
        assert_eq!(stage.entered("strangers_paused").await, 1);
        let known = stage.send(ANN, "you wrote to me").await;
        stage.world.until(&known, "D").await;
        let message = stage.world.status(&first).await;
        assert_eq!((&message["status"], &message["reason_code"]), (&json!("Q"), &json!("new_contacts")), "{message}");
        assert_eq!(message["waits_until"], device["strangers_after"]);
        stage.network.heal().await;
        assert_eq!(stage.handed_over(&first).await, 1);
        stage.world.until_within(&first, "D", Duration::from_secs(60)).await;
        assert_eq!(stage.manage("GET", "", None).await["strangers_after"], Value::Null);
        assert_eq!(stage.network.times(BEN, "you do not know me").await, 1);
        stage.network.assert_sound().await;
    }

    async fn a_stranger_who_writes_is_none_any_more(database: Database) {
        let stage = Stage::new(database).await;
        stage.fault(json!({"kind": "ack_nacked", "code": 463}), json!({"next": 1})).await;
        let first = stage.send(ANN, "you do not know me").await;
        eventually("strangers rest", async || {
            let device = stage.manage("GET", "", None).await;
            if device["strangers_after"].is_string() { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        assert_eq!(stage.world.status(&first).await["status"], "Q");
        stage.network.says(ANN, OWNER, "who are you?").await;
        stage.world.until(&first, "D").await;
        stage.network.assert_sound().await;
    }

    async fn a_refusal_for_good_aborts_one_message_and_one_that_passes_none(database: Database) {
        let stage = Stage::new(database).await;
        stage.fault(json!({"kind": "ack_nacked", "code": 400}), json!({"next": 1})).await;
        let refused = stage.send(ANN, "refused").await;
        let message = stage.world.until(&refused, "A").await;
        assert_eq!((&message["reason"], &message["sent_date"]), (&json!("WhatsApp refused it with 400"), &Value::Null));
        stage.fault(json!({"kind": "ack_nacked", "code": 500}), json!({"next": 2})).await;
        let [first, second] = [stage.send(ANN, "first").await, stage.send(ANN, "second").await];
        stage.world.until(&first, "D").await;
        stage.world.until(&second, "D").await;
        assert_eq!((stage.handed_over(&refused).await, stage.handed_over(&first).await), (1, 3));
        let times = [stage.network.times(ANN, "refused").await, stage.network.times(ANN, "first").await];
        assert_eq!((times, stage.entered("reconnecting").await), ([0, 1], 0));
        stage.network.assert_sound().await;
    }

    async fn a_groups_message_that_whatsapp_refused_once_is_read_by_its_members_without_asking(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.person(BEN, "Ben").await;
        let group = stage.network.group(OWNER, &[ANN, BEN], "lid").await;
        let send = async |text: &str| {
            let body = json!({"queue": stage.device_id, "destination": group, "is_group": true, "message": text});
            stage.world.send_with(body).await
        };
        // The first message brings the group's key along, and so does the one after a refusal.
        for text in ["refused at first", "refused later"] {
            stage.fault(json!({"kind": "ack_nacked", "code": 500}), json!({"next": 1})).await;
            let ref_no = send(text).await;
            stage.world.until(&ref_no, "D").await;
            assert_eq!((stage.handed_over(&ref_no).await, stage.network.times(BEN, text).await), (2, 1));
        }
        assert_eq!(stage.network.times_asked_again().await, 0);
        stage.network.assert_sound().await;
    }

    async fn a_groups_receipts_say_that_it_was_sent_where_no_acknowledgement_does(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.person(BEN, "Ben").await;
        let group = stage.network.group(OWNER, &[ANN, BEN], "lid").await;
        stage.fault(json!({"kind": "ack_dropped"}), json!({"next": 1})).await;
        let body = json!({"queue": stage.device_id, "destination": group, "is_group": true, "message": "to all"});
        let ref_no = stage.world.send_with(body).await;
        let message = stage.world.until(&ref_no, "D").await;
        assert_eq!((&message["members"], &message["delivered_count"]), (&json!(2), &json!(2)));
        assert_eq!((stage.handed_over(&ref_no).await, stage.network.times(BEN, "to all").await), (1, 1));
        stage.network.assert_sound().await;
    }

    async fn a_device_slows_down_when_it_is_too_much_and_is_itself_again_after_a_while(database: Database) {
        let stage = Stage::held(database).await;
        stage.network.person(BEN, "Ben").await;
        let messages = json!({"account": OWNER, "recipient": ANN, "moment": "message", "how_often": {"next": 1}});
        stage.network.fault(json!({"kind": "rate_overlimit"}), messages).await;
        let refused = stage.send(ANN, "too much").await;
        stage.until_entered("slowed", 1).await;
        let other = stage.send(BEN, "waits its turn").await;
        stage.world.advance(Duration::from_millis(1_999)).await;
        for ref_no in [&refused, &other] {
            let message = stage.world.status(ref_no).await;
            assert_eq!((&message["status"], &message["reason_code"]), (&json!("Q"), &json!("rate_limited")), "{message}");
        }
        let attempts = stage.world.client.manage("GET", &format!("/messages/{refused}/attempts"), None).await;
        let reason = json!("WhatsApp said that it was too much at once");
        assert_eq!((&attempts.body["data"][0]["reason"], stage.handed_over(&other).await), (&reason, 0), "{}", attempts.text);
        for ref_no in [&refused, &other] {
            stage.world.until_within(ref_no, "D", Duration::from_millis(250)).await;
        }
        let stage = stage.restart(async |_| {}).await;
        // What left before the restart may have left just now: the next one waits for its turn.
        let device = stage.manage("GET", "", None).await;
        assert_eq!((&device["slow_gap_ms"], device["slow_until"].is_string()), (&json!(2_000), true), "{device}");
        let person = json!({"userid": "ann", "role": "owner", "password": PASSWORD});
        stage.world.client.manage("POST", "/clients/1/persons", Some(person)).await;
        let page = Browser::of(&stage.world, "ann").await.get(&format!("/console/devices/{}", stage.device_id)).await;
        for told in ["Rate-limited by WhatsApp. Sending slowly until", "between two messages, at least: 2,000"] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        let later = stage.send(ANN, "after the restart").await;
        stage.world.advance(Duration::from_millis(1_999)).await;
        assert_eq!((&stage.world.status(&later).await["status"], stage.handed_over(&later).await), (&json!("Q"), 0));
        stage.world.until_within(&later, "D", Duration::from_millis(1_001)).await;
        stage.world.advance(Duration::from_millis(limits::SLOW_MS.unsigned_abs())).await;
        for text in ["at once", "and this"] {
            let ref_no = stage.send(ANN, text).await;
            stage.world.until_within(&ref_no, "D", Duration::ZERO).await;
        }
        let device = stage.manage("GET", "", None).await;
        assert_eq!((&device["slow_gap_ms"], &device["slow_until"]), (&Value::Null, &Value::Null));
        assert_eq!((stage.entered("slowed").await, stage.network.times(ANN, "too much").await), (1, 1));
        stage.network.assert_sound().await;
    }

    async fn too_much_at_once_is_sent_later(database: Database) {
        let stage = Stage::new(database).await;
        let messages = json!({"account": OWNER, "moment": "message", "how_often": {"next": 1}});
        stage.network.fault(json!({"kind": "rate_overlimit"}), messages).await;
        let questions = json!({"account": OWNER, "moment": "iq", "how_often": {"next": 1}});
        stage.network.fault(json!({"kind": "rate_overlimit"}), questions).await;
        let ref_no = stage.send(ANN, "later").await;
        let message = stage.world.until(&ref_no, "D").await;
        assert_eq!(message["reason"], Value::Null);
        stage.until_struck(2).await;
        assert_eq!((stage.network.times(ANN, "later").await, stage.entered("reconnecting").await), (1, 0));
        stage.network.assert_sound().await;
    }

    async fn a_number_that_is_not_on_whatsapp_aborts_at_once(database: Database) {
        let stage = Stage::held(database).await;
        let nobody = stage.send(BEN, "is anybody there?").await;
        let message = stage.world.until(&nobody, "A").await;
        assert_eq!(message["reason"], format!("{BEN} is not on WhatsApp"));
        let unknown = json!({"account": OWNER, "recipient": ANN, "moment": "usync"});
        stage.network.fault(json!({"kind": "not_on_whatsapp"}), unknown).await;
        let gone = stage.send(ANN, "are you there?").await;
        let message = stage.world.until(&gone, "A").await;
        assert_eq!((&message["reason"], &message["sent_date"]), (&json!(format!("{ANN} is not on WhatsApp")), &Value::Null));
        assert_eq!(stage.handed_over(&nobody).await + stage.handed_over(&gone).await, 0);
        stage.network.assert_sound().await;
    }

    async fn whoever_has_no_prekeys_left_is_written_to_all_the_same(database: Database) {
        let stage = Stage::new(database).await;
        stage.fault(json!({"kind": "prekeys_exhausted"}), json!("always")).await;
        let ref_no = stage.send(ANN, "without a key of its own").await;
        stage.world.until(&ref_no, "D").await;
        stage.until_struck(1).await;
        stage.network.shows_text(ANN, "without a key of its own").await;
        stage.network.assert_sound().await;
    }

    async fn receipts_that_come_twice_or_late_move_messages_forward_only(database: Database) {
        let stage = Stage::new(database).await;
        stage.fault(json!({"kind": "receipt_duplicated", "copies": 3}), json!("always")).await;
        stage.fault(json!({"kind": "receipt_held", "behind": 1}), json!({"every": 2})).await;
        let mut all = Vec::new();
        for number in 1..=6 {
            all.push(stage.send(ANN, &format!("number {number}")).await);
        }
        stage.network.shows_text(ANN, "number 6").await;
        stage.network.reads(ANN).await;
        let last = stage.send(ANN, "the last").await;
        stage.network.shows_text(ANN, "the last").await;
        stage.network.reads(ANN).await;
        for ref_no in all.iter().chain([&last]) {
            let message = stage.world.until(ref_no, "R").await;
            let dates = ["sent_date", "delivered_date", "read_date"].map(|name| message[name].as_str().expect("a date").to_owned());
            assert!(dates.is_sorted(), "{dates:?}");
        }
        stage.network.assert_sound().await;
    }

    async fn a_message_that_comes_in_twice_is_stored_and_pushed_once(database: Database) {
        let stage = Stage::new(database).await;
        let receiver = Receiver::new(Vec::new()).await;
        let url = json!({"url": receiver.url("/push")});
        assert_eq!(stage.world.client.manage("PUT", "/clients/1/push", Some(url)).await.status, 200);
        stage.fault(json!({"kind": "message_duplicated", "copies": 3}), json!({"next": 1})).await;
        stage.network.says(ANN, OWNER, "once").await;
        stage.until_in("once").await;
        stage.network.says(ANN, OWNER, "after it").await;
        stage.until_in("after it").await;
        let asked = receiver.until(2).await;
        assert_eq!((stage.came_in("once").await.len(), asked.len()), (1, 2));
        stage.until_struck(1).await;
        stage.network.assert_sound().await;
    }

    async fn a_message_that_cannot_be_decrypted_is_asked_for_again(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.says(ANN, OWNER, "legible").await;
        stage.until_in("legible").await;
        stage.fault(json!({"kind": "message_undecryptable"}), json!({"next": 1})).await;
        let id = stage.network.says(ANN, OWNER, "illegible at first").await;
        let message = stage.until_in("illegible at first").await;
        assert_eq!((&message["originator"], &message["type"]), (&json!(ANN), &json!("text")));
        stage.until_struck(1).await;
        eventually("Ann's phone sees it delivered", async || {
            let sent = stage.network.get(&format!("/people/{ANN}/sent")).await;
            let all = sent.as_array().cloned().unwrap_or_default();
            let is_there = all.iter().any(|one| one["id"] == id && one["delivered_to"] != json!([]));
            if is_there { Ok(()) } else { Err(sent.to_string()) }
        })
        .await;
        assert_eq!(stage.came_in("illegible at first").await.len(), 1);
        stage.network.assert_sound().await;
    }

    async fn a_file_goes_out_when_the_media_hosts_take_it(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.fault(json!({"kind": "media_down", "status_code": 503}), json!({"account": OWNER})).await;
        let ref_no = send_picture(&stage).await;
        stage.until_struck(1).await;
        let message = stage.world.status(&ref_no).await;
        assert!(message["status"] == "Q" && message["reason"].is_string(), "{message}");
        // Texts to others need no file, and do not wait for it.
        stage.network.person(BEN, "Ben").await;
        let text = stage.send(BEN, "no file").await;
        stage.world.until(&text, "D").await;
        stage.network.heal().await;
        stage.world.until(&ref_no, "D").await;
        assert_shown(&stage).await;
        stage.network.assert_sound().await;
    }

    async fn a_file_goes_out_slowly_through_slow_media_hosts(database: Database) {
        let stage = Stage::new(database).await;
        let slow = json!({"kind": "media_slow", "delay_ms": 500, "bytes_per_second": 100});
        stage.network.fault(slow, json!({"account": OWNER})).await;
        let ref_no = send_picture(&stage).await;
        stage.world.until(&ref_no, "D").await;
        stage.until_struck(1).await;
        assert_shown(&stage).await;
        assert_eq!(stage.entered("reconnecting").await, 0);
        stage.network.assert_sound().await;
    }

    async fn a_message_whose_time_passes_while_its_file_is_uploaded_does_not_leave(database: Database) {
        let stage = Stage::held(database).await;
        stage.fault(json!({"kind": "media_slow", "delay_ms": 1_500, "bytes_per_second": 1_000_000}), json!("always")).await;
        let body = json!({"queue": stage.device_id, "destination": ANN, "media_base64": STANDARD.encode(PNG), "file_name": "a.png",
            "caption": "too late", "timeout": 20});
        let ref_no = stage.world.send_media(body).await;
        stage.until_struck(1).await;
        stage.world.advance(Duration::from_secs(25)).await;
        let message = stage.world.until(&ref_no, "A").await;
        assert_eq!(message["reason"], "its timeout passed before it could be sent", "{message}");
        stage.network.heal().await;
        let later = stage.send(ANN, "in time").await;
        stage.network.shows_text(ANN, "in time").await;
        stage.world.until(&later, "D").await;
        let received = stage.network.get(&format!("/people/{ANN}/received")).await;
        assert!(!received.to_string().contains("too late"), "{received}");
    }

    async fn a_message_is_pushed_once_its_file_is_there(database: Database) {
        let stage = Stage::new(database).await;
        let receiver = Receiver::new(Vec::new()).await;
        let url = json!({"url": receiver.url("/push")});
        assert_eq!(stage.world.client.manage("PUT", "/clients/1/push", Some(url)).await.status, 200);
        stage.fault(json!({"kind": "media_down"}), json!("always")).await;
        let picture = json!({"to": OWNER, "media_base64": STANDARD.encode(PNG), "kind": "image", "mime_type": "image/png", "caption": "see"});
        stage.network.post(&format!("/people/{ANN}/send"), picture).await;
        assert_eq!(stage.until_in("see").await["media_url"], Value::Null);
        stage.until_struck(1).await;
        // Another message is not held up by it.
        stage.network.says(ANN, OWNER, "a text").await;
        let asked = receiver.until(1).await;
        assert_eq!((asked.len(), asked[0].field("msg").as_deref()), (1, Some("a text")));
        stage.network.heal().await;
        let slow = json!({"kind": "media_slow", "delay_ms": 300, "bytes_per_second": 100});
        stage.fault(slow, json!("always")).await;
        let asked = receiver.until(2).await;
        let link = asked[1].field("media_url").expect("a link");
        let path = link.find("/media/").map(|at| &link[at..]).expect("a path");
        assert_eq!(stage.world.client.ask("GET", path, &[], None).await.bytes, PNG);
        assert_eq!((asked[1].field("msg").as_deref(), stage.came_in("see").await.len()), (Some("see"), 1));
        stage.network.assert_sound().await;
    }
}
