//! Going live: a sandbox becomes a web device under the same id, in one transaction. What waited in the sandbox is never sent.

use super::devices::{device, insert, take_away};
use super::links::store_wish;
use super::{Conn, NewDevice, Store, StoreError, sql};
use crate::campaign::{State, Stop};
use crate::clock::Millis;
use crate::device::{Device, FIRST_SENDER, Kind, LinkWay, Wish};

/// A device to take out of its trial.
#[derive(Debug, Clone)]
pub struct GoLive {
    pub device_id: String,
    /// Whether it begins with few messages a day.
    pub warm_up: WarmUp,
    pub way: LinkWay,
    pub now: Millis,
}

/// Whether a device sends few messages a day at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarmUp {
    On,
    Off,
}

/// How going live ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WentLive {
    /// It is a web device that an account is to be linked to.
    Linking { aborted: u64, stopped_imports: u64 },
    /// There is no such device.
    Missing,
    /// An account is linked to it already.
    AlreadyLive,
    /// No phone's account is linked to devices of its kind.
    OtherKind,
    /// It is the sandbox of the first start, whose number is nobody's.
    Example,
}

/// Why what waited in a trial is aborted.
const TRIAL_ENDED: &str =
    "it was accepted by a sandbox, whose trial ended before the message was played; nothing of it was sent";

impl Store {
    /// Makes a sandbox device a web device under the same id and number, to which an account is to be linked. What waited in
    /// the sandbox is aborted, and its imports stop. A web device without an account is only linked.
    ///
    /// # Errors
    /// When it could not be stored: then nothing was.
    pub async fn go_live(&self, step: GoLive) -> Result<WentLive, StoreError> {
        self.write(move |conn| Box::pin(async move { go_live(conn, &step).await })).await
    }
}

async fn go_live(conn: &mut Conn, step: &GoLive) -> Result<WentLive, StoreError> {
    let found = sql!(&mut *conn, optional as Device, device!(" AND id = $1"), &step.device_id)?;
    let Some(known) = found else { return Ok(WentLive::Missing) };
    let ended = match known.kind {
        Kind::Web if known.has_account() => return Ok(WentLive::AlreadyLive),
        Kind::Web => WentLive::Linking { aborted: 0, stopped_imports: 0 },
        Kind::Sandbox if known.sender == FIRST_SENDER => return Ok(WentLive::Example),
        Kind::Sandbox => switch(conn, &known, step.now).await?,
        Kind::Cloud => return Ok(WentLive::OtherKind),
    };
    sql!(
        &mut *conn,
        execute,
        "UPDATE devices SET warm_up = $2 WHERE id = $1",
        &step.device_id,
        step.warm_up == WarmUp::On,
    )?;
    // A loop takes a wish for a new one by its time.
    let at = step.now.max(known.wish_at + 1);
    store_wish(conn, &step.device_id, &Wish::Link(step.way.clone()), at).await?;
    Ok(ended)
}

/// Removes the sandbox, and adds a web device under its id.
async fn switch(conn: &mut Conn, sandbox: &Device, now: Millis) -> Result<WentLive, StoreError> {
    let was_default = sql!(
        &mut *conn,
        scalar as i64,
        "SELECT COUNT(*) FROM clients c WHERE c.id = $1 AND (c.default_device = $2 OR EXISTS \
         (SELECT 1 FROM devices d WHERE d.id = c.default_device AND d.kind = 'sandbox' AND d.removed_at IS NULL))",
        sandbox.client_id,
        &sandbox.id,
    )? > 0;
    let aborted = take_away(conn, &sandbox.id, TRIAL_ENDED, now).await?.unwrap_or(0);
    let web = NewDevice {
        id: sandbox.id.clone(),
        client_id: sandbox.client_id,
        sender: sandbox.sender.clone(),
        name: sandbox.name.clone(),
        kind: Kind::Web,
        daily_limit: 0,
        created_at: now.max(sandbox.created_at + 1),
    };
    insert(conn, &web).await?;
    if was_default {
        // What sent by default, or a sandbox that did, must not keep real messages from leaving.
        sql!(
            &mut *conn,
            execute,
            "UPDATE clients SET default_device = $2 WHERE id = $1",
            sandbox.client_id,
            &sandbox.id,
        )?;
    }
    let stopped_imports = sql!(
        &mut *conn,
        execute,
        "UPDATE imports SET state = $2, reason = $3, ended_at = $4 \
         WHERE device_id = $1 AND state = 'running'",
        &sandbox.id,
        State::Stopped.name(),
        Stop::TrialEnded.name(),
        now,
    )?;
    Ok(WentLive::Linking { aborted, stopped_imports })
}
