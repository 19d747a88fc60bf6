//! A message on its way out, and which state may follow which. Pure: nothing here waits, writes or asks the time.

pub mod kind;
mod priority;
mod unavailable;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Millis};
use crate::customer_url::masked;
pub use priority::{BadPriority, Priority};
pub use unavailable::Unavailable;

use kind::MediaKind;

/// Where a message is in its life (contract, section 4).
///
/// The store keeps [`State::Queue`] for everything that has not left; whether that shows as `U` or `Q` follows from
/// the gateway's state at the moment of asking ([`State::shown`]), so that the two can never contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    #[serde(rename = "U")]
    Unsend,
    #[serde(rename = "Q")]
    Queue,
    #[serde(rename = "S")]
    Sent,
    #[serde(rename = "D")]
    Delivered,
    #[serde(rename = "R")]
    Read,
    #[serde(rename = "A")]
    Aborted,
}

impl State {
    pub const ALL: [Self; 6] = [Self::Unsend, Self::Queue, Self::Sent, Self::Delivered, Self::Read, Self::Aborted];

    /// The letter that the API and the store use.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Unsend => "U",
            Self::Queue => "Q",
            Self::Sent => "S",
            Self::Delivered => "D",
            Self::Read => "R",
            Self::Aborted => "A",
        }
    }

    /// The name that the API's documentation gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsend => "UNSEND",
            Self::Queue => "QUEUE",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
            Self::Aborted => "ABORTED",
        }
    }

    pub fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.letter() == letter)
    }

    /// Whether the message can still leave.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Unsend | Self::Queue)
    }

    /// Whether nothing more can happen to it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Read | Self::Aborted)
    }

    /// What a customer is shown: a waiting message is `U` while its gateway cannot take it, else `Q`.
    pub fn shown(self, gateway_takes: bool) -> Self {
        match (self, gateway_takes) {
            (Self::Unsend | Self::Queue, true) => Self::Queue,
            (Self::Unsend | Self::Queue, false) => Self::Unsend,
            (other, _) => other,
        }
    }
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// WhatsApp's server acknowledged it.
    Acknowledged,
    /// The recipient's phone has it.
    Delivered,
    /// The recipient read or played it.
    Read,
    /// It will not be sent.
    GivenUp,
}

/// Why a message that waited too long was given up.
pub const fn expired(was_tried: bool) -> &'static str {
    if was_tried {
        "its timeout passed without an acknowledgement; it may have been delivered"
    } else {
        "its timeout passed before it could be sent"
    }
}

/// The state after `happening`, from `state`. States only move forward: what is older than `state` changes nothing,
/// and a message that was given up stays so, as it may have been sent again under another reference since.
pub fn next(state: State, happening: Happening) -> State {
    let reached = match happening {
        Happening::Acknowledged => State::Sent,
        Happening::Delivered => State::Delivered,
        Happening::Read => State::Read,
        Happening::GivenUp => return if state.is_waiting() { State::Aborted } else { state },
    };
    if state == State::Aborted || rank(state) >= rank(reached) { state } else { reached }
}

/// The states that a message reaches that moves from one to the other: what was read was delivered.
pub fn reached(from: State, to: State) -> impl Iterator<Item = State> {
    let on_the_way = [State::Sent, State::Delivered, State::Read].into_iter();
    let on_the_way =
        on_the_way.filter(move |state| to != State::Aborted && (rank(from)..rank(to)).contains(&(rank(*state) - 1)));
    on_the_way.chain((to == State::Aborted && from != to).then_some(to))
}

fn rank(state: State) -> u8 {
    match state {
        State::Unsend | State::Queue => 0,
        State::Sent => 1,
        State::Delivered => 2,
        State::Read => 3,
        State::Aborted => 4,
    }
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    Media {
        caption: Option<String>,
        source: MediaSource,
        file_name: Option<String>,
        /// As what it is shown; of a file at an address, what was asked for.
        kind: Option<MediaKind>,
    },
}

/// Where the bytes of a media message are.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// On the shelf already, under this id.
    Shelf(String),
    /// At an address of the customer's choice, to be fetched before sending.
    Url(String),
}

