//! Works through imports: claims what was begun, accepts its rows a batch at a time, notes how far it is.
//!
//! The right to work on an import is a lease in the store, renewed with every note; taking it over counts up its epoch, and
//! every note names the epoch, so that of several nodes one works on each and a node that lost its lease notes nothing more.
//! Clients have turns: one import of each at a time, and one that was worked on for a while makes room where others wait.
//! What was accepted and not noted is offered again by whoever goes on, and known by its key.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ImportError, Preview, SentBefore, Urgency, Way, accept, all_refused, campaign_of, without_known};
use crate::account::{Client, Person, Role};
use crate::bell::Bells;
use crate::campaign::{self, Checked, Checker, Line, Ready, Refused, State, Stop};
use crate::clock::{Clock, Millis};
use crate::device::Device;
use crate::limits;
use crate::media::shelf::{Shelf, ShelfError};
use crate::outbox::Outbox;
use crate::room::{NoRoom, Refusal};
use crate::store::{ImportLease, ImportStep, Store, StoreError, StoredImport};
use crate::telemetry::Outage;

/// How long a lease holds without a note: longer than a batch can take.
const LEASE_MS: Millis = 20_000;
const _: () = assert!(LEASE_MS as u64 > limits::LOCK_WAIT_SECONDS * 1_000);

/// Works through the imports of every client.
#[derive(Clone)]
pub struct Clerk(Arc<Parts>);

/// What a clerk works with.
pub struct Parts {
    pub store: Store,
    pub shelf: Shelf,
    pub outbox: Outbox,
    pub bells: Bells,
    pub clock: Clock,
    /// This node's name in the leases: the same after a restart.
    pub node: String,
}

/// Rows for which there is no room now.
struct Waiting {
    rows: Vec<Checked>,
    why: NoRoom,
}

/// How the work on an import ended, for now.
enum End {
    /// It is done, or stopped, and noted so; or it is another node's.
    Over,
    /// The gateway is being stopped, or it is another client's turn.
    Later,
}

