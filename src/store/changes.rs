//! What a batch of a device's events changes: receipts, messages that came in, files, the device's state, its link. All of it
//! is stored in one transaction, or nothing: whoever waits to be told that his event is stored is told after the commit.

use std::sync::Arc;

use super::health::{self, set_health};
use super::inbound::add;
use super::inbound_files::end_file;
use super::link_ends::{add_may_be_listed, end_link, end_refusal};
use super::links::show_link;
use super::progress::Changed;
use super::{
    Conn, FileEnd, Lease, LinkEnd, NewInbound, NewUnreadable, PasskeyRequest, Progress, ShownCode, Step, Store,
    StoreError, dialect, passkeys, progress, sql, unreadable,
};
use crate::clock::Millis;
use crate::device::Health;
use crate::message::{RefNo, State};

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    /// A step of one of the device's messages.
    Step { ref_no: RefNo, step: Step },
    /// A message came in.
    Inbound(Box<NewInbound>),
    /// A message came in that could not be decrypted.
    Unreadable(Box<NewUnreadable>),
    /// A message was read that shows nobody anything.
    Silent { whatsapp_id: String, originator: String, hidden: Option<String> },
    /// A try to download a file ended.
    File { inbound_id: String, end: FileEnd, at: Millis },
    /// The device entered a state.
    State { health: Health, at: Millis },
    /// A code to link an account, sealed.
    LinkCode { attempt: Millis, code: ShownCode, at: Millis },
    /// WhatsApp asks for the account's passkey.
    Passkey { attempt: Millis, request: PasskeyRequest },
    /// A link began, failed or ended.
    Link { end: LinkEnd, at: Millis },
    /// WhatsApp did not confirm that the link ended.
    MayBeListed { at: Millis },
    /// The account that was refused is removed at WhatsApp, as far as it can be.
    Removed { attempt: Option<Millis> },
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    /// A step has moved its message from one state to another.
    Moved {
        from: State,
        to: State,
    },
    /// The message that came in is stored already; or too many cannot be read.
    Repeated,
    /// The account that was linked may not be this device's: it has the number of another device, or not this one's, and the link is
    /// stored as failed; or the attempt is over, and nothing is stored.
    NotLinked,
}

impl From<Changed> for Outcome {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Nothing | Changed::Row => Self::Stored,
            Changed::State { from, to } => Self::Moved { from, to },
        }
    }
}

impl Store {
    /// Stores a batch of changes of one device, in their order and in one transaction; gives one outcome each.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when another node has the device, or nobody any more; else when they could not be stored. Then
    /// none of them is.
    pub async fn record(&self, lease: &Lease, changes: Arc<Vec<Change>>) -> Result<Vec<Outcome>, StoreError> {
        let of = |ref_no: &RefNo, step: &Step| Progress {
            ref_no: ref_no.clone(),
            device_id: lease.device_id.clone(),
            epoch: lease.epoch,
            step: step.clone(),
        };
        let steps: Option<Vec<Progress>> = changes
            .iter()
            .map(|change| if let Change::Step { ref_no, step } = change { Some(of(ref_no, step)) } else { None })
            .collect();
        // Steps alone, which is what most batches are, share a savepoint with those of other devices.
        if let Some(steps) = steps {
            let changed = self.move_on(steps).await?;
            return Ok(changed.into_iter().map(Outcome::from).collect());
        }
        let lease = lease.clone();
        self.write(move |conn| Box::pin(async move { store(conn, &lease, &changes).await })).await
    }
}

async fn store(conn: &mut Conn, lease: &Lease, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
    check_owner(conn, lease).await?;
    if changes.iter().any(|change| {
        matches!(
            change,
            Change::LinkCode { .. }
                | Change::Passkey { .. }
                | Change::Link { .. }
                | Change::MayBeListed { .. }
                | Change::Removed { .. }
        )
    }) {
        lock_device(conn, lease).await?;
    }
    if changes.iter().any(|change| matches!(change, Change::Inbound(_))) {
        // Before any row is locked, so that two transactions cannot wait for each other.
        dialect::lock_conversations(conn).await?;
    }
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        outcomes.push(store_one(conn, lease, change).await?);
    }
    Ok(outcomes)
}

