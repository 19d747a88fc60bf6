//! Work that clients share: so much at once of one client, so much in all. Whoever waits stands in the line of their client, and only as
//! many of a client as may work at once stand in the line of all: so it goes round by client, however much one of them asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Turns at one kind of work.
pub struct Turns {
    all: Semaphore,
    each: usize,
    waiting_max: usize,
    lines: Mutex<HashMap<i64, Line>>,
}

/// Those of one client who work or wait.
struct Line {
    turns: Arc<Semaphore>,
    people: usize,
}

/// Too many of the client wait already, or nobody may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// A turn, until it is dropped.
pub struct Turn<'t> {
    _all: SemaphorePermit<'t>,
    _own: OwnedSemaphorePermit,
    _place: Place<'t>,
}

/// A place in a client's line.
struct Place<'t> {
    turns: &'t Turns,
    client_id: i64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        if let Some(line) = lines.get_mut(&self.client_id) {
            line.people -= 1;
            if line.people == 0 {
                lines.remove(&self.client_id);
            }
        }
    }
}

impl Turns {
    /// `all` at once, `each` of one client; so many more of a client may wait.
    pub fn new(all: usize, each: usize, waiting_max: usize) -> Self {
        Self { all: Semaphore::new(all), each, waiting_max, lines: Mutex::default() }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`TooMany`] when as many of the client wait as may.
    pub async fn take(&self, client_id: i64) -> Result<Turn<'_>, TooMany> {
        let (place, own) = self.enter(client_id)?;
        // Nobody closes a semaphore.
        let own = own.acquire_owned().await.map_err(|_| TooMany)?;
        let all = self.all.acquire().await.map_err(|_| TooMany)?;
        Ok(Turn { _all: all, _own: own, _place: place })
    }

    /// A turn now.
    ///
    /// # Errors
    /// [`TooMany`] when there is none.
    pub fn try_take(&self, client_id: i64) -> Result<Turn<'_>, TooMany> {
        let (place, own) = self.enter(client_id)?;
        let own = own.try_acquire_owned().map_err(|_| TooMany)?;
        let all = self.all.try_acquire().map_err(|_| TooMany)?;
        Ok(Turn { _all: all, _own: own, _place: place })
    }

    fn enter(&self, client_id: i64) -> Result<(Place<'_>, Arc<Semaphore>), TooMany> {
        let mut lines = self.lines();
        let new = || Line { turns: Arc::new(Semaphore::new(self.each)), people: 0 };
        let line = lines.entry(client_id).or_insert_with(new);
        if line.people >= self.each + self.waiting_max {
            return Err(TooMany);
        }
        line.people += 1;
        Ok((Place { turns: self, client_id }, Arc::clone(&line.turns)))
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<i64, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    /// Lets a future go as far as it comes.
    macro_rules! poll {
        ($future:expr) => {
            $future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
    }

    #[test]
    fn turns_go_round_by_client() {
        let turns = Turns::new(1, 1, 8);
        let first = turns.try_take(1).ok().unwrap();
        // Four more of the first client came before the second client.
        let mut greedy: Vec<_> = (0..4).map(|_| Box::pin(turns.take(1))).collect();
        assert!(greedy.iter_mut().all(|one| poll!(one).is_pending()));
        let mut other = Box::pin(turns.take(2));
        assert!(poll!(other).is_pending());
        drop(first);
        assert!(greedy.iter_mut().all(|one| poll!(one).is_pending()));
        assert!(poll!(other).is_ready());
        assert!(poll!(greedy[0]).is_ready());
    }

    #[test]
    fn as_many_of_a_client_work_as_may_and_the_others_wait_or_are_refused() {
        let turns = Turns::new(3, 2, 1);
        let held = [turns.try_take(1).ok().unwrap(), turns.try_take(1).ok().unwrap()];
        assert_eq!(turns.try_take(1).err(), Some(TooMany));
        let mut waiting = Box::pin(turns.take(1));
        assert!(poll!(waiting).is_pending());
        let mut refused = Box::pin(turns.take(1));
        assert!(matches!(poll!(refused), std::task::Poll::Ready(Err(TooMany))));
        let other = turns.try_take(2).ok().unwrap();
        assert_eq!(turns.try_take(3).err(), Some(TooMany), "all turns are taken");
        drop((held, other));
        assert!(poll!(waiting).is_ready());
        drop((waiting, refused));
        assert!(turns.lines().is_empty());
    }
}
