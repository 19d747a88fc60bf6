//! Seals what may not lie in the store in clear: AES-256-GCM under a key that hangs on the master key.
//!
//! What is sealed opens for its own place only: the client, the device and the row it belongs to are authenticated with
//! it, so that a row which somebody moves to another device opens nowhere.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::clock::Clock;

/// The first byte of what is sealed: how it is.
const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer(LessSafeKey);

/// Seals and opens under a key for each place, which follows from its own one. For what is sealed again and again: nonces are
/// random, and after some billions of them one key must not seal any more (NIST SP 800-38D, 8.3).
#[derive(Clone)]
pub struct Sealers(hmac::Key);

/// It was sealed for another place, under another key, or was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was changed, moved, or sealed under another master key")]
pub struct DoesNotOpen;

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Self {
        // AES-256-GCM takes keys of 32 bytes.
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes")))
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, clock: &Clock, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = clock.random::<NONCE_LEN>();
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(place), &mut sealed[1 + NONCE_LEN..]);
        // It fails for more than 64 GiB only.
        sealed.extend_from_slice(tag.expect("a value of usual size").as_ref());
        sealed
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let sealed = sealed.strip_prefix(&[VERSION]).ok_or(DoesNotOpen)?;
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
        let mut body = body.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| DoesNotOpen)?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl Sealers {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Those of one part, such as a device: their keys give nothing away of another's.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self::new(&self.key(name.as_bytes()))
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, clock: &Clock, place: &[u8], plain: &[u8]) -> Vec<u8> {
        Sealer::new(&self.key(place)).seal(clock, place, plain)
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        Sealer::new(&self.key(place)).open(place, sealed)
    }

    fn key(&self, name: &[u8]) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(hmac::sign(&self.0, name).as_ref());
        key
    }
}

impl std::fmt::Debug for Sealers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealers(hidden)")
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let (clock, sealer) = (Clock::system(), Sealer::new(&[7; 32]));
        let sealed = sealer.seal(&clock, b"1/device/row", b"secret");
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(sealer.open(b"1/device/row", &sealed).as_deref(), Ok(&b"secret"[..]));
        assert_eq!(sealer.open(b"2/device/row", &sealed), Err(DoesNotOpen));
        assert_eq!(Sealer::new(&[8; 32]).open(b"1/device/row", &sealed), Err(DoesNotOpen));
        assert_ne!(sealed, sealer.seal(&clock, b"1/device/row", b"secret"), "each time another");
    }

    #[test]
    fn each_part_and_each_place_has_a_key_of_its_own() {
        let (clock, sealers) = (Clock::system(), Sealers::new(&[7; 32]));
        let sealed = sealers.part("a").seal(&clock, b"row", b"secret");
        assert_eq!(sealers.part("a").open(b"row", &sealed).as_deref(), Ok(&b"secret"[..]));
        assert_eq!(sealers.part("b").open(b"row", &sealed), Err(DoesNotOpen));
        assert_eq!(sealers.part("a").open(b"other", &sealed), Err(DoesNotOpen));
        assert_eq!(Sealer::new(&[7; 32]).open(b"row", &sealed), Err(DoesNotOpen));
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(&Clock::system(), b"here", b"secret");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sealer.open(b"here", &changed), Err(DoesNotOpen));
            assert_eq!(sealer.open(b"here", &sealed[..at]), Err(DoesNotOpen));
        }
    }
}
