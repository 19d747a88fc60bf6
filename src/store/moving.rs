//! Moving a customer in: one transaction, so a crash leaves all of it or nothing. `going_live.rs` is the next step.

mod contradictions;

use super::accounts::{client, person};
use super::audit::{NewAuditEntry, Outcome};
use super::devices::{device, insert};
use super::persons::insert_person;
use super::url_passwords::UrlPasswords;
use super::{Conn, NewDevice, NewPerson, Store, StoreError, sql, userids};
use crate::account::{self, Client, Person, Role, StoredKeyHash};
use crate::clock::Millis;
use crate::customer_url::StoredUrl;
use crate::device::{Device, Kind};
use crate::limits;
pub use contradictions::MigrationConflict;

/// A customer of another gateway, with what is in his programs. Everything was checked before.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The name of a client, or the number of one that is there; without one, whose the key or the device is, or a new one.
    pub client: Option<String>,
    pub userid: Option<String>,
    pub key_hash: StoredKeyHash,
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
    pub push_url: Option<StoredUrl>,
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

impl Store {
    /// Moves a customer in: a client, a user, his key, and a sandbox device under the id that his programs name. What is
    /// here already as it should be stays as it is.
    ///
    /// # Errors
    /// When it could not be stored: then nothing was. The inner one is what contradicts it.
    pub async fn migrate(&self, migration: Migration) -> Result<Result<Migrated, MigrationConflict>, StoreError> {
        let passwords = self.urls.clone();
        self.act(move |conn| Box::pin(async move { migrate(conn, &migration, &passwords).await })).await
    }
}

impl Outcome for Result<Migrated, MigrationConflict> {
    fn is_done(&self) -> bool {
        self.is_ok()
    }

    fn complete(&self, entry: &mut NewAuditEntry) {
        if let Ok(migrated) = self {
            entry.client_id = migrated.client.id;
            entry.add_subject(&migrated.device.id);
        }
    }
}

async fn migrate(
    conn: &mut Conn,
    m: &Migration,
    passwords: &UrlPasswords,
) -> Result<Result<Migrated, MigrationConflict>, StoreError> {
    // Everything is looked at before anything is written: a conflict leaves no trace.
    let known = match contradictions::look(conn, m, passwords).await? {
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
            let (person, is_new) = find_or_add_user(conn, m, client_id).await?;
            created.extend(is_new.then_some(Created::User));
            person
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
    if let (Some(url), None) = (&m.push_url, push_url(conn, client_id).await?) {
        created.push(Created::PushUrl);
        sql!(
            &mut *conn,
            execute,
            "UPDATE clients SET push_url = $2, push_paused_at = NULL, push_paused_reason = NULL WHERE id = $1",
            client_id,
            passwords.seal(client_id, url.clone())?.as_stored(),
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

async fn push_url(conn: &mut Conn, client_id: i64) -> Result<Option<StoredUrl>, StoreError> {
    sql!(conn, scalar as Option<StoredUrl>, "SELECT push_url FROM clients WHERE id = $1", client_id)
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

/// Adds a user who only sends, and gives whether he is new. Without a name, one that follows from the client's is chosen.
async fn find_or_add_user(conn: &mut Conn, m: &Migration, client_id: i64) -> Result<(Person, bool), StoreError> {
    let userid = match &m.userid {
        Some(userid) => userid.clone(),
        None => {
            let client = sql!(&mut *conn, one as Client, client!("WHERE id = $1"), client_id)?;
            // Whom an earlier version added under the name that it made.
            if let Some(former) = account::former_userid_of(&client.name)
                && let Some(person) = userids::find(conn, client_id, &former).await?
                && !person.disabled
            {
                return Ok((person, false));
            }
            let base = account::userid_of(&client.name).unwrap_or_else(|| format!("client-{client_id}"));
            let mut chosen = format!("{base}-{client_id}");
            for name in
                std::iter::once(base.clone()).chain((2..=limits::USERID_TRIES_MAX).map(|n| format!("{base}-{n}")))
            {
                match userids::find(conn, client_id, &name).await? {
                    Some(person) if !person.disabled => return Ok((person, false)),
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
    let new = NewPerson { client_id, userid, role: Role::Sender, password_hash: None, created_at: m.now };
    let id = insert_person(conn, new).await?;
    Ok((sql!(conn, one as Person, person!("WHERE id = $1"), id)?, true))
}

async fn add_key(conn: &mut Conn, m: &Migration, client_id: i64, person_id: i64) -> Result<i64, StoreError> {
    sql!(
        conn,
        scalar as i64,
        "INSERT INTO api_keys (client_id, person_id, name, hash, is_keyed, hint, created_at) \
         VALUES ($1, $2, 'moved in', $3, TRUE, $4, $5) RETURNING id",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_given_follow_from_what_is() {
        assert_eq!(new_client_name("11055-171379261223689"), "WAChat 11055");
    }
}
