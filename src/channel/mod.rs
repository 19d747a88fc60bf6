//! The only door to WhatsApp. A channel sends what its device's loop hands it and tells, as events, what happens;
//! it never touches the store.

pub mod sandbox;
pub mod web;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Millis;
use crate::memory::Reservation;
use crate::message::RefNo;

/// A connected (or connecting) WhatsApp account. Dropping it closes the connection.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Hands `message` to WhatsApp. `Ok` means that it was written out, not that WhatsApp has it: that is told later
    /// by [`Event::Acknowledged`]. Calling it again with the same message shows the recipient nothing new.
    ///
    /// # Errors
    /// [`SendFault`], by what the caller can do about it.
    async fn send(&self, message: &Outgoing) -> Result<(), SendFault>;

    /// To how many people a message goes, where it is a group's. It is asked before [`Channel::send`], and stored: receipts
    /// are counted against it, also those that come after a crash.
    ///
    /// # Errors
    /// [`SendFault`], by what the caller can do about it.
    async fn count_members(&self, message: &Outgoing) -> Result<Option<u32>, SendFault> {
        let _ = message;
        Ok(None)
    }

    /// Shows the recipient that somebody writes to him, for a moment. It may fail without a word.
    async fn type_to(&self, message: &Outgoing) {
        let _ = message;
    }

    /// Has a file that came in, by what [`InboundFile::There`] says, in `memory`.
    ///
    /// # Errors
    /// [`SendFault`], by what the caller can do about it.
    async fn download(&self, reference: &[u8], memory: Reservation) -> Result<Bytes, SendFault> {
        let _ = (reference, memory);
        Err(SendFault::Never("this channel has no files".into()))
    }

    /// Begins to link an account, in place of one that is linked. What comes of it is told by [`Event::LinkCode`],
    /// [`Event::Linked`] and [`Event::LinkFailed`], which name the attempt: the moment at which it was wanted.
    async fn link(&self, way: LinkWay, attempt: Millis) {
        let _ = (way, attempt);
    }

    /// Goes on with an attempt that another process began, and of which the codes were shown. Where the phone has linked an account by
    /// it, that is completed; else it begins again, or fails for the reason given in `lost`.
    async fn resume(&self, way: LinkWay, attempt: Millis, lost: Option<&'static str>) {
        let _ = (way, attempt, lost);
    }

    /// Passes on a person's answer to [`Event::Passkey`].
    async fn answer_passkey(&self, answer: PasskeyAnswer) {
        let _ = answer;
    }

    /// Ends the link of the account, on WhatsApp's side too where it can be reached, and forgets its keys. [`Event::Unlinked`] names the
    /// moment at which that was wanted.
    async fn unlink(&self, wished_at: Millis) {
        let _ = wished_at;
    }

    /// Tries again what waits for a person's word, as after another program took the connection over.
    async fn connect(&self) {}

    /// Messages of a sandbox that nobody read yet, told once after a start, oldest first: it plays the rest of them. WhatsApp
    /// remembers its own.
    async fn remember(&self, sent: Vec<Sent>) {
        let _ = sent;
    }

    /// Waits until the channel ends by itself, by a fault of this program: then it tells nothing more, and is to be opened again.
    async fn ended(&self) {
        std::future::pending().await
    }

    /// Closes the connection in order; nothing is sent afterwards.
    async fn close(&self);
}

/// A message as it goes to WhatsApp.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub ref_no: RefNo,
    /// Digits of a phone number, a hidden id with its `@lid`, or a group's id without its `@g.us`.
    pub destination: String,
    pub is_group: bool,
    /// An attempt was made before, perhaps by a process that ended in the middle of it.
    pub is_again: bool,
    /// It does not leave from then on.
    pub expires_at: Millis,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub enum Body {
    Text(String),
    Media {
        kind: MediaKind,
        mime: String,
        file_name: Option<String>,
        caption: Option<String>,
        bytes: Bytes,
        preview: Box<Preview>,
    },
}

pub use crate::device::{Health, LinkWay};
pub use crate::media::kind::MediaKind;
pub use crate::media::preview::Preview;
pub use crate::passkey::PasskeyAnswer;

