//! The passkey step of linking, between the store, where people answer, and the channel, which asks.

use super::device::DeviceLoop;
use crate::channel::PasskeyStep;
use crate::device::{DeviceState, passkey_place};
use crate::passkey::{PasskeyAnswer, Status};
use crate::store::{PasskeyRequest, StoreError, StoredPasskey};

impl DeviceLoop {
    /// What is stored of what WhatsApp asks for.
    pub(super) fn passkey_request(&self, step: PasskeyStep) -> PasskeyRequest {
        match step {
            PasskeyStep::Assertion { options, until } => PasskeyRequest::Assertion { options, expires_at: until },
            PasskeyStep::Confirmation { code } => {
                let place = passkey_place(&self.lease.device_id, "code");
                let code = self.parts.link_sealer.seal(&self.parts.clock, place.as_bytes(), code.as_bytes());
                PasskeyRequest::Confirmation { code }
            }
        }
    }

    /// Why the attempt is lost that another process than this one had brought to the passkey step; `None` where none had.
    pub(super) async fn lost_passkey(&self) -> Result<Option<&'static str>, StoreError> {
        Ok(self.parts.store.find_passkey(&self.lease.device_id).await?.map(|step| lost(&step)))
    }

    /// Whether a code was shown of the attempt that is under way.
    pub(super) async fn was_shown(&self) -> Result<bool, StoreError> {
        Ok(self.parts.store.find_link(&self.lease.device_id).await?.is_some_and(|link| link.status != "waiting"))
    }

    /// Passes a person's answer on, once.
    pub(super) async fn pass_on_passkey(&mut self) -> Result<(), StoreError> {
        if !matches!(self.state, DeviceState::Passkey | DeviceState::PasskeyConfirm) {
            return Ok(());
        }
        let Some(sealed) = self.parts.store.take_passkey_answer(&self.lease).await? else { return Ok(()) };
        let place = passkey_place(&self.lease.device_id, "answer");
        let opened = self.parts.link_sealer.open(place.as_bytes(), &sealed).ok();
        match opened.and_then(PasskeyAnswer::from_bytes) {
            Some(answer) => self.channel.answer_passkey(answer).await,
            None => tracing::error!(device = self.lease.device_id, "the answer to a passkey request cannot be read"),
        }
        Ok(())
    }
}

/// What a restart did to the step, and what is to be done: on the phone, too, which may still wait or list the gateway.
fn lost(step: &StoredPasskey) -> &'static str {
    match (Status::from_name(&step.status), &step.code) {
        (Some(Status::Confirm), _) => {
            "the gateway was restarted before the code was confirmed here, so no account is linked; refuse the code on the phone if it \
             still shows it, and link again"
        }
        (Some(Status::Sent), Some(_)) => {
            "the gateway was restarted after the code was confirmed here, before it knew the account as linked; if the phone lists it \
             under Linked devices now, remove it there, and link again"
        }
        (Some(Status::Sent), None) => {
            "the gateway was restarted after the passkey was given, before there was a code to compare; link again"
        }
        _ => "the gateway was restarted while WhatsApp waited for the passkey; link again",
    }
}
