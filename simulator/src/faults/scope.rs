//! Scopes: which hook calls a fault applies to, and how often.

use serde::{Deserialize, Serialize};

use crate::faults::draw::Draw;
use crate::faults::fault::Fault;
use crate::faults::hook::{Hook, HookCall};
use crate::limits;

/// A fault with its scope, as in scenarios and the control API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// The fault.
    pub fault: Fault,
    /// Whom it affects, and how often. Default: everybody, every time, until it is removed.
    #[serde(default)]
    pub scope: Scope,
}

/// Whom a fault affects, and how often. An absent field restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// The number, in digits, of the account whose connection it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The device of that account; 0 is the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<u16>,
    /// The peer: the number or the group's JID that a message goes to, that it comes from, or that is queried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The hook. Default: wherever the fault can fire (for one that ends a stream: once a device is connected).
    #[serde(rename = "moment", skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
    /// The `type` of the message or receipt, the namespace of the iq, or `upload` or `download` for media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stanza_type: Option<String>,
    /// How often, among the calls from `from` to `until`.
    pub how_often: HowOften,
    /// The first call that counts, from 1. Default: the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The last call that counts. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// What has a counter of its own.
    pub counted: Counted,
}

/// How often a fault fires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HowOften {
    /// Every time.
    #[default]
    Always,
    /// The next this many times.
    Next(u64),
    /// Every nth time: 3 skips two and fires at the third.
    Every(u64),
    /// With this probability, 0 to 1, drawn from the plan's seed.
    Probability(f64),
}

/// What has a counter of its own. Calls are numbered only within one counter, because only there is their order
/// certain: what several devices or chats do concurrently has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Each hook of each device with each chat, by the device that caused it (for iqs each namespace, for receipts also
    /// each type). "The next 2" then means the next 2 of every chat.
    #[default]
    Chat,
    /// Each hook of each device. The log is then only reproducible if that device does one thing after another.
    Device,
}

impl PlannedFault {
    /// Says what is invalid about it, and what to do.
    pub fn check(&self) -> Result<(), String> {
        self.fault.check()?;
        self.scope.check()?;
        match self.scope.hook {
            Some(hook) if !self.fault.hooks().contains(&hook) => {
                let possible: Vec<_> = self.fault.hooks().iter().map(|hook| hook.name()).collect();
                Err(format!(
                    "{} never comes at the moment {}; leave moment out, or use {}",
                    self.fault.kind(),
                    hook.name(),
                    possible.join(" or "),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether the fault considers this call at all.
    pub(super) fn covers(&self, hook_call: &HookCall<'_>) -> bool {
        let hook = match self.scope.hook {
            Some(hook) => hook == hook_call.hook,
            None => self.fault.fires_by_default_at(hook_call.hook),
        };
        hook && self.scope.covers(hook_call)
    }
}

impl Scope {
    fn check(&self) -> Result<(), String> {
        if let Some(account) = &self.account
            && (account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err(format!("account is {account:?}; give the number in digits, without +"));
        }
        if self.device.is_some() && self.account.is_none() {
            return Err("device is given without account; name the account too".to_owned());
        }
        for (name, text) in
            [("account", &self.account), ("recipient", &self.recipient), ("stanza_type", &self.stanza_type)]
        {
            if text.as_ref().is_some_and(|text| text.len() > limits::FAULT_NAME_CHARS_MAX) {
                return Err(format!("{name} is longer than {} characters", limits::FAULT_NAME_CHARS_MAX));
            }
        }
        if self.from == Some(0) || self.until == Some(0) {
            return Err("from and until are counted from 1".to_owned());
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            return Err(format!("until ({until}) comes before from ({from})"));
        }
        match self.how_often {
            HowOften::Next(0) | HowOften::Every(0) => Err("how_often is 0; give 1 or more".to_owned()),
            HowOften::Probability(p) if !(0.0..=1.0).contains(&p) => {
                Err(format!("probability is {p}; give a number from 0 to 1"))
            }
            _ => Ok(()),
        }
    }

    fn covers(&self, hook_call: &HookCall<'_>) -> bool {
        let device = match (&self.account, hook_call.device) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(account), Some(device)) => {
                *account == device.account && self.device.is_none_or(|number| number == device.device)
            }
        };
        let recipient = self.recipient.as_ref().is_none_or(|recipient| {
            recipient == hook_call.peer || hook_call.from.is_some_and(|from| *recipient == from.account)
        });
        let stanza_type = match &self.stanza_type {
            Some(stanza_type) => stanza_type == hook_call.stanza_type,
            // Pings follow the clock: counting them would make every log different.
            None => hook_call.hook != Hook::Iq || hook_call.stanza_type != "w:p",
        };
        device && recipient && stanza_type
    }

    /// Whether the fault fires at the call with this number, counted from 1.
    pub(super) fn strikes(&self, number: u64, draw: impl FnOnce() -> Draw) -> bool {
        let from = self.from.unwrap_or(1);
        if number < from || self.until.is_some_and(|until| number > until) {
            return false;
        }
        let number = number - from + 1;
        match self.how_often {
            HowOften::Always => true,
            HowOften::Next(count) => number <= count,
            HowOften::Every(count) => number.is_multiple_of(count.max(1)),
            HowOften::Probability(probability) => draw().is_below(probability),
        }
    }
}
