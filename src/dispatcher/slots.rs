//! What a server is known for, how many downloads servers of each standing may have at once, and who waits for one. Pure.

use std::collections::BTreeMap;

use crate::bell::QueueBell;
use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;

/// What a server is known for. Each standing has slots of its own: hundreds of dead servers take none from those that answer, and those
/// that failed take none from those that were never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Answers,
    New,
    Failing,
}

impl Standing {
    pub const ALL: [Self; 3] = [Self::Answers, Self::New, Self::Failing];

    pub fn index(self) -> usize {
        self as usize
    }

    /// Downloads at once of a device, and of a node.
    fn fetches_max(self) -> (usize, usize) {
        match self {
            Self::Answers => (limits::DEVICE_FETCHES_MAX, limits::NODE_FETCHES_MAX),
            Self::New => (limits::DEVICE_NEW_FETCHES_MAX, limits::NODE_NEW_FETCHES_MAX),
            Self::Failing => (limits::DEVICE_FAILING_FETCHES_MAX, limits::NODE_FAILING_FETCHES_MAX),
        }
    }

    /// Downloads at once of a device, of this priority or a higher one.
    pub fn of_device(self, priority: Priority) -> usize {
        self.fetches_max().0 - limits::DEVICE_FETCHES_KEPT[priority.index()]
    }

    /// The same of a node.
    pub fn of_node(self, priority: Priority) -> usize {
        self.fetches_max().1 - limits::NODE_FETCHES_KEPT[priority.index()]
    }

    /// How long a download may take while others wait for its slot; `failed` earlier ones of the same file did not end well.
    pub fn patience_ms(self, is_answering: bool, failed: i64) -> Millis {
        let whole = limits::MEDIA_FETCH_SECONDS_MAX as Millis * 1_000;
        let least = match (self, is_answering) {
            (Self::Answers, _) => return whole,
            (_, false) => limits::SILENT_FETCH_MS_MIN,
            (_, true) => limits::SLOW_FETCH_MS_MIN,
        };
        (least << failed.clamp(0, 16)).min(whole)
    }
}

/// When a waiting device gets a free slot: a higher priority first, then who asked first.
pub(super) type Turn = (Priority, u64);

/// Devices that wait for a free slot, each by the bell of its loop.
#[derive(Default)]
pub(super) struct Line(pub(super) BTreeMap<Turn, QueueBell>);

impl Line {
    /// Whether one of `free` slots is left for this turn by those before it.
    pub(super) fn may(&self, turn: Turn, free: usize) -> bool {
        self.0.range(..turn).take(free).count() < free
    }

    /// Wakes those for whom a slot is free; `free` says how many are for a priority.
    pub(super) fn wake(&self, free: impl Fn(Priority) -> usize) {
        let first = self.0.iter().enumerate().take_while(|(at, ((priority, _), _))| *at < free(*priority));
        first.for_each(|(_, (_, bell))| bell.wake());
    }
}

/// A node's downloads from servers of one standing.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) running: usize,
    /// Devices that wait because as many run as a node has at once.
    pub(super) line: Line,
}

impl Slots {
    /// How many more downloads of a priority may begin.
    pub(super) fn free(&self, standing: Standing, priority: Priority) -> usize {
        standing.of_node(priority).saturating_sub(self.running)
    }

    pub(super) fn wake(&self, standing: Standing) {
        self.line.wake(|priority| self.free(standing, priority));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_failed_gets_more_time_and_a_server_that_answers_is_not_hurried() {
        let patience = |is_answering| [0, 1, 4, 5, 99].map(|failed| Standing::New.patience_ms(is_answering, failed));
        assert_eq!(patience(false), [2_000, 4_000, 32_000, 60_000, 60_000]);
        assert_eq!(patience(true), [10_000, 20_000, 60_000, 60_000, 60_000]);
        assert_eq!(Standing::Answers.patience_ms(false, 0), 60_000);
    }

    #[test]
    fn every_standing_leaves_slots_to_what_is_urgent() {
        for standing in Standing::ALL {
            assert!(Priority::ALL.map(|priority| standing.of_device(priority)).is_sorted_by(|one, other| one > other));
            assert!(Priority::ALL.map(|priority| standing.of_node(priority)).is_sorted_by(|one, other| one > other));
        }
    }
}
