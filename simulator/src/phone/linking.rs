//! Linking a companion: what a phone does when its person scans a QR code, and the list of companions that it vouches
//! for.
//!
//! The phone signs the companion's identity, and proves with the secret from the QR code that it has seen the code. The
//! companion adds its own signature; from then on others can verify that the companion belongs to the account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wacore_libsignal::protocol::{CurveError, PublicKey};
use waproto::buffa::Message;
use waproto::whatsapp as wa;

use crate::limits::COMPANIONS_MAX;
use crate::phone::identity::Identity;
use crate::phone::rng::SeededRng;

/// The link that may precede the code, for cameras that open it as a link.
const LINK_PREFIX: &str = "https://wa.me/settings/linked_devices#";

/// Each signed message starts with the type of the signature.
const ACCOUNT_SIGNATURE: [u8; 2] = [6, 0];
const DEVICE_SIGNATURE: [u8; 2] = [6, 1];
// ASSUMPTION: clients do not check the signature of the key-index list; its prefix follows the numbering of the others.
const KEY_INDEX_LIST_SIGNATURE: [u8; 2] = [6, 2];

/// Why a companion cannot be linked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LinkError {
    #[error("this is not a QR code of WhatsApp Web: {0}")]
    NotACode(&'static str),
    #[error("the code shows another identity key than the connection registered")]
    OtherIdentity,
    #[error("the code shows another noise key than the connection uses")]
    OtherNoiseKey,
    #[error("the account has {COMPANIONS_MAX} linked devices already; unlink one first")]
    TooMany,
    #[error("no such linked device")]
    Unknown,
    #[error("the companion's signature is wrong")]
    WrongSignature,
    #[error("a key is not on the curve")]
    WrongKey,
}

impl From<CurveError> for LinkError {
    fn from(_: CurveError) -> Self {
        Self::WrongKey
    }
}

/// A parsed QR code: `reference,noise key,identity key,secret[,client type]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrCode {
    /// The ref from the server, which identifies the client's connection.
    pub reference: String,
    pub noise_key: [u8; 32],
    pub identity: [u8; 32],
    pub secret: [u8; 32],
}

impl QrCode {
    /// Parses a code, with or without the link before it.
    ///
    /// # Errors
    /// [`LinkError::NotACode`] says which part is invalid.
    pub fn read(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let parts: Vec<&str> = text.strip_prefix(LINK_PREFIX).unwrap_or(text).split(',').collect();
        let [reference, noise_key, identity, secret, ..] = parts.as_slice() else {
            return Err(LinkError::NotACode("it has fewer than four parts"));
        };
        if reference.is_empty() || parts.len() > 5 {
            return Err(LinkError::NotACode("it has an empty reference or more than five parts"));
        }
        Ok(Self {
            reference: (*reference).to_owned(),
            noise_key: key(noise_key, "the noise key")?,
            identity: key(identity, "the identity key")?,
            secret: key(secret, "the secret")?,
        })
    }

    /// Compares the code with the keys of the connection that the ref belongs to.
    ///
    /// # Errors
    /// [`LinkError::OtherIdentity`] or [`LinkError::OtherNoiseKey`].
    pub fn check(&self, identity: &[u8], noise_key: &[u8]) -> Result<(), LinkError> {
        if self.identity != identity {
            return Err(LinkError::OtherIdentity);
        }
        if self.noise_key != noise_key {
            return Err(LinkError::OtherNoiseKey);
        }
        Ok(())
    }
}

fn key(text: &str, what: &'static str) -> Result<[u8; 32], LinkError> {
    STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(LinkError::NotACode(what))
}

/// A linked device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// The device index assigned by the server, 1 and up.
    pub device: u16,
    pub key_index: u32,
    pub identity: [u8; 32],
}

/// What a phone sends to the server to admit a companion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    pub key_index: u32,
    pub identity: [u8; 32],
    /// An encoded `ADVSignedDeviceIdentityHMAC`: the content of `<device-identity>` in `<pair-success>`.
    pub device_identity: Vec<u8>,
}

/// The companions of a phone.
pub struct Companions {
    /// Identifies this registration of the account; it changes when an account is registered again.
    raw_id: u32,
    last_index: u32,
    linked: Vec<Companion>,
}

impl Companions {
    pub fn new(rng: &mut SeededRng) -> Self {
        Self { raw_id: rng.below(u32::MAX - 1) + 1, last_index: 0, linked: Vec::new() }
    }

    pub fn linked(&self) -> &[Companion] {
        &self.linked
    }

    /// The valid key indexes; the phone itself has index 0.
    pub fn key_indexes(&self) -> Vec<u32> {
        std::iter::once(0).chain(self.linked.iter().map(|one| one.key_index)).collect()
    }

    pub fn raw_id(&self) -> u32 {
        self.raw_id
    }

    pub fn last_index(&self) -> u32 {
        self.last_index
    }

