//! The memory that files take on their way through the gateway, in all and for each client: so that no client's files leave none for
//! the others. It is reserved as bytes arrive, so that a slow upload holds no more than it sent.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::clock::{Clock, Millis};
use crate::limits;

/// What all files may take. Cheap to clone.
#[derive(Clone)]
pub struct FileMemory(Arc<Parts>);

struct Parts {
    clock: Clock,
    all_max: usize,
    each_max: usize,
    used: Mutex<Used>,
    freed: Notify,
}

#[derive(Default)]
struct Used {
    all: usize,
    clients: HashMap<i64, Share>,
    last_id: u64,
}

/// What one client's files take.
#[derive(Default)]
struct Share {
    bytes: usize,
    /// Its reservations, the oldest first.
    ids: BTreeSet<u64>,
}

/// Memory of one client's file, until it is dropped.
pub struct Reservation {
    memory: FileMemory,
    client_id: i64,
    id: u64,
    bytes: usize,
    /// How long it has waited, all in all.
    waited: Millis,
}

/// There was no memory for a file for as long as anybody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many files are being sent and received at this moment")]
pub struct NoMemory;

impl FileMemory {
    pub fn new(clock: Clock) -> Self {
        Self::sized(clock, limits::FILES_BYTES_IN_MEMORY_MAX, limits::CLIENT_FILES_BYTES_IN_MEMORY_MAX)
    }

    fn sized(clock: Clock, all_max: usize, each_max: usize) -> Self {
        Self(Arc::new(Parts { clock, all_max, each_max, used: Mutex::default(), freed: Notify::new() }))
    }

    /// Begins a file of a client, with nothing reserved.
    pub fn begin(&self, client_id: i64) -> Reservation {
        let mut used = self.used();
        used.last_id += 1;
        let id = used.last_id;
        used.clients.entry(client_id).or_default().ids.insert(id);
        Reservation { memory: self.clone(), client_id, id, bytes: 0, waited: 0 }
    }

