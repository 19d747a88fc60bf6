//! Error responses of the control API, and parsing of request bodies.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::runtime::RequestError;

/// Why a request failed, with a text that says what to do.
#[derive(Debug)]
pub enum Problem {
    /// 400: invalid request.
    BadRequest(String),
    /// 404: not found.
    NotFound(String),
    /// 405: the route has other methods.
    BadMethod(String),
    /// 409: not possible in the current state.
    Conflict(String),
    /// 413: the body is too large.
    TooLarge(String),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, text),
            Self::NotFound(text) => (StatusCode::NOT_FOUND, text),
            Self::BadMethod(text) => (StatusCode::METHOD_NOT_ALLOWED, text),
            Self::Conflict(text) => (StatusCode::CONFLICT, text),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, text),
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

impl From<RequestError> for Problem {
    fn from(refusal: RequestError) -> Self {
        match refusal {
            RequestError::Invalid(text) => Self::BadRequest(text),
            RequestError::NotFound(text) => Self::NotFound(text),
            RequestError::Conflict(text) => Self::Conflict(text),
        }
    }
}

/// The body of a request, whatever its content type. An empty body counts as `{}`.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge("the body is too large for this route".to_owned()),
            _ => Problem::BadRequest("the body did not come as a whole; send it again".to_owned()),
        })?;
        let text = if bytes.is_empty() { &b"{}"[..] } else { &bytes };
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| Problem::BadRequest(format!("the body is not the JSON that this route takes: {error}")))
    }
}
