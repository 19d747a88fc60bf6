//! What a device is doing now: the one state that the API, the console, the command line and the metrics show. Pure: it follows
//! from the device's row, from what is used of today's warm-up allowance, from whether a node runs it, and from the time.
//!
//! A device's stored state says how its connection is doing, as the node that runs it said last. What keeps a connected device from sending, or slows it down, is a
//! state of its own, whether or not a message waits at this moment: a device that would hold back the next message never looks
//! as if it sent.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::device::{Device, DeviceState, Kind};
use crate::pacing::{Chat, Pace, Rest, Slow, Why};
use crate::reason::ReasonCode;

/// Why a device is offline that no node runs.
const NOT_RUN: &str =
    "no node of the gateway runs this device at the moment; if this lasts, check that the server runs";

/// A device's state, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    Unlinked,
    Linking,
    /// WhatsApp waits for the passkey of the account that is being linked.
    Passkey,
    /// The code that the phone shows is to be compared.
    PasskeyConfirm,
    Connecting,
    /// Connected, and sending at its own pace.
    Online,
    Reconnecting,
    Banned,
    LoggedOut,
    Replaced,
    Outdated,
    /// A person paused it.
    Paused,
    /// Connected, and sending to some recipients only: quiet hours, a used-up warm-up, a block on new contacts.
    Holding,
    /// Connected, and sending more slowly because WhatsApp asked for it.
    Slowed,
    /// No node of the gateway runs it, whatever its connection did last.
    Offline,
}

impl DeviceStatus {
    pub const ALL: [Self; 15] = [
        Self::Unlinked,
        Self::Linking,
        Self::Passkey,
        Self::PasskeyConfirm,
        Self::Connecting,
        Self::Online,
        Self::Reconnecting,
        Self::Banned,
        Self::LoggedOut,
        Self::Replaced,
        Self::Outdated,
        Self::Paused,
        Self::Holding,
        Self::Slowed,
        Self::Offline,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unlinked => DeviceState::Unlinked.name(),
            Self::Linking => DeviceState::Linking.name(),
            Self::Passkey => DeviceState::Passkey.name(),
            Self::PasskeyConfirm => DeviceState::PasskeyConfirm.name(),
            Self::Connecting => DeviceState::Connecting.name(),
            Self::Online => DeviceState::Online.name(),
            Self::Reconnecting => DeviceState::Reconnecting.name(),
            Self::Banned => DeviceState::Banned.name(),
            Self::LoggedOut => DeviceState::LoggedOut.name(),
            Self::Replaced => DeviceState::Replaced.name(),
            Self::Outdated => DeviceState::Outdated.name(),
            Self::Paused => "paused",
            Self::Holding => "holding",
            Self::Slowed => "slowed",
            Self::Offline => "offline",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether some message could leave now.
    pub fn sends(self) -> bool {
        matches!(self, Self::Online | Self::Holding | Self::Slowed)
    }
}

impl From<DeviceState> for DeviceStatus {
    fn from(state: DeviceState) -> Self {
        match state {
            DeviceState::Unlinked => Self::Unlinked,
            DeviceState::Linking => Self::Linking,
            DeviceState::Passkey => Self::Passkey,
            DeviceState::PasskeyConfirm => Self::PasskeyConfirm,
            DeviceState::Connecting => Self::Connecting,
            DeviceState::Online => Self::Online,
            DeviceState::Reconnecting => Self::Reconnecting,
            DeviceState::Banned => Self::Banned,
            DeviceState::LoggedOut => Self::LoggedOut,
            DeviceState::Replaced => Self::Replaced,
            DeviceState::Outdated => Self::Outdated,
        }
    }
}

/// A state with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub status: DeviceStatus,
    /// What its messages wait for; `None` while it sends at its own pace.
    pub code: Option<ReasonCode>,
    /// Why, in words for a person; empty when there is nothing to say.
    pub reason: String,
    /// When it ends by itself, where that is known.
    pub until: Option<Millis>,
}

/// What a device's state follows from beside its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is used of today's warm-up allowance.
    pub used: i64,
    /// Whether a node of the gateway runs it.
    pub is_run: bool,
}

/// What a device is doing at `now`.
///
/// What needs a person or WhatsApp to change comes first (no account, a ban, a connection taken over, an old version), then a
/// pause, then that no node runs it, then a missing connection, then what holds messages back, then a slower pace.
pub fn condition(device: &Device, standing: Standing, now: Millis) -> Condition {
    let connection = |code| Condition {
        status: device.state.into(),
        code: Some(code),
        reason: device.state_reason.clone(),
        until: device.state_until.filter(|at| *at > now),
    };
    match device.state {
        // A sandbox starts by itself.
        DeviceState::Unlinked if device.kind != Kind::Sandbox => connection(ReasonCode::NotLinked),
        DeviceState::Linking => connection(ReasonCode::NotLinked),
        DeviceState::Passkey | DeviceState::PasskeyConfirm => connection(ReasonCode::Passkey),
        DeviceState::Banned => connection(ReasonCode::Banned),
        DeviceState::LoggedOut => connection(ReasonCode::LoggedOut),
        DeviceState::Replaced => connection(ReasonCode::Replaced),
        DeviceState::Outdated => connection(ReasonCode::Outdated),
        _ if device.paused => Condition {
            status: DeviceStatus::Paused,
            code: Some(ReasonCode::Paused),
            reason: paused_by(device),
            until: None,
        },
        _ if !standing.is_run => Condition {
            status: DeviceStatus::Offline,
            code: Some(ReasonCode::Offline),
            reason: NOT_RUN.to_owned(),
            until: None,
        },
        DeviceState::Unlinked | DeviceState::Connecting | DeviceState::Reconnecting => connection(ReasonCode::Offline),
        DeviceState::Online => connected(device, standing.used, now),
    }
}

/// What a device does whose pace WhatsApp wants slower.
pub const SLOWED: &str = "rate-limited by WhatsApp; messages leave slowly";

/// What a connected device is doing.
fn connected(device: &Device, used: i64, now: Millis) -> Condition {
    let to_a_stranger = Pace::of(device).first_waits(now, used, Chat::default());
    if let Some(wait) = to_a_stranger.or_else(|| Rest::of(device).waits(now)) {
        return Condition {
            status: DeviceStatus::Holding,
            code: Some(code_of(wait.why)),
            reason: wait.why.says().to_owned(),
            until: Some(wait.until),
        };
    }
    let slow = Slow::of(device);
    if now < slow.until {
        return Condition {
            status: DeviceStatus::Slowed,
            code: Some(ReasonCode::RateLimited),
            reason: SLOWED.to_owned(),
            until: Some(slow.until),
        };
    }
    Condition {
        status: DeviceStatus::Online,
        code: None,
        reason: device.state_reason.clone(),
        until: device.state_until.filter(|at| *at > now),
    }
}

/// Who paused a device.
pub fn paused_by(device: &Device) -> String {
    device.paused_by.as_ref().map_or_else(|| "paused".to_owned(), |who| format!("paused by '{who}'"))
}

pub fn code_of(why: Why) -> ReasonCode {
    match why {
        Why::Quiet => ReasonCode::QuietHours,
        Why::WarmUp => ReasonCode::WarmUp,
        Why::Strangers => ReasonCode::NewContacts,
    }
}

#[cfg(test)]
pub(crate) mod tests;
