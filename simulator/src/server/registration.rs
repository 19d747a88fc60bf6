//! A client that is not linked yet: it shows a code, a phone scans it, and it becomes a companion of the account.
//!
//! The server brings the two together. It checks what both say, but it cannot make a companion by itself: the phone
//! signs the companion's identity, and proves with a secret from the code that it is the phone that scanned it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::oneshot;
use waproto::whatsapp::ClientPayload;

use super::account::Account;
use super::device::{Companion, Device};
use super::device_list::{self, Change};
use super::identity::{self, Identity, IdentityError};
use super::keys::{KeyBundle, SignedPrekey};
use super::linking_code::{self, TypedCode};
use super::network::Network;
use super::outlet::Outlet;
use crate::clock;
use crate::limits::{
    PAIRING_WAIT_SECONDS, QR_FIRST_SECONDS, QR_GRACE_SECONDS, QR_NEXT_SECONDS, QR_REFS, REGISTRATIONS_MAX,
    RESTART_PAUSE_MS,
};
use crate::wire::stanza::{Node, NodeBuilder, Read as _, SERVER, holding, result};

/// A client that waits to be linked, as its phone sees it.
#[derive(Debug, Clone)]
pub struct Pending {
    pub reference: String,
    /// The client's Noise static key, which must be the one in the scanned code.
    pub noise_public: [u8; 32],
    /// The client's identity key, which must be the one in the scanned code.
    pub identity_public: [u8; 32],
    /// Protobuf `DeviceProps`: what kind of client it is.
    pub properties: Vec<u8>,
    /// Present if the client asked to be linked by a code that is typed into the phone.
    pub typed_code: Option<TypedCode>,
}

/// What a phone says when it links a client.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Protobuf `ADVSignedDeviceIdentityHMAC`.
    pub device_identity: Vec<u8>,
    /// The identity key of the phone, 32 bytes.
    pub account_key: [u8; 32],
    /// The number of the companion in the list of valid keys.
    pub key_index: u32,
}

/// A client that has signed too. It is linked when the phone says so with [`Signed::link`]; dropped, it is refused.
pub struct Signed {
    registering: Arc<Registering>,
    account: Arc<Account>,
    approval: Approval,
    /// The number that the new device has.
    pub index: u16,
    /// What the client returned: protobuf `ADVSignedDeviceIdentity` with its signature.
    pub returned: Vec<u8>,
    /// The same, complete: with the account's key.
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
}

/// Clients that wait, by each reference under which they can be found.
#[derive(Default)]
pub struct Registrations {
    waiting: Mutex<HashMap<String, Waiting>>,
}

struct Waiting {
    registering: Arc<Registering>,
    until: Instant,
}

impl Registrations {
    pub(super) fn pending(&self, reference: &str) -> Option<Pending> {
        Some(self.find(reference)?.pending(reference))
    }

    pub(super) fn find(&self, reference: &str) -> Option<Arc<Registering>> {
        let waiting = self.waiting.lock();
        let found = waiting.get(reference)?;
        (found.until > clock::instant()).then(|| found.registering.clone())
    }

    /// Makes a client known under a reference, for as long.
    pub(super) fn add(&self, reference: &str, registering: &Arc<Registering>, time: Duration) {
        registering.references.lock().push(reference.to_owned());
        let waiting = Waiting { registering: registering.clone(), until: clock::instant() + time };
        self.waiting.lock().insert(reference.to_owned(), waiting);
    }

    fn remove(&self, registering: &Registering) {
        let references = std::mem::take(&mut *registering.references.lock());
        let mut waiting = self.waiting.lock();
        for reference in references {
            waiting.remove(&reference);
        }
    }

    pub(super) fn end_all(&self) {
        for waiting in self.waiting.lock().values() {
            waiting.registering.outlet.cut();
        }
    }

    fn is_full(&self) -> bool {
        self.waiting.lock().len() >= REGISTRATIONS_MAX * QR_REFS
    }
}

/// A client's connection until it is linked.
pub struct Registering {
    pub(super) network: Network,
    pub(super) outlet: Arc<Outlet>,
    pub(super) noise_public: [u8; 32],
    pub(super) identity_public: [u8; 32],
    registration: [u8; 4],
    signed: SignedPrekey,
    properties: Vec<u8>,
    references: Mutex<Vec<String>>,
    pub(super) typed_code: Mutex<Option<TypedCode>>,
    stage: Mutex<Stage>,
}

enum Stage {
    Waiting,
    /// The phone has approved; the client must sign.
    Approved(Box<Approved>),
    Done,
}

