//! The passkey gate ("Shortcake", `crsc` stanzas): the account whose phone scanned or typed a code requires a passkey
//! before the client is linked.
//!
//! The gate comes between the code and `pair-success`. The server asks the client for an assertion of the account's
//! passkey and verifies it; then the client and the phone exchange ephemeral keys through the server, and the phone
//! admits the client with the secret that it receives encrypted. The phone makes its decisions through [`PasskeyGate`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio::sync::mpsc;
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

use super::account::Account;
use super::assertion::{AssertionError, Credential, RELYING_PARTY};
use super::network::Network;
use super::notification::notification;
use super::pairing::{Approval, PairingError, Signed};
use super::registration::Registering;
use super::{fault_points, pairing_code};
use crate::clock;
use crate::faults::{Hook, Plan, PrologueDecision};
use crate::limits::{
    PASSKEY_CHALLENGE_SECONDS, PASSKEY_HANDOFF_SECONDS, PASSKEY_LINGER_SECONDS, PASSKEY_PHONE_PAUSE_MS,
};
use crate::wire::stanza::{Node, Read as _, error, holding, result, server};

mod stage;
#[cfg(test)]
mod tests;

pub use stage::Rejection;
use stage::{Event, Stage, Step, next};

const OPTIONS: &str = "passkey_request_options";
const REF: &str = "ref";
const PROLOGUE: &str = "passkey_prologue";
const NONCE: &str = "companion_nonce";
const PAIRING_REQUEST: &str = "encrypted_pairing_request";

// ASSUMPTION: how the server and the phone exchange what belongs to the gate is not public; here they call each other.
/// A request of the client that the phone decides about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateRequest {
    /// The assertion is valid. Answered by [`PasskeyGate::go_on`] or [`PasskeyGate::reject`].
    Prologue {
        /// Protobuf `ProloguePayload`.
        payload: Vec<u8>,
        /// The `pairing_handoff_proof`, if the client sent one.
        proof: Option<Vec<u8>>,
    },
    /// The client reveals its nonce. Answered by [`PasskeyGate::accept`] or [`PasskeyGate::reject`].
    Nonce([u8; 32]),
    /// Protobuf `EncryptedPairingRequest`. Answered like the nonce.
    PairingRequest(Vec<u8>),
    /// The client's assertion came too late. Needs no response.
    Expired,
}

/// The phone's side of a client's gate. If dropped, the client gets no response.
pub struct PasskeyGate {
    registering: Arc<Registering>,
    /// The attempt's challenge: the client may have been asked again since.
    challenge: String,
    account: Arc<Account>,
    requests: mpsc::Receiver<GateRequest>,
}

/// The server's side of a client's gate.
pub(super) struct Gate {
    account: Arc<Account>,
    credential: Arc<Credential>,
    /// base64url without padding.
    challenge: String,
    closed_at: Instant,
    /// The latest ref that was handed out for the exchange.
    reference: Option<String>,
    stage: Stage,
    /// The request that the phone has to decide about.
    undecided: Option<Node>,
    /// A fault withholds the continuation.
    is_silenced: bool,
    /// A fault makes the phone respond instantly.
    is_hurried: bool,
    to_phone: mpsc::Sender<GateRequest>,
}

