//! Pairing links: whoever has one may give the assertion that WhatsApp asks for, for one attempt to link one device, without another
//! credential, and sees what became of it. The token proves itself, so that nothing of a link is stored. Called by
//! `console/pairing_link.rs`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{LinkError, Links, Passkey, Status};
use crate::clock::Millis;
use crate::device::Device;
use crate::limits;
use crate::passkey::{self, BadAssertion, PasskeyAnswer};
use crate::store::MAY_BE_LISTED;

/// Below which path of the gateway pairing links are.
pub const PATH: &str = "/console/pair/";
/// How much of the hash of WhatsApp's request is in a token, in bytes: it tells attempts apart and keeps no secret.
const ATTEMPT_BYTES: usize = 12;

/// What somebody without a sign-in reads in place of a reason that names phone numbers.
const OTHER_PHONE: &str =
    "this phone's number is not this device's; use the right phone, or ask whoever sent you the link";
/// What somebody without a sign-in reads in place of what only the gateway's people can act upon.
const FOR_STRANGERS: &[(&str, &str)] = &[
    (
        "this server cannot reach ",
        "the gateway cannot reach WhatsApp at this moment; try again in a few minutes, and tell whoever sent you the link if that does not help",
    ),
    (
        "another device of this gateway already",
        "this phone's account is linked to another device of the gateway already; tell whoever sent you the link",
    ),
    (
        "an account is linked to this device; unlink it first",
        "this device has an account already, so there is nothing to do; if that surprises you, tell whoever sent you the link",
    ),
    (
        "WhatsApp no longer takes this version",
        "the gateway is too old for WhatsApp; tell whoever sent you the link, and try again when it has been updated",
    ),
];
/// A number of at least so many digits is taken for a phone number.
const PHONE_DIGITS: usize = 7;

/// What a pairing link leads to.
#[derive(Debug)]
pub struct Pairing {
    pub device: Device,
    pub step: Step,
    pub expires_at: Millis,
}

/// How far its attempt is.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// WhatsApp waits for an assertion that answers this.
    Required(Passkey),
    /// It was given one.
    Sent,
    /// The code on the linking page is to be compared with the one on the phone.
    Confirm,
    Failed(String),
    Linked,
}

/// Why a pairing link is good for nothing, or what is wrong with what it was given.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    #[error("this is not a pairing link of this gateway; copy the whole link from the linking page")]
    Wrong,
    #[error("this pairing link has expired; begin to link again, and use the new one")]
    Expired,
    #[error("this pairing link is of an attempt that is over; use the one that the linking page shows now")]
    Over,
    #[error("this pairing link has been used; a link takes one assertion")]
    Used,
    #[error(transparent)]
    Assertion(#[from] BadAssertion),
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// What a token says: the device, until when WhatsApp waits, and which of its requests it is.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    device_id: String,
    expires_at: Millis,
    attempt: String,
}

/// Makes and checks tokens.
#[derive(Clone)]
pub(super) struct Tokens([u8; 32]);

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Required(_) => "required",
            Self::Sent => "sent",
            Self::Confirm => "confirm",
            Self::Failed(_) => "failed",
            Self::Linked => "linked",
        }
    }
}

impl Tokens {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn make(&self, device_id: &str, expires_at: Millis, options: &str) -> String {
        let named = format!("{device_id}.{expires_at}.{}", attempt(options));
        let proof = URL_SAFE_NO_PAD.encode(self.mac(&named).finalize().into_bytes());
        format!("{named}.{proof}")
    }

    fn verify(&self, token: &str) -> Option<Named> {
        let (named, proof) = token.rsplit_once('.')?;
        // In constant time.
        self.mac(named).verify_slice(&URL_SAFE_NO_PAD.decode(proof).ok()?).ok()?;
        let [device_id, expires_at, attempt] = named.split('.').collect::<Vec<_>>().try_into().ok()?;
        Some(Named {
            device_id: device_id.to_owned(),
            expires_at: expires_at.parse().ok()?,
            attempt: attempt.to_owned(),
        })
    }

    fn mac(&self, named: &str) -> Hmac<Sha256> {
        // HMAC takes keys of every length.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.chain_update(named.as_bytes())
    }
}

/// Why a link failed or was refused, for somebody without a sign-in, as what they can do about it: phone numbers are for those who manage
/// the device.
pub fn public_reason(reason: &str) -> Cow<'_, str> {
    // What may be left to do on the phone is for whoever has it.
    let (ended, listed) = match reason.strip_suffix(MAY_BE_LISTED) {
        Some(ended) => (ended, MAY_BE_LISTED),
        None => (reason, ""),
    };
    let known = FOR_STRANGERS.iter().find(|(part, _)| ended.contains(part));
    match known {
        Some((_, public)) => format!("{public}{listed}").into(),
        None if names_a_number(ended) => format!("{OTHER_PHONE}{listed}").into(),
        None => reason.into(),
    }
}

fn names_a_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= PHONE_DIGITS)
}

impl Pairing {
    /// What the device is called to somebody without a sign-in: the name that it has by default is its number.
    pub fn public_name(&self) -> &str {
        public_name(&self.device.name, &self.device.id)
    }
}

/// What a device is called to somebody without a sign-in.
pub fn public_name<'a>(name: &'a str, id: &'a str) -> &'a str {
    if names_a_number(name) { id } else { name }
}

/// Each request of WhatsApp has a challenge of its own.
fn attempt(options: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(options)[..ATTEMPT_BYTES])
}

impl Links {
    /// The token of the pairing link for the request that WhatsApp waits with; `None` once it waits no more.
    pub fn pairing_token(&self, device_id: &str, asked: &Passkey) -> Option<String> {
        let is_open = asked.status == passkey::Status::Required && asked.expires_at > self.clock.now();
        is_open.then(|| self.tokens.make(device_id, asked.expires_at, &asked.options))
    }

