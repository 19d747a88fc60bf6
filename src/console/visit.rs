//! One request of somebody who is signed in, and who that is.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::asking::Asking;
pub use super::asking::Refusal;
use super::forms;
use super::frame::{Bare, Frame, Place, draw};
use super::session::{self, SESSION_COOKIE};
use super::words::{Viewer, cookie};
use super::{Console, live};
use crate::account::{Client, KeyHash, Person, Role};
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
    asking: Asking,
    signed_in: SignedIn,
    /// The browser's token.
    session: String,
    here: String,
    is_by_itself: bool,
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
        let Some(session) = cookie(&parts.headers, &session::secret_cookie(console, SESSION_COOKIE)) else {
            return Err(to_sign_in());
        };
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
        let asking = Asking::new(console, signed_in.caller.clone(), viewer);
        Ok(Self { asking, signed_in, session, here, is_by_itself })
    }
}

impl std::ops::Deref for Visit {
    type Target = Asking;

    fn deref(&self) -> &Asking {
        &self.asking
    }
}

impl Visit {
    pub fn person(&self) -> &Person {
        &self.signed_in.caller.person
    }

    /// The client whose things are looked at.
    pub fn client(&self) -> &Client {
        &self.signed_in.caller.client
    }

    pub fn signed_in(&self) -> &SignedIn {
        &self.signed_in
    }

    /// Whether no person asks, but a page that keeps up.
    pub fn is_by_itself(&self) -> bool {
        self.is_by_itself
    }

    /// A parameter of the address, where something stands in it.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.here.split_once('?')?;
        let found = form_urlencoded::parse(query.as_bytes()).find(|(field, _)| field == name);
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// What stands around a page.
    pub fn frame(&self, place: Place, title: &str) -> Frame {
        let done = self.query("done").and_then(|done| super::frame::notice(self.viewer(), &done));
        Frame {
            viewer: self.viewer().clone(),
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
        forms::token(&self.console().form_key, &self.session)
    }

    /// Whether a form's token is this browser's.
    pub fn owns(&self, token: &str) -> bool {
        forms::is_token(&self.console().form_key, &self.session, token)
    }

    /// Whether the person may manage the client, and not only send.
    pub fn manages(&self) -> bool {
        self.person().role != Role::Sender
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