struct Approved {
    account: Arc<Account>,
    index: u16,
    identity: Identity,
    approval: Approval,
    outcome: oneshot::Sender<Result<Signed, PairingError>>,
}

const PAIR_SUCCESS_ID: &str = "pair-success";

/// Takes in a client that registers, and gives it codes to show. Nothing if it sent no proper keys, or too many wait.
pub fn begin(
    network: &Network,
    payload: &ClientPayload,
    noise_public: [u8; 32],
    outlet: &Arc<Outlet>,
) -> Option<Arc<Registering>> {
    let Some(registering) = read(network, payload, noise_public, outlet) else {
        outlet.end([super::failure(400)]);
        return None;
    };
    if network.inner.registrations.is_full() {
        outlet.end([super::failure(503)]);
        return None;
    }
    let registering = Arc::new(registering);
    let mut shown_seconds = 0;
    let references: Vec<String> = (0..QR_REFS)
        .map(|turn| {
            shown_seconds += if turn == 0 { QR_FIRST_SECONDS } else { QR_NEXT_SECONDS };
            let reference = format!("2@{}", STANDARD.encode(clock::random_bytes::<48>()));
            let time = Duration::from_secs(shown_seconds + QR_GRACE_SECONDS);
            network.inner.registrations.add(&reference, &registering, time);
            reference
        })
        .collect();
    let refs = references.into_iter().map(|reference| holding("ref", reference.into_bytes()));
    let pair_device = NodeBuilder::new("pair-device").children(refs).build();
    outlet.push(Arc::new(set("pair-device", pair_device)));
    Some(registering)
}

fn read(
    network: &Network,
    payload: &ClientPayload,
    noise_public: [u8; 32],
    outlet: &Arc<Outlet>,
) -> Option<Registering> {
    let data = payload.device_pairing_data.as_option()?;
    let identity_public = data.e_ident.as_deref()?.try_into().ok()?;
    let signed = SignedPrekey {
        id: data.e_skey_id.as_deref()?.try_into().ok()?,
        value: data.e_skey_val.as_deref()?.try_into().ok()?,
        signature: data.e_skey_sig.as_deref()?.try_into().ok()?,
    };
    identity::is_signed_prekey(&identity_public, &signed).then_some(())?;
    Some(Registering {
        network: network.clone(),
        outlet: outlet.clone(),
        noise_public,
        identity_public,
        registration: data.e_regid.as_deref()?.try_into().ok()?,
        signed,
        properties: data.device_props.clone().unwrap_or_default(),
        references: Mutex::default(),
        typed_code: Mutex::default(),
        stage: Mutex::new(Stage::Waiting),
    })
}

fn set(id: &'static str, child: Node) -> Node {
    NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("type", "set")
        .attr("id", id)
        .attr("xmlns", "md")
        .children([child])
        .build()
}

impl Registering {
    fn pending(&self, reference: &str) -> Pending {
        Pending {
            reference: reference.to_owned(),
            noise_public: self.noise_public,
            identity_public: self.identity_public,
            properties: self.properties.clone(),
            typed_code: self.typed_code.lock().clone(),
        }
    }

    /// Takes in what the client sends.
    pub(super) fn receive(self: &Arc<Self>, node: &Node) {
        if node.tag != "iq" {
            // A name, a time zone and acknowledgements mean nothing before a client is linked.
            if !matches!(node.tag.as_ref(), "ib" | "presence" | "ack") {
                self.network.inner.unknown.note(None, node);
            }
            return;
        }
        match node.text("type").as_deref() {
            Some("result") => {
                if let Some(signed) =
                    node.child("pair-device-sign").and_then(|sign| sign.child_bytes("device-identity"))
                {
                    self.take_signature(signed);
                }
            }
            Some("error") => self.take_refusal(node),
            _ if node.child("link_code_companion_reg").is_some() => linking_code::from_companion(self, node),
            _ if node.text("xmlns").as_deref() == Some("w:p") => self.outlet.push(Arc::new(result(node, []))),
            _ => {
                self.network.inner.unknown.note(None, node);
                self.outlet.push(Arc::new(result(node, [])));
            }
        }
    }

    /// The connection is over.
    pub(super) fn end(&self) {
        self.network.inner.registrations.remove(self);
        if let Stage::Approved(approved) = self.next_stage(Stage::Done) {
            approved.outcome.send(Err(PairingError::Gone)).ok();
        }
    }

