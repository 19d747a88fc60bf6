//! Linking an account: what the client library says meanwhile, and why it fails, in words for the person who links.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use whatsapp_rust::pair_code::PairCodeRejection;
use whatsapp_rust::types::events::{ConnectFailureReason, Event as News, PairingCodeError};
use whatsapp_rust::wacore_binary::NodeRef;

use super::actor::Actor;
use super::health::{Turn, turn};
use crate::channel::{Ending, Event, PasskeyStep};
use crate::clock::{Millis, millis};
use crate::device::{DeviceState, Health, LinkWay};
use crate::limits;
use crate::passkey::{self, PasskeyAnswer};

/// An account is being linked.
pub struct Linking {
    way: LinkWay,
    pub until: Millis,
    /// When it was begun.
    begun_at: Millis,
    step: Step,
    /// The passkey request of this attempt.
    asked: Option<String>,
    /// Until when codes are shown.
    codes_until: Option<Millis>,
}

/// How far linking is. WhatsApp waits for each step on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A code is awaited, from WhatsApp.
    Begun,
    /// A code is shown, and awaited back.
    Shown,
    /// WhatsApp asks for the account's passkey: the codes of before are no longer good.
    Passkey,
    PasskeyGiven,
    /// The code that the phone shows is to be compared.
    Comparing,
    Compared,
    /// The phone has linked the account, and WhatsApp has not let the gateway in with it yet.
    Paired,
}

impl Linking {
    pub fn new(way: LinkWay, now: Millis) -> Self {
        Self { way, until: now + FIRST_CODE_MS, begun_at: now, step: Step::Begun, asked: None, codes_until: None }
    }

    fn is_at_passkey(&self) -> bool {
        self.step >= Step::Passkey && !self.is_paired()
    }

    pub fn is_paired(&self) -> bool {
        self.step == Step::Paired
    }

    pub fn set_paired(&mut self, until: Millis) {
        (self.step, self.until) = (Step::Paired, until);
    }

    /// Whether the phone may list the gateway when this is given up: it has done all that is asked of it, or may have.
    pub fn ending(&self) -> Ending {
        match self.step {
            Step::PasskeyGiven | Step::Compared | Step::Paired => Ending::MayBeListed,
            _ => Ending::Confirmed,
        }
    }

    /// Why it came to nothing when its connection ended in the passkey step. WhatsApp says nothing else when the phone's owner
    /// refuses, if it says anything.
    fn ended(&self) -> &'static str {
        match self.step {
            Step::Comparing | Step::Compared => {
                "WhatsApp ended the connection while the codes were compared: the phone's owner refused, or the connection was \
                 lost; ask whoever has the phone, and link again"
            }
            _ => {
                "the connection on which WhatsApp waited for the passkey ended: it was lost, or the phone's owner refused; link again"
            }
        }
    }

    /// Why it came to nothing in time.
    pub fn overdue(&self) -> &'static str {
        match self.step {
            Step::Begun => "WhatsApp gave no code in time; try again",
            Step::Shown => "nobody linked an account in time",
            Step::Passkey => "WhatsApp asked for the account's passkey, and it was not given in time; link again",
            Step::PasskeyGiven => {
                "WhatsApp took the passkey, but the phone did not go on in time; open WhatsApp on it, and link again"
            }
            Step::Comparing => {
                "the code was not compared with the phone's in time, or the phone's owner refused; ask whoever has the phone, and link again"
            }
            Step::Compared => {
                "the phone did not confirm the code in time, or its owner refused; ask whoever has the phone, and link again"
            }
            Step::Paired => NOT_LET_IN_YET,
        }
    }
}

const FIRST_CODE_MS: Millis = limits::FIRST_CODE_SECONDS_MAX as Millis * 1_000;

impl Actor {
    pub(super) async fn link(&mut self, way: LinkWay, attempt: Millis) {
        let former = self.log_out().await;
        self.attempt = attempt;
        if !self.wipe().await {
            return self.fail("the keys of the former link could not be removed; try again".into()).await;
        }
        let phone = match &way {
            LinkWay::Code { phone } => Some(phone.clone()),
            LinkWay::Qr => None,
        };
        let linking = Linking::new(way.clone(), self.parts.clock.now());
        let until = linking.until;
        self.linking = Some(linking);
        let reason = if former == Ending::MayBeListed { FORMER_LINK } else { "" };
        self.tell(Health { state: DeviceState::Linking, reason: reason.to_owned(), until: Some(until) }).await;
        // The library tries again without a word: whoever waits for a code would not learn that none can come.
        match self.parts.network.check(&self.parts.clock).await {
            Ok(()) => {
                self.linking = Some(Linking::new(way, self.parts.clock.now()));
                self.start(phone).await;
            }
            Err(error) => self.fail(error.to_string()).await,
        }
    }

