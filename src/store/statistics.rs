//! What a client's statistics are counted from. Called by `api/statistics.rs`, which asks seldom: the whole table is read.

use std::ops::Range;

use super::row::row;
use super::{Store, StoreError, sql};
use crate::clock::Millis;

/// In which hour something happened, counted from 1970: of what is older than the hours wanted, the first hour of its day.
macro_rules! hour {
    ($column:literal) => {
        concat!(
            "CASE WHEN ",
            $column,
            " >= $2 THEN ",
            $column,
            " / 3600000 WHEN ",
            $column,
            " >= $3 THEN ",
            $column,
            " / 86400000 * 24 END AS ",
            $column
        )
    };
}

/// Messages to which the same happened in the same hours. An hour is `None` when it did not happen, or long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// As stored.
    pub status: String,
    /// Whether a sandbox handled them.
    pub sandbox: bool,
    pub created_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub delivered_at: Option<i64>,
    pub read_at: Option<i64>,
    pub aborted_at: Option<i64>,
    pub messages: i64,
}

row!(Tally { status, sandbox, created_at, sent_at, delivered_at, read_at, aborted_at, messages });

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPush {
    pub inbound_id: String,
    /// Since when it is tried.
    pub first_at: Millis,
    pub attempts: i64,
}

row!(WaitingPush { inbound_id, first_at, attempts });

impl Store {
    /// A client's messages by state, by whether a sandbox handled them, and by when what happened to them: by hour from `hours_from`, before that by day from
    /// `days_from`. Of those messages with the numbers `seqs` alone: who wants all asks piece by piece, so that nobody waits for
    /// long behind it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tally_messages(
        &self,
        client_id: i64,
        hours_from: Millis,
        days_from: Millis,
        seqs: Range<i64>,
    ) -> Result<Vec<Tally>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as Tally,
            concat!(
                "SELECT status, sandbox, ",
                hour!("created_at"),
                ", ",
                hour!("sent_at"),
                ", ",
                hour!("delivered_at"),
                ", ",
                hour!("read_at"),
                ", ",
                hour!("aborted_at"),
                ", COUNT(*) AS messages FROM messages WHERE client_id = $1 AND seq >= $4 AND seq < $5 \
                 GROUP BY 1, 2, 3, 4, 5, 6, 7"
            ),
            client_id,
            hours_from,
            days_from,
            seqs.start,
            seqs.end,
        )
    }

    /// The number that the next message will have, or a lower one that no message has yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_end_of_messages(&self) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        sql!(&mut conn, scalar as i64, "SELECT COALESCE(MAX(seq), 0) + 1 FROM messages")
    }

    /// How many messages wait, for each device of a client that has any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_waiting_of(&self, client_id: i64) -> Result<Vec<(String, i64)>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as (String, i64),
            "SELECT device_id, COUNT(*) FROM messages WHERE status = 'Q' AND device_id IN \
             (SELECT id FROM devices WHERE client_id = $1) GROUP BY device_id ORDER BY device_id",
            client_id,
        )
    }

    /// How many deliveries of a client wait, and the one that has waited for the longest time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_waiting_pushes(&self, client_id: i64) -> Result<(i64, Option<WaitingPush>), StoreError> {
        let mut conn = self.reader().await?;
        let waiting = sql!(
            &mut conn,
            scalar as i64,
            "SELECT COUNT(*) FROM pushes WHERE client_id = $1 AND status = 'due'",
            client_id,
        )?;
        let oldest = sql!(
            &mut conn,
            optional as WaitingPush,
            "SELECT inbound_id, first_at, attempts FROM pushes WHERE client_id = $1 AND status = 'due' \
             ORDER BY first_at, inbound_id LIMIT 1",
            client_id,
        )?;
        Ok((waiting, oldest))
    }
}
