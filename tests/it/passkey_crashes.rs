//! `kill -9` at each step of linking an account of which WhatsApp asks a passkey: nothing is damaged, the attempt says what became of it,
//! and the account is linked in the end.

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::network::Network;
use crate::process::{Place, Serving};
use crate::stage::{ANN, OWNER};
use crate::world::{Database, eventually, stories};

/// How far linking is when the gateway is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Begun,
    CodeShown,
    Asked,
    /// The assertion was taken, and WhatsApp may have it.
    Answered,
    /// Both show the code, and nobody has confirmed it.
    Compared,
    ConfirmedOnPhone,
    ConfirmedHere,
    /// The codes were confirmed on both sides, and WhatsApp may have linked the account.
    Confirmed,
}

/// A place for a gateway, and a network on which the owner's account has a passkey.
pub struct Office {
    pub network: Network,
    pub place: Place,
    /// Its path in the management API.
    pub device: String,
}

impl Office {
    pub async fn new(database: Database) -> Self {
        let network = Network::start().await;
        network.person(OWNER, "Owner").await;
        network.person(ANN, "Ann").await;
        network.post(&format!("/people/{OWNER}/passkey"), json!({"required": true})).await;
        let mut office = Self { network, place: Place::new(database).await, device: String::new() };
        let serving = office.serve().await;
        let added = serving.client.manage("POST", "/devices", Some(json!({"client_id": 1, "kind": "web"}))).await;
        office.device = format!("/devices/{}", added.body["data"]["device_id"].as_str().expect("an id"));
        let off = json!({"gap_ms": 0, "gap_jitter_ms": 0, "warm_up": false});
        assert_eq!(serving.client.manage("PATCH", &office.device, Some(off)).await.status, 200);
        serving.kill();
        office
    }

    pub async fn serve(&self) -> Serving {
        let mut command = self.place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("WACHAT_SIMULATED_NETWORK", self.network.url());
        Serving::start(command).await
    }

    async fn ask(&self, client: &Client, method: &str, path: &str, body: Option<Value>) -> Reply {
        client.manage(method, &format!("{}{path}", self.device), body).await
    }

    /// Waits until a part of the device is as wanted; gives it.
    pub async fn until(&self, client: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{path} is as wanted"), async || {
            let reply = self.ask(client, "GET", path, None).await;
            if wanted(&reply.body["data"]) { Ok(reply.body["data"].clone()) } else { Err(reply.text) }
        })
        .await
    }

    /// Has the phone link the account, so that only WhatsApp is still to let the gateway in.
    pub async fn links_as_far_as_login(&self, client: &Client, has_passkey: bool) {
        if has_passkey {
            self.goes_to(client, Moment::Confirmed).await;
        } else {
            assert_eq!(self.ask(client, "POST", "/link", None).await.status, 202);
            let link = self.until(client, "/link", |link| link["code"].is_string()).await;
            self.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": link["code"]})).await;
        }
        self.until(client, "/link", |link| link["status"] == "connecting").await;
    }

    /// Links the account as far as a moment.
    async fn goes_to(&self, client: &Client, moment: Moment) {
        assert_eq!(self.ask(client, "POST", "/link", None).await.status, 202);
        if moment == Moment::Begun {
            return;
        }
        let link = self.until(client, "/link", |link| link["code"].is_string()).await;
        if moment == Moment::CodeShown {
            return;
        }
        self.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": link["code"]})).await;
        let step = self.until(client, "/passkey", |step| step["status"] == "required").await;
        if moment == Moment::Asked {
            return;
        }
        if moment == Moment::Answered {
            // Otherwise there may be a code before the gateway is killed.
            self.network.fault(json!({"kind": "passkey_not_continued"}), json!({"account": OWNER})).await;
        }
        let options = json!({"options": step["options"]});
        let assertion = self.network.post(&format!("/people/{OWNER}/passkey/assertion"), options).await;
        assert_eq!(self.ask(client, "POST", "/passkey", Some(assertion)).await.status, 202);
        if moment == Moment::Answered {
            return;
        }
        self.until(client, "/passkey", |step| step["status"] == "confirm").await;
        if moment == Moment::Compared {
            return;
        }
        if moment != Moment::ConfirmedHere {
            self.network.post(&format!("/people/{OWNER}/passkey/confirm"), json!({})).await;
        }
        if moment != Moment::ConfirmedOnPhone {
            assert_eq!(self.ask(client, "POST", "/passkey/confirm", None).await.status, 202);
        }
    }
}

