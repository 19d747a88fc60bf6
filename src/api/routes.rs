//! Every address of the gateway, and what is answered where nothing is.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Format;
use super::problem::Problem;
use super::{Api, manage, media, media_link, message, openapi, operations, person, sender, status};
use crate::telemetry;

/// The API of the documentation.
pub const BASE: &str = "/wachat_api/1.0";

/// The management API.
pub const MANAGE: &str = "/manage/1.0";

/// The router of the whole gateway.
pub fn router(api: Api) -> Router {
    let (router, document) = documented().split_for_parts();
    let aliases = Router::new()
        .route("/whatsapp/message", axum::routing::post(message::send))
        .route("/whatsapp/media", axum::routing::post(media::send));
    router
        .nest(BASE, aliases)
        .route("/media/{token}", get(media_link::show))
        .merge(openapi::routes(document))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(count))
        .with_state(api)
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    documented().split_for_parts().1
}

fn documented() -> OpenApiRouter<Api> {
    let seed = OpenApiRouter::new()
        .routes(routes!(person::show))
        .routes(routes!(sender::show))
        .routes(routes!(message::send))
        .routes(routes!(media::send))
        .routes(routes!(status::show));
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest(BASE, seed)
        .nest(MANAGE, manage::routes())
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
}

async fn unknown_path(headers: HeaderMap, uri: Uri) -> Response {
    tracing::debug!(path = uri.path(), "unknown path");
    Problem::NotFound("such address; the API is under /wachat_api/1.0, its documentation at /docs")
        .response(Format::of(&headers))
}

/// `Allow` is added by the router.
async fn wrong_method(method: Method, headers: HeaderMap) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    Problem::MethodNotAllowed.response(Format::of(&headers))
}

/// Counts requests by their route, never by the address that was asked for: a label has few values.
async fn count(request: Request, next: Next) -> Response {
    let path =
        request.extensions().get::<axum::extract::MatchedPath>().map_or("none", |path| path_label(path.as_str()));
    let response = next.run(request).await;
    metrics::counter!(telemetry::REQUESTS, "path" => path, "status" => status_label(response.status())).increment(1);
    response
}

fn path_label(path: &str) -> &'static str {
    const LABELS: [&str; 7] = ["message", "media", "status", "sender", "auth", "manage", "metrics"];
    if path.starts_with("/media/") {
        return "file";
    }
    let rest = path.strip_prefix(BASE).unwrap_or(path).trim_start_matches('/');
    let first = rest.strip_prefix("whatsapp/").unwrap_or(rest).split('/').next().unwrap_or_default();
    LABELS.into_iter().find(|label| *label == first).unwrap_or("other")
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        409 => "409",
        413 => "413",
        422 => "422",
        429 => "429",
        500 => "500",
        503 => "503",
        _ => "other",
    }
}
