//! What stories of linked accounts play on: a gateway on a simulated WhatsApp network.

use serde_json::json;
use wachat::settings::Settings;

use crate::network::Network;
use crate::world::{Database, Time, World, eventually};

/// The person whose phone links the gateway, and one who is written to.
pub const OWNER: &str = "628110000001";
pub const ANN: &str = "628110000011";

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

    /// The same, not linked yet.
    pub async fn unlinked(database: Database) -> Self {
        let network = Network::start().await;
        network.person(OWNER, "Owner").await;
        network.person(ANN, "Ann").await;
        let url = network.url();
        let world = World::with(database, Time::Machine, |settings: &mut Settings| {
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

    /// The code that is to be scanned.
    pub async fn qr(&self) -> String {
        eventually("a code", async || {
            let reply = self.world.client.manage("GET", &format!("/devices/{}/qr", self.device_id), None).await;
            reply.body["data"]["qr"].as_str().map(str::to_owned).ok_or(reply.text)
        })
        .await
    }

    /// Sends a text from the linked account; gives its reference number.
    pub async fn send(&self, to: &str, text: &str) -> String {
        self.world.send_with(json!({"queue": self.device_id, "destination": to, "message": text})).await
    }
}
