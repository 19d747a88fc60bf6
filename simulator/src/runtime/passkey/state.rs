//! State machine of an attempt to link a client at the passkey gate, as the phone shows it.

use serde::Serialize;

/// The state of the latest attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyState {
    /// There was no attempt yet.
    None,
    /// The client was asked for the passkey.
    Waiting,
    /// The assertion was accepted, and the phone and the client exchange their keys.
    Pairing,
    /// The phone shows a code and waits for its owner to confirm it.
    Confirm,
    /// The phone has admitted the client, whose signature is expected.
    Linking,
    Linked,
    /// The owner refused.
    Refused,
    /// It ended for another reason.
    Failed,
}

impl PasskeyState {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Waiting => "waiting",
            Self::Pairing => "pairing",
            Self::Confirm => "confirm",
            Self::Linking => "linking",
            Self::Linked => "linked",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Events of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The prologue was accepted.
    Continued,
    /// The client sent no handoff proof, and revealed its nonce: the owner must compare codes.
    CodeShown(String),
    Confirmed,
    /// The phone has the client's secret, and signs.
    Admitted,
    /// The client is linked as this device of the account.
    Linked(u16),
    Refused,
    Failed(String),
}

/// The state after an event; `None` if the event is not possible.
pub fn next(state: PasskeyState, event: &Event) -> Option<PasskeyState> {
    use PasskeyState::{Confirm, Failed, Linked, Linking, Pairing, Refused, Waiting};
    match (state, event) {
        (Waiting, Event::Continued) | (Confirm, Event::Confirmed) => Some(Pairing),
        (Pairing, Event::CodeShown(_)) => Some(Confirm),
        (Pairing, Event::Admitted) => Some(Linking),
        (Linking, Event::Linked(_)) => Some(Linked),
        (Waiting | Pairing | Confirm, Event::Refused) => Some(Refused),
        (Waiting | Pairing | Confirm | Linking, Event::Failed(_)) => Some(Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_in_every_state_has_one_outcome() {
        use PasskeyState::*;
        let events = [
            Event::Continued,
            Event::CodeShown("1111-1111".to_owned()),
            Event::Confirmed,
            Event::Admitted,
            Event::Linked(1),
            Event::Refused,
            Event::Failed("why".to_owned()),
        ];
        let outcomes = [
            (None, [Option::None; 7]),
            (
                Waiting,
                [Some(Pairing), Option::None, Option::None, Option::None, Option::None, Some(Refused), Some(Failed)],
            ),
            (
                Pairing,
                [Option::None, Some(Confirm), Option::None, Some(Linking), Option::None, Some(Refused), Some(Failed)],
            ),
            (
                Confirm,
                [Option::None, Option::None, Some(Pairing), Option::None, Option::None, Some(Refused), Some(Failed)],
            ),
            (
                Linking,
                [Option::None, Option::None, Option::None, Option::None, Some(Linked), Option::None, Some(Failed)],
            ),
            (Linked, [Option::None; 7]),
            (Refused, [Option::None; 7]),
            (Failed, [Option::None; 7]),
        ];
        for (state, expected) in outcomes {
            let found = events.each_ref().map(|event| next(state, event));
            assert_eq!(found, expected, "{state:?}");
        }
    }

    #[test]
    fn a_state_is_named_as_in_json() {
        for state in [PasskeyState::None, PasskeyState::Waiting, PasskeyState::Confirm, PasskeyState::Linked] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
