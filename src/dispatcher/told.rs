//! What a channel tells its device's loop, and how it is stored: a batch of events is one plan and one commit. Nobody is told
//! that his event is stored, and nothing that comes later is looked at, before all of the batch is on the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::device::DeviceLoop;
use super::files::{self, HadFile};
use crate::channel::{Ending, Event, Inbound, Proof, ReceiptKind, Sent};
use crate::clock::{Millis, rfc3339};
use crate::device::{Device, DeviceState, Health, Kind, Wish, link_place};
use crate::files::FileError;
use crate::inbox::InboxError;
use crate::limits;
use crate::message::{RefNo, reached};
use crate::receipts::Recorded;
use crate::store::{Change, LinkEnd, NewInbound, Outcome, ShownCode, Step, StoreError};
use crate::telemetry;

/// Receipts of messages that were sent longer ago than this are not awaited after a restart.
const REMEMBER_MS: Millis = 7 * 86_400_000;
/// How often files are looked for that are to be tried again.
const FILES_MS: Millis = limits::POLL_MS as Millis;

/// What is to be done once a change is stored.
enum Then {
    Nothing,
    /// The message's line goes on.
    End(RefNo),
    /// The same, and whoever tells the receipt may confirm it.
    Confirm(RefNo, oneshot::Sender<()>),
    /// Whoever tells the message may confirm it; its file may still be to be downloaded.
    Received {
        stored: oneshot::Sender<()>,
        has_file: bool,
    },
    /// Whoever tells it may confirm it; it is reported at that moment, should it not have come by then.
    Noted {
        stored: oneshot::Sender<()>,
        due_at: Millis,
    },
    Enter(Health),
    /// Whoever links learns whether the number may be this device's.
    Linked(oneshot::Sender<bool>),
    Unlinked,
}

/// A batch of events: what to store of it, and what to do then.
#[derive(Default)]
struct Plan {
    changes: Vec<Change>,
    /// One for each change.
    then: Vec<Then>,
}

impl Plan {
    fn add(&mut self, change: Change, then: Then) {
        self.changes.push(change);
        self.then.push(then);
    }
}

impl DeviceLoop {
    /// Stores steps of messages, and counts them.
    pub(super) async fn record_steps(&mut self, steps: Vec<(RefNo, Step)>) -> Result<(), StoreError> {
        let changes = steps.into_iter().map(|(ref_no, step)| Change::Step { ref_no, step }).collect();
        self.record(changes).await.map(drop)
    }

    async fn record(&self, changes: Vec<Change>) -> Result<Vec<Recorded>, StoreError> {
        let recorded = self.parts.receipts.record(&self.lease, changes, &self.stop).await?;
        for outcome in recorded.iter().flatten() {
            if let Outcome::Moved { from, to } = outcome {
                reached(*from, *to).for_each(|state| telemetry::count_state(&self.label, state.letter(), 1));
            }
        }
        Ok(recorded)
    }

    /// Stores what the channel told: the files that came with it first, then everything in one transaction. Only then is it
    /// answered and acted upon.
    pub(super) async fn store_events(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        let Plan { changes, then } = self.plan(events).await?;
        match self.record(changes).await {
            Ok(recorded) => {
                self.act(then, recorded).await;
                Ok(())
            }
            Err(StoreError::NotOwner) => {
                self.disown(then).await;
                Err(StoreError::NotOwner)
            }
            // Nothing is confirmed: WhatsApp tells it again.
            Err(error) => Err(error),
        }
    }

