//! Every address of the gateway, and what is answered where nothing is.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use metrics::Counter;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Format;
use super::problem::Problem;
use super::{Api, bounds, manage, media, media_link, message, openapi, operations, person, sender, status};
use crate::telemetry;

/// The API of the documentation.
pub const BASE: &str = "/wachat_api/1.0";

/// The management API.
pub const MANAGE: &str = "/manage/1.0";

/// The router of the whole gateway.
pub fn router(api: Api) -> Router {
    let recorded = middleware::from_fn_with_state(api.clone(), manage::audit::record);
    begin_counting();
    let known = middleware::from_fn_with_state(api.clone(), known);
    let (router, _) = parts(manage::routes().layer(recorded).layer(known));
    router
        .route(&format!("{BASE}/whatsapp/message"), post(message::send))
        .route(&format!("{BASE}/whatsapp/media"), post(media::send))
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
    parts(manage::routes()).1
}

fn parts(manage: OpenApiRouter<Api>) -> (Router<Api>, utoipa::openapi::OpenApi) {
    let (router, mut document) = documented(manage).split_for_parts();
    openapi::name_operations(&mut document, BASE);
    openapi::document_refusals(&mut document);
    bounds::document(&mut document);
    (router, document)
}

fn documented(manage: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    // The API's own routes name their whole paths: a nested router costs each request the making of another address.
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(person::show))
        .routes(routes!(sender::show))
        .routes(routes!(message::send))
        .routes(routes!(media::send))
        .routes(routes!(status::show))
        .nest(MANAGE, manage)
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
}

async fn unknown_path(method: Method, headers: HeaderMap, uri: Uri) -> Response {
    if method == Method::GET && uri.path() == "/" && is_browser(&headers) {
        return Redirect::to("/console").into_response();
    }
    tracing::debug!(path = uri.path(), "unknown path");
    Problem::NotFound("such address; the API is under /wachat_api/1.0, its documentation at /docs")
        .response(Format::of(&headers))
}

/// Whether somebody looks at a page: programs do not ask for HTML.
fn is_browser(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// `Allow` is added by the router.
async fn wrong_method(method: Method, headers: HeaderMap) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    Problem::MethodNotAllowed.response(Format::of(&headers))
}

/// Refuses whoever is not known before anything else of the request is looked at.
async fn known(State(api): State<Api>, request: Request, next: Next) -> Response {
    match api.recognize(request.headers()).await {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.response(Format::of(request.headers())),
    }
}

/// Counts requests by their route, never by the address that was asked for: a label has few values.
async fn count(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or(0, |path| path_label(path.as_str()));
    let response = next.run(request).await;
    counter(path, status_label(response.status())).increment(1);
    response
}

const PATHS: [&str; 10] =
    ["none", "other", "file", "message", "media", "status", "sender", "auth", "manage", "metrics"];
const STATUSES: [&str; 18] = [
    "other", "200", "201", "202", "206", "304", "400", "401", "403", "404", "405", "409", "413", "416", "422", "429",
    "500", "503",
];

/// A counter is found once: to find it by its labels costs more than all else that is counted here.
fn counter(path: usize, status: usize) -> &'static Counter {
    type Counters = [[OnceLock<Counter>; STATUSES.len()]; PATHS.len()];
    static COUNTERS: Counters = [const { [const { OnceLock::new() }; STATUSES.len()] }; PATHS.len()];
    COUNTERS[path][status]
        .get_or_init(|| metrics::counter!(telemetry::REQUESTS, "path" => PATHS[path], "status" => STATUSES[status]))
}

/// Counts every kind of request from zero.
fn begin_counting() {
    for path in 0..PATHS.len() {
        for status in 0..STATUSES.len() {
            counter(path, status).increment(0);
        }
    }
}

/// The place in [`PATHS`] of a route's label.
fn path_label(path: &str) -> usize {
    let rest = path.strip_prefix(BASE).unwrap_or(path).trim_start_matches('/');
    let first = rest.strip_prefix("whatsapp/").unwrap_or(rest).split('/').next().unwrap_or_default();
    let label = if path.starts_with("/media/") { "file" } else { first };
    PATHS.iter().position(|known| *known == label).unwrap_or(1)
}

/// The place in [`STATUSES`] of a status.
fn status_label(status: StatusCode) -> usize {
    STATUSES.iter().position(|known| *known == status.as_str()).unwrap_or(0)
}
