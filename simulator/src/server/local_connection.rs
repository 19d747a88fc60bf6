//! A device inside this process: stanzas go in and out without encryption and without a socket. To the server it is a
//! device like every other.

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

/// One end of a link; the other end is the server. It is the device's connection until it is dropped or replaced.
pub struct LocalConnection {
    connection: DeviceConnection,
    taken: VecDeque<Arc<Node>>,
}

/// What a phone sends with, while another of its tasks waits for what comes.
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

    /// Gives the server a stanza; returns when the server has acted on it.
    pub async fn send(&self, node: Node) {
        send(&self.connection, node);
        // Whoever sends without end lets others run now and then.
        tokio::task::consume_budget().await;
    }

    /// The next stanza from the server; nothing when the link was replaced, or the device removed.
    pub async fn recv(&mut self) -> Option<Arc<Node>> {
        if self.taken.is_empty() {
            self.taken.extend(self.connection.send_queue.take(WRITE_STANZAS_MAX).await?);
        }
        let node = self.taken.pop_front()?;
        self.connection.network.inner.log.record(Direction::ToClient, Some(self.connection.device.number()), &node);
        Some(node)
    }

    /// Another way to send on this link.
    pub fn sender(&self) -> LocalSender {
        LocalSender { connection: self.connection.clone() }
    }
}

impl LocalSender {
    /// As [`LocalConnection::send`].
    pub async fn send(&self, node: Node) {
        send(&self.connection, node);
        // Whoever sends without end lets others run now and then.
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
