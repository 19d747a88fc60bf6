//! Linking by a pairing code that the person types into the phone: the phone's half of the exchange.
//!
//! Both sides encrypt an ephemeral key with the code, derive a secret from these keys and their identities, and the
//! companion sends, encrypted, what would have been the secret of a QR code. A wrong code is only noticed in that last
//! step.

use hkdf::Hkdf;
use sha2::Sha256;
use wacore::pair_code::PairCodeUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, NodeContent};
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::{CurveError, KeyPair, PublicKey};

use crate::phone::identity::Identity;
use crate::phone::rng::SeededRng;

/// Characters of a code, without the dash that is displayed in its middle.
const CODE_CHARACTERS: usize = 8;

/// Why a code does not link a companion.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PairingCodeError {
    #[error("a code has {CODE_CHARACTERS} characters, such as ABCD-2345")]
    NotACode,
    #[error("the code is not the one that the companion shows")]
    WrongCode,
    #[error("the stanza has no usable {0}")]
    Malformed(&'static str),
    #[error("a key is not on the curve")]
    WrongKey,
}

impl From<CurveError> for PairingCodeError {
    fn from(_: CurveError) -> Self {
        Self::WrongKey
    }
}

/// A code was typed, and the companion's `companion_finish` is expected.
pub struct CodePairing {
    reference: Vec<u8>,
    ephemeral: KeyPair,
    companion_ephemeral: PublicKey,
    companion_noise_key: [u8; 32],
}

/// What the companion and the phone agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeOutcome {
    pub identity: [u8; 32],
    pub noise_key: [u8; 32],
    /// Replaces the secret of a QR code.
    pub secret: [u8; 32],
}

impl CodePairing {
    /// The person types `code`. `hello` is the companion's `<link_code_companion_reg stage="companion_hello">`, and
    /// `reference` the ref in the server's response to it. `own_key` is the phone's public identity key. Returns the
    /// `<link_code_companion_reg stage="primary_hello">` for the companion.
    ///
    /// It runs PBKDF2 on the code twice, which takes tenths of a second, and seconds without optimization.
    ///
    /// # Errors
    /// [`PairingCodeError::NotACode`], or what is wrong with the stanza.
    pub fn begin(
        code: &str,
        hello: &Node,
        reference: &[u8],
        own_key: &[u8],
        rng: &mut SeededRng,
    ) -> Result<(Self, Node), PairingCodeError> {
        let code: String = code.chars().filter(|character| *character != '-' && *character != ' ').collect();
        let code = code.to_uppercase();
        if !PairCodeUtils::validate_code(&code) {
            return Err(PairingCodeError::NotACode);
        }
        let wrapped = bytes(hello, "link_code_pairing_wrapped_companion_ephemeral_pub")?;
        let companion_ephemeral = PublicKey::from_djb_public_key_bytes(&cipher(wrapped, &code)?)?;
        let ephemeral = KeyPair::generate(rng.std_rng());
        let salt_and_nonce: [u8; 48] = rng.bytes();
        let plain = [&salt_and_nonce[..], ephemeral.public_key.public_key_bytes()].concat();
        let wrapped = [&salt_and_nonce[..], &cipher(&plain, &code)?].concat();
        let answer = NodeBuilder::new("link_code_companion_reg")
            .attr("stage", "primary_hello")
            .children([
                NodeBuilder::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(wrapped).build(),
                NodeBuilder::new("primary_identity_pub").bytes(own_key).build(),
                NodeBuilder::new("link_code_pairing_ref").bytes(reference).build(),
            ])
            .build();
        let companion_noise_key = key(hello, "companion_server_auth_key_pub")?;
        Ok((Self { reference: reference.to_vec(), ephemeral, companion_ephemeral, companion_noise_key }, answer))
    }

    /// Handles the companion's `<link_code_companion_reg stage="companion_finish">`.
    ///
    /// # Errors
    /// [`PairingCodeError::WrongCode`] if the two sides used different codes.
    pub fn finish(&self, finish: &Node, own: &Identity) -> Result<CodeOutcome, PairingCodeError> {
        if bytes(finish, "link_code_pairing_ref")? != self.reference {
            return Err(PairingCodeError::Malformed("link_code_pairing_ref"));
        }
        let identity = key(finish, "companion_identity_public")?;
        let ephemeral_shared = self.ephemeral.calculate_agreement(&self.companion_ephemeral)?;
        let bundle = open_bundle(bytes(finish, "link_code_pairing_wrapped_key_bundle")?, &ephemeral_shared)?;
        let [companion, primary, random] = [&bundle[..32], &bundle[32..64], &bundle[64..]];
        if companion != identity || primary != own.public_key() {
            return Err(PairingCodeError::WrongCode);
        }
        let identity_key = PublicKey::from_djb_public_key_bytes(&identity)?;
        let identity_shared = own.key().private_key().calculate_agreement(&identity_key)?;
        let shared = [&ephemeral_shared[..], &identity_shared, random].concat();
        Ok(CodeOutcome { identity, noise_key: self.companion_noise_key, secret: derive(None, &shared, b"adv_secret") })
    }
}

/// A 32-byte salt, a 12-byte nonce, and 96 encrypted bytes with a 16-byte tag.
fn open_bundle(wrapped: &[u8], shared: &[u8; 32]) -> Result<[u8; 96], PairingCodeError> {
    let malformed = PairingCodeError::Malformed("link_code_pairing_wrapped_key_bundle");
    let Some((salt, rest)) = wrapped.split_at_checked(32) else { return Err(malformed) };
    let Some((nonce, sealed)) = rest.split_first_chunk::<12>() else { return Err(malformed) };
    let key = derive(Some(salt), shared, b"link_code_pairing_key_bundle_encryption_key");
    let mut opened = Vec::new();
    aes_256_gcm_decrypt(&key, nonce, b"", sealed, &mut opened).map_err(|_| PairingCodeError::WrongCode)?;
    opened.try_into().map_err(|_| malformed)
}

