//! Messages that came in, each stored with its push in one transaction.

use super::row::row;
use super::{Conn, Page, Store, StoreError, conversations, dialect, pushes, sql, unreadable};
use crate::clock::Millis;
use crate::limits;

macro_rules! inbound {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, client_id, device_id, gateway, whatsapp_id, chat, originator, name, is_group, kind, body, \
             media_id, file_name, (file_ref IS NOT NULL) AS media_pending, about, sent_at, received_at FROM inbound ",
            $rest
        )
    };
}
pub(super) use inbound;

/// A message to store.
#[derive(Debug, Clone)]
pub struct NewInbound {
    pub id: String,
    pub client_id: i64,
    pub device_id: String,
    /// The gateway's phone number.
    pub gateway: String,
    pub whatsapp_id: String,
    /// The group, or else the originator.
    pub chat: String,
    pub originator: String,
    /// The hidden id of its writer, where it is known beside the number.
    pub hidden: Option<String>,
    pub name: Option<String>,
    pub is_group: bool,
    pub kind: String,
    pub body: String,
    pub media_id: Option<String>,
    /// How the channel has its file, sealed, while it is still to be had.
    pub file_ref: Option<Vec<u8>>,
    pub file_name: Option<String>,
    /// The id, on WhatsApp, of the message that this one answers, changes or reacts to.
    pub about: Option<String>,
    /// That message's number, if this gateway sent it.
    pub about_ref_no: Option<String>,
    pub sent_at: Millis,
    pub received_at: Millis,
}

/// A message as the store has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoredInbound {
    pub seq: i64,
    pub id: String,
    pub client_id: i64,
    pub device_id: String,
    pub gateway: String,
    pub whatsapp_id: String,
    pub chat: String,
    pub originator: String,
    pub name: Option<String>,
    pub is_group: bool,
    pub kind: String,
    pub body: String,
    pub media_id: Option<String>,
    pub file_name: Option<String>,
    /// Whether its file is still to be downloaded.
    pub media_pending: bool,
    /// What it answers, changes or reacts to: the `ref_no` of a message that was sent, or the id of one that came in.
    pub about: Option<String>,
    pub sent_at: Millis,
    pub received_at: Millis,
}

row!(StoredInbound {
    seq,
    id,
    client_id,
    device_id,
    gateway,
    whatsapp_id,
    chat,
    originator,
    name,
    is_group,
    kind,
    body,
    media_id,
    file_name,
    media_pending,
    about,
    sent_at,
    received_at
});

impl Store {
    /// Stores a message, its place in its conversation and, when its client has a Push URL, its push, in one transaction. `false`
    /// when it is there already. One that is there as unreadable is replaced, under its id.
    ///
    /// # Errors
    /// When it could not be stored; then WhatsApp must not be told that we have it.
    pub async fn add_inbound(&self, new: NewInbound) -> Result<bool, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                dialect::lock_conversations(conn).await?;
                add(conn, &new).await
            })
        })
        .await
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn find_inbound(&self, id: &str) -> Result<Option<StoredInbound>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as StoredInbound, inbound!("WHERE id = $1"), id)
    }

    /// A page of a client's messages, newest first; `originator` and `device_id` narrow it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_inbound(
        &self,
        client_id: i64,
        originator: Option<&str>,
        device_id: Option<&str>,
        page: Page,
    ) -> Result<Vec<StoredInbound>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredInbound,
            inbound!(
                "WHERE client_id = $1 AND seq < $2 AND ($3 IS NULL OR originator = $3) AND ($4 IS NULL OR device_id = $4) \
                 ORDER BY seq DESC LIMIT $5"
            ),
            client_id,
            page.before_or_max(),
            originator,
            device_id,
            page.rows,
        )
    }
}

/// Stores one message that can be read, with its push. `false` when it is there already. Who calls it has taken the
/// conversations' lock.
pub(super) async fn add(conn: &mut Conn, new: &NewInbound) -> Result<bool, StoreError> {
    match unreadable::take(conn, new).await? {
        Some(id) => replace(conn, &id, new).await,
        None => insert(conn, new).await,
    }
}

/// Stores one message as it is; `false` when it is there already.
pub(super) async fn insert(conn: &mut Conn, new: &NewInbound) -> Result<bool, StoreError> {
    let stored = sql!(
        &mut *conn,
        optional as (i64,),
        "INSERT INTO inbound (id, client_id, device_id, gateway, whatsapp_id, chat, originator, name, is_group, \
         kind, body, media_id, file_name, sent_at, received_at, about, file_ref, file_due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
         COALESCE((SELECT ref_no FROM messages WHERE ref_no = $16 AND device_id = $3), \
         (SELECT id FROM inbound WHERE device_id = $3 AND whatsapp_id = $17 ORDER BY seq DESC LIMIT 1)), \
         $18, $19) \
         ON CONFLICT (device_id, chat, originator, whatsapp_id) DO NOTHING RETURNING seq",
        &new.id,
        new.client_id,
        &new.device_id,
        &new.gateway,
        &new.whatsapp_id,
        &new.chat,
        &new.originator,
        &new.name,
        new.is_group,
        &new.kind,
        &new.body,
        &new.media_id,
        &new.file_name,
        new.sent_at,
        new.received_at,
        &new.about_ref_no,
        &new.about,
        &new.file_ref,
        new.file_ref.as_ref().map(|_| new.received_at),
    )?;
    let Some((seq,)) = stored else { return Ok(false) };
    conversations::note(conn, new, seq).await?;
    pushes::offer(conn, &new.id, new.client_id, new.received_at, push_at(new)).await?;
    Ok(true)
}

/// Puts a message that can be read now in the place where it was reported as unreadable, and pushes it again.
async fn replace(conn: &mut Conn, id: &str, new: &NewInbound) -> Result<bool, StoreError> {
    let replaced = sql!(
        &mut *conn,
        execute,
        "UPDATE inbound SET kind = $2, body = $3, media_id = $4, file_name = $5, file_ref = $6, file_due_at = $7, \
         name = COALESCE($8, name), sent_at = $9, about = COALESCE((SELECT ref_no FROM messages WHERE ref_no = $10 AND \
         device_id = $12), (SELECT earlier.id FROM inbound AS earlier WHERE earlier.device_id = $12 \
         AND earlier.whatsapp_id = $11 ORDER BY earlier.seq DESC LIMIT 1)) WHERE id = $1 AND kind = 'unreadable'",
        id,
        &new.kind,
        &new.body,
        &new.media_id,
        &new.file_name,
        &new.file_ref,
        new.file_ref.as_ref().map(|_| new.received_at),
        &new.name,
        new.sent_at,
        &new.about_ref_no,
        &new.about,
        &new.device_id,
    )?;
    if replaced == 1 {
        pushes::offer(conn, id, new.client_id, new.received_at, push_at(new)).await?;
    }
    Ok(replaced == 1)
}

/// When a message is pushed: at once, or a moment later where its file may still come.
fn push_at(new: &NewInbound) -> Millis {
    if new.file_ref.is_some() { new.received_at + limits::INBOUND_FILE_WAIT_MS } else { new.received_at }
}
