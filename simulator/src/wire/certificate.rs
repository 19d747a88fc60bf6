//! The server's handshake keys, and the certificate chain for them.
//!
//! A root signs an intermediate certificate, the intermediate signs the leaf, and the leaf contains the server's static
//! key. Clients include the real service's root; to trust this network they must be given its root key, or skip the
//! verification.

use thiserror::Error;
use wacore_libsignal::protocol::{KeyPair, PrivateKey};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::CertChain;
use waproto::whatsapp::cert_chain::NoiseCertificate;
use waproto::whatsapp::cert_chain::noise_certificate::Details;

/// The root's serial, which the intermediate names as its issuer: clients require exactly this.
const ROOT_SERIAL: u32 = 0;
const INTERMEDIATE_SERIAL: u32 = 1;
const LEAF_SERIAL: u32 = 2;
const VALID_FROM_SECONDS: u64 = 1_577_836_800;
const VALID_TO_SECONDS: u64 = 4_102_444_800;

/// The private keys, 32 bytes each, with which a restarted server keeps its identity.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKeys {
    pub root: [u8; 32],
    pub intermediate: [u8; 32],
    pub leaf: [u8; 32],
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ServerKeys(hidden)")
    }
}

#[derive(Debug, Error)]
#[error("a key of the server cannot be used: {0}")]
pub struct KeyError(String);

impl ServerKeys {
    /// Generates new keys.
    pub fn generate() -> Self {
        let private = || *KeyPair::generate(&mut rand::rng()).private_key.serialize();
        Self { root: private(), intermediate: private(), leaf: private() }
    }
}

/// The server's identity in handshakes.
pub struct Authority {
    root_public: [u8; 32],
    leaf: KeyPair,
    chain: Vec<u8>,
}

impl Authority {
    /// Signs the chain for these keys.
    ///
    /// # Errors
    /// The bytes are not valid private keys.
    pub fn new(keys: &ServerKeys) -> Result<Self, KeyError> {
        let root = pair(&keys.root)?;
        let intermediate = pair(&keys.intermediate)?;
        let leaf = pair(&keys.leaf)?;
        let chain = CertChain {
            intermediate: MessageField::some(certificate(INTERMEDIATE_SERIAL, ROOT_SERIAL, &intermediate, &root)?),
            leaf: MessageField::some(certificate(LEAF_SERIAL, INTERMEDIATE_SERIAL, &leaf, &intermediate)?),
        };
        Ok(Self { root_public: public_bytes(&root), leaf, chain: chain.encode_to_vec() })
    }

    /// The root key that a client must trust instead of the real service's.
    pub fn root_public(&self) -> [u8; 32] {
        self.root_public
    }

    /// The static key pair of handshakes.
    pub fn leaf(&self) -> &KeyPair {
        &self.leaf
    }

    /// The certificate chain sent in a handshake (protobuf `CertChain`).
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }
}

/// The 32 bytes of a public key, without its type.
pub fn public_bytes(pair: &KeyPair) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(pair.public_key.public_key_bytes());
    bytes
}

fn pair(private: &[u8; 32]) -> Result<KeyPair, KeyError> {
    let private_key = PrivateKey::deserialize(private).map_err(|error| KeyError(error.to_string()))?;
    let public_key = private_key.public_key().map_err(|error| KeyError(error.to_string()))?;
    Ok(KeyPair::new(public_key, private_key))
}

fn certificate(serial: u32, issuer: u32, subject: &KeyPair, signer: &KeyPair) -> Result<NoiseCertificate, KeyError> {
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer),
        key: Some(public_bytes(subject).to_vec()),
        not_before: Some(VALID_FROM_SECONDS),
        not_after: Some(VALID_TO_SECONDS),
    }
    .encode_to_vec();
    let signature = signer
        .private_key
        .calculate_signature(&details, &mut rand::rng())
        .map_err(|error| KeyError(error.to_string()))?;
    Ok(NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore_libsignal::protocol::PublicKey;

    #[test]
    fn the_root_vouches_for_the_static_key() {
        let authority = Authority::new(&ServerKeys::generate()).unwrap();
        let chain = CertChain::decode_from_slice(authority.chain()).unwrap();
        let intermediate = chain.intermediate.into_option().unwrap();
        let leaf = chain.leaf.into_option().unwrap();
        let verify = |key: &[u8], certificate: &NoiseCertificate| {
            let key = PublicKey::from_djb_public_key_bytes(key).unwrap();
            key.verify_signature(certificate.details.as_ref().unwrap(), certificate.signature.as_ref().unwrap())
        };
        assert!(verify(&authority.root_public(), &intermediate));
        let details = Details::decode_from_slice(intermediate.details.as_ref().unwrap()).unwrap();
        assert!(verify(details.key.as_ref().unwrap(), &leaf));
        let details = Details::decode_from_slice(leaf.details.as_ref().unwrap()).unwrap();
        assert_eq!(details.key.unwrap(), public_bytes(authority.leaf()));
    }

    #[test]
    fn the_same_keys_make_the_same_server() {
        let keys = ServerKeys::generate();
        let (first, second) = (Authority::new(&keys).unwrap(), Authority::new(&keys).unwrap());
        assert_eq!(first.root_public(), second.root_public());
        assert_eq!(public_bytes(first.leaf()), public_bytes(second.leaf()));
    }
}
