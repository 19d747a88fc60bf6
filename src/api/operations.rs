//! What an operator's machines ask: `/healthz`, `/readyz`, `/metrics`.

use std::collections::HashMap;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::answer::{self, Envelope, Failure, Format};
use super::problem::Problem;
use super::scrapes;
use crate::device_status::{DeviceStatus, condition};
use crate::disk::{Level, Space};
use crate::reason::ReasonCode;
use crate::room::NoRoom;
use crate::store::StoreError;
use crate::supervisor::{Down, Role};
use crate::{clock, limits, telemetry};

/// Nothing more is known of a process that answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {}

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, body = Envelope<Alive>, description = "Alive")))]
pub async fn healthz(headers: HeaderMap) -> Response {
    answer::success(Format::of(&headers), StatusCode::OK, "alive", &Alive {})
}

/// What is down while it is started again after a fault, and how much room is left.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    pub down: Vec<DownTask>,
    /// Null where no disk says it.
    pub disk: Option<DiskView>,
}

/// The room that is left on the disk of the data folder or of a SQLite database, whichever has less.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiskView {
    /// `enough`; `low`, less than twice the floor; or `full`, below the floor: no new message or file is accepted.
    pub level: &'static str,
    pub free_bytes: u64,
    pub floor_bytes: u64,
}

/// A task that ended unexpectedly and is started again.
#[derive(Debug, Serialize, ToSchema)]
pub struct DownTask {
    /// dispatcher, push, imports, maintenance, http, or device and a device id.
    pub task: String,
    pub since: String,
    /// When it is started again.
    pub until: String,
}

/// The envelope of a gateway that is not ready.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotReady {
    #[schema(example = true)]
    pub error: bool,
    pub message: String,
    /// Absent where the store or the media store cannot be written.
    pub data: Option<Readiness>,
}

/// Ready: a message and a file would be stored now, and what sends and delivers it runs.
///
/// `data.down` lists tasks that ended by a fault and are started again. A device among them does not make the gateway unready.
/// `data.disk` says how much room is left, before too little is.
#[utoipa::path(get, path = "/readyz", tag = "Operations",
    responses((status = 200, body = Envelope<Readiness>, description = "The store and the media store can be written, and every vital task runs"),
        (status = 503, body = NotReady, description = "One of them cannot be written, the disk is nearly full, or a vital task is down")))]
pub async fn readyz(State(api): State<Api>, headers: HeaderMap) -> Response {
    let format = Format::of(&headers);
    if let Err(error) = api.store.check_writable().await {
        return Problem::from(error).response(format);
    }
    if let Err(problem) = check_media(&api).await {
        return problem.response(format);
    }
    let down = api.supervisor.list();
    let vital: Vec<&str> = down.iter().filter(|down| down.role == Role::Vital).map(|down| &*down.task).collect();
    let space = api.room.disk().space();
    let message = match () {
        () if !vital.is_empty() => format!("down, and started again in a moment: {}", vital.join(", ")),
        () if space.is_some_and(|space| space.level == Level::Full) => NoRoom::Disk.to_string(),
        () => String::new(),
    };
    let data = Readiness { down: down.iter().map(DownTask::from).collect(), disk: space.map(DiskView::from) };
    if message.is_empty() {
        return answer::success(format, StatusCode::OK, "ready", &data);
    }
    answer::respond(format, StatusCode::SERVICE_UNAVAILABLE, &NotReady { error: true, message, data: Some(data) })
}

/// Whether a file would be kept now.
async fn check_media(api: &Api) -> Result<(), Problem> {
    Ok(api.files.check().await?)
}

impl From<Space> for DiskView {
    fn from(space: Space) -> Self {
        Self { level: space.level.name(), free_bytes: space.free_bytes, floor_bytes: space.floor_bytes }
    }
}

impl From<&Down> for DownTask {
    fn from(down: &Down) -> Self {
        Self { task: down.task.clone(), since: clock::rfc3339(down.since), until: clock::rfc3339(down.until) }
    }
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses((status = 200, body = String, content_type = "text/plain", description = "Prometheus text format"),
    (status = 403, body = Failure, description = "From elsewhere than this machine, without the operator's token")))]
pub async fn metrics(State(api): State<Api>, request: Request) -> Response {
    if !api.scrapes.allow(&request) {
        return Problem::KeyRefused(scrapes::REFUSED).response(Format::of(request.headers()));
    }
    if let Err(error) = measure(&api).await {
        tracing::warn!(%error, "the gauges of /metrics are as they were: the store could not be read");
    }
    if let Some(space) = api.room.disk().space() {
        metrics::gauge!(telemetry::DISK_FREE).set(gauge(i64::try_from(space.free_bytes).unwrap_or(i64::MAX)));
        metrics::gauge!(telemetry::DISK_FLOOR).set(gauge(i64::try_from(space.floor_bytes).unwrap_or(i64::MAX)));
    }
    if let Ok((waiting, oldest, paused)) = api.store.find_push_backlog().await {
        let age_ms = oldest.map_or(0, |at| (api.clock.now() - at).max(0));
        metrics::gauge!(telemetry::PUSHES_WAITING).set(gauge(waiting));
        metrics::gauge!(telemetry::PUSH_OLDEST).set(gauge(age_ms) / 1_000.0);
        metrics::gauge!(telemetry::PUSH_URLS_PAUSED).set(gauge(paused));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render()).into_response()
}

/// Sets the gauges that follow from the store.
async fn measure(api: &Api) -> Result<(), StoreError> {
    let (queues, devices) = (api.queues().await?, api.store.list_devices(None).await?);
    let now = api.clock.now();
    metrics::gauge!(telemetry::WAITING).set(gauge(queues.values().map(|queue| queue.waiting).sum()));
    let mut counts = HashMap::new();
    for (at, device) in devices.iter().enumerate() {
        let standing = api.standing(device).await?;
        let status = condition(device, standing, now).status;
        *counts.entry(status).or_insert(0) += 1;
        if at >= limits::DEVICES_MEASURED_MAX {
            continue;
        }
        let label = telemetry::device_label(&device.id);
        let queue = queues.get(&device.id);
        let age_ms = queue.map_or(0, |queue| (now - queue.oldest_at).max(0));
        metrics::gauge!(telemetry::DEVICE_WAITING, "device" => label.clone())
            .set(gauge(queue.map_or(0, |queue| queue.waiting)));
        metrics::gauge!(telemetry::DEVICE_OLDEST, "device" => label.clone()).set(gauge(age_ms / 1_000));
        metrics::gauge!(telemetry::DEVICE_ONLINE, "device" => label.clone()).set(gauge(i64::from(status.sends())));
        let waiting_for = api.waiting_for(device, standing, queue);
        for code in ReasonCode::ALL {
            let count = waiting_for.get(&code).copied().unwrap_or(0);
            metrics::gauge!(telemetry::DEVICE_WAITING_FOR, "device" => label.clone(), "reason_code" => code.name())
                .set(gauge(count));
        }
        for state in DeviceStatus::ALL {
            metrics::gauge!(telemetry::DEVICE_STATE, "device" => label.clone(), "state" => state.name())
                .set(gauge(i64::from(state == status)));
        }
    }
    for state in DeviceStatus::ALL {
        let count = counts.get(&state).copied().unwrap_or(0);
        metrics::gauge!(telemetry::DEVICES, "state" => state.name()).set(gauge(count));
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn gauge(count: i64) -> f64 {
    count as f64
}
