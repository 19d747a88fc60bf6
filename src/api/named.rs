//! The parts of an address that name something: a number, a reference, a token. What names nothing that can exist gets
//! the envelope that everything else gets.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::answer::Format;
use super::problem::Problem;

/// What an address names.
pub struct Named<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let format = Format::of(&parts.headers);
        // No name of ours holds a NUL, and PostgreSQL takes none in a query.
        if parts.uri.path().contains("%00") {
            return Err(Problem::NotFound("such thing").response(format));
        }
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(problem(&rejection).response(format)),
        }
    }
}

fn problem(rejection: &PathRejection) -> Problem {
    match rejection {
        PathRejection::FailedToDeserializePathParams(bad)
            if matches!(bad.kind(), ErrorKind::InvalidUtf8InPathParam { .. }) =>
        {
            Problem::BadRequest("the address is not UTF-8; percent-encode it as UTF-8".into())
        }
        _ => Problem::NotFound("such thing; the address names it by a number or an id"),
    }
}
