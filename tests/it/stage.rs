//! What stories of linked accounts play on: a gateway on a simulated WhatsApp network.

use std::time::Duration;

use serde_json::{Value, json};
use wachat::message::RefNo;
use wachat::settings::Settings;

use crate::network::Network;
use crate::world::{Database, Time, World, eventually};

/// The person whose phone links the gateway, and one who is written to.
pub const OWNER: &str = "628110000001";
pub const ANN: &str = "628110000011";

/// How fast a held clock goes on.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub step: Duration,
    /// In the time of the machine.
    pub every: Duration,
}

impl Pace {
    /// As fast as that of the machine.
    pub const REAL: Self = Self { step: Duration::from_millis(50), every: Duration::from_millis(50) };
}

/// A gateway on a simulated network, with one device that is linked to the owner's phone.
pub struct Stage {
    pub network: Network,
    pub world: World,
    pub device_id: String,
}

impl Stage {
    pub async fn new(database: Database) -> Self {
        let stage = Self::unlinked(database).await;
        stage.link(OWNER).await;
        stage
    }

    /// The same, on a clock that stands still until the story moves it. The network's and the client library's go on.
    pub async fn held(database: Database) -> Self {
        let stage = Self::at(database, Time::Held).await;
        stage.link(OWNER).await;
        stage
    }

    /// The same, not linked yet.
    pub async fn unlinked(database: Database) -> Self {
        Self::at(database, Time::Machine).await
    }

