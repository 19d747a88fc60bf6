//! `GET /auth/api_key`: who owns this API key.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::answer::{self, Format};
use super::problem::Problem;
use super::routes::BASE;

#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    /// The name the person signs in with.
    pub userid: String,
    #[serde(rename = "idPerson")]
    pub id_person: i64,
    #[serde(rename = "idClient")]
    pub id_client: i64,
}

/// Get user data using API Key
#[utoipa::path(get, context_path = BASE, path = "/auth/api_key", tag = "Authentication", security(("APIKey" = [])),
    responses((status = 200, description = "Successful Response", body = answer::Envelope<Person>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap) -> Response {
    let format = Format::of(&headers);
    answer::from(format, find(&api, &headers).await.map(|person| (StatusCode::OK, "API key owner", person)))
}

async fn find(api: &Api, headers: &HeaderMap) -> Result<Person, Problem> {
    let asker = api.asker(headers).await?;
    Ok(Person { userid: asker.person.userid.clone(), id_person: asker.person.id, id_client: asker.client.id })
}
