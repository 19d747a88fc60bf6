//! The linking page that is shared with somebody without a sign-in.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::account::KeyHash;
use wachat::limits;
use wachat::store::NewLinkShare;

use crate::browser::Browser;
use crate::client::Reply;
use crate::console_browser::first_sign_in;
use crate::signed_in;
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{Time, eventually, stories};

impl Stage {
    /// Shares the device's linking page; gives its path.
    pub async fn share(&self) -> String {
        let reply = self.ask("POST", "/link/share", None).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let url = reply.body["data"]["url"].as_str().expect("an address").to_owned();
        url.strip_prefix(&self.world.settings.public_url).expect("the gateway's own").to_owned()
    }

    /// What a stranger's browser gets.
    async fn look(&self, path: &str) -> Reply {
        signed_in::ask(&self.world, "GET", path, &[], None).await
    }

    /// What a stranger's browser gets for a form of the page.
    pub async fn post(&self, path: &str, fields: &str) -> Reply {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        signed_in::ask(&self.world, "POST", path, &headers, Some(fields.as_bytes().to_vec())).await
    }

    /// Waits until an attempt is as far as this; gives it as the API shows it.
    pub async fn until_link(&self, status: &str) -> Value {
        eventually(&format!("linking is {status}"), async || {
            let link = self.manage("GET", "/link", None).await;
            if link["status"] == status { Ok(link) } else { Err(link.to_string()) }
        })
        .await
    }

    /// Follows a page, as its script does; the answer goes on for as long as it is held.
    #[allow(clippy::disallowed_methods, reason = "a browser is no part of the gateway")]
    pub async fn follow(&self, page: &str) -> reqwest::Response {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        http.get(format!("http://{}{page}/live", self.world.address)).send().await.expect("an answer")
    }

    async fn is_over(&self, page: &str) {
        for path in ["", "/qr.svg", "/live"] {
            let reply = self.look(&format!("{page}{path}")).await;
            assert!(reply.status == 404 && reply.text.contains("This linking page is over"), "{path}: {}", reply.text);
        }
        for form in ["/link", "/pairing-code", "/passkey", "/passkey/confirm"] {
            assert_eq!(self.post(&format!("{page}{form}"), "phone=628110000001").await.status, 404, "{form}");
        }
        assert_eq!(self.manage("GET", "/link", None).await["status"], "none");
    }
}

