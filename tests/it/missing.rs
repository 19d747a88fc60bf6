//! What comes late: a message that cannot be decrypted at first, and the file of a message.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wachat::limits;

use crate::files::PNG;
use crate::network::Network;
use crate::receiver::{Answer, Asked, Receiver};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{eventually, stories, within};

async fn receiver_of(stage: &Stage) -> Receiver {
    let receiver = Receiver::new(vec![Answer::status(200)]).await;
    let url = json!({"url": receiver.url("/hook")});
    assert_eq!(stage.world.client.manage("PUT", "/clients/1/push", Some(url)).await.status, 200);
    receiver
}

async fn listed(stage: &Stage) -> Vec<Value> {
    let listed = stage.world.client.manage("GET", "/inbox?limit=200", None).await;
    listed.body["data"]["items"].as_array().cloned().expect("a list")
}

/// Waits until the receiver was asked so often; gives the last. The held clock moves by `step` when nothing happens, and only then.
async fn pushed(stage: &Stage, receiver: &Receiver, count: usize, step: Duration) -> Asked {
    while within(Duration::from_millis(300), receiver.until(count)).await.is_err() {
        stage.world.advance(step).await;
    }
    receiver.asked().remove(count - 1)
}

/// The next message to the linked device comes in a way that nobody can read.
async fn spoil_next(network: &Network) {
    let scope = json!({"account": OWNER, "device": 1, "how_often": {"next": 1}});
    network.fault(json!({"kind": "message_undecryptable"}), scope).await;
}

async fn unreadable_rows(stage: &Stage) -> Option<i64> {
    stage.world.store.next_unreadable_at(&stage.device_id).await.expect("readable")
}

