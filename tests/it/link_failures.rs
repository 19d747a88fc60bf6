//! Linking that fails, each time with its reason.

use serde_json::{Value, json};
use tokio::net::TcpListener;
use wachat::clock::Millis;

use crate::stage::Stage;
use crate::world::{Database, Time, World, eventually, stories};

/// Whoever waits for a code learns within this that none can come.
const PATIENCE_MS: Millis = 10_000;

/// A gateway whose WhatsApp network is at this address, with a device that is not linked; gives its id.
async fn behind(database: Database, url: String) -> (World, String) {
    let world = World::with(database, Time::Machine, |settings| settings.simulated_network = Some(url)).await;
    let added = world.client.manage("POST", "/devices", Some(json!({"client_id": 1, "kind": "web"}))).await;
    let id = added.body["data"]["device_id"].as_str().expect("an id").to_owned();
    (world, id)
}

/// Waits until linking has failed; gives how it is shown.
async fn until_failed(world: &World, id: &str) -> Value {
    eventually("linking fails", async || {
        let link = world.client.manage("GET", &format!("/devices/{id}/link"), None).await.body["data"].clone();
        if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
    })
    .await
}

stories! {
    async fn a_network_that_cannot_be_reached_is_the_reason_within_ten_seconds(database: Database) {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let nobody = closed.local_addr().expect("an address");
        drop(closed);
        let (world, id) = behind(database, format!("http://{nobody}")).await;
        let cases = [(nobody, json!({}), "/link"), (nobody, json!({"phone": "6281234567890"}), "/pairing-code")];
        for (address, body, path) in cases {
            let begun = world.clock.now();
            let asked = world.client.manage("POST", &format!("/devices/{id}{path}"), Some(body)).await;
            assert!(asked.status == 202 || asked.status == 409, "{}", asked.text);
            let reason = until_failed(&world, &id).await["reason"].as_str().expect("a reason").to_owned();
            assert!(reason.contains(&format!("this server cannot reach {address} (")), "{reason}");
            assert!(reason.contains("refused") && world.clock.now() - begun < PATIENCE_MS, "{reason}");
        }
        let device = world.client.manage("GET", &format!("/devices/{id}"), None).await;
        assert_eq!(device.body["data"]["state"], "unlinked", "{}", device.text);
        world.stop().await;
    }

    async fn a_network_that_never_answers_is_the_reason_within_ten_seconds(database: Database) {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("an address");
        let (world, id) = behind(database, format!("http://{address}")).await;
        let begun = world.clock.now();
        world.client.manage("POST", &format!("/devices/{id}/link"), None).await;
        let reason = until_failed(&world, &id).await["reason"].as_str().expect("a reason").to_owned();
        assert!(reason.contains(&format!("this server cannot reach {address} (no answer)")), "{reason}");
        assert!(world.clock.now() - begun < PATIENCE_MS, "{reason}");
        world.stop().await;
    }

    async fn a_number_that_nobody_has_gets_no_code_and_the_reason_says_so(database: Database) {
        let stage = Stage::unlinked(database).await;
        let body = json!({"phone": "6281234567890"});
        stage.world.client.manage("POST", &format!("/devices/{}/pairing-code", stage.device_id), Some(body)).await;
        let link = until_failed(&stage.world, &stage.device_id).await;
        assert_eq!(link["reason"], "WhatsApp gave no code: this number is not on WhatsApp; check it");
        stage.world.stop().await;
    }
}
