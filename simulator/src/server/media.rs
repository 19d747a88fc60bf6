//! The media host: encrypted files, uploaded by clients and downloaded by the recipients.
//!
//! It cannot decrypt them. It checks that the request has a token issued over the device's connection, and that the
//! uploaded bytes have the hash in the URL.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use futures_util::stream::{self, Stream};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::fault_points;
use super::listener::HangUp;
use super::network::Network;
use crate::clock;
use crate::faults::{DeviceName, Direction, MediaDecision, MediaRefusal, carried_ms};
use crate::limits::{
    MEDIA_AUTHS_MAX, MEDIA_BYTES_MAX, MEDIA_BYTES_TOTAL_MAX, MEDIA_LINK_SECONDS, MEDIA_UPLOAD_SECONDS_MAX,
    MEDIA_UPLOADS_MAX,
};

/// The types of files that clients upload, by the last part of the path.
const KINDS: [&str; 8] =
    ["image", "video", "audio", "document", "sticker", "md-app-state", "md-msg-hist", "thumbnail-link"];

/// Stores up to [`MEDIA_BYTES_TOTAL_MAX`] bytes; the oldest files are evicted first.
pub struct MediaHost {
    files: Mutex<Files>,
    auths: Mutex<Auths>,
    uploads: Semaphore,
}

impl Default for MediaHost {
    fn default() -> Self {
        Self { files: Mutex::default(), auths: Mutex::default(), uploads: Semaphore::new(MEDIA_UPLOADS_MAX) }
    }
}

#[derive(Default)]
struct Files {
    by_path: HashMap<String, Bytes>,
    order: VecDeque<String>,
    bytes: usize,
    /// Paths whose files can no longer be downloaded.
    expired: HashSet<String>,
    /// Number of files uploaded again.
    restored: u64,
}

#[derive(Default)]
struct Auths {
    known: HashMap<String, DeviceName>,
    order: VecDeque<String>,
}

impl MediaHost {
    /// Creates a device's token for uploads and downloads.
    pub fn new_auth(&self, device: &DeviceName) -> String {
        let auth = URL_SAFE_NO_PAD.encode(clock::random_bytes::<24>());
        let mut auths = self.auths.lock();
        if auths.order.len() >= MEDIA_AUTHS_MAX
            && let Some(oldest) = auths.order.pop_front()
        {
            auths.known.remove(&oldest);
        }
        auths.order.push_back(auth.clone());
        auths.known.insert(auth.clone(), device.clone());
        auth
    }

    /// Stores a phone's file, without a connection. Returns its direct path, with the query that clients append to.
    pub fn put(&self, encrypted: Bytes) -> String {
        let hash = Sha256::digest(&encrypted).into();
        direct_path(&self.keep(encrypted, hash))
    }

    /// Stores bytes with this hash. Returns their path on the host.
    fn keep(&self, encrypted: Bytes, hash: [u8; 32]) -> String {
        let path = format!("/v/t62.7118-24/{}", URL_SAFE_NO_PAD.encode(hash));
        let mut files = self.files.lock();
        if files.by_path.contains_key(&path) {
            files.expired.remove(&path);
            return path;
        }
        files.bytes += encrypted.len();
        files.by_path.insert(path.clone(), encrypted);
        files.order.push_back(path.clone());
        while files.bytes > MEDIA_BYTES_TOTAL_MAX
            && let Some(oldest) = files.order.pop_front()
        {
            files.bytes -= files.by_path.remove(&oldest).map_or(0, |bytes| bytes.len());
            files.expired.remove(&oldest);
        }
        path
    }

