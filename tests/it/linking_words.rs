//! What the linking of a device says of itself, wherever it is shown: until when there are codes, for which phone, what became of the
//! device's number; and nothing twice, or beside what contradicts it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser;
use crate::client::Reply;
use crate::console_browser::first_sign_in;
use crate::passkey_crashes::Office;
use crate::process::Typed;
use crate::signed_in;
use crate::stage::{ANN, OWNER, Pace, Stage};
use crate::world::{Time, eventually, stories};

fn moment(date: &Value) -> i64 {
    let text = date.as_str().unwrap_or_else(|| panic!("a date: {date}"));
    text.parse::<jiff::Timestamp>().expect("a date").as_millisecond()
}

impl Stage {
    fn link_page(&self) -> String {
        format!("/console/devices/{}/link", self.device_id)
    }

    /// Waits for a code to type; gives the link as the API shows it.
    async fn typed_code(&self) -> Value {
        self.manage("POST", "/pairing-code", Some(json!({"phone": OWNER}))).await;
        eventually("a code", async || {
            let link = self.manage("GET", "/link", None).await;
            if link["code"].is_string() { Ok(link) } else { Err(link.to_string()) }
        })
        .await
    }

    /// A page as somebody who reads Indonesian gets it.
    async fn in_indonesian(&self, path: &str, cookie: &str) -> Reply {
        signed_in::ask(&self.world, "GET", path, &[("cookie", cookie), ("accept-language", "id")], None).await
    }

    /// Begins to link, and gives it up.
    async fn begins_and_cancels(&self) {
        self.manage("POST", "/link", None).await;
        self.qr().await;
        assert_eq!(self.ask("DELETE", "/link", None).await.status, 202);
        self.until_state("unlinked").await;
        eventually("it is cancelled", async || {
            let device = self.world.store.find_device(&self.device_id).await.expect("read").expect("it");
            if device.wish.is_none() { Ok(()) } else { Err(format!("{:?}", device.wish)) }
        })
        .await;
    }
}

