//! How WhatsApp and the phone's owner refuse to link an account, and what is shown of it wherever somebody waits.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Reply;
use crate::passkey_crashes::Office;
use crate::passkey_terminal::compares;
use crate::signed_in::{self, Browser, PASSWORD};
use crate::stage::{ANN, OWNER, Pace, Stage};
use crate::world::{Time, World, eventually, stories};

/// A page as it is shown to somebody who reads Indonesian.
async fn in_indonesian(world: &World, path: &str, cookie: &str) -> Reply {
    signed_in::ask(world, "GET", path, &[("cookie", cookie), ("accept-language", "id")], None).await
}

/// A fault of linking this owner's account, at one moment.
async fn strike(stage: &Stage, fault: Value, moment: &str) {
    stage.network.fault(fault, json!({"account": OWNER, "moment": moment})).await;
}

impl Stage {
    pub async fn signed_in(&self) -> Browser<'_> {
        let hash = wachat::password::hash(PASSWORD, &wachat::clock::Clock::system()).expect("a hash");
        self.world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        Browser::of(&self.world, "admin").await
    }

    /// Waits until the gateway has sent a stanza with these words, from the network's stanza with this number on.
    async fn until_sent(&self, since: &Value, words: &str) {
        eventually(&format!("{words} is sent"), async || {
            let page = self.network.get(&format!("/stanzas?from={since}&limit=500")).await;
            let is_it = |one: &Value| {
                one["direction"] == "to_server" && one["stanza"].as_str().is_some_and(|text| text.contains(words))
            };
            if page["stanzas"].as_array().into_iter().flatten().any(is_it) { Ok(()) } else { Err(page.to_string()) }
        })
        .await;
    }

    /// Begins to link by a code that is scanned or typed, and refused.
    async fn scan_or_type_in_vain(&self, way: &str) {
        let (path, body) = if way == "qr" {
            self.manage("POST", "/link", None).await;
            ("scan", json!({"qr": self.qr().await}))
        } else {
            self.manage("POST", "/pairing-code", Some(json!({"phone": OWNER}))).await;
            let code = eventually("a code", async || {
                let link = self.manage("GET", "/link", None).await;
                link["code"].as_str().map(str::to_owned).ok_or_else(|| link.to_string())
            })
            .await;
            ("type-code", json!({"code": code}))
        };
        assert_eq!(self.network.try_post(&format!("/people/{OWNER}/{path}"), body).await, 409);
    }

    /// As [`Self::until_refused`], of an attempt that is just begun.
    async fn until_refused_again(&self) -> Value {
        eventually("linking begins", async || {
            let link = self.manage("GET", "/link", None).await;
            if link["status"] == "shown" { Ok(()) } else { Err(link.to_string()) }
        })
        .await;
        self.until_refused().await
    }

    /// Waits until linking has failed; gives it as the API shows it.
    async fn until_refused(&self) -> Value {
        eventually("linking fails", async || {
            let link = self.manage("GET", "/link", None).await;
            if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
        })
        .await
    }
}

