//! Moving a customer in: one transaction, so a crash leaves all of it or nothing. `going_live.rs` is the next step.

use super::accounts::{client, person};
use super::devices::{device, insert};
use super::{Conn, NewDevice, Store, StoreError, sql};
use crate::account::{Client, KeyHash, KeyRecord, Person, Role};
use crate::clock::Millis;
use crate::device::{Device, Kind};
use crate::limits;

/// A customer of another gateway, with what is in his programs. Everything was checked before.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The name of a client, or the number of one that is there; without one, whose the key or the device is, or a new one.
    pub client: Option<String>,
    pub userid: Option<String>,
    pub key_hash: KeyHash,
    pub key_hint: String,
    pub device_id: String,
    /// Digits.
    pub sender: String,
    pub push_url: Option<String>,
    /// Of a new client.
    pub country_code: String,
    pub now: Millis,
}

/// A customer as he is here now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    pub client: Client,
    pub person: Person,
    pub key_id: i64,
    pub device: Device,
    pub push_url: Option<String>,
    /// What was not here before; empty when everything was.
    pub created: Vec<Created>,
}

/// What a migration can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    Client,
    User,
    Key,
    Device,
    PushUrl,
}

impl Created {
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::User => "user",
            Self::Key => "key",
            Self::Device => "device",
            Self::PushUrl => "push_url",
        }
    }
}

/// What is here already and contradicts a migration. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationConflict {
    #[error(
        "the API key {hint}… belongs to client {client_id} ('{client}'), the device {device_id} to client {other_id} ('{other}')"
    )]
    TwoClients { hint: String, client_id: i64, client: String, device_id: String, other_id: i64, other: String },
    #[error("the API key {hint}… belongs to client {client_id} ('{client}'), not to '{wanted}'")]
    KeyOfOther { hint: String, client_id: i64, client: String, wanted: String },
    #[error("the API key {hint}… belongs to the user '{userid}', not to '{wanted}'")]
    KeyOfUser { hint: String, userid: String, wanted: String },
    #[error("the API key {hint}… was revoked here or has expired; give the customer a new one")]
    KeyEnded { hint: String },
    #[error("the device id {device_id} is taken: it belongs to client {client_id} ('{client}'), not to '{wanted}'")]
    DeviceOfOther { device_id: String, client_id: i64, client: String, wanted: String },
    #[error("the device {device_id} is here already, with the sender {sender}, not {wanted}")]
    DeviceSender { device_id: String, sender: String, wanted: String },
    #[error("the sender {sender} is taken: the device {device_id} of client {client_id} ('{client}') has it")]
    SenderTaken { sender: String, device_id: String, client_id: i64, client: String },
    #[error("the user '{userid}' works for client {client_id} ('{client}'); choose another name for the user")]
    UserOfOther { userid: String, client_id: i64, client: String },
    #[error("several clients are called '{name}'; give the number of the one that is meant")]
    SeveralClients { name: String },
    #[error(
        "client {client_id} ('{client}') has the Push URL {url}; change it where the Push URL is set, or leave it out here"
    )]
    OtherPushUrl { client_id: i64, client: String, url: String },
    #[error("client {client_id} ('{client}') is disabled; enable it first")]
    Disabled { client_id: i64, client: String },
}

impl Store {
    /// Moves a customer in: a client, a user, his key, and a sandbox device under the id that his programs name. What is
    /// here already as it should be stays as it is.
    ///
    /// # Errors
    /// When it could not be stored: then nothing was. The inner one is what contradicts it.
    pub async fn migrate(&self, migration: Migration) -> Result<Result<Migrated, MigrationConflict>, StoreError> {
        self.write(move |conn| Box::pin(async move { migrate(conn, &migration).await })).await
    }
}

/// What the store knows of the names in a migration.
struct Known {
    key: Option<KeyRecord>,
    device: Option<Device>,
    client: Option<Client>,
    person: Option<Person>,
}

async fn migrate(conn: &mut Conn, m: &Migration) -> Result<Result<Migrated, MigrationConflict>, StoreError> {
    // Everything is looked at before anything is written: a conflict leaves no trace.
    let known = match look(conn, m).await? {
        Ok(known) => known,
        Err(conflict) => return Ok(Err(conflict)),
    };
    let mut created = Vec::new();
    let client_id = match &known.client {
        Some(client) => client.id,
        None => {
            created.push(Created::Client);
            let name = m.client.clone().unwrap_or_else(|| new_client_name(&m.device_id));
            add_client(conn, m, &name).await?
        }
    };
    let person = match known.person {
        Some(person) => person,
        None => {
            created.push(Created::User);
            add_user(conn, m, client_id).await?
        }
    };
    let key_id = match &known.key {
        Some(key) => key.id,
        None => {
            created.push(Created::Key);
            add_key(conn, m, client_id, person.id).await?
        }
    };
    if known.device.is_none() {
        created.push(Created::Device);
        add_sandbox(conn, m, client_id).await?;
    }
    if m.push_url.is_some() && push_url(conn, client_id).await?.is_none() {
        created.push(Created::PushUrl);
        sql!(
            &mut *conn,
            execute,
            "UPDATE clients SET push_url = $2, push_paused_at = NULL, push_paused_reason = NULL WHERE id = $1",
            client_id,
            &m.push_url,
        )?;
    }
    Ok(Ok(Migrated {
        client: sql!(&mut *conn, one as Client, client!("WHERE id = $1"), client_id)?,
        device: sql!(&mut *conn, one as Device, device!(" AND id = $1"), &m.device_id)?,
        push_url: push_url(conn, client_id).await?,
        person,
        key_id,
        created,
    }))
}

