//! How often something may be tried that is guessed at: a few times at once, then one at a time, slowly. A try that succeeds is
//! given back. Pure: the caller says what the time is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::throttle::TooMany;
use crate::account::KeyHash;
use crate::clock::Millis;
use crate::limits;

/// One rule, kept for each of those who try. Names and addresses are strangers' words: their hashes are remembered.
pub(super) struct Tries {
    /// One try is forgotten in this time.
    each_ms: Millis,
    at_once: u32,
    /// When all tries of somebody are forgotten.
    clear_at: Mutex<HashMap<KeyHash, Millis>>,
}

impl Tries {
    pub(super) fn new(at_once: u32, seconds_each: u64) -> Self {
        let each_ms = Millis::try_from(seconds_each).unwrap_or(Millis::MAX / 1_000) * 1_000;
        Self { each_ms, at_once, clear_at: Mutex::default() }
    }

    /// # Errors
    /// [`TooMany`] while no try is left.
    pub(super) fn check(&self, who: &KeyHash, now: Millis) -> Result<(), TooMany> {
        let clear_at = self.known().get(who).copied().unwrap_or(now);
        let wait_ms = clear_at - now - (Millis::from(self.at_once) - 1) * self.each_ms;
        if wait_ms <= 0 { Ok(()) } else { Err(TooMany(wait_ms.unsigned_abs().div_ceil(1_000))) }
    }

    pub(super) fn count(&self, who: &KeyHash, now: Millis) {
        let mut known = self.known();
        if known.len() >= limits::SIGN_IN_NAMES_MAX && !known.contains_key(who) {
            known.retain(|_, clear_at| *clear_at > now);
            if known.len() >= limits::SIGN_IN_NAMES_MAX {
                // Whoever has tried least makes room. Somebody who makes up names has come up against the bound of his address long before.
                forget_half(&mut known);
            }
        }
        let clear_at = known.entry(who.clone()).or_insert(now);
        *clear_at = (*clear_at).max(now) + self.each_ms;
    }

    pub(super) fn give_back(&self, who: &KeyHash) {
        if let Some(clear_at) = self.known().get_mut(who) {
            *clear_at -= self.each_ms;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<KeyHash, Millis>> {
        self.clear_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the half that would be forgotten first.
fn forget_half(known: &mut HashMap<KeyHash, Millis>) {
    let mut times: Vec<Millis> = known.values().copied().collect();
    let middle = times.len() / 2;
    let (_, bound, _) = times.select_nth_unstable(middle);
    let bound = *bound;
    known.retain(|_, clear_at| *clear_at > bound);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: impl ToString) -> KeyHash {
        KeyHash::of(&name.to_string())
    }

    #[test]
    fn a_few_tries_are_free_and_each_further_one_costs_its_time() {
        let tries = Tries::new(3, 10);
        for _ in 0..3 {
            assert_eq!(tries.check(&who("ann"), 0), Ok(()));
            tries.count(&who("ann"), 0);
        }
        for (now, found) in [(0, Err(TooMany(10))), (9_001, Err(TooMany(1))), (10_000, Ok(())), (30_000, Ok(()))] {
            assert_eq!(tries.check(&who("ann"), now), found, "{now}");
        }
        assert_eq!(tries.check(&who("ben"), 0), Ok(()));
        // One that succeeded is given back.
        tries.give_back(&who("ann"));
        assert_eq!(tries.check(&who("ann"), 0), Ok(()));
    }

    #[test]
    fn those_who_try_are_remembered_up_to_a_bound_and_who_tries_most_longest() {
        let tries = Tries::new(3, 10);
        for _ in 0..100 {
            tries.count(&who("guesser"), 0);
        }
        for name in 0..3 * limits::SIGN_IN_NAMES_MAX {
            tries.count(&who(name), 0);
            assert!(tries.known().len() <= limits::SIGN_IN_NAMES_MAX);
        }
        assert!(tries.check(&who("guesser"), 0).is_err());
    }
}
