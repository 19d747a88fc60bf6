//! The attempts that a device's loop has under way, and whether another one may begin beside them.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

use super::attempt::Ended;
use crate::limits;
use crate::message::Priority;

/// Attempts under way.
#[derive(Debug, Default)]
pub(super) struct Sends {
    tasks: JoinSet<Ended>,
    priorities: HashMap<Id, Priority>,
}

/// How many attempts are under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Running {
    all: usize,
    /// At messages of high priority.
    high: usize,
}

impl Sends {
    pub(super) fn spawn(&mut self, priority: Priority, attempt: impl Future<Output = Ended> + Send + 'static) {
        let task = self.tasks.spawn(attempt);
        self.priorities.insert(task.id(), priority);
    }

    /// Waits for one to end. Nothing is lost when this is not waited for to the end.
    pub(super) async fn join_next(&mut self) -> Option<Result<Ended, JoinError>> {
        let joined = self.tasks.join_next_with_id().await?;
        Some(self.joined(joined))
    }

    /// One that has ended.
    pub(super) fn try_join_next(&mut self) -> Option<Result<Ended, JoinError>> {
        let joined = self.tasks.try_join_next_with_id()?;
        Some(self.joined(joined))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn abort_all(&mut self) {
        self.tasks.abort_all();
    }

    pub(super) fn running(&self) -> Running {
        let high = self.priorities.values().filter(|priority| **priority == Priority::High).count();
        Running { all: self.tasks.len(), high }
    }

    fn joined(&mut self, joined: Result<(Id, Ended), JoinError>) -> Result<Ended, JoinError> {
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        self.priorities.remove(&id);
        joined.map(|(_, ended)| ended)
    }
}

impl Running {
    /// Another one begins.
    pub(super) fn add(&mut self, priority: Priority) {
        self.all += 1;
        self.high += usize::from(priority == Priority::High);
    }

    /// Whether a message of this priority may begin on a device that has `most` attempts under way at a time. One of high priority
    /// waits only for others of its kind, however long the rest take, such as the upload of a large file: there is always room
    /// for one more beside those.
    pub(super) fn has_room(self, priority: Priority, most: usize) -> bool {
        match priority {
            Priority::High => self.high < most && self.all <= limits::DEVICE_SENDS_MAX,
            Priority::Normal | Priority::Bulk => self.all < most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_high_priority_waits_for_its_kind_alone_and_the_others_for_all() {
        for most in [1, limits::DEVICE_SENDS_MAX] {
            let mut running = Running::default();
            while running.has_room(Priority::Bulk, most) {
                running.add(Priority::Bulk);
            }
            assert_eq!(running, Running { all: most, high: 0 });
            assert!(!running.has_room(Priority::Normal, most) && running.has_room(Priority::High, most));
            running.add(Priority::High);
            for priority in Priority::ALL {
                assert!(!running.has_room(priority, most), "{priority:?} {most}");
            }
        }
        let urgent = Running { all: 1, high: 1 };
        assert!(!urgent.has_room(Priority::High, 1) && !urgent.has_room(Priority::Bulk, 1));
    }

    #[test]
    fn a_device_that_becomes_slower_while_it_sends_much_still_sends_one_of_high_priority() {
        let mut running = Running { all: limits::DEVICE_SENDS_MAX, high: 0 };
        assert!(running.has_room(Priority::High, 1) && !running.has_room(Priority::Normal, 1));
        running.add(Priority::High);
        assert!(!running.has_room(Priority::High, 1));
    }
}
