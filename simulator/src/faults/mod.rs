//! Faults on demand, by a scenario or one by one, reproducible by seed.
//!
//! A [`Plan`] holds the active faults. The server asks it at each moment (a login, a message, a receipt, a frame…) and
//! gets a plain decision, which it carries out. The plan itself waits for nothing, reads no clock and draws no random
//! number: a decision follows from the seed, from counters that are kept apart for each device and chat, and from
//! nothing else. So two runs with one seed have one log of faults, however their connections interleave.

mod chance;
mod decision;
mod fault;
mod held;
mod log;
mod meter;
mod moment;
mod passkey;
#[cfg(test)]
mod passkey_tests;
mod plan;
#[cfg(test)]
mod repeat_tests;
mod scenario;
mod scope;
#[cfg(test)]
mod tests;

pub use decision::{
    AckDecision, DeliveryDecision, IqDecision, LinkCodeRefusal, LoginDecision, MediaDecision, Passage, PrekeysDecision,
    PrologueDecision, ReceiptDecision, Refusal, StreamEnd, UsyncDecision,
};
pub use fault::{CutPlace, Direction, Fault, LinkingEnd, MediaRefusal, StreamErrorCode, link_code_error};
pub use held::HeldReceipts;
pub use log::{FaultEntry, FaultLog};
pub use meter::{Meter, carried_ms};
pub use moment::{Arrival, DeviceName, Lookup, MediaTransfer, Moment, Question, Sending, Traffic};
pub use plan::{ActiveFault, FaultNumber, Plan, PlanError};
pub use scenario::{Performance, Scenario, ScenarioError, Step};
pub use scope::{Counted, HowOften, PlannedFault, Scope};
