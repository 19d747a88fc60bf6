//! Linking at the passkey gate ("Shortcake"): the phone's half of the exchange.
//!
//! The companion commits to an ephemeral key and a nonce, the phone responds with its own, and only then does the
//! companion reveal its nonce: so neither can choose its values to make a man in the middle's code match. The key that
//! encrypts the companion's rotated secret is derived from the two ephemeral keys. A companion that proves knowledge of
//! the secret before the rotation, which it showed in a QR code or agreed on by a pairing code, needs no comparison of
//! codes.

use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::{CurveError, KeyPair, PublicKey};
use waproto::buffa::{Enumeration as _, Message as _};
use waproto::whatsapp as wa;

use crate::phone::rng::SeededRng;

const HANDOFF_PURPOSE: &[u8] = b"shortcake-passkey-handoff-v1";
const REQUEST_PURPOSE: &[u8] = b"Pairing Information Encryption Key";

/// The digits of a code, five bits each: no 0, I, O or U.
const CODE_ALPHABET: &[u8; 32] = b"123456789ABCDEFGHJKLMNPQRSTVWXYZ";

/// Number of digits in a code, displayed with a dash in the middle.
const CODE_DIGITS: u32 = 8;

/// Why the phone does not continue.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum PasskeyPairingError {
    #[error("the {0} is malformed")]
    Malformed(&'static str),
    #[error("the handoff proof is wrong: this is not the client whose code was scanned or typed")]
    WrongProof,
    #[error("the companion's nonce does not match its commitment")]
    WrongCommitment,
    #[error("the pairing request cannot be decrypted")]
    Undecryptable,
    #[error("the pairing request names other keys than the connection registered")]
    OtherKeys,
    #[error("a key is not on the curve")]
    WrongKey,
}

impl From<CurveError> for PasskeyPairingError {
    fn from(_: CurveError) -> Self {
        Self::WrongKey
    }
}

/// The companion's data and commitment, from the prologue.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Prologue {
    /// As encoded: the commitment covers these bytes.
    identity: Vec<u8>,
    public_key: [u8; 32],
    device_type: i32,
    reference: String,
    commitment: [u8; 32],
}

impl Prologue {
    fn read(payload: &[u8]) -> Option<Self> {
        let payload = wa::ProloguePayload::decode_from_slice(payload).ok()?;
        let identity = payload.companion_ephemeral_identity?;
        let read = wa::CompanionEphemeralIdentity::decode_from_slice(&identity).ok()?;
        Some(Self {
            public_key: read.public_key?.try_into().ok()?,
            device_type: read.device_type?.to_i32(),
            reference: read.r#ref?,
            commitment: payload.commitment.as_option()?.hash.as_deref()?.try_into().ok()?,
            identity,
        })
    }
}

/// A pairing for which the phone has generated its ephemeral key and nonce.
pub struct PasskeyPairing {
    prologue: Prologue,
    ephemeral: KeyPair,
    nonce: [u8; 32],
}

impl PasskeyPairing {
    /// Handles the companion's prologue. `proof` is verified with `secret`, which was in the QR code or agreed on by
    /// the pairing code.
    ///
    /// # Errors
    /// [`PasskeyPairingError::Malformed`], [`PasskeyPairingError::WrongProof`] or [`PasskeyPairingError::WrongKey`].
    pub fn begin(
        payload: &[u8],
        proof: Option<&[u8]>,
        secret: &[u8; 32],
        rng: &mut SeededRng,
    ) -> Result<Self, PasskeyPairingError> {
        let prologue = Prologue::read(payload).ok_or(PasskeyPairingError::Malformed("prologue payload"))?;
        PublicKey::from_djb_public_key_bytes(&prologue.public_key)?;
        if proof.is_some_and(|proof| !is_handoff_proof(proof, secret, payload)) {
            return Err(PasskeyPairingError::WrongProof);
        }
        Ok(Self { prologue, ephemeral: KeyPair::generate(rng.std_rng()), nonce: rng.bytes() })
    }

    /// The encoded `PrimaryEphemeralIdentity` for the companion.
    pub fn identity(&self) -> Vec<u8> {
        wa::PrimaryEphemeralIdentity {
            public_key: Some(self.ephemeral.public_key.public_key_bytes().to_vec()),
            nonce: Some(self.nonce.to_vec()),
        }
        .encode_to_vec()
    }

