//! The first page: what needs attention, how each device fares, and what was sent lately.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use super::chart::{self, Row};
use super::devices::{AT_A_GLANCE, Device};
use super::frame::{Frame, Place, draw};
use super::states;
use super::visit::{Answer, Refusal, Visit};
use crate::clock;
use crate::device_status::{DeviceStatus, Standing, condition};
use crate::disk::{Level, Space};
use crate::supervisor::Role;

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    /// `false` for who only sends: he sees none of the rest.
    manages: bool,
    devices: Vec<Device>,
    /// `None` until they were counted.
    figures: Option<Figures>,
    push: Push,
    /// What of the gateway is down, for an administrator.
    down: Vec<Part>,
    /// The room on the disk, for an administrator, where it is not enough.
    disk: Option<Space>,
    /// For an administrator: clients other than this one with devices that need a person, the most waiting messages first.
    others: Vec<OtherClient>,
}

/// A client that is not the one on the page.
struct OtherClient {
    id: i64,
    name: String,
    /// Devices that need a person.
    devices: i64,
    /// Messages that wait for those.
    waiting: i64,
}

/// A part of the gateway that ended by a fault.
struct Part {
    name: String,
    since: String,
}

/// A client's statistics, as the API shows them.
#[derive(Deserialize)]
struct Figures {
    as_of: String,
    /// All messages; [`Figures::apart`] takes those of sandboxes out.
    #[serde(flatten)]
    counts: Counts,
    sandbox: Counts,
    pushes_waiting: i64,
    oldest_push: Option<OldestPush>,
}

/// What was counted of some messages.
#[derive(Deserialize)]
struct Counts {
    totals: Totals,
    hours: Vec<Span>,
    days: Vec<Span>,
}

/// Which messages were counted: those that real accounts sent, or those that a sandbox handled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handled {
    ByAccounts,
    BySandbox,
}

impl Handled {
    fn is_sandbox(self) -> bool {
        self == Self::BySandbox
    }

    /// What an element's id begins with.
    fn prefix(self) -> &'static str {
        if self.is_sandbox() { "sandbox-" } else { "" }
    }
}

#[derive(Deserialize)]
struct Totals {
    waiting: i64,
    sent: i64,
    delivered: i64,
    read: i64,
    aborted: i64,
}

#[derive(Deserialize)]
struct Span {
    from: String,
    accepted: i64,
    sent: i64,
    delivered: i64,
    read: i64,
    aborted: i64,
}

#[derive(Deserialize)]
struct OldestPush {
    since: String,
    attempts: i64,
}

/// A client's Push URL.
#[derive(Deserialize, Default)]
struct Push {
    paused_reason: Option<String>,
    paused_date: Option<String>,
}

impl Figures {
    /// Takes what sandboxes handled out of the rest.
    fn apart(mut self) -> Self {
        let (all, sandbox) = (&mut self.counts, &self.sandbox);
        let (totals, less) = (&mut all.totals, &sandbox.totals);
        totals.waiting -= less.waiting;
        totals.sent -= less.sent;
        totals.delivered -= less.delivered;
        totals.read -= less.read;
        totals.aborted -= less.aborted;
        let spans = all.hours.iter_mut().zip(&sandbox.hours).chain(all.days.iter_mut().zip(&sandbox.days));
        for (span, less) in spans {
            span.accepted -= less.accepted;
            span.sent -= less.sent;
            span.delivered -= less.delivered;
            span.read -= less.read;
            span.aborted -= less.aborted;
        }
        self
    }

    /// What is shown in figures: sandboxes where they did anything.
    fn parts(&self) -> Vec<(Handled, &Counts)> {
        let parts = [(Handled::ByAccounts, &self.counts), (Handled::BySandbox, &self.sandbox)];
        let is_shown = |(handled, counts): &(Handled, &Counts)| !handled.is_sandbox() || counts.has_any();
        parts.into_iter().filter(is_shown).collect()
    }

    /// What is shown in charts: accounts that did nothing are not, beside sandboxes that did.
    fn charted(&self) -> Vec<(Handled, &Counts)> {
        let mut parts = self.parts();
        if parts.len() > 1 {
            parts.retain(|(_, counts)| counts.has_any());
        }
        parts
    }
}

