//! Queueing what stands in a file: choosing it, looking at what was read, following it, and what was refused.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::csv::lines;
use super::imports::{Import, Progress, State};
use super::rows::{NotImported, Refused, check};
use super::{Device, upload};
use crate::account;
use crate::campaign::Row;
use crate::clock::rfc3339;
use crate::console::Console;
use crate::console::forms::Posted;
use crate::console::frame::{Frame, Place, draw};
use crate::console::visit::{Answer, Refusal, Visit, go};
use crate::limits;

const PATH: &str = "/console/messages/import";
/// Refused rows that a page shows; the file has all.
const REFUSED_SHOWN: usize = 100;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(show).post(take))
        .route("/console/messages/import/{id}", get(follow))
        .route("/console/messages/import/{id}/queue", post(begin))
        .route("/console/messages/import/{id}/drop", post(drop_it))
        .route("/console/messages/import/{id}/refused.csv", get(refused))
}

#[derive(Template)]
#[template(path = "import.html")]
struct ChoosePage {
    frame: Frame,
    devices: Vec<Device>,
    queue: String,
    campaign: String,
    known: Vec<Line>,
    megabytes_max: usize,
    rows_max: i64,
}

/// An import in a list.
struct Line {
    id: String,
    file_name: String,
    begun: String,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "import_one.html")]
struct Page {
    frame: Frame,
    import: Arc<Import>,
    state: State,
    name: &'static str,
    begun: String,
    rows: i64,
    /// Offered already.
    done: i64,
    accepted: i64,
    known: i64,
    refused_count: i64,
    refused: Vec<Refused>,
    reason: String,
    shown: i64,
}

impl Page {
    fn is(&self, state: &str) -> bool {
        state
            == match self.state {
                State::Checked => "checked",
                State::Running => "running",
                State::Done => "done",
                State::Stopped => "stopped",
            }
    }

    fn first(&self) -> &[Row] {
        &self.import.first
    }
}

fn state_name(visit: &Visit, state: State) -> &'static str {
    match state {
        State::Checked => visit.t("Looked at, not queued", "Sudah diperiksa, belum diantrekan"),
        State::Running => visit.t("Being queued", "Sedang diantrekan"),
        State::Done => visit.t("Queued", "Sudah diantrekan"),
        State::Stopped => visit.t("Stopped", "Terhenti"),
    }
}

async fn show(visit: Visit) -> Answer {
    let queue = visit.query("queue").unwrap_or_default();
    choose(&visit, &queue, "", None).await
}

