//! Files of messages that came in, which are downloaded after the message is stored. Its push waits a minute for the file; when
//! it comes later, or not at all, the message is pushed again.

use super::row::row;
use super::{Conn, Lease, Store, StoreError, sql};
use crate::clock::Millis;

/// A file that is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueFile {
    pub inbound_id: String,
    pub client_id: i64,
    /// How the channel has it, sealed.
    pub reference: Vec<u8>,
    pub file_name: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When the message came in.
    pub received_at: Millis,
}

row!(DueFile { inbound_id, client_id, reference, file_name, attempts, received_at });

/// How a try to have a file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEnd {
    /// It is on the shelf under this id.
    Had { media_id: String },
    /// To be tried again then.
    Again { due_at: Millis },
    /// It will not be had; the message says so.
    Lost { reason: String },
}

impl Store {
    /// Files of a device's messages that are due, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_due_files(&self, device_id: &str, now: Millis, rows: i64) -> Result<Vec<DueFile>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as DueFile,
            "SELECT id AS inbound_id, client_id, file_ref AS reference, file_name, file_attempts AS attempts, received_at \
             FROM inbound WHERE device_id = $1 AND file_due_at IS NOT NULL AND file_due_at <= $2 AND file_ref IS NOT NULL \
             ORDER BY file_due_at LIMIT $3",
            device_id,
            now,
            rows,
        )
    }

    /// Stores how a try to have a file ended, if this node still owns the device; where it was the last, the message is pushed
    /// at once, also when it was pushed already without its file.
    ///
    /// # Errors
    /// When it could not be stored: then the file is had again.
    pub async fn end_file(&self, lease: &Lease, inbound_id: &str, end: FileEnd, now: Millis) -> Result<(), StoreError> {
        let (lease, inbound_id) = (lease.clone(), inbound_id.to_owned());
        self.write(move |conn| Box::pin(async move { end_file(conn, &lease, &inbound_id, &end, now).await })).await
    }
}

/// Stores how a try to have a file ended.
pub(super) async fn end_file(
    conn: &mut Conn,
    lease: &Lease,
    inbound_id: &str,
    end: &FileEnd,
    now: Millis,
) -> Result<(), StoreError> {
    let (due_at, media_id, said) = match end {
        FileEnd::Had { media_id } => (None, Some(media_id), None),
        FileEnd::Again { due_at } => (Some(*due_at), None, None),
        FileEnd::Lost { reason } => (None, None, Some(format!(" [its file is not there: {reason}]"))),
    };
    let rows = sql!(
        &mut *conn,
        execute,
        "UPDATE inbound SET file_attempts = file_attempts + 1, file_due_at = $3, media_id = $4, \
         body = body || COALESCE($5, ''), file_ref = CASE WHEN CAST($3 AS BIGINT) IS NULL THEN NULL ELSE file_ref END \
         WHERE id = $1 AND EXISTS (SELECT 1 FROM devices WHERE id = inbound.device_id AND lease_epoch = $2)",
        inbound_id,
        lease.epoch,
        due_at,
        media_id,
        &said,
    )?;
    if rows == 1 && due_at.is_none() {
        sql!(
            conn,
            execute,
            "UPDATE pushes SET status = 'due', attempts = 0, first_at = $2, due_at = $2, done_at = NULL, \
             revision = revision + 1 WHERE inbound_id = $1",
            inbound_id,
            now,
        )?;
    }
    Ok(())
}
