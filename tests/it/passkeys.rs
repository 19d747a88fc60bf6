//! Linking an account of which WhatsApp asks a passkey: the whole step, and each way in which it fails.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::device::LinkWay;
use wachat::store::LinkEnd;

use crate::client::Reply;
use crate::network::Network;
use crate::signed_in::{Browser, PASSWORD};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{Time, eventually, stories, within};

impl Stage {
    /// A gateway that is not linked, and an owner whose account has a passkey.
    pub async fn with_passkey(database: crate::world::Database, time: Time) -> Self {
        let stage = Self::at(database, time).await;
        stage.owner("", json!({"required": true})).await;
        stage
    }

    /// Asks the network about the owner's passkey.
    pub async fn owner(&self, path: &str, body: Value) -> Value {
        self.network.post(&format!("/people/{OWNER}/passkey{path}"), body).await
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.world.client.manage(method, &format!("/devices/{}{path}", self.device_id), body).await
    }

    /// Begins to link by a QR code or by a typed one, as far as WhatsApp's request.
    pub async fn scan_or_type(&self, way: &str) {
        if way == "qr" {
            self.manage("POST", "/link", None).await;
            let qr = self.qr().await;
            self.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        } else {
            self.manage("POST", "/pairing-code", Some(json!({"phone": OWNER}))).await;
            let code = eventually("a code", async || {
                let link = self.manage("GET", "/link", None).await;
                link["code"].as_str().map(str::to_owned).ok_or_else(|| link.to_string())
            })
            .await;
            self.network.post(&format!("/people/{OWNER}/type-code"), json!({"code": code})).await;
        }
    }

    /// Waits until the step is here; gives it as the API shows it.
    pub async fn until_passkey(&self, status: &str) -> Value {
        eventually(&format!("the passkey step is {status}"), async || {
            let (step, link) = (self.manage("GET", "/passkey", None).await, self.manage("GET", "/link", None).await);
            if step["status"] == status { Ok(step) } else { Err(format!("{step} {link}")) }
        })
        .await
    }

    /// What the owner's passkey makes of WhatsApp's request.
    pub async fn assertion(&self) -> Value {
        let step = self.until_passkey("required").await;
        self.owner("/assertion", json!({"options": step["options"]})).await
    }

    /// Links by a QR code as far as this status of the step: `required` or `confirm`.
    pub async fn goes_to(&self, status: &str) {
        self.scan_or_type("qr").await;
        let assertion = self.assertion().await;
        if status == "confirm" {
            assert_eq!(self.ask("POST", "/passkey", Some(assertion)).await.status, 202);
            self.until_passkey("confirm").await;
        }
    }

    /// Compares the codes, and says on both sides that they are the same.
    pub async fn compare(&self) {
        let step = self.until_passkey("confirm").await;
        let device = self.until_state("passkey_confirm").await;
        assert_eq!(device["state_code"], "passkey", "{device}");
        let phone = self.network.get(&format!("/people/{OWNER}/passkey")).await;
        assert_eq!((&phone["state"], &phone["code"]), (&json!("confirm"), &step["code"]), "{phone} {step}");
        self.owner("/confirm", json!({})).await;
        assert_eq!(self.ask("POST", "/passkey/confirm", None).await.status, 202);
    }

