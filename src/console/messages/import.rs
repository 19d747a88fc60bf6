//! Queueing what stands in a file: choosing it, looking at what was read, following it, and what was refused. The gateway
//! queues the rows by itself (`imports/`); these pages ask the API of it.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::csv::lines;
use super::upload::File;
use super::{Device, upload};
use crate::campaign::{State, country};
use crate::console::Console;
use crate::console::forms::Posted;
use crate::console::frame::{Frame, Place, draw};
use crate::console::visit::{Answer, Refusal, Visit, go};
use crate::limits;

const PATH: &str = "/console/messages/import";
const API: &str = "/manage/1.0/imports";
/// Refused rows that a page shows; the file has all.
const REFUSED_SHOWN: usize = 100;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(show).post(take))
        .route("/console/messages/import/{id}", get(follow))
        .route("/console/messages/import/{id}/queue", post(begin))
        .route("/console/messages/import/{id}/stop", post(stop))
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
    known: Vec<Import>,
    older: Option<String>,
    is_first: bool,
    megabytes_max: usize,
    rows_max: usize,
    days_kept: i64,
}

#[derive(Template)]
#[template(path = "import_one.html")]
struct Page {
    frame: Frame,
    import: Import,
    good: i64,
    /// Of these, those that are not known already.
    new: i64,
    refused: Vec<Refused>,
    shown: i64,
    /// Where the good rows go, by the names of countries in the reader's language.
    goes_to: Vec<(String, i64)>,
}

/// An import as the API shows it.
#[derive(Deserialize)]
struct Import {
    id: String,
    file_name: String,
    campaign: String,
    queue: String,
    userid: String,
    state: State,
    /// Why it stopped, and what to do.
    reason: Option<String>,
    row_count: i64,
    done_count: i64,
    accepted_count: i64,
    known_count: i64,
    refused_count: i64,
    create_date: String,
    end_date: Option<String>,
    encoding: Option<String>,
    separator: Option<String>,
    sheet: Option<String>,
    ignored_columns: Vec<String>,
    countries: Vec<CountryCount>,
    group_count: i64,
    hidden_count: i64,
    repeated_count: i64,
    first_rows: Vec<FirstRow>,
    #[serde(default)]
    sandbox: bool,
    /// What becomes of its messages as its device is now, and what can be done.
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct CountryCount {
    country: Option<String>,
    count: i64,
}

#[derive(Deserialize)]
struct FirstRow {
    line: i64,
    destination: String,
    written: String,
    message: String,
    media_url: String,
}

#[derive(Deserialize)]
struct Refused {
    line: i64,
    destination: String,
    reason: String,
}

#[derive(Deserialize)]
struct Listing {
    items: Vec<Import>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct RefusedRows {
    items: Vec<Refused>,
    next_after: Option<String>,
}

impl Import {
    fn is(&self, state: &str) -> bool {
        self.state.name() == state
    }

    /// How the file was read.
    fn read_as(&self, frame: &Frame) -> Option<String> {
        if let Some(sheet) = &self.sheet {
            return Some(format!("Excel, {} {sheet}", frame.t("sheet", "lembar")));
        }
        let separator = match self.separator.as_deref()? {
            "\t" => frame.t("tabs", "tab").to_owned(),
            separator => format!("\u{201c}{separator}\u{201d}"),
        };
        let encoding = self.encoding.as_deref().unwrap_or_default();
        Some(format!("CSV, {encoding}, {} {separator}", frame.t("separated by", "dipisahkan")))
    }

    fn goes_to(&self, frame: &Frame) -> Vec<(String, i64)> {
        let named = |one: &CountryCount| {
            let names = one.country.as_deref().and_then(country::names).unwrap_or(country::NO_COUNTRY);
            (frame.t(names.english, names.indonesian).to_owned(), one.count)
        };
        let groups = (frame.t("Groups", "Grup").to_owned(), self.group_count);
        let hidden = (frame.t("Hidden numbers", "Nomor tersembunyi").to_owned(), self.hidden_count);
        let others = [groups, hidden].into_iter().filter(|(_, count)| *count > 0);
        self.countries.iter().map(named).chain(others).collect()
    }

    fn state_name<'a>(&self, frame: &'a Frame) -> &'a str {
        match self.state {
            State::Reading | State::Checked => frame.t("Checked, not sent", "Sudah dicek, belum dikirim"),
            State::Running => frame.t("Being queued", "Sedang diantrekan"),
            State::Done => frame.t("Queued", "Sudah diantrekan"),
            State::Stopped => frame.t("Stopped", "Terhenti"),
        }
    }
}

async fn show(visit: Visit) -> Answer {
    let queue = visit.query("queue").unwrap_or_default();
    choose(&visit, &queue, "", None).await
}

