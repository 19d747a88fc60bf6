//! Where linked accounts' keys are: the client library's storage traits on our own store.
//!
//! A thing is a row, its value sealed for its own place. Each call of a trait is one unit of the store's writer, under the lease
//! of who owns the device: with the lease lost it fails, and writes nothing. The library keeps what it needs often in memory.

mod chats;
mod protocol;
mod secrets;
mod settings;
mod signal;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use whatsapp_rust::Client;
use whatsapp_rust::anyhow::{self, Context as _};
use whatsapp_rust::wacore::client_profile::ClientProfile;
use whatsapp_rust::wacore::stats::StorageResourceReport;
use whatsapp_rust::wacore::store::Device as Account;
use whatsapp_rust::wacore::store::device::DEVICE_PROPS;
use whatsapp_rust::wacore::store::error::{Result, StoreError as Fault};
use whatsapp_rust::wacore::store::traits::{Backend, DeviceStore};

pub use self::chats::Question;
use self::chats::SharedTimers;
use super::traffic::Traffic;
use crate::clock::Clock;
use crate::device::Device;
use crate::limits;
use crate::seal::{DoesNotOpen, Sealers};
use crate::store::{self, KeyChange, KeyKind, KeyRow, Lease, Store};

/// The keys of every device.
#[derive(Clone)]
pub struct KeyRing {
    store: Store,
    sealers: Sealers,
    clock: Clock,
    /// The last number that was given to something learned.
    learned: Arc<AtomicI64>,
}

impl KeyRing {
    pub fn new(store: Store, sealers: Sealers, clock: Clock) -> Self {
        Self { store, sealers, clock, learned: Arc::default() }
    }

    /// The keys of one device, for who owns it under this epoch.
    pub fn of(&self, device: &Device, epoch: i64) -> Keys {
        Keys {
            ring: self.clone(),
            sealers: self.sealers.part(&device.id),
            client_id: device.client_id,
            lease: Lease { device_id: device.id.clone(), epoch },
            writes: TaskTracker::new(),
            missed: None,
            traffic: Traffic::new(self.clock.clone()),
            arrivals: Arc::new(Semaphore::new(limits::ARRIVALS_AT_ONCE_MAX)),
            timers: SharedTimers::default(),
        }
    }
}

/// The keys of one device.
#[derive(Clone)]
pub struct Keys {
    ring: KeyRing,
    sealers: Sealers,
    client_id: i64,
    lease: Lease,
    /// What is being written through this and its clones. Closed: nothing is written through them any more.
    writes: TaskTracker,
    /// Where messages are told of that came in before and are not ours all the same.
    missed: Option<mpsc::Sender<Missed>>,
    /// Whether sessions are to be settled now: see [`Keys::settle`].
    traffic: Traffic,
    /// A permit for each write of messages that came in and are not committed yet; all of them are a barrier.
    arrivals: Arc<Semaphore>,
    timers: SharedTimers,
}

/// A message that was decrypted before a crash and not stored: the library takes it for one that was had already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    pub chat: String,
    pub sender: String,
    pub id: String,
}

impl Keys {
    /// The same keys, for one run of the library: see [`Keys::close`].
    pub fn of_session(&self, missed: mpsc::Sender<Missed>) -> Self {
        Self { writes: TaskTracker::new(), missed: Some(missed), ..self.clone() }
    }

    /// Waits for what is being written, and lets nothing be written any more: what the library left undone when it stopped
    /// must not come after what follows, as the end of the link or the next run. To the account it is as after a crash.
    pub async fn close(&self) {
        self.writes.close();
        self.writes.wait().await;
    }

    /// The linked account: the digits of its number, and of its hidden id when it has one. `None` when none is linked.
    ///
    /// # Errors
    /// When the store cannot be read, or what it holds does not open.
    pub async fn account(&self) -> Result<Option<(String, Option<String>)>> {
        let Some(account) = self.load().await? else { return Ok(None) };
        let lid = account.lid.map(|lid| lid.user.to_string());
        Ok(account.pn.map(|number| (number.user.to_string(), lid)))
    }

    /// Takes everything away: the device is then as one that was never linked.
    ///
    /// # Errors
    /// When it could not be stored, or the lease is lost.
    pub async fn wipe(&self) -> Result<()> {
        self.change(vec![KeyChange::Wipe]).await?;
        self.forget_timers();
        Ok(())
    }

