//! A client that is not linked yet: it shows a code, a phone scans it, and it becomes a companion of the account.
//!
//! The server connects the two. It verifies what both say, but cannot create a companion by itself: the phone signs the
//! companion's identity, and proves with a secret from the code that it has scanned it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use waproto::buffa::Message as _;
use waproto::whatsapp::{ClientPairingProps, ClientPayload};

use super::keys::SignedPrekey;
use super::network::Network;
use super::notification::notification;
use super::pairing::{Approved, PairingError};
use super::pairing_code::{self, TypedCode};
use super::passkey_gate::{self, Gate};
use super::send_queue::SendQueue;
use super::{fault_points, identity};
use crate::clock;
use crate::faults::{Hook, StreamEnd, StreamErrorCode};
use crate::limits::{
    QR_FIRST_SECONDS, QR_GRACE_SECONDS, QR_NEXT_SECONDS, QR_REFS, REGISTRATIONS_MAX, RESTART_PAUSE_MS,
};
use crate::wire::stanza::{Node, NodeBuilder, Read as _, holding, result, server};

/// A client that waits to be linked, as its phone sees it.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The client's Noise static key, which must be the one in the scanned code.
    pub noise_public: [u8; 32],
    /// The client's identity key, which must be the one in the scanned code.
    pub identity_public: [u8; 32],
}

/// Waiting clients, by each ref of theirs.
#[derive(Default)]
pub struct Registrations {
    waiting: Mutex<HashMap<String, Waiting>>,
    /// Clients at the passkey gate, which no longer have a ref.
    at_gate: Mutex<Vec<Arc<Registering>>>,
}

struct Waiting {
    registering: Arc<Registering>,
    until: Instant,
}

impl Registrations {
    pub(super) fn pending(&self, reference: &str) -> Option<Pending> {
        let found = self.find(reference)?;
        Some(Pending { noise_public: found.noise_public, identity_public: found.identity_public })
    }

    pub(super) fn find(&self, reference: &str) -> Option<Arc<Registering>> {
        let waiting = self.waiting.lock();
        let found = waiting.get(reference)?;
        (found.until > clock::instant()).then(|| found.registering.clone())
    }

    /// Registers a ref of a client, for this long.
    pub(super) fn add(&self, reference: &str, registering: &Arc<Registering>, time: Duration) {
        registering.references.lock().push(reference.to_owned());
        let waiting = Waiting { registering: registering.clone(), until: clock::instant() + time };
        self.waiting.lock().insert(reference.to_owned(), waiting);
    }

    /// Removes one ref of a client that has others.
    pub(super) fn remove_ref(&self, registering: &Registering, reference: &str) {
        registering.references.lock().retain(|known| known != reference);
        self.waiting.lock().remove(reference);
    }

    /// Invalidates the refs of a client, because it is at the passkey gate.
    pub(super) fn hold_at_gate(&self, registering: &Arc<Registering>) {
        self.remove(registering);
        self.at_gate.lock().push(registering.clone());
    }

    fn remove(&self, registering: &Registering) {
        self.at_gate.lock().retain(|held| !std::ptr::eq(&raw const **held, registering));
        let references = std::mem::take(&mut *registering.references.lock());
        let mut waiting = self.waiting.lock();
        for reference in references {
            waiting.remove(&reference);
        }
    }

    // ASSUMPTION: references that were given out again take the place of those before, also of a client at the passkey gate.
    /// Sends every unlinked client new refs to show; returns them.
    pub(super) fn replace_all(&self) -> Vec<String> {
        let mut given = Vec::new();
        let typed = |one: &Registering| one.typed_code.lock().as_ref().map(|code| code.reference.clone());
        for registering in self.all() {
            let kept = typed(&registering);
            let references: Vec<String> = registering.references.lock().clone();
            for reference in references.iter().filter(|reference| Some(*reference) != kept.as_ref()) {
                self.remove_ref(&registering, reference);
            }
            given.extend(registering.give_codes());
        }
        given
    }

    /// Every client that is not linked yet.
    fn all(&self) -> Vec<Arc<Registering>> {
        let mut all: Vec<Arc<Registering>> = self.at_gate.lock().clone();
        for Waiting { registering, .. } in self.waiting.lock().values() {
            if !all.iter().any(|one| Arc::ptr_eq(one, registering)) {
                all.push(registering.clone());
            }
        }
        all
    }

