//! Ids that a device has used, the latest of them.

use std::collections::{HashSet, VecDeque};

use crate::limits::SEEN_IDS_PER_DEVICE_MAX;

/// Remembers ids up to a bound, then forgets the oldest.
#[derive(Default)]
pub struct SeenIds {
    order: VecDeque<Box<str>>,
    known: HashSet<Box<str>>,
}

impl SeenIds {
    /// Notes an id; false if it was there already.
    pub fn is_new(&mut self, id: &str) -> bool {
        if self.known.contains(id) {
            return false;
        }
        if self.order.len() >= SEEN_IDS_PER_DEVICE_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(id.into());
        self.known.insert(id.into());
        true
    }

    /// Takes an id back, because its message was refused.
    pub fn forget(&mut self, id: &str) {
        self.known.remove(id);
        self.order.retain(|known| known.as_ref() != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_and_again_when_it_was_forgotten() {
        let mut seen = SeenIds::default();
        assert!(seen.is_new("a"));
        assert!(!seen.is_new("a"));
        for number in 0..SEEN_IDS_PER_DEVICE_MAX {
            assert!(seen.is_new(&number.to_string()));
        }
        assert!(seen.is_new("a"));
        seen.forget("a");
        assert!(seen.is_new("a"));
    }
}
