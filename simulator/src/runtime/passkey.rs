//! Linking a client at the passkey gate: the phone's side of the exchange.
//!
//! The exchange depends on people: the client's user must use the passkey, and perhaps both must compare a code. So
//! each attempt has a task of its own (`passkey/attempt.rs`); its state can be read, confirmed and refused here.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{Person, RequestError};
use crate::limits::COMPANIONS_MAX;
use crate::phone::linking::LinkError;
use crate::phone::passkey::{Assertion, ExportedPasskey, Passkey, PasskeyError, RequestOptions};
use crate::server::assertion::Credential;
use crate::server::device::Device;
use crate::server::passkey_gate::PasskeyGate;

mod attempt;
mod state;

pub use state::PasskeyState;
use state::{Event, next};

/// State of linking a client after its code was scanned or typed.
pub enum Linking {
    /// It is linked.
    Linked(Arc<Device>),
    /// It was stopped at the passkey gate.
    PasskeyRequired(PasskeyAttempt),
}

/// An attempt to link a client at the passkey gate.
pub struct PasskeyAttempt {
    /// `None` once it was returned.
    outcome: Option<oneshot::Receiver<Result<Arc<Device>, RequestError>>>,
}

/// What the phone shows about passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PasskeyStatus {
    /// Whether clients can only be linked with a passkey.
    pub required: bool,
    /// State of the latest attempt.
    pub state: PasskeyState,
    /// The code to compare, while the phone waits for confirmation.
    pub code: Option<String>,
    /// Why the latest attempt was refused or failed.
    pub reason: Option<String>,
    /// The device that the latest attempt linked.
    pub device: Option<u16>,
}

/// A person's passkey, and the latest attempt to link a client with it.
pub(super) struct Passkeys {
    pub authenticator: Passkey,
    latest: watch::Sender<Latest>,
    /// Stops all phones.
    stop: CancellationToken,
}

/// The latest attempt. Attempts are numbered from 1; 0 means that there was none.
#[derive(Clone)]
struct Latest {
    number: u64,
    state: PasskeyState,
    code: Option<String>,
    reason: Option<String>,
    device: Option<u16>,
    /// Cancelled when the owner has confirmed the code, or does not need to.
    confirmed: CancellationToken,
    /// Cancelled when the owner has refused, or started another attempt.
    ended: CancellationToken,
}

impl Latest {
    fn new(number: u64, state: PasskeyState) -> Self {
        let (confirmed, ended) = (CancellationToken::new(), CancellationToken::new());
        Self { number, state, code: None, reason: None, device: None, confirmed, ended }
    }

    /// Applies the event; false if it is not possible in this state.
    fn advance(&mut self, event: Event) -> bool {
        let Some(state) = next(self.state, &event) else { return false };
        self.state = state;
        self.code = None;
        match event {
            Event::CodeShown(code) => self.code = Some(code),
            Event::Confirmed => self.confirmed.cancel(),
            Event::Refused => {
                self.reason = Some("refused on the phone".to_owned());
                self.ended.cancel();
            }
            Event::Failed(reason) => self.reason = Some(reason),
            Event::Linked(device) => self.device = Some(device),
            Event::Continued | Event::Admitted => {}
        }
        true
    }
}

impl Passkeys {
    pub fn new(authenticator: Passkey, stop: CancellationToken) -> Self {
        Self { authenticator, latest: watch::Sender::new(Latest::new(0, PasskeyState::None)), stop }
    }

    // ASSUMPTION: a phone links one client at a time: whoever begins with another ends the one before.
    /// Starts an attempt. The previous one ends if it waits for somebody; if it is being completed, it continues.
    fn begin(&self) -> Latest {
        self.latest.send_modify(|latest| {
            if latest.state != PasskeyState::Linking {
                latest.ended.cancel();
            }
            *latest = Latest::new(latest.number + 1, PasskeyState::Waiting);
        });
        self.latest.borrow().clone()
    }

    /// Applies an event to the attempt with this number. False if that is not the latest, or the event is not possible.
    fn advance(&self, number: u64, event: Event) -> bool {
        self.latest.send_if_modified(|latest| latest.number == number && latest.advance(event))
    }

    /// The owner's decision about the latest attempt.
    fn decide(&self, event: Event) -> Result<(), RequestError> {
        let mut state = PasskeyState::None;
        let is_done = self.latest.send_if_modified(|latest| {
            state = latest.state;
            latest.advance(event)
        });
        if is_done {
            return Ok(());
        }
        let state = state.name();
        Err(RequestError::Conflict(format!(
            "the phone does not wait for that now: its latest attempt is in the state {state}"
        )))
    }
}

