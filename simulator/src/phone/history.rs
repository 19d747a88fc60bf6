//! History sync: chats and their older messages for a new companion, in compressed chunks. Each chunk is announced by a
//! peer message that carries it inline or says where on the media host it is.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use waproto::buffa::MessageField;
use waproto::codec::history_sync_to_vec;
use waproto::whatsapp as wa;
use waproto::whatsapp::history_sync::HistorySyncType as PartType;
use waproto::whatsapp::message::HistorySyncType as NoticeType;
use waproto::whatsapp::web_message_info::Status;

use crate::limits::{HISTORY_INLINE_BYTES_MAX, HISTORY_MESSAGES_MAX, HISTORY_PART_MESSAGES_MAX};
use crate::phone::Token;
use crate::phone::address::Profile;
use crate::phone::file::Seal;

/// The first number of made-up correspondents; no account has a number with this prefix.
const MADE_UP_NUMBER: u64 = 999_000_000_000;

/// Seconds between two messages of a made-up chat.
const MADE_UP_PACE_SECONDS: u64 = 60;

/// Size of a phone's made-up history, in addition to its real messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistorySize {
    pub chats: usize,
    pub messages_per_chat: usize,
}

impl HistorySize {
    /// Whether the size is within the limits.
    pub fn is_allowed(self) -> bool {
        let messages = self.chats.checked_mul(self.messages_per_chat);
        self.chats <= HISTORY_MESSAGES_MAX && messages.is_some_and(|count| count <= HISTORY_MESSAGES_MAX)
    }
}

/// One chat of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryChat {
    /// For example `15550002@s.whatsapp.net`.
    pub jid: String,
    /// The other person's LID, if known.
    pub lid: Option<String>,
    /// The other person's name or the group's subject, if known.
    pub name: Option<String>,
    /// The privacy token received from the other person.
    pub token: Option<Token>,
    /// When a token was last sent to the other person, in seconds since 1970.
    pub token_issued_at: Option<u64>,
    /// The oldest first.
    pub lines: Vec<HistoryLine>,
}

/// One message of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    pub id: String,
    pub from_me: bool,
    /// Its author, in a group.
    pub sender: Option<String>,
    /// Seconds since 1970.
    pub at: u64,
    pub text: String,
}

/// One compressed chunk of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPart {
    pub kind: NoticeType,
    /// Chunks are numbered from 1.
    pub order: u32,
    /// Percentage of the whole, including this chunk.
    pub progress: u32,
    /// The time of its oldest message, seconds since 1970.
    pub oldest_at: Option<u64>,
    /// An encoded `HistorySync`, compressed with zlib.
    pub compressed: Vec<u8>,
    /// The request that it answers, if a companion requested it.
    pub request: Option<String>,
}

impl HistoryPart {
    /// Whether it is small enough to be sent inline.
    pub fn is_small(&self) -> bool {
        self.kind == NoticeType::INITIAL_BOOTSTRAP && self.compressed.len() <= HISTORY_INLINE_BYTES_MAX
    }

    /// The notification with the chunk inline.
    pub fn inline_notice(&self) -> wa::Message {
        self.notice(wa::message::HistorySyncNotification {
            initial_hist_bootstrap_inline_payload: Some(self.compressed.clone()),
            file_length: Some(self.compressed.len() as u64),
            ..Default::default()
        })
    }

    /// The notification that says where the chunk is; it was encrypted as [`crate::phone::file::FileKind::History`].
    pub fn stored_notice(&self, seal: &Seal) -> wa::Message {
        self.notice(wa::message::HistorySyncNotification {
            media_key: Some(seal.key.clone()),
            file_sha256: Some(seal.sha256.clone()),
            file_enc_sha256: Some(seal.encrypted_sha256.clone()),
            file_length: Some(seal.size),
            direct_path: Some(seal.direct_path.clone()),
            ..Default::default()
        })
    }

