//! Places in queues that were counted a moment ago. Called by `waiting.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;

/// Places in queues that were counted a moment ago: programs that ask for one message after another have each counted on from
/// the last.
#[derive(Default)]
pub struct Places {
    known: Mutex<HashMap<(String, Priority), Vec<Place>>>,
    /// Of devices that hold messages back, the numbers of those that may leave, and when they were found.
    leaving: Mutex<HashMap<(String, Priority), Leaving>>,
}

/// When they were found, and the numbers.
type Leaving = (Millis, Arc<Vec<i64>>);

/// How many messages were ahead of the one numbered `seq`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) ahead: i64,
    pub(super) counted_at: Millis,
}

impl Place {
    fn is_fresh(self, now: Millis) -> bool {
        (0..limits::POSITION_MS).contains(&(now - self.counted_at))
    }
}

/// Devices whose places are remembered, and how many of each.
const PLACES_MAX: usize = 10_000;
const PLACES_EACH_MAX: usize = 8;

impl Places {
    /// The last place up to the message numbered `seq`.
    pub(super) fn find(&self, device_id: &str, priority: Priority, seq: i64, now: Millis) -> Option<Place> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let places = known.get(&(device_id.to_owned(), priority))?;
        places.iter().filter(|place| place.seq <= seq && place.is_fresh(now)).max_by_key(|place| place.seq).copied()
    }

    pub(super) fn leaving(&self, device_id: &str, priority: Priority, now: Millis) -> Option<Arc<Vec<i64>>> {
        let leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, known) = leaving
            .get(&(device_id.to_owned(), priority))
            .filter(|(counted_at, _)| now - *counted_at < limits::POSITION_MS)?;
        Some(Arc::clone(known))
    }

    pub(super) fn keep_leaving(&self, device_id: &str, priority: Priority, now: Millis, found: Arc<Vec<i64>>) {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.retain(|_, (counted_at, _)| now - *counted_at < limits::POSITION_MS);
        leaving.insert((device_id.to_owned(), priority), (now, found));
    }

    pub(super) fn keep(&self, device_id: &str, priority: Priority, place: Place) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PLACES_MAX {
            known.clear();
        }
        let places = known.entry((device_id.to_owned(), priority)).or_default();
        places.retain(|one| one.is_fresh(place.counted_at));
        if places.len() >= PLACES_EACH_MAX {
            places.remove(0);
        }
        places.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_counted_on_from_the_last_place_before_it_for_a_second() {
        let places = Places::default();
        let find = |seq, now| places.find("1-1", Priority::Normal, seq, now).map(|place| place.ahead);
        let keep = |seq, ahead, counted_at| {
            places.keep("1-1", Priority::Normal, Place { seq, ahead, counted_at });
        };
        keep(500, 50, 1_000);
        keep(100, 10, 1_500);
        keep(900, limits::POSITION_MAX, 1_600);
        let found = [99, 100, 499, 500, 899, 900, i64::MAX].map(|seq| find(seq, 1_900));
        let bound = Some(limits::POSITION_MAX);
        assert_eq!(found, [None, Some(10), Some(10), Some(50), Some(50), bound, bound]);
        assert_eq!([find(500, 2_000), find(900, 2_600), find(900, 900)], [Some(10), None, None]);
        assert!(places.find("1-1", Priority::High, 500, 1_900).is_none());
        for seq in 0..100 {
            keep(1_000 + seq, seq, 2_000);
        }
        let known = places.known.lock().unwrap();
        assert_eq!(known.values().map(Vec::len).collect::<Vec<_>>(), [PLACES_EACH_MAX]);
    }
}
