//! How far the import of a campaign is, and why it stopped. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its file is being read; nobody sees it yet.
    Reading,
    /// It is looked at; nothing is queued.
    Checked,
    /// Its rows are being queued.
    Running,
    /// Every row is queued or refused.
    Done,
    /// The other rows are not queued, unless it is begun again.
    Stopped,
}

impl State {
    const ALL: [Self; 5] = [Self::Reading, Self::Checked, Self::Running, Self::Done, Self::Stopped];

    pub fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Checked => "checked",
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// A state's name that is none.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no state of an import")]
pub struct UnknownState(String);

impl TryFrom<String> for State {
    type Error = UnknownState;

    fn try_from(name: String) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or(UnknownState(name))
    }
}

/// Why an import stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody wanted it.
    Person,
    /// Who began it may not send for this client any more.
    MayNotSend,
    /// The client is disabled.
    Client,
    /// The device is gone.
    Device,
    /// Its device was a sandbox that has gone live since.
    TrialEnded,
    /// The file cannot be read any more.
    File,
    /// A fault of the gateway.
    Fault,
}

impl Stop {
    const ALL: [Self; 7] =
        [Self::Person, Self::MayNotSend, Self::Client, Self::Device, Self::TrialEnded, Self::File, Self::Fault];

    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::MayNotSend => "may_not_send",
            Self::Client => "client",
            Self::Device => "device",
            Self::TrialEnded => "trial_ended",
            Self::File => "file",
            Self::Fault => "fault",
        }
    }

    /// What happened, and what to do.
    pub fn told(self) -> &'static str {
        match self {
            Self::Person => "somebody stopped it",
            Self::MayNotSend => "the person who began it may not send any more; somebody who may can begin it again",
            Self::Client => "the client is disabled; ask the gateway's operator",
            Self::Device => "its device was removed; import the file through another",
            Self::TrialEnded => {
                "its device was a sandbox and has gone live; begin it again to send the other rows for real"
            }
            Self::File => "its file cannot be read any more; import it again",
            Self::Fault => "a fault of the gateway, whose log says more; it can be begun again",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stop| stop.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_reasons_are_found_by_their_names() {
        for state in State::ALL {
            assert_eq!(State::try_from(state.name().to_owned()).expect("a state"), state);
        }
        assert!(State::try_from(String::new()).is_err());
        for stop in Stop::ALL {
            assert_eq!(Stop::from_name(stop.name()), Some(stop));
        }
        assert_eq!(Stop::from_name("tired"), None);
    }
}
