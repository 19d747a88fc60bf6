//! A device's queue in groups of messages that are alike, found by a bounded number of questions: `waiting/tally.rs` says what each
//! group waits for, as of a single message. Called by `queues.rs`.
//!
//! Most messages of a long queue are alike, and are what is left when those are counted that something of their own keeps, or that
//! go to somebody whom a hold does not concern.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Api;
use crate::clock::Millis;
use crate::device::Device;
use crate::message::Priority;
use crate::pacing::{AWAKE_MS, Chat, Pace, REPLY_MS, Rest};
use crate::phone;
use crate::reason::ReasonCode;
use crate::store::{AskedLine, Queue, StoreError, StoredGroup, StoredTried};
use crate::waiting::{Blocker, Message, Recipient, Sender, Tally, UNDER_WAY_MS, is_under_way};

/// Until when a message counts as due later, from when it was counted: longer than the count is shown.
const LATER_MS: Millis = 24 * 60 * 60_000;

/// What is apart from the rest of their queues, of all devices.
pub(super) struct Apart {
    tried: HashMap<String, Vec<StoredTried>>,
    media: HashMap<String, Vec<StoredGroup>>,
    /// Devices of which some message waits for its file.
    awaiting: HashSet<String>,
}

/// The messages to one recipient, in whichever form they write its number.
#[derive(Debug, Clone, Default)]
struct Line {
    recipient: Recipient,
    /// Of each priority the first that is tried again, or acknowledged, before those behind it.
    blockers: [Option<(i64, ReasonCode)>; 3],
}

/// Lines whose messages may wait for something else than the rest do.
type Lines = BTreeMap<String, Line>;

/// What has been counted of a device's queue.
struct Count<'a> {
    sender: Sender<'a>,
    lines: &'a Lines,
    /// The same by their numbers.
    numbered: Vec<&'a Line>,
    now: Millis,
    tally: Tally,
    /// What is left of each priority, and what of that is due later.
    rest: [i64; 3],
    later: [i64; 3],
    /// The number of the first message of each priority that may leave, among those counted.
    first: [Option<i64>; 3],
    /// Due messages behind others to the same recipient that go first.
    behind: [i64; 3],
}

impl Api {
    pub(super) async fn find_apart(&self, now: Millis) -> Result<Apart, StoreError> {
        let mut apart = Apart { tried: HashMap::new(), media: HashMap::new(), awaiting: HashSet::new() };
        for one in self.store.list_tried().await? {
            apart.tried.entry(one.device_id.clone()).or_default().push(one);
        }
        for group in self.store.count_media(now, now - UNDER_WAY_MS).await? {
            apart.media.entry(group.device_id.clone()).or_default().push(group);
        }
        apart.awaiting.extend(self.store.list_awaiting().await?);
        Ok(apart)
    }

    /// The groups of a device's messages.
    pub(super) async fn tally(
        &self,
        device: &Device,
        queues: &[Queue],
        apart: &Apart,
        now: Millis,
    ) -> Result<Tally, StoreError> {
        let sender = Sender::of(device, self.standing(device).await?);
        let tried = apart.tried.get(&device.id).map_or(&[][..], Vec::as_slice);
        let lines = self.find_lines(sender, device, tried, now).await?;
        let mut count = Count::of(sender, &lines, queues, now);
        let first_seq = queues.iter().map(|queue| queue.first_seq).min().unwrap_or(0);
        let groups = self.store.count_lines(&device.id, &asked(&lines), first_seq, now, now - UNDER_WAY_MS).await?;
        for group in &groups {
            count.add_group(group, group.messages);
        }
        for media in apart.media.get(&device.id).into_iter().flatten() {
            let in_lines: i64 = groups.iter().filter(|group| group.is_like(media)).map(|group| group.messages).sum();
            count.add_group(media, media.messages - in_lines);
        }
        self.count_begun(device, &mut count).await?;
        count.add_rest();
        if apart.awaiting.contains(&device.id) {
            self.count_next_file(device, &mut count).await?;
        }
        Ok(count.tally)
    }

