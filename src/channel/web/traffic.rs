//! Whether messages leave while others come in. A message that came in moves a session on, in memory: the next one out is
//! sealed by a new key, and may leave before the library has written that key down.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::clock::{Clock, Millis};
use crate::limits;

/// What comes in to, and leaves, one account.
#[derive(Clone)]
pub struct Traffic(Arc<Inner>);

struct Inner {
    clock: Clock,
    /// Until when a message that came in may still move a session.
    moving_until: AtomicI64,
    /// Messages that are being sent.
    leaving: AtomicUsize,
}

/// A message is being sent until this is dropped.
pub struct Leaving(Traffic);

impl Traffic {
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, moving_until: AtomicI64::new(Millis::MIN), leaving: AtomicUsize::new(0) }))
    }

    /// A message comes in, or was decrypted.
    pub fn comes_in(&self) {
        self.0.moving_until.fetch_max(self.0.clock.now() + limits::DECRYPT_MS_MAX, Ordering::AcqRel);
    }

    pub fn leaves(&self) -> Leaving {
        self.0.leaving.fetch_add(1, Ordering::AcqRel);
        Leaving(self.clone())
    }

    /// Whether a message leaves while another may just have moved its session.
    pub fn is_both_ways(&self) -> bool {
        self.0.leaving.load(Ordering::Acquire) > 0 && self.0.clock.now() < self.0.moving_until.load(Ordering::Acquire)
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.0.leaving.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_message_leaves_by_a_moved_session_for_as_long_as_one_may_be_decrypted() {
        let clock = Clock::held(1_000_000);
        let traffic = Traffic::new(clock.clone());
        let leaving = traffic.leaves();
        assert!(!traffic.is_both_ways());
        traffic.comes_in();
        assert!(traffic.is_both_ways());
        drop(leaving);
        assert!(!traffic.is_both_ways());
        let (_one, another) = (traffic.leaves(), traffic.leaves());
        drop(another);
        assert!(traffic.is_both_ways());
        clock.advance(Duration::from_millis(limits::DECRYPT_MS_MAX.unsigned_abs()));
        assert!(!traffic.is_both_ways());
    }
}