impl Counts {
    fn has_any(&self) -> bool {
        let Totals { waiting, sent, delivered, read, aborted } = self.totals;
        let happened = |span: &Span| span.accepted + span.sent + span.delivered + span.read + span.aborted > 0;
        waiting + sent + delivered + read + aborted > 0 || self.hours.iter().chain(&self.days).any(happened)
    }
}

/// A figure of the page: a chart, and the same as a table.
struct Charted<'a> {
    id: String,
    handled: Handled,
    title: &'a str,
    first: &'a str,
    svg: String,
    rows: Vec<(String, &'a Span)>,
}

impl Page {
    /// The first of the other clients, and how many more there are.
    fn first_others(&self) -> (&[OtherClient], i64) {
        let (first, more) = self.others.split_at(self.others.len().min(AT_A_GLANCE));
        (first, i64::try_from(more.len()).unwrap_or(i64::MAX))
    }

    /// Devices that stay as they are until somebody acts, those together that wait for the same.
    fn stuck(&self) -> Vec<Vec<&Device>> {
        let mut alike: Vec<Vec<&Device>> = Vec::new();
        for device in self.devices.iter().filter(|device| device.needs_person()) {
            match alike.iter_mut().find(|others| (others[0].kind, others[0].state) == (device.kind, device.state)) {
                Some(others) => others.push(device),
                None => alike.push(vec![device]),
            }
        }
        alike
    }

    /// How many messages wait for devices; nothing where none does, or they are still counted.
    fn waiting(&self, devices: &[&Device]) -> String {
        match devices.iter().filter_map(|device| device.waiting).sum() {
            0 => String::new(),
            count => format!("{}: {}.", self.frame.t("Waiting", "Menunggu"), self.frame.messages(&count)),
        }
    }

    fn label(&self, state: DeviceStatus) -> &'static str {
        states::label(&self.frame.viewer, state)
    }

    /// Whether there are more devices than are seen at a glance: they are counted here, and listed on a page of their own.
    fn is_long(&self) -> bool {
        self.devices.len() > AT_A_GLANCE
    }

    /// How many devices are in each state in which there are some.
    fn states(&self) -> Vec<(DeviceStatus, i64)> {
        let count = |is_it: &dyn Fn(&&Device) -> bool| {
            i64::try_from(self.devices.iter().filter(is_it).count()).unwrap_or(i64::MAX)
        };
        let states = DeviceStatus::ALL.map(|state| (state, count(&|device| device.state == state)));
        states.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// What the messages of all devices together wait for, and how many for each.
    fn waits_for(&self) -> String {
        let mut sums = BTreeMap::new();
        for (code, count) in self.devices.iter().filter_map(|device| device.waiting_for.as_ref()).flatten() {
            *sums.entry(*code).or_insert(0) += count;
        }
        states::waits_for(&self.frame.viewer, &sums)
    }

    /// Devices whose limit of today is nearly used up, or is.
    fn nearly(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|device| device.is_nearly_used_up())
    }

    fn is_full(&self, space: &Space) -> bool {
        space.level == Level::Full
    }

    /// Bytes in megabytes, as people read them.
    fn megabytes(&self, bytes: &u64) -> String {
        self.frame.number(&i64::try_from(bytes / 1_000_000).unwrap_or(i64::MAX))
    }

    fn needs_nobody(&self) -> bool {
        self.stuck().is_empty()
            && self.nearly().next().is_none()
            && self.push.paused_date.is_none()
            && self.down.is_empty()
            && self.disk.is_none()
            && self.others.is_empty()
    }

    fn charts<'a>(&'a self, handled: &Handled, counts: &'a Counts) -> [Charted<'a>; 2] {
        let (frame, handled) = (&self.frame, *handled);
        // Hours are told by the viewer's clock; days are UTC's, as those of the limits.
        let hour = |span: &Span| frame.time(&span.from).get(11..16).unwrap_or_default().to_owned();
        let day = |span: &Span| span.from.get(..10).unwrap_or_default().to_owned();
        let of = |id, title, first, spans: &'a [Span], name: &dyn Fn(&Span) -> String| Charted {
            id: format!("{}{id}", handled.prefix()),
            handled,
            title,
            first,
            svg: svg(frame, handled, title, spans, name),
            rows: spans.iter().rev().map(|span| (name(span), span)).collect(),
        };
        [
            of(
                "hours",
                frame.t("The last 24 hours, by hour", "24 jam terakhir, per jam"),
                frame.t("From", "Mulai"),
                &counts.hours,
                &hour,
            ),
            of(
                "days",
                frame.t("The last 30 days, by day (UTC)", "30 hari terakhir, per hari (UTC)"),
                frame.t("Day", "Hari"),
                &counts.days,
                &day,
            ),
        ]
    }
}

