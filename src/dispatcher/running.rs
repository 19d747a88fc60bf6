//! The downloads of a device that run: how many there are from servers of each standing, and which end early because others wait.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use super::Parts;
use super::download::{self, FetchEnd, Signs};
use super::hosts::{Hosts, Permit};
use super::need::Need;
use super::slots::Standing;
use crate::clock::Millis;
use crate::media::fetch::FetchFault;
use crate::message::{Priority, RefNo};

#[derive(Default)]
pub(super) struct Running {
    set: JoinSet<FetchEnd>,
    tasks: HashMap<Id, Task>,
}

struct Task {
    ref_no: RefNo,
    priority: Priority,
    standing: Standing,
    begun_at: Millis,
    /// Earlier downloads of the same file that failed.
    failed: i64,
    signs: Signs,
}

impl Task {
    /// Until when others that wait for its slot let it have it.
    fn may_until(&self) -> Millis {
        self.begun_at + self.standing.patience_ms(self.signs.is_answering(), self.failed)
    }
}

/// How many servers have to wait for a slot of this device or its node, by their standing and the priority of what is wanted.
#[derive(Debug, Default)]
pub(super) struct Waiting([[usize; 3]; 3]);

impl Waiting {
    pub(super) fn count(&mut self, standing: Standing, priority: Priority) {
        self.0[standing.index()][priority.index()] += 1;
    }

    pub(super) fn count_again(&mut self, priority: Priority) {
        self.0.iter_mut().for_each(|of| of[priority.index()] = 0);
    }
}

impl Running {
    /// The next download to end; `None` while none runs.
    pub(super) async fn join_next(&mut self) -> Option<FetchEnd> {
        let ended = self.set.join_next_with_id().await?;
        self.ended(ended)
    }

    /// One that has ended already.
    pub(super) fn try_join_next(&mut self) -> Option<FetchEnd> {
        let ended = self.set.try_join_next_with_id()?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, FetchEnd), JoinError>) -> Option<FetchEnd> {
        match ended {
            Ok((id, end)) => {
                self.tasks.remove(&id);
                Some(end)
            }
            // It panicked: a fault that its log tells. The message is tried again.
            Err(error) => {
                let ref_no = self.tasks.remove(&error.id())?.ref_no;
                Some(FetchEnd { ref_no, fetched: Err(FetchFault::Unkept("its download broke off".into())) })
            }
        }
    }

    pub(super) fn abort_all(&mut self) {
        self.set.abort_all();
    }

    /// Whether the device has a slot for a download of this priority.
    pub(super) fn has_slot(&self, standing: Standing, priority: Priority) -> bool {
        self.tasks.values().filter(|task| task.standing == standing).count() < standing.of_device(priority)
    }

    pub(super) fn begin(&mut self, parts: &Arc<Parts>, permit: Permit, ref_no: &RefNo, need: &Need, now: Millis) {
        let signs = Signs::default();
        let task = Task {
            ref_no: ref_no.clone(),
            priority: need.priority,
            standing: permit.standing(),
            begun_at: now,
            failed: need.load.fetch_attempts,
            signs: signs.clone(),
        };
        let (parts, load) = (Arc::clone(parts), Arc::clone(&need.load));
        let spawned = self.set.spawn(download::run(parts, permit, ref_no.clone(), load, signs));
        self.tasks.insert(spawned.id(), task);
    }

    /// Ends downloads that have had their slots for long enough while others wait for them: no more than wait, of the same standing and
    /// of no higher priority; first those that nothing came of. Gives when to look again.
    pub(super) fn make_room(&self, mut waiting: Waiting, hosts: &Hosts, now: Millis) -> Option<Millis> {
        let mut look_at: Option<Millis> = None;
        for standing in [Standing::New, Standing::Failing] {
            let waiting = &mut waiting.0[standing.index()];
            // Other devices that wait.
            for priority in hosts.waiting(standing) {
                waiting[priority.index()] += 1;
            }
            let of = self.tasks.values().filter(|task| task.standing == standing && !task.signs.is_stopped());
            let mut tasks: Vec<_> = of.collect();
            tasks.sort_unstable_by_key(|task| {
                (std::cmp::Reverse(task.priority), task.signs.is_answering(), task.may_until())
            });
            for task in tasks {
                let above = &mut waiting[..=task.priority.index()];
                let Some(first) = above.iter_mut().find(|count| **count > 0) else { continue };
                if task.may_until() <= now {
                    *first -= 1;
                    task.signs.stop();
                } else {
                    look_at = Some(look_at.map_or(task.may_until(), |at| at.min(task.may_until())));
                }
            }
        }
        look_at
    }
}
