//! Verification of WebAuthn assertions as the relying party: was this challenge signed, on WhatsApp Web's page, by the
//! account's passkey, with user verification?
//!
//! The steps are those of "Verifying an Authentication Assertion" in the W3C's Web Authentication, for credentials with
//! ES256 signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The relying party in every assertion request.
pub const RELYING_PARTY: &str = "whatsapp.com";

/// The only origin whose assertions are accepted.
const ORIGIN: &str = "https://web.whatsapp.com";

/// The hash of the relying party's id, the flags, and the signature counter.
const AUTHENTICATOR_DATA_BYTES_MIN: usize = 37;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;

/// Why an assertion is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AssertionError {
    /// It is not an assertion in JSON.
    #[error("the assertion's {0} is malformed")]
    Malformed(&'static str),
    /// It is valid, but for something else.
    #[error("the assertion has another {0}")]
    Wrong(&'static str),
}

/// The public half of an account's passkey.
pub struct Credential {
    id: Vec<u8>,
    public_key: VerifyingKey,
    user_handle: Vec<u8>,
}

/// `PublicKeyCredential.toJSON()`. Members that the relying party does not need are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionJson {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: ResponseJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseJson {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
}

impl Credential {
    /// A passkey by its raw id, its uncompressed public key (65 bytes), and its user handle. `None` if the key is not
    /// on the curve.
    pub fn new(id: &[u8], public_key: &[u8], user_handle: &[u8]) -> Option<Self> {
        let public_key = VerifyingKey::from_sec1_bytes(public_key).ok()?;
        Some(Self { id: id.to_vec(), public_key, user_handle: user_handle.to_vec() })
    }

    // ASSUMPTION: the service checks what the W3C's document asks of a relying party, for one origin alone.
    /// Verifies an assertion for this challenge (base64url). `credential_id` is what the client sent along with it.
    ///
    /// # Errors
    /// See [`AssertionError`].
    pub(super) fn verify(&self, challenge: &str, credential_id: &[u8], json: &[u8]) -> Result<(), AssertionError> {
        use AssertionError::{Malformed, Wrong};
        let assertion: AssertionJson = serde_json::from_slice(json).map_err(|_| Malformed("JSON"))?;
        let response = &assertion.response;
        let client_data_json = decoded(&response.client_data_json, "clientDataJSON")?;
        let authenticator_data = decoded(&response.authenticator_data, "authenticatorData")?;
        let signature = decoded(&response.signature, "signature")?;
        let signature = Signature::from_der(&signature).map_err(|_| Malformed("signature"))?;
        let client_data: ClientData =
            serde_json::from_slice(&client_data_json).map_err(|_| Malformed("clientDataJSON"))?;
        let flags = *authenticator_data
            .get(32)
            .filter(|_| authenticator_data.len() >= AUTHENTICATOR_DATA_BYTES_MIN)
            .ok_or(Malformed("authenticatorData"))?;
        let is_own = credential_id == self.id
            && decoded(&assertion.raw_id, "rawId")? == self.id
            && assertion.id == assertion.raw_id;
        let is_own_user = match &response.user_handle {
            Some(handle) => decoded(handle, "userHandle")? == self.user_handle,
            None => true,
        };
        let checks = [
            (assertion.kind == "public-key", "type of credential"),
            (is_own, "credential"),
            (is_own_user, "user"),
            (client_data.kind == "webauthn.get", "type"),
            (client_data.challenge == challenge, "challenge"),
            (client_data.origin == ORIGIN, "origin"),
            (authenticator_data.starts_with(&Sha256::digest(RELYING_PARTY)), "relying party"),
            (flags & USER_PRESENT != 0, "flag for the user's presence"),
            (flags & USER_VERIFIED != 0, "flag for the user's verification"),
        ];
        if let Some((_, what)) = checks.into_iter().find(|(holds, _)| !holds) {
            return Err(Wrong(what));
        }
        let signed = [&authenticator_data[..], &Sha256::digest(&client_data_json)].concat();
        self.public_key.verify(&signed, &signature).map_err(|_| Wrong("signature"))
    }
}

fn decoded(text: &str, what: &'static str) -> Result<Vec<u8>, AssertionError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| AssertionError::Malformed(what))
}

#[cfg(test)]
mod tests;
