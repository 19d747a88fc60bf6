//! What an operator's machines ask: `/healthz`, `/readyz`, `/metrics`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Api;
use super::answer::{self, Format};
use super::problem::Problem;
use crate::telemetry;

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "Alive")))]
pub async fn healthz(headers: HeaderMap) -> Response {
    answer::success(Format::of(&headers), StatusCode::OK, "alive", &serde_json::json!({}))
}

/// Ready: a message would be stored now.
#[utoipa::path(get, path = "/readyz", tag = "Operations",
    responses((status = 200, description = "The store can be written"), (status = 503, description = "It cannot")))]
pub async fn readyz(State(api): State<Api>, headers: HeaderMap) -> Response {
    let ready = api.store.check_writable().await.map_err(Problem::from);
    answer::from(Format::of(&headers), ready.map(|()| (StatusCode::OK, "ready", serde_json::json!({}))))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses((status = 200, description = "Prometheus text format")))]
pub async fn metrics(State(api): State<Api>) -> Response {
    if let (Ok(waiting), Ok(devices)) = (api.store.count_waiting().await, api.store.list_devices(None).await) {
        let waiting: i64 = waiting.iter().map(|(_, count)| count).sum();
        #[allow(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(telemetry::WAITING).set(waiting as f64);
        for state in crate::device::DeviceState::ALL {
            let count = devices.iter().filter(|device| device.state == state).count();
            #[allow(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!(telemetry::DEVICES, "state" => state.name()).set(count as f64);
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render()).into_response()
}
