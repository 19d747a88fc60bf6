//! Signing in and out, choosing a password, choosing a language.

use std::net::{IpAddr, SocketAddr};

use askama::Template;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};

use super::forms::{Asked, Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::throttle::Trying;
use super::visit::{Answer, Visit, go, own_path};
use super::words::{LANGUAGE_COOKIE, Language, Viewer};
use super::{Console, assets, audit_log, browser};
use crate::account::{KeyHash, hex_upper};
use crate::limits;
use crate::password::{self, Busy, PasswordError};
use crate::store::{NewSignIn, StoreError, audit};

pub const SESSION_COOKIE: &str = "wachat_session";
pub const PASSWORD: &str = "/console/password";
pub const SIGN_OUT: &str = "/console/sign-out";

const DAY_SECONDS: i64 = 86_400;
/// How long a browser stays known for a name.
const KNOWN_DAYS: i64 = 365;
/// No password matches it: who is unknown waits as long as who is known.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/sign-in", get(show).post(sign_in))
        .route(SIGN_OUT, post(sign_out))
        .route(PASSWORD, get(show_password).post(change_password))
        .route("/console/language", get(choose_language))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    viewer: &'a Viewer,
    userid: &'a str,
    to: &'a str,
    problem: Option<String>,
}

impl SignInPage<'_> {
    fn version(&self) -> &str {
        &assets::VERSION
    }
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    /// The password was given to the person, who has to choose another.
    is_first: bool,
}

/// Where a request comes from, as far as the connection tells.
pub(super) struct From(pub(super) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())))
    }
}

async fn show(headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let page = SignInPage { viewer: &Viewer::of(&headers), userid: "", to: own_path(fields.text("to")), problem: None };
    draw(StatusCode::OK, &page)
}

