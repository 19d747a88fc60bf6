//! Signal sessions: encryption for devices and groups, decryption, and the observable steps of the ratchets.
//!
//! A phone has one session per device of other accounts, whichever of an account's two addresses a stanza uses.

mod store;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};
use wacore_binary::Jid;
use wacore_libsignal::protocol::{
    CiphertextMessage, CurveError, PreKeySignalMessage, ProtocolAddress, SenderKeyDistributionMessage,
    SenderKeyMessage, SenderKeyName, SignalMessage, SignalProtocolError, UsePQRatchet,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, message_decrypt, message_encrypt,
    process_prekey_bundle, process_sender_key_distribution_message,
};

use crate::phone::address::{AddressBook, Profile};
use crate::phone::bundle::Bundle;
use crate::phone::identity::Identity;
use crate::phone::rng::{SeededRng, hex};
use store::{Identities, SenderKeys, Sessions, SignedPrekeys};

/// The kinds of `<enc>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncKind {
    /// The first messages of a session, which include what the other side needs to establish it.
    PreKey,
    /// A message of a session established on both sides.
    Session,
    /// A message for a whole group.
    SenderKey,
}

impl EncKind {
    /// The `type` of an `<enc>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreKey => "pkmsg",
            Self::Session => "msg",
            Self::SenderKey => "skmsg",
        }
    }

    pub fn read(name: &str) -> Option<Self> {
        [Self::PreKey, Self::Session, Self::SenderKey].into_iter().find(|kind| kind.name() == name)
    }
}

/// A ciphertext and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub kind: EncKind,
    pub bytes: Vec<u8>,
}

/// Why encryption or decryption failed, by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// Fetch a prekey bundle, or ask the sender to start a new session.
    #[error("there is no session with {0}")]
    NoSession(String),
    /// Ask the sender to resend the message to this device.
    #[error("there is no sender key for {0}")]
    NoSenderKey(String),
    /// Ask the sender to start a new session with another prekey.
    #[error("the message uses a prekey that is used up or was never given away")]
    NoPrekey,
    /// A duplicate: send another receipt; never display it again.
    #[error("the message was decrypted before")]
    Again,
    /// Ask the sender to resend it.
    #[error("the message cannot be decrypted: {0}")]
    Broken(String),
}

impl SignalError {
    /// The `error` of a `<retry>` request.
    pub fn retry_reason(&self) -> u8 {
        match self {
            Self::NoSession(_) | Self::NoSenderKey(_) => 1,
            Self::NoPrekey => 3,
            Self::Again => 0,
            Self::Broken(_) => 4,
        }
    }
}

/// Direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Sent,
    Received,
}

/// One step of a ratchet: the message with this counter was encrypted or decrypted. The counters that a chain sends
/// must increase by one, and no counter of a chain may be decrypted twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RatchetStep {
    pub way: Way,
    /// The peer device, such as `15550001@s.whatsapp.net.1`, or the group and its sender.
    pub with: String,
    /// Identifies the chain: the sender's ratchet key, or the sender key id, in hexadecimal.
    pub chain: String,
    pub counter: u32,
}

/// The Signal state of a phone.
pub struct Signal {
    book: AddressBook,
    own: ProtocolAddress,
    identity: Identity,
    sessions: Sessions,
    identities: Identities,
    signed_prekeys: SignedPrekeys,
    sender_keys: SenderKeys,
    rng: SeededRng,
    steps: Vec<RatchetStep>,
}

impl Signal {
    /// The state of a new phone, without sessions.
    ///
    /// # Errors
    /// As [`Identity::generate`].
    pub fn new(person: &Profile, mut rng: SeededRng) -> Result<Self, CurveError> {
        let identity = Identity::generate(&mut rng)?;
        let mut book = AddressBook::default();
        book.learn(&person.number, &person.lid);
        Ok(Self {
            own: book.signal_address(&person.jid()),
            sessions: Sessions::default(),
            identities: Identities::new(identity.key().clone(), identity.registration_id()),
            signed_prekeys: SignedPrekeys::new(identity.signed_prekey()),
            sender_keys: SenderKeys::default(),
            steps: Vec::new(),
            identity,
            book,
            rng,
        })
    }

