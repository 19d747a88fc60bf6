//! Stories of the console's devices and of its first page, told as a browser without scripts would.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use url::form_urlencoded;
use wachat::clock::Clock;
use wachat::settings::{Hidden, Settings};

use crate::receiver::{Answer, Receiver};
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{ALICE, BOB, Database, Time, World, eventually, stories};

const PASSWORD: &str = "correct horse battery";
const NUMBER: &str = "628133333333";

/// A browser in which somebody is signed in.
struct Browser {
    address: SocketAddr,
    http: reqwest::Client,
    cookie: String,
    csrf: String,
}

/// A page, or where it leads.
#[derive(Debug)]
struct Page {
    status: u16,
    /// Where it leads, if anywhere.
    to: String,
    kind: String,
    text: String,
}

impl Browser {
    #[allow(clippy::disallowed_methods, reason = "a browser is no part of the gateway")]
    async fn sign_in(address: SocketAddr, userid: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.expect("a client");
        let mut browser = Self { address, http, cookie: String::new(), csrf: String::new() };
        let reply = browser.ask("POST", "/console/sign-in", &[("userid", userid), ("password", PASSWORD)]).await;
        assert_eq!(reply.status(), 303);
        let cookie = reply.headers()["set-cookie"].to_str().expect("a cookie");
        browser.cookie = cookie.split(';').next().expect("its value").to_owned();
        browser.csrf = between(&browser.get("/console").await.text, "name=\"csrf\" value=\"", "\"");
        browser
    }

    /// The administrator's browser, at a gateway that was made without a password of his.
    async fn of(stage: &Stage) -> Self {
        let hash = wachat::password::hash(PASSWORD, &Clock::system()).expect("a hash");
        stage.world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        Self::sign_in(stage.world.address, "admin").await
    }

    async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &self.csrf)
            .extend_pairs(fields)
            .finish();
        let request = self.http.request(method.parse().expect("a method"), format!("http://{}{path}", self.address));
        let request = request.header("cookie", &self.cookie).header("sec-fetch-site", "same-origin");
        let request = if method == "POST" { request.body(body) } else { request };
        request.send().await.expect("an answer")
    }

    async fn page(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let reply = self.ask(method, path, fields).await;
        let header =
            |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, to, kind) = (reply.status().as_u16(), header("location"), header("content-type"));
        Page { status, to, kind, text: reply.text().await.expect("a text") }
    }

    async fn get(&self, path: &str) -> Page {
        self.page("GET", path, &[]).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.page("POST", path, fields).await
    }

    /// Posts a form that is taken; gives the page that it leads to.
    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let posted = self.post(path, fields).await;
        assert_eq!(posted.status, 303, "{}", posted.text);
        let page = self.get(posted.to.split('#').next().unwrap_or_default()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page
    }
}

fn between(text: &str, from: &str, to: &str) -> String {
    let rest = text.split(from).nth(1).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split(to).next().unwrap_or_default().to_owned()
}

fn with_password(settings: &mut Settings) {
    settings.admin_password = Some(Hidden(PASSWORD.into()));
}

async fn enter(database: Database, time: Time) -> (World, Browser) {
    let world = World::with(database, time, with_password).await;
    let browser = Browser::sign_in(world.address, "admin").await;
    (world, browser)
}

async fn device(world: &World, id: &str) -> Value {
    world.client.manage("GET", &format!("/devices/{id}"), None).await.body["data"].clone()
}

async fn statistics(world: &World) -> Value {
    let reply = world.client.manage("GET", "/statistics", None).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["data"].clone()
}

