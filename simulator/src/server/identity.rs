//! The signatures of a phone and a companion on a device identity, as far as a server can verify them.

use thiserror::Error;
use wacore_libsignal::protocol::PublicKey;
use waproto::buffa::Message as _;
use waproto::whatsapp::{ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC};

use super::keys::SignedPrekey;
use super::pairing::Approval;

const ACCOUNT_PREFIX: [u8; 2] = [6, 0];
const DEVICE_PREFIX: [u8; 2] = [6, 1];
/// The type byte that is signed in front of a public key.
const KEY_TYPE: u8 = 5;

/// What is invalid in an identity.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdentityError {
    #[error("it cannot be read")]
    Unreadable,
    #[error("its key index is another than was said")]
    KeyIndex,
    #[error("it names another account key than was said")]
    AccountKey,
    #[error("the account key did not sign it")]
    AccountSignature,
    #[error("the companion's identity key did not sign it")]
    DeviceSignature,
    #[error("the account has a phone with another identity key")]
    AnotherPhone,
}

/// A device identity signed by the phone.
#[derive(Debug)]
pub struct Identity {
    signed: ADVSignedDeviceIdentity,
}

impl Identity {
    /// Parses and verifies what the phone signed for a companion with this identity key. The HMAC around it is for the
    /// companion: the server does not know the secret.
    ///
    /// # Errors
    /// It is malformed, or a signature is invalid.
    pub fn from_phone(approval: &Approval, companion: &[u8; 32]) -> Result<Self, IdentityError> {
        let outer = ADVSignedDeviceIdentityHMAC::decode_from_slice(&approval.device_identity)
            .map_err(|_| IdentityError::Unreadable)?;
        let signed = ADVSignedDeviceIdentity::decode_from_slice(&outer.details.unwrap_or_default())
            .map_err(|_| IdentityError::Unreadable)?;
        let details = signed.details.as_deref().unwrap_or_default();
        let device = ADVDeviceIdentity::decode_from_slice(details).map_err(|_| IdentityError::Unreadable)?;
        if device.key_index != Some(approval.key_index) {
            return Err(IdentityError::KeyIndex);
        }
        if signed.account_signature_key.as_deref() != Some(&approval.account_key[..]) {
            return Err(IdentityError::AccountKey);
        }
        let message = [&ACCOUNT_PREFIX[..], details, companion].concat();
        if !is_signed(&approval.account_key, &message, signed.account_signature.as_deref()) {
            return Err(IdentityError::AccountSignature);
        }
        Ok(Self { signed })
    }

    /// Adds the companion's signature from its response (protobuf `ADVSignedDeviceIdentity`), and returns the complete
    /// identity for others.
    ///
    /// Companions leave the account's key out of their response (whatsmeow, pair.go); others receive it nevertheless.
    ///
    /// # Errors
    /// The companion signed something else.
    pub fn with_device_signature(mut self, answer: &[u8], companion: &[u8; 32]) -> Result<Vec<u8>, IdentityError> {
        let answer = ADVSignedDeviceIdentity::decode_from_slice(answer).map_err(|_| IdentityError::Unreadable)?;
        let details = self.signed.details.as_deref().unwrap_or_default();
        let account_key = self.signed.account_signature_key.as_deref().unwrap_or_default();
        let message = [&DEVICE_PREFIX[..], details, companion, account_key].concat();
        if !is_signed(companion, &message, answer.device_signature.as_deref()) {
            return Err(IdentityError::DeviceSignature);
        }
        self.signed.device_signature = answer.device_signature;
        Ok(self.signed.encode_to_vec())
    }
}

/// Whether a signed prekey was signed by this identity key.
pub fn is_signed_prekey(identity: &[u8; 32], prekey: &SignedPrekey) -> bool {
    let message = [&[KEY_TYPE][..], &prekey.value].concat();
    is_signed(identity, &message, Some(&prekey.signature))
}

fn is_signed(key: &[u8; 32], message: &[u8], signature: Option<&[u8]>) -> bool {
    let Ok(key) = PublicKey::from_djb_public_key_bytes(key) else { return false };
    signature.is_some_and(|signature| key.verify_signature(message, signature))
}