    /// Reserves memory for a file whose size is known, for as long as it takes: other files leave sooner or later.
    pub async fn reserve(&self, client_id: i64, bytes: usize) -> Reservation {
        let mut reservation = self.begin(client_id);
        // What is larger than a client's share has all of it.
        reservation.wait_for(bytes.min(self.0.each_max)).await;
        reservation
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Reserves `bytes` in all, and waits for what is missing for a while. The oldest of a client waits longer than the others: of
    /// several that have not all room, each with a part of it, one gets through.
    ///
    /// # Errors
    /// [`NoMemory`] when others keep the memory.
    pub async fn grow_to(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let more = bytes.saturating_sub(self.bytes);
        if self.try_grow_to(bytes).is_ok() {
            return Ok(());
        }
        let clock = self.memory.0.clock.clone();
        let (begun_at, before) = (clock.now(), self.waited);
        for seconds in [limits::FILE_MEMORY_SECONDS_MAX, limits::OLDEST_FILE_MEMORY_SECONDS_MAX] {
            let limit = Duration::from_secs(seconds).saturating_sub(Duration::from_millis(self.waited.unsigned_abs()));
            let waited = clock.within(limit, self.wait_for(more)).await;
            self.waited = before + clock.now() - begun_at;
            if waited.is_ok() {
                return Ok(());
            }
            if !self.is_oldest() {
                break;
            }
        }
        Err(NoMemory)
    }

    fn is_oldest(&self) -> bool {
        let used = self.memory.used();
        used.clients.get(&self.client_id).and_then(|share| share.ids.first()) == Some(&self.id)
    }

    /// Reserves `bytes` in all, if there is room for them now.
    ///
    /// # Errors
    /// [`NoMemory`] when there is none.
    pub fn try_grow_to(&mut self, bytes: usize) -> Result<(), NoMemory> {
        if self.take(bytes.saturating_sub(self.bytes)) { Ok(()) } else { Err(NoMemory) }
    }

    async fn wait_for(&mut self, more: usize) {
        let memory = self.memory.clone();
        loop {
            let freed = memory.0.freed.notified();
            tokio::pin!(freed);
            // From here on nothing that is freed is missed.
            freed.as_mut().enable();
            if self.take(more) {
                return;
            }
            freed.await;
        }
    }

    fn take(&mut self, more: usize) -> bool {
        let parts = &self.memory.0;
        let mut used = self.memory.used();
        let has_room = used.all + more <= parts.all_max;
        let share = used.clients.entry(self.client_id).or_default();
        if !has_room || share.bytes + more > parts.each_max {
            return false;
        }
        share.bytes += more;
        used.all += more;
        self.bytes += more;
        true
    }

    /// The bytes of the file, which give the memory back when the last of their copies is dropped.
    pub fn attach(self, bytes: Bytes) -> Bytes {
        struct Attached {
            bytes: Bytes,
            _reservation: Reservation,
        }
        impl AsRef<[u8]> for Attached {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        Bytes::from_owner(Attached { bytes, _reservation: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = self.memory.used();
        used.all -= self.bytes;
        if let Some(share) = used.clients.get_mut(&self.client_id) {
            share.bytes -= self.bytes;
            share.ids.remove(&self.id);
            if share.ids.is_empty() {
                used.clients.remove(&self.client_id);
            }
        }
        drop(used);
        self.memory.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn memory() -> (FileMemory, Clock) {
        let clock = Clock::held(1_790_000_000_000);
        (FileMemory::sized(clock.clone(), 300, 100), clock)
    }

    #[tokio::test]
    async fn one_client_has_a_share_and_leaves_the_rest_to_others() {
        let (memory, clock) = memory();
        let (mut first, mut second) = (memory.begin(1), memory.begin(1));
        assert_eq!((first.grow_to(60).await, second.grow_to(40).await), (Ok(()), Ok(())));
        let mut third = memory.begin(1);
        {
            let waiting = third.grow_to(1);
            tokio::pin!(waiting);
            assert_eq!(waiting.as_mut().now_or_never(), None);
            clock.advance(Duration::from_secs(limits::FILE_MEMORY_SECONDS_MAX));
            assert_eq!(waiting.await, Err(NoMemory));
        }
        for client_id in [2, 3] {
            let mut other = memory.begin(client_id);
            assert_eq!(other.grow_to(100).await, Ok(()), "{client_id}");
            std::mem::forget(other);
        }
        // All of it is in use.
        assert_eq!(memory.begin(4).grow_to(1).now_or_never(), None);
        drop(second);
        assert_eq!(memory.begin(4).grow_to(40).now_or_never(), Some(Ok(())));
        assert_eq!(memory.used().all, 260);
    }

    #[tokio::test]
    async fn of_several_that_each_hold_a_part_the_oldest_gets_through() {
        let (memory, clock) = memory();
        let mut held: Vec<Reservation> = (0..4).map(|_| memory.begin(1)).collect();
        for one in &mut held {
            assert_eq!(one.grow_to(25).await, Ok(()));
        }
        let mut waiting: Vec<_> =
            held.into_iter().map(|mut one| Box::pin(async move { one.grow_to(90).await.map(|()| one) })).collect();
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        clock.advance(Duration::from_secs(limits::FILE_MEMORY_SECONDS_MAX));
        for younger in waiting.split_off(1) {
            assert_eq!(younger.await.err(), Some(NoMemory));
        }
        assert!(waiting.remove(0).await.is_ok());
        // A younger one is not held up by the oldest for longer.
        let (mut oldest, mut younger) = (memory.begin(1), memory.begin(1));
        assert_eq!(oldest.grow_to(90).await, Ok(()));
        let growing = younger.grow_to(20);
        tokio::pin!(growing);
        assert!(growing.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_secs(limits::FILE_MEMORY_SECONDS_MAX));
        assert_eq!(growing.await, Err(NoMemory));
    }

    #[tokio::test]
    async fn who_waits_goes_on_as_soon_as_bytes_are_dropped() {
        let (memory, _) = memory();
        let held = memory.reserve(1, 1_000).await.attach(Bytes::from_static(b"hello"));
        let copy = held.slice(1..3);
        let waiting = memory.reserve(1, 50);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(copy, "el");
        drop(copy);
        assert_eq!(waiting.as_mut().now_or_never().map(|reservation| reservation.bytes), Some(50));
        assert!(memory.used().clients.is_empty() && memory.used().all == 0);
    }
}
