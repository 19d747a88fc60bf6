//! The network as a whole: its address, the stanza log, unhandled iqs, and the checks.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::stanza_text::text_of;
use crate::checks::Report;
use crate::faults::Direction;
use crate::limits::{CONTROL_STANZAS_DEFAULT, CONTROL_STANZAS_MAX};
use crate::phone::rng::hex;
use crate::runtime::Phones;

/// The response of `GET /control/info`.
#[derive(Serialize)]
pub struct Info {
    ws_url: Option<String>,
    media_host: Option<String>,
    /// 64 hexadecimal digits: the root key that a client must trust instead of the real service's.
    root_key: String,
    seed: u64,
    people: usize,
}

/// `GET /control/info`
pub async fn info(State(phones): State<Phones>) -> Json<Info> {
    let network = phones.network();
    Json(Info {
        ws_url: network.ws_url(),
        media_host: network.media_host(),
        root_key: hex(&network.root_key()),
        seed: network.settings().seed,
        people: phones.all().len(),
    })
}

/// `POST /control/codes/renew`
pub async fn renew_codes(State(phones): State<Phones>) -> StatusCode {
    phones.network().renew_codes();
    StatusCode::NO_CONTENT
}

/// `POST /control/codes/replace`
pub async fn replace_codes(State(phones): State<Phones>) -> Json<Vec<String>> {
    Json(phones.network().replace_codes())
}

/// The query of `GET /control/stanzas`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    #[serde(default)]
    from: Option<u64>,
    #[serde(default)]
    limit: Option<usize>,
}

/// One page of the log.
#[derive(Serialize)]
pub struct Stanzas {
    stanzas: Vec<Stanza>,
    /// The value of `from` for the next page.
    next: u64,
}

#[derive(Serialize)]
struct Stanza {
    number: u64,
    at_ms: u64,
    direction: Direction,
    device: Option<String>,
    stanza: String,
}

/// `GET /control/stanzas`: the latest, or a page starting at a number.
pub async fn stanzas(
    State(phones): State<Phones>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Stanzas>, Problem> {
    let Query(page) =
        page.map_err(|error| Problem::BadRequest(format!("give from and limit as numbers: {}", error.body_text())))?;
    let limit = page.limit.unwrap_or(CONTROL_STANZAS_DEFAULT);
    if limit == 0 || limit > CONTROL_STANZAS_MAX {
        return Err(Problem::BadRequest(format!("limit is {limit}; give 1 to {CONTROL_STANZAS_MAX}")));
    }
    let log = phones.network().log();
    let from = page.from.unwrap_or_else(|| log.next().saturating_sub(limit as u64));
    let stanzas: Vec<Stanza> = log
        .from(from, limit)
        .into_iter()
        .map(|entry| Stanza {
            number: entry.number,
            at_ms: entry.at_ms,
            direction: entry.direction,
            device: entry.device.map(|device| device.to_string()),
            stanza: text_of(&entry.node),
        })
        .collect();
    let next = stanzas.last().map_or(from, |last| last.number + 1);
    Ok(Json(Stanzas { stanzas, next }))
}

/// A request that the server does not implement.
#[derive(Serialize)]
pub struct UnknownRequest {
    device: Option<String>,
    what: String,
    count: u64,
}

/// `GET /control/unknown`
pub async fn unknown(State(phones): State<Phones>) -> Json<Vec<UnknownRequest>> {
    let all = phones.network().unhandled_iqs().into_iter().map(|unknown| UnknownRequest {
        device: unknown.device.map(|device| device.to_string()),
        what: unknown.what,
        count: unknown.count,
    });
    Json(all.collect())
}

/// `GET /control/checks`
pub async fn checks(State(phones): State<Phones>) -> Json<Report> {
    Json(phones.network().checks().report())
}
