//! Files on the media host, encrypted with a key that only the message carries.
//!
//! Implemented from the format rather than with the client library's functions, so that the two can be tested against
//! each other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wacore_libsignal::crypto::{aes_256_cbc_decrypt_into, aes_256_cbc_encrypt_into};

use crate::limits::FILE_BYTES_MAX;

/// Size of the MAC at the end of an encrypted file.
const MAC_BYTES: usize = 10;

/// The type of a file, which determines the key derivation and the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    Image,
    Video,
    Audio,
    /// A recorded voice note.
    Voice,
    Document,
    Sticker,
    /// A history chunk for a new companion; never displayed.
    History,
}

impl FileKind {
    /// The HKDF info string.
    fn purpose(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "WhatsApp Image Keys",
            Self::Video => "WhatsApp Video Keys",
            Self::Audio | Self::Voice => "WhatsApp Audio Keys",
            Self::Document => "WhatsApp Document Keys",
            Self::History => "WhatsApp History Keys",
        }
    }

    /// The folder on the media host: `/mms/<folder>/<token>`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "image",
            Self::Video => "video",
            Self::Audio | Self::Voice => "audio",
            Self::Document => "document",
            Self::History => "md-msg-hist",
        }
    }

    /// The `mediatype` of an `<enc>`. A history chunk has none.
    pub fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Image => Some("image"),
            Self::Video => Some("video"),
            Self::Audio => Some("audio"),
            Self::Voice => Some("ptt"),
            Self::Document => Some("document"),
            Self::Sticker => Some("sticker"),
            Self::History => None,
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FileError {
    #[error("the file has {0} bytes; the largest has {FILE_BYTES_MAX}")]
    TooLarge(usize),
    #[error("the file's {0} is not the one that the message gives")]
    Changed(&'static str),
    #[error("the file cannot be decrypted")]
    Broken,
}

/// Location and keys of an encrypted file, as a message carries them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// 32 bytes, in base64 in JSON.
    #[serde(with = "base64_text")]
    pub key: Vec<u8>,
    /// Of the plaintext.
    #[serde(with = "base64_text")]
    pub sha256: Vec<u8>,
    /// Of the encrypted file.
    #[serde(with = "base64_text")]
    pub encrypted_sha256: Vec<u8>,
    /// Size of the plaintext.
    pub size: u64,
    /// The path on the media host, with a leading slash.
    pub direct_path: String,
    pub url: String,
}

/// Encrypts a file with this key. The location is filled in when the file has been uploaded.
///
/// # Errors
/// [`FileError::TooLarge`].
pub fn seal(kind: FileKind, content: &[u8], key: [u8; 32]) -> Result<(Seal, Vec<u8>), FileError> {
    if content.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge(content.len()));
    }
    let keys = Keys::derive(kind, &key);
    let mut encrypted = Vec::with_capacity(content.len() + 16 + MAC_BYTES);
    aes_256_cbc_encrypt_into(content, &keys.cipher, &keys.iv, &mut encrypted).map_err(|_| FileError::Broken)?;
    let mac = keys.mac(&encrypted);
    encrypted.extend_from_slice(&mac);
    let seal = Seal {
        key: key.to_vec(),
        sha256: Sha256::digest(content).to_vec(),
        encrypted_sha256: Sha256::digest(&encrypted).to_vec(),
        size: content.len() as u64,
        direct_path: String::new(),
        url: String::new(),
    };
    Ok((seal, encrypted))
}

impl Seal {
    /// Decrypts a file from the media host, and verifies everything that the message says about it.
    ///
    /// # Errors
    /// [`FileError::Changed`] names the first mismatch.
    pub fn open(&self, kind: FileKind, encrypted: &[u8]) -> Result<Vec<u8>, FileError> {
        if Sha256::digest(encrypted).as_slice() != self.encrypted_sha256 {
            return Err(FileError::Changed("encrypted digest"));
        }
        let (body, mac) =
            encrypted.split_at_checked(encrypted.len().wrapping_sub(MAC_BYTES)).ok_or(FileError::Broken)?;
        let keys = Keys::derive(kind, &self.key);
        if keys.mac(body) != mac {
            return Err(FileError::Changed("authentication code"));
        }
        let mut content = Vec::new();
        aes_256_cbc_decrypt_into(body, &keys.cipher, &keys.iv, &mut content).map_err(|_| FileError::Broken)?;
        if Sha256::digest(&content).as_slice() != self.sha256 {
            return Err(FileError::Changed("digest"));
        }
        if content.len() as u64 != self.size {
            return Err(FileError::Changed("length"));
        }
        Ok(content)
    }
}

