//! Delivery ids: how the server identifies messages in flight to the checkers.
//!
//! Every reporter derives the id from the stanza that the recipient gets, so that all reports about one delivery agree.

use super::device::Device;
use super::fault_points::conversation;
use super::network::Network;
use crate::checks::DeliveryRef;
use crate::faults::DeviceName;
use crate::wire::stanza::{Node, Read as _};

/// Identifies a message in flight to one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId {
    pub sender: DeviceName,
    pub chat: String,
    pub id: String,
    pub recipient: DeviceName,
}

impl DeliveryId {
    /// The same, borrowed, for the checkers.
    pub fn delivery_ref(&self) -> DeliveryRef<'_> {
        DeliveryRef { sender: &self.sender, chat: &self.chat, id: &self.id, recipient: &self.recipient }
    }
}

impl Network {
    /// The delivery id of the stanza that `device` gets. `None` if it is not a message, or a peer message between the
    /// devices of an account.
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
