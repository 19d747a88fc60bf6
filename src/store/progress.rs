//! Steps of messages: sent, delivered, read, aborted, tried again. States only move forward here, whatever is stored.

use super::{Conn, Store, StoreError, sql};
use crate::clock::Millis;
use crate::message::RefNo;

/// A step forward of one message of a device that this node owns.
#[derive(Debug, Clone)]
pub struct Progress {
    pub ref_no: RefNo,
    pub device_id: String,
    /// The owner's epoch; a node that lost the device writes nothing.
    pub epoch: i64,
    pub step: Step,
}

#[derive(Debug, Clone)]
pub enum Step {
    Sent {
        at: Millis,
        members: Option<i64>,
    },
    Delivered {
        at: Millis,
        member: Option<String>,
    },
    Read {
        at: Millis,
        member: Option<String>,
    },
    Aborted {
        at: Millis,
        reason: String,
    },
    /// The attempt failed; the next one may begin at `due_at`.
    Retry {
        due_at: Millis,
        attempts: i64,
    },
    /// Its media was fetched and is on the shelf.
    Fetched {
        media_id: String,
    },
}

impl Store {
    /// Stores steps, in their order. A step that is behind what is stored already changes nothing.
    ///
    /// # Errors
    /// When they could not be stored; they may be stored again.
    pub async fn progress(&self, steps: Vec<Progress>) -> Result<(), StoreError> {
        if steps.is_empty() { Ok(()) } else { self.writer.progress(steps).await }
    }
}

/// Stores steps, one statement each (two for a member of a group).
pub(super) async fn store(conn: &mut Conn, steps: Vec<Progress>) -> Result<(), StoreError> {
    for Progress { ref_no, device_id, epoch, step } in steps {
        let ref_no = ref_no.as_str();
        let device = device_id.as_str();
        match step {
            Step::Sent { at, members } => sql!(
                &mut *conn,
                execute,
                "UPDATE messages SET status = CASE WHEN status = 'Q' THEN 'S' ELSE status END, \
                 sent_at = COALESCE(sent_at, $2), members = COALESCE($3, members), under_way_at = NULL \
                 WHERE ref_no = $1 AND status <> 'A' \
                 AND EXISTS (SELECT 1 FROM devices WHERE id = $4 AND id = messages.device_id AND lease_epoch = $5)",
                ref_no,
                at,
                members,
                device,
                epoch,
            ),
            Step::Delivered { at, member: None } => sql!(
                &mut *conn,
                execute,
                "UPDATE messages SET status = CASE WHEN status IN ('Q', 'S') THEN 'D' ELSE status END, \
                 sent_at = COALESCE(sent_at, $2), delivered_at = COALESCE(delivered_at, $2), under_way_at = NULL \
                 WHERE ref_no = $1 AND status <> 'A' \
                 AND EXISTS (SELECT 1 FROM devices WHERE id = $3 AND id = messages.device_id AND lease_epoch = $4)",
                ref_no,
                at,
                device,
                epoch,
            ),
            Step::Read { at, member: None } => sql!(
                &mut *conn,
                execute,
                "UPDATE messages SET status = 'R', sent_at = COALESCE(sent_at, $2), \
                 delivered_at = COALESCE(delivered_at, $2), read_at = COALESCE(read_at, $2), under_way_at = NULL \
                 WHERE ref_no = $1 AND status <> 'A' \
                 AND EXISTS (SELECT 1 FROM devices WHERE id = $3 AND id = messages.device_id AND lease_epoch = $4)",
                ref_no,
                at,
                device,
                epoch,
            ),
            Step::Delivered { at, member: Some(member) } => {
                store_member(conn, ref_no, device, epoch, &member, at, None).await
            }
            Step::Read { at, member: Some(member) } => {
                store_member(conn, ref_no, device, epoch, &member, at, Some(at)).await
            }
            Step::Aborted { at, reason } => sql!(
                &mut *conn,
                execute,
                "UPDATE messages SET status = 'A', aborted_at = $2, reason = $3, under_way_at = NULL \
                 WHERE ref_no = $1 AND status = 'Q' \
                 AND EXISTS (SELECT 1 FROM devices WHERE id = $4 AND id = messages.device_id AND lease_epoch = $5)",
                ref_no,
                at,
                reason,
                device,
                epoch,
            ),
            Step::Retry { due_at, attempts } => sql!(
                &mut *conn,
                execute,
                "UPDATE messages SET due_at = $2, attempts = $3, under_way_at = NULL WHERE ref_no = $1 AND status = 'Q' \
                 AND EXISTS (SELECT 1 FROM devices WHERE id = $4 AND id = messages.device_id AND lease_epoch = $5)",
                ref_no,
                due_at,
                attempts,
                device,
                epoch,
            ),
            Step::Fetched { media_id } => sql!(
                &mut *conn,
                execute,
                "UPDATE messages SET media_id = $2 WHERE ref_no = $1 \
                 AND EXISTS (SELECT 1 FROM devices WHERE id = $3 AND id = messages.device_id AND lease_epoch = $4)",
                ref_no,
                media_id,
                device,
                epoch,
            ),
        }?;
    }
    Ok(())
}

/// A receipt of one member of a group: the message is delivered, or read, when every member's has come.
async fn store_member(
    conn: &mut Conn,
    ref_no: &str,
    device_id: &str,
    epoch: i64,
    member: &str,
    delivered_at: Millis,
    read_at: Option<Millis>,
) -> Result<u64, StoreError> {
    let stored = sql!(
        &mut *conn,
        execute,
        "INSERT INTO message_members (ref_no, member, delivered_at, read_at) SELECT $1, $2, $3, $4 \
         WHERE EXISTS (SELECT 1 FROM messages JOIN devices ON devices.id = messages.device_id \
         WHERE messages.ref_no = $1 AND devices.id = $5 AND devices.lease_epoch = $6) \
         ON CONFLICT (ref_no, member) DO UPDATE SET read_at = COALESCE(message_members.read_at, excluded.read_at)",
        ref_no,
        member,
        delivered_at,
        read_at,
        device_id,
        epoch,
    )?;
    if stored == 0 {
        return Ok(0);
    }
    sql!(
        &mut *conn,
        execute,
        "UPDATE messages SET under_way_at = NULL, \
         delivered_count = (SELECT COUNT(*) FROM message_members WHERE ref_no = $1), \
         read_count = (SELECT COUNT(read_at) FROM message_members WHERE ref_no = $1) WHERE ref_no = $1",
        ref_no,
    )?;
    sql!(
        conn,
        execute,
        "UPDATE messages SET sent_at = COALESCE(sent_at, $2), \
         status = CASE WHEN status = 'R' OR read_count >= members THEN 'R' WHEN delivered_count >= members THEN 'D' \
         WHEN status = 'Q' THEN 'S' ELSE status END, \
         delivered_at = CASE WHEN delivered_count >= members THEN COALESCE(delivered_at, $2) ELSE delivered_at END, \
         read_at = CASE WHEN read_count >= members THEN COALESCE(read_at, $2) ELSE read_at END \
         WHERE ref_no = $1 AND status <> 'A'",
        ref_no,
        delivered_at,
    )
}