    /// A file, by its path on the host; a query is ignored.
    pub fn get(&self, path: &str) -> Option<Bytes> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let files = self.files.lock();
        files.by_path.get(path).filter(|_| !files.expired.contains(path)).cloned()
    }

    /// Expires a file: it can no longer be downloaded from this path. False for an unknown path.
    pub fn expire(&self, path: &str) -> bool {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let mut files = self.files.lock();
        files.by_path.contains_key(path) && files.expired.insert(path.to_owned())
    }

    /// Restores an expired file, like a phone that still has it. Returns its new direct path, if there is one.
    pub fn restore(&self, path: &str) -> Option<String> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let mut files = self.files.lock();
        let bytes = files.by_path.remove(path)?;
        files.expired.remove(path);
        files.restored += 1;
        let restored = format!("{path}_{}", files.restored);
        files.order.iter_mut().filter(|known| *known == path).for_each(|known| known.clone_from(&restored));
        files.by_path.insert(restored.clone(), bytes);
        Some(direct_path(&restored))
    }

    /// Removes a file; false for an unknown path.
    fn remove(&self, path: &str) -> bool {
        let mut files = self.files.lock();
        let Some(bytes) = files.by_path.remove(path) else { return false };
        files.bytes -= bytes.len();
        files.order.retain(|known| known != path);
        files.expired.remove(path);
        true
    }

    /// The device with this token.
    fn owner(&self, auth: &str) -> Option<DeviceName> {
        self.auths.lock().known.get(auth).cloned()
    }
}

/// The path for clients. They append `&hash=…&mms-type=…`, so it has a query, like the service's.
fn direct_path(path: &str) -> String {
    let expires_at = clock::now_seconds() + MEDIA_LINK_SECONDS;
    let signature = URL_SAFE_NO_PAD.encode(Sha256::digest(path));
    format!("{path}?ccb=11-4&oh=01_{signature}&oe={expires_at:X}&_nc_sid=5e03e0")
}

impl Network {
    /// The files of the media host.
    pub fn media(&self) -> &MediaHost {
        &self.inner.media
    }

    /// Host and port of the media host.
    pub fn media_host(&self) -> Option<String> {
        let address = self.address()?;
        // A server that listens on all addresses is reached at loopback.
        if address.ip().is_unspecified() {
            return Some(format!("127.0.0.1:{}", address.port()));
        }
        Some(address.to_string())
    }
}

#[derive(Deserialize)]
pub struct TransferQuery {
    auth: Option<String>,
    /// A request only to check whether the host has the file.
    resume: Option<String>,
}