    pub(super) async fn hear_while_linking(&mut self, news: &News) {
        // The library does not say that the phone has linked the account where its own answer to that could not leave.
        if let Some(number) = self.paired_number() {
            self.is_paired(number).await;
        }
        if self.linking.as_ref().is_some_and(Linking::is_paired) {
            return self.hear_while_paired(news).await;
        }
        let (is_qr, is_shown, is_at_passkey) = match &self.linking {
            Some(linking) => (linking.way == LinkWay::Qr, linking.step == Step::Shown, linking.is_at_passkey()),
            None => (false, false, false),
        };
        match news {
            News::PairPasskeyRequest(request) => self.ask_for_passkey(&request.request_options_json).await,
            News::PairPasskeyConfirmation(step) if step.skip_handoff_ux => {
                self.answer_passkey(PasskeyAnswer::Confirm).await;
            }
            News::PairPasskeyConfirmation(step) => self.ask_to_compare(&step.code).await,
            News::PairPasskeyError(error) => self.fail_step(Asked::ToGoOn, &error.error).await,
            // WhatsApp waits on the connection on which it asked.
            News::Disconnected(_) | News::StreamError(_) if is_at_passkey => {
                let reason = self.linking.as_ref().map(Linking::ended).unwrap_or_default();
                self.fail(reason.into()).await;
            }
            // Those of before the step.
            News::PairingQrCode(_) | News::PairingCode(_) | News::PairingQrCodesExhausted(_) if is_at_passkey => {}
            News::PairingQrCode(code) if is_qr => self.show(&code.code, code.timeout).await,
            News::PairingCode(code) => self.show(&code.code, code.timeout).await,
            News::PairingCodeError(error) if is_shown => self.fail(typed_in_vain(error)).await,
            News::PairingCodeError(error) => self.fail(no_code(error)).await,
            News::PairError(error) => self.fail(format!("WhatsApp did not link the account: {}", error.error)).await,
            News::PairingQrCodesExhausted(_) if is_qr => self.fail("nobody scanned the code in time".into()).await,
            other => {
                // Connections come and go while an account is linked.
                if let Some(Turn::Stop { health, .. }) = turn(other, self.parts.clock.now()) {
                    self.fail(refused(other, is_at_passkey).map_or(health.reason, str::to_owned)).await;
                }
            }
        }
    }

    /// Connections come and go until WhatsApp has let the gateway in.
    async fn hear_while_paired(&mut self, news: &News) {
        match news {
            // A login, as the library hears of it, and when it has done what it does then.
            News::RawNode(_) | News::Connected(_) => self.has_logged_in(news).await,
            // It is on no phone's list.
            News::LoggedOut(out) if out.reason != ConnectFailureReason::AccountLocked => {
                self.end(NOT_LET_IN.into(), Ending::Confirmed).await;
            }
            other => {
                if let Some(Turn::Stop { health, .. }) = turn(other, self.parts.clock.now()) {
                    self.fail(refused(other, false).map_or(health.reason, str::to_owned)).await;
                }
            }
        }
    }

    async fn show(&mut self, code: &str, lasts: Duration) {
        let now = self.parts.clock.now();
        let Some(linking) = &mut self.linking else { return };
        let latest = linking.begun_at + limits::LINK_MS_MAX;
        let until = (now + millis(lasts)).min(latest);
        let codes_until = match linking.way {
            LinkWay::Qr => self.codes.until(now, lasts, linking.codes_until).min(latest),
            LinkWay::Code { .. } => until,
        };
        (linking.step, linking.until, linking.codes_until) = (Step::Shown, latest, Some(codes_until));
        let (attempt, way) = (self.attempt, linking.way.clone());
        let _ = self.events.send(Event::LinkCode { attempt, way, code: code.to_owned(), until, codes_until }).await;
    }

