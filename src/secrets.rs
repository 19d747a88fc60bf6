//! The master key, and the secrets that follow from it.
//!
//! A derived secret is never stored: the store keeps what it is for and its version, and whoever has the master key can
//! make it again. A copy of the database alone gives nothing away.

use std::io::Write;
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::account::KeySecret;
use crate::clock::Clock;
use crate::seal::{DoesNotOpen, Sealer, Sealers};
use crate::settings::Settings;

const FILE: &str = "master.key";
/// A new key that everything is being sealed with.
const NEXT_FILE: &str = "master.key.next";
/// What the secret of API keys is sealed for.
const KEY_PLACE: &[u8] = b"api-keys";

/// 256 bits that all stored secrets hang on.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("the master key is not 64 hexadecimal digits")]
    Malformed,
    #[error("the master key file {path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error(
        "{path} holds another new key, of a change that did not come to its end; finish that one without --new-key-file, or delete the file"
    )]
    Unfinished { path: String },
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
        let files = KeyFiles::of(settings);
        match files.current()? {
            Some(key) => Ok(key),
            None => {
                let key = Self(clock.random());
                files.write(FILE, &key)?;
                Ok(key)
            }
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

    /// The secret that a client's pushes are signed with: the one that was kept, sealed, when the master key was changed, else
    /// the one that follows from this key.
    ///
    /// # Errors
    /// When the kept one does not open.
    pub fn push_secret(&self, client_id: i64, version: i64, kept: Option<&[u8]>) -> Result<[u8; 32], DoesNotOpen> {
        let place = push_place(client_id, version);
        match kept {
            Some(kept) => {
                self.sealers("push").open(place.as_bytes(), kept)?.try_into().map_err(|_: Vec<u8>| DoesNotOpen)
            }
            None => Ok(self.derive(&place)),
        }
    }

    /// Seals a push secret that does not follow from this key, to be kept.
    pub fn keep_push_secret(&self, clock: &Clock, client_id: i64, version: i64, secret: &[u8; 32]) -> Vec<u8> {
        self.sealers("push").seal(clock, push_place(client_id, version).as_bytes(), secret)
    }

    /// The secret under which API keys are stored: the one that was kept, sealed, when the master key was changed, else the one that
    /// follows from this key.
    ///
    /// # Errors
    /// When the kept one does not open.
    pub fn key_secret(&self, kept: Option<&[u8]>) -> Result<KeySecret, DoesNotOpen> {
        match kept {
            Some(kept) => {
                let secret = self.sealers("api-keys").open(KEY_PLACE, kept)?;
                secret.try_into().map(KeySecret).map_err(|_: Vec<u8>| DoesNotOpen)
            }
            None => Ok(KeySecret(self.derive("api-keys"))),
        }
    }

    /// Seals a secret of API keys that does not follow from this key, to be kept.
    pub fn keep_key_secret(&self, clock: &Clock, secret: &KeySecret) -> Vec<u8> {
        self.sealers("api-keys").seal(clock, KEY_PLACE, &secret.0)
    }

    /// Tells this key from another without giving anything of it away.
    pub fn fingerprint(&self) -> String {
        crate::account::hex_upper(&Sha256::digest(self.derive("fingerprint"))[..8])
    }
}

/// The files of the master key in a data folder.
pub struct KeyFiles(PathBuf);

impl KeyFiles {
    pub fn of(settings: &Settings) -> Self {
        Self(settings.data_dir.clone())
    }

    /// Reads a key out of any file.
    ///
    /// # Errors
    /// When it cannot be read, or holds no key.
    pub fn read(path: &Path) -> Result<MasterKey, MasterKeyError> {
        MasterKey::parse(&std::fs::read_to_string(path).map_err(|error| failed(path, error))?)
    }

