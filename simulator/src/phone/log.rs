//! A phone's chat history: every message once, in the order of arrival, with later edits, deletions, reactions and
//! votes applied.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use wacore_binary::Jid;

use crate::limits::PHONE_MESSAGES_KEPT_MAX;
use crate::phone::content::{Attachment, Content, MessageBody, Target};
use crate::phone::recent::Recent;

/// A message as its person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedMessage {
    /// The other person's account or the group, such as `15550002@s.whatsapp.net`.
    pub chat: String,
    pub id: String,
    /// The author's account.
    pub sender: String,
    pub from_me: bool,
    /// Server timestamp, in seconds since 1970.
    pub at: u64,
    /// The push name; not `name` in JSON, because a location or a contact has one too.
    #[serde(default, rename = "sender_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(flatten)]
    pub body: MessageBody,
    /// The text after the last edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<String>,
    #[serde(default)]
    pub deleted: bool,
    /// Current reactions, by account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<String, String>,
    /// For a poll, the current votes, by account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub votes: BTreeMap<String, Vec<String>>,
    /// The secret with which others encrypt references to it.
    #[serde(skip)]
    pub secret: Option<Vec<u8>>,
    /// Where its receipts go. Absent for the person's own messages.
    #[serde(skip)]
    pub origin: Option<Origin>,
}

/// The addresses in the stanza of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    pub from: Jid,
    pub participant: Option<Jid>,
}

/// Identifies a message.
// Applications display a message once per chat, sender and id, and drop duplicates
// (github.com/oxidezap/whatsapp-rust/pull/1352).
type Key = (String, String, String);

/// All messages that a phone stores.
pub struct Log {
    messages: Recent<Key, LoggedMessage>,
    /// Authors of the messages with an id in a chat, the latest last: rarely more than one.
    writers: HashMap<(String, String), Vec<String>>,
    /// Unread messages by chat, the oldest first; only messages that are still stored.
    unread: HashMap<String, VecDeque<Key>>,
}

fn key(kept: &LoggedMessage) -> Key {
    (kept.chat.clone(), kept.sender.clone(), kept.id.clone())
}

impl Default for Log {
    fn default() -> Self {
        Self::of(PHONE_MESSAGES_KEPT_MAX)
    }
}

impl Log {
    fn of(max: usize) -> Self {
        Self { messages: Recent::new(max), writers: HashMap::new(), unread: HashMap::new() }
    }

    /// Adds a message unless it is a duplicate. Returns whether it is new.
    pub fn keep(&mut self, kept: LoggedMessage) -> bool {
        let key = key(&kept);
        if self.messages.get(&key).is_some() {
            return false;
        }
        self.apply(&kept);
        if kept.origin.is_some() {
            self.unread.entry(kept.chat.clone()).or_default().push_back(key.clone());
        }
        self.writers.entry((kept.chat.clone(), kept.id.clone())).or_default().push(kept.sender.clone());
        if let Some(oldest) = self.messages.insert(key, kept) {
            self.remove(&oldest);
        }
        true
    }

    /// Removes the oldest message's index entries; it is the first in each list.
    fn remove(&mut self, oldest: &LoggedMessage) {
        if let Entry::Occupied(mut writers) = self.writers.entry((oldest.chat.clone(), oldest.id.clone())) {
            writers.get_mut().remove(0);
            if writers.get().is_empty() {
                writers.remove();
            }
        }
        if let Entry::Occupied(mut unread) = self.unread.entry(oldest.chat.clone()) {
            if unread.get().front() == Some(&key(oldest)) {
                unread.get_mut().pop_front();
            }
            if unread.get().is_empty() {
                unread.remove();
            }
        }
    }

