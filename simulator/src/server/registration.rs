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
use waproto::whatsapp::ClientPayload;

use super::identity;
use super::keys::SignedPrekey;
use super::linking_code::{self, TypedCode};
use super::network::Network;
use super::outlet::Outlet;
use super::pairing::{Approved, PairingError};
use crate::clock;
use crate::limits::{
    QR_FIRST_SECONDS, QR_GRACE_SECONDS, QR_NEXT_SECONDS, QR_REFS, REGISTRATIONS_MAX, RESTART_PAUSE_MS,
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
    pub(super) registration: [u8; 4],
    pub(super) signed: SignedPrekey,
    pub(super) properties: Vec<u8>,
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
                let returned = node.child("pair-device-sign").and_then(|sign| sign.child_bytes("device-identity"));
                if let Some(returned) = returned
                    && let Some(approved) = self.take_approved(Stage::Done)
                {
                    approved.signed(self, returned);
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
        let approved = self.take_approved(Stage::Done);
        *self.stage.lock() = Stage::Done;
        if let Some(approved) = approved {
            approved.failed(PairingError::Gone);
        }
    }

    /// What was approved and not signed; the stage that follows is `next`.
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

    /// Gives the client what a phone has signed for it.
    pub(super) fn approve(&self, approved: Approved) -> Result<(), PairingError> {
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

    /// Asks the client to connect again, as the device that it is now.
    pub(super) fn restart(&self) {
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
