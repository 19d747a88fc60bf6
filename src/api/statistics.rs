//! A client's statistics: counted seldom, kept in memory, shown often. Called by `manage/statistics.rs`.
//!
//! Counting reads every message of the client, which takes a second for a million of them; the console's first page asks each
//! second. So what was counted is shown for a minute, and for a moment longer while it is counted anew. What takes long is counted
//! more seldom: counting takes one part in twenty of a processor at the most. Only who asks first waits, and only if he wants to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::Api;
use crate::clock::Millis;
use crate::limits;
use crate::store::{StoreError, Tally, WaitingPush};

const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 24 * HOUR_MS;

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    pub as_of: Millis,
    /// When they are too old.
    pub until: Millis,
    pub all: Part,
    /// Those of [`Figures::all`] that a sandbox handled.
    pub sandbox: Part,
    /// Messages that wait, by device; only devices that have some.
    pub queues: Vec<(String, i64)>,
    pub pushes_waiting: i64,
    pub oldest_push: Option<WaitingPush>,
}

/// What was counted of a client's messages, or of a part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// By the state that they are in.
    pub totals: Totals,
    /// This hour and those before it, oldest first.
    pub hours: Vec<Span>,
    /// This UTC day and those before it, oldest first.
    pub days: Vec<Span>,
}

/// Messages by the state that they are in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub waiting: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub aborted: i64,
}

/// What happened in an hour or on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Millis,
    pub accepted: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub aborted: i64,
}

/// What was counted last, client by client.
pub struct Statistics {
    kept: Mutex<HashMap<i64, Kept>>,
    room: Semaphore,
    tasks: TaskTracker,
}

/// One client's.
#[derive(Clone, Default)]
struct Kept {
    latest: Arc<Mutex<Option<Arc<Figures>>>>,
    /// Held by who counts.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            room: Semaphore::new(limits::STATISTICS_AT_ONCE_MAX),
            tasks: TaskTracker::default(),
        }
    }
}

/// A number of a [`Span`].
type Field = fn(&mut Span) -> &mut i64;

impl Figures {
    /// What there is before anything was counted.
    fn nothing(now: Millis) -> Self {
        Self {
            as_of: now,
            until: now + limits::STATISTICS_MS,
            all: Part::nothing(now),
            sandbox: Part::nothing(now),
            queues: Vec::new(),
            pushes_waiting: 0,
            oldest_push: None,
        }
    }

    fn add(&mut self, tallies: &[Tally]) {
        for tally in tallies {
            self.all.add(tally);
            if tally.sandbox {
                self.sandbox.add(tally);
            }
        }
    }
}

impl Part {
    fn nothing(now: Millis) -> Self {
        let [hours_from, days_from] = beginnings(now);
        let spans = |count: usize, from: Millis, length: Millis| -> Vec<Span> {
            (0..whole(count)).map(|at| Span { from: from + at * length, ..Span::default() }).collect()
        };
        Self {
            totals: Totals::default(),
            hours: spans(limits::STATISTICS_HOURS, hours_from, HOUR_MS),
            days: spans(limits::STATISTICS_DAYS, days_from, DAY_MS),
        }
    }

    /// Adds what was counted to its states, its hours and its days.
    fn add(&mut self, tally: &Tally) {
        let totals = &mut self.totals;
        match tally.status.as_str() {
            "S" => totals.sent += tally.messages,
            "D" => totals.delivered += tally.messages,
            "R" => totals.read += tally.messages,
            "A" => totals.aborted += tally.messages,
            _ => totals.waiting += tally.messages,
        }
        let events: [(Option<i64>, Field); 5] = [
            (tally.created_at, |span| &mut span.accepted),
            (tally.sent_at, |span| &mut span.sent),
            (tally.delivered_at, |span| &mut span.delivered),
            (tally.read_at, |span| &mut span.read),
            (tally.aborted_at, |span| &mut span.aborted),
        ];
        for (hour, field) in events {
            let Some(at) = hour.map(|hour| hour * HOUR_MS) else { continue };
            for (spans, length) in [(&mut self.hours, HOUR_MS), (&mut self.days, DAY_MS)] {
                if let Some(span) = span_of(spans, length, at) {
                    *field(span) += tally.messages;
                }
            }
        }
    }
}

/// The span in which `at` is; what is older than the first, or of a clock that was ahead, is in none.
fn span_of(spans: &mut [Span], length: Millis, at: Millis) -> Option<&mut Span> {
    let number = (at - spans.first()?.from).div_euclid(length);
    usize::try_from(number).ok().and_then(|number| spans.get_mut(number))
}

impl Statistics {
    /// Waits until nothing is counted any more.
    pub async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn of(&self, client_id: i64) -> Kept {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= limits::STATISTICS_CLIENTS_MAX && !kept.contains_key(&client_id) {
            kept.clear();
        }
        kept.entry(client_id).or_default().clone()
    }
}

impl Kept {
    fn latest(&self) -> Option<Arc<Figures>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, figures: Arc<Figures>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }
}

