//! What waits comes from the store into the window: the part of the device's loop that loads it.

use super::device::DeviceLoop;
use super::fetches;
use crate::clock::Millis;
use crate::limits;
use crate::message::{Priority, RefNo};
use crate::store::{Behind, StoreError};

const POLL_MS: Millis = limits::POLL_MS as Millis;

impl DeviceLoop {
    /// Looks for what other processes accepted, once in [`limits::POLL_MS`], however much happens here.
    pub(super) fn poll(&mut self) {
        let now = self.parts.clock.now();
        if now >= self.poll_at {
            self.poll_at = now + POLL_MS;
            self.may_load = [true; 3];
        }
    }

    /// Fills the window from the store: each priority by itself, so that a long queue at one is not in the way of the others.
    pub(super) async fn load(&mut self) -> Result<(), StoreError> {
        let behind =
            Priority::ALL.map(|priority| Behind { after: self.window.cursor(priority), rows: self.rows_of(priority) });
        if behind.iter().all(|behind| behind.rows == 0) {
            return Ok(());
        }
        let found = self.parts.store.find_waiting(&self.lease.device_id, behind).await?;
        for (priority, behind) in Priority::ALL.into_iter().zip(behind).filter(|(_, behind)| behind.rows > 0) {
            let count = found.iter().filter(|waiting| waiting.priority == priority).count();
            self.may_load[priority.index()] = count == behind.rows;
        }
        let now = self.parts.clock.now();
        for waiting in found {
            let Some(ref_no) = RefNo::parse(&waiting.ref_no) else { continue };
            let job = fetches::job_of(ref_no, waiting);
            if job.needs_file {
                self.fetches.want(&job, Some(now));
            }
            self.window.push(job);
        }
        Ok(())
    }

    /// Messages of these priorities were accepted.
    pub(super) fn expect(&mut self, priorities: [bool; 3]) {
        for (may_load, accepted) in self.may_load.iter_mut().zip(priorities) {
            *may_load |= accepted;
        }
    }

    /// Whether there is room for more, and may be more.
    pub(super) fn may_load_more(&self) -> bool {
        Priority::ALL.into_iter().any(|priority| self.rows_of(priority) > 0)
    }

    /// How many messages of a priority may be loaded now.
    fn rows_of(&self, priority: Priority) -> usize {
        let room = self.window.room(priority);
        // Half a window at once, so that a long queue is not asked for message by message.
        let may_load = self.may_load[priority.index()] && room >= limits::DEVICE_WINDOW_MESSAGES_MAX / 2;
        if may_load { room } else { 0 }
    }
}
