//! The kinds of faults: what can go wrong, in which measure, and at which moments.
//!
//! In JSON and TOML a fault is an object with the key `kind` and the fields of that kind, such as
//! `{"kind": "ack_nacked", "code": 463}`.

use serde::{Deserialize, Serialize};

use crate::faults::hook::Hook;
use crate::limits;

/// Something that goes wrong on demand. (Kinds without fields have braces, so that a misspelt field is refused there too.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The message is accepted and routed; its ack leaves this much later.
    AckDelayed {
        /// Milliseconds, at most ten minutes.
        delay_ms: u64,
    },
    /// The message is accepted and routed; its ack never leaves.
    AckDropped {},
    /// The message is not accepted: its ack carries an error, and nobody gets the message.
    AckNacked {
        /// The `error` of the ack, such as 463 (account restricted) or 479 (malformed stanza).
        code: u16,
    },
    /// The account is under a reach-out lock: a message to a person who has never written to it, nor given it a privacy
    /// token, is refused with 463. Others pass.
    ReachOutLocked {},
    /// `429`, rate-overlimit: an ack with this error (the message is not accepted), or an iq answered with this error.
    RateOverlimit {},
    /// `<stream:error code=…>`, then the connection ends.
    StreamError {
        /// 503 (go away for a while) or 515 (connect again).
        code: StreamErrorCode,
    },
    /// The connection ends without a word.
    ConnectionCut {
        /// Whose bytes are counted.
        direction: Direction,
        /// After which of them, such as `{"after_bytes": 4096}`.
        place: CutPlace,
    },
    /// Frames of both directions pass slowly.
    SlowLink {
        /// Bytes that pass in a second, at least 1. None: as many as there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u64>,
        /// Milliseconds that each frame waits besides, at most ten minutes.
        #[serde(default)]
        latency_ms: u64,
    },
    /// The receipt reaches the device more than once.
    ReceiptDuplicated {
        /// Copies besides the first, 1 to 100.
        copies: u32,
    },
    /// The receipt reaches the device after later ones.
    ReceiptHeld {
        /// How many later receipts overtake it, 1 to 100.
        behind: u32,
    },
    /// The message reaches the device more than once, with one id.
    MessageDuplicated {
        /// Copies besides the first, 1 to 100.
        copies: u32,
    },
    /// The message reaches the device with a ciphertext that no key opens.
    MessageUndecryptable {},
    /// `<failure reason="405">` at login: the client's version is too old.
    ClientOutdated {},
    /// `<failure reason="402">` at login: the account is banned for a while.
    TemporaryBan {
        /// The reason of the ban as the service numbers them, such as 101 (too many unknown recipients).
        code: u16,
        /// Seconds until it ends.
        expire_seconds: u64,
    },
    /// 401: the phone has unlinked this device. At login a `<failure>`, later a stream error with a conflict.
    DeviceRemoved {},
    /// The same device is said to have connected elsewhere: a stream error with a conflict, then the end.
    StreamReplaced {},
    /// A prekey bundle without a one-time prekey, as if all were used up.
    PrekeysExhausted {},
    /// The media host hangs up, or answers with an error.
    MediaDown {
        /// The HTTP status of the answer, 400 to 599. None: the connection is closed without an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status_code: Option<u16>,
    },
    /// The media host takes its time.
    MediaSlow {
        /// Milliseconds before the first byte, at most ten minutes.
        #[serde(default)]
        delay_ms: u64,
        /// Bytes that pass in a second, at least 1. None: as many as there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u64>,
    },
    /// The number is said not to be on WhatsApp: it has no devices and no keys.
    NotOnWhatsapp {},
    /// The request for a passkey comes without its options: the client must ask for them.
    PasskeyOptionsOmitted {},
    /// A good assertion of the passkey is refused: 401.
    PasskeyAssertionRefused {},
    /// The challenge is said to have expired when a good assertion comes: 410, and the attempt is over.
    PasskeyChallengeExpired {},
    /// A good assertion is accepted, and then nothing comes any more.
    PasskeyNotContinued {},
    /// The phone takes no time: its next step comes together with the answer to each of the client's, from a good assertion on.
    PasskeyHurried {},
    /// The companion's nonce is said not to match its commitment: 400, and the attempt is over.
    PasskeyCommitmentRefused {},
    /// Before a client whose code was typed is asked for a passkey, it gets a notification of the code's exchange that
    /// holds no keys.
    LinkCodeWithoutKeys {},
    /// A client that asks for a code to be typed, or answers the phone that has one, is refused.
    LinkCodeRefused {
        /// The `code` of the error: 400 (its name is not taken, or it asks too often), 403 (the account is restricted), 404,
        /// 429, 452 (not by a code) or 500.
        code: u16,
        /// After how many seconds it may ask again, if the service says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backoff_seconds: Option<u32>,
    },
    /// The stream of a client that is being linked ends: when its code was scanned or typed; when it has signed, and what it
    /// signed is lost; or when the phone's owner has refused it at the passkey gate, of which it hears nothing otherwise.
    LinkingEnded {
        /// With which stanza.
        how: LinkingEnd,
    },
}

/// With what the stream of a client ends that is being linked.
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

/// The stream errors that say something about time alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum StreamErrorCode {
    /// 503: the service is not available.
    ServiceUnavailable,
    /// 515: connect again, at once.
    RestartRequired,
}

/// Which way bytes or files go, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// Where a connection is cut. Bytes and frames are counted from the connection's first, or, if the fault was added
/// later, from then. A place that has passed by the time the fault may strike is where it strikes at once. A frame
/// counts with the three bytes of its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutPlace {
    /// When this many bytes have passed; 0 cuts before the first.
    AfterBytes(u64),
    /// When half of the frame with this number, from 1, has passed.
    MiddleOfFrame(u64),
}

/// How the media host fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRefusal {
    /// It closes the connection without an answer.
    HangsUp,
    /// It answers with this HTTP status.
    Status(u16),
}

impl StreamErrorCode {
    /// The number in the stanza.
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

/// The words that go with a code when no code to be typed is given, as clients know them (wacore `pair_code.rs`).
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

    /// The moments at which it can come.
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

    /// Whether it comes at this moment when its scope names none. What ends a stream comes once a device is connected,
    /// not at each of its stanzas; what strikes a link waits until it is known whose it is; everything else comes
    /// wherever it can.
    pub fn fires_by_default_at(&self, hook: Hook) -> bool {
        match self {
            Self::StreamError { .. } | Self::StreamReplaced {} | Self::DeviceRemoved {} => hook == Hook::Connected,
            Self::ConnectionCut { .. } | Self::SlowLink { .. } => hook == Hook::Frame,
            _ => self.hooks().contains(&hook),
        }
    }

    /// Says which measure is out of bounds, and what the bounds are.
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
