//! `wachat device`: the gateways.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::link::NO_SERVER;
use super::lookup::Called;
use super::{Bench, Output, done, link, share};
use crate::account::check_name;
use crate::api::Api;
use crate::clock;
use crate::device::{
    Device, Kind, check_daily_limit, check_gap_ms, check_quiet_hours, is_device_id, new_device_id, parse_time_zone,
};
use crate::device_status::{DeviceStatus, condition};
use crate::limits;
use crate::phone;
use crate::reason::ReasonCode;
use crate::store::{DevicePatch, NewDevice, QuietHours, StoreError};

#[derive(Subcommand)]
pub(super) enum DeviceCommand {
    /// List devices, of one client or of all
    List {
        /// The client's number or name [default: all clients]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Add a device
    Add {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
        /// sandbox or web
        #[arg(long)]
        kind: Kind,
        /// Its phone number; a web device gets it when it is linked
        #[arg(long)]
        sender: Option<String>,
        /// An id that is in a customer's programs already, such as 11055-171379261223689
        #[arg(long)]
        device_id: Option<String>,
        #[arg(long)]
        name: Option<String>,
        /// Messages a day; 0 for no limit
        #[arg(long, default_value_t = 0)]
        limit: i64,
    },
    /// Change a device
    Set {
        device_id: String,
        #[arg(long)]
        name: Option<String>,
        /// Messages a day; 0 for no limit
        #[arg(long)]
        limit: Option<i64>,
        /// The least time between two messages, in milliseconds
        #[arg(long)]
        gap_ms: Option<i64>,
        /// How much longer than that a gap may randomly be, in milliseconds
        #[arg(long)]
        gap_jitter_ms: Option<i64>,
        /// Show recipients that somebody types before a text comes
        #[arg(long, value_name = "true|false")]
        typing: Option<bool>,
        /// Send few messages a day while the account is new
        #[arg(long, value_name = "true|false")]
        warm_up: Option<bool>,
        /// Between which times of day messages wait, such as 21:00-07:00; none for no such hours
        #[arg(long, value_name = "FROM-TO|none", value_parser = quiet_hours)]
        quiet: Option<QuietHours>,
        /// Where its hours and days are: a name of the IANA database, such as Asia/Jakarta
        #[arg(long, value_name = "NAME")]
        time_zone: Option<String>,
    },
    /// Hold a device's queue
    Pause { device_id: String },
    /// Let it go on
    Resume { device_id: String },
    /// Link an account to a web device, beside a running server
    Link {
        device_id: String,
        /// Link by a code that is typed on the phone with this number, instead of a QR code
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
        /// Share a linking page with whoever has the phone: print its address, which needs no sign-in and is good once
        #[arg(long, conflicts_with_all = ["phone", "revoke"])]
        share: bool,
        /// Revoke the page that is shared, and end the link that it began
        #[arg(long, conflicts_with = "phone")]
        revoke: bool,
    },
    /// End the link of a device's account; its queue is kept
    Unlink { device_id: String },
    /// Show what happened to a device, newest first
    Events {
        device_id: String,
        /// How many, newest first
        #[arg(long, default_value_t = limits::PAGE_ROWS_DEFAULT, value_parser = clap::value_parser!(i64).range(1..=limits::DEVICE_HISTORY_ROWS_MAX))]
        limit: i64,
    },
    /// Take a device away; what waits in its queue is aborted
    Remove { device_id: String },
}

/// Who changes a device that is changed from here.
const BY: &str = "the command line";
/// What a table shows of a device.
const COLUMNS: [&str; 13] = [
    "device_id",
    "sender",
    "name",
    "kind",
    "state",
    "state_until",
    "waiting",
    "oldest_waiting_at",
    "client_id",
    "counter",
    "limit",
    "pacing",
    "state_reason",
];

/// A device as it is listed.
#[derive(Serialize)]
struct Row<P = Pacing, W = BTreeMap<ReasonCode, i64>> {
    device_id: String,
    sender: String,
    /// Whether that number was given up by unlinking.
    sender_given_up: bool,
    name: String,
    kind: Kind,
    state: DeviceStatus,
    /// What its messages wait for, and why; nothing while it sends at its own pace.
    state_code: Option<ReasonCode>,
    state_reason: String,
    /// When the state ends by itself, where that is known.
    state_until: Option<String>,
    waiting: i64,
    /// How many of those wait for what: keys for programs, a text for people.
    waiting_for: W,
    oldest_waiting_at: Option<String>,
    client_id: i64,
    counter: i64,
    limit: i64,
    /// How it is paced: keys for programs, a text for people.
    pacing: P,
}

#[derive(Serialize)]
struct Pacing {
    gap_ms: i64,
    gap_jitter_ms: i64,
    typing: bool,
    warm_up: bool,
    quiet_from: Option<String>,
    quiet_to: Option<String>,
    time_zone: String,
}

impl std::fmt::Display for Pacing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gap = match (self.gap_ms, self.gap_jitter_ms) {
            (0, 0) => None,
            (gap, 0) => Some(format!("gap {gap} ms")),
            (gap, jitter) => Some(format!("gap {gap}-{} ms", gap + jitter)),
        };
        let quiet = self.quiet_from.as_ref().zip(self.quiet_to.as_ref());
        let quiet = quiet.map(|(from, to)| format!("quiet {from}-{to} {}", self.time_zone));
        let typing = self.typing.then(|| "typing".to_owned());
        let warm_up = self.warm_up.then(|| "warm-up".to_owned());
        let all: Vec<_> = [gap, typing, warm_up, quiet].into_iter().flatten().collect();
        out.write_str(if all.is_empty() { "-" } else { "" })?;
        out.write_str(&all.join(", "))
    }
}

