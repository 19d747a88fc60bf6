//! The hooks at which the server calls the plan, and what identifies a call.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::faults::fault::Direction;
use crate::faults::scope::Counted;
use crate::limits;

/// The kind of hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// A client has authenticated and is about to be logged in.
    Login,
    /// A device is connected: just after its login, and for each connected device when a fault is added.
    Connected,
    /// A device has sent a message and waits for its ack.
    Message,
    /// A message is delivered to a device.
    Delivery,
    /// A receipt is delivered to a device.
    Receipt,
    /// A device has sent an iq.
    Iq,
    /// A device queries a number's devices, or whether it is on WhatsApp.
    Usync,
    /// A device fetches prekey bundles.
    Prekeys,
    /// A frame passes the connection of a device that is already known.
    Frame,
    /// A frame passes a connection before its login. Such connections are told apart by the order in which they were
    /// opened, which is only reproducible if they are opened one after another.
    Handshake,
    /// A file is uploaded to or downloaded from the media host.
    Media,
    /// A client whose code was typed is stopped at the passkey gate. This hook and those that follow concern a client
    /// that is not linked yet: the device is the phone of the account that it is to be linked to.
    LinkCode,
    /// A client requests a pairing code.
    LinkCodeHello,
    /// A client responds to the phone into which its code was typed.
    LinkCodeFinish,
    /// A client's code was scanned or typed.
    Link,
    /// A client that a phone has approved has signed, and the phone does not know it yet.
    LinkSigned,
    /// A client is about to be asked for a passkey.
    PasskeyRequest,
    /// A client has sent a valid passkey assertion.
    PasskeyPrologue,
    /// A client behind the passkey gate has revealed its nonce.
    PasskeyNonce,
    /// The phone's owner has refused a client at the passkey gate.
    PasskeyRefusal,
}

/// A device as faults name it: the digits of its account's number, and its index; 0 is the phone itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceName {
    /// Digits, without `+`.
    pub account: String,
    /// 0 for the phone, 1 and up for companions.
    pub device: u16,
}

/// A message that a device has sent.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// The sending device.
    pub device: &'a DeviceName,
    /// The recipient's number or the group's JID.
    pub chat: &'a str,
    /// The stanza's `type`: `text`, `media`, `reaction`…
    pub stanza_type: &'a str,
    /// The stanza's id.
    pub id: &'a str,
    /// The recipient has never written to the sender, nor given them a privacy token.
    pub is_first_contact: bool,
}

/// A message or receipt delivered to a device.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The receiving device.
    pub device: &'a DeviceName,
    /// The device that caused it.
    pub from: &'a DeviceName,
    /// The conversation as the receiving side sees it: a number or a group's JID.
    pub chat: &'a str,
    /// The stanza's `type`: for a message as in [`Sending`]; for a receipt `delivery` (which has none), `read`,
    /// `retry`…
    pub stanza_type: &'a str,
    /// The id of the message.
    pub id: &'a str,
}

/// An iq of a device.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The requesting device.
    pub device: &'a DeviceName,
    /// The iq's namespace, its `xmlns`.
    pub namespace: &'a str,
    /// The iq's id.
    pub id: &'a str,
}

/// A query about one account. An iq about several makes one call for each.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The requesting device.
    pub device: &'a DeviceName,
    /// The number queried, in digits, whatever the form in the iq.
    pub number: &'a str,
}

/// A file transfer.
#[derive(Debug, Clone, Copy)]
pub struct MediaTransfer<'a> {
    /// The device whose authorization the request carries.
    pub device: &'a DeviceName,
    /// [`Direction::ToServer`] is an upload.
    pub direction: Direction,
}

/// A frame in transit.
#[derive(Debug, Clone, Copy)]
pub struct Traffic<'a> {
    /// The device whose connection it is; `None` before the login.
    pub device: Option<&'a DeviceName>,
    /// Which way it goes.
    pub direction: Direction,
    /// Its bytes on the wire, including the three length bytes.
    pub bytes: usize,
}

/// A hook call with everything that scopes, counters and the log need.
#[derive(Debug, Clone, Copy)]
pub(super) struct HookCall<'a> {
    pub hook: Hook,
    pub device: Option<&'a DeviceName>,
    pub from: Option<&'a DeviceName>,
    /// The peer: a number, or a group's JID.
    pub peer: &'a str,
    /// For an iq its namespace, for media the direction.
    pub stanza_type: &'a str,
    pub id: &'a str,
}

