//! One request of somebody who is signed in: who he is, and how a page asks the API as him.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;
use url::form_urlencoded;

use super::forms;
use super::frame::{Bare, Frame, Place, draw};
use super::session::{self, SESSION_COOKIE};
use super::words::{Viewer, cookie};
use super::{Console, live};
use crate::account::{Client, KeyHash, Person, Role};
use crate::api::key::Lent;
use crate::clock::Millis;
use crate::limits;
use crate::store::SignedIn;

/// How often it is noted that a browser was seen.
const NOTED_MS: Millis = 60_000;
const HOUR_MS: Millis = 3_600_000;

/// What a page answers.
pub type Answer = Result<Response, Refusal>;

/// A request of somebody who is signed in.
pub struct Visit {
    console: Console,
    lent: Lent,
    signed_in: SignedIn,
    /// The browser's token.
    session: String,
    viewer: Viewer,
    here: String,
    is_by_itself: bool,
}

/// Why the API did not do what a page asked for.
#[derive(Debug)]
pub struct Refusal {
    viewer: Viewer,
    pub status: StatusCode,
    /// What is wrong, and what to do.
    pub text: String,
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

impl FromRequestParts<Console> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let viewer = Viewer::of(&parts.headers);
        let here = parts.uri.path_and_query().map_or_else(|| "/console".to_owned(), ToString::to_string);
        let to_sign_in = || {
            let to = if parts.method == Method::GET { here.as_str() } else { "/console" };
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
            Redirect::to(&format!("/console/sign-in?{query}")).into_response()
        };
        let Some(session) = cookie(&parts.headers, SESSION_COOKIE) else { return Err(to_sign_in()) };
        let now = console.api.clock.now();
        let idle_since = now - limits::SIGN_IN_IDLE_HOURS * HOUR_MS;
        let found = console.api.store.find_signed_in(&KeyHash::of(&session), now, idle_since).await;
        let signed_in = match found {
            Ok(Some(signed_in)) => signed_in,
            Ok(None) => return Err(to_sign_in()),
            Err(error) => {
                tracing::warn!(%error, "nobody can be signed in while the store is away");
                let (title, text) = (
                    viewer.t("Try again", "Coba lagi"),
                    viewer.t("The store is not available at this moment.", "Penyimpanan sedang tidak tersedia."),
                );
                return Err(draw(StatusCode::SERVICE_UNAVAILABLE, &Bare { viewer: &viewer, title, text }));
            }
        };
        let may_stay = [session::PASSWORD, session::SIGN_OUT, "/console/live"].contains(&parts.uri.path());
        if signed_in.password_given && !may_stay {
            return Err(Redirect::to(session::PASSWORD).into_response());
        }
        let is_by_itself = parts.headers.contains_key(live::HEADER);
        if !is_by_itself && now - signed_in.sign_in.last_seen_at > NOTED_MS {
            // It is looked at again with the next request.
            let _ = console.api.store.note_sign_in(signed_in.sign_in.id, now).await;
        }
        let lent = console.api.lend(signed_in.caller.clone());
        Ok(Self { console: console.clone(), lent, signed_in, session, viewer, here, is_by_itself })
    }
}

impl Visit {
    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    pub fn person(&self) -> &Person {
        &self.signed_in.caller.person
    }

    /// The client whose things are looked at.
    pub fn client(&self) -> &Client {
        &self.signed_in.caller.client
    }

    pub fn console(&self) -> &Console {
        &self.console
    }

    pub fn signed_in(&self) -> &SignedIn {
        &self.signed_in
    }

    /// Whether no person asks, but a page that keeps up.
    pub fn is_by_itself(&self) -> bool {
        self.is_by_itself
    }

    /// The text of the viewer's language.
    pub fn t<'a>(&self, english: &'a str, indonesian: &'a str) -> &'a str {
        self.viewer.t(english, indonesian)
    }

    /// A parameter of the address, where something stands in it.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.here.split_once('?')?;
        let found = form_urlencoded::parse(query.as_bytes()).find(|(field, _)| field == name);
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// What stands around a page.
    pub fn frame(&self, place: Place, title: &str) -> Frame {
        let done = self.query("done").and_then(|done| super::frame::notice(&self.viewer, &done));
        Frame {
            viewer: self.viewer.clone(),
            title: title.to_owned(),
            place,
            userid: self.person().userid.clone(),
            role: self.person().role,
            client_name: self.client().name.clone(),
            is_elsewhere: self.client().id != self.person().client_id,
            own_client: self.person().client_id,
            csrf: self.csrf(),
            notice: done,
            problem: None,
            is_live: false,
            here: self.here.clone(),
        }
    }

    /// The token of every form.
    pub fn csrf(&self) -> String {
        forms::token(&self.console.form_key, &self.session)
    }

    /// Whether a form's token is this browser's.
    pub fn owns(&self, token: &str) -> bool {
        forms::is_token(&self.console.form_key, &self.session, token)
    }

    /// Whether the person may manage the client, and not only send.
    pub fn manages(&self) -> bool {
        self.person().role != Role::Sender
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
        let response = self.forward(request).await;
        let status = response.status();
        let read = axum::body::to_bytes(response.into_body(), limits::CONSOLE_ANSWER_BYTES_MAX).await;
        (status, read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
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
            true => answer["message"].as_str().unwrap_or("the gateway did not say why").to_owned(),
            false => faults.join("; "),
        }
    }

    /// One fault, behind the field that it is of.
    fn fault(&self, fault: &Value) -> Option<String> {
        let wrong = self.viewer.said(fault["msg"].as_str()?);
        let field =
            fault["loc"].as_array()?.last()?.as_str().filter(|field| !["body", "query", "__root__"].contains(field));
        Some(field.map_or_else(|| wrong.to_string(), |field| format!("{}: {wrong}", self.viewer.field(field))))
    }

    /// Says no, in the viewer's language where the words are the API's or the console's own.
    pub fn refusal(&self, status: StatusCode, text: &str) -> Refusal {
        Refusal { viewer: self.viewer.clone(), status, text: self.viewer.said(text).into_owned() }
    }
}

/// Goes on to a page of the console, once something is done.
pub fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

/// A path that the console itself may lead to: what an address says may come from anywhere.
pub fn own_path(path: &str) -> &str {
    let rest = path.strip_prefix("/console");
    let is_own = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if is_own && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') { path } else { "/console" }
}

/// The cookies of a request, for one that is made in its name.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &HeaderValue> {
    headers.get_all(header::COOKIE).iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for own in ["/console", "/console/devices", "/console?done=saved", "/console/messages?a=b"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in ["", "https://a", "//a", "/consolex", "/\\a", "/console/\u{e9}", "/console/\r\nx: y"] {
            assert_eq!(own_path(foreign), "/console");
        }
    }
}
