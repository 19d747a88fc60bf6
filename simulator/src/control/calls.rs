//! Calls: starting, ending, rejecting and listing them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::people::find;
use super::problem::{Body, Problem};
use crate::phone::Call;
use crate::runtime::{CallKind, Phones, address};

/// The body of `call`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    to: String,
    #[serde(default)]
    video: bool,
}

/// The response of `call`, and the body of `hangup`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    call: String,
}

/// `POST /control/people/N/call`
pub async fn call(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(NewCall { to, video }): Body<NewCall>,
) -> Result<Json<Which>, Problem> {
    let kind = if video { CallKind::Video } else { CallKind::Voice };
    let call = find(&phones, &number)?.call(&address(&to)?, kind).await?;
    Ok(Json(Which { call }))
}

/// `POST /control/people/N/hangup`
pub async fn hang_up(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Which { call }): Body<Which>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.hang_up(&call).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /control/people/N/calls`
pub async fn list(State(phones): State<Phones>, Path(number): Path<String>) -> Result<Json<Vec<Call>>, Problem> {
    Ok(Json(find(&phones, &number)?.calls().await?))
}
