//! A device inside this process: stanzas go in and out without encryption and without a socket. To the server it is a
//! device like every other.

use std::collections::VecDeque;
use std::sync::Arc;

use super::account::Account;
use super::device::Device;
use super::network::Network;
use super::outlet::Outlet;
use super::session::Session;
use crate::faults::Direction;
use crate::limits::WRITE_STANZAS_MAX;
use crate::wire::stanza::Node;

/// One end of a link; the other end is the server. It is the device's connection until it is dropped or replaced.
pub struct Link {
    session: Session,
    taken: VecDeque<Arc<Node>>,
}

/// What a phone sends with, while another of its tasks waits for what comes.
#[derive(Clone)]
pub struct LinkSender {
    session: Session,
}

impl Link {
    pub(super) fn attach(network: &Network, account: &Arc<Account>, device: &Arc<Device>) -> Self {
        let outlet = Arc::new(Outlet::default());
        let session = Session::begin(network, account, device, &outlet);
        session.activate();
        Self { session, taken: VecDeque::new() }
    }

    /// Gives the server a stanza; returns when the server has acted on it.
    pub async fn send(&self, node: Node) {
        send(&self.session, node);
        // Whoever sends without end lets others run now and then.
        tokio::task::consume_budget().await;
    }

    /// The next stanza from the server; nothing when the link was replaced, or the device removed.
    pub async fn recv(&mut self) -> Option<Arc<Node>> {
        if self.taken.is_empty() {
            self.taken.extend(self.session.outlet.take(WRITE_STANZAS_MAX).await?);
        }
        let node = self.taken.pop_front()?;
        self.session.network.inner.log.note(Direction::ToClient, Some(self.session.device.number()), &node);
        Some(node)
    }

    /// Another way to send on this link.
    pub fn sender(&self) -> LinkSender {
        LinkSender { session: self.session.clone() }
    }
}

impl LinkSender {
    /// As [`Link::send`].
    pub async fn send(&self, node: Node) {
        send(&self.session, node);
        // Whoever sends without end lets others run now and then.
        tokio::task::consume_budget().await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.session.outlet.cut();
        self.session.end();
    }
}

fn send(session: &Session, node: Node) {
    let node = Arc::new(node);
    session.network.inner.log.note(Direction::ToServer, Some(session.device.number()), &node);
    session.receive(&node);
}
