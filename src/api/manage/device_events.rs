//! `/manage/1.0/devices/{device_id}/events`: what happened to a device.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::managed;
use super::{Listing, cut, found, page, query, rows};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::clock::rfc3339;

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceEventView {
    #[schema(format = DateTime)]
    pub at: String,
    /// A state that the device entered, or linked, strangers_paused, slowed, or unreadable.
    pub state: String,
    /// Why, in words; empty when there is nothing to say.
    pub reason: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EventsOf {
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

/// List what happened to a device, newest first
#[utoipa::path(get, path = "/devices/{device_id}/events", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path), EventsOf), responses((status = 200, body = Envelope<Listing<DeviceEventView>>)))]
pub async fn list_events(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let listing = async {
        let device = managed(&api, &headers, &id).await?;
        let wanted: EventsOf = query(&uri)?;
        let rows = rows(wanted.limit)?;
        let page = page(wanted.before.as_deref(), rows)?;
        let mut events = api.store.list_device_events(&device.id, page).await?;
        let next_before = cut(&mut events, rows, |event| event.seq.to_string());
        let view = |event: crate::store::DeviceEvent| DeviceEventView {
            at: rfc3339(event.at),
            state: event.state,
            reason: event.reason,
        };
        Ok(Listing { items: events.into_iter().map(view).collect(), next_before })
    };
    found(&headers, StatusCode::OK, "Events of the device", listing.await)
}
