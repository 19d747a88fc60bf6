//! Pages that are open in a browser while something happens elsewhere: they say that they are over, or that they do not keep up.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::console_browser::{PASSWORD, first_sign_in};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{Time, eventually, stories};

impl Stage {
    async fn open(&self, path: &str) -> Browser {
        let browser = Browser::open(&self.world.settings.public_url).await;
        browser.go(path).await;
        browser
    }
}

stories! {
    async fn an_open_page_learns_that_it_is_over(database: Database) {
        let stage = Stage::unlinked(database).await;
        let page = stage.share().await;
        let stranger = stage.open(&page).await;
        stranger.reads("This page is valid until").await;
        // The page of a refused form stays at the form's address: that is not sent again.
        stranger.fill("#link-code [name=phone]", "1").await;
        stranger.click("#link-code button").await;
        stranger.until_there("[role=alert]").await;
        assert_eq!(stage.ask("DELETE", "/link/share", None).await.status, 200);
        stranger.reads("This linking page is over").await;

        let browser = first_sign_in(&stage.world).await;
        let link = format!("/console/devices/{}/link", stage.device_id);
        browser.go(&link).await;
        browser.until_there("#link-qr").await;
        // In another tab of the same browser.
        let out = "return fetch('/console/sign-out', {method: 'POST', body: new URLSearchParams({csrf: \
                   document.querySelector('[name=csrf]').value})}).then(answer => answer.status)";
        browser.script(out).await;
        browser.until_at("/console/sign-in").await;
        browser.signs_in("admin", PASSWORD).await;
        // Where the browser is sent next may be overtaken by where this leads it.
        browser.reads("Needs attention").await;
        browser.go(&link).await;
        browser.until_there("#link-qr").await;
        assert_eq!(stage.ask("DELETE", "", None).await.status, 200);
        browser.until_it_is("String(document.querySelector('#link-qr'))", "null").await;
        browser.reads("Not found").await;
        stage.world.stop().await;
    }

    async fn a_page_that_does_not_keep_up_says_so(database: Database) {
        let stage = Stage::unlinked(database).await;
        let page = stage.share().await;
        let stranger = stage.open(&page).await;
        let is_quiet = "document.querySelector('#not-followed').hidden";
        // Of too many, the oldest is given up for the newest.
        let mut followers = Vec::new();
        eventually("the browser says so", async || {
            let follower = stage.follow(&page).await;
            assert_eq!(follower.status(), 200);
            followers.push(follower);
            let quiet = stranger.script(&format!("return {is_quiet}")).await;
            if quiet == false { Ok(()) } else { Err(format!("{} follow it", followers.len())) }
        })
        .await;
        stranger.reads("This page does not refresh by itself at the moment").await;
        // Loaded again, it keeps up, and the newest of the others does.
        stranger.go(&page).await;
        stranger.until_it_is(&format!("String({is_quiet})"), "true").await;
        assert_eq!(stage.ask("DELETE", "/link/share", None).await.status, 200);
        stranger.reads("This linking page is over").await;
        let newest = followers.pop().expect("it").text().await.expect("it ends");
        assert!(newest.contains("event: gone\ndata: "), "a browser drops an event without data: {newest}");
        for follower in followers {
            let told = follower.text().await.expect("it ends");
            assert!(told.contains("event: gone\ndata: ") || told.ends_with("event: crowded\ndata: no more\n\n"), "{told}");
        }
        stage.world.stop().await;
    }

    async fn an_address_that_is_shown_once_is_not_replaced_when_its_page_is_loaded_again(database: Database) {
        let stage = Stage::unlinked(database).await;
        let browser = first_sign_in(&stage.world).await;
        browser.go(&format!("/console/devices/{}/link", stage.device_id)).await;
        browser.click("section[aria-labelledby=share] button").await;
        browser.until_there("#share-url").await;
        let url = browser.script("return document.querySelector('#share-url').textContent").await;
        let url = url.as_str().expect("an address").to_owned();
        let page = url.strip_prefix(&stage.world.settings.public_url).expect("the gateway's own");
        assert_eq!(stage.post(&format!("{page}/link"), "").await.status, 303);
        let qr = stage.qr().await;
        let shared_until = stage.manage("GET", "/link", None).await["shared_until"].clone();
        assert!(shared_until.is_string());
        browser.script("location.reload()").await;
        browser.until_there("#shared-until").await;
        assert_eq!(browser.script("return document.querySelectorAll('#share-url').length").await, Value::from(0));
        let link = stage.manage("GET", "/link", None).await;
        assert_eq!((&link["shared_until"], &link["code"]), (&shared_until, &json!(qr)));
        // An address that somebody else put there is not shown.
        browser.script("document.cookie = 'wachat_shared=ABC; Path=/console'; location.reload()").await;
        browser.until_there("#shared-until").await;
        browser.click("section[aria-labelledby=share] .bad").await;
        browser.reads("The shared page is over").await;
        stage.world.stop().await;
    }

    async fn what_was_refused_is_over_with_its_step(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let page = stage.share().await;
        stage.scan_or_type("qr").await;
        stage.until_passkey("required").await;
        let stranger = stage.open(&page).await;
        stranger.until_there("#link-passkey textarea").await;
        stranger.reads("Only WhatsApp Web opens?").await;
        stranger.fill("#link-passkey textarea", "undefined").await;
        stranger.click("#link-passkey button").await;
        stranger.reads("paste all of what the line copied").await;
        let alert = stranger.script("return document.querySelector('[role=alert]').textContent").await;
        assert!(!alert.to_string().contains("response"), "{alert}");
        // It stays for as long as the step is the same.
        stranger.until_it_is("String(document.querySelectorAll('[role=alert]').length)", "1").await;
        let counts = "String(/^.[0-9]+:[0-9]{2}.$/.test(document.querySelector('#link-status [data-until]').textContent))";
        stranger.until_it_is(counts, "true").await;
        let assertion = stage.assertion().await;
        assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        stranger.until_there("#passkey-code").await;
        stranger.until_it_is("String(document.querySelectorAll('[role=alert]').length)", "0").await;
        stranger.until_it_is(counts, "true").await;
        stranger.reads("confirm it on the phone too").await;
        stranger.click("#link-differ button").await;
        stranger.reads("remove every device that nobody knows").await;
        stranger.click("#link-qr button.main").await;
        stranger.scans("#qr").await;
        stranger.until_it_is(counts, "true").await;
        stage.world.stop().await;
    }

    async fn the_phone_that_may_be_linked_is_said_and_no_code_is_given_for_another(database: Database) {
        let mut stage = Stage::unlinked(database).await;
        let added = json!({"client_id": 1, "kind": "web", "sender": OWNER});
        let added = stage.world.client.manage("POST", "/devices", Some(added)).await;
        stage.device_id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
        assert_eq!(stage.manage("GET", "/link", None).await["expected_sender"], OWNER);
        let refused = stage.ask("POST", "/pairing-code", Some(json!({"phone": ANN}))).await;
        let says_why = refused.text.contains(&format!("get the code for {OWNER}, or unlink this device first"));
        assert!(refused.status == 409 && says_why, "{}", refused.text);
        assert_eq!(stage.manage("GET", "/link", None).await["status"], "none");
        let page = stage.share().await;
        let refused = stage.post(&format!("{page}/pairing-code"), &format!("phone={ANN}")).await;
        assert!(refused.status == 409 && refused.text.contains("use the right phone"), "{}", refused.text);
        // Which phone it is stands beside it, and once.
        let alert = refused.text.split("role=\"alert\"").nth(1).and_then(|rest| rest.split("</p>").next()).expect("an alert");
        assert!(!alert.contains(OWNER) && refused.text.contains(&format!("<strong>{OWNER}</strong>")), "{}", refused.text);
        assert!(!refused.text.contains("note good"), "{}", refused.text);
        let browser = first_sign_in(&stage.world).await;
        browser.go(&format!("/console/devices/{}/link", stage.device_id)).await;
        browser.reads("no other may be linked to this device").await;
        assert_eq!(browser.script("return document.querySelector('[name=phone]').value").await, OWNER);
        browser.judge_part("device-link-expected").await;
        browser.click("#link-code button").await;
        browser.until_there("#pairing-code").await;
        browser.click("#link-cancel button").await;
        browser.reads("linking was cancelled").await;
        // Given up, any phone may be linked.
        browser.click("section[aria-labelledby=other-number] button").await;
        browser.says_yes().await;
        stage.until_state("unlinked").await;
        eventually("the number is given up", async || {
            let link = stage.manage("GET", "/link", None).await;
            if link["expected_sender"].is_null() { Ok(()) } else { Err(link.to_string()) }
        })
        .await;
        let other = stage.ask("POST", "/pairing-code", Some(json!({"phone": ANN}))).await;
        assert!(other.status < 300, "{}", other.text);
        stage.world.stop().await;
    }

    async fn a_link_that_is_begun_as_soon_as_the_number_is_given_up_is_not_ended_by_that(database: Database) {
        let mut stage = Stage::unlinked(database).await;
        for _ in 0..5 {
            let added = json!({"client_id": 1, "kind": "web", "sender": OWNER});
            let added = stage.world.client.manage("POST", "/devices", Some(added)).await;
            stage.device_id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
            assert_eq!(stage.ask("POST", "/unlink", None).await.status, 202);
            let begun = stage.ask("POST", "/pairing-code", Some(json!({"phone": ANN}))).await;
            assert!(begun.status < 300, "{}", begun.text);
            assert_eq!(stage.until_link("shown").await["expected_sender"], Value::Null);
            assert_eq!(stage.world.client.manage("DELETE", &format!("/devices/{}", stage.device_id), None).await.status, 200);
        }
        stage.world.stop().await;
    }
}