impl std::fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shelf(id) => f.debug_tuple("Shelf").field(id).finish(),
            Self::Url(url) => f.debug_tuple("Url").field(&masked(url)).finish(),
        }
    }
}

/// A message that passed every check and waits to be accepted.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub ref_no: RefNo,
    pub client_id: i64,
    pub person_id: i64,
    pub device_id: String,
    /// The gateway's phone number at acceptance.
    pub sender: String,
    /// Whether its gateway is a sandbox: no real account ever sends it.
    pub sandbox: bool,
    /// Digits of a phone number, or a group's id without its `@g.us`.
    pub destination: String,
    pub is_group: bool,
    pub content: Content,
    pub created_at: Millis,
    /// It must leave before this moment.
    pub expires_at: Millis,
    pub priority: Priority,
    /// The customer's own word for it, up to [`crate::limits::TAG_CHARS_MAX`] characters.
    pub tag: Option<String>,
}

/// A message that came in.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Its id on WhatsApp. With the chat and the sender it tells a repeated message from a new one.
    pub whatsapp_id: String,
    /// The phone number of who wrote it, digits only.
    pub originator: String,
    /// The hidden id of who wrote it, where it is known beside the number.
    pub hidden: Option<String>,
    /// The name that the writer shows to others, if known.
    pub name: Option<String>,
    /// The group it was written in, without `@g.us`.
    pub group_id: Option<String>,
    /// `text`, `image`, `video`, `audio`, `document`, `sticker`, `location`, `contact`, …: docs/webhooks.md lists them.
    pub kind: String,
    /// The text or caption, or a short text that stands for a message without one.
    pub text: String,
    pub file: Option<InboundFile>,
    /// The id, on WhatsApp, of the message that this one answers, changes or reacts to.
    pub about: Option<String>,
    /// When it was written, by WhatsApp's clock.
    pub sent_at: Millis,
}

/// A message that came in and could not be decrypted: its sender is asked for it again.
#[derive(Debug, Clone)]
pub struct Unreadable {
    pub whatsapp_id: String,
    /// The phone number of who wrote it, as in [`Inbound`].
    pub originator: String,
    pub hidden: Option<String>,
    pub name: Option<String>,
    pub group_id: Option<String>,
    /// What is said of it if it stays so.
    pub note: &'static str,
    pub sent_at: Millis,
}

/// A file that came with a message.
#[derive(Debug, Clone)]
pub enum InboundFile {
    Here {
        bytes: bytes::Bytes,
        file_name: Option<String>,
    },
    /// Still to be had, by what the channel knows of it, sealed.
    There {
        reference: Vec<u8>,
        file_name: Option<String>,
    },
}

/// A message's reference number: 18 upper-case hexadecimal digits that sort by the time of acceptance.
///
/// It decides the message's id on WhatsApp ([`RefNo::whatsapp_id`]), so whoever stored the one has stored the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefNo(String);

const REF_BITS: u32 = 72;
const REF_MASK: u128 = (1 << REF_BITS) - 1;
/// An odd number, so multiplying by it modulo 2^72 can be undone; its bits are those of the golden ratio.
const SCRAMBLE: u128 = 0x9E_3779_B97F_4A7C_15F3;
/// What ids made by WhatsApp's own web client start with.
const WHATSAPP_PREFIX: &str = "3EB0";

impl RefNo {
    pub fn new(clock: &Clock) -> Self {
        Self(format!("{:018X}", clock.ref_bits()))
    }

    /// The reference number that a customer names, or `None` when no message can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.len() == 18 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self(text.to_ascii_uppercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id under which the message is sent on WhatsApp, the same in every attempt, so that a second attempt cannot
    /// show the recipient two messages. It looks as random as the ids of other clients do: the time in the reference
    /// number is spread over all its digits.
    pub fn whatsapp_id(&self) -> String {
        let bits = u128::from_str_radix(&self.0, 16).unwrap_or(0);
        let mixed = swap_halves(bits.wrapping_mul(SCRAMBLE) & REF_MASK).wrapping_mul(SCRAMBLE) & REF_MASK;
        format!("{WHATSAPP_PREFIX}{mixed:018X}")
    }

