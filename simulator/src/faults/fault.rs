//! The kinds of faults: what goes wrong, with which parameters, and at which hooks.
//!
//! In JSON and TOML a fault is an object with the key `kind` and the fields of that kind, such as `{"kind":
//! "ack_nacked", "code": 463}`.

use serde::{Deserialize, Serialize};

use crate::faults::hook::Hook;
use crate::limits;

/// A fault to inject. (Kinds without fields have braces, so that a misspelt field is rejected there too.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The message is accepted and routed; its ack is delayed.
    AckDelayed {
        /// Milliseconds, at most ten minutes.
        delay_ms: u64,
    },
    /// The message is accepted and routed; its ack is never sent.
    AckDropped {},
    /// The message is not accepted: its ack carries an error, and it is not delivered.
    AckNacked {
        /// The `error` of the ack, such as 463 (account restricted) or 479 (malformed stanza).
        code: u16,
    },
    /// The account is under a reach-out lock: a message to a person who has never written to it nor given it a privacy
    /// token is nacked with 463. Others pass.
    ReachOutLocked {},
    /// `429`, rate-overlimit: an ack with this error (the message is not accepted), or an iq answered with this error.
    RateOverlimit {},
    /// `<stream:error code=…>`, then the connection ends.
    StreamError {
        /// 503 (go away for a while) or 515 (connect again).
        code: StreamErrorCode,
    },
    /// The connection ends without any stanza.
    ConnectionCut {
        /// Which direction is counted.
        direction: Direction,
        /// Where to cut, such as `{"after_bytes": 4096}`.
        place: CutPlace,
    },
    /// Frames in both directions are slow.
    SlowLink {
        /// Bytes per second, at least 1. `None` for unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u64>,
        /// Additional latency of each frame in milliseconds, at most ten minutes.
        #[serde(default)]
        latency_ms: u64,
    },
    /// The receipt reaches the device several times.
    ReceiptDuplicated {
        /// Copies in addition to the first, 1 to 100.
        copies: u32,
    },
    /// The receipt reaches the device after later ones.
    ReceiptHeld {
        /// How many later receipts overtake it, 1 to 100.
        behind: u32,
    },
    /// The message reaches the device several times, with one id.
    MessageDuplicated {
        /// Copies in addition to the first, 1 to 100.
        copies: u32,
    },
    /// The message reaches the device with an undecryptable ciphertext.
    MessageUndecryptable {},
    /// `<failure reason="405">` at login: the client's version is too old.
    ClientOutdated {},
    /// `<failure reason="402">` at login: the account is temporarily banned.
    TemporaryBan {
        /// The service's number for the ban reason, such as 101 (too many unknown recipients).
        code: u16,
        /// Seconds until it ends.
        expire_seconds: u64,
    },
    /// 401: the phone has unlinked this device. At login a `<failure>`, later a stream error with a conflict.
    DeviceRemoved {},
    /// The same device appears to have connected elsewhere: a stream error with a conflict, then the end.
    StreamReplaced {},
    /// A prekey bundle without a one-time prekey, as if all were used up.
    PrekeysExhausted {},
    /// The media host closes the connection, or responds with an error.
    MediaDown {
        /// HTTP status of the response, 400 to 599. `None`: the connection is closed without a response.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status_code: Option<u16>,
    },
    /// The media host is slow.
    MediaSlow {
        /// Milliseconds before the first byte, at most ten minutes.
        #[serde(default)]
        delay_ms: u64,
        /// Bytes per second, at least 1. `None` for unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u64>,
    },
    /// The number is reported as not on WhatsApp: it has no devices and no keys.
    NotOnWhatsapp {},
    /// The passkey request arrives without its options: the client must request them.
    PasskeyOptionsOmitted {},
    /// A valid passkey assertion is refused: 401.
    PasskeyAssertionRefused {},
    /// The challenge is reported as expired when a valid assertion arrives: 410, which ends the attempt.
    PasskeyChallengeExpired {},
    /// A valid assertion is accepted, and then nothing follows.
    PasskeyNotContinued {},
    /// The phone responds instantly: from a valid assertion on, its next step arrives together with the response to
    /// each of the client's.
    PasskeyHurried {},
    /// The companion's nonce is reported not to match its commitment: 400, which ends the attempt.
    PasskeyCommitmentRefused {},
    /// Before a client whose code was typed is asked for a passkey, it gets a link-code notification without keys.
    LinkCodeWithoutKeys {},
    /// A client that requests a pairing code, or responds to the phone that has one, is refused.
    LinkCodeRefused {
        /// The `code` of the error: 400 (its display name is invalid, or it requests too often), 403 (the account is
        /// restricted), 404, 429, 452 (pairing by code not possible) or 500.
        code: u16,
        /// Retry delay in seconds, if the service sends one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backoff_seconds: Option<u32>,
    },
    /// The stream of a client that is being linked ends: when its code was scanned or typed; when it has signed, and
    /// its signature is lost; or when the phone's owner has refused it at the passkey gate, which it would not notice
    /// otherwise.
    LinkingEnded {
        /// The final stanza.
        how: LinkingEnd,
    },
}