async fn choose(visit: &Visit, queue: &str, campaign: &str, refusal: Option<Refusal>) -> Answer {
    let mut frame = visit.frame(Place::Messages, visit.t("Import a file", "Impor berkas"));
    let devices = if visit.manages() { visit.get("/manage/1.0/devices?wait=false").await? } else { Vec::new() };
    let before = visit.query("before");
    let known: Listing = visit.get(&address(API, &[("before", before.as_deref().unwrap_or_default())])).await?;
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.is_live = refusal.is_none();
    frame.problem = refusal.map(|refusal| refusal.text);
    let page = ChoosePage {
        frame,
        devices,
        queue: queue.to_owned(),
        campaign: campaign.to_owned(),
        known: known.items,
        older: known.next_before.map(|next| address(PATH, &[("before", &next)])),
        is_first: before.is_none(),
        megabytes_max: limits::IMPORT_BYTES_MAX / (1024 * 1024),
        rows_max: limits::IMPORT_ROWS_MAX,
        days_kept: limits::IMPORT_KEPT_DAYS,
    };
    let mut response = draw(status, &page);
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the form is not read.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A path with those parameters in which something stands.
fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

async fn take(visit: Visit, headers: HeaderMap, body: Body) -> Answer {
    let form = match upload::read(&visit, &headers, body, limits::IMPORT_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => return choose(&visit, "", "", Some(refusal)).await,
    };
    let (queue, campaign) = (form.fields.text("queue"), form.fields.text("campaign"));
    let priority = form.fields.text("priority");
    let Some(file) = &form.file else {
        let text = visit.t("Choose a file.", "Pilih berkas.");
        let refusal = visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text);
        return choose(&visit, queue, campaign, Some(refusal)).await;
    };
    match give(&visit, file, queue, campaign, priority).await {
        Ok(import) => Ok(go(&format!("{PATH}/{}", import.id))),
        Err(Refusal { status, text, .. }) => {
            let refusal = visit.refusal(status, &format!("{}: {text}", file.name));
            choose(&visit, queue, campaign, Some(refusal)).await
        }
    }
}

/// Gives the API a file.
async fn give(visit: &Visit, file: &File, queue: &str, campaign: &str, priority: &str) -> Result<Import, Refusal> {
    let path =
        address(API, &[("file_name", &file.name), ("queue", queue), ("campaign", campaign), ("priority", priority)]);
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, file.bytes.len())
        .body(Body::from(file.bytes.clone()));
    let request = request.map_err(|_| {
        let text = visit.t("the names are too long", "namanya terlalu panjang");
        visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text)
    })?;
    visit.tell(request).await
}

/// Where the API has an import, with what is to be done to it.
fn named(visit: &Visit, id: &str, what: &str) -> Result<String, Refusal> {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(format!("{API}/{id}{what}"));
    }
    Err(visit.refusal(StatusCode::NOT_FOUND, "there is no import with that id"))
}

async fn follow(Path(id): Path<String>, visit: Visit) -> Answer {
    page(&visit, &id, None).await
}

async fn page(visit: &Visit, id: &str, refusal: Option<Refusal>) -> Answer {
    let import: Import = visit.get(&named(visit, id, "")?).await?;
    let rows: RefusedRows = visit.get(&named(visit, id, &format!("/refused?limit={REFUSED_SHOWN}"))?).await?;
    let mut frame = visit.frame(Place::Messages, visit.t("Import", "Impor"));
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.is_live = refusal.is_none() && import.state == State::Running;
    frame.problem = refusal.map(|refusal| refusal.text);
    let shown = i64::try_from(rows.items.len()).unwrap_or(i64::MAX);
    let (good, goes_to) = (import.row_count - import.refused_count, import.goes_to(&frame));
    let new = good - import.known_count;
    Ok(draw(status, &Page { frame, good, new, goes_to, import, refused: rows.items, shown }))
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Answer {
    tell(&posted.visit, &id, "/begin").await
}

async fn stop(Path(id): Path<String>, posted: Posted) -> Answer {
    tell(&posted.visit, &id, "/stop").await
}

async fn tell(visit: &Visit, id: &str, what: &str) -> Answer {
    match visit.post::<Value>(&named(visit, id, what)?, json!({})).await {
        Ok(_) => Ok(go(&format!("{PATH}/{id}"))),
        Err(refusal) => page(visit, id, Some(refusal)).await,
    }
}

async fn drop_it(Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    match visit.ask::<Value>(axum::http::Method::DELETE, &named(&visit, &id, "")?, None).await {
        Ok(_) => Ok(go(&format!("{PATH}?done=removed"))),
        Err(refusal) => page(&visit, &id, Some(refusal)).await,
    }
}

async fn refused(Path(id): Path<String>, visit: Visit) -> Answer {
    let (mut refused, mut after): (Vec<Refused>, _) = (Vec::new(), None);
    // As many pages as a file's rows can fill.
    while refused.len() <= limits::IMPORT_ROWS_MAX {
        let most = limits::PAGE_ROWS_MAX.to_string();
        let parameters = [("limit", most.as_str()), ("after", after.as_deref().unwrap_or_default())];
        let rows: RefusedRows = visit.get(&address(&named(&visit, &id, "/refused")?, &parameters)).await?;
        refused.extend(rows.items);
        after = rows.next_after;
        if after.is_none() {
            break;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_given() {
        assert_eq!(address("/a", &[("b", ""), ("c", "")]), "/a");
        assert_eq!(address("/a", &[("b", "x & y"), ("c", "")]), "/a?b=x+%26+y");
    }
}
