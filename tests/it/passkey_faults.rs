//! The passkey step of linking, cut or met by silence at each point: what is said of it is the same
//! wherever it is read, and the next attempt links the account. And two devices that one phone links at the same time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::signed_in::{Browser, PASSWORD};
use crate::stage::{OWNER, Pace, Stage};
use crate::world::{Time, eventually, stories};

/// How far the step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// WhatsApp waits for the passkey.
    Asked,
    /// The passkey is on its way to WhatsApp.
    Giving,
    /// WhatsApp has it, and the phone has not gone on.
    Given,
    Comparing,
    /// The gateway's word that the codes are the same is on its way.
    Confirming,
    /// WhatsApp has it, and the phone's owner has not confirmed.
    Confirmed,
}

/// What goes wrong then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Cut,
    Silent,
}

/// What is said of it, with its code.
const CASES: &[(At, Wrong, &str, &str)] = &[
    (At::Asked, Wrong::Cut, "connection_lost", "the connection on which WhatsApp waited for the passkey ended"),
    (At::Asked, Wrong::Silent, "passkey_timed_out", "it was not given in time; link again"),
    (At::Giving, Wrong::Cut, "connection_lost", "the connection on which WhatsApp waited for the passkey ended"),
    // The client library may take the connection for lost before the time is over.
    (At::Giving, Wrong::Silent, "connection_lost", "link again"),
    (At::Given, Wrong::Cut, "connection_lost", "the connection on which WhatsApp waited for the passkey ended"),
    (At::Given, Wrong::Silent, "phone_timed_out", "the phone did not go on in time; open WhatsApp on it"),
    (At::Comparing, Wrong::Cut, "connection_lost", "WhatsApp ended the connection while the codes were compared"),
    (At::Comparing, Wrong::Silent, "code_not_compared", "the code was not compared with the phone's in time"),
    (At::Confirming, Wrong::Cut, "connection_lost", "WhatsApp ended the connection while the codes were compared"),
    (At::Confirming, Wrong::Silent, "connection_lost", "link again"),
    (At::Confirmed, Wrong::Cut, "connection_lost", "WhatsApp ended the connection while the codes were compared"),
    (At::Confirmed, Wrong::Silent, "phone_timed_out", "the phone did not confirm the code in time"),
];

impl Stage {
    /// Plans a fault of all connections of clients that are not logged in: the one of the attempt before may still be closing.
    async fn of_strangers(&self, fault: Value) {
        self.network.fault(fault, json!({"moment": "handshake", "how_often": "always"})).await;
    }

    async fn cuts(&self, direction: &str) {
        let fault = json!({"kind": "connection_cut", "direction": direction, "place": {"after_bytes": 0}});
        self.of_strangers(fault).await;
    }

    async fn falls_silent(&self) {
        self.of_strangers(json!({"kind": "slow_link", "latency_ms": 600_000})).await;
    }