async fn sign_in(State(console): State<Console>, from: From, headers: HeaderMap, asked: Asked) -> Response {
    let Asked { viewer, fields } = asked;
    let (userid, to) = (fields.text("userid"), own_path(fields.text("to")));
    let refused =
        |status, problem: String| draw(status, &SignInPage { viewer: &viewer, userid, to, problem: Some(problem) });
    let known_browser = browser::known(&console, &headers, userid);
    let trying = Trying { userid, from: from.0, known_browser: known_browser.as_deref() };
    let counted = match console.throttle.count(&trying, console.api.clock.now()) {
        Ok(counted) => counted,
        Err(too_many) => {
            return too_many.retry_after(refused(StatusCode::TOO_MANY_REQUESTS, too_many.says(&viewer)));
        }
    };
    match let_in(&console, userid, fields.raw("password"), &headers).await {
        Ok(token) => {
            counted.give_back();
            let mut response = go(to);
            let age = limits::SIGN_IN_DAYS * DAY_SECONDS;
            set_cookie(&mut response, SESSION_COOKIE, &token, &console, age, true);
            if known_browser.is_none() {
                let value = browser::value(&console, userid);
                set_cookie(&mut response, browser::COOKIE, &value, &console, KNOWN_DAYS * DAY_SECONDS, true);
            }
            response
        }
        Err(NotIn::Wrong) => {
            let text = viewer.t("The name or the password is wrong.", "Nama atau kata sandi salah.");
            refused(StatusCode::FORBIDDEN, text.to_owned())
        }
        Err(NotIn::Busy) => {
            counted.give_back();
            let text = viewer.t(
                "Many people sign in at this moment. Try again in a second.",
                "Banyak orang sedang masuk. Coba lagi sebentar.",
            );
            let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Err(NotIn::Store(error)) => {
            counted.give_back();
            tracing::warn!(%error, "nobody can sign in while the store is away");
            let text = viewer.t("The store is not available; try again.", "Penyimpanan tidak tersedia; coba lagi.");
            refused(StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
        }
    }
}

/// Why somebody is not signed in.
enum NotIn {
    Wrong,
    /// Too many passwords are being checked: this one was not.
    Busy,
    Store(StoreError),
}

impl std::convert::From<StoreError> for NotIn {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Checks a password; gives the token of the browser that is signed in from now on. People of several clients may have one name: each
/// is found by the password. Where two have the same one too, it is whoever set it last, or setting one's own would tell of the other's.
async fn let_in(console: &Console, userid: &str, given: &str, headers: &HeaderMap) -> Result<String, NotIn> {
    let api = &console.api;
    let records = api.store.find_passwords(userid).await?;
    let mut hashes: Vec<String> =
        records.iter().map(|record| record.password_hash.clone().unwrap_or_default()).collect();
    if hashes.iter().all(String::is_empty) {
        hashes.push(NOBODY.to_owned());
    }
    // Longer ones were never set, and hashing takes longer by their length.
    let given: String = given.chars().take(password::CHARS_MAX + 1).collect();
    let found = api.passwords.find(given, hashes).await.map_err(|Busy| NotIn::Busy)?;
    let Some(record) = found.and_then(|place| records.get(place)) else {
        // It was tried to be each of them.
        for record in &records {
            let refused = audit_log::entry(console, record.client_id, &record.userid, audit_log::REFUSED, "");
            api.store.record_done(refused).await;
        }
        return Err(NotIn::Wrong);
    };
    let (token, now) = (hex_upper(&api.clock.random::<32>()), api.clock.now());
    let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let new = NewSignIn {
        token: KeyHash::of(&token),
        person_id: record.id,
        client_id: record.client_id,
        agent: agent.unwrap_or_default().chars().filter(|c| !c.is_control()).take(limits::AGENT_CHARS_MAX).collect(),
        created_at: now,
        expires_at: now + limits::SIGN_IN_DAYS * DAY_SECONDS * 1000,
    };
    let entry = audit_log::entry(console, record.client_id, &record.userid, audit_log::SIGNED_IN, "");
    audit::recording(entry, api.store.add_sign_in(new, limits::SIGN_INS_MAX)).await?;
    Ok(token)
}

async fn sign_out(posted: Posted) -> Answer {
    let visit = posted.visit;
    let (person, sign_in) = (visit.person(), visit.signed_in().sign_in.id);
    let entry = audit_log::entry(visit.console(), person.client_id, &person.userid, audit_log::SIGNED_OUT, "");
    let store = &visit.console().api.store;
    let ended = audit::recording(entry, store.end_sign_in(person.id, sign_in)).await;
    ended.map_err(|error| visit.refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    let mut response = go("/console/sign-in");
    set_cookie(&mut response, SESSION_COOKIE, "", visit.console(), 0, true);
    Ok(response)
}

async fn show_password(visit: Visit) -> Response {
    password_page(&visit, StatusCode::OK, None)
}

fn password_page(visit: &Visit, status: StatusCode, problem: Option<String>) -> Response {
    let mut frame = visit.frame(Place::Account, visit.t("Choose a password", "Pilih kata sandi"));
    frame.problem = problem;
    draw(status, &PasswordPage { frame, is_first: visit.signed_in().password_given })
}

async fn change_password(from: From, posted: Posted) -> Response {
    let Posted { visit, fields } = posted;
    let (console, userid) = (visit.console().clone(), visit.person().userid.clone());
    let refused = |english, indonesian| {
        password_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(visit.t(english, indonesian).to_owned()))
    };
    let (now, new) = (fields.raw("now").to_owned(), fields.raw("new").to_owned());
    if new != fields.raw("again") {
        return refused("The new passwords don't match.", "Kedua kata sandi baru tidak sama.");
    }
    // Whoever is signed in is not slowed down by those who try the name elsewhere.
    let sign_in = visit.signed_in().sign_in.id.to_string();
    let trying = Trying { userid: &userid, from: from.0, known_browser: Some(&sign_in) };
    let counted = match console.throttle.count(&trying, console.api.clock.now()) {
        Ok(counted) => counted,
        Err(too_many) => {
            let text = too_many.says(visit.viewer());
            return too_many.retry_after(password_page(&visit, StatusCode::TOO_MANY_REQUESTS, Some(text)));
        }
    };
    let store = &console.api.store;
    let (Ok(records), Ok(like)) = (store.find_passwords(&userid).await, store.find_hash_of_name(&userid).await) else {
        counted.give_back();
        return refused("The store is not available; try again.", "Penyimpanan tidak tersedia; coba lagi.");
    };
    let record = records.into_iter().find(|record| record.id == visit.person().id);
    let old = record.and_then(|record| record.password_hash).unwrap_or_else(|| NOBODY.to_owned());
    let passwords = &console.api.passwords;
    let hashed = match passwords.find(now.clone(), vec![old]).await {
        Ok(Some(_)) => {
            counted.give_back();
            if new == now {
                let text = "Your new password must be different from the current one.";
                return refused(text, "Kata sandi baru harus berbeda dari yang sekarang.");
            }
            passwords.hash(new, like).await
        }
        Ok(None) => return refused("The current password is wrong.", "Kata sandi saat ini salah."),
        Err(busy) => {
            counted.give_back();
            Err(busy.into())
        }
    };
    let hash = match hashed {
        Err(PasswordError::Length) => {
            return refused("A password has 8 to 256 characters.", "Kata sandi terdiri dari 8 sampai 256 karakter.");
        }
        Err(PasswordError::Hash(_)) => {
            return refused("That password cannot be used.", "Kata sandi itu tidak dapat dipakai.");
        }
        Err(PasswordError::Busy(_)) => {
            return refused("The gateway is busy; try again in a second.", "Gateway sedang sibuk; coba lagi sebentar.");
        }
        Ok(hash) => hash,
    };
    let sign_in = &visit.signed_in().sign_in;
    let entry = audit_log::entry(&console, visit.person().client_id, &userid, audit_log::CHOSE_PASSWORD, "");
    let store = &console.api.store;
    match audit::recording(entry, store.choose_password(sign_in.person_id, hash, sign_in.id, console.api.clock.now()))
        .await
    {
        Ok(()) => go("/console?done=password"),
        Err(_) => refused("The store is not available; try again.", "Penyimpanan tidak tersedia; coba lagi."),
    }
}

async fn choose_language(State(console): State<Console>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let mut response = go(own_path(fields.text("back")));
    if let Some(language) = Language::of_tag(fields.text("to")) {
        set_cookie(&mut response, LANGUAGE_COOKIE, language.tag(), &console, 365 * DAY_SECONDS, false);
    }
    response
}

/// What a secret cookie is called: over TLS with a prefix by which a browser takes it from this host alone, and from no page without TLS.
pub fn secret_cookie(console: &Console, name: &str) -> String {
    if console.is_secure { format!("__Host-{name}") } else { name.to_owned() }
}

/// Sets a cookie for so many seconds; for none, it is taken away.
pub fn set_cookie(response: &mut Response, name: &str, value: &str, console: &Console, seconds: i64, is_secret: bool) {
    let hidden = if is_secret { "; HttpOnly" } else { "" };
    let secure = if console.is_secure { "; Secure" } else { "" };
    // The prefix wants the whole host.
    let (name, path) = match is_secret && console.is_secure {
        true => (secret_cookie(console, name), "/"),
        false => (name.to_owned(), "/console"),
    };
    let line = format!("{name}={value}; Path={path}; SameSite=Lax; Max-Age={seconds}{hidden}{secure}");
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}
