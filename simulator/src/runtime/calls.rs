//! Calls: a person makes one, refuses or ends one.

use super::desk::Desk;
use super::{Person, Refusal};
use crate::phone::Call;
use crate::wire::stanza::Jid;

/// Whether a call has video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    Voice,
    Video,
}

impl Person {
    /// Calls somebody; gives the call's id. It rings at all of their devices.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if the phone is offline, [`Refusal::Unknown`] if nobody has this address,
    /// [`Refusal::Invalid`] for the person's own.
    pub async fn call(&self, to: &Jid, kind: CallKind) -> Result<String, Refusal> {
        self.must_be_online().await?;
        let unknown = || Refusal::Unknown(format!("nobody has the address {to}; make that person first"));
        let called = self.network().directory().resolve(to).ok_or_else(unknown)?.account;
        if called.number() == self.jid() {
            return Err(Refusal::Invalid("nobody calls himself; give another number".to_owned()));
        }
        // Calls name people by their LIDs (github.com/oxidezap/whatsapp-rust/pull/599).
        let devices: Vec<Jid> = called.devices().iter().map(|device| device.lid().clone()).collect();
        let (number, lid) = (called.number().clone(), called.lid().clone());
        let act = move |desk: &mut Desk, _| {
            if !called.hides_number() {
                desk.phone.learn(&lid, &number);
            }
            desk.phone.call(&lid, devices, kind == CallKind::Video)
        };
        self.perform(act).await
    }

    /// Ends a call that the person made or accepted, or refuses one that rings.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if the phone is offline, [`Refusal::Unknown`] for a call that is not there or is over.
    pub async fn hang_up(&self, call: &str) -> Result<(), Refusal> {
        self.must_be_online().await?;
        let call = call.to_owned();
        let act = move |desk: &mut Desk, _| match desk.phone.hang_up(&call) {
            Ok(actions) => (Ok(()), actions),
            Err(error) => (Err(error), Vec::new()),
        };
        Ok(self.perform(act).await??)
    }

    /// The calls that the person made and got, the oldest first.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if the phones were stopped.
    pub async fn calls(&self) -> Result<Vec<Call>, Refusal> {
        self.ask(|desk, _| desk.phone.calls().cloned().collect()).await
    }

    /// Waits until there is a call for which `is_meant` holds. It waits for as long as it takes.
    ///
    /// # Errors
    /// As [`Self::calls`].
    pub async fn sees_call(&self, is_meant: impl Fn(&Call) -> bool + Clone + Send + 'static) -> Result<Call, Refusal> {
        self.wait_for(move |desk| desk.phone.calls().find(|call| is_meant(call)).cloned()).await
    }
}
