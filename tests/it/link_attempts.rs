//! One attempt to link and the next: what is cancelled, replaced or answered too late links nothing, and what was begun in time can be
//! finished.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wachat::clock::Clock;
use wachat::device::{DeviceState, Kind, LinkWay, Wish, passkey_place};
use wachat::linking::{LinkError, Links};
use wachat::passkey::{Assertion, PasskeyAnswer};
use wachat::secrets::MasterKey;
use wachat::settings::Hidden;
use wachat::store::{Cancelling, Change, Lease, LinkEnd, MAY_BE_LISTED, NewDevice, PasskeyRequest, Store, StoreError};

use crate::client::Reply;
use crate::network::Network;
use crate::process::Place;
use crate::signed_in;
use crate::stage::{ANN, OWNER, Pace, Stage};
use crate::stores::{NOW, founded};
use crate::world::{Database, Time, World, eventually, stories};

pub const ID: &str = "1-000000000000077";
const NUMBER: &str = "628122222222";

/// A web device that a loop of the story's owns.
pub async fn leased(store: &Store, number: &str) -> Lease {
    let new = NewDevice {
        id: ID.into(),
        client_id: 1,
        sender: number.into(),
        name: "web".into(),
        kind: Kind::Web,
        daily_limit: 0,
        created_at: NOW,
    };
    store.add_device(new).await.expect("added");
    let leases = store.lease_devices("story", NOW, i64::MAX - 1).await.expect("leases");
    leases.into_iter().find(|lease| lease.device_id == ID).expect("a lease")
}

pub async fn record(store: &Store, lease: &Lease, change: Change) {
    store.record(lease, Arc::new(vec![change])).await.expect("stored");
}

impl Stage {
    /// What somebody without a sign-in gets.
    pub async fn visit(&self, method: &str, path: &str, fields: &str) -> Reply {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        signed_in::ask(&self.world, method, path, &headers, Some(fields.as_bytes().to_vec())).await
    }

    async fn scans(&self, number: &str, qr: &str) {
        self.network.post(&format!("/people/{number}/scan"), json!({"qr": qr})).await;
    }
}

/// Ends the wish of now to unlink or cancel.
async fn end_wish(store: &Store, lease: &Lease) {
    let wished_at = store.find_device(ID).await.expect("read").expect("it").wish_at;
    store.end_link(lease, LinkEnd::Unlinked { wished_at }, NOW).await.expect("stored");
}

