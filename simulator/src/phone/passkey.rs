//! A person's passkey: a WebAuthn credential of the relying party `whatsapp.com`, and the authenticator that holds it.
//!
//! The real one is in the phone's keychain and answers `navigator.credentials.get()` on https://web.whatsapp.com. This
//! one is used through the control API, and returns what the browser's `PublicKeyCredential.toJSON()` would.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::phone::rng::SeededRng;

/// The relying party: origins in this domain may request its credentials.
pub const RELYING_PARTY: &str = "whatsapp.com";

/// The origin at which WhatsApp Web requests an assertion.
pub const ORIGIN: &str = "https://web.whatsapp.com";

/// Authenticator data flag: the user was present.
pub const USER_PRESENT: u8 = 0x01;

/// Authenticator data flag: the user was verified, by a fingerprint or the screen lock.
pub const USER_VERIFIED: u8 = 0x04;

/// Why the authenticator refuses to sign an assertion.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PasskeyError {
    #[error("the challenge is not base64url without padding, or it is empty")]
    Challenge,
    #[error("rpId is {0:?}; a browser on {ORIGIN} uses passkeys of {RELYING_PARTY} for these options")]
    RelyingParty(String),
    #[error("allowCredentials does not list this person's passkey")]
    NotAllowed,
}

/// The parts of `PublicKeyCredentialRequestOptions` (in JSON) that an authenticator evaluates. Other members are
/// ignored, as browsers ignore those that they do not know.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// base64url without padding.
    pub challenge: String,
    #[serde(default)]
    pub rp_id: Option<String>,
    #[serde(default)]
    pub allow_credentials: Vec<AllowedCredential>,
}

/// A credential that the relying party accepts.
#[derive(Debug, Clone, Deserialize)]
pub struct AllowedCredential {
    /// base64url without padding.
    pub id: String,
}

/// What `PublicKeyCredential.toJSON()` returns for an assertion. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assertion {
    pub id: String,
    pub raw_id: String,
    pub response: AssertionResponse,
    pub authenticator_attachment: &'static str,
    pub client_extension_results: ExtensionResults,
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// The member `response` of an [`Assertion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssertionResponse {
    pub authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    pub signature: String,
    pub user_handle: Option<String>,
}

/// The whole credential, for a virtual authenticator in a test browser. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedPasskey {
    pub credential_id: String,
    pub rp_id: &'static str,
    /// PKCS#8 in DER.
    pub private_key: String,
    pub user_handle: String,
    pub sign_count: u32,
}

/// The PKCS#8 encoding of a P-256 key, up to the 32 bytes of the private key: RFC 5208 around RFC 5915, without the
/// public key.
const PKCS8_HEAD: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// No extension has results: `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExtensionResults {}

/// A passkey with its private key, derived from the run's seed and the person's number.
pub struct Passkey {
    key: SigningKey,
    credential_id: [u8; 32],
    user_handle: Vec<u8>,
}

impl Passkey {
    /// The passkey of the person with this number. `user_handle` identifies the account to the relying party.
    // ASSUMPTION: the user handle is the person's hidden id, and the counter stays at 0.
    pub fn new(seed: u64, number: &str, user_handle: &str) -> Self {
        let mut rng = SeededRng::new(seed, &format!("passkey of {number}"));
        let credential_id = rng.bytes();
        // About one in four billion values is not below the curve's order.
        let key = loop {
            if let Ok(key) = SigningKey::from_slice(&rng.bytes::<32>()) {
                break key;
            }
        };
        Self { key, credential_id, user_handle: user_handle.as_bytes().to_vec() }
    }

    /// The raw id of the credential.
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// The uncompressed public key: 65 bytes that start with 4.
    pub fn public_key(&self) -> Vec<u8> {
        self.key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// Identifies the account to the relying party.
    pub fn user_handle(&self) -> &[u8] {
        &self.user_handle
    }

    /// The credential with its private key, for another authenticator.
    pub fn export(&self) -> ExportedPasskey {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        ExportedPasskey {
            credential_id: encode(&self.credential_id),
            rp_id: RELYING_PARTY,
            private_key: encode(&[&PKCS8_HEAD[..], &self.key.to_bytes()].concat()),
            user_handle: encode(&self.user_handle),
            sign_count: 0,
        }
    }

    /// Answers `navigator.credentials.get()` of a page on [`ORIGIN`], with the user present and verified.
    ///
    /// # Errors
    /// See [`PasskeyError`].
    pub fn assert(&self, options: &RequestOptions) -> Result<Assertion, PasskeyError> {
        if URL_SAFE_NO_PAD.decode(&options.challenge).unwrap_or_default().is_empty() {
            return Err(PasskeyError::Challenge);
        }
        if options.rp_id.as_deref() != Some(RELYING_PARTY) {
            return Err(PasskeyError::RelyingParty(options.rp_id.clone().unwrap_or_default()));
        }
        let own_id = URL_SAFE_NO_PAD.encode(self.credential_id);
        let is_allowed =
            options.allow_credentials.is_empty() || options.allow_credentials.iter().any(|one| one.id == own_id);
        if !is_allowed {
            return Err(PasskeyError::NotAllowed);
        }
        let client_data = client_data("webauthn.get", &options.challenge, ORIGIN);
        Ok(self.sign(&client_data, &authenticator_data(RELYING_PARTY, USER_PRESENT | USER_VERIFIED)))
    }

    /// Signs these two values unchecked: tests of the relying party use invalid ones.
    pub fn sign(&self, client_data_json: &str, authenticator_data: &[u8]) -> Assertion {
        let signed = [authenticator_data, &Sha256::digest(client_data_json.as_bytes())].concat();
        let signature: DerSignature = self.key.sign(&signed);
        let id = URL_SAFE_NO_PAD.encode(self.credential_id);
        Assertion {
            raw_id: id.clone(),
            id,
            response: AssertionResponse {
                authenticator_data: URL_SAFE_NO_PAD.encode(authenticator_data),
                client_data_json: URL_SAFE_NO_PAD.encode(client_data_json),
                signature: URL_SAFE_NO_PAD.encode(signature.as_bytes()),
                user_handle: Some(URL_SAFE_NO_PAD.encode(&self.user_handle)),
            },
            authenticator_attachment: "platform",
            client_extension_results: ExtensionResults {},
            kind: "public-key",
        }
    }
}

/// The private key is secret.
impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passkey(..)")
    }
}

