//! Stories of devices that are removed and added again under the same id, as whoever goes live does: what is left of the former
//! one harms the next in nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use wachat::clock::Clock;
use wachat::store::{LinkEnd, Step, StoreError};

use crate::client::Client;
use crate::stage::{ANN, OWNER, Stage};
use crate::world::{ALICE, World, eventually, eventually_within, stories};

/// Devices beside each other, and how often each is removed and added again as a web device: a hundred times in all.
const DEVICES: u64 = 4;
const ROUNDS: u64 = 25;
/// Within this time a new device shows a code.
const CODE: Duration = Duration::from_secs(2);

async fn add(client: &Client, id: &str, kind: &str, sender: Option<&str>) {
    let device = json!({"client_id": 1, "kind": kind, "device_id": id, "sender": sender});
    let reply = client.manage("POST", "/devices", Some(device)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
}

async fn remove(client: &Client, id: &str) {
    let reply = client.manage("DELETE", &format!("/devices/{id}"), None).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Lets a moment of the machine's time pass between a removal and an addition: the delay is what these stories vary, and nothing is
/// waited for by it.
async fn moment(ms: u64) {
    Clock::system().sleep(Duration::from_millis(ms)).await;
}

async fn begin_link(client: &Client, id: &str) {
    let reply = client.manage("POST", &format!("/devices/{id}/link"), None).await;
    assert!(reply.status < 300, "{}", reply.text);
}

async fn code(client: &Client, id: &str) -> String {
    eventually_within(CODE, &format!("a code of {id}"), async || {
        let reply = client.manage("GET", &format!("/devices/{id}/qr"), None).await;
        let link = client.manage("GET", &format!("/devices/{id}/link"), None).await;
        let device = client.manage("GET", &format!("/devices/{id}"), None).await;
        reply.body["data"]["qr"].as_str().map(str::to_owned).ok_or_else(|| format!("{} {}", link.text, device.text))
    })
    .await
}

async fn online(client: &Client, id: &str) {
    eventually(&format!("{id} is online"), async || {
        let device = client.manage("GET", &format!("/devices/{id}"), None).await;
        if device.body["data"]["state"] == "online" { Ok(()) } else { Err(device.text) }
    })
    .await;
}

/// A sandbox that goes live and back, again and again.
async fn go_live_and_back(client: &Client, number: u64) {
    let (id, sender) = (format!("1-{number:015}"), format!("62813333{number:04}"));
    add(client, &id, "sandbox", Some(&sender)).await;
    online(client, &id).await;
    for round in 0..ROUNDS {
        // From none to two seconds; at once, and while the former loop stops, most of all.
        let delay = if round % 2 == 0 { round * 3 } else { 2_000 * ((number * ROUNDS + round) % 100) / 99 };
        remove(client, &id).await;
        moment(delay).await;
        add(client, &id, "web", None).await;
        begin_link(client, &id).await;
        code(client, &id).await;
        remove(client, &id).await;
        moment(2_000 - delay).await;
        add(client, &id, "sandbox", Some(&sender)).await;
        online(client, &id).await;
        let body = json!({"queue": id, "destination": ALICE, "message": "trial"});
        let reply = client.post("/message", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
    }
    remove(client, &id).await;
}

/// What the management API says of a device.
async fn shown(world: &World, id: &str, path: &str) -> Value {
    world.client.manage("GET", &format!("/devices/{id}{path}"), None).await.body["data"].clone()
}

stories! {
    async fn a_device_that_is_removed_and_added_again_shows_a_code_at_once(database: Database) {
        let stage = Stage::unlinked(database).await;
        join_all((1..=DEVICES).map(|number| go_live_and_back(&stage.world.client, number))).await;
    }

    async fn a_linked_device_that_is_removed_is_off_the_phone_though_another_has_its_id_at_once(database: Database) {
        let mut stage = Stage::unlinked(database).await;
        "1-000000000000077".clone_into(&mut stage.device_id);
        let (client, id) = (&stage.world.client, &stage.device_id);
        for delay in [0, 0, 300] {
            add(client, id, "web", None).await;
            begin_link(client, id).await;
            let qr = code(client, id).await;
            stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
            online(client, id).await;
            client.manage("PATCH", &format!("/devices/{id}"), Some(json!({"gap_ms": 0, "gap_jitter_ms": 0, "warm_up": false}))).await;
            let sent = stage.send(ANN, "from the phone's number").await;
            stage.world.until(&sent, "D").await;
            remove(client, id).await;
            moment(delay).await;
            add(client, id, "sandbox", Some("628133333333")).await;
            online(client, id).await;
            eventually("the phone lists no device", async || {
                let listed = stage.listed().await;
                if listed == 0 { Ok(()) } else { Err(format!("{listed}")) }
            })
            .await;
            // The sandbox plays no reading of what really went to Ann.
            let tried = stage.send(ALICE, "tried").await;
            stage.world.until(&tried, "R").await;
            assert_eq!(stage.world.status(&sent).await["status"], "D");
            remove(client, id).await;
        }
        stage.network.assert_sound().await;
    }

    async fn a_device_that_is_removed_while_its_account_is_being_linked_frees_its_id_and_leaves_the_phone(database: Database) {
        let mut stage = Stage::unlinked(database).await;
        "1-000000000000079".clone_into(&mut stage.device_id);
        let (client, id) = (&stage.world.client, &stage.device_id);
        for delay in [0, 20, 50, 100, 150, 250, 400] {
            add(client, id, "web", None).await;
            begin_link(client, id).await;
            let qr = code(client, id).await;
            stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": qr})).await;
            moment(delay).await;
            remove(client, id).await;
            let removed_at = stage.world.clock.now();
            add(client, id, "web", None).await;
            begin_link(client, id).await;
            code(client, id).await;
            let took_ms = stage.world.clock.now() - removed_at;
            // Far below the time that WhatsApp is given to confirm the end of a link.
            assert!(took_ms < 5_000, "{took_ms} ms after a removal {delay} ms after the scan");
            eventually("the phone lists no device", async || {
                let listed = stage.listed().await;
                if listed == 0 { Ok(()) } else { Err(format!("{listed}, removed after {delay} ms")) }
            })
            .await;
            remove(client, id).await;
        }
        stage.world.stop().await;
    }

    async fn a_new_device_has_nothing_of_the_one_that_had_its_id(database: Database) {
        let world = World::held(database).await;
        let (client, id) = (&world.client, "1-000000000000078");
        add(client, id, "sandbox", Some("628133333333")).await;
        online(client, id).await;
        let lease = wachat::store::Lease { device_id: id.into(), epoch: 1 };
        let ref_no = world.send_with(json!({"queue": id, "destination": ALICE, "message": "before"})).await;
        world.until(&ref_no, "R").await;
        assert_eq!(shown(&world, id, "").await["counter"], 1);
        remove(client, id).await;
        assert_eq!(client.manage("GET", &format!("/devices/{id}/link"), None).await.status, 404);
        add(client, id, "sandbox", Some("628133333333")).await;
        online(client, id).await;
        let events = shown(&world, id, "/events").await;
        assert_eq!(events["items"].as_array().map(Vec::len), Some(1), "{events}");
        assert_eq!(shown(&world, id, "").await["counter"], 0);
        // Whatever the former one's loop still writes, changes nothing.
        let now = world.clock.now();
        assert!(matches!(world.store.end_link(&lease, LinkEnd::Unlinked { wished_at: 0 }, now).await, Ok(())));
        let ref_no = wachat::message::RefNo::parse(&ref_no).expect("a reference number");
        let step = Step::Aborted { at: now, reason: "late".into(), attempts: 1, uncounted: None };
        let late = wachat::store::Change::Step { ref_no, step };
        let late = world.store.record(&lease, vec![late].into()).await;
        assert!(matches!(late, Err(StoreError::NotOwner)), "{late:?}");
        assert_eq!(shown(&world, id, "").await["state"], "online");
    }
}