stories! {
    async fn the_end_of_one_wish_is_not_taken_for_that_of_another(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = leased(&store, NUMBER).await;
        let wish = async |wish: Wish, at| assert!(store.wish_link(ID, wish, at).await.expect("stored"));
        let end = async |wished_at| store.end_link(&lease, LinkEnd::Unlinked { wished_at }, NOW).await.expect("stored");
        let now = async || {
            let device = store.find_device(ID).await.expect("read").expect("it");
            (device.wish, store.find_expected_sender(ID).await.expect("read"))
        };
        // An attempt was cancelled, and the device is unlinked before that has ended: the number goes with the second end only.
        wish(Wish::Link(LinkWay::Qr), 10).await;
        assert!(store.cancel_link(ID, Cancelling::Wanted, 20).await.expect("stored"));
        wish(Wish::Unlink, 30).await;
        end(20).await;
        assert_eq!(now().await, (Some("unlink".into()), Some(NUMBER.into())));
        end(30).await;
        assert_eq!(now().await, (None, None));
        // It was unlinked, linked to the phone of another number, and the next attempt was cancelled: that number stays.
        wish(Wish::Link(LinkWay::Qr), 40).await;
        store.end_link(&lease, LinkEnd::Linked { attempt: Some(40), number: "628199999999".into() }, NOW).await.expect("stored");
        wish(Wish::Link(LinkWay::Qr), 50).await;
        assert!(store.cancel_link(ID, Cancelling::Wanted, 60).await.expect("stored"));
        end(30).await;
        assert_eq!(now().await.0.as_deref(), Some("cancel"));
        end(60).await;
        assert_eq!(now().await, (None, Some("628199999999".into())));
        store.close().await;
    }

    async fn a_refused_account_is_being_removed_until_it_is_known_what_the_phone_lists(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = leased(&store, NUMBER).await;
        let wish = |at| store.wish_link(ID, Wish::Link(LinkWay::Qr), at);
        let now = async || {
            let device = store.find_device(ID).await.expect("read").expect("it");
            (device.wish, device.state, store.find_link(ID).await.expect("read").expect("a link").reason)
        };
        let refuse = async |attempt| {
            let end = LinkEnd::Linked { attempt, number: "628199999999".into() };
            record(&store, &lease, Change::Link { end, at: NOW }).await;
        };
        for (attempt, is_listed) in [(Some(10), false), (Some(20), true), (None, true)] {
            assert!(wish(attempt.unwrap_or(30)).await.expect("stored"));
            refuse(attempt).await;
            let (wished, state, reason) = now().await;
            assert_eq!((wished.as_deref(), state), (Some("cancel"), DeviceState::Unlinked), "{attempt:?}");
            assert!(reason.starts_with("the phone that was used has the number 628199999999"), "{reason}");
            let mut changes = vec![Change::Removed { attempt }];
            changes.extend(is_listed.then_some(Change::MayBeListed { at: NOW }));
            store.record(&lease, Arc::new(changes)).await.expect("stored");
            let note = if is_listed { MAY_BE_LISTED } else { "" };
            assert_eq!(now().await, (None, DeviceState::Unlinked, format!("{reason}{note}")), "{attempt:?}");
        }
        // The next attempt does not end with the one before.
        assert!(wish(40).await.expect("stored"));
        refuse(Some(40)).await;
        assert!(wish(50).await.expect("stored"));
        record(&store, &lease, Change::Removed { attempt: Some(40) }).await;
        assert_eq!(now().await.0.as_deref(), Some("qr"));
        // After a restart it is removed as what was cancelled is: why it was refused stays, and the device keeps its number.
        refuse(Some(50)).await;
        let (_, _, reason) = now().await;
        end_wish(&store, &lease).await;
        assert_eq!(now().await, (None, DeviceState::Unlinked, reason));
        assert_eq!(store.find_expected_sender(ID).await.expect("read").as_deref(), Some(NUMBER));
        store.close().await;
    }

    async fn an_attempt_that_is_over_links_nothing(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = leased(&store, NUMBER).await;
        let linked = |attempt| LinkEnd::Linked { attempt, number: NUMBER.into() };
        let wish = |at| store.wish_link(ID, Wish::Link(LinkWay::Qr), at);
        for attempt in [Some(10), None] {
            assert!(wish(10).await.expect("stored"));
            assert!(store.cancel_link(ID, Cancelling::Wanted, 5).await.expect("stored"));
            assert!(!store.cancel_link(ID, Cancelling::Wanted, 5).await.expect("stored"), "there is none any more");
            let refused = store.end_link(&lease, linked(attempt), NOW).await;
            assert!(matches!(refused, Err(StoreError::Superseded)), "{attempt:?} {refused:?}");
            let link = store.find_link(ID).await.expect("read").expect("a link");
            assert_eq!((link.status.as_str(), link.code, link.reason.as_str()), ("failed", None, "linking was cancelled"));
            // The loop ends it: the device keeps its number, which no other may take.
            end_wish(&store, &lease).await;
            let device = store.find_device(ID).await.expect("read").expect("it");
            assert_eq!((device.state, device.wish, device.linked_at), (DeviceState::Unlinked, None, None));
            assert!(wish(30).await.expect("stored"));
            let begun_at = store.find_device(ID).await.expect("read").expect("it").wish_at;
            let other = LinkEnd::Linked { attempt: Some(begun_at), number: "628199999999".into() };
            let refused = store.end_link(&lease, other, NOW).await;
            assert!(matches!(refused, Err(StoreError::OtherNumber { .. })), "{refused:?}");
        }
        // Another attempt has begun in its place.
        assert!(wish(40).await.expect("stored"));
        let refused = store.end_link(&lease, linked(Some(30)), NOW).await;
        assert!(matches!(refused, Err(StoreError::Superseded)), "{refused:?}");
        store.end_link(&lease, linked(Some(40)), NOW).await.expect("stored");
        assert!(store.find_device(ID).await.expect("read").expect("it").linked_at.is_some());
        // What was to be said of the attempt before it was known to have linked the account comes too late.
        store.end_link(&lease, LinkEnd::Failed { attempt: Some(40), reason: "too late".into() }, NOW).await.expect("stored");
        assert!(store.find_device(ID).await.expect("read").expect("it").linked_at.is_some());
        assert_eq!(store.find_link(ID).await.expect("read").expect("a link").status, "linked");
        store.close().await;
    }

    async fn an_answer_to_what_is_asked_for_no_more_is_not_stored(database: Database) {
        let (store, _folder) = founded(database).await;
        let lease = leased(&store, "").await;
        store.wish_link(ID, Wish::Link(LinkWay::Qr), 10).await.expect("stored");
        let (key, clock) = (MasterKey::parse(&"0f".repeat(32)).expect("a key"), Clock::system());
        let links = Links::new(store.clone(), &key, clock.clone());
        let asks = async |options: &str| {
            let request = PasskeyRequest::Assertion { options: options.into(), expires_at: i64::MAX };
            record(&store, &lease, Change::Passkey { attempt: 10, request }).await;
            links.passkey(ID).await.expect("read").expect("a step")
        };
        let shows = async |code: &str| {
            let place = passkey_place(ID, "code");
            let code = key.sealer("links").seal(&clock, place.as_bytes(), code.as_bytes());
            record(&store, &lease, Change::Passkey { attempt: 10, request: PasskeyRequest::Confirmation { code } }).await;
            links.passkey(ID).await.expect("read").expect("a step")
        };
        let assertion = PasskeyAnswer::Assertion(Assertion { json: "{}".into(), credential_id: vec![1] });
        let (first, second) = (asks("{\"challenge\":\"AQ\"}").await, asks("{\"challenge\":\"Ag\"}").await);
        let refused = links.answer_passkey(ID, &first, &assertion).await;
        assert!(matches!(refused, Err(LinkError::Refused(_))), "{refused:?}");
        links.answer_passkey(ID, &second, &assertion).await.expect("stored");
        let again = links.answer_passkey(ID, &second, &assertion).await;
        assert!(matches!(again, Err(LinkError::Refused(_))), "{again:?}");
        // A code that was compared, and gave way to another at this moment.
        let (first, second) = (shows("AAAA-AAAA").await, shows("BBBB-BBBB").await);
        let refused = links.answer_passkey(ID, &first, &PasskeyAnswer::Confirm).await;
        assert!(matches!(refused, Err(LinkError::Refused(_))), "{refused:?}");
        links.answer_passkey(ID, &second, &PasskeyAnswer::Confirm).await.expect("stored");
        assert_eq!(links.passkey(ID).await.expect("read").expect("a step").code.as_deref(), Some("BBBB-BBBB"));
        store.close().await;
    }

    async fn a_page_outlives_what_was_begun_on_it(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        let page = stage.share().await;
        stage.world.advance(Duration::from_secs(14 * 60)).await;
        stage.moving(Pace::REAL, stage.scan_or_type("qr")).await;
        stage.until_passkey("required").await;
        // The time of the page is over; WhatsApp waits for the passkey for ten minutes.
        stage.world.advance(Duration::from_secs(5 * 60)).await;
        let shown = stage.visit("GET", &page, "").await;
        assert!(shown.status == 200 && shown.text.contains("parseRequestOptionsFromJSON("), "{}", shown.text);
        assert!(!shown.text.contains("link-qr"), "nothing else is begun on it: {}", shown.text);
        for form in ["/link", "/pairing-code"] {
            stage.visit("POST", &format!("{page}{form}"), "phone=628110000001").await;
            assert_eq!(stage.manage("GET", "/passkey", None).await["status"], "required", "{form}");
        }
        assert_eq!(stage.manage("GET", "/link", None).await["shared_until"], Value::Null, "nothing is begun on it any more");
        let assertion: String = url::form_urlencoded::byte_serialize(stage.assertion().await.to_string().as_bytes()).collect();
        let goes_on = async {
            assert_eq!(stage.visit("POST", &format!("{page}/passkey"), &format!("assertion={assertion}")).await.status, 303);
            stage.until_passkey("confirm").await;
            stage.owner("/confirm", json!({})).await;
            assert_eq!(stage.visit("POST", &format!("{page}/passkey/confirm"), "").await.status, 303);
            stage.is_linked().await;
        };
        Box::pin(stage.moving(Pace::REAL, goes_on)).await;
        let shown = stage.visit("GET", &page, "").await;
        assert!(shown.status == 200 && shown.text.contains("The account is linked"), "{}", shown.text);
        stage.world.advance(Duration::from_secs(61)).await;
        assert_eq!(stage.visit("GET", &page, "").await.status, 404);
        stage.world.stop().await;
    }

    async fn a_page_that_is_over_stays_over_for_what_begins_elsewhere(database: Database) {
        let stage = Stage::at(database, Time::Held).await;
        let page = stage.share().await;
        stage.world.advance(Duration::from_secs(15 * 60 + 1)).await;
        stage.manage("POST", "/link", None).await;
        stage.moving(Pace::REAL, stage.qr()).await;
        assert_eq!(stage.visit("GET", &page, "").await.status, 404);
        assert_eq!(stage.manage("GET", "/link", None).await["shared_until"], Value::Null);
        stage.world.stop().await;
    }

    async fn a_link_that_is_cancelled_is_good_for_nothing_and_can_be_begun_again(database: Database) {
        let stage = Stage::with_passkey(database, Time::Machine).await;
        let refused = stage.ask("DELETE", "/link", None).await;
        assert!(refused.status == 409 && refused.text.contains("no account is being linked"), "{}", refused.text);
        // While a code is shown.
        stage.manage("POST", "/link", None).await;
        stage.qr().await;
        let cancelled = stage.manage("DELETE", "/link", None).await;
        assert_eq!((&cancelled["status"], &cancelled["code"]), (&json!("failed"), &Value::Null), "{cancelled}");
        assert_eq!(stage.ask("GET", "/qr", None).await.status, 409);
        stage.until_state("unlinked").await;
        // While a code is compared, on the shared page: “They differ”.
        let page = stage.share().await;
        stage.scan_or_type("qr").await;
        let assertion = stage.assertion().await;
        assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        stage.until_passkey("confirm").await;
        assert!(stage.visit("GET", &page, "").await.text.contains("They differ"));
        assert_eq!(stage.visit("POST", &format!("{page}/link/cancel"), "").await.status, 303);
        stage.until_not_linked("linking was cancelled").await;
        assert_eq!(stage.ask("POST", "/passkey/confirm", None).await.status, 409);
        // The page is as good as before, and shows the code until the phone has gone on too.
        assert_eq!(stage.visit("POST", &format!("{page}/link"), "").await.status, 303);
        let qr = stage.qr().await;
        stage.scans(OWNER, &qr).await;
        let assertion = stage.assertion().await;
        assert_eq!(stage.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        let code = stage.until_passkey("confirm").await["code"].as_str().expect("a code").to_owned();
        assert_eq!(stage.visit("POST", &format!("{page}/passkey/confirm"), &format!("code={code}")).await.status, 303);
        assert_eq!(stage.until_passkey("sent").await["code"], code.as_str());
        let shown = stage.visit("GET", &page, "").await;
        assert!(shown.text.contains(&code) && shown.text.contains("confirm it there too"), "{}", shown.text);
        stage.owner("/confirm", json!({})).await;
        stage.is_linked().await;
        stage.world.stop().await;
    }

    async fn a_device_keeps_its_number_when_its_page_is_revoked(database: Database) {
        let mut stage = Stage::unlinked(database).await;
        let device = json!({"client_id": 1, "kind": "web", "sender": OWNER});
        let added = stage.world.client.manage("POST", "/devices", Some(device)).await;
        stage.device_id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
        let page = stage.share().await;
        assert_eq!(stage.visit("POST", &format!("{page}/link"), "").await.status, 303);
        stage.qr().await;
        stage.manage("DELETE", "/link/share", None).await;
        let failed = eventually("it has ended", async || {
            let device = stage.manage("GET", "", None).await;
            let link = stage.manage("GET", "/link", None).await;
            if device["state"] == "unlinked" && link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
        })
        .await;
        assert_eq!(failed["reason"], "linking was cancelled");
        stage.manage("POST", "/link", None).await;
        let qr = stage.qr().await;
        stage.scans(ANN, &qr).await;
        let link = eventually("another's phone is refused", async || {
            let link = stage.manage("GET", "/link", None).await;
            if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
        })
        .await;
        assert!(link["reason"].to_string().contains(&format!("this device's number is {OWNER}")), "{link}");
        stage.world.stop().await;
    }

    async fn the_command_line_shares_a_page_and_revokes_it(database: Database) {
        let place = Place::new(database).await;
        let serving = place.serve().await;
        let added = place.json(&["device", "add", "--client", "1", "--kind", "web", "--json"]).await;
        let id = added["device_id"].as_str().expect("an id");
        let link = ["device", "link", id];
        let said = place.fails(&[&link[..], &["--revoke"]].concat()).await;
        assert!(said.contains("no page is shared"), "{said}");
        let shared = place.json(&[&link[..], &["--share", "--json"]].concat()).await;
        let url = shared["url"].as_str().expect("an address");
        let path = url.strip_prefix(&format!("http://{}", serving.client.address)).expect("of the running server").to_owned();
        let shown = serving.client.ask("GET", &path, &[], None).await;
        assert!(shown.status == 200 && shown.text.contains("link-qr"), "{}", shown.text);
        let view = serving.client.manage("GET", &format!("/devices/{id}/link"), None).await;
        assert_eq!(view.body["data"]["shared_until"], shared["expires_at"], "{}", view.text);
        let audit = serving.client.manage("GET", "/audit", None).await;
        let entry = &audit.body["data"]["items"][0];
        assert_eq!((&entry["action"], &entry["way"]), (&json!("POST /devices/{device_id}/link/share"), &json!("command line")));
        let revoked = place.json(&[&link[..], &["--revoke", "--json"]].concat()).await;
        assert_eq!(revoked, json!({"device_id": id, "revoked": true}));
        assert_eq!(serving.client.ask("GET", &path, &[], None).await.status, 404);
        assert!(serving.terminate().await.success());
    }
}

/// Two nodes of one gateway: the answer is given to the one that does not run the device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_that_is_given_to_another_node_links_the_account() {
    let network = Network::start().await;
    network.person(OWNER, "Owner").await;
    network.person(ANN, "Ann").await;
    let key = || Some(Hidden("0f".repeat(32)));
    let world = World::with(Database::Postgres, Time::Machine, |settings| {
        (settings.simulated_network, settings.master_key) = (Some(network.url()), key());
    })
    .await;
    let url = world.settings.database_url.clone();
    let added = world.client.manage("POST", "/devices", Some(json!({"client_id": 1, "kind": "web"}))).await;
    let device_id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
    let off = json!({"gap_ms": 0, "gap_jitter_ms": 0, "warm_up": false});
    world.client.manage("PATCH", &format!("/devices/{device_id}"), Some(off)).await;
    let stage = Stage { network, world, device_id };
    stage.owner("", json!({"required": true})).await;
    // The first node runs the device: it is alone until WhatsApp has asked.
    stage.scan_or_type("code").await;
    stage.until_passkey("required").await;
    let other = World::with(Database::Postgres, Time::Machine, |settings| {
        (settings.simulated_network, settings.master_key) = (Some(stage.network.url()), key());
        settings.database_url = url;
    })
    .await;
    let assertion = stage.assertion().await;
    let passkey = format!("/devices/{}/passkey", stage.device_id);
    let step = other.client.manage("GET", &passkey, None).await.body["data"].clone();
    let link =
        step["pairing_link"].as_str().and_then(|link| link.strip_prefix(&other.settings.public_url)).expect("its link");
    let given = signed_in::ask(&other, "POST", link, &[], Some(assertion.to_string().into_bytes())).await;
    assert_eq!(given.status, 202, "{}", given.text);
    let step = stage.until_passkey("confirm").await;
    stage.owner("/confirm", json!({})).await;
    let code = json!({"code": step["code"]});
    let confirmed = other.client.manage("POST", &format!("{passkey}/confirm"), Some(code)).await;
    assert_eq!(confirmed.status, 202, "{}", confirmed.text);
    stage.is_linked().await;
    other.stop().await;
    stage.world.stop().await;
}
