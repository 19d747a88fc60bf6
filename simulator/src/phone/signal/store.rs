//! The in-memory stores for libsignal.

use std::collections::HashMap;

use async_trait::async_trait;
use wacore_libsignal::protocol::error::Result;
use wacore_libsignal::protocol::{
    Direction, GenericSignedPreKey, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore, PreKeyId,
    PreKeyRecord, PreKeyStore, ProtocolAddress, SenderKeyName, SenderKeyRecord, SenderKeyStore, SessionRecord,
    SessionStore, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp,
};

use crate::phone::identity::{Prekeys, SignedPrekey};

/// Sessions by device. At most one per device of the network.
#[derive(Default)]
pub struct Sessions(HashMap<ProtocolAddress, SessionRecord>);

impl Sessions {
    pub fn find(&self, address: &ProtocolAddress) -> Option<&SessionRecord> {
        self.0.get(address)
    }

    pub fn remove(&mut self, address: &ProtocolAddress) {
        self.0.remove(address);
    }

    /// Moves the sessions of one address to another of the same account. If both have one with a device, the moved one
    /// becomes current and the other is archived for receiving.
    pub fn move_all(&mut self, from: &str, to: &str) {
        let moved: Vec<ProtocolAddress> = self.0.keys().filter(|address| address.name() == from).cloned().collect();
        for old in moved {
            let Some(mut record) = self.0.remove(&old) else { continue };
            let new = ProtocolAddress::new(to, old.device_id());
            if let Some(mut kept) = self.0.remove(&new) {
                if let Some(state) = record.take_session_state() {
                    kept.promote_state(state);
                }
                record = kept;
            }
            self.0.insert(new, record);
        }
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Result<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }

    async fn has_session(&self, address: &ProtocolAddress) -> Result<bool> {
        Ok(self.0.contains_key(address))
    }

    async fn store_session(&mut self, address: &ProtocolAddress, record: SessionRecord) -> Result<()> {
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

/// The identity keys of others, and the own one.
// Applications accept a changed identity key and only show a notice (whatsmeow, `AutoTrustIdentity`).
pub struct Identities {
    own: IdentityKeyPair,
    registration_id: u32,
    others: HashMap<ProtocolAddress, IdentityKey>,
}

impl Identities {
    pub fn new(own: IdentityKeyPair, registration_id: u32) -> Self {
        Self { own, registration_id, others: HashMap::new() }
    }
}

#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair> {
        Ok(self.own.clone())
    }

    async fn get_local_registration_id(&self) -> Result<u32> {
        Ok(self.registration_id)
    }

    async fn save_identity(&mut self, address: &ProtocolAddress, identity: &IdentityKey) -> Result<IdentityChange> {
        let known = self.others.insert(address.clone(), *identity);
        Ok(IdentityChange::from_changed(known.is_some_and(|known| known != *identity)))
    }

    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Result<bool> {
        Ok(true)
    }

    async fn get_identity(&self, address: &ProtocolAddress) -> Result<Option<IdentityKey>> {
        Ok(self.others.get(address).copied())
    }
}

#[async_trait]
impl PreKeyStore for Prekeys {
    async fn get_pre_key(&self, prekey_id: PreKeyId) -> Result<PreKeyRecord> {
        let pair = self.find(prekey_id.into()).ok_or(SignalProtocolError::InvalidPreKeyId)?;
        Ok(PreKeyRecord::new(prekey_id, pair))
    }

    async fn save_pre_key(&mut self, prekey_id: PreKeyId, record: &PreKeyRecord) -> Result<()> {
        self.keep(prekey_id.into(), record.key_pair()?);
        Ok(())
    }

    async fn remove_pre_key(&mut self, prekey_id: PreKeyId) -> Result<()> {
        self.remove(prekey_id.into());
        Ok(())
    }
}

/// The single signed prekey of a phone; it is never rotated.
pub struct SignedPrekeys(pub SignedPreKeyRecord);

impl SignedPrekeys {
    pub fn new(key: &SignedPrekey) -> Self {
        let made_at = Timestamp::from_epoch_millis(0);
        Self(SignedPreKeyRecord::new(key.id.into(), made_at, &key.pair, &key.signature))
    }
}

#[async_trait]
impl SignedPreKeyStore for SignedPrekeys {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Result<SignedPreKeyRecord> {
        if self.0.id()? == id { Ok(self.0.clone()) } else { Err(SignalProtocolError::InvalidSignedPreKeyId) }
    }

    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, record: &SignedPreKeyRecord) -> Result<()> {
        self.0 = record.clone();
        Ok(())
    }
}

/// Sender keys, by group and sender.
#[derive(Default)]
pub struct SenderKeys(HashMap<String, SenderKeyRecord>);

impl SenderKeys {
    pub fn has(&self, name: &SenderKeyName) -> bool {
        self.0.contains_key(name.cache_key())
    }

    pub fn remove(&mut self, name: &SenderKeyName) {
        self.0.remove(name.cache_key());
    }

    /// Moves the sender keys of one address to another of the same account, unless that one has some.
    pub fn move_all(&mut self, from: &str, to: &str) {
        let marks = (format!(":{from}."), format!(":{to}."));
        let moved: Vec<String> = self.0.keys().filter(|key| key.contains(&marks.0)).cloned().collect();
        for old in moved {
            if let Some(record) = self.0.remove(&old) {
                self.0.entry(old.replace(&marks.0, &marks.1)).or_insert(record);
            }
        }
    }
}

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(&mut self, name: &SenderKeyName, record: SenderKeyRecord) -> Result<()> {
        self.0.insert(name.cache_key().to_owned(), record);
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> Result<Option<SenderKeyRecord>> {
        Ok(self.0.get(name.cache_key()).cloned())
    }
}
