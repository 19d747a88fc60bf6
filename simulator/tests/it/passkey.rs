//! Linking a client to an account that requires a passkey.

use std::sync::Arc;

use simulator::phone::passkey::{ORIGIN, RELYING_PARTY, USER_PRESENT, USER_VERIFIED, authenticator_data, client_data};
use simulator::runtime::{PasskeyState, Person, Phones, RequestError};
use simulator::wire::stanza::Read as _;
use whatsapp_rust::passkey::CallbackAuthenticator;
use whatsapp_rust::wacore::store::traits::DeviceStore as _;

use crate::client::Client;
use crate::world::{World, patiently};

mod applicant;
mod faults;
mod raw;

use applicant::Applicant;
use raw::Raw;

const ANN: &str = "15550001";

/// A network with Ann, who requires a passkey.
async fn ann() -> (World, Phones, Person) {
    let world = World::new().await;
    let phones = Phones::new(world.network.clone());
    let ann = phones.add(ANN, "Ann").await.unwrap();
    ann.require_passkey();
    (world, phones, ann)
}

/// Waits until Ann's phone is in a state; returns the code that it shows.
async fn phone_is(ann: &Person, state: PasskeyState) -> Option<String> {
    patiently(state.name(), ann.wait_for_passkey_state(state)).await.unwrap().code
}