impl Moment {
    /// What became of the attempt, where a restart ends it, and what is to be done.
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Begun | Self::CodeShown => None,
            Self::Asked => Some("the gateway was restarted while WhatsApp waited for the passkey; link again"),
            Self::Answered => Some(
                "the gateway was restarted after the passkey was given, before there was a code to compare; link again",
            ),
            Self::Compared | Self::ConfirmedOnPhone => Some(
                "the gateway was restarted before the code was confirmed here, so no account is linked; refuse the code on the \
                 phone if it still shows it, and link again",
            ),
            Self::ConfirmedHere | Self::Confirmed => Some(
                "the gateway was restarted after the code was confirmed here, before it knew the account as linked; if the phone \
                 lists it under Linked devices now, remove it there, and link again",
            ),
        }
    }
}

stories! {
    async fn a_kill_at_any_step_loses_the_attempt_at_most(database: Database) {
        let office = Office::new(database).await;
        for moment in [
            Moment::Begun, Moment::CodeShown, Moment::Asked, Moment::Answered, Moment::Compared, Moment::ConfirmedOnPhone,
            Moment::ConfirmedHere,
        ] {
            let serving = office.serve().await;
            office.goes_to(&serving.client, moment).await;
            serving.kill();
            office.network.heal().await;
            let serving = office.serve().await;
            let link = office.until(&serving.client, "/link", |link| link["code"].is_string() || link["status"] == "failed").await;
            match moment.reason() {
                // It goes on, with a code of the new connection.
                None => assert_eq!(link["status"], "shown", "{moment:?}: {link}"),
                Some(reason) => {
                    assert_eq!((&link["reason"], &link["reason_code"]), (&json!(reason), &json!("restarted")), "{moment:?}: {link}");
                    let device = office.until(&serving.client, "", |device| device["state"] == "unlinked").await;
                    assert_eq!(device["state_reason"], reason, "{moment:?}: {device}");
                    let step = office.until(&serving.client, "/passkey", |step| step["status"] == "failed").await;
                    assert_eq!(step["reason"], reason, "{moment:?}: {step}");
                    let is_told = |events: &Value| {
                        events["items"].as_array().into_iter().flatten().any(|event| event["state"] == "unlinked" && event["reason"] == reason)
                    };
                    office.until(&serving.client, "/events", is_told).await;
                }
            }
            serving.kill();
        }
        let serving = office.serve().await;
        office.goes_to(&serving.client, Moment::Confirmed).await;
        serving.kill();
        let serving = office.serve().await;
        // Either the account was linked before, or the attempt has failed and is made again.
        let device = office.until(&serving.client, "", |device| ["online", "unlinked"].contains(&device["state"].as_str().unwrap_or_default())).await;
        if device["state"] == "unlinked" {
            assert_eq!(device["state_reason"], Moment::Confirmed.reason().expect("one"), "{device}");
            office.goes_to(&serving.client, Moment::Confirmed).await;
            office.until(&serving.client, "", |device| device["state"] == "online").await;
        }
        let queue = office.device.trim_start_matches("/devices/");
        let message = json!({"queue": queue, "destination": ANN, "message": "linked after all"});
        let sent = serving.client.post("/whatsapp/message", &message).await;
        assert_eq!(sent.status, 201, "{}", sent.text);
        office.network.shows_text(ANN, "linked after all").await;
        assert!(serving.terminate().await.success());
    }
}