impl Row {
    fn shown(self) -> Row<String, String> {
        Row {
            device_id: self.device_id,
            sender: if self.sender_given_up { format!("{} (given up)", self.sender) } else { self.sender },
            sender_given_up: self.sender_given_up,
            name: self.name,
            kind: self.kind,
            state: self.state,
            state_code: self.state_code,
            state_reason: self.state_reason,
            state_until: self.state_until,
            waiting: self.waiting,
            waiting_for: told_counts(&self.waiting_for),
            oldest_waiting_at: self.oldest_waiting_at,
            client_id: self.client_id,
            counter: self.counter,
            limit: self.limit,
            pacing: self.pacing.to_string(),
        }
    }
}

fn told_counts(counts: &BTreeMap<ReasonCode, i64>) -> String {
    counts.iter().map(|(code, count)| format!("{} {count}", code.name())).collect::<Vec<_>>().join(", ")
}

pub(super) async fn run(bench: &Bench, command: DeviceCommand) -> anyhow::Result<ExitCode> {
    let store = &bench.app.store;
    match command {
        DeviceCommand::List { client } => {
            let devices = store.list_devices(bench.number_of(client).await?).await?;
            if !devices.is_empty() && !bench.app.is_served().await? {
                tracing::warn!("{NO_SERVER}; until then nothing leaves");
            }
            let api = bench.app.api();
            let mut rows = Vec::new();
            for device in devices {
                rows.push(row(&api, device).await?);
            }
            match bench.output {
                Output::Json => bench.output.rows(&rows, &COLUMNS)?,
                Output::Table => bench.output.rows(&rows.into_iter().map(Row::shown).collect::<Vec<_>>(), &COLUMNS)?,
            }
        }
        DeviceCommand::Add { client, kind, sender, device_id, name, limit } => {
            let client = bench.client_for(client, None).await?.id;
            let device = add(bench, client, kind, sender, device_id, name, limit).await?;
            let how = if kind == Kind::Web {
                format!("; `wachat device link {}` links it", device.id)
            } else {
                String::new()
            };
            let sentence = format!("device {} was added{how}", device.id);
            bench.output.one(&row(&bench.app.api(), device).await?, &sentence)?;
        }
        DeviceCommand::Set { device_id, name, limit, gap_ms, gap_jitter_ms, typing, warm_up, quiet, time_zone } => {
            let kind = bench.device(&device_id).await?.kind;
            name.as_deref().map_or(Ok(()), check_name).context("--name")?;
            limit.map_or(Ok(()), |limit| check_daily_limit(kind, limit)).context("--limit")?;
            gap_ms.map_or(Ok(()), check_gap_ms).context("--gap-ms")?;
            gap_jitter_ms.map_or(Ok(()), check_gap_ms).context("--gap-jitter-ms")?;
            time_zone.as_deref().map_or(Ok(()), |name| parse_time_zone(name).map(drop)).context("--time-zone")?;
            let patch = DevicePatch {
                name,
                daily_limit: limit,
                gap_ms,
                gap_jitter_ms,
                typing,
                warm_up,
                quiet,
                time_zone,
                ..DevicePatch::default()
            };
            change(bench, &device_id, patch, "was changed").await?;
        }
        DeviceCommand::Pause { device_id } => {
            change(bench, &device_id, DevicePatch { paused: Some(true), ..DevicePatch::default() }, "is paused")
                .await?;
        }
        DeviceCommand::Resume { device_id } => {
            change(bench, &device_id, DevicePatch { paused: Some(false), ..DevicePatch::default() }, "goes on").await?;
        }
        DeviceCommand::Link { device_id, share: true, .. } => return share::share(bench, &device_id).await,
        DeviceCommand::Link { device_id, revoke: true, .. } => return share::revoke(bench, &device_id).await,
        DeviceCommand::Link { device_id, phone, .. } => return link::link(bench, &device_id, phone).await,
        DeviceCommand::Unlink { device_id } => return link::unlink(bench, &device_id).await,
        DeviceCommand::Events { device_id, limit } => return link::events(bench, &device_id, limit).await,
        DeviceCommand::Remove { device_id } => remove(bench, &device_id).await?,
    }
    done()
}