    /// Waits until linking has failed for this reason.
    pub async fn until_not_linked(&self, words: &str) {
        let link = eventually("linking fails", async || {
            let link = self.manage("GET", "/link", None).await;
            if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
        })
        .await;
        assert!(link["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{link}\nexpected: {words}");
        let step = self.manage("GET", "/passkey", None).await;
        assert_eq!(
            (&step["status"], &step["reason"], &step["options"]),
            (&json!("failed"), &link["reason"], &Value::Null)
        );
        assert_eq!(self.until_state("unlinked").await["state"], "unlinked");
    }

    pub async fn is_linked(&self) {
        self.world.until_online(&self.device_id).await;
        assert_eq!(self.manage("GET", "/passkey", None).await["status"], "none");
        let ref_no = self.send(ANN, "linked with a passkey").await;
        self.network.shows_text(ANN, "linked with a passkey").await;
        self.world.until(&ref_no, "D").await;
    }
}

async fn strike(network: &Network, kind: &str) {
    network.fault(json!({"kind": kind}), json!({"account": OWNER})).await;
}

/// Lets the held clock go slowly on.
async fn ticks(stage: &Stage) {
    loop {
        let _ = within(Duration::from_millis(50), std::future::pending::<()>()).await;
        stage.world.advance(Duration::from_millis(50)).await;
    }
}

stories! {
    async fn an_account_with_a_passkey_is_linked_by_either_code(database: Database) {
        for way in ["qr", "code"] {
            let stage = Stage::with_passkey(database, Time::Machine).await;
            assert_eq!(stage.manage("GET", "/passkey", None).await["status"], "none");
            assert_eq!(stage.ask("POST", "/passkey", Some(json!({}))).await.status, 409);
            assert_eq!(stage.ask("POST", "/passkey/confirm", None).await.status, 409);
            stage.scan_or_type(way).await;
            let step = stage.until_passkey("required").await;
            assert_eq!((&step["options"]["rpId"], &step["code"]), (&json!("whatsapp.com"), &Value::Null), "{step}");
            assert!(step["expires_at"].is_string(), "{step}");
            let device = stage.until_state("passkey").await;
            assert_eq!((&device["state_code"], &device["state_until"]), (&json!("passkey"), &step["expires_at"]), "{device}");
            assert_eq!(stage.ask("GET", "/qr", None).await.status, 409, "its code is no longer good");
            let waiting = stage.send(ANN, "waits").await;
            stage.until_waits(&waiting).await;
            assert_eq!(stage.world.status(&waiting).await["reason_code"], "passkey");
            let assertion = stage.assertion().await;
            for (bad, words) in [
                (json!({}), "not the whole result of the line (navigator.credentials.get()): id is missing"),
                (json!({"error": "NotAllowedError"}), "paste all of what the line copied"),
            ] {
                let refused = stage.ask("POST", "/passkey", Some(bad)).await;
                assert!(refused.status == 422 && refused.text.contains(words), "{}", refused.text);
            }
            assert_eq!(stage.ask("POST", "/passkey/confirm", None).await.status, 409);
            assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
            stage.compare().await;
            stage.is_linked().await;
            stage.world.until(&waiting, "D").await;
            for state in ["passkey", "passkey_confirm", "linked"] {
                assert_eq!(stage.entered(state).await, 1, "{state}");
            }
            stage.world.stop().await;
        }
    }

    async fn what_whatsapp_leaves_out_or_adds_does_not_stop_the_step(database: Database) {
        for (way, fault) in [("qr", "passkey_options_omitted"), ("code", "link_code_without_keys"), ("qr", "passkey_hurried")] {
            let stage = Stage::with_passkey(database, Time::Machine).await;
            strike(&stage.network, fault).await;
            stage.scan_or_type(way).await;
            let assertion = stage.assertion().await;
            assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202, "{fault}");
            stage.compare().await;
            stage.is_linked().await;
            stage.world.stop().await;
        }
    }

    async fn a_step_that_whatsapp_or_the_owner_ends_has_a_reason_and_can_be_begun_again(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        for (fault, words) in [
            ("passkey_assertion_refused", "did not accept the passkey"),
            ("passkey_challenge_expired", "WhatsApp's request for the passkey has expired"),
            ("passkey_commitment_refused", "WhatsApp refused a step behind the passkey"),
        ] {
            strike(&stage.network, fault).await;
            stage.scan_or_type("qr").await;
            let assertion = stage.assertion().await;
            assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202, "{fault}");
            stage.until_not_linked(words).await;
            stage.network.heal().await;
        }
        stage.scan_or_type("qr").await;
        let assertion = stage.assertion().await;
        stage.ask("POST", "/passkey", Some(assertion)).await;
        stage.until_passkey("confirm").await;
        stage.owner("/refuse", json!({})).await;
        stage.ask("POST", "/passkey/confirm", None).await;
        stage.until_not_linked("the phone's owner refused to link this gateway").await;
        stage.scan_or_type("code").await;
        let assertion = stage.assertion().await;
        stage.ask("POST", "/passkey", Some(assertion)).await;
        stage.compare().await;
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn a_step_that_nobody_finishes_ends_after_ten_minutes(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        for passes_on in [false, true] {
            strike(&stage.network, "passkey_not_continued").await;
            stage.scan_or_type("qr").await;
            let assertion = stage.assertion().await;
            if passes_on {
                assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
                stage.until_passkey("sent").await;
                tokio::select! {
                    () = stage.until_struck(1) => {}
                    () = ticks(&stage) => {}
                }
            }
            stage.until_state("passkey").await;
            // Codes are good for three minutes; WhatsApp waits for a passkey for ten.
            stage.world.advance(Duration::from_secs(500)).await;
            assert_eq!(stage.until_state("passkey").await["state"], "passkey");
            stage.world.advance(Duration::from_secs(101)).await;
            let words = if passes_on { "WhatsApp took the passkey" } else { "it was not given in time" };
            stage.until_not_linked(words).await;
            stage.network.heal().await;
        }
        stage.world.stop().await;
    }

