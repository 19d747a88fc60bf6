//! What the faults did: a bounded log in a canonical order, so that two runs can be compared.
//!
//! The log is not ordered by time, which differs from run to run, but by fault, counter and number. When it is full it
//! keeps the first entries in that order, whichever were recorded first.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::faults::fault::Fault;
use crate::faults::hook::{DeviceName, Hook, HookCall, shortened};
use crate::limits;

/// A snapshot of the log, for the control API and for comparisons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultLog {
    /// The plan's seed.
    pub seed: u64,
    /// What the faults did, by fault, device, chat and number.
    pub entries: Vec<FaultEntry>,
    /// Entries dropped because the log was full. They are part of the fingerprint.
    pub left_out: u64,
    /// Hook calls that were skipped because there was no counter left. If this is not 0, the log is not reproducible.
    pub uncounted: u64,
    /// 16 hexadecimal digits derived from every entry (without the stanza ids): equal for equal runs.
    pub fingerprint: String,
}

/// One effect of a fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultEntry {
    /// The fault's number in the plan.
    pub number: u32,
    /// The fault.
    pub fault: Fault,
    /// The hook at which it fired.
    #[serde(rename = "moment")]
    pub hook: Hook,
    /// The device whose connection it was; `None` before the login.
    pub device: Option<DeviceName>,
    /// The device that caused the affected stanza, if it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DeviceName>,
    /// The peer, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recipient: String,
    /// The type, namespace or direction, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stanza_type: String,
    /// The number within its counter, from 1; for faults of the connection, which connection.
    pub count: u64,
    /// The stanza's id. Clients choose ids at random, so comparisons ignore it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stanza_id: String,
}

/// The log while it is being written.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: BTreeMap<(u32, String, u64), FaultEntry>,
    left_out: u64,
    pub uncounted: u64,
    fingerprint: u64,
}

impl FaultLog {
    /// One line per entry, without anything that clients choose at random: equal texts for equal runs.
    pub fn lines(&self) -> Vec<String> {
        self.entries.iter().map(FaultEntry::line).collect()
    }
}

impl FaultEntry {
    pub(super) fn new(number: u32, fault: &Fault, hook_call: &HookCall<'_>, count: u64) -> Self {
        Self {
            number,
            fault: fault.clone(),
            hook: hook_call.hook,
            device: hook_call.device.cloned(),
            from: hook_call.from.cloned(),
            recipient: shortened(hook_call.peer).to_owned(),
            stanza_type: shortened(hook_call.stanza_type).to_owned(),
            count,
            stanza_id: shortened(hook_call.id).to_owned(),
        }
    }

    /// `3 ack_nacked message 15550001:1 15550002 text #4`.
    fn line(&self) -> String {
        let mut parts = vec![self.number.to_string(), self.fault.kind().to_owned(), self.hook.name().to_owned()];
        parts.extend(self.device.iter().map(DeviceName::to_string));
        parts.extend(self.from.iter().map(|from| format!("from {from}")));
        parts.extend([&self.recipient, &self.stanza_type].into_iter().filter(|part| !part.is_empty()).cloned());
        parts.push(format!("#{}", self.count));
        parts.join(" ")
    }
}

impl Log {
    /// Inserts an entry in order. `counter` names what was counted.
    pub fn record(&mut self, counter: String, entry: FaultEntry) {
        let digest: [u8; 32] = Sha256::digest(entry.line()).into();
        let (first, _) = digest.split_at(8);
        let hash = first.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        // A sum does not depend on the order of its parts.
        self.fingerprint = self.fingerprint.wrapping_add(hash);
        self.entries.insert((entry.number, counter, entry.count), entry);
        if self.entries.len() > limits::FAULT_LOG_ENTRIES_MAX {
            self.entries.pop_last();
            self.left_out += 1;
        }
    }

    pub fn shown(&self, seed: u64) -> FaultLog {
        FaultLog {
            seed,
            entries: self.entries.values().cloned().collect(),
            left_out: self.left_out,
            uncounted: self.uncounted,
            fingerprint: format!("{:016x}", self.fingerprint),
        }
    }
}
