//! Conversations: what a number, or a group, wrote to a device, and what the device sent there.

use super::inbound::inbound;
use super::messages::message;
use super::row::row;
use super::{Conn, NewInbound, Page, Store, StoreError, StoredInbound, StoredMessage, StoredPush, sql};
use crate::clock::Millis;
use crate::limits;

/// A conversation as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConversation {
    pub device_id: String,
    pub chat: String,
    pub is_group: bool,
    /// How its writer last called himself; empty for a group.
    pub name: Option<String>,
    /// How many messages came in.
    pub received: i64,
    pub last_seq: i64,
    /// The gateway's phone number.
    pub gateway: String,
    pub last_id: String,
    pub last_originator: String,
    pub last_name: Option<String>,
    pub last_kind: String,
    /// The beginning of the last message.
    pub last_text: String,
    pub last_at: Millis,
    /// Whether a sandbox received the last message.
    pub sandbox: bool,
}

row!(StoredConversation {
    device_id,
    chat,
    is_group,
    name,
    received,
    last_seq,
    gateway,
    last_id,
    last_originator,
    last_name,
    last_kind,
    last_text,
    last_at,
    sandbox
});

macro_rules! conversation {
    ($rest:literal) => {
        concat!(
            "SELECT conversations.device_id AS device_id, conversations.chat AS chat, conversations.is_group AS is_group, \
             conversations.name AS name, received, last_seq, gateway, id AS last_id, originator AS last_originator, \
             inbound.name AS last_name, kind AS last_kind, substr(body, 1, CAST($1 AS INTEGER)) AS last_text, \
             received_at AS last_at, inbound.sandbox AS sandbox FROM conversations JOIN inbound ON inbound.seq = last_seq ",
            $rest
        )
    };
}

/// Which conversation of a client.
#[derive(Debug, Clone, Copy)]
pub struct Chat<'a> {
    pub client_id: i64,
    pub device_id: &'a str,
    /// The number, or the group.
    pub chat: &'a str,
}

/// Notes a message that came in with this number, in the transaction that stores it.
pub(super) async fn note(conn: &mut Conn, new: &NewInbound, seq: i64) -> Result<(), StoreError> {
    let name = new.name.as_ref().filter(|_| !new.is_group);
    sql!(
        conn,
        execute,
        "INSERT INTO conversations (device_id, chat, client_id, is_group, name, last_seq, received) \
         VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (device_id, chat) DO UPDATE SET client_id = excluded.client_id, \
         name = COALESCE(excluded.name, conversations.name), last_seq = excluded.last_seq, \
         received = conversations.received + 1",
        &new.device_id,
        &new.chat,
        new.client_id,
        new.is_group,
        name,
        seq,
    )
    .map(drop)
}

impl Store {
    /// A page of a client's conversations, the one that was written in last first; `device_id` narrows it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_conversations(
        &self,
        client_id: i64,
        device_id: Option<&str>,
        page: Page,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredConversation,
            conversation!(
                "WHERE conversations.client_id = $2 AND last_seq < $3 AND ($4 IS NULL OR conversations.device_id = $4) \
                 ORDER BY last_seq DESC LIMIT $5"
            ),
            limits::CONVERSATION_CHARS_MAX,
            client_id,
            page.before_or_max(),
            device_id,
            page.rows,
        )
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn find_conversation(&self, of: Chat<'_>) -> Result<Option<StoredConversation>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as StoredConversation,
            conversation!(
                "WHERE conversations.client_id = $2 AND conversations.device_id = $3 AND conversations.chat = $4"
            ),
            limits::CONVERSATION_CHARS_MAX,
            of.client_id,
            of.device_id,
            of.chat,
        )
    }

    /// What came in, newest first. The sum keeps SQLite from taking the index of all that the client's devices received.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_received(&self, of: Chat<'_>, page: Page) -> Result<Vec<StoredInbound>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredInbound,
            inbound!(
                "WHERE device_id = $1 AND chat = $2 AND client_id + 0 = $3 AND seq < $4 ORDER BY seq DESC LIMIT $5"
            ),
            of.device_id,
            of.chat,
            of.client_id,
            page.before_or_max(),
            page.rows,
        )
    }

    /// What was sent, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_sent(&self, of: Chat<'_>, page: Page) -> Result<Vec<StoredMessage>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredMessage,
            message!(
                "WHERE device_id = $1 AND destination = $2 AND client_id + 0 = $3 AND seq < $4 ORDER BY seq DESC LIMIT $5"
            ),
            of.device_id,
            of.chat,
            of.client_id,
            page.before_or_max(),
            page.rows,
        )
    }

    /// The pushes of what came in with these numbers. Not narrowed by client: with that, SQLite would take the index of all that
    /// the client's devices received.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_pushes_of(&self, of: Chat<'_>, first: i64, last: i64) -> Result<Vec<StoredPush>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredPush,
            "SELECT inbound_id, client_id, status, attempts, created_at, due_at, done_at, last_status, last_answer \
             FROM pushes WHERE inbound_id IN \
             (SELECT id FROM inbound WHERE device_id = $1 AND chat = $2 AND seq >= $3 AND seq <= $4)",
            of.device_id,
            of.chat,
            first,
            last,
        )
    }

    /// The kinds of the files that were sent with messages of these numbers: a file's id, and its kind.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_kinds_of(
        &self,
        of: Chat<'_>,
        first: i64,
        last: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as (String, String),
            "SELECT id, kind FROM media WHERE id IN (SELECT media_id FROM messages \
             WHERE device_id = $1 AND destination = $2 AND seq >= $3 AND seq <= $4)",
            of.device_id,
            of.chat,
            first,
            last,
        )
    }
}
