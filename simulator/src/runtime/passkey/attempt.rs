//! One attempt to link a client at the passkey gate, from the phone's side, step by step.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Event, Latest};
use crate::clock;
use crate::limits::PASSKEY_CHALLENGE_SECONDS;
use crate::phone::passkey_pairing::{PasskeyPairing, PasskeyPairingError};
use crate::runtime::{Person, RequestError};
use crate::server::device::Device;
use crate::server::passkey_gate::{GateRequest, PasskeyGate, Rejection};

/// The task of an attempt.
pub struct Attempt {
    person: Person,
    gate: PasskeyGate,
    /// The secret that the phone and the client share through the code.
    secret: [u8; 32],
    latest: Latest,
}

/// Why an attempt ends, and the response to further requests of the client.
struct Failure(RequestError, Rejection);

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self(error, Rejection::NotFound)
    }
}

impl From<PasskeyPairingError> for Failure {
    fn from(error: PasskeyPairingError) -> Self {
        Self(RequestError::Conflict(error.to_string()), Rejection::BadRequest)
    }
}

impl Attempt {
    pub fn new(person: Person, gate: PasskeyGate, secret: [u8; 32], latest: Latest) -> Self {
        Self { person, gate, secret, latest }
    }

    /// Runs until the attempt ends and, if the client was not linked, until its connection ends.
    pub async fn run(mut self, sender: oneshot::Sender<Result<Arc<Device>, RequestError>>) {
        let ended = self.latest.ended.clone();
        let outcome = tokio::select! {
            outcome = self.exchange() => outcome,
            () = ended.cancelled() => {
                let text = "the owner of the phone refused, or began to link another client";
                Err(Failure(RequestError::Conflict(text.to_owned()), Rejection::NotAuthorized))
            }
        };
        match outcome {
            Ok(device) => {
                self.advance(Event::Linked(device.index()));
                // A caller that has stopped waiting can still see the device.
                sender.send(Ok(device)).ok();
            }
            Err(Failure(error, rejection)) => {
                tracing::debug!(number = self.person.number(), %error, "a client is not linked by its passkey");
                self.advance(Event::Failed(error.to_string()));
                self.gate.end(rejection);
                sender.send(Err(error)).ok();
                // ASSUMPTION: a client that the owner has refused hears nothing until it sends something; what the service
                // does is not public, and a fault ends its stream.
                if ended.is_cancelled() && self.gate.end_refused() {
                    return;
                }
                self.gate.close_connection().await;
            }
        }
    }

    async fn exchange(&mut self) -> Result<Arc<Device>, Failure> {
        let pairing = self.begin().await?;
        self.reveal(&pairing).await?;
        let secret = self.receive_secret(&pairing).await?;
        self.wait_for_confirmation().await?;
        self.advance(Event::Admitted);
        let identity = self.gate.identity_public();
        let admission = self.person.ask(move |state, now_ms| state.phone.admit(identity, &secret, now_ms)).await?;
        Ok(self.person.link_at_gate(&self.gate, admission.map_err(RequestError::from)?).await?)
    }

    /// Waits for a prologue that the phone accepts. A client whose proof is wrong may send another.
    async fn begin(&mut self) -> Result<PasskeyPairing, Failure> {
        loop {
            let GateRequest::Prologue { payload, proof } = self.next().await? else { continue };
            let (_, mut rng) = self.person.ask(|state, _| state.phone.pairing_code_inputs()).await?;
            match PasskeyPairing::begin(&payload, proof.as_deref(), &self.secret, &mut rng) {
                Ok(pairing) => {
                    if proof.is_some() {
                        // The client has proved that its code was scanned or typed: there is nothing to compare.
                        self.latest.confirmed.cancel();
                    }
                    self.advance(Event::Continued);
                    self.gate.go_on(pairing.identity()).await;
                    return Ok(pairing);
                }
                Err(PasskeyPairingError::WrongProof) => self.gate.reject(Rejection::NotAuthorized),
                Err(_) => self.gate.reject(Rejection::BadRequest),
            }
        }
    }

    /// Waits for the companion's nonce, and shows the code if it must be compared.
    async fn reveal(&mut self, pairing: &PasskeyPairing) -> Result<(), Failure> {
        let GateRequest::Nonce(nonce) = self.next().await? else { return Err(unexpected()) };
        let code = match self.is_commitment_refused() {
            false => pairing.reveal(&nonce)?,
            true => return Err(PasskeyPairingError::WrongCommitment.into()),
        };
        if !self.latest.confirmed.is_cancelled() {
            self.advance(Event::CodeShown(code));
        }
        // The client shows its code when it receives the response: the phone must be ready by then.
        self.gate.accept();
        Ok(())
    }

    fn is_commitment_refused(&self) -> bool {
        let phone = self.person.account().phone();
        phone.is_some_and(|phone| self.person.network().faults().refuses_passkey_commitment(phone.name()))
    }

    /// Waits for the pairing request and decrypts it. It is accepted even if the owner has not confirmed the code yet:
    /// the client's user has, and clients time out quickly.
    async fn receive_secret(&mut self, pairing: &PasskeyPairing) -> Result<[u8; 32], Failure> {
        let GateRequest::PairingRequest(request) = self.next().await? else { return Err(unexpected()) };
        let secret = pairing.open_request(&request, &self.gate.noise_public(), &self.gate.identity_public())?;
        self.gate.accept();
        // ASSUMPTION: as before the phone's identity, it takes a moment until the phone admits the client.
        self.gate.pause().await;
        Ok(secret)
    }

    // ASSUMPTION: without a handoff proof the owner must confirm the code on the phone as well, since otherwise only one
    // side would compare it.
    async fn wait_for_confirmation(&mut self) -> Result<(), Failure> {
        let confirmed = self.latest.confirmed.clone();
        tokio::select! {
            biased;
            () = confirmed.cancelled() => Ok(()),
            // Nothing is expected of the client now: its connection ends, or the time is over.
            request = self.next() => Err(request.err().unwrap_or_else(unexpected)),
        }
    }

    /// The client's next request.
    async fn next(&mut self) -> Result<GateRequest, Failure> {
        let wait = Duration::from_secs(PASSKEY_CHALLENGE_SECONDS);
        let request = match clock::within(wait, self.gate.next()).await {
            Some(Some(GateRequest::Expired)) => return Err(expired("the challenge expired before the client used it")),
            Some(Some(request)) => request,
            Some(None) => return Err(RequestError::Conflict("the client went away".to_owned()).into()),
            None => return Err(expired("nothing happened in time")),
        };
        match self.person.must_be_online().await {
            Ok(()) => Ok(request),
            Err(error) => Err(Failure(error, Rejection::ServiceUnavailable)),
        }
    }

    fn advance(&self, event: Event) {
        self.person.passkeys().advance(self.latest.number, event);
    }
}

fn expired(text: &str) -> Failure {
    Failure(RequestError::Conflict(text.to_owned()), Rejection::Gone)
}

/// The server only forwards the expected request.
fn unexpected() -> Failure {
    Failure(RequestError::Conflict("the client sent something out of order".to_owned()), Rejection::BadRequest)
}
