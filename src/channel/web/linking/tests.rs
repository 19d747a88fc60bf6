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
    assert_eq!(
        Linking { way: LinkWay::Qr, until: 0, is_shown: true, asks_for_passkey: false }.overdue(),
        "nobody linked an account in time"
    );
    assert!(
        Linking { way: LinkWay::Qr, until: 0, is_shown: false, asks_for_passkey: false }
            .overdue()
            .contains("gave no code in time")
    );
}
