//! The phone's word that an account is linked is not the end of it: it is linked once WhatsApp has let the gateway in.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::store::MAY_BE_LISTED;

use crate::passkey_crashes::Office;
use crate::process::Typed;
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{Time, eventually, stories};

const NOT_LET_IN: &str = "WhatsApp did not let this gateway in after the phone had linked it";

/// Logins of the owner's linked devices, at which a fault is to strike.
fn login() -> Value {
    json!({"account": OWNER, "moment": "login"})
}

impl Stage {
    /// What the gateway signs does not reach the phone, once.
    async fn loses_signature(&self) {
        let scope = json!({"account": OWNER, "moment": "link_signed", "how_often": {"next": 1}});
        self.network.fault(json!({"kind": "linking_ended", "how": "stream_end"}), scope).await;
    }

    /// Begins to link by a QR code; gives what the network says to the phone that scans it.
    async fn scan_status(&self) -> u16 {
        self.manage("POST", "/link", None).await;
        let qr = self.qr().await;
        self.network.try_post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await
    }

    /// No account is linked, and the device says why wherever it is asked.
    async fn has_no_account(&self, reason: &str) {
        let device = self.until_state("unlinked").await;
        assert_eq!((&device["state_reason"], &device["linked_at"]), (&json!(reason), &Value::Null), "{device}");
        for state in ["linked", "logged_out", "online"] {
            assert_eq!(self.entered(state).await, 0, "{state}");
        }
    }
}

