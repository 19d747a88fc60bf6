//! `GET /sender/{sender}`: a gateway's balance.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::answer::{self, Format};
use super::named::Named;
use super::problem::Problem;
use super::routes::BASE;
use crate::clock;

#[derive(Debug, Serialize, ToSchema)]
pub struct WAGateway {
    #[serde(rename = "idClient")]
    pub id_client: i64,
    pub name: String,
    /// Messages accepted today (UTC).
    pub counter: Option<i64>,
    /// Messages a day; 0 for no limit.
    pub limit: Option<i64>,
}

/// Get Gateway Balance
#[utoipa::path(get, context_path = BASE, path = "/sender/{sender}", tag = "WA Chat", security(("APIKey" = [])),
    params(("sender" = String, Path, description = "The gateway's phone number")),
    responses((status = 200, description = "Successful Response", body = answer::Envelope<WAGateway>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(sender): Named<String>) -> Response {
    let format = Format::of(&headers);
    answer::from(
        format,
        find(&api, &headers, &sender).await.map(|gateway| (StatusCode::OK, "Gateway balance", gateway)),
    )
}

async fn find(api: &Api, headers: &HeaderMap, sender: &str) -> Result<WAGateway, Problem> {
    let asker = api.asker(headers).await?;
    let device = api.gateway(&asker.client, Some(sender), None).await?;
    let today = clock::day(api.clock.now());
    let counter = api.store.count_accepted(&device.id, today).await?;
    Ok(WAGateway {
        id_client: device.client_id,
        name: device.name,
        counter: Some(counter),
        limit: Some(device.daily_limit),
    })
}
