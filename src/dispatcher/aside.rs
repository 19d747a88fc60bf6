//! Media that is not there yet: the part of the device's loop that downloads it ahead of its messages' turn, lets others pass
//! when it does not come, and takes such messages back when they are due.

use super::device::DeviceLoop;
use super::download::FetchEnd;
use super::fetches::job_of;
use super::hosts::Rest;
use super::pace::Why;
use crate::clock::Millis;
use crate::limits;
use crate::media::fetch::{self, FetchFault};
use crate::message::RefNo;
use crate::store::{Step, StoreError};

/// Messages that are set aside together: what may leave does not wait long behind them.
const PARKED_AT_ONCE: usize = 128;
/// Why a message waits whose download has not even begun.
const BEHIND_OTHERS: &str = "other downloads come first";
/// Messages that are read together of those that are due.
const DUE_AT_ONCE: usize = 512;
/// When more is due than may be here, the rest is looked for so soon; and when there is room again.
const MORE_MS: Millis = limits::POLL_MS as Millis;
const ROOM_MS: Millis = 100;
/// When to ask again whether a held message may leave: its settings may have changed, or somebody wrote.
const HELD_AGAIN_MS: Millis = 10_000;
/// The same of a stranger, for whom the store is asked.
const STRANGER_AGAIN_MS: Millis = 60_000;

impl DeviceLoop {
    /// Takes due messages back, lets others pass those whose files do not come, and begins what may begin.
    /// Gives whether there is more to do at once.
    pub(super) async fn tend_fetches(&mut self) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        self.load_due_media(now).await?;
        self.let_pass(now).await?;
        let mut waiting = self.fetches.resting(&self.parts.hosts, now);
        let late = |ref_no| (ref_no, Rest { until: now, reason: BEHIND_OTHERS.into() });
        waiting.extend(self.fetches.overdue(&self.parts.hosts, now).into_iter().map(late));
        let is_more = waiting.len() > PARKED_AT_ONCE;
        let mut steps = Vec::new();
        for (ref_no, rest) in waiting.into_iter().take(PARKED_AT_ONCE) {
            self.park(&ref_no, &rest, now, &mut steps);
        }
        self.fetches.begin(&self.parts, &self.bell, now);
        self.record_steps(steps).await?;
        Ok(is_more)
    }

    /// Finds out which messages would leave at once, where as many files are here as are downloaded ahead: those may be held
    /// until morning, and a reply is not.
    async fn let_pass(&mut self, now: Millis) -> Result<(), StoreError> {
        let window = &self.window;
        let in_question = self.fetches.in_question(now, |priority, to, ref_no| window.is_next(priority, to, ref_no));
        if in_question.is_empty() {
            return Ok(());
        }
        let used = self.used_today(now).await?;
        self.held.meet();
        for job in in_question {
            let wait = self.waits(&job, used, now).await?;
            let is_stranger = wait.is_some_and(|wait| wait.why == Why::Strangers);
            let again_ms = if is_stranger { STRANGER_AGAIN_MS } else { HELD_AGAIN_MS };
            self.fetches.passes(&job.ref_no, wait.is_none(), now + again_ms, now);
        }
        Ok(())
    }

    /// Messages that stepped aside and whose next download is due: few for each server. Where there are many, the first of them
    /// are looked through each time, and the others in turn, so that a long queue for one server hides nothing.
    async fn load_due_media(&mut self, now: Millis) -> Result<(), StoreError> {
        if now < self.media_at {
            return Ok(());
        }
        self.fetches.is_due_left = false;
        if let Some(last) = self.take_due((0, 0), now).await? {
            self.fetches.is_due_left = true;
            let after = self.fetches.due_after.max(last);
            self.fetches.due_after = self.take_due(after, now).await?.unwrap_or((0, 0));
        }
        self.media_at = match self.fetches.is_due_left {
            true => now + MORE_MS,
            false => self.parts.store.find_next_media(&self.lease.device_id, now).await?.unwrap_or(Millis::MAX),
        };
        Ok(())
    }

    /// Takes what there is room for of those that are due, behind `after`. Gives the place of the last one that was looked at,
    /// when there may be more behind it.
    async fn take_due(&mut self, after: (Millis, i64), now: Millis) -> Result<Option<(Millis, i64)>, StoreError> {
        let due = self.parts.store.find_due_media(&self.lease.device_id, now, after, DUE_AT_ONCE).await?;
        let (mut last, is_all) = (after, due.len() < DUE_AT_ONCE);
        let mut aside = self.fetches.aside(&self.parts.hosts);
        for waiting in due {
            let place = (waiting.due_at, waiting.seq);
            let Some(ref_no) = RefNo::parse(&waiting.ref_no) else { continue };
            // What was taken before stays due in the store until its download ends.
            if !self.fetches.knows(&ref_no) {
                let job = job_of(ref_no, waiting);
                let host = job.load.media_url.as_ref().map(|url| fetch::host(url.as_stored())).unwrap_or_default();
                let rests = self.parts.hosts.rest(&host, now).is_some();
                let standing = self.parts.hosts.standing(&host);
                if !rests && aside.is_full() {
                    self.fetches.is_due_left = true;
                    return Ok(Some(last));
                }
                if !rests && aside.take(&host, job.priority, standing) {
                    self.fetches.want(&job, None);
                } else {
                    self.fetches.is_due_left = true;
                }
            }
            last = place;
        }
        Ok((!is_all).then_some(last))
    }

    /// A message waits for its file without holding up others. One whose download runs stays in memory.
    fn park(&mut self, ref_no: &RefNo, rest: &Rest, now: Millis, steps: &mut Vec<(RefNo, Step)>) {
        drop(self.window.step_aside(ref_no));
        let Some(priority) = self.fetches.priority(ref_no) else { return };
        let up_to = self.window.cursor(priority);
        if let Some(need) = self.fetches.step_aside(ref_no, &self.parts.hosts, up_to, now) {
            self.media_at = self.media_at.min(rest.until);
            steps.push((ref_no.clone(), need.park(rest)));
        }
    }

    /// Stores how downloads ended. A message whose file is there takes its place again.
    pub(super) async fn store_fetches(&mut self, ended: Vec<FetchEnd>) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut steps = Vec::new();
        for FetchEnd { ref_no, fetched } in ended {
            let Some(need) = self.fetches.end(&ref_no) else { continue };
            if need.is_aside && self.fetches.is_due_left {
                self.media_at = self.media_at.min(now + ROOM_MS);
            }
            if !matches!(fetched, Err(FetchFault::Retry { .. })) {
                self.fetches.answered(now);
            }
            let step = match fetched {
                Ok(fetched) => {
                    if need.is_aside {
                        self.window.restore(need.job(ref_no.clone(), &fetched));
                    } else {
                        self.window.fetched(&ref_no, |waiting| fetched.note(waiting));
                    }
                    self.fetches.is_ahead(ref_no.clone(), &need);
                    Step::Fetched { media_id: fetched.media_id, kind: fetched.kind }
                }
                Err(fault) => {
                    drop(self.window.step_aside(&ref_no));
                    let up_to = self.window.cursor(need.priority);
                    self.fetches.is_late(&ref_no, &need, &self.parts.hosts, up_to, now);
                    let random = self.parts.clock.random_below(u64::MAX);
                    match fault {
                        FetchFault::Never(reason) => {
                            Step::Aborted { at: now, reason, attempts: need.number(), uncounted: None }
                        }
                        FetchFault::Retry { reason, wait_ms, .. } => need.again(reason, wait_ms, now, random),
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