    async fn plan(&mut self, events: Vec<Event>) -> Result<Plan, StoreError> {
        let (mut plan, now) = (Plan::default(), self.parts.clock.now());
        let device = self.device.borrow().clone();
        for event in events {
            match event {
                Event::Acknowledged { ref_no, at } => {
                    plan.add(Change::Step { ref_no: ref_no.clone(), step: Step::Sent { at } }, Then::End(ref_no));
                }
                Event::Receipt { ref_no, kind, member, at, stored } => {
                    let step = match kind {
                        ReceiptKind::Delivered => Step::Delivered { at, member },
                        ReceiptKind::Read => Step::Read { at, member },
                    };
                    plan.add(Change::Step { ref_no: ref_no.clone(), step }, Then::Confirm(ref_no, stored));
                }
                Event::Refused { ref_no, fault } => {
                    let mut steps = Vec::new();
                    self.has_left(&ref_no);
                    self.fail(ref_no, fault, &mut steps);
                    for (ref_no, step) in steps {
                        plan.add(Change::Step { ref_no, step }, Then::Nothing);
                    }
                }
                Event::State(health) => {
                    plan.add(Change::State { health: health.clone(), at: now }, Then::Enter(health));
                }
                Event::LinkCode { attempt, way, code, until, codes_until } => {
                    let code = ShownCode { way, code: self.seal_code(&code), expires_at: until, codes_until };
                    plan.add(Change::LinkCode { attempt, code, at: now }, Then::Nothing);
                }
                Event::Passkey { attempt, step } => {
                    plan.add(Change::Passkey { attempt, request: self.passkey_request(step) }, Then::Nothing);
                }
                Event::Linked { attempt, number, proof, accepted } => {
                    let end = match proof {
                        Proof::Paired => LinkEnd::Paired { attempt, number },
                        Proof::LoggedIn => LinkEnd::Linked { attempt, number },
                    };
                    plan.add(Change::Link { end, at: now }, Then::Linked(accepted));
                }
                Event::LinkFailed { attempt, reason, ending } => {
                    tracing::warn!(device = self.lease.device_id, reason, "linking failed");
                    let end = LinkEnd::Failed { attempt: Some(attempt), reason };
                    self.plan_end(Change::Link { end, at: now }, ending, &mut plan);
                }
                Event::Unlinked { wished_at, ending } => {
                    let end = LinkEnd::Unlinked { wished_at };
                    self.plan_end(Change::Link { end, at: now }, ending, &mut plan);
                }
                Event::Removed { attempt, ending } => self.plan_end(Change::Removed { attempt }, ending, &mut plan),
                Event::Inbound { message, stored } => {
                    // One whose file cannot be kept at all is not confirmed: WhatsApp keeps it.
                    if let Some(new) = self.prepare(&device, *message).await? {
                        let has_file = new.file_ref.is_some();
                        plan.add(Change::Inbound(Box::new(new)), Then::Received { stored, has_file });
                    }
                }
                Event::Unreadable { message, stored } => {
                    let new = self.parts.inbox.prepare_unreadable(*message);
                    let due_at = new.due_at;
                    plan.add(Change::Unreadable(Box::new(new)), Then::Noted { stored, due_at });
                }
                Event::Silent { whatsapp_id, originator, hidden, stored } => {
                    let then = Then::Noted { stored, due_at: Millis::MAX };
                    plan.add(Change::Silent { whatsapp_id, originator, hidden }, then);
                }
            }
        }
        Ok(plan)
    }

    fn seal_code(&self, code: &str) -> Vec<u8> {
        let place = link_place(&self.lease.device_id);
        self.parts.link_sealer.seal(&self.parts.clock, place.as_bytes(), code.as_bytes())
    }

    /// Whether a phone may still list the gateway is stored with the end of the link: whoever waits for that sees both.
    fn plan_end(&self, end: Change, ending: Ending, plan: &mut Plan) {
        plan.add(end, Then::Unlinked);
        if ending == Ending::MayBeListed {
            tracing::warn!(device = self.lease.device_id, "WhatsApp did not confirm the end of a link");
            plan.add(Change::MayBeListed { at: self.parts.clock.now() }, Then::Unlinked);
        }
    }

