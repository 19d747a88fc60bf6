//! Steps of messages: sent, delivered, read, aborted, tried again. States only move forward here, whatever is stored.

use std::sync::Arc;

use super::changes::check_owner;
use super::pacing::count_begun;
use super::{Conn, Lease, Store, StoreError, attempts, sql};
use crate::clock::Millis;
use crate::message::kind::MediaKind;
use crate::message::{RefNo, State};

/// A step forward of one message of a device that this node owns.
#[derive(Debug, Clone)]
pub struct Progress {
    pub ref_no: RefNo,
    pub device_id: String,
    /// The owner's epoch; a node that lost the device writes nothing.
    pub epoch: i64,
    pub step: Step,
}

/// Why a message that was tried, or whose media was, waits until a later moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitCode {
    /// Its media could not be downloaded yet.
    Media,
    /// An attempt to send it failed.
    Retry,
    /// WhatsApp asked for a slower pace.
    RateLimited,
    /// WhatsApp refuses first messages to people who have not written.
    NewContacts,
    /// It was handed to WhatsApp, whose acknowledgement is late.
    Acknowledgement,
}

impl WaitCode {
    /// As the store and the API name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Retry => "retry",
            Self::RateLimited => "rate_limited",
            Self::NewContacts => "new_contacts",
            // There is no code of its own for it.
            Self::Acknowledgement => "turn",
        }
    }
}

#[derive(Debug, Clone)]
pub enum Step {
    /// It is about to go to so many members of a group.
    Counted {
        members: i64,
    },
    Sent {
        at: Millis,
    },
    Delivered {
        at: Millis,
        member: Option<String>,
    },
    Read {
        at: Millis,
        member: Option<String>,
    },
    /// It was given up after so many attempts, the last of which failed.
    Aborted {
        at: Millis,
        reason: String,
        attempts: i64,
        /// The day in whose warm-up it was counted, when none of it has left.
        uncounted: Option<i64>,
    },
    /// The attempt of that number failed; the next one may begin at `due_at`.
    Retry {
        due_at: Millis,
        attempts: i64,
        /// Which failure it was, downloads of its file counted too.
        number: i64,
        at: Millis,
        reason: String,
        code: WaitCode,
    },
    /// It was handed to WhatsApp, and has not been acknowledged for a while; it is sent again at `until`.
    Unacknowledged {
        until: Millis,
    },
    /// Its attempt ended with the process that made it; it is sent again in its turn.
    Interrupted {
        at: Millis,
    },
    /// Its media could not be downloaded yet: later messages pass it until `due_at`.
    Aside {
        due_at: Millis,
        fetch_attempts: i64,
        /// The number of the failure and when it was; none when no download was tried.
        failed: Option<(i64, Millis)>,
        reason: String,
    },
    /// Its media was fetched and is on the shelf; it will be shown as that kind.
    Fetched {
        media_id: String,
        kind: MediaKind,
    },
}

/// What a step changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// What is stored was further already, or the device is another node's.
    Nothing,
    /// What is known of the message, but not its state.
    Row,
    State {
        from: State,
        to: State,
    },
}

impl Changed {
    fn row(rows: u64) -> Self {
        if rows == 0 { Self::Nothing } else { Self::Row }
    }
}

impl Store {
    /// Stores steps, in their order. A step that is behind what is stored already changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when the device is another node's, or nobody's any more; else when they could not be stored:
    /// then they may be stored again.
    pub async fn progress(&self, steps: Vec<Progress>) -> Result<(), StoreError> {
        self.move_on(steps).await.map(drop)
    }

    /// The same; gives what each step changed.
    pub(super) async fn move_on(&self, steps: Vec<Progress>) -> Result<Vec<Changed>, StoreError> {
        if steps.is_empty() { Ok(Vec::new()) } else { self.writer.progress(steps).await }
    }
}

/// Changes one message, if this node still owns its device. `$1` is the message, `$2` the device, `$3` the epoch.
macro_rules! step {
    ($conn:expr, $one:expr, $set:literal, $only:literal $(, $bind:expr)* $(,)?) => {
        sql!(
            &mut *$conn,
            execute,
            concat!(
                "UPDATE messages SET ",
                $set,
                " WHERE ref_no = $1 AND ",
                $only,
                " AND EXISTS (SELECT 1 FROM devices WHERE id = $2 AND id = messages.device_id AND lease_epoch = $3)"
            ),
            $one.ref_no.as_str(),
            &$one.device_id,
            $one.epoch,
            $($bind),*
        )
    };
}

