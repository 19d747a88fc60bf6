//! A device, also called gateway: one WhatsApp account that sends for a client.

mod wish;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Millis};
use crate::limits;

pub use wish::{LinkWay, Wish};

/// The phone number of the first start's sandbox; no subscriber has it.
pub const FIRST_SENDER: &str = "628110000000";

/// One WhatsApp account. Its phone number is the API's `sender`, its id the API's `queue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    pub id: String,
    pub client_id: i64,
    /// Digits only; empty until an account is linked.
    pub sender: String,
    pub name: String,
    pub kind: Kind,
    pub state: DeviceState,
    /// Why it is in that state, in words for a person; empty when there is nothing to say.
    pub state_reason: String,
    /// Until when the state is expected to last, as with a ban.
    pub state_until: Option<Millis>,
    /// Since when an account is linked.
    pub linked_at: Option<Millis>,
    /// What a person wants done with the link: [`Device::wish`] reads it.
    pub wish: Option<String>,
    pub wish_phone: Option<String>,
    pub wish_at: Millis,
    /// WhatsApp takes no first messages to strangers before this moment.
    pub strangers_after: Millis,
    /// When that rest began.
    pub strangers_since: Millis,
    /// When WhatsApp said last that it was too much at once.
    pub slow_since: Millis,
    /// Until when it is slower for that.
    pub slow_until: Millis,
    /// The least time between two messages meanwhile, in milliseconds.
    pub slow_gap_ms: i64,
    /// Whether a person paused it.
    pub paused: bool,
    /// Who did, and when; unknown of one that was paused long ago.
    pub paused_by: Option<String>,
    pub paused_at: Option<Millis>,
    /// Messages a UTC day; 0 for no limit.
    pub daily_limit: i64,
    /// The least time between two messages, in milliseconds; 0 for none.
    pub gap_ms: i64,
    /// How much longer than that a gap may randomly be, in milliseconds.
    pub gap_jitter_ms: i64,
    /// Whether a recipient sees that somebody types before a text comes.
    pub typing: bool,
    /// Whether it sends few messages a day at first, and more from day to day.
    pub warm_up: bool,
    /// Between these hours, as HH:MM, messages wait.
    pub quiet_from: Option<String>,
    pub quiet_to: Option<String>,
    /// Where its hours and days are: a name of the IANA database.
    pub time_zone: String,
    pub created_at: Millis,
    /// Which of the devices that had this id it is: a removed one may be added again.
    pub incarnation: i64,
    /// The node that connects it, and until when that holds unless it is renewed.
    pub lease_node: Option<String>,
    pub lease_until: Millis,
    /// The number whose phone alone may be linked to it; empty or missing where any phone may be.
    pub expected_sender: Option<String>,
}

/// The pacing that a device begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPacing {
    pub gap_ms: i64,
    pub gap_jitter_ms: i64,
    pub warm_up: bool,
}

impl Device {
    /// Whether an account is linked to it, as far as is known.
    pub fn has_account(&self) -> bool {
        let is_gone = self.state.is_being_linked()
            || matches!(self.state, DeviceState::Unlinked | DeviceState::LoggedOut | DeviceState::Replaced);
        self.linked_at.is_some() && !is_gone
    }

    /// Whether the number that it still bears was given up by unlinking: the next phone that is linked gives it its own.
    pub fn has_given_up_its_number(&self) -> bool {
        let has_none = self.expected_sender.as_deref().is_none_or(str::is_empty);
        self.kind == Kind::Web && !self.sender.is_empty() && self.linked_at.is_none() && has_none
    }

    /// Whether messages leave through it now; what waits shows as `Q` when they do and as `U` when they do not.
    pub fn takes_messages(&self) -> bool {
        self.state == DeviceState::Online && !self.paused
    }

    /// Whether it only plays what would happen.
    pub fn is_sandbox(&self) -> bool {
        self.kind == Kind::Sandbox
    }

