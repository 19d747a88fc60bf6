//! What runs beside the requests: a loop each for devices, pushes, imports and maintenance, all of them supervised. Called by
//! `app.rs` when it serves.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{App, StartError};
use crate::api::Api;
use crate::clock::Millis;
use crate::dispatcher::{self, Dispatcher};
use crate::imports::clerk::{self, Clerk};
use crate::limits;
use crate::media::shelf::Links;
use crate::push::courier::{self, Courier};
use crate::receipts::Receipts;

/// How often the key uses of the last while are noted, and old first answers are forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
const DAY_MS: Millis = 86_400_000;

impl App {
    /// Starts what runs beside the requests, until `stop`.
    pub(super) fn start_loops(&self, api: &Api, stop: &CancellationToken) -> Result<TaskTracker, StartError> {
        let dispatcher = Arc::new(self.dispatcher()?);
        let courier = Courier::new(courier::Parts {
            store: self.store.clone(),
            egress: self.egress.clone(),
            links: Links::new(self.master_key.derive("media-links")),
            master_key: self.master_key.clone(),
            bells: self.bells.clone(),
            clock: self.clock.clone(),
            public_url: self.settings.public_url.clone(),
        });
        let clerk = Clerk::new(clerk::Parts {
            store: self.store.clone(),
            shelf: self.shelf.clone(),
            outbox: api.outbox.clone(),
            bells: self.bells.clone(),
            clock: self.clock.clone(),
            node: self.node()?,
        });
        let tasks = TaskTracker::new();
        let keep = || (self.supervisor.clone(), self.clock.clone(), stop.clone());
        let (supervisor, clock, until) = keep();
        let mut is_first = true;
        tasks.spawn(supervisor.keep("dispatcher", clock, until.clone(), move || {
            let (dispatcher, until) = (Dispatcher::new(Arc::clone(&dispatcher)), until.clone());
            let is_first = std::mem::take(&mut is_first);
            async move {
                if !is_first {
                    dispatcher.release().await;
                }
                dispatcher.run(until).await;
            }
        }));
        let (supervisor, clock, until) = keep();
        tasks.spawn(supervisor.keep("push", clock, until.clone(), move || courier.clone().run(until.clone())));
        let (supervisor, clock, until) = keep();
        tasks.spawn(supervisor.keep("imports", clock, until.clone(), move || clerk.clone().run(until.clone())));
        let ((supervisor, clock, until), kept) = (keep(), api.clone());
        tasks.spawn(supervisor.keep("maintenance", clock, until.clone(), move || {
            let keeping = until.clone().run_until_cancelled_owned(keep_house(kept.clone()));
            async { keeping.await.unwrap_or(()) }
        }));
        tasks.spawn(end_counting(api.clone(), stop.clone()));
        tasks.close();
        Ok(tasks)
    }

    fn dispatcher(&self) -> Result<dispatcher::Parts, StartError> {
        Ok(dispatcher::Parts {
            receipts: Receipts::new(self.store.clone(), self.clock.clone()),
            store: self.store.clone(),
            inbox: self.inbox.clone(),
            files: self.files.clone(),
            egress: self.egress.clone(),
            bells: self.bells.clone(),
            clock: self.clock.clone(),
            supervisor: self.supervisor.clone(),
            hosts: dispatcher::hosts::Hosts::default(),
            link_sealer: self.master_key.sealer("links"),
            web: self.web()?,
            node: self.node()?,
            fingerprint: self.master_key.fingerprint(),
        })
    }
}

/// Waits, when the gateway stops, for statistics that are being counted.
async fn end_counting(api: Api, stop: CancellationToken) {
    stop.cancelled().await;
    api.statistics.close().await;
    api.queues.close().await;
}

/// What is done now and then, and may be missed.
async fn keep_house(api: Api) {
    let mut swept = String::new();
    loop {
        api.clock.sleep(HOUSEKEEPING).await;
        // Said in the log also where nobody asks.
        let _ = api.room.disk().space();
        let (now, uses) = (api.clock.now(), api.keys.take_uses());
        // Durations that nobody asks for would stay in memory.
        api.metrics.run_upkeep();
        let kept = async {
            if !uses.is_empty() {
                api.store.note_key_use(uses).await?;
            }
            api.store.delete_audit(now - limits::AUDIT_DAYS * DAY_MS, limits::AUDIT_ROWS_FORGOTTEN_MAX).await?;
            api.store.end_unpermitted_shares(now).await?;
            api.room.recount().await?;
            api.store.forget_first_answers(now).await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "housekeeping waits for the store");
        }
        if let Err(error) = api.imports.sweep().await {
            tracing::warn!(%error, "old imports are kept a while longer");
        }
        match api.files.sweep(swept.clone()).await {
            Ok(last) => swept = last,
            Err(error) => tracing::warn!(%error, "files that nothing refers to are kept a while longer"),
        }
    }
}
