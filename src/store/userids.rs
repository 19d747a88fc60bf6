//! People by the names that they sign in with, however those are written.

use super::accounts::person;
use super::row::row;
use super::{Conn, Store, StoreError, sql};
use crate::account::{Person, fold_userid};

/// The migration after which the names that are there are folded.
pub(super) const MIGRATION: i64 = 26;

/// What is needed to check a password.
#[derive(Debug, Clone)]
pub struct PasswordRecord {
    pub id: i64,
    pub client_id: i64,
    /// As it was written when the person was added.
    pub userid: String,
    pub password_hash: Option<String>,
}

row!(PasswordRecord { id, client_id, userid, password_hash });

struct Unfolded {
    id: i64,
    client_id: i64,
    userid: String,
}

row!(Unfolded { id, client_id, userid });

/// What must be unique of a name. Neither a name nor what it is folded to holds a line break.
pub(super) fn key(client_id: i64, userid: &str) -> String {
    format!("{client_id}\n{}", fold_userid(userid))
}

/// Folds the names that were there before they were compared so. Of those that are one now, the oldest person has the key.
pub(super) async fn fold_all(conn: &mut Conn) -> Result<(), StoreError> {
    let text = "SELECT id, client_id, userid FROM persons WHERE userid_folded = '' ORDER BY id";
    for Unfolded { id, client_id, userid } in sql!(&mut *conn, all as Unfolded, text)? {
        let mut key = key(client_id, &userid);
        let text = "SELECT COUNT(*) FROM persons WHERE userid_key = $1";
        if sql!(&mut *conn, scalar as i64, text, &key)? > 0 {
            key += &format!("\n{id}");
        }
        let text = "UPDATE persons SET userid_key = $2, userid_folded = $3 WHERE id = $1";
        sql!(&mut *conn, execute, text, id, &key, fold_userid(&userid))?;
    }
    Ok(())
}

/// The person of a client whose name this is, however it is written; of those whose names differed before they were folded, the one
/// that is written so, else the oldest.
pub(super) async fn find(conn: &mut Conn, client_id: i64, userid: &str) -> Result<Option<Person>, StoreError> {
    sql!(
        conn,
        optional as Person,
        person!(
            "WHERE client_id = $1 AND userid_folded = $2 ORDER BY CASE WHEN userid = $3 THEN 0 ELSE 1 END, id LIMIT 1"
        ),
        client_id,
        fold_userid(userid),
        userid,
    )
}

impl Store {
    /// The person of a client whose name this is, however it is written.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_person(&self, client_id: i64, userid: &str) -> Result<Option<Person>, StoreError> {
        find(&mut self.reader().await?, client_id, userid).await
    }

    /// Everybody whose name this is, of whichever client, the oldest first. For an operator, who may see every client.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_persons_named(&self, userid: &str) -> Result<Vec<Person>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, all as Person, person!("WHERE userid_folded = $1 ORDER BY id"), fold_userid(userid))
    }

    /// What those who may sign in with this name prove themselves by, whose password was set last first. Not those who are disabled, or
    /// whose client is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_passwords(&self, userid: &str) -> Result<Vec<PasswordRecord>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as PasswordRecord,
            "SELECT persons.id AS id, persons.client_id AS client_id, userid, password_hash FROM persons \
             JOIN clients ON clients.id = persons.client_id \
             WHERE userid_folded = $1 AND NOT persons.disabled AND NOT clients.disabled ORDER BY password_set_at DESC, persons.id",
            fold_userid(userid),
        )
    }

    /// A password's hash whose salt a new password of somebody of this name is to have: all of one name are checked by hashing once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_hash_of_name(&self, userid: &str) -> Result<Option<String>, StoreError> {
        let mut conn = self.reader().await?;
        let text = "SELECT password_hash FROM persons WHERE userid_folded = $1 AND password_hash IS NOT NULL ORDER BY id LIMIT 1";
        let found = sql!(&mut conn, optional as (String,), text, fold_userid(userid))?;
        Ok(found.map(|(hash,)| hash))
    }
}
