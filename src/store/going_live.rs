//! Going live: a sandbox becomes a web device under the same id, in one transaction. What waited in the sandbox is never sent.

use super::audit::Outcome;
use super::devices::{device, insert, take_away};
use super::links::store_wish;
use super::{Conn, NewDevice, Store, StoreError, sql};
use crate::campaign::{State, Stop};
use crate::clock::Millis;
use crate::device::{Device, DeviceState, FIRST_SENDER, Kind, LinkWay, Wish};

/// A device to take out of its trial.
#[derive(Debug, Clone)]
pub struct GoLive {
    pub device_id: String,
    /// Whether it begins with few messages a day; of a device that is no sandbox any more, that was said before.
    pub warm_up: Option<WarmUp>,
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
    /// It is a web device now, to which an account is to be linked.
    Linking { aborted: u64, stopped_imports: u64 },
    /// It was one before. Its warm-up stays as it is, and so does an attempt to link in the same way that is under way.
    StillLinking,
    /// There is no such device.
    Missing,
    /// An account is linked to it already.
    AlreadyLive(DeviceState),
    /// Nobody has said whether it begins with few messages a day.
    Unanswered,
    /// No phone's account is linked to devices of its kind.
    OtherKind,
    /// It is the sandbox of the first start, whose number is nobody's.
    Example,
}

/// Why what waited in a trial is aborted.
const TRIAL_ENDED: &str = "it was accepted while its device was a sandbox, and had not been played when the device went live; nothing was sent: send it again to send it for real";

impl Store {
    /// Makes a sandbox device a web device under the same id and number, to which an account is to be linked. What waited in
    /// the sandbox is aborted, and its imports stop. A web device without an account is only linked.
    ///
    /// # Errors
    /// When it could not be stored: then nothing was.
    pub async fn go_live(&self, step: GoLive) -> Result<WentLive, StoreError> {
        self.act(move |conn| Box::pin(async move { go_live(conn, &step).await })).await
    }
}

impl Outcome for WentLive {
    fn is_done(&self) -> bool {
        matches!(self, Self::Linking { .. } | Self::StillLinking)
    }
}

async fn go_live(conn: &mut Conn, step: &GoLive) -> Result<WentLive, StoreError> {
    let found = sql!(&mut *conn, optional as Device, device!(" AND id = $1"), &step.device_id)?;
    let Some(known) = found else { return Ok(WentLive::Missing) };
    let wish = Wish::Link(step.way.clone());
    let ended = match (known.kind, step.warm_up) {
        (Kind::Web, _) if known.has_account() => return Ok(WentLive::AlreadyLive(known.state)),
        // The codes that somebody sees stay good.
        (Kind::Web, _) if known.wish().as_ref() == Some(&wish) => return Ok(WentLive::StillLinking),
        (Kind::Web, _) => WentLive::StillLinking,
        (Kind::Sandbox, _) if known.sender == FIRST_SENDER => return Ok(WentLive::Example),
        (Kind::Sandbox, None) => return Ok(WentLive::Unanswered),
        (Kind::Sandbox, Some(warm_up)) => switch(conn, &known, warm_up, step.now).await?,
        (Kind::Cloud, _) => return Ok(WentLive::OtherKind),
    };
    // A loop takes a wish for a new one by its time.
    let at = step.now.max(known.wish_at + 1);
    store_wish(conn, &step.device_id, &wish, at).await?;
    Ok(ended)
}

/// Removes the sandbox, and adds a web device under its id.
async fn switch(conn: &mut Conn, sandbox: &Device, warm_up: WarmUp, now: Millis) -> Result<WentLive, StoreError> {
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
    let is_on = warm_up == WarmUp::On;
    sql!(&mut *conn, execute, "UPDATE devices SET warm_up = $2 WHERE id = $1", &sandbox.id, is_on)?;
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
