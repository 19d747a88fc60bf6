//! How a page asks the API, in this process, as the person for whom it is drawn.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use super::Console;
use super::frame::{Bare, draw};
use super::words::Viewer;
use crate::account::{Caller, SHARED_LINK};
use crate::api::key::Lent;
use crate::limits;
use crate::linking::pairing::public_reason;

/// What asks the API as a person, and says what it answered in the viewer's language.
pub struct Asking {
    console: Console,
    lent: Lent,
    viewer: Viewer,
    /// Nobody is signed in: what only the gateway's people can act upon is said otherwise.
    is_public: bool,
}

/// Why the API did not do what a page asked for.
#[derive(Debug)]
pub struct Refusal {
    viewer: Viewer,
    pub status: StatusCode,
    /// What is wrong, and what to do.
    pub text: String,
    /// Where it is a matter of time.
    pub retry_after_seconds: Option<u64>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let viewer = &self.viewer;
        let title = match self.status {
            StatusCode::NOT_FOUND => viewer.t("Not found", "Tidak ditemukan"),
            StatusCode::FORBIDDEN => viewer.t("Not allowed", "Tidak diizinkan"),
            _ => viewer.t("That did not work", "Itu tidak berhasil"),
        };
        draw(self.status, &Bare { viewer, title, text: &self.text })
    }
}

/// The status of an answer, and its envelope.
async fn envelope(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let read = axum::body::to_bytes(response.into_body(), limits::CONSOLE_ANSWER_BYTES_MAX).await;
    (status, read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

impl Asking {
    /// Asks as `caller`, for `viewer`.
    pub fn new(console: &Console, caller: Caller, viewer: Viewer) -> Self {
        let is_public = caller.key_id == SHARED_LINK;
        Self { console: console.clone(), lent: console.api.lend(caller), viewer, is_public }
    }

    pub fn console(&self) -> &Console {
        &self.console
    }

    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The text of the viewer's language.
    pub fn t<'a>(&self, english: &'a str, indonesian: &'a str) -> &'a str {
        self.viewer.t(english, indonesian)
    }

    /// Asks the API for something.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        self.ask(Method::GET, path, None).await
    }

    /// Has the API do something.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T, Refusal> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Asks the API, with a body or without; gives the answer's `data`.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).map_err(|_| self.refusal(StatusCode::NOT_FOUND, "there is no such page"))?;
        self.tell(request).await
    }

    /// Sends the API a whole request; gives the answer's `data`.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub async fn tell<T: DeserializeOwned>(&self, request: Request<Body>) -> Result<T, Refusal> {
        let path = request.uri().path().to_owned();
        let (status, answer) = self.answer(request).await;
        self.data(&path, status, answer)
    }

    /// Sends the API a whole request; gives its status, and the envelope of its answer.
    pub async fn answer(&self, request: Request<Body>) -> (StatusCode, Value) {
        envelope(self.forward(request).await).await
    }

    /// Asks the API for a file; gives its whole answer.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub async fn file(&self, path: &str) -> Result<Response, Refusal> {
        let request = Request::get(path).body(Body::empty());
        let request = request.map_err(|_| self.refusal(StatusCode::NOT_FOUND, "there is no such page"))?;
        let response = self.forward(request).await;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, answer) = envelope(response).await;
        Err(self.refusal(status, &self.told(&answer)))
    }

    /// What an envelope holds.
    ///
    /// # Errors
    /// [`Refusal`] with what the API says.
    pub fn data<T: DeserializeOwned>(&self, path: &str, status: StatusCode, mut answer: Value) -> Result<T, Refusal> {
        if !status.is_success() {
            return Err(self.refusal(status, &self.told(&answer)));
        }
        serde_json::from_value(answer["data"].take()).map_err(|error| {
            tracing::error!(%error, path, "the console does not understand the API");
            self.refusal(StatusCode::INTERNAL_SERVER_ERROR, "a fault of the gateway; its log says more")
        })
    }

    /// Sends the API a whole request, as this person; gives its whole answer.
    pub async fn forward(&self, mut request: Request<Body>) -> Response {
        if let Ok(key) = HeaderValue::from_str(self.lent.key().reveal()) {
            request.headers_mut().insert("apikey", key);
        }
        match self.console.addresses.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// What the API says against a request: every fault that it found.
    fn told(&self, answer: &Value) -> String {
        let faults: Vec<String> =
            answer["detail"].as_array().into_iter().flatten().filter_map(|fault| self.fault(fault)).collect();
        match faults.is_empty() {
            true => {
                let text = answer["message"].as_str().unwrap_or("the gateway did not say why");
                if self.is_public { public_reason(text).into_owned() } else { text.to_owned() }
            }
            // A fault of a field is about what was typed, and names no number but that.
            false => faults.join("; "),
        }
    }

    /// One fault, behind the field that it is of; that of a passkey names what the page calls it.
    fn fault(&self, fault: &Value) -> Option<String> {
        let wrong = self.viewer.said(fault["msg"].as_str()?);
        let field = fault["loc"]
            .as_array()?
            .last()?
            .as_str()
            .filter(|field| !["body", "query", "__root__", "response"].contains(field));
        Some(field.map_or_else(|| wrong.to_string(), |field| format!("{}: {wrong}", self.viewer.field(field))))
    }

    /// Says no, in the viewer's language where the words are the API's or the console's own.
    pub fn refusal(&self, status: StatusCode, text: &str) -> Refusal {
        let text = self.viewer.said(text).into_owned();
        Refusal { viewer: self.viewer.clone(), status, text, retry_after_seconds: None }
    }
}