    pub fn book(&self) -> &AddressBook {
        &self.book
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The identity and the random generator, for generating keys.
    pub fn identity_mut(&mut self) -> (&mut Identity, &mut SeededRng) {
        (&mut self.identity, &mut self.rng)
    }

    pub fn rng(&mut self) -> &mut SeededRng {
        &mut self.rng
    }

    /// Learns that two JIDs belong to one account, and merges the state stored under both.
    pub fn learn(&mut self, one: &Jid, other: &Jid) {
        if let Some((number, lid)) = self.book.learn_pair(one, other) {
            self.sessions.move_all(&lid.to_string(), &number.to_string());
            self.sender_keys.move_all(&lid.to_string(), &number.to_string());
        }
    }

    /// The steps since the last call.
    pub fn take_steps(&mut self) -> Vec<RatchetStep> {
        std::mem::take(&mut self.steps)
    }

    pub fn has_session(&self, device: &Jid) -> bool {
        let record = self.sessions.find(&self.book.signal_address(device));
        record.is_some_and(|record| record.session_state().is_some())
    }

    /// The registration id of the device when the session was established.
    pub fn registration_id_of(&self, device: &Jid) -> Option<u32> {
        self.sessions.find(&self.book.signal_address(device))?.remote_registration_id().ok()
    }

    pub fn delete_session(&mut self, device: &Jid) {
        self.sessions.remove(&self.book.signal_address(device));
    }

    /// Establishes a session, replacing an existing one.
    ///
    /// # Errors
    /// [`SignalError::Broken`] if the bundle's keys or signature are invalid.
    pub fn begin(&mut self, device: &Jid, bundle: &Bundle) -> Result<(), SignalError> {
        let address = self.book.signal_address(device);
        at_once(process_prekey_bundle(
            &address,
            &mut self.sessions,
            &mut self.identities,
            &bundle.for_signal(device)?,
            self.rng.std_rng(),
            UsePQRatchet::No,
        ))?;
        Ok(())
    }

    /// Encrypts for one device.
    ///
    /// # Errors
    /// [`SignalError::NoSession`] if none was established.
    pub fn encrypt(&mut self, device: &Jid, plaintext: &[u8]) -> Result<Sealed, SignalError> {
        let address = self.book.signal_address(device);
        let padded = self.pad(plaintext);
        let message = at_once(message_encrypt(&padded, &address, &mut self.sessions, &mut self.identities))?;
        let kind = match &message {
            CiphertextMessage::PreKeySignalMessage(outer) => {
                self.record(Way::Sent, &address, outer.message());
                EncKind::PreKey
            }
            CiphertextMessage::SignalMessage(inner) => {
                self.record(Way::Sent, &address, inner);
                EncKind::Session
            }
            _ => return Err(SignalError::Broken("a session made something else than its messages".to_owned())),
        };
        Ok(Sealed { kind, bytes: message.serialize().to_vec() })
    }

    /// Decrypts a message from a device.
    ///
    /// # Errors
    /// Each variant of [`SignalError`] except [`SignalError::NoSenderKey`].
    pub fn decrypt(&mut self, device: &Jid, kind: EncKind, bytes: &[u8]) -> Result<Vec<u8>, SignalError> {
        let address = self.book.signal_address(device);
        let message = match kind {
            EncKind::PreKey => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(bytes)?),
            EncKind::Session => CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes)?),
            EncKind::SenderKey => return Err(SignalError::Broken("a group's message in a session".to_owned())),
        };
        let decrypted = at_once(message_decrypt(
            &message,
            &address,
            &mut self.sessions,
            &mut self.identities,
            self.identity.prekeys_mut(),
            &self.signed_prekeys,
            self.rng.std_rng(),
            UsePQRatchet::No,
        ))?;
        if let Some(id) = decrypted.consumed_prekey_id {
            self.identity.prekeys_mut().remove(id.into());
        }
        match &message {
            CiphertextMessage::PreKeySignalMessage(outer) => self.record(Way::Received, &address, outer.message()),
            CiphertextMessage::SignalMessage(inner) => self.record(Way::Received, &address, inner),
            _ => {}
        }
        unpad(decrypted.plaintext)
    }

    /// The own sender key of a group, for distribution to members without it. It is created if necessary.
    ///
    /// # Errors
    /// [`SignalError::Broken`] if the stored key is unusable.
    pub fn distribution(&mut self, group: &Jid) -> Result<Vec<u8>, SignalError> {
        let name = self.sender_key_name(group, &self.own);
        let message =
            at_once(create_sender_key_distribution_message(&name, &mut self.sender_keys, self.rng.std_rng()))?;
        Ok(message.serialized().to_vec())
    }

    /// Processes a sender key distribution message.
    ///
    /// # Errors
    /// [`SignalError::Broken`] if it is malformed.
    pub fn process_distribution(&mut self, group: &Jid, sender: &Jid, bytes: &[u8]) -> Result<(), SignalError> {
        let name = self.sender_key_name(group, &self.book.signal_address(sender));
        let message = SenderKeyDistributionMessage::try_from(bytes)?;
        at_once(process_sender_key_distribution_message(&name, &message, &mut self.sender_keys))
    }

    pub fn has_own_sender_key(&self, group: &Jid) -> bool {
        self.sender_keys.has(&self.sender_key_name(group, &self.own))
    }

    /// Deletes the own sender key, so that members who left cannot decrypt further messages.
    pub fn delete_own_sender_key(&mut self, group: &Jid) {
        let name = self.sender_key_name(group, &self.own);
        self.sender_keys.remove(&name);
    }

    /// Encrypts for everybody who has the own sender key.
    ///
    /// # Errors
    /// [`SignalError::NoSenderKey`] if none was created.
    pub fn encrypt_for_group(&mut self, group: &Jid, plaintext: &[u8]) -> Result<Sealed, SignalError> {
        let name = self.sender_key_name(group, &self.own);
        let padded = self.pad(plaintext);
        let message = at_once(group_encrypt(&mut self.sender_keys, &name, &padded, self.rng.std_rng()))?;
        self.record_group(Way::Sent, &name, &message);
        Ok(Sealed { kind: EncKind::SenderKey, bytes: message.serialized().to_vec() })
    }

    /// Decrypts a group message from a device.
    ///
    /// # Errors
    /// [`SignalError::NoSenderKey`], [`SignalError::Again`] or [`SignalError::Broken`].
    pub fn decrypt_from_group(&mut self, group: &Jid, sender: &Jid, bytes: &[u8]) -> Result<Vec<u8>, SignalError> {
        let name = self.sender_key_name(group, &self.book.signal_address(sender));
        let message = SenderKeyMessage::try_from(bytes)?;
        let padded = at_once(group_decrypt(bytes, &mut self.sender_keys, &name))?;
        self.record_group(Way::Received, &name, &message);
        unpad(padded)
    }

    fn sender_key_name(&self, group: &Jid, sender: &ProtocolAddress) -> SenderKeyName {
        SenderKeyName::from_parts(&group.to_string(), sender.as_str())
    }

    /// Hides the length: 1 to 16 bytes of padding, each with the value of their count.
    fn pad(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let count = self.rng.below(16) + 1;
        let mut padded = plaintext.to_vec();
        padded.extend((0..count).map(|_| count as u8));
        padded
    }

    fn record(&mut self, way: Way, address: &ProtocolAddress, message: &SignalMessage) {
        self.steps.push(RatchetStep {
            way,
            with: address.to_string(),
            chain: hex(message.sender_ratchet_key().public_key_bytes()),
            counter: message.counter(),
        });
    }

    fn record_group(&mut self, way: Way, name: &SenderKeyName, message: &SenderKeyMessage) {
        self.steps.push(RatchetStep {
            way,
            with: name.cache_key().to_owned(),
            chain: format!("{:08x}", message.chain_id()),
            counter: message.iteration(),
        });
    }
}

