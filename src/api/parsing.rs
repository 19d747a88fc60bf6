//! Large bodies are parsed apart from the tasks that answer requests, and few at once: one alone takes long enough for others to notice.

use super::Api;
use super::problem::Problem;
use super::turns::{TooMany, Turns};
use crate::limits;

/// Half of the processors are left to everything else.
pub fn turns() -> Turns {
    let at_once = std::thread::available_parallelism().map_or(1, |processors| processors.get() / 2).max(1);
    Turns::new(at_once, 1, limits::LARGE_BODIES_OF_CLIENT_WAITING_MAX)
}

impl Api {
    /// Does work that takes as long as a body has bytes: that of a large one when it is its client's turn, while this thread's other
    /// tasks go on elsewhere.
    ///
    /// # Errors
    /// 429 when too many large bodies of the client wait.
    pub async fn parse<T>(&self, client_id: i64, bytes: usize, work: impl FnOnce() -> T) -> Result<T, Problem> {
        apart(&self.parsing, client_id, bytes, work).await.map_err(|TooMany| Problem::BodiesBusy)
    }
}

async fn apart<T>(turns: &Turns, client_id: i64, bytes: usize, work: impl FnOnce() -> T) -> Result<T, TooMany> {
    if bytes <= limits::SMALL_BODY_BYTES_MAX {
        return Ok(work());
    }
    let _turn = turns.take(client_id).await?;
    Ok(tokio::task::block_in_place(work))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    use tokio::task::JoinSet;

    use super::*;

    const LARGE: usize = limits::SMALL_BODY_BYTES_MAX + 1;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn large_bodies_hold_up_no_other_request_and_are_parsed_one_after_another() {
        let (turns, parsed, mut tasks) = (Arc::new(Turns::new(1, 1, 8)), Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let (go_on, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (at, count) = (Arc::clone(&turns), Arc::clone(&parsed));
        tasks.spawn(async move {
            let work = move || {
                begun.send(()).expect("somebody waits");
                wait.recv().expect("a word");
                count.fetch_add(1, Ordering::SeqCst)
            };
            assert_eq!(apart(&at, 1, LARGE, work).await, Ok(0));
        });
        has_begun.await.expect("it begins");
        for (client_id, bytes) in [(1, LARGE), (2, LARGE)] {
            let (at, count) = (Arc::clone(&turns), Arc::clone(&parsed));
            tasks.spawn(async move {
                let nth = apart(&at, client_id, bytes, || count.fetch_add(1, Ordering::SeqCst)).await;
                assert!(nth.is_ok_and(|nth| nth > 0), "{client_id}");
            });
        }
        // The only thread of the runtime parses the first; a short body of anybody is parsed all the same.
        let at = Arc::clone(&turns);
        let mut short = JoinSet::new();
        short.spawn(async move { apart(&at, 1, LARGE - 1, || ()).await });
        assert_eq!(short.join_all().await, [Ok(())]);
        assert_eq!(parsed.load(Ordering::SeqCst), 0);
        go_on.send(()).expect("it waits");
        tasks.join_all().await;
        assert_eq!(parsed.load(Ordering::SeqCst), 3);
    }
}
