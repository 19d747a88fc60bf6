//! The console: what the management API can do, for people, in a browser.
//!
//! It decides nothing and reads no store but for who is signed in: each page asks the API, in this process, as the person who
//! looks at it, and shows what was answered. So what the console can do, a program can.
//!
//! `asking.rs` asks the API, `visit.rs` is one request of somebody who is signed in, `frame.rs` what stands around every page,
//! `words.rs` languages and times, `live.rs` how a page keeps up, `session.rs` signing in and out; then a file a page.

mod account;
mod api;
mod asking;
mod assets;
mod audit_log;
mod browser;
mod chart;
mod clients;
mod device;
mod device_link;
mod devices;
mod forms;
mod frame;
mod home;
mod inbox;
mod keys;
mod link_steps;
mod live;
mod messages;
mod moving;
mod once;
mod pairing_link;
mod persons;
mod phrases;
mod push;
mod session;
mod shared_link;
mod states;
mod throttle;
mod tries;
mod visit;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use crate::api::Api;

/// What the console's handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct Console(Arc<Parts>);

/// The parts of a [`Console`].
pub struct Parts {
    api: Api,
    /// The API's own addresses, asked in this process.
    addresses: Router,
    throttle: throttle::Throttle,
    /// How often pairing links are asked for.
    pairing: throttle::Addresses,
    /// How often each shared linking page begins something.
    shared_pages: throttle::SharedPages,
    /// What the tokens in forms are made with.
    form_key: [u8; 32],
    /// What the cookies of known browsers are made with.
    browser_key: [u8; 32],
    /// Whether browsers reach the gateway over TLS alone.
    is_secure: bool,
    /// Room for pages that keep up.
    live: live::Rooms,
    stop: CancellationToken,
}

impl std::ops::Deref for Console {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Console {
    /// Whether the gateway is being stopped.
    fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// `addresses` are the API's own, `stop` ends the pages that keep up.
    pub fn new(api: Api, addresses: Router, stop: CancellationToken) -> Self {
        Self(Arc::new(Parts {
            addresses,
            throttle: throttle::Throttle::default(),
            pairing: throttle::Addresses::default(),
            shared_pages: throttle::SharedPages::default(),
            form_key: api.master_key.derive("console-forms"),
            browser_key: api.master_key.derive("console-browsers"),
            is_secure: api.public_url.starts_with("https:"),
            live: live::Rooms::default(),
            stop,
            api,
        }))
    }
}

/// Every address below `/console`.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/console", get(home::show))
        .merge(session::routes())
        .merge(account::routes())
        .merge(devices::routes())
        .merge(device::routes())
        .merge(device_link::routes())
        .merge(shared_link::routes())
        .merge(pairing_link::routes())
        .merge(inbox::routes())
        .merge(push::routes())
        .merge(persons::routes())
        .merge(keys::routes())
        .merge(clients::routes())
        .merge(moving::routes())
        .merge(audit_log::routes())
        .merge(api::routes())
        .merge(messages::routes())
        .route("/console/live", get(live::follow))
        .route("/console/assets/{name}", get(assets::show))
        .route("/console/{*rest}", get(unknown_page))
        .layer(middleware::from_fn(protect))
        .layer(DefaultBodyLimit::disable())
        .with_state(console)
}

async fn unknown_page(visit: visit::Visit) -> Response {
    visit.refusal(StatusCode::NOT_FOUND, "there is no such page").into_response()
}

/// What every answer tells the browser: to trust nothing but what comes from here, and to keep nothing.
async fn protect(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
