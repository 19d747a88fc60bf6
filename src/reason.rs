//! Why a message waits, as a code that programs can act on. The texts beside it are for people (`waiting.rs`, `device_status.rs`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a message waits for (contract, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Its device has no WhatsApp account yet.
    NotLinked,
    /// WhatsApp waits for the passkey of the account that is linked to its device.
    Passkey,
    /// Its device is not connected.
    Offline,
    /// Somebody paused its device.
    Paused,
    /// WhatsApp has banned its number.
    Banned,
    /// The phone unlinked its device.
    LoggedOut,
    /// Another program took over its device's connection.
    Replaced,
    /// WhatsApp refuses this version.
    Outdated,
    QuietHours,
    /// The warm-up's messages for today are used up.
    WarmUp,
    /// WhatsApp blocks messages to new contacts.
    NewContacts,
    /// WhatsApp asked for a slower pace.
    RateLimited,
    /// Its file could not be downloaded yet.
    Media,
    /// An attempt failed, and is repeated.
    Retry,
    /// Its `send_at` has not come.
    Scheduled,
    /// It waits for its turn only.
    Turn,
}

impl ReasonCode {
    pub const ALL: [Self; 16] = [
        Self::NotLinked,
        Self::Passkey,
        Self::Offline,
        Self::Paused,
        Self::Banned,
        Self::LoggedOut,
        Self::Replaced,
        Self::Outdated,
        Self::QuietHours,
        Self::WarmUp,
        Self::NewContacts,
        Self::RateLimited,
        Self::Media,
        Self::Retry,
        Self::Scheduled,
        Self::Turn,
    ];

    /// As the API and the store name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotLinked => "not_linked",
            Self::Passkey => "passkey",
            Self::Offline => "offline",
            Self::Paused => "paused",
            Self::Banned => "banned",
            Self::LoggedOut => "logged_out",
            Self::Replaced => "replaced",
            Self::Outdated => "outdated",
            Self::QuietHours => "quiet_hours",
            Self::WarmUp => "warm_up",
            Self::NewContacts => "new_contacts",
            Self::RateLimited => "rate_limited",
            Self::Media => "media",
            Self::Retry => "retry",
            Self::Scheduled => "scheduled",
            Self::Turn => "turn",
        }
    }

    /// Whether the message's device could send it: it shows as `Q` then, else as `U`.
    pub fn can_leave(self) -> bool {
        match self {
            Self::NotLinked
            | Self::Passkey
            | Self::Offline
            | Self::Paused
            | Self::Banned
            | Self::LoggedOut
            | Self::Replaced
            | Self::Outdated
            | Self::Scheduled => false,
            Self::QuietHours
            | Self::WarmUp
            | Self::NewContacts
            | Self::RateLimited
            | Self::Media
            | Self::Retry
            | Self::Turn => true,
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_named() {
        for code in ReasonCode::ALL {
            assert_eq!(serde_json::json!(code), code.name());
            assert_eq!(ReasonCode::from_name(code.name()), Some(code));
        }
    }
}
