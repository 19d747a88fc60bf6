//! What a channel tells its device's loop, and how it is stored.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::device::DeviceLoop;
use super::files::{self, HadFile};
use crate::channel::{Event, Health, ReceiptKind, Sent};
use crate::clock::Millis;
use crate::device::{DeviceState, Kind, Wish, link_place};
use crate::inbox::Received;
use crate::limits;
use crate::message::RefNo;
use crate::store::{LinkEnd, Step, StoreError};
use crate::telemetry;

/// Receipts of messages that were sent longer ago than this are not awaited after a restart.
const REMEMBER_MS: Millis = 7 * 86_400_000;
/// How often files are looked for that are to be tried again.
const FILES_MS: Millis = limits::POLL_MS as Millis;

impl DeviceLoop {
    pub(super) async fn record(&self, steps: Vec<(RefNo, Step)>) -> Result<(), StoreError> {
        let states: Vec<_> = steps.iter().filter_map(|(_, step)| step.reached()).collect();
        self.parts.receipts.record(&self.lease, steps).await?;
        for state in states {
            metrics::counter!(telemetry::STATES, "state" => state.letter()).increment(1);
            let device = self.label.clone();
            metrics::counter!(telemetry::DEVICE_STATES, "device" => device, "state" => state.letter()).increment(1);
        }
        Ok(())
    }

    /// Stores what the channel told. A line moves on only after its message's end is on the disk.
    pub(super) async fn store_events(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        let (mut steps, mut ended, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for event in events {
            match event {
                Event::Acknowledged { ref_no, at } => {
                    ended.push(ref_no.clone());
                    steps.push((ref_no, Step::Sent { at }));
                }
                Event::Receipt { ref_no, kind, member, at, stored } => {
                    ended.push(ref_no.clone());
                    answers.push(stored);
                    steps.push((
                        ref_no,
                        match kind {
                            ReceiptKind::Delivered => Step::Delivered { at, member },
                            ReceiptKind::Read => Step::Read { at, member },
                        },
                    ));
                }
                Event::Refused { ref_no, fault } => self.fail(ref_no, fault, &mut steps),
                Event::State(health) => self.enter(health).await?,
                Event::LinkCode { code, until } => self.show_code(&code, until).await?,
                Event::Linked { number, accepted } => self.link(number, accepted).await?,
                Event::LinkFailed { reason } => self.unlink(LinkEnd::Failed { reason }).await?,
                Event::Unlinked => self.unlink(LinkEnd::Unlinked).await?,
                Event::Inbound { message, stored } => {
                    let device = self.device.borrow().clone();
                    self.files_at = if message.file.is_some() { 0 } else { self.files_at };
                    match self.parts.inbox.receive(&device, *message).await {
                        // Whoever waits for it may have gone; then WhatsApp tells it again.
                        Ok(received) => {
                            let (device, is_new) = (self.label.clone(), received != Received::Repeated);
                            metrics::counter!(telemetry::DEVICE_RECEIVED, "device" => device).increment(is_new.into());
                            self.held.listen();
                            let _ = stored.send(());
                        }
                        Err(error) => tracing::warn!(%error, "an inbound message was not stored; WhatsApp keeps it"),
                    }
                }
            }
        }
        self.record(steps).await?;
        for stored in answers {
            // Who does not wait for it has gone.
            let _ = stored.send(());
        }
        for ref_no in ended {
            self.end(&ref_no);
        }
        Ok(())
    }

    async fn enter(&mut self, health: Health) -> Result<(), StoreError> {
        let state = health.state;
        tracing::info!(device = self.lease.device_id, state = state.name(), reason = health.reason, "device state");
        let is_first = self.state == DeviceState::Connecting && state == DeviceState::Online;
        if state == DeviceState::Online && self.state != DeviceState::Online {
            // What was written to the connection before may never have arrived.
            self.window.sent_in_vain(self.parts.clock.now());
        }
        self.state = state;
        self.parts.store.set_device_health(&self.lease, health, self.parts.clock.now()).await?;
        self.parts.bells.devices.ring();
        if is_first {
            self.remember().await?;
        }
        Ok(())
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
        let now = self.parts.clock.now();
        for HadFile { inbound_id, end } in had {
            self.parts.store.end_file(&self.lease, &inbound_id, end, now).await?;
        }
        self.parts.bells.push.ring();
        Ok(())
    }

    /// Has the channel do what a person wishes with the link, once for each wish.
    pub(super) async fn grant_wish(&mut self) -> Result<(), StoreError> {
        let (wish, wished_at) = {
            let device = self.device.borrow();
            (device.wish(), device.wish_at)
        };
        let Some(wish) = wish.filter(|_| wished_at > self.wished_at) else { return Ok(()) };
        self.wished_at = wished_at;
        match wish {
            Wish::Unlink => self.channel.unlink().await,
            Wish::Link(_) if self.parts.clock.now() > wished_at + limits::LINK_MS_MAX => {
                let reason = "nobody linked an account in time".into();
                self.unlink(LinkEnd::Failed { reason }).await?;
            }
            Wish::Link(way) => self.channel.link(way).await,
            Wish::Connect => {
                self.channel.connect().await;
                self.parts.store.end_wish_to_connect(&self.lease).await?;
            }
        }
        Ok(())
    }

    async fn show_code(&self, code: &str, until: Millis) -> Result<(), StoreError> {
        let place = link_place(&self.lease.device_id);
        let code = self.parts.link_sealer.seal(&self.parts.clock, place.as_bytes(), code.as_bytes());
        self.parts.store.show_link(&self.lease, code, until, self.parts.clock.now()).await
    }

    async fn link(&mut self, number: String, accepted: oneshot::Sender<bool>) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let is_ours = match self.parts.store.end_link(&self.lease, LinkEnd::Linked { number }, now).await {
            Ok(()) => true,
            Err(StoreError::Exists) => {
                let reason = "that number is linked to another gateway already".into();
                self.parts.store.end_link(&self.lease, LinkEnd::Failed { reason }, now).await?;
                false
            }
            Err(error) => return Err(error),
        };
        self.parts.bells.devices.ring();
        // A channel that has gone links again.
        let _ = accepted.send(is_ours);
        Ok(())
    }

    async fn unlink(&mut self, end: LinkEnd) -> Result<(), StoreError> {
        self.state = DeviceState::Unlinked;
        self.parts.store.end_link(&self.lease, end, self.parts.clock.now()).await?;
        self.parts.bells.devices.ring();
        Ok(())
    }

    /// Tells the channel which messages of before this start still await receipts.
    async fn remember(&self) -> Result<(), StoreError> {
        let since = self.parts.clock.now() - REMEMBER_MS;
        let id = &self.lease.device_id;
        // WhatsApp tells receipts of any message; only a sandbox has to play those of before.
        if self.device.borrow().kind != Kind::Sandbox {
            return Ok(());
        }
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
        Ok(())
    }
}