    /// The key that is in use.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn current(&self) -> Result<Option<MasterKey>, MasterKeyError> {
        self.find(FILE)
    }

    /// Puts a new key on the disk, the given one or a random one, before anything is sealed with it. One of a change that did
    /// not come to its end is taken up again.
    ///
    /// # Errors
    /// [`MasterKeyError::Unfinished`] when that was another than the given one; else when it cannot be written.
    pub fn prepare(&self, given: Option<MasterKey>, clock: &Clock) -> Result<MasterKey, MasterKeyError> {
        match (self.find(NEXT_FILE)?, given) {
            (Some(next), Some(given)) if next.0 != given.0 => {
                Err(MasterKeyError::Unfinished { path: self.0.join(NEXT_FILE).display().to_string() })
            }
            (Some(next), _) => Ok(next),
            (None, given) => {
                let next = given.unwrap_or_else(|| MasterKey(clock.random()));
                self.write(NEXT_FILE, &next)?;
                Ok(next)
            }
        }
    }

    /// The new key, when it is the one with this fingerprint: everything is sealed with it, but it did not get its place. It
    /// gets it now.
    ///
    /// # Errors
    /// When it cannot be read or put there.
    pub fn finish(&self, fingerprint: &str) -> Result<Option<MasterKey>, MasterKeyError> {
        match (self.current()?, self.find(NEXT_FILE)?) {
            // Somebody else was faster.
            (Some(key), _) if key.fingerprint() == fingerprint => Ok(Some(key)),
            (Some(old), Some(next)) if next.fingerprint() == fingerprint => {
                self.adopt(&old, &next)?;
                Ok(Some(next))
            }
            _ => Ok(None),
        }
    }

    /// Gives the new key its place, and the old one the name of its fingerprint, under which it is kept: backups need it.
    ///
    /// # Errors
    /// When they cannot be put there.
    pub fn adopt(&self, old: &MasterKey, new: &MasterKey) -> Result<PathBuf, MasterKeyError> {
        let (place, next) = (self.0.join(FILE), self.0.join(NEXT_FILE));
        let kept = self.0.join(format!("master-{}.key", old.fingerprint()));
        match std::fs::hard_link(&place, &kept) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(&kept, error)),
            _ => {}
        }
        match std::fs::rename(&next, &place) {
            // Somebody else who opened the store was first.
            Err(_) if self.current()?.is_some_and(|key| key.0 == new.0) => {}
            renamed => renamed.map_err(|error| failed(&next, error))?,
        }
        sync_folder(&place).map_err(|error| failed(&place, error))?;
        Ok(kept)
    }

    fn find(&self, name: &str) -> Result<Option<MasterKey>, MasterKeyError> {
        match Self::read(&self.0.join(name)) {
            Err(MasterKeyError::File { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    fn write(&self, name: &str, key: &MasterKey) -> Result<(), MasterKeyError> {
        let path = self.0.join(name);
        write_new(&path, &crate::account::hex_upper(&key.0)).map_err(|error| failed(&path, error))
    }
}

fn failed(path: &Path, error: std::io::Error) -> MasterKeyError {
    MasterKeyError::File { path: path.display().to_string(), error }
}

fn push_place(client_id: i64, version: i64) -> String {
    format!("push/{client_id}/{version}")
}

/// Writes a new file of mode 600 that is whole or not there.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    // A name of this process, and a file of its own: one that a killed process left may be a key's other name.
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // A hard link fails where the file is there already, so that two starts at once agree on one key.
    std::fs::hard_link(&beside, path)?;
    std::fs::remove_file(&beside)?;
    sync_folder(path)
}

/// Makes sure that the names in a file's folder are on the disk.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
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
    fn a_change_of_the_key_is_taken_up_wherever_it_was_left() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let settings = Settings::with_defaults(folder.path(), "127.0.0.1:0".parse().unwrap());
        let (old, files) = (MasterKey::load(&settings, &clock).unwrap(), KeyFiles::of(&settings));
        let new = files.prepare(None, &clock).unwrap();
        // Left here, the old key is still the key, and the same new one is found again.
        assert_eq!(MasterKey::load(&settings, &clock).unwrap().fingerprint(), old.fingerprint());
        assert_eq!(files.prepare(None, &clock).unwrap().fingerprint(), new.fingerprint());
        let other = MasterKey::parse(&"ab".repeat(32)).unwrap();
        assert!(matches!(files.prepare(Some(other), &clock), Err(MasterKeyError::Unfinished { .. })));
        assert!(files.finish(&old.fingerprint()).unwrap().is_some_and(|key| key.fingerprint() == old.fingerprint()));
        assert!(files.finish("another").unwrap().is_none());
        // Left after the store was sealed anew, the next who opens it puts the new key in its place.
        assert_eq!(files.finish(&new.fingerprint()).unwrap().unwrap().fingerprint(), new.fingerprint());
        assert_eq!(MasterKey::load(&settings, &clock).unwrap().fingerprint(), new.fingerprint());
        let kept = folder.path().join(format!("master-{}.key", old.fingerprint()));
        assert_eq!(KeyFiles::read(&kept).unwrap().fingerprint(), old.fingerprint());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn each_purpose_has_its_own_secret() {
        let key = MasterKey::parse(&"ab".repeat(32)).unwrap();
        assert_ne!(key.push_secret(1, 1, None), key.push_secret(1, 2, None));
        assert_ne!(key.push_secret(1, 1, None), key.push_secret(2, 1, None));
        let (other, clock) = (MasterKey::parse(&"cd".repeat(32)).unwrap(), Clock::system());
        let secret = key.push_secret(1, 1, None).unwrap();
        let kept = other.keep_push_secret(&clock, 1, 1, &secret);
        assert_eq!(other.push_secret(1, 1, Some(&kept)), Ok(secret));
        assert_eq!(other.push_secret(1, 2, Some(&kept)), Err(DoesNotOpen));
        assert_eq!(key.push_secret(1, 1, Some(&kept)), Err(DoesNotOpen));
        assert!(MasterKey::parse("ab").is_err() && MasterKey::parse(&"zz".repeat(32)).is_err());
    }
}
