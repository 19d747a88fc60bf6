//! The plan's decisions about a client that is being linked: by pairing code, and at the passkey gate.
//!
//! Such a client is not a device yet. `phone` is the phone of the account that it is to be linked to.

use crate::faults::decision::{LinkCodeRefusal, PrologueDecision};
use crate::faults::fault::{Fault, LinkingEnd};
use crate::faults::hook::{DeviceName, Hook, HookCall};
use crate::faults::plan::Plan;

impl Plan {
    /// Called when a client whose code was typed is stopped at the gate: whether it first gets a notification without
    /// keys.
    pub fn sends_link_code_without_keys(&self, phone: &DeviceName) -> bool {
        self.strikes(Hook::LinkCode, phone, &Fault::LinkCodeWithoutKeys {})
    }

    /// Called before a client is asked for a passkey: whether the options are left out.
    pub fn omits_passkey_options(&self, phone: &DeviceName) -> bool {
        self.strikes(Hook::PasskeyRequest, phone, &Fault::PasskeyOptionsOmitted {})
    }

    /// Called when a client has sent a valid passkey assertion.
    pub fn on_passkey_prologue(&self, phone: &DeviceName) -> PrologueDecision {
        let decide = |fault: &Fault| match fault {
            Fault::PasskeyAssertionRefused {} => Some(PrologueDecision::Refuse),
            Fault::PasskeyChallengeExpired {} => Some(PrologueDecision::Expire),
            Fault::PasskeyNotContinued {} => Some(PrologueDecision::KeepSilent),
            Fault::PasskeyHurried {} => Some(PrologueDecision::Hurry),
            _ => None,
        };
        self.decide(&HookCall::of(Hook::PasskeyPrologue, phone), decide).unwrap_or(PrologueDecision::Accept)
    }

    /// Called when a client at the gate has revealed its nonce: whether its commitment is refused regardless.
    pub fn refuses_passkey_commitment(&self, phone: &DeviceName) -> bool {
        self.strikes(Hook::PasskeyNonce, phone, &Fault::PasskeyCommitmentRefused {})
    }

    /// Called when a client sends `companion_hello` or `companion_finish`, with the matching hook: whether it is
    /// refused.
    pub fn on_link_code(&self, hook: Hook, phone: &DeviceName) -> Option<LinkCodeRefusal> {
        self.decide(&HookCall::of(hook, phone), |fault| match fault {
            Fault::LinkCodeRefused { code, backoff_seconds } => {
                Some(LinkCodeRefusal { code: *code, backoff_seconds: *backoff_seconds })
            }
            _ => None,
        })
    }

    /// Called when a client's code was scanned or typed, when it has signed, and when the phone's owner has refused it:
    /// whether its stream ends.
    pub fn ends_linking(&self, hook: Hook, phone: &DeviceName) -> Option<LinkingEnd> {
        self.decide(&HookCall::of(hook, phone), |fault| match fault {
            Fault::LinkingEnded { how } => Some(*how),
            _ => None,
        })
    }

    /// Whether a fault of this kind, which has a single effect, fires at a hook.
    fn strikes(&self, hook: Hook, phone: &DeviceName, kind: &Fault) -> bool {
        self.decide(&HookCall::of(hook, phone), |fault| (fault == kind).then_some(())).is_some()
    }
}
