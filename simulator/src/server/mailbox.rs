//! A device's mailbox: everything sent to it that it has not confirmed, whether it is connected or not.
//!
//! Messages, receipts and notifications stay until the device confirms them with a receipt or an ack. A connection that
//! ends early loses nothing: at the next login everything unconfirmed is sent again in the original order, marked
//! `offline`, with group receipts grouped. Presence and typing are not stored.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::grouped_receipts;
use super::send_queue::SendQueue;
use crate::limits::MAILBOX_STANZAS_MAX;
use crate::wire::stanza::{Node, NodeBuilder, Read as _, server, with_attribute};

/// The mailbox is full: the device has confirmed nothing for too long.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Default)]
pub struct Mailbox {
    /// Locked to add, confirm or attach. Locked before a send queue, never after it.
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    kept: VecDeque<Arc<Node>>,
    /// Slots reserved for stanzas that are about to be added.
    reserved: usize,
    attached: Option<Attached>,
    last_connection_id: u64,
}

struct Attached {
    connection_id: u64,
    send_queue: Arc<SendQueue>,
    /// The client is ready for stanzas.
    active: bool,
}

impl Mailbox {
    /// Stores a stanza until it is confirmed, and sends it if the device is connected.
    ///
    /// # Errors
    /// The mailbox is full: the stanza was not stored.
    pub fn keep(&self, node: Node) -> Result<(), Full> {
        let mut inner = self.inner.lock();
        if !inner.has_room() {
            return Err(Full);
        }
        inner.keep(node);
        Ok(())
    }

    /// Reserves a slot for a stanza that several devices get together: it is filled by [`Mailbox::keep_reserved`], or
    /// released by [`Mailbox::give_back`].
    ///
    /// # Errors
    /// The mailbox is full: nothing is reserved.
    pub fn reserve(&self) -> Result<(), Full> {
        let mut inner = self.inner.lock();
        if !inner.has_room() {
            return Err(Full);
        }
        inner.reserved += 1;
        Ok(())
    }

    /// Releases a reserved slot.
    pub fn give_back(&self) {
        let mut inner = self.inner.lock();
        inner.reserved = inner.reserved.saturating_sub(1);
    }

    /// As [`Mailbox::keep`], in a reserved slot.
    pub fn keep_reserved(&self, node: Node) {
        let mut inner = self.inner.lock();
        inner.reserved = inner.reserved.saturating_sub(1);
        inner.keep(node);
    }

    /// Sends a stanza if the device is connected, without storing it.
    pub fn pass(&self, node: Node) {
        let inner = self.inner.lock();
        if let Some(attached) = inner.attached.as_ref().filter(|attached| attached.active) {
            attached.send_queue.push(Arc::new(node));
        }
    }

    /// Attaches a new connection; returns the one it replaces.
    pub fn attach(&self, send_queue: Arc<SendQueue>) -> (u64, Option<Arc<SendQueue>>) {
        let mut inner = self.inner.lock();
        inner.last_connection_id += 1;
        let connection_id = inner.last_connection_id;
        let before = inner.attached.replace(Attached { connection_id, send_queue, active: false });
        (connection_id, before.map(|attached| attached.send_queue))
    }

    /// The client of this connection is ready: sends everything stored, preceded by a preview and followed by the
    /// total.
    pub fn activate(&self, connection_id: u64) {
        let mut inner = self.inner.lock();
        let Inner { kept, attached, .. } = &mut *inner;
        let Some(attached) = attached.as_mut().filter(|attached| attached.connection_id == connection_id) else {
            return;
        };
        if attached.active {
            return;
        }
        attached.active = true;
        grouped_receipts::group(kept);
        if !kept.is_empty() {
            attached.send_queue.push(Arc::new(preview(kept)));
        }
        for node in kept.iter() {
            attached.send_queue.push(Arc::new(with_attribute(node, "offline", "1")));
        }
        attached.send_queue.push(Arc::new(ib("offline", kept.len())));
    }

    /// The client of this connection wants no stanzas for now.
    pub fn deactivate(&self, connection_id: u64) {
        let mut inner = self.inner.lock();
        if let Some(attached) = inner.attached.as_mut().filter(|attached| attached.connection_id == connection_id) {
            attached.active = false;
        }
    }

    /// The connection has ended; false if another has replaced it.
    pub fn detach(&self, connection_id: u64) -> bool {
        let mut inner = self.inner.lock();
        let is_current = inner.attached.as_ref().is_some_and(|attached| attached.connection_id == connection_id);
        if is_current {
            inner.attached = None;
        }
        is_current
    }

    /// Detaches the current connection and returns it.
    pub fn detach_any(&self) -> Option<Arc<SendQueue>> {
        self.inner.lock().attached.take().map(|attached| attached.send_queue)
    }

    /// Removes and returns the first stored stanza that matches.
    pub fn confirm(&self, is_match: impl Fn(&Node) -> bool) -> Option<Arc<Node>> {
        let mut inner = self.inner.lock();
        let index = inner.kept.iter().position(|node| is_match(node))?;
        inner.kept.remove(index)
    }

    /// The first stored stanza that matches.
    pub fn find(&self, is_match: impl Fn(&Node) -> bool) -> Option<Arc<Node>> {
        self.inner.lock().kept.iter().find(|node| is_match(node)).cloned()
    }