    /// Makes every waiting client draw a new secret, and thus show a new code: earlier ones become useless.
    pub(super) fn renew_all(&self) {
        let mut told: Vec<Arc<Registering>> = Vec::new();
        for Waiting { registering, .. } in self.waiting.lock().values() {
            if !told.iter().any(|one| Arc::ptr_eq(one, registering)) {
                told.push(registering.clone());
            }
        }
        for registering in told {
            let renew = NodeBuilder::new("pair-device-rotate-qr").build();
            let notice = notification(server(), "companion_reg_refresh").children([renew]).build();
            registering.send_queue.push(Arc::new(notice));
        }
    }

    pub(super) fn end_all(&self) {
        for waiting in self.waiting.lock().values() {
            waiting.registering.send_queue.cut();
        }
        for held in self.at_gate.lock().iter() {
            held.send_queue.cut();
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.lock().len() + self.at_gate.lock().len() * QR_REFS >= REGISTRATIONS_MAX * QR_REFS
    }
}

/// A client's connection until it is linked.
pub struct Registering {
    pub(super) network: Network,
    pub(super) send_queue: Arc<SendQueue>,
    pub(super) noise_public: [u8; 32],
    pub(super) identity_public: [u8; 32],
    pub(super) registration: [u8; 4],
    pub(super) signed: SignedPrekey,
    references: Mutex<Vec<String>>,
    pub(super) typed_code: Mutex<Option<TypedCode>>,
    /// The passkey gate, if the client was stopped there.
    pub(super) gate: Mutex<Option<Gate>>,
    stage: Mutex<Stage>,
}

enum Stage {
    Waiting,
    /// The phone has approved; the client's signature is expected.
    Approved(Box<Approved>),
    Done,
}

const PAIR_SUCCESS_ID: &str = "pair-success";

/// Registers a new client and sends it refs to show. `None` if its keys are invalid, or too many clients wait.
pub fn begin(
    network: &Network,
    payload: &ClientPayload,
    noise_public: [u8; 32],
    send_queue: &Arc<SendQueue>,
) -> Option<Arc<Registering>> {
    let Some(registering) = read(network, payload, noise_public, send_queue) else {
        send_queue.end([super::failure(400)]);
        return None;
    };
    if network.inner.registrations.is_full() {
        send_queue.end([super::failure(503)]);
        return None;
    }
    let registering = Arc::new(registering);
    registering.give_codes();
    Some(registering)
}

fn read(
    network: &Network,
    payload: &ClientPayload,
    noise_public: [u8; 32],
    send_queue: &Arc<SendQueue>,
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
        send_queue: send_queue.clone(),
        noise_public,
        identity_public,
        registration: data.e_regid.as_deref()?.try_into().ok()?,
        signed,
        references: Mutex::default(),
        typed_code: Mutex::default(),
        gate: Mutex::default(),
        stage: Mutex::new(Stage::Waiting),
    })
}

fn set(id: &'static str, child: Node) -> Node {
    NodeBuilder::new("iq")
        .attr("from", server())
        .attr("type", "set")
        .attr("id", id)
        .attr("t", clock::now_seconds())
        .attr("xmlns", "md")
        .children([child])
        .build()
}

impl Registering {
    /// Sends the client refs for the codes that it shows one after another.
    fn give_codes(self: &Arc<Self>) -> Vec<String> {
        let mut shown_seconds = 0;
        let references: Vec<String> = (0..QR_REFS)
            .map(|turn| {
                shown_seconds += if turn == 0 { QR_FIRST_SECONDS } else { QR_NEXT_SECONDS };
                let reference = format!("2@{}", STANDARD.encode(clock::random_bytes::<48>()));
                let time = Duration::from_secs(shown_seconds + QR_GRACE_SECONDS);
                self.network.inner.registrations.add(&reference, self, time);
                reference
            })
            .collect();
        let refs = references.iter().map(|reference| holding("ref", reference.as_bytes()));
        let pair_device = NodeBuilder::new("pair-device").children(refs).build();
        self.send_queue.push(Arc::new(set("pair-device", pair_device)));
        references
    }

