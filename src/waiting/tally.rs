//! How many of a device's messages wait for what, from what is counted of its queue: no message is looked at by itself.

use std::collections::BTreeMap;

use super::Sender;
use crate::clock::Millis;
use crate::device_status::DeviceStatus;
use crate::message::Priority;
use crate::reason::ReasonCode;

/// What is counted of a device's queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// In the order of [`Priority::ALL`].
    pub all: [i64; 3],
    /// Those among them that were set aside, each for a reason of its own.
    pub aside: Vec<(Priority, ReasonCode, i64)>,
    /// Those that are being sent, of a device that [`Sender::tells_apart`] them from the rest; like `all`.
    pub under_way: [i64; 3],
}

impl Sender<'_> {
    /// How many messages wait for each reason; all of them together are as many as wait. While the device holds messages back, those
    /// of recipients who are exempt count as held: they leave at once.
    pub fn count_by_reason(&self, tally: &Tally, now: Millis) -> BTreeMap<ReasonCode, i64> {
        let mut counts = BTreeMap::new();
        let mut add = |code, count: i64| {
            if count > 0 {
                *counts.entry(code).or_insert(0) += count;
            }
        };
        let is_slow = self.is_slow(now);
        for priority in Priority::ALL {
            let all = tally.all[priority.index()];
            let kept = self.keeps(priority, now).map(|kept| kept.code);
            let of_priority = tally.aside.iter().filter(|(its, ..)| *its == priority);
            // What keeps a device from sending at all comes before what each message waits for.
            let aside: Vec<_> = of_priority.filter(|_| kept.is_none_or(ReasonCode::can_leave)).collect();
            let set_aside: i64 = aside.iter().map(|(.., count)| count).sum();
            let own = if is_slow { ReasonCode::RateLimited } else { ReasonCode::Turn };
            let code = kept.unwrap_or(own);
            // Nor does what holds back the rest keep what is being sent.
            let is_apart = code.can_leave();
            let under_way = if is_apart { tally.under_way[priority.index()].min(all - set_aside) } else { 0 };
            add(ReasonCode::Turn, under_way);
            add(code, all - set_aside - under_way);
            aside.into_iter().for_each(|(_, code, count)| add(*code, *count));
        }
        counts
    }

    /// Whether its messages that are being sent have another reason than the rest of some priority.
    pub fn tells_apart(&self, now: Millis) -> bool {
        let holds = |priority| self.keeps(priority, now).is_some_and(|kept| kept.code.can_leave());
        self.is_slow(now) || Priority::ALL.into_iter().any(holds)
    }

    fn is_slow(&self, now: Millis) -> bool {
        self.condition(now).is_some_and(|condition| condition.status == DeviceStatus::Slowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceState, Kind};
    use crate::device_status::tests::{NOW, Restraint, device};

    fn counted(device: &crate::device::Device) -> Vec<(ReasonCode, i64)> {
        let retried = (Priority::Normal, ReasonCode::Retry, 3);
        let tally = Tally {
            all: [2, 10, 100],
            under_way: [0, 4, 1],
            aside: vec![retried, (Priority::Bulk, ReasonCode::Media, 40)],
        };
        let sender = Sender { device: Some(device), used: 20, next_slot_at: 0, is_run: true };
        let counts: Vec<_> = sender.count_by_reason(&tally, NOW).into_iter().collect();
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<i64>(), 112);
        counts
    }

    #[test]
    fn what_waits_is_counted_by_what_it_waits_for() {
        let mut device = device(Kind::Web, DeviceState::Online);
        let (media, retry) = ((ReasonCode::Media, 40), (ReasonCode::Retry, 3));
        assert_eq!(counted(&device), [media, retry, (ReasonCode::Turn, 69)]);
        Restraint::Slowed.put_on(&mut device);
        let sent = (ReasonCode::Turn, 5);
        assert_eq!(counted(&device), [(ReasonCode::RateLimited, 64), media, retry, sent]);
        Restraint::WarmUp.put_on(&mut device);
        // What is urgent or being sent leaves all the same.
        assert_eq!(counted(&device), [(ReasonCode::WarmUp, 62), media, retry, (ReasonCode::Turn, 7)]);
        device.paused = true;
        assert_eq!(counted(&device), [(ReasonCode::Paused, 112)]);
    }
}
