//! Fault injection, by a scenario or one by one, reproducible by seed.
//!
//! A [`Plan`] holds the active faults. The server calls it at each hook (a login, a message, a receipt, a frame…) and
//! carries out the decision that it returns. The plan never waits, reads the clock or draws a random number: a decision
//! depends only on the seed and on counters that are separate for each device and chat. Two runs with the same seed
//! therefore have the same fault log, however their connections interleave.

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
