//! Keeps the gateway's loops running. A loop that ends although nobody stopped it, by a panic or by returning, is logged,
//! counted and started again, later each time it happens soon again. What is down meanwhile is listed by `/readyz`.
//!
//! Used by `app.rs` for the loops of the process, by `dispatcher/` for the loop of each device, and by the store's writer.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Millis, millis};
use crate::limits;
use crate::telemetry;

/// What a loop is to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Without it messages do not go out or come in: the gateway is not ready while it is down.
    Vital,
    /// Only a part of the gateway stands still without it, such as one device.
    Partial,
}

/// A loop that is down, and will be started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    pub task: String,
    pub role: Role,
    pub since: Millis,
    /// When it is started again.
    pub until: Millis,
}

/// Knows which loops are down. Cheap to clone; all clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    down: Arc<Mutex<BTreeMap<String, Down>>>,
    #[cfg(feature = "simulated-network")]
    faults: tokio::sync::watch::Sender<BTreeMap<String, u64>>,
}

/// How long to wait before the next start: doubled each time, and short again after a loop ran for a while.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after a run of `ran_ms`.
    pub fn next(&mut self, ran_ms: Millis) -> Duration {
        if ran_ms >= limits::RESTART_FORGIVEN_MS {
            self.failures = 0;
        }
        let wait = limits::RESTART_MS_MIN.saturating_mul(1 << self.failures.min(16)).min(limits::RESTART_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(wait)
    }
}

/// A future panicked; the panic itself is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it panicked: {0}")]
pub struct Panicked(pub String);

/// Runs `future` so that its panic ends nothing but itself.
///
/// # Errors
/// [`Panicked`], with what the panic said.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| Panicked(text_of(&*panic)))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}

/// Logs and counts that a task ended although nobody stopped it. `task` is its name in the metrics.
pub fn report(task: &'static str, reason: &str) {
    tracing::error!(task, reason, "a task ended unexpectedly; it is started again");
    metrics::counter!(telemetry::TASK_RESTARTS, "task" => task).increment(1);
}

impl Supervisor {
    /// Runs what `start` makes until `stop`; starts it again whenever it ends before.
    pub async fn keep<F, T>(self, task: &'static str, clock: Clock, stop: CancellationToken, mut start: F)
    where
        F: FnMut() -> T,
        T: Future<Output = ()>,
    {
        let mut backoff = Backoff::default();
        loop {
            let started_at = clock.now();
            let ended = self.run(task, start()).await;
            if stop.is_cancelled() {
                if let Err(panicked) = ended {
                    tracing::error!(task, %panicked, "a task did not stop in order");
                }
                return;
            }
            let wait = backoff.next(clock.now() - started_at);
            report(task, &ended.err().map_or_else(|| "it returned".to_owned(), |panicked| panicked.to_string()));
            self.mark_down(task, Role::Vital, clock.now(), clock.now() + millis(wait));
            stop.run_until_cancelled(clock.sleep(wait)).await;
            self.mark_up(task);
        }
    }

    /// Runs one task once. A story can make it panic: see `panic_at`.
    ///
    /// # Errors
    /// [`Panicked`].
    pub async fn run<T: Future>(&self, task: &str, future: T) -> Result<T::Output, Panicked> {
        #[cfg(feature = "simulated-network")]
        return caught(async {
            let mut faults = self.faults.subscribe();
            let before = faults.borrow_and_update().get(task).copied();
            tokio::select! {
                ended = future => ended,
                _ = faults.wait_for(|faults| faults.get(task).copied() != before) => panic!("a story wanted it"),
            }
        })
        .await;
        #[cfg(not(feature = "simulated-network"))]
        {
            let _ = task;
            caught(future).await
        }
    }

    /// Makes the task of this name panic, once. Only in builds for tests: they speak to a simulated network alone.
    #[cfg(feature = "simulated-network")]
    pub fn panic_at(&self, task: &str) {
        self.faults.send_modify(|faults| *faults.entry(task.to_owned()).or_default() += 1);
    }

    pub fn mark_down(&self, task: &str, role: Role, since: Millis, until: Millis) {
        let mut down = self.down();
        let since = down.get(task).map_or(since, |down| down.since);
        down.insert(task.to_owned(), Down { task: task.to_owned(), role, since, until });
    }

    pub fn mark_up(&self, task: &str) {
        self.down().remove(task);
    }

    /// What is down now, by name.
    pub fn list(&self) -> Vec<Down> {
        self.down().values().cloned().collect()
    }

    fn down(&self) -> MutexGuard<'_, BTreeMap<String, Down>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_task_that_fails_again_and_again_is_started_less_and_less_often() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.next(0).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoff.next(limits::RESTART_FORGIVEN_MS).as_millis(), 500);
    }

    #[tokio::test]
    async fn a_task_that_panics_or_returns_is_listed_and_started_again() {
        let (supervisor, clock, stop) = (Supervisor::default(), Clock::held(1_000), CancellationToken::new());
        let starts = Arc::new(AtomicUsize::new(0));
        let (counted, stopped) = (Arc::clone(&starts), stop.clone());
        let kept = supervisor.clone().keep("push", clock.clone(), stop.clone(), move || {
            let (start, stopped) = (counted.fetch_add(1, Ordering::Relaxed), stopped.clone());
            async move {
                match start {
                    0 => panic!("the first time"),
                    1 => {}
                    _ => stopped.cancelled().await,
                }
            }
        });
        tokio::pin!(kept);
        for (start, wait) in [(1, 500), (2, 1_000)] {
            assert!((&mut kept).now_or_never().is_none());
            let (since, until) = (clock.now(), clock.now() + wait);
            let down = Down { task: "push".into(), role: Role::Vital, since, until };
            assert_eq!((supervisor.list(), starts.load(Ordering::Relaxed)), (vec![down], start));
            clock.advance(Duration::from_millis(wait.unsigned_abs()));
        }
        assert!((&mut kept).now_or_never().is_none());
        assert_eq!((supervisor.list(), starts.load(Ordering::Relaxed)), (vec![], 3));
        stop.cancel();
        kept.await;
    }

    #[tokio::test]
    async fn a_panic_is_told_by_its_own_words() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        assert_eq!(caught(async { panic!("one {}", 1) }).await, Err::<(), _>(Panicked("one 1".into())));
        assert_eq!(caught(async { panic!("two") }).await, Err::<(), _>(Panicked("two".into())));
    }
}