async fn look(conn: &mut Conn, m: &Migration) -> Result<Result<Known, MigrationConflict>, StoreError> {
    let key = sql!(
        &mut *conn,
        optional as KeyRecord,
        "SELECT id, client_id, person_id, name, hint, created_at, expires_at, revoked_at, last_used_at FROM api_keys \
         WHERE hash = $1",
        &m.key_hash.0[..],
    )?;
    let device = sql!(&mut *conn, optional as Device, device!(" AND id = $1"), &m.device_id)?;
    let owner = match key.as_ref().map(|key| key.client_id).or(device.as_ref().map(|device| device.client_id)) {
        Some(id) => Some(sql!(&mut *conn, one as Client, client!("WHERE id = $1"), id)?),
        None => None,
    };
    let named = named_clients(conn, m).await?;
    if let Some(conflict) = contradicts(conn, m, key.as_ref(), device.as_ref(), owner.as_ref(), &named).await? {
        return Ok(Err(conflict));
    }
    let client = owner.or_else(|| named.into_iter().next());
    let person = match (&key, &m.userid) {
        (Some(key), _) => Some(sql!(&mut *conn, one as Person, person!("WHERE id = $1"), key.person_id)?),
        (None, Some(userid)) => sql!(&mut *conn, optional as Person, person!("WHERE userid = $1"), userid)?,
        (None, None) => None,
    };
    if let (Some(key), Some(person), Some(wanted)) = (&key, &person, &m.userid)
        && person.userid != *wanted
    {
        let (hint, userid) = (key.hint.clone(), person.userid.clone());
        return Ok(Err(MigrationConflict::KeyOfUser { hint, userid, wanted: wanted.clone() }));
    }
    if let Some(person) =
        person.as_ref().filter(|person| client.as_ref().map(|client| client.id) != Some(person.client_id))
    {
        let other = sql!(&mut *conn, one as Client, client!("WHERE id = $1"), person.client_id)?;
        let userid = person.userid.clone();
        return Ok(Err(MigrationConflict::UserOfOther { userid, client_id: other.id, client: other.name }));
    }
    if let (Some(client), Some(wanted)) = (&client, &m.push_url)
        && let Some(url) = push_url(conn, client.id).await?.filter(|url| url != wanted)
    {
        return Ok(Err(MigrationConflict::OtherPushUrl { client_id: client.id, client: client.name.clone(), url }));
    }
    Ok(Ok(Known { key, device, client, person }))
}

/// What is here of the key, the device, the sender and the client, and is not as it is wanted.
async fn contradicts(
    conn: &mut Conn,
    m: &Migration,
    key: Option<&KeyRecord>,
    device: Option<&Device>,
    owner: Option<&Client>,
    named: &[Client],
) -> Result<Option<MigrationConflict>, StoreError> {
    let hint = || m.key_hint.clone();
    if key.is_some_and(|key| key.revoked_at.is_some() || key.expires_at.is_some_and(|at| at <= m.now)) {
        return Ok(Some(MigrationConflict::KeyEnded { hint: hint() }));
    }
    if let (Some(key), Some(device), Some(owner)) = (key, device, owner)
        && key.client_id != device.client_id
    {
        let other = sql!(&mut *conn, one as Client, client!("WHERE id = $1"), device.client_id)?;
        let (client_id, client, device_id) = (owner.id, owner.name.clone(), device.id.clone());
        let (other_id, other) = (other.id, other.name);
        return Ok(Some(MigrationConflict::TwoClients { hint: hint(), client_id, client, device_id, other_id, other }));
    }
    if let (Some(owner), Some(wanted)) = (owner, &m.client)
        && !named.iter().any(|client| client.id == owner.id)
    {
        let (client_id, client, wanted) = (owner.id, owner.name.clone(), wanted.clone());
        return Ok(Some(match device {
            Some(device) if key.is_none() => {
                MigrationConflict::DeviceOfOther { device_id: device.id.clone(), client_id, client, wanted }
            }
            _ => MigrationConflict::KeyOfOther { hint: hint(), client_id, client, wanted },
        }));
    }
    if owner.is_none() && named.len() > 1 {
        return Ok(Some(MigrationConflict::SeveralClients { name: m.client.clone().unwrap_or_default() }));
    }
    if let Some(client) = owner.or(named.first()).filter(|client| client.disabled) {
        return Ok(Some(MigrationConflict::Disabled { client_id: client.id, client: client.name.clone() }));
    }
    if let Some(device) = device.filter(|device| device.sender != m.sender) {
        let (device_id, sender, wanted) = (device.id.clone(), device.sender.clone(), m.sender.clone());
        return Ok(Some(MigrationConflict::DeviceSender { device_id, sender, wanted }));
    }
    let other =
        sql!(&mut *conn, optional as Device, device!(" AND sender = $1 AND id <> $2"), &m.sender, &m.device_id)?;
    let Some(other) = other else { return Ok(None) };
    let client = sql!(&mut *conn, one as Client, client!("WHERE id = $1"), other.client_id)?;
    let (sender, device_id, client_id) = (other.sender, other.id, client.id);
    Ok(Some(MigrationConflict::SenderTaken { sender, device_id, client_id, client: client.name }))
}