    /// What comes in to the account, and leaves it.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Has the sessions stored that messages have moved on, before what was sealed by them leaves. An answer turns a
    /// session's ratchet: the key of the next message out is new, and the library writes it down up to 25 ms later, also
    /// when a message has left by it. A crash between would leave the recipient with a session whose other half nobody has.
    ///
    /// # Errors
    /// When it could not be stored: then nothing may leave.
    pub async fn settle(&self, client: &Client) -> anyhow::Result<()> {
        let limit = Duration::from_secs(limits::SETTLE_SECONDS_MAX);
        self.ring
            .clock
            .within(limit, client.flush_pending_signal_state())
            .await
            .context("sessions were not stored in time")??;
        Ok(())
    }

    /// As the library takes it.
    pub fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.clone())
    }

    /// Seals how a file that came in is had.
    pub fn seal_reference(&self, plain: &[u8]) -> Vec<u8> {
        self.sealers.seal(&self.ring.clock, &self.reference_place(), plain)
    }

    /// Opens what [`Keys::seal_reference`] sealed.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open_reference(&self, sealed: &[u8]) -> std::result::Result<Vec<u8>, DoesNotOpen> {
        self.sealers.open(&self.reference_place(), sealed)
    }

    fn reference_place(&self) -> Vec<u8> {
        store::place(self.client_id, &self.lease.device_id, store::FILE_REFERENCE, "", "")
    }

    fn now_seconds(&self) -> i64 {
        self.ring.clock.now().div_euclid(1_000)
    }

    /// A number that is greater than every one before, also than those of former processes.
    fn next_learned(&self) -> i64 {
        let now = self.ring.clock.now().saturating_mul(1_000);
        let next = |last: i64| Some(now.max(last + 1));
        let last = self.ring.learned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        last.map_or(now, |last| now.max(last + 1))
    }

    /// A row with its value sealed. The names are as the library has them.
    fn row(&self, kind: KeyKind, owner: &str, name: &str, value: &[u8]) -> KeyRow {
        let (owner, name) = (clean(owner).into_owned(), clean(name).into_owned());
        let place = self.place(kind, &owner, &name);
        let value = Some(self.sealers.seal(&self.ring.clock, &place, value));
        KeyRow { owner, name, value, at: 0, also: None }
    }

    fn place(&self, kind: KeyKind, owner: &str, name: &str) -> Vec<u8> {
        store::place(self.client_id, &self.lease.device_id, kind.name(), owner, name)
    }

    /// The value of a row; empty where there is none yet.
    fn open(&self, kind: KeyKind, row: &KeyRow) -> Result<Vec<u8>> {
        match &row.value {
            Some(sealed) => {
                let place = self.place(kind, &row.owner, &row.name);
                self.sealers.open(&place, sealed).map_err(|fault| Fault::Database(Box::new(fault)))
            }
            None => Ok(Vec::new()),
        }
    }

    async fn find(&self, kind: KeyKind, owner: &str, name: &str) -> Result<Option<KeyRow>> {
        let (owner, name) = (clean(owner), clean(name));
        self.ring.store.find_key(&self.lease.device_id, kind, &owner, &name).await.map_err(failed)
    }

    async fn find_sent(&self, message_id: &str) -> Result<Option<KeyRow>> {
        self.ring.store.find_sent_key(&self.lease.device_id, &clean(message_id)).await.map_err(failed)
    }

    async fn get(&self, kind: KeyKind, owner: &str, name: &str) -> Result<Option<Vec<u8>>> {
        self.find(kind, owner, name).await?.map(|row| self.open(kind, &row)).transpose()
    }

    async fn change(&self, changes: Vec<KeyChange>) -> Result<u64> {
        let _writing = self.begin_write()?;
        self.ring.store.change_keys(&self.lease, changes).await.map_err(failed)
    }

    /// To be held while something is written.
    fn begin_write(&self) -> Result<TaskTrackerToken> {
        let token = self.writes.token();
        if self.writes.is_closed() { Err(Fault::Database(Box::new(Closed))) } else { Ok(token) }
    }

    /// Waits until the messages are stored whose storing has begun. The library moves a session on in memory when it has
    /// decrypted a message, and writes both at the same time: with the session on the disk first, a crash between would make
    /// the message, when it comes again, one that was had already. What is decrypted and does not store itself yet is not
    /// seen from here, so that a crash at that moment still can.
    async fn arrivals_stored(&self) {
        let all = u32::try_from(limits::ARRIVALS_AT_ONCE_MAX).unwrap_or(u32::MAX);
        // It is never closed.
        drop(self.arrivals.acquire_many(all).await);
    }

    async fn put(&self, kind: KeyKind, owner: &str, name: &str, value: &[u8]) -> Result<()> {
        self.put_rows(kind, vec![self.row(kind, owner, name, value)]).await
    }

    async fn put_rows(&self, kind: KeyKind, rows: Vec<KeyRow>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.change(vec![KeyChange::Put { kind, rows }]).await.map(drop)
    }

    async fn forget(&self, kind: KeyKind, owner: &str, name: &str) -> Result<()> {
        let places = vec![(clean(owner).into_owned(), clean(name).into_owned())];
        self.change(vec![KeyChange::Forget { kind, places }]).await.map(drop)
    }

    /// Takes away what is older than `before`, in seconds; gives how much it was.
    async fn forget_before(&self, kind: KeyKind, before: i64) -> Result<u32> {
        self.change(vec![KeyChange::ForgetBefore { kind, before }]).await.map(count)
    }
}

