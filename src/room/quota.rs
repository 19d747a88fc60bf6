//! What each client has of one thing that may not grow without end, and whether its quota has room for more.
//!
//! No request counts anything: what a client has is counted once, and what is added since is added to that. Only where the sum
//! would pass the quota is it counted again, as some of it is gone by then; and once a minute, as other processes add to it too. How much a
//! client may have is read with each count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::MB;
use crate::account::Client;
use crate::clock::{Clock, Millis};
use crate::limits;
use crate::store::{Store, StoreError};

/// What is bounded for each client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    WaitingMessages,
    FileBytes,
}

impl Thing {
    /// The client's own quota, where it has one.
    fn quota_of(self, client: &Client) -> Option<i64> {
        match self {
            Self::WaitingMessages => client.waiting_quota,
            Self::FileBytes => client.files_quota_mb.map(|mb| mb.saturating_mul(MB)),
        }
    }

    async fn count(self, store: &Store, client_id: i64) -> Result<i64, StoreError> {
        match self {
            Self::WaitingMessages => {
                let queues = store.count_waiting_of(client_id).await?;
                Ok(queues.into_iter().map(|(_, waiting)| waiting).sum())
            }
            Self::FileBytes => store.sum_file_bytes_of(client_id).await,
        }
    }
}

/// The quotas of one thing. Cheap to clone.
#[derive(Clone)]
pub(super) struct Quota(Arc<Parts>);

struct Parts {
    thing: Thing,
    /// Of a client that has no quota of its own; 0 for any number.
    most: i64,
    store: Store,
    clock: Clock,
    shares: Mutex<HashMap<i64, Share>>,
    /// Held by whoever counts.
    turn: tokio::sync::Mutex<()>,
}

/// What one client has.
#[derive(Default)]
struct Share {
    /// As it was counted, with all that was added since; none before the first count.
    used: Option<i64>,
    /// How much it may have, as it was read with that count.
    most: i64,
    /// All that was ever added, without what was given back: what was added while somebody counted is the difference.
    added: i64,
    /// What was added and may not be stored yet.
    pending: i64,
    /// When it may be counted again.
    next_count_at: Millis,
    /// Whether something was added since the last regular count.
    is_in_use: bool,
}

impl Share {
    fn add(&mut self, more: i64) {
        self.used = self.used.map(|used| used.saturating_add(more));
        self.added += more;
        self.pending += more;
        self.is_in_use = true;
    }
}

/// A quota that has no room, and how much of it is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) used: i64,
    pub(super) most: i64,
}

/// What was added to what a client has. It stays added when this is dropped, but where it is given back.
#[must_use]
pub struct Added {
    quota: Option<Quota>,
    client_id: i64,
    more: i64,
}

impl Added {
    /// Nothing.
    pub const fn nothing() -> Self {
        Self { quota: None, client_id: 0, more: 0 }
    }

    /// It was certainly not stored.
    pub fn give_back(self) {
        if let Some(quota) = &self.quota {
            quota.take_away(self.client_id, self.more);
        }
    }
}

impl Drop for Added {
    fn drop(&mut self) {
        if let Some(quota) = &self.quota
            && let Some(share) = quota.shares().get_mut(&self.client_id)
        {
            share.pending -= self.more;
        }
    }
}

impl Quota {
    pub(super) fn new(thing: Thing, most: i64, store: Store, clock: Clock) -> Self {
        Self(Arc::new(Parts {
            thing,
            most,
            store,
            clock,
            shares: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Adds to what a client has; says how much that is where its quota has no room for it.
    ///
    /// # Errors
    /// When it had to be counted, and the store cannot be read.
    pub(super) async fn add(&self, client_id: i64, more: i64) -> Result<Result<Added, Used>, StoreError> {
        loop {
            match self.try_add(client_id, more) {
                Tried::Added(added) => return Ok(Ok(added)),
                Tried::Full(used) => return Ok(Err(used)),
                Tried::Unsure => {}
            }
            let _turn = self.0.turn.lock().await;
            // Somebody may have counted while this one waited.
            if matches!(self.look(client_id, more), Sure::No) {
                self.count(client_id).await?;
            }
        }
    }

    /// Adds to what a client has, whether there is room or not.
    pub(super) fn add_anyway(&self, client_id: i64, more: i64) -> Added {
        self.shares().entry(client_id).or_default().add(more);
        Added { quota: Some(self.clone()), client_id, more }
    }

    /// How much a client may have is another now, perhaps.
    pub(super) fn read_again(&self, client_id: i64) {
        if let Some(share) = self.shares().get_mut(&client_id) {
            share.used = None;
        }
    }

    /// Something that a client had is gone.
    pub(super) fn take_away(&self, client_id: i64, less: i64) {
        if let Some(share) = self.shares().get_mut(&client_id) {
            share.used = share.used.map(|used| used - less);
            share.added -= less;
        }
    }

    fn try_add(&self, client_id: i64, more: i64) -> Tried {
        let mut shares = self.shares();
        let share = shares.entry(client_id).or_default();
        match self.judge(share, more) {
            Sure::Fits => share.add(more),
            Sure::Full(used) => return Tried::Full(used),
            Sure::No => return Tried::Unsure,
        }
        Tried::Added(Added { quota: Some(self.clone()), client_id, more })
    }

    fn look(&self, client_id: i64, more: i64) -> Sure {
        self.judge(self.shares().entry(client_id).or_default(), more)
    }

    fn judge(&self, share: &Share, more: i64) -> Sure {
        let most = share.most;
        match share.used {
            Some(used) if used.saturating_add(more) <= most => Sure::Fits,
            Some(used) if self.0.clock.now() < share.next_count_at => Sure::Full(Used { used, most }),
            _ => Sure::No,
        }
    }

    /// Only for who has the turn.
    async fn count(&self, client_id: i64) -> Result<(), StoreError> {
        let Parts { thing, most, store, clock, .. } = &*self.0;
        let began = clock.now();
        let (added, pending) = {
            let mut shares = self.shares();
            let share = shares.entry(client_id).or_default();
            (share.added, share.pending)
        };
        let own = store.find_client(client_id).await?.and_then(|client| thing.quota_of(&client));
        let (counted, most) = match own.unwrap_or(*most) {
            // Nobody asks what a client has that may have any number.
            0 => (0, i64::MAX),
            most => (thing.count(store, client_id).await?, most),
        };
        let taken_ms = clock.now() - began;
        let mut shares = self.shares();
        let share = shares.entry(client_id).or_default();
        // What was on its way meanwhile may have been counted or not: it is taken for not, until the next count.
        (share.used, share.most) = (Some(counted + pending + share.added - added), most);
        share.next_count_at = began + limits::QUOTA_COUNT_MS.max(taken_ms.saturating_mul(limits::QUOTA_COUNT_SHARE));
        Ok(())
    }

    /// Counts anew what clients have that added something since the last time; forgets what the others have.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn recount(&self) -> Result<(), StoreError> {
        let in_use: Vec<i64> = {
            let mut shares = self.shares();
            shares.retain(|_, share| std::mem::take(&mut share.is_in_use) || share.pending > 0);
            shares.keys().copied().collect()
        };
        for client_id in in_use {
            let _turn = self.0.turn.lock().await;
            self.count(client_id).await?;
        }
        Ok(())
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<i64, Share>> {
        self.0.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether more fits, as far as that is known.
enum Sure {
    Fits,
    Full(Used),
    /// It has to be counted.
    No,
}

enum Tried {
    Added(Added),
    Full(Used),
    Unsure,
}