    /// The row of a message that came in, once its file is kept. `None` when the file never will be.
    async fn prepare(&self, device: &Device, message: Inbound) -> Result<Option<NewInbound>, StoreError> {
        let (mut wait_ms, mut waits) = (limits::RECORD_AGAIN_MS_MIN, false);
        loop {
            let reason = match self.parts.inbox.prepare(device, message.clone()).await {
                Ok(new) => return Ok(Some(new)),
                Err(
                    InboxError::Store(StoreError::Unavailable(reason))
                    | InboxError::File(FileError::Unavailable(reason)),
                ) => reason,
                Err(error) => {
                    tracing::error!(device = device.id, %error, "the file of an inbound message cannot be kept");
                    metrics::counter!(telemetry::EVENTS_REFUSED).increment(1);
                    return Ok(None);
                }
            };
            if self.stop.is_cancelled() {
                return Err(StoreError::Unavailable(reason));
            }
            if !std::mem::replace(&mut waits, true) {
                tracing::warn!(device = device.id, reason, "an inbound file waits to be kept");
            }
            let again = self.parts.clock.sleep(Duration::from_millis(wait_ms));
            self.stop.run_until_cancelled(again).await;
            wait_ms = (wait_ms * 2).min(limits::RECORD_AGAIN_MS_MAX);
        }
    }

    /// Does what was to be done once the changes are stored.
    async fn act(&mut self, then: Vec<Then>, recorded: Vec<Recorded>) {
        let (mut received, mut is_changed) = (None, false);
        for (then, recorded) in then.into_iter().zip(recorded) {
            match then {
                Then::Nothing => {}
                Then::End(ref_no) => self.end(&ref_no),
                Then::Confirm(ref_no, stored) => {
                    // One that the database refuses is confirmed too: it would come again for ever, and be refused again.
                    let _ = stored.send(());
                    self.end(&ref_no);
                }
                // One that the database refuses is not: a later program may store it.
                Then::Received { stored, has_file } => {
                    let Some(outcome) = recorded else { continue };
                    self.files_at = if has_file { 0 } else { self.files_at };
                    *received.get_or_insert(0) += u64::from(outcome == Outcome::Stored);
                    // Whoever waits for it may have gone; then WhatsApp tells it again.
                    let _ = stored.send(());
                }
                Then::Noted { stored, due_at } => {
                    let Some(outcome) = recorded else { continue };
                    if outcome == Outcome::Repeated {
                        tracing::warn!(
                            device = self.lease.device_id,
                            "too many messages cannot be read; one is not reported"
                        );
                    }
                    self.unreadable_at = self.unreadable_at.min(due_at);
                    let _ = stored.send(());
                }
                Then::Enter(health) => {
                    self.enter(&health);
                    is_changed = true;
                }
                Then::Linked(accepted) => {
                    // A channel that has gone links again; so does one whose link the database refused.
                    if recorded == Some(Outcome::NotLinked) {
                        let reason =
                            "an account was linked too late, or may not be linked here; the device's link says why";
                        tracing::warn!(device = self.lease.device_id, reason, "linking failed");
                        self.state = DeviceState::Unlinked;
                    }
                    let _ = recorded.map(|outcome| accepted.send(outcome != Outcome::NotLinked));
                    is_changed = true;
                }
                Then::Unlinked => {
                    self.state = DeviceState::Unlinked;
                    is_changed = true;
                }
            }
        }
        if let Some(new) = received {
            metrics::counter!(telemetry::DEVICE_RECEIVED, "device" => self.label.clone()).increment(new);
            self.parts.inbox.received(new);
            self.held.listen();
        }
        if is_changed {
            self.parts.bells.devices.ring();
        }
    }

    /// The device is not this node's any more. Another node is told everything again. Of one that was removed nobody wants to
    /// know: its receipts are confirmed, so that the link can be ended.
    async fn disown(&mut self, then: Vec<Then>) {
        if !self.is_removed().await {
            return;
        }
        for then in then {
            if let Then::Confirm(_, stored) = then {
                let _ = stored.send(());
            }
        }
    }

    /// The device has entered a state.
    fn enter(&mut self, health: &Health) {
        let state = health.state;
        self.log(health);
        if state == DeviceState::Online && self.state != DeviceState::Online {
            // What was written to the connection before may never have arrived.
            self.window.sent_in_vain(self.parts.clock.now());
        }
        self.state = state;
    }

