//! Linking a client: the exchange between a person's phone and the server when a code is scanned or typed.

use std::sync::Arc;
use std::time::Duration;

use super::state::State;
use super::{Linking, Person, RequestError};
use crate::clock;
use crate::limits::TYPED_CODE_WAIT_SECONDS;
use crate::phone::linking::{Admission, QrCode};
use crate::phone::pairing_code::CodePairing;
use crate::server::device::Device;
use crate::server::pairing::{Approval, PairingError, Signed};
use crate::server::passkey_gate::PasskeyGate;
use crate::wire::stanza::{Node, Read as _};

const REFERENCE: &str = "link_code_pairing_ref";

impl Person {
    /// Scans the QR code that a client shows, given as its text, and links the client. Returns its device once the
    /// client has been asked to reconnect. If the person requires a passkey, waits for the client to use it.
    ///
    /// # Errors
    /// [`RequestError::Invalid`] for an invalid code, [`RequestError::NotFound`] for one that no client shows any more,
    /// [`RequestError::Conflict`] if the phone is offline or has the maximum number of companions.
    pub async fn scan(&self, qr: &str) -> Result<Arc<Device>, RequestError> {
        finished(self.begin_scan(qr).await?).await
    }

    /// As [`Self::scan`], but does not wait for a client at the passkey gate.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub async fn begin_scan(&self, qr: &str) -> Result<Linking, RequestError> {
        self.must_be_online().await?;
        let code = QrCode::read(qr)?;
        let pending = self.network().pending(&code.reference).ok_or(PairingError::Unknown)?;
        code.check(&pending.identity_public, &pending.noise_public)?;
        let reference = code.reference.clone();
        self.network().check_linking(self.account(), &reference)?;
        if let Some(attempt) = self.close_gate(&reference, code.secret).await? {
            return Ok(Linking::PasskeyRequired(attempt));
        }
        let admission = self
            .ask(move |state, now_ms| state.phone.scan(&code, &pending.identity_public, &pending.noise_public, now_ms))
            .await??;
        Ok(Linking::Linked(self.link(&reference, admission).await?))
    }

    /// Types the pairing code that a client shows, such as `ABCD-2345`, and links the client.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub async fn type_code(&self, code: &str) -> Result<Arc<Device>, RequestError> {
        finished(self.begin_type_code(code).await?).await
    }

    /// As [`Self::type_code`], but does not wait for a client at the passkey gate.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub async fn begin_type_code(&self, code: &str) -> Result<Linking, RequestError> {
        self.must_be_online().await?;
        let network = self.network().clone();
        let is_waiting = move |hello: &Node| reference(hello).is_some_and(|text| network.pending(&text).is_some());
        let hello = self.ask(move |state, _| state.stage("companion_hello", is_waiting)).await?;
        let hello = hello.ok_or_else(|| {
            RequestError::NotFound(format!(
                "no client waits for a code to be typed into {}; start its linking",
                self.number()
            ))
        })?;
        let reference_text = reference(&hello).unwrap_or_default();
        let (pairing, primary_hello) = self.stretch(code, hello, &reference_text).await?;
        let wanted = reference_text.clone();
        let send = move |state: &mut State, now_ms| {
            // A response to an earlier, mistyped code does not concern this one.
            state.remove_stages("companion_finish", |finish| reference(finish).is_some_and(|text| text == wanted));
            ((), state.phone.send_pairing_code(primary_hello, now_ms))
        };
        self.perform(send).await?;
        let finish = self.finish_of(&reference_text).await?;
        let outcome = self.ask(move |state, _| state.phone.finish_code(&pairing, &finish)).await??;
        let pending = self.network().pending(&reference_text).ok_or(PairingError::Unknown)?;
        if (pending.identity_public, pending.noise_public) != (outcome.identity, outcome.noise_key) {
            return Err(RequestError::Invalid("the client that answered is not the one that waits".to_owned()));
        }
        self.network().check_linking(self.account(), &reference_text)?;
        if let Some(attempt) = self.close_gate(&reference_text, outcome.secret).await? {
            return Ok(Linking::PasskeyRequired(attempt));
        }
        let admission =
            self.ask(move |state, now_ms| state.phone.admit(outcome.identity, &outcome.secret, now_ms)).await??;
        Ok(Linking::Linked(self.link(&reference_text, admission).await?))
    }

    /// Key derivation takes tenths of a second of CPU time, which would block other tasks of this thread.
    async fn stretch(&self, code: &str, hello: Node, reference: &str) -> Result<(CodePairing, Node), RequestError> {
        let (own_key, mut rng) = self.ask(|state, _| state.phone.pairing_code_inputs()).await?;
        let (code, reference) = (code.to_owned(), reference.to_owned());
        let work = move || CodePairing::begin(&code, &hello, reference.as_bytes(), &own_key, &mut rng);
        let outcome = self.tasks().spawn_blocking(work).await.map_err(|_| RequestError::stopped())?;
        Ok(outcome?)
    }

    /// The client's `companion_finish`.
    async fn finish_of(&self, wanted: &str) -> Result<Node, RequestError> {
        let wanted = wanted.to_owned();
        let found = self.wait_for(move |state| {
            state.stage("companion_finish", |finish| reference(finish).is_some_and(|text| text == wanted))
        });
        let wait = Duration::from_secs(TYPED_CODE_WAIT_SECONDS);
        clock::within(wait, found).await.unwrap_or_else(|| {
            Err(RequestError::Conflict("the client does not answer the code; is it the one that it shows?".to_owned()))
        })
    }

    /// The steps that both kinds of code share.
    async fn link(&self, reference: &str, admission: Admission) -> Result<Arc<Device>, RequestError> {
        let approval = self.approval(&admission).await?;
        let signed = self.network().complete_pairing(self.account(), reference, approval).await?;
        self.settle(signed, admission).await
    }

    /// The same for a client that has passed the passkey gate.
    pub(super) async fn link_at_gate(
        &self,
        gate: &PasskeyGate,
        admission: Admission,
    ) -> Result<Arc<Device>, RequestError> {
        let approval = self.approval(&admission).await?;
        let signed = gate.complete(approval).await?;
        self.settle(signed, admission).await
    }

    async fn approval(&self, admission: &Admission) -> Result<Approval, RequestError> {
        let account_key = self.ask(|state, _| state.phone.identity().public_key().try_into()).await?;
        let account_key = account_key.map_err(|_| RequestError::Invalid("the phone has no proper key".to_owned()))?;
        let device_identity = admission.device_identity.clone();
        Ok(Approval { device_identity, account_key, key_index: admission.key_index })
    }

    /// Completes linking after the client has signed.
    async fn settle(&self, signed: Signed, admission: Admission) -> Result<Arc<Device>, RequestError> {
        let (index, returned) = (signed.index, signed.returned.clone());
        let list = self
            .ask(move |state, now_ms| {
                state.phone.settle(index, &admission, &returned)?;
                state.linked.insert(index);
                state.phone.key_index_list(now_ms)
            })
            .await??;
        let device = signed.link(clock::now_seconds(), list)?;
        let history = self.history();
        self.perform(move |state, now_ms| ((), state.phone.send_initial_sync(index, history, now_ms))).await?;
        Ok(device)
    }
}

/// Waits until a client is linked, and returns its device.
async fn finished(linking: Linking) -> Result<Arc<Device>, RequestError> {
    match linking {
        Linking::Linked(device) => Ok(device),
        Linking::PasskeyRequired(mut attempt) => attempt.linked().await,
    }
}

fn reference(register: &Node) -> Option<String> {
    register.child(REFERENCE).and_then(Node::content_text).map(|text| text.into_owned())
}
