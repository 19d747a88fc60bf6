//! Between the phone's word that an account is linked and WhatsApp's. The phone learns from what the gateway signs that the link is
//! complete: where that is lost, the phone lists no gateway, and WhatsApp does not let it in. So an account is taken for linked only when
//! it has logged in. Until then the attempt is under way: a restart goes on with it, and it can be cancelled.

use tokio::sync::oneshot;
use whatsapp_rust::types::events::Event as News;

use super::actor::Actor;
use super::health::turn;
use super::linking::Linking;
use crate::channel::{Event, Proof};
use crate::clock::Millis;
use crate::device::{DeviceState, Health, LinkWay};
use crate::limits;

/// What is said until WhatsApp has let the gateway in.
const PAIRED: &str = "the phone has linked the account; the gateway connects with it";

impl Actor {
    /// Goes on with an attempt of which the codes were shown before this process.
    pub(super) async fn resume(&mut self, way: LinkWay, attempt: Millis, lost: Option<&'static str>) {
        self.attempt = attempt;
        match (self.keys.account().await, lost) {
            (Ok(Some((number, _))), _) => {
                self.linking = Some(Linking::new(way, self.parts.clock.now()));
                self.is_paired(number).await;
                match lost {
                    _ if self.linking.is_some() => self.start(None).await,
                    // It was of another attempt.
                    Some(reason) => self.fail(reason.into()).await,
                    None => {}
                }
            }
            (_, Some(reason)) => self.fail(reason.into()).await,
            (_, None) => self.link(way, attempt).await,
        }
    }

    /// The phone has linked the account with this number. Whether it may be this device's is asked at once: the wrong one does not connect.
    pub(super) async fn is_paired(&mut self, number: String) {
        if self.linking.as_ref().is_none_or(Linking::is_paired) {
            return;
        }
        if let Some(session) = &self.session
            && let Err(error) = session.client.persistence_manager().flush().await
        {
            tracing::warn!(%error, "the keys of a new link are not stored yet");
        }
        if !self.is_accepted(number, Proof::Paired).await {
            return;
        }
        let until = self.parts.clock.now() + limits::LINK_MS_MAX;
        if let Some(linking) = &mut self.linking {
            linking.set_paired(until);
            self.tell(Health { state: DeviceState::Connecting, reason: PAIRED.to_owned(), until: Some(until) }).await;
        }
    }

    /// The number of the account that the phone has linked by this session, where it has.
    pub(super) fn paired_number(&self) -> Option<String> {
        Some(self.session.as_ref()?.client.pn()?.user.to_string())
    }

    /// WhatsApp has let the gateway in: the account is linked.
    pub(super) async fn has_logged_in(&mut self, news: &News) {
        let Some(number) = self.paired_number() else { return };
        if !self.is_accepted(number, Proof::LoggedIn).await {
            return;
        }
        self.linking = None;
        // As it was stored with the link.
        self.health = Some(Health::new(DeviceState::Connecting, ""));
        if let Some(turn) = turn(news, self.parts.clock.now()) {
            self.take(turn).await;
        }
    }

    /// Asks whether a number may be this device's. One that may not is unlinked again.
    pub(super) async fn is_accepted(&mut self, number: String, proof: Proof) -> bool {
        let (accepted, is_accepted) = oneshot::channel();
        let attempt = self.linking.as_ref().map(|_| self.attempt);
        if self.events.send(Event::Linked { attempt, number, proof, accepted }).await.is_err() {
            return false;
        }
        match is_accepted.await {
            Ok(true) => true,
            // The loop is gone, or could not store it: it is asked again at the next start.
            Err(_) => false,
            Ok(false) => {
                self.refuse(attempt).await;
                false
            }
        }
    }

    /// Unlinks an account that may not be this device's. That it is unlinked, and why, was stored by who refused it.
    async fn refuse(&mut self, attempt: Option<Millis>) {
        self.linking = None;
        if self.session.is_none() {
            self.start(None).await;
        }
        let ending = self.log_out().await;
        self.wipe().await;
        self.health = None;
        let _ = self.events.send(Event::Removed { attempt, ending }).await;
    }
}
