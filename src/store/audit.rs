//! Who did what: deeds, noted once and read by those who manage.

use super::row::row;
use super::{Page, Store, StoreError, sql};
use crate::clock::Millis;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub seq: i64,
    pub at: Millis,
    pub client_id: i64,
    pub userid: String,
    pub way: String,
    pub action: String,
    pub subject: String,
}

row!(Deed { seq, at, client_id, userid, way, action, subject });

/// By what a deed was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeedWay {
    Console,
    CommandLine,
    /// A linking page that a person shared: by somebody without a sign-in.
    SharedLink,
    /// Whoever had a pairing link: nobody is known by name.
    PairingLink,
    /// The number of an API key.
    Key(i64),
}

/// A deed to note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeed {
    pub at: Millis,
    /// Whose thing was changed.
    pub client_id: i64,
    pub userid: String,
    pub way: DeedWay,
    pub action: String,
    pub subject: String,
}

impl Store {
    /// Notes a deed.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn note_deed(&self, deed: NewDeed) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let way = match deed.way {
                    DeedWay::Console => "console".to_owned(),
                    DeedWay::CommandLine => "command line".to_owned(),
                    DeedWay::SharedLink => "shared link".to_owned(),
                    DeedWay::PairingLink => "pairing link".to_owned(),
                    DeedWay::Key(id) => format!("key {id}"),
                };
                sql!(
                    conn,
                    execute,
                    "INSERT INTO audit (at, client_id, userid, way, action, subject) VALUES ($1, $2, $3, $4, $5, $6)",
                    deed.at,
                    deed.client_id,
                    &deed.userid,
                    &way,
                    &deed.action,
                    &deed.subject,
                )
                .map(drop)
            })
        })
        .await
    }

    /// What was done to a client's things, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_deeds(&self, client_id: i64, page: Page) -> Result<Vec<Deed>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as Deed,
            "SELECT seq, at, client_id, userid, way, action, subject FROM audit \
             WHERE client_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
            client_id,
            page.before_or_max(),
            page.rows,
        )
    }

    /// Forgets what was done before a moment, up to `rows` deeds at once.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn forget_deeds(&self, before: Millis, rows: i64) -> Result<u64, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                // They were noted in the order of their numbers: the oldest come first.
                sql!(
                    conn,
                    execute,
                    "DELETE FROM audit WHERE at < $1 AND seq IN (SELECT seq FROM audit ORDER BY seq LIMIT $2)",
                    before,
                    rows,
                )
            })
        })
        .await
    }
}
