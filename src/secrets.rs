//! The master key, and the secrets that follow from it.
//!
//! A derived secret is never stored: the store keeps what it is for and its version, and whoever has the master key can
//! make it again. A copy of the database alone gives nothing away.

use std::io::Write;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::seal::{Sealer, Sealers};
use crate::settings::Settings;

const FILE: &str = "master.key";

/// 256 bits that all stored secrets hang on.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("the master key is not 64 hexadecimal digits")]
    Malformed,
    #[error("the master key file {path}: {error}")]
    File { path: String, error: std::io::Error },
}

impl MasterKey {
    /// Takes the key of the settings, else the one in the data folder, which is made with mode 600 when it is not there.
    ///
    /// # Errors
    /// [`MasterKeyError`] when the key is malformed or its file cannot be used.
    pub fn load(settings: &Settings, clock: &Clock) -> Result<Self, MasterKeyError> {
        if let Some(key) = &settings.master_key {
            return Self::parse(&key.0);
        }
        let path = settings.data_dir.join(FILE);
        let failed = |error| MasterKeyError::File { path: path.display().to_string(), error };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Self(clock.random());
                write_new(&path, &crate::account::hex_upper(&key.0)).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`MasterKeyError::Malformed`] when they are not.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        if text.len() != 64 || !text.is_ascii() {
            return Err(MasterKeyError::Malformed);
        }
        let mut key = [0; 32];
        for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| MasterKeyError::Malformed)?;
        }
        Ok(Self(key))
    }

    /// The secret for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        // HMAC takes keys of every length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Seals what may not lie in the store in clear.
    pub fn sealer(&self, purpose: &str) -> Sealer {
        Sealer::new(&self.derive(&format!("seal/{purpose}")))
    }

    /// Seals what is sealed again and again, under a key for each place.
    pub fn sealers(&self, purpose: &str) -> Sealers {
        Sealers::new(&self.derive(&format!("seal/{purpose}")))
    }

    /// The secret that a client's pushes are signed with.
    pub fn push_secret(&self, client_id: i64, version: i64) -> [u8; 32] {
        self.derive(&format!("push/{client_id}/{version}"))
    }

    /// Tells this key from another without giving anything of it away.
    pub fn fingerprint(&self) -> String {
        crate::account::hex_upper(&Sha256::digest(self.derive("fingerprint"))[..8])
    }
}

/// Writes a new file of mode 600 that is whole or not there.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // A hard link fails where the file is there already, so that two starts at once agree on one key.
    std::fs::hard_link(&beside, path)?;
    std::fs::remove_file(&beside)
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_private_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::with_defaults(folder.path(), "127.0.0.1:0".parse().unwrap());
        let first = MasterKey::load(&settings, &Clock::system()).unwrap();
        let again = MasterKey::load(&settings, &Clock::system()).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn each_purpose_has_its_own_secret() {
        let key = MasterKey::parse(&"ab".repeat(32)).unwrap();
        assert_ne!(key.push_secret(1, 1), key.push_secret(1, 2));
        assert_ne!(key.push_secret(1, 1), key.push_secret(2, 1));
        assert!(MasterKey::parse("ab").is_err() && MasterKey::parse(&"zz".repeat(32)).is_err());
    }
}
