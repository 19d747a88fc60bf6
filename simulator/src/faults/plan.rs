//! The active faults, and the decisions that follow from them.
//!
//! Every fault whose scope covers a hook call counts it, in the order in which the faults were added. The first one
//! that fires and has an effect at that hook decides; the others only count. (On a connection, the effects of all that
//! fire add up.)

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use crate::faults::bandwidth::{self, Bandwidth};
use crate::faults::decision::{
    AckDecision, DeliveryDecision, FrameDecision, IqDecision, LoginDecision, LoginRefusal, MediaDecision,
    PrekeysDecision, ReceiptDecision, StreamEnd, UsyncDecision,
};
use crate::faults::draw::Draw;
use crate::faults::fault::{Fault, MediaRefusal};
use crate::faults::hook::{Arrival, DeviceName, Hook, HookCall, Lookup, MediaTransfer, Question, Sending, Traffic};
use crate::faults::log::{FaultEntry, FaultLog, Log};
use crate::faults::scope::PlannedFault;
use crate::limits;

/// `rate-overlimit`, in acks as in iqs.
const RATE_OVERLIMIT: u16 = 429;

/// The account may not write to people without an existing chat.
const REACH_OUT_LOCKED: u16 = 463;

/// Holds the active faults and decides. Shared by all connections; each call takes a short lock, or none while no fault
/// is active.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    active: AtomicUsize,
    state: Mutex<State>,
}

/// Identifies an active fault. Numbers count up from 1 and are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FaultNumber(pub u32);

/// An active fault, for the control API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveFault {
    /// Used to remove it, and to name it in the log.
    pub number: FaultNumber,
    /// The fault and its scope.
    pub planned: PlannedFault,
    /// How often it has fired.
    pub struck: u64,
}

/// Why a fault was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Invalid; the text says why, and what to do.
    #[error("{0}")]
    Impossible(String),
    /// The maximum number of faults is active: remove some.
    #[error("there are {max} active faults already; remove some first", max = limits::FAULTS_MAX)]
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last fault added.
    last: u32,
    faults: Vec<ActiveFault>,
    counters: HashMap<(u32, String), u64>,
    log: Log,
}

impl Plan {
    /// A plan without faults.
    pub fn new(seed: u64) -> Self {
        Self { seed, active: AtomicUsize::new(0), state: Mutex::default() }
    }

    /// Adds a fault; its counters start at 0. The server then calls [`on_connected`](Self::on_connected) for each
    /// connected device.
    pub fn add(&self, planned: PlannedFault) -> Result<FaultNumber, PlanError> {
        planned.check().map_err(PlanError::Impossible)?;
        let mut state = self.state.lock();
        if state.faults.len() >= limits::FAULTS_MAX {
            return Err(PlanError::Full);
        }
        state.last += 1;
        let number = FaultNumber(state.last);
        state.faults.push(ActiveFault { number, planned, struck: 0 });
        self.active.store(state.faults.len(), Ordering::Release);
        Ok(number)
    }

    /// Removes a fault; what it did stays in the log. False if there is none with this number.
    pub fn remove(&self, number: FaultNumber) -> bool {
        self.keep(|fault| fault.number != number)
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.keep(|_| false);
    }

    /// The active faults, in order of evaluation.
    pub fn active(&self) -> Vec<ActiveFault> {
        self.state.lock().faults.clone()
    }

    /// What all faults have done so far.
    pub fn log(&self) -> FaultLog {
        self.state.lock().log.shown(self.seed)
    }

    /// The traffic counters of a new connection.
    pub fn bandwidth(&self) -> Bandwidth {
        Bandwidth::new(self.state.lock().last + 1)
    }

    /// Called when a client has authenticated, before `<success>`.
    pub fn on_login(&self, device: &DeviceName) -> LoginDecision {
        let decide = |fault: &Fault| match fault {
            Fault::ClientOutdated {} => Some(LoginDecision::Refuse(LoginRefusal::ClientOutdated)),
            Fault::TemporaryBan { code, expire_seconds } => {
                Some(LoginDecision::Refuse(LoginRefusal::TemporaryBan { code: *code, expire_seconds: *expire_seconds }))
            }
            Fault::DeviceRemoved {} => Some(LoginDecision::Refuse(LoginRefusal::DeviceRemoved)),
            other => stream_end(other).map(LoginDecision::End),
        };
        self.decide(&HookCall::of(Hook::Login, device), decide).unwrap_or(LoginDecision::Admit)
    }