/// Takes a client without a proof from its passkey request until it is linked.
async fn passes(mut applicant: Applicant, ann: &Person) -> Client {
    applicant.answers(ann).await.unwrap();
    let (code, skips) = applicant.shows_code().await;
    assert_eq!((phone_is(ann, PasskeyState::Confirm).await, skips), (Some(code), false));
    ann.confirm_passkey().unwrap();
    applicant.confirms().await.unwrap();
    let device = patiently("the link", applicant.attempt.linked()).await.unwrap();
    applicant.client.connected().await;
    let status = ann.passkey();
    assert_eq!((status.state, status.device, status.code), (PasskeyState::Linked, Some(device.index()), None));
    assert!(device.is_connected());
    applicant.client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_code_was_scanned_is_linked_with_the_passkey() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    assert_eq!(ann.passkey().state, PasskeyState::Waiting);
    let again = ann.scan(&applicant.qr).await;
    assert!(matches!(again, Err(RequestError::NotFound(_))), "codes are not valid any more");
    passes(applicant, &ann).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_code_was_typed_is_linked_with_the_passkey() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::typed(&world.network, &ann).await;
    passes(applicant, &ann).await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_that_is_not_required_any_more_is_not_asked_for() {
    let (world, _phones, ann) = ann().await;
    ann.waive_passkey();
    let client = Client::start(&world.network).await;
    ann.scan(&client.qr().await).await.unwrap();
    client.connected().await;
    assert_eq!((ann.passkey().required, ann.passkey().state), (false, PasskeyState::None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_was_linked_before_proves_that_its_code_was_scanned_and_compares_none() {
    let (world, _phones, ann) = ann().await;
    ann.waive_passkey();
    let client = Client::start(&world.network).await;
    ann.scan(&client.qr().await).await.unwrap();
    client.connected().await;
    let backend = client.stop().await;
    ann.unlink(1).await.unwrap();
    ann.require_passkey();
    // The client links again if its store has no number; the account in it means that it was linked before.
    let mut device = backend.load().await.unwrap().unwrap();
    device.pn = None;
    backend.save(&device).await.unwrap();
    let client = Client::resume(&world.network, backend).await;
    let holder = ann.clone();
    client
        .client
        .set_passkey_authenticator(Arc::new(CallbackAuthenticator::new(move |request| {
            let options = serde_json::from_str(&request.raw_options_json).unwrap();
            let assertion = holder.use_passkey(&options).unwrap();
            let credential_id = holder.authenticator().credential_id().to_vec();
            let assertion_json = serde_json::to_vec(&assertion).unwrap();
            Box::pin(async move { Ok(whatsapp_rust::passkey::Assertion { assertion_json, credential_id }) })
        })))
        .await;
    let mut applicant = Applicant::with(client, &ann).await;
    let (code, skips) = applicant.shows_code().await;
    assert!(skips, "{code}");
    patiently("the link", applicant.attempt.linked()).await.unwrap();
    applicant.client.connected().await;
    assert_eq!((ann.passkey().state, ann.passkey().code), (PasskeyState::Linked, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_client_may_prove_it_too_with_the_secret_of_its_code() {
    let (world, _phones, ann) = ann().await;
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    let assertion = ann.use_passkey(&applicant.options().await).unwrap();
    let mut raw = Raw::new(&applicant, &world.network);
    raw.fetch_reference().await;
    assert_eq!(raw.prologue_with_proof(&assertion, &[9; 32]).await, Err(401));
    assert_eq!(ann.passkey().state, PasskeyState::Waiting, "it may try again");
    let secret = raw.shown.secret;
    raw.prologue_with_proof(&assertion, &secret).await.unwrap();
    let primary = raw.continuation().await;
    raw.reveals().await.unwrap();
    let identity = raw.shown.identity;
    raw.requests(&primary, &identity).await.unwrap();
    patiently("the link", applicant.attempt.linked()).await.unwrap();
    applicant.client.connected().await;
    world.assert_nothing_unknown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_proof_is_admitted_when_the_phone_confirms_however_early_it_asks() {
    let (world, _phones, ann) = ann().await;
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.answers(&ann).await.unwrap();
    applicant.shows_code().await;
    applicant.confirms().await.unwrap();
    assert!(phone_is(&ann, PasskeyState::Confirm).await.is_some());
    assert!(ann.account().device(1).is_none());
    ann.confirm_passkey().unwrap();
    patiently("the link", applicant.attempt.linked()).await.unwrap();
    applicant.client.connected().await;
    assert!(matches!(ann.confirm_passkey(), Err(RequestError::Conflict(_))));
    assert!(matches!(ann.refuse_passkey(), Err(RequestError::Conflict(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wrong_part_of_an_assertion_is_refused_and_a_good_one_still_passes() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    let challenge = applicant.options().await.challenge;
    let verified = authenticator_data(RELYING_PARTY, USER_PRESENT | USER_VERIFIED);
    let good = client_data("webauthn.get", &challenge, ORIGIN);
    let wrong = [
        (client_data("webauthn.get", "AAECAwQF", ORIGIN), verified.clone()),
        (client_data("webauthn.get", &challenge, "https://example.com"), verified.clone()),
        (client_data("webauthn.create", &challenge, ORIGIN), verified.clone()),
        (good.clone(), authenticator_data("example.com", USER_PRESENT | USER_VERIFIED)),
        (good.clone(), authenticator_data(RELYING_PARTY, USER_PRESENT)),
        (good.clone(), authenticator_data(RELYING_PARTY, USER_VERIFIED)),
    ];
    for (client_data, data) in wrong {
        let refused = applicant.sends(&ann.authenticator().sign(&client_data, &data)).await.unwrap_err();
        assert!(refused.contains("code=401"), "{refused}");
    }
    let mut forged = ann.authenticator().sign(&good, &verified);
    forged.response.signature = ann.authenticator().sign(&good, b"something else").response.signature;
    assert!(applicant.sends(&forged).await.unwrap_err().contains("code=401"));
    assert_eq!(ann.passkey().state, PasskeyState::Waiting);
    passes(applicant, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_next_is_refused() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    let assertion = ann.use_passkey(&applicant.options().await).unwrap();
    let mut raw = Raw::new(&applicant, &world.network);
    assert_eq!(raw.prologue(&assertion).await, Err(404), "it has no reference");
    assert_eq!(raw.reveals().await, Err(400));
    raw.fetch_reference().await;
    raw.prologue(&assertion).await.unwrap();
    let primary = raw.continuation().await;
    let identity = raw.shown.identity;
    assert_eq!(raw.requests(&primary, &identity).await, Err(400));
    assert_eq!(raw.prologue(&assertion).await, Err(400));
    assert_eq!(raw.reveals_other(b"short").await, Err(400));
    raw.reveals().await.unwrap();
    assert_eq!(phone_is(&ann, PasskeyState::Confirm).await, Some(raw.code(&primary)));
    ann.confirm_passkey().unwrap();
    raw.requests(&primary, &identity).await.unwrap();
    applicant.client.connected().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_that_was_not_committed_to_ends_the_attempt() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    let assertion = ann.use_passkey(&applicant.options().await).unwrap();
    let mut raw = Raw::new(&applicant, &world.network);
    raw.fetch_reference().await;
    raw.prologue(&assertion).await.unwrap();
    raw.continuation().await;
    assert_eq!(raw.reveals_other(&[1; 32]).await, Err(400));
    phone_is(&ann, PasskeyState::Failed).await;
    assert!(ann.passkey().reason.unwrap().contains("does not match its commitment"));
    assert_eq!(raw.reveals().await, Err(400));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_another_identity_key_ends_the_attempt() {
    let (world, _phones, ann) = ann().await;
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    let assertion = ann.use_passkey(&applicant.options().await).unwrap();
    let mut raw = Raw::new(&applicant, &world.network);
    raw.fetch_reference().await;
    raw.prologue(&assertion).await.unwrap();
    let primary = raw.continuation().await;
    raw.reveals().await.unwrap();
    ann.confirm_passkey().unwrap();
    assert_eq!(raw.requests(&primary, &[1; 32]).await, Err(400));
    let refused = patiently("the end", applicant.attempt.linked()).await.err().unwrap();
    assert!(refused.to_string().contains("other keys"), "{refused}");
    assert_eq!(ann.passkey().state, PasskeyState::Failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_may_refuse_before_the_client_has_used_the_passkey() {
    let (world, _phones, ann) = ann().await;
    assert!(matches!(ann.refuse_passkey(), Err(RequestError::Conflict(_))), "there is nothing to refuse");
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.options().await;
    ann.refuse_passkey().unwrap();
    let refused = applicant.ends().await;
    assert!(refused.contains("refused"), "{refused}");
    assert_eq!((ann.passkey().state, ann.passkey().code), (PasskeyState::Refused, None));
    let refused = applicant.answers(&ann).await.unwrap_err();
    assert!(refused.contains("code=401"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_may_refuse_a_code_and_the_client_is_refused() {
    let (world, _phones, ann) = ann().await;
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.answers(&ann).await.unwrap();
    applicant.shows_code().await;
    ann.refuse_passkey().unwrap();
    applicant.ends().await;
    let refused = applicant.confirms().await.unwrap_err().to_string();
    assert!(refused.contains("code=401"), "{refused}");
    assert_eq!(ann.passkey().state, PasskeyState::Refused);
    assert!(ann.account().device(1).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_was_refused_after_its_request_hears_nothing_more() {
    let (world, _phones, ann) = ann().await;
    let mut applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.answers(&ann).await.unwrap();
    applicant.shows_code().await;
    applicant.confirms().await.unwrap();
    ann.refuse_passkey().unwrap();
    applicant.ends().await;
    assert!(ann.account().device(1).is_none());
    let entries = world.network.log().from(0, usize::MAX);
    assert!(!entries.iter().any(|entry| entry.node.child("pair-success").is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_code_is_scanned_next_takes_the_place_of_the_one_at_the_gate() {
    let (world, _phones, ann) = ann().await;
    let mut first = Applicant::scanned(&world.network, &ann).await;
    first.options().await;
    let second = Applicant::scanned(&world.network, &ann).await;
    let ended = first.ends().await;
    assert!(ended.contains("began to link another client"), "{ended}");
    passes(second, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_at_the_gate_ends_the_attempt_and_another_is_linked() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.options().await;
    applicant.client.stop().await;
    phone_is(&ann, PasskeyState::Failed).await;
    assert_eq!(ann.passkey().reason.as_deref(), Some("the client went away"));
    passes(Applicant::scanned(&world.network, &ann).await, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_offline_links_nobody() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    ann.offline().await.unwrap();
    let refused = applicant.answers(&ann).await.unwrap_err();
    assert!(refused.contains("code=503"), "{refused}");
    phone_is(&ann, PasskeyState::Failed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_closed_closes_the_connections_at_the_gate() {
    let (world, _phones, ann) = ann().await;
    let applicant = Applicant::scanned(&world.network, &ann).await;
    applicant.options().await;
    patiently("the stop", world.network.stop()).await;
    phone_is(&ann, PasskeyState::Failed).await;
}
