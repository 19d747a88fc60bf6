//! The plan's decisions, one type per hook, which the server carries out.

use crate::faults::fault::{MediaRefusal, StreamErrorCode};

/// How a stream ends. The server sends the stanza and then closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// `<stream:error code="503">` or `515`.
    Error(StreamErrorCode),
    /// `<stream:error><conflict type="replaced"/></stream:error>`.
    Replaced,
    /// `<stream:error code="401"><conflict type="device_removed"/></stream:error>`. The device stays linked; unlink it
    /// on the phone to remove it for good.
    DeviceRemoved,
}

/// Why a login is refused: `<failure reason=…>`, after which the connection is closed.
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

/// Outcome of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginDecision {
    /// The login succeeds.
    Admit,
    /// `<failure>` in place of `<success>`.
    Refuse(LoginRefusal),
    /// The stream ends in place of `<success>`.
    End(StreamEnd),
}

/// Outcome of a message that a device has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckDecision {
    /// Accepted, routed, acked.
    Send,
    /// Accepted and routed immediately; acked after this delay.
    SendAfter {
        /// Milliseconds.
        delay_ms: u64,
    },
    /// Accepted and routed; never acked.
    Drop,
    /// Neither accepted nor routed: the ack carries this error.
    Nack {
        /// The `error` of the ack.
        code: u16,
    },
    /// Accepted and routed; the stream ends in place of the ack, so the sender cannot know.
    End(StreamEnd),
}

/// Outcome of a message on its way down to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryDecision {
    /// Unchanged.
    Deliver,
    /// Unchanged, plus this many further stanzas with the same id.
    Repeat {
        /// Copies in addition to the first.
        copies: u32,
    },
    /// With every ciphertext corrupted. A retry of the same message is a separate hook call.
    Corrupt,
}

/// Outcome of a receipt on its way down to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptDecision {
    /// Unchanged.
    Pass,
    /// Unchanged, plus this many copies.
    Repeat {
        /// Copies in addition to the first.
        copies: u32,
    },
    /// Delivered after this many later receipts: see [`ReorderBuffer`](crate::faults::ReorderBuffer).
    Hold {
        /// Later receipts that overtake it.
        behind: u32,
    },
}

/// Outcome of an iq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IqDecision {
    /// The regular response.
    Answer,
    /// `<error code="429" text="rate-overlimit"/>`.
    RateOverlimit,
    /// The stream ends in place of a response.
    End(StreamEnd),
}

/// Outcome of a query for a number's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsyncDecision {
    /// The regular response.
    Answer,
    /// As if the number were unknown: `<contact type="out"/>`, no devices, no LID.
    NotOnWhatsapp,
}

/// Outcome of a request for a prekey bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrekeysDecision {
    /// A bundle with a one-time prekey, if there is one left.
    Give,
    /// A bundle without a one-time prekey; none is consumed.
    GiveWithoutOneTimeKey,
    /// `<error code="406" text="not-acceptable"/>`, as for an unknown number.
    NotOnWhatsapp,
}

/// Outcome of a file transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaDecision {
    /// The regular response.
    Serve,
    /// No response, or an error.
    Refuse(MediaRefusal),
    /// The regular response, slowly.
    Slow {
        /// Milliseconds before the first byte.
        delay_ms: u64,
        /// Bytes per second; `None` for unlimited.
        bytes_per_second: Option<u64>,
    },
}

/// Outcome of a valid passkey assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrologueDecision {
    /// The phone continues.
    Accept,
    /// `<error code="401" text="not-authorized"/>`. The client may try again.
    Refuse,
    /// `<error code="410" text="gone"/>`: the attempt has ended.
    Expire,
    /// Accepted, but the phone never responds.
    KeepSilent,
    /// The phone continues, and its next step arrives together with each response.
    Hurry,
}

/// How a client is refused that requests a pairing code, or responds to the phone that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkCodeRefusal {
    pub code: u16,
    /// Retry delay in seconds, if the response includes one.
    pub backoff_seconds: Option<u32>,
}

/// What happens to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameDecision {
    /// It passes whole, after a delay.
    Whole {
        /// Milliseconds; 0 without a fault.
        wait_ms: u64,
    },
    /// Only its first bytes pass (after the same delay), and then the connection is closed without a close frame.
    Cut {
        /// Number of bytes that still pass, up to the whole frame.
        bytes: usize,
        /// Milliseconds; 0 without a fault.
        wait_ms: u64,
    },
}
