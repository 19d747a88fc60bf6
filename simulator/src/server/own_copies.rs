//! Device-sent copies of messages that another device of the account sent to a person. Only a receipt of type `sender`
//! removes them from the mailbox: one that is only acked is sent again, and then the connection is ended. The real
//! service has been observed to do so (github.com/oxidezap/whatsapp-rust/pull/659); it waits for minutes where this one
//! waits for seconds.

use std::sync::Arc;

use super::device_connection::DeviceConnection;
use super::fault_points;
use crate::limits::OWN_COPY_WAIT_MS;
use crate::wire::stanza::{Node, NodeBuilder, Read as _};

/// Whether this message stays in the mailbox although it was acked.
pub fn must_be_receipted(connection: &DeviceConnection, is_match: impl Fn(&Node) -> bool, id: &str) -> bool {
    let Some(copy) = connection.device.mailbox.find(is_match).filter(|kept| is_own_copy(connection, kept)) else {
        return false;
    };
    if connection.device.asked_again.lock().remove(id) {
        return false;
    }
    connection.network.inner.tasks.spawn(insist(connection.clone(), copy));
    true
}

fn is_own_copy(connection: &DeviceConnection, message: &Node) -> bool {
    let is_peer = message.text("category").is_some_and(|category| category == "peer");
    let from = message.jid("from").and_then(|from| connection.network.account(&from));
    !is_peer
        && message.attrs.get("recipient").is_some()
        && from.is_some_and(|from| Arc::ptr_eq(&from, &connection.account))
}

/// Sends the copy again on this connection, then ends the connection.
async fn insist(connection: DeviceConnection, copy: Arc<Node>) {
    for is_last in [false, true] {
        fault_points::wait(OWN_COPY_WAIT_MS).await;
        if connection.send_queue.is_ending() || !connection.device.mailbox.keeps(&copy) {
            return;
        }
        if is_last {
            connection.send_queue.end([unreceipted(&copy)]);
        } else {
            connection.send_queue.push(copy.clone());
        }
    }
}

/// `<stream:error><ack class type id/></stream:error>`
fn unreceipted(copy: &Node) -> Node {
    let mut ack = NodeBuilder::new("ack").attr("class", "message");
    for name in ["type", "id"] {
        if let Some(value) = copy.attrs.get(name) {
            ack = ack.attr(name, value.clone());
        }
    }
    NodeBuilder::new("stream:error").children([ack.build()]).build()
}
