//! What the client library of linked accounts keeps, a row a thing: how it is named and found. Values are sealed by who asks.
//! `session_writes.rs` is how it is changed.

use super::row::row;
use super::{Conn, Store, StoreError, sql};

/// What a row is, and what its numbers mean; `owner` and `name` are in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// The account's own keys and settings.
    Account,
    /// A peer's identity key [user, address].
    Identity,
    /// A session with a peer's device [user, address].
    Session,
    /// A one-time key of ours [-, number]; `also` is 1 when WhatsApp has it.
    PreKey,
    /// A signed key of ours [-, number].
    SignedPreKey,
    /// A group's key of one sender [-, address].
    SenderKey,
    /// Whether a device has our key of a group [group, device].
    SenderKeyDevice,
    /// A key of the account's synchronised settings [-, id].
    SyncKey,
    /// The id of the last of those.
    SyncLatest,
    /// How far a collection of settings is [-, collection].
    SyncVersion,
    /// A check value of one setting [collection, index].
    SyncMac,
    /// Which number a hidden id stands for [number, id]; `also` says which was learned later.
    Lid,
    /// The base key of a session at a retry [address, message].
    BaseKey,
    /// A peer's devices [-, user].
    DeviceList,
    /// A group as it was last seen [-, group].
    Group,
    /// A contact's token [-, contact]; `at` is when it came, `also` when we gave ours.
    TcToken,
    /// A message of ours, for who asks for it again [chat, id]; `at` is when.
    Sent,
    /// A message that came in and is not taken over yet [chat, sender and id]; `at` is when.
    Pending,
    /// How long messages of a chat are shown [-, chat]; `also` is when that was set.
    Timer,
    /// A poll or an event, for who answers it [chat, id]; `at` is until when it is kept.
    Asked,
    /// A message's secret [chat, sender and id]; `at` is until when it is kept, `also` when the message was sent.
    Secret,
}

impl KeyKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Identity => "identity",
            Self::Session => "session",
            Self::PreKey => "pre_key",
            Self::SignedPreKey => "signed_pre_key",
            Self::SenderKey => "sender_key",
            Self::SenderKeyDevice => "sender_key_device",
            Self::SyncKey => "sync_key",
            Self::SyncLatest => "sync_latest",
            Self::SyncVersion => "sync_version",
            Self::SyncMac => "sync_mac",
            Self::Lid => "lid",
            Self::BaseKey => "base_key",
            Self::DeviceList => "device_list",
            Self::Group => "group",
            Self::TcToken => "tc_token",
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Timer => "timer",
            Self::Asked => "asked",
            Self::Secret => "secret",
        }
    }
}

/// A row but for its device and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// What it belongs to; no slash and no NUL is in it.
    pub owner: String,
    pub name: String,
    /// Sealed.
    pub value: Option<Vec<u8>>,
    pub at: i64,
    pub also: Option<i64>,
}

row!(KeyRow { owner, name, value, at, also });

/// The kind of what says how a file that came in is had; it is sealed as a device's keys are.
pub const FILE_REFERENCE: &str = "file";

/// What a value is sealed for: one row of one device of one client.
pub fn place(client_id: i64, device_id: &str, kind: &str, owner: &str, name: &str) -> Vec<u8> {
    // The last part alone may hold a slash, so that no two rows have one place.
    format!("{client_id}/{device_id}/{kind}/{owner}/{name}").into_bytes()
}

macro_rules! key_row {
    ($rest:literal) => {
        concat!("SELECT owner, name, value, at, also FROM session_keys WHERE device_id = $1 AND ", $rest)
    };
}

impl Store {
    /// One row of a device.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_key(
        &self,
        device_id: &str,
        kind: KeyKind,
        owner: &str,
        name: &str,
    ) -> Result<Option<KeyRow>, StoreError> {
        let mut conn = self.reader().await?;
        find(&mut conn, device_id, kind, owner, name).await
    }

    /// Those of the named rows that are there, of one owner.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_keys(
        &self,
        device_id: &str,
        kind: KeyKind,
        owner: &str,
        names: &[String],
    ) -> Result<Vec<KeyRow>, StoreError> {
        match &mut self.reader().await? {
            Conn::Postgres(conn) => {
                Ok(sqlx::query_as::<_, KeyRow>(key_row!("kind = $2 AND owner = $3 AND name = ANY($4)"))
                    .bind(device_id)
                    .bind(kind.name())
                    .bind(owner)
                    .bind(names)
                    .fetch_all(&mut **conn)
                    .await?)
            }
            conn @ Conn::Sqlite(_) => {
                let mut found = Vec::with_capacity(names.len());
                for name in names {
                    found.extend(find(conn, device_id, kind, owner, name).await?);
                }
                Ok(found)
            }
        }
    }

    /// Every row of one kind, in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_keys_of_kind(&self, device_id: &str, kind: KeyKind) -> Result<Vec<KeyRow>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as KeyRow, key_row!("kind = $2 ORDER BY owner, name"), device_id, kind.name())
    }

    /// Every row of one kind and owner, what was learned last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_keys_of_owner(
        &self,
        device_id: &str,
        kind: KeyKind,
        owner: &str,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as KeyRow,
            key_row!("kind = $2 AND owner = $3 ORDER BY also DESC, name"),
            device_id,
            kind.name(),
            owner,
        )
    }

    /// What was sent under an id, in whichever form its chat was written.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_sent_key(&self, device_id: &str, id: &str) -> Result<Option<KeyRow>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as KeyRow, key_row!("kind = 'sent' AND name = $2 LIMIT 1"), device_id, id)
    }

    /// Which number a hidden id stands for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_lid(&self, device_id: &str, lid: &str) -> Result<Option<KeyRow>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as KeyRow, key_row!("kind = 'lid' AND name = $2"), device_id, lid)
    }

    /// Whether there is a session with a user, or an identity of his.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn knows_user(&self, device_id: &str, user: &str) -> Result<bool, StoreError> {
        let mut conn = self.reader().await?;
        let rows = sql!(
            &mut conn,
            scalar as i64,
            "SELECT COUNT(*) FROM session_keys WHERE device_id = $1 AND kind IN ('session', 'identity') AND owner = $2",
            device_id,
            user,
        )?;
        Ok(rows > 0)
    }

    /// The greatest name of one kind without an owner.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last_key_name(&self, device_id: &str, kind: KeyKind) -> Result<Option<String>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as Option<String>,
            "SELECT MAX(name) FROM session_keys WHERE device_id = $1 AND kind = $2 AND owner = ''",
            device_id,
            kind.name(),
        )
    }
}

async fn find(
    conn: &mut Conn,
    device_id: &str,
    kind: KeyKind,
    owner: &str,
    name: &str,
) -> Result<Option<KeyRow>, StoreError> {
    sql!(
        conn,
        optional as KeyRow,
        key_row!("kind = $2 AND owner = $3 AND name = $4"),
        device_id,
        kind.name(),
        owner,
        name,
    )
}
