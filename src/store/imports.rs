//! Imports of CSV files: what is known of each, and its refused rows.

use super::import_leases::refuse;
use super::row::row;
use super::{Page, Store, StoreError, sql};
use crate::campaign::{Refused, State};
use crate::clock::Millis;
use crate::device::Kind;
use crate::message::Priority;

/// A file to import, before it is read.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// Also the file's name on the shelf.
    pub id: String,
    pub client_id: i64,
    pub person_id: i64,
    pub device_id: String,
    pub file_name: String,
    pub campaign: String,
    /// The campaign's other names, as JSON.
    pub former_names: String,
    pub country_code: String,
    /// The beginnings of the first rows, as JSON.
    pub preview: String,
    pub row_count: i64,
    pub created_at: Millis,
    /// What each of its messages is given.
    pub priority: Priority,
    pub tag: Option<String>,
}

/// An import as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImport {
    pub seq: i64,
    pub id: String,
    pub client_id: i64,
    pub person_id: i64,
    /// The name of who wants it.
    pub userid: String,
    pub device_id: String,
    pub file_name: String,
    pub campaign: String,
    /// The campaign's other names, as JSON; an import of an earlier version has none.
    pub former_names: Option<String>,
    pub country_code: String,
    pub state: State,
    /// Why it stopped: a [`Stop`] by its name.
    pub reason: Option<String>,
    /// What its rows wait for, in words; none while they are being queued.
    pub wait_reason: Option<String>,
    pub preview: String,
    pub row_count: i64,
    pub next_row: i64,
    pub accepted: i64,
    /// Those of them that lie behind `next_row`, while others of their batch wait for room.
    pub batch_accepted: i64,
    pub known: i64,
    pub refused: i64,
    pub created_at: Millis,
    pub begun_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    pub priority: Priority,
    pub tag: Option<String>,
    /// Whether its device was a sandbox when it was given, or last begun.
    pub sandbox: bool,
    /// What its person decided about rows that another import has sent, by its name.
    pub sent_before: Option<String>,
}

row!(StoredImport {
    seq,
    id,
    client_id,
    person_id,
    userid,
    device_id,
    file_name,
    campaign,
    former_names,
    country_code,
    state: String,
    reason,
    wait_reason,
    preview,
    row_count,
    next_row,
    accepted,
    batch_accepted,
    known,
    refused,
    created_at,
    begun_at,
    ended_at,
    priority: i64,
    tag,
    sandbox,
    sent_before
});

row!(Refused { place, line, destination, reason });

macro_rules! import {
    ($rest:literal) => {
        concat!(
            "SELECT seq, imports.id AS id, imports.client_id AS client_id, person_id, userid, device_id, file_name, \
             campaign, former_names, country_code, state, reason, wait_reason, preview, row_count, next_row, \
             accepted + batch_accepted AS accepted, batch_accepted, known, refused, imports.created_at AS created_at, begun_at, ended_at, priority, tag, sandbox, sent_before \
             FROM imports \
             JOIN persons ON persons.id = imports.person_id WHERE ",
            $rest
        )
    };
}

pub(super) use import;

