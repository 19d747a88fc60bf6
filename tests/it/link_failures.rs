//! Linking that fails, each time with its reason.

use serde_json::{Value, json};
use tokio::net::TcpListener;
use wachat::clock::Millis;

use crate::network::Network;
use crate::process::{Place, Serving};
use crate::stage::{OWNER, Stage};
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

    async fn a_phone_with_another_number_is_one_line_in_the_log_and_a_warning(database: Database) {
        let network = Network::start().await;
        network.person(OWNER, "Owner").await;
        let place = Place::new(database).await;
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("WACHAT_SIMULATED_NETWORK", network.url());
        let serving = Serving::start(command).await;
        let new = json!({"client_id": 1, "kind": "web", "sender": "628777000123"});
        let added = serving.client.manage("POST", "/devices", Some(new)).await;
        let device = format!("/devices/{}", added.body["data"]["device_id"].as_str().expect("an id"));
        let asked = serving.client.manage("POST", &format!("{device}/link"), None).await;
        assert!(asked.status < 300, "{}", asked.text);
        let link = async || serving.client.manage("GET", &format!("{device}/link"), None).await.body["data"].clone();
        let code = eventually("a code", async || {
            let link = link().await;
            link["code"].as_str().map(str::to_owned).ok_or(link.to_string())
        })
        .await;
        network.post(&format!("/people/{OWNER}/scan"), json!({"qr": code})).await;
        let failed = eventually("it is refused", async || {
            let link = link().await;
            if link["status"] == "failed" { Ok(link) } else { Err(link.to_string()) }
        })
        .await;
        assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains(OWNER)), "{failed}");
        let log = eventually("the log says so", async || {
            let log = serving.log();
            if log.contains("linking failed") { Ok(log) } else { Err(log) }
        })
        .await;
        assert!(serving.terminate().await.success());
        let is_event = |line: &&str| !line.contains("SIMULATED") && (line.contains(" WARN ") || line.contains(" ERROR "));
        let told: Vec<&str> = log.lines().filter(is_event).collect();
        assert!(told.len() == 1 && told[0].contains(" WARN ") && told[0].contains("linking failed"), "{log}");
        assert!(!log.contains("Client") && !log.contains("whatsapp_rust"), "{log}");
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
