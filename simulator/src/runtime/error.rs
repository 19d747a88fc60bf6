//! Errors of commands, by what the caller can do about them.

use crate::phone::PhoneError;
use crate::phone::linking::LinkError;
use crate::phone::pairing_code::PairingCodeError;
use crate::server::group::GroupError;
use crate::server::pairing::PairingError;

/// Why a command failed. The text says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The request is invalid: change it.
    #[error("{0}")]
    Invalid(String),
    /// There is no such person, message, group, device or code.
    #[error("{0}")]
    NotFound(String),
    /// Not possible in the current state: change that first.
    #[error("{0}")]
    Conflict(String),
}

impl RequestError {
    /// The phone's task has ended.
    pub(super) fn stopped() -> Self {
        Self::Conflict("the phones of this network were stopped; start the simulator again".to_owned())
    }
}

impl From<PhoneError> for RequestError {
    fn from(error: PhoneError) -> Self {
        let text = error.to_string();
        match error {
            PhoneError::UnknownMessage(_) => Self::NotFound(format!("{text}; see the ids under received")),
            PhoneError::UnknownCall(_) => Self::NotFound(format!("{text}; see calls")),
            PhoneError::Full => Self::Conflict(text),
            PhoneError::TooLong | PhoneError::WrongPoll | PhoneError::WrongVote | PhoneError::File(_) => {
                Self::Invalid(text)
            }
        }
    }
}

impl From<LinkError> for RequestError {
    fn from(error: LinkError) -> Self {
        let text = error.to_string();
        match error {
            LinkError::TooMany => Self::Conflict(text),
            LinkError::Unknown => Self::NotFound(text),
            LinkError::NotACode(_)
            | LinkError::OtherIdentity
            | LinkError::OtherNoiseKey
            | LinkError::WrongSignature
            | LinkError::WrongKey => Self::Invalid(text),
        }
    }
}

impl From<PairingError> for RequestError {
    fn from(error: PairingError) -> Self {
        let text = error.to_string();
        match error {
            PairingError::Unknown => Self::NotFound(format!("{text}; let the client show a new one")),
            PairingError::TooMany | PairingError::Gone | PairingError::Ended | PairingError::Refused { .. } => {
                Self::Conflict(text)
            }
            PairingError::Phone(_) | PairingError::Companion(_) => Self::Invalid(text),
        }
    }
}

impl From<PairingCodeError> for RequestError {
    fn from(error: PairingCodeError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<GroupError> for RequestError {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Subject | GroupError::Timer | GroupError::Community => Self::Invalid(error.to_string()),
            GroupError::NoMember | GroupError::NoAdmin | GroupError::TooMany => {
                Self::Conflict(format!("the group cannot be made: {error}"))
            }
        }
    }
}