    /// Handles the companion's revealed nonce. Returns the code that both sides show, such as `ZDET-SM4S`.
    ///
    /// # Errors
    /// [`PasskeyPairingError::WrongCommitment`].
    pub fn reveal(&self, companion_nonce: &[u8; 32]) -> Result<String, PasskeyPairingError> {
        if commitment(&self.prologue.identity, companion_nonce) != self.prologue.commitment {
            return Err(PasskeyPairingError::WrongCommitment);
        }
        Ok(code(companion_nonce, self.ephemeral.public_key.public_key_bytes(), &self.nonce))
    }

    /// Handles the companion's encrypted request; `noise_key` and `identity` are those that its connection registered
    /// with. Returns the rotated secret.
    ///
    /// # Errors
    /// [`PasskeyPairingError::Malformed`], [`PasskeyPairingError::Undecryptable`] or [`PasskeyPairingError::OtherKeys`].
    pub fn open_request(
        &self,
        encrypted: &[u8],
        noise_key: &[u8; 32],
        identity: &[u8; 32],
    ) -> Result<[u8; 32], PasskeyPairingError> {
        let malformed = PasskeyPairingError::Malformed("pairing request");
        let encrypted = wa::EncryptedPairingRequest::decode_from_slice(encrypted).map_err(|_| malformed)?;
        let iv: [u8; 12] = encrypted.iv.and_then(|iv| iv.try_into().ok()).ok_or(malformed)?;
        let sealed = encrypted.encrypted_payload.ok_or(malformed)?;
        let companion = PublicKey::from_djb_public_key_bytes(&self.prologue.public_key)?;
        let shared = self.ephemeral.calculate_agreement(&companion)?;
        let key = request_key(&shared, self.prologue.device_type, &self.prologue.reference);
        let mut opened = Vec::new();
        aes_256_gcm_decrypt(&key, &iv, b"", &sealed, &mut opened).map_err(|_| PasskeyPairingError::Undecryptable)?;
        let request = wa::PairingRequest::decode_from_slice(&opened).map_err(|_| malformed)?;
        let names_them = request.companion_public_key.as_deref() == Some(&noise_key[..])
            && request.companion_identity_key.as_deref() == Some(&identity[..]);
        if !names_them {
            return Err(PasskeyPairingError::OtherKeys);
        }
        request.adv_secret.and_then(|secret| secret.try_into().ok()).ok_or(malformed)
    }
}

/// SHA-256 of the encoded `CompanionEphemeralIdentity` and the nonce.
fn commitment(identity: &[u8], companion_nonce: &[u8; 32]) -> [u8; 32] {
    Sha256::digest([identity, companion_nonce].concat()).into()
}

/// Whether this is the HMAC of the prologue's payload under the key derived from the secret before the rotation.
fn is_handoff_proof(proof: &[u8], secret: &[u8; 32], payload: &[u8]) -> bool {
    let key = derive(None, secret, HANDOFF_PURPOSE);
    // HMAC takes keys of every length.
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
    mac.update(payload);
    mac.verify_slice(proof).is_ok()
}

/// The key of the pairing request. The salt is the text with the device type and the ref.
fn request_key(shared: &[u8; 32], device_type: i32, reference: &str) -> [u8; 32] {
    let salt = format!("Companion Pairing {device_type} with ref {reference}");
    derive(Some(salt.as_bytes()), shared, REQUEST_PURPOSE)
}

/// The code that both sides show: five bytes of the phone's nonce, masked by the other values, in base 32.
fn code(companion_nonce: &[u8; 32], public_key: &[u8], nonce: &[u8; 32]) -> String {
    let digest = Sha256::digest([&companion_nonce[..], public_key].concat());
    let bits = nonce.iter().zip(digest).take(5).fold(0_u64, |bits, (own, mask)| (bits << 8) | u64::from(own ^ mask));
    let digit = |at: u32| char::from(CODE_ALPHABET[usize::from((bits >> (5 * at)).to_be_bytes()[7] & 31)]);
    let (first, last): (String, String) =
        ((4..CODE_DIGITS).rev().map(digit).collect(), (0..4).rev().map(digit).collect());
    format!("{first}-{last}")
}

fn derive(salt: Option<&[u8]>, secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    // 32 bytes are less than the 8,160 that HKDF can produce.
    Hkdf::<Sha256>::new(salt, secret).expand(purpose, &mut key).expect("32 bytes are within the derivation's length");
    key
}

#[cfg(test)]
mod tests;
