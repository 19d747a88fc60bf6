//! A queue that never holds up who fills it.
//!
//! The client library calls in the middle of its work, with a task for each receipt. To wait there would take a thread of
//! the runtime each, until none is left for whoever is to empty the queue. What is told faster than it is stored lies here
//! meanwhile, up to a bound that no backlog of the service should reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::limits;

/// Where it is filled. Clones fill the same queue.
pub struct Inlet<T> {
    queue: mpsc::UnboundedSender<T>,
    waiting: Arc<AtomicUsize>,
}

/// Where it is emptied.
pub struct Outlet<T> {
    queue: mpsc::UnboundedReceiver<T>,
    waiting: Arc<AtomicUsize>,
}

pub fn queue<T>() -> (Inlet<T>, Outlet<T>) {
    let ((inlet, outlet), waiting) = (mpsc::unbounded_channel(), Arc::new(AtomicUsize::new(0)));
    (Inlet { queue: inlet, waiting: waiting.clone() }, Outlet { queue: outlet, waiting })
}

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), waiting: self.waiting.clone() }
    }
}

impl<T> Inlet<T> {
    pub fn push(&self, value: T) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= limits::NEWS_WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            tracing::error!("WhatsApp sends more than can be stored; some of it is left to its next connection");
        } else {
            // Nobody listens any more when the device is closed.
            let _ = self.queue.send(value);
        }
    }
}

impl<T> Outlet<T> {
    pub async fn pop(&mut self) -> Option<T> {
        let value = self.queue.recv().await?;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(value)
    }

    /// Passes on what comes, until `stop`; then what is there already.
    pub async fn pass_on(mut self, to: mpsc::Sender<T>, stop: CancellationToken) {
        while let Some(Some(value)) = stop.run_until_cancelled(self.pop()).await {
            if to.send(value).await.is_err() {
                return;
            }
        }
        self.queue.close();
        while let Some(value) = self.pop().await {
            if to.send(value).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn more_who_tell_than_there_are_threads_hold_nobody_up_and_lose_nothing() {
        const TASKS: usize = 2_000;
        let (inlet, outlet) = queue();
        let (to, mut end) = mpsc::channel(1);
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for task in 0..TASKS {
            let inlet = inlet.clone();
            tasks.spawn(async move { inlet.push(task) });
        }
        while tasks.join_next().await.is_some() {}
        tasks.spawn(outlet.pass_on(to, stop.clone()));
        stop.cancel();
        let mut came = Vec::new();
        while let Some(task) = end.recv().await {
            came.push(task);
        }
        came.sort_unstable();
        assert_eq!(came, (0..TASKS).collect::<Vec<_>>());
    }
}
