//! A bounded map that evicts the oldest entry.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The latest `max` values, by key.
#[derive(Debug)]
pub struct Recent<K, V> {
    max: usize,
    values: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    pub fn new(max: usize) -> Self {
        Self { max, values: HashMap::new(), order: VecDeque::new() }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(key)
    }

    /// Inserts a value, and returns the one evicted for it. An existing key keeps its place in the order.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.values.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() <= self.max {
            return None;
        }
        self.order.pop_front().and_then(|oldest| self.values.remove(&oldest))
    }

    /// The oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.order.iter().filter_map(|key| self.values.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_evicted() {
        let mut recent = Recent::new(2);
        let forgotten = [("a", 1), ("b", 2), ("a", 3), ("c", 4)].map(|(key, value)| recent.insert(key, value));
        assert_eq!(forgotten, [None, None, None, Some(3)]);
        assert_eq!(recent.get(&"a"), None);
        assert_eq!(recent.iter().copied().collect::<Vec<_>>(), [2, 4]);
    }
}
