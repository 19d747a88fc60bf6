//! What the plan answers: plain decisions, one type a moment, which the server carries out.

use crate::faults::fault::{MediaRefusal, StreamErrorCode};

/// How a stream ends. The server sends the stanza, then closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// `<stream:error code="503">` or `515`.
    Error(StreamErrorCode),
    /// `<stream:error><conflict type="replaced"/></stream:error>`.
    Replaced,
    /// `<stream:error code="401"><conflict type="device_removed"/></stream:error>`. The device stays linked: whoever
    /// wants it gone for good unlinks it on the phone.
    DeviceRemoved,
}

/// Why a client is not let in: `<failure reason=…>`, then the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefusal {
    /// `reason="405"`.
    ClientOutdated,
    /// `reason="402" code=… expire=…`.
    TemporaryBan {
        /// The kind of ban.
        code: u16,
        /// Seconds until it ends.
        expire_seconds: u64,
    },
    /// `reason="401"`.
    DeviceRemoved,
}

/// What a login leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginDecision {
    /// The client is let in.
    Admit,
    /// It gets a `<failure>` in place of `<success>`.
    Refuse(LoginRefusal),
    /// The stream ends in place of `<success>`.
    End(StreamEnd),
}

/// What becomes of a message that a device has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckDecision {
    /// Accepted, routed, acked.
    Send,
    /// Accepted and routed at once; acked this many milliseconds later.
    SendAfter {
        /// Milliseconds.
        delay_ms: u64,
    },
    /// Accepted and routed; never acked.
    Drop,
    /// Not accepted, not routed: the ack carries this error.
    Nack {
        /// The `error` of the ack.
        code: u16,
    },
    /// Accepted and routed; in place of the ack the stream ends, so the sender cannot know.
    End(StreamEnd),
}

/// What becomes of a message that goes down to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryDecision {
    /// As it is.
    Deliver,
    /// As it is, and this many times more, each a stanza of its own with the same id.
    Repeat {
        /// Copies besides the first.
        copies: u32,
    },
    /// With every ciphertext spoiled. A retry of the same message is another moment.
    Corrupt,
}

/// What becomes of a receipt that goes down to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptDecision {
    /// As it is.
    Pass,
    /// As it is, and this many times more.
    Repeat {
        /// Copies besides the first.
        copies: u32,
    },
    /// After this many later receipts: see [`ReorderBuffer`](crate::faults::HeldReceipts).
    Hold {
        /// Later receipts that overtake it.
        behind: u32,
    },
}

/// What an iq leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IqDecision {
    /// Its proper answer.
    Answer,
    /// `<error code="429" text="rate-overlimit"/>`.
    RateOverlimit,
    /// The stream ends in place of an answer.
    End(StreamEnd),
}

/// What a question about a number's devices leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsyncDecision {
    /// Its proper answer.
    Answer,
    /// As if the number were unknown: `<contact type="out"/>`, no devices, no lid.
    NotOnWhatsapp,
}

/// What a question for a prekey bundle leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrekeysDecision {
    /// A bundle with a one-time prekey, if there is one left.
    Give,
    /// A bundle without one; none is consumed.
    GiveWithoutOneTimeKey,
    /// `<error code="406" text="not-acceptable"/>`, as for an unknown number.
    NotOnWhatsapp,
}

/// What a transfer of a file leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaDecision {
    /// Its proper answer.
    Serve,
    /// None, or an error.
    Refuse(MediaRefusal),
    /// Its proper answer, slowly.
    Slow {
        /// Milliseconds before the first byte.
        delay_ms: u64,
        /// Bytes that pass in a second; None: as many as there are.
        bytes_per_second: Option<u64>,
    },
}

/// What a good assertion of a passkey leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrologueDecision {
    /// The phone goes on with it.
    Accept,
    /// `<error code="401" text="not-authorized"/>`. The client may try again.
    Refuse,
    /// `<error code="410" text="gone"/>`: the attempt is over.
    Expire,
    /// It is accepted, and the client waits in vain for the phone.
    KeepSilent,
    /// The phone goes on with it, and its next step comes with each answer.
    Hurry,
}

/// How a client is refused that asks for a code to be typed, or answers the phone that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkCodeRefusal {
    pub code: u16,
    /// After how many seconds it may ask again, if that is said.
    pub backoff_seconds: Option<u32>,
}

/// How a frame passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameDecision {
    /// Whole, after a wait.
    Whole {
        /// Milliseconds; 0 on a sound link.
        wait_ms: u64,
    },
    /// Only its first bytes pass (after the same wait), and then the connection is closed without a closing frame.
    Cut {
        /// Bytes that still pass, fewer than the frame has or just as many.
        bytes: usize,
        /// Milliseconds; 0 on a sound link.
        wait_ms: u64,
    },
}