#[async_trait]
impl DeviceStore for Keys {
    async fn save(&self, device: &Account) -> Result<()> {
        self.put(KeyKind::Account, "", "", &to_json(device)?).await
    }

    async fn load(&self) -> Result<Option<Account>> {
        let Some(json) = self.get(KeyKind::Account, "", "").await? else { return Ok(None) };
        let mut account: Account = from_json(&json)?;
        // What is not stored is as in a new one; who connects sets it again.
        account.device_props = Arc::new(DEVICE_PROPS.clone());
        account.client_profile = ClientProfile::web();
        Ok(Some(account))
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.find(KeyKind::Account, "", "").await?.is_some())
    }

    async fn create(&self) -> Result<i32> {
        if !self.exists().await? {
            self.save(&Account::new()).await?;
        }
        // One account a device.
        Ok(1)
    }

    async fn resource_report(&self) -> StorageResourceReport {
        // What it keeps is in the store, whose memory is all devices' together.
        StorageResourceReport { memory_bytes: Some(0), ..Default::default() }
    }
}

/// A message is not ours yet: the library must not confirm it.
#[derive(Debug, thiserror::Error)]
#[error("the message was never stored; its sender is asked for it again")]
struct NotStored;

/// The run of the library that this was for is over.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed before this was stored")]
struct Closed;

/// Whether something was not written because the device is not this node's any more.
pub fn is_not_ours(fault: &Fault) -> bool {
    matches!(fault, Fault::Database(error) if matches!(error.downcast_ref(), Some(store::StoreError::NotOwner)))
}

fn failed(error: store::StoreError) -> Fault {
    Fault::Database(Box::new(error))
}

fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Fault::Serialization(Box::new(error)))
}

fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| Fault::Serialization(Box::new(error)))
}

fn count(rows: u64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

/// A name without slashes, which part names, and without NUL, which PostgreSQL has not in texts. Two names stay two.
fn clean(name: &str) -> Cow<'_, str> {
    if name.contains(['%', '/', '\0']) {
        name.replace('%', "%25").replace('/', "%2F").replace('\0', "%00").into()
    } else {
        name.into()
    }
}

/// The name that [`clean`] was given.
fn plain(name: &str) -> String {
    name.replace("%00", "\0").replace("%2F", "/").replace("%25", "%")
}

/// One name for who wrote a message and its id, which no other two have.
fn pair(sender: &str, id: &str) -> String {
    // It is cleaned once more as a whole, which keeps it apart from every other.
    format!("{}/{}", clean(sender), clean(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_stay_two_and_come_back_as_they_were() {
        let names = ["a", "a/b", "a%2Fb", "%", "%25", "a\0", "a%00", "%2F", "", "6281@s.whatsapp.net", "a%252Fb"];
        for one in names {
            assert_eq!(plain(&clean(one)), one);
            assert!(!clean(one).contains(['/', '\0']));
            assert!(names.iter().all(|other| *other == one || clean(other) != clean(one)));
        }
        assert_ne!(pair("a/b", "c"), pair("a", "b/c"));
        assert_ne!(pair("a%2Fb", "c"), pair("a/b", "c"));
    }
}
