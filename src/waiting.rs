//! Why a message waits, until when, and at which place of its queue: the one rule behind `/status`, lists, pages and the command
//! line. Pure: it reads what is stored of the message and its device, by the same policy (`pacing.rs`) that the device's loop
//! sends by.

mod tally;
mod until;

use crate::clock::Millis;
use crate::device::{Device, DeviceState, Kind};
use crate::device_status::{Condition, DeviceStatus, SLOWED, Standing, condition};
use crate::limits;
use crate::message::Priority;
use crate::pacing::{Chat, Pace, Rest, Slow, Wait};
use crate::reason::ReasonCode;

pub use tally::Tally;

/// How long an attempt may be under way: one that began earlier ended with its process.
pub const UNDER_WAY_MS: Millis = (limits::ACK_SECONDS_MAX + limits::SEND_SECONDS_MAX) as Millis * 1_000;

/// What one waits for whose device is connected by no process, whatever the device's state was last.
const NOT_RUN: &str = "no node of the gateway runs its device at the moment; if this lasts, check that the server runs";
/// What a message waited for whose time passed while no server ran its device.
pub const WAS_NOT_RUN: &str = "no node of the gateway ran its device; check that the server runs";

/// What a message waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub code: ReasonCode,
    /// What it waits for and what can be done, in words for a person.
    pub reason: String,
    /// When that ends, where it is known.
    pub until: Option<Millis>,
    /// Its place in its device's queue, from 1, when it waits for its turn only.
    pub position: Option<i64>,
}

/// A device, and what decides what it holds back.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// `None` for one that was removed.
    pub device: Option<&'a Device>,
    /// What is used of today's warm-up allowance.
    pub used: i64,
    /// When its next message may leave, where it keeps a gap.
    pub next_slot_at: Millis,
    /// Whether a node of the gateway runs it.
    pub is_run: bool,
}

/// What is stored of a waiting message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub priority: Priority,
    pub is_group: bool,
    /// Attempts to send it that were begun.
    pub attempts: i64,
    pub due_at: Millis,
    pub expires_at: Millis,
    pub under_way_at: Option<Millis>,
    /// Why it waits until `due_at`, as it was stored with that moment.
    pub wait_code: Option<&'a str>,
    pub wait_reason: Option<&'a str>,
    pub recipient: Recipient,
    pub blocker: Option<Blocker>,
    /// Whether its file was not downloaded yet.
    pub awaits_file: bool,
    /// Whether it is behind a message to the same recipient of which that is true and that nothing else keeps.
    pub is_behind_file: bool,
    /// How many messages of its device leave before it; where the warm-up holds them, how many wait before it.
    pub ahead: i64,
    /// How many of those were begun: what is used of today's warm-up allowance has them already.
    pub begun_ahead: i64,
}

/// What is known of a message's recipient. It matters only while its device holds messages back ([`Sender::is_holding`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recipient {
    /// When it last wrote to the device.
    pub wrote_at: Option<Millis>,
    /// Whether a message of the device was delivered to it before.
    pub was_reached: bool,
}

/// An earlier message to the same recipient that is tried again first, or whose acknowledgement is late (`turn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocker {
    pub code: ReasonCode,
    /// When that ends: it is tried again, or expires.
    pub until: Millis,
}

/// What decides whether a message may leave while its device holds others back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaver {
    pub priority: Priority,
    pub is_group: bool,
    pub attempts: i64,
    pub recipient: Recipient,
}

impl Waiting {
    fn new(code: ReasonCode, reason: impl Into<String>, until: Option<Millis>) -> Self {
        Self { code, reason: reason.into(), until, position: None }
    }

    fn turn(reason: String, until: Option<Millis>, position: Option<i64>) -> Self {
        Self { code: ReasonCode::Turn, reason, until, position }
    }
}

impl<'a> Sender<'a> {
    /// One whose next message may leave at once.
    pub fn of(device: &'a Device, standing: Standing) -> Self {
        Self { device: Some(device), used: standing.used, next_slot_at: 0, is_run: standing.is_run }
    }

    /// One that was removed.
    pub fn removed() -> Self {
        Self { device: None, used: 0, next_slot_at: 0, is_run: false }
    }

    /// What it is doing; `None` of one that was removed.
    fn condition(&self, now: Millis) -> Option<Condition> {
        Some(condition(self.device?, Standing { used: self.used, is_run: self.is_run }, now))
    }

    /// Whether it holds back messages, all but those of some recipients.
    pub fn is_holding(&self, now: Millis) -> bool {
        self.condition(now).is_some_and(|condition| condition.status == DeviceStatus::Holding)
    }

    /// Whether it matters to whom its messages go: it holds some of them back, or may before they leave.
    pub fn minds_recipients(&self, now: Millis) -> bool {
        self.device.is_some_and(|device| Pace::of(device).may_hold(now) || Rest::of(device).waits(now).is_some())
    }

