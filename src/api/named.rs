//! The parts of an address that name something: a number, a reference, a token. What names nothing that can exist gets
//! the envelope that everything else gets.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::Api;
use super::answer::Format;
use super::problem::Problem;
use super::routes::BASE;

/// What an address names.
pub struct Named<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T>
where
    Api: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        // No name of ours holds a NUL, and PostgreSQL takes none in a query.
        let problem = if parts.uri.path().contains("%00") {
            Problem::NotFound("such thing")
        } else {
            match axum::extract::Path::<T>::from_request_parts(parts, state).await {
                Ok(axum::extract::Path(named)) => return Ok(Self(named)),
                Err(rejection) => problem(&rejection),
            }
        };
        // Who is not known learns that first. A link to a file is all that its bearer needs.
        let is_public = !parts.uri.path().starts_with(BASE);
        let problem = match is_public {
            true => problem,
            false => Api::from_ref(state).recognize(&parts.headers).await.err().unwrap_or(problem),
        };
        Err(problem.response(Format::of(&parts.headers)))
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