impl Clerk {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Works until `stop`; then finishes the batches in hand, and gives the leases back.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        let mut is_fresh = true;
        let mut outage = Outage::of("imports");
        loop {
            outage.hear(&self.claim(&mut tasks, &mut is_fresh, &stop).await);
            let poll = self.0.clock.sleep(Duration::from_millis(limits::POLL_MS));
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.0.bells.imports.rung() => {}
                () = poll => {}
                Some(_) = tasks.join_next() => {}
            }
        }
        while tasks.join_next().await.is_some() {}
        if let Err(error) = self.0.store.release_imports(&self.0.node).await {
            tracing::warn!(%error, "the leases of imports could not be given back; they run out by themselves");
        }
    }

    /// Takes imports, as far as there is room. What this node held when it last ended is free again first.
    async fn claim(
        &self,
        tasks: &mut JoinSet<()>,
        is_fresh: &mut bool,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let Parts { store, clock, node, .. } = &*self.0;
        if *is_fresh {
            store.release_imports(node).await?;
            *is_fresh = false;
        }
        while tasks.try_join_next().is_some() {}
        let room = limits::IMPORTS_AT_ONCE_MAX.saturating_sub(tasks.len());
        if room == 0 || !store.has_waiting_imports(clock.now()).await? {
            return Ok(());
        }
        for lease in store.lease_imports(node, clock.now(), clock.now() + LEASE_MS, room).await? {
            tasks.spawn(self.clone().work(lease, stop.clone()));
        }
        Ok(())
    }

    /// Works on an import until it ends; a store or shelf that is away is waited for.
    async fn work(self, lease: ImportLease, stop: CancellationToken) {
        let id = &lease.import_id;
        loop {
            match self.go_on(&lease, &stop).await {
                Ok(End::Over | End::Later) => return,
                Err(StoreError::NotOwner) => {
                    return tracing::info!(import = id, "another node goes on with the import");
                }
                Err(StoreError::Unavailable(reason)) => {
                    tracing::warn!(import = id, reason, "an import waits");
                    let wait = self.0.clock.sleep(Duration::from_millis(limits::POLL_MS));
                    if stop.run_until_cancelled(wait).await.is_none() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(import = id, %error, "an import stopped by a fault");
                    if let Err(error) = self.end(&lease, Some(Stop::Fault)).await {
                        tracing::error!(import = id, %error, "nor could that be noted");
                    }
                    return;
                }
            }
        }
    }

    /// Goes on with an import from the row where it is.
    async fn go_on(&self, lease: &ImportLease, stop: &CancellationToken) -> Result<End, StoreError> {
        let Parts { store, shelf, clock, .. } = &*self.0;
        let (import, began) = (store.find_leased_import(lease).await?, clock.now());
        let bytes = match shelf.get(&import.id).await {
            Ok(bytes) => bytes,
            Err(ShelfError::Unavailable(reason)) => return Err(StoreError::Unavailable(reason)),
            Err(_) => return self.end(lease, Some(Stop::File)).await,
        };
        let mut campaign = campaign_of(&import);
        let file = match super::read(store, bytes, Preview::of(&import.preview).source.sheet, &mut campaign).await {
            // What cannot be read as it was when it was checked is given again.
            Ok(file) if i64::try_from(file.lines.len()) == Ok(import.row_count) => file,
            Err(ImportError::Store(error)) => return Err(error),
            Ok(_) | Err(_) => return self.end(lease, Some(Stop::File)).await,
        };
        let first = usize::try_from(import.next_row).unwrap_or(usize::MAX);
        let mut checker = Checker::new(campaign);
        let mut refused: HashMap<usize, Refused> =
            all_refused(store, &import.id).await?.into_iter().map(at_place).collect();
        // What the check refused stays refused, whatever has changed since: somebody saw what it found good, and began that.
        let check = move |line: Line| {
            let refused = refused.remove(&line.at);
            // Every row counts for what later rows that say the same are known by.
            let checked = checker.check(line);
            refused.map_or(checked, Err)
        };
        // From the first on: rows that say the same are told apart by how many came before.
        let mut rows = file.lines.into_iter().map(check).skip(first).peekable();
        let mut next_row = import.next_row;
        let turn_ms = limits::IMPORT_TURN_MS.max((clock.now() - began) * limits::IMPORT_TURN_READINGS);
        let mut turn_ends = clock.now() + turn_ms;
        loop {
            if stop.is_cancelled() {
                return Ok(End::Later);
            }
            if clock.now() >= turn_ends {
                turn_ends = clock.now() + turn_ms;
                if store.has_waiting_imports_beside(import.client_id, clock.now()).await? {
                    store.give_import_back(lease, clock.now()).await?;
                    return Ok(End::Later);
                }
            }
            let batch = campaign::next_batch(&mut rows);
            if batch.is_empty() {
                return self.end(lease, None).await;
            }
            next_row += i64::try_from(batch.len()).unwrap_or(i64::MAX);
            let device = match self.device(&import).await? {
                Ok(device) => device,
                Err(why) => return self.end(lease, Some(why)).await,
            };
            let step = match self.offer_all(lease, &import, &device, batch, stop).await? {
                Ok(step) => ImportStep { next_row, ..step },
                Err(end) => return Ok(end),
            };
            if store.note_import(lease, step, clock.now() + LEASE_MS).await? != State::Running {
                return Ok(End::Over);
            }
        }
    }

    /// Offers rows until each has ended; those for which there is no room wait for it. Gives how they ended, or how the work did: what
    /// was accepted until then is known by its keys.
    async fn offer_all(
        &self,
        lease: &ImportLease,
        import: &StoredImport,
        device: &Device,
        batch: Vec<Checked>,
        stop: &CancellationToken,
    ) -> Result<Result<ImportStep, End>, StoreError> {
        let Parts { store, clock, .. } = &*self.0;
        let (mut step, mut left, mut said) = (ImportStep::default(), batch, None);
        loop {
            let (offered, waiting) = self.offer(import, device, left).await?;
            step.accepted += offered.accepted;
            step.known += offered.known;
            step.refused.extend(offered.refused);
            let Some(Waiting { rows, why }) = waiting else { return Ok(Ok(step)) };
            left = rows;
            if said.replace(why).is_none() {
                tracing::info!(import = lease.import_id, %why, "an import waits for room");
            }
            let noted = store.note_import_wait(lease, why.to_string(), step.accepted, clock.now() + LEASE_MS).await?;
            if noted != State::Running {
                return Ok(Err(End::Over));
            }
            let wait = clock.sleep(Duration::from_millis(limits::POLL_MS));
            if stop.run_until_cancelled(wait).await.is_none() {
                return Ok(Err(End::Later));
            }
            // It finds room later as well as now, and its client's turn is over.
            if store.has_waiting_imports_beside(import.client_id, clock.now()).await? {
                store.give_import_back(lease, clock.now()).await?;
                return Ok(Err(End::Later));
            }
        }
    }

    async fn end(&self, lease: &ImportLease, why: Option<Stop>) -> Result<End, StoreError> {
        self.0.store.end_import(lease, why, self.0.clock.now()).await?;
        tracing::info!(import = lease.import_id, stopped = why.map(Stop::name), "an import ended");
        Ok(End::Over)
    }

    /// The device that sends, as it is now, if everything is still as it must be; else why the import stops.
    async fn device(&self, import: &StoredImport) -> Result<Result<Device, Stop>, StoreError> {
        let store = &self.0.store;
        let person = store.find_person_numbered(import.person_id).await?;
        let own = match &person {
            Some(person) => store.find_client(person.client_id).await?,
            None => None,
        };
        let client = store.find_client(import.client_id).await?;
        if let Some(why) = stops(person.as_ref(), own.as_ref(), client.as_ref()) {
            return Ok(Err(why));
        }
        let device = store.find_device(&import.device_id).await?;
        Ok(device.filter(|device| device.client_id == import.client_id).ok_or(Stop::Device))
    }

    /// Offers rows; gives how they ended, and those for which there is no room.
    async fn offer(
        &self,
        import: &StoredImport,
        device: &Device,
        batch: Vec<Checked>,
    ) -> Result<(ImportStep, Option<Waiting>), StoreError> {
        let decided = import.sent_before.as_deref().and_then(SentBefore::from_name);
        let sent_since = SentBefore::since(decided, import.begun_at.unwrap_or(import.created_at));
        let times = (sent_since, self.0.clock.now());
        let (batch, known) = without_known(&self.0.store, import.client_id, batch, device.kind, times).await?;
        let mut step = ImportStep { known, ..ImportStep::default() };
        let (mut ready, mut offers) = (Vec::new(), Vec::new());
        for row in batch {
            match row {
                Ok(row) => ready.push(row),
                Err(refused) => step.refused.push(refused),
            }
        }
        let urgency = Urgency { priority: import.priority, tag: import.tag.clone() };
        for row in &ready {
            let way = Way { by: &import.id, sent_since };
            let accept = accept(row, import.client_id, import.person_id, device, way, &urgency, &self.0.clock);
            offers.push(self.0.outbox.accept(accept));
        }
        let ends = join_all(offers).await;
        let mut waiting: Option<Waiting> = None;
        for (row, end) in ready.into_iter().zip(ends) {
            match end {
                Ok(()) => step.accepted += 1,
                Err(Refusal::NoRoom(why)) => {
                    waiting.get_or_insert_with(|| Waiting { rows: Vec::new(), why }).rows.push(Ok(row));
                }
                Err(Refusal::Store(StoreError::KeyUsed)) if self.was_here(import, &row).await? => step.accepted += 1,
                Err(Refusal::Store(StoreError::KeyUsed)) => step.known += 1,
                Err(Refusal::Store(error @ StoreError::DailyLimit { .. })) => {
                    let Ready { place, line, recipient: destination, .. } = row;
                    step.refused.push(Refused { place, line, destination, reason: error.to_string() });
                }
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Ok((step, waiting))
    }

    /// Whether a row that is known was accepted by this very import, and not noted before a crash.
    async fn was_here(&self, import: &StoredImport, row: &Ready) -> Result<bool, StoreError> {
        let first = self.0.store.find_first_answer(import.client_id, &row.key, self.0.clock.now()).await?;
        Ok(first.is_some_and(|(by, _)| by == import.id.as_bytes()))
    }
}

fn at_place(refused: Refused) -> (usize, Refused) {
    (usize::try_from(refused.place).unwrap_or(usize::MAX), refused)
}

/// Why an import stops, if it does: who wants it, his own client, and the client that it is for, as they are now.
fn stops(person: Option<&Person>, own: Option<&Client>, client: Option<&Client>) -> Option<Stop> {
    let Some(client) = client.filter(|client| !client.disabled) else { return Some(Stop::Client) };
    let may_send = person.zip(own).is_some_and(|(person, own)| {
        let reaches = match person.role {
            Role::Administrator => true,
            Role::Owner | Role::Sender => own.id == client.id,
        };
        !person.disabled && !own.disabled && reaches
    });
    (!may_send).then_some(Stop::MayNotSend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_goes_on_only_while_its_person_may_send_for_its_client() {
        let client = |id, disabled| Client {
            id,
            name: String::new(),
            country_code: "62".into(),
            default_device: None,
            disabled,
            waiting_quota: None,
            files_quota_mb: None,
            created_at: 0,
        };
        let person = |role, disabled| Person { id: 7, client_id: 1, userid: "p".into(), role, disabled, created_at: 0 };
        let (own, off, other) = (client(1, false), client(1, true), client(2, false));
        let (sender, administrator) = (person(Role::Sender, false), person(Role::Administrator, false));
        let away = person(Role::Administrator, true);
        for (person, own, client, expected) in [
            (Some(&sender), Some(&own), Some(&own), None),
            (Some(&administrator), Some(&own), Some(&other), None),
            (Some(&sender), Some(&own), Some(&other), Some(Stop::MayNotSend)),
            (Some(&away), Some(&own), Some(&own), Some(Stop::MayNotSend)),
            (Some(&administrator), Some(&off), Some(&other), Some(Stop::MayNotSend)),
            (None, None, Some(&own), Some(Stop::MayNotSend)),
            (Some(&sender), Some(&off), Some(&off), Some(Stop::Client)),
            (Some(&administrator), Some(&own), None, Some(Stop::Client)),
        ] {
            assert_eq!(stops(person, own, client), expected);
        }
    }
}
