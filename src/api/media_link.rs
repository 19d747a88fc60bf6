//! `GET /media/{token}`: a file from the shelf, to whoever has its link, until the link expires.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::Api;
use super::answer::Format;
use super::named::Named;
use super::problem::Problem;
use crate::clock;
use crate::limits;
use crate::store::StoredMedia;

const DAY_MS: i64 = 86_400_000;

impl Api {
    /// A link to a file on the shelf. The same all day long, so that an answer that is asked for again does not change.
    pub fn media_link(&self, media_id: &str) -> String {
        let days = limits::MEDIA_LINK_HOURS / 24;
        let expires_at = (clock::day(self.clock.now()) + 1 + days) * DAY_MS;
        format!("{}/media/{}", self.public_url, self.links.link_token(media_id, expires_at))
    }
}

/// Serves a file. Whatever it is, a browser saves it instead of running it.
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(token): Named<String>) -> Response {
    match find(&api, &token).await {
        Ok((media, bytes)) => respond(&media, bytes),
        Err(problem) => problem.response(Format::of(&headers)),
    }
}

async fn find(api: &Api, token: &str) -> Result<(StoredMedia, bytes::Bytes), Problem> {
    let id = api.links.verify(token, api.clock.now()).map_err(|_| {
        Problem::NotFound("file behind this link, or the link has expired; ask for the message again to get a new one")
    })?;
    Ok(api.files.find(&id).await?)
}

fn respond(media: &StoredMedia, bytes: bytes::Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let mime = HeaderValue::from_str(&media.mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, mime);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    let inline = media.mime.starts_with("image/") && media.mime != "image/svg+xml";
    let name: String = media
        .file_name
        .as_deref()
        .unwrap_or("file")
        .chars()
        .filter(|c| c.is_ascii_graphic() && *c != '"' && *c != '\\')
        .collect();
    let disposition = format!("{}; filename=\"{name}\"", if inline { "inline" } else { "attachment" });
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