impl DeviceName {
    /// A device of an account.
    pub fn new(account: impl Into<String>, device: u16) -> Self {
        Self { account: account.into(), device }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.account, self.device)
    }
}

impl Hook {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Connected => "connected",
            Self::Message => "message",
            Self::Delivery => "delivery",
            Self::Receipt => "receipt",
            Self::Iq => "iq",
            Self::Usync => "usync",
            Self::Prekeys => "prekeys",
            Self::Frame => "frame",
            Self::Handshake => "handshake",
            Self::Media => "media",
            Self::LinkCode => "link_code",
            Self::LinkCodeHello => "link_code_hello",
            Self::LinkCodeFinish => "link_code_finish",
            Self::Link => "link",
            Self::LinkSigned => "link_signed",
            Self::PasskeyRequest => "passkey_request",
            Self::PasskeyPrologue => "passkey_prologue",
            Self::PasskeyNonce => "passkey_nonce",
            Self::PasskeyRefusal => "passkey_refusal",
        }
    }
}

impl Direction {
    /// The `stanza_type` in scopes at [`Hook::Media`].
    pub(super) fn transfer(self) -> &'static str {
        match self {
            Self::ToServer => "upload",
            Self::ToClient => "download",
        }
    }
}

impl<'a> HookCall<'a> {
    /// A hook call that concerns a device alone.
    pub fn of(hook: Hook, device: &'a DeviceName) -> Self {
        Self { hook, device: Some(device), from: None, peer: "", stanza_type: "", id: "" }
    }

    /// The name of the counter that this call belongs to: calls within it have a reproducible order. Clients choose
    /// some of the words, and the text is kept as long as the fault, so each word is truncated.
    pub fn counter(&self, counted: Counted) -> String {
        let name = |device: Option<&DeviceName>| device.map(DeviceName::to_string).unwrap_or_default();
        let (hook, device) = (self.hook.name(), name(self.device));
        // One client queries different namespaces, and sends different receipts, from different tasks.
        let stanza_type = match self.hook {
            Hook::Iq | Hook::Receipt | Hook::Media => shortened(self.stanza_type),
            _ => "",
        };
        match counted {
            Counted::Device => format!("{hook} {device}"),
            Counted::Chat => format!("{hook} {device} {} {} {stanza_type}", name(self.from), shortened(self.peer)),
        }
    }
}

/// Truncates a text chosen by a client for counters and the log, which are bounded in bytes too.
pub(super) fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(limits::FAULT_NAME_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

impl<'a> From<&Sending<'a>> for HookCall<'a> {
    fn from(sending: &Sending<'a>) -> Self {
        Self {
            peer: sending.chat,
            stanza_type: sending.stanza_type,
            id: sending.id,
            ..Self::of(Hook::Message, sending.device)
        }
    }
}

impl<'a> Arrival<'a> {
    pub(super) fn hook_call(&self, hook: Hook) -> HookCall<'a> {
        HookCall {
            from: Some(self.from),
            peer: self.chat,
            stanza_type: self.stanza_type,
            id: self.id,
            ..HookCall::of(hook, self.device)
        }
    }
}

impl<'a> From<&Question<'a>> for HookCall<'a> {
    fn from(question: &Question<'a>) -> Self {
        Self { stanza_type: question.namespace, id: question.id, ..Self::of(Hook::Iq, question.device) }
    }
}

impl<'a> Lookup<'a> {
    pub(super) fn hook_call(&self, hook: Hook) -> HookCall<'a> {
        HookCall { peer: self.number, ..HookCall::of(hook, self.device) }
    }
}

impl<'a> Traffic<'a> {
    pub(super) fn hook_call(&self) -> HookCall<'a> {
        let hook = if self.device.is_some() { Hook::Frame } else { Hook::Handshake };
        HookCall { hook, device: self.device, from: None, peer: "", stanza_type: "", id: "" }
    }
}

impl<'a> From<&MediaTransfer<'a>> for HookCall<'a> {
    fn from(transfer: &MediaTransfer<'a>) -> Self {
        Self { stanza_type: transfer.direction.transfer(), ..Self::of(Hook::Media, transfer.device) }
    }
}