/// Encrypts or decrypts the key in a salt, nonce and key: the cipher is a stream cipher.
fn cipher(wrapped: &[u8], code: &str) -> Result<[u8; 32], PairingCodeError> {
    PairCodeUtils::decrypt_primary_ephemeral_pub(wrapped, code)
        .map_err(|_| PairingCodeError::Malformed("link_code_pairing_wrapped_companion_ephemeral_pub"))
}

fn derive(salt: Option<&[u8]>, secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    // 32 bytes are less than the 8,160 that HKDF can produce.
    Hkdf::<Sha256>::new(salt, secret).expand(purpose, &mut key).expect("32 bytes are within the derivation's length");
    key
}

fn bytes<'a>(node: &'a Node, child: &'static str) -> Result<&'a [u8], PairingCodeError> {
    match node.get_optional_child(child).and_then(|child| child.content.as_ref()) {
        Some(NodeContent::Bytes(bytes)) => Ok(bytes),
        _ => Err(PairingCodeError::Malformed(child)),
    }
}

fn key(node: &Node, child: &'static str) -> Result<[u8; 32], PairingCodeError> {
    bytes(node, child)?.try_into().map_err(|_| PairingCodeError::Malformed(child))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client library as a companion, up to its hello.
    struct Library {
        ephemeral: KeyPair,
        identity: KeyPair,
        hello: Node,
    }

    fn library(code: &str, rng: &mut SeededRng) -> Library {
        let (ephemeral, identity) = (KeyPair::generate(rng.std_rng()), KeyPair::generate(rng.std_rng()));
        let public: [u8; 32] = ephemeral.public_key.public_key_bytes().try_into().unwrap();
        let wrapped = PairCodeUtils::encrypt_ephemeral_pub(&public, code);
        let iq =
            PairCodeUtils::build_companion_hello_iq("155", &[8; 32], &wrapped, "1", "Chrome (Linux)", true, "1".into());
        let hello = iq.get_optional_child("link_code_companion_reg").unwrap().clone();
        Library { ephemeral, identity, hello }
    }

    /// The client library's response to the phone's hello, and the secret it derived.
    fn finish(library: &Library, code: &str, answer: &Node) -> (Node, [u8; 32]) {
        let wrapped = bytes(answer, "link_code_pairing_wrapped_primary_ephemeral_pub").unwrap();
        let primary_ephemeral = PairCodeUtils::decrypt_primary_ephemeral_pub(wrapped, code).unwrap();
        let primary_identity = key(answer, "primary_identity_pub").unwrap();
        let (bundle, secret) = PairCodeUtils::prepare_key_bundle(
            &library.ephemeral,
            &primary_ephemeral,
            &primary_identity,
            &library.identity,
        )
        .unwrap();
        let identity = library.identity.public_key.public_key_bytes().try_into().unwrap();
        let reference = bytes(answer, "link_code_pairing_ref").unwrap();
        let iq = PairCodeUtils::build_companion_finish_iq("155", bundle, &identity, reference, "2".into());
        (iq.get_optional_child("link_code_companion_reg").unwrap().clone(), secret)
    }

    #[test]
    fn the_phone_and_the_client_library_agree_on_a_secret() {
        let mut rng = SeededRng::new(1, "ann");
        let own = Identity::generate(&mut rng).unwrap();
        let library = library("ABCD2345", &mut rng);
        let (pairing, answer) =
            CodePairing::begin("abcd-2345", &library.hello, b"ref", own.public_key(), &mut rng).unwrap();
        let (finish, secret) = finish(&library, "ABCD2345", &answer);
        let outcome = pairing.finish(&finish, &own).unwrap();
        assert_eq!(outcome.secret, secret);
        assert_eq!(outcome.identity, library.identity.public_key.public_key_bytes());
        assert_eq!(outcome.noise_key, [8; 32]);
    }

    #[test]
    fn another_code_is_noticed_at_the_end() {
        let mut rng = SeededRng::new(1, "ann");
        let own = Identity::generate(&mut rng).unwrap();
        let library = library("ABCD2345", &mut rng);
        let (pairing, answer) =
            CodePairing::begin("ABCD2346", &library.hello, b"ref", own.public_key(), &mut rng).unwrap();
        let (finish, _) = finish(&library, "ABCD2345", &answer);
        assert_eq!(pairing.finish(&finish, &own), Err(PairingCodeError::WrongCode));
    }

    #[test]
    fn what_is_no_code_and_no_stanza_is_refused_at_once() {
        let mut rng = SeededRng::new(1, "ann");
        let own = Identity::generate(&mut rng).unwrap();
        let empty = NodeBuilder::new("link_code_companion_reg").build();
        for (code, expected) in [
            ("", PairingCodeError::NotACode),
            ("ABCD-234", PairingCodeError::NotACode),
            ("ABCD-234O", PairingCodeError::NotACode),
            ("ABCD-2345", PairingCodeError::Malformed("link_code_pairing_wrapped_companion_ephemeral_pub")),
        ] {
            let error = CodePairing::begin(code, &empty, b"ref", own.public_key(), &mut rng).map(|_| ()).unwrap_err();
            assert_eq!(error, expected, "{code}");
        }
    }
}