/// Stores steps, one statement each (two more for a member of a group, one or two more for an attempt that failed and for a receipt
/// that comes out of turn); gives what each one changed, unit by unit.
///
/// # Errors
/// [`StoreError::NotOwner`] when a step's device is another node's, or nobody's any more; else when they could not be stored.
pub(super) async fn store(conn: &mut Conn, units: Vec<Arc<Vec<Progress>>>) -> Result<Vec<Vec<Changed>>, StoreError> {
    let mut changed = Vec::with_capacity(units.len());
    for steps in &units {
        let mut of_unit = Vec::with_capacity(steps.len());
        for one in steps.iter() {
            let change = store_step(conn, one).await?;
            // What changed something was written under the lease; only a step that changed nothing must ask.
            if change == Changed::Nothing {
                check_owner(conn, &Lease { device_id: one.device_id.clone(), epoch: one.epoch }).await?;
            }
            of_unit.push(change);
        }
        changed.push(of_unit);
    }
    Ok(changed)
}

/// Stores one step, if this node owns its device.
pub(super) async fn store_step(conn: &mut Conn, one: &Progress) -> Result<Changed, StoreError> {
    let rows = match &one.step {
        Step::Sent { at } => return reach(conn, one, State::Sent, *at).await,
        Step::Delivered { at, member: None } => return reach(conn, one, State::Delivered, *at).await,
        Step::Read { at, member: None } => return reach(conn, one, State::Read, *at).await,
        Step::Delivered { at, member: Some(member) } => return store_member(conn, one, member, *at, None).await,
        Step::Read { at, member: Some(member) } => return store_member(conn, one, member, *at, Some(*at)).await,
        Step::Aborted { at, reason, attempts, uncounted } => {
            return abort(conn, one, *at, reason, *attempts, *uncounted).await;
        }
        Step::Counted { members } => step!(conn, one, "members = $4", "status = 'Q'", members),
        Step::Retry { due_at, attempts, number, at, reason, code } => {
            let set = step!(
                conn,
                one,
                "due_at = $4, attempts = $5, under_way_at = NULL, wait_code = $6, wait_reason = $7",
                "status = 'Q'",
                due_at,
                attempts,
                code.name(),
                reason,
            )?;
            if set == 1 { attempts::note(conn, &one.ref_no, *number, *at, reason).await } else { Ok(set) }
        }
        Step::Unacknowledged { until } => step!(
            conn,
            one,
            "due_at = $4, wait_code = $5",
            "status = 'Q' AND under_way_at IS NOT NULL",
            until,
            WaitCode::Acknowledgement.name(),
        ),
        Step::Interrupted { at } => step!(
            conn,
            one,
            "under_way_at = NULL, due_at = $4, wait_code = NULL, wait_reason = NULL",
            "status = 'Q'",
            at,
        ),
        Step::Aside { due_at, fetch_attempts, failed, reason } => {
            store_aside(conn, one, *due_at, *fetch_attempts, *failed, reason).await
        }
        Step::Fetched { media_id, kind } => step!(
            conn,
            one,
            "media_id = $4, kind = $5, due_at = 0, wait_code = NULL, wait_reason = NULL",
            "status = 'Q'",
            media_id,
            kind.name(),
        ),
    };
    rows.map(Changed::row)
}

/// Gives up a message whose last attempt failed. One of which nothing has left leaves its place in the warm-up to another.
async fn abort(
    conn: &mut Conn,
    one: &Progress,
    at: Millis,
    reason: &str,
    attempts: i64,
    uncounted: Option<i64>,
) -> Result<Changed, StoreError> {
    let set = step!(
        conn,
        one,
        "status = 'A', aborted_at = $4, reason = $5, under_way_at = NULL",
        "status = 'Q'",
        at,
        reason,
    )?;
    if set == 0 {
        return Ok(Changed::Nothing);
    }
    if let Some(day) = uncounted {
        count_begun(conn, &one.device_id, day, -1).await?;
    }
    attempts::note(conn, &one.ref_no, attempts, at, reason).await?;
    Ok(Changed::State { from: State::Queue, to: State::Aborted })
}