    async fn a_passkey_is_taken_after_the_codes_to_scan_have_run_out(database: Database) {
        for way in ["qr", "code"] {
            let stage = Stage::with_passkey(database, Time::Held).await;
            tokio::select! {
                () = stage.scan_or_type(way) => {}
                () = ticks(&stage) => {}
            }
            stage.until_state("passkey").await;
            // The library shows codes for 160 seconds, one after another.
            for _ in 0..20 {
                stage.world.advance(Duration::from_secs(25)).await;
            }
            let goes_on = async {
                let assertion = stage.assertion().await;
                assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202, "{way}");
                stage.compare().await;
                stage.is_linked().await;
            };
            tokio::select! {
                () = goes_on => {}
                () = ticks(&stage) => {}
            }
            stage.world.stop().await;
        }
    }

    async fn a_connection_that_is_lost_during_the_step_ends_it(database: Database) {
        for (status, words) in [("required", "waited for the passkey ended: it was lost"), ("confirm", "or the connection was lost")] {
            let stage = Stage::with_passkey(database, Time::Machine).await;
            stage.goes_to(status).await;
            let Stage { network, world, device_id } = stage;
            drop(network);
            let link = eventually("linking fails", async || {
                let link = world.client.manage("GET", &format!("/devices/{device_id}/link"), None).await.body["data"].clone();
                if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
            })
            .await;
            assert!(link["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{link}");
            world.stop().await;
        }
    }

    async fn an_attempt_that_is_begun_anew_is_not_ended_by_the_one_before(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let lease = crate::told::lease(&stage.world, &stage.device_id).await;
        stage.scan_or_type("qr").await;
        stage.until_passkey("required").await;
        let before = stage.world.store.find_device(&stage.device_id).await.expect("read").expect("it").wish_at;
        stage.manage("POST", "/link", None).await;
        // What the attempt before still says comes after the next one was wanted.
        let now = stage.world.clock.now();
        let failed = LinkEnd::Failed { attempt: Some(before), reason: "too late".into() };
        stage.world.store.end_link(&lease, failed, now).await.expect("stored");
        let qr = stage.qr().await;
        stage.world.store.show_link(&lease, before, LinkWay::Qr, vec![1], now + 20_000, now).await.expect("stored");
        assert_eq!(stage.manage("GET", "/link", None).await["status"], "shown");
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        let assertion = stage.assertion().await;
        assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        stage.compare().await;
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn a_restart_ends_the_step_and_damages_nothing(database: Database) {
        let mut stage = Stage::with_passkey(database, Time::Machine).await;
        for status in ["required", "confirm"] {
            stage.goes_to(status).await;
            let Stage { network, world, device_id } = stage;
            let world = world.end().await.start().await;
            stage = Stage { network, world, device_id };
            let words = if status == "required" { "while WhatsApp waited for the passkey" } else { "before the code was confirmed here" };
            stage.until_not_linked(words).await;
        }
        stage.owner("", json!({"required": false})).await;
        stage.link(OWNER).await;
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn the_linking_page_guides_through_the_step(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let hash = wachat::password::hash(PASSWORD, &wachat::clock::Clock::system()).expect("a hash");
        stage.world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        let browser = Browser::of(&stage.world, "admin").await;
        let path = format!("/console/devices/{}/link", stage.device_id);
        stage.scan_or_type("qr").await;
        let assertion = stage.assertion().await;
        let page = browser.get(&path).await;
        for words in ["WhatsApp asks for the passkey of this account", "parseRequestOptionsFromJSON(", "name=\"assertion\""] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let form = format!("/console/devices/{}/passkey", stage.device_id);
        let refused = browser.send(&form, "&assertion=copied%3F").await;
        assert!(refused.text.contains("paste all of what the line copied"), "{}", refused.text);
        let filled: String = url::form_urlencoded::byte_serialize(assertion.to_string().as_bytes()).collect();
        let sent = browser.send(&form, &format!("&assertion={filled}")).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let code = stage.until_passkey("confirm").await["code"].as_str().expect("a code").to_owned();
        let page = browser.get(&path).await;
        assert!(page.text.contains(&code) && page.text.contains("The codes are the same"), "{}", page.text);
        stage.owner("/confirm", json!({})).await;
        let sent = browser.send(&format!("{form}/confirm"), "").await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        stage.is_linked().await;
        assert!(browser.get(&path).await.text.contains("This device sends from"));
        stage.world.stop().await;
    }
}
