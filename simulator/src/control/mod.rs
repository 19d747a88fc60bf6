//! The control API: an HTTP JSON API under `/control`, and a small page that uses it.
//!
//! Every route is in `simulator/README.md` with an example. Errors are `{"error": "…"}` with status 400 (invalid
//! request), 404 (not found) or 409 (not possible in the current state); the text says what to do.

mod calls;
mod faults;
mod groups;
mod messages;
mod network;
mod newsletters;
mod passkey;
mod people;
mod problem;
mod scenario;
mod stanza_text;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Html;
use axum::routing::{delete, get, post};

use crate::limits::{CONTROL_BODY_BYTES_MAX, CONTROL_FILE_BODY_BYTES_MAX};
use crate::runtime::Phones;
use problem::Problem;

pub use scenario::play;

/// The routes, to be mounted under `/control`.
pub fn router(phones: Phones) -> Router {
    Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/info", get(network::info))
        .route("/stanzas", get(network::stanzas))
        .route("/unknown", get(network::unknown))
        .route("/checks", get(network::checks))
        .route("/codes/renew", post(network::renew_codes))
        .route("/codes/replace", post(network::replace_codes))
        .route("/people", get(people::list).post(people::add))
        .route("/people/{number}", get(people::show))
        .route("/people/{number}/scan", post(people::scan))
        .route("/people/{number}/type-code", post(people::type_code))
        .route("/people/{number}/passkey", get(passkey::show).post(passkey::require))
        .route("/people/{number}/passkey/assertion", post(passkey::assertion))
        .route("/people/{number}/passkey/credential", get(passkey::export))
        .route("/people/{number}/passkey/confirm", post(passkey::confirm))
        .route("/people/{number}/passkey/refuse", post(passkey::refuse))
        .route("/people/{number}/offline", post(people::offline))
        .route("/people/{number}/online", post(people::online))
        .route("/people/{number}/presence", post(people::presence))
        .route("/people/{number}/contacts", post(people::contacts))
        .route("/people/{number}/unlink", post(people::unlink))
        .route("/people/{number}/history", post(people::history))
        .route("/people/{number}/send", post(messages::send).layer(DefaultBodyLimit::max(CONTROL_FILE_BODY_BYTES_MAX)))
        .route("/people/{number}/react", post(messages::react))
        .route("/people/{number}/edit", post(messages::edit))
        .route("/people/{number}/vote", post(messages::vote))
        .route("/people/{number}/delete", post(messages::delete))
        .route("/people/{number}/read", post(messages::read))
        .route("/people/{number}/play", post(messages::play))
        .route("/people/{number}/resend", post(messages::resend))
        .route("/people/{number}/call", post(calls::call))
        .route("/people/{number}/hangup", post(calls::hang_up))
        .route("/people/{number}/calls", get(calls::list))
        .route("/people/{number}/follow", post(newsletters::follow))
        .route("/people/{number}/publish", post(newsletters::publish))
        .route("/people/{number}/leave", post(groups::leave))
        .route("/people/{number}/received", get(messages::received))
        .route("/people/{number}/messages", get(messages::all))
        .route("/people/{number}/sent", get(messages::sent))
        .route("/people/{number}/files/{id}", get(messages::file))
        .route("/people/{number}/files/{id}/expire", post(messages::expire))
        .route("/groups", get(groups::list).post(groups::create))
        .route("/newsletters", get(newsletters::list).post(newsletters::create))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/faults/log", get(faults::log))
        .route("/faults/{fault}", delete(faults::remove))
        .fallback(async || Problem::NotFound("there is no such route; simulator/README.md lists them".to_owned()))
        .method_not_allowed_fallback(async || {
            Problem::BadMethod("this route takes another method; simulator/README.md lists them".to_owned())
        })
        .layer(DefaultBodyLimit::max(CONTROL_BODY_BYTES_MAX))
        .with_state(phones)
}
