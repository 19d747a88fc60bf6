//! Imports under way: files whose rows are queued in the background, over the API, as the person who wants it. They are in
//! memory alone: what a restart ends is imported again, and the API queues no row twice.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::rows::{Checked, NotImported, Ready, Refused, take};
use crate::api::idempotency::REPLAYED;
use crate::campaign::Row;
use crate::clock::Millis;
use crate::console::Console;
use crate::console::visit::Visit;
use crate::limits;

/// Between two offers of a row that could not be taken.
const AGAIN: Duration = Duration::from_secs(1);

/// Every import that is remembered, the latest last.
pub struct Imports {
    all: Mutex<Vec<Arc<Import>>>,
    turns: Semaphore,
    tasks: TaskTracker,
}

impl Default for Imports {
    fn default() -> Self {
        Self {
            all: Mutex::default(),
            turns: Semaphore::new(limits::IMPORTS_AT_ONCE_MAX),
            tasks: TaskTracker::default(),
        }
    }
}

/// A file, and how far it is.
pub struct Import {
    pub id: String,
    pub client_id: i64,
    pub person_id: i64,
    pub file_name: String,
    pub campaign: String,
    pub queue: String,
    pub begun_at: Millis,
    /// Rows that passed the check.
    pub rows: usize,
    /// Rows that did not.
    pub refused_at_first: usize,
    /// The first rows, to look at.
    pub first: Vec<Row>,
    /// Of the file and the campaign's name.
    hash: String,
    progress: Mutex<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is looked at; nothing is queued.
    Checked,
    Running,
    Done,
    /// The other rows were not queued.
    Stopped,
}

/// How far an import is.
#[derive(Debug, Clone)]
pub struct Progress {
    pub state: State,
    pub accepted: usize,
    /// Queued by an earlier import of the same file.
    pub known: usize,
    pub refused: Vec<Refused>,
    /// Why it stopped.
    pub reason: String,
    touched_at: Millis,
    /// What is still to be offered, the last first.
    waiting: Vec<Ready>,
}

/// How the offer of a row ended.
enum End {
    Accepted,
    Known,
    Refused(String),
    Stopped(String),
}

impl Imports {
    /// Remembers a checked file; gives its import's id.
    ///
    /// # Errors
    /// [`NotImported::Busy`] when there is no room.
    pub fn add(
        &self,
        visit: &Visit,
        file_name: &str,
        campaign: &str,
        queue: &str,
        checked: Checked,
    ) -> Result<String, NotImported> {
        let clock = &visit.console().api.clock;
        let now = clock.now();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now - limits::IMPORT_KEPT_HOURS * 3_600_000;
        all.retain(|import| import.state() == State::Running || import.look().touched_at > since);
        if all.len() >= limits::IMPORTS_MAX {
            // One that ended gives way, else one of the same person that waits for a word.
            let ended = |import: &Arc<Import>| matches!(import.state(), State::Done | State::Stopped);
            let own = |import: &Arc<Import>| import.state() == State::Checked && import.person_id == visit.person().id;
            let at = all.iter().position(ended).or_else(|| all.iter().position(own)).ok_or(NotImported::Busy)?;
            all.remove(at);
        }
        let id = clock.new_id();
        all.push(Arc::new(Import {
            id: id.clone(),
            client_id: visit.client().id,
            person_id: visit.person().id,
            file_name: file_name.to_owned(),
            campaign: campaign.to_owned(),
            queue: queue.to_owned(),
            begun_at: now,
            rows: checked.ready.len(),
            refused_at_first: checked.refused.len(),
            first: checked.first,
            hash: checked.hash,
            progress: Mutex::new(Progress {
                state: State::Checked,
                accepted: 0,
                known: 0,
                refused: checked.refused,
                reason: String::new(),
                touched_at: now,
                waiting: checked.ready,
            }),
        }));
        Ok(id)
    }

