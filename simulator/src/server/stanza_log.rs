//! The latest stanzas of all connections, as written and read.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock;
use crate::faults::Direction;
use crate::limits::{LOG_STANZAS_MAX, LOGGED_CHILDREN_MAX};
use crate::wire::stanza::{Jid, Node, NodeContent};

/// One stanza.
#[derive(Debug, Clone)]
pub struct Entry {
    /// From 0, without gaps.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    pub direction: Direction,
    /// The device, by phone number; `None` for a client that is registering.
    pub device: Option<Jid>,
    /// Truncated if the stanza has very many children.
    pub node: Arc<Node>,
}

/// Holds up to [`LOG_STANZAS_MAX`] stanzas; the oldest are evicted first.
#[derive(Default)]
pub struct StanzaLog {
    /// Locked to append or copy.
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: VecDeque<Entry>,
    next: u64,
}

impl StanzaLog {
    pub fn record(&self, direction: Direction, device: Option<&Jid>, node: &Arc<Node>) {
        let node = shortened(node);
        let at_ms = clock::now_ms();
        let mut inner = self.inner.lock();
        let number = inner.next;
        inner.next += 1;
        if inner.entries.len() >= LOG_STANZAS_MAX {
            inner.entries.pop_front();
        }
        inner.entries.push_back(Entry { number, at_ms, direction, device: device.cloned(), node });
    }

    /// Up to `most` entries with this number or a higher one, oldest first.
    pub fn from(&self, number: u64, most: usize) -> Vec<Entry> {
        let inner = self.inner.lock();
        let start = inner.entries.partition_point(|entry| entry.number < number);
        inner.entries.range(start..).take(most).cloned().collect()
    }

    /// The number of the next entry.
    pub fn next(&self) -> u64 {
        self.inner.lock().next
    }
}

/// An upload of hundreds of keys must not stay in memory for the log.
fn shortened(node: &Arc<Node>) -> Arc<Node> {
    let is_long =
        |node: &Node| matches!(&node.content, Some(NodeContent::Nodes(nodes)) if nodes.len() > LOGGED_CHILDREN_MAX);
    let has_long = match &node.content {
        Some(NodeContent::Nodes(nodes)) => is_long(node) || nodes.iter().any(is_long),
        _ => false,
    };
    if !has_long {
        return node.clone();
    }
    let mut short = Node::clone(node);
    cut(&mut short);
    if let Some(NodeContent::Nodes(children)) = &mut short.content {
        children.iter_mut().for_each(cut);
    }
    Arc::new(short)
}

fn cut(node: &mut Node) {
    if let Some(NodeContent::Nodes(children)) = &mut node.content
        && children.len() > LOGGED_CHILDREN_MAX
    {
        children.truncate(LOGGED_CHILDREN_MAX);
        children.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::{NodeBuilder, Read as _, empty};

    #[test]
    fn the_latest_stay_and_long_ones_are_shortened() {
        let log = StanzaLog::default();
        let many = (0..LOGGED_CHILDREN_MAX + 5).map(|_| empty("key"));
        let upload = NodeBuilder::new("iq").children([NodeBuilder::new("list").children(many).build()]).build();
        for _ in 0..LOG_STANZAS_MAX + 3 {
            log.record(Direction::ToServer, None, &Arc::new(empty("ib")));
        }
        log.record(Direction::ToServer, None, &Arc::new(upload));
        assert_eq!(log.from(0, usize::MAX).len(), LOG_STANZAS_MAX);
        let last = &log.from(log.next() - 1, 10)[0];
        assert_eq!(last.node.child("list").unwrap().all().len(), LOGGED_CHILDREN_MAX);
    }
}