stories! {
    async fn an_account_is_not_linked_where_the_phone_never_got_the_last_answer(database: Database) {
        for way in ["qr", "code", "passkey"] {
            let stage = if way == "passkey" {
                Stage::with_passkey(database, Time::Machine).await
            } else {
                Stage::unlinked(database).await
            };
            let page = stage.share().await;
            stage.loses_signature().await;
            match way {
                "qr" => assert_eq!(stage.scan_status().await, 409),
                "code" => {
                    stage.manage("POST", "/pairing-code", Some(json!({"phone": OWNER}))).await;
                    let code = stage.until_link("shown").await["code"].clone();
                    let typed = json!({"code": code});
                    assert_eq!(stage.network.try_post(&format!("/people/{OWNER}/type-code"), typed).await, 409);
                }
                _ => {
                    stage.goes_to("confirm").await;
                    stage.compare().await;
                }
            }
            let link = stage.until_link("failed").await;
            let reason = link["reason"].as_str().expect("a reason").to_owned();
            assert!(reason.starts_with(NOT_LET_IN) && !reason.ends_with(MAY_BE_LISTED), "{way}: {link}");
            assert_eq!(link["reason_code"], "not_let_in", "{way}");
            stage.has_no_account(&reason).await;
            assert_eq!(stage.listed().await, 0, "{way}");
            // The page that was shared is good for another attempt.
            let shown = stage.visit("GET", &page, "").await.text;
            assert!(shown.contains(NOT_LET_IN) && shown.contains("Show the QR code"), "{way}: {shown}");
            if way == "passkey" {
                stage.goes_to("confirm").await;
                stage.compare().await;
            } else {
                assert_eq!(stage.scan_status().await, 200, "{way}");
            }
            stage.is_linked().await;
            assert_eq!((stage.listed().await, stage.entered("linked").await), (1, 1), "{way}");
            stage.world.stop().await;
        }
    }

    async fn an_attempt_is_under_way_until_whatsapp_lets_the_gateway_in(database: Database) {
        let stage = Stage::unlinked(database).await;
        let page = stage.share().await;
        stage.network.fault(json!({"kind": "stream_error", "code": 503}), login()).await;
        assert_eq!(stage.scan_status().await, 200);
        let link = stage.until_link("connecting").await;
        assert_eq!((&link["code"], &link["sender"], &link["reason"]), (&Value::Null, &json!(""), &Value::Null), "{link}");
        let device = stage.until_state("connecting").await;
        assert_eq!(device["state_reason"], "the phone has linked the account; the gateway connects with it", "{device}");
        assert!(stage.ask("GET", "/qr", None).await.text.contains("the gateway connects with it"));
        let shown = stage.visit("GET", &page, "").await.text;
        assert!(shown.contains("The phone has linked the account. Connecting"), "{shown}");
        assert!(!shown.contains("Show the QR code") && shown.contains("Stop linking"), "{shown}");
        // Which may take as long as it takes to be tried again.
        stage.until_struck(2).await;
        assert_eq!(stage.until_link("connecting").await["status"], "connecting");
        stage.network.heal().await;
        stage.is_linked().await;
        assert_eq!((stage.listed().await, stage.entered("linked").await), (1, 1));
        assert!(stage.visit("GET", &page, "").await.text.contains("The account is linked"));
        stage.world.stop().await;
    }

    async fn an_attempt_that_is_cancelled_before_whatsapp_lets_the_gateway_in_links_nothing(database: Database) {
        let stage = Stage::unlinked(database).await;
        stage.network.fault(json!({"kind": "stream_error", "code": 503}), login()).await;
        assert_eq!(stage.scan_status().await, 200);
        stage.until_link("connecting").await;
        assert_eq!(stage.ask("DELETE", "/link", None).await.status, 202);
        stage.network.heal().await;
        // It logs in to have the phone's list cleared, and for nothing else.
        eventually("the phone lists no gateway", async || {
            match stage.listed().await {
                0 => Ok(()),
                listed => Err(listed.to_string()),
            }
        })
        .await;
        stage.has_no_account("linking was cancelled").await;
        assert_eq!(stage.scan_status().await, 200);
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn an_attempt_that_is_cancelled_shows_no_account_that_was_there_before(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.post(&format!("/people/{OWNER}/unlink"), json!({"device": 1})).await;
        stage.until_state("logged_out").await;
        let page = stage.share().await;
        stage.network.fault(json!({"kind": "stream_error", "code": 503}), login()).await;
        assert_eq!(stage.scan_status().await, 200);
        assert_eq!(stage.manage("GET", "", None).await["linked_at"], Value::Null);
        stage.until_link("connecting").await;
        assert_eq!(stage.ask("DELETE", "/link", None).await.status, 202);
        // While its end waits for WhatsApp.
        let shown = stage.visit("GET", &page, "").await.text;
        assert!(shown.contains("Not linked") && !shown.contains("The account is linked"), "{shown}");
        assert_eq!(stage.ask("POST", "/link", None).await.status, 202);
        stage.network.heal().await;
        assert_eq!(stage.scan_status().await, 200);
        stage.is_linked().await;
        assert_eq!(stage.listed().await, 1);
        stage.world.stop().await;
    }

    async fn a_restart_while_a_wrong_phone_is_unlinked_gives_no_number_up(database: Database) {
        let stage = Stage::new(database).await;
        stage.network.post(&format!("/people/{OWNER}/unlink"), json!({"device": 1})).await;
        stage.until_state("logged_out").await;
        let scope = json!({"account": ANN, "moment": "login"});
        stage.network.fault(json!({"kind": "stream_error", "code": 503}), scope).await;
        let scanned_by_ann = async |stage: &Stage| {
            stage.manage("POST", "/link", None).await;
            let qr = stage.qr().await;
            stage.network.post(&format!("/people/{ANN}/scan"), json!({"qr": qr})).await;
            let link = stage.until_link("failed").await;
            assert_eq!((&link["reason_code"], &link["expected_sender"]), (&json!("other_number"), &json!(OWNER)), "{link}");
        };
        scanned_by_ann(&stage).await;
        let Stage { network, world, device_id } = stage;
        let down = world.end().await;
        network.heal().await;
        let stage = Stage { network, world: down.start().await, device_id };
        eventually("Ann's phone lists no gateway", async || {
            let ann = stage.network.get(&format!("/people/{ANN}")).await;
            if ann["devices"].as_array().is_some_and(|devices| devices.len() == 1) { Ok(()) } else { Err(ann.to_string()) }
        })
        .await;
        let link = stage.manage("GET", "/link", None).await;
        assert_eq!((&link["reason_code"], &link["expected_sender"]), (&json!("other_number"), &json!(OWNER)), "{link}");
        scanned_by_ann(&stage).await;
        stage.link(OWNER).await;
        stage.world.stop().await;
    }

    async fn a_login_that_whatsapp_refuses_or_does_not_take_in_time_ends_the_attempt(database: Database) {
        for (fault, code, words) in [
            (json!({"kind": "temporary_ban", "code": 101, "expire_seconds": 600}), "account_restricted", "WhatsApp has restricted"),
            (json!({"kind": "client_outdated"}), "outdated", "WhatsApp no longer takes this version"),
            (json!({"kind": "stream_error", "code": 503}), "not_let_in", "did not let this gateway in within three minutes"),
        ] {
            let stage = Stage::at(database, Time::Held).await;
            stage.network.fault(fault, login()).await;
            assert_eq!(stage.scan_status().await, 200);
            if code == "not_let_in" {
                stage.until_link("connecting").await;
                stage.world.advance(Duration::from_secs(179)).await;
                stage.until_struck(2).await;
                assert_eq!(stage.manage("GET", "/link", None).await["status"], "connecting");
                stage.world.advance(Duration::from_secs(2)).await;
            }
            let link = stage.until_link("failed").await;
            let reason = eventually("the reason is whole", async || {
                let link = stage.manage("GET", "/link", None).await;
                let reason = link["reason"].as_str().unwrap_or_default().to_owned();
                if reason.ends_with(MAY_BE_LISTED) { Ok(reason) } else { Err(reason) }
            })
            .await;
            assert!(reason.contains(words) && link["reason_code"] == code, "{link}");
            stage.has_no_account(&reason).await;
            stage.network.heal().await;
            assert_eq!(stage.scan_status().await, 200, "{code}");
            stage.is_linked().await;
            stage.world.stop().await;
        }
    }

    async fn a_kill_before_whatsapp_lets_the_gateway_in_leaves_the_attempt_to_the_next_start(database: Database) {
        for end in ["linked", "removed", "begun anew"] {
            let office = Office::new(database).await;
            office.network.post(&format!("/people/{OWNER}/passkey"), json!({"required": end == "linked"})).await;
            office.network.fault(json!({"kind": "stream_error", "code": 503}), login()).await;
            let serving = office.serve().await;
            office.links_as_far_as_login(&serving.client, end == "linked").await;
            eventually("the phone lists the gateway", async || {
                let owner = office.network.get(&format!("/people/{OWNER}")).await;
                if owner["devices"].as_array().map(Vec::len) == Some(2) { Ok(()) } else { Err(owner.to_string()) }
            })
            .await;
            serving.kill();
            if end == "removed" {
                office.network.post(&format!("/people/{OWNER}/unlink"), json!({"device": 1})).await;
            }
            let id = office.device.trim_start_matches("/devices/").to_owned();
            let typed = if end == "begun anew" {
                let typed = Typed::start(office.place.command(&["device", "link", &id]));
                typed.until("On the phone open WhatsApp").await;
                Some(typed)
            } else {
                None
            };
            office.network.heal().await;
            let serving = office.serve().await;
            match end {
                "linked" => {
                    office.until(&serving.client, "", |device| device["state"] == "online").await;
                    let link = office.until(&serving.client, "/link", |link| link["status"] == "linked").await;
                    assert_eq!(link["sender"], OWNER, "{link}");
                }
                "removed" => {
                    let link = office.until(&serving.client, "/link", |link| link["status"] == "failed").await;
                    assert_eq!(link["reason_code"], "not_let_in", "{link}");
                    let device = office.until(&serving.client, "", |device| device["state"] == "unlinked").await;
                    assert_eq!(device["state_reason"], link["reason"], "{device}");
                }
                _ => {
                    // What was linked by the attempt before is not what is begun now.
                    let link = office.until(&serving.client, "/link", |link| link["code"].is_string()).await;
                    assert_eq!(link["status"], "shown", "{link}");
                    office.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": link["code"]})).await;
                    let (code, said) = typed.expect("it waits").end().await;
                    assert!(code == Some(0) && said.contains(&format!("sends from {OWNER}")), "{said}");
                }
            }
            let linked = |events: &Value| {
                let linked = events["items"].as_array().into_iter().flatten().filter(|event| event["state"] == "linked");
                linked.count() == usize::from(end != "removed")
            };
            office.until(&serving.client, "/events", linked).await;
            if end != "removed" {
                let message = json!({"queue": id, "destination": ANN, "message": end});
                assert_eq!(serving.client.post("/whatsapp/message", &message).await.status, 201);
                office.network.shows_text(ANN, end).await;
            }
            assert!(serving.terminate().await.success());
        }
    }

    async fn the_command_line_says_linked_once_whatsapp_lets_the_gateway_in(database: Database) {
        let office = Office::new(database).await;
        office.network.post(&format!("/people/{OWNER}/passkey"), json!({"required": false})).await;
        let id = office.device.trim_start_matches("/devices/").to_owned();
        let serving = office.serve().await;
        for (words, expected) in [(vec!["device", "link", id.as_str()], 1), (vec!["device", "link", id.as_str(), "--json"], 0)] {
            if expected == 1 {
                let scope = json!({"account": OWNER, "moment": "link_signed", "how_often": {"next": 1}});
                office.network.fault(json!({"kind": "linking_ended", "how": "stream_end"}), scope).await;
            } else {
                office.network.fault(json!({"kind": "stream_error", "code": 503}), login()).await;
            }
            let typed = Typed::start(office.place.command(&words));
            let link = office.until(&serving.client, "/link", |link| link["code"].is_string()).await;
            let _ = office.network.try_post(&format!("/people/{OWNER}/scan"), json!({"qr": link["code"]})).await;
            if expected == 0 {
                typed.until(r#""status":"connecting""#).await;
                office.network.heal().await;
            }
            let (code, said) = typed.end().await;
            assert_eq!(code, Some(expected), "{said}");
            let (says, never) = if expected == 1 { (NOT_LET_IN, "sends from") } else { (r#""status":"linked""#, "failed") };
            assert!(said.contains(says) && !said.contains(never), "{said}");
        }
        assert!(serving.terminate().await.success());
    }
}