impl Network {
    /// Stops the client with this ref at the passkey gate, if the account requires a passkey: its refs become invalid,
    /// and it is asked for an assertion.
    ///
    /// # Errors
    /// [`PairingError::Unknown`] if no client waits with this ref.
    pub fn close_passkey_gate(
        &self,
        account: &Arc<Account>,
        reference: &str,
    ) -> Result<Option<PasskeyGate>, PairingError> {
        let Some(credential) = account.required_passkey() else { return Ok(None) };
        let registering = self.inner.registrations.find(reference).ok_or(PairingError::Unknown)?;
        let (to_phone, requests) = mpsc::channel(1);
        let gate = Gate {
            account: account.clone(),
            credential,
            challenge: URL_SAFE_NO_PAD.encode(clock::random_bytes::<32>()),
            closed_at: clock::instant(),
            reference: None,
            stage: Stage::Offered,
            undecided: None,
            is_silenced: false,
            is_hurried: false,
            to_phone,
        };
        let (options, challenge) = (holding(OPTIONS, gate.options()), gate.challenge.clone());
        {
            let mut held = registering.gate.lock();
            if !registering.is_waiting() {
                return Err(PairingError::Unknown);
            }
            // ASSUMPTION: a client that is at the gate already, and whose code was scanned again, is asked again.
            *held = Some(gate);
        }
        let typed = registering.typed_code.lock().as_ref().is_some_and(|code| code.reference == reference);
        self.inner.registrations.hold_at_gate(&registering);
        if typed && fault_points::stopped_with_link_code(&self.inner.faults, account) {
            registering.send_queue.push(Arc::new(pairing_code::without_keys(reference)));
        }
        let request = notification(server(), "passkey_prologue_request");
        let has_options = fault_points::passkey_requested(&self.inner.faults, account);
        let request = if has_options { request.children([options]) } else { request };
        registering.send_queue.push(Arc::new(request.build()));
        if registering.send_queue.is_ending() {
            // It may have disconnected before it reached the gate.
            registering.end();
        }
        Ok(Some(PasskeyGate { registering, challenge, account: account.clone(), requests }))
    }
}

/// Whether a stanza is a request of a client at the gate.
pub(super) fn is_request(node: &Node) -> bool {
    node.text("xmlns").as_deref() == Some("md")
        && [OPTIONS, REF, PROLOGUE, NONCE, PAIRING_REQUEST].iter().any(|tag| node.child(tag).is_some())
}

/// Handles a request of a client at the gate.
pub(super) fn receive(registering: &Registering, node: &Node) {
    let outcome = match &mut *registering.gate.lock() {
        Some(gate) => gate.receive(&registering.network.inner.faults, node, clock::instant()),
        None => Err(Rejection::NotFound),
    };
    match outcome {
        Ok(Some(answer)) => registering.send_queue.push(Arc::new(answer)),
        Ok(None) => {}
        Err(rejection) => registering.send_queue.push(Arc::new(rejection.answer(node))),
    }
}

impl Rejection {
    fn answer(self, request: &Node) -> Node {
        let (code, text) = self.code();
        error(request, code, text)
    }
}

impl Gate {
    /// Whether the attempt has failed, so that another may start.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// The JSON of `PublicKeyCredentialRequestOptions`, with the members in the observed order.
    fn options(&self) -> String {
        let timeout_ms = PASSKEY_CHALLENGE_SECONDS * 1000;
        format!(
            r#"{{"challenge":"{}","timeout":{timeout_ms},"rpId":"{RELYING_PARTY}","allowCredentials":[],"userVerification":"required","extensions":{{"uvm":true}}}}"#,
            self.challenge
        )
    }

    /// The response to a request; `None` if the phone decides about it.
    fn receive(&mut self, plan: &Plan, node: &Node, now: Instant) -> Result<Option<Node>, Rejection> {
        if let Stage::Over(rejection) = self.stage {
            return Err(rejection);
        }
        if let Some(prologue) = node.child(PROLOGUE) {
            let request = self.prologue(plan, prologue, now)?;
            return self.hand_over(Step::Prologue, request, node);
        }
        if let Some(nonce) = node.child_bytes(NONCE) {
            let nonce = nonce.try_into().map_err(|_| Rejection::BadRequest)?;
            return self.hand_over(Step::Nonce, GateRequest::Nonce(nonce), node);
        }
        if let Some(request) = node.child_bytes(PAIRING_REQUEST) {
            return self.hand_over(Step::PairingRequest, GateRequest::PairingRequest(request.to_vec()), node);
        }
        if self.stage != Stage::Offered {
            return Err(Rejection::BadRequest);
        }
        self.check_age(now)?;
        if node.child(OPTIONS).is_some() {
            return Ok(Some(result(node, [holding(OPTIONS, self.options())])));
        }
        // ASSUMPTION: a reference of the gate has the form of one of a QR code, and only the latest is good.
        if node.child(REF).is_some() {
            let reference = format!("2@{}", STANDARD.encode(clock::random_bytes::<48>()));
            self.reference = Some(reference.clone());
            return Ok(Some(result(node, [holding(REF, reference)])));
        }
        // A nonce or a request without content.
        Err(Rejection::BadRequest)
    }