/// The last stanza in the stream of a client that is being linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkingEnd {
    /// Nothing before the end of the stream.
    StreamEnd,
    /// `<stream:error code=…>`.
    StreamError(u16),
    /// `<failure reason=…>`.
    Failure(u16),
}

/// The stream errors that only affect timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum StreamErrorCode {
    /// 503: service unavailable.
    ServiceUnavailable,
    /// 515: reconnect immediately.
    RestartRequired,
}

/// Direction of bytes or files, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// Where a connection is cut. Bytes and frames are counted from the start of the connection or, if the fault was added
/// later, from then. If that place has passed by the time the fault may apply, the connection is cut at once. A frame
/// counts with its three length bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutPlace {
    /// After this many bytes; 0 cuts before the first.
    AfterBytes(u64),
    /// After half of the frame with this number, from 1.
    MiddleOfFrame(u64),
}

/// How the media host fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRefusal {
    /// It closes the connection without a response.
    HangsUp,
    /// It responds with this HTTP status.
    Status(u16),
}

impl StreamErrorCode {
    /// The code in the stanza.
    pub fn number(self) -> u16 {
        match self {
            Self::ServiceUnavailable => 503,
            Self::RestartRequired => 515,
        }
    }
}

impl TryFrom<u16> for StreamErrorCode {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        match number {
            503 => Ok(Self::ServiceUnavailable),
            515 => Ok(Self::RestartRequired),
            other => Err(format!("{other} is no stream error code; use 503 or 515")),
        }
    }
}

impl From<StreamErrorCode> for u16 {
    fn from(code: StreamErrorCode) -> u16 {
        code.number()
    }
}

/// The text that goes with a code when no pairing code is given, as clients know it (wacore `pair_code.rs`).
pub fn link_code_error(code: u16) -> Option<&'static str> {
    match code {
        400 => Some("bad-request"),
        403 => Some("forbidden"),
        404 => Some("item-not-found"),
        429 => Some("rate-overlimit"),
        452 => Some("feature-not-available"),
        500 => Some("internal-server-error"),
        _ => None,
    }
}

