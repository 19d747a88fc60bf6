//! A pairing link: the browser extension asks it for WhatsApp's request, and gives it the assertion. Nobody has to be signed in. In a
//! browser it is a page that says what to do with it.

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Console;
use super::assets;
use super::frame::{Bare, draw};
use super::session::From;
use super::throttle::TooMany;
use super::words::Viewer;
use crate::clock::rfc3339;
use crate::limits;
use crate::linking::LinkError;
use crate::linking::pairing::{PATH, Pairing, PairingError, Step};
use crate::passkey;
use crate::store::{AuditWay, NewAuditEntry, StoreError, audit};

/// As the API names what was done, for who reads who did what.
const GAVE: &str = "POST /devices/{device_id}/passkey";

pub fn routes() -> Router<Console> {
    Router::new().route(&format!("{PATH}{{token}}"), get(show).post(answer))
}

/// Where a link to WhatsApp's page leads that hands a pairing link over to the extension, if it is installed: it takes what stands behind
/// the `#` away before the page's own scripts run.
pub fn handover(link: &str) -> String {
    let link: String = form_urlencoded::byte_serialize(link.as_bytes()).collect();
    format!("{}/#wachat={link}", passkey::ORIGIN)
}

#[derive(Template)]
#[template(path = "pairing_link.html")]
struct Page<'a> {
    viewer: &'a Viewer,
    device: &'a str,
    link: &'a str,
    until: &'a str,
    step: &'a Step,
}

impl Page<'_> {
    fn version(&self) -> &str {
        &assets::VERSION
    }

    fn handover(&self) -> String {
        handover(self.link)
    }
}

/// What is answered in place of what was asked for.
struct Refused {
    status: StatusCode,
    text: String,
    retry_after_seconds: Option<u64>,
}

async fn show(State(console): State<Console>, from: From, headers: HeaderMap, Path(token): Path<String>) -> Response {
    let viewer = Viewer::of(&headers);
    let found = match count(&console, &viewer, &from) {
        Ok(()) => console.api.linking.find_pairing(&token).await.map_err(|error| refused(&viewer, error)),
        Err(refused) => Err(refused),
    };
    let is_page = is_page_wanted(&headers);
    match found {
        Ok(pairing) if is_page => {
            let (link, until) = (format!("{}{PATH}{token}", console.api.public_url), rfc3339(pairing.expires_at));
            let page = Page {
                viewer: &viewer,
                device: pairing.public_name(),
                link: &link,
                until: &until,
                step: &pairing.step,
            };
            draw(StatusCode::OK, &page)
        }
        Ok(pairing) => told(StatusCode::OK, &viewer, &pairing),
        Err(refused) if is_page => {
            let title = viewer.t("That did not work", "Itu tidak berhasil");
            draw(refused.status, &Bare { viewer: &viewer, title, text: &refused.text })
        }
        Err(refused) => refused.into_response(),
    }
}

/// Whether a browser asks, for a person: in any order, with or without XHTML.
fn is_page_wanted(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let mut ranges = accepts.flat_map(|accept| accept.split(','));
    ranges.any(|range| {
        let range = range.split(';').next().unwrap_or_default().trim();
        ["text/html", "application/xhtml+xml"].iter().any(|page| range.eq_ignore_ascii_case(page))
    })
}

async fn answer(
    State(console): State<Console>,
    from: From,
    headers: HeaderMap,
    Path(token): Path<String>,
    body: Body,
) -> Response {
    let viewer = Viewer::of(&headers);
    let given = async {
        count(&console, &viewer, &from)?;
        let body = console.api.read_small_body(&headers, body, limits::ASSERTION_BYTES_MAX).await;
        let body = body.map_err(|problem| Refused::new(problem.status(), viewer.said(&problem.told()).into_owned()))?;
        // What is no JSON is refused as what is no assertion.
        let assertion = passkey::pasted(&String::from_utf8_lossy(&body));
        let links = &console.api.linking;
        let pairing = links.find_pairing(&token).await.map_err(|error| refused(&viewer, error))?;
        let entry = entry(&console, &pairing);
        let answered = audit::recording(entry, links.answer_pairing(&token, &assertion)).await;
        answered.map_err(|error| refused(&viewer, error))
    };
    match given.await {
        Ok(pairing) => {
            console.api.bells.devices.ring();
            told(StatusCode::ACCEPTED, &viewer, &pairing)
        }
        Err(refused) => refused.into_response(),
    }
}

fn count(console: &Console, viewer: &Viewer, from: &From) -> Result<(), Refused> {
    console.pairing.count(from.0).map_err(|TooMany(seconds)| {
        let text = viewer
            .t("Too many requests. Try again in (seconds): ", "Terlalu banyak permintaan. Coba lagi dalam (detik): ");
        let refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, format!("{text}{seconds}"));
        Refused { retry_after_seconds: Some(seconds), ..refused }
    })
}

fn refused(viewer: &Viewer, error: PairingError) -> Refused {
    let status = match &error {
        PairingError::Wrong => StatusCode::NOT_FOUND,
        PairingError::Expired | PairingError::Over => StatusCode::GONE,
        PairingError::Used | PairingError::Link(LinkError::Refused(_)) => StatusCode::CONFLICT,
        PairingError::Assertion(_) => StatusCode::UNPROCESSABLE_ENTITY,
        PairingError::Link(LinkError::Store(StoreError::Unavailable(reason))) => {
            tracing::warn!(reason, "the store is not available");
            let text = viewer.t("The store is not available; try again.", "Penyimpanan tidak tersedia; coba lagi.");
            let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
            return Refused { retry_after_seconds: Some(5), ..refused };
        }
        PairingError::Link(error) => {
            tracing::error!(%error, "a pairing link could not be looked at");
            let text = viewer.t("A fault of the gateway; its log says more.", "Gangguan pada gateway; lihat lognya.");
            return Refused::new(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
        }
    };
    Refused::new(status, viewer.said(&error.to_string()).into_owned())
}

impl Refused {
    fn new(status: StatusCode, text: String) -> Self {
        Self { status, text, retry_after_seconds: None }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"error": true, "message": self.text}))).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            // The rest of the body is not read.
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}

/// How far the attempt is, for the extension.
fn told(status: StatusCode, viewer: &Viewer, pairing: &Pairing) -> Response {
    let (options, reason) = match &pairing.step {
        Step::Required(asked) => (serde_json::from_str(&asked.options).unwrap_or_default(), None),
        Step::Failed(reason) => (Value::Null, Some(viewer.said(reason))),
        _ => (Value::Null, None),
    };
    let data = json!({"status": pairing.step.name(), "name": pairing.public_name(), "options": options, "reason": reason,
        "expires_at": rfc3339(pairing.expires_at)});
    (status, Json(json!({"error": false, "message": "Pairing link", "data": data}))).into_response()
}

fn entry(console: &Console, pairing: &Pairing) -> NewAuditEntry {
    NewAuditEntry {
        at: console.api.clock.now(),
        client_id: pairing.device.client_id,
        userid: String::new(),
        way: AuditWay::PairingLink,
        action: GAVE.to_owned(),
        subject: pairing.device.id.clone(),
    }
}
