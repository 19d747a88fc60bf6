//! Each refusal of WhatsApp says what to do about it.

use whatsapp_rust::NodeBuilder;
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
            "it refused this gateway's device name, or too many codes were requested for this number; scan the QR code instead",
        ),
        (
            Some(PairCodeRejection::RateOverlimit),
            None,
            "too many were requested for this number, or it is not on WhatsApp; check it, and try again in an hour",
        ),
        (Some(PairCodeRejection::BadRequest), Some(61), "too many were requested for this number"),
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
fn a_code_that_was_typed_in_vain_says_so() {
    for (rejection, words) in [
        (
            Some(PairCodeRejection::Unknown(404)),
            "it was too old, or another one has taken its place; request a new code",
        ),
        (Some(PairCodeRejection::BadRequest), "request a new code"),
        (None, "request a new code"),
        (Some(PairCodeRejection::Forbidden), "restricted this account"),
    ] {
        let error = PairingCodeError::builder().maybe_rejection(rejection).error("no".to_owned()).build();
        let said = typed_in_vain(&error);
        assert!(said.contains(words) && !said.contains("gave no code"), "{rejection:?}: {said}");
    }
}

#[test]
fn a_connection_that_ends_while_linking_is_no_phone_that_removed_the_gateway() {
    for (reason, is_at_passkey, words) in [
        (ConnectFailureReason::AccountLocked, false, "restricted this account"),
        (ConnectFailureReason::AccountLocked, true, "restricted this account"),
        (ConnectFailureReason::LoggedOut, false, "fewer than four linked devices"),
        (ConnectFailureReason::LoggedOut, true, "the phone's owner refused"),
    ] {
        let news = News::LoggedOut(LoggedOut::builder().on_connect(true).reason(reason).build());
        assert!(refused(&news, is_at_passkey).is_some_and(|said| said.contains(words)));
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
        (Step::Paired, "did not let this gateway in within three minutes"),
    ] {
        let said = Linking { step, ..Linking::new(LinkWay::Qr, 0) }.overdue();
        assert!(said.contains(words), "{step:?}: {said}");
    }
}

#[test]
fn a_passkey_step_that_whatsapp_ends_says_why_and_what_to_do() {
    for (asked, code, words) in [
        (Asked::ToTakePasskey, Some(401), "did not accept the passkey"),
        (Asked::ToGoOn, Some(401), "the phone's owner refused"),
        (Asked::ToTakePasskey, Some(404), "has ended this attempt"),
        (Asked::ToTakePasskey, Some(410), "has expired"),
        (Asked::ToGoOn, Some(400), "refused a step"),
        (Asked::ToTakePasskey, Some(503), "open WhatsApp on it"),
        (Asked::ToTakePasskey, None, "the connection failed in the passkey step: code=401"),
        (Asked::ToGoOn, Some(4010), "WhatsApp ended the passkey step: code=401"),
    ] {
        // Whatever the library says, what WhatsApp answered counts.
        let said = no_passkey(asked, code, "code=401, text='passkey_prologue'");
        assert!(said.contains(words) && said.contains("link again"), "{asked:?} {code:?}: {said}");
    }
}

#[test]
fn a_refusal_is_read_from_the_answer_to_a_request() {
    let refusal = Refusal::default();
    let see = |tag: &'static str, kind: &str, code: &str| {
        let error = NodeBuilder::new("error").attr("code", code).build();
        let stanza = NodeBuilder::new(tag).attr("type", kind).children([error]).build();
        refusal.look_at(&stanza.as_node_ref());
        refusal.take()
    };
    assert_eq!(see("iq", "error", "401"), Some(401));
    assert_eq!(refusal.take(), None, "a refusal is reported once");
    for (tag, kind, code) in [("iq", "result", "401"), ("notification", "error", "401"), ("iq", "error", "x")] {
        assert_eq!(see(tag, kind, code), None, "{tag} {kind} {code}");
    }
}

#[test]
fn a_connection_that_ends_in_the_passkey_step_says_what_that_may_mean() {
    for (step, words) in [
        (Step::Passkey, "the connection on which WhatsApp waited for the passkey ended"),
        (Step::PasskeyGiven, "the connection on which WhatsApp waited for the passkey ended"),
        (Step::Comparing, "while the codes were compared"),
        (Step::Compared, "while the codes were compared"),
    ] {
        let said = Linking { step, ..Linking::new(LinkWay::Qr, 0) }.ended();
        assert!(said.contains(words) && said.contains("the phone's owner refused"), "{step:?}: {said}");
    }
}

#[test]
fn every_reason_has_its_code() {
    let refused_with = |rejection| refusal(Some(rejection), None);
    let overdue = |step| Linking { step, ..Linking::new(LinkWay::Qr, 0) }.overdue().to_owned();
    let ended = |step| Linking { step, ..Linking::new(LinkWay::Qr, 0) }.ended().to_owned();
    let logged_out = |reason, is_at_passkey| {
        let news = News::LoggedOut(LoggedOut::builder().on_connect(true).reason(reason).build());
        refused(&news, is_at_passkey).map(str::to_owned).unwrap_or_default()
    };
    let error = PairingCodeError::builder().error("no".to_owned()).build();
    for (reason, code) in [
        (refused_with(PairCodeRejection::BadRequest), "device_name_refused"),
        (refused_with(PairCodeRejection::RateOverlimit), "too_many_codes"),
        (refusal(Some(PairCodeRejection::BadRequest), Some(61)), "too_many_codes"),
        (refused_with(PairCodeRejection::Forbidden), "account_restricted"),
        (refused_with(PairCodeRejection::FeatureNotAvailable), "code_not_offered"),
        (refused_with(PairCodeRejection::Unknown(404)), "not_on_whatsapp"),
        (refused_with(PairCodeRejection::InternalServerError), "no_code"),
        (typed_in_vain(&error), "code_too_old"),
        (logged_out(ConnectFailureReason::LoggedOut, false), "too_many_devices"),
        (logged_out(ConnectFailureReason::LoggedOut, true), "refused_on_phone"),
        (logged_out(ConnectFailureReason::AccountLocked, false), "account_restricted"),
        (overdue(Step::Begun), "no_code"),
        (overdue(Step::Shown), "timed_out"),
        (overdue(Step::Passkey), "passkey_timed_out"),
        (overdue(Step::PasskeyGiven), "phone_timed_out"),
        (overdue(Step::Comparing), "code_not_compared"),
        (overdue(Step::Compared), "phone_timed_out"),
        (overdue(Step::Paired), "not_let_in"),
        (NOT_LET_IN.to_owned(), "not_let_in"),
        (ended(Step::Passkey), "connection_lost"),
        (ended(Step::Compared), "connection_lost"),
        (no_passkey(Asked::ToTakePasskey, Some(401), ""), "passkey_refused"),
        (no_passkey(Asked::ToGoOn, Some(401), ""), "refused_on_phone"),
        (no_passkey(Asked::ToGoOn, Some(410), ""), "passkey_timed_out"),
        (no_passkey(Asked::ToGoOn, Some(400), ""), "failed"),
    ] {
        assert_eq!(crate::linking::failure::code(&reason), code, "{reason}");
    }
}
