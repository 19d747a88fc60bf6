//! Faults on demand, by a scenario or one by one, reproducible by seed.
//!
//! A [`Plan`] holds the active faults. The server asks it at each moment (a login, a message, a receipt, a frame…) and
//! gets a plain decision, which it carries out. The plan itself waits for nothing, reads no clock and draws no random
//! number: a decision follows from the seed, from counters that are kept apart for each device and chat, and from
//! nothing else. So two runs with one seed have one log of faults, however their connections interleave.

mod bandwidth;
mod decision;
mod draw;
mod fault;
mod hook;
mod log;
mod passkey;
#[cfg(test)]
mod passkey_tests;
mod plan;
mod reorder_buffer;
#[cfg(test)]
mod repeat_tests;
mod scenario;
mod scope;
#[cfg(test)]
mod tests;

pub use bandwidth::{Bandwidth, carried_ms};
pub use decision::{
    AckDecision, DeliveryDecision, FrameDecision, IqDecision, LinkCodeRefusal, LoginDecision, LoginRefusal,
    MediaDecision, PrekeysDecision, PrologueDecision, ReceiptDecision, StreamEnd, UsyncDecision,
};
pub use fault::{CutPlace, Direction, Fault, LinkingEnd, MediaRefusal, StreamErrorCode, link_code_error};
pub use hook::{Arrival, DeviceName, Hook, Lookup, MediaTransfer, Question, Sending, Traffic};
pub use log::{FaultEntry, FaultLog};
pub use plan::{ActiveFault, FaultNumber, Plan, PlanError};
pub use reorder_buffer::ReorderBuffer;
pub use scenario::{Scenario, ScenarioError, ScenarioRun, Step};
pub use scope::{Counted, HowOften, PlannedFault, Scope};
