//! The console's inbox and Push URL, as a person's browser without a script sees them.

use reqwest::redirect::Policy;
use serde_json::{Value, json};
use wachat::device::Device;
use wachat::inbox::{Received, sandbox_message};
use wachat::message::InboundFile;
use wachat::settings::{Hidden, Settings};

use crate::receiver::{Answer, Receiver};
use crate::world::{ALICE, BOB, Database, PATIENCE, Time, World, eventually, stories, within};

const PASSWORD: &str = "correct horse battery";
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
const HIDDEN: &str = "99887766554433@lid";

fn known(settings: &mut Settings) {
    settings.admin_password = Some(Hidden(PASSWORD.into()));
}

async fn world(database: Database) -> World {
    World::with(database, Time::Machine, known).await
}

/// The administrator's browser.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
    /// The token of the last form that sends a message.
    once: String,
}

struct Seen {
    status: u16,
    text: String,
    /// Where it leads.
    to: String,
}

impl Browser {
    #[allow(clippy::disallowed_methods, reason = "a person's browser is no part of the gateway")]
    async fn new(world: &World) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).redirect(Policy::none());
        let http = http.build().expect("a client");
        let base = format!("http://{}", world.address);
        let mut browser = Self { http, base, cookie: String::new(), csrf: String::new(), once: String::new() };
        let form = [("userid", "admin"), ("password", PASSWORD)];
        let request = browser.http.post(format!("{}/console/sign-in", browser.base));
        let response = request.header("sec-fetch-site", "same-origin").body(encoded(&form)).send().await;
        let response = response.expect("an answer");
        let line = response.headers()["set-cookie"].to_str().expect("a cookie");
        browser.cookie = line.split(';').next().expect("a cookie").to_owned();
        browser.get("/console/account").await;
        browser
    }

    async fn get(&mut self, path: &str) -> Seen {
        let request = self.http.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        self.see(request).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Seen {
        let tokens = [("csrf", self.csrf.as_str()), ("once", self.once.as_str())];
        let form: Vec<(&str, &str)> = form.iter().copied().chain(tokens).collect();
        let request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let request = request.header("sec-fetch-site", "same-origin").body(encoded(&form));
        self.see(request).await
    }

    /// Posts, and looks at the page that this leads to.
    async fn post_on(&mut self, path: &str, form: &[(&str, &str)]) -> Seen {
        let seen = self.post(path, form).await;
        assert_eq!(seen.status, 303, "{}", seen.text);
        self.get(&seen.to).await
    }

    async fn see(&mut self, request: reqwest::RequestBuilder) -> Seen {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let to = response.headers().get("location").map_or("", |to| to.to_str().expect("an address")).to_owned();
        let text = response.text().await.expect("a whole answer");
        if let Some(token) = between(&text, "name=\"csrf\" value=\"", "\"") {
            self.csrf = token.to_owned();
        }
        if let Some(token) = between(&text, "name=\"once\" value=\"", "\"") {
            self.once = token.to_owned();
        }
        Seen { status, text, to }
    }

    async fn follow(&self, page: &str) -> Live {
        let url = format!("{}/console/live?of={page}", self.base);
        let response = self.http.get(url).header("cookie", &self.cookie).send().await.expect("an answer");
        Live { response, read: String::new() }
    }
}

/// A page that keeps up.
struct Live {
    response: reqwest::Response,
    read: String,
}