    fn notice(&self, place: wa::message::HistorySyncNotification) -> wa::Message {
        wa::Message {
            protocol_message: MessageField::some(wa::message::ProtocolMessage {
                r#type: Some(wa::message::protocol_message::Type::HISTORY_SYNC_NOTIFICATION),
                history_sync_notification: MessageField::some(wa::message::HistorySyncNotification {
                    sync_type: Some(self.kind),
                    chunk_order: Some(self.order),
                    progress: Some(self.progress),
                    oldest_msg_in_chunk_timestamp_sec: self.oldest_at.map(|at| at as i64),
                    peer_data_request_session_id: self.request.clone(),
                    ..place
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

/// Chats with people who do not exist, the newest message just before `now_ms`. Truncated at the largest allowed
/// history.
pub fn made_up(size: HistorySize, now_ms: u64) -> Vec<HistoryChat> {
    let chats = size.chats.min(HISTORY_MESSAGES_MAX);
    let lines = size.messages_per_chat.min(HISTORY_MESSAGES_MAX / chats.max(1));
    let line = |chat: usize, number: usize| HistoryLine {
        id: format!("AC{chat:012X}{number:018X}"),
        from_me: number % 2 == 1,
        sender: None,
        at: (now_ms / 1000).saturating_sub(MADE_UP_PACE_SECONDS * (lines - number) as u64),
        text: format!("Message {} of an old chat", number + 1),
    };
    (0..chats)
        .map(|chat| HistoryChat {
            jid: format!("{}@s.whatsapp.net", MADE_UP_NUMBER + chat as u64),
            lid: None,
            name: Some(format!("Old friend {}", chat + 1)),
            token: None,
            token_issued_at: None,
            lines: (0..lines).map(|number| line(chat, number)).collect(),
        })
        .collect()
}

/// All chunks for a new companion, in the order in which they are sent: the chats with their newest message, push
/// names, the rest that does not block, then the older messages. `names` are push names by account; the last parameter
/// is the time of the LID migration.
pub fn parts(
    own: &Profile,
    chats: &[HistoryChat],
    names: &BTreeMap<String, String>,
    lid_migrated_at_ms: Option<u64>,
) -> Vec<HistoryPart> {
    let newest: Vec<wa::Conversation> = chats.iter().map(|chat| conversation(chat, newest_of(chat))).collect();
    let oldest_at = chats.iter().filter_map(|chat| newest_of(chat).first().map(|line| line.at)).min();
    let own_jid = own.jid().to_string();
    let names = names.iter().chain([(&own_jid, &own.name)]).map(|(jid, name)| pushname(jid, name)).collect();
    let settings = lid_migrated_at_ms
        .map(|at_ms| wa::GlobalSettings { chat_db_lid_migration_timestamp: Some(at_ms as i64), ..Default::default() });
    let first =
        wa::HistorySync { global_settings: settings.into(), ..part(PartType::INITIAL_BOOTSTRAP, newest, chats) };
    let mut plan = vec![
        (first, oldest_at),
        (wa::HistorySync { pushnames: names, ..part(PartType::PUSH_NAME, vec![], &[]) }, None),
        (part(PartType::NON_BLOCKING_DATA, vec![], &[]), None),
    ];
    plan.extend(older(chats).into_iter().map(|(conversations, at)| (part(PartType::RECENT, conversations, &[]), at)));
    let count = plan.len();
    plan.into_iter()
        .enumerate()
        .map(|(at, (mut sync, oldest_at))| {
            let (order, progress) = (at as u32 + 1, ((at + 1) * 100 / count) as u32);
            sync.chunk_order = Some(order);
            sync.progress = Some(progress);
            let compressed = compress(&history_sync_to_vec(&sync));
            HistoryPart { kind: notice_type(sync.sync_type), order, progress, oldest_at, compressed, request: None }
        })
        .collect()
}

/// At most `count` messages of a chat before one of them, for the companion whose request has this id.
pub fn before(chat: &HistoryChat, id: &str, count: usize, request: &str) -> HistoryPart {
    let end = chat.lines.iter().position(|line| line.id == id).unwrap_or(chat.lines.len());
    let lines = &chat.lines[end.saturating_sub(count.min(HISTORY_PART_MESSAGES_MAX))..end];
    let sync = part(PartType::ON_DEMAND, vec![conversation(chat, lines)], &[]);
    HistoryPart {
        kind: NoticeType::ON_DEMAND,
        order: 1,
        progress: 100,
        oldest_at: lines.first().map(|line| line.at),
        compressed: compress(&history_sync_to_vec(&sync)),
        request: Some(request.to_owned()),
    }
}

fn newest_of(chat: &HistoryChat) -> &[HistoryLine] {
    &chat.lines[chat.lines.len().saturating_sub(1)..]
}

/// What the first chunk leaves out, split into chunks of bounded size.
fn older(chats: &[HistoryChat]) -> Vec<(Vec<wa::Conversation>, Option<u64>)> {
    let (mut cut, mut current, mut count, mut oldest_at) = (Vec::new(), Vec::new(), 0, None);
    for chat in chats {
        let lines = &chat.lines[..chat.lines.len().saturating_sub(1)];
        for some in lines.rchunks(HISTORY_PART_MESSAGES_MAX) {
            if count + some.len() > HISTORY_PART_MESSAGES_MAX {
                cut.push((std::mem::take(&mut current), oldest_at.take()));
                count = 0;
            }
            count += some.len();
            oldest_at = oldest_at.into_iter().chain(some.first().map(|line| line.at)).min();
            current.push(conversation(chat, some));
        }
    }
    if !current.is_empty() {
        cut.push((current, oldest_at));
    }
    cut
}

fn part(kind: PartType, conversations: Vec<wa::Conversation>, mapped: &[HistoryChat]) -> wa::HistorySync {
    let pair = |chat: &HistoryChat| {
        let lid_jid = Some(chat.lid.clone()?);
        Some(wa::PhoneNumberToLIDMapping { pn_jid: Some(chat.jid.clone()), lid_jid })
    };
    wa::HistorySync {
        sync_type: kind,
        conversations,
        phone_number_to_lid_mappings: mapped.iter().filter_map(pair).collect(),
        ..Default::default()
    }
}

/// Newest first, as phones send them.
fn conversation(chat: &HistoryChat, lines: &[HistoryLine]) -> wa::Conversation {
    let last_at = chat.lines.last().map(|line| line.at);
    wa::Conversation {
        id: chat.jid.clone(),
        lid_jid: chat.lid.clone(),
        name: chat.name.clone(),
        conversation_timestamp: last_at,
        last_msg_timestamp: last_at,
        unread_count: Some(0),
        tc_token: chat.token.as_ref().map(|token| token.bytes.clone()),
        tc_token_timestamp: chat.token.as_ref().map(|token| token.given_at),
        tc_token_sender_timestamp: chat.token_issued_at,
        messages: lines
            .iter()
            .rev()
            .map(|line| wa::HistorySyncMsg {
                message: MessageField::some(web_message(chat, line)),
                msg_order_id: Some(line.at),
            })
            .collect(),
        ..Default::default()
    }
}

fn web_message(chat: &HistoryChat, line: &HistoryLine) -> wa::WebMessageInfo {
    wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey {
            remote_jid: Some(chat.jid.clone()),
            from_me: Some(line.from_me),
            id: Some(line.id.clone()),
            participant: line.sender.clone(),
        }),
        message: MessageField::some(wa::Message { conversation: Some(line.text.clone()), ..Default::default() }),
        message_timestamp: Some(line.at),
        participant: line.sender.clone(),
        status: Some(Status::READ),
        ..Default::default()
    }
}

fn pushname(jid: &str, name: &str) -> wa::Pushname {
    wa::Pushname { id: Some(jid.to_owned()), pushname: Some(name.to_owned()) }
}

fn notice_type(kind: PartType) -> NoticeType {
    match kind {
        PartType::INITIAL_BOOTSTRAP => NoticeType::INITIAL_BOOTSTRAP,
        PartType::PUSH_NAME => NoticeType::PUSH_NAME,
        PartType::NON_BLOCKING_DATA => NoticeType::NON_BLOCKING_DATA,
        PartType::RECENT => NoticeType::RECENT,
        PartType::INITIAL_STATUS_V3 => NoticeType::INITIAL_STATUS_V3,
        PartType::FULL => NoticeType::FULL,
        PartType::ON_DEMAND => NoticeType::ON_DEMAND,
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes what is written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore::history_sync::{HistorySyncStream, MAX_DECOMPRESSED, process_history_sync};

    const NOW_MS: u64 = 1_750_000_000_000;

    fn ann() -> Profile {
        Profile { number: "15550001".to_owned(), lid: "9001".to_owned(), name: "Ann".to_owned() }
    }

    /// What the client library's parser finds: number of messages, by chat.
    fn parsed(parts: &[HistoryPart]) -> Vec<(String, usize)> {
        let mut found: Vec<(String, usize)> = Vec::new();
        for part in parts {
            let mut stream = HistorySyncStream::new(&part.compressed, MAX_DECOMPRESSED);
            while let Some(chat) = stream.next_conversation().unwrap() {
                match found.iter_mut().find(|(jid, _)| *jid == chat.id) {
                    Some((_, count)) => *count += chat.messages.len(),
                    None => found.push((chat.id, chat.messages.len())),
                }
            }
        }
        found
    }

    #[test]
    fn the_client_library_finds_every_message_once() {
        for (chats, messages_per_chat) in [(0, 0), (1, 0), (1, 1), (3, 5), (2, 30_000), (40, 700)] {
            let size = HistorySize { chats, messages_per_chat };
            let parts = parts(&ann(), &made_up(size, NOW_MS), &BTreeMap::new(), None);
            let found = parsed(&parts);
            assert_eq!(found.len(), chats);
            assert!(found.iter().all(|(_, count)| *count == messages_per_chat), "{size:?}: {found:?}");
            assert_eq!(parts.last().unwrap().progress, 100);
            assert_eq!(
                parts.iter().map(|part| part.order).collect::<Vec<_>>(),
                (1..=parts.len() as u32).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn the_person_s_own_name_and_known_pairs_are_found() {
        let mut chats = made_up(HistorySize { chats: 2, messages_per_chat: 2 }, NOW_MS);
        chats[1].lid = Some("9002@lid".to_owned());
        let parts = parts(&ann(), &chats, &BTreeMap::new(), None);
        let results: Vec<_> = parts
            .into_iter()
            .map(|part| process_history_sync(part.compressed, Some("15550001"), false).unwrap())
            .collect();
        assert_eq!(results[0].lid_mappings.len(), 1);
        assert_eq!(results[0].conversations_processed, 2);
        assert_eq!(results[1].own_pushname.as_deref(), Some("Ann"));
    }

    #[test]
    fn the_first_part_of_a_small_history_travels_in_its_notice() {
        let small =
            parts(&ann(), &made_up(HistorySize { chats: 10, messages_per_chat: 10 }, NOW_MS), &BTreeMap::new(), None);
        assert_eq!(small.iter().map(HistoryPart::is_small).collect::<Vec<_>>(), [true, false, false, false]);
        let notice = small[0].inline_notice();
        let notice = &notice.protocol_message.history_sync_notification;
        assert_eq!(notice.initial_hist_bootstrap_inline_payload.as_deref(), Some(small[0].compressed.as_slice()));
        let large = parts(
            &ann(),
            &made_up(HistorySize { chats: 20_000, messages_per_chat: 1 }, NOW_MS),
            &BTreeMap::new(),
            None,
        );
        assert!(!large[0].is_small());
    }

    #[test]
    fn a_history_larger_than_the_largest_is_cut_off() {
        let chats = made_up(HistorySize { chats: 10, messages_per_chat: usize::MAX }, NOW_MS);
        assert_eq!(chats.iter().map(|chat| chat.lines.len()).sum::<usize>(), HISTORY_MESSAGES_MAX);
    }
}
