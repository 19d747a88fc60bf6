//! Why messages wait, found for a whole page at once by a bounded number of questions: `waiting.rs` decides, this finds what it
//! has to know. Called by `status.rs` for whatever shows messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::Api;
use super::problem::Problem;
use crate::clock::Millis;
use crate::limits;
use crate::message::Priority;
use crate::reason::ReasonCode;
use crate::store::{StoreError, StoredMessage};
use crate::waiting::{Blocker, Message, Recipient, Sender, Waiting, waiting_reason};

/// Places in queues that were counted a moment ago: programs that ask for one message after another have each counted on from
/// the last.
#[derive(Default)]
pub struct Places {
    known: Mutex<HashMap<(String, Priority), Place>>,
}

/// How many messages were ahead of the one numbered `seq`.
#[derive(Debug, Clone, Copy)]
struct Place {
    seq: i64,
    ahead: i64,
    counted_at: Millis,
}

/// Devices whose places are remembered.
const PLACES_MAX: usize = 10_000;

/// What is known of a message beside its row.
#[derive(Debug, Clone, Copy, Default)]
struct Beside {
    recipient: Recipient,
    blocker: Option<Blocker>,
    ahead: i64,
}

impl Api {
    /// Why each of these messages of a client waits; nothing of one that does not.
    ///
    /// # Errors
    /// 503 when the store cannot be read.
    pub async fn explain(&self, client_id: i64, messages: &[StoredMessage]) -> Result<Vec<Option<Waiting>>, Problem> {
        let waiting = || messages.iter().filter(|message| message.state().is_waiting());
        if waiting().next().is_none() {
            return Ok(vec![None; messages.len()]);
        }
        // As they are now: what was remembered a moment ago may know less than the messages.
        let (now, devices) = (self.clock.now(), self.store.list_devices(Some(client_id)).await?);
        let mut senders = HashMap::new();
        for message in waiting() {
            if senders.contains_key(message.device_id.as_str()) {
                continue;
            }
            let device = devices.iter().find(|device| device.id == message.device_id);
            let used = match device.filter(|device| device.takes_messages()) {
                Some(device) => self.used_today(device).await?,
                None => 0,
            };
            senders.insert(message.device_id.as_str(), Sender { device, used });
        }
        let sender = |message: &StoredMessage| senders[message.device_id.as_str()];
        let held: Vec<i64> =
            waiting().filter(|message| sender(message).is_holding(now)).map(|message| message.seq).collect();
        let mut beside: HashMap<i64, Beside> = HashMap::new();
        if !held.is_empty() {
            for found in self.store.find_recipients(&held).await? {
                let recipient = Recipient { wrote_at: found.wrote_at, was_reached: found.was_reached == 1 };
                beside.insert(found.seq, Beside { recipient, ..Beside::default() });
            }
        }
        let reason = |message: &StoredMessage, beside: &HashMap<i64, Beside>| {
            let facts = facts(message, beside.get(&message.seq).copied().unwrap_or_default());
            waiting_reason(sender(message), &facts, now)
        };
        // What was not tried itself may be behind what was.
        let untried: Vec<i64> = waiting()
            .filter(|message| reason(message, &beside).code == ReasonCode::Turn && message.under_way_at.is_none())
            .map(|message| message.seq)
            .collect();
        if !untried.is_empty() {
            for found in self.store.find_blockers(&untried, now).await? {
                let code = ReasonCode::from_name(&found.wait_code).unwrap_or(ReasonCode::Retry);
                beside.entry(found.seq).or_default().blocker = Some(Blocker { code, due_at: found.due_at });
            }
        }
        let mut lines: BTreeMap<(&str, Priority), Vec<i64>> = BTreeMap::new();
        for message in waiting() {
            let is_in_line = reason(message, &beside).code == ReasonCode::Turn && message.under_way_at.is_none();
            if is_in_line && !sender(message).is_holding(now) {
                lines.entry((&message.device_id, message.priority)).or_default().push(message.seq);
            }
        }
        for ((device_id, priority), seqs) in lines {
            for (seq, ahead) in self.count_ahead(device_id, priority, seqs, now).await? {
                beside.entry(seq).or_default().ahead = ahead;
            }
        }
        let explained = messages.iter().map(|one| one.state().is_waiting().then(|| reason(one, &beside)));
        Ok(explained.collect())
    }

    /// How many messages are ahead of each of these of one device and priority.
    async fn count_ahead(
        &self,
        device_id: &str,
        priority: Priority,
        mut seqs: Vec<i64>,
        now: Millis,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        seqs.sort_unstable();
        let (Some(first), Some(last)) = (seqs.first().copied(), seqs.last().copied()) else { return Ok(Vec::new()) };
        let ahead = self.count_ahead_of(device_id, priority, first, now).await?;
        if first == last {
            return Ok(vec![(first, ahead)]);
        }
        let due = self.store.list_between(device_id, priority, first..last, now).await?;
        let behind_first = |seq: i64| i64::try_from(due.partition_point(|one| *one < seq)).unwrap_or(i64::MAX);
        Ok(seqs.into_iter().map(|seq| (seq, ahead.saturating_add(behind_first(seq)))).collect())
    }

    /// How many messages are ahead of one, counted on from one that was counted within the last second, where there is one.
    async fn count_ahead_of(
        &self,
        device_id: &str,
        priority: Priority,
        seq: i64,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let known = self.places.find(device_id, priority, now);
        if let Some(place) = known {
            let (from, to) = (place.seq.min(seq), place.seq.max(seq));
            let between = self.store.count_between(device_id, priority, from..to, now).await?;
            return Ok(if place.seq <= seq { place.ahead + between } else { (place.ahead - between).max(0) });
        }
        let before = self.store.count_before(device_id, priority, now).await?;
        let ahead = before + self.store.count_between(device_id, priority, i64::MIN..seq, now).await?;
        self.places.keep(device_id, priority, Place { seq, ahead, counted_at: now });
        Ok(ahead)
    }
}

impl Places {
    fn find(&self, device_id: &str, priority: Priority, now: Millis) -> Option<Place> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // A place at the bound says too little to count on from.
        let is_good =
            |place: &&Place| now - place.counted_at < limits::POSITION_MS && place.ahead < limits::POSITION_MAX;
        known.get(&(device_id.to_owned(), priority)).filter(is_good).copied()
    }

    fn keep(&self, device_id: &str, priority: Priority, place: Place) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PLACES_MAX {
            known.clear();
        }
        known.insert((device_id.to_owned(), priority), place);
    }
}

fn facts(message: &StoredMessage, beside: Beside) -> Message<'_> {
    Message {
        priority: message.priority,
        is_group: message.is_group,
        attempts: message.attempts,
        due_at: message.due_at,
        expires_at: message.expires_at,
        under_way_at: message.under_way_at,
        wait_code: message.wait_code.as_deref(),
        wait_reason: message.wait_reason.as_deref(),
        recipient: beside.recipient,
        blocker: beside.blocker,
        ahead: beside.ahead,
    }
}
