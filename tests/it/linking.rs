//! Linking as a person or a program sees it. The story plays the device's loop, through the store: no phone is needed, and
//! no connection.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wachat::api::routes;
use wachat::app::App;
use wachat::clock::Clock;
use wachat::device::{Device, DeviceState, Health, Kind, LinkWay, link_place};
use wachat::qr::{Ground, Qr};
use wachat::seal::Sealer;
use wachat::store::{Lease, LinkEnd, NewDevice, Store};
use wachat::{http, settings::Settings};

use crate::client::{Client, Reply};
use crate::process::{Place, Typed};
use crate::world::{ALICE, Database, KEY, eventually, settings, stories};

const NOW: i64 = 1_790_000_800_000;
const NUMBER: &str = "628122222222";
const FIRST: &str = "2@first/aB3+aB3+aB3+aB3+aB3+aB3+,k/9=k/9=k/9=,k/9=k/9=k/9=,k/9=k/9=k/9=,1";
const SECOND: &str = "2@second/aB3+aB3+aB3+aB3+aB3+aB3+,k/9=k/9=k/9=,k/9=k/9=k/9=,k/9=k/9=k/9=,1";

/// What a device's loop works with; the story is the loop.
struct Loops {
    store: Store,
    sealer: Sealer,
    clock: Clock,
}

impl Loops {
    async fn open(settings: Settings, clock: Clock) -> (Self, App) {
        let app = App::open(settings, clock.clone()).await.expect("the gateway opens");
        app.greet().await.expect("the first rows");
        (Self { store: app.store.clone(), sealer: app.master_key.sealer("links"), clock }, app)
    }

    async fn lease(&self, id: &str) -> Lease {
        let leases = self.store.lease_devices("story", self.clock.now(), i64::MAX).await.expect("leases");
        leases.into_iter().find(|lease| lease.device_id == id).expect("a lease")
    }

    async fn device(&self, id: &str) -> Device {
        self.store.find_device(id).await.expect("readable").expect("there")
    }

    async fn until_wished(&self, id: &str, wish: &str) -> Device {
        eventually("it is wished", async || {
            let device = self.device(id).await;
            if device.wish.as_deref() == Some(wish) { Ok(device) } else { Err(format!("{:?}", device.wish)) }
        })
        .await
    }

    /// Shows a code that is good for twenty seconds.
    async fn show(&self, id: &str, code: &str) {
        let (lease, now) = (self.lease(id).await, self.clock.now());
        let sealed = self.sealer.seal(&self.clock, link_place(id).as_bytes(), code.as_bytes());
        let device = self.device(id).await;
        let way = if device.wish_phone.is_some() { LinkWay::Code { phone: String::new() } } else { LinkWay::Qr };
        self.store.show_link(&lease, device.wish_at, way, sealed, now + 20_000, now).await.expect("shown");
    }

    async fn end(&self, id: &str, end: LinkEnd) {
        self.store.end_link(&self.lease(id).await, end, self.clock.now()).await.expect("ended");
    }

    /// Ends the link as is wished now.
    async fn unlinked(&self, id: &str) {
        let wished_at = self.device(id).await.wish_at;
        self.end(id, LinkEnd::Unlinked { wished_at }).await;
    }

    async fn enter(&self, id: &str, health: Health) {
        let lease = self.lease(id).await;
        assert!(self.store.set_device_health(&lease, health, self.clock.now()).await.expect("stored"));
    }
}

/// A gateway that answers, and looks after no device.
struct Desk {
    loops: Loops,
    client: Client,
    stop: CancellationToken,
    served: JoinSet<()>,
    _folder: TempDir,
}

