//! Counts what a check has examined and its violations, and keeps descriptions of the first few.

use crate::checks::report::Check;
use crate::limits;

/// State of one check.
#[derive(Debug, Default, Clone)]
pub(super) struct CheckCounter {
    examined: u64,
    violations: u64,
    first: Vec<String>,
}

impl CheckCounter {
    /// Counts an examined event.
    pub fn examine(&mut self) {
        self.examined += 1;
    }

    /// Counts a violation; `what` is only called while there is room for its description.
    pub fn violate(&mut self, what: impl FnOnce() -> String) {
        self.violations += 1;
        if self.first.len() < limits::CHECK_VIOLATIONS_SHOWN_MAX {
            let what = what();
            self.first.push(what.chars().take(limits::CHECK_VIOLATION_CHARS_MAX).collect());
        }
    }

    pub fn named(&self, name: &'static str) -> Check {
        Check {
            name,
            passed: self.violations == 0,
            examined: self.examined,
            violations: self.violations,
            first: self.first.clone(),
        }
    }
}