/// Sets a message aside whose file is not there. What its own address answered stays its reason while that is not asked again.
async fn store_aside(
    conn: &mut Conn,
    one: &Progress,
    due_at: Millis,
    fetch_attempts: i64,
    failed: Option<(i64, Millis)>,
    reason: &str,
) -> Result<u64, StoreError> {
    let set = step!(
        conn,
        one,
        "due_at = $4, fetch_attempts = $5, wait_code = $6, \
         wait_reason = CASE WHEN fetch_attempts = $5 AND fetch_attempts > 0 THEN COALESCE(wait_reason, $7) ELSE $7 END",
        "status = 'Q'",
        due_at,
        fetch_attempts,
        WaitCode::Media.name(),
        reason,
    )?;
    match failed.filter(|_| set == 1) {
        Some((number, at)) => attempts::note(conn, &one.ref_no, number, at, reason).await,
        None => Ok(set),
    }
}

/// Moves a message forward to `state`, or leaves it where it is further already. A date that is not there yet is set, those
/// of the states before with it: what was read was delivered. Nearly every step comes in its turn, from the state just before.
async fn reach(conn: &mut Conn, one: &Progress, state: State, at: Millis) -> Result<Changed, StoreError> {
    let before: &[State] = match state {
        State::Read => &[State::Delivered, State::Sent, State::Queue],
        State::Delivered => &[State::Sent, State::Queue],
        _ => &[State::Queue],
    };
    for from in before.iter().copied() {
        let rows = step!(
            conn,
            one,
            "status = $4, sent_at = COALESCE(sent_at, $5), \
             delivered_at = CASE WHEN $4 IN ('D', 'R') THEN COALESCE(delivered_at, $5) ELSE delivered_at END, \
             read_at = CASE WHEN $4 = 'R' THEN COALESCE(read_at, $5) ELSE read_at END, \
             under_way_at = NULL",
            "status = $6",
            state.letter(),
            at,
            from.letter(),
        )?;
        if rows > 0 {
            return Ok(Changed::State { from, to: state });
        }
    }
    Ok(Changed::Nothing)
}

/// A receipt of one member of a group: the message is delivered, or read, when every member's has come.
async fn store_member(
    conn: &mut Conn,
    one: &Progress,
    member: &str,
    delivered_at: Millis,
    read_at: Option<Millis>,
) -> Result<Changed, StoreError> {
    let ref_no = one.ref_no.as_str();
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
        &one.device_id,
        one.epoch,
    )?;
    if stored == 0 {
        return Ok(Changed::Nothing);
    }
    let before = sql!(
        &mut *conn,
        optional as (String,),
        "UPDATE messages SET under_way_at = NULL, \
         delivered_count = (SELECT COUNT(*) FROM message_members WHERE ref_no = $1), \
         read_count = (SELECT COUNT(read_at) FROM message_members WHERE ref_no = $1) WHERE ref_no = $1 RETURNING status",
        ref_no,
    )?;
    let after = sql!(
        conn,
        optional as (String,),
        "UPDATE messages SET sent_at = COALESCE(sent_at, $2), \
         status = CASE WHEN status = 'R' OR read_count >= members THEN 'R' WHEN delivered_count >= members THEN 'D' \
         WHEN status = 'Q' THEN 'S' ELSE status END, \
         delivered_at = CASE WHEN delivered_count >= members THEN COALESCE(delivered_at, $2) ELSE delivered_at END, \
         read_at = CASE WHEN read_count >= members THEN COALESCE(read_at, $2) ELSE read_at END \
         WHERE ref_no = $1 AND status <> 'A' RETURNING status",
        ref_no,
        delivered_at,
    )?;
    let state = |found: Option<(String,)>| found.and_then(|(letter,)| State::from_letter(&letter));
    Ok(match state(before).zip(state(after)) {
        Some((from, to)) if from != to => Changed::State { from, to },
        _ => Changed::Row,
    })
}