    fn check_age(&mut self, now: Instant) -> Result<(), Rejection> {
        if now.duration_since(self.closed_at) > Duration::from_secs(PASSKEY_CHALLENGE_SECONDS) {
            return Err(self.expire());
        }
        Ok(())
    }

    fn expire(&mut self) -> Rejection {
        self.stage = Stage::Over(Rejection::Gone);
        // A phone that is gone does not need to know.
        self.to_phone.try_send(GateRequest::Expired).ok();
        Rejection::Gone
    }

    /// Verifies everything in a prologue except what only the phone knows.
    fn prologue(&mut self, plan: &Plan, prologue: &Node, now: Instant) -> Result<GateRequest, Rejection> {
        if self.stage != Stage::Offered {
            return Err(Rejection::BadRequest);
        }
        self.check_age(now)?;
        let part = |name| prologue.child_bytes(name).ok_or(Rejection::BadRequest);
        let (credential_id, assertion) = (part("credential_id")?, part("webauthn_assertion")?);
        let payload = part("prologue_payload")?;
        let reference = reference_of(payload).ok_or(Rejection::BadRequest)?;
        let proof = prologue.child_bytes("pairing_handoff_proof");
        if proof.is_some_and(|proof| proof.len() != 32) {
            return Err(Rejection::BadRequest);
        }
        self.credential.verify(&self.challenge, credential_id, assertion).map_err(|error| {
            tracing::debug!(%error, account = %self.account.number(), "an assertion was refused");
            match error {
                AssertionError::Malformed(_) => Rejection::BadRequest,
                AssertionError::Wrong(_) => Rejection::NotAuthorized,
            }
        })?;
        if self.reference.as_deref() != Some(&reference) {
            return Err(Rejection::NotFound);
        }
        // ASSUMPTION: clients keep the key of a proof for five minutes; a later proof is refused, as a wrong one is.
        let is_late = now.duration_since(self.closed_at) > Duration::from_secs(PASSKEY_HANDOFF_SECONDS);
        if proof.is_some() && is_late {
            return Err(Rejection::NotAuthorized);
        }
        match fault_points::prologue_sent(plan, &self.account) {
            PrologueDecision::Accept => {}
            PrologueDecision::Refuse => return Err(Rejection::NotAuthorized),
            PrologueDecision::Expire => return Err(self.expire()),
            PrologueDecision::KeepSilent => self.is_silenced = true,
            PrologueDecision::Hurry => self.is_hurried = true,
        }
        Ok(GateRequest::Prologue { payload: payload.to_vec(), proof: proof.map(<[u8]>::to_vec) })
    }

    /// Leaves the decision to the phone.
    fn hand_over(&mut self, step: Step, request: GateRequest, node: &Node) -> Result<Option<Node>, Rejection> {
        let next = next(self.stage, Event::Sent(step)).ok_or(Rejection::BadRequest)?;
        self.to_phone.try_send(request).map_err(|_| Rejection::ServiceUnavailable)?;
        self.stage = next;
        self.undecided = Some(node.clone());
        Ok(None)
    }

    /// Records the phone's decision; returns the request that it is about, if there is one.
    fn decide(&mut self, event: Event) -> Option<Node> {
        self.stage = next(self.stage, event)?;
        self.undecided.take()
    }
}

/// The ref in an encoded `ProloguePayload`.
fn reference_of(payload: &[u8]) -> Option<String> {
    let identity = wa::ProloguePayload::decode_from_slice(payload).ok()?.companion_ephemeral_identity?;
    wa::CompanionEphemeralIdentity::decode_from_slice(&identity).ok()?.r#ref
}

