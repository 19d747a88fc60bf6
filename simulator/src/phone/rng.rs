//! The only randomness of phones: everything random about a person follows from a seed, so that a run can be repeated
//! with the same keys, ids and padding.

use std::fmt;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use sha2::{Digest, Sha256};

/// A random stream that depends only on its seed and its name.
pub struct SeededRng(StdRng);

impl SeededRng {
    /// The stream called `name` of a run with this seed. Streams with different names are independent.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(name.as_bytes());
        Self(StdRng::from_seed(hash.finalize().into()))
    }

    /// The underlying generator, for libraries that need one.
    pub fn std_rng(&mut self) -> &mut StdRng {
        &mut self.0
    }

    /// Random bytes: a key, a nonce.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number from 0 up to, but not including, `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    /// A message id of the length and alphabet that phones use: 32 uppercase hexadecimal digits.
    pub fn message_id(&mut self) -> String {
        format!("AC{}", hex(&self.bytes::<15>()).to_uppercase())
    }
}

/// The state is secret.
impl fmt::Debug for SeededRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance(..)")
    }
}

/// Lowercase hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_name_give_the_same_values() {
        let (mut one, mut other) = (SeededRng::new(7, "ann"), SeededRng::new(7, "ann"));
        assert_eq!(one.bytes::<40>(), other.bytes::<40>());
        assert_eq!(one.message_id(), other.message_id());
        assert_ne!(one.bytes::<8>(), SeededRng::new(7, "bob").bytes::<8>());
        assert_ne!(SeededRng::new(7, "ann").bytes::<8>(), SeededRng::new(8, "ann").bytes::<8>());
    }

    #[test]
    fn bytes_have_two_digits_each() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }

    #[test]
    fn a_message_id_looks_like_one() {
        let id = SeededRng::new(1, "ann").message_id();
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase()), "{id}");
    }
}
