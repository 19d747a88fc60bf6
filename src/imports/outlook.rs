//! What becomes of an import's messages as their device is now: whether it can send at all, and how many leave in time. Pure.

use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;
use crate::pacing::Pace;
use crate::reason::ReasonCode;
use crate::waiting::Sender;

/// What a person should know before the messages are queued, or while they wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What keeps the device from sending them, if anything does.
    pub code: Option<ReasonCode>,
    /// In sentences that say what can be done; none where nothing is in the way.
    pub notes: Vec<String>,
    /// How many can leave today, by the device's clock, and within the timeout that they have unless their row names another; `None`
    /// where nothing bounds that.
    pub leave_today: Option<i64>,
    pub leave_in_time: Option<i64>,
}

/// What an import's messages are up against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    pub priority: Priority,
    /// Rows that are still to be queued.
    pub rows: i64,
    /// How many of its messages wait already, at the most.
    pub queued: i64,
    /// Other messages of the device that wait.
    pub others: i64,
    /// Messages that the device accepted today (UTC).
    pub accepted_today: i64,
}

impl Outlook {
    pub fn of(sender: Sender<'_>, ahead: Ahead, now: Millis) -> Self {
        let mut outlook = Self::default();
        let messages = ahead.rows + ahead.queued;
        if messages <= 0 {
            return outlook;
        }
        if let Some(kept) = sender.keeps(ahead.priority, now) {
            (outlook.code, outlook.notes) = (Some(kept.code), vec![format!("the messages wait: {}", kept.reason)]);
        }
        let Some(device) = sender.device else { return outlook };
        let left = device.daily_limit - ahead.accepted_today;
        if device.daily_limit > 0 && ahead.rows > left {
            outlook.notes.push(limited(left.max(0), device.daily_limit, ahead.rows));
        }
        let pace = Pace::of(device);
        // What is urgent does not wait for the others, nor for the warm-up.
        let before = if ahead.priority == Priority::High { return outlook } else { ahead.others };
        let room = |until| {
            let room = pace.room(now, until, sender.used)?;
            Some((room - before).clamp(0, messages))
        };
        outlook.leave_today = room(pace.next_midnight(now));
        outlook.leave_in_time = room(now + limits::TIMEOUT_SECONDS_DEFAULT * 1_000);
        match (outlook.leave_today, outlook.leave_in_time) {
            (Some(today), Some(in_time)) if in_time < messages => {
                outlook.notes.push(late(today, in_time, messages));
            }
            (Some(today), _) if today < messages => {
                outlook
                    .notes
                    .push(format!("messages that can leave today: {today} of {messages}; the rest leave later"));
            }
            _ => {}
        }
        outlook
    }
}

fn limited(left: i64, limit: i64, rows: i64) -> String {
    format!(
        "messages that the device still takes today, by its limit of {limit} a day: {left}; the rest of {rows} rows are rejected. \
         Raise the limit, or import the rest tomorrow"
    )
}

fn late(today: i64, in_time: i64, messages: i64) -> String {
    format!(
        "messages that can leave today: {today} of {messages}, and within 24 hours: {in_time}, by the device's warm-up and its gap \
         between messages; what is left then expires unless its row names a longer timeout. Give those rows a longer timeout, or use more devices"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceState, Kind};
    use crate::device_status::tests::{NOW, device};

    const AHEAD: Ahead = Ahead { priority: Priority::Bulk, rows: 1_000, queued: 0, others: 5, accepted_today: 0 };

    fn outlook(device: &crate::device::Device, used: i64, ahead: Ahead) -> Outlook {
        Outlook::of(Sender { device: Some(device), used, next_slot_at: 0, is_run: true }, ahead, NOW)
    }

    #[test]
    fn an_import_says_how_many_of_its_messages_leave_in_time() {
        let mut new = device(Kind::Web, DeviceState::Online);
        assert_eq!(outlook(&new, 0, AHEAD), Outlook::default());
        (new.warm_up, new.linked_at) = (true, Some(NOW));
        let pace = Pace::of(&new);
        let (today, next) = (pace.allowance(NOW).expect("one"), pace.allowance(NOW + 86_400_000).expect("one"));
        for (used, others) in [(0, 5), (7, 0), (today, 0)] {
            let found = outlook(&new, used, Ahead { others, ..AHEAD });
            let expected = (Some((today - used - others).max(0)), Some(today - used + next - others));
            assert_eq!((found.leave_today, found.leave_in_time), expected);
            let late = found.notes.last().expect("a note");
            assert!(late.contains("what is left then expires") && late.contains(" of 1000"), "{late}");
        }
        // Few enough are not mentioned, nor what is urgent.
        assert!(outlook(&new, 0, Ahead { rows: today - 5, ..AHEAD }).notes.is_empty());
        assert_eq!(outlook(&new, today, Ahead { priority: Priority::High, ..AHEAD }), Outlook::default());
        let some = outlook(&new, 0, Ahead { rows: today, ..AHEAD });
        assert_eq!(
            some.notes,
            [format!("messages that can leave today: {} of {today}; the rest leave later", today - 5)]
        );
    }

    #[test]
    fn an_import_says_that_its_device_cannot_send_and_what_its_limit_refuses() {
        let mut device = device(Kind::Web, DeviceState::Online);
        (device.paused, device.paused_by) = (true, Some("rina".into()));
        let found = outlook(&device, 0, AHEAD);
        assert_eq!(found.code, Some(ReasonCode::Paused));
        assert_eq!(found.notes, ["the messages wait: its device was paused by 'rina'; resume it to send"]);
        (device.paused, device.daily_limit) = (false, 300);
        let found = outlook(&device, 0, Ahead { accepted_today: 200, ..AHEAD });
        assert_eq!((found.code, found.notes), (None, vec![limited(100, 300, 1_000)]));
        assert!(outlook(&device, 0, Ahead { rows: 0, queued: 300, accepted_today: 300, ..AHEAD }).notes.is_empty());
        let done = Ahead { rows: 0, queued: 0, ..AHEAD };
        device.paused = true;
        assert_eq!(outlook(&device, 0, done), Outlook::default());
    }

    #[test]
    fn a_gap_bounds_what_leaves_in_a_day() {
        let mut slow = device(Kind::Web, DeviceState::Online);
        (slow.gap_ms, slow.gap_jitter_ms) = (50_000, 20_000);
        let found = outlook(&slow, 0, Ahead { rows: 5_000, others: 0, ..AHEAD });
        assert_eq!(found.leave_in_time, Some(24 * 60));
        (slow.quiet_from, slow.quiet_to) = (Some("00:00".into()), Some("12:00".into()));
        let found = outlook(&slow, 0, Ahead { rows: 5_000, others: 0, ..AHEAD });
        assert_eq!(found.leave_in_time, Some(12 * 60));
    }
}
