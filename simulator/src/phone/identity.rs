//! A phone's keys: its identity key, its signed prekey and its one-time prekeys, and the stanzas that publish them.

use std::collections::BTreeMap;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::protocol::{CurveError, IdentityKeyPair, KeyPair, PublicKey};

use crate::limits::PHONE_PREKEYS_KEPT_MAX;
use crate::phone::rng::SeededRng;

/// The key type in every bundle: Curve25519.
pub const KEY_TYPE: u8 = 5;

/// One-time prekey ids have three bytes.
const PREKEY_ID_MAX: u32 = (1 << 24) - 1;

/// A phone's key pairs. They are generated once and live as long as the account.
pub struct Identity {
    key: IdentityKeyPair,
    registration_id: u32,
    signed_prekey: SignedPrekey,
    prekeys: Prekeys,
}

/// The prekey that is used when no one-time prekey is left, signed with the identity key.
pub struct SignedPrekey {
    pub id: u32,
    pub pair: KeyPair,
    pub signature: [u8; 64],
}

/// The private halves of one-time prekeys that were published and not used yet.
#[derive(Default)]
pub struct Prekeys {
    last_id: u32,
    unused: BTreeMap<u32, KeyPair>,
}

impl Prekeys {
    /// The unused key with this id.
    pub fn find(&self, id: u32) -> Option<&KeyPair> {
        self.unused.get(&id)
    }

    pub fn keep(&mut self, id: u32, pair: KeyPair) {
        self.unused.insert(id, pair);
        while self.unused.len() > PHONE_PREKEYS_KEPT_MAX {
            self.unused.pop_first();
        }
    }

    /// Removes a used key, which must not be used again.
    pub fn remove(&mut self, id: u32) {
        self.unused.remove(&id);
    }

    fn make(&mut self, rng: &mut SeededRng) -> (u32, PublicKey) {
        let pair = KeyPair::generate(rng.std_rng());
        let public = pair.public_key;
        self.last_id = if self.last_id >= PREKEY_ID_MAX { 1 } else { self.last_id + 1 };
        self.keep(self.last_id, pair);
        (self.last_id, public)
    }
}

impl Identity {
    /// Generates new keys.
    ///
    /// # Errors
    /// Signing fails, which it never does with the backend in use.
    pub fn generate(rng: &mut SeededRng) -> Result<Self, CurveError> {
        let key = IdentityKeyPair::generate(rng.std_rng());
        let pair = KeyPair::generate(rng.std_rng());
        let signature = key.private_key().calculate_signature(&pair.public_key.serialize(), rng.std_rng())?;
        Ok(Self {
            key,
            // Registration ids have 14 bits and are never zero.
            registration_id: 1 + rng.below(16_380),
            signed_prekey: SignedPrekey { id: 1, pair, signature },
            prekeys: Prekeys::default(),
        })
    }

    pub fn key(&self) -> &IdentityKeyPair {
        &self.key
    }

    /// The 32-byte public key.
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().public_key_bytes()
    }

    pub fn registration_id(&self) -> u32 {
        self.registration_id
    }

    pub fn signed_prekey(&self) -> &SignedPrekey {
        &self.signed_prekey
    }

    pub fn prekeys(&self) -> &Prekeys {
        &self.prekeys
    }

    pub fn prekeys_mut(&mut self) -> &mut Prekeys {
        &mut self.prekeys
    }

    /// A prekey upload: registration, type, identity, list of `count` new one-time prekeys, and the signed prekey, as
    /// children of `<iq xmlns="encrypt" type="set">`.
    pub fn upload(&mut self, count: usize, rng: &mut SeededRng) -> Vec<Node> {
        let keys: Vec<Node> = (0..count)
            .map(|_| {
                let (id, public) = self.prekeys.make(rng);
                prekey_node(id, &public)
            })
            .collect();
        vec![
            NodeBuilder::new("registration").bytes(self.registration_id.to_be_bytes()).build(),
            NodeBuilder::new("type").bytes([KEY_TYPE]).build(),
            NodeBuilder::new("identity").bytes(self.public_key()).build(),
            NodeBuilder::new("list").children(keys).build(),
            self.signed_prekey.node(),
        ]
    }

    /// The `<keys>` of a retry receipt: a bundle for the sender who is asked to resend, with a prekey that nobody else
    /// gets.
    pub fn retry_keys(&mut self, rng: &mut SeededRng) -> Node {
        let (id, public) = self.prekeys.make(rng);
        NodeBuilder::new("keys")
            .children([
                NodeBuilder::new("type").bytes([KEY_TYPE]).build(),
                NodeBuilder::new("identity").bytes(self.public_key()).build(),
                prekey_node(id, &public),
                self.signed_prekey.node(),
            ])
            .build()
    }
}

impl SignedPrekey {
    fn node(&self) -> Node {
        NodeBuilder::new("skey")
            .children([
                NodeBuilder::new("id").bytes(three_bytes(self.id)).build(),
                NodeBuilder::new("value").bytes(self.pair.public_key.public_key_bytes()).build(),
                NodeBuilder::new("signature").bytes(self.signature).build(),
            ])
            .build()
    }
}

fn prekey_node(id: u32, public: &PublicKey) -> Node {
    NodeBuilder::new("key")
        .children([
            NodeBuilder::new("id").bytes(three_bytes(id)).build(),
            NodeBuilder::new("value").bytes(public.public_key_bytes()).build(),
        ])
        .build()
}

fn three_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes()[1..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_identity() {
        let make = |seed| Identity::generate(&mut SeededRng::new(seed, "ann")).unwrap();
        assert_eq!(make(1).public_key(), make(1).public_key());
        assert_eq!(make(1).registration_id(), make(1).registration_id());
        assert_ne!(make(1).public_key(), make(2).public_key());
    }

    #[test]
    fn the_signed_prekey_is_signed_by_the_identity() {
        let identity = Identity::generate(&mut SeededRng::new(1, "ann")).unwrap();
        let signed = identity.signed_prekey();
        assert!(identity.key().public_key().verify_signature(&signed.pair.public_key.serialize(), &signed.signature));
    }

    #[test]
    fn prekeys_are_numbered_on_and_the_oldest_fall_out() {
        let mut rng = SeededRng::new(1, "ann");
        let mut identity = Identity::generate(&mut rng).unwrap();
        identity.upload(3, &mut rng);
        identity.retry_keys(&mut rng);
        assert!((1..=4).all(|id| identity.prekeys().find(id).is_some()));
        identity.upload(PHONE_PREKEYS_KEPT_MAX, &mut rng);
        assert!(identity.prekeys().find(4).is_none());
        assert!(identity.prekeys().find(5).is_some());
    }
}