    /// Whether this very stanza is stored.
    pub fn keeps(&self, stanza: &Arc<Node>) -> bool {
        self.inner.lock().kept.iter().any(|kept| Arc::ptr_eq(kept, stanza))
    }

    pub fn is_attached(&self) -> bool {
        self.inner.lock().attached.is_some()
    }

    /// Number of stored stanzas.
    pub fn waiting(&self) -> usize {
        self.inner.lock().kept.len()
    }

    /// The current connection.
    pub fn send_queue(&self) -> Option<Arc<SendQueue>> {
        self.inner.lock().attached.as_ref().map(|attached| attached.send_queue.clone())
    }
}

impl Inner {
    fn has_room(&self) -> bool {
        self.kept.len() + self.reserved < MAILBOX_STANZAS_MAX
    }

    fn keep(&mut self, node: Node) {
        let node = Arc::new(node);
        self.kept.push_back(node.clone());
        if let Some(attached) = self.attached.as_ref().filter(|attached| attached.active) {
            attached.send_queue.push(node);
        }
    }
}

fn ib(tag: &'static str, count: usize) -> Node {
    NodeBuilder::new("ib").attr("from", server()).children([NodeBuilder::new(tag).attr("count", count).build()]).build()
}

/// Announces how many stanzas of each kind follow.
///
/// ASSUMPTION: the real service sends a few stanzas and then waits until the client asks for batches
/// (`offline_batch`); here everything follows at once, which clients take as well.
fn preview(kept: &VecDeque<Arc<Node>>) -> Node {
    let count = |tag: &str| kept.iter().filter(|node| node.tag == tag).count();
    let child = NodeBuilder::new("offline_preview")
        .attr("count", kept.len())
        .attr("appdata", 0)
        .attr("message", count("message"))
        .attr("notification", count("notification"))
        .attr("receipt", count("receipt"))
        .build();
    NodeBuilder::new("ib").attr("from", server()).children([child]).build()
}

/// Whether a stored stanza has this class and id.
pub fn is_stanza(node: &Node, class: &str, id: &str) -> bool {
    node.tag == class && node.text("id").is_some_and(|own| own == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::empty;

    fn message(id: &str) -> Node {
        NodeBuilder::new("message").attr("id", id).build()
    }

    async fn next(send_queue: &SendQueue) -> Vec<String> {
        let nodes = send_queue.take(10).await.unwrap();
        nodes.iter().map(|node| node.text("id").map_or(node.tag.to_string(), |id| id.to_string())).collect()
    }

    #[tokio::test]
    async fn unconfirmed_stanzas_are_sent_again() {
        let mailbox = Mailbox::default();
        mailbox.keep(message("a")).unwrap();
        mailbox.keep(message("b")).unwrap();
        let send_queue = Arc::new(SendQueue::default());
        let (connection_id, before) = mailbox.attach(send_queue.clone());
        assert!(before.is_none());
        mailbox.activate(connection_id);
        assert_eq!(next(&send_queue).await, ["ib", "a", "b", "ib"]);
        assert!(mailbox.confirm(|node| is_stanza(node, "message", "a")).is_some());
        assert!(mailbox.confirm(|node| is_stanza(node, "message", "a")).is_none());
        assert!(mailbox.detach(connection_id));

        let send_queue = Arc::new(SendQueue::default());
        let (connection_id, _) = mailbox.attach(send_queue.clone());
        mailbox.activate(connection_id);
        assert_eq!(next(&send_queue).await, ["ib", "b", "ib"]);
        mailbox.keep(message("c")).unwrap();
        assert_eq!(next(&send_queue).await, ["c"]);
    }

    #[tokio::test]
    async fn nothing_is_sent_before_the_client_is_ready_and_presence_is_not_stored() {
        let mailbox = Mailbox::default();
        let send_queue = Arc::new(SendQueue::default());
        let (connection_id, _) = mailbox.attach(send_queue.clone());
        mailbox.pass(empty("presence"));
        mailbox.keep(message("a")).unwrap();
        mailbox.activate(connection_id);
        assert_eq!(next(&send_queue).await, ["ib", "a", "ib"]);
    }

    #[test]
    fn a_reserved_slot_is_not_given_away() {
        let mailbox = Mailbox::default();
        (1..MAILBOX_STANZAS_MAX).for_each(|_| mailbox.keep(empty("receipt")).unwrap());
        mailbox.reserve().unwrap();
        assert_eq!((mailbox.reserve(), mailbox.keep(message("late"))), (Err(Full), Err(Full)));
        mailbox.keep_reserved(message("a"));
        assert_eq!((mailbox.waiting(), mailbox.reserve()), (MAILBOX_STANZAS_MAX, Err(Full)));
        mailbox.confirm(|_| true).unwrap();
        mailbox.reserve().unwrap();
        mailbox.give_back();
        mailbox.keep(message("b")).unwrap();
    }

    #[tokio::test]
    async fn a_second_connection_takes_the_place_of_the_first() {
        let mailbox = Mailbox::default();
        let first = Arc::new(SendQueue::default());
        let (old, _) = mailbox.attach(first.clone());
        let (_, before) = mailbox.attach(Arc::new(SendQueue::default()));
        assert!(Arc::ptr_eq(&before.unwrap(), &first));
        assert!(!mailbox.detach(old));
        assert!(mailbox.is_attached());
    }
}