    /// What is to be done with the link, and not done yet.
    pub fn wish(&self) -> Option<Wish> {
        match (self.wish.as_deref()?, &self.wish_phone) {
            ("qr", _) => Some(Wish::Link(LinkWay::Qr)),
            ("code", Some(phone)) => Some(Wish::Link(LinkWay::Code { phone: phone.clone() })),
            ("unlink", _) => Some(Wish::Unlink),
            ("cancel", _) => Some(Wish::Cancel),
            ("connect", _) => Some(Wish::Connect),
            _ => None,
        }
    }
}

/// A device's state with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub state: DeviceState,
    /// Why, in words for a person; empty when there is nothing to say.
    pub reason: String,
    /// Until when it is expected to last.
    pub until: Option<Millis>,
}

impl Health {
    pub fn new(state: DeviceState, reason: impl Into<String>) -> Self {
        Self { state, reason: reason.into(), until: None }
    }
}

/// Which door to WhatsApp a device uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No phone and no network: messages play their states by themselves.
    Sandbox,
    /// A phone's account, linked as WhatsApp Web is.
    Web,
    /// Meta's Cloud API. It cannot be connected, and none is added any more; earlier releases let some be added.
    Cloud,
}

impl Kind {
    /// Those that can be added.
    pub const ADDED: [Self; 2] = [Self::Sandbox, Self::Web];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Web => "web",
            Self::Cloud => "cloud",
        }
    }

    /// A person's number is used as a person would, unless told otherwise; the others bear what they are given.
    pub fn first_pacing(self) -> FirstPacing {
        match self {
            Self::Web => {
                FirstPacing { gap_ms: limits::WEB_GAP_MS, gap_jitter_ms: limits::WEB_GAP_JITTER_MS, warm_up: true }
            }
            Self::Sandbox | Self::Cloud => FirstPacing { gap_ms: 0, gap_jitter_ms: 0, warm_up: false },
        }
    }
}

/// The reason of a device that never had an account, and what every start says of one without an account.
pub const NOT_LINKED: &str = "no account is linked";

/// What a device is doing. One state machine that API, console, metrics and logs all read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// No account is linked.
    Unlinked,
    /// A code is shown and waits for a phone.
    Linking,
    /// WhatsApp waits for the passkey of the account that is being linked.
    Passkey,
    /// The code that the phone shows is to be compared.
    PasskeyConfirm,
    Connecting,
    /// Connected and ready to send.
    Online,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// WhatsApp refuses the account for a while.
    Banned,
    /// The phone removed this device.
    LoggedOut,
    /// Another program took the connection over.
    Replaced,
    /// WhatsApp refuses this version of the client.
    Outdated,
}

impl DeviceState {
    pub const ALL: [Self; 11] = [
        Self::Unlinked,
        Self::Linking,
        Self::Passkey,
        Self::PasskeyConfirm,
        Self::Connecting,
        Self::Online,
        Self::Reconnecting,
        Self::Banned,
        Self::LoggedOut,
        Self::Replaced,
        Self::Outdated,
    ];

    /// Whether an account is being linked.
    pub fn is_being_linked(self) -> bool {
        matches!(self, Self::Linking | Self::Passkey | Self::PasskeyConfirm)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Unlinked => "unlinked",
            Self::Linking => "linking",
            Self::Passkey => "passkey",
            Self::PasskeyConfirm => "passkey_confirm",
            Self::Connecting => "connecting",
            Self::Online => "online",
            Self::Reconnecting => "reconnecting",
            Self::Banned => "banned",
            Self::LoggedOut => "logged_out",
            Self::Replaced => "replaced",
            Self::Outdated => "outdated",
        }
    }
}

/// A word that names no kind or state of a device.
#[derive(Debug, thiserror::Error)]
#[error("'{word}' is not one of {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

impl TryFrom<String> for Kind {
    type Error = UnknownWord;

    fn try_from(word: String) -> Result<Self, UnknownWord> {
        one_of(word, &[Self::Sandbox, Self::Web, Self::Cloud], Self::name)
    }
}

/// What a person may add: only what can be connected.
impl std::str::FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        one_of(word.to_owned(), &Self::ADDED, Self::name)
    }
}

impl TryFrom<String> for DeviceState {
    type Error = UnknownWord;

    fn try_from(word: String) -> Result<Self, UnknownWord> {
        one_of(word, &Self::ALL, Self::name)
    }
}