    /// The lines in which something was tried, and while the device holds messages back, those of recipients whom that may not concern:
    /// of known contacts those among the first messages, as far as the device's loop looks past those that are held.
    async fn find_lines(
        &self,
        sender: Sender<'_>,
        device: &Device,
        tried: &[StoredTried],
        now: Millis,
    ) -> Result<Lines, StoreError> {
        let mut lines = Lines::new();
        for one in tried {
            let line = lines.entry(phone::line_of(&one.destination)).or_default();
            let blocker = &mut line.blockers[one.priority.index()];
            if one.due_at > now && one.expires_at > now && blocker.is_none_or(|(seq, _)| one.seq < seq) {
                *blocker = Some((one.seq, code_of(&one.wait_code)));
            }
        }
        if !sender.is_holding(now) {
            return Ok(lines);
        }
        let pace = Pace::of(device);
        if pace.minds_replies() {
            let since = now - if pace.allowance(now).is_some() { REPLY_MS } else { AWAKE_MS };
            for (chat, at) in self.store.find_heard(&device.id, since).await? {
                let recipient = &mut lines.entry(phone::line_of(&chat)).or_default().recipient;
                recipient.wrote_at = recipient.wrote_at.max(Some(at));
            }
        }
        if Rest::of(device).waits(now).is_some() {
            let recipients = self.store.list_recipients(&device.id).await?;
            let mut forms: HashSet<String> = lines.keys().flat_map(|line| phone::forms_of(line)).collect();
            for (recipient, is_group) in recipients {
                if is_group {
                    lines.entry(recipient).or_default();
                } else {
                    forms.extend(phone::forms_of(&phone::line_of(&recipient)));
                }
            }
            let forms: Vec<String> = forms.into_iter().collect();
            for known in self.store.find_known_chats(&device.id, &forms).await? {
                lines.entry(phone::line_of(&known)).or_default().recipient.was_reached = true;
            }
        }
        for line in lines.values_mut() {
            line.recipient.wrote_at = Chat { wrote_at: line.recipient.wrote_at }.alike(now).wrote_at;
        }
        Ok(lines)
    }

    /// Counts messages that were begun, where they wait for something else than the rest of their priority.
    async fn count_begun(&self, device: &Device, count: &mut Count<'_>) -> Result<(), StoreError> {
        for priority in Priority::ALL {
            let most = Message::like_most(priority);
            let code = count.sender.code(&most, count.now);
            if code == ReasonCode::Turn || !code.can_leave() {
                continue;
            }
            for begun in self.store.list_begun(&device.id, priority, count.now).await? {
                if count.lines.contains_key(&phone::line_of(&begun.destination)) {
                    continue;
                }
                let is_under_way = is_under_way(begun.under_way_at, count.now);
                let under_way_at = begun.under_way_at.map(|_| if is_under_way { count.now } else { 0 });
                let message = Message { is_group: begun.is_group, attempts: 1, under_way_at, ..most };
                count.add(message, 1);
                count.note_first(&message, begun.seq);
            }
        }
        Ok(())
    }

    /// The next message to leave may wait for its file, and then those behind it to the same recipient do.
    async fn count_next_file(&self, device: &Device, count: &mut Count<'_>) -> Result<(), StoreError> {
        for priority in Priority::ALL {
            let most = Message::like_most(priority);
            if !count.sender.code(&most, count.now).can_leave() {
                return Ok(());
            }
            let next = if count.sender.lets_go(most.leaver(), count.now) {
                let rows = count.behind[priority.index()] + 1;
                let due = self.store.list_first_due(&device.id, priority, count.now, rows).await?;
                due.into_iter().find(|(seq, to)| !count.is_behind(priority, *seq, to)).map(|(seq, _)| seq)
            } else {
                count.first[priority.index()]
            };
            let Some(seq) = next else { continue };
            let Some((to, is_group)) = self.store.find_awaiting(seq).await? else { return Ok(()) };
            let name = phone::line_of(&to);
            let line = count.lines.get(&name);
            let (recipient, is_group) = line.map_or_else(Default::default, |line| (line.recipient, is_group));
            let before = line.and_then(|line| line.blockers[priority.index()]).map_or(i64::MAX, |(blocker, _)| blocker);
            let mut behind = 0;
            for form in phone::forms_of(&name) {
                let between = (seq, before);
                behind += self.store.count_behind_file(&device.id, &form, priority, between, count.now).await?;
            }
            let like = Message { recipient, is_group, ..most };
            count.tally.recount(&like, Message { awaits_file: true, ahead: 0, ..like }, 1);
            count.tally.recount(&like, Message { is_behind_file: true, ..like }, behind);
            return Ok(());
        }
        Ok(())
    }
}

