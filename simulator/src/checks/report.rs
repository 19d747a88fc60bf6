//! What the checkers say, for tests and the control API.

use serde::Serialize;

/// The standing of all checks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check has passed.
    pub passed: bool,
    /// Whether everything could be judged: false once something was seen after it had to be forgotten, or found no
    /// room. What the checks say then still holds, but not of everything.
    pub complete: bool,
    /// Each check by its name.
    pub checks: Vec<Check>,
    /// Where messages are.
    pub deliveries: DeliveryCounts,
    /// Events that could not be judged.
    pub unjudged: u64,
}

/// The standing of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `shown_at_most_once`, `shown_in_order`, `nothing_acked_is_lost`, `sent_to_every_device`, `every_stanza_parsed` or
    /// `ratchets_move`.
    pub name: &'static str,
    /// Whether nothing was found.
    pub passed: bool,
    /// How many events it has looked at.
    pub examined: u64,
    /// How many were wrong.
    pub violations: u64,
    /// The first ten of them, in words.
    pub first: Vec<String>,
}

/// Where messages are, counted once for each recipient's device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryCounts {
    /// Accepted so far.
    pub accepted: u64,
    /// Shown to a person, or receipted by a client.
    pub arrived: u64,
    /// Kept in a mailbox.
    pub waiting: u64,
    /// Unreadable to their recipient, who has asked for them again.
    pub asked_again: u64,
    /// Arrived, and since then forgotten to save memory.
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
