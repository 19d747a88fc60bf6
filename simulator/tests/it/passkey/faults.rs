//! Faults at the passkey gate, as a client sees them; and the gate over the control API.

use std::time::Duration;

use serde_json::json;
use simulator::faults::{Fault, Hook, HowOften, LinkingEnd, PlannedFault, Scope};
use simulator::runtime::{Linking, PasskeyState, RequestError};
use simulator::wire::stanza::{Node, Read as _};
use whatsapp_rust::pair_code::PairCodeRejection;
use whatsapp_rust::prelude::Event;

use super::applicant::Applicant;
use super::{ANN, ann, passes, phone_is};
use crate::client::Client;
use crate::control::Control;
use crate::world::{World, patiently};

/// Adds a fault for Ann's next client.
fn plan(world: &World, fault: Fault) {
    let scope = Scope { account: Some(ANN.to_owned()), how_often: HowOften::Next(1), ..Scope::default() };
    world.network.add_fault(PlannedFault { fault, scope }).unwrap();
}

/// The notifications of a type that clients received.
fn notifications(world: &World, kind: &str) -> Vec<Node> {
    let entries = world.network.log().from(0, usize::MAX);
    let sent = entries.iter().filter(|entry| entry.device.is_none() && entry.node.tag == "notification");
    sent.map(|entry| Node::clone(&entry.node)).filter(|node| node.text("type").as_deref() == Some(kind)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_asks_for_options_that_were_left_out() {
    let (world, _phones, ann) = ann().await;
    plan(&world, Fault::PasskeyOptionsOmitted {});
    let applicant = Applicant::scanned(&world.network, &ann).await;
    assert!(!applicant.options().await.challenge.is_empty());
    assert!(notifications(&world, "passkey_prologue_request")[0].all().is_empty());
    passes(applicant, &ann).await;
    world.assert_nothing_unknown();
    assert_eq!(world.network.faults().log().lines(), [format!("1 passkey_options_omitted passkey_request {ANN}:0 #1")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_assertion_is_refused_once_and_taken_at_the_second_try() {
    let (world, _phones, ann) = ann().await;
    plan(&world, Fault::PasskeyAssertionRefused {});
    let applicant = Applicant::scanned(&world.network, &ann).await;
    let refused = applicant.answers(&ann).await.unwrap_err();
    assert!(refused.contains("code=401, text='not-authorized'"), "{refused}");
    assert_eq!(ann.passkey().state, PasskeyState::Waiting);
    passes(applicant, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_that_expired_ends_the_attempt() {
    let (world, _phones, ann) = ann().await;
    plan(&world, Fault::PasskeyChallengeExpired {});
    let applicant = Applicant::scanned(&world.network, &ann).await;
    let refused = applicant.answers(&ann).await.unwrap_err();
    assert!(refused.contains("code=410, text='gone'"), "{refused}");
    phone_is(&ann, PasskeyState::Failed).await;
    assert!(applicant.answers(&ann).await.unwrap_err().contains("code=410"), "there is no second try");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_does_not_go_on_is_silent_and_may_be_refused_on_the_phone() {
    let (world, _phones, ann) = ann().await;
    plan(&world, Fault::PasskeyNotContinued {});
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.answers(&ann).await.unwrap();
    phone_is(&ann, PasskeyState::Pairing).await;
    assert!(notifications(&world, "crsc_continuation").is_empty());
    ann.refuse_passkey().unwrap();
    assert!(patiently("the end", applicant.attempt.linked()).await.is_err());
    assert!(notifications(&world, "crsc_continuation").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commitment_that_the_phone_refuses_ends_the_attempt() {
    let (world, _phones, ann) = ann().await;
    plan(&world, Fault::PasskeyCommitmentRefused {});
    let applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.answers(&ann).await.unwrap();
    let error = applicant.fails().await;
    assert!(error.contains("companion_nonce iq failed") && error.contains("code=400"), "{error}");
    phone_is(&ann, PasskeyState::Failed).await;
    assert!(ann.passkey().reason.unwrap().contains("does not match its commitment"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_ignores_a_notification_of_the_typed_code_that_holds_no_keys() {
    let (world, _phones, ann) = ann().await;
    plan(&world, Fault::LinkCodeWithoutKeys {});
    let applicant = Applicant::typed(&world.network, &ann).await;
    // This returns only after everything sent earlier was written.
    applicant.options().await;
    let has_keys = |node: &Node| {
        let register = node.child("link_code_companion_reg").unwrap();
        assert!(register.child_bytes("link_code_pairing_ref").is_some());
        register.child("link_code_pairing_wrapped_primary_ephemeral_pub").is_some()
    };
    let sent: Vec<bool> = notifications(&world, "link_code_companion_reg").iter().map(has_keys).collect();
    assert_eq!(sent, [true, false]);
    passes(applicant, &ann).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_of_a_client_that_the_owner_refused_may_end_at_once() {
    for how in [LinkingEnd::StreamError(401), LinkingEnd::Failure(401)] {
        let (world, _phones, ann) = ann().await;
        let scope = Scope { hook: Some(Hook::PasskeyRefusal), ..Scope::default() };
        world.network.add_fault(PlannedFault { fault: Fault::LinkingEnded { how }, scope }).unwrap();
        let mut applicant = Applicant::scanned(&world.network, &ann).await;
        applicant.answers(&ann).await.unwrap();
        applicant.shows_code().await;
        ann.refuse_passkey().unwrap();
        applicant.ends().await;
        let is_told = |event: &Event| matches!(event, Event::LoggedOut(_)).then_some(());
        applicant.client.event("the end of its stream", is_told).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_code_is_scanned_again_at_the_gate_is_asked_again() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    let first = applicant.options().await.challenge;
    let references = world.network.replace_codes();
    let (_, keys) = applicant.qr.split_once(',').unwrap();
    assert!(matches!(ann.begin_scan(&applicant.qr).await, Err(RequestError::NotFound(_))));
    let scanned = ann.begin_scan(&format!("{},{keys}", references[0])).await.unwrap();
    assert!(matches!(scanned, Linking::PasskeyRequired(_)));
    let second = applicant.client.event("another request", |event| match event {
        Event::PairPasskeyRequest(request) if !request.request_options_json.contains(&first) => {
            serde_json::from_str(&request.request_options_json).ok()
        }
        _ => None,
    });
    let second = second.await;
    assert_eq!(ann.passkey().state, PasskeyState::Waiting);
    applicant.sends(&ann.use_passkey(&second).unwrap()).await.unwrap();
    let (code, _) = applicant.shows_code().await;
    assert_eq!(phone_is(&ann, PasskeyState::Confirm).await, Some(code));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_to_be_typed_is_refused_as_often_as_a_fault_says() {
    let (world, _phones, ann) = ann().await;
    let fault = Fault::LinkCodeRefused { code: 429, backoff_seconds: Some(90) };
    let scope = Scope { hook: Some(Hook::LinkCodeHello), how_often: HowOften::Next(1), ..Scope::default() };
    world.network.add_fault(PlannedFault { fault, scope }).unwrap();
    let client = Client::start_with_code(&world.network, ann.number()).await;
    let refused = client.event("a refusal", |event| match event {
        Event::PairingCodeError(error) => Some((error.rejection, error.backoff)),
        _ => None,
    });
    assert_eq!(refused.await, (Some(PairCodeRejection::RateOverlimit), Some(Duration::from_secs(90))));
    Client::start_with_code(&world.network, ann.number()).await.code().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_passes_the_gate_by_the_control_api() {
    let control = Control::new().await;
    let path = "people/15550001/passkey";
    let nothing = json!({"required": false, "state": "none", "code": null, "reason": null, "device": null});
    assert_eq!(control.get(path).await, (200, nothing));
    control.post(path, json!({"required": true})).await;
    let client = Client::start(&control.network).await;
    let qr = client.qr().await;
    let (status, scanned) = control.try_post("people/15550001/scan", json!({ "qr": qr })).await;
    assert_eq!((status, &scanned["required"], &scanned["state"]), (202, &json!(true), &json!("waiting")));
    let options = client
        .event("a request for a passkey", |event| match event {
            Event::PairPasskeyRequest(request) => Some(request.request_options_json.clone()),
            _ => None,
        })
        .await;
    let options: serde_json::Value = serde_json::from_str(&options).unwrap();
    let assertion = control.post(&format!("{path}/assertion"), json!({ "options": options })).await;
    assert_eq!(assertion["type"], "public-key");
    let foreign = json!({"options": {"challenge": "AQ", "rpId": "example.com"}});
    assert_eq!(control.try_post(&format!("{path}/assertion"), foreign).await.0, 400);
    assert_eq!(control.try_post(&format!("{path}/confirm"), json!({})).await.0, 409);
    let request = whatsapp_rust::passkey::parse_request_options(&options.to_string()).unwrap();
    assert_eq!((request.challenge.len(), request.timeout_ms), (32, Some(600_000)));
    let credential_id = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(assertion["rawId"].as_str().unwrap()).unwrap()
    };
    let assertion_json = assertion.to_string().into_bytes();
    let assertion = whatsapp_rust::passkey::Assertion { assertion_json, credential_id };
    client.client.send_passkey_response(assertion).await.unwrap();
    let shown = control.until(path, |status| Some(status["code"].as_str()?.to_owned())).await;
    let code = client
        .event("a code", |event| match event {
            Event::PairPasskeyConfirmation(shown) => Some(shown.code.clone()),
            _ => None,
        })
        .await;
    assert_eq!(shown, code);
    client.client.send_passkey_confirmation().await.unwrap();
    assert_eq!(control.try_post(&format!("{path}/confirm"), json!({})).await.0, 204);
    assert_eq!(control.until(path, |status| status["device"].as_u64()).await, 1);
    client.connected().await;
    assert_eq!(control.try_post(&format!("{path}/refuse"), json!({})).await.0, 409);
    control.post(path, json!({"required": false})).await;
}