    /// Called just after `<success>`, and for each connected device when a fault is added.
    pub fn on_connected(&self, device: &DeviceName) -> Option<StreamEnd> {
        let decide = |fault: &Fault| match fault {
            Fault::DeviceRemoved {} => Some(StreamEnd::DeviceRemoved),
            other => stream_end(other),
        };
        self.decide(&HookCall::of(Hook::Connected, device), decide)
    }

    /// Called when a device has sent a message, before it is accepted.
    pub fn on_message(&self, sending: &Sending<'_>) -> AckDecision {
        let decide = |fault: &Fault| match fault {
            Fault::AckDelayed { delay_ms } => Some(AckDecision::SendAfter { delay_ms: *delay_ms }),
            Fault::AckDropped {} => Some(AckDecision::Drop),
            Fault::AckNacked { code } => Some(AckDecision::Nack { code: *code }),
            Fault::ReachOutLocked {} => {
                sending.is_first_contact.then_some(AckDecision::Nack { code: REACH_OUT_LOCKED })
            }
            Fault::RateOverlimit {} => Some(AckDecision::Nack { code: RATE_OVERLIMIT }),
            other => stream_end(other).map(AckDecision::End),
        };
        self.decide(&sending.into(), decide).unwrap_or(AckDecision::Send)
    }

    /// Called before a message is delivered to a device.
    pub fn on_delivery(&self, arrival: &Arrival<'_>) -> DeliveryDecision {
        let decide = |fault: &Fault| match fault {
            Fault::MessageDuplicated { copies } => Some(DeliveryDecision::Repeat { copies: *copies }),
            Fault::MessageUndecryptable {} => Some(DeliveryDecision::Corrupt),
            _ => None,
        };
        self.decide(&arrival.hook_call(Hook::Delivery), decide).unwrap_or(DeliveryDecision::Deliver)
    }

    /// Called before a receipt is delivered to a device.
    pub fn on_receipt(&self, arrival: &Arrival<'_>) -> ReceiptDecision {
        let decide = |fault: &Fault| match fault {
            Fault::ReceiptDuplicated { copies } => Some(ReceiptDecision::Repeat { copies: *copies }),
            Fault::ReceiptHeld { behind } => Some(ReceiptDecision::Hold { behind: *behind }),
            _ => None,
        };
        self.decide(&arrival.hook_call(Hook::Receipt), decide).unwrap_or(ReceiptDecision::Pass)
    }

    /// Called before an iq is answered.
    pub fn on_iq(&self, question: &Question<'_>) -> IqDecision {
        let decide = |fault: &Fault| match fault {
            Fault::RateOverlimit {} => Some(IqDecision::RateOverlimit),
            other => stream_end(other).map(IqDecision::End),
        };
        self.decide(&question.into(), decide).unwrap_or(IqDecision::Answer)
    }

    /// Called for each number of a usync query.
    pub fn on_usync(&self, lookup: &Lookup<'_>) -> UsyncDecision {
        let decide = |fault: &Fault| match fault {
            Fault::NotOnWhatsapp {} => Some(UsyncDecision::NotOnWhatsapp),
            _ => None,
        };
        self.decide(&lookup.hook_call(Hook::Usync), decide).unwrap_or(UsyncDecision::Answer)
    }

    /// Called for each account whose prekeys are fetched.
    pub fn on_prekeys(&self, lookup: &Lookup<'_>) -> PrekeysDecision {
        let decide = |fault: &Fault| match fault {
            Fault::PrekeysExhausted {} => Some(PrekeysDecision::GiveWithoutOneTimeKey),
            Fault::NotOnWhatsapp {} => Some(PrekeysDecision::NotOnWhatsapp),
            _ => None,
        };
        self.decide(&lookup.hook_call(Hook::Prekeys), decide).unwrap_or(PrekeysDecision::Give)
    }

    /// Called when a request has reached the media host.
    pub fn on_media(&self, transfer: &MediaTransfer<'_>) -> MediaDecision {
        let decide = |fault: &Fault| match fault {
            Fault::MediaDown { status_code: None } => Some(MediaDecision::Refuse(MediaRefusal::HangsUp)),
            Fault::MediaDown { status_code: Some(code) } => Some(MediaDecision::Refuse(MediaRefusal::Status(*code))),
            Fault::MediaSlow { delay_ms, bytes_per_second } => {
                Some(MediaDecision::Slow { delay_ms: *delay_ms, bytes_per_second: *bytes_per_second })
            }
            _ => None,
        };
        self.decide(&transfer.into(), decide).unwrap_or(MediaDecision::Serve)
    }