async fn remove(bench: &Bench, id: &str) -> anyhow::Result<()> {
    let client_id = bench.device(id).await?.client_id;
    let removed = bench.app.store.remove_device(id, bench.app.clock.now());
    bench.recording(client_id, "DELETE /devices/{device_id}", id, removed).await?;
    bench.output.one(&json!({"device_id": id, "removed": true}), &format!("device {id} is gone"))
}

/// Reads `21:00-07:00` or `none`.
fn quiet_hours(text: &str) -> Result<QuietHours, String> {
    if text == "none" {
        return Ok(QuietHours::None);
    }
    let (from, to) = text.split_once('-').ok_or("give two times of day as 21:00-07:00, or none")?;
    check_quiet_hours(Some(from), Some(to)).map_err(|bad| bad.to_string())?;
    Ok(QuietHours::Between { from: from.to_owned(), to: to.to_owned() })
}

async fn change(bench: &Bench, id: &str, patch: DevicePatch, what: &str) -> anyhow::Result<()> {
    let client_id = bench.device(id).await?.client_id;
    let patch = DevicePatch { by: Some(BY.into()), at: bench.app.clock.now(), ..patch };
    let changed = bench.app.store.update_device(id, patch);
    bench.recording(client_id, "PATCH /devices/{device_id}", id, changed).await?;
    let device = bench.device(id).await?;
    bench.output.one(&row(&bench.app.api(), device).await?, &format!("device {id} {what}"))
}

async fn row(api: &Api, device: Device) -> anyhow::Result<Row> {
    let today = clock::day(api.clock.now());
    let standing = api.standing(&device).await?;
    let condition = condition(&device, standing, api.clock.now());
    let queues = api.queues().await?;
    let queue = queues.get(&device.id);
    Ok(Row {
        counter: api.store.count_accepted(&device.id, today).await?,
        state: condition.status,
        state_code: condition.code,
        state_reason: condition.reason,
        state_until: condition.until.map(clock::rfc3339),
        waiting: queue.map_or(0, |queue| queue.waiting),
        waiting_for: api.waiting_for(&device, standing, queue),
        oldest_waiting_at: queue.map(|queue| clock::rfc3339(queue.oldest_at)),
        sender_given_up: device.has_given_up_its_number(),
        device_id: device.id,
        sender: device.sender,
        name: device.name,
        kind: device.kind,
        client_id: device.client_id,
        limit: device.daily_limit,
        pacing: Pacing {
            gap_ms: device.gap_ms,
            gap_jitter_ms: device.gap_jitter_ms,
            typing: device.typing,
            warm_up: device.warm_up,
            quiet_from: device.quiet_from,
            quiet_to: device.quiet_to,
            time_zone: device.time_zone,
        },
    })
}

async fn add(
    bench: &Bench,
    client: i64,
    kind: Kind,
    sender: Option<String>,
    device_id: Option<String>,
    name: Option<String>,
    limit: i64,
) -> anyhow::Result<Device> {
    let owner = bench.client(client).await?;
    let sender = match sender {
        Some(sender) => {
            let parsed = bench.app.store.dial(&owner, |dialling| phone::parse_destination(&sender, dialling)).await?;
            parsed.context("--sender")?
        }
        None if kind == Kind::Web => String::new(),
        None => anyhow::bail!("a {} device needs a --sender", kind.name()),
    };
    if let Some(id) = &device_id {
        anyhow::ensure!(is_device_id(id), "'{id}' is no device id; it is a number, a dash and 15 digits");
    }
    check_daily_limit(kind, limit).context("--limit")?;
    name.as_deref().map_or(Ok(()), check_name).context("--name")?;
    let id = device_id.unwrap_or_else(|| new_device_id(client, &bench.app.clock));
    let new = NewDevice {
        id: id.clone(),
        client_id: client,
        name: name.unwrap_or_else(|| format!("{} {sender}", kind.name()).trim().to_owned()),
        sender,
        kind,
        daily_limit: limit,
        created_at: bench.app.clock.now(),
    };
    match bench.recording(client, "POST /devices", &id, bench.app.store.add_device(new)).await {
        Err(StoreError::Exists) => anyhow::bail!("a device with this id or this sender is there already"),
        other => other?,
    }
    bench.device(&id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pacing_is_told_in_short() {
        let mut pacing = Pacing {
            gap_ms: 0,
            gap_jitter_ms: 0,
            typing: false,
            warm_up: false,
            quiet_from: None,
            quiet_to: None,
            time_zone: "UTC".into(),
        };
        assert_eq!(pacing.to_string(), "-");
        pacing.gap_ms = 1_500;
        assert_eq!(pacing.to_string(), "gap 1500 ms");
        (pacing.gap_jitter_ms, pacing.typing, pacing.warm_up) = (500, true, true);
        (pacing.quiet_from, pacing.quiet_to) = (Some("21:00".into()), Some("07:00".into()));
        assert_eq!(pacing.to_string(), "gap 1500-2000 ms, typing, warm-up, quiet 21:00-07:00 UTC");
    }
}