    /// Whether a message may leave, whatever its device holds back.
    pub fn lets_go(&self, leaver: Leaver, now: Millis) -> bool {
        self.device.is_some_and(|device| hold(device, self.used, leaver, now).is_none())
    }

    /// What keeps its messages of a priority, all but those to some recipients.
    pub fn keeps(&self, priority: Priority, now: Millis) -> Option<Waiting> {
        let device = self.device?;
        if let Some(blocked) = blocked(device, &self.condition(now)?) {
            return Some(blocked);
        }
        let leaver = Leaver { priority, is_group: false, attempts: 0, recipient: Recipient::default() };
        hold(device, self.used, leaver, now).map(until::held)
    }

    /// Whether its account is new: it begins only so many messages today.
    pub fn warms_up(&self, now: Millis) -> bool {
        self.device.is_some_and(|device| Pace::of(device).allowance(now).is_some())
    }
}

impl Message<'static> {
    /// One as most of a long queue are: due, not tried, to a new contact, and behind others.
    pub fn like_most(priority: Priority) -> Self {
        Self {
            priority,
            is_group: false,
            attempts: 0,
            due_at: 0,
            expires_at: Millis::MAX,
            under_way_at: None,
            wait_code: None,
            wait_reason: None,
            recipient: Recipient::default(),
            blocker: None,
            awaits_file: false,
            is_behind_file: false,
            ahead: 1,
            begun_ahead: 0,
        }
    }
}

impl Message<'_> {
    /// Whether it was accepted to be sent later only.
    pub fn is_scheduled(&self, now: Millis) -> bool {
        now < self.due_at && self.wait_code.is_none() && self.attempts == 0
    }

    /// Whether its file failed to come, and has not come since: its turn comes after it.
    fn waits_for_media(&self) -> bool {
        self.wait_code == Some(ReasonCode::Media.name())
    }

    fn is_under_way(&self, now: Millis) -> bool {
        is_under_way(self.under_way_at, now)
    }

    pub fn leaver(&self) -> Leaver {
        Leaver { priority: self.priority, is_group: self.is_group, attempts: self.attempts, recipient: self.recipient }
    }
}

/// Whether an attempt that began then is still under way.
pub fn is_under_way(began_at: Option<Millis>, now: Millis) -> bool {
    began_at.is_some_and(|at| now - at <= UNDER_WAY_MS)
}

/// Why a message waits, and whether it expires before that ends.
pub fn waiting_reason(sender: Sender<'_>, message: &Message<'_>, now: Millis) -> Waiting {
    let waiting = first_reason(sender, message, now);
    match waiting.until {
        Some(until) if until >= message.expires_at => {
            Waiting { reason: format!("{}; the message expires before then", waiting.reason), ..waiting }
        }
        _ => waiting,
    }
}

/// It is scheduled; its device cannot send; it is being sent; its device holds it back; it failed before, or its file did; a
/// message before it to the same recipient did, or is not acknowledged; its device is slow; its file is being downloaded, or that
/// of a message before it to the same recipient; or other messages are ahead of it. The first of these that applies.
fn first_reason(sender: Sender<'_>, message: &Message<'_>, now: Millis) -> Waiting {
    if message.is_scheduled(now) {
        return Waiting::new(ReasonCode::Scheduled, "scheduled for later", Some(message.due_at));
    }
    let Some((device, condition)) = sender.device.zip(sender.condition(now)) else {
        return Waiting::new(ReasonCode::NotLinked, "its device was removed; send it again through another", None);
    };
    if let Some(blocked) = blocked(device, &condition) {
        return sender.once_connected(blocked, message, now);
    }
    if message.is_under_way(now) {
        let is_late = message.wait_code == Some(ReasonCode::Turn.name()) && now < message.due_at;
        let reason = if is_late { "sent to WhatsApp; its acknowledgement is awaited" } else { "being sent" };
        return Waiting::turn(reason.to_owned(), is_late.then_some(message.due_at), Some(1));
    }
    sender.lasting(own_reason(sender, device, message, now), message, now, now)
}

/// Why a message waits whose device can send, and until when by that alone.
fn own_reason(sender: Sender<'_>, device: &Device, message: &Message<'_>, now: Millis) -> Waiting {
    if let Some(wait) = sender.hold_at(message, now, now) {
        return until::held(wait);
    }
    if now < message.due_at || message.waits_for_media() {
        return set_aside(message, now);
    }
    if let Some(Blocker { code, until }) = message.blocker {
        let reason = match code {
            ReasonCode::Turn => "an earlier message to the same recipient awaits its acknowledgement",
            _ => "an earlier message to the same recipient is tried again first",
        };
        return Waiting::new(code, reason, Some(until));
    }
    let slot_at = sender.slot_after(message.ahead, now);
    // Also of one that holds others back.
    if now < Slow::of(device).until {
        return Waiting::new(ReasonCode::RateLimited, SLOWED, slot_at);
    }
    if message.awaits_file && message.ahead <= 0 {
        return Waiting::new(ReasonCode::Media, "its file is being downloaded", None);
    }
    if message.is_behind_file {
        let reason = "the file of an earlier message to the same recipient is being downloaded";
        return Waiting::new(ReasonCode::Media, reason, None);
    }
    in_line(message.ahead, slot_at)
}