stories! {
    async fn a_device_is_added_changed_paused_and_deleted(database: Database) {
        let (world, browser) = enter(database, Time::Machine).await;
        let refused = browser.post("/console/devices", &[("kind", "sandbox"), ("name", "Till <1>"), ("sender", "12")]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("role=\"alert\"") && refused.text.contains("value=\"Till &#60;1&#62;\""), "{}", refused.text);
        let added = browser.post("/console/devices", &[("kind", "sandbox"), ("name", "Till"), ("sender", NUMBER)]).await;
        let id = between(&added.to, "/console/devices/", "?");
        let own = format!("/console/devices/{id}");
        world.until_online(&id).await;
        let shown = browser.get(&own).await;
        assert!(shown.text.contains("<h1>Till</h1>") && shown.text.contains("<strong>Connected</strong>"), "{}", shown.text);
        assert!(shown.text.contains("SANDBOX") && shown.text.contains("data-live=\""), "{}", shown.text);
        let listed = browser.get("/console/devices").await;
        assert!(listed.text.contains(&own) && listed.text.contains(NUMBER), "{}", listed.text);

        let settings = [("name", "Till two"), ("gap_ms", "50"), ("gap_jitter_ms", ""), ("typing", "on"),
            ("quiet_from", "21:00"), ("quiet_to", "07:00"), ("time_zone", "Asia/Jakarta")];
        browser.done(&own, &settings).await;
        let changed = device(&world, &id).await;
        let seen = ["name", "gap_ms", "typing", "warm_up", "quiet_from", "quiet_to", "time_zone"].map(|name| &changed[name]);
        let wanted = [json!("Till two"), json!(50), json!(true), json!(false), json!("21:00"), json!("07:00"), json!("Asia/Jakarta")];
        assert_eq!(seen, wanted.each_ref(), "{changed}");
        for (field, value) in [("gap_ms", "soon"), ("time_zone", "Jakarta"), ("quiet_to", "")] {
            let mut typed = settings.to_vec();
            typed.iter_mut().filter(|(name, _)| *name == field).for_each(|pair| pair.1 = value);
            let refused = browser.post(&own, &typed).await;
            assert_eq!(refused.status, 422, "{field}");
            assert!(refused.text.contains(&format!("name=\"{field}\"")) && refused.text.contains("role=\"alert\""));
            assert!(refused.text.contains(&format!("data-live=\"{own}\"")), "it keeps up at an address of its own");
        }
        assert_eq!(device(&world, &id).await["gap_ms"], 50, "what is refused changes nothing");

        let open = [("name", "Till"), ("time_zone", "UTC")];
        browser.done(&own, &open).await;
        assert_eq!(device(&world, &id).await["quiet_from"], Value::Null);
        let held = browser.done(&format!("{own}/pause"), &[]).await;
        assert!(held.text.contains("holds its queue") && held.text.contains(&format!("{own}/resume")), "{}", held.text);
        let ref_no = world.send_with(json!({"queue": id, "destination": ALICE, "message": "later"})).await;
        world.until(&ref_no, "U").await;
        browser.done(&format!("{own}/resume"), &[]).await;
        world.until(&ref_no, "R").await;

        assert!(shown.text.contains("data-ask=\"Delete this device?"), "{}", shown.text);
        let after = browser.done(&format!("{own}/delete"), &[]).await;
        assert!(after.text.contains("Removed.") && !after.text.contains(&own), "{}", after.text);
        assert_eq!(browser.get(&own).await.status, 404);
        assert_eq!(browser.get("/console/devices/what-else").await.status, 404);
    }

    async fn a_sandbox_receives_what_is_typed(database: Database) {
        let (world, browser) = enter(database, Time::Machine).await;
        let own = format!("/console/devices/{}", world.device_id);
        let refused = browser.post(&format!("{own}/receive"), &[("from", "12"), ("text", "hello & goodbye")]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains(">hello &#38; goodbye</textarea>"), "{}", refused.text);
        let page = browser.done(&format!("{own}/receive"), &[("from", ALICE), ("name", "Alice"), ("text", "hello")]).await;
        assert!(page.text.contains("The message came in."), "{}", page.text);
        let inbox = world.client.manage("GET", "/inbox", None).await.body["data"]["items"][0].clone();
        assert_eq!((&inbox["msg"], &inbox["originator"], &inbox["name"]), (&json!("hello"), &json!(ALICE), &json!("Alice")));
    }

    async fn a_device_of_another_client_is_not_found(database: Database) {
        let (world, admin) = enter(database, Time::Machine).await;
        let other = world.add_client("Other", NUMBER).await;
        let hash = wachat::password::hash(PASSWORD, &Clock::system()).expect("a hash");
        world.store.choose_password(other.person_id, hash, 0, 0).await.expect("stored");
        let owner = Browser::sign_in(world.address, "owner-of-Other").await;
        assert_eq!(owner.get(&format!("/console/devices/{}", other.device_id)).await.status, 200);
        let foreign = format!("/console/devices/{}", world.device_id);
        for path in [foreign.clone(), format!("{foreign}/link"), format!("{foreign}/qr.svg")] {
            assert_eq!(owner.get(&path).await.status, 404, "{path}");
        }
        for what in ["", "/pause", "/resume", "/unlink", "/relink", "/delete", "/receive", "/link", "/pairing-code"] {
            let fields = [("name", "mine"), ("from", BOB), ("text", "x"), ("phone", BOB), ("time_zone", "UTC")];
            assert_eq!(owner.post(&format!("{foreign}{what}"), &fields).await.status, 404, "{what}");
        }
        let untouched = device(&world, &world.device_id).await;
        assert_eq!((&untouched["name"], &untouched["paused"]), (&json!("Sandbox"), &json!(false)));
        let home = owner.get("/console").await;
        assert!(home.text.contains(&other.device_id) && !home.text.contains(&world.device_id), "{}", home.text);
        // A form without the browser's own token does nothing.
        let forged = Browser { csrf: "00".into(), cookie: admin.cookie.clone(), ..admin };
        assert_eq!(forged.post(&format!("{foreign}/delete"), &[]).await.status, 403);
    }

    async fn an_account_is_linked_and_unlinked_through_the_pages(database: Database) {
        let stage = Stage::unlinked(database).await;
        let browser = Browser::of(&stage).await;
        let own = format!("/console/devices/{}", stage.device_id);
        let (link, picture) = (format!("{own}/link"), format!("{own}/qr.svg"));
        let home = browser.get("/console").await;
        assert!(home.text.contains("No account is linked. Link a phone") && home.text.contains(&link), "{}", home.text);
        let before = browser.get(&link).await;
        assert!(before.text.contains("unofficial client") && before.text.contains("Show the QR code"), "{}", before.text);
        assert_eq!(browser.get(&picture).await.status, 409);

        browser.done(&link, &[]).await;
        let qr = stage.qr().await;
        let shown = browser.get(&link).await;
        assert!(shown.text.contains("id=\"qr\"") && shown.text.contains("Linked devices"), "{}", shown.text);
        let address = between(&shown.text, "data-part src=\"", "\"");
        assert!(address.starts_with(&format!("{picture}?v=")), "{address}");
        let drawn = browser.get(&address).await;
        assert_eq!((drawn.status, drawn.kind.as_str()), (200, "image/svg+xml"));
        assert!(drawn.text.starts_with("<svg"), "{}", drawn.text);
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
        stage.world.until_online(&stage.device_id).await;
        let linked = browser.get(&link).await;
        assert!(linked.text.contains("data-status=\"linked\"") && linked.text.contains(OWNER), "{}", linked.text);
        assert!(!linked.text.contains("id=\"qr\"") && !linked.text.contains("Show the QR code"), "{}", linked.text);
        let ref_no = stage.send(ANN, "hello").await;
        stage.world.until(&ref_no, "D").await;
        let again = browser.post(&link, &[]).await;
        assert!(again.status == 409 && again.text.contains("unlink it first"), "{}", again.text);

        browser.done(&format!("{own}/unlink"), &[]).await;
        stage.until_state("unlinked").await;
        let unlinked = browser.get(&own).await;
        assert!(unlinked.text.contains("No account is linked") && unlinked.text.contains("An account was linked"), "{}", unlinked.text);
        let code = browser.done(&format!("{own}/pairing-code"), &[("phone", OWNER)]).await;
        let code = if code.text.contains("id=\"pairing-code\"") { code } else {
            eventually("a code to type", async || {
                let page = browser.get(&link).await;
                if page.text.contains("id=\"pairing-code\"") { Ok(page) } else { Err(page.text) }
            })
            .await
        };
        let code = between(&code.text, "id=\"pairing-code\">", "<");
        assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'), "{code}");
        let refused = browser.post(&format!("{own}/pairing-code"), &[("phone", "12")]).await;
        assert!(refused.status == 422 && refused.text.contains("name=\"phone\""), "{}", refused.text);
    }

    async fn another_account_takes_over_the_queue_of_one_that_was_linked(database: Database) {
        let stage = Stage::new(database).await;
        let browser = Browser::of(&stage).await;
        let own = format!("/console/devices/{}", stage.device_id);
        let shown = browser.get(&own).await;
        assert!(shown.text.contains("Link another account") && shown.text.contains("data-ask=\"End the link"), "{}", shown.text);
        let page = browser.done(&format!("{own}/relink"), &[]).await;
        // Or it is over by now.
        assert!(page.text.contains("The link is being ended.") || page.text.contains("The link was ended."), "{}", page.text);
        assert!(!page.text.contains("note good") && !page.text.contains("Not linked"), "{}", page.text);
        stage.until_state("unlinked").await;
        assert_eq!(stage.listed().await, 0, "the phone lists it no more");
        let kept = stage.send(ANN, "kept meanwhile").await;
        stage.until_waits(&kept).await;
        browser.done(&format!("{own}/link"), &[]).await;
        let qr = stage.qr().await;
        stage.network.person(BOB, "Bob").await;
        stage.network.post(&format!("/people/{BOB}/scan"), json!({"qr": qr})).await;
        stage.world.until_online(&stage.device_id).await;
        let linked = browser.get(&format!("{own}/link")).await;
        assert!(linked.text.contains("data-status=\"linked\"") && linked.text.contains(BOB), "{}", linked.text);
        stage.world.until(&kept, "D").await;
        stage.network.shows_text(ANN, "kept meanwhile").await;
    }

    async fn a_link_that_nobody_makes_ends_with_a_reason_and_is_begun_again(database: Database) {
        let stage = Stage::at(database, Time::Held).await;
        let browser = Browser::of(&stage).await;
        let link = format!("/console/devices/{}/link", stage.device_id);
        let short = Duration::from_millis(20);
        let until = async |what: &str, step: Duration| {
            eventually(what, async || {
                stage.world.advance(step).await;
                let page = browser.get(&link).await;
                if page.text.contains(what) { Ok(page) } else { Err(page.text) }
            })
            .await
        };
        browser.done(&link, &[]).await;
        until("id=\"qr\"", short).await;
        let failed = until("data-status=\"failed\"", 50 * short).await;
        assert!(failed.text.contains("Not linked") && failed.text.contains("nobody scanned the code in time"), "{}", failed.text);
        assert!(failed.text.contains("Show the QR code") && !failed.text.contains("id=\"qr\""), "{}", failed.text);
        let device = browser.get(link.trim_end_matches("/link")).await;
        assert!(device.text.contains("Link an account"), "{}", device.text);
        browser.done(&link, &[]).await;
        let shown = until("id=\"qr\"", short).await;
        assert!(!shown.text.contains("Not linked"), "{}", shown.text);
        stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": stage.qr().await})).await;
        until("data-status=\"linked\"", short).await;
    }

    async fn a_device_among_many_is_found(database: Database) {
        let (world, browser) = enter(database, Time::Machine).await;
        for at in 0..11 {
            world.client.manage("POST", "/devices", Some(json!({"kind": "web", "name": format!("Till {at}")}))).await;
        }
        let all = browser.get("/console/devices").await;
        assert_eq!(all.text.matches("<td class=\"number\">none yet").count(), 11, "{}", all.text);
        for (words, count) in [("till+7", 1), ("unlinked", 11), ("online", 1), ("no+such", 0), (world.sender.as_str(), 1)] {
            let found = browser.get(&format!("/console/devices?find={words}")).await;
            assert_eq!(found.text.matches("<td class=\"long\">").count(), count, "{words}: {}", found.text);
            assert_eq!(found.text.contains("No device is like that."), count == 0, "{words}");
        }
        // The first page counts them by state, and says once what they all wait for.
        let home = browser.get("/console").await;
        let needs = between(&home.text, "id=\"need-list\"", "</ul>");
        assert_eq!(needs.matches("No account is linked").count(), 1, "{needs}");
        assert!(needs.contains("11 devices") && needs.contains("/console/devices?find=unlinked"), "{needs}");
        let states = between(&home.text, "id=\"device-states\"", "</dl>");
        assert!(states.contains(">unlinked</a></dt><dd>11</dd>") && states.contains(">online</a></dt><dd>1</dd>"), "{states}");
    }

    async fn statistics_are_right_and_counted_once_a_minute(database: Database) {
        let world = World::with(database, Time::Held, with_password).await;
        let sent = world.send(ALICE, "one").await;
        // Where it stays: a slow look might miss a state before.
        world.until(&sent, "R").await;
        let first = statistics(&world).await;
        assert_eq!(first["totals"]["waiting"].as_i64().expect("a number") + first["totals"]["delivered"].as_i64().expect("a number")
            + first["totals"]["read"].as_i64().expect("a number"), 1, "{first}");
        let (hours, days) = (first["hours"].as_array().expect("hours"), first["days"].as_array().expect("days"));
        assert_eq!((hours.len(), days.len()), (24, 30));
        assert_eq!((&hours[23]["from"], &days[29]["from"]), (&json!("2026-09-21T14:00:00Z"), &json!("2026-09-21T00:00:00Z")));
        for span in [&hours[23], &days[29]] {
            assert_eq!(["accepted", "sent", "delivered", "aborted"].map(|name| &span[name]), [&json!(1), &json!(1), &json!(1), &json!(0)]);
        }
        assert!(hours[..23].iter().all(|hour| hour["accepted"] == 0), "{first}");

        // What waits is counted by device, once a minute is over; until it is counted the former figures are shown.
        world.client.manage("PATCH", &format!("/devices/{}", world.device_id), Some(json!({"paused": true}))).await;
        let waiting = [world.send(ALICE, "two").await, world.send(BOB, "three").await];
        assert_eq!(statistics(&world).await["as_of"], first["as_of"]);
        let receiver = Receiver::new(vec![Answer::status(500)]).await;
        let url = json!({"url": receiver.url("/hook")});
        world.client.manage("PUT", "/clients/1/push", Some(url)).await;
        let message = json!({"from": ALICE, "text": "hello"});
        world.client.manage("POST", &format!("/devices/{}/receive", world.device_id), Some(message)).await;
        receiver.until(1).await;
        world.advance(Duration::from_secs(3_600)).await;
        assert_eq!(statistics(&world).await["as_of"], first["as_of"], "who asks does not wait");
        let later = eventually("it was counted anew", async || {
            let later = statistics(&world).await;
            if later["as_of"] == first["as_of"] { Err(later.to_string()) } else { Ok(later) }
        })
        .await;
        assert_eq!(later["queues"], json!([{"device_id": world.device_id, "waiting": 2}]), "{later}");
        assert_eq!((&later["hours"][22]["accepted"], &later["hours"][23]["accepted"]), (&json!(3), &json!(0)), "{later}");
        assert_eq!((&later["totals"]["waiting"], &later["pushes_waiting"]), (&json!(2), &json!(1)), "{later}");
        assert!(later["oldest_push"]["age_seconds"].as_i64().is_some_and(|age| age >= 3_600), "{later}");
        let home = Browser::sign_in(world.address, "admin").await.get("/console").await;
        assert!(home.text.contains("The slowest waits since") && home.text.contains("The last 30 days, by day (UTC)"), "{}", home.text);
        assert!(home.text.contains("<svg class=\"chart\"") && !home.text.contains(" style="), "{}", home.text);
        drop(waiting);
    }

    async fn the_first_page_says_what_needs_a_person(database: Database) {
        let (world, browser) = enter(database, Time::Machine).await;
        let calm = browser.get("/console").await;
        assert!(calm.text.contains("All good. Nothing needs your attention."), "{}", calm.text);
        let web = json!({"kind": "web", "name": "Shop", "limit": 10});
        let web = world.client.manage("POST", "/devices", Some(web)).await.body["data"]["device_id"].clone();
        for at in 0..9 {
            world.send_with(json!({"queue": web, "destination": ALICE, "message": format!("{at}")})).await;
        }
        world.client.manage("PUT", "/clients/1/push", Some(json!({"url": "http://127.0.0.1:9/hook"}))).await;
        world.client.manage("POST", "/clients/1/push/pause", None).await;
        let home = browser.get("/console").await;
        let needs = between(&home.text, "id=\"need-list\"", "</ul>");
        for wanted in ["No account is linked", "nearly used up", "9 / 10", "pushing is paused since", "paused by a person"] {
            assert!(needs.contains(wanted), "{wanted}: {needs}");
        }
        assert!(!needs.contains("All good."), "{needs}");
        assert!(home.text.contains("<meter min=\"0\" max=\"10\" high=\"9\" value=\"9\""), "{}", home.text);
    }
}
