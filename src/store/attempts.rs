//! Attempts that failed, of messages that were tried again or given up. Written where a step of a message says so, and
//! nowhere else: a message that leaves at its first attempt costs nothing here.

use super::row::row;
use super::{Conn, Store, StoreError, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::RefNo;

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// From 1; a fetch of the message's file counts too.
    pub number: i64,
    pub at: Millis,
    pub reason: String,
}

row!(FailedAttempt { number, at, reason });

impl Store {
    /// The latest attempts at a message that failed, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_failed_attempts(&self, ref_no: &RefNo) -> Result<Vec<FailedAttempt>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as FailedAttempt,
            "SELECT number, at, reason FROM message_attempts WHERE ref_no = $1 ORDER BY number",
            ref_no.as_str(),
        )
    }
}

/// Notes an attempt that failed; the same one again changes nothing but its time. The oldest gives way.
pub(super) async fn note(
    conn: &mut Conn,
    ref_no: &RefNo,
    number: i64,
    at: Millis,
    reason: &str,
) -> Result<u64, StoreError> {
    if number > limits::ATTEMPTS_KEPT_MAX {
        sql!(
            &mut *conn,
            execute,
            "DELETE FROM message_attempts WHERE ref_no = $1 AND number <= $2",
            ref_no.as_str(),
            number - limits::ATTEMPTS_KEPT_MAX,
        )?;
    }
    sql!(
        conn,
        execute,
        "INSERT INTO message_attempts (ref_no, number, at, reason) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (ref_no, number) DO UPDATE SET at = excluded.at, reason = excluded.reason",
        ref_no.as_str(),
        number,
        at,
        reason,
    )
}