    /// Handles a stanza of the client.
    pub(super) fn receive(self: &Arc<Self>, node: &Node) {
        if node.tag != "iq" {
            // A push name, a time zone and acks have no meaning before a client is linked.
            if !matches!(node.tag.as_ref(), "ib" | "presence" | "ack") {
                self.network.inner.unhandled_iqs.record(None, node);
            }
            return;
        }
        match node.text("type").as_deref() {
            Some("result") => {
                let returned = node.child("pair-device-sign").and_then(|sign| sign.child_bytes("device-identity"));
                if let Some(returned) = returned
                    && let Some(approved) = self.take_approved(Stage::Done)
                {
                    match fault_points::linking(&self.network.inner.faults, Hook::LinkSigned, &approved.account) {
                        Some(last) => {
                            approved.failed(PairingError::Ended);
                            self.send_queue.end(last);
                        }
                        None => approved.signed(self, returned),
                    }
                }
            }
            Some("error") => self.take_refusal(node),
            _ if node.child("link_code_companion_reg").is_some() => pairing_code::from_companion(self, node),
            _ if passkey_gate::is_request(node) => passkey_gate::receive(self, node),
            _ if node.text("xmlns").as_deref() == Some("w:p") => self.send_queue.push(Arc::new(result(node, []))),
            _ => {
                self.network.inner.unhandled_iqs.record(None, node);
                self.send_queue.push(Arc::new(result(node, [])));
            }
        }
    }

    /// The connection has ended.
    pub(super) fn end(&self) {
        self.network.inner.registrations.remove(self);
        // This tells the phone's side that the client is gone.
        *self.gate.lock() = None;
        let approved = self.take_approved(Stage::Done);
        *self.stage.lock() = Stage::Done;
        if let Some(approved) = approved {
            approved.failed(PairingError::Gone);
        }
    }

    /// Takes what was approved and not signed yet; `next` is the following stage.
    fn take_approved(&self, next: Stage) -> Option<Approved> {
        let mut stage = self.stage.lock();
        match std::mem::replace(&mut *stage, Stage::Done) {
            Stage::Approved(approved) => {
                *stage = next;
                Some(*approved)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    /// Whether the client is at the passkey gate, where codes have no effect.
    pub(super) fn is_at_gate(&self) -> bool {
        self.gate.lock().as_ref().is_some_and(|gate| !gate.is_over())
    }

    /// Whether no phone has approved the client yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(*self.stage.lock(), Stage::Waiting)
    }

    /// Sends the client what a phone has signed for it.
    pub(super) fn approve(&self, approved: Approved) -> Result<(), PairingError> {
        let success = pair_success(&approved);
        let mut stage = self.stage.lock();
        if !matches!(*stage, Stage::Waiting) {
            return Err(PairingError::Unknown);
        }
        *stage = Stage::Approved(Box::new(approved));
        drop(stage);
        self.send_queue.push(Arc::new(success));
        Ok(())
    }

    /// Asks the client to reconnect as the device that it now is.
    pub(super) fn restart(&self) {
        let send_queue = self.send_queue.clone();
        self.network.inner.tasks.spawn(async move {
            clock::sleep(Duration::from_millis(RESTART_PAUSE_MS)).await;
            send_queue.end([fault_points::final_stanza(StreamEnd::Error(StreamErrorCode::RestartRequired))]);
        });
    }

    fn take_refusal(&self, node: &Node) {
        if node.text("id").as_deref() != Some(PAIR_SUCCESS_ID) {
            return;
        }
        if let Some(approved) = self.take_approved(Stage::Waiting) {
            let error = node.child("error");
            let code = error.and_then(|error| error.number("code")).unwrap_or_default();
            let text = error.and_then(|error| error.text("text")).unwrap_or_default().into_owned();
            approved.failed(PairingError::Refused { code, text });
        }
    }
}

fn pair_success(approved: &Approved) -> Node {
    let account = &approved.account;
    let device = NodeBuilder::new("device")
        .attr("jid", account.number().with_device(approved.index))
        .attr("lid", account.lid().with_device(approved.index))
        .build();
    let business = account.business_name();
    let platform = if business.is_some() { "smba" } else { "android" };
    let props = ClientPairingProps {
        is_chat_db_lid_migrated: Some(account.is_lid_migrated()),
        ..ClientPairingProps::default()
    };
    let children = [
        holding("device-identity", approved.approval.device_identity.clone()),
        NodeBuilder::new("platform").attr("name", platform).build(),
        device,
        holding("client-props", props.encode_to_vec()),
    ];
    // Only a business account's name is sent here: whatsmeow stores it as `BusinessName`.
    let business = business.map(|name| NodeBuilder::new("biz").attr("name", name).build());
    set(PAIR_SUCCESS_ID, NodeBuilder::new("pair-success").children(children.into_iter().chain(business)).build())
}

#[cfg(test)]
mod tests;
