//! Faults: adding, listing and removing them, and the log of what they did.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::problem::{Body, Problem};
use crate::faults::{ActiveFault, FaultLog, FaultNumber, PlanError, PlannedFault};
use crate::runtime::Phones;

/// The response of `POST /control/faults`.
#[derive(Serialize)]
pub struct Added {
    number: FaultNumber,
}

/// `POST /control/faults`: the body is a fault and its scope, as in a scenario.
pub async fn add(
    State(phones): State<Phones>,
    Body(planned): Body<PlannedFault>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    match phones.network().add_fault(planned) {
        Ok(number) => Ok((StatusCode::CREATED, Json(Added { number }))),
        Err(error @ PlanError::Impossible(_)) => Err(Problem::BadRequest(error.to_string())),
        Err(error @ PlanError::Full) => Err(Problem::Conflict(error.to_string())),
    }
}

/// `GET /control/faults`
pub async fn list(State(phones): State<Phones>) -> Json<Vec<ActiveFault>> {
    Json(phones.network().faults().active())
}

/// `GET /control/faults/log`
pub async fn log(State(phones): State<Phones>) -> Json<FaultLog> {
    Json(phones.network().faults().log())
}

/// `DELETE /control/faults`
pub async fn clear(State(phones): State<Phones>) -> StatusCode {
    phones.network().faults().clear();
    StatusCode::NO_CONTENT
}

/// `DELETE /control/faults/F`
pub async fn remove(State(phones): State<Phones>, Path(fault): Path<String>) -> Result<StatusCode, Problem> {
    let number = fault.parse().map_err(|_| Problem::BadRequest(format!("{fault:?} is no number of a fault")))?;
    if phones.network().faults().remove(FaultNumber(number)) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::NotFound(format!("no fault {number} is active; GET /control/faults lists them")))
}