    fn next_stage(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.stage.lock(), stage)
    }

    fn approve(&self, approved: Approved) -> Result<(), PairingError> {
        let success = pair_success(&approved);
        let mut stage = self.stage.lock();
        if !matches!(*stage, Stage::Waiting) {
            return Err(PairingError::Unknown);
        }
        *stage = Stage::Approved(Box::new(approved));
        drop(stage);
        self.outlet.push(Arc::new(success));
        Ok(())
    }

    fn take_signature(self: &Arc<Self>, returned: &[u8]) {
        let Stage::Approved(approved) = self.next_stage(Stage::Done) else { return };
        let Approved { account, index, identity, approval, outcome } = *approved;
        let signed = match identity.with_device_signature(returned, &self.identity_public) {
            Ok(signed_identity) => Ok(Signed {
                registering: self.clone(),
                account,
                approval,
                index,
                returned: returned.to_vec(),
                signed_identity,
                is_linked: false,
            }),
            Err(error) => {
                self.outlet.end([super::failure(401)]);
                Err(PairingError::Companion(error))
            }
        };
        outcome.send(signed).ok();
    }

    /// Asks the client to connect again, as the device that it is now.
    fn restart(&self) {
        let outlet = self.outlet.clone();
        self.network.inner.tasks.spawn(async move {
            clock::sleep(Duration::from_millis(RESTART_PAUSE_MS)).await;
            outlet.end([NodeBuilder::new("stream:error").attr("code", 515).build()]);
        });
    }

    fn take_refusal(&self, node: &Node) {
        if node.text("id").as_deref() != Some(PAIR_SUCCESS_ID) {
            return;
        }
        if let Stage::Approved(approved) = self.next_stage(Stage::Waiting) {
            let error = node.child("error");
            let code = error.and_then(|error| error.number("code")).unwrap_or_default();
            let text = error.and_then(|error| error.text("text")).unwrap_or_default().into_owned();
            approved.outcome.send(Err(PairingError::Refused { code, text })).ok();
        }
    }
}

impl Signed {
    /// Links the client: it is a device of the account from now on, and is asked to connect again as such. `list` is
    /// protobuf `ADVSignedKeyIndexList` with the new companion in it, signed at `signed_at_seconds` since 1970.
    pub fn link(mut self, signed_at_seconds: u64, list: Vec<u8>) -> Arc<Device> {
        self.is_linked = true;
        let Self { registering, account, approval, .. } = &self;
        let companion = Companion {
            noise_public: registering.noise_public,
            signed_identity: self.signed_identity.clone(),
            key_index: approval.key_index,
            properties: registering.properties.clone(),
        };
        let device = Arc::new(Device::companion(account.number(), account.lid(), self.index, companion));
        let signed_prekey = registering.signed.clone();
        let keys = KeyBundle::new(registering.registration, registering.identity_public, signed_prekey);
        *device.keys.lock() = Some(keys);
        account.set_identity(approval.account_key);
        account.set_key_index_list(signed_at_seconds, list);
        account.add_device(device.clone());
        device_list::announce(&registering.network, account, Change::Added(&device));
        registering.restart();
        device
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        if !self.is_linked {
            self.registering.outlet.end([super::failure(401)]);
        }
    }
}

fn pair_success(approved: &Approved) -> Node {
    let account = &approved.account;
    let device = NodeBuilder::new("device")
        .attr("jid", account.number().with_device(approved.index))
        .attr("lid", account.lid().with_device(approved.index))
        .build();
    let success = NodeBuilder::new("pair-success")
        .children([
            holding("device-identity", approved.approval.device_identity.clone()),
            NodeBuilder::new("biz").attr("name", account.name()).build(),
            NodeBuilder::new("platform").attr("name", "android").build(),
            device,
        ])
        .build();
    set(PAIR_SUCCESS_ID, success)
}

impl Network {
    /// Gives the client that waits under a reference what a phone signed for it, and waits until the client has signed
    /// too.
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

/// A registering client is told something that it must acknowledge.
pub(super) fn notification(child: Node) -> Node {
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("type", "link_code_companion_reg")
        .attr("id", new_id())
        .attr("t", clock::now_seconds())
        .children([child])
        .build()
}

/// An id for a stanza that the server begins.
pub(super) fn new_id() -> String {
    u64::from_be_bytes(clock::random_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::empty;

    #[test]
    fn a_set_of_the_server_has_what_clients_look_for() {
        let node = set("pair-device", empty("pair-device"));
        assert_eq!((node.text("type"), node.text("xmlns")), (Some("set".into()), Some("md".into())));
    }
}
