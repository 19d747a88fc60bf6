//! Why messages wait, found for a whole page at once by a bounded number of questions: `waiting.rs` decides, this finds what it
//! has to know. Called by `status.rs` for whatever shows messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Api;
use super::places::Place;
use super::problem::Problem;
use crate::clock::Millis;
use crate::device::Device;
use crate::limits;
use crate::message::Priority;
use crate::pacing::{Pace, Slow};
use crate::reason::ReasonCode;
use crate::store::{Addressed, StoreError, StoredMessage};
use crate::waiting::{Blocker, Leaver, Message, Recipient, Sender, Waiting, waiting_reason};

/// So many numbers before a message that is counted for the first time a place is remembered: a program that asks for the latest
/// messages first has most of them counted on too.
const PLACE_BEFORE: i64 = 4_096;

/// What a message's place is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    /// What may leave now.
    Leaving,
    /// What waits, held back or not.
    All,
}

/// The messages whose places are counted, by what they are counted in.
type Lines<'a> = BTreeMap<(&'a str, Priority, Queue), Vec<i64>>;

/// What is known of a message beside its row.
#[derive(Debug, Clone, Copy, Default)]
struct Beside {
    recipient: Recipient,
    blocker: Option<Blocker>,
    is_behind_file: bool,
    ahead: i64,
    begun_ahead: i64,
}

