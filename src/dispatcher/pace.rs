//! How fast one device sends: a minimum gap with jitter between two messages, so that a number does not look like a
//! machine. Pure.

use crate::clock::Millis;
use crate::device::Device;

/// The pace of a device. Without a gap it sends as fast as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    gap_ms: i64,
    jitter_ms: i64,
}

impl Pace {
    pub fn of(device: &Device) -> Self {
        Self { gap_ms: device.gap_ms.max(0), jitter_ms: device.gap_jitter_ms.max(0) }
    }

    pub fn is_off(self) -> bool {
        self.gap_ms == 0 && self.jitter_ms == 0
    }

    /// When the message after one that was sent at `sent_at` may go. `random` picks the jitter.
    pub fn next_slot(self, sent_at: Millis, random: u64) -> Millis {
        let jitter = random.checked_rem(self.jitter_ms.unsigned_abs() + 1).unwrap_or(0);
        sent_at + self.gap_ms + i64::try_from(jitter).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_never_shorter_than_asked_and_at_most_the_jitter_longer() {
        let pace = Pace { gap_ms: 1_000, jitter_ms: 500 };
        let slots: Vec<_> = (0..2_000).map(|random| pace.next_slot(10_000, random)).collect();
        assert_eq!(slots.iter().min(), Some(&11_000));
        assert_eq!(slots.iter().max(), Some(&11_500));
        assert!(Pace { gap_ms: 0, jitter_ms: 0 }.is_off());
    }
}