impl Live {
    async fn until(&mut self, text: &str) {
        let whole = within(PATIENCE, async {
            while !self.read.contains(text) {
                let chunk = self.response.chunk().await.expect("more").expect("an open connection");
                self.read += &String::from_utf8_lossy(&chunk);
            }
        });
        whole.await.unwrap_or_else(|_| panic!("{text} is told"));
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// Whether the texts stand in this order.
fn in_order(text: &str, wanted: &[&str]) -> bool {
    let mut rest = text;
    wanted.iter().all(|one| match rest.split_once(one) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

async fn device(world: &World, id: &str) -> Device {
    world.store.find_device(id).await.expect("a readable store").expect("a device")
}

/// A message comes in from BOB or whoever; gives its id.
async fn receive(world: &World, from: &str, group: Option<&str>, text: &str, file: Option<&[u8]>) -> String {
    let file = file.map(|bytes| InboundFile::Here { bytes: bytes.to_vec().into(), file_name: Some("cat.png".into()) });
    let group = group.map(str::to_owned);
    let message = sandbox_message(&world.clock, from.into(), group, Some("Bob & co".into()), text.into(), file);
    match world.inbox.receive(&device(world, &world.device_id).await, message).await.expect("stored") {
        Received::New(id) => id,
        Received::Repeated => panic!("it is new"),
    }
}

async fn talk(world: &World, chat: &str, query: &str) -> Value {
    let path = format!("/conversations/{}/{chat}{query}", world.device_id);
    let reply = world.client.manage("GET", &path, None).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["data"].clone()
}

async fn until_pushed(world: &World, id: &str, status: &str) {
    eventually("the push ends", async || {
        let pushes = world.store.list_pushes(1, Some(status), None, 100).await.expect("pushes");
        if pushes.iter().any(|push| push.inbound_id == id) { Ok(()) } else { Err(format!("{pushes:?}")) }
    })
    .await;
}

stories! {
    async fn a_conversation_shows_both_directions_in_their_order_and_each_push(database: Database) {
        let world = world(database).await;
        let receiver = Receiver::new(vec![Answer::status(200), Answer::status(503)]).await;
        let url = json!({"url": receiver.url("/")});
        assert_eq!(world.client.manage("PUT", "/clients/1/push", Some(url)).await.status, 200);
        let first = receive(&world, BOB, None, "first <b>question</b>", None).await;
        until_pushed(&world, &first, "done").await;
        let ref_no = world.send(BOB, "our answer").await;
        world.until(&ref_no, "R").await;
        receive(&world, BOB, None, "a cat", Some(PICTURE)).await;
        receiver.until(2).await;
        let walked = talk(&world, BOB, "").await;
        let ways: Vec<&str> = walked["items"].as_array().expect("items").iter().filter_map(|one| one["way"].as_str()).collect();
        assert_eq!((ways, &walked["received_count"]), (vec!["in", "out", "in"], &json!(2)));
        assert_eq!((&walked["items"][2]["push"]["status"], &walked["items"][2]["push"]["last_status"]), (&json!("done"), &json!(200)));
        assert_eq!((&walked["items"][1]["outbound"]["ref_no"], &walked["items"][1]["push"]), (&json!(ref_no), &Value::Null));
        // Page by page it is the same.
        let (mut pages, mut query) = (Vec::new(), "?limit=1".to_owned());
        loop {
            let page = talk(&world, BOB, &query).await;
            pages.push(page["items"][0]["date"].clone());
            let Some(next) = page["next_before"].as_str() else { break };
            query = format!("?limit=1&before={next}");
        }
        assert_eq!(pages.len(), 3, "{pages:?}");
        let mut browser = Browser::new(&world).await;
        eventually("the page shows the failed try", async || {
            let seen = browser.get(&format!("/console/inbox/{}/{BOB}", world.device_id)).await;
            assert_eq!(seen.status, 200, "{}", seen.text);
            assert!(in_order(&seen.text, &["<img src=\"/media/", "a cat", "our answer", "state R", "first &#60;b&#62;question", "Push: done"]), "{}", seen.text);
            if in_order(&seen.text, &["a cat", "Push: due", "503", "our answer"]) { Ok(()) } else { Err(seen.text) }
        })
        .await;
        let seen = browser.get(&format!("/console/inbox/{}/{BOB}", world.device_id)).await;
        let link = between(&seen.text, "<img src=\"/media/", "\"").expect("a picture");
        let file = world.client.with_key("").ask("GET", &format!("/media/{link}"), &[], None).await;
        assert_eq!((file.status, file.bytes.as_slice()), (200, PICTURE));
        let seen = browser.get(&format!("/console/inbox/message/{first}")).await;
        assert_eq!(seen.to, format!("/console/inbox/{}/{BOB}", world.device_id));
        world.stop().await;
    }

    async fn conversations_are_listed_by_their_last_message_and_come_page_by_page(database: Database) {
        let world = world(database).await;
        let mut browser = Browser::new(&world).await;
        assert!(browser.get("/console/inbox").await.text.contains("Nobody has written yet"));
        receive(&world, BOB, None, "one", None).await;
        receive(&world, ALICE, None, "two", None).await;
        receive(&world, ALICE, Some("120363025246125486"), "in the group", None).await;
        receive(&world, BOB, None, "three", None).await;
        let seen = browser.get("/console/inbox").await;
        let group = format!("/console/inbox/{}/120363025246125486", world.device_id);
        assert!(in_order(&seen.text, &[BOB, "three", ">2<", &group, "Bob &#38; co", "in the group", ALICE, "two", ">1<"]), "{}", seen.text);
        let reply = world.client.manage("GET", "/conversations?limit=2", None).await;
        let next = reply.body["data"]["next_before"].as_str().expect("another page").to_owned();
        let seen = browser.get(&format!("/console/inbox?before={next}")).await;
        assert!(in_order(&seen.text, &[ALICE, "two", "Newest"]) && !seen.text.contains("three"), "{}", seen.text);
        let seen = browser.get(&group).await;
        assert!(seen.text.contains("name=\"is_group\" value=\"true\""), "{}", seen.text);
        world.stop().await;
    }

    async fn a_person_answers_and_what_is_refused_stays_typed(database: Database) {
        let world = world(database).await;
        let mut browser = Browser::new(&world).await;
        receive(&world, BOB, None, "hello?", None).await;
        let page = format!("/console/inbox/{}/{BOB}", world.device_id);
        browser.get(&page).await;
        let seen = browser.post_on(&page, &[("message", "good\r\nday"), ("is_group", "false")]).await;
        assert!(in_order(&seen.text, &["on its way", "good\nday", "hello?"]), "{}", seen.text);
        let refused = browser.post(&page, &[("message", ""), ("is_group", "false")]).await;
        assert!(refused.status == 422 && refused.text.contains("role=\"alert\""), "{} {}", refused.status, refused.text);
        let long = "x".repeat(65_537);
        let refused = browser.post(&page, &[("message", &long), ("is_group", "false")]).await;
        assert!(refused.status == 422 && refused.text.contains(&long));
        // Who hides his number is answered by his hidden id.
        receive(&world, HIDDEN, None, "guess who", None).await;
        let seen = browser.get(&format!("/console/inbox/{}/{HIDDEN}", world.device_id)).await;
        assert!(seen.text.contains("guess who") && seen.text.contains("<textarea"), "{}", seen.text);
        let ref_no = world.send(HIDDEN, "no idea").await;
        world.until(&ref_no, "R").await;
        let talk = talk(&world, HIDDEN, "").await;
        let ways = [&talk["can_answer"], &talk["items"][0]["way"], &talk["items"][1]["way"]];
        assert_eq!(ways, [&json!(true), &json!("out"), &json!("in")], "{talk}");
        world.stop().await;
    }

    async fn a_reaction_a_change_and_a_deletion_name_what_they_are_about(database: Database) {
        let world = world(database).await;
        let first = sandbox_message(&world.clock, BOB.into(), None, None, "first words".into(), None);
        let whatsapp_id = first.whatsapp_id.clone();
        let sandbox = device(&world, &world.device_id).await;
        let Received::New(id) = world.inbox.receive(&sandbox, first).await.expect("stored") else { panic!("new") };
        for (kind, text) in [("reaction", "👍"), ("edit", "better words"), ("delete", "[deleted]")] {
            let mut message = sandbox_message(&world.clock, BOB.into(), None, None, text.into(), None);
            (message.kind, message.about) = (kind.into(), Some(whatsapp_id.clone()));
            world.inbox.receive(&sandbox, message).await.expect("stored");
        }
        let mut browser = Browser::new(&world).await;
        let seen = browser.get(&format!("/console/inbox/{}/{BOB}", world.device_id)).await;
        let (link, place) = (format!("href=\"#m-{id}\""), format!("id=\"m-{id}\""));
        let wanted = ["Deletes", &link, "[deleted]", "Changes", &link, "better words", "Reacts to", &link, "👍", &place, "first words"];
        assert!(in_order(&seen.text, &wanted), "{}", seen.text);
        world.stop().await;
    }

    async fn a_page_is_told_of_what_comes_in(database: Database) {
        let world = world(database).await;
        let browser = Browser::new(&world).await;
        let mut live = browser.follow("/console/inbox").await;
        live.until("Nobody has written yet").await;
        receive(&world, BOB, None, "just now", None).await;
        live.until("just now").await;
        let mut live = browser.follow(&format!("/console/inbox/{}/{BOB}", world.device_id)).await;
        live.until("just now").await;
        receive(&world, BOB, None, "and again", None).await;
        live.until("and again").await;
        world.stop().await;
    }

    async fn anothers_conversation_is_not_found(database: Database) {
        let world = world(database).await;
        let other = world.add_client("other", "628110000001").await;
        let message = sandbox_message(&world.clock, BOB.into(), None, None, "not yours".into(), None);
        world.inbox.receive(&device(&world, &other.device_id).await, message).await.expect("stored");
        let path = format!("/conversations/{}/{BOB}", other.device_id);
        assert_eq!(other.client.manage("GET", &path, None).await.status, 200);
        assert_eq!(world.client.manage("GET", &path, None).await.status, 404);
        let mut browser = Browser::new(&world).await;
        let seen = browser.get(&format!("/console/inbox/{}/{BOB}", other.device_id)).await;
        assert!(seen.status == 404 && !seen.text.contains("not yours"), "{}", seen.text);
        assert!(!browser.get("/console/inbox").await.text.contains("not yours"));
        let listed = world.client.manage("GET", &format!("/conversations?queue={}", other.device_id), None).await;
        assert_eq!(listed.body["data"]["items"], json!([]));
        for (method, path) in [("GET", "/conversations?client_id=1".to_owned()), ("POST", "/clients/1/push/test".into())] {
            assert_eq!(other.client.manage(method, &path, None).await.status, 404, "{path}");
        }
        world.stop().await;
    }

    async fn a_push_url_is_set_tried_paused_resumed_rotated_and_removed(database: Database) {
        let world = world(database).await;
        let receiver = Receiver::new(vec![Answer::status(202), Answer::status(500), Answer::status(200)]).await;
        let mut browser = Browser::new(&world).await;
        let bad = browser.post("/console/push", &[("url", "ftp://example.com")]).await;
        assert!(bad.status == 422 && bad.text.contains("ftp://example.com") && bad.text.contains("no http"), "{}", bad.text);
        assert!(browser.post("/console/push/test", &[]).await.text.contains("no Push URL yet"));
        let seen = browser.post_on("/console/push", &[("url", &receiver.url("/in?a=1"))]).await;
        assert!(seen.text.contains("The Push URL is set") && !seen.text.contains("id=\"secret\""), "{}", seen.text);
        let seen = browser.post("/console/push/test", &[]).await;
        let asked = receiver.until(1).await.remove(0);
        assert_eq!((asked.path.as_str(), asked.field("type").as_deref()), ("/in", Some("text")));
        for shown in [asked.header("webhook-signature"), asked.header("webhook-id"), "202", "as the story says", "It was received"] {
            assert!(seen.text.contains(&shown.replace('+', "&#43;")) || seen.text.contains(shown), "{shown}: {}", seen.text);
        }
        // Nothing is stored of a sample.
        assert_eq!(world.store.list_pushes(1, None, None, 10).await.expect("pushes"), []);
        let seen = browser.post("/console/push/test", &[]).await;
        assert!(seen.status == 200 && seen.text.contains("answered 500"), "{}", seen.text);
        let seen = browser.post_on("/console/push/pause", &[]).await;
        assert!(seen.text.contains("paused by a person"), "{}", seen.text);
        let id = receive(&world, BOB, None, "kept", None).await;
        let mut live = browser.follow("/console/push").await;
        live.until(&id).await;
        let seen = browser.post_on("/console/push/resume", &[]).await;
        assert!(!seen.text.contains("paused by a person"), "{}", seen.text);
        live.until("state done").await;
        until_pushed(&world, &id, "done").await;
        let asked = receiver.until(3).await.remove(2);
        assert_eq!(asked.field("msg").as_deref(), Some("kept"));
        let secret = |seen: &Seen| between(&seen.text, "id=\"secret\">", "<").map(str::to_owned);
        let old = secret(&browser.post("/console/push/secret", &[]).await).expect("a secret");
        let new = secret(&browser.post("/console/push/rotate", &[]).await).expect("a secret");
        assert!(old.starts_with("whsec_") && new.starts_with("whsec_") && old != new);
        assert_eq!(secret(&browser.get("/console/push").await), None);
        let seen = browser.post_on("/console/push/remove", &[]).await;
        assert!(seen.text.contains("nothing is pushed"), "{}", seen.text);
        world.stop().await;
    }

    async fn pushes_are_filtered_and_pushed_again_one_or_all_of_a_time(database: Database) {
        let world = world(database).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        let mut browser = Browser::new(&world).await;
        browser.post_on("/console/push", &[("url", &receiver.url("/"))]).await;
        let id = receive(&world, BOB, None, "once more", None).await;
        until_pushed(&world, &id, "done").await;
        let seen = browser.get("/console/push?status=done").await;
        assert!(in_order(&seen.text, &["<tbody>", &id, "state done", "200"]), "{}", seen.text);
        for status in ["due", "failed", "held"] {
            assert!(!browser.get(&format!("/console/push?status={status}")).await.text.contains(&id), "{status}");
        }
        browser.post_on("/console/push/replay", &[("id", &id)]).await;
        receiver.until(2).await;
        until_pushed(&world, &id, "done").await;
        browser.post_on("/console/push/replay", &[("from", "2020-01-01T00:00"), ("until", "")]).await;
        let asked = receiver.until(3).await;
        assert!(asked.iter().all(|one| one.field("id").as_deref() == Some(&id)), "{asked:?}");
        let seen = browser.post("/console/push/replay", &[("from", ""), ("until", "")]).await;
        assert!(seen.status == 422 && seen.text.contains("role=\"alert\""), "{}", seen.text);
        let seen = browser.post("/console/push/replay", &[("from", "soon"), ("until", "")]).await;
        assert!(seen.status == 422 && seen.text.contains("value=\"soon\""), "{}", seen.text);
        world.stop().await;
    }

    async fn a_sample_reaches_no_private_address_unless_it_is_allowed(database: Database) {
        let change = |settings: &mut Settings| {
            known(settings);
            settings.allow_networks = Vec::new();
        };
        let world = World::with(database, Time::Machine, change).await;
        let receiver = Receiver::new(vec![Answer::status(200)]).await;
        let mut browser = Browser::new(&world).await;
        let named = receiver.url("/").replace("127.0.0.1", "localhost");
        for url in [receiver.url("/"), named] {
            browser.post_on("/console/push", &[("url", &url)]).await;
            let reply = world.client.manage("POST", "/clients/1/push/test", None).await;
            assert_eq!((reply.status, &reply.body["data"]["answer"]), (200, &Value::Null), "{}", reply.text);
            assert!(reply.body["data"]["failure"].as_str().is_some_and(|why| why.contains("private address")), "{}", reply.text);
            let seen = browser.post("/console/push/test", &[]).await;
            assert!(seen.text.contains("private address"), "{}", seen.text);
        }
        assert!(receiver.asked().is_empty());
        world.stop().await;
    }
}
