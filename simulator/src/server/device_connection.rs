//! The connection of a logged-in device: handles its stanzas one after the other.

use std::sync::Arc;

use super::account::Account;
use super::device::Device;
use super::network::Network;
use super::send_queue::SendQueue;
use super::{calls, fault_points, iq, media_retry, presence, publishing, receipts, routing};
use crate::clock;
use crate::faults::StreamEnd;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, Server};

/// A device's connection.
#[derive(Clone)]
pub struct DeviceConnection {
    pub(super) network: Network,
    pub(super) account: Arc<Account>,
    pub(super) device: Arc<Device>,
    pub(super) send_queue: Arc<SendQueue>,
    connection_id: u64,
}

impl DeviceConnection {
    /// Makes this the device's connection. An existing one is closed, with the error that it was replaced.
    pub(super) fn begin(
        network: &Network,
        account: &Arc<Account>,
        device: &Arc<Device>,
        send_queue: &Arc<SendQueue>,
    ) -> Self {
        let (connection_id, before) = device.mailbox.attach(send_queue.clone());
        if let Some(before) = before {
            before.end([fault_points::final_stanza(StreamEnd::Replaced)]);
            // Availability was announced on the previous connection, not on this one.
            presence::leave(network, account, device);
        }
        let (network, account) = (network.clone(), account.clone());
        Self { network, account, device: device.clone(), send_queue: send_queue.clone(), connection_id }
    }

    /// The client is ready for the stanzas in its mailbox.
    pub(super) fn activate(&self) {
        self.device.mailbox.activate(self.connection_id);
    }

    /// The client wants no stanzas for now.
    pub(super) fn deactivate(&self) {
        self.device.mailbox.deactivate(self.connection_id);
    }

    /// The connection has ended.
    pub(super) fn end(&self) {
        if self.device.mailbox.detach(self.connection_id) {
            presence::leave(&self.network, &self.account, &self.device);
            receipts::release_held(&self.device);
        }
    }

    /// Sends a stanza on this connection.
    pub(super) fn answer(&self, node: Node) {
        self.send_queue.push(Arc::new(node));
    }

    /// Acks a stanza, or nacks it with `error`.
    pub(super) fn acknowledge(&self, node: &Node, error: Option<u16>) {
        self.answer(acknowledgement(node, error).build());
    }

    /// Handles a stanza.
    pub(super) fn receive(&self, node: &Node) {
        if self.send_queue.is_ending() {
            return;
        }
        match node.tag.as_ref() {
            "iq" => iq::receive(self, node),
            "message" | "receipt" if node.jid("to").is_some_and(|to| to.server == Server::Newsletter) => {
                if node.tag == "message" { publishing::receive(self, node) } else { publishing::receipted(self, node) }
            }
            "message" => routing::receive(self, node),
            "receipt" => receipts::receive(self, node),
            "ack" => receipts::confirm(self, node),
            "notification" if self.device.index() == 0 && node.text("type").as_deref() == Some("mediaretry") => {
                media_retry::answer_companion(self, node);
            }
            "presence" => presence::receive(self, node),
            "chatstate" => presence::relay_chatstate(self, node),
            // The time zone of a client session, and a request for more offline stanzas, all of which have been sent.
            "ib" if node.child("unified_session").is_some() || node.child("offline_batch").is_some() => {}
            "call" => calls::receive(self, node),
            _ => self.network.inner.unhandled_iqs.record(Some(self.device.number()), node),
        }
    }
}

/// `<ack class id from [type] [participant] [error]>`, for the caller to complete.
pub(super) fn acknowledgement(node: &Node, error: Option<u16>) -> NodeBuilder {
    let mut ack = NodeBuilder::new("ack").attr("class", node.tag.to_string());
    for (name, source) in [("id", "id"), ("from", "to"), ("type", "type"), ("participant", "participant")] {
        // The ack of a message has no type.
        if let Some(value) = node.attrs.get(source)
            && !(name == "type" && node.tag == "message")
        {
            ack = ack.attr(name, value.clone());
        }
    }
    ack = ack.attr("t", clock::now_seconds());
    match error {
        Some(error) => ack.attr("error", error),
        None => ack,
    }
}
