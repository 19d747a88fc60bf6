//! Holds back what goes to WhatsApp while receipts are not stored yet that the client library takes for told.
//!
//! The library confirms a receipt when our handler returns. Where more come at once than may wait in it (`news.rs`), the
//! handler returns at once, and the confirmation is held here, with whatever else would leave: on the way out all is
//! ciphertext, one piece like the other, in an order that cannot be changed. It is held for as long as a commit takes; while
//! the store takes nothing, nothing leaves.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;
use whatsapp_rust::anyhow;
use whatsapp_rust::transport::Transport;

use crate::limits;

#[derive(Default)]
pub struct Gate {
    /// Receipts that are answered once they are stored.
    unstored: Mutex<Vec<oneshot::Receiver<()>>>,
    /// Who passes waits for those that were told before; who comes after him must not overtake him.
    turn: tokio::sync::Mutex<()>,
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

    /// Waits until everything is stored that was told before.
    pub async fn pass(&self) {
        let _turn = self.turn.lock().await;
        let unstored = std::mem::take(&mut *self.unstored.lock().unwrap_or_else(PoisonError::into_inner));
        for is_stored in unstored {
            // What could not be stored is not waited for any longer.
            let _ = is_stored.await;
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
        self.gate.pass().await;
        self.transport.send(data).await
    }

    async fn disconnect(&self) {
        self.transport.disconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

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
