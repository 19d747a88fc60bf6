//! What an operator's machines ask: `/healthz`, `/readyz`, `/metrics`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Api;
use super::answer::{self, Format};
use super::problem::Problem;
use crate::{limits, telemetry};

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "Alive")))]
pub async fn healthz(headers: HeaderMap) -> Response {
    answer::success(Format::of(&headers), StatusCode::OK, "alive", &serde_json::json!({}))
}

/// Ready: a message and a file would be stored now.
#[utoipa::path(get, path = "/readyz", tag = "Operations",
    responses((status = 200, description = "The store and the media store can be written"),
    (status = 503, description = "One of them cannot")))]
pub async fn readyz(State(api): State<Api>, headers: HeaderMap) -> Response {
    let ready = async {
        api.store.check_writable().await?;
        check_media(&api).await
    };
    answer::from(Format::of(&headers), ready.await.map(|()| (StatusCode::OK, "ready", serde_json::json!({}))))
}

/// Whether a file would be kept now.
async fn check_media(api: &Api) -> Result<(), Problem> {
    Ok(api.files.check().await?)
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses((status = 200, description = "Prometheus text format")))]
pub async fn metrics(State(api): State<Api>) -> Response {
    if let (Ok(waiting), Ok(devices)) = (api.store.count_waiting().await, api.store.list_devices(None).await) {
        let all: i64 = waiting.iter().map(|(_, count)| count).sum();
        metrics::gauge!(telemetry::WAITING).set(gauge(all));
        for device in devices.iter().take(limits::DEVICES_MEASURED_MAX) {
            let label = telemetry::device_label(&device.id);
            let own = waiting.iter().find(|(id, _)| *id == device.id).map_or(0, |(_, count)| *count);
            metrics::gauge!(telemetry::DEVICE_WAITING, "device" => label.clone()).set(gauge(own));
            let online = i64::from(device.takes_messages());
            metrics::gauge!(telemetry::DEVICE_ONLINE, "device" => label).set(gauge(online));
        }
        for state in crate::device::DeviceState::ALL {
            let count = devices.iter().filter(|device| device.state == state).count();
            let count = gauge(i64::try_from(count).unwrap_or(i64::MAX));
            metrics::gauge!(telemetry::DEVICES, "state" => state.name()).set(count);
        }
    }
    if let Ok((waiting, oldest, paused)) = api.store.find_push_backlog().await {
        let age_ms = oldest.map_or(0, |at| (api.clock.now() - at).max(0));
        metrics::gauge!(telemetry::PUSHES_WAITING).set(gauge(waiting));
        metrics::gauge!(telemetry::PUSH_OLDEST).set(gauge(age_ms) / 1_000.0);
        metrics::gauge!(telemetry::PUSH_URLS_PAUSED).set(gauge(paused));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render()).into_response()
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn gauge(count: i64) -> f64 {
    count as f64
}
