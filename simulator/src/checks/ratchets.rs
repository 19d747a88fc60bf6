//! Every Signal session's ratchet advances correctly: no message key is used twice, and no chain jumps far ahead.
//!
//! This follows from the Double Ratchet: messages of a chain are numbered from 0. A sender whose stored state was
//! rolled back violates it, which decryption alone would not reveal.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::checks::counter::CheckCounter;
use crate::checks::report::Check;
use crate::faults::DeviceName;
use crate::limits;

/// A decrypted message, with the contents of its header.
#[derive(Debug, Clone, Copy)]
pub struct Decryption<'a> {
    /// The device that decrypted it.
    pub owner: &'a DeviceName,
    /// The device that encrypted it.
    pub peer: &'a DeviceName,
    /// The group's JID if it was decrypted with a sender key.
    pub group: Option<&'a str>,
    /// Identifies the chain: the sender's ratchet key, or the sender key id.
    pub chain: &'a [u8],
    /// The message's number in the chain, from 0.
    pub counter: u32,
}

#[derive(Debug, Default)]
pub(super) struct Ratchets {
    hasher: RandomState,
    sessions: HashMap<u64, SignalSession>,
    counter: CheckCounter,
    unjudged: u64,
}

/// The chains of one Signal session, the newest last.
#[derive(Debug, Default)]
struct SignalSession {
    chains: VecDeque<Chain>,
}

#[derive(Debug)]
struct Chain {
    hash: u64,
    /// The next expected counter.
    next: u32,
    /// Lower counters that have not arrived.
    missing: BTreeSet<u32>,
}

impl Ratchets {
    pub fn decrypted(&mut self, decryption: &Decryption<'_>) {
        self.counter.examine();
        let hash = self.session(decryption.owner, decryption.peer, decryption.group);
        if self.sessions.len() >= limits::CHECKED_SESSIONS_MAX && !self.sessions.contains_key(&hash) {
            self.unjudged += 1;
            return;
        }
        let chain = self.hasher.hash_one(decryption.chain);
        if let Err(what) = self.sessions.entry(hash).or_default().take(chain, decryption) {
            let Decryption { owner, peer, counter, .. } = decryption;
            let what = what.text(*counter);
            self.counter.violate(|| format!("{owner} decrypted from {peer}: {what}"));
        }
    }

    pub fn check(&self) -> Check {
        self.counter.named("ratchets_move")
    }

    pub fn unjudged(&self) -> u64 {
        self.unjudged
    }

    fn session(&self, owner: &DeviceName, peer: &DeviceName, group: Option<&str>) -> u64 {
        self.hasher.hash_one((owner, peer, group))
    }
}

/// Ratchet violations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Violation {
    Reused,
    Jumped { expected: u32 },
}

impl Violation {
    fn text(self, counter: u32) -> String {
        match self {
            Self::Reused => format!("number {counter} of a chain came a second time, so one key opened two messages"),
            Self::Jumped { expected } => format!("number {counter} came where {expected} was next"),
        }
    }
}

impl SignalSession {
    fn take(&mut self, hash: u64, decryption: &Decryption<'_>) -> Result<(), Violation> {
        if let Some(chain) = self.chains.iter_mut().find(|chain| chain.hash == hash) {
            return chain.take(decryption.counter);
        }
        // A sender key is distributed to new members at its current iteration.
        let next = if decryption.group.is_some() { decryption.counter } else { 0 };
        let mut chain = Chain { hash, next, missing: BTreeSet::new() };
        let taken = chain.take(decryption.counter);
        self.chains.push_back(chain);
        if self.chains.len() > limits::CHECKED_CHAINS_MAX {
            self.chains.pop_front();
        }
        taken
    }
}

impl Chain {
    fn take(&mut self, counter: u32) -> Result<(), Violation> {
        if counter < self.next {
            return if self.missing.remove(&counter) { Ok(()) } else { Err(Violation::Reused) };
        }
        let expected = self.next;
        let jump = counter - expected;
        self.next = counter.saturating_add(1);
        if jump > limits::RATCHET_JUMP_MAX {
            return Err(Violation::Jumped { expected });
        }
        self.missing.extend(expected..counter);
        while self.missing.len() > limits::RATCHET_JUMP_MAX as usize {
            self.missing.pop_first();
        }
        Ok(())
    }
}