fn one_of<T: Copy>(word: String, all: &[T], name: fn(T) -> &'static str) -> Result<T, UnknownWord> {
    all.iter()
        .copied()
        .find(|one| name(*one) == word)
        .ok_or_else(|| UnknownWord { word, known: all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ") })
}

/// A limit that a device cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    #[error("a limit is from 0 (for none) to {} messages a day", limits::DAILY_LIMIT_MAX)]
    Daily,
    #[error("a sandbox has no daily limit")]
    Sandbox,
    #[error("a gap is from 0 to {} milliseconds", limits::GAP_MS_MAX)]
    Gap,
}

/// Messages a day.
///
/// # Errors
/// [`BadLimit`] when this kind of device cannot have that many.
pub fn check_daily_limit(kind: Kind, limit: i64) -> Result<(), BadLimit> {
    match limit {
        0 => Ok(()),
        _ if kind == Kind::Sandbox => Err(BadLimit::Sandbox),
        1..=limits::DAILY_LIMIT_MAX => Ok(()),
        _ => Err(BadLimit::Daily),
    }
}

/// The least time between two messages, or what is randomly added to it.
///
/// # Errors
/// [`BadLimit::Gap`].
pub fn check_gap_ms(gap_ms: i64) -> Result<(), BadLimit> {
    if (0..=limits::GAP_MS_MAX).contains(&gap_ms) { Ok(()) } else { Err(BadLimit::Gap) }
}

/// Hours or a time zone that a device cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    #[error("'{0}' is no time of day; give hours and minutes as 21:00, or nothing for no quiet hours")]
    Time(String),
    #[error("quiet hours need a beginning and an end, such as 21:00 and 07:00")]
    Half,
    #[error("quiet hours that end as they begin would never end; pause the device instead")]
    Endless,
    #[error("'{0}' is no time zone; give a name of the IANA database, such as Asia/Jakarta or UTC")]
    Zone(String),
}

/// Reads a time of day, `HH:MM`.
///
/// # Errors
/// [`BadHours::Time`].
pub fn parse_time_of_day(text: &str) -> Result<Time, BadHours> {
    let bad = || BadHours::Time(text.to_owned());
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute) =
        text.split_once(':').filter(|(hour, minute)| digits(hour) && digits(minute)).ok_or_else(bad)?;
    let number = |part: &str| part.parse::<i8>().map_err(|_| bad());
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| bad())
}

/// Both ends of the quiet hours.
///
/// # Errors
/// [`BadHours`] when they are no times of day, only one is given, or they are the same.
pub fn check_quiet_hours(from: Option<&str>, to: Option<&str>) -> Result<(), BadHours> {
    let (from, to) = (from.map(parse_time_of_day).transpose()?, to.map(parse_time_of_day).transpose()?);
    match (from, to) {
        (None, None) => Ok(()),
        (Some(from), Some(to)) if from == to => Err(BadHours::Endless),
        (Some(_), Some(_)) => Ok(()),
        _ => Err(BadHours::Half),
    }
}

/// A time zone by its name.
///
/// # Errors
/// [`BadHours::Zone`].
pub fn parse_time_zone(name: &str) -> Result<TimeZone, BadHours> {
    TimeZone::get(name).map_err(|_| BadHours::Zone(name.to_owned()))
}

/// Where a device's link code belongs, for who seals or opens it.
pub fn link_place(device_id: &str) -> String {
    format!("link/{device_id}")
}

/// Where what belongs to a device's passkey step belongs, for who seals or opens it.
pub fn passkey_place(device_id: &str, what: &str) -> String {
    format!("passkey/{device_id}/{what}")
}

/// A new device id for `client_id`: its number, a dash, 15 digits.
pub fn new_device_id(client_id: i64, clock: &Clock) -> String {
    format!("{client_id}-{:015}", clock.random_below(1_000_000_000_000_000))
}

/// Whether `id` has the shape of a device id: digits, a dash, 15 digits. Its first part need not be the number of the
/// client here: customers bring the ids that are already in their programs.
pub fn is_device_id(id: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    id.split_once('-')
        .is_some_and(|(client, number)| digits(client) && client.len() <= 18 && digits(number) && number.len() == 15)
}

#[cfg(test)]
mod tests;
