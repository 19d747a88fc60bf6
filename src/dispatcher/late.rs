//! For how long files have held up a recipient's line: what stood behind a file that did not come does not hold it up for as long
//! again. Pure: it is told the time.

use std::collections::HashMap;

use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;

/// The lines in which files held up others lately, by priority and recipient.
#[derive(Default)]
pub(super) struct LateLines(HashMap<(Priority, String), Late>);

#[derive(Debug, Clone, Copy)]
struct Late {
    since: Millis,
    /// What was accepted after this number begins anew.
    up_to: i64,
    /// When the last file was found not to come.
    seen_at: Millis,
}

/// A file that failed sooner than this has held up nobody.
const HELD_MS_MIN: Millis = limits::MEDIA_HOLD_MS_MAX / 10;

impl LateLines {
    /// Since when the line of the message with the number `seq` has been held up, where it has.
    pub(super) fn since(&self, priority: Priority, recipient: &str, seq: i64, now: Millis) -> Option<Millis> {
        if self.0.is_empty() {
            return None;
        }
        let late = self.0.get(&(priority, recipient.to_owned()))?;
        (seq <= late.up_to && now - late.seen_at < limits::MEDIA_HOLD_MS_MAX).then_some(late.since)
    }

    /// A file did not come at `now` that had held up its line since `since`; `up_to` is the number of the last message that was
    /// accepted until now.
    pub(super) fn note(&mut self, line: (Priority, &str), seq: i64, since: Millis, up_to: i64, now: Millis) {
        if now - since < HELD_MS_MIN {
            return;
        }
        if self.0.len() >= limits::DEVICE_HELD_MESSAGES_MAX {
            self.0.retain(|_, late| now - late.seen_at < limits::MEDIA_HOLD_MS_MAX);
        }
        let late = self.0.entry((line.0, line.1.to_owned())).or_insert(Late { since, up_to, seen_at: now });
        if seq > late.up_to || now - late.seen_at >= limits::MEDIA_HOLD_MS_MAX {
            *late = Late { since, up_to, seen_at: now };
        }
        (late.since, late.seen_at) = (late.since.min(since), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Priority = Priority::Normal;

    #[test]
    fn what_stands_behind_a_late_file_is_as_late_but_not_what_was_accepted_since() {
        let mut lines = LateLines::default();
        lines.note((NORMAL, "a"), 1, 100, 60, 50_100);
        for (seq, since) in [(2, Some(100)), (60, Some(100)), (61, None)] {
            assert_eq!(lines.since(NORMAL, "a", seq, 50_200), since);
        }
        assert_eq!(lines.since(NORMAL, "b", 2, 50_200), None);
        assert_eq!(lines.since(Priority::High, "a", 2, 50_200), None);
        // It is forgotten, however long the line rests.
        lines.note((NORMAL, "a"), 2, 100, 90, 60_000);
        assert_eq!(lines.since(NORMAL, "a", 60, 109_999), Some(100));
        assert_eq!(lines.since(NORMAL, "a", 60, 110_000), None);
        // A later file that does not come counts by itself.
        lines.note((NORMAL, "a"), 61, 70_000, 90, 109_000);
        assert_eq!(lines.since(NORMAL, "a", 62, 109_000), Some(70_000));
    }

    #[test]
    fn a_file_that_fails_at_once_makes_no_line_late() {
        let mut lines = LateLines::default();
        lines.note((NORMAL, "a"), 1, 100, 60, 1_100);
        assert_eq!(lines.since(NORMAL, "a", 2, 1_100), None);
    }
}
