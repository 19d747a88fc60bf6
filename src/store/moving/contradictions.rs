//! What is here already of a customer who moves in, and what of it contradicts what was given. Nothing is written here.

use super::super::accounts::{client, person};
use super::super::devices::device;
use super::super::url_passwords::UrlPasswords;
use super::{Migration, new_client_name, push_url};
use crate::account::{self, Client, KeyRecord, Person, Role, fold_userid};
use crate::device::Device;
use crate::store::{Conn, StoreError, sql, userids};

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
    #[error(
        "the API key {hint}… is that of the administrator '{userid}' of this gateway; give the one in the customer's programs"
    )]
    KeyOfAdministrator { hint: String, userid: String },
    #[error(
        "client {client_id} ('{client}') has other API keys than {hint}…: check the key. If it is one more of the client's, name its \
         user too (--user); if the customer is another one, give the client another name"
    )]
    AnotherKey { hint: String, client_id: i64, client: String },
    #[error("there is no client {number}; give a new client a name, or leave it out")]
    NoClient { number: i64 },
    #[error(
        "client {client_id} ('{client}') was made for a device id that begins with the same number; give that client if the \
         customer is the same, else another name"
    )]
    SameNumber { client_id: i64, client: String },
    #[error(
        "the device {device_id} is here already, with the sender {sender}, not {wanted}; remove the device first to move it in with \
         another"
    )]
    DeviceSender { device_id: String, sender: String, wanted: String },
    #[error("the sender {sender} is taken: the device {device_id} of client {client_id} ('{client}') has it")]
    SenderTaken { sender: String, device_id: String, client_id: i64, client: String },
    #[error(
        "there is no client called '{name}', but {alike}, whose name looks like it; give the customer's client by its number or exactly as it \
         is written, or a new one a name of its own"
    )]
    AlikeClients { name: String, alike: String },
    #[error("several clients are called '{name}'; give the number of the one that is meant")]
    SeveralClients { name: String },
    #[error(
        "client {client_id} ('{client}') has the Push URL {url}; change it on the page Push URL or with `wachat push set`, or leave it out \
         here"
    )]
    OtherPushUrl { client_id: i64, client: String, url: String },
    #[error("client {client_id} ('{client}') is disabled; enable it first")]
    Disabled { client_id: i64, client: String },
}

/// What the store knows of the names in a migration.
pub(super) struct Known {
    pub(super) key: Option<KeyRecord>,
    pub(super) device: Option<Device>,
    pub(super) client: Option<Client>,
    pub(super) person: Option<Person>,
}

/// Looks at everything, before anything is written.
///
/// # Errors
/// When the store cannot be read. The inner one is what contradicts the migration.
pub(super) async fn look(
    conn: &mut Conn,
    m: &Migration,
    passwords: &UrlPasswords,
) -> Result<Result<Known, MigrationConflict>, StoreError> {
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
        (None, Some(userid)) => match &client {
            Some(client) => userids::find(conn, client.id, userid).await?,
            None => None,
        },
        (None, None) => None,
    };
    if let (Some(key), Some(person)) = (&key, &person)
        && person.role == Role::Administrator
    {
        let (hint, userid) = (key.hint.clone(), person.userid.clone());
        return Ok(Err(MigrationConflict::KeyOfAdministrator { hint, userid }));
    }
    if let (Some(key), Some(person), Some(wanted)) = (&key, &person, &m.userid)
        && fold_userid(&person.userid) != fold_userid(wanted)
    {
        let (hint, userid) = (key.hint.clone(), person.userid.clone());
        return Ok(Err(MigrationConflict::KeyOfUser { hint, userid, wanted: wanted.clone() }));
    }
    if let (Some(client), Some(wanted)) = (&client, &m.push_url)
        && let Some(url) = push_url(conn, client.id).await?.filter(|url| !passwords.is_same(client.id, url, wanted))
    {
        let url = url.to_string();
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
    if let (None, Some(name)) = (owner, &m.client)
        && named.iter().any(|client| client.name != *name)
        && name.parse::<i64>().is_err()
    {
        let alike: Vec<_> = named.iter().map(|client| format!("client {} ('{}')", client.id, client.name)).collect();
        return Ok(Some(MigrationConflict::AlikeClients { name: name.clone(), alike: alike.join(", ") }));
    }
    if owner.is_none() && named.len() > 1 {
        return Ok(Some(MigrationConflict::SeveralClients { name: m.client.clone().unwrap_or_default() }));
    }
    if owner.is_none()
        && named.is_empty()
        && let Some(conflict) = new_client_conflicts(conn, m).await?
    {
        return Ok(Some(conflict));
    }
    if let (None, Some(client), None) = (key, owner.or(named.first()), &m.userid)
        && has_keys(conn, client.id).await?
    {
        let (hint, client_id, client) = (hint(), client.id, client.name.clone());
        return Ok(Some(MigrationConflict::AnotherKey { hint, client_id, client }));
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

/// Why a client is not made of what was given: a number that no client has is no name, and a name that is chosen here must not
/// be that of another.
async fn new_client_conflicts(conn: &mut Conn, m: &Migration) -> Result<Option<MigrationConflict>, StoreError> {
    if let Some(name) = &m.client {
        return Ok(name.parse().ok().map(|number| MigrationConflict::NoClient { number }));
    }
    let name = new_client_name(&m.device_id);
    let found = sql!(conn, all as Client, client!("WHERE name = $1 ORDER BY id"), &name)?;
    let same = found.into_iter().next();
    Ok(same.map(|client| MigrationConflict::SameNumber { client_id: client.id, client: client.name }))
}

/// Whether a client has keys in programs of its own: an administrator's is the operator's.
async fn has_keys(conn: &mut Conn, client_id: i64) -> Result<bool, StoreError> {
    let text = "SELECT COUNT(*) FROM api_keys WHERE client_id = $1 AND revoked_at IS NULL AND person_id IN \
                (SELECT id FROM persons WHERE client_id = $1 AND role <> $2)";
    Ok(sql!(conn, scalar as i64, text, client_id, Role::Administrator.name())? > 0)
}

/// Which clients `--client` may mean, by the rule of all commands: the one of that number, else those of that name, else those whose names
/// look alike.
async fn named_clients(conn: &mut Conn, m: &Migration) -> Result<Vec<Client>, StoreError> {
    let Some(name) = &m.client else { return Ok(Vec::new()) };
    if let Ok(id) = name.parse::<i64>()
        && let Some(client) = sql!(&mut *conn, optional as Client, client!("WHERE id = $1"), id)?
    {
        return Ok(vec![client]);
    }
    let all = sql!(conn, all as Client, client!("ORDER BY id"))?;
    Ok(account::called(&all, name).into_iter().cloned().collect())
}
