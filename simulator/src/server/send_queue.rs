//! The send queue of one connection.
//!
//! It has many producers and one consumer: the connection's writer, or the phone at the other end of an in-process
//! connection. It holds two kinds of stanzas: those in the device's mailbox, which bounds their number, and responses,
//! of which there are few unless a client sends requests without reading. Such a client is disconnected.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits::SEND_QUEUE_STANZAS_MAX;
use crate::wire::stanza::{Node, empty};

#[derive(Default)]
pub struct SendQueue {
    /// Locked to add or take, never while writing.
    inner: Mutex<Inner>,
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Arc<Node>>,
    ending: Ending,
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum Ending {
    #[default]
    Open,
    /// The rest of the queue is still written.
    AfterQueue,
    AtOnce,
}

impl SendQueue {
    /// Adds a stanza; does nothing when the connection is ending.
    pub fn push(&self, node: Arc<Node>) {
        let mut inner = self.inner.lock();
        if inner.ending == Ending::Open {
            inner.queue.push_back(node);
            if inner.queue.len() > SEND_QUEUE_STANZAS_MAX {
                inner.ending = Ending::AtOnce;
            }
        }
        drop(inner);
        self.bell.notify_one();
    }

    /// Writes the rest of the queue, these stanzas and the end of the stream, then waits for the client to close the
    /// connection.
    pub fn end(&self, last: impl IntoIterator<Item = Node>) {
        let mut inner = self.inner.lock();
        if inner.ending == Ending::Open {
            inner.queue.extend(last.into_iter().chain([empty("xmlstreamend")]).map(Arc::new));
            inner.ending = Ending::AfterQueue;
        }
        drop(inner);
        self.bell.notify_one();
    }

    /// Closes the connection without writing anything more.
    pub fn cut(&self) {
        self.inner.lock().ending = Ending::AtOnce;
        self.bell.notify_one();
    }

    /// Whether the connection is ending or has ended.
    pub fn is_ending(&self) -> bool {
        self.inner.lock().ending != Ending::Open
    }

    /// Whether the connection was cut rather than ended.
    pub fn is_cut(&self) -> bool {
        self.inner.lock().ending == Ending::AtOnce
    }

    /// Waits for stanzas and takes up to `most` of them; `None` when the connection is to be closed.
    pub async fn take(&self, most: usize) -> Option<Vec<Arc<Node>>> {
        loop {
            {
                let mut inner = self.inner.lock();
                if inner.ending == Ending::AtOnce {
                    return None;
                }
                if !inner.queue.is_empty() {
                    let count = most.min(inner.queue.len());
                    return Some(inner.queue.drain(..count).collect());
                }
                if inner.ending == Ending::AfterQueue {
                    return None;
                }
            }
            self.bell.notified().await;
        }
    }
}