/// `POST /mms/{kind}/{hash}?auth=…`: stores the body, and responds with its location.
pub async fn upload(
    State(network): State<Network>,
    Extension(hang_up): Extension<HangUp>,
    Path((kind, token)): Path<(String, String)>,
    Query(query): Query<TransferQuery>,
    body: Body,
) -> Response {
    let media = &network.inner.media;
    let Some(device) = query.auth.and_then(|auth| media.owner(&auth)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    // Bodies are held in memory, so concurrency is limited.
    let Ok(_permit) = media.uploads.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let body = match take_in(body, Duration::from_secs(MEDIA_UPLOAD_SECONDS_MAX)).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    match fault_points::transferred(&network.inner.faults, &device, Direction::ToServer) {
        MediaDecision::Serve => {}
        MediaDecision::Refuse(refusal) => return refuse(refusal, &hang_up).await,
        MediaDecision::Slow { delay_ms, bytes_per_second } => {
            // The bytes have arrived already; this delays the response as if they arrived now.
            fault_points::wait(delay_ms.saturating_add(carried_ms(body.len(), bytes_per_second))).await;
        }
    }
    if !KINDS.contains(&kind.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(hash) = decode(&token) else { return StatusCode::BAD_REQUEST.into_response() };
    if query.resume.is_some() && body.is_empty() {
        return Json(serde_json::json!({ "resume": 0 })).into_response();
    }
    if <[u8; 32]>::from(Sha256::digest(&body)) != hash {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let path = direct_path(&media.keep(body, hash));
    let host = network.media_host().unwrap_or_default();
    Json(serde_json::json!({ "url": format!("https://{host}{path}&mms3=true"), "direct_path": path })).into_response()
}

/// The token in a query. whatsapp-rust appends `?auth=…` to a direct path that already has a query.
fn auth_in(query: &str) -> Option<&str> {
    query.split(['&', '?']).find_map(|part| part.strip_prefix("auth="))
}

/// The whole body, unless it takes too long.
async fn take_in(body: Body, wait: Duration) -> Result<Bytes, StatusCode> {
    match clock::within(wait, to_bytes(body, MEDIA_BYTES_MAX)).await {
        Some(body) => body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE),
        None => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// `GET /v/…`: a file as it was uploaded. Not every client authenticates its downloads.
pub async fn download(
    State(network): State<Network>,
    Extension(hang_up): Extension<HangUp>,
    request: Request,
) -> Response {
    let media = &network.inner.media;
    let auth = request.uri().query().and_then(auth_in);
    let device = auth.and_then(|auth| media.owner(auth)).unwrap_or_else(|| DeviceName::new("", 0));
    let pace = match fault_points::transferred(&network.inner.faults, &device, Direction::ToClient) {
        MediaDecision::Serve => None,
        MediaDecision::Refuse(refusal) => return refuse(refusal, &hang_up).await,
        MediaDecision::Slow { delay_ms, bytes_per_second } => {
            fault_points::wait(delay_ms).await;
            bytes_per_second
        }
    };
    // whatsmeow deletes a history chunk after downloading it.
    if request.method() == Method::DELETE {
        let found = media.remove(request.uri().path());
        return if found { StatusCode::OK } else { StatusCode::NOT_FOUND }.into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(bytes) = media.get(request.uri().path()) else { return StatusCode::NOT_FOUND.into_response() };
    let body = match pace {
        Some(pace) => Body::from_stream(slowly(bytes, pace)),
        None => Body::from(bytes),
    };
    ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response()
}

/// The bytes in chunks of a tenth of a second each.
fn slowly(bytes: Bytes, bytes_per_second: u64) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let piece = usize::try_from((bytes_per_second / 10).max(1)).unwrap_or(usize::MAX);
    stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        let part = rest.split_to(piece.min(rest.len()));
        fault_points::wait(carried_ms(part.len(), Some(bytes_per_second))).await;
        Some((Ok(part), rest))
    })
}

async fn refuse(refusal: MediaRefusal, hang_up: &HangUp) -> Response {
    match refusal {
        MediaRefusal::Status(status) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        MediaRefusal::HangsUp => {
            hang_up.0.cancel();
            // The connection ends first.
            std::future::pending().await
        }
    }
}

/// The hash in a path: 32 bytes in either Base64 alphabet.
fn decode(token: &str) -> Option<[u8; 32]> {
    let decoded = [&URL_SAFE_NO_PAD, &URL_SAFE, &STANDARD].iter().find_map(|alphabet| alphabet.decode(token).ok())?;
    decoded.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn an_upload_that_stalls_times_out() {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"half a f"))]);
        let body = Body::from_stream(first.chain(stream::pending()));
        assert_eq!(take_in(body, Duration::from_millis(1)).await, Err(StatusCode::REQUEST_TIMEOUT));
        assert_eq!(take_in(Body::from("a file"), Duration::from_secs(60)).await.unwrap(), "a file");
    }

    #[test]
    fn a_file_is_found_by_a_direct_path_to_which_a_client_has_appended() {
        let host = MediaHost::default();
        let path = host.put(Bytes::from_static(b"sealed"));
        assert!(path.contains("?ccb="), "{path}");
        assert_eq!(host.get(&format!("{path}&hash=abc&mms-type=image")).as_deref(), Some(&b"sealed"[..]));
    }

    #[test]
    fn a_token_is_found_wherever_a_client_appends_it() {
        for query in ["auth=abc", "ccb=11-4&oe=1?auth=abc&token=x", "auth=abc&hash=y", "ccb=11-4&auth=abc"] {
            assert_eq!(auth_in(query), Some("abc"), "{query}");
        }
        assert_eq!(auth_in("ccb=11-4&xauth=abc"), None);
    }

    #[test]
    fn a_file_that_is_removed_makes_room() {
        let host = MediaHost::default();
        let path = host.keep(Bytes::from(vec![1; MEDIA_BYTES_TOTAL_MAX]), [1; 32]);
        assert!(host.remove(&path) && !host.remove(&path));
        let next = host.put(Bytes::from(vec![2; MEDIA_BYTES_TOTAL_MAX]));
        assert!(host.get(&path).is_none() && host.get(&next).is_some());
    }

    #[test]
    fn the_oldest_files_go_when_there_are_too_many_bytes() {
        let host = MediaHost::default();
        let first = host.put(Bytes::from(vec![1; MEDIA_BYTES_TOTAL_MAX / 2]));
        let second = host.put(Bytes::from(vec![2; MEDIA_BYTES_TOTAL_MAX / 2]));
        assert!(host.get(&first).is_some());
        let third = host.put(Bytes::from(vec![3; 10]));
        assert!(host.get(&first).is_none());
        assert!(host.get(&second).is_some() && host.get(&third).is_some());
    }
}
