//! Calls: starting, rejecting and ending them.

use super::state::State;
use super::{Person, RequestError};
use crate::phone::Call;
use crate::wire::stanza::Jid;

/// Whether a call has video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    Voice,
    Video,
}

impl Person {
    /// Calls somebody, at all of their devices; returns the call id.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the phone is offline, [`RequestError::NotFound`] if no account has this address,
    /// [`RequestError::Invalid`] for the person's own.
    pub async fn call(&self, to: &Jid, kind: CallKind) -> Result<String, RequestError> {
        self.must_be_online().await?;
        let unknown = || RequestError::NotFound(format!("nobody has the address {to}; make that person first"));
        let called = self.network().directory().resolve(to).ok_or_else(unknown)?.account;
        if called.number() == self.jid() {
            return Err(RequestError::Invalid("nobody calls himself; give another number".to_owned()));
        }
        // Calls address people by LID (github.com/oxidezap/whatsapp-rust/pull/599).
        let devices: Vec<Jid> = called.devices().iter().map(|device| device.lid().clone()).collect();
        let (number, lid) = (called.number().clone(), called.lid().clone());
        let act = move |state: &mut State, _| {
            if !called.hides_number() {
                state.phone.learn(&lid, &number);
            }
            state.phone.call(&lid, devices, kind == CallKind::Video)
        };
        self.perform(act).await
    }

    /// Ends a call that the person made or accepted, or rejects one that rings.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the phone is offline, [`RequestError::NotFound`] for a call that does not exist or
    /// is over.
    pub async fn hang_up(&self, call: &str) -> Result<(), RequestError> {
        self.must_be_online().await?;
        let call = call.to_owned();
        let act = move |state: &mut State, _| match state.phone.hang_up(&call) {
            Ok(actions) => (Ok(()), actions),
            Err(error) => (Err(error), Vec::new()),
        };
        Ok(self.perform(act).await??)
    }

    /// Incoming and outgoing calls, the oldest first.
    ///
    /// # Errors
    /// [`RequestError::Conflict`] if the phones were stopped.
    pub async fn calls(&self) -> Result<Vec<Call>, RequestError> {
        self.ask(|state, _| state.phone.calls().cloned().collect()).await
    }

    /// Waits, without a timeout, until there is a call that matches.
    ///
    /// # Errors
    /// As [`Self::calls`].
    pub async fn wait_for_call(
        &self,
        is_match: impl Fn(&Call) -> bool + Clone + Send + 'static,
    ) -> Result<Call, RequestError> {
        self.wait_for(move |state| state.phone.calls().find(|call| is_match(call)).cloned()).await
    }
}
