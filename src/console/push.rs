//! Where a client's inbound messages go: the Push URL, its secret, a sample, and what became of each push.

use std::borrow::Cow;
use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::forms::Posted;
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Refusal, Visit, go};
use super::{Console, audit_log};
use crate::store::StoredPush;

/// The page, which every form on it leads back to.
const PAGE: &str = "/console/push";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PAGE, get(show).post(set))
        .route("/console/push/remove", post(remove))
        .route("/console/push/{rest}", post(rest))
        .route("/console/push/secret", post(show_secret))
        .route("/console/push/rotate", post(rotate))
        .route("/console/push/test", post(test))
        .route("/console/push/replay", post(replay))
}

#[derive(Template)]
#[template(path = "push.html")]
struct Page {
    frame: Frame,
    settings: Settings,
    pushes: Vec<Push>,
    statuses: [&'static str; 4],
    /// Of the pushes that are listed; empty for all.
    status: String,
    older: Option<String>,
    is_first: bool,
    shown: Shown,
}

/// What a page shows once.
#[derive(Default)]
struct Shown {
    url: Option<String>,
    is_secret: bool,
    test: Option<Test>,
    from: String,
    until: String,
    refusal: Option<Refusal>,
}

#[derive(Deserialize)]
struct Settings {
    url: Option<String>,
    secret: String,
    paused_reason: Option<String>,
    paused_date: Option<String>,
}

#[derive(Deserialize)]
struct Listing {
    items: Vec<Push>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Push {
    id: String,
    status: String,
    attempts: i64,
    create_date: String,
    due_date: String,
    done_date: Option<String>,
    last_status: Option<i64>,
    last_answer: Option<String>,
}

impl Push {
    fn state<'a>(&'a self, frame: &'a Frame) -> &'a str {
        status_name(frame, &self.status)
    }

    fn answer<'a>(&'a self, frame: &Frame) -> Cow<'a, str> {
        answer(frame, self.last_status, self.last_answer.as_deref())
    }
}

/// What the last try was answered: the receiver's own words as they are, or why there were none.
pub fn answer<'a>(frame: &Frame, status: Option<i64>, answer: Option<&'a str>) -> Cow<'a, str> {
    let answer = answer.unwrap_or_default();
    if status.is_some() { Cow::Borrowed(answer) } else { frame.said(answer) }
}

/// A push's status in the viewer's words.
pub fn status_name<'a>(frame: &'a Frame, status: &'a str) -> &'a str {
    match status {
        "due" => frame.t("due", "akan dikirim"),
        "done" => frame.t("done", "selesai"),
        "failed" => frame.t("failed", "gagal"),
        "held" => frame.t("waits for its file", "menunggu berkasnya"),
        other => other,
    }
}

#[derive(Deserialize)]
struct Test {
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
    answer: Option<TestAnswer>,
    failure: Option<String>,
    took_ms: i64,
}

#[derive(Deserialize)]
struct TestAnswer {
    status: u16,
    body: String,
}

