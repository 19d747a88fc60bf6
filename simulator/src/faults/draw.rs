//! Reproducible randomness: a number derived from the seed and from what it is drawn for.
//!
//! A generator would hand out its numbers in call order, which differs from run to run. A hash does not depend on
//! order.

use sha2::{Digest, Sha256};

/// A pseudorandom number from 0 to 2^64-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draw(u64);

impl Draw {
    /// The number for the nth hook call of this counter of this fault.
    pub fn drawn(seed: u64, fault: u32, counter: &str, number: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(fault.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.update(counter.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_at(8);
        Self(first.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// True for this share of all draws. 0 is never, 1 is always.
    pub fn is_below(self, probability: f64) -> bool {
        // 53 bits, which an f64 holds exactly: a number in [0, 1).
        let share = (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        share < probability
    }
}

#[cfg(test)]
mod tests {
    use super::Draw;

    #[test]
    fn a_draw_depends_only_on_its_inputs() {
        let drawn = Draw::drawn(7, 1, "message 15550001:1", 3);
        assert_eq!(drawn, Draw::drawn(7, 1, "message 15550001:1", 3));
        for other in [
            Draw::drawn(8, 1, "message 15550001:1", 3),
            Draw::drawn(7, 2, "message 15550001:1", 3),
            Draw::drawn(7, 1, "message 15550001:2", 3),
            Draw::drawn(7, 1, "message 15550001:1", 4),
        ] {
            assert_ne!(drawn, other);
        }
    }

    #[test]
    fn a_probability_of_a_third_fires_for_about_a_third() {
        let struck = (0..30_000).filter(|number| Draw::drawn(1, 1, "", *number).is_below(1.0 / 3.0)).count();
        assert!((9_600..10_400).contains(&struck), "{struck} of 30,000");
        assert!((0..1_000).all(|number| !Draw::drawn(1, 1, "", number).is_below(0.0)));
        assert!((0..1_000).all(|number| Draw::drawn(1, 1, "", number).is_below(1.0)));
    }
}
