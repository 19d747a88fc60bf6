//! Passkeys: requiring one, the authenticator that holds it, and the confirmation on the phone.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::people::find;
use super::problem::{Body, Problem};
use crate::phone::passkey::{Assertion, ExportedPasskey, RequestOptions};
use crate::runtime::{PasskeyStatus, Phones};

/// The body of `POST /control/people/N/passkey`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    required: bool,
}

/// `POST /control/people/N/passkey`
pub async fn require(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(requirement): Body<Requirement>,
) -> Result<Json<PasskeyStatus>, Problem> {
    let person = find(&phones, &number)?;
    if requirement.required {
        person.require_passkey();
    } else {
        person.waive_passkey();
    }
    Ok(Json(person.passkey()))
}

/// `GET /control/people/N/passkey`
pub async fn show(State(phones): State<Phones>, Path(number): Path<String>) -> Result<Json<PasskeyStatus>, Problem> {
    Ok(Json(find(&phones, &number)?.passkey()))
}

/// The body of `assertion`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    options: RequestOptions,
}

/// `POST /control/people/N/passkey/assertion`
pub async fn assertion(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(request): Body<Request>,
) -> Result<Json<Assertion>, Problem> {
    Ok(Json(find(&phones, &number)?.use_passkey(&request.options)?))
}

/// `GET /control/people/N/passkey/credential`
pub async fn export(
    State(phones): State<Phones>,
    Path(number): Path<String>,
) -> Result<Json<ExportedPasskey>, Problem> {
    Ok(Json(find(&phones, &number)?.export_passkey()))
}

/// `POST /control/people/N/passkey/confirm`
pub async fn confirm(State(phones): State<Phones>, Path(number): Path<String>) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.confirm_passkey()?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /control/people/N/passkey/refuse`
pub async fn refuse(State(phones): State<Phones>, Path(number): Path<String>) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.refuse_passkey()?;
    Ok(StatusCode::NO_CONTENT)
}