stories! {
    async fn a_message_that_stays_unreadable_is_reported_and_replaced_when_it_comes(database: Database) {
        let stage = Stage::held(database).await;
        let receiver = receiver_of(&stage).await;
        // Ann is gone before the gateway sees that it cannot read her message, and cannot send it again.
        let stage = stage
            .restart(async |network| {
                spoil_next(network).await;
                network.says(ANN, OWNER, "read me later").await;
                network.goes(ANN, "offline").await;
            })
            .await;
        eventually("it is remembered", async || unreadable_rows(&stage).await.ok_or_else(|| "not yet".to_owned())).await;
        let stage = stage.restart(async |_| ()).await;
        stage.world.advance(Duration::from_millis(limits::UNREADABLE_MS.unsigned_abs() - 2_000)).await;
        assert_eq!(listed(&stage).await, Vec::<Value>::new(), "it is reported after ten minutes");
        let report = pushed(&stage, &receiver, 1, Duration::from_millis(500)).await;
        let id = report.field("id").expect("an id");
        assert_eq!((report.field("type").as_deref(), report.field("originator").as_deref()), (Some("unreadable"), Some(ANN)));
        assert_eq!(stage.entered("unreadable").await, 1);
        let [row] = &listed(&stage).await[..] else { panic!("one row") };
        assert_eq!((&row["id"], &row["type"]), (&json!(id), &json!("unreadable")));
        stage.network.goes(ANN, "online").await;
        let again = pushed(&stage, &receiver, 2, Duration::from_millis(100)).await;
        assert_eq!((again.field("id"), again.field("type").as_deref()), (Some(id.clone()), Some("text")));
        assert_eq!(again.field("msg").as_deref(), Some("read me later"));
        let [row] = &listed(&stage).await[..] else { panic!("one row") };
        assert_eq!((&row["id"], &row["type"], &row["msg"]), (&json!(id), &json!("text"), &json!("read me later")));
        assert_eq!(unreadable_rows(&stage).await, None);
    }

    async fn a_message_that_is_read_in_time_is_told_once(database: Database) {
        let stage = Stage::held(database).await;
        let receiver = receiver_of(&stage).await;
        spoil_next(&stage.network).await;
        stage.network.says(ANN, OWNER, "at the second try").await;
        stage.until_in("at the second try").await;
        assert_eq!(unreadable_rows(&stage).await, None);
        stage.world.advance(Duration::from_millis(limits::UNREADABLE_MS.unsigned_abs() + 1_000)).await;
        stage.network.says(ANN, OWNER, "another").await;
        stage.until_in("another").await;
        assert_eq!((listed(&stage).await.len(), stage.entered("unreadable").await), (2, 0));
        drop(receiver);
    }

    async fn a_caption_waits_a_minute_for_its_file_and_is_pushed_again_with_it(database: Database) {
        let stage = Stage::held(database).await;
        let receiver = receiver_of(&stage).await;
        let fault = stage.fault(json!({"kind": "media_down", "status_code": 503}), json!("always")).await;
        let picture = json!({"to": OWNER, "media_base64": STANDARD.encode(PNG), "kind": "image", "mime_type": "image/png", "caption": "look"});
        stage.network.post(&format!("/people/{ANN}/send"), picture).await;
        let row = eventually("it is in the inbox", async || listed(&stage).await.pop().ok_or_else(|| "nothing".to_owned())).await;
        assert_eq!((&row["media_pending"], &row["media_url"]), (&json!(true), &Value::Null), "{row}");
        stage.world.advance(Duration::from_millis(limits::INBOUND_FILE_WAIT_MS.unsigned_abs() - 2_000)).await;
        assert_eq!(receiver.asked().len(), 0, "it waits for its file");
        let first = pushed(&stage, &receiver, 1, Duration::from_millis(500)).await;
        let told = |asked: &Asked| ["id", "msg", "media_pending", "media_url"].map(|name| asked.field(name).unwrap_or_default());
        let [id, msg, pending, url] = told(&first);
        assert_eq!((msg.as_str(), pending.as_str(), url.as_str()), ("look", "true", ""));
        stage.network.delete(&format!("/faults/{fault}")).await;
        let second = pushed(&stage, &receiver, 2, Duration::from_secs(10)).await;
        let [again, msg, pending, url] = told(&second);
        assert_eq!((again, msg.as_str(), pending.as_str()), (id.clone(), "look", "false"));
        assert!(url.contains("/media/") && second.header("webhook-id") == id, "{second:?}");
        let row = listed(&stage).await.remove(0);
        assert!(row["media_url"].is_string() && row["media_pending"] == false, "{row}");
    }

    async fn an_expired_file_is_uploaded_again_by_the_phone(database: Database) {
        let stage = Stage::held(database).await;
        let receiver = receiver_of(&stage).await;
        // The gateway comes to the file only after the media host has deleted it.
        let fault = stage.fault(json!({"kind": "media_down", "status_code": 503}), json!("always")).await;
        let picture = json!({"to": OWNER, "media_base64": STANDARD.encode(PNG), "kind": "image", "mime_type": "image/png", "caption": "old"});
        stage.network.post(&format!("/people/{ANN}/send"), picture).await;
        eventually("it is in the inbox", async || listed(&stage).await.pop().ok_or_else(|| "nothing".to_owned())).await;
        let on_phone = stage.network.shows(OWNER, |shown| shown["kind"] == "file").await;
        let id = on_phone["id"].as_str().expect("an id");
        stage.network.post(&format!("/people/{OWNER}/files/{id}/expire"), Value::Null).await;
        stage.network.delete(&format!("/faults/{fault}")).await;
        let with_file = eventually("the file is there", async || {
            stage.world.advance(Duration::from_secs(5)).await;
            let row = listed(&stage).await.remove(0);
            if row["media_url"].is_string() { Ok(row) } else { Err(row.to_string()) }
        })
        .await;
        assert_eq!((&with_file["msg"], &with_file["media_pending"]), (&json!("old"), &json!(false)));
        assert_eq!(stage.network.file(OWNER, id).await, PNG, "the phone has uploaded it");
        eventually("it is pushed with its file", async || {
            let last = receiver.asked().pop().ok_or_else(|| "nothing was pushed".to_owned())?;
            if last.field("media_pending").as_deref() == Some("false") { Ok(()) } else { Err(format!("{last:?}")) }
        })
        .await;
    }

    async fn a_file_that_is_lost_is_told_as_such(database: Database) {
        let stage = Stage::held(database).await;
        let receiver = receiver_of(&stage).await;
        stage.fault(json!({"kind": "media_down", "status_code": 503}), json!("always")).await;
        let picture = json!({"to": OWNER, "media_base64": STANDARD.encode(PNG), "kind": "image", "mime_type": "image/png", "caption": "look"});
        stage.network.post(&format!("/people/{ANN}/send"), picture).await;
        let first = pushed(&stage, &receiver, 1, Duration::from_secs(10)).await;
        let last = pushed(&stage, &receiver, 2, Duration::from_secs(3 * 3_600)).await;
        assert_eq!((first.field("id"), last.field("media_pending").as_deref()), (last.field("id"), Some("false")));
        let msg = last.field("msg").unwrap_or_default();
        assert!(msg.starts_with("look [its file is not there: ") && last.field("media_url").as_deref() == Some(""), "{msg}");
    }
}
