//! Browsers in which a person is signed in to the console.

use super::row::row;
use super::{Conn, Store, StoreError, accounts, sql};
use crate::account::{CONSOLE, Caller, Client, KeyHash, Person, Role};
use crate::clock::Millis;

/// A browser in which a person is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub id: i64,
    pub person_id: i64,
    /// Whose things are looked at.
    pub client_id: i64,
    /// What the browser says that it is.
    pub agent: String,
    pub created_at: Millis,
    pub last_seen_at: Millis,
    pub expires_at: Millis,
}

row!(SignIn { id, person_id, client_id, agent, created_at, last_seen_at, expires_at });

macro_rules! sign_in {
    ($rest:literal) => {
        concat!("SELECT id, person_id, client_id, agent, created_at, last_seen_at, expires_at FROM sign_ins ", $rest)
    };
}

/// A browser to remember.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    pub token: KeyHash,
    pub person_id: i64,
    pub client_id: i64,
    pub agent: String,
    pub created_at: Millis,
    pub expires_at: Millis,
}

/// Who is signed in, as he is now.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub sign_in: SignIn,
    /// The person, with the client whose things he looks at.
    pub caller: Caller,
    /// He has to choose a password first.
    pub password_given: bool,
}

impl Store {
    /// Remembers a browser, and forgets those of the person whose time is over, and the oldest beyond `most`.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn add_sign_in(&self, new: NewSignIn, most: i64) -> Result<(), StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    &mut *conn,
                    execute,
                    "DELETE FROM sign_ins WHERE person_id = $1 AND (expires_at <= $2 OR id <= (SELECT id FROM sign_ins \
                     WHERE person_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $3))",
                    new.person_id,
                    new.created_at,
                    most - 1,
                )?;
                sql!(
                    conn,
                    execute,
                    "INSERT INTO sign_ins (token, person_id, client_id, agent, created_at, last_seen_at, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $5, $6)",
                    &new.token.0[..],
                    new.person_id,
                    new.client_id,
                    &new.agent,
                    new.created_at,
                    new.expires_at,
                )
                .map(drop)
            })
        })
        .await
    }

    /// Who is signed in with this token, if his time is not over and he is not disabled. `idle_since` is the moment since
    /// which he must have been seen.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_signed_in(
        &self,
        token: &KeyHash,
        now: Millis,
        idle_since: Millis,
    ) -> Result<Option<SignedIn>, StoreError> {
        let mut conn = self.reader().await?;
        let sign_in = sql!(
            &mut conn,
            optional as SignIn,
            sign_in!("WHERE token = $1 AND expires_at > $2 AND last_seen_at > $3"),
            &token.0[..],
            now,
            idle_since,
        )?;
        let Some(sign_in) = sign_in else { return Ok(None) };
        let person = sql!(&mut conn, one as Person, accounts::person!("WHERE id = $1"), sign_in.person_id)?;
        let own = sql!(&mut conn, one as Client, accounts::client!("WHERE id = $1"), person.client_id)?;
        if person.disabled || own.disabled {
            return Ok(None);
        }
        // Who was an administrator when he chose another client, and is none any more, is back at his own.
        let client = match sign_in.client_id {
            id if id != own.id && person.role == Role::Administrator => {
                sql!(&mut conn, one as Client, accounts::client!("WHERE id = $1"), id)?
            }
            _ => own,
        };
        let password_given =
            sql!(&mut conn, scalar as bool, "SELECT password_given FROM persons WHERE id = $1", person.id)?;
        Ok(Some(SignedIn { sign_in, caller: Caller { key_id: CONSOLE, page: None, person, client }, password_given }))
    }

    /// A person's browsers, the last seen first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_sign_ins(&self, person_id: i64, now: Millis) -> Result<Vec<SignIn>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as SignIn,
            sign_in!("WHERE person_id = $1 AND expires_at > $2 ORDER BY last_seen_at DESC, id DESC"),
            person_id,
            now,
        )
    }

    /// Notes that a browser was seen.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn note_sign_in(&self, id: i64, now: Millis) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sql!(conn, execute, "UPDATE sign_ins SET last_seen_at = $2 WHERE id = $1", id, now).map(drop)
            })
        })
        .await
    }

    /// Lets a browser look at another client's things.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn look_at_client(&self, sign_in: i64, client_id: i64) -> Result<(), StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                sql!(conn, execute, "UPDATE sign_ins SET client_id = $2 WHERE id = $1", sign_in, client_id).map(drop)
            })
        })
        .await
    }

    /// Signs a person out of a browser. `false` when he is not signed in there.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn end_sign_in(&self, person_id: i64, id: i64) -> Result<bool, StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(conn, execute, "DELETE FROM sign_ins WHERE id = $1 AND person_id = $2", id, person_id)?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// Gives a person the password that he chose, and signs him out of every other browser.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn choose_password(
        &self,
        person_id: i64,
        hash: String,
        keep: i64,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    &mut *conn,
                    execute,
                    "UPDATE persons SET password_hash = $2, password_given = FALSE, password_set_at = $3 WHERE id = $1",
                    person_id,
                    &hash,
                    now,
                )?;
                end_sign_ins(conn, person_id, keep).await
            })
        })
        .await
    }
}

/// Signs a person out everywhere but in one browser.
pub(super) async fn end_sign_ins(conn: &mut Conn, person_id: i64, keep: i64) -> Result<(), StoreError> {
    sql!(conn, execute, "DELETE FROM sign_ins WHERE person_id = $1 AND id <> $2", person_id, keep).map(drop)
}