    /// Links as far as this, and no further.
    async fn comes_to(&self, at: At, wrong: Wrong) {
        self.scan_or_type("qr").await;
        let assertion = self.assertion().await;
        if at == At::Asked {
            return;
        }
        match (at, wrong) {
            (At::Giving, Wrong::Cut) => self.cuts("to_server").await,
            (At::Giving, Wrong::Silent) => self.falls_silent().await,
            (At::Given, _) => {
                self.network.fault(json!({"kind": "passkey_not_continued"}), json!({"account": OWNER})).await;
            }
            _ => {}
        }
        let since = self.network.get("/stanzas?limit=1").await["next"].clone();
        assert_eq!(self.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        match at {
            At::Giving => return,
            At::Given => {
                self.until_answered(&since, "passkey_prologue").await;
                self.until_passkey("sent").await;
                return;
            }
            _ => drop(self.until_passkey("confirm").await),
        }
        match (at, wrong) {
            (At::Comparing, _) => return,
            (At::Confirming, Wrong::Cut) => self.cuts("to_server").await,
            (At::Confirming, Wrong::Silent) => self.falls_silent().await,
            _ => {}
        }
        let since = self.network.get("/stanzas?limit=1").await["next"].clone();
        assert_eq!(self.ask("POST", "/passkey/confirm", None).await.status, 202);
        if at == At::Confirmed {
            self.until_answered(&since, "encrypted_pairing_request").await;
        }
    }

    /// Waits until the network has been sent this, and has answered.
    async fn until_answered(&self, since: &Value, words: &str) {
        eventually(&format!("{words} is answered"), async || {
            let page = self.network.get(&format!("/stanzas?from={since}&limit=500")).await;
            let stanzas = page["stanzas"].as_array().expect("a list");
            let asked = stanzas.iter().position(|one| one["stanza"].as_str().is_some_and(|text| text.contains(words)));
            let answered = asked.is_some_and(|at| {
                stanzas[at..].iter().any(|one| {
                    one["direction"] == "to_client"
                        && one["stanza"].as_str().is_some_and(|text| text.starts_with("<iq"))
                })
            });
            if answered { Ok(()) } else { Err(page.to_string()) }
        })
        .await;
    }
}

stories! {
    async fn whatever_goes_wrong_in_the_step_is_said_and_the_next_attempt_links(database: Database) {
        let stage = Stage::with_passkey(database, Time::Held).await;
        let hash = wachat::password::hash(PASSWORD, &wachat::clock::Clock::system()).expect("a hash");
        stage.world.store.choose_password(1, hash, 0, 0).await.expect("stored");
        let browser = Browser::of(&stage.world, "admin").await;
        let console = format!("/console/devices/{}/link", stage.device_id);
        for (at, wrong, code, words) in CASES {
            let page = stage.share().await;
            stage.moving(Pace::REAL, stage.comes_to(*at, *wrong)).await;
            if *wrong == Wrong::Cut && !matches!(at, At::Giving | At::Confirming) {
                stage.cuts("to_client").await;
                // Something is sent to the client, and cut off.
                stage.network.post("/codes/replace", json!({})).await;
            }
            let step = Duration::from_millis(if *wrong == Wrong::Cut { 50 } else { 5_000 });
            stage.moving(Pace { step, ..Pace::REAL }, stage.until_not_linked(words)).await;
            for path in ["/link", "/passkey"] {
                assert_eq!(stage.manage("GET", path, None).await["reason_code"], *code, "{at:?} {wrong:?} {path}");
            }
            let device = stage.manage("GET", "", None).await;
            assert_eq!(device["state_reason"], stage.manage("GET", "/link", None).await["reason"], "{at:?} {wrong:?}");
            let html = words.replace('\'', "&#39;");
            // What was begun on a page that has expired since is no longer shown on it.
            let shared = (*wrong == Wrong::Cut).then_some(stage.visit("GET", &page, "").await.text);
            for shown in [Some(browser.get(&console).await.text), shared].into_iter().flatten() {
                assert!(shown.contains("Not linked") && shown.contains(&html), "{at:?} {wrong:?}: {shown}");
                assert!(*words == "link again" || shown.matches(&html).count() == 1, "{at:?} {wrong:?}: said more than once");
            }
            stage.network.heal().await;
            // At once.
            stage.moving(Pace::REAL, stage.scan_or_type("qr")).await;
            assert!(stage.moving(Pace::REAL, stage.assertion()).await["id"].is_string(), "{at:?} {wrong:?}");
            assert_eq!(stage.ask("DELETE", "/link", None).await.status, 202);
            stage.moving(Pace::REAL, stage.until_state("unlinked")).await;
        }
        let links = async {
            stage.goes_to("confirm").await;
            stage.compare().await;
            stage.is_linked().await;
        };
        stage.moving(Pace::REAL, Box::pin(links)).await;
        stage.world.stop().await;
    }

    async fn two_devices_that_one_phone_links_at_once_are_kept_apart(database: Database) {
        // Whose step is taken first once both are at it, and what becomes of the other one.
        for (first_goes_on, other_ends) in [(true, "confirms"), (false, "confirms"), (false, "cancels")] {
            let first = Stage::with_passkey(database, Time::Machine).await;
            let made = first.world.client.manage("POST", "/devices", Some(json!({"client_id": 1, "kind": "web"}))).await;
            let other_id = made.body["data"]["device_id"].as_str().expect("an id").to_owned();
            let other = first.of_device(&other_id);
            first.goes_to("required").await;
            let (own, asked) = (first.assertion().await, first.manage("GET", "/passkey", None).await);
            if !first_goes_on {
                assert_eq!(first.ask("POST", "/passkey", Some(own.clone())).await.status, 202);
                first.until_passkey("confirm").await;
            }
            // The phone shows one attempt: it goes on with the one that was begun last.
            let other_asked = other.is_asked().await;
            assert_ne!(asked["options"]["challenge"], other_asked["options"]["challenge"]);
            assert_ne!(asked["pairing_link"], other_asked["pairing_link"]);
            let refused = other.ask("POST", "/passkey", Some(own.clone())).await;
            assert!(refused.status == 422 && refused.text.contains("it answers another request of WhatsApp"), "{}", refused.text);
            assert_eq!(other.ask("GET", "/passkey", None).await.body["data"]["status"], "required");
            match (first_goes_on, other_ends) {
                (true, _) => assert_eq!(first.ask("POST", "/passkey", Some(own)).await.status, 202),
                (false, "confirms") => assert_eq!(first.ask("POST", "/passkey/confirm", None).await.status, 202),
                _ => assert_eq!(first.ask("DELETE", "/link", None).await.status, 202),
            }
            let link = first.until_link("failed").await;
            let code = match (first_goes_on, other_ends) {
                (true, _) => "passkey_refused",
                (false, "confirms") => "refused_on_phone",
                _ => "cancelled",
            };
            assert_eq!(link["reason_code"], code, "{link}");
            // None of it is the other's.
            assert_eq!(other.ask("GET", "/passkey", None).await.body["data"]["status"], "required");
            other.links(&other_asked).await;
            assert_eq!(first.until_state("unlinked").await["linked_at"], Value::Null);
            assert_eq!(first.listed().await, 1);
            first.world.stop().await;
        }
    }
}

/// Another device of the stage's gateway.
struct Other<'a> {
    stage: &'a Stage,
    path: String,
}

