//! Who works for a client.

use super::accounts::person;
use super::audit::Done;
use super::row::row;
use super::{Conn, Store, StoreError, link_shares, sql, userids};
use crate::account::{Person, Role, fold_userid};
use crate::clock::Millis;

row!(Person { id, client_id, userid, role: String, disabled, created_at });

/// A person to add.
#[derive(Debug, Clone)]
pub struct NewPerson {
    pub client_id: i64,
    pub userid: String,
    pub role: Role,
    /// An argon2id hash; without one he has no password to sign in with. He has to choose another when he first signs in.
    pub password_hash: Option<String>,
    pub created_at: Millis,
}

/// A password for somebody who may have one, as its argon2id hash.
#[derive(Debug, Clone)]
pub enum NewPassword {
    /// Somebody else thought of it: he has to choose another when he next signs in.
    Given(String),
    /// He chose it himself.
    Chosen(String),
}

/// What to change of a person; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct PersonPatch {
    pub role: Option<Role>,
    pub disabled: Option<bool>,
    pub password: Option<NewPassword>,
}

impl Store {
    /// Adds a person; gives his number.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when someone of the client has that userid.
    pub async fn add_person(&self, person: NewPerson) -> Result<i64, StoreError> {
        self.act(move |conn| Box::pin(async move { insert_person(conn, person).await.map(Done) }))
            .await
            .map(|Done(id)| id)
    }

    /// The persons of a client, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_persons(&self, client_id: i64) -> Result<Vec<Person>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as Person, person!("WHERE client_id = $1 ORDER BY id"), client_id)
    }

    /// The person of that number, whatever client they work for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_person_numbered(&self, id: i64) -> Result<Option<Person>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, optional as Person, person!("WHERE id = $1"), id)
    }

    /// Changes a person of a client; the linking pages end that they shared and may share no longer. `false` when there is none of that number.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn update_person(
        &self,
        client_id: i64,
        id: i64,
        patch: PersonPatch,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let has_password = patch.password.is_some();
        let (hash, given) = match patch.password {
            Some(NewPassword::Given(hash)) => (Some(hash), Some(true)),
            Some(NewPassword::Chosen(hash)) => (Some(hash), Some(false)),
            None => (None, None),
        };
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE persons SET role = COALESCE($3, role), disabled = COALESCE($4, disabled), \
                     password_hash = COALESCE($5, password_hash), \
                     password_given = COALESCE($6, password_given), \
                     password_set_at = CASE WHEN $5 IS NULL THEN password_set_at ELSE $7 END WHERE id = $1 AND client_id = $2",
                    id,
                    client_id,
                    patch.role.map(Role::name),
                    patch.disabled,
                    &hash,
                    given,
                    now,
                )?;
                // Who has another password, or none any more, signs in again.
                if rows == 1 && (patch.disabled == Some(true) || has_password) {
                    super::sign_ins::end_sign_ins(conn, id, 0).await?;
                }
                link_shares::end_unpermitted(conn, now).await?;
                Ok(rows == 1)
            })
        })
        .await
    }
}

/// Adds a person, who has to choose another password than the one that was given.
pub(super) async fn insert_person(conn: &mut Conn, person: NewPerson) -> Result<i64, StoreError> {
    sql!(
        conn,
        scalar as i64,
        "INSERT INTO persons (client_id, userid, userid_key, userid_folded, role, password_hash, password_given, password_set_at, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id",
        person.client_id,
        &person.userid,
        userids::key(person.client_id, &person.userid),
        fold_userid(&person.userid),
        person.role.name(),
        &person.password_hash,
        person.password_hash.is_some(),
        person.created_at,
    )
}
