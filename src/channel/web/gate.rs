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

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
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
    /// A receipt was given up before it was stored, and the library believes it confirmed: nothing leaves any more, so that
    /// WhatsApp is not told, and tells it again to the next connection.
    shut: CancellationToken,
}

/// Something was not stored that would be confirmed by what leaves.
#[derive(Debug, thiserror::Error)]
#[error("a receipt was not stored; nothing leaves by this connection any more")]
struct Shut;

impl Gate {
    /// Nothing passes from now on until these are stored.
    pub fn hold(&self, receipts: Vec<oneshot::Receiver<()>>) {
        let mut unstored = self.unstored();
        if unstored.len() >= limits::NEWS_WAITING_MAX {
            // Not more of them are unstored than may wait to be: the others are.
            unstored.retain_mut(|receipt| match receipt.try_recv() {
                Ok(()) => false,
                Err(oneshot::error::TryRecvError::Empty) => true,
                Err(oneshot::error::TryRecvError::Closed) => {
                    self.shut();
                    false
                }
            });
        }
        unstored.extend(receipts);
    }

    fn unstored(&self) -> MutexGuard<'_, Vec<oneshot::Receiver<()>>> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nothing leave any more: something was not stored that the library confirms.
    pub fn shut(&self) {
        self.shut.cancel();
    }

    /// Waits until nothing leaves any more.
    pub async fn is_shut(&self) {
        self.shut.cancelled().await;
    }

    /// How sessions are stored; said once.
    pub fn set_settle(&self, settle: Settle) {
        let _ = self.settle.set(settle);
    }

    /// Waits until everything is stored that was told before, and what the message that leaves was sealed by.
    ///
    /// # Errors
    /// When it could not be stored: then nothing may leave.
    pub async fn pass(&self) -> anyhow::Result<()> {
        let _turn = self.turn.lock().await;
        let mut awaited = Awaited { gate: self, receipts: std::mem::take(&mut *self.unstored()) };
        while let Some(is_stored) = awaited.receipts.last_mut() {
            if is_stored.await.is_err() {
                self.shut();
            }
            awaited.receipts.pop();
        }
        if self.shut.is_cancelled() {
            return Err(Shut.into());
        }
        match self.settle.get().and_then(|settle| settle()) {
            Some(settled) => settled.await,
            None => Ok(()),
        }
    }
}

/// Receipts that somebody waits for who wants to pass. Whoever stops waiting, as a connection that is lost meanwhile, leaves them to
/// the next one.
struct Awaited<'g> {
    gate: &'g Gate,
    receipts: Vec<oneshot::Receiver<()>>,
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.gate.unstored().append(&mut self.receipts);
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
        second.send(()).unwrap();
        one.await.unwrap();
        other.await.unwrap();
        assert_eq!(*wire.0.lock().unwrap(), ["before", "one", "other"]);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_lets_nobody_pass() {
        let (wire, gate) = (Arc::new(Wire::default()), Arc::new(Gate::default()));
        let gated = Gated { transport: wire.clone(), gate: gate.clone() };
        let (receipt, is_stored) = oneshot::channel();
        gate.hold(vec![is_stored]);
        let mut lost = gated.send(Bytes::from_static(b"lost"));
        assert!((&mut lost).now_or_never().is_none());
        drop(lost);
        let mut one = gated.send(Bytes::from_static(b"one"));
        assert!((&mut one).now_or_never().is_none());
        receipt.send(()).unwrap();
        one.await.unwrap();
        assert_eq!(*wire.0.lock().unwrap(), ["one"]);
    }

    #[tokio::test]
    async fn nothing_leaves_any_more_once_a_receipt_was_given_up() {
        let (wire, gate) = (Arc::new(Wire::default()), Arc::new(Gate::default()));
        let gated = Gated { transport: wire.clone(), gate: gate.clone() };
        let (receipt, is_stored) = oneshot::channel();
        gate.hold(vec![is_stored]);
        let mut one = gated.send(Bytes::from_static(b"one"));
        assert!((&mut one).now_or_never().is_none());
        drop(receipt);
        assert!(one.await.is_err() && gated.send(Bytes::from_static(b"other")).await.is_err());
        assert!(wire.0.lock().unwrap().is_empty());
    }
}