    /// The message that a WhatsApp id belongs to, if it can be one of ours.
    pub fn of_whatsapp_id(id: &str) -> Option<Self> {
        let mixed = u128::from_str_radix(Self::parse(id.strip_prefix(WHATSAPP_PREFIX)?)?.as_str(), 16).ok()?;
        let undo = inverse(SCRAMBLE);
        let bits = swap_halves(mixed.wrapping_mul(undo) & REF_MASK).wrapping_mul(undo) & REF_MASK;
        Some(Self(format!("{bits:018X}")))
    }
}

impl std::fmt::Display for RefNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn swap_halves(bits: u128) -> u128 {
    ((bits << (REF_BITS / 2)) | (bits >> (REF_BITS / 2))) & REF_MASK
}

/// The multiplicative inverse of an odd number modulo 2^128, by Newton's iteration: each step doubles the right bits.
fn inverse(odd: u128) -> u128 {
    (0..7).fold(odd, |x, _| x.wrapping_mul(2u128.wrapping_sub(odd.wrapping_mul(x))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAPPENINGS: [Happening; 4] =
        [Happening::Acknowledged, Happening::Delivered, Happening::Read, Happening::GivenUp];

    /// Every sequence of five happenings, from every state.
    fn every_story(check: impl Fn(State, &[Happening])) {
        for state in State::ALL {
            for code in 0..4usize.pow(5) {
                let story: Vec<_> = (0..5).map(|at| HAPPENINGS[code / 4usize.pow(at) % 4]).collect();
                check(state, &story);
            }
        }
    }

    #[test]
    fn no_story_ever_moves_a_state_backwards() {
        every_story(|start, story| {
            let mut state = start;
            for happening in story {
                let after = next(state, *happening);
                assert!(rank(after) >= rank(state), "{state:?} {happening:?} -> {after:?}");
                assert!(!state.is_final() || after == state, "{state:?} is final");
                state = after;
            }
        });
    }

    #[test]
    fn the_end_does_not_depend_on_the_order_of_receipts() {
        every_story(|start, story| {
            if story.contains(&Happening::GivenUp) {
                return;
            }
            let forward = story.iter().fold(start, |state, happening| next(state, *happening));
            let backward = story.iter().rev().fold(start, |state, happening| next(state, *happening));
            assert_eq!(forward, backward, "{start:?} {story:?}");
        });
    }

    #[test]
    fn only_a_waiting_message_can_be_given_up_and_it_stays_so() {
        for state in State::ALL {
            let after = next(state, Happening::GivenUp);
            assert_eq!(after, if state.is_waiting() { State::Aborted } else { state });
        }
        for happening in HAPPENINGS {
            assert_eq!(next(State::Aborted, happening), State::Aborted);
        }
    }

    #[test]
    fn a_waiting_message_shows_its_gateways_state_and_no_other_does() {
        for state in State::ALL {
            let (taken, refused) = (state.shown(true), state.shown(false));
            if state.is_waiting() {
                assert_eq!((taken, refused), (State::Queue, State::Unsend));
            } else {
                assert_eq!((taken, refused), (state, state));
            }
        }
    }

    #[test]
    fn a_reference_number_and_its_whatsapp_id_name_each_other() {
        let clock = Clock::system();
        for _ in 0..1_000 {
            let ref_no = RefNo::new(&clock);
            assert_eq!(RefNo::parse(ref_no.as_str()), Some(ref_no.clone()));
            let id = ref_no.whatsapp_id();
            assert_eq!(id.len(), 22);
            assert_eq!(RefNo::of_whatsapp_id(&id), Some(ref_no));
        }
    }

    #[test]
    fn neighbours_do_not_look_alike_on_whatsapp() {
        let ids: Vec<_> = ["0000000000000000A0", "0000000000000000A1"]
            .into_iter()
            .map(|text| RefNo::parse(text).expect("18 digits").whatsapp_id())
            .collect();
        let same = ids[0].bytes().zip(ids[1].bytes()).filter(|(a, b)| a == b).count();
        assert!(same < 12, "{ids:?}");
    }

    #[test]
    fn ids_of_other_programs_are_nobodys() {
        for id in ["", "3EB0", "3EB0XYZ", "ABCDEF0123456789ABCDEF", "3EB0é123456789012345678"] {
            assert_eq!(RefNo::of_whatsapp_id(id), None, "{id}");
        }
    }
}
