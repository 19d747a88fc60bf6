//! The prekey bundle from which a Signal session with a device is established, as the server hands it out and as a
//! retry receipt carries it.

use wacore_binary::{Jid, Node, NodeContent};
use wacore_libsignal::protocol::{IdentityKey, PreKeyBundle, PublicKey, SignalProtocolError};

use crate::phone::identity::KEY_TYPE;

/// What is invalid in a bundle.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BundleError {
    #[error("the key bundle has no {0}")]
    Missing(&'static str),
    #[error("the key bundle has a {0} of a wrong form")]
    Malformed(&'static str),
}

/// The public keys of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub registration_id: u32,
    /// 32 bytes.
    pub identity: Vec<u8>,
    pub signed_prekey_id: u32,
    pub signed_prekey: Vec<u8>,
    pub signature: Vec<u8>,
    /// Absent if the server has none left.
    pub prekey: Option<(u32, Vec<u8>)>,
}

impl Bundle {
    /// Parses `<user jid>` with the children registration, type, identity, skey, key: a response to a prekey query.
    ///
    /// # Errors
    /// A part is missing or malformed.
    pub fn read(user: &Node) -> Result<Self, BundleError> {
        Self::read_parts(user, user)
    }

    /// Parses a retry receipt with `<registration>` and `<keys>`.
    ///
    /// # Errors
    /// A part is missing or malformed.
    pub fn read_retry(receipt: &Node) -> Result<Self, BundleError> {
        Self::read_parts(receipt, receipt.get_optional_child("keys").ok_or(BundleError::Missing("keys"))?)
    }

    fn read_parts(registration: &Node, keys: &Node) -> Result<Self, BundleError> {
        if bytes(keys, "type")? != [KEY_TYPE] {
            return Err(BundleError::Malformed("type"));
        }
        let signed = keys.get_optional_child("skey").ok_or(BundleError::Missing("skey"))?;
        let prekey = match keys.get_optional_child("key") {
            Some(key) => Some((number(key, "id")?, bytes(key, "value")?.to_vec())),
            None => None,
        };
        Ok(Self {
            registration_id: number(registration, "registration")?,
            identity: bytes(keys, "identity")?.to_vec(),
            signed_prekey_id: number(signed, "id")?,
            signed_prekey: bytes(signed, "value")?.to_vec(),
            signature: bytes(signed, "signature")?.to_vec(),
            prekey,
        })
    }

    /// Converts it for libsignal.
    ///
    /// # Errors
    /// A key is not on the curve.
    pub(super) fn for_signal(&self, device: &Jid) -> Result<PreKeyBundle, SignalProtocolError> {
        let prekey = match &self.prekey {
            Some((id, key)) => Some(((*id).into(), PublicKey::from_djb_public_key_bytes(key)?)),
            None => None,
        };
        PreKeyBundle::new(
            self.registration_id,
            u32::from(device.device).into(),
            prekey,
            self.signed_prekey_id.into(),
            PublicKey::from_djb_public_key_bytes(&self.signed_prekey)?,
            self.signature.clone(),
            IdentityKey::new(PublicKey::from_djb_public_key_bytes(&self.identity)?),
        )
    }
}

/// A child's content as bytes.
fn bytes<'a>(node: &'a Node, child: &'static str) -> Result<&'a [u8], BundleError> {
    match node.get_optional_child(child).ok_or(BundleError::Missing(child))?.content.as_ref() {
        Some(NodeContent::Bytes(bytes)) => Ok(bytes),
        _ => Err(BundleError::Malformed(child)),
    }
}

/// A child's content as a big-endian number of at most four bytes.
pub(super) fn number(node: &Node, child: &'static str) -> Result<u32, BundleError> {
    let bytes = bytes(node, child)?;
    if bytes.is_empty() || bytes.len() > 4 {
        return Err(BundleError::Malformed(child));
    }
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::identity::Identity;
    use crate::phone::rng::SeededRng;
    use wacore_binary::builder::NodeBuilder;

    #[test]
    fn what_a_phone_puts_into_a_retry_receipt_is_read_back() {
        let mut rng = SeededRng::new(1, "ann");
        let mut identity = Identity::generate(&mut rng).unwrap();
        let receipt = NodeBuilder::new("receipt")
            .children([
                NodeBuilder::new("registration").bytes(identity.registration_id().to_be_bytes()).build(),
                identity.retry_keys(&mut rng),
            ])
            .build();
        let bundle = Bundle::read_retry(&receipt).unwrap();
        assert_eq!(bundle.registration_id, identity.registration_id());
        assert_eq!(bundle.identity, identity.public_key());
        assert_eq!(bundle.prekey.unwrap().0, 1);
        assert_eq!(bundle.signature.len(), 64);
    }

    #[test]
    fn a_bundle_without_its_parts_is_refused() {
        let user = NodeBuilder::new("user").build();
        assert_eq!(Bundle::read(&user), Err(BundleError::Missing("type")));
        let user = NodeBuilder::new("user").children([NodeBuilder::new("type").bytes([9]).build()]).build();
        assert_eq!(Bundle::read(&user), Err(BundleError::Malformed("type")));
    }
}