impl Stage {
    fn of_device<'a>(&'a self, id: &str) -> Other<'a> {
        Other { stage: self, path: format!("/devices/{id}") }
    }
}

impl Other<'_> {
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> crate::client::Reply {
        self.stage.world.client.manage(method, &format!("{}{path}", self.path), body).await
    }

    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{path} is as wanted"), async || {
            let reply = self.ask("GET", path, None).await;
            if wanted(&reply.body["data"]) { Ok(reply.body["data"].clone()) } else { Err(reply.text) }
        })
        .await
    }

    /// Links as far as WhatsApp's request for the passkey; gives it.
    async fn is_asked(&self) -> Value {
        assert_eq!(self.ask("POST", "/link", None).await.status, 202);
        let link = self.until("/link", |link| link["code"].is_string()).await;
        self.stage.network.post(&format!("/people/{OWNER}/scan"), json!({"qr": link["code"]})).await;
        self.until("/passkey", |step| step["status"] == "required").await
    }

    /// Goes on from there to the end.
    async fn links(&self, asked: &Value) {
        let assertion = self.stage.owner("/assertion", json!({"options": asked["options"]})).await;
        assert_eq!(self.ask("POST", "/passkey", Some(assertion)).await.status, 202);
        let step = self.until("/passkey", |step| step["status"] == "confirm").await;
        let phone = self.stage.network.get(&format!("/people/{OWNER}/passkey")).await;
        assert_eq!(phone["code"], step["code"], "{phone} {step}");
        self.stage.owner("/confirm", json!({})).await;
        assert_eq!(self.ask("POST", "/passkey/confirm", None).await.status, 202);
        self.until("", |device| device["state"] == "online").await;
    }
}