/// The three keys derived from a media key.
struct Keys {
    iv: [u8; 16],
    cipher: [u8; 32],
    mac: [u8; 32],
}

impl Keys {
    fn derive(kind: FileKind, key: &[u8]) -> Self {
        let mut stretched = [0; 112];
        // 112 bytes are less than the 8,160 that HKDF can produce.
        Hkdf::<Sha256>::new(None, key)
            .expand(kind.purpose().as_bytes(), &mut stretched)
            .expect("112 bytes are within the derivation's length");
        let (mut iv, mut cipher, mut mac) = ([0; 16], [0; 32], [0; 32]);
        iv.copy_from_slice(&stretched[..16]);
        cipher.copy_from_slice(&stretched[16..48]);
        mac.copy_from_slice(&stretched[48..80]);
        Self { iv, cipher, mac }
    }

    fn mac(&self, encrypted: &[u8]) -> [u8; MAC_BYTES] {
        // HMAC takes keys of every length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.mac).expect("a key of any length");
        mac.update(&self.iv);
        mac.update(encrypted);
        let mut short = [0; MAC_BYTES];
        short.copy_from_slice(&mac.finalize().into_bytes()[..MAC_BYTES]);
        short
    }
}

/// Bytes as base64 text in JSON.
pub mod base64_text {
    use super::{Engine, STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::rng::hex;
    use wacore::download::{DownloadUtils, MediaType};

    #[test]
    fn a_known_key_gives_known_bytes() {
        // Computed with another implementation: OpenSSL's HKDF, AES-256-CBC and HMAC.
        for (kind, expected) in KNOWN {
            let (_, encrypted) = seal(kind, b"a picture", [7; 32]).unwrap();
            assert_eq!(hex(&encrypted), expected, "{kind:?}");
        }
    }

    const KNOWN: [(FileKind, &str); 4] = [
        (FileKind::Image, "206d201d86e813a4181cdbca47af5fa99381aabf5d32073b15b2"),
        (FileKind::Voice, "4ba1bfafdd98f8545abd9b8da28b52da119a8123f06a310ea605"),
        (FileKind::Document, "3b2c622618828f8134d107e39ee2bae1015a9e0d55d77a0fc2e5"),
        (FileKind::History, "2a500906e1f6f16fa49593643e6ffabfa1e30e1bcffa2778aa72"),
    ];

    #[test]
    fn files_of_every_length_and_kind_come_back() {
        use FileKind::{Audio, Document, History, Image, Sticker, Video, Voice};
        for kind in [Image, Video, Audio, Voice, Document, Sticker, History] {
            for length in [0, 1, 15, 16, 17, 1000] {
                let content = vec![length as u8; length];
                let (seal, encrypted) = seal(kind, &content, [3; 32]).unwrap();
                assert_eq!(seal.open(kind, &encrypted).unwrap(), content);
            }
        }
    }

    #[test]
    fn the_client_library_opens_what_a_phone_sealed() {
        let kinds = [
            (FileKind::Image, MediaType::Image),
            (FileKind::Video, MediaType::Video),
            (FileKind::Voice, MediaType::Audio),
            (FileKind::Document, MediaType::Document),
            (FileKind::Sticker, MediaType::Sticker),
            (FileKind::History, MediaType::History),
        ];
        for (kind, theirs) in kinds {
            let (seal, encrypted) = seal(kind, b"content", [5; 32]).unwrap();
            let opened = DownloadUtils::verify_and_decrypt(&encrypted, &seal.key, theirs).unwrap();
            assert_eq!(opened, b"content");
        }
    }

    #[test]
    fn a_changed_file_is_refused_and_says_how() {
        let (seal, encrypted) = seal(FileKind::Image, b"content", [5; 32]).unwrap();
        let mut changed = encrypted.clone();
        changed[0] ^= 1;
        assert_eq!(seal.open(FileKind::Image, &changed), Err(FileError::Changed("encrypted digest")));
        let agreeing = |bytes: &[u8]| Seal { encrypted_sha256: Sha256::digest(bytes).to_vec(), ..seal.clone() };
        assert_eq!(agreeing(&changed).open(FileKind::Image, &changed), Err(FileError::Changed("authentication code")));
        assert_eq!(agreeing(b"short").open(FileKind::Image, b"short"), Err(FileError::Broken));
        assert!(seal.open(FileKind::Video, &encrypted).is_err(), "another kind has other keys");
        let longer = Seal { size: 8, ..seal.clone() };
        assert_eq!(longer.open(FileKind::Image, &encrypted), Err(FileError::Changed("length")));
    }
}
