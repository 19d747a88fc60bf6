//! One import: looking at what was read of its file, having its rows queued, following it, and what was refused.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::import::{API, PATH, address};
use crate::campaign::{State, country};
use crate::console::Console;
use crate::console::forms::Posted;
use crate::console::frame::{Frame, Place, draw};
use crate::console::visit::{Answer, Refusal, Visit, go};

/// Refused rows that a page shows; the file has all.
const REFUSED_SHOWN: usize = 100;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/messages/import/{id}", get(follow))
        .route("/console/messages/import/{id}/queue", post(begin))
        .route("/console/messages/import/{id}/stop", post(stop))
        .route("/console/messages/import/{id}/drop", post(drop_it))
        .route("/console/messages/import/{id}/refused.csv", get(refused))
}

#[derive(Template)]
#[template(path = "import_one.html")]
struct Page {
    frame: Frame,
    import: Import,
    good: i64,
    /// Of these, those that are not known already.
    rest: i64,
    /// Of those, the ones that no other campaign has sent.
    new: i64,
    refused: Vec<Refused>,
    shown: i64,
    /// Where the good rows go, by the names of countries in the reader's language.
    goes_to: Vec<(String, i64)>,
}

/// An import as the API shows it.
#[derive(Deserialize)]
pub struct Import {
    pub id: String,
    pub file_name: String,
    pub campaign: String,
    pub continued: bool,
    pub queue: String,
    pub userid: String,
    pub state: State,
    /// Why it stopped, and what to do.
    pub reason: Option<String>,
    pub wait_reason: Option<String>,
    pub row_count: i64,
    pub done_count: i64,
    pub accepted_count: i64,
    pub known_count: i64,
    pub sent_before: SentBefore,
    pub refused_count: i64,
    pub create_date: String,
    pub end_date: Option<String>,
    pub encoding: Option<String>,
    pub separator: Option<String>,
    pub sheet: Option<String>,
    pub other_sheets: Vec<String>,
    pub ignored_columns: Vec<String>,
    pub countries: Vec<CountryCount>,
    pub group_count: i64,
    pub hidden_count: i64,
    pub repeated_count: i64,
    pub unusual_countries: Vec<Unusual>,
    pub placeholder_count: i64,
    pub placeholders: Vec<Placeholder>,
    pub first_rows: Vec<FirstRow>,
    #[serde(default)]
    pub sandbox: bool,
    /// What becomes of its messages as its device is now, and what can be done.
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
pub struct CountryCount {
    country: Option<String>,
    count: i64,
}

#[derive(Deserialize)]
pub struct Unusual {
    country: Option<String>,
    count: i64,
    first_lines: Vec<i64>,
}

#[derive(Deserialize)]
pub struct Placeholder {
    line: i64,
    text: String,
}

#[derive(Deserialize)]
pub struct FirstRow {
    line: i64,
    destination: String,
    written: String,
    message: String,
    media_url: String,
    sent_by: Option<String>,
}

/// Rows that another campaign has sent.
#[derive(Deserialize)]
pub struct SentBefore {
    count: i64,
    campaign: Option<String>,
    /// Where that can be looked at.
    import_id: Option<String>,
    date: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    line: i64,
    destination: String,
    reason: String,
}

#[derive(Deserialize)]
struct RefusedRows {
    items: Vec<Refused>,
}

impl Import {
    fn is(&self, state: &str) -> bool {
        self.state.name() == state
    }

    /// Whether its rows, or its other rows, can be queued.
    fn may_begin(&self) -> bool {
        matches!(self.state, State::Checked | State::Stopped)
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
        let named = |one: &CountryCount| (country_name(frame, one.country.as_deref()).to_owned(), one.count);
        let groups = (frame.t("Groups", "Grup").to_owned(), self.group_count);
        let hidden = (frame.t("Hidden numbers", "Nomor tersembunyi").to_owned(), self.hidden_count);
        let others = [groups, hidden].into_iter().filter(|(_, count)| *count > 0);
        self.countries.iter().map(named).chain(others).collect()
    }

    pub fn state_name<'a>(&self, frame: &'a Frame) -> &'a str {
        match self.state {
            State::Reading | State::Checked => frame.t("Checked, not sent", "Sudah dicek, belum dikirim"),
            State::Running => frame.t("Being queued", "Sedang diantrekan"),
            State::Done => frame.t("Queued", "Sudah diantrekan"),
            State::Stopped => frame.t("Stopped", "Terhenti"),
        }
    }
}

/// Where the API has an import, with what is to be done to it.
fn named(visit: &Visit, id: &str, what: &str) -> Result<String, Refusal> {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(format!("{API}/{id}{what}"));
    }
    Err(visit.refusal(StatusCode::NOT_FOUND, "there is no import with that id"))
}

impl Unusual {
    fn name<'a>(&self, frame: &'a Frame) -> &'a str {
        country_name(frame, self.country.as_deref())
    }

    /// The first rows, as people list them.
    fn rows(&self) -> String {
        let lines: Vec<String> = self.first_lines.iter().map(i64::to_string).collect();
        let more = usize::try_from(self.count).is_ok_and(|count| count > lines.len());
        lines.join(", ") + if more { ", …" } else { "" }
    }
}

fn country_name<'a>(frame: &'a Frame, code: Option<&str>) -> &'a str {
    let names = code.and_then(country::names).unwrap_or(country::NO_COUNTRY);
    frame.t(names.english, names.indonesian)
}

impl FirstRow {
    /// Whether it was sent before, and by which campaign.
    fn sent_before<'a>(&self, frame: &'a Frame) -> Option<&'a str> {
        match self.sent_by.as_deref()? {
            "this_campaign" => Some(frame.t("Already queued or sent", "Sudah diantrekan atau dikirim")),
            _ => Some(
                frame.t("Already queued or sent by another campaign", "Sudah diantrekan atau dikirim kampanye lain"),
            ),
        }
    }
}

async fn follow(Path(id): Path<String>, visit: Visit) -> Answer {
    page(&visit, &id, None).await
}

async fn page(visit: &Visit, id: &str, refusal: Option<Refusal>) -> Answer {
    let mut import: Import = visit.get(&named(visit, id, "")?).await?;
    // Somebody who only sends sees their own imports alone.
    if let Some(other) = import.sent_before.import_id.take()
        && visit.get::<Import>(&named(visit, &other, "")?).await.is_ok()
    {
        import.sent_before.import_id = Some(other);
    }
    let rows: RefusedRows = visit.get(&named(visit, id, &format!("/refused?limit={REFUSED_SHOWN}"))?).await?;
    let mut frame = visit.frame(Place::Messages, visit.t("Import", "Impor"));
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.is_live = refusal.is_none() && import.state == State::Running;
    frame.problem = refusal.map(|refusal| refusal.text);
    let shown = i64::try_from(rows.items.len()).unwrap_or(i64::MAX);
    let (good, goes_to) = (import.row_count - import.refused_count, import.goes_to(&frame));
    let rest = good - import.known_count;
    let new = (rest - import.sent_before.count).max(0);
    Ok(draw(status, &Page { frame, good, rest, new, goes_to, import, refused: rows.items, shown }))
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Answer {
    let decided = posted.fields.text("sent_before");
    tell(&posted.visit, &id, &address("/begin", &[("sent_before", decided)])).await
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
    visit.file(&named(&visit, &id, "/refused.csv")?).await
}