/// The client data of an assertion, as browsers serialize it.
pub fn client_data(kind: &str, challenge: &str, origin: &str) -> String {
    let [kind, challenge, origin] = [kind, challenge, origin].map(|text| json!(text));
    format!(r#"{{"type":{kind},"challenge":{challenge},"origin":{origin},"crossOrigin":false}}"#)
}

/// The authenticator data of an assertion: the hash of the relying party's id, the flags, and the signature counter,
/// which a passkey that is synchronized between devices leaves at 0.
pub fn authenticator_data(relying_party: &str, flags: u8) -> Vec<u8> {
    [&Sha256::digest(relying_party.as_bytes())[..], &[flags], &[0; 4]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: serde_json::Value) -> RequestOptions {
        serde_json::from_value(json).unwrap()
    }

    fn ann() -> Passkey {
        Passkey::new(7, "15550001", "90012345678901")
    }

    #[test]
    fn the_same_seed_and_number_give_the_same_passkey() {
        let other_seed = Passkey::new(8, "15550001", "90012345678901");
        assert_eq!(ann().public_key(), ann().public_key());
        assert_eq!(ann().credential_id(), ann().credential_id());
        assert_ne!(ann().public_key(), other_seed.public_key());
        assert_ne!(ann().credential_id(), Passkey::new(7, "15550002", "").credential_id());
        assert_eq!((ann().public_key().len(), ann().public_key()[0]), (65, 4));
    }

    #[test]
    fn an_assertion_verifies_with_another_implementation_of_the_curve() {
        let options = options(json!({"challenge": "AQIDBA", "rpId": "whatsapp.com", "timeout": 600_000}));
        let assertion = serde_json::to_value(ann().assert(&options).unwrap()).unwrap();
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(assertion["response"][name].as_str().unwrap()).unwrap();
        let (client_data, data) = (bytes("clientDataJSON"), bytes("authenticatorData"));
        assert_eq!(
            std::str::from_utf8(&client_data).unwrap(),
            r#"{"type":"webauthn.get","challenge":"AQIDBA","origin":"https://web.whatsapp.com","crossOrigin":false}"#
        );
        assert_eq!((data.len(), data[32]), (37, 5));
        let signed = [&data[..], &Sha256::digest(&client_data)].concat();
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, ann().public_key());
        key.verify(&signed, &bytes("signature")).unwrap();
        assert!(key.verify(&signed[1..], &bytes("signature")).is_err());
        assert_eq!(bytes("userHandle"), b"90012345678901");
        assert_eq!((&assertion["id"], &assertion["type"]), (&assertion["rawId"], &json!("public-key")));
        assert_eq!(assertion["clientExtensionResults"], json!({}));
    }

    #[test]
    fn the_exported_key_is_the_one_that_signs() {
        let exported = ann().export();
        let key = URL_SAFE_NO_PAD.decode(&exported.private_key).unwrap();
        assert_eq!(key.len(), PKCS8_HEAD.len() + 32);
        assert_eq!(SigningKey::from_slice(&key[PKCS8_HEAD.len()..]).unwrap(), ann().key);
        assert_eq!(exported.credential_id, URL_SAFE_NO_PAD.encode(ann().credential_id()));
        assert_eq!((exported.rp_id, exported.sign_count), ("whatsapp.com", 0));
    }

    #[test]
    fn options_that_a_browser_would_refuse_are_refused() {
        let own_id = URL_SAFE_NO_PAD.encode(ann().credential_id());
        let cases = [
            (json!({"challenge": "", "rpId": "whatsapp.com"}), Some(PasskeyError::Challenge)),
            (json!({"challenge": "AQ==", "rpId": "whatsapp.com"}), Some(PasskeyError::Challenge)),
            (json!({"challenge": "AQ"}), Some(PasskeyError::RelyingParty(String::new()))),
            (json!({"challenge": "AQ", "rpId": "example.com"}), Some(PasskeyError::RelyingParty("example.com".into()))),
            (
                json!({"challenge": "AQ", "rpId": "whatsapp.com", "allowCredentials": [{"id": "AAAA", "type": "public-key"}]}),
                Some(PasskeyError::NotAllowed),
            ),
            (json!({"challenge": "AQ", "rpId": "whatsapp.com", "allowCredentials": [{"id": own_id}]}), None),
        ];
        for (json, expected) in cases {
            assert_eq!(ann().assert(&options(json.clone())).err(), expected, "{json}");
        }
    }
}
