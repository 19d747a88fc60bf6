//! Pairing links: what they take, from whom, and for how long.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::limits;

use crate::client::Reply;
use crate::signed_in::{self, Browser, PASSWORD, target};
use crate::stage::Stage;
use crate::world::{Time, World, stories};

/// Asks without any credential, as the extension does.
async fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Reply {
    let mut reply = signed_in::ask(world, method, path, headers, body.map(|body| body.to_string().into_bytes())).await;
    reply.body = serde_json::from_str(&reply.text).unwrap_or_default();
    reply
}

/// The path of the pairing link that is shown now.
async fn link(stage: &Stage) -> String {
    let step = stage.until_passkey("required").await;
    let link = step["pairing_link"].as_str().expect("a link");
    link.strip_prefix(&stage.world.settings.public_url).expect("a link of this gateway").to_owned()
}

stories! {
    async fn a_pairing_link_takes_one_assertion_for_its_attempt(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        stage.scan_or_type("qr").await;
        let (path, world) = (link(&stage).await, &stage.world);
        let shown = ask(world, "GET", &path, &[], None).await;
        let data = &shown.body["data"];
        assert_eq!((shown.status, &data["status"], &data["options"]["rpId"]), (200, &json!("required"), &json!("whatsapp.com")));
        assert_eq!(shown.header("cache-control"), "no-store");
        assert_eq!(shown.header("access-control-allow-origin"), "", "no other page may read it");
        for bad in [json!({}), Value::Null, json!("x")] {
            let refused = ask(world, "POST", &path, &[], Some(&bad)).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
        }
        let indonesian = ask(world, "POST", &path, &[("accept-language", "id")], Some(&json!({}))).await;
        assert!(indonesian.text.contains("ini bukan hasil"), "{}", indonesian.text);
        let long = json!("x".repeat(limits::ASSERTION_BYTES_MAX));
        assert_eq!(ask(world, "POST", &path, &[], Some(&long)).await.status, 413);
        for bad in [format!("{path}x"), path.replacen("1-", "2-", 1), "/console/pair/x".into(), format!("{path}%2F")] {
            for method in ["GET", "POST"] {
                let refused = ask(world, method, &bad, &[], Some(&json!({}))).await;
                assert_eq!(refused.status, 404, "{method} {bad}: {}", refused.text);
            }
        }
        let assertion = stage.assertion().await;
        let taken = ask(world, "POST", &path, &[], Some(&assertion)).await;
        assert_eq!((taken.status, &taken.body["data"]["status"]), (202, &json!("sent")), "{}", taken.text);
        let again = ask(world, "POST", &path, &[], Some(&assertion)).await;
        assert_eq!(again.status, 409, "{}", again.text);
        stage.until_passkey("confirm").await;
        let shown = ask(world, "GET", &path, &[], None).await;
        assert_eq!((&shown.body["data"]["status"], &shown.body["data"]["options"]), (&json!("confirm"), &Value::Null));
        assert_eq!(stage.manage("GET", "/passkey", None).await["pairing_link"], Value::Null);
        stage.compare().await;
        stage.is_linked().await;
        let shown = ask(world, "GET", &path, &[], None).await;
        assert_eq!(shown.body["data"]["status"], "linked", "{}", shown.text);
        assert_eq!(ask(world, "POST", &path, &[], Some(&assertion)).await.status, 409);
        stage.world.stop().await;
    }

    async fn a_pairing_link_ends_with_its_attempt(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        stage.scan_or_type("qr").await;
        let first = link(&stage).await;
        stage.network.fault(json!({"kind": "passkey_assertion_refused"}), json!({"account": crate::stage::OWNER})).await;
        let assertion = stage.assertion().await;
        assert_eq!(ask(&stage.world, "POST", &first, &[], Some(&assertion)).await.status, 202);
        stage.until_not_linked("did not accept the passkey").await;
        let failed = ask(&stage.world, "GET", &first, &[], None).await;
        assert_eq!(failed.body["data"]["status"], "failed", "{}", failed.text);
        assert!(failed.text.contains("did not accept the passkey"), "{}", failed.text);
        assert_eq!(ask(&stage.world, "POST", &first, &[], Some(&assertion)).await.status, 410);
        stage.network.heal().await;
        stage.scan_or_type("qr").await;
        let second = link(&stage).await;
        assert_ne!(first, second);
        for method in ["GET", "POST"] {
            assert_eq!(ask(&stage.world, method, &first, &[], Some(&assertion)).await.status, 410, "{method}");
        }
        assert_eq!(ask(&stage.world, "GET", &second, &[], None).await.status, 200);
        stage.world.stop().await;
    }

    async fn a_pairing_link_expires_when_whatsapp_waits_no_longer(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        stage.scan_or_type("qr").await;
        let path = link(&stage).await;
        stage.world.advance(Duration::from_secs(590)).await;
        assert_eq!(ask(&stage.world, "GET", &path, &[], None).await.status, 200);
        stage.world.advance(Duration::from_secs(11)).await;
        let expired = ask(&stage.world, "GET", &path, &[], None).await;
        assert!(expired.status == 410 && expired.text.contains("has expired"), "{}", expired.text);
        stage.world.stop().await;
    }

    async fn a_pairing_link_is_a_page_in_a_browser(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        stage.scan_or_type("qr").await;
        let path = link(&stage).await;
        let html = [("accept", "text/html,application/xhtml+xml")];
        let page = ask(&stage.world, "GET", &path, &html, None).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        let encoded: String = url::form_urlencoded::byte_serialize(format!("http://{}{path}", stage.world.address).as_bytes()).collect();
        let handed = format!("href=\"https://web.whatsapp.com/#wachat={encoded}\"");
        assert!(page.text.contains(&handed), "{handed}\n{}", page.text);
        let page = ask(&stage.world, "GET", "/console/pair/x", &html, None).await;
        assert!(page.status == 404 && page.text.contains("<!doctype html>"), "{}", page.text);
        for accept in ["application/xhtml+xml,text/html", "*/*;q=0.1, TEXT/HTML;q=0.9"] {
            let page = ask(&stage.world, "GET", &path, &[("accept", accept)], None).await;
            assert!(page.text.contains("<!doctype html>") && page.text.contains("noindex"), "{accept}: {}", page.text);
            assert!(page.text.contains("only if you know who sent you this address"), "{}", page.text);
        }
        // It follows the step: the button is there while the passkey is wanted.
        let shows = async |words: &str| {
            let page = ask(&stage.world, "GET", &path, &html, None).await;
            assert!(page.text.contains(words) && !page.text.contains("handover"), "{words}: {}", page.text);
        };
        let assertion = stage.assertion().await;
        assert_eq!(ask(&stage.world, "POST", &path, &[], Some(&assertion)).await.status, 202);
        stage.until_passkey("confirm").await;
        shows("compare the code on the phone").await;
        stage.compare().await;
        stage.is_linked().await;
        shows("The account is linked").await;
        stage.world.stop().await;
    }

    async fn what_is_pasted_by_mistake_is_refused_in_plain_words(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        stage.scan_or_type("qr").await;
        let path = link(&stage).await;
        for (language, expected) in [("en", "it is not JSON; paste all"), ("id", "ini bukan JSON; tempel seluruh")] {
            let headers = [("accept-language", language)];
            let refused = signed_in::ask(&stage.world, "POST", &path, &headers, Some(b"a secret".to_vec())).await;
            assert!(refused.status == 422 && refused.text.contains(expected), "{}", refused.text);
            assert!(!refused.text.contains("a secret") && !refused.text.contains("expected"), "{}", refused.text);
        }
        // Copied with its quotes.
        let assertion = Value::String(stage.assertion().await.to_string());
        assert_eq!(ask(&stage.world, "POST", &path, &[], Some(&assertion)).await.status, 202);
        stage.until_passkey("confirm").await;
        let other = stage.ask("POST", "/passkey/confirm", Some(json!({"code": "AAAA-AAAA"}))).await;
        assert!(other.status == 409 && other.text.contains("that is not the code that is shown now"), "{}", other.text);
        // As people write it.
        let code = stage.manage("GET", "/passkey", None).await["code"].as_str().expect("a code").to_owned();
        let code = code.replace('-', "").to_lowercase();
        stage.owner("/confirm", json!({})).await;
        assert_eq!(stage.ask("POST", "/passkey/confirm", Some(json!({"code": code}))).await.status, 202);
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn a_pairing_link_shows_what_becomes_of_its_assertion_until_whatsapp_waits_no_longer(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        stage.scan_or_type("qr").await;
        let (path, assertion) = (link(&stage).await, stage.assertion().await);
        stage.world.advance(Duration::from_secs(595)).await;
        assert_eq!(ask(&stage.world, "POST", &path, &[], Some(&assertion)).await.status, 202);
        stage.until_passkey("confirm").await;
        let shown = ask(&stage.world, "GET", &path, &[], None).await;
        assert_eq!((shown.status, &shown.body["data"]["status"]), (200, &json!("confirm")), "{}", shown.text);
        assert_eq!(ask(&stage.world, "POST", &path, &[], Some(&assertion)).await.status, 409);
        // WhatsApp waits no longer either.
        stage.world.advance(Duration::from_secs(10)).await;
        stage.until_not_linked("the code was not compared with the phone's in time").await;
        assert_eq!(ask(&stage.world, "GET", &path, &[], None).await.status, 410);
        stage.world.stop().await;
    }

    async fn a_form_that_was_refused_leads_back_to_its_page_when_it_is_loaded_again(database: Database) {
        let stage = Stage::unlinked(database).await;
        let hash = wachat::password::hash(PASSWORD, &wachat::clock::Clock::system()).expect("a hash");
        stage.world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        let shared = stage.share().await;
        for form in ["/link", "/link/cancel", "/pairing-code", "/passkey", "/passkey/confirm"] {
            let reply = ask(&stage.world, "GET", &format!("{shared}{form}"), &[], None).await;
            assert_eq!(target(&reply), shared, "{form}");
        }
        let browser = Browser::of(&stage.world, "admin").await;
        let page = format!("/console/devices/{}", stage.device_id);
        for form in ["/link/cancel", "/pairing-code", "/passkey", "/passkey/confirm", "/link/share", "/link/share/revoke"] {
            assert_eq!(target(&browser.get(&format!("{page}{form}")).await), format!("{page}/link"), "{form}");
        }
        // What people read on the page names no address of the API.
        let refused = stage.post(&format!("{shared}/passkey"), "assertion=x").await;
        assert!(refused.status == 409 && !refused.text.contains("POST …"), "{}", refused.text);
        stage.world.stop().await;
    }

    async fn who_asks_too_often_has_to_wait(database: Database) {
        let world = World::new(database).await;
        let mut asked = 0;
        let refused = loop {
            let reply = ask(&world, "GET", "/console/pair/x", &[], None).await;
            asked += 1;
            if reply.status != 404 || asked > 5_000 {
                break reply;
            }
        };
        assert_eq!(refused.status, 429, "{}", refused.text);
        assert!(asked > limits::PAIRING_REQUESTS, "{asked}");
        assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
        world.stop().await;
    }
}
