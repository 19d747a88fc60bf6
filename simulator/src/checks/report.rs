//! The checkers' report, for tests and the control API.

use serde::Serialize;

/// State of all checks at one point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check has passed.
    pub passed: bool,
    /// Whether everything could be judged: false once an event concerned an evicted delivery, or there was no capacity
    /// for it. The checks are then still correct, but not exhaustive.
    pub complete: bool,
    /// All checks, by name.
    pub checks: Vec<Check>,
    /// Where the messages are.
    pub deliveries: DeliveryCounts,
    /// Events that could not be judged.
    pub unjudged: u64,
}

/// State of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `shown_at_most_once`, `shown_in_order`, `nothing_acked_is_lost`, `sent_to_every_device`, `every_stanza_parsed` or
    /// `ratchets_move`.
    pub name: &'static str,
    /// Whether there is no violation.
    pub passed: bool,
    /// Number of events examined.
    pub examined: u64,
    /// Number of violations.
    pub violations: u64,
    /// Descriptions of the first ten.
    pub first: Vec<String>,
}

/// Where the messages are, counted once per receiving device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryCounts {
    /// Accepted so far.
    pub accepted: u64,
    /// Displayed by a phone, or receipted by a client.
    pub arrived: u64,
    /// In a mailbox.
    pub waiting: u64,
    /// Undecryptable by the recipient, which has requested a retry.
    pub asked_again: u64,
    /// Arrived, and evicted since then to save memory.
    pub forgotten: u64,
}

impl Report {
    pub(super) fn new(checks: Vec<Check>, deliveries: DeliveryCounts, unjudged: u64) -> Self {
        let passed = checks.iter().all(|check| check.passed);
        Self { passed, complete: unjudged == 0, checks, deliveries, unjudged }
    }

    /// The check with this name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}