fn unpad(mut padded: Vec<u8>) -> Result<Vec<u8>, SignalError> {
    let count = usize::from(padded.last().copied().unwrap_or(0));
    let is_right = (1..=16).contains(&count)
        && count <= padded.len()
        && padded[padded.len() - count..].iter().all(|byte| usize::from(*byte) == count);
    if !is_right {
        return Err(SignalError::Broken("its padding is wrong".to_owned()));
    }
    padded.truncate(padded.len() - count);
    Ok(padded)
}

/// The library's functions are async for stores on disk. In-memory stores never suspend.
fn at_once<T>(future: impl Future<Output = Result<T, SignalProtocolError>>) -> Result<T, SignalError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result?),
        Poll::Pending => Err(SignalError::Broken("a store in memory had to be waited for".to_owned())),
    }
}

impl From<SignalProtocolError> for SignalError {
    fn from(error: SignalProtocolError) -> Self {
        match error {
            SignalProtocolError::SessionNotFound(address) => Self::NoSession(address.to_string()),
            SignalProtocolError::NoSenderKeyState(what) => Self::NoSenderKey(what),
            SignalProtocolError::InvalidPreKeyId | SignalProtocolError::InvalidSignedPreKeyId => Self::NoPrekey,
            SignalProtocolError::DuplicatedMessage(..) => Self::Again,
            other => Self::Broken(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