stories! {
    async fn the_time_to_scan_is_that_of_the_codes_that_whatsapp_gave(database: Database) {
        let stage = Stage::at(database, Time::Held).await;
        let browser = stage.signed_in().await;
        let page = stage.share().await;
        stage.manage("POST", "/link", None).await;
        stage.moving(Pace::REAL, stage.qr()).await;
        let (link, device) = (stage.manage("GET", "/link", None).await, stage.until_state("linking").await);
        // The first of six codes is shown for 60 seconds, and each of the others for 20.
        let until = moment(&device["state_until"]);
        assert_eq!(until - moment(&link["expires_at"]), 100_000, "{link} {device}");
        let shown_until = format!("data-until=\"{}\"", device["state_until"].as_str().expect("a date"));
        for shown in [browser.get(&stage.link_page()).await.text, stage.visit("GET", &page, "").await.text] {
            assert!(shown.contains("Scan it before") && shown.contains(&shown_until), "{shown_until}: {shown}");
        }
        // Another picture of the same code, and the code after it, change nothing.
        stage.network.post("/codes/renew", json!({})).await;
        let first = link["code"].clone();
        let another = eventually("another code", async || {
            let link = stage.manage("GET", "/link", None).await;
            if link["code"] != first && link["code"].is_string() { Ok(link) } else { Err(link.to_string()) }
        });
        stage.moving(Pace::REAL, another).await;
        assert_eq!(moment(&stage.manage("GET", "", None).await["state_until"]), until);
        // Nobody scans one: it ends then, and not 20 seconds later. Each of the six codes may be looked at a little late.
        let pace = Pace { step: Duration::from_millis(250), every: Duration::from_millis(10) };
        let failed = stage.moving(pace, stage.until_link("failed")).await;
        assert_eq!(failed["reason"], "nobody scanned the code in time");
        assert!((moment(&failed["changed_at"]) - until).abs() <= 10_000, "{failed} {until}");
        stage.world.stop().await;
    }

    async fn a_code_to_type_says_for_which_phone_it_is(database: Database) {
        let stage = Stage::unlinked(database).await;
        let browser = stage.signed_in().await;
        let page = stage.share().await;
        let link = stage.typed_code().await;
        assert_eq!(link["phone"], OWNER, "{link}");
        for shown in [browser.get(&stage.link_page()).await.text, stage.visit("GET", &page, "").await.text] {
            let said = shown.split("id=\"code-phone\"").nth(1).expect("for whom it is");
            assert!(said.contains("with this number only") && said.contains(&format!("<strong>{OWNER}</strong>")), "{shown}");
        }
        let shown = stage.in_indonesian(&stage.link_page(), &browser.cookie).await;
        assert!(shown.text.contains("Kode ini hanya untuk ponsel dengan nomor ini"), "{}", shown.text);
        let code = link["code"].as_str().expect("a code");
        stage.network.post(&format!("/people/{OWNER}/type-code"), json!({"code": code})).await;
        stage.world.until_online(&stage.device_id).await;
        assert_eq!(stage.manage("GET", "/link", None).await["phone"], Value::Null);
        stage.world.stop().await;
    }

    async fn a_terminal_says_for_which_phone_a_code_is(database: Database) {
        let office = Office::new(database).await;
        let serving = office.serve().await;
        let id = office.device.trim_start_matches("/devices/").to_owned();
        let terminal = Typed::start(office.place.command(&["device", "link", &id, "--phone", OWNER]));
        terminal.until(&format!(" (for the phone with the number {OWNER} only)")).await;
        terminal.interrupt();
        assert_eq!(terminal.end().await.0, Some(1));
        assert!(serving.terminate().await.success());
    }

    async fn what_became_of_the_devices_number_is_said_wherever_it_is_shown(database: Database) {
        let stage = Stage::new(database).await;
        let browser = stage.signed_in().await;
        let own = format!("/console/devices/{}", stage.device_id);
        let given_up = async || {
            let (device, link) = (stage.manage("GET", "", None).await, stage.manage("GET", "/link", None).await);
            assert_eq!((&device["sender"], &device["sender_given_up"]), (&json!(OWNER), &link["sender_given_up"]), "{device} {link}");
            let pages = [browser.get(&own).await.text, browser.get(&stage.link_page()).await.text];
            let is_said = device["sender_given_up"] == json!(true);
            for page in &pages {
                assert_eq!(page.contains("id=\"given-up\""), is_said, "{page}");
            }
            assert_eq!(browser.get("/console/devices").await.text.contains("given up"), is_said);
            (is_said, pages)
        };
        assert!(!given_up().await.0);
        // The phone ends the link, and the next attempt is cancelled: the number stays, and the pages say so.
        stage.network.post(&format!("/people/{OWNER}/unlink"), json!({"device": 1})).await;
        stage.until_state("logged_out").await;
        let (is_given_up, [device, link]) = given_up().await;
        assert!(!is_given_up && link.contains("id=\"expected\""), "{link}");
        assert!(device.contains("Was linked on") && !device.contains("Linked since"), "{device}");
        assert!(!device.contains("<p>Why:"), "the state says it: {device}");
        stage.begins_and_cancels().await;
        let (is_given_up, [_, link]) = given_up().await;
        assert!(!is_given_up && link.contains("id=\"expected\"") && link.contains("linking was cancelled"), "{link}");
        // Somebody unlinks it: that is no failure, and the number is given up.
        stage.manage("POST", "/unlink", None).await;
        eventually("it is given up", async || {
            let device = stage.manage("GET", "", None).await;
            if device["sender_given_up"] == json!(true) { Ok(()) } else { Err(device.to_string()) }
        })
        .await;
        let (is_given_up, [_, link]) = given_up().await;
        assert!(is_given_up && link.contains("The link was ended.") && !link.contains("Not linked"), "{link}");
        assert!(!link.contains("note good") && !link.contains("note bad") && !link.contains("id=\"expected\""), "{link}");
        // A stranger is not told.
        let page = stage.share().await;
        assert!(!stage.visit("GET", &page, "").await.text.contains(OWNER));
        let shown = stage.in_indonesian(&own, &browser.cookie).await;
        assert!(shown.text.contains("Nomor ini sudah dilepas"), "{}", shown.text);
        // Another phone gives it its own.
        stage.link(ANN).await;
        let device = stage.manage("GET", "", None).await;
        assert_eq!((&device["sender"], &device["sender_given_up"]), (&json!(ANN), &json!(false)));
        stage.world.stop().await;
    }

    async fn a_link_that_is_being_ended_is_shown_as_that_and_as_nothing_else(database: Database) {
        let stage = Stage::new(database).await;
        let browser = stage.signed_in().await;
        // WhatsApp does not answer: it takes its time.
        stage.network.fault(json!({"kind": "slow_link", "latency_ms": 4_000}), json!({"account": OWNER, "how_often": "always"})).await;
        stage.manage("POST", "/unlink", None).await;
        let link = stage.manage("GET", "/link", None).await;
        assert_eq!((&link["is_ending"], &link["status"]), (&json!(true), &json!("linked")), "{link}");
        let shown = browser.get(&stage.link_page()).await.text;
        assert!(shown.contains("The link is being ended.") && !shown.contains("This device sends from"), "{shown}");
        assert!(!shown.contains("note good") && !shown.contains("id=\"link-qr\""), "{shown}");
        stage.network.heal().await;
        eventually("it is ended", async || {
            let link = stage.manage("GET", "/link", None).await;
            if link["is_ending"] == json!(false) { Ok(()) } else { Err(link.to_string()) }
        })
        .await;
        let shown = browser.get(&stage.link_page()).await.text;
        assert!(shown.contains("The link was ended") && !shown.contains("Not linked"), "{shown}");
        stage.world.stop().await;
    }

    async fn a_device_that_is_being_linked_offers_to_go_on_with_that(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let browser = stage.signed_in().await;
        let own = format!("/console/devices/{}", stage.device_id);
        assert!(browser.get(&own).await.text.contains("Link an account"));
        stage.goes_to("confirm").await;
        stage.until_state("passkey_confirm").await;
        for path in [own.as_str(), "/console"] {
            let shown = browser.get(path).await.text;
            assert!(shown.contains("Go on with the linking") && !shown.contains("Link an account"), "{path}: {shown}");
        }
        let shown = browser.get(&own).await.text;
        assert!(!shown.contains("<p>Why:"), "the state says it: {shown}");
        // Whoever refused on the phone is told what to do on every page.
        let page = stage.share().await;
        stage.goes_to("confirm").await;
        for shown in [browser.get(&stage.link_page()).await.text, stage.visit("GET", &page, "").await.text] {
            assert!(shown.contains("Refused on the phone") && shown.contains("id=\"link-cancel\""), "{shown}");
            assert!(shown.contains("press “Stop linking”") && shown.contains(">Stop linking</button>"), "{shown}");
        }
        stage.world.stop().await;
    }

    async fn a_body_without_a_code_confirms_nothing(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        stage.goes_to("confirm").await;
        for body in [
            json!({"code": null}), json!({"cod": "ABCD-1234"}), json!({"Code": "ABCD-1234"}), json!({}), json!({"code": ""}),
            json!({"code": " - "}), json!({"code": 12345678}), json!({"code": ["ABCD-1234"]}), json!([]), json!("ABCD-1234"),
        ] {
            let refused = stage.ask("POST", "/passkey/confirm", Some(body.clone())).await;
            assert_eq!(refused.status, 422, "{body}: {}", refused.text);
            assert!(refused.body["message"].as_str().is_some_and(|message| message.contains("code") || body.is_array() || body.is_string()), "{body}: {}", refused.text);
            assert_eq!(stage.manage("GET", "/passkey", None).await["status"], "confirm", "{body}");
        }
        let refused = stage.ask("POST", "/passkey/confirm", Some(json!({"cod": "ABCD-1234"}))).await;
        assert!(refused.text.contains("code: is missing; give the code that was compared"), "{}", refused.text);
        stage.compare().await;
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn a_ban_and_a_connection_taken_over_say_until_when_and_what_to_do(database: Database) {
        let stage = Stage::held(database).await;
        let browser = stage.signed_in().await;
        let own = format!("/console/devices/{}", stage.device_id);
        // What is said of the device now, without its history.
        let now = |page: Reply| page.text.split("id=\"event-rows\"").next().expect("a page").to_owned();
        let ban = json!({"kind": "temporary_ban", "code": 101, "expire_seconds": 7_200});
        for fault in [ban, json!({"kind": "stream_error", "code": 515})] {
            stage.fault(fault, json!({"next": 1})).await;
        }
        let device = stage.until_state("banned").await;
        let reason = device["state_reason"].as_str().expect("a reason");
        assert!(reason.contains("until 2026-09-21T16:26:40Z: ") && reason.contains("; open WhatsApp on the phone and follow"), "{device}");
        let shown = now(browser.get(&own).await);
        assert!(shown.contains("until 2026-09-21 16:26:40: "), "{shown}");
        for words in ["open whatsapp on the phone", "16:26:40"] {
            assert_eq!(shown.to_lowercase().matches(words).count(), 1, "{words}: {shown}");
        }
        let shown = now(stage.in_indonesian(&own, &browser.cookie).await);
        assert!(shown.contains("sampai 2026-09-21 16:26:40: ") && shown.contains("buka WhatsApp di ponsel"), "{shown}");
        stage.world.stop().await;

        let stage = Stage::new(database).await;
        let browser = stage.signed_in().await;
        let own = format!("/console/devices/{}", stage.device_id);
        stage.fault(json!({"kind": "stream_replaced"}), json!({"next": 1})).await;
        let device = stage.until_state("replaced").await;
        let reason = device["state_reason"].as_str().expect("a reason");
        assert!(reason.contains("another program took the connection over") && reason.contains("stop it, then pause and resume"), "{device}");
        let shown = now(browser.get(&own).await);
        assert!(shown.contains("Stop the other program") && !shown.contains("<p>Why:"), "{shown}");
        let shown = now(stage.in_indonesian(&own, &browser.cookie).await);
        assert!(shown.contains("Hentikan program lain itu") && !shown.contains("<p>Sebab:"), "{shown}");
        stage.world.stop().await;
    }

    async fn the_clients_own_device_that_has_the_number_is_named(database: Database) {
        let mut stage = Stage::new(database).await;
        let first = stage.device_id.clone();
        stage.manage("PATCH", "", Some(json!({"name": "Toko Budi"}))).await;
        let added = stage.world.client.manage("POST", "/devices", Some(json!({"client_id": 1, "kind": "web"}))).await;
        stage.device_id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
        let (browser, page) = (stage.signed_in().await, stage.share().await);
        stage.scan_or_type("qr").await;
        let link = stage.until_link("failed").await;
        let named = format!("remove that device first ({first} 'Toko Budi')");
        assert!(link["reason"].as_str().is_some_and(|reason| reason.contains(&named)), "{link}");
        assert_eq!(link["reason_code"], "number_taken");
        assert!(browser.get(&stage.link_page()).await.text.contains("Toko Budi"));
        let shown = stage.in_indonesian(&stage.link_page(), &browser.cookie).await;
        assert!(shown.text.contains("hapus dulu perangkat itu") && shown.text.contains("Toko Budi"), "{}", shown.text);
        let shown = stage.visit("GET", &page, "").await.text;
        assert!(shown.contains("tell whoever sent you the link") && !shown.contains("Toko Budi") && !shown.contains(&first), "{shown}");
        stage.world.stop().await;
    }

    async fn the_pages_are_as_people_see_them_in_both_languages(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let browser = first_sign_in(&stage.world).await;
        let (page, own) = (stage.link_page(), format!("/console/devices/{}", stage.device_id));
        // What was done is not said any more when something else has come of it.
        browser.go(&format!("{page}?done=added")).await;
        browser.until_there("#done").await;
        stage.typed_code().await;
        browser.until_there("#pairing-code").await;
        browser.until_it_is("String(document.querySelector('#done') === null)", "true").await;
        look(&browser, &page, "words-code").await;
        stage.goes_to("confirm").await;
        look(&browser, &page, "words-compare").await;
        look(&browser, &own, "words-device-compare").await;
        browser.go(&page).await;
        browser.click("#link-differ button").await;
        browser.reads("remove every device that nobody knows").await;
        look(&browser, &page, "words-differ").await;
        stage.owner("", json!({"required": false})).await;
        stage.link(OWNER).await;
        browser.go(&own).await;
        browser.click("form[action$='/relink'] button").await;
        browser.says_yes().await;
        browser.until_at(&page).await;
        browser.reads("The link was ended.").await;
        look(&browser, &page, "words-given-up").await;
        look(&browser, &own, "words-device-given-up").await;
        stage.world.stop().await;
    }
}

/// Judges a page, and takes its picture, in each language.
async fn look(browser: &browser::Browser, path: &str, name: &str) {
    for language in ["id", "en"] {
        let back: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        browser.go(&format!("/console/language?to={language}&back={back}")).await;
        browser.until_at(path).await;
        browser.judge_part(&format!("{name}-{language}")).await;
    }
}

/// WhatsApp calls it so too.
#[test]
fn a_passkey_has_one_name_in_indonesian() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut texts) = (vec![root.join("src"), root.join("extension/_locales")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }
    assert!(texts.iter().any(|(_, text)| text.contains("WhatsApp meminta passkey akun ini")), "they were read");
    for (path, text) in texts {
        assert!(!text.to_lowercase().contains("kunci sandi"), "{path}");
    }
}