    /// The imports that somebody may see, the latest first.
    pub fn of(&self, visit: &Visit) -> Vec<Arc<Import>> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let is_seen = |import: &&Arc<Import>| {
            import.client_id == visit.client().id && (visit.manages() || import.person_id == visit.person().id)
        };
        all.iter().rev().filter(is_seen).cloned().collect()
    }

    /// Forgets one that is not under way.
    pub fn drop(&self, id: &str) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|import| import.id != id || import.state() == State::Running);
    }

    /// Queues the rows of a checked import in the background. One that was begun already goes on as it does.
    pub fn begin(&self, visit: Visit, import: Arc<Import>) {
        let is_first = {
            let mut progress = import.progress.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut progress.state, State::Running) == State::Checked
        };
        if is_first {
            self.tasks.spawn(queue(visit, import));
        }
    }

    /// Waits until none is under way; they end by the console's `stop`.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Import {
    pub fn look(&self) -> Progress {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Progress {
            waiting: Vec::new(),
            refused: progress.refused.clone(),
            reason: progress.reason.clone(),
            ..*progress
        }
    }

    fn state(&self) -> State {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).state
    }

    fn end(&self, state: State, reason: &str, now: Millis) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.state = state;
        progress.reason = reason.to_owned();
        progress.touched_at = now;
        progress.waiting = Vec::new();
        progress.refused.sort_by_key(|refused| refused.line);
    }

    fn take(&self) -> Vec<Ready> {
        take(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }
}

/// Offers every row.
async fn queue(visit: Visit, import: Arc<Import>) {
    let console = visit.console().clone();
    let now = || console.api.clock.now();
    let stopped = visit.t("the gateway was stopped", "gateway dihentikan");
    let Some(Ok(_turn)) = console.stop.run_until_cancelled(console.imports.turns.acquire()).await else {
        return import.end(State::Stopped, stopped, now());
    };
    loop {
        let batch = import.take();
        if batch.is_empty() {
            return import.end(State::Done, "", now());
        }
        // Who may send nothing any more imports nothing any more.
        let person = console.api.store.find_person(&visit.person().userid).await;
        if !person.is_ok_and(|person| person.is_some_and(|person| !person.disabled)) {
            let reason =
                visit.t("the person who began it is not known any more", "orang yang memulainya tidak dikenal lagi");
            return import.end(State::Stopped, reason, now());
        }
        let ends = join_all(batch.iter().map(|ready| offer(&visit, &console, &import.hash, ready))).await;
        let mut broken = None;
        {
            let mut progress = import.progress.lock().unwrap_or_else(PoisonError::into_inner);
            for (ready, end) in batch.into_iter().zip(ends) {
                match end {
                    End::Accepted => progress.accepted += 1,
                    End::Known => progress.known += 1,
                    End::Refused(reason) => {
                        progress.refused.push(Refused { line: ready.line, destination: ready.recipient, reason });
                    }
                    End::Stopped(reason) => broken = Some(reason),
                }
            }
        }
        if let Some(reason) = broken {
            return import.end(State::Stopped, &reason, now());
        }
    }
}

/// Offers a row until it is taken or refused.
async fn offer(visit: &Visit, console: &Console, hash: &str, ready: &Ready) -> End {
    let mut said = String::new();
    for _ in 0..limits::IMPORT_TRIES_MAX {
        let request = Request::post(ready.path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("console-import:{hash}:{}", ready.line))
            .body(Body::from(ready.body.clone()));
        let Ok(request) = request else { return End::Refused("it makes no request".into()) };
        let response = visit.forward(request).await;
        let (status, is_known) = (response.status(), response.headers().contains_key(REPLAYED));
        if status.is_success() {
            return if is_known { End::Known } else { End::Accepted };
        }
        let bytes = axum::body::to_bytes(response.into_body(), limits::BODY_BYTES_MAX).await.unwrap_or_default();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        said = answer["message"].as_str().unwrap_or("the gateway did not say why").to_owned();
        if !matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT) {
            return End::Refused(said);
        }
        if console.stop.run_until_cancelled(console.api.clock.sleep(AGAIN)).await.is_none() {
            break;
        }
    }
    End::Stopped(said)
}