    /// One line for each change. What stays until a person acts is a warning.
    fn log(&self, health: &Health) {
        let (device, state, reason) = (&self.lease.device_id, health.state, &health.reason);
        let until = health.until.map(rfc3339);
        if state == self.state && *reason == self.device.borrow().state_reason {
            return;
        }
        match state {
            DeviceState::Banned | DeviceState::LoggedOut | DeviceState::Replaced | DeviceState::Outdated => {
                tracing::warn!(device, state = state.name(), reason, until, "device state");
            }
            _ => tracing::info!(device, state = state.name(), reason, "device state"),
        }
    }

    /// Begins to have files that came in and are due.
    pub(super) async fn begin_downloads(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let room = limits::DEVICE_DOWNLOADS_MAX.saturating_sub(self.downloads.len());
        if self.state != DeviceState::Online || now < self.files_at || room < limits::DEVICE_DOWNLOADS_MAX {
            return Ok(());
        }
        let rows = i64::try_from(room).unwrap_or(i64::MAX);
        let due = self.parts.store.find_due_files(&self.lease.device_id, now, rows).await?;
        self.files_at = if due.is_empty() { now + FILES_MS } else { now };
        for file in due {
            self.downloads.spawn(files::have(Arc::clone(&self.parts), Arc::clone(&self.channel), file));
        }
        Ok(())
    }

    pub(super) async fn store_files(&mut self, had: Vec<HadFile>) -> Result<(), StoreError> {
        let at = self.parts.clock.now();
        let changes = had.into_iter().map(|HadFile { inbound_id, end }| Change::File { inbound_id, end, at });
        self.record(changes.collect()).await?;
        self.parts.bells.push.ring();
        Ok(())
    }

    /// Has the channel do what a person wishes with the link, once for each wish. What could not be stored of it is done again.
    pub(super) async fn grant_wish(&mut self) -> Result<(), StoreError> {
        let (wish, wished_at) = {
            let device = self.device.borrow();
            (device.wish(), device.wish_at)
        };
        let Some(wish) = wish.filter(|_| wished_at > self.wished_at) else { return Ok(()) };
        let is_late = self.parts.clock.now() > wished_at + limits::LINK_MS_MAX;
        match wish {
            Wish::Unlink | Wish::Cancel => self.channel.unlink(wished_at).await,
            // Another process than this one may have brought it as far as the phone's word.
            Wish::Link(way) if self.wished_at == 0 && (is_late || self.was_shown().await?) => {
                let too_late = is_late.then_some("nobody linked an account in time");
                let lost = self.lost_passkey().await?.or(too_late);
                self.channel.resume(way, wished_at, lost).await;
            }
            Wish::Link(way) => self.channel.link(way, wished_at).await,
            Wish::Connect => {
                self.channel.connect().await;
                self.parts.store.end_wish_to_connect(&self.lease).await?;
            }
        }
        self.wished_at = wished_at;
        Ok(())
    }

    /// Tells the channel, once it is online, which messages of before this start still await receipts.
    pub(super) async fn remember(&mut self) -> Result<(), StoreError> {
        if self.has_remembered || self.state != DeviceState::Online {
            return Ok(());
        }
        let (kind, created_at) = {
            let device = self.device.borrow();
            (device.kind, device.created_at)
        };
        // WhatsApp tells receipts of any message; only a sandbox has to play those of before, though not what another device
        // sent that had its id before it.
        if kind == Kind::Sandbox {
            let since = (self.parts.clock.now() - REMEMBER_MS).max(created_at);
            let id = &self.lease.device_id;
            let unread = self.parts.store.find_unread(id, since, limits::REMEMBERED_ROWS_MAX).await?;
            let sent = unread.into_iter().filter_map(|message| {
                Some(Sent {
                    ref_no: RefNo::parse(&message.ref_no)?,
                    destination: message.destination,
                    is_group: message.is_group,
                    delivered: message.delivered_at.is_some(),
                })
            });
            self.channel.remember(sent.collect()).await;
        }
        self.has_remembered = true;
        Ok(())
    }
}
