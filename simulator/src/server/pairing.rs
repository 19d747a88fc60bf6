//! Pairing of a phone and a client: the phone signs the client's identity, the client signs it too, and then it is a
//! companion.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;

use super::account::Account;
use super::device::{Companion, Device};
use super::device_list::{self, Change};
use super::fault_points;
use super::identity::{Identity, IdentityError};
use super::keys::KeyBundle;
use super::network::Network;
use super::registration::Registering;
use crate::clock;
use crate::faults::Hook;
use crate::limits::PAIRING_WAIT_SECONDS;

/// What a phone sends to link a client.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Protobuf `ADVSignedDeviceIdentityHMAC`.
    pub device_identity: Vec<u8>,
    /// The phone's identity key, 32 bytes.
    pub account_key: [u8; 32],
    /// The companion's index in the key-index list.
    pub key_index: u32,
}

/// A client that has signed too. It is linked when the phone calls [`Signed::link`]; if dropped, it is refused.
pub struct Signed {
    registering: Arc<Registering>,
    account: Arc<Account>,
    approval: Approval,
    /// The new device's index.
    pub index: u16,
    /// The client's response: protobuf `ADVSignedDeviceIdentity` with its signature.
    pub returned: Vec<u8>,
    /// The complete identity, with the account's key.
    signed_identity: Vec<u8>,
    is_linked: bool,
}

/// Why a client was not linked.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PairingError {
    #[error("no client waits under this reference; its code may have run out")]
    Unknown,
    #[error("the account has as many companions as it may")]
    TooMany,
    #[error("what the phone signed is wrong: {0}")]
    Phone(IdentityError),
    #[error("what the companion signed is wrong: {0}")]
    Companion(IdentityError),
    #[error("the client refused, code {code}: {text}")]
    Refused { code: u64, text: String },
    #[error("the client went away or did not answer in time")]
    Gone,
    #[error("the client's stream was ended by a fault")]
    Ended,
}

impl Network {
    /// Called when a phone is about to link the client with this ref.
    ///
    /// # Errors
    /// [`PairingError::Ended`] if a fault ends its stream instead.
    pub fn check_linking(&self, account: &Account, reference: &str) -> Result<(), PairingError> {
        let Some(last) = fault_points::linking(&self.inner.faults, Hook::Link, account) else { return Ok(()) };
        if let Some(registering) = self.inner.registrations.find(reference) {
            registering.send_queue.end(last);
        }
        Err(PairingError::Ended)
    }

    /// Sends the client with this ref what a phone signed for it, and waits until the client has signed too.
    ///
    /// # Errors
    /// See [`PairingError`].
    pub async fn complete_pairing(
        &self,
        account: &Arc<Account>,
        reference: &str,
        approval: Approval,
    ) -> Result<Signed, PairingError> {
        let registering = self.inner.registrations.find(reference).ok_or(PairingError::Unknown)?;
        self.complete(account, &registering, approval).await
    }

    /// The same for a client that was already found.
    pub(super) async fn complete(
        &self,
        account: &Arc<Account>,
        registering: &Arc<Registering>,
        approval: Approval,
    ) -> Result<Signed, PairingError> {
        let identity = Identity::from_phone(&approval, &registering.identity_public).map_err(PairingError::Phone)?;
        if account.identity().is_some_and(|known| known != approval.account_key) {
            return Err(PairingError::Phone(IdentityError::AnotherPhone));
        }
        let index = account.reserve_device().ok_or(PairingError::TooMany)?;
        let (outcome, answer) = oneshot::channel();
        registering.approve(Approved { account: account.clone(), index, identity, approval, outcome })?;
        match clock::within(Duration::from_secs(PAIRING_WAIT_SECONDS), answer).await {
            Some(Ok(outcome)) => outcome,
            _ => Err(PairingError::Gone),
        }
    }
}

impl Signed {
    /// Links the client: it becomes a device of the account, and is asked to reconnect as such. `list` is protobuf
    /// `ADVSignedKeyIndexList` including the new companion, signed at `signed_at_seconds` since 1970.
    ///
    /// # Errors
    /// [`PairingError::TooMany`] if others were linked meanwhile.
    pub fn link(mut self, signed_at_seconds: u64, list: Vec<u8>) -> Result<Arc<Device>, PairingError> {
        let Self { registering, account, approval, .. } = &self;
        let companion = Companion {
            noise_public: registering.noise_public,
            signed_identity: self.signed_identity.clone(),
            key_index: approval.key_index,
        };
        let device = Arc::new(Device::companion(account.number(), account.lid(), self.index, companion));
        let signed_prekey = registering.signed.clone();
        let keys = KeyBundle::new(registering.registration, registering.identity_public, signed_prekey);
        *device.keys.lock() = Some(keys);
        if !account.add_device(device.clone()) {
            return Err(PairingError::TooMany);
        }
        account.set_identity(approval.account_key);
        account.set_key_index_list(signed_at_seconds, list);
        device_list::announce(&registering.network, account, Change::Added(&device));
        registering.restart();
        self.is_linked = true;
        Ok(device)
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        if !self.is_linked {
            self.registering.send_queue.end([super::failure(401)]);
        }
    }
}

/// What a phone has approved and the client has not signed yet.
pub(super) struct Approved {
    pub account: Arc<Account>,
    pub index: u16,
    pub identity: Identity,
    pub approval: Approval,
    pub outcome: oneshot::Sender<Result<Signed, PairingError>>,
}

impl Approved {
    /// The client has signed: passes that on to the phone, or refuses the client if the phone has stopped waiting.
    pub(super) fn signed(self, registering: &Arc<Registering>, returned: &[u8]) {
        let Self { account, index, identity, approval, outcome } = self;
        let signed = match identity.with_device_signature(returned, &registering.identity_public) {
            Ok(signed_identity) => Ok(Signed {
                registering: registering.clone(),
                account,
                approval,
                index,
                returned: returned.to_vec(),
                signed_identity,
                is_linked: false,
            }),
            Err(error) => {
                registering.send_queue.end([super::failure(401)]);
                Err(PairingError::Companion(error))
            }
        };
        // If the phone has stopped waiting, dropping this refuses the client.
        outcome.send(signed).ok();
    }

    /// The client refused, or has disconnected.
    pub(super) fn failed(self, error: PairingError) {
        self.outcome.send(Err(error)).ok();
    }
}
