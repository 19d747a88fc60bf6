//! Passwords: hashed with argon2id, checked in constant time. A server hashes through [`Passwords`]; a command that hashes one
//! password calls [`hash`].

mod pool;

use argon2::password_hash::{Output, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::clock::Clock;
pub use pool::{Busy, Passwords};

pub const CHARS_MIN: usize = 8;
pub const CHARS_MAX: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has {CHARS_MIN} to {CHARS_MAX} characters")]
    Length,
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// The argon2id hash of a password, in PHC form. Slow by intent: a server hashes through [`Passwords`] instead.
///
/// # Errors
/// [`PasswordError::Length`] when it is too short or too long.
pub fn hash(password: &str, clock: &Clock) -> Result<String, PasswordError> {
    Hasher::default().hash(password, &clock.random())
}

/// A password of 20 characters that are easy to tell apart, about 100 random bits.
pub fn generate(clock: &Clock) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    clock.random::<20>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

type Salt = [u8; 16];

/// Hashes in memory of its own (19 MiB), which it takes once and uses again.
#[derive(Default)]
struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    fn hash(&mut self, password: &str, salt: &Salt) -> Result<String, PasswordError> {
        if !(CHARS_MIN..=CHARS_MAX).contains(&password.chars().count()) {
            return Err(PasswordError::Length);
        }
        let argon2 = Argon2::default();
        let hash = self.output(&argon2, password, salt, Params::DEFAULT_OUTPUT_LEN).map_err(PasswordError::Hash)?;
        let text = SaltString::encode_b64(salt).map_err(PasswordError::Hash)?;
        let phc = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: argon2.params().try_into().map_err(PasswordError::Hash)?,
            salt: Some(text.as_salt()),
            hash: Some(hash),
        };
        Ok(phc.to_string())
    }

    /// Whether `password` is the one that was hashed.
    fn matches(&mut self, password: &str, hash: &str) -> bool {
        self.again(password, hash).unwrap_or(false)
    }

    /// Hashes `password` as the other one was hashed, and compares. The comparison takes the same time wherever they differ.
    fn again(&mut self, password: &str, hash: &str) -> Option<bool> {
        let known = PasswordHash::new(hash).ok()?;
        let (salt, expected) = (known.salt?, known.hash?);
        let algorithm = Algorithm::try_from(known.algorithm).ok()?;
        let version = known.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let params = Params::try_from(&known).ok().filter(|params| params.m_cost() <= Params::DEFAULT_M_COST)?;
        let mut bytes = [0; 64];
        let salt = salt.decode_b64(&mut bytes).ok()?;
        let argon2 = Argon2::new(algorithm, version, params);
        let found = self.output(&argon2, password, salt, expected.len()).ok()?;
        Some(found == expected)
    }

    fn output(
        &mut self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        length: usize,
    ) -> argon2::password_hash::Result<Output> {
        let blocks = argon2.params().block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        Output::init_with(length, |out| {
            Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut self.memory)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_that_was_hashed_matches() {
        let (clock, mut hasher) = (Clock::system(), Hasher::default());
        let password = generate(&clock);
        let hash = hash(&password, &clock).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        // The memory is used again, whatever was in it.
        for _ in 0..2 {
            assert!(hasher.matches(&password, &hash));
            assert!(!hasher.matches("another password", &hash) && !hasher.matches(&password, "no hash"));
        }
    }

    #[test]
    fn a_password_that_was_hashed_by_another_program_matches() {
        // Made by argon2 20190702 of Debian: echo -n "correct horse" | argon2 somesalt16bytes! -id -m 12 -t 3 -p 1
        let hash = "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQxNmJ5dGVzIQ$x19dU/fQoYdlWyQer4reoDSGL9KpHzWvVqhP0dKxt8I";
        assert!(Hasher::default().matches("correct horse", hash));
        assert!(!Hasher::default().matches("correct horsf", hash));
    }

    #[test]
    fn a_hash_that_wants_more_memory_than_we_give_matches_nothing() {
        let hash = hash("correct horse", &Clock::system()).unwrap().replace("m=19456", "m=4194304");
        let mut hasher = Hasher::default();
        assert!(!hasher.matches("correct horse", &hash));
        assert!(hasher.memory.is_empty(), "no memory was taken");
    }

    #[test]
    fn a_password_that_is_too_short_or_too_long_is_refused() {
        for password in ["1234567".to_owned(), "x".repeat(257)] {
            assert!(matches!(hash(&password, &Clock::system()), Err(PasswordError::Length)));
        }
    }
}
