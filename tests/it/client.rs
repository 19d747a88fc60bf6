//! A customer's program: asks over HTTP, as reqwest does it or byte by byte.

use std::net::SocketAddr;
use std::sync::LazyLock;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{PATIENCE, within};

pub const BASE: &str = "/wachat_api/1.0";

/// Talks to one gateway with one key.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub key: String,
    http: reqwest::Client,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
    /// `bytes` as text.
    pub text: String,
    /// `text` as JSON; null where it is none.
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `(loc, type)` of each fault of a 422.
    pub fn faults(&self) -> Vec<(String, String)> {
        let detail = self.body["detail"].as_array().cloned().unwrap_or_default();
        let of = |fault: &Value| {
            let loc: Vec<String> = fault["loc"].as_array().into_iter().flatten().map(plain).collect();
            (loc.join("."), plain(&fault["type"]))
        };
        detail.iter().map(of).collect()
    }
}

/// Whether the OpenAPI document lists this status of an operation; it has nothing to say of what is no operation.
fn is_documented(method: &str, path: &str, status: u16) -> bool {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let text = wachat::api::openapi::text(&wachat::api::routes::document());
        serde_json::from_str(&text).expect("JSON")
    });
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let known: Vec<&str> = template.split('/').collect();
        known.len() == parts.len()
            && known.iter().zip(&parts).all(|(known, part)| known.starts_with('{') || known == part)
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    // What is written out goes before what is not.
    let best =
        paths.iter().filter(|(template, _)| fits(template)).min_by_key(|(template, _)| template.matches('{').count());
    let operation = best.map_or(&Value::Null, |(_, operations)| &operations[method]);
    operation.is_null() || !operation["responses"][status.to_string()].is_null()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Client {
    #[allow(clippy::disallowed_methods, reason = "a customer's program is no part of the gateway")]
    pub fn new(address: SocketAddr, key: &str) -> Self {
        // reqwest is built without a TLS provider of its own; Egress brings the gateway's.
        let _ = wachat::egress::Egress::new(Vec::new());
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Self { address, key: key.to_owned(), http }
    }

    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// `GET` below the API's base.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", &format!("{BASE}{path}"), &[], None).await
    }

    /// `POST` of JSON below the API's base.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, body, &[]).await
    }

    pub async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.ask("POST", &format!("{BASE}{path}"), &all, Some(body.to_string().into_bytes())).await
    }

    /// As [`Client::post`], where the gateway may die meanwhile; `None` when no whole answer came.
    pub async fn try_post(&self, path: &str, body: &Value) -> Option<Reply> {
        let url = format!("http://{}{BASE}{path}", self.address);
        let request = self.http.post(url).header("APIKey", &self.key).body(body.to_string());
        Self::read(request.send().await.ok()?).await.ok()
    }

    /// The management API.
    pub async fn manage(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string().into_bytes());
        self.ask(method, &format!("/manage/1.0{path}"), &[("content-type", "application/json")], body).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Reply {
        let (asked, reply) = (method.to_ascii_lowercase(), self.ask_faulty(method, path, headers, body).await);
        assert!(
            is_documented(&asked, path, reply.status),
            "{asked} {path} does not document {}: {}",
            reply.status,
            reply.text
        );
        reply
    }

    /// The same of a gateway that has a fault, which is no documented answer.
    pub async fn ask_faulty(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Reply {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        if !self.key.is_empty() {
            request = request.header("APIKey", &self.key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        Self::read(response).await.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    async fn read(response: reqwest::Response) -> Result<Reply, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Reply { status, headers, bytes, text, body })
    }

    /// Writes bytes to a fresh connection and reads what comes back until the other side closes, or `until` was read.
    pub async fn raw(&self, bytes: &[u8], until: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        // A gateway that has read enough may close while we still write: what it answered is what counts.
        let _ = stream.write_all(bytes).await;
        let mut read = Vec::new();
        let whole = within(PATIENCE, async {
            let mut piece = [0; 4_096];
            while !String::from_utf8_lossy(&read).contains(until) {
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&piece[..count]),
                }
            }
        });
        whole.await.expect("an answer in good time");
        String::from_utf8_lossy(&read).into_owned()
    }
}