/// The due messages that were begun of one priority and of those before it.
#[derive(Debug, Default)]
struct Begun {
    /// Of the higher ones.
    before: usize,
    seqs: Vec<i64>,
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
        let waiting_ids = waiting().map(|message| message.device_id.as_str());
        let senders = self.find_senders(&devices, waiting_ids, now).await?;
        let sender = |message: &StoredMessage| senders[message.device_id.as_str()];
        let minds = |message: &&StoredMessage| sender(message).minds_recipients(now);
        let held: Vec<_> = waiting().filter(minds).map(addressed).collect();
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
        let may_be_behind = [ReasonCode::Turn, ReasonCode::RateLimited, ReasonCode::Media];
        let untried = |message: &&StoredMessage| message.under_way_at.is_none() && message.wait_code.is_none();
        let behind: Vec<_> = waiting()
            .filter(untried)
            .filter(|message| may_be_behind.contains(&reason(message, &beside).code))
            .map(addressed)
            .collect();
        for (seq, blocker) in self.find_blockers(&behind, now).await? {
            beside.entry(seq).or_default().blocker = Some(blocker);
        }
        let behind_files: HashMap<i64, i64> = match behind.is_empty() {
            true => HashMap::new(),
            false => self.store.find_file_blockers(&behind).await?.into_iter().collect(),
        };
        let (quiet, blocked) = (ReasonCode::QuietHours, ReasonCode::NewContacts);
        let held_first = [quiet, blocked, ReasonCode::Offline, ReasonCode::Banned, ReasonCode::Outdated];
        let mut lines = Lines::new();
        for message in waiting().filter(|message| message.under_way_at.is_none()) {
            let queue = match reason(message, &beside).code {
                ReasonCode::Turn | ReasonCode::Media => Queue::Leaving,
                ReasonCode::RateLimited if message.wait_code.is_none() => Queue::Leaving,
                // What it is behind may end on a day whose messages are for others.
                ReasonCode::Retry if message.wait_code.is_none() && sender(message).warms_up(now) => Queue::Leaving,
                // Those before it are held with it, and go first when the hold ends or the next day begins.
                ReasonCode::WarmUp => Queue::All,
                code if held_first.contains(&code) && sender(message).warms_up(now) => Queue::All,
                _ => continue,
            };
            let line = lines.entry((&message.device_id, message.priority, queue)).or_default();
            line.push(message.seq);
            line.extend(behind_files.get(&message.seq));
        }
        let places = self.find_places(&senders, lines, now).await?;
        for message in waiting() {
            let one = beside.entry(message.seq).or_default();
            (one.ahead, one.begun_ahead) = places.get(&message.seq).copied().unwrap_or_default();
            let blocker = behind_files.get(&message.seq).and_then(|blocker| places.get(blocker));
            one.is_behind_file = blocker.is_some_and(|(ahead, _)| *ahead == 0);
        }
        let explained = messages.iter().map(|one| one.state().is_waiting().then(|| reason(one, &beside)));
        Ok(explained.collect())
    }

    /// How many messages are ahead of each of these, and how many of those were begun.
    async fn find_places(
        &self,
        senders: &HashMap<&str, Sender<'_>>,
        lines: Lines<'_>,
        now: Millis,
    ) -> Result<HashMap<i64, (i64, i64)>, StoreError> {
        let mut places = HashMap::new();
        for ((device_id, priority, queue), seqs) in lines {
            let sender = senders[device_id];
            let begun = self.find_begun(sender, device_id, priority, now).await?;
            let found = match queue == Queue::Leaving && sender.is_holding(now) {
                true => self.count_leaving_before(sender, device_id, priority, seqs, now).await?,
                false => self.count_ahead(device_id, priority, seqs, now).await?,
            };
            places.extend(found.into_iter().map(|(seq, ahead)| (seq, (ahead, begun.before(seq)))));
        }
        Ok(places)
    }

    /// These devices as they are now.
    async fn find_senders<'a>(
        &self,
        devices: &'a [Device],
        ids: impl Iterator<Item = &'a str>,
        now: Millis,
    ) -> Result<HashMap<&'a str, Sender<'a>>, StoreError> {
        let mut senders = HashMap::new();
        for id in ids {
            if senders.contains_key(id) {
                continue;
            }
            let device = devices.iter().find(|device| device.id == id);
            let sender = match device {
                Some(device) => {
                    let standing = self.standing(device).await?;
                    let next_slot_at = match has_gap(device, now) {
                        true => self.store.find_next_slot(&device.id).await?,
                        false => 0,
                    };
                    Sender { next_slot_at, ..Sender::of(device, standing) }
                }
                None => Sender::removed(),
            };
            senders.insert(id, sender);
        }
        Ok(senders)
    }

    /// What is tried again, or acknowledged, before each of these; nothing of those that nothing is before.
    async fn find_blockers(&self, messages: &[Addressed<'_>], now: Millis) -> Result<Vec<(i64, Blocker)>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.store.find_blockers(messages, now).await?.into_iter().map(|found| {
            let code = ReasonCode::from_name(&found.wait_code).unwrap_or(ReasonCode::Retry);
            (found.seq, Blocker { code, until: found.due_at.min(found.expires_at) })
        });
        Ok(found.collect())
    }

    /// How many messages that may leave are ahead of each of these, of a device that holds others back.
    async fn count_leaving_before(
        &self,
        sender: Sender<'_>,
        device_id: &str,
        priority: Priority,
        seqs: Vec<i64>,
        now: Millis,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut before = 0;
        for higher in Priority::ALL.into_iter().take_while(|one| *one != priority) {
            before += self.list_leaving(sender, device_id, higher, now).await?.len();
        }
        let leaving = self.list_leaving(sender, device_id, priority, now).await?;
        let ahead = |seq: i64| before + leaving.partition_point(|one| *one < seq);
        Ok(seqs.into_iter().map(|seq| (seq, i64::try_from(ahead(seq)).unwrap_or(i64::MAX))).collect())
    }

    /// The messages that may leave of a device that holds others back, as they were within the last second.
    async fn list_leaving(
        &self,
        sender: Sender<'_>,
        device_id: &str,
        priority: Priority,
        now: Millis,
    ) -> Result<Arc<Vec<i64>>, StoreError> {
        if let Some(known) = self.places.leaving(device_id, priority, now) {
            return Ok(known);
        }
        let due = self.store.list_due(device_id, priority, now).await?;
        let may_leave = due.into_iter().filter(|one| {
            let recipient = Recipient { wrote_at: one.wrote_at, was_reached: one.was_reached == 1 };
            sender.lets_go(Leaver { priority, is_group: one.is_group, attempts: one.attempts, recipient }, now)
        });
        let leaving: Arc<Vec<i64>> = Arc::new(may_leave.map(|one| one.seq).collect());
        self.places.keep_leaving(device_id, priority, now, Arc::clone(&leaving));
        Ok(leaving)
    }

    /// What was begun of a new account's messages up to a priority; nothing of one that begins as many as it likes.
    async fn find_begun(
        &self,
        sender: Sender<'_>,
        device_id: &str,
        priority: Priority,
        now: Millis,
    ) -> Result<Begun, StoreError> {
        let mut begun = Begun::default();
        if !sender.warms_up(now) {
            return Ok(begun);
        }
        for higher in Priority::ALL.into_iter().take_while(|one| *one != priority) {
            begun.before += self.store.list_begun(device_id, higher, now).await?.len();
        }
        begun.seqs = self.store.list_begun(device_id, priority, now).await?.iter().map(|one| one.seq).collect();
        Ok(begun)
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
        seqs.dedup();
        let (Some(first), Some(last)) = (seqs.first().copied(), seqs.last().copied()) else { return Ok(Vec::new()) };
        let ahead = self.count_ahead_of(device_id, priority, first, now).await?;
        if first == last {
            return Ok(vec![(first, ahead)]);
        }
        let due = self.store.list_between(device_id, priority, first..last, now).await?;
        let behind_first = |seq: i64| i64::try_from(due.partition_point(|one| *one < seq)).unwrap_or(i64::MAX);
        Ok(seqs.into_iter().map(|seq| (seq, ahead.saturating_add(behind_first(seq)))).collect())
    }

    /// How many messages are ahead of one, counted on from one before it that was counted within the last second, where there is
    /// one. Never counted back from one behind it: what has ended meanwhile may stand between the two or before both, and a place
    /// would seem to go back.
    async fn count_ahead_of(
        &self,
        device_id: &str,
        priority: Priority,
        seq: i64,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let place = match self.places.find(device_id, priority, seq, now) {
            Some(place) => place,
            None => {
                let earlier = seq.saturating_sub(PLACE_BEFORE);
                let before = self.store.count_before(device_id, priority, now).await?;
                let ahead = before + self.store.count_between(device_id, priority, i64::MIN..earlier, now).await?;
                let place = Place { seq: earlier, ahead, counted_at: now };
                self.places.keep(device_id, priority, place);
                place
            }
        };
        // Behind one that is at the bound no other is counted.
        if place.ahead >= limits::POSITION_MAX {
            return Ok(place.ahead);
        }
        let between = self.store.count_between(device_id, priority, place.seq..seq, now).await?;
        Ok(place.ahead + between)
    }
}

impl Begun {
    /// How many of them are before the message numbered `seq`.
    fn before(&self, seq: i64) -> i64 {
        let before = self.before + self.seqs.partition_point(|one| *one < seq);
        i64::try_from(before).unwrap_or(i64::MAX)
    }
}

fn addressed(message: &StoredMessage) -> Addressed<'_> {
    (message.seq, &message.destination)
}

/// Whether it matters when a device sent last.
fn has_gap(device: &Device, now: Millis) -> bool {
    now < Slow::of(device).until || !Pace::of(device).has_no_gap()
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
        awaits_file: message.is_media
            && message.media_url.is_some()
            && message.media_id.is_none()
            && message.wait_code.is_none(),
        is_behind_file: beside.is_behind_file,
        ahead: beside.ahead,
        begun_ahead: beside.begun_ahead,
    }
}