fn svg(frame: &Frame, handled: Handled, title: &str, spans: &[Span], name: &dyn Fn(&Span) -> String) -> String {
    let row = |title, count: fn(&Span) -> i64| {
        let counts: Vec<i64> = spans.iter().map(count).collect();
        Row { title, sum: frame.number(&counts.iter().sum()), counts }
    };
    let rows = [
        row(frame.t("Accepted", "Diterima"), |span| span.accepted),
        row(frame.t("Sent", "Terkirim"), |span| span.sent),
        row(frame.t("Delivered", "Sampai"), |span| span.delivered),
        row(frame.t("Read", "Dibaca"), |span| span.read),
        row(frame.t("Aborted", "Dibatalkan"), |span| span.aborted),
    ];
    let sums: Vec<String> = rows.iter().map(|row| format!("{} {}", row.title, row.sum)).collect();
    let end = |span: Option<&Span>| span.map(name).unwrap_or_default();
    let ends = [end(spans.first()), end(spans.last())];
    let mark = if handled.is_sandbox() { "SANDBOX. " } else { "" };
    chart::draw(&format!("{mark}{title}: {}", sums.join(", ")), &rows, [&ends[0], &ends[1]])
}

pub async fn show(visit: Visit) -> Answer {
    let mut frame = visit.frame(Place::Home, visit.t("Home", "Beranda"));
    frame.is_live = true;
    if !visit.manages() {
        let (devices, down, others) = (Vec::new(), Vec::new(), Vec::new());
        let push = Push::default();
        let page = Page { frame, manages: false, devices, figures: None, push, down, disk: None, others };
        return Ok(draw(StatusCode::OK, &page));
    }
    let devices = visit.get("/manage/1.0/devices?wait=false").await?;
    let figures: Option<Figures> = visit.get("/manage/1.0/statistics?wait=false").await?;
    let figures = figures.map(Figures::apart);
    let push = visit.get(&format!("/manage/1.0/clients/{}/push", visit.client().id)).await?;
    let (down, disk, others) = match frame.is_administrator() {
        true => (down(&visit), disk(&visit), others(&visit).await?),
        false => (Vec::new(), None, Vec::new()),
    };
    Ok(draw(StatusCode::OK, &Page { frame, manages: true, devices, figures, push, down, disk, others }))
}

/// The other clients with devices that need a person. A client that was disabled needs nobody.
async fn others(visit: &Visit) -> Result<Vec<OtherClient>, Refusal> {
    let api = &visit.console().api;
    let unavailable =
        |error: crate::store::StoreError| visit.refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
    let clients = api.store.list_clients().await.map_err(unavailable)?;
    let devices = api.store.list_devices(None).await.map_err(unavailable)?;
    let (queues, now) = (api.queues_soon().await, api.clock.now());
    let mut needing: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for device in devices {
        let waiting = queues.as_ref().and_then(|queues| queues.get(&device.id)).map_or(0, |queue| queue.waiting);
        // A used-up warm-up, which is not looked at, needs nobody.
        let standing = Standing { used: 0, is_run: api.runner.runs(&device, now) };
        if states::needs_person(device.kind, condition(&device, standing, now).status, waiting) {
            let (count, sum) = needing.entry(device.client_id).or_default();
            (*count, *sum) = (*count + 1, *sum + waiting);
        }
    }
    let shown = clients.into_iter().filter(|client| client.id != visit.client().id && !client.disabled);
    let other = |client: crate::account::Client| {
        let (devices, waiting) = needing.remove(&client.id)?;
        Some(OtherClient { id: client.id, name: client.name, devices, waiting })
    };
    let mut others: Vec<OtherClient> = shown.filter_map(other).collect();
    others.sort_by_key(|other| -other.waiting);
    Ok(others)
}

/// What `/readyz` would list, but for devices: they say so themselves.
fn disk(visit: &Visit) -> Option<Space> {
    visit.console().api.room.disk().space().filter(|space| space.level != Level::Enough)
}

fn down(visit: &Visit) -> Vec<Part> {
    let down = visit.console().api.supervisor.list().into_iter().filter(|down| down.role == Role::Vital);
    down.map(|down| Part { name: down.task, since: clock::rfc3339(down.since) }).collect()
}
