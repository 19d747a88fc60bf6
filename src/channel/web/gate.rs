//! Holds back what goes to WhatsApp until what it depends on is stored: receipts that the client library takes for told, and
//! sessions by whose new keys a message leaves.
//!
//! The library confirms a receipt when our handler returns. Where more come at once than may wait in it (`news.rs`), the
//! handler returns at once, and the confirmation is held here, with whatever else would leave: on the way out all is
//! ciphertext, one piece like the other, in an order that cannot be changed. It is held for as long as a commit takes; while
//! the store takes nothing, nothing leaves.
//!
//! What passes here is sealed already, so that storing the sessions now stores what it was sealed by (`traffic.rs` says when
//! that is needed).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use whatsapp_rust::anyhow;
use whatsapp_rust::transport::Transport;

use crate::limits;

/// Stores sessions; nothing where no message that leaves needs it.
pub type Settle = Box<dyn Fn() -> Option<BoxFuture<'static, anyhow::Result<()>>> + Send + Sync>;

#[derive(Default)]
pub struct Gate {
    /// Receipts that are answered once they are stored.
    unstored: Mutex<Vec<oneshot::Receiver<()>>>,
    /// Who passes waits for those that were told before; who comes after him must not overtake him.
    turn: tokio::sync::Mutex<()>,
    /// Nothing leaves by a session before there is one.
    settle: OnceLock<Settle>,
}

impl Gate {
    /// Nothing passes from now on until these are stored.
    pub fn hold(&self, receipts: Vec<oneshot::Receiver<()>>) {
        let mut unstored = self.unstored.lock().unwrap_or_else(PoisonError::into_inner);
        if unstored.len() >= limits::NEWS_WAITING_MAX {
            // Not more of them are unstored than may wait to be: the others are.
            unstored.retain_mut(|receipt| matches!(receipt.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        }
        unstored.extend(receipts);
    }

    /// How sessions are stored; said once.
    pub fn set_settle(&self, settle: Settle) {
        let _ = self.settle.set(settle);
    }

    /// Waits until everything is stored that was told before, and what the message that leaves was sealed by.
    ///
    /// # Errors
    /// When the latter could not be stored: then it must not leave.
    pub async fn pass(&self) -> anyhow::Result<()> {
        let _turn = self.turn.lock().await;
        let unstored = std::mem::take(&mut *self.unstored.lock().unwrap_or_else(PoisonError::into_inner));
        for is_stored in unstored {
            // What could not be stored is not waited for any longer.
            let _ = is_stored.await;
        }
        match self.settle.get().and_then(|settle| settle()) {
            Some(settled) => settled.await,
            None => Ok(()),
        }
    }
}

/// A connection whose way out leads through a gate.
pub struct Gated {
    pub transport: Arc<dyn Transport>,
    pub gate: Arc<Gate>,
}

#[async_trait::async_trait]
impl Transport for Gated {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        self.gate.pass().await?;
        self.transport.send(data).await
    }

    async fn disconnect(&self) {
        self.transport.disconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    #[derive(Default)]
    struct Wire(Mutex<Vec<Bytes>>);

    #[async_trait::async_trait]
    impl Transport for Wire {
        async fn send(&self, data: Bytes) -> anyhow::Result<()> {
            self.0.lock().unwrap().push(data);
            Ok(())
        }

        async fn disconnect(&self) {}
    }

    #[tokio::test]
    async fn nothing_leaves_by_sessions_that_could_not_be_stored() {
        let (wire, gate) = (Arc::new(Wire::default()), Arc::new(Gate::default()));
        let gated = Gated { transport: wire.clone(), gate: gate.clone() };
        let (is_storing, stores) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(true)));
        let (waits, answers) = (is_storing.clone(), stores.clone());
        gate.set_settle(Box::new(move || {
            let (waits, answers) = (waits.clone(), answers.clone());
            Some(Box::pin(async move {
                waits.acquire().await?.forget();
                anyhow::ensure!(answers.load(Ordering::Relaxed), "no room");
                Ok(())
            }))
        }));
        let mut one = gated.send(Bytes::from_static(b"one"));
        assert!((&mut one).now_or_never().is_none());
        assert!(wire.0.lock().unwrap().is_empty());
        is_storing.add_permits(2);
        one.await.unwrap();
        stores.store(false, Ordering::Relaxed);
        assert_eq!(gated.send(Bytes::from_static(b"other")).await.unwrap_err().to_string(), "no room");
        assert_eq!(*wire.0.lock().unwrap(), ["one"]);
    }

    #[tokio::test]
    async fn nothing_leaves_before_what_was_told_is_stored_and_nobody_overtakes() {
        let (wire, gate) = (Arc::new(Wire::default()), Arc::new(Gate::default()));
        let gated = Gated { transport: wire.clone(), gate: gate.clone() };
        gated.send(Bytes::from_static(b"before")).await.unwrap();
        let (first, is_first) = oneshot::channel();
        let (second, is_second) = oneshot::channel();
        gate.hold(vec![is_first, is_second]);
        let mut one = gated.send(Bytes::from_static(b"one"));
        assert!((&mut one).now_or_never().is_none());
        let mut other = gated.send(Bytes::from_static(b"other"));
        first.send(()).unwrap();
        assert!((&mut one).now_or_never().is_none() && (&mut other).now_or_never().is_none());
        assert_eq!(*wire.0.lock().unwrap(), ["before"]);
        // One that could not be stored holds nobody up.
        drop(second);
        one.await.unwrap();
        other.await.unwrap();
        assert_eq!(*wire.0.lock().unwrap(), ["before", "one", "other"]);
    }
}