stories! {
    async fn whoever_has_the_page_links_an_account_once_without_a_sign_in(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let page = stage.share().await;
        let shown = stage.look(&page).await;
        assert!(shown.status == 200 && shown.text.contains("link-qr") && shown.text.contains("data-until="), "{}", shown.text);
        assert_eq!((shown.header("cache-control"), shown.header("referrer-policy")), ("no-store", "same-origin"));
        assert!(!shown.text.contains("name=\"csrf\"") && !shown.text.contains("/console/devices"), "{}", shown.text);
        // A form of somebody else's page, and what only a person with a sign-in may do.
        let foreign = signed_in::ask(&stage.world, "POST", &format!("{page}/link"), &[("sec-fetch-site", "cross-site")], None).await;
        assert_eq!(foreign.status, 403);
        assert_eq!(stage.look("/console/devices").await.status, 303);
        assert_eq!(stage.post(&format!("{page}/link/share"), "").await.status, 405, "it is no page of a stranger's");

        assert_eq!(stage.post(&format!("{page}/link"), "").await.status, 303);
        let qr = stage.qr().await;
        let picture = stage.look(&format!("{page}/qr.svg")).await;
        assert!(picture.status == 200 && picture.text.contains("<svg"), "{}", picture.text);
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        let assertion = stage.assertion().await;
        let asked = stage.look(&page).await;
        assert!(asked.text.contains("parseRequestOptionsFromJSON("), "{}", asked.text);
        let refused = stage.post(&format!("{page}/passkey"), "assertion=x").await;
        assert!(refused.status == 422 && refused.text.contains("paste all of what"), "{}", refused.text);
        let filled: String = url::form_urlencoded::byte_serialize(assertion.to_string().as_bytes()).collect();
        assert_eq!(stage.post(&format!("{page}/passkey"), &format!("assertion={filled}")).await.status, 303);
        let code = stage.until_passkey("confirm").await["code"].as_str().expect("a code").to_owned();
        assert!(stage.look(&page).await.text.contains(&code));
        stage.owner("/confirm", json!({})).await;
        assert_eq!(stage.post(&format!("{page}/passkey/confirm"), "").await.status, 303);
        stage.is_linked().await;

        let over = stage.look(&page).await;
        assert!(over.status == 200 && over.text.contains("The account is linked"), "{}", over.text);
        assert!(!over.text.contains(OWNER) && !over.text.contains("<form"), "{}", over.text);
        assert_eq!(stage.look(&format!("{page}/qr.svg")).await.status, 404);
        stage.manage("POST", "/unlink", None).await;
        stage.until_state("unlinked").await;
        assert_eq!(stage.post(&format!("{page}/link"), "").await.status, 303);
        assert_ne!(stage.manage("GET", "/link", None).await["status"], "waiting", "it does nothing any more");

        let audit = stage.world.client.manage("GET", "/audit", None).await;
        let ways: Vec<(&str, &str)> = audit.body["data"]["items"].as_array().into_iter().flatten()
            .map(|entry| (entry["action"].as_str().unwrap_or_default(), entry["way"].as_str().unwrap_or_default())).collect();
        for action in ["POST /devices/{device_id}/link", "POST /devices/{device_id}/passkey", "POST /devices/{device_id}/passkey/confirm"] {
            assert!(ways.contains(&(action, "shared link")), "{action}: {ways:?}");
        }
        assert!(ways.iter().any(|(action, way)| *action == "POST /devices/{device_id}/link/share" && way.starts_with("key")), "{ways:?}");
        stage.world.stop().await;
    }

    async fn a_page_ends_with_its_time_its_successor_and_its_device(database: Database) {
        let stage = Stage::at(database, Time::Held).await;
        let mut pages = Vec::new();
        pages.push(stage.share().await);
        stage.world.advance(Duration::from_secs(14 * 60)).await;
        assert_eq!(stage.look(&pages[0]).await.status, 200);
        stage.world.advance(Duration::from_secs(61)).await;
        stage.is_over(&pages[0]).await;
        pages.push(stage.share().await);
        pages.push(stage.share().await);
        stage.is_over(&pages[1]).await;
        assert_eq!(stage.ask("DELETE", "/link/share", None).await.status, 200);
        assert_eq!(stage.ask("DELETE", "/link/share", None).await.status, 404);
        stage.is_over(&pages[2]).await;
        stage.is_over("/console/link/0123456789ABCDEF0123456789ABCDEF").await;
        stage.is_over("/console/link/%00").await;

        // The device is removed, and another one has its id.
        let page = stage.share().await;
        assert_eq!(stage.ask("DELETE", "", None).await.status, 200);
        assert_eq!(stage.look(&page).await.status, 404);
        let again = json!({"client_id": 1, "kind": "web", "device_id": stage.device_id});
        let added = stage.world.client.manage("POST", "/devices", Some(again)).await;
        assert_eq!(added.status, 201, "{}", added.text);
        stage.is_over(&page).await;
        stage.world.stop().await;
    }

    async fn a_page_of_a_device_that_has_an_account_is_over_and_names_no_number(database: Database) {
        let stage = Stage::new(database).await;
        stage.fault(json!({"kind": "stream_replaced"}), json!({"next": 1})).await;
        stage.until_state("replaced").await;
        let page = stage.share().await;
        assert!(stage.look(&page).await.text.contains("link-qr"), "it can be linked again");
        // The account comes back without a new link.
        stage.manage("PATCH", "", Some(json!({"paused": true}))).await;
        stage.manage("PATCH", "", Some(json!({"paused": false}))).await;
        stage.world.until_online(&stage.device_id).await;
        let over = stage.look(&page).await;
        assert!(over.status == 200 && over.text.contains("The account is linked"), "{}", over.text);
        assert!(!over.text.contains(OWNER) && !over.text.contains("<form"), "{}", over.text);
        // A link that completes while the page is shared: there is none of a device that has an account.
        let share = NewLinkShare {
            device_id: stage.device_id.clone(), token: KeyHash::of("late"), person_id: 1, key_id: None, expires_at: i64::MAX,
        };
        let is_shared = stage.world.store.share_link(share, 0, |device| !device.has_account()).await.expect("asked");
        assert!(!is_shared && stage.look("/console/link/late").await.status == 404);
        stage.world.stop().await;
    }

    async fn a_page_that_is_revoked_or_replaced_takes_its_code_and_its_pairing_link_along(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        for end in ["DELETE", "POST"] {
            let page = stage.share().await;
            assert_eq!(stage.post(&format!("{page}/link"), "").await.status, 303);
            let qr = stage.qr().await;
            stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
            let step = stage.until_passkey("required").await;
            let link = step["pairing_link"].as_str().expect("a link").to_owned();
            let link = link.strip_prefix(&stage.world.settings.public_url).expect("the gateway's own");
            let assertion = stage.assertion().await;
            assert!(stage.ask(end, "/link/share", None).await.status < 300);
            assert_eq!(stage.look(&page).await.status, 404);
            let body = assertion.to_string().into_bytes();
            let given = signed_in::ask(&stage.world, "POST", link, &[], Some(body)).await;
            assert_eq!(given.status, 410, "{}", given.text);
            stage.until_link("failed").await;
            stage.until_state("unlinked").await;
            assert_eq!(stage.ask("POST", "/passkey/confirm", None).await.status, 409);
        }
        // A page that nobody else had in the meantime leaves a link alone.
        stage.manage("DELETE", "/link/share", None).await;
        stage.manage("POST", "/link", None).await;
        let qr = stage.qr().await;
        stage.share().await;
        assert_eq!(stage.qr().await, qr);
        stage.world.stop().await;
    }

    async fn a_page_ends_with_the_key_that_shared_it(database: Database) {
        let stage = Stage::unlinked(database).await;
        let client = &stage.world.client;
        let key = client.manage("POST", "/clients/1/keys", Some(json!({"person_id": 1, "name": "shares"}))).await;
        let id = key.body["data"]["id"].as_i64().expect("a number");
        let key = client.with_key(key.body["data"]["api_key"].as_str().expect("a key"));
        let shared = key.manage("POST", &format!("/devices/{}/link/share", stage.device_id), None).await;
        let url = shared.body["data"]["url"].as_str().expect("an address").to_owned();
        let page = url.strip_prefix(&stage.world.settings.public_url).expect("the gateway's own").to_owned();
        assert_eq!(stage.look(&page).await.status, 200);
        let revoked = client.manage("DELETE", &format!("/clients/1/keys/{id}"), None).await;
        assert_eq!(revoked.status, 200, "{}", revoked.text);
        stage.is_over(&page).await;
        stage.world.stop().await;
    }

    async fn a_page_that_is_loaded_again_and_again_keeps_up(database: Database) {
        let stage = Stage::unlinked(database).await;
        let page = stage.share().await;
        let mut followers = Vec::new();
        for _ in 0..limits::LIVE_FOLLOWERS_MAX {
            let follower = stage.follow(&page).await;
            assert_eq!(follower.status(), 200);
            followers.push(follower);
        }
        // Whoever loads the page again gets a room: of the pages that are followed, the oldest gives its up.
        for _ in 0..2 * limits::LIVE_FOLLOWERS_MAX {
            followers.push(stage.follow(&page).await);
            assert_eq!(followers.last().map(reqwest::Response::status), Some(reqwest::StatusCode::OK));
            let told = followers.remove(0).text().await.expect("it ends");
            assert!(told.ends_with("event: crowded\ndata: no more\n\n"), "{told}");
        }
        drop(followers);
        stage.world.stop().await;
    }

    async fn strangers_are_told_the_number_of_the_phone_to_take_and_no_other(database: Database) {
        let mut stage = Stage::with_passkey(database, Time::Machine).await;
        let device = json!({"client_id": 1, "kind": "web", "sender": "628110000099"});
        let added = stage.world.client.manage("POST", "/devices", Some(device)).await;
        stage.device_id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
        let page = stage.share().await;
        // Only one phone will do.
        let shown = stage.look(&page).await;
        let said = shown.text.split("id=\"expected\"").nth(1).expect("which phone");
        assert!(said.contains("no other may be linked") && said.contains("<strong>628110000099</strong>"), "{}", shown.text);
        stage.scan_or_type("qr").await;
        let step = stage.until_passkey("required").await;
        let link = step["pairing_link"].as_str().and_then(|link| link.strip_prefix(&stage.world.settings.public_url));
        let link = link.expect("a link").to_owned();
        let assertion = stage.assertion().await;
        stage.manage("POST", "/passkey", Some(assertion)).await;
        stage.compare().await;
        stage.until_not_linked("this device's number is 628110000099").await;
        for path in [&page, &link] {
            let shown = stage.look(path).await;
            let says_why = shown.text.contains("number is not this device") && shown.text.contains("use the right phone");
            assert!(shown.status == 200 && says_why, "{path}: {}", shown.text);
            assert!(!shown.text.contains(OWNER), "{path}: {}", shown.text);
            assert_eq!(shown.text.contains("628110000099"), path == &page, "{path}: {}", shown.text);
        }
        stage.world.stop().await;
    }

    async fn a_page_is_shared_for_a_device_of_ones_own_that_can_be_linked(database: Database) {
        let stage = Stage::new(database).await;
        let refused = stage.ask("POST", "/link/share", None).await;
        assert!(refused.status == 409 && refused.text.contains("unlink it first"), "{}", refused.text);
        let sandbox = stage.world.client.manage("POST", &format!("/devices/{}/link/share", stage.world.device_id), None).await;
        assert!(sandbox.status == 409 && sandbox.text.contains("sandbox"), "{}", sandbox.text);
        stage.manage("POST", "/unlink", None).await;
        stage.until_state("unlinked").await;
        let page = stage.share().await;
        // Whoever signs in is another, whatever his name is. Begun again and again, it gets no codes from WhatsApp.
        for _ in 0..60 {
            stage.post("/console/sign-in", &format!("userid=shared+link+{}&password=x", stage.device_id)).await;
        }
        let mut statuses = Vec::new();
        for _ in 0..30 {
            let reply = stage.post(&format!("{page}/link"), "").await;
            let waits = reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1);
            assert_eq!(waits, reply.status == 429, "{}", reply.text);
            statuses.push(reply.status);
        }
        assert!(statuses[..10].iter().all(|status| *status == 303) && statuses.contains(&429), "{statuses:?}");
        stage.world.stop().await;
    }

    async fn a_page_is_shared_in_one_browser_and_used_in_another(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let browser = first_sign_in(&stage.world).await;
        browser.go(&format!("/console/devices/{}/link", stage.device_id)).await;
        browser.click("section[aria-labelledby=share] button").await;
        browser.until_there("#share-url").await;
        browser.judge("device-link-shared").await;
        let url = browser.script("return document.querySelector('#share-url').textContent").await;
        let path = url.as_str().and_then(|url| url.strip_prefix(&stage.world.settings.public_url)).expect("an address");

        let stranger = Browser::open(&stage.world.settings.public_url).await;
        stranger.go(path).await;
        stranger.reads("This page is valid until").await;
        stranger.until_it_is("String(/^.1[45]:[0-9]{2}.$/.test(document.querySelector('[data-until]').textContent))", "true").await;
        stranger.judge("shared-link").await;
        stranger.fill("#link-code [name=phone]", OWNER).await;
        stranger.click("#link-code button").await;
        stranger.until_there("#pairing-code").await;
        stranger.judge_part("shared-link-code").await;
        stranger.click("#link-qr button").await;
        stranger.says_yes().await;
        let qr = stranger.scans("#qr").await;
        stranger.judge_part("shared-link-qr").await;
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        // The page turns by itself.
        stranger.until_there("#link-passkey textarea").await;
        stranger.judge("shared-link-passkey").await;
        let assertion = stage.assertion().await;
        stranger.fill("#link-passkey textarea", &assertion.to_string()).await;
        stranger.click("#link-passkey button").await;
        stranger.until_there("#passkey-code").await;
        stranger.judge("shared-link-compare").await;
        let scope = json!({"account": OWNER, "moment": "passkey_refusal"});
        stage.network.fault(json!({"kind": "linking_ended", "how": {"stream_error": 401}}), scope).await;
        stage.owner("/refuse", json!({})).await;
        // Nobody presses anything.
        stranger.reads("the phone's owner refused to link this gateway").await;
        browser.reads("the phone's owner refused to link this gateway").await;
        stranger.judge_part("shared-link-failed").await;
        stranger.click("#link-qr button.main").await;
        let qr = stranger.scans("#qr").await;
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        stranger.until_there("#link-passkey textarea").await;
        let assertion = stage.assertion().await;
        stranger.fill("#link-passkey textarea", &assertion.to_string()).await;
        stranger.click("#link-passkey button").await;
        stranger.until_there("#passkey-code").await;
        stage.owner("/confirm", json!({})).await;
        stranger.click("#link-passkey button").await;
        stranger.reads("The account is linked").await;
        assert_eq!(stranger.script("return document.querySelectorAll('form, #qr').length").await, Value::from(0));
        stranger.judge("shared-link-over").await;
        browser.until_there("#link-status[data-status=linked]").await;
        stage.is_linked().await;
        stranger.go("/console").await;
        stranger.until_at("/console/sign-in").await;
        stage.world.stop().await;
    }

    async fn the_console_links_an_account_with_a_passkey_by_either_code(database: Database) {
        for way in ["qr", "code"] {
            let stage = Stage::with_passkey(database, Time::Machine).await;
            let browser = first_sign_in(&stage.world).await;
            browser.go(&format!("/console/devices/{}/link", stage.device_id)).await;
            if way == "qr" {
                browser.click("#link-qr button.main").await;
                let qr = browser.scans("#qr").await;
                stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
            } else {
                browser.fill("#link-code [name=phone]", OWNER).await;
                browser.click("#link-code button").await;
                browser.until_there("#pairing-code").await;
                let code = browser.script("return document.querySelector('#pairing-code').textContent").await;
                let code = code.as_str().expect("a code").replace('-', "");
                stage.network.post(&format!("/people/{OWNER}/type-code"), json!({"code": code})).await;
            }
            browser.until_there("#link-passkey textarea").await;
            browser.judge("device-link-passkey").await;
            // What is pasted in a hurry is refused with what to do, and the page stays.
            browser.fill("#link-passkey textarea", "undefined").await;
            browser.click("#link-passkey button").await;
            browser.reads("paste all of what the line copied").await;
            let assertion = stage.assertion().await;
            browser.fill("#link-passkey textarea", &assertion.to_string()).await;
            browser.click("#link-passkey button").await;
            browser.until_there("#passkey-code").await;
            let phone = stage.network.get(&format!("/people/{OWNER}/passkey")).await;
            browser.reads(phone["code"].as_str().expect("a code")).await;
            stage.owner("/confirm", json!({})).await;
            browser.click("#link-passkey button").await;
            browser.until_there("#link-status[data-status=linked]").await;
            let ref_no = stage.send(ANN, "linked in a browser").await;
            eventually("it arrives", async || {
                let status = stage.world.status(&ref_no).await;
                if status["status"] == "D" { Ok(()) } else { Err(status.to_string()) }
            }).await;
            stage.world.stop().await;
        }
    }
}
