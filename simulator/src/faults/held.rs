//! Receipts that wait behind later ones, for one device's link. Pure: the link asks what may go now.

use std::collections::VecDeque;

use crate::faults::decision::ReceiptDecision;
use crate::limits;

/// Holds receipts back until later ones have overtaken them.
#[derive(Debug)]
pub struct HeldReceipts<T> {
    waiting: VecDeque<(u32, T)>,
}

impl<T> Default for HeldReceipts<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T: Clone> HeldReceipts<T> {
    /// What goes down now that this receipt has come: itself (or not yet), and those that have waited for it.
    pub fn pass(&mut self, receipt: T, decision: ReceiptDecision) -> Vec<T> {
        match decision {
            ReceiptDecision::Pass => self.overtaken_by(vec![receipt]),
            ReceiptDecision::Repeat { copies } => self.overtaken_by(vec![receipt; copies as usize + 1]),
            ReceiptDecision::Hold { behind } => {
                // It neither overtakes nor goes: two that wait for each other would wait for ever.
                self.waiting.push_back((behind.max(1), receipt));
                match self.waiting.len() > limits::FAULT_RECEIPTS_HELD_MAX {
                    true => self.waiting.pop_front().map(|(_, oldest)| oldest).into_iter().collect(),
                    false => Vec::new(),
                }
            }
        }
    }

    /// Everything that still waits, oldest first: when nothing else will come, as when the link ends or falls silent.
    pub fn release(&mut self) -> Vec<T> {
        self.waiting.drain(..).map(|(_, receipt)| receipt).collect()
    }

    fn overtaken_by(&mut self, mut going: Vec<T>) -> Vec<T> {
        let mut still = VecDeque::new();
        for (behind, receipt) in self.waiting.drain(..) {
            match behind {
                0 | 1 => going.push(receipt),
                more => still.push_back((more - 1, receipt)),
            }
        }
        self.waiting = still;
        going
    }
}

#[cfg(test)]
mod tests {
    use super::HeldReceipts;
    use crate::faults::decision::ReceiptDecision::{Hold, Pass, Repeat};
    use crate::limits;

    #[test]
    fn a_held_receipt_comes_after_those_that_overtake_it() {
        let mut held = HeldReceipts::default();
        assert!(held.pass("read 1", Hold { behind: 2 }).is_empty());
        assert_eq!(held.pass("read 2", Pass), ["read 2"]);
        assert_eq!(held.pass("read 3", Pass), ["read 3", "read 1"]);
        assert_eq!(held.pass("read 4", Repeat { copies: 2 }), ["read 4"; 3]);
    }

    #[test]
    fn receipts_that_are_all_held_are_not_lost() {
        let mut held = HeldReceipts::default();
        let count = limits::FAULT_RECEIPTS_HELD_MAX + 3;
        let gone: Vec<usize> = (0..count).flat_map(|number| held.pass(number, Hold { behind: 5 })).collect();
        assert_eq!(gone, [0, 1, 2]);
        assert_eq!(held.release().len(), limits::FAULT_RECEIPTS_HELD_MAX);
        assert!(held.release().is_empty());
    }
}