impl Test {
    /// The form, a field a line, as a person reads it.
    fn fields(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

async fn show(visit: Visit) -> Answer {
    draw_page(&visit, Shown::default()).await
}

async fn draw_page(visit: &Visit, shown: Shown) -> Answer {
    let status =
        visit.query("status").filter(|status| StoredPush::STATUSES.contains(&status.as_str())).unwrap_or_default();
    let before = visit.query("before");
    let settings: Settings = visit.get(&api(visit, "push")).await?;
    audit_log::record_shown(visit, audit_log::PUSH_SECRET, &visit.client().id.to_string()).await;
    let listing: Listing = visit.get(&format!("{}{}", api(visit, "pushes"), query(&status, before.as_deref()))).await?;
    let mut frame = visit.frame(Place::Push, "Push URL");
    frame.is_live = true;
    if frame.here.split('?').next() != Some(PAGE) {
        // What keeps up, and the links around, are of the page that can be loaded again.
        PAGE.clone_into(&mut frame.here);
    }
    let code = shown.refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = shown.refusal.as_ref().map(|refusal| refusal.text.clone());
    let older = listing.next_before.map(|next| format!("{PAGE}{}", query(&status, Some(&next))));
    let (pushes, is_first) = (listing.items, before.is_none());
    Ok(draw(code, &Page { frame, settings, pushes, statuses: StoredPush::STATUSES, status, older, is_first, shown }))
}

/// Goes back to the page, or shows it with why that was refused.
async fn back(visit: &Visit, done: Result<Value, Refusal>, word: &str, kept: Shown) -> Answer {
    match done {
        Ok(_) => Ok(go(&format!("{PAGE}?done={word}"))),
        Err(refusal) => draw_page(visit, Shown { refusal: Some(refusal), ..kept }).await,
    }
}

async fn set(posted: Posted) -> Answer {
    let (visit, url) = (posted.visit, posted.fields.text("url").to_owned());
    let done = visit.ask(Method::PUT, &api(&visit, "push"), Some(json!({"url": url}))).await;
    back(&visit, done, "push-set", Shown { url: Some(url), ..Shown::default() }).await
}

async fn remove(posted: Posted) -> Answer {
    let visit = posted.visit;
    let done = visit.ask(Method::DELETE, &api(&visit, "push"), None).await;
    back(&visit, done, "push-removed", Shown::default()).await
}

/// Rests the pushes, or sets them going again.
async fn rest(Path(rest): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    let word = match rest.as_str() {
        "pause" => "push-paused",
        "resume" => "push-resumed",
        _ => return Err(visit.refusal(StatusCode::NOT_FOUND, "there is no such page")),
    };
    let done = visit.ask(Method::POST, &api(&visit, &format!("push/{rest}")), None).await;
    back(&visit, done, word, Shown::default()).await
}

async fn show_secret(posted: Posted) -> Answer {
    draw_page(&posted.visit, Shown { is_secret: true, ..Shown::default() }).await
}

async fn rotate(posted: Posted) -> Answer {
    let visit = posted.visit;
    let done = visit.ask::<Value>(Method::POST, &api(&visit, "push/rotate-secret"), None).await;
    draw_page(&visit, Shown { is_secret: done.is_ok(), refusal: done.err(), ..Shown::default() }).await
}

async fn test(posted: Posted) -> Answer {
    let visit = posted.visit;
    let shown = match visit.ask(Method::POST, &api(&visit, "push/test"), None).await {
        Ok(test) => Shown { test: Some(test), ..Shown::default() },
        Err(refusal) => Shown { refusal: Some(refusal), ..Shown::default() },
    };
    draw_page(&visit, shown).await
}

/// Pushes one message again, or all of a time.
async fn replay(posted: Posted) -> Answer {
    let (visit, fields) = (posted.visit, posted.fields);
    let (from, until) = (fields.text("from").to_owned(), fields.text("until").to_owned());
    let zone = visit.viewer().time_zone();
    let wanted = match fields.given("id") {
        Some(id) => json!({"id": id}),
        None => json!({"from": moment(&from, zone), "until": moment(&until, zone)}),
    };
    let done = visit.post(&api(&visit, "pushes/replay"), wanted).await;
    back(&visit, done, "replayed", Shown { from, until, ..Shown::default() }).await
}

/// An address of the API about the client that is looked at.
fn api(visit: &Visit, what: &str) -> String {
    format!("/manage/1.0/clients/{}/{what}", visit.client().id)
}

fn query(status: &str, before: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !status.is_empty() {
        query.append_pair("status", status);
    }
    if let Some(before) = before {
        query.append_pair("before", before);
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// A moment as a browser's field has it, on the viewer's clock, as the API wants it. What is none is given on: the API says
/// what is wrong with it.
fn moment(text: &str, zone: &TimeZone) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let there = text.parse::<DateTime>().ok().and_then(|moment| moment.to_zoned(zone.clone()).ok());
    Some(there.map_or_else(|| text.to_owned(), |there| there.timestamp().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_on_the_viewers_clock() {
        let jakarta = TimeZone::get("Asia/Jakarta").unwrap();
        assert_eq!(moment("2026-11-24T07:30", &jakarta).as_deref(), Some("2026-11-24T00:30:00Z"));
        assert_eq!(moment("2026-11-24T07:30:15", &TimeZone::UTC).as_deref(), Some("2026-11-24T07:30:15Z"));
        assert_eq!((moment("", &jakarta), moment("soon", &jakarta).as_deref()), (None, Some("soon")));
    }

    #[test]
    fn a_page_of_pushes_keeps_its_filter() {
        assert_eq!(query("", None), "");
        assert_eq!(query("failed", Some("17.a")), "?status=failed&before=17.a");
    }

    #[test]
    fn a_sample_is_shown_field_by_field() {
        let test = Test {
            url: String::new(),
            headers: BTreeMap::new(),
            body: "msg=a+b%0A&name=".into(),
            answer: None,
            failure: None,
            took_ms: 0,
        };
        assert_eq!(test.fields(), [("msg".to_owned(), "a b\n".to_owned()), ("name".into(), String::new())]);
    }
}
