//! In-process connections: a device's stanzas without encryption or sockets. To the server it is a device like any
//! other.

use std::collections::VecDeque;
use std::sync::Arc;

use super::account::Account;
use super::device::Device;
use super::device_connection::DeviceConnection;
use super::network::Network;
use super::send_queue::SendQueue;
use crate::faults::Direction;
use crate::limits::WRITE_STANZAS_MAX;
use crate::wire::stanza::Node;

/// The device's end of the connection, which lasts until it is dropped or replaced.
pub struct LocalConnection {
    connection: DeviceConnection,
    taken: VecDeque<Arc<Node>>,
}

/// Sends on the connection, while another task receives.
#[derive(Clone)]
pub struct LocalSender {
    connection: DeviceConnection,
}

impl LocalConnection {
    pub(super) fn attach(network: &Network, account: &Arc<Account>, device: &Arc<Device>) -> Self {
        let send_queue = Arc::new(SendQueue::default());
        let connection = DeviceConnection::begin(network, account, device, &send_queue);
        connection.activate();
        Self { connection, taken: VecDeque::new() }
    }

    /// Sends the server a stanza; returns when the server has handled it.
    pub async fn send(&self, node: Node) {
        send(&self.connection, node);
        // Yields now and then to other tasks.
        tokio::task::consume_budget().await;
    }

    /// The next stanza from the server; `None` when the connection was replaced, or the device removed.
    pub async fn recv(&mut self) -> Option<Arc<Node>> {
        if self.taken.is_empty() {
            self.taken.extend(self.connection.send_queue.take(WRITE_STANZAS_MAX).await?);
        }
        let node = self.taken.pop_front()?;
        self.connection.network.inner.log.record(Direction::ToClient, Some(self.connection.device.number()), &node);
        Some(node)
    }

    /// Another sender for this connection.
    pub fn sender(&self) -> LocalSender {
        LocalSender { connection: self.connection.clone() }
    }
}

impl LocalSender {
    /// As [`LocalConnection::send`].
    pub async fn send(&self, node: Node) {
        send(&self.connection, node);
        // Yields now and then to other tasks.
        tokio::task::consume_budget().await;
    }
}

impl Drop for LocalConnection {
    fn drop(&mut self) {
        self.connection.send_queue.cut();
        self.connection.end();
    }
}

fn send(connection: &DeviceConnection, node: Node) {
    let node = Arc::new(node);
    connection.network.inner.log.record(Direction::ToServer, Some(connection.device.number()), &node);
    connection.receive(&node);
}
