//! How shared linking pages end with the permission of whoever shared them, and what they say and count.

use serde_json::{Value, json};
use wachat::account::KeyHash;
use wachat::device::{LinkWay, Wish};
use wachat::limits;
use wachat::store::{Cancelling, Change, LinkEnd, NewKey, NewLinkShare};

use crate::link_attempts::{ID, leased, record};
use crate::signed_in;
use crate::stage::{OWNER, Stage};
use crate::stores::{NOW, founded};
use crate::world::{Time, eventually, stories};

const NUMBER: &str = "628122222222";

impl Stage {
    /// Changes something as the administrator; gives the answer's data.
    async fn administer(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.world.client.manage(method, path, Some(body)).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        reply.body["data"].clone()
    }

    async fn until_cancelled(&self) {
        eventually("linking is cancelled", async || {
            let link = self.manage("GET", "/link", None).await;
            let is_over = link["state"] == "unlinked" && link["reason"] == "linking was cancelled";
            if is_over { Ok(()) } else { Err(link.to_string()) }
        })
        .await;
    }
}

stories! {
    async fn what_was_begun_on_a_page_ends_with_the_permission_of_whoever_shared_it(database: Database) {
        let mut stage = Stage::with_passkey(database, Time::Machine).await;
        let client = stage.administer("POST", "/clients", json!({"name": "Branch"})).await["id"].clone();
        let device = stage.administer("POST", "/devices", json!({"client_id": client, "kind": "web"})).await;
        stage.device_id = device["device_id"].as_str().expect("an id").to_owned();
        let person = json!({"userid": "budi", "role": "owner", "password": "a password of the story"});
        let budi = stage.administer("POST", &format!("/clients/{client}/persons"), person).await["id"].clone();
        let (its, his) = (format!("/clients/{client}"), format!("/clients/{client}/persons/{budi}"));
        for (lost, given_back) in [
            (None, None),
            (Some((&his, json!({"disabled": true}))), Some((&his, json!({"disabled": false})))),
            (Some((&his, json!({"role": "sender"}))), Some((&his, json!({"role": "owner"})))),
            (Some((&its, json!({"disabled": true}))), Some((&its, json!({"disabled": false})))),
        ] {
            let key = stage.administer("POST", &format!("{its}/keys"), json!({"person_id": budi, "name": "budi"})).await;
            let caller = stage.world.client.with_key(key["api_key"].as_str().expect("a key"));
            let shared = caller.manage("POST", &format!("/devices/{}/link/share", stage.device_id), None).await;
            let url = shared.body["data"]["url"].as_str().expect("an address").to_owned();
            let page = url.strip_prefix(&stage.world.settings.public_url).expect("the gateway's own").to_owned();
            assert_eq!(stage.visit("POST", &format!("{page}/link"), "").await.status, 303);
            let qr = stage.qr().await;
            stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
            let step = stage.until_passkey("required").await;
            let link = step["pairing_link"].as_str().expect("a link").to_owned();
            let link = link.strip_prefix(&stage.world.settings.public_url).expect("the gateway's own");
            let assertion = stage.assertion().await.to_string().into_bytes();
            match &lost {
                None => drop(stage.administer("DELETE", &format!("{its}/keys/{}", key["id"]), Value::Null).await),
                Some((path, change)) => drop(stage.administer("PATCH", path, change.clone()).await),
            }
            assert_eq!(stage.visit("GET", &page, "").await.status, 404, "{lost:?}");
            let given = signed_in::ask(&stage.world, "POST", link, &[], Some(assertion)).await;
            assert_eq!(given.status, 410, "{lost:?}: {}", given.text);
            stage.until_cancelled().await;
            assert_eq!(stage.manage("GET", "/link", None).await["shared_until"], Value::Null);
            if let Some((path, change)) = given_back {
                stage.administer("PATCH", path, change).await;
                assert_eq!(stage.visit("GET", &page, "").await.status, 404, "it does not come back: {lost:?}");
                assert_eq!(stage.manage("GET", "/link", None).await["shared_until"], Value::Null);
            }
        }
        stage.world.stop().await;
    }

    async fn a_key_that_expires_takes_what_was_begun_on_its_page_along_and_nothing_else(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = leased(&store, NUMBER).await;
        let expires_at = Some(NOW + 1_000);
        let key = NewKey {
            client_id: 1, person_id: 1, name: "brief".into(), hash: wachat::account::StoredKeyHash([8; 32]), hint: "brief".into(), created_at: NOW, expires_at,
        };
        let key_id = Some(store.add_key(key).await.expect("added"));
        let (token, until) = (KeyHash::of("page"), NOW + limits::LINK_SHARE_MINUTES * 60_000);
        let share = NewLinkShare { device_id: ID.into(), token: token.clone(), person_id: 1, key_id, expires_at: until };
        let wish = |at| store.wish_link(ID, Wish::Link(LinkWay::Qr), at);
        // Begun before the page was shared, by somebody else.
        assert!(wish(NOW - 1).await.expect("stored"));
        assert!(store.share_link(share.clone(), NOW, |_| true).await.expect("shared"));
        store.end_unpermitted_shares(NOW + 999).await.expect("stored");
        assert_eq!(store.find_shared_until(ID, NOW + 999).await.expect("read"), Some(until));
        assert_eq!(store.find_shared_until(ID, NOW + 1_000).await.expect("read"), None);
        store.end_unpermitted_shares(NOW + 1_000).await.expect("stored");
        assert!(store.find_link_share(&token, NOW + 1).await.expect("read").is_none(), "it is gone");
        let device = store.find_device(ID).await.expect("read").expect("it");
        assert_eq!(device.wish(), Some(Wish::Link(LinkWay::Qr)));
        // Begun on it, and completed when the key is good no more.
        assert!(store.share_link(share, NOW, |_| true).await.expect("shared"));
        assert!(wish(NOW + 1).await.expect("stored"));
        let end = LinkEnd::Linked { attempt: Some(NOW + 1), number: NUMBER.into() };
        record(&store, &lease, Change::Link { end, at: NOW + 1_000 }).await;
        let device = store.find_device(ID).await.expect("read").expect("it");
        assert_eq!((device.wish.as_deref(), device.linked_at), (Some("cancel"), None));
        let link = store.find_link(ID).await.expect("read").expect("a link");
        assert_eq!((link.status.as_str(), link.reason.as_str()), ("failed", "linking was cancelled"));
        store.close().await;
    }

    async fn nothing_is_begun_on_a_page_that_is_over_by_the_time_it_is_stored(database: Database) {
        let (store, _folder) = founded(database).await;
        leased(&store, "").await;
        let until = NOW + limits::LINK_SHARE_MINUTES * 60_000;
        let share = |token: &str| NewLinkShare {
            device_id: ID.into(), token: KeyHash::of(token), person_id: 1, key_id: None, expires_at: until,
        };
        let begins = |token: &str, now, may: bool| store.wish_link_on_page(ID, LinkWay::Qr, KeyHash::of(token), now, move |_| may);
        let wish = async || store.find_device(ID).await.expect("read").expect("it").wish;
        assert!(!begins("first", NOW, true).await.expect("asked"), "it was never shared");
        assert!(store.share_link(share("first"), NOW, |_| true).await.expect("shared"));
        assert!(!begins("first", NOW, false).await.expect("asked"), "the device has an account by now");
        assert!(!begins("other", NOW, true).await.expect("asked"));
        assert_eq!(wish().await, None);
        assert!(begins("first", NOW, true).await.expect("asked"));
        assert_eq!(wish().await.as_deref(), Some("qr"));
        // What somebody began on it is looked up before it is revoked, and stored after.
        assert!(store.revoke_link_share(ID, NOW).await.expect("revoked"));
        assert!(!begins("first", NOW, true).await.expect("asked"));
        assert_eq!(wish().await.as_deref(), Some("cancel"));
        // It is replaced: the next page is not the one on which it was begun.
        assert!(store.share_link(share("second"), NOW, |_| true).await.expect("shared"));
        assert!(!begins("first", NOW, true).await.expect("asked"));
        assert!(!begins("second", until, true).await.expect("asked"), "its time is over");
        assert_eq!(wish().await.as_deref(), Some("cancel"));
        assert!(begins("second", until - 1, true).await.expect("asked"));
        store.close().await;
    }

    async fn an_attempt_that_is_begun_by_a_clock_that_is_behind_is_a_new_one(database: Database) {
        let (store, _folder) = founded(database).await;
        leased(&store, "").await;
        let wished_at = async || store.find_device(ID).await.expect("read").expect("it").wish_at;
        let mut last = 0;
        for at in [100, 100, 40, 300] {
            assert!(store.wish_link(ID, Wish::Link(LinkWay::Qr), at).await.expect("stored"));
            let now = wished_at().await;
            assert!(now > last && now >= at, "{now} after {last}");
            last = now;
            assert!(store.cancel_link(ID, Cancelling::Wanted, at).await.expect("stored"));
            last = last.max(wished_at().await);
        }
        store.close().await;
    }

    async fn what_is_begun_while_a_page_is_revoked_does_not_outlive_it(database: Database) {
        let stage = Stage::unlinked(database).await;
        for _ in 0..10 {
            let page = stage.share().await;
            let begin = format!("{page}/link");
            let begins = async || stage.visit("POST", &begin, "").await;
            let revokes = async { assert_eq!(stage.ask("DELETE", "/link/share", None).await.status, 200) };
            tokio::join!(begins(), begins(), revokes, begins(), begins());
            let link = stage.manage("GET", "/link", None).await;
            assert!(["none", "failed"].iter().any(|status| link["status"] == *status), "{link}");
            assert_eq!(link["shared_until"], Value::Null);
        }
        stage.until_state("unlinked").await;
        stage.world.stop().await;
    }

    async fn a_mistyped_number_is_said_to_be_one(database: Database) {
        let stage = Stage::unlinked(database).await;
        let page = stage.share().await;
        for (typed, says) in [
            ("", "6281234567890"),
            ("abc", "6281234567890"),
            ("0812", "6281234567890"),
            ("62811", "6281234567890"),
            ("62811000000162811", "at most 15 digits"),
            ("628110000001%2C628110000002", "several numbers"),
        ] {
            let refused = stage.visit("POST", &format!("{page}/pairing-code"), &format!("phone={typed}")).await;
            assert!(refused.status == 422 && refused.text.contains(says), "{typed}: {} {}", refused.status, refused.text);
            for other in ["right phone", "group", "message goes to"] {
                assert!(!refused.text.contains(other), "{typed}: {other}: {}", refused.text);
            }
        }
        // Whose page it is.
        let shown = stage.visit("GET", &page, "").await;
        assert!(shown.text.contains("device <strong>web</strong>"), "{}", shown.text);
        stage.world.stop().await;
    }

    async fn a_fresh_page_says_nothing_of_what_ended_before_it(database: Database) {
        let stage = Stage::unlinked(database).await;
        stage.manage("POST", "/link", None).await;
        stage.qr().await;
        stage.manage("DELETE", "/link", None).await;
        stage.until_cancelled().await;
        let is_fresh = async |page: &str| {
            let shown = stage.visit("GET", page, "").await;
            assert!(shown.text.contains("Have the phone at hand") && !shown.text.contains("cancelled"), "{}", shown.text);
        };
        let page = stage.share().await;
        is_fresh(&page).await;
        // Of one whose page it takes the place.
        assert_eq!(stage.visit("POST", &format!("{page}/link"), "").await.status, 303);
        stage.qr().await;
        let page = stage.share().await;
        is_fresh(&page).await;
        stage.until_cancelled().await;
        is_fresh(&page).await;
        // What ends on the page itself is shown.
        assert_eq!(stage.visit("POST", &format!("{page}/link"), "").await.status, 303);
        stage.qr().await;
        assert_eq!(stage.visit("POST", &format!("{page}/link/cancel"), "").await.status, 303);
        assert!(stage.visit("GET", &page, "").await.text.contains("linking was cancelled"));
        stage.world.stop().await;
    }

    async fn whoever_sees_another_code_can_always_say_so(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let page = stage.share().await;
        let mut begun = 0;
        while stage.visit("POST", &format!("{page}/link"), "").await.status == 303 {
            begun += 1;
            assert!(begun < 30, "it may be begun again and again");
        }
        let qr = stage.qr().await;
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        let assertion = stage.assertion().await;
        for _ in 0..12 {
            assert_eq!(stage.visit("POST", &format!("{page}/passkey"), "assertion=x").await.status, 422);
        }
        let filled: String = url::form_urlencoded::byte_serialize(assertion.to_string().as_bytes()).collect();
        assert_eq!(stage.visit("POST", &format!("{page}/passkey"), &format!("assertion={filled}")).await.status, 303);
        stage.until_passkey("confirm").await;
        let differ = stage.visit("POST", &format!("{page}/link/cancel"), "differ=yes").await;
        assert_eq!((differ.status, differ.header("location")), (303, page.as_str()));
        // Whoever looks is warned, and not only the browser in which the button was pressed.
        let console = format!("/console/devices/{}/link", stage.device_id);
        for shown in [stage.visit("GET", &page, "").await.text, stage.signed_in().await.get(&console).await.text] {
            let warning = shown.split("class=\"note bad\"").nth(1).expect("a warning");
            assert!(warning.contains("remove every device that nobody knows"), "{shown}");
            assert_eq!(shown.matches("linking was cancelled").count(), 1, "{shown}");
            assert!(!shown.contains("class=\"note good\""), "{shown}");
        }
        assert_eq!(stage.manage("GET", "/link", None).await["reason_code"], "codes_differ");
        stage.until_not_linked("linking was cancelled").await;
        stage.world.stop().await;
    }
}
