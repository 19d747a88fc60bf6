//! Passwords: hashed with argon2id, checked in constant time. A server hashes through [`Passwords`]; a command that hashes one
//! password calls [`hash`].

mod pool;

use argon2::password_hash::{Output, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::clock::Clock;
use crate::limits;
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
    hash_like(password, None, clock)
}

/// The same, with the salt of another hash where there is one: passwords of people of one name are checked by hashing once, however many
/// they are, so that the time tells nothing of them.
///
/// # Errors
/// As [`hash`].
pub fn hash_like(password: &str, like: Option<&str>, clock: &Clock) -> Result<String, PasswordError> {
    Hasher::default().hash(password, &salt_like(like, clock))
}

/// The salt of a hash that was made here, else a random one.
fn salt_like(like: Option<&str>, clock: &Clock) -> Salt {
    let decoded = like.and_then(|like| {
        let (mut bytes, known) = ([0; 64], PasswordHash::new(like).ok()?);
        known.salt?.decode_b64(&mut bytes).ok()?.try_into().ok()
    });
    decoded.unwrap_or_else(|| clock.random())
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

    /// The first of the hashes that `password` has. It is hashed once for all hashes that were made alike, of which there are a few
    /// kinds at most; the others match nothing.
    fn find(&mut self, password: &str, hashes: &[String]) -> Option<usize> {
        let (mut made, mut first): (Vec<(&str, Option<Output>)>, _) = (Vec::new(), None);
        for (place, hash) in hashes.iter().enumerate() {
            // Before the last `$` stands how it was made, its salt too.
            let Some((way, _)) = hash.rsplit_once('$') else { continue };
            if !made.iter().any(|(other, _)| *other == way) {
                if made.len() == limits::PASSWORD_SALTS_MAX {
                    continue;
                }
                made.push((way, self.again(password, hash)));
            }
            let found = made.iter().find(|(other, _)| *other == way).and_then(|(_, output)| *output);
            let expected = PasswordHash::new(hash).ok().and_then(|known| known.hash);
            // The comparison takes the same time wherever they differ.
            if found.is_some() && found == expected {
                first = first.or(Some(place));
            }
        }
        first
    }

    /// Hashes `password` as the other one was hashed.
    fn again(&mut self, password: &str, hash: &str) -> Option<Output> {
        let known = PasswordHash::new(hash).ok()?;
        let (salt, expected) = (known.salt?, known.hash?);
        let algorithm = Algorithm::try_from(known.algorithm).ok()?;
        let version = known.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let params = Params::try_from(&known).ok().filter(|params| params.m_cost() <= Params::DEFAULT_M_COST)?;
        let mut bytes = [0; 64];
        let salt = salt.decode_b64(&mut bytes).ok()?;
        let argon2 = Argon2::new(algorithm, version, params);
        self.output(&argon2, password, salt, expected.len()).ok()
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

    fn matches(hasher: &mut Hasher, password: &str, hash: &str) -> bool {
        hasher.find(password, &[hash.to_owned()]).is_some()
    }

    #[test]
    fn of_many_hashes_the_one_is_found_and_few_salts_are_tried() {
        let (clock, mut hasher) = (Clock::system(), Hasher::default());
        let one = hash("first password", &clock).unwrap();
        let like = |password| hash_like(password, Some(&one), &clock).unwrap();
        let hashes = vec![one.clone(), like("second password"), "no hash".into(), like("third password")];
        assert_eq!(one.rsplit_once('$').unwrap().0, hashes[3].rsplit_once('$').unwrap().0, "one salt");
        for (password, place) in [("first password", Some(0)), ("third password", Some(3)), ("another one", None)] {
            assert_eq!(hasher.find(password, &hashes), place, "{password}");
        }
        let own = (0..=limits::PASSWORD_SALTS_MAX).map(|number| hash(&format!("password {number}"), &clock).unwrap());
        let own: Vec<String> = own.collect();
        let last = limits::PASSWORD_SALTS_MAX;
        assert_eq!(hasher.find(&format!("password {}", last - 1), &own), Some(last - 1));
        assert_eq!(hasher.find(&format!("password {last}"), &own), None);
    }

    #[test]
    fn only_the_password_that_was_hashed_matches() {
        let (clock, mut hasher) = (Clock::system(), Hasher::default());
        let password = generate(&clock);
        let hash = hash(&password, &clock).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        // The memory is used again, whatever was in it.
        for _ in 0..2 {
            assert!(matches(&mut hasher, &password, &hash));
            assert!(!matches(&mut hasher, "another password", &hash) && !matches(&mut hasher, &password, "no hash"));
        }
    }

    #[test]
    fn a_password_that_was_hashed_by_another_program_matches() {
        // Made by argon2 20190702 of Debian: echo -n "correct horse" | argon2 somesalt16bytes! -id -m 12 -t 3 -p 1
        let hash = "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQxNmJ5dGVzIQ$x19dU/fQoYdlWyQer4reoDSGL9KpHzWvVqhP0dKxt8I";
        assert!(matches(&mut Hasher::default(), "correct horse", hash));
        assert!(!matches(&mut Hasher::default(), "correct horsf", hash));
    }

    #[test]
    fn a_hash_that_wants_more_memory_than_we_give_matches_nothing() {
        let hash = hash("correct horse", &Clock::system()).unwrap().replace("m=19456", "m=4194304");
        let mut hasher = Hasher::default();
        assert!(!matches(&mut hasher, "correct horse", &hash));
        assert!(hasher.memory.is_empty(), "no memory was taken");
    }

    #[test]
    fn a_password_that_is_too_short_or_too_long_is_refused() {
        for password in ["1234567".to_owned(), "x".repeat(257)] {
            assert!(matches!(hash(&password, &Clock::system()), Err(PasswordError::Length)));
        }
    }
}
