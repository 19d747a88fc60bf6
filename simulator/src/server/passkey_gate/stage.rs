//! State machine of a client at the passkey gate.

/// Why a request at the gate gets an error response.
// ASSUMPTION: which errors the service answers is not public; these are its codes for such things in other places, and
// clients treat all of them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// 400: malformed, or not the expected request.
    BadRequest,
    /// 401: the assertion or the handoff proof is invalid, or the phone's owner refused.
    NotAuthorized,
    /// 404: there is no attempt, or the ref was never handed out.
    NotFound,
    /// 410: the challenge has expired.
    Gone,
    /// 503: the phone is offline.
    ServiceUnavailable,
}

impl Rejection {
    /// The `code` and `text` of the error.
    pub fn code(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "bad-request"),
            Self::NotAuthorized => (401, "not-authorized"),
            Self::NotFound => (404, "item-not-found"),
            Self::Gone => (410, "gone"),
            Self::ServiceUnavailable => (503, "service-unavailable"),
        }
    }
}

/// The client's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It was asked for an assertion.
    Offered,
    /// The phone decides about its prologue.
    PrologueSent,
    /// It was sent the phone's identity.
    Continued,
    /// Its prologue was accepted, and a fault withholds the phone's identity.
    Silent,
    /// The phone decides about its nonce.
    NonceSent,
    /// Both sides can show the code.
    Revealed,
    /// The phone decides about its pairing request.
    RequestSent,
    /// Nothing more is expected of it before `pair-success`.
    Requested,
    /// This attempt has failed; every request gets this response.
    Over(Rejection),
}

/// The client's requests, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Prologue,
    Nonce,
    PairingRequest,
}

/// Events at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The client sent a request, which the phone has to decide about.
    Sent(Step),
    /// The phone accepts it.
    Accepted,
    /// The phone accepts the prologue, without a response to the client.
    Silenced,
    /// The phone rejects it.
    Rejected(Rejection),
    /// The phone ends the attempt.
    Ended(Rejection),
}

/// The stage after an event; `None` if the event is not possible.
pub fn next(stage: Stage, event: Event) -> Option<Stage> {
    match (stage, event) {
        (Stage::Offered, Event::Sent(Step::Prologue)) => Some(Stage::PrologueSent),
        (Stage::Continued, Event::Sent(Step::Nonce)) => Some(Stage::NonceSent),
        (Stage::Revealed, Event::Sent(Step::PairingRequest)) => Some(Stage::RequestSent),
        (Stage::PrologueSent, Event::Accepted) => Some(Stage::Continued),
        (Stage::PrologueSent, Event::Silenced) => Some(Stage::Silent),
        // The client may send the prologue again, possibly without a proof.
        (Stage::PrologueSent, Event::Rejected(_)) => Some(Stage::Offered),
        (Stage::NonceSent, Event::Accepted) => Some(Stage::Revealed),
        (Stage::RequestSent, Event::Accepted) => Some(Stage::Requested),
        (Stage::NonceSent | Stage::RequestSent, Event::Rejected(rejection)) => Some(Stage::Over(rejection)),
        (Stage::Over(_), _) => None,
        (_, Event::Ended(rejection)) => Some(Stage::Over(rejection)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_at_every_stage_has_one_outcome() {
        use Stage::*;
        let over = Over(Rejection::NotAuthorized);
        let events = [
            Event::Sent(Step::Prologue),
            Event::Sent(Step::Nonce),
            Event::Sent(Step::PairingRequest),
            Event::Accepted,
            Event::Silenced,
            Event::Rejected(Rejection::NotAuthorized),
            Event::Ended(Rejection::NotAuthorized),
        ];
        let outcomes = [
            (Offered, [Some(PrologueSent), None, None, None, None, None, Some(over)]),
            (PrologueSent, [None, None, None, Some(Continued), Some(Silent), Some(Offered), Some(over)]),
            (Continued, [None, Some(NonceSent), None, None, None, None, Some(over)]),
            (Silent, [None, None, None, None, None, None, Some(over)]),
            (NonceSent, [None, None, None, Some(Revealed), None, Some(over), Some(over)]),
            (Revealed, [None, None, Some(RequestSent), None, None, None, Some(over)]),
            (RequestSent, [None, None, None, Some(Requested), None, Some(over), Some(over)]),
            (Requested, [None, None, None, None, None, None, Some(over)]),
            (Over(Rejection::Gone), [None; 7]),
        ];
        for (stage, expected) in outcomes {
            assert_eq!(events.map(|event| next(stage, event)), expected, "{stage:?}");
        }
    }
}