/// A message that was sent before this process started.
#[derive(Debug, Clone)]
pub struct Sent {
    pub ref_no: RefNo,
    pub destination: String,
    pub is_group: bool,
    /// Whether its delivery is known, so that only the reading is still awaited.
    pub delivered: bool,
}

/// Why a message did not go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFault {
    /// Trying again later may help.
    #[error("{0}")]
    Retry(String),
    /// Trying again cannot help; the reason is for the customer.
    #[error("{0}")]
    Never(String),
    /// WhatsApp takes no first messages to strangers from this account at present.
    #[error("WhatsApp takes no first messages to strangers from this number at present")]
    Stranger,
    /// WhatsApp says that it is too much at once: the message may go later, and all others slower.
    #[error("WhatsApp said that it was too much at once")]
    TooMuch {
        /// How long WhatsApp wants to be left alone, where it says so.
        wait_ms: Millis,
    },
    /// The account is not connected: keep the message and wait until it is.
    #[error("the gateway is not connected")]
    NotConnected,
}

/// What a channel tells its device's loop. They come in any order, and more than once.
#[derive(Debug)]
pub enum Event {
    /// The device's state changed.
    State(Health),
    /// A phone is to scan this code, or a person to type it; it is good until `until`, or until the next one comes. Until `codes_until`
    /// there is one.
    LinkCode { attempt: Millis, way: LinkWay, code: String, until: Millis, codes_until: Millis },
    /// WhatsApp asks for the passkey of the account that is being linked.
    Passkey { attempt: Millis, step: PasskeyStep },
    /// An account was linked: by this attempt, or before the channel was opened. `accepted` is answered `false` when it may not be this
    /// device's: then the channel ends the link again.
    Linked { attempt: Option<Millis>, number: String, proof: Proof, accepted: oneshot::Sender<bool> },
    /// It did not come to a link.
    LinkFailed { attempt: Millis, reason: String, ending: Ending },
    /// No account is linked any more, as was wished at that moment.
    Unlinked { wished_at: Millis, ending: Ending },
    /// The account that this attempt linked, and that was refused, is unlinked again.
    Removed { attempt: Option<Millis>, ending: Ending },
    /// WhatsApp's server has the message.
    Acknowledged { ref_no: RefNo, at: Millis },
    /// WhatsApp's server, or the check before sending, refused the message after `send` had returned.
    Refused { ref_no: RefNo, fault: SendFault },
    /// A recipient's phone has it, or its owner read it. `member` names who, in a group. `stored` is answered once it is
    /// durable: WhatsApp tells a receipt again until it is told that we have it. Dropped without an answer, it is not stored,
    /// and WhatsApp must not be told.
    Receipt { ref_no: RefNo, kind: ReceiptKind, member: Option<String>, at: Millis, stored: oneshot::Sender<()> },
    /// A message came in. `stored` is answered once it is durable, and only then may WhatsApp be told that we have it:
    /// not when it is dropped without an answer.
    Inbound { message: Box<Inbound>, stored: oneshot::Sender<()> },
    /// A message came in that could not be decrypted. `stored` is answered as for [`Event::Inbound`].
    Unreadable { message: Box<Unreadable>, stored: oneshot::Sender<()> },
    /// A message was read that shows nobody anything. Where it could not be read before, it is no longer missing.
    Silent { whatsapp_id: String, originator: String, hidden: Option<String>, stored: oneshot::Sender<()> },
}

/// By what it is known that an account is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The phone has linked it, as far as it could see. Whether that was the end of it is known when WhatsApp lets the gateway in.
    Paired,
    /// WhatsApp has let the gateway in as this account's.
    LoggedIn,
}

/// Whether the phone still lists a link that was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It does not.
    Confirmed,
    /// WhatsApp did not confirm that it was ended.
    MayBeListed,
}

/// What WhatsApp asks for, before it links an account that has a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyStep {
    /// An assertion of the passkey, as `options` (JSON) say, by `until`.
    Assertion { options: String, until: Millis },
    /// To compare this code with the one that the phone shows.
    Confirmation { code: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptKind {
    Delivered,
    /// Read, or played.
    Read,
}

/// Where a channel's events go. Bounded: a channel waits when its device's loop is behind.
pub type Events = mpsc::Sender<Event>;

pub use crate::message::{Inbound, InboundFile, Unreadable};