    /// How far the attempt of a pairing link is: until it expires, and where it was given an
    /// assertion by then, for as long as WhatsApp goes on.
    ///
    /// # Errors
    /// [`PairingError`], but never that it was used: what became of it is then the answer.
    pub async fn find_pairing(&self, token: &str) -> Result<Pairing, PairingError> {
        let named = self.tokens.verify(token).ok_or(PairingError::Wrong)?;
        let is_expired = named.expires_at <= self.clock.now();
        let device = self.store.find_device(&named.device_id).await.map_err(LinkError::from)?;
        let over = if is_expired { PairingError::Expired } else { PairingError::Over };
        let Some(device) = device else { return Err(over) };
        let link = self.look(&named.device_id).await?;
        let step = match self.passkey(&named.device_id).await? {
            Some(asked) if asked.expires_at == named.expires_at && attempt(&asked.options) == named.attempt => {
                match asked.status {
                    passkey::Status::Required | passkey::Status::Failed if is_expired => return Err(over),
                    passkey::Status::Required => Step::Required(asked),
                    passkey::Status::Sent => Step::Sent,
                    passkey::Status::Confirm => Step::Confirm,
                    passkey::Status::Failed => {
                        Step::Failed(link.map(|link| public_reason(&link.reason).into_owned()).unwrap_or_default())
                    }
                }
            }
            Some(_) => return Err(over),
            // A step that came to its end well is forgotten.
            None => match link {
                Some(link)
                    if link.status == Status::Linked
                        && link.changed_at > named.expires_at - passkey::TIMEOUT_MS
                        && (!is_expired || self.clock.now() < link.changed_at + limits::LINK_END_SHOWN_MS) =>
                {
                    Step::Linked
                }
                _ => return Err(over),
            },
        };
        Ok(Pairing { device, step, expires_at: named.expires_at })
    }

    /// Notes the assertion that a pairing link was given. It takes one.
    ///
    /// # Errors
    /// [`PairingError`].
    pub async fn answer_pairing(&self, token: &str, assertion: &Value) -> Result<Pairing, PairingError> {
        let pairing = self.find_pairing(token).await?;
        let Step::Required(asked) = &pairing.step else {
            return Err(if matches!(pairing.step, Step::Failed(_)) { PairingError::Over } else { PairingError::Used });
        };
        let assertion = passkey::check(assertion, &asked.options)?;
        match self.answer_passkey(&pairing.device.id, asked, &PasskeyAnswer::Assertion(assertion)).await {
            Ok(()) => Ok(Pairing { step: Step::Sent, ..pairing }),
            // Another answer was faster.
            Err(LinkError::Refused(_)) => Err(PairingError::Used),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = r#"{"challenge":"AQ"}"#;

    #[test]
    fn a_reason_for_strangers_names_no_phone_number() {
        let named = "the phone that was used has the number 628110000001, but this device's number is 628777000123";
        for reason in [named, "+628110000001 is linked already", "number 8110000001"] {
            assert_eq!(public_reason(reason), OTHER_PHONE, "{reason}");
        }
        for reason in ["", "nobody scanned the code in time", "WhatsApp did not link the account: code 500"] {
            assert_eq!(public_reason(reason), reason);
        }
    }

    #[test]
    fn a_reason_for_strangers_says_that_the_phone_may_list_the_gateway() {
        let replaced = FOR_STRANGERS.iter().map(|(part, _)| *part);
        for ended in replaced.chain(["linking was cancelled", "the number 628110000001", ""]) {
            let (public, with_note) = (public_reason(ended), format!("{ended}{MAY_BE_LISTED}"));
            assert_eq!(public_reason(&with_note), format!("{public}{MAY_BE_LISTED}"), "{ended}");
        }
    }

    #[test]
    fn a_reason_for_strangers_says_what_they_can_do() {
        for reason in [
            "this server cannot reach web.whatsapp.com:443 (no answer); check its network, its name server and its firewall, then try again",
            "no code can be had: this server cannot reach 127.0.0.1:8090 (refused); check its network",
            "the phone that was used is linked to another device of this gateway already; unlink that device first (1-2 'Toko'), or link another phone",
            "the number of the phone that was used belongs to another device of this gateway already; remove that device first (1-2 'Toko'), or link another phone",
            "the number of the phone that was used belongs to another device of this gateway already; remove that device first, or link another phone",
            "an account is linked to this device; unlink it first",
            "WhatsApp no longer takes this version; update the gateway",
        ] {
            let public = public_reason(reason);
            assert!(
                public.contains("tell whoever sent you the link")
                    && !public.contains("server")
                    && !public.contains("Toko"),
                "{reason}: {public}"
            );
        }
    }

    #[test]
    fn a_token_names_one_attempt_of_one_device_and_cannot_be_changed() {
        let tokens = Tokens::new([7; 32]);
        let token = tokens.make("1-506557391010657", 1_000, OPTIONS);
        let named = Named { device_id: "1-506557391010657".into(), expires_at: 1_000, attempt: attempt(OPTIONS) };
        assert_eq!(tokens.verify(&token), Some(named));
        assert_ne!(token, tokens.make("1-506557391010657", 1_000, r#"{"challenge":"AQI"}"#));
        assert_eq!(Tokens::new([8; 32]).verify(&token), None);
        let (later, other) = (token.replace(".1000.", ".9000."), token.replace("1-5", "2-5"));
        let cut = &token[..token.len() - 1];
        for bad in [later.as_str(), &other, cut, &token[1..], "", ".", "...", "a.1.b.c", "ä.1.b.c"] {
            assert_eq!(tokens.verify(bad), None, "{bad}");
        }
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{token}");
    }
}