    /// Signs the identity of a companion, with a proof that its secret is known. The companion is linked when
    /// [`Self::settle`] has verified its signature.
    ///
    /// # Errors
    /// [`LinkError::TooMany`], or [`LinkError::WrongKey`] for an invalid key.
    pub fn admit(
        &mut self,
        own: &Identity,
        identity: [u8; 32],
        secret: &[u8; 32],
        now_ms: u64,
        rng: &mut SeededRng,
    ) -> Result<Admission, LinkError> {
        if self.linked.len() >= COMPANIONS_MAX {
            return Err(LinkError::TooMany);
        }
        PublicKey::from_djb_public_key_bytes(&identity)?;
        self.last_index += 1;
        let details = wa::ADVDeviceIdentity {
            raw_id: Some(self.raw_id),
            timestamp: Some(now_ms / 1000),
            key_index: Some(self.last_index),
            ..Default::default()
        }
        .encode_to_vec();
        let signed_bytes = [&ACCOUNT_SIGNATURE[..], &details, &identity].concat();
        let signature = own.key().private_key().calculate_signature(&signed_bytes, rng.std_rng())?;
        let signed = wa::ADVSignedDeviceIdentity {
            details: Some(details),
            account_signature_key: Some(own.public_key().to_vec()),
            account_signature: Some(signature.to_vec()),
            ..Default::default()
        }
        .encode_to_vec();
        // HMAC takes keys of every length.
        let mut proof = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
        proof.update(&signed);
        let device_identity = wa::ADVSignedDeviceIdentityHMAC {
            hmac: Some(proof.finalize().into_bytes().to_vec()),
            details: Some(signed),
            ..Default::default()
        }
        .encode_to_vec();
        Ok(Admission { key_index: self.last_index, identity, device_identity })
    }

    /// Verifies what the companion returned in `<pair-device-sign>` and links it under the device index from the
    /// server. Returns the complete identity, with the account's key, which is shown to others along with its keys.
    ///
    /// # Errors
    /// [`LinkError::WrongSignature`] if either signature is missing or invalid, or [`LinkError::TooMany`].
    pub fn settle(
        &mut self,
        own: &Identity,
        device: u16,
        admission: &Admission,
        returned: &[u8],
    ) -> Result<Vec<u8>, LinkError> {
        let mut signed =
            wa::ADVSignedDeviceIdentity::decode_from_slice(returned).map_err(|_| LinkError::WrongSignature)?;
        let (details, theirs) = match (&signed.details, &signed.device_signature) {
            (Some(details), Some(signature)) => (details, signature),
            _ => return Err(LinkError::WrongSignature),
        };
        let account_bytes = [&ACCOUNT_SIGNATURE[..], details, &admission.identity].concat();
        let device_bytes = [&DEVICE_SIGNATURE[..], details, &admission.identity, own.public_key()].concat();
        let ours = signed.account_signature.as_deref().unwrap_or_default();
        let is_ours = own.key().public_key().verify_signature(&account_bytes, ours);
        let is_theirs =
            PublicKey::from_djb_public_key_bytes(&admission.identity)?.verify_signature(&device_bytes, theirs);
        if !is_ours || !is_theirs {
            return Err(LinkError::WrongSignature);
        }
        self.linked.retain(|companion| companion.device != device);
        // Others may have been linked meanwhile.
        if self.linked.len() >= COMPANIONS_MAX {
            return Err(LinkError::TooMany);
        }
        self.linked.push(Companion { device, key_index: admission.key_index, identity: admission.identity });
        signed.account_signature_key = Some(own.public_key().to_vec());
        Ok(signed.encode_to_vec())
    }

    /// Removes a companion.
    ///
    /// # Errors
    /// [`LinkError::Unknown`].
    pub fn unlink(&mut self, device: u16) -> Result<Companion, LinkError> {
        let at = self.linked.iter().position(|companion| companion.device == device).ok_or(LinkError::Unknown)?;
        Ok(self.linked.remove(at))
    }

    /// The encoded `ADVSignedKeyIndexList`: the content of `<key-index-list>`. Clients ignore companions whose index is
    /// not in it.
    ///
    /// # Errors
    /// As [`Identity::generate`].
    pub fn key_index_list(&self, own: &Identity, now_ms: u64, rng: &mut SeededRng) -> Result<Vec<u8>, CurveError> {
        let details = wa::ADVKeyIndexList {
            raw_id: Some(self.raw_id),
            timestamp: Some(now_ms / 1000),
            current_index: Some(self.last_index),
            valid_indexes: self.key_indexes(),
            ..Default::default()
        }
        .encode_to_vec();
        let signed_bytes = [&KEY_INDEX_LIST_SIGNATURE[..], &details].concat();
        let signature = own.key().private_key().calculate_signature(&signed_bytes, rng.std_rng())?;
        Ok(wa::ADVSignedKeyIndexList {
            details: Some(details),
            account_signature: Some(signature.to_vec()),
            account_signature_key: Some(own.public_key().to_vec()),
        }
        .encode_to_vec())
    }
}

#[cfg(test)]
mod tests;
