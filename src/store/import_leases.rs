//! Whether an import is worked on, by whom, and how far it came: what people begin and stop, the leases of nodes, and the steps
//! that only their holder notes.

use super::imports::{StoredImport, import};
use super::row::row;
use super::{Conn, Store, StoreError, dialect, sql};
use crate::campaign::{Refused, State, Stop};
use crate::clock::Millis;
use crate::device::Kind;

/// The right of a node to work on an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportLease {
    pub import_id: String,
    pub epoch: i64,
}

row!(ImportLease { import_id, epoch });

/// How some rows of an import ended.
#[derive(Debug, Clone, Default)]
pub struct ImportStep {
    /// The place of the first row that is not dealt with.
    pub next_row: i64,
    pub accepted: i64,
    pub known: i64,
    pub refused: Vec<Refused>,
}

impl Store {
    /// Notes what was found at another look at the file of an import that is not begun.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn note_import_preview(&self, id: &str, preview: String) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(conn, execute, "UPDATE imports SET preview = $2 WHERE id = $1", &id, &preview).map(drop)
            })
        })
        .await
    }

    /// Has an import go on from the row where it is, for `person_id`, who decided that about rows that another import has sent. One
    /// that is under way or done stays as it is: `false`.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn begin_import(
        &self,
        id: &str,
        person_id: i64,
        sent_before: Option<&'static str>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE imports SET state = $2, person_id = $3, begun_at = $4, ended_at = NULL, reason = NULL, \
                     sent_before = $6, \
                     sandbox = EXISTS (SELECT 1 FROM devices WHERE devices.id = imports.device_id AND kind = $5) \
                     WHERE id = $1 AND state IN ('checked', 'stopped')",
                    &id,
                    State::Running.name(),
                    person_id,
                    now,
                    Kind::Sandbox.name(),
                    sent_before,
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }

    /// A person stops an import: whoever works on it ends with the rows that he has in hand. One that is not under way stays
    /// as it is.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn stop_import(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE imports SET state = $2, reason = $3, ended_at = $4, wait_reason = NULL WHERE id = $1 AND state = 'running'",
                    &id,
                    State::Stopped.name(),
                    Stop::Person.name(),
                    now,
                )
                .map(drop)
            })
        })
        .await
    }

    /// Whether an import waits for somebody to work on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_waiting_imports(&self, now: Millis) -> Result<bool, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as bool,
            concat!("SELECT EXISTS (SELECT 1 FROM imports AS waiting WHERE ", dialect::may_be_claimed!("$1"), ")"),
            now,
        )
    }

    /// Whether an import of another client waits for somebody to work on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_waiting_imports_beside(&self, client_id: i64, now: Millis) -> Result<bool, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as bool,
            concat!(
                "SELECT EXISTS (SELECT 1 FROM imports AS waiting WHERE waiting.client_id <> $2 AND ",
                dialect::may_be_claimed!("$1"),
                ")"
            ),
            now,
            client_id,
        )
    }

    /// Gives a lease back, so that others have their turn first.
    ///
    /// # Errors
    /// When it could not be stored: then it runs out by itself.
    pub async fn give_import_back(&self, lease: &ImportLease, now: Millis) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE imports SET lease_node = NULL, lease_until = $3 WHERE id = $1 AND lease_epoch = $2",
                    &lease.import_id,
                    lease.epoch,
                    now,
                )
                .map(drop)
            })
        })
        .await
    }

    /// Takes imports that wait, or whose node is gone, up to `most`, of as many clients: first of those that were served least lately. Each has a new epoch, so that its
    /// former node's notes do nothing.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn lease_imports(
        &self,
        node: &str,
        now: Millis,
        until: Millis,
        most: usize,
    ) -> Result<Vec<ImportLease>, StoreError> {
        let node = node.to_owned();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.write(move |conn| {
            Box::pin(async move {
                let text = dialect::claim_imports(conn);
                sql!(conn, all as ImportLease, text, &node, now, until, most)
            })
        })
        .await
    }

    /// The import that a lease is for.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when the lease is another's by now, or the import is gone.
    pub async fn find_leased_import(&self, lease: &ImportLease) -> Result<StoredImport, StoreError> {
        let mut conn = self.reader().await?;
        let found = sql!(
            &mut conn,
            optional as StoredImport,
            import!("imports.id = $1 AND lease_epoch = $2"),
            &lease.import_id,
            lease.epoch,
        )?;
        found.ok_or(StoreError::NotOwner)
    }

    /// Gives every lease of `node` back, so that another node, or this one after a restart, may take them at once.
    ///
    /// # Errors
    /// When it could not be stored: then they run out by themselves.
    pub async fn release_imports(&self, node: &str) -> Result<(), StoreError> {
        let node = node.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "UPDATE imports SET lease_node = NULL, lease_until = 0 WHERE lease_node = $1",
                    &node,
                )
                .map(drop)
            })
        })
        .await
    }

    /// Notes how some rows ended, and keeps the lease until `until`; gives the state that the import now has: somebody may
    /// have stopped it, and then its lease is given back.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when the lease is another's by now: then nothing is noted.
    pub async fn note_import(&self, lease: &ImportLease, step: ImportStep, until: Millis) -> Result<State, StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let state = sql!(
                    &mut *conn,
                    optional as (String,),
                    "UPDATE imports SET next_row = $3, accepted = accepted + $4, known = known + $5, \
                     batch_accepted = 0, wait_reason = NULL, lease_until = CASE WHEN state = 'running' THEN $6 ELSE 0 END \
                     WHERE id = $1 AND lease_epoch = $2 RETURNING state",
                    &lease.import_id,
                    lease.epoch,
                    step.next_row,
                    step.accepted,
                    step.known,
                    until,
                )?;
                let (state,) = state.ok_or(StoreError::NotOwner)?;
                refuse(conn, &lease.import_id, &step.refused).await?;
                State::try_from(state).map_err(|error| StoreError::Refused(error.to_string()))
            })
        })
        .await
    }

    /// Notes what the rows of an import wait for, and how many of the batch in hand were accepted; keeps the lease until `until`. Gives
    /// the state that the import now has.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when the lease is another's by now.
    pub async fn note_import_wait(
        &self,
        lease: &ImportLease,
        reason: String,
        batch_accepted: i64,
        until: Millis,
    ) -> Result<State, StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let state = sql!(
                    conn,
                    optional as (String,),
                    "UPDATE imports SET wait_reason = CASE WHEN state = 'running' THEN $3 END, \
                     batch_accepted = $5, lease_until = CASE WHEN state = 'running' THEN $4 ELSE 0 END \
                     WHERE id = $1 AND lease_epoch = $2 RETURNING state",
                    &lease.import_id,
                    lease.epoch,
                    &reason,
                    until,
                    batch_accepted,
                )?;
                let (state,) = state.ok_or(StoreError::NotOwner)?;
                State::try_from(state).map_err(|error| StoreError::Refused(error.to_string()))
            })
        })
        .await
    }

    /// Ends an import: done, or stopped for a reason.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when the lease is another's by now.
    pub async fn end_import(&self, lease: &ImportLease, stop: Option<Stop>, now: Millis) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let state = if stop.is_some() { State::Stopped } else { State::Done };
                let rows = sql!(
                    conn,
                    execute,
                    "UPDATE imports SET state = $3, reason = $4, ended_at = $5, lease_until = $5, wait_reason = NULL \
                     WHERE id = $1 AND lease_epoch = $2 AND state = 'running'",
                    &lease.import_id,
                    lease.epoch,
                    state.name(),
                    stop.map(Stop::name),
                    now,
                )?;
                if rows == 1 { Ok(()) } else { Err(StoreError::NotOwner) }
            })
        })
        .await
    }
}

/// Notes refused rows, and counts those that were not noted before.
pub(super) async fn refuse(conn: &mut Conn, id: &str, refused: &[Refused]) -> Result<(), StoreError> {
    let mut count = 0;
    for row in refused {
        let rows = sql!(
            &mut *conn,
            execute,
            "INSERT INTO import_refusals (import_id, place, line, destination, reason) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (import_id, place) DO NOTHING",
            id,
            row.place,
            row.line,
            &row.destination,
            &row.reason,
        )?;
        count += i64::try_from(rows).unwrap_or(0);
    }
    if count > 0 {
        sql!(conn, execute, "UPDATE imports SET refused = refused + $2 WHERE id = $1", id, count)?;
    }
    Ok(())
}