impl Api {
    /// A client's statistics, about a minute old at the most where somebody asks all the time.
    ///
    /// # Errors
    /// When the store cannot be read, and nothing was counted before.
    pub async fn statistics_of(&self, client_id: i64) -> Result<Arc<Figures>, StoreError> {
        let kept = self.statistics.of(client_id);
        if let Some(figures) = kept.latest() {
            if self.clock.now() >= figures.until {
                self.count_aside(client_id, kept);
            }
            return Ok(figures);
        }
        let _turn = kept.turn.lock().await;
        // Somebody may have counted while this one waited for his turn.
        if let Some(figures) = kept.latest() {
            return Ok(figures);
        }
        let figures = Arc::new(self.count(client_id).await?);
        kept.keep(Arc::clone(&figures));
        Ok(figures)
    }

    /// A client's statistics, if they were counted before or can be within a moment; else they are there later.
    pub async fn statistics_soon(&self, client_id: i64) -> Option<Arc<Figures>> {
        let kept = self.statistics.of(client_id);
        let latest = kept.latest();
        if latest.as_ref().is_none_or(|figures| self.clock.now() >= figures.until) {
            self.count_aside(client_id, kept.clone());
        }
        if latest.is_none() {
            let patience = Duration::from_millis(limits::STATISTICS_WAIT_MS);
            let _ = self.clock.within(patience, kept.turn.lock()).await;
        }
        kept.latest()
    }

    /// Counts while nobody waits, unless somebody does so already.
    fn count_aside(&self, client_id: i64, kept: Kept) {
        let Ok(turn) = Arc::clone(&kept.turn).try_lock_owned() else { return };
        let api = self.clone();
        self.statistics.tasks.spawn(async move {
            match api.count(client_id).await {
                Ok(figures) => kept.keep(Arc::new(figures)),
                Err(error) => tracing::warn!(%error, client_id, "statistics cannot be counted"),
            }
            drop(turn);
        });
    }

    async fn count(&self, client_id: i64) -> Result<Figures, StoreError> {
        // It is never closed.
        let _room = self.statistics.room.acquire().await;
        let now = self.clock.now();
        let [hours_from, days_from] = beginnings(now);
        let mut figures = Figures::nothing(now);
        let end = self.store.find_end_of_messages().await?;
        for from in (0..end).step_by(limits::STATISTICS_ROWS_AT_ONCE) {
            let seqs = from..from.saturating_add(whole(limits::STATISTICS_ROWS_AT_ONCE)).min(end);
            figures.add(&self.store.tally_messages(client_id, hours_from, days_from, seqs).await?);
        }
        let queues = self.store.count_waiting_of(client_id).await?;
        let (pushes_waiting, oldest_push) = self.store.find_waiting_pushes(client_id).await?;
        let until = now + limits::STATISTICS_MS.max((self.clock.now() - now) * limits::STATISTICS_SHARE);
        Ok(Figures { queues, pushes_waiting, oldest_push, until, ..figures })
    }
}

/// When the first of the hours, and the first of the days, begins.
fn beginnings(now: Millis) -> [Millis; 2] {
    let first_hour = now.div_euclid(HOUR_MS) - whole(limits::STATISTICS_HOURS) + 1;
    let first_day = now.div_euclid(DAY_MS) - whole(limits::STATISTICS_DAYS) + 1;
    [first_hour * HOUR_MS, first_day * DAY_MS]
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-09-21T14:26:40Z.
    const NOW: Millis = 1_790_000_800_000;

    fn tally(status: &str, created_at: Option<i64>, read_at: Option<i64>, messages: i64) -> Tally {
        let status = status.to_owned();
        Tally {
            status,
            sandbox: messages == 2,
            created_at,
            sent_at: None,
            delivered_at: None,
            read_at,
            aborted_at: None,
            messages,
        }
    }

    #[test]
    fn what_happened_is_in_its_hour_and_on_its_day() {
        let hour = NOW / HOUR_MS;
        let midnight = hour / 24 * 24;
        let mut figures = Figures::nothing(NOW);
        figures.add(&[
            tally("R", Some(hour - 23), Some(hour), 2),
            tally("Q", Some(midnight - 29 * 24), None, 3),
            tally("A", Some(midnight - 30 * 24), None, 4),
            tally("S", None, None, 5),
            tally("D", Some(hour + 24), None, 6),
        ]);
        let sandbox = &figures.sandbox;
        assert_eq!(sandbox.totals, Totals { read: 2, ..Totals::default() });
        assert_eq!((sandbox.hours[0].accepted, sandbox.hours[23].read, sandbox.days[0].accepted), (2, 2, 0));
        let figures = figures.all;
        assert_eq!(figures.totals, Totals { waiting: 3, sent: 5, delivered: 6, read: 2, aborted: 4 });
        assert_eq!((figures.hours.len(), figures.days.len()), (24, 30));
        let (first, last) = (figures.hours[0], figures.hours[23]);
        assert_eq!((first.from, first.accepted, first.read), ((hour - 23) * HOUR_MS, 2, 0));
        assert_eq!((last.from, last.accepted, last.read), (hour * HOUR_MS, 0, 2));
        let accepted: Vec<i64> = figures.days.iter().map(|day| day.accepted).filter(|count| *count > 0).collect();
        assert_eq!((accepted, figures.days[0].accepted, figures.days[28].accepted), (vec![3, 2], 3, 2));
        assert_eq!((figures.days[29].from, figures.days[29].read), (midnight * HOUR_MS, 2));
    }
}
