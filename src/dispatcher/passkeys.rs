//! The passkey step of linking, between the store, where people answer, and the channel, which asks.

use super::device::DeviceLoop;
use crate::channel::PasskeyStep;
use crate::device::{DeviceState, passkey_place};
use crate::passkey::PasskeyAnswer;
use crate::store::{PasskeyRequest, StoreError};

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

    /// Whether WhatsApp was asked for it, by whatever process.
    pub(super) async fn awaits_passkey(&self) -> Result<bool, StoreError> {
        Ok(self.parts.store.find_passkey(&self.lease.device_id).await?.is_some())
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
