//! Stories of links that begin and end: unlinked, deleted, refused, given up, typed.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::limits;
use wachat::store::KeyKind;

use crate::stage::{ANN, OWNER, Stage};
use crate::world::{Time, eventually, stories};

const MAY_BE_LISTED: &str = "WhatsApp did not confirm that the link ended: look under Linked devices on the phone, and remove this gateway \
                             there if it is listed";

/// Waits until the owner's phone lists so many devices beside itself.
async fn until_listed(stage: &Stage, devices: usize) {
    eventually(&format!("the phone lists {devices} devices"), async || {
        let listed = stage.listed().await;
        if listed == devices { Ok(()) } else { Err(format!("{listed}")) }
    })
    .await;
}

/// Whether the device has keys of an account.
async fn has_keys(stage: &Stage) -> bool {
    let found = stage.world.store.find_key(&stage.device_id, KeyKind::Account, "", "").await;
    found.expect("a readable store").is_some()
}

/// Waits until linking has come to an end; gives how the API shows it.
async fn until_failed(stage: &Stage, device_id: &str) -> Value {
    eventually("linking fails", async || {
        let link = stage.world.client.manage("GET", &format!("/devices/{device_id}/link"), None).await;
        if link.body["data"]["status"] == "failed" { Ok(link.body["data"].clone()) } else { Err(link.text) }
    })
    .await
}