async fn store_one(conn: &mut Conn, lease: &Lease, change: &Change) -> Result<Outcome, StoreError> {
    match change {
        Change::Step { ref_no, step } => {
            let Lease { device_id, epoch } = lease.clone();
            let (ref_no, step) = (ref_no.clone(), step.clone());
            let changed = progress::store_step(conn, &Progress { ref_no, device_id, epoch, step }).await?;
            return Ok(changed.into());
        }
        Change::Inbound(new) => {
            let is_new = add(conn, new).await?;
            return Ok(if is_new { Outcome::Stored } else { Outcome::Repeated });
        }
        Change::Unreadable(new) => {
            let is_noted = unreadable::add(conn, lease, new).await?;
            return Ok(if is_noted { Outcome::Stored } else { Outcome::Repeated });
        }
        Change::Silent { whatsapp_id, originator, hidden } => {
            unreadable::settle(conn, &lease.device_id, whatsapp_id, originator, hidden).await?;
        }
        Change::File { inbound_id, end, at } => end_file(conn, lease, inbound_id, end, *at).await?,
        Change::State { health, at } => drop(set_health(conn, lease, health, *at).await?),
        Change::LinkCode { attempt, code, at } => show_link(conn, lease, *attempt, code, *at).await?,
        Change::Passkey { attempt, request } => passkeys::request(conn, lease, *attempt, request).await?,
        Change::MayBeListed { at } => add_may_be_listed(conn, lease, *at).await?,
        Change::Removed { attempt } => end_refusal(conn, lease, *attempt).await?,
        Change::Link { end, at } => match end_link(conn, lease, end, *at).await {
            // Nothing was written yet.
            Err(StoreError::Exists) => {
                let reason = number_taken(conn, lease, end).await?;
                end_link(conn, lease, &LinkEnd::Refused { reason }, *at).await?;
                return Ok(Outcome::NotLinked);
            }
            Err(StoreError::OtherNumber { expected }) => {
                let reason = other_number(end, &expected);
                end_link(conn, lease, &LinkEnd::Refused { reason }, *at).await?;
                return Ok(Outcome::NotLinked);
            }
            Err(StoreError::Superseded) => return Ok(Outcome::NotLinked),
            ended => ended?,
        },
    }
    Ok(Outcome::Stored)
}

/// Why an account is not linked whose number another device has. Only a device of the same client is named.
async fn number_taken(conn: &mut Conn, lease: &Lease, end: &LinkEnd) -> Result<String, StoreError> {
    let own = sql!(
        conn,
        optional as (String, String),
        "SELECT other.id, other.name FROM devices other JOIN devices own ON own.client_id = other.client_id \
         WHERE own.id = $1 AND other.id <> $1 AND other.sender = $2 AND other.removed_at IS NULL",
        &lease.device_id,
        number_of(end),
    )?;
    Ok(match own {
        Some((id, name)) => format!(
            "the number of the phone that was used belongs to another device of this gateway already; remove that device first ({id} '{name}'), or link \
             another phone"
        ),
        None => "the number of the phone that was used belongs to another device of this gateway already; remove that device first, or link another \
                 phone"
            .to_owned(),
    })
}

fn number_of(end: &LinkEnd) -> &str {
    if let LinkEnd::Linked { number, .. } | LinkEnd::Paired { number, .. } = end { number } else { "" }
}

/// Why an account is not linked whose number is not the device's.
fn other_number(end: &LinkEnd, expected: &str) -> String {
    let number = number_of(end);
    format!(
        "the phone that was used has the number {number}, but this device's number is {expected}, which programs send from; \
         link the phone of {expected}, or unlink this device first to give it another number"
    )
}

/// Locks the device's row before that of its link, as whoever wishes for a link does: so that two transactions cannot wait for
/// each other.
async fn lock_device(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    sql!(conn, execute, "UPDATE devices SET lease_epoch = lease_epoch WHERE id = $1", &lease.device_id).map(drop)
}

/// Fails when this node does not own the device any more.
pub(super) async fn check_owner(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    let owned = sql!(
        conn,
        optional as (i64,),
        "SELECT lease_epoch FROM devices WHERE id = $1 AND lease_epoch = $2 AND removed_at IS NULL",
        &lease.device_id,
        lease.epoch,
    )?;
    owned.map(drop).ok_or(StoreError::NotOwner)
}

impl Store {
    /// Notes that the loop of a device ended by a fault and is started again, under a new epoch: whatever the former one left
    /// behind writes nothing more. Gives the new lease; `None` when this node does not own the device any more.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn renew_epoch(&self, lease: &Lease, health: Health, now: Millis) -> Result<Option<Lease>, StoreError> {
        let lease = lease.clone();
        self.write(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    &mut *conn,
                    execute,
                    "UPDATE devices SET lease_epoch = lease_epoch + 1, state = $3, state_reason = $4, state_until = $5 \
                     WHERE id = $1 AND lease_epoch = $2 AND removed_at IS NULL",
                    &lease.device_id,
                    lease.epoch,
                    health.state.name(),
                    &health.reason,
                    health.until,
                )?;
                if rows == 0 {
                    return Ok(None);
                }
                health::note(conn, &lease.device_id, health.state.name(), &health.reason, now).await?;
                Ok(Some(Lease { epoch: lease.epoch + 1, ..lease }))
            })
        })
        .await
    }
}
