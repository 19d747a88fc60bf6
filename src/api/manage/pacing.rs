//! How a device is paced, as it is shown and as it may be changed. Called by `devices.rs`.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::devices::DeviceChange;
use super::refused;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::clock;
use crate::device::{BadHours, Device, check_gap_ms, check_quiet_hours, parse_time_zone};
use crate::pacing::{Chat, Pace, Rest};
use crate::store::{DevicePatch, QuietHours};

#[derive(Debug, Serialize, ToSchema)]
pub struct PacingView {
    /// The least time between two messages, in milliseconds.
    pub gap_ms: i64,
    /// How much longer than that a gap may randomly be, in milliseconds.
    pub gap_jitter_ms: i64,
    /// Whether a recipient sees that somebody types before a text comes.
    pub typing: bool,
    /// Whether it sends few messages a day at first, and more from day to day.
    pub warm_up: bool,
    /// How many messages it may begin today by its warm-up; null for any number.
    pub warm_up_allowance: Option<i64>,
    /// How many of those it has begun; null when they are not counted.
    pub warm_up_used: Option<i64>,
    /// From this time of day messages wait, as HH:MM; null for no quiet hours.
    pub quiet_from: Option<String>,
    /// Until this one, which may be of the next day.
    pub quiet_to: Option<String>,
    /// Where its hours and days are: a name of the IANA database.
    pub time_zone: String,
    /// Until when pacing holds messages; null when it holds none.
    pub waits_until: Option<String>,
    /// Why, and which go on all the same.
    pub waits_for: Option<&'static str>,
}

/// A field that may be absent, null or a value.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// What is to be changed of a device's pacing, checked.
pub(super) fn patch(device: &Device, change: &DeviceChange) -> Result<DevicePatch, Problem> {
    for (name, gap) in [("gap_ms", change.gap_ms), ("gap_jitter_ms", change.gap_jitter_ms)] {
        gap.map_or(Ok(()), check_gap_ms).map_err(refused(name))?;
    }
    if let Some(zone) = &change.time_zone {
        parse_time_zone(zone).map_err(refused("time_zone"))?;
    }
    let quiet = (change.quiet_from.is_some() || change.quiet_to.is_some()).then(|| {
        let from = change.quiet_from.clone().unwrap_or_else(|| device.quiet_from.clone());
        let to = change.quiet_to.clone().unwrap_or_else(|| device.quiet_to.clone());
        quiet_hours(from, to)
    });
    Ok(DevicePatch {
        gap_ms: change.gap_ms,
        gap_jitter_ms: change.gap_jitter_ms,
        typing: change.typing,
        warm_up: change.warm_up,
        quiet: quiet.transpose()?,
        time_zone: change.time_zone.clone(),
        ..DevicePatch::default()
    })
}

fn quiet_hours(from: Option<String>, to: Option<String>) -> Result<QuietHours, Problem> {
    check_quiet_hours(from.as_deref(), to.as_deref()).map_err(|bad| {
        let is_of_end = match &bad {
            BadHours::Time(time) => from.as_ref() != Some(time),
            BadHours::Half => from.is_some(),
            BadHours::Endless | BadHours::Zone(_) => true,
        };
        Problem::field(if is_of_end { "quiet_to" } else { "quiet_from" }, bad.to_string())
    })?;
    Ok(from.zip(to).map_or(QuietHours::None, |(from, to)| QuietHours::Between { from, to }))
}

pub(super) fn view(api: &Api, device: &Device, used: i64) -> PacingView {
    let (now, pace) = (api.clock.now(), Pace::of(device));
    let allowance = pace.allowance(now);
    let wait = pace.first_waits(now, used, Chat::default()).or_else(|| Rest::of(device).waits(now));
    PacingView {
        gap_ms: device.gap_ms,
        gap_jitter_ms: device.gap_jitter_ms,
        typing: device.typing,
        warm_up: device.warm_up,
        warm_up_allowance: allowance,
        warm_up_used: allowance.map(|_| used),
        quiet_from: device.quiet_from.clone(),
        quiet_to: device.quiet_to.clone(),
        time_zone: device.time_zone.clone(),
        waits_until: wait.map(|wait| clock::rfc3339(wait.until)),
        waits_for: wait.map(|wait| wait.why.says()),
    }
}
