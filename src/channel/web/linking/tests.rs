//! Each refusal of WhatsApp says what to do about it.

use whatsapp_rust::types::events::LoggedOut;

use super::*;

fn refusal(rejection: Option<PairCodeRejection>, backoff: Option<u64>) -> String {
    let backoff = backoff.map(Duration::from_secs);
    let error = "the server says no".to_owned();
    no_code(&PairingCodeError::builder().maybe_rejection(rejection).maybe_backoff(backoff).error(error).build())
}

#[test]
fn a_code_that_is_refused_says_why_and_what_to_do() {
    for (rejection, backoff, words) in [
        (
            Some(PairCodeRejection::BadRequest),
            None,
            "too many were requested for this number, or it is not on WhatsApp; check it, and try again in an hour",
        ),
        (Some(PairCodeRejection::RateOverlimit), Some(61), "try again in 2 minutes"),
        (Some(PairCodeRejection::RateOverlimit), Some(0), "try again in 1 minutes"),
        (Some(PairCodeRejection::Forbidden), None, "restricted this account"),
        (Some(PairCodeRejection::FeatureNotAvailable), None, "scan the QR code instead"),
        (Some(PairCodeRejection::InternalServerError), None, "a fault of its own; try again in a few minutes"),
        (Some(PairCodeRejection::Unknown(404)), None, "this number is not on WhatsApp"),
        (Some(PairCodeRejection::Unknown(418)), None, "WhatsApp gave no code: the server says no"),
        (None, None, "WhatsApp gave no code: the server says no"),
    ] {
        let said = refusal(rejection, backoff);
        assert!(said.contains(words), "{rejection:?}: {said}");
    }
}

#[test]
fn a_connection_that_ends_while_linking_is_no_phone_that_removed_the_gateway() {
    for (reason, words) in [
        (ConnectFailureReason::AccountLocked, "restricted this account"),
        (ConnectFailureReason::LoggedOut, "fewer than four linked devices"),
    ] {
        let news = News::LoggedOut(LoggedOut::builder().on_connect(true).reason(reason).build());
        assert!(refused(&news).is_some_and(|said| said.contains(words)));
    }
}

#[test]
fn a_step_that_takes_too_long_says_which() {
    for (step, words) in [
        (Step::Begun, "gave no code in time"),
        (Step::Shown, "nobody linked an account in time"),
        (Step::Passkey, "it was not given in time"),
        (Step::PasskeyGiven, "WhatsApp took the passkey"),
        (Step::Comparing, "was not compared with the phone's in time"),
        (Step::Compared, "did not confirm the code in time"),
    ] {
        let said = Linking { step, ..Linking::new(LinkWay::Qr, 0) }.overdue();
        assert!(said.contains(words), "{step:?}: {said}");
    }
}

#[test]
fn a_passkey_step_that_whatsapp_ends_says_why_and_what_to_do() {
    let iq = |request: &str, code: u16| {
        format!(
            "passkey linking flow error: {request} iq failed: passkey linking flow error: received a server error response: \
             code={code}, text='a word'"
        )
    };
    for (fault, words) in [
        (iq("passkey_prologue", 401), "did not accept the passkey"),
        (iq("companion_nonce", 401), "the phone's owner refused"),
        (iq("encrypted_pairing_request", 401), "the phone's owner refused"),
        (iq("ref", 404), "has ended this attempt"),
        (iq("passkey_prologue", 410), "has expired"),
        (iq("companion_nonce", 400), "refused a step"),
        (iq("passkey_prologue", 503), "open WhatsApp on it"),
        ("it did not answer".to_owned(), "WhatsApp ended the passkey step: it did not answer"),
        (iq("ref", 4010), "WhatsApp ended the passkey step"),
    ] {
        let said = no_passkey(&fault);
        assert!(said.contains(words) && said.contains("link again"), "{fault}: {said}");
    }
}
