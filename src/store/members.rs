//! Which members of a group have a message, and have read it. Written with the receipts (`progress.rs`).

use super::row::row;
use super::{Store, StoreError, sql};
use crate::clock::Millis;
use crate::limits;
use crate::message::RefNo;

/// What is known of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberReceipt {
    pub member: String,
    pub delivered_at: Option<Millis>,
    pub read_at: Option<Millis>,
}

row!(MemberReceipt { member, delivered_at, read_at });

impl Store {
    /// The members of a group whose receipts have come.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_member_receipts(&self, ref_no: &RefNo) -> Result<Vec<MemberReceipt>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            all as MemberReceipt,
            "SELECT member, delivered_at, read_at FROM message_members WHERE ref_no = $1 ORDER BY member LIMIT $2",
            ref_no.as_str(),
            limits::MEMBERS_SHOWN_MAX,
        )
    }
}