    async fn ask_for_passkey(&mut self, options: &str) {
        let until = self.parts.clock.now() + passkey::timeout_ms(options);
        let Some(linking) = &mut self.linking else { return };
        if linking.asked.as_deref() == Some(options) {
            return;
        }
        if linking.step > Step::Passkey {
            // The library answers one request on a connection.
            return self.fail(ASKED_AGAIN.into()).await;
        }
        // Asked for another assertion instead, the attempt has no more time for it.
        let until = if linking.asked.is_some() { linking.until } else { until };
        (linking.step, linking.until, linking.asked) = (Step::Passkey, until, Some(options.to_owned()));
        let step = PasskeyStep::Assertion { options: options.to_owned(), until };
        let _ = self.events.send(Event::Passkey { attempt: self.attempt, step }).await;
        let reason = "WhatsApp asks for the passkey of the account".to_owned();
        self.tell(Health { state: DeviceState::Passkey, reason, until: Some(until) }).await;
    }

    async fn ask_to_compare(&mut self, code: &str) {
        let Some(linking) = &mut self.linking else { return };
        linking.step = Step::Comparing;
        let (until, step) = (linking.until, PasskeyStep::Confirmation { code: code.to_owned() });
        let _ = self.events.send(Event::Passkey { attempt: self.attempt, step }).await;
        let reason = "the code that the phone shows is to be compared".to_owned();
        self.tell(Health { state: DeviceState::PasskeyConfirm, reason, until: Some(until) }).await;
    }

    pub(super) async fn answer_passkey(&mut self, answer: PasskeyAnswer) {
        let (Some(session), Some(linking)) = (&self.session, &mut self.linking) else { return };
        let asked = match answer {
            PasskeyAnswer::Assertion(_) => Asked::ToTakePasskey,
            PasskeyAnswer::Confirm => Asked::ToGoOn,
        };
        linking.step = if asked == Asked::ToGoOn { Step::Compared } else { Step::PasskeyGiven };
        self.refusal.take();
        let limit = Duration::from_secs(limits::LINK_STEP_SECONDS_MAX);
        let answered = {
            let _answering = self.order.answering().await;
            self.parts.clock.within(limit, session.answer_passkey(answer)).await
        };
        match answered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail_step(asked, &error.to_string()).await,
            Err(_) => self.fail(NO_ANSWER.into()).await,
        }
    }

    /// WhatsApp refused a part of the passkey step, or its connection ended meanwhile.
    async fn fail_step(&mut self, asked: Asked, fault: &str) {
        let code = self.refusal.take();
        let is_lost = self.session.as_ref().is_some_and(|session| !session.client.is_connected());
        match &self.linking {
            Some(linking) if code.is_none() && is_lost => self.fail(linking.ended().into()).await,
            _ => self.fail(no_passkey(asked, code, fault)).await,
        }
    }

    /// It did not come to a link.
    pub(super) async fn fail(&mut self, reason: String) {
        let is_paired = self.linking.as_ref().is_some_and(Linking::is_paired);
        self.end(reason, if is_paired { Ending::MayBeListed } else { Ending::Confirmed }).await;
    }

    async fn end(&mut self, reason: String, ending: Ending) {
        self.stop().await;
        self.wipe().await;
        self.health = None;
        let _ = self.events.send(Event::LinkFailed { attempt: self.attempt, reason, ending }).await;
    }
}

/// Why WhatsApp gave no code to type.
fn no_code(error: &PairingCodeError) -> String {
    let minutes = error.backoff.map(|wait| wait.as_secs().div_ceil(60).max(1));
    match error.rejection {
        // It answers both to a number that asks too often, and 400 also to a device name that it does not know (whatsapp-rust,
        // `PairCodeRejection`; whatsmeow, `PairPhone`).
        Some(PairCodeRejection::BadRequest) if minutes.is_none() => DEVICE_NAME.to_owned(),
        Some(PairCodeRejection::BadRequest | PairCodeRejection::RateOverlimit) => match minutes {
            Some(minutes) => format!(
                "WhatsApp gave no code: too many were requested for this number, or it is not on WhatsApp; check it, and try again in \
                 {minutes} minutes, or scan the QR code"
            ),
            None => "WhatsApp gave no code: too many were requested for this number, or it is not on WhatsApp; check it, and try again \
                     in an hour, or scan the QR code"
                .to_owned(),
        },
        Some(PairCodeRejection::Unknown(404)) => {
            "WhatsApp gave no code: this number is not on WhatsApp; check it".to_owned()
        }
        Some(PairCodeRejection::Forbidden) => RESTRICTED.to_owned(),
        Some(PairCodeRejection::FeatureNotAvailable) => {
            "WhatsApp does not link this number by a code; scan the QR code instead".to_owned()
        }
        Some(PairCodeRejection::InternalServerError) => {
            "WhatsApp gave no code because of a fault of its own; try again in a few minutes".to_owned()
        }
        _ => format!("WhatsApp gave no code: {}", error.error),
    }
}