impl<'a> Count<'a> {
    fn of(sender: Sender<'a>, lines: &'a Lines, queues: &[Queue], now: Millis) -> Self {
        let (mut rest, mut later) = ([0; 3], [0; 3]);
        for queue in queues {
            (rest[queue.priority.index()], later[queue.priority.index()]) = (queue.waiting, queue.later);
        }
        let (numbered, tally) = (lines.values().collect(), Tally::default());
        Self { sender, lines, numbered, now, tally, rest, later, first: [None; 3], behind: [0; 3] }
    }

    /// Takes messages from the rest. What was found a moment later than the rest was counted is no more than that.
    fn add(&mut self, message: Message<'static>, count: i64) {
        let at = message.priority.index();
        let count = count.clamp(0, self.rest[at].max(0));
        self.rest[at] -= count;
        if message.due_at > self.now {
            self.later[at] -= count;
        }
        self.tally.add(message, count);
    }

    fn add_group(&mut self, group: &StoredGroup, count: i64) {
        let line = usize::try_from(group.line).ok().and_then(|at| self.numbered.get(at));
        let (at, is_behind) = (group.priority.index(), group.is_behind == 1);
        let wait_code = group.wait_code.as_deref().map(code_of);
        let is_untried = wait_code.is_none() && group.under_way == 0;
        let due_at = if group.is_later == 1 { self.now + LATER_MS } else { 0 };
        let blocker = line.and_then(|line| line.blockers[at]).filter(|_| is_behind && is_untried);
        let message = Message {
            is_group: group.is_group,
            attempts: group.is_tried,
            due_at,
            under_way_at: match group.under_way {
                0 => None,
                1 => Some(0),
                _ => Some(self.now),
            },
            wait_code: wait_code.map(ReasonCode::name),
            recipient: line.map_or_else(Recipient::default, |line| line.recipient),
            blocker: blocker.map(|(_, code)| Blocker { code, until: self.now + LATER_MS }),
            ..Message::like_most(group.priority)
        };
        self.add(message, count);
        if group.is_later == 0 && wait_code != Some(ReasonCode::Media) {
            if is_behind {
                self.behind[at] += count;
            } else {
                self.note_first(&message, group.first_seq);
            }
        }
    }

    fn note_first(&mut self, message: &Message<'_>, seq: i64) {
        if self.sender.lets_go(message.leaver(), self.now) {
            let first = &mut self.first[message.priority.index()];
            *first = Some(first.map_or(seq, |first| first.min(seq)));
        }
    }

    /// What is left is like most, but for what is due later and was not tried: it was accepted for a date.
    fn add_rest(&mut self) {
        for priority in Priority::ALL {
            let most = Message::like_most(priority);
            self.add(Message { due_at: self.now + LATER_MS, ..most }, self.later[priority.index()]);
            self.add(most, self.rest[priority.index()]);
        }
    }

    /// Whether a message is behind one to the same recipient that goes first.
    fn is_behind(&self, priority: Priority, seq: i64, to: &str) -> bool {
        let line = self.lines.get(&phone::line_of(to));
        line.and_then(|line| line.blockers[priority.index()]).is_some_and(|(blocker, _)| blocker < seq)
    }
}

/// The lines by their numbers, in every form of their recipients.
fn asked(lines: &Lines) -> Vec<AskedLine> {
    let asked = lines.iter().enumerate().flat_map(|(at, (name, line))| {
        let [high, normal, bulk] = line.blockers.map(|blocker| blocker.map_or(i64::MAX, |(seq, _)| seq));
        phone::forms_of(name).into_iter().map(move |form| (at, form, high, normal, bulk))
    });
    asked.collect()
}

/// What a stored reason is; one that is not known is of an attempt that failed.
fn code_of(name: &str) -> ReasonCode {
    ReasonCode::from_name(name).unwrap_or(ReasonCode::Retry)
}
