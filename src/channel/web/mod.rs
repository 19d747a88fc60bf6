//! Accounts of people's phones, linked as WhatsApp Web is.

pub mod keys;

use async_trait::async_trait;

use super::{Channel, Events, Outgoing, SendFault, Sent};
use crate::clock::Clock;
use crate::device::Device;

/// What linked accounts are connected by, and where their keys are.
#[derive(Clone)]
pub struct Parts {
    pub keys: keys::KeyRing,
    pub clock: Clock,
}

pub struct Web {}

impl Web {
    /// Connects the account that is linked to a device, or waits for one to be linked.
    ///
    /// # Errors
    /// In words for a person, when it cannot be.
    pub async fn open(_parts: Parts, _device: &Device, _epoch: i64, _events: Events) -> Result<Self, String> {
        Err("this release cannot connect devices of this kind; what waits in its queue expires".to_owned())
    }
}

#[async_trait]
impl Channel for Web {
    async fn send(&self, _message: &Outgoing) -> Result<(), SendFault> {
        Err(SendFault::NotConnected)
    }

    async fn remember(&self, _sent: Vec<Sent>) {}

    async fn close(&self) {}
}