/// Why a code that was shown, and typed on the phone, came to nothing.
fn typed_in_vain(error: &PairingCodeError) -> String {
    let reason = match error.rejection {
        Some(PairCodeRejection::Forbidden) => RESTRICTED,
        _ => {
            "WhatsApp did not take the code that was typed: it was too old, or another one has taken its place; request a new code, and type \
             it within three minutes"
        }
    };
    reason.to_owned()
}

/// What WhatsApp was asked for in the passkey step when it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ToTakePasskey,
    /// Any step behind it, which the phone's owner decides.
    ToGoOn,
}

/// Why the passkey step failed: by the code of WhatsApp's answer, where it gave one.
fn no_passkey(asked: Asked, code: Option<u32>, fault: &str) -> String {
    let reason = match (code, asked) {
        (Some(401), Asked::ToTakePasskey) => {
            "WhatsApp did not accept the passkey: it is of another account, its request has expired, or the phone's owner refused; link \
             again, and use the passkey of this account within ten minutes"
        }
        (Some(401), Asked::ToGoOn) => OWNER_REFUSED,
        (Some(404), _) => "WhatsApp has ended this attempt to link; link again",
        (Some(410), _) => "WhatsApp's request for the passkey has expired; link again",
        (Some(503), _) => "WhatsApp cannot reach the phone; open WhatsApp on it, and link again",
        (Some(400), _) => "WhatsApp refused a step behind the passkey; link again",
        (None, _) => return format!("the connection failed in the passkey step: {fault}; link again"),
        _ => return format!("WhatsApp ended the passkey step: {fault}; link again"),
    };
    reason.to_owned()
}

/// The code with which WhatsApp refused the last request. The client library tells it in the middle of a text alone.
#[derive(Clone, Default)]
pub struct Refusal(Arc<AtomicU32>);

impl Refusal {
    /// Looks at a stanza, before the library tells what it makes of it.
    pub fn look_at(&self, stanza: &NodeRef<'_>) {
        if stanza.tag.as_ref() == "iq" && stanza.get_attr("type").is_some_and(|kind| kind.as_str() == "error") {
            let code = stanza.get_optional_child("error").and_then(|error| error.get_attr("code"));
            let code = code.and_then(|code| code.as_str().parse().ok());
            self.0.store(code.unwrap_or_default(), Ordering::Relaxed);
        }
    }

    fn take(&self) -> Option<u32> {
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|code| *code > 0)
    }
}

/// What is said while another account is linked in place of one.
const FORMER_LINK: &str = "WhatsApp did not confirm that the former link ended: look under Linked devices on its phone, and remove this \
                           gateway there if it is listed";
const NO_ANSWER: &str = "WhatsApp did not answer in the passkey step; link again";
const NOT_LET_IN: &str = "WhatsApp did not let this gateway in after the phone had linked it: linking was not finished on the phone, or the \
                          gateway was removed there at once; link again";
const NOT_LET_IN_YET: &str =
    "WhatsApp did not let this gateway in within three minutes after the phone had linked it; link again";
const ASKED_AGAIN: &str = "WhatsApp asked for the passkey again after it was given; link again";
const DEVICE_NAME: &str = "WhatsApp gave no code: it refused this gateway's device name, or too many codes were requested for this number; \
                           scan the QR code instead, or try again in an hour";
const OWNER_REFUSED: &str =
    "the phone's owner refused to link this gateway, or began to link another device; link again if that was a mistake";
const RESTRICTED: &str = "WhatsApp has restricted this account; open WhatsApp on the phone and follow what it says";

/// Why WhatsApp ended the connection on which an account was being linked, where that differs from what it means for a linked one.
fn refused(news: &News, is_at_passkey: bool) -> Option<&'static str> {
    match news {
        News::LoggedOut(out) if out.reason == ConnectFailureReason::AccountLocked => Some(RESTRICTED),
        News::LoggedOut(_) if is_at_passkey => Some(OWNER_REFUSED),
        News::LoggedOut(_) => Some(
            "WhatsApp ended the link at once; check on the phone that it has fewer than four linked devices, and try again",
        ),
        News::StreamReplaced(_) => Some(
            "another program took over the connection on which the account was being linked; stop it, and link again",
        ),
        News::ConnectFailure(_) => Some("WhatsApp refused the connection; try again in a few minutes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