impl PasskeyAttempt {
    /// Waits, without a timeout, until the client is linked. The result can be taken once.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if it was refused or failed.
    pub async fn linked(&mut self) -> Result<Arc<Device>, RequestError> {
        let outcome =
            self.outcome.take().ok_or_else(|| RequestError::Conflict("the outcome was given before".to_owned()))?;
        outcome.await.map_err(|_| RequestError::stopped())?
    }
}

impl Person {
    /// From now on clients can only be linked to this person's phone with the person's passkey.
    pub fn require_passkey(&self) {
        let key = self.authenticator();
        self.account().require_passkey(Credential::new(key.credential_id(), &key.public_key(), key.user_handle()));
    }

    /// From now on clients are linked without a passkey.
    pub fn waive_passkey(&self) {
        self.account().require_passkey(None);
    }

    /// The authenticator that holds the person's passkey.
    pub fn authenticator(&self) -> &Passkey {
        &self.passkeys().authenticator
    }

    /// Uses the passkey as in a browser on WhatsApp Web's page.
    ///
    /// # Errors
    /// [`RequestError::Invalid`] for options that the browser refuses, [`RequestError::NotFound`] if they only allow
    /// other passkeys.
    pub fn use_passkey(&self, options: &RequestOptions) -> Result<Assertion, RequestError> {
        Ok(self.authenticator().assert(options)?)
    }

    /// The person's passkey with its private key, for a browser's virtual authenticator.
    pub fn export_passkey(&self) -> ExportedPasskey {
        self.authenticator().export()
    }

    /// What the phone shows.
    pub fn passkey(&self) -> PasskeyStatus {
        let Latest { state, code, reason, device, .. } = self.passkeys().latest.borrow().clone();
        PasskeyStatus { required: self.account().required_passkey().is_some(), state, code, reason, device }
    }

    /// Waits, without a timeout, until the latest attempt is in this state.
    ///
    /// # Errors
    /// As [`Self::online`].
    pub async fn wait_for_passkey_state(&self, state: PasskeyState) -> Result<PasskeyStatus, RequestError> {
        let mut latest = self.passkeys().latest.subscribe();
        latest.wait_for(|latest| latest.state == state).await.map_err(|_| RequestError::stopped())?;
        Ok(self.passkey())
    }

    /// The phone's owner confirms that the client shows the same code.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the phone shows no code.
    pub fn confirm_passkey(&self) -> Result<(), RequestError> {
        self.passkeys().decide(Event::Confirmed)
    }

    /// The phone's owner refuses to link the client.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if there is no attempt, or it is being completed.
    pub fn refuse_passkey(&self) -> Result<(), RequestError> {
        self.passkeys().decide(Event::Refused)
    }

    /// Stops the client with this ref at the gate, if the person requires a passkey. `secret` is the one that the phone
    /// and the client share through the code.
    pub(super) async fn close_gate(
        &self,
        reference: &str,
        secret: [u8; 32],
    ) -> Result<Option<PasskeyAttempt>, RequestError> {
        if self.account().required_passkey().is_none() {
            return Ok(None);
        }
        if self.ask(|state, _| state.phone.linked().len()).await? >= COMPANIONS_MAX {
            return Err(LinkError::TooMany.into());
        }
        let gate = self.network().close_passkey_gate(self.account(), reference)?;
        Ok(gate.map(|gate| self.begin_attempt(gate, secret)))
    }

    fn begin_attempt(&self, gate: PasskeyGate, secret: [u8; 32]) -> PasskeyAttempt {
        let latest = self.passkeys().begin();
        let (sender, outcome) = oneshot::channel();
        let stop = self.passkeys().stop.clone();
        let attempt = attempt::Attempt::new(self.clone(), gate, secret, latest);
        self.tasks().spawn(Box::pin(async move {
            stop.run_until_cancelled(attempt.run(sender)).await;
        }));
        PasskeyAttempt { outcome: Some(outcome) }
    }
}

impl From<PasskeyError> for RequestError {
    fn from(error: PasskeyError) -> Self {
        let text = error.to_string();
        match error {
            PasskeyError::Challenge | PasskeyError::RelyingParty(_) => Self::Invalid(text),
            PasskeyError::NotAllowed => Self::NotFound(text),
        }
    }
}