    /// The oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LoggedMessage> {
        self.messages.iter()
    }

    /// The latest message with this id in a chat, whoever wrote it.
    pub fn find(&self, chat: &str, id: &str) -> Option<&LoggedMessage> {
        let writer = self.writers_of(chat, id).last()?;
        self.messages.get(&(chat.to_owned(), writer.clone(), id.to_owned()))
    }

    /// The file of a message.
    pub fn file_mut(&mut self, chat: &str, id: &str) -> Option<&mut Attachment> {
        let writer = self.writers_of(chat, id).last()?.clone();
        match &mut self.messages.get_mut(&(chat.to_owned(), writer, id.to_owned()))?.body.content {
            Content::File(attachment) => Some(attachment),
            _ => None,
        }
    }

    fn writers_of(&self, chat: &str, id: &str) -> &[String] {
        self.writers.get(&(chat.to_owned(), id.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Takes the unread messages of a chat, the oldest first, and marks them as read.
    pub fn take_unread(&mut self, chat: &str) -> Vec<(Origin, String)> {
        let keys = self.unread.remove(chat).unwrap_or_default();
        keys.iter()
            .filter_map(|key| self.messages.get(key))
            .filter_map(|kept| Some((kept.origin.clone()?, kept.id.clone())))
            .collect()
    }

    /// Applies an edit, deletion, reaction or vote to its target.
    fn apply(&mut self, kept: &LoggedMessage) {
        match &kept.body.content {
            Content::Edit { of, text } if of.from_me => {
                if let Some(target) = self.target_mut(kept, of) {
                    target.edited = Some(text.clone());
                }
            }
            Content::Delete { of } => {
                if let Some(target) = self.target_mut(kept, of) {
                    target.deleted = true;
                }
            }
            Content::Reaction { to, emoji } => {
                let by = kept.sender.clone();
                if let Some(target) = self.target_mut(kept, to) {
                    if emoji.is_empty() {
                        target.reactions.remove(&by);
                    } else {
                        target.reactions.insert(by, emoji.clone());
                    }
                }
            }
            Content::Vote { poll, options } => {
                let by = kept.sender.clone();
                if let Some(target) = self.target_mut(kept, poll) {
                    if options.is_empty() {
                        target.votes.remove(&by);
                    } else {
                        target.votes.insert(by, options.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn target_mut(&mut self, about: &LoggedMessage, target: &Target) -> Option<&mut LoggedMessage> {
        let key = self.key_of(&about.chat, &about.sender, target)?;
        self.messages.get_mut(&key)
    }

    /// The message that another message, written by `sender`, refers to.
    pub fn target(&self, chat: &str, sender: &str, target: &Target) -> Option<&LoggedMessage> {
        self.messages.get(&self.key_of(chat, sender, target)?)
    }

    /// The key of the message that another refers to. The author is relative to `sender`, who wrote the reference.
    fn key_of(&self, chat: &str, sender: &str, target: &Target) -> Option<Key> {
        let writer = if target.from_me {
            sender.to_owned()
        } else {
            let is_named = |writer: &String| target.sender.as_ref().is_none_or(|named| named == writer);
            let is_match = |writer: &&String| *writer != sender && is_named(writer);
            self.writers_of(chat, &target.id).iter().rev().find(is_match)?.clone()
        };
        Some((chat.to_owned(), writer, target.id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "15550002@s.whatsapp.net";
    const ANN: &str = "15550001@s.whatsapp.net";

    fn kept(sender: &str, id: &str, content: Content) -> LoggedMessage {
        let from: Jid = sender.parse().unwrap();
        LoggedMessage {
            chat: BOB.to_owned(),
            id: id.to_owned(),
            sender: sender.to_owned(),
            from_me: sender == ANN,
            at: 1,
            name: None,
            body: content.into(),
            edited: None,
            deleted: false,
            reactions: BTreeMap::new(),
            votes: BTreeMap::new(),
            secret: None,
            origin: (sender != ANN).then_some(Origin { from, participant: None }),
        }
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.to_owned() }
    }

    fn target(id: &str, from_me: bool) -> Target {
        Target { id: id.to_owned(), from_me, sender: None }
    }

    #[test]
    fn the_same_message_is_shown_once() {
        let mut log = Log::default();
        assert!(log.keep(kept(BOB, "1", text("hello"))));
        assert!(!log.keep(kept(BOB, "1", text("hello"))));
        assert!(log.keep(kept(ANN, "1", text("another with the same id"))));
        assert_eq!(log.iter().count(), 2);
    }

    #[test]
    fn edits_deletions_and_reactions_reach_what_they_are_about() {
        let mut log = Log::default();
        log.keep(kept(BOB, "1", text("helo")));
        log.keep(kept(BOB, "2", Content::Edit { of: target("1", true), text: "hello".to_owned() }));
        log.keep(kept(ANN, "3", Content::Reaction { to: target("1", false), emoji: "👍".to_owned() }));
        assert_eq!(log.find(BOB, "1").unwrap().edited.as_deref(), Some("hello"));
        assert_eq!(log.find(BOB, "1").unwrap().reactions[ANN], "👍");
        log.keep(kept(ANN, "4", Content::Reaction { to: target("1", false), emoji: String::new() }));
        log.keep(kept(BOB, "5", Content::Delete { of: target("1", true) }));
        assert!(log.find(BOB, "1").unwrap().reactions.is_empty());
        assert!(log.find(BOB, "1").unwrap().deleted);
    }

    #[test]
    fn a_message_in_json_has_each_name_once() {
        let content = Content::Location { latitude: 1.0, longitude: 2.0, name: Some("Jakarta".to_owned()) };
        let place = LoggedMessage { name: Some("Bob".to_owned()), ..kept(BOB, "1", content) };
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(text.matches("\"name\":").count(), 1, "{text}");
        assert_eq!(serde_json::from_str::<LoggedMessage>(&text).unwrap(), LoggedMessage { origin: None, ..place });
    }

    #[test]
    fn only_the_author_edits_a_message() {
        let mut log = Log::default();
        log.keep(kept(ANN, "1", text("mine")));
        log.keep(kept(BOB, "2", Content::Edit { of: target("1", false), text: "yours".to_owned() }));
        assert_eq!(log.find(BOB, "1").unwrap().edited, None);
    }

    #[test]
    fn evicted_messages_leave_nothing_behind() {
        let mut log = Log::of(2);
        log.keep(kept(BOB, "1", text("one")));
        log.keep(LoggedMessage { chat: "15550003@s.whatsapp.net".to_owned(), ..kept(BOB, "2", text("elsewhere")) });
        log.keep(kept(ANN, "1", text("mine, with the same id")));
        assert_eq!(log.find(BOB, "1").map(|kept| kept.sender.as_str()), Some(ANN));
        log.keep(kept(BOB, "3", text("three")));
        assert_eq!((log.iter().count(), log.writers.len()), (2, 2));
        assert_eq!(log.unread.into_values().flatten().map(|(_, _, id)| id).collect::<Vec<_>>(), ["3"]);
    }

    #[test]
    fn a_message_is_marked_read_once() {
        let mut log = Log::default();
        log.keep(kept(BOB, "1", text("one")));
        log.keep(kept(ANN, "2", text("two")));
        log.keep(kept(BOB, "3", text("three")));
        let ids: Vec<String> = log.take_unread(BOB).into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, ["1", "3"]);
        assert!(log.take_unread(BOB).is_empty());
    }
}
