//! Passwords: hashed with argon2id, checked in constant time.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use crate::clock::Clock;

pub const CHARS_MIN: usize = 8;
pub const CHARS_MAX: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has {CHARS_MIN} to {CHARS_MAX} characters")]
    Length,
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// The argon2id hash of a password, in PHC form. Slow by intent: keep it off the async threads.
///
/// # Errors
/// [`PasswordError::Length`] when it is too short or too long.
pub fn hash(password: &str, clock: &Clock) -> Result<String, PasswordError> {
    if !(CHARS_MIN..=CHARS_MAX).contains(&password.chars().count()) {
        return Err(PasswordError::Length);
    }
    let salt = SaltString::encode_b64(&clock.random::<16>()).map_err(PasswordError::Hash)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one that was hashed.
pub fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A password of 20 characters that are easy to tell apart, about 100 random bits.
pub fn generate(clock: &Clock) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    clock.random::<20>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_that_was_hashed_matches() {
        let clock = Clock::system();
        let password = generate(&clock);
        let hash = hash(&password, &clock).unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(matches(&password, &hash));
        assert!(!matches("another password", &hash) && !matches(&password, "no hash"));
    }

    #[test]
    fn a_short_password_is_refused() {
        assert!(matches!(hash("1234567", &Clock::system()), Err(PasswordError::Length)));
    }
}