impl Fault {
    /// The `kind` in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AckDelayed { .. } => "ack_delayed",
            Self::AckDropped {} => "ack_dropped",
            Self::AckNacked { .. } => "ack_nacked",
            Self::ReachOutLocked {} => "reach_out_locked",
            Self::RateOverlimit {} => "rate_overlimit",
            Self::StreamError { .. } => "stream_error",
            Self::ConnectionCut { .. } => "connection_cut",
            Self::SlowLink { .. } => "slow_link",
            Self::ReceiptDuplicated { .. } => "receipt_duplicated",
            Self::ReceiptHeld { .. } => "receipt_held",
            Self::MessageDuplicated { .. } => "message_duplicated",
            Self::MessageUndecryptable {} => "message_undecryptable",
            Self::ClientOutdated {} => "client_outdated",
            Self::TemporaryBan { .. } => "temporary_ban",
            Self::DeviceRemoved {} => "device_removed",
            Self::StreamReplaced {} => "stream_replaced",
            Self::PrekeysExhausted {} => "prekeys_exhausted",
            Self::MediaDown { .. } => "media_down",
            Self::MediaSlow { .. } => "media_slow",
            Self::NotOnWhatsapp {} => "not_on_whatsapp",
            Self::PasskeyOptionsOmitted {} => "passkey_options_omitted",
            Self::PasskeyAssertionRefused {} => "passkey_assertion_refused",
            Self::PasskeyChallengeExpired {} => "passkey_challenge_expired",
            Self::PasskeyNotContinued {} => "passkey_not_continued",
            Self::PasskeyHurried {} => "passkey_hurried",
            Self::PasskeyCommitmentRefused {} => "passkey_commitment_refused",
            Self::LinkCodeWithoutKeys {} => "link_code_without_keys",
            Self::LinkCodeRefused { .. } => "link_code_refused",
            Self::LinkingEnded { .. } => "linking_ended",
        }
    }

    /// The hooks at which it can fire.
    pub fn hooks(&self) -> &'static [Hook] {
        match self {
            Self::AckDelayed { .. } | Self::AckDropped {} | Self::AckNacked { .. } | Self::ReachOutLocked {} => {
                &[Hook::Message]
            }
            Self::RateOverlimit {} => &[Hook::Message, Hook::Iq],
            Self::StreamError { .. } | Self::StreamReplaced {} => {
                &[Hook::Connected, Hook::Login, Hook::Message, Hook::Iq]
            }
            Self::DeviceRemoved {} => &[Hook::Connected, Hook::Login],
            Self::ConnectionCut { .. } | Self::SlowLink { .. } => &[Hook::Frame, Hook::Handshake],
            Self::ReceiptDuplicated { .. } | Self::ReceiptHeld { .. } => &[Hook::Receipt],
            Self::MessageDuplicated { .. } | Self::MessageUndecryptable {} => &[Hook::Delivery],
            Self::ClientOutdated {} | Self::TemporaryBan { .. } => &[Hook::Login],
            Self::PrekeysExhausted {} => &[Hook::Prekeys],
            Self::MediaDown { .. } | Self::MediaSlow { .. } => &[Hook::Media],
            Self::NotOnWhatsapp {} => &[Hook::Usync, Hook::Prekeys],
            Self::PasskeyOptionsOmitted {} => &[Hook::PasskeyRequest],
            Self::PasskeyAssertionRefused {}
            | Self::PasskeyChallengeExpired {}
            | Self::PasskeyNotContinued {}
            | Self::PasskeyHurried {} => &[Hook::PasskeyPrologue],
            Self::PasskeyCommitmentRefused {} => &[Hook::PasskeyNonce],
            Self::LinkCodeWithoutKeys {} => &[Hook::LinkCode],
            Self::LinkCodeRefused { .. } => &[Hook::LinkCodeHello, Hook::LinkCodeFinish],
            Self::LinkingEnded { .. } => &[Hook::Link, Hook::LinkSigned, Hook::PasskeyRefusal],
        }
    }

    /// Whether it fires at this hook if its scope names none. A fault that ends a stream fires once a device is
    /// connected, not at each of its stanzas; one that affects the connection waits until the device is known;
    /// everything else fires wherever it can.
    pub fn fires_by_default_at(&self, hook: Hook) -> bool {
        match self {
            Self::StreamError { .. } | Self::StreamReplaced {} | Self::DeviceRemoved {} => hook == Hook::Connected,
            Self::ConnectionCut { .. } | Self::SlowLink { .. } => hook == Hook::Frame,
            _ => self.hooks().contains(&hook),
        }
    }

    /// Says which parameter is out of bounds, and what the bounds are.
    pub fn check(&self) -> Result<(), String> {
        let wait = |name: &str, wait_ms: u64| match wait_ms {
            0..=limits::FAULT_DELAY_MS_MAX => Ok(()),
            more => Err(format!("{name} is {more}; at most {} (ten minutes) is possible", limits::FAULT_DELAY_MS_MAX)),
        };
        let pace = |pace: Option<u64>| match pace {
            Some(0) => {
                Err("bytes_per_second is 0: nothing would ever pass; use connection_cut or media_down".to_owned())
            }
            _ => Ok(()),
        };
        let count = |name: &str, count: u32| match count {
            1..=limits::FAULT_COPIES_MAX => Ok(()),
            other => Err(format!("{name} is {other}; give 1 to {}", limits::FAULT_COPIES_MAX)),
        };
        match self {
            Self::AckDelayed { delay_ms } => wait("delay_ms", *delay_ms),
            Self::LinkCodeRefused { code, .. } if link_code_error(*code).is_none() => {
                Err(format!("code is {code}; give 400, 403, 404, 429, 452 or 500"))
            }
            Self::AckNacked { code: 0 } => Err("code is 0, which would be no error; give one such as 463".to_owned()),
            Self::ConnectionCut { place: CutPlace::MiddleOfFrame(0), .. } => {
                Err("middle_of_frame is 0; frames are counted from 1".to_owned())
            }
            Self::SlowLink { bytes_per_second, latency_ms } => {
                wait("latency_ms", *latency_ms).and_then(|()| pace(*bytes_per_second))
            }
            Self::MediaSlow { bytes_per_second, delay_ms } => {
                wait("delay_ms", *delay_ms).and_then(|()| pace(*bytes_per_second))
            }
            Self::ReceiptDuplicated { copies } | Self::MessageDuplicated { copies } => count("copies", *copies),
            Self::ReceiptHeld { behind } => count("behind", *behind),
            Self::MediaDown { status_code: Some(status) } if !(400..=599).contains(status) => {
                Err(format!("status_code is {status}; give an error, 400 to 599, or leave it out to hang up"))
            }
            _ => Ok(()),
        }
    }
}
