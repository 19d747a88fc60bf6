//! A store that speaks as much of S3 as keeping, reading (whole or in part), measuring and deleting an object takes. It checks
//! no signature.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Objects = Arc<Mutex<HashMap<String, Bytes>>>;

pub struct Bucket {
    pub address: SocketAddr,
    objects: Objects,
    served: JoinHandle<()>,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Bucket {
    #[allow(clippy::disallowed_methods, reason = "aborted when it is dropped")]
    pub async fn new() -> Self {
        let objects = Objects::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&objects));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self { address, objects, served }
    }

    /// The paths of its objects.
    pub fn paths(&self) -> Vec<String> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

async fn answer(State(objects): State<Objects>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let is_signed = headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    if !is_signed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
    let told = [("etag", "\"1\""), ("last-modified", "Tue, 24 Nov 2026 06:00:00 GMT")];
    match method {
        Method::PUT => {
            objects.insert(uri.path().to_owned(), body);
            (told, "").into_response()
        }
        Method::GET | Method::HEAD => match objects.get(uri.path()) {
            Some(bytes) => (told, part(&headers, bytes)).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Method::DELETE => {
            objects.remove(uri.path());
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// An object, or the part of it that `bytes=first-last` asks for.
fn part(headers: &HeaderMap, bytes: &Bytes) -> Response {
    let range = headers.get("range").and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    let ends = range.and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?)));
    let Some((first, last)) = ends else { return bytes.clone().into_response() };
    let content_range = format!("bytes {first}-{last}/{}", bytes.len());
    (StatusCode::PARTIAL_CONTENT, [("content-range", content_range)], bytes.slice(first..=last)).into_response()
}