impl Store {
    /// Notes a file that is going to be read: from now on it is forgotten with its row, whatever happens.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn add_import(&self, new: NewImport) -> Result<(), StoreError> {
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO imports (id, client_id, person_id, device_id, file_name, campaign, country_code, state, \
                     preview, row_count, created_at, priority, tag, former_names, sandbox) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
                     EXISTS (SELECT 1 FROM devices WHERE id = $4 AND kind = $15))",
                    &new.id,
                    new.client_id,
                    new.person_id,
                    &new.device_id,
                    &new.file_name,
                    &new.campaign,
                    &new.country_code,
                    State::Reading.name(),
                    &new.preview,
                    new.row_count,
                    new.created_at,
                    new.priority.number(),
                    &new.tag,
                    &new.former_names,
                    Kind::Sandbox.name(),
                )
                .map(drop)
            })
        })
        .await
    }

    /// Notes rows that the check refused.
    ///
    /// # Errors
    /// When they could not be stored.
    pub async fn refuse_import_rows(&self, id: &str, refused: Vec<Refused>) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| Box::pin(async move { refuse(conn, &id, &refused).await.map(drop) })).await
    }

    /// An import is read: it may be begun.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn end_import_check(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE imports SET state = $2 WHERE id = $1 AND state = $3",
                    &id,
                    State::Checked.name(),
                    State::Reading.name(),
                )
                .map(drop)
            })
        })
        .await
    }

    /// An import of a client; of one person's, where `person_id` says so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_import(
        &self,
        client_id: i64,
        person_id: Option<i64>,
        id: &str,
    ) -> Result<Option<StoredImport>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as StoredImport,
            import!(
                "imports.id = $1 AND imports.client_id = $2 AND ($3 IS NULL OR person_id = $3) AND state <> 'reading'"
            ),
            id,
            client_id,
            person_id,
        )
    }

    /// A client's imports, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_imports(
        &self,
        client_id: i64,
        person_id: Option<i64>,
        page: Page,
    ) -> Result<Vec<StoredImport>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as StoredImport,
            import!(
                "imports.client_id = $1 AND ($2 IS NULL OR person_id = $2) AND seq < $3 AND state <> 'reading' \
                 ORDER BY seq DESC LIMIT $4"
            ),
            client_id,
            person_id,
            page.before_or_max(),
            page.rows,
        )
    }

    /// The refused rows of an import in the order of the file, behind the one in place `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_refusals(&self, id: &str, after: i64, rows: i64) -> Result<Vec<Refused>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as Refused,
            "SELECT place, line, destination, reason FROM import_refusals WHERE import_id = $1 AND place > $2 \
             ORDER BY place LIMIT $3",
            id,
            after,
            rows,
        )
    }

    /// Has an import that is not under way never begin again: from now on nobody sees it, as while it was read. `false` when it is
    /// under way.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn retire_import(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE imports SET state = $2, lease_epoch = lease_epoch + 1 WHERE id = $1 AND state <> $3",
                    &id,
                    State::Reading.name(),
                    State::Running.name(),
                )?;
                Ok(rows > 0)
            })
        })
        .await
    }

    /// Forgets an import that is not under way. `false` when it is. Its file has to go first, and it is retired before that.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn forget_import(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                // The row is locked before what hangs on it: whoever works on it adds nothing more.
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE imports SET lease_epoch = lease_epoch + 1 WHERE id = $1 AND state <> 'running'",
                    &id,
                )?;
                if rows == 0 {
                    return Ok(false);
                }
                sql!(&mut *conn, execute, "DELETE FROM import_refusals WHERE import_id = $1", &id)?;
                sql!(conn, execute, "DELETE FROM imports WHERE id = $1", &id)?;
                Ok(true)
            })
        })
        .await
    }

    /// Imports of a client that are kept, and the oldest of them that is not under way.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_imports(&self, client_id: i64) -> Result<(i64, Option<String>), StoreError> {
        let mut conn = self.reader().await?;
        let count = sql!(&mut conn, scalar as i64, "SELECT COUNT(*) FROM imports WHERE client_id = $1", client_id)?;
        let oldest = sql!(
            &mut conn,
            optional as (String,),
            "SELECT id FROM imports WHERE client_id = $1 AND state NOT IN ('running', 'reading') ORDER BY seq LIMIT 1",
            client_id,
        )?;
        Ok((count, oldest.map(|(id,)| id)))
    }

    /// Imports that nobody needs any more: that ended, or were only looked at, before `kept_since`, and those whose reading
    /// broke off before `read_since`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_old_imports(
        &self,
        kept_since: Millis,
        read_since: Millis,
        rows: i64,
    ) -> Result<Vec<String>, StoreError> {
        let mut conn = self.reader().await?;
        let found = sql!(
            &mut conn,
            all as (String,),
            "SELECT id FROM imports WHERE (state <> 'running' AND COALESCE(ended_at, created_at) < $1) \
             OR (state = 'reading' AND created_at < $2) ORDER BY seq LIMIT $3",
            kept_since,
            read_since,
            rows,
        )?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }
}