/// What keeps a device from sending anything.
fn blocked(device: &Device, condition: &Condition) -> Option<Waiting> {
    const CHECK: &str = "if this lasts, check the server's network and the phone";
    let code = condition.code.filter(|_| !condition.status.sends())?;
    let reason = match (code, device.state) {
        _ if condition.status == DeviceStatus::Offline => NOT_RUN.to_owned(),
        (ReasonCode::NotLinked, DeviceState::Linking) => {
            "its device is being linked; scan or type the code with the phone".to_owned()
        }
        (ReasonCode::NotLinked, _) if device.kind == Kind::Cloud => {
            "its device is of a kind that cannot send yet; send it through another".to_owned()
        }
        (ReasonCode::NotLinked, _) => "its device has no WhatsApp account; link one".to_owned(),
        (ReasonCode::Passkey, _) => {
            "WhatsApp waits for the passkey of the account that is being linked; the linking page says what to do"
                .to_owned()
        }
        (ReasonCode::Paused, _) => match &device.paused_by {
            Some(who) => format!("its device was paused by '{who}'; resume it to send"),
            None => "its device is paused; resume it to send".to_owned(),
        },
        (ReasonCode::Banned, _) => {
            "WhatsApp has banned its number; open WhatsApp on the phone and follow the instructions".to_owned()
        }
        (ReasonCode::LoggedOut, _) => {
            "its device was unlinked from the phone; check who did it, then link it again".to_owned()
        }
        (ReasonCode::Replaced, _) => {
            "another program took over the connection; stop that program, then pause and resume the device".to_owned()
        }
        (ReasonCode::Outdated, _) => {
            "this version is too old for WhatsApp; update wachat. It is tried again every hour".to_owned()
        }
        (_, DeviceState::Reconnecting) => format!("its device lost the connection and reconnects; {CHECK}"),
        _ if device.kind == Kind::Sandbox => {
            "its device is starting; if this lasts, check that the server runs".to_owned()
        }
        _ => format!("its device is connecting; {CHECK}"),
    };
    // A code to link by, and the wait for a passkey, end; the wait for an account does not.
    let ends = matches!(code, ReasonCode::Offline | ReasonCode::Banned | ReasonCode::Outdated);
    Some(Waiting::new(code, reason, condition.until.filter(|_| ends)))
}

/// What its device's pacing holds this message back for; the device's loop asks the same.
fn hold(device: &Device, used: i64, leaver: Leaver, now: Millis) -> Option<Wait> {
    let (pace, recipient) = (Pace::of(device), leaver.recipient);
    let chat = Chat { wrote_at: recipient.wrote_at };
    let paced = match (leaver.priority, leaver.attempts) {
        (Priority::High, _) => None,
        (_, 0) => pace.first_waits(now, used, chat),
        _ => pace.waits(now, chat),
    };
    let is_known = leaver.is_group || recipient.was_reached || recipient.wrote_at.is_some();
    paced.or_else(|| Rest::of(device).waits(now).filter(|_| !is_known))
}

/// Why a message waits until its `due_at`, or for its file after that.
fn set_aside(message: &Message<'_>, now: Millis) -> Waiting {
    let why = message.wait_reason.unwrap_or("the attempt failed");
    let code = message.wait_code.and_then(ReasonCode::from_name).unwrap_or(ReasonCode::Retry);
    let reason = match code {
        ReasonCode::Media if now < message.due_at => {
            format!("its file is not downloaded yet: {why}; the download is tried again")
        }
        ReasonCode::Media => {
            format!("its file is not downloaded yet: {why}; other downloads come first, then it is tried again")
        }
        ReasonCode::RateLimited => "rate-limited by WhatsApp; it is tried again".to_owned(),
        ReasonCode::NewContacts => crate::pacing::Why::Strangers.says().to_owned(),
        _ => format!("the last attempt failed: {why}; it is tried again"),
    };
    Waiting::new(code, reason, Some(message.due_at).filter(|at| *at > now))
}

/// Its place behind so many messages, and until when the gap keeps it.
fn in_line(ahead: i64, until: Option<Millis>) -> Waiting {
    let reason = match ahead {
        ..=0 => "next to be sent".to_owned(),
        1 => "waiting for its turn; 1 message is ahead of it".to_owned(),
        limits::POSITION_MAX.. => {
            format!("waiting for its turn; {} messages or more are ahead of it", limits::POSITION_MAX)
        }
        _ => format!("waiting for its turn; {ahead} messages are ahead of it"),
    };
    let reason = if until.is_some() { format!("{reason}; the device waits between messages") } else { reason };
    Waiting::turn(reason, until, Some(ahead.clamp(0, limits::POSITION_MAX) + 1))
}

#[cfg(test)]
mod tests;
