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

type Objects = Arc<Mutex<Held>>;

/// What the store has, and what is wrong with it.
#[derive(Default)]
struct Held {
    objects: HashMap<String, Bytes>,
    trouble: Option<Trouble>,
}

/// Why nothing can be kept or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The bucket was deleted.
    NoBucket,
    /// The key may not use it any more.
    Forbidden,
    /// It is overloaded.
    Busy,
}

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

    /// Something is wrong with it from now on, or nothing any more.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).trouble = trouble;
    }

    /// Loses an object.
    pub fn lose(&self, path: &str) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).objects.remove(path);
    }

    /// The paths of its objects.
    pub fn paths(&self) -> Vec<String> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).objects.keys().cloned().collect()
    }
}

async fn answer(State(objects): State<Objects>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let is_signed = headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    if !is_signed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut held = objects.lock().unwrap_or_else(PoisonError::into_inner);
    match held.trouble {
        Some(Trouble::NoBucket) => return missing(&method, "NoSuchBucket"),
        Some(Trouble::Forbidden) => return (StatusCode::FORBIDDEN, fault("AccessDenied")).into_response(),
        Some(Trouble::Busy) => return (StatusCode::SERVICE_UNAVAILABLE, fault("SlowDown")).into_response(),
        None => {}
    }
    let objects = &mut held.objects;
    if uri.query().is_some_and(|query| query.contains("list-type=2")) {
        let empty =
            "<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";
        return empty.into_response();
    }
    let told = [("etag", "\"1\""), ("last-modified", "Tue, 24 Nov 2026 06:00:00 GMT")];
    match method {
        Method::PUT => {
            objects.insert(uri.path().to_owned(), body);
            (told, "").into_response()
        }
        Method::GET | Method::HEAD => match objects.get(uri.path()) {
            Some(bytes) => (told, part(&headers, bytes)).into_response(),
            None => missing(&method, "NoSuchKey"),
        },
        Method::DELETE => {
            objects.remove(uri.path());
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// A 404 as S3 words it; an answer to HEAD has no body.
fn missing(method: &Method, code: &str) -> Response {
    let body = if *method == Method::HEAD { String::new() } else { fault(code) };
    (StatusCode::NOT_FOUND, body).into_response()
}

fn fault(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>")
}

/// An object, or the part of it that `bytes=first-last` asks for.
fn part(headers: &HeaderMap, bytes: &Bytes) -> Response {
    let range = headers.get("range").and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    let ends = range.and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?)));
    let Some((first, last)) = ends else { return bytes.clone().into_response() };
    let content_range = format!("bytes {first}-{last}/{}", bytes.len());
    (StatusCode::PARTIAL_CONTENT, [("content-range", content_range)], bytes.slice(first..=last)).into_response()
}