async fn choose(visit: &Visit, queue: &str, campaign: &str, refusal: Option<Refusal>) -> Answer {
    let mut frame = visit.frame(Place::Messages, visit.t("Import a file", "Impor berkas"));
    let devices = if visit.manages() { visit.get("/manage/1.0/devices").await? } else { Vec::new() };
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.is_live = refusal.is_none();
    frame.problem = refusal.map(|refusal| refusal.text);
    let line = |import: Arc<Import>| Line {
        id: import.id.clone(),
        file_name: import.file_name.clone(),
        begun: rfc3339(import.begun_at),
        state: state_name(visit, import.look().state),
    };
    let page = ChoosePage {
        frame,
        devices,
        queue: queue.to_owned(),
        campaign: campaign.to_owned(),
        known: visit.console().imports.of(visit).into_iter().map(line).collect(),
        megabytes_max: limits::IMPORT_BYTES_MAX / (1024 * 1024),
        rows_max: whole(limits::IMPORT_ROWS_MAX),
    };
    let mut response = draw(status, &page);
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the form is not read.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

async fn take(visit: Visit, headers: HeaderMap, body: Body) -> Answer {
    let form = match upload::read(&visit, &headers, body, limits::IMPORT_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => return choose(&visit, "", "", Some(refusal)).await,
    };
    let (queue, campaign) = (form.fields.text("queue").to_owned(), form.fields.text("campaign").to_owned());
    let unusable = |text: &str| Some(visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text));
    let Some(file) = &form.file else {
        let text = visit.t("Choose a CSV file.", "Pilih berkas CSV.");
        return choose(&visit, &queue, &campaign, unusable(text)).await;
    };
    if campaign.chars().count() > limits::NAME_CHARS_MAX || account::check_name(&file.name).is_err() {
        let text = visit
            .t("The name of the campaign or of the file is too long.", "Nama kampanye atau berkas terlalu panjang.");
        return choose(&visit, &queue, &campaign, unusable(text)).await;
    }
    let (bytes, country_code) = (file.bytes.clone(), visit.client().country_code.clone());
    let named = (campaign.clone(), queue.clone());
    let checked = tokio::task::spawn_blocking(move || check(&bytes, &named.0, &named.1, &country_code)).await;
    let added = match checked {
        Ok(checked) => {
            checked.and_then(|checked| visit.console().imports.add(&visit, &file.name, &campaign, &queue, checked))
        }
        // It panicked: a fault that its log tells.
        Err(_) => Err(NotImported::Busy),
    };
    match added {
        Ok(id) => Ok(go(&format!("{PATH}/{id}"))),
        Err(bad) => {
            let status = match bad {
                NotImported::Busy => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let text = format!("{}: {bad}", file.name);
            choose(&visit, &queue, &campaign, Some(visit.refusal(status, &text))).await
        }
    }
}

fn find(visit: &Visit, id: &str) -> Result<Arc<Import>, Refusal> {
    let found = visit.console().imports.of(visit).into_iter().find(|import| import.id == id);
    found.ok_or_else(|| {
        let text = visit.t(
            "This import is not known: it ended long ago, or the gateway was started again since. Import the same file \
             once more: what was queued in the last 72 hours is not queued twice.",
            "Impor ini tidak dikenal: sudah lama berakhir, atau gateway telah dijalankan ulang. Impor berkas yang sama \
             sekali lagi: yang sudah diantrekan dalam 72 jam terakhir tidak akan diantrekan dua kali.",
        );
        visit.refusal(StatusCode::NOT_FOUND, text)
    })
}

async fn follow(Path(id): Path<String>, visit: Visit) -> Answer {
    let import = find(&visit, &id)?;
    let Progress { state, accepted, known, mut refused, reason, .. } = import.look();
    let mut frame = visit.frame(Place::Messages, visit.t("Import", "Impor"));
    frame.is_live = state == State::Running;
    let refused_count = refused.len();
    let refused_later = refused_count.saturating_sub(import.refused_at_first);
    refused.truncate(REFUSED_SHOWN);
    let page = Page {
        name: state_name(&visit, state),
        begun: rfc3339(import.begun_at),
        rows: whole(import.rows),
        done: whole(accepted + known + refused_later),
        accepted: whole(accepted),
        known: whole(known),
        refused_count: whole(refused_count),
        shown: whole(refused.len()),
        refused,
        reason,
        state,
        frame,
        import,
    };
    Ok(draw(StatusCode::OK, &page))
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    let import = find(&visit, &id)?;
    visit.console().clone().imports.begin(visit, import);
    Ok(go(&format!("{PATH}/{id}")))
}

async fn drop_it(Path(id): Path<String>, posted: Posted) -> Answer {
    let import = find(&posted.visit, &id)?;
    posted.visit.console().imports.drop(&import.id);
    Ok(go(&format!("{PATH}?done=removed")))
}

async fn refused(Path(id): Path<String>, visit: Visit) -> Answer {
    let import = find(&visit, &id)?;
    let refused = import.look().refused;
    let numbers: Vec<String> = refused.iter().map(|one| one.line.to_string()).collect();
    let rows = refused
        .iter()
        .zip(&numbers)
        .map(|(one, number)| vec![number.as_str(), one.destination.as_str(), one.reason.as_str()]);
    let text = lines([vec!["line", "destination", "reason"]].into_iter().chain(rows));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"refused.csv\""),
    ];
    Ok::<Response, Refusal>((headers, text).into_response())
}
