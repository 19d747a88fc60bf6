//! What a device's messages wait for, counted, is what the messages say one by one: whatever the device is doing, whatever each
//! message is doing, and wherever either is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use wachat::clock::Millis;
use wachat::device::{DeviceState, Health, Kind};
use wachat::message::RefNo;
use wachat::reason::ReasonCode;
use wachat::store::{Lease, NewDevice, Progress, Step, WaitCode};

use crate::priorities::set_device;
use crate::signed_in::{Browser, world};
use crate::told::{command_line, told};
use crate::world::{Time, World, eventually, stories};

const MINUTE: Millis = 60_000;
/// When what waits for a later moment is due.
const LATER: Millis = 6 * 60 * MINUTE;
/// Of the next story's device: the metrics of all stories are in one place.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// Whom messages go to.
const KINDS: [&str; 5] = ["stranger", "awake", "today", "reached", "group"];

/// What a message is doing.
const DOINGS: [&str; 11] = [
    "fresh",
    "under way",
    "left behind",
    "retry",
    "due again",
    "rate limited",
    "unacknowledged",
    "media",
    "media due",
    "scheduled",
    "new contact",
];

/// A device that another node runs, whose messages do nothing by themselves.
struct Shop<'a> {
    world: &'a World,
    browser: Browser<'a>,
    id: String,
    lease: Lease,
    under_way: Vec<String>,
    high: Vec<String>,
}

fn number(kind: usize, doing: usize) -> String {
    match KINDS[kind] {
        "group" => format!("1203630000000{doing:05}@g.us"),
        _ => format!("6281150{kind:02}{doing:03}"),
    }
}

