//! The media host: encrypted files, put by clients and fetched by those whom they wrote to.
//!
//! It cannot read them. It checks that who puts or fetches got a token over his connection, and that the bytes are
//! those whose hash the client names.

use std::collections::{HashMap, HashSet, VecDeque};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::fault_points::{MediaFate, MediaRequest};
use super::network::Network;
use crate::clock;
use crate::limits::{MEDIA_AUTHS_MAX, MEDIA_BYTES_TOTAL_MAX};

/// Kinds of files that clients upload, by the last part of the address.
const KINDS: [&str; 8] =
    ["image", "video", "audio", "document", "sticker", "md-app-state", "md-msg-hist", "thumbnail-link"];

/// Holds files up to [`MEDIA_BYTES_TOTAL_MAX`] bytes; the oldest go first.
#[derive(Default)]
pub struct MediaHost {
    files: Mutex<Files>,
    auths: Mutex<Auths>,
}

#[derive(Default)]
struct Files {
    by_path: HashMap<String, Bytes>,
    order: VecDeque<String>,
    bytes: usize,
}

#[derive(Default)]
struct Auths {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl MediaHost {
    /// A token for putting files.
    pub fn new_auth(&self) -> String {
        let auth = URL_SAFE_NO_PAD.encode(clock::random_bytes::<24>());
        let mut auths = self.auths.lock();
        if auths.order.len() >= MEDIA_AUTHS_MAX
            && let Some(oldest) = auths.order.pop_front()
        {
            auths.known.remove(&oldest);
        }
        auths.order.push_back(auth.clone());
        auths.known.insert(auth.clone());
        auth
    }

    /// Keeps a file of this process: a phone's, which needs no connection. Returns its path on the host.
    pub fn put(&self, encrypted: Bytes) -> String {
        let hash = Sha256::digest(&encrypted);
        let path = format!("/v/t62.7118-24/{}", URL_SAFE_NO_PAD.encode(hash));
        let mut files = self.files.lock();
        if files.by_path.contains_key(&path) {
            return path;
        }
        files.bytes += encrypted.len();
        files.by_path.insert(path.clone(), encrypted);
        files.order.push_back(path.clone());
        while files.bytes > MEDIA_BYTES_TOTAL_MAX
            && let Some(oldest) = files.order.pop_front()
        {
            files.bytes -= files.by_path.remove(&oldest).map_or(0, |bytes| bytes.len());
        }
        path
    }

    /// A file, by its path on the host.
    pub fn get(&self, path: &str) -> Option<Bytes> {
        self.files.lock().by_path.get(path).cloned()
    }

    fn is_auth(&self, auth: &str) -> bool {
        self.auths.lock().known.contains(auth)
    }
}

impl Network {
    /// The files of the media host.
    pub fn media(&self) -> &MediaHost {
        &self.inner.media
    }

    /// The host that clients put files on and fetch them from: host and port.
    pub fn media_host(&self) -> Option<String> {
        let address = self.address()?;
        // Whoever listens on all addresses is reached by this machine's own.
        if address.ip().is_unspecified() {
            return Some(format!("127.0.0.1:{}", address.port()));
        }
        Some(address.to_string())
    }
}

#[derive(Deserialize)]
pub struct UploadQuery {
    auth: Option<String>,
    /// Only asks whether the host has the file.
    resume: Option<String>,
}

/// `POST /mms/{kind}/{hash}?auth=…`: the body is kept, and the answer says where.
pub async fn upload(
    State(network): State<Network>,
    Path((kind, token)): Path<(String, String)>,
    Query(query): Query<UploadQuery>,
    body: Bytes,
) -> Response {
    if let Some(refused) = fault(&network, MediaRequest::Upload).await {
        return refused;
    }
    let media = &network.inner.media;
    if !query.auth.is_some_and(|auth| media.is_auth(&auth)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !KINDS.contains(&kind.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(hash) = decode(&token) else { return StatusCode::BAD_REQUEST.into_response() };
    if query.resume.is_some() && body.is_empty() {
        return Json(serde_json::json!({ "resume": 0 })).into_response();
    }
    if Sha256::digest(&body)[..] != hash[..] {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let path = media.put(body);
    let host = network.media_host().unwrap_or_default();
    Json(serde_json::json!({ "url": format!("https://{host}{path}"), "direct_path": path })).into_response()
}

/// `GET /v/…`: a file as it was put.
pub async fn download(State(network): State<Network>, request: Request) -> Response {
    if let Some(refused) = fault(&network, MediaRequest::Download).await {
        return refused;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match network.inner.media.get(request.uri().path()) {
        Some(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn fault(network: &Network, request: MediaRequest) -> Option<Response> {
    match network.inner.faults.media(request) {
        MediaFate::Serve => None,
        MediaFate::Delay(time) => {
            clock::sleep(time).await;
            None
        }
        MediaFate::Refuse(status) => {
            Some(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response())
        }
    }
}

/// The hash in an address: 32 bytes in either alphabet of Base64.
fn decode(token: &str) -> Option<Vec<u8>> {
    let decoded = [&URL_SAFE_NO_PAD, &URL_SAFE, &STANDARD].iter().find_map(|alphabet| alphabet.decode(token).ok())?;
    (decoded.len() == 32).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

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