stories! {
    async fn a_refusal_on_the_phone_ends_the_comparison_everywhere_when_the_stream_says_so(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let browser = stage.signed_in().await;
        let console = format!("/console/devices/{}/link", stage.device_id);
        for (how, code, words) in [
            (json!("stream_end"), "connection_lost", "while the codes were compared: the phone's owner refused"),
            (json!({"stream_error": 503}), "connection_lost", "while the codes were compared: the phone's owner refused"),
            (json!({"stream_error": 401}), "refused_on_phone", "the phone's owner refused to link this gateway"),
            (json!({"failure": 401}), "refused_on_phone", "the phone's owner refused to link this gateway"),
            (json!({"failure": 403}), "account_restricted", "WhatsApp has restricted this account"),
        ] {
            let page = stage.share().await;
            strike(&stage, json!({"kind": "linking_ended", "how": how}), "passkey_refusal").await;
            for is_confirmed in [false, true] {
                stage.goes_to("confirm").await;
                assert!(stage.visit("GET", &page, "").await.text.contains("They differ"), "{how}");
                let since = stage.network.get("/stanzas?limit=1").await["next"].clone();
                if is_confirmed {
                    assert_eq!(stage.ask("POST", "/passkey/confirm", None).await.status, 202);
                    stage.until_sent(&since, "encrypted_pairing_request").await;
                }
                stage.owner("/refuse", json!({})).await;
                stage.until_not_linked(words).await;
                for path in ["/link", "/passkey"] {
                    assert_eq!(stage.manage("GET", path, None).await["reason_code"], code, "{how} {path}");
                }
                let device = stage.manage("GET", "", None).await;
                assert!(device["state_reason"].to_string().contains(words), "{how}: {device}");
                let public = words.replace('\'', "&#39;");
                for shown in [browser.get(&console).await.text, stage.visit("GET", &page, "").await.text] {
                    let is_over = shown.contains("Not linked") && !shown.contains("They differ");
                    assert!(is_over && (shown.contains(words) || shown.contains(&public)), "{how}: {shown}");
                }
            }
            stage.network.heal().await;
        }
        stage.scan_or_type("qr").await;
        let assertion = stage.assertion().await;
        stage.ask("POST", "/passkey", Some(assertion)).await;
        stage.compare().await;
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn a_refusal_of_which_nothing_is_heard_is_a_reason_at_the_end_of_the_time(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        stage.moving(Pace::REAL, stage.scan_or_type("qr")).await;
        let goes_on = async {
            let assertion = stage.assertion().await;
            stage.ask("POST", "/passkey", Some(assertion)).await;
            stage.until_passkey("confirm").await;
        };
        stage.moving(Pace::REAL, goes_on).await;
        stage.owner("/refuse", json!({})).await;
        stage.world.advance(Duration::from_secs(580)).await;
        assert_eq!(stage.manage("GET", "/passkey", None).await["status"], "confirm");
        stage.world.advance(Duration::from_secs(21)).await;
        stage.until_not_linked("or the phone's owner refused").await;
        assert_eq!(stage.manage("GET", "/link", None).await["reason_code"], "code_not_compared");
        stage.world.stop().await;
    }

    async fn every_refusal_of_whatsapp_has_a_code_and_a_sentence_of_its_own(database: Database) {
        let stage = Stage::unlinked(database).await;
        let browser = stage.signed_in().await;
        let console = format!("/console/devices/{}/link", stage.device_id);
        let refuses = |code: i64| json!({"kind": "link_code_refused", "code": code});
        for (way, fault, moment, code, english, indonesian) in [
            ("qr", json!({"kind": "linking_ended", "how": {"stream_error": 401}}), "link", "too_many_devices",
             "fewer than four linked devices", "perangkat tertautnya kurang dari empat"),
            ("qr", json!({"kind": "linking_ended", "how": {"failure": 403}}), "link", "account_restricted",
             "WhatsApp has restricted this account", "WhatsApp membatasi akun ini"),
            ("code", refuses(404), "link_code_finish", "code_too_old", "it was too old", "sudah terlalu lama"),
            ("code", refuses(403), "link_code_finish", "account_restricted",
             "WhatsApp has restricted this account", "WhatsApp membatasi akun ini"),
            ("none", refuses(400), "link_code_hello", "device_name_refused",
             "it refused this gateway's device name", "nama perangkat gateway ini ditolak"),
            ("none", refuses(403), "link_code_hello", "account_restricted",
             "WhatsApp has restricted this account", "WhatsApp membatasi akun ini"),
            ("none", refuses(404), "link_code_hello", "not_on_whatsapp", "is not on WhatsApp", "tidak terdaftar di WhatsApp"),
            ("none", json!({"kind": "link_code_refused", "code": 429, "backoff_seconds": 90}), "link_code_hello", "too_many_codes",
             "try again in 2 minutes", "coba lagi 2 menit lagi"),
            ("none", json!({"kind": "link_code_refused", "code": 400, "backoff_seconds": 90}), "link_code_hello", "too_many_codes",
             "try again in 2 minutes", "coba lagi 2 menit lagi"),
            ("none", refuses(452), "link_code_hello", "code_not_offered", "scan the QR code instead", "pindai kode QR"),
            ("none", refuses(500), "link_code_hello", "no_code", "a fault of its own", "gangguan di pihaknya"),
        ] {
            strike(&stage, fault.clone(), moment).await;
            let link = match way {
                "none" => {
                    let asked = stage.ask("POST", "/pairing-code", Some(json!({"phone": OWNER}))).await;
                    assert!(asked.status == 409 && asked.text.contains(english), "{fault}: {}", asked.text);
                    stage.until_refused().await
                }
                // The phone waits for a client that is gone: longer than anybody wants to look at it.
                way => tokio::select! {
                    () = stage.scan_or_type_in_vain(way) => stage.until_refused().await,
                    link = stage.until_refused_again() => link,
                },
            };
            assert_eq!(link["reason_code"], code, "{fault}: {link}");
            assert!(link["reason"].as_str().is_some_and(|reason| reason.contains(english)), "{fault}: {link}");
            let shown = browser.get(&console).await.text.replace("&#39;", "'");
            assert!(shown.contains(english), "{fault}: {shown}");
            let shown = in_indonesian(&stage.world, &console, &browser.cookie).await;
            assert!(shown.text.contains(indonesian), "{fault}: {}", shown.text);
            stage.network.heal().await;
        }
        stage.link(OWNER).await;
        stage.world.stop().await;
    }

    async fn the_terminal_says_why_it_came_to_nothing(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        let id = office.device.trim_start_matches("/devices/").to_owned();
        let scope = |moment| json!({"account": OWNER, "moment": moment});
        office.network.fault(json!({"kind": "link_code_refused", "code": 400}), scope("link_code_hello")).await;
        let said = office.place.fails(&["device", "link", &id, "--phone", OWNER]).await;
        assert!(said.contains("no account was linked: WhatsApp gave no code: it refused this gateway's device name"), "{said}");
        let output = office.place.run(&["device", "link", &id, "--phone", OWNER, "--json"]).await;
        let said = crate::process::text(&output.stdout);
        assert!(said.contains("\"reason_code\":\"device_name_refused\""), "{said}");
        office.network.heal().await;

        let how = json!({"stream_error": 401});
        office.network.fault(json!({"kind": "linking_ended", "how": how}), scope("passkey_refusal")).await;
        let terminal = compares(&office, &serving).await;
        office.network.post(&format!("/people/{OWNER}/passkey/refuse"), json!({})).await;
        // Nobody types anything any more.
        let (status, said) = terminal.end().await;
        assert!(status == Some(1) && said.contains("no account was linked: the phone's owner refused"), "{said}");
        assert!(serving.terminate().await.success());
    }

    async fn other_codes_while_one_is_shown_take_its_place(database: Database) {
        let stage = Stage::unlinked(database).await;
        stage.manage("POST", "/link", None).await;
        let first = stage.qr().await;
        stage.network.post("/codes/replace", json!({})).await;
        let second = eventually("another code is shown", async || {
            let shown = stage.qr().await;
            if shown == first { Err(shown) } else { Ok(shown) }
        })
        .await;
        assert_eq!(stage.network.try_post(&format!("/people/{OWNER}/scan"), json!({"qr": first})).await, 404);
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": second})).await;
        stage.world.until_online(&stage.device_id).await;
        let ref_no = stage.send(ANN, "by the second code").await;
        stage.world.until(&ref_no, "D").await;
        stage.world.stop().await;
    }

    async fn other_codes_during_the_passkey_step_neither_end_nor_prolong_it(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        stage.moving(Pace::REAL, stage.scan_or_type("qr")).await;
        let before = stage.until_passkey("required").await;
        let since = stage.network.get("/stanzas?limit=1").await["next"].clone();
        stage.network.post("/codes/replace", json!({})).await;
        stage.until_sent(&since, "id=\"pair-device\"").await;
        // The library would show these codes too, and close the connection after the last.
        for _ in 0..20 {
            stage.world.advance(Duration::from_secs(25)).await;
            assert_eq!(stage.ask("GET", "/qr", None).await.status, 409);
        }
        let after = stage.until_passkey("required").await;
        assert_eq!((&after["options"], &after["expires_at"]), (&before["options"], &before["expires_at"]));
        assert_eq!(stage.entered("passkey").await, 1);
        let goes_on = async {
            let assertion = stage.assertion().await;
            assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
            stage.compare().await;
            stage.is_linked().await;
        };
        Box::pin(stage.moving(Pace::REAL, goes_on)).await;
        stage.world.stop().await;
    }

    async fn a_second_scan_during_the_passkey_step_asks_again_within_the_same_time(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        stage.manage("POST", "/link", None).await;
        let shown = stage.qr().await;
        let scans_again = async || {
            let given = stage.network.post("/codes/replace", json!({})).await;
            let (_, keys) = shown.split_once(',').expect("a code");
            let qr = format!("{},{keys}", given[0].as_str().expect("a reference"));
            stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        };
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": shown})).await;
        let first = stage.until_passkey("required").await;
        let late = stage.assertion().await;
        scans_again().await;
        let second = eventually("it asks again", async || {
            let step = stage.until_passkey("required").await;
            if step["options"] == first["options"] { Err(step.to_string()) } else { Ok(step) }
        })
        .await;
        assert_eq!(second["expires_at"], first["expires_at"], "the attempt has no more time for it");
        let refused = stage.ask("POST", "/passkey", Some(late)).await;
        assert!(refused.status == 422 && refused.text.contains("answers another request"), "{}", refused.text);
        let assertion = stage.assertion().await;
        assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        stage.until_passkey("confirm").await;
        // By now the library cannot answer another request on this connection.
        scans_again().await;
        stage.until_not_linked("WhatsApp asked for the passkey again after it was given").await;
        assert_eq!(stage.ask("POST", "/passkey/confirm", None).await.status, 409);
        stage.scan_or_type("qr").await;
        let assertion = stage.assertion().await;
        stage.ask("POST", "/passkey", Some(assertion)).await;
        stage.compare().await;
        stage.is_linked().await;
        stage.world.stop().await;
    }
}