impl<'a> Shop<'a> {
    async fn open(world: &'a World, time: Time) -> Shop<'a> {
        let browser = Browser::of(world, "admin").await;
        let (name, sender, created_at) = ("Shop".to_owned(), "628110000077".to_owned(), world.clock.now());
        let id = format!("1-{:015}", NEXT_ID.fetch_add(1, Ordering::Relaxed));
        let new =
            NewDevice { id: id.clone(), client_id: 1, sender, name, kind: Kind::Sandbox, daily_limit: 0, created_at };
        world.store.add_device(new).await.expect("added");
        let leases =
            world.store.lease_devices("another node", created_at, created_at + 10 * LATER).await.expect("leased");
        let lease = leases.into_iter().find(|lease| lease.device_id == id).expect("a lease");
        let mut shop = Shop { world, browser, id, lease, under_way: Vec::new(), high: Vec::new() };
        shop.enter(DeviceState::Online).await;
        shop.use_up_warm_up().await;
        shop.meet(time).await;
        for priority in ["normal", "high", "bulk"] {
            for kind in 0..KINDS.len() {
                shop.send_files(kind, priority).await;
                for doing in 0..DOINGS.len() {
                    shop.send_doing(kind, doing, priority).await;
                }
            }
        }
        shop.send_two_forms().await;
        shop
    }

    async fn enter(&self, state: DeviceState) {
        let now = self.world.clock.now();
        assert!(self.world.store.set_device_health(&self.lease, Health::new(state, ""), now).await.expect("stored"));
    }

    async fn send(&self, to: &str, priority: &str) -> String {
        let is_group = to.ends_with("@g.us");
        let body = json!({"queue": self.id, "destination": to, "message": "hello", "priority": priority, "is_group": is_group});
        self.world.send_with(body).await
    }

    async fn begin(&self, ref_nos: &[String], day: Option<i64>) {
        let ref_nos: Vec<_> = ref_nos.iter().map(|one| RefNo::parse(one).expect("a reference number")).collect();
        let count = ref_nos.len();
        let (store, now) = (&self.world.store, self.world.clock.now());
        let begun = store.begin_attempts(&self.id, self.lease.epoch, now, ref_nos, day, None).await.expect("stored");
        assert_eq!(begun.expect("the device is ours").ref_nos.len(), count);
    }

    async fn step(&self, ref_no: &str, step: Step) {
        let ref_no = RefNo::parse(ref_no).expect("a reference number");
        let one = Progress { ref_no, device_id: self.id.clone(), epoch: self.lease.epoch, step };
        self.world.store.progress(vec![one]).await.expect("stored");
    }

    /// Its first day's messages are used up.
    async fn use_up_warm_up(&self) {
        let (mut sent, now) = (Vec::new(), self.world.clock.now());
        for number in 0..20 {
            sent.push(self.send(&format!("62811409{number:04}"), "normal").await);
        }
        self.begin(&sent, Some(now / (24 * 60 * MINUTE))).await;
        for ref_no in &sent {
            self.step(ref_no, Step::Sent { at: now }).await;
        }
    }

    /// Some write to it, some a while ago, and to some a message was delivered.
    async fn meet(&self, time: Time) {
        for kind in ["today", "reached", "awake"] {
            let at = KINDS.iter().position(|one| *one == kind).expect("a kind");
            for doing in 0..=DOINGS.len() {
                let (to, now) = (number(at, doing), self.world.clock.now());
                if kind == "reached" {
                    let ref_no = self.send(&to, "high").await;
                    self.begin(std::slice::from_ref(&ref_no), None).await;
                    self.step(&ref_no, Step::Delivered { at: now, member: None }).await;
                    continue;
                }
                let body = json!({"from": to, "text": "hello"});
                let reply =
                    self.world.client.manage("POST", &format!("/devices/{}/receive", self.id), Some(body)).await;
                assert_eq!(reply.status, 201, "{}", reply.text);
            }
            if kind == "today" && time == Time::Held {
                self.world.advance(Duration::from_secs(20 * 60)).await;
            }
        }
    }

    /// A file that was not downloaded yet, and messages behind it.
    async fn send_files(&mut self, kind: usize, priority: &str) {
        let to = number(kind, DOINGS.len());
        let is_group = to.ends_with("@g.us");
        let url = "http://files.example/one.jpg";
        let body =
            json!({"queue": self.id, "destination": to, "media_url": url, "priority": priority, "is_group": is_group});
        let file = self.world.send_media(body).await;
        let behind = [self.send(&to, priority).await, self.send(&to, priority).await];
        if priority == "high" {
            self.high.push(file);
            self.high.extend(behind);
        }
    }

    async fn send_doing(&mut self, kind: usize, doing: usize, priority: &str) {
        let (to, now) = (number(kind, doing), self.world.clock.now());
        let ref_no = self.send(&to, priority).await;
        let retry =
            |due_at, code| Step::Retry { due_at, attempts: 1, number: 1, at: now, reason: "no luck".into(), code };
        let aside =
            |due_at| Step::Aside { due_at, fetch_attempts: 1, failed: Some((1, now)), reason: "no luck".into() };
        let step = match DOINGS[doing] {
            "left behind" => Some(Step::Interrupted { at: now }),
            "retry" => Some(retry(now + LATER, WaitCode::Retry)),
            "due again" => Some(retry(now, WaitCode::Retry)),
            "rate limited" => Some(retry(now + LATER, WaitCode::RateLimited)),
            "new contact" => Some(retry(now + LATER, WaitCode::NewContacts)),
            "unacknowledged" => Some(Step::Unacknowledged { until: now + LATER }),
            "media" => Some(aside(now + LATER)),
            "media due" => Some(aside(now)),
            "scheduled" => Some(Step::Interrupted { at: now + LATER }),
            _ => None,
        };
        if !["fresh", "media", "media due", "scheduled"].contains(&DOINGS[doing]) {
            self.begin(std::slice::from_ref(&ref_no), None).await;
        }
        if let Some(step) = step {
            self.step(&ref_no, step).await;
        }
        if DOINGS[doing] == "under way" {
            self.under_way.push(ref_no.clone());
        }
        let behind = self.send(&to, priority).await;
        if priority == "high" {
            self.high.extend([ref_no, behind]);
        }
    }

    /// Both forms of a number are one recipient.
    async fn send_two_forms(&self) {
        let first = self.send("5511987654321", "normal").await;
        self.begin(std::slice::from_ref(&first), None).await;
        let (due_at, at) = (self.world.clock.now() + LATER, self.world.clock.now());
        let step = Step::Retry { due_at, attempts: 1, number: 1, at, reason: "no luck".into(), code: WaitCode::Retry };
        self.step(&first, step).await;
        self.send("551187654321", "normal").await;
        self.send("5511987654321", "normal").await;
    }

    async fn set(&self, change: Value) {
        let reply = self.world.client.manage("PATCH", &format!("/devices/{}", self.id), Some(change)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    /// What its messages say, counted; or how that differs from what the device says somewhere.
    async fn compare(&self) -> Result<BTreeMap<String, i64>, String> {
        let client = &self.world.client;
        let list = client.manage("GET", "/messages?limit=500", None).await;
        let items = list.body["data"]["items"].as_array().cloned().expect("messages");
        assert!(items.len() < 500, "all are listed");
        let (mut counts, mut of_code) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, Vec<String>>::new());
        for item in items.iter().filter(|item| item["queue"] == self.id) {
            if let Some(code) = item["reason_code"].as_str() {
                *counts.entry(code.to_owned()).or_default() += 1;
                let says = format!("{} {} {}", item["destination"], item["priority"], item["reason"]);
                of_code.entry(code.to_owned()).or_default().push(says);
            }
        }
        let one = client.manage("GET", &format!("/devices/{}", self.id), None).await.body["data"].clone();
        if one["waiting_for"] != json!(counts) {
            return Err(format!("{} is not {counts:?}: {of_code:#?}", one["waiting_for"]));
        }
        assert_eq!(one["waiting"], counts.values().sum::<i64>());
        let all = client.manage("GET", "/devices", None).await.body["data"].clone();
        let listed = all.as_array().into_iter().flatten().find(|device| device["device_id"] == self.id).cloned();
        if listed.expect("it is listed")["waiting_for"] != json!(counts) {
            return Err(format!("the list differs from {counts:?}"));
        }
        let metrics = client.ask("GET", "/metrics", &[], None).await.text;
        let id = &self.id;
        for code in ReasonCode::ALL.map(ReasonCode::name) {
            let count = counts.get(code).copied().unwrap_or(0);
            let line =
                format!("wachat_device_messages_waiting_for{{device=\"{id}\",reason_code=\"{code}\"}} {count}\n");
            if !metrics.contains(&line) {
                return Err(format!("{line} is not among the metrics"));
            }
        }
        self.compare_pages(&counts).await?;
        Ok(counts)
    }

    /// The console shows the counts, the largest first.
    async fn compare_pages(&self, counts: &BTreeMap<String, i64>) -> Result<(), String> {
        if counts.keys().all(|code| code == "turn") {
            return Ok(());
        }
        let mut numbers: Vec<i64> = counts.values().copied().collect();
        numbers.sort_by_key(|count| -count);
        for page in ["/console/devices".to_owned(), format!("/console/devices/{}", self.id)] {
            let page = self.browser.get(&page).await.text;
            let is_it = |shown: &str| {
                let counts = shown.split("; ").map(|one| one.rsplit(": ").next().and_then(|count| count.parse().ok()));
                counts.collect::<Option<Vec<i64>>>() == Some(numbers.clone())
            };
            if !page.split(['(', ')', '<', '>']).any(is_it) {
                return Err(format!("{numbers:?} is not on {page}"));
            }
        }
        Ok(())
    }

    /// As [`Shop::compare`] a moment later, with every hold of the device's own settings.
    async fn compare_holds(&self, what: &str, seen: &mut BTreeSet<String>) {
        for (quiet, warm_up) in [(false, false), (true, false), (false, true), (true, true)] {
            let at = |minutes: Millis| {
                let time =
                    jiff::Timestamp::from_millisecond(self.world.clock.now() + minutes * MINUTE).expect("a moment");
                quiet.then(|| time.strftime("%H:%M").to_string())
            };
            self.set(json!({"quiet_from": at(-60), "quiet_to": at(120), "warm_up": warm_up})).await;
            seen.extend(self.compared(&format!("{what}, quiet {quiet}, warm-up {warm_up}")).await.into_keys());
        }
        self.set(json!({"quiet_from": null, "quiet_to": null, "warm_up": false})).await;
    }

    async fn compared(&self, what: &str) -> BTreeMap<String, i64> {
        self.world.advance(Duration::from_millis(1_100)).await;
        self.compare().await.unwrap_or_else(|differs| panic!("{what}: {differs}"))
    }
}

stories! {
    async fn a_device_counts_its_messages_by_what_each_of_them_says(database: Database) {
        let world = world(database, Time::Held).await;
        let shop = Shop::open(&world, Time::Held).await;
        let mut seen = BTreeSet::new();
        shop.compare_holds("online", &mut seen).await;
        let slow_down = async || {
            let now = world.clock.now();
            world.store.slow_down(&shop.lease, now + 4 * MINUTE, 2_000, "too much".into(), now).await.expect("stored");
        };
        slow_down().await;
        shop.compare_holds("slowed", &mut seen).await;
        world.advance(Duration::from_secs(5 * 60)).await;
        // What was under way is not any more; some is again.
        shop.begin(&shop.under_way[..7], None).await;
        shop.compare_holds("some under way", &mut seen).await;
        let now = world.clock.now();
        world.store.rest_strangers(&shop.lease, now + LATER, "refused".into(), now).await.expect("stored");
        shop.compare_holds("new contacts blocked", &mut seen).await;
        slow_down().await;
        for ref_no in &shop.high {
            world.client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await;
        }
        shop.compare_holds("new contacts blocked and slowed", &mut seen).await;
        for state in DeviceState::ALL {
            shop.enter(state).await;
            shop.compare_holds(state.name(), &mut seen).await;
        }
        shop.enter(DeviceState::Online).await;
        shop.set(json!({"paused": true})).await;
        seen.extend(shop.compared("paused").await.into_keys());
        assert_eq!(seen, ReasonCode::ALL.map(|code| code.name().to_owned()).into());
        world.stop().await;
    }

    async fn a_device_whose_messages_of_high_priority_have_left_counts_the_others_so(database: Database) {
        let world = world(database, Time::Held).await;
        let shop = Shop::open(&world, Time::Held).await;
        for ref_no in &shop.high {
            world.client.manage("POST", &format!("/messages/{ref_no}/cancel"), None).await;
        }
        shop.compare_holds("online", &mut BTreeSet::new()).await;
        world.stop().await;
    }

    async fn the_command_line_counts_a_devices_messages_by_what_each_of_them_says(database: Database) {
        let world = world(database, Time::Machine).await;
        let shop = Shop::open(&world, Time::Machine).await;
        for warm_up in [false, true] {
            shop.set(json!({"warm_up": warm_up})).await;
            let counts = eventually("the counts are those of the messages", async || shop.compare().await).await;
            let rows = command_line(&world, &["device", "list", "--json"]).await;
            let row = rows.as_array().into_iter().flatten().find(|row| row["device_id"] == shop.id).expect("it is listed");
            assert_eq!(row["waiting_for"], json!(counts));
        }
        world.stop().await;
    }

    async fn a_message_behind_another_of_its_recipient_is_counted_as_it_says(database: Database) {
        let world = world(database, Time::Held).await;
        set_device(&world, json!({"gap_ms": 0})).await;
        let first = world.send("628111110006", "refused at first").await;
        eventually("it is tried again", async || {
            let message = told(&world, &first).await?;
            if message["reason_code"] == "retry" { Ok(()) } else { Err(message.to_string()) }
        })
        .await;
        let behind = world.send("628111110006", "behind it").await;
        let counted = eventually("both are counted", async || {
            let one = world.client.manage("GET", &format!("/devices/{}", world.device_id), None).await.body["data"].clone();
            if one["waiting"] == 2 {
                return Ok(one);
            }
            world.advance(Duration::from_millis(50)).await;
            Err(one.to_string())
        })
        .await;
        let codes = [world.status(&first).await, world.status(&behind).await].map(|message| message["reason_code"].clone());
        assert_eq!((codes, &counted["waiting_for"]), ([json!("retry"), json!("retry")], &json!({"retry": 2})));
        world.stop().await;
    }
}