    /// Called before a frame is written to a connection, and after one was read from it. After a cut nothing passes.
    pub fn on_bytes(&self, bandwidth: &mut Bandwidth, traffic: &Traffic<'_>) -> FrameDecision {
        if bandwidth.is_cut() {
            return FrameDecision::Cut { bytes: 0, wait_ms: 0 };
        }
        let mut effects = Vec::new();
        if self.active.load(Ordering::Acquire) > 0 {
            let hook_call = traffic.hook_call();
            let mut state = self.state.lock();
            let state = &mut *state;
            bandwidth.retain(|number| state.faults.iter().any(|fault| fault.number.0 == number));
            for index in 0..state.faults.len() {
                effects.extend(state.effect_on(self.seed, index, bandwidth, &hook_call, traffic));
            }
        }
        bandwidth.pass(traffic.direction, traffic.bytes, &effects)
    }

    pub(super) fn decide<D>(&self, hook_call: &HookCall<'_>, decide: impl Fn(&Fault) -> Option<D>) -> Option<D> {
        if self.active.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut decision = None;
        for index in 0..state.faults.len() {
            let Some(count) = state.count(self.seed, index, hook_call) else { continue };
            if decision.is_none() && count.strikes {
                decision = decide(&state.faults[index].planned.fault);
                if decision.is_some() {
                    state.record(index, hook_call, count.number, count.counter);
                }
            }
        }
        decision
    }

    fn keep(&self, stays: impl Fn(&ActiveFault) -> bool) -> bool {
        let mut state = self.state.lock();
        let before = state.faults.len();
        state.faults.retain(stays);
        let State { faults, counters, .. } = &mut *state;
        counters.retain(|(number, _), _| faults.iter().any(|fault| fault.number.0 == *number));
        self.active.store(faults.len(), Ordering::Release);
        faults.len() < before
    }
}

/// A hook call as one fault has counted it.
struct Counting {
    number: u64,
    /// The name of the counter.
    counter: String,
    strikes: bool,
}

impl State {
    /// Counts the call for the fault at this index, if its scope covers it.
    fn count(&mut self, seed: u64, index: usize, hook_call: &HookCall<'_>) -> Option<Counting> {
        let ActiveFault { number: fault, planned, .. } = self.faults.get(index)?;
        if !planned.covers(hook_call) {
            return None;
        }
        let key = (fault.0, hook_call.counter(planned.scope.counted));
        let is_full = self.counters.len() >= limits::FAULT_COUNTERS_MAX;
        let number = match self.counters.get_mut(&key) {
            Some(count) => {
                *count += 1;
                *count
            }
            None if is_full => {
                self.log.uncounted += 1;
                return None;
            }
            None => {
                self.counters.insert(key.clone(), 1);
                1
            }
        };
        let (_, counter) = key;
        let strikes = planned.scope.strikes(number, || Draw::drawn(seed, fault.0, &counter, number));
        Some(Counting { number, counter, strikes })
    }

    fn record(&mut self, index: usize, hook_call: &HookCall<'_>, count: u64, counter: String) {
        let ActiveFault { number, planned, struck } = &mut self.faults[index];
        *struck += 1;
        let entry = FaultEntry::new(number.0, &planned.fault, hook_call, count);
        self.log.record(counter, entry);
    }

    /// What a fault of the connection does to a frame. A connection is counted once, at its first frame.
    fn effect_on(
        &mut self,
        seed: u64,
        index: usize,
        bandwidth: &mut Bandwidth,
        hook_call: &HookCall<'_>,
        traffic: &Traffic<'_>,
    ) -> Option<bandwidth::Effect> {
        let number = self.faults.get(index)?.number.0;
        if !self.faults[index].planned.covers(hook_call) {
            return None;
        }
        let (count, strikes, is_first) = match bandwidth.known(number) {
            Some((count, strikes)) => (count, strikes, false),
            None => {
                let counting = self.count(seed, index, hook_call)?;
                bandwidth.record(number, counting.number, counting.strikes);
                (counting.number, counting.strikes, true)
            }
        };
        if !strikes {
            return None;
        }
        let effect = bandwidth.effect(number, &self.faults[index].planned.fault, traffic.direction, traffic.bytes)?;
        if is_first || matches!(effect, bandwidth::Effect::Cut(_)) {
            // The counters keep no text, and a fault applies to a connection only once or twice.
            let counter = hook_call.counter(self.faults[index].planned.scope.counted);
            self.record(index, hook_call, count, counter);
        }
        Some(effect)
    }
}

fn stream_end(fault: &Fault) -> Option<StreamEnd> {
    match fault {
        Fault::StreamError { code } => Some(StreamEnd::Error(*code)),
        Fault::StreamReplaced {} => Some(StreamEnd::Replaced),
        _ => None,
    }
}