impl PasskeyGate {
    /// The client's Noise static key.
    pub fn noise_public(&self) -> [u8; 32] {
        self.registering.noise_public
    }

    /// The client's identity key.
    pub fn identity_public(&self) -> [u8; 32] {
        self.registering.identity_public
    }

    /// The next request to decide about; `None` when the client's connection has ended.
    pub async fn next(&mut self) -> Option<GateRequest> {
        self.requests.recv().await
    }

    /// The phone accepts the prologue, and responds with its encoded `PrimaryEphemeralIdentity`. Returns when that was
    /// sent.
    pub async fn go_on(&self, identity: Vec<u8>) {
        let (taken, is_silenced) = match self.registering.gate.lock().as_mut().filter(|gate| self.is_of(gate)) {
            Some(gate) if gate.is_silenced => (gate.decide(Event::Silenced), true),
            Some(gate) => (gate.decide(Event::Accepted), false),
            None => return,
        };
        let Some(request) = taken else { return };
        self.registering.send_queue.push(Arc::new(result(&request, [])));
        if !is_silenced {
            // ASSUMPTION: the way to a phone and back takes a moment, without which whatsapp-rust fails.
            self.pause().await;
            let identity = holding("primary_ephemeral_identity", identity);
            let continuation = notification(server(), "crsc_continuation").children([identity]).build();
            self.registering.send_queue.push(Arc::new(continuation));
        }
    }

    /// The duration of a round trip to a phone.
    pub async fn pause(&self) {
        let is_hurried = self.registering.gate.lock().as_ref().is_some_and(|gate| gate.is_hurried);
        if !is_hurried {
            clock::sleep(Duration::from_millis(PASSKEY_PHONE_PAUSE_MS)).await;
        }
    }

    /// The phone accepts the nonce or the pairing request.
    pub fn accept(&self) {
        if let Some(request) = self.decide(Event::Accepted) {
            self.registering.send_queue.push(Arc::new(result(&request, [])));
        }
    }

    /// The phone rejects the client's request. After a prologue the client may try again; after anything else the
    /// attempt is over.
    pub fn reject(&self, rejection: Rejection) {
        if let Some(request) = self.decide(Event::Rejected(rejection)) {
            self.registering.send_queue.push(Arc::new(rejection.answer(&request)));
        }
    }

    /// The phone ends the attempt: all further requests of the client get this response.
    pub fn end(&self, rejection: Rejection) {
        if let Some(request) = self.decide(Event::Ended(rejection)) {
            self.registering.send_queue.push(Arc::new(rejection.answer(&request)));
        }
    }

    /// The phone's owner has refused the client: ends its stream, if a fault says so.
    pub fn end_refused(&self) -> bool {
        let plan = &self.registering.network.inner.faults;
        let Some(last) = fault_points::linking(plan, Hook::PasskeyRefusal, &self.account) else { return false };
        self.registering.send_queue.end(last);
        true
    }

    fn decide(&self, event: Event) -> Option<Node> {
        self.registering.gate.lock().as_mut().filter(|gate| self.is_of(gate))?.decide(event)
    }

    fn is_of(&self, gate: &Gate) -> bool {
        gate.challenge == self.challenge
    }

    /// Sends the client what the phone signed for it, as [`Network::complete_pairing`] does.
    ///
    /// # Errors
    /// See [`PairingError`].
    pub async fn complete(&self, approval: Approval) -> Result<Signed, PairingError> {
        self.registering.network.complete(&self.account, &self.registering, approval).await
    }

    // ASSUMPTION: a connection at the gate stays open for ten minutes for each step, and after an attempt that failed
    // for as long as codes are shown.
    /// Closes the client's connection, unless the client does so first or starts another attempt: the client cannot be
    /// linked over it any more.
    pub async fn close_connection(mut self) {
        let over = async { while self.requests.recv().await.is_some() {} };
        if clock::within(Duration::from_secs(PASSKEY_LINGER_SECONDS), over).await.is_none() {
            self.registering.send_queue.end([]);
        }
    }
}
