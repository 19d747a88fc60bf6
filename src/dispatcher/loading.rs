//! What waits comes from the store into the window: the part of the device's loop that loads it.

use std::collections::HashSet;

use super::device::DeviceLoop;
use super::fetches;
use super::queue::{Blocking, Job};
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, RefNo};
use crate::phone;
use crate::store::{Behind, Step, StoreError, Waiting};

impl DeviceLoop {
    /// Looks for what other processes did, once in [`limits::POLL_MS`], however much happens here: what they accepted at any
    /// priority is to be loaded, and what they ended holds up no line.
    pub(super) async fn poll(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        if is_set_back(self.poll_at, now) {
            self.look_again(now);
        } else if now < self.poll_at {
            return Ok(());
        }
        self.poll_at = now + POLL_MS;
        self.may_load = [true; 3];
        let mut untold = self.window.blocking();
        untold.extend(self.window.next_held(limits::DEVICE_WINDOW_MESSAGES_MAX));
        self.drop_ended(&untold).await?;
        self.report_late_acknowledgements(now).await
    }

    /// The wall clock was set back: what is looked for at a moment is looked for now, not when the clock shows that moment again.
    fn look_again(&mut self, now: Millis) {
        (self.media_at, self.files_at, self.unreadable_at) = (0, 0, 0);
        self.held.hear_again();
        self.bound_slot(now);
    }

    /// Stores that acknowledgements are awaited that have not come for a while, so that it can be said why others wait.
    async fn report_late_acknowledgements(&mut self, now: Millis) -> Result<(), StoreError> {
        let mut steps = Vec::new();
        while self.written.front().is_some_and(|(late_at, ..)| *late_at <= now) {
            let Some((_, ref_no, until)) = self.written.pop_front() else { break };
            if self.window.deadline(&ref_no) == Some(until) {
                steps.push((ref_no, Step::Unacknowledged { until }));
            }
        }
        self.record_steps(steps).await
    }

    /// Those of these waiting messages that have been cancelled or have expired leave the window: what is behind them goes on.
    pub(super) async fn drop_ended(&mut self, waiting: &[Blocking]) -> Result<(), StoreError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let seqs: Vec<i64> = waiting.iter().map(|one| one.seq).collect();
        let ended: HashSet<i64> = self.parts.store.find_ended(&seqs).await?.into_iter().collect();
        for one in waiting.iter().filter(|one| ended.contains(&one.seq)) {
            self.window.remove(one);
            self.counts.remove(&one.ref_no);
            self.fetches.end(&one.ref_no);
            self.fetches.left(&one.ref_no);
        }
        Ok(())
    }

    /// Fills the window from the store: each priority by itself, so that a long queue at one is not in the way of the others.
    pub(super) async fn load(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        self.window.wake(now);
        self.refill().await?;
        let behind = Priority::ALL
            .map(|priority| Behind { after: self.window.cursor(priority), rows: self.rows_of(priority, now) });
        if behind.iter().all(|behind| behind.rows == 0) {
            return Ok(());
        }
        let found = self.parts.store.find_waiting(&self.lease.device_id, behind).await?;
        for (priority, behind) in Priority::ALL.into_iter().zip(behind).filter(|(_, behind)| behind.rows > 0) {
            let count = found.iter().filter(|waiting| waiting.priority == priority).count();
            self.may_load[priority.index()] = count == behind.rows;
        }
        for job in self.jobs_of(found).await? {
            let with_file = job.needs_file.then(|| job.clone());
            if self.window.push(job)
                && let Some(job) = with_file
            {
                self.fetches.want(&job, Some(now));
            }
        }
        Ok(())
    }

    /// Loads the next messages of lines that have moved on.
    async fn refill(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        for line in self.window.short(limits::LINES_AT_ONCE_MAX) {
            let rows = limits::LINE_MESSAGES_MAX;
            let behind = Behind { after: line.after, rows };
            let (id, mut found) = (&self.lease.device_id, Vec::new());
            for form in phone::forms_of(&line.recipient) {
                found.extend(self.parts.store.find_waiting_of(id, &form, line.priority, behind, line.until).await?);
            }
            found.sort_unstable_by_key(|waiting| waiting.seq);
            found.truncate(rows);
            let is_all = found.len() < rows;
            let jobs = self.jobs_of(found).await?;
            for job in jobs.iter().filter(|job| job.needs_file) {
                self.fetches.want(job, Some(now));
            }
            self.window.refill(&line, jobs, is_all);
        }
        Ok(())
    }

    /// What was loaded, as it stands in the window. An attempt that an earlier process began ended with it: the message is sent
    /// again in its turn, under the same id.
    async fn jobs_of(&mut self, found: Vec<Waiting>) -> Result<Vec<Job<Waiting>>, StoreError> {
        let now = self.parts.clock.now();
        let (mut jobs, mut steps) = (Vec::with_capacity(found.len()), Vec::new());
        for mut waiting in found {
            let Some(ref_no) = RefNo::parse(&waiting.ref_no) else { continue };
            if waiting.under_way_at.is_some() && !self.counts.contains_key(&ref_no) {
                waiting.due_at = now;
                steps.push((ref_no.clone(), Step::Interrupted { at: now }));
            }
            jobs.push(fetches::job_of(ref_no, waiting));
        }
        self.record_steps(steps).await?;
        Ok(jobs)
    }

    /// Messages of these priorities were accepted.
    pub(super) fn expect(&mut self, priorities: [bool; 3]) {
        for (may_load, accepted) in self.may_load.iter_mut().zip(priorities) {
            *may_load |= accepted;
        }
    }

    /// Whether there is room for more, and may be more.
    pub(super) fn may_load_more(&self) -> bool {
        let now = self.parts.clock.now();
        !self.window.short(1).is_empty() || Priority::ALL.into_iter().any(|priority| self.rows_of(priority, now) > 0)
    }

    /// How many messages of a priority may be loaded now.
    fn rows_of(&self, priority: Priority, now: Millis) -> usize {
        let room = self.window.room(priority);
        // Half a window at once, so that a long queue is not asked for message by message; fewer when nothing here can leave.
        let rows_min = match self.window.is_stuck(priority, now) {
            true => limits::DEVICE_WINDOW_MESSAGES_MAX / 8,
            false => limits::DEVICE_WINDOW_MESSAGES_MAX / 2,
        };
        if self.may_load[priority.index()] && room >= rows_min { room } else { 0 }
    }
}

const POLL_MS: Millis = limits::POLL_MS as Millis;

/// Whether the wall clock was set back: the next poll is never further away than this.
fn is_set_back(poll_at: Millis, now: Millis) -> bool {
    poll_at > now + POLL_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_is_further_away_than_it_ever_is_shows_that_the_clock_was_set_back() {
        let (now, hour) = (1_790_000_000_000, 3_600_000);
        for (poll_at, is_it) in [
            (0, false),
            (now - hour, false),
            (now, false),
            (now + POLL_MS, false),
            (now + POLL_MS + 1, true),
            (now + hour, true),
        ] {
            assert_eq!(is_set_back(poll_at, now), is_it, "{poll_at}");
        }
    }
}
