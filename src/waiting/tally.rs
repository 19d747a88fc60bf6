//! How many of a device's messages wait for what. Messages that are alike are counted together, and a group waits for what one of
//! its messages waits for: by the same rule, so that the counts are those of the messages.

use std::collections::BTreeMap;

use super::{Message, Sender, first_reason};
use crate::clock::Millis;
use crate::reason::ReasonCode;

/// A device's queue, in groups of messages that are alike.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    groups: Vec<(Message<'static>, i64)>,
}

impl Tally {
    /// Counts so many messages like this one.
    pub fn add(&mut self, message: Message<'static>, count: i64) {
        if count <= 0 {
            return;
        }
        match self.groups.iter_mut().find(|(one, _)| *one == message) {
            Some((_, counted)) => *counted += count,
            None => self.groups.push((message, count)),
        }
    }

    /// So many of the messages that were counted as being like `from` are like `to`.
    pub fn recount(&mut self, from: &Message<'static>, to: Message<'static>, count: i64) {
        let Some((_, counted)) = self.groups.iter_mut().find(|(one, _)| one == from) else { return };
        let moved = count.clamp(0, *counted);
        *counted -= moved;
        self.add(to, moved);
    }
}

impl Sender<'_> {
    /// What a message of it waits for.
    pub fn code(&self, message: &Message<'_>, now: Millis) -> ReasonCode {
        first_reason(*self, message, now).code
    }

    /// How many messages wait for each reason; all of them together are as many as were counted.
    pub fn count_by_reason(&self, tally: &Tally, now: Millis) -> BTreeMap<ReasonCode, i64> {
        let mut counts = BTreeMap::new();
        for (message, count) in tally.groups.iter().filter(|(_, count)| *count > 0) {
            *counts.entry(self.code(message, now)).or_insert(0) += count;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceState, Kind};
    use crate::device_status::tests::{NOW, Restraint, device};
    use crate::message::Priority;

    #[test]
    fn a_group_waits_for_what_one_of_its_messages_waits_for() {
        let mut device = device(Kind::Web, DeviceState::Online);
        Restraint::WarmUp.put_on(&mut device);
        let [high, normal] = [Priority::High, Priority::Normal].map(Message::like_most);
        let media = Message { wait_code: Some("media"), ..normal };
        let retry = Message { wait_code: Some("retry"), due_at: NOW + 9, attempts: 1, ..normal };
        let mut tally = Tally::default();
        for (message, count) in [(high, 2), (normal, 10), (media, 40), (retry, 3), (normal, 5), (high, 0)] {
            tally.add(message, count);
        }
        let counted = |tally: &Tally, device: &_| {
            let sender = Sender { device: Some(device), used: 20, next_slot_at: 0, is_run: true };
            sender.count_by_reason(tally, NOW).into_iter().collect::<Vec<_>>()
        };
        // The warm-up holds a file that was never handed over, and not what was tried before.
        let held = [(ReasonCode::WarmUp, 55), (ReasonCode::Retry, 3), (ReasonCode::Turn, 2)];
        assert_eq!(counted(&tally, &device), held);
        let next = Message { awaits_file: true, ahead: 0, ..high };
        tally.recount(&high, next, 5);
        tally.recount(&Message { attempts: 7, ..high }, normal, 1);
        assert_eq!(counted(&tally, &device), [held[0], (ReasonCode::Media, 2), held[1]]);
        device.paused = true;
        assert_eq!(counted(&tally, &device), [(ReasonCode::Paused, 60)]);
    }
}
