//! Tells the checkers of messages on their way, as the server sees them.
//!
//! Everybody who has something to tell names a message by the stanza that its recipient gets, so that all names of one
//! delivery are the same.

use super::device::Device;
use super::fault_points::conversation;
use super::network::Network;
use crate::checks::DeliveryRef;
use crate::faults::DeviceName;
use crate::wire::stanza::{Node, Read as _};

/// A message on its way to one device, by names of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId {
    pub sender: DeviceName,
    pub chat: String,
    pub id: String,
    pub recipient: DeviceName,
}

impl DeliveryId {
    /// The same for the checkers.
    pub fn delivery_ref(&self) -> DeliveryRef<'_> {
        DeliveryRef { sender: &self.sender, chat: &self.chat, id: &self.id, recipient: &self.recipient }
    }
}

impl Network {
    /// Names a message by the stanza that `device` gets. Nothing for what is no message, or one between the devices of
    /// an account that is not for people.
    pub fn delivery_id(&self, device: &Device, node: &Node) -> Option<DeliveryId> {
        if node.tag != "message" || node.text("category").is_some_and(|category| category == "peer") {
            return None;
        }
        let from = node.jid("from")?;
        let participant = node.jid("participant");
        let sender = self.inner.directory.resolve(participant.as_ref().unwrap_or(&from))?;
        let sender_name = DeviceName::new(sender.account.number().user.as_str(), sender.device);
        let chat = match (participant, node.jid("recipient")) {
            (Some(_), _) => from.to_string(),
            (None, Some(recipient)) if sender_name.account == device.name().account => conversation(self, &recipient),
            (None, _) => sender_name.account.clone(),
        };
        let id = node.text("id")?.into_owned();
        Some(DeliveryId { sender: sender_name, chat, id, recipient: device.name().clone() })
    }
}
