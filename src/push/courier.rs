//! Delivers pushes: claims what is due, posts it, records the outcome.
//!
//! A push is a row. Claiming it moves its `due_at` a little ahead, so that should this process die, any other finds it
//! due again: a push is delivered at least once, with the same `id`. Each client has a few tries under way of its own,
//! so one dead or slow receiver holds up nobody else. Outcomes wait in rows; the bell only spares the poll's delay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::payload::PushMessage;
use super::post::Post;
use super::schedule;
use crate::bell::Bells;
use crate::clock::{Clock, Millis};
use crate::egress::{Answer, Egress, EgressError};
use crate::limits;
use crate::media::name;
use crate::media::shelf::Links;
use crate::secrets::MasterKey;
use crate::store::{DuePush, PushEnd, PushOutcome, PushSettings, Store, StoreError};
use crate::supervisor::caught;
use crate::telemetry::{self, Outage};

/// How long a claimed push is nobody else's: longer than a try can take.
const CLAIM_MS: Millis = 20_000;
const _: () = assert!(CLAIM_MS as u64 > limits::PUSH_SECONDS_MAX * 1_000);

/// Delivers the pushes of every client.
#[derive(Clone)]
pub struct Courier(Arc<Parts>);

/// What a courier works with.
pub struct Parts {
    pub store: Store,
    pub egress: Egress,
    pub links: Links,
    pub master_key: MasterKey,
    pub bells: Bells,
    pub clock: Clock,
    pub public_url: String,
}

impl Courier {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Delivers until `stop`; then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) {
        let mut tries: JoinSet<i64> = JoinSet::new();
        let mut busy: HashMap<i64, usize> = HashMap::new();
        let mut outage = Outage::of("pushes");
        loop {
            outage.hear(&self.claim(&mut tries, &mut busy).await);
            let poll = self.0.clock.sleep(Duration::from_millis(limits::POLL_MS));
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.0.bells.push.rung() => {}
                () = poll => {}
                Some(ended) = tries.join_next() => {
                    let clients = ended.into_iter().chain(std::iter::from_fn(|| tries.try_join_next()?.ok()));
                    for client in clients.collect::<Vec<_>>() {
                        busy.entry(client).and_modify(|tries| *tries = tries.saturating_sub(1));
                    }
                }
            }
            busy.retain(|_, tries| *tries > 0);
        }
        while tries.join_next().await.is_some() {}
    }

    /// Starts tries for whatever is due, as far as there is room.
    async fn claim(&self, tries: &mut JoinSet<i64>, busy: &mut HashMap<i64, usize>) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        for client_id in self.0.store.clients_with_due_pushes(now).await? {
            let under_way = busy.get(&client_id).copied().unwrap_or(0);
            let room = (limits::PUSHES_PER_CLIENT_MAX - under_way.min(limits::PUSHES_PER_CLIENT_MAX))
                .min(limits::PUSHES_MAX.saturating_sub(tries.len()));
            if room == 0 {
                continue;
            }
            let Some(settings) = self.0.store.find_push_settings(client_id).await? else { continue };
            for due in self.0.store.claim_pushes(client_id, now, now + CLAIM_MS, room).await? {
                *busy.entry(client_id).or_default() += 1;
                let (courier, settings) = (self.clone(), settings.clone());
                tries.spawn(async move {
                    // A panic ends this try alone: its client's place is free again.
                    match caught(courier.deliver(&settings, &due)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => {
                            tracing::warn!(%error, push = due.inbound_id, "the outcome of a push was not stored; it is tried again");
                        }
                        Err(panicked) => tracing::error!(%panicked, push = due.inbound_id, "a fault of this program in a push"),
                    }
                    settings.client_id
                });
            }
        }
        Ok(())
    }

    /// One try.
    async fn deliver(&self, settings: &PushSettings, due: &DuePush) -> Result<(), StoreError> {
        let Some(url) = &settings.push_url else { return Ok(()) };
        let Some(message) = self.message(&due.inbound_id).await? else { return Ok(()) };
        let kept = settings.push_secret.as_deref();
        let secret = self.0.master_key.push_secret(settings.client_id, settings.push_secret_version, kept);
        let (Ok(secret), Ok(url)) = (secret, self.0.store.open_url(settings.client_id, url)) else {
            // Nothing is pushed that the customer could not check; the claim runs out, and it is tried again.
            tracing::error!(
                client = settings.client_id,
                "the secret of pushes or the password in the Push URL does not open; rotate the secret, or set the URL again"
            );
            return Ok(());
        };
        let answer = Post::of(&message, &secret, self.0.clock.now()).send(&self.0.egress, &url).await;
        let now = self.0.clock.now();
        let is_gone = matches!(&answer, Ok(answer) if answer.status == StatusCode::GONE.as_u16());
        let (outcome, label) = self.outcome(&answer, due, now);
        metrics::counter!(telemetry::PUSHES, "outcome" => label).increment(1);
        let (http_status, answer) = match &answer {
            Ok(answer) => (Some(i64::from(answer.status)), String::from_utf8_lossy(&answer.body).replace('\0', "")),
            Err(error) => (None, format!("the Push URL {error}")),
        };
        let rests = match outcome {
            _ if is_gone => Some("the Push URL answered 410 Gone"),
            PushOutcome::Failed => Some("the Push URL failed for 72 hours"),
            PushOutcome::Done | PushOutcome::Again { .. } => None,
        };
        self.0.store.end_push_try(due, PushEnd { outcome, http_status, answer, rests }, now).await?;
        if let Some(reason) = rests {
            tracing::warn!(client = due.client_id, reason, "pushing is paused");
        }
        Ok(())
    }

    /// The message behind a push, as it is sent.
    async fn message(&self, inbound_id: &str) -> Result<Option<PushMessage>, StoreError> {
        let Some(found) = self.0.store.find_inbound(inbound_id).await? else { return Ok(None) };
        let expires_at = self.0.clock.now() + limits::MEDIA_LINK_HOURS * 3_600_000;
        let media_url = found
            .media_id
            .map(|id| format!("{}/media/{}", self.0.public_url, self.0.links.link_token(&id, expires_at)));
        Ok(Some(PushMessage {
            id: found.id,
            gateway_number: found.gateway,
            originator: found.originator,
            received_at: found.received_at,
            sent_at: found.sent_at,
            msg: found.body,
            kind: found.kind,
            media_url,
            media_pending: found.media_pending,
            file_name: found.file_name.as_deref().and_then(name::clean),
            group_id: found.is_group.then_some(found.chat),
            about: found.about,
            name: found.name,
            sandbox: found.sandbox,
        }))
    }

    fn outcome(&self, answer: &Result<Answer, EgressError>, due: &DuePush, now: Millis) -> (PushOutcome, &'static str) {
        let retry_after = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => return (PushOutcome::Done, "done"),
            Ok(answer) => {
                let header = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
                header.and_then(|asked| schedule::retry_after(asked, now))
            }
            Err(_) => None,
        };
        let random = self.0.clock.random_below(u64::MAX);
        match schedule::next_try(due.attempts, due.first_at, now, retry_after, random) {
            Some(due_at) => (PushOutcome::Again { due_at }, "again"),
            None => (PushOutcome::Failed, "failed"),
        }
    }
}
