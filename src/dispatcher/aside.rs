//! Media that is not there yet: the part of the device's loop that downloads it ahead of its messages' turn, lets others pass
//! when it does not come, and takes such messages back when they are due.

use super::device::DeviceLoop;
use super::fetches::{FetchEnd, job_of};
use super::hosts::Rest;
use crate::clock::Millis;
use crate::limits;
use crate::media::fetch::FetchFault;
use crate::message::RefNo;
use crate::store::{Step, StoreError};

/// Messages that are set aside together: what may leave does not wait long behind them.
const PARKED_AT_ONCE: usize = 128;
/// Why a message waits whose download has not even begun.
const BEHIND_OTHERS: &str = "other downloads from the same server come first";

impl DeviceLoop {
    /// Takes due messages back, lets others pass those whose files do not come, and begins what may begin.
    /// Gives whether there is more to do at once.
    pub(super) async fn tend_fetches(&mut self) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        self.load_due_media(now).await?;
        let mut waiting = self.fetches.resting(&self.parts, now);
        let late = |ref_no| (ref_no, Rest { until: now + limits::MEDIA_HOLD_MS_MAX, reason: BEHIND_OTHERS.into() });
        waiting.extend(self.fetches.overdue(now).into_iter().map(late));
        let is_more = waiting.len() > PARKED_AT_ONCE;
        let mut steps = Vec::new();
        for (ref_no, rest) in waiting.into_iter().take(PARKED_AT_ONCE) {
            self.park(&ref_no, &self.spread(rest, now), &mut steps);
        }
        self.fetches.begin(&self.parts, now);
        self.record_steps(steps).await?;
        Ok(is_more)
    }

    /// Messages that stepped aside and whose next download is due.
    async fn load_due_media(&mut self, now: Millis) -> Result<(), StoreError> {
        if now < self.media_at {
            return Ok(());
        }
        let room = self.fetches.room();
        let id = &self.lease.device_id;
        // What was taken before stays due in the store until its download ends.
        let rows = 2 * limits::DEVICE_MEDIA_ASIDE_MAX;
        let due = self.parts.store.find_due_media(id, now, rows).await?;
        let mut is_more = due.len() == rows;
        let jobs = due.into_iter().filter_map(|waiting| Some(job_of(RefNo::parse(&waiting.ref_no)?, waiting)));
        for (at, job) in jobs.filter(|job| !self.fetches.knows(&job.ref_no)).collect::<Vec<_>>().iter().enumerate() {
            is_more |= at >= room;
            if at < room {
                self.fetches.want(job, None);
            }
        }
        self.media_at = match is_more {
            true => now + MORE_MS,
            false => self.parts.store.find_next_media(id, now).await?.unwrap_or(Millis::MAX),
        };
        Ok(())
    }

    /// A message waits for its file without holding up others. One whose download runs stays in memory.
    fn park(&mut self, ref_no: &RefNo, rest: &Rest, steps: &mut Vec<(RefNo, Step)>) {
        drop(self.window.step_aside(ref_no));
        if let Some(need) = self.fetches.step_aside(ref_no) {
            self.media_at = self.media_at.min(rest.until);
            steps.push((ref_no.clone(), need.park(rest)));
        }
    }

    /// Not all messages of a server come back at once.
    fn spread(&self, rest: Rest, now: Millis) -> Rest {
        let length = (rest.until - now).clamp(1, limits::HOST_REST_MS_MAX).unsigned_abs();
        let later = Millis::try_from(self.parts.clock.random_below(length)).unwrap_or(0);
        Rest { until: rest.until + later, ..rest }
    }

    /// Stores how downloads ended. A message whose file is there takes its place again.
    pub(super) async fn store_fetches(&mut self, ended: Vec<FetchEnd>) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut steps = Vec::new();
        for FetchEnd { ref_no, fetched } in ended {
            let Some(need) = self.fetches.end(&ref_no) else { continue };
            let step = match fetched {
                Ok(fetched) => {
                    if need.is_aside() {
                        self.window.restore(need.job(ref_no.clone(), &fetched));
                    } else {
                        self.window.fetched(&ref_no, |waiting| fetched.note(waiting));
                    }
                    self.fetches.is_ahead(ref_no.clone(), need.load().priority);
                    Step::Fetched { media_id: fetched.media_id, kind: fetched.kind }
                }
                Err(fault) => {
                    drop(self.window.step_aside(&ref_no));
                    let random = self.parts.clock.random_below(u64::MAX);
                    match fault {
                        FetchFault::Never(reason) => Step::Aborted { at: now, reason, attempts: need.number() },
                        FetchFault::Retry { reason, wait_ms } => need.again(reason, wait_ms, now, random),
                        FetchFault::Unkept(reason) => need.again(reason, None, now, random),
                    }
                }
            };
            if let Step::Aside { due_at, reason, .. } = &step {
                tracing::info!(device = self.lease.device_id, %ref_no, reason, "a download failed; it is tried again");
                self.media_at = self.media_at.min(*due_at);
            }
            steps.push((ref_no, step));
        }
        self.record_steps(steps).await
    }
}

/// When more is due than is taken at once, the rest is looked for so soon.
const MORE_MS: Millis = limits::POLL_MS as Millis;
