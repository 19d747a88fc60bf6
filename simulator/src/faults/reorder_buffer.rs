//! A reorder buffer for the receipts of one device's connection. Pure: the connection asks what to send now.

use std::collections::VecDeque;

use crate::faults::decision::ReceiptDecision;
use crate::limits;

/// Holds receipts back until later ones have overtaken them.
#[derive(Debug)]
pub struct ReorderBuffer<T> {
    waiting: VecDeque<Held<T>>,
    /// Total number of receipts held so far.
    count: u64,
}

#[derive(Debug)]
struct Held<T> {
    /// From 1.
    number: u64,
    /// How many still have to overtake it.
    behind: u32,
    receipt: T,
}

impl<T> Default for ReorderBuffer<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), count: 0 }
    }
}

impl<T: Clone> ReorderBuffer<T> {
    /// What to send now that this receipt has arrived: the receipt itself (or not yet), and those that have waited for
    /// it.
    pub fn pass(&mut self, receipt: T, decision: ReceiptDecision) -> Vec<T> {
        match decision {
            ReceiptDecision::Pass => self.overtaken_by(vec![receipt]),
            ReceiptDecision::Repeat { copies } => self.overtaken_by(vec![receipt; copies as usize + 1]),
            ReceiptDecision::Hold { behind } => {
                // A held receipt does not overtake others: two that wait for each other would wait forever.
                self.count += 1;
                self.waiting.push_back(Held { number: self.count, behind: behind.max(1), receipt });
                match self.waiting.len() > limits::FAULT_RECEIPTS_HELD_MAX {
                    true => self.waiting.pop_front().map(|oldest| oldest.receipt).into_iter().collect(),
                    false => Vec::new(),
                }
            }
        }
    }

    /// The number of the receipt that was held last.
    pub fn newest(&self) -> u64 {
        self.count
    }

    /// Takes the receipts up to this number that are still held, oldest first: they have waited long enough.
    pub fn release_until(&mut self, number: u64) -> Vec<T> {
        let count = self.waiting.partition_point(|reorder_buffer| reorder_buffer.number <= number);
        self.waiting.drain(..count).map(|reorder_buffer| reorder_buffer.receipt).collect()
    }

    /// Takes everything that is still held, oldest first: nothing else will arrive, as when the connection ends.
    pub fn release(&mut self) -> Vec<T> {
        self.release_until(self.count)
    }

    fn overtaken_by(&mut self, mut going: Vec<T>) -> Vec<T> {
        let mut still = VecDeque::new();
        for reorder_buffer in self.waiting.drain(..) {
            match reorder_buffer.behind {
                0 | 1 => going.push(reorder_buffer.receipt),
                more => still.push_back(Held { behind: more - 1, ..reorder_buffer }),
            }
        }
        self.waiting = still;
        going
    }
}

#[cfg(test)]
mod tests {
    use super::ReorderBuffer;
    use crate::faults::decision::ReceiptDecision::{Hold, Pass, Repeat};
    use crate::limits;

    #[test]
    fn a_held_receipt_comes_after_those_that_overtake_it() {
        let mut reorder_buffer = ReorderBuffer::default();
        assert!(reorder_buffer.pass("read 1", Hold { behind: 2 }).is_empty());
        assert_eq!(reorder_buffer.pass("read 2", Pass), ["read 2"]);
        assert_eq!(reorder_buffer.pass("read 3", Pass), ["read 3", "read 1"]);
        assert_eq!(reorder_buffer.pass("read 4", Repeat { copies: 2 }), ["read 4"; 3]);
    }

    #[test]
    fn a_receipt_that_has_waited_long_enough_is_released_alone() {
        let mut reorder_buffer = ReorderBuffer::default();
        assert!(reorder_buffer.pass("read 1", Hold { behind: 9 }).is_empty());
        let first = reorder_buffer.newest();
        assert!(reorder_buffer.pass("read 2", Hold { behind: 9 }).is_empty());
        assert_eq!(reorder_buffer.release_until(first), ["read 1"]);
        assert!(reorder_buffer.release_until(first).is_empty());
        assert_eq!(reorder_buffer.release(), ["read 2"]);
    }

    #[test]
    fn receipts_that_are_all_held_are_not_lost() {
        let mut reorder_buffer = ReorderBuffer::default();
        let count = limits::FAULT_RECEIPTS_HELD_MAX + 3;
        let gone: Vec<usize> = (0..count).flat_map(|number| reorder_buffer.pass(number, Hold { behind: 5 })).collect();
        assert_eq!(gone, [0, 1, 2]);
        assert_eq!(reorder_buffer.release().len(), limits::FAULT_RECEIPTS_HELD_MAX);
        assert!(reorder_buffer.release().is_empty());
    }
}