/// Which clients `--client` may mean: those of that name, else the one of that number.
async fn named_clients(conn: &mut Conn, m: &Migration) -> Result<Vec<Client>, StoreError> {
    let Some(name) = &m.client else { return Ok(Vec::new()) };
    let called = sql!(&mut *conn, all as Client, client!("WHERE name = $1 ORDER BY id"), name)?;
    match name.parse::<i64>() {
        Ok(id) if called.is_empty() => sql!(conn, all as Client, client!("WHERE id = $1"), id),
        _ => Ok(called),
    }
}

async fn push_url(conn: &mut Conn, client_id: i64) -> Result<Option<String>, StoreError> {
    sql!(conn, scalar as Option<String>, "SELECT push_url FROM clients WHERE id = $1", client_id)
}

async fn add_client(conn: &mut Conn, m: &Migration, name: &str) -> Result<i64, StoreError> {
    sql!(
        conn,
        scalar as i64,
        "INSERT INTO clients (name, country_code, default_device, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
        name,
        &m.country_code,
        &m.device_id,
        m.now,
    )
}

/// Adds a user who only sends. Without a name, one that follows from the client's is chosen, which nobody of another client
/// has.
async fn add_user(conn: &mut Conn, m: &Migration, client_id: i64) -> Result<Person, StoreError> {
    let name = match &m.userid {
        Some(userid) => userid.clone(),
        None => {
            let client = sql!(&mut *conn, one as Client, client!("WHERE id = $1"), client_id)?;
            let base = userid_of(&client.name, client_id);
            let mut chosen = format!("{base}-{client_id}");
            for name in
                std::iter::once(base.clone()).chain((2..=limits::USERID_TRIES_MAX).map(|n| format!("{base}-{n}")))
            {
                let found = sql!(&mut *conn, optional as Person, person!("WHERE userid = $1"), &name)?;
                match found {
                    Some(person) if person.client_id == client_id && !person.disabled => return Ok(person),
                    Some(_) => {}
                    None => {
                        chosen = name;
                        break;
                    }
                }
            }
            chosen
        }
    };
    sql!(
        &mut *conn,
        execute,
        "INSERT INTO persons (client_id, userid, role, password_hash, password_given, created_at) \
         VALUES ($1, $2, $3, NULL, FALSE, $4)",
        client_id,
        &name,
        Role::Sender.name(),
        m.now,
    )?;
    sql!(conn, one as Person, person!("WHERE userid = $1"), &name)
}

async fn add_key(conn: &mut Conn, m: &Migration, client_id: i64, person_id: i64) -> Result<i64, StoreError> {
    sql!(
        conn,
        scalar as i64,
        "INSERT INTO api_keys (client_id, person_id, name, hash, hint, created_at) \
         VALUES ($1, $2, 'moved in', $3, $4, $5) RETURNING id",
        client_id,
        person_id,
        &m.key_hash.0[..],
        &m.key_hint,
        m.now,
    )
}

async fn add_sandbox(conn: &mut Conn, m: &Migration, client_id: i64) -> Result<(), StoreError> {
    let client = sql!(&mut *conn, one as Client, client!("WHERE id = $1"), client_id)?;
    let new = NewDevice {
        id: m.device_id.clone(),
        client_id,
        sender: m.sender.clone(),
        name: client.name,
        kind: Kind::Sandbox,
        daily_limit: 0,
        created_at: m.now,
    };
    insert(conn, &new).await
}

/// What a new client is called whose name is not said: after the number that its device id begins with.
fn new_client_name(device_id: &str) -> String {
    let number = device_id.split('-').next().unwrap_or(device_id);
    format!("WAChat {number}")
}

/// A userid that follows from a client's name.
fn userid_of(name: &str, client_id: i64) -> String {
    let words: Vec<String> = name
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    let joined: String = words.join("-").chars().take(40).collect();
    if joined.is_empty() { format!("client-{client_id}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_given_follow_from_what_is() {
        assert_eq!(new_client_name("11055-171379261223689"), "WAChat 11055");
        assert_eq!(userid_of("Apotek Sehat & Co.", 3), "apotek-sehat-co");
        assert_eq!(userid_of("\u{85e5}\u{5c40}", 3), "client-3");
    }
}