impl Desk {
    async fn open(database: Database, clock: Clock) -> Self {
        let folder = TempDir::new().expect("a folder");
        let settings = settings(&folder.path().join("data"), database).await;
        let (loops, app) = Loops::open(settings, clock.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = Client::new(listener.local_addr().expect("an address"), KEY);
        let (stop, mut served) = (CancellationToken::new(), JoinSet::new());
        let (router, supervisor) = (routes::router(app.api()), app.supervisor.clone());
        let site = http::Served {
            router,
            clock,
            supervisor,
            trusted_proxies: Vec::new(),
            is_secure: false,
            connections_max: wachat::limits::CONNECTIONS_MAX,
        };
        served.spawn(http::serve(listener, site, stop.clone()));
        Self { loops, client, stop, served, _folder: folder }
    }

    async fn add(&self, kind: &str) -> String {
        let device = json!({"kind": kind, "sender": if kind == "web" { None } else { Some("628133333333") }});
        let reply = self.client.manage("POST", "/devices", Some(device)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.body["data"]["device_id"].as_str().expect("an id").to_owned()
    }

    /// A device of a kind that earlier releases let a person add.
    async fn add_cloud(&self) -> String {
        let new = NewDevice {
            id: "1-000000000000077".into(),
            client_id: 1,
            sender: "628133333333".into(),
            name: "cloud".into(),
            kind: Kind::Cloud,
            daily_limit: 0,
            created_at: NOW,
        };
        self.loops.store.add_device(new).await.expect("added");
        "1-000000000000077".into()
    }

    async fn ask(&self, method: &str, id: &str, what: &str) -> Reply {
        self.client.manage(method, &format!("/devices/{id}{what}"), None).await
    }

    /// A device's QR code, in the form that is accepted.
    async fn qr(&self, id: &str, accept: &str) -> Reply {
        self.client.ask("GET", &format!("/manage/1.0/devices/{id}/qr"), &[("Accept", accept)], None).await
    }

    /// Asks for a code to type; once the story has played its part, the clock moves until the answer comes.
    async fn ask_code(&self, id: &str, phone: &str, played: impl Future<Output = ()>) -> Reply {
        let path = format!("/devices/{id}/pairing-code");
        let asked = self.client.manage("POST", &path, Some(json!({"phone": phone})));
        let moved = async {
            played.await;
            let mut ticks = tokio::time::interval(Duration::from_millis(5));
            loop {
                ticks.tick().await;
                self.loops.clock.advance(Duration::from_millis(100));
            }
        };
        tokio::select! {
            reply = asked => reply,
            () = moved => unreachable!("it moves on and on"),
        }
    }

    async fn view(&self, id: &str) -> Value {
        self.ask("GET", id, "").await.body["data"].clone()
    }

    async fn close(mut self) {
        self.stop.cancel();
        while self.served.join_next().await.is_some() {}
        self.loops.store.close().await;
    }
}

/// What a phone reads of a PNG.
fn scan(png: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let shape = reader.next_frame(&mut pixels).expect("a picture");
    let line = shape.line_size;
    let is_dark = |x: usize, y: usize| pixels[y * line + x / 8] & (0x80 >> (x % 8)) == 0;
    let mut picture = rqrr::PreparedImage::prepare_from_bitmap(shape.width as usize, shape.height as usize, is_dark);
    picture.detect_grids()[0].decode().expect("a code").1
}

stories! {
    async fn a_qr_code_rotates_until_a_phone_has_scanned_it(database: Database) {
        let desk = Desk::open(database, Clock::held(NOW)).await;
        let id = desk.add("web").await;
        assert_eq!(desk.ask("GET", &id, "/link").await.body["data"]["status"], "none");
        let told = desk.ask("GET", &id, "/qr").await;
        assert!(told.status == 409 && told.text.contains("POST …/link begins"), "{}", told.text);
        let begun = desk.ask("POST", &id, "/link").await;
        assert_eq!((begun.status, &begun.body["data"]["status"]), (202, &json!("waiting")), "{}", begun.text);
        assert!(begun.body["data"]["notice"].as_str().is_some_and(|notice| notice.contains("unofficial")));
        assert_eq!(desk.loops.device(&id).await.wish.as_deref(), Some("qr"));
        let told = desk.ask("GET", &id, "/qr").await;
        assert!(told.status == 409 && told.text.contains("ask again"), "{}", told.text);
        for code in [FIRST, SECOND] {
            desk.loops.show(&id, code).await;
            let reply = desk.qr(&id, "application/json").await;
            assert_eq!((reply.status, &reply.body["data"]["qr"]), (200, &json!(code)), "{}", reply.text);
            assert_eq!(reply.body["data"]["expires_at"], "2026-09-21T14:27:00Z");
            let svg = desk.qr(&id, "image/svg+xml").await;
            assert_eq!((svg.header("content-type"), &svg.text), ("image/svg+xml", &Qr::of(code).expect("a code").svg()));
            let png = desk.qr(&id, "image/png").await;
            assert_eq!((png.header("content-type"), scan(&png.bytes).as_str()), ("image/png", code));
            assert_eq!((png.header("cache-control"), reply.header("cache-control")), ("no-store", "no-store"));
            let sealed = desk.loops.store.find_link(&id).await.expect("readable").expect("there").code.expect("a code");
            assert!(!sealed.windows(2).any(|part| part == b"2@"), "no code lies in the store in clear");
        }
        desk.loops.clock.advance(Duration::from_secs(20));
        let late = desk.qr(&id, "image/png").await;
        assert!(late.status == 409 && late.body["message"].as_str().is_some_and(|told| told.contains("ask again")), "{}", late.text);
        desk.loops.end(&id, LinkEnd::Linked { attempt: None, number: NUMBER.into() }).await;
        assert!(desk.ask("GET", &id, "/qr").await.text.contains("is linked"));
        let link = desk.ask("GET", &id, "/link").await.body["data"].clone();
        assert_eq!((&link["status"], &link["sender"], &link["code"]), (&json!("linked"), &json!(NUMBER), &Value::Null));
        let view = desk.view(&id).await;
        assert_eq!((&view["sender"], &view["linked_at"]), (&json!(NUMBER), &json!("2026-09-21T14:27:00Z")));
        desk.close().await;
    }

    async fn a_code_to_type_is_waited_for_a_few_seconds(database: Database) {
        let desk = Desk::open(database, Clock::held(NOW)).await;
        let id = desk.add("web").await;
        assert_eq!(desk.ask_code(&id, "12", async {}).await.status, 422);
        let shown = desk.ask_code(&id, "0812-3456-7890", async {
            let device = desk.loops.until_wished(&id, "code").await;
            assert_eq!(device.wish_phone.as_deref(), Some("6281234567890"));
            desk.loops.show(&id, "ABCD1234").await;
        });
        let shown = Box::pin(shown).await;
        assert_eq!((shown.status, &shown.body["data"]["code"]), (200, &json!("ABCD1234")), "{}", shown.text);
        assert!(shown.body["data"]["expires_at"].is_string() && shown.header("cache-control") == "no-store");
        let told = desk.ask("GET", &id, "/qr").await;
        assert!(told.status == 409 && told.text.contains("typed"), "{}", told.text);
        // WhatsApp gives none, in time or at all.
        let late = desk.ask_code(&id, NUMBER, async { drop(desk.loops.until_wished(&id, "code").await) });
        let late = Box::pin(late).await;
        assert_eq!((late.status, &late.body["data"]["status"]), (202, &json!("waiting")), "{}", late.text);
        desk.loops.show(&id, "EFGH5678").await;
        assert_eq!(desk.ask("GET", &id, "/link").await.body["data"]["code"], "EFGH5678");
        let refused = desk.ask_code(&id, NUMBER, async {
            eventually("the new wish is there", async || {
                let link = desk.loops.store.find_link(&id).await.expect("readable").expect("there");
                if link.status == "waiting" { Ok(()) } else { Err(link.status) }
            })
            .await;
            desk.loops.end(&id, LinkEnd::Failed { attempt: None, reason: "WhatsApp asks to wait an hour".into() }).await;
        });
        let refused = Box::pin(refused).await;
        assert!(refused.status == 409 && refused.text.contains("wait an hour"), "{}", refused.text);
        let link = desk.ask("GET", &id, "/link").await.body["data"].clone();
        assert_eq!((&link["status"], &link["reason"]), (&json!("failed"), &json!("WhatsApp asks to wait an hour")));
        assert!(desk.ask("GET", &id, "/qr").await.text.contains("says why"));
        desk.close().await;
    }

    async fn a_device_is_linked_when_it_has_no_account_and_unlinked_when_it_has(database: Database) {
        let desk = Desk::open(database, Clock::held(NOW)).await;
        for kind in ["sandbox", "cloud"] {
            let id = if kind == "sandbox" { desk.client.manage("GET", "/devices", None).await.body["data"][0]["device_id"].as_str().expect("a device").to_owned() } else { desk.add_cloud().await };
            for what in ["/link", "/unlink"] {
                let told = desk.ask("POST", &id, what).await;
                assert!(told.status == 409 && told.text.contains("add a device of the kind web"), "{kind} {what} {}", told.text);
            }
            assert_eq!(desk.ask_code(&id, NUMBER, async {}).await.status, 409);
        }
        let id = desk.add("web").await;
        desk.ask("POST", &id, "/link").await;
        desk.loops.end(&id, LinkEnd::Linked { attempt: None, number: NUMBER.into() }).await;
        let message = json!({"queue": id, "destination": ALICE, "message": "kept"});
        assert_eq!(desk.client.post("/message", &message).await.status, 201);
        for (state, status) in [
            (DeviceState::Online, 409),
            (DeviceState::Reconnecting, 409),
            (DeviceState::Banned, 409),
            (DeviceState::LoggedOut, 202),
            (DeviceState::Replaced, 202),
        ] {
            desk.loops.enter(&id, Health { until: Some(NOW + 60_000), ..Health::new(state, "so it is") }).await;
            let reply = desk.ask("POST", &id, "/link").await;
            assert_eq!(reply.status, status, "{state:?} {}", reply.text);
            assert!(status == 202 || reply.text.contains("unlink it first"), "{}", reply.text);
        }
        let lease = desk.loops.lease(&id).await;
        desk.loops.store.rest_strangers(&lease, NOW + 120_000, "too many".into(), NOW).await.expect("stored");
        let view = desk.view(&id).await;
        assert_eq!((&view["state_until"], &view["strangers_after"]), (&json!("2026-09-21T14:27:40Z"), &json!("2026-09-21T14:28:40Z")));
        let ended = desk.ask("POST", &id, "/unlink").await;
        assert_eq!(ended.status, 202, "{}", ended.text);
        assert_eq!(desk.loops.device(&id).await.wish.as_deref(), Some("unlink"));
        desk.loops.unlinked(&id).await;
        desk.loops.clock.advance(Duration::from_secs(120));
        let view = desk.view(&id).await;
        let fields = ["state", "linked_at", "state_until", "strangers_after"].map(|name| &view[name]);
        assert_eq!(fields, [&json!("unlinked"), &Value::Null, &Value::Null, &Value::Null]);
        let kept = desk.client.manage("GET", &format!("/messages?queue={id}"), None).await;
        assert_eq!(kept.body["data"]["items"][0]["status"], "U", "the queue is kept: {}", kept.text);
        desk.close().await;
    }

    async fn what_happened_to_a_device_is_walked_through_page_by_page(database: Database) {
        let desk = Desk::open(database, Clock::held(NOW)).await;
        let id = desk.add("web").await;
        desk.loops.enter(&id, Health::new(DeviceState::Linking, "")).await;
        desk.loops.end(&id, LinkEnd::Linked { attempt: None, number: NUMBER.into() }).await;
        desk.loops.enter(&id, Health::new(DeviceState::Banned, "a person reported it")).await;
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let page = desk.ask("GET", &id, &format!("/events?limit=1{before}")).await.body["data"].clone();
            seen.extend(page["items"].as_array().expect("events").clone());
            let Some(next) = page["next_before"].as_str() else { break };
            before = format!("&before={next}");
        }
        let states: Vec<_> = seen.iter().map(|event| event["state"].as_str().expect("a state")).collect();
        assert_eq!(states, ["banned", "linked", "linking"]);
        assert_eq!((&seen[0]["at"], &seen[0]["reason"]), (&json!("2026-09-21T14:26:40Z"), &json!("a person reported it")));
        assert_eq!(desk.ask("GET", &id, "/events?limit=0").await.status, 422);
        desk.close().await;
    }

    async fn the_command_line_shows_each_code_until_the_account_is_linked(database: Database) {
        let place = Place::new(database).await;
        let (loops, id) = played(&place).await;
        let linking = Typed::start(place.command(&["device", "link", &id]));
        loops.until_wished(&id, "qr").await;
        for code in [FIRST, SECOND] {
            loops.show(&id, code).await;
            linking.until(&Qr::of(code).expect("a code").lines(Ground::Dark).join("\n")).await;
        }
        loops.end(&id, LinkEnd::Linked { attempt: None, number: NUMBER.into() }).await;
        let (code, said) = linking.end().await;
        assert!(code == Some(0) && said.contains(&format!("sends from {NUMBER}")) && said.contains("unofficial"), "{said}");
        // A code to type, for programs; it does not come to a link.
        loops.enter(&id, Health::new(DeviceState::LoggedOut, "")).await;
        let said = place.fails(&["device", "link", &id, "--phone", "0812-3456-7890"]).await;
        assert!(said.contains(&format!("get the code for {NUMBER}")), "{said}");
        let national = format!("0{}", &NUMBER[2..]);
        let linking = Typed::start(place.command(&["device", "link", &id, "--phone", &national, "--json"]));
        assert_eq!(loops.until_wished(&id, "code").await.wish_phone.as_deref(), Some(NUMBER));
        loops.show(&id, "ABCD1234").await;
        linking.until(r#""code":"ABCD1234""#).await;
        loops.end(&id, LinkEnd::Failed { attempt: None, reason: "nobody linked an account in time".into() }).await;
        let (code, said) = linking.end().await;
        assert!(code == Some(1) && said.contains("nobody linked an account in time"), "{said}");
        let unlinking = Typed::start(place.command(&["device", "unlink", &id]));
        loops.until_wished(&id, "unlink").await;
        loops.unlinked(&id).await;
        assert_eq!(unlinking.end().await.0, Some(0));
        let events = place.json(&["device", "events", &id, "--json"]).await;
        assert_eq!(events[0]["reason"], "the link was ended", "{events}");
        let sandbox = place.json(&["device", "list", "--json"]).await[0]["device_id"].as_str().expect("an id").to_owned();
        assert!(place.fails(&["device", "link", &sandbox]).await.contains("kind web"));
        loops.store.close().await;
    }

    async fn whoever_links_without_a_server_is_told_so(database: Database) {
        let place = Place::new(database).await;
        let (loops, id) = played(&place).await;
        let linking = Typed::start(place.command(&["device", "link", &id, "--phone", NUMBER]));
        linking.until("no server seems to serve this store").await;
        loops.until_wished(&id, "code").await;
        // A code of another way than is wished is of an attempt before.
        let sealed = loops.sealer.seal(&loops.clock, link_place(&id).as_bytes(), FIRST.as_bytes());
        let (lease, now, attempt) = (loops.lease(&id).await, loops.clock.now(), loops.device(&id).await.wish_at);
        loops.store.show_link(&lease, attempt, LinkWay::Qr, sealed, now + 20_000, now).await.expect("asked");
        assert_eq!(loops.store.find_link(&id).await.expect("readable").expect("a link").status, "waiting");
        // It waits on: a server that starts now goes on from there.
        loops.show(&id, "ABCD1234").await;
        linking.until("ABCD-1234").await;
        loops.end(&id, LinkEnd::Linked { attempt: None, number: NUMBER.into() }).await;
        assert_eq!(linking.end().await.0, Some(0));
        assert!(place.fails(&["device", "unlink", &id]).await.contains("no server seems to serve this store"));
        // Who begins anew takes over from who began before.
        loops.enter(&id, Health::new(DeviceState::LoggedOut, "")).await;
        let first = Typed::start(place.command(&["device", "link", &id]));
        let wished_at = loops.until_wished(&id, "qr").await.wish_at;
        first.until("scan the code").await;
        let second = Typed::start(place.command(&["device", "link", &id]));
        let (code, said) = first.end().await;
        assert!(code == Some(1) && said.contains("no longer good"), "{said}");
        assert!(loops.device(&id).await.wish_at > wished_at);
        loops.end(&id, LinkEnd::Failed { attempt: None, reason: "it is over".into() }).await;
        assert_eq!(second.end().await.0, Some(1));
        loops.store.close().await;
    }
}

/// A gateway at `place` that no server serves, and a web device of it.
async fn played(place: &Place) -> (Loops, String) {
    let mut settings = Settings::with_defaults(&place.data_dir(), "127.0.0.1:0".parse().expect("an address"));
    if let Some(url) = &place.database_url {
        settings.database_url.clone_from(url);
    }
    let (loops, _) = Loops::open(settings, Clock::system()).await;
    let added = place.json(&["device", "add", "--client", "1", "--kind", "web", "--json"]).await;
    (loops, added["device_id"].as_str().expect("an id").to_owned())
}