stories! {
    async fn whoever_unlinks_is_off_the_phone_and_keeps_his_queue(database: Database) {
        let stage = Stage::new(database).await;
        assert_eq!((stage.listed().await, has_keys(&stage).await), (1, true));
        stage.manage("POST", "/unlink", None).await;
        let device = stage.until_state("unlinked").await;
        assert_eq!(device["linked_at"], Value::Null);
        until_listed(&stage, 0).await;
        assert!(!has_keys(&stage).await);
        let ref_no = stage.send(ANN, "kept").await;
        stage.until_waits(&ref_no).await;
        stage.link(OWNER).await;
        stage.world.until(&ref_no, "D").await;
        assert_eq!((stage.listed().await, stage.network.times(ANN, "kept").await), (1, 1));
        stage.network.assert_sound().await;
    }

    async fn a_link_whose_end_whatsapp_does_not_confirm_says_so(database: Database) {
        let stage = Stage::held(database).await;
        let slow = json!({"kind": "slow_link", "latency_ms": 60_000, "bytes_per_second": 1_000_000});
        stage.fault(slow, json!("always")).await;
        stage.manage("POST", "/unlink", None).await;
        let link = eventually("it is unlinked", async || {
            stage.world.advance(Duration::from_secs(1)).await;
            let link = stage.manage("GET", "/link", None).await;
            if link["reason"].as_str().is_some_and(|reason| reason.ends_with(MAY_BE_LISTED)) { Ok(link) } else { Err(link.to_string()) }
        })
        .await;
        assert_eq!((&link["status"], &link["reason_code"]), (&json!("failed"), &json!("unlinked")));
        assert_eq!(link["reason"], format!("the link was ended; {MAY_BE_LISTED}"));
        let device = stage.until_state("unlinked").await;
        assert_eq!((&device["state_reason"], &device["linked_at"]), (&link["reason"], &Value::Null));
        let events = stage.manage("GET", "/events", None).await;
        assert_eq!((&events["items"][0]["state"], &events["items"][0]["reason"]), (&json!("unlinked"), &link["reason"]));
        assert!(!has_keys(&stage).await);
    }

    async fn a_link_that_another_program_took_over_stays_on_the_phone_and_the_reason_says_so(database: Database) {
        let stage = Stage::new(database).await;
        stage.fault(json!({"kind": "stream_replaced"}), json!({"next": 1})).await;
        stage.until_state("replaced").await;
        stage.manage("POST", "/link", None).await;
        stage.qr().await;
        let device = stage.until_state("linking").await;
        assert!(device["state_reason"].as_str().is_some_and(|reason| reason.contains("under Linked devices")), "{device}");
        assert_eq!(stage.listed().await, 1);
        stage.manage("POST", "/unlink", None).await;
        let device = stage.until_state("unlinked").await;
        assert!(!device["state_reason"].as_str().is_some_and(|reason| reason.contains("did not confirm")), "{device}");
    }

    async fn another_number_takes_the_queue_over(database: Database) {
        let stage = Stage::new(database).await;
        stage.manage("POST", "/unlink", None).await;
        stage.until_state("unlinked").await;
        let ref_no = stage.send(ANN, "from a new number").await;
        let other = "628110000002";
        stage.network.person(other, "Other").await;
        stage.link(other).await;
        stage.world.until(&ref_no, "D").await;
        assert_eq!(stage.manage("GET", "", None).await["sender"], other);
        let shown = stage.network.shows_text(ANN, "from a new number").await;
        assert_eq!(shown["sender"], format!("{other}@s.whatsapp.net"));
        stage.network.assert_sound().await;
    }

    async fn a_deleted_device_is_off_the_phone_and_its_keys_are_gone(database: Database) {
        let stage = Stage::new(database).await;
        assert!(has_keys(&stage).await);
        stage.manage("DELETE", "", None).await;
        until_listed(&stage, 0).await;
        eventually("its keys are gone", async || if has_keys(&stage).await { Err("there".into()) } else { Ok(()) }).await;
        let reply = stage.world.client.manage("GET", &format!("/devices/{}", stage.device_id), None).await;
        assert_eq!(reply.status, 404, "{}", reply.text);
        stage.network.assert_sound().await;
    }

    async fn a_number_that_another_client_has_linked_is_refused(database: Database) {
        let stage = Stage::new(database).await;
        let other = stage.world.add_client("other", "628119999999").await;
        let added = json!({"client_id": other.client_id, "kind": "web"});
        let reply = stage.world.client.manage("POST", "/devices", Some(added)).await;
        let id = reply.body["data"]["device_id"].as_str().expect("an id").to_owned();
        let begun = stage.world.client.manage("POST", &format!("/devices/{id}/link"), None).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let qr = eventually("a code", async || {
            let reply = stage.world.client.manage("GET", &format!("/devices/{id}/qr"), None).await;
            reply.body["data"]["qr"].as_str().map(str::to_owned).ok_or(reply.text)
        })
        .await;
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        let link = until_failed(&stage, &id).await;
        let reason = link["reason"].as_str().expect("a reason");
        assert!(reason.contains("belongs to another device of this gateway already; remove that device first"), "{link}");
        assert!(!reason.contains(&stage.device_id), "nothing of another client's is named: {link}");
        assert_eq!(link["reason_code"], "number_taken");
        // The phone does not list it either, and the first gateway goes on.
        until_listed(&stage, 1).await;
        let device = stage.world.client.manage("GET", &format!("/devices/{id}"), None).await.body["data"].clone();
        assert_eq!((&device["state"], &device["sender"], &device["linked_at"]), (&json!("unlinked"), &json!(""), &Value::Null));
        let ref_no = stage.send(ANN, "still here").await;
        stage.world.until(&ref_no, "D").await;
        stage.network.assert_sound().await;
    }

    async fn codes_that_nobody_scans_end_as_failed(database: Database) {
        let stage = Stage::at(database, Time::Held).await;
        stage.manage("POST", "/link", None).await;
        stage.until_state("linking").await;
        stage.qr().await;
        // The codes that WhatsApp gave last for 160 seconds; the client library says so some milliseconds later.
        let device = stage.manage("GET", "", None).await;
        let is_it = ["2026-09-21T14:29:19Z", "2026-09-21T14:29:20Z"].iter().any(|date| device["state_until"] == *date);
        assert!(is_it, "{device}");
        stage.world.advance(Duration::from_millis(limits::LINK_MS_MAX.unsigned_abs())).await;
        let link = until_failed(&stage, &stage.device_id).await;
        assert_eq!((&link["reason"], &link["code"]), (&json!("nobody linked an account in time"), &Value::Null));
        assert_eq!(stage.until_state("unlinked").await["linked_at"], Value::Null);
        let told = stage.world.client.manage("GET", &format!("/devices/{}/qr", stage.device_id), None).await;
        assert!(told.status == 409 && told.text.contains("says why"), "{}", told.text);
        assert!(!has_keys(&stage).await);
        // It is begun anew at any time.
        stage.link(OWNER).await;
    }

    async fn linking_is_begun_anew_and_called_off_at_any_time(database: Database) {
        let stage = Stage::unlinked(database).await;
        stage.manage("POST", "/link", None).await;
        let first = stage.qr().await;
        stage.manage("POST", "/link", None).await;
        eventually("another code", async || {
            let code = stage.qr().await;
            if code == first { Err(code) } else { Ok(()) }
        })
        .await;
        stage.manage("POST", "/unlink", None).await;
        let link = until_failed(&stage, &stage.device_id).await;
        assert_eq!(link["reason"], "the link was ended");
        stage.link(OWNER).await;
        assert_eq!(stage.listed().await, 1);
        stage.network.assert_sound().await;
    }

    async fn a_typed_code_links(database: Database) {
        let stage = Stage::unlinked(database).await;
        let link = stage.manage("POST", "/pairing-code", Some(json!({"phone": OWNER}))).await;
        let code = link["code"].as_str().expect("a code").to_owned();
        stage.network.post(&format!("/people/{OWNER}/type-code"), json!({"code": code})).await;
        let device = stage.until_state("online").await;
        assert!(device["linked_at"].is_string() && device["sender"] == OWNER, "{device}");
        let ref_no = stage.send(ANN, "typed").await;
        stage.world.until(&ref_no, "D").await;
        stage.network.assert_sound().await;
    }

    async fn a_gateway_that_stops_while_it_links_goes_on_when_it_is_back(database: Database) {
        let mut stage = Stage::unlinked(database).await;
        stage.manage("POST", "/link", None).await;
        let first = stage.qr().await;
        stage.world = stage.world.restart().await;
        // The wish was not granted yet: it is begun again, by another code.
        let qr = eventually("another code", async || {
            let code = stage.qr().await;
            if code == first { Err(code) } else { Ok(code) }
        })
        .await;
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        stage.world.until_online(&stage.device_id).await;
        stage.network.assert_sound().await;
    }
}