    /// Not linked yet, on this time.
    pub async fn at(database: Database, time: Time) -> Self {
        let network = Network::start().await;
        network.person(OWNER, "Owner").await;
        network.person(ANN, "Ann").await;
        let url = network.url();
        let world = World::with(database, time, |settings: &mut Settings| {
            settings.simulated_network = Some(url);
        })
        .await;
        let device = json!({"client_id": 1, "kind": "web"});
        let reply = world.client.manage("POST", "/devices", Some(device)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let device_id = reply.body["data"]["device_id"].as_str().expect("an id").to_owned();
        let off = json!({"gap_ms": 0, "gap_jitter_ms": 0, "warm_up": false});
        world.client.manage("PATCH", &format!("/devices/{device_id}"), Some(off)).await;
        Self { network, world, device_id }
    }

    /// Links the device by the code that this person's phone scans.
    pub async fn link(&self, number: &str) {
        let reply = self.world.client.manage("POST", &format!("/devices/{}/link", self.device_id), None).await;
        assert!(reply.status < 300, "{}", reply.text);
        let qr = self.qr().await;
        self.network.post(&format!("/people/{number}/scan"), json!({"qr": qr})).await;
        self.world.until_online(&self.device_id).await;
    }

    /// Stops the gateway in order, lets something happen meanwhile, and starts it again.
    pub async fn restart(self, meanwhile: impl AsyncFnOnce(&Network)) -> Self {
        let Self { network, world, device_id } = self;
        let down = world.end().await;
        meanwhile(&network).await;
        let world = down.start().await;
        world.until_online(&device_id).await;
        Self { network, world, device_id }
    }

    /// Lets the held clock go on while something is done: the gateway waits by it, and pages keep up by it.
    pub async fn moving<T>(&self, pace: Pace, done: impl Future<Output = T>) -> T {
        let moved = async {
            let mut ticks = tokio::time::interval(pace.every);
            loop {
                ticks.tick().await;
                self.world.advance(pace.step).await;
            }
        };
        tokio::select! {
            done = done => done,
            () = moved => unreachable!("it moves on and on"),
        }
    }

    /// The code that is to be scanned.
    pub async fn qr(&self) -> String {
        eventually("a code", async || {
            let reply = self.world.client.manage("GET", &format!("/devices/{}/qr", self.device_id), None).await;
            let link = self.manage("GET", "/link", None).await;
            reply.body["data"]["qr"].as_str().map(str::to_owned).ok_or_else(|| link.to_string())
        })
        .await
    }

    /// Sends a text from the linked account; gives its reference number.
    pub async fn send(&self, to: &str, text: &str) -> String {
        self.world.send_with(json!({"queue": self.device_id, "destination": to, "message": text})).await
    }
    /// Asks the management API about the device, which does as it is told; gives its answer's `data`.
    pub async fn manage(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let reply = self.world.client.manage(method, &format!("/devices/{}{path}", self.device_id), body).await;
        assert!(reply.status < 300, "{}", reply.text);
        reply.body["data"].clone()
    }

    /// Waits until the device is in a state; gives it as the API shows it.
    pub async fn until_state(&self, state: &str) -> Value {
        eventually(&format!("the device is {state}"), async || {
            let device = self.manage("GET", "", None).await;
            if device["state"] == state { Ok(device) } else { Err(device.to_string()) }
        })
        .await
    }

    /// How often the device entered a state.
    pub async fn entered(&self, state: &str) -> usize {
        let events = self.manage("GET", "/events?limit=500", None).await;
        events["items"].as_array().into_iter().flatten().filter(|event| event["state"] == state).count()
    }

    /// Waits until the device has entered a state so often, though it may have left it again.
    pub async fn until_entered(&self, state: &str, times: usize) {
        eventually(&format!("the device was {state} {times} times"), async || {
            let entered = self.entered(state).await;
            if entered >= times { Ok(()) } else { Err(format!("{entered} times")) }
        })
        .await;
    }

    /// Waits until a message is shown as one that waits for its gateway, for the reason that the gateway tells itself: what the API
    /// knows of gateways may be a second old.
    pub async fn until_waits(&self, ref_no: &str) {
        eventually(&format!("{ref_no} waits for its device"), async || {
            let (message, device) = (self.world.status(ref_no).await, self.manage("GET", "", None).await);
            let is_told = message["reason"].is_string() && message["reason_code"] == device["state_code"];
            let is_it = message["status"] == "U" && message["sent_date"].is_null() && is_told;
            if is_it { Ok(()) } else { Err(format!("{message} {device}")) }
        })
        .await;
    }

    /// A fault that strikes the linked device, as often as it says; gives its number.
    pub async fn fault(&self, fault: Value, how_often: Value) -> i64 {
        self.network.fault(fault, json!({"account": OWNER, "how_often": how_often})).await
    }

    /// Waits until faults have struck so often.
    pub async fn until_struck(&self, times: usize) {
        eventually(&format!("faults struck {times} times"), async || {
            let log = self.network.get("/faults/log").await;
            let struck = log["entries"].as_array().map_or(0, Vec::len);
            if struck >= times { Ok(()) } else { Err(log.to_string()) }
        })
        .await;
    }

    /// How many stanzas under a message's id came to the network.
    pub async fn handed_over(&self, ref_no: &str) -> usize {
        let id = RefNo::parse(ref_no).expect("a reference number").whatsapp_id();
        let stanzas = self.network.get("/stanzas").await;
        let is_it = |stanza: &&Value| {
            let text = stanza["stanza"].as_str().unwrap_or_default();
            stanza["direction"] == "to_server" && text.starts_with("<message") && text.contains(&id)
        };
        stanzas["stanzas"].as_array().into_iter().flatten().filter(is_it).count()
    }

    /// The messages with this text that came in.
    pub async fn came_in(&self, text: &str) -> Vec<Value> {
        let inbox = self.world.client.manage("GET", "/inbox?limit=500", None).await;
        let all = inbox.body["data"]["items"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["msg"] == text).collect()
    }

    /// Waits until a message with this text came in.
    pub async fn until_in(&self, text: &str) -> Value {
        eventually(&format!("'{text}' came in"), async || {
            self.came_in(text).await.first().cloned().ok_or_else(|| "nothing".to_owned())
        })
        .await
    }

    /// The devices that the owner's phone lists beside itself.
    pub async fn listed(&self) -> usize {
        let owner = self.network.get(&format!("/people/{OWNER}")).await;
        owner["devices"].as_array().map_or(0, Vec::len) - 1
    }
}
