//! One message: what it says, what happened to it and when, and what can be done with it.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Message, state_name};
use crate::console::Console;
use crate::console::forms::Posted;
use crate::console::frame::{Frame, Place, draw};
use crate::console::once::{self, NotSent};
use crate::console::visit::{Answer, Refusal, Visit, go};
use crate::message::RefNo;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/messages/{ref_no}", get(show))
        .route("/console/messages/{ref_no}/cancel", post(cancel))
        .route("/console/messages/{ref_no}/resend", post(resend))
}

#[derive(Template)]
#[template(path = "message.html")]
struct Page {
    frame: Frame,
    message: Message,
    state: &'static str,
    timeline: Vec<Moment>,
    members: Vec<Member>,
    /// The message that this one repeats.
    repeats: Option<String>,
    /// What makes "Send again" send one.
    once: String,
}

/// Something that happened to a message, or will.
struct Moment {
    at: String,
    what: String,
    reason: String,
    /// A state's letter, for its colour.
    letter: &'static str,
}

#[derive(Deserialize)]
struct Attempt {
    number: i64,
    date: String,
    reason: String,
}

#[derive(Deserialize)]
struct Member {
    member: String,
    delivered_date: Option<String>,
    read_date: Option<String>,
}

#[derive(Deserialize)]
struct Resent {
    ref_no: String,
}

/// The part of the API's addresses that names a message.
fn named(visit: &Visit, ref_no: &str) -> Result<RefNo, Refusal> {
    RefNo::parse(ref_no).ok_or_else(|| visit.refusal(StatusCode::NOT_FOUND, "there is no message with that ref_no"))
}

async fn show(Path(ref_no): Path<String>, visit: Visit) -> Answer {
    let ref_no = named(&visit, &ref_no)?;
    page(&visit, &ref_no, None).await
}

async fn page(visit: &Visit, ref_no: &RefNo, not_done: Option<NotSent>) -> Answer {
    let (message, attempts) = if visit.manages() {
        let message: Message = visit.get(&format!("/manage/1.0/messages/{ref_no}")).await?;
        (message, visit.get(&format!("/manage/1.0/messages/{ref_no}/attempts")).await?)
    } else {
        // Who only sends sees what the API shows to a program of his.
        (visit.get(&format!("/wachat_api/1.0/status/{ref_no}")).await?, Vec::new())
    };
    let members = if visit.manages() && message.is_group {
        visit.get(&format!("/manage/1.0/messages/{ref_no}/members")).await?
    } else {
        Vec::new()
    };
    let title = format!("{} {ref_no}", visit.t("Message", "Pesan"));
    let mut frame = visit.frame(Place::Messages, &title);
    frame.is_live = not_done.is_none();
    let status = not_done.as_ref().map_or(StatusCode::OK, |not_done| not_done.refusal.status);
    let once = match not_done {
        Some(NotSent { refusal, once }) => {
            frame.problem = Some(refusal.text);
            once
        }
        None => once::token(visit),
    };
    let repeats = visit.query("of").and_then(|of| RefNo::parse(&of)).map(|of| of.to_string());
    let state = state_name(visit.viewer(), &message.status);
    let timeline = timeline(&message, attempts, |english, indonesian| visit.t(english, indonesian).to_owned());
    Ok(draw(status, &Page { frame, message, state, timeline, members, repeats, once }))
}

/// Everything that is known to have happened, in the order in which it did.
fn timeline(message: &Message, attempts: Vec<Attempt>, t: impl Fn(&str, &str) -> String) -> Vec<Moment> {
    let moment = |at: &str, what: String, reason: &str, letter| Moment {
        at: at.to_owned(),
        what,
        reason: reason.to_owned(),
        letter,
    };
    let mut moments = vec![moment(&message.create_date, t("Accepted", "Diterima"), "", "Q")];
    for one in &attempts {
        let what = format!("{} {}", t("Failed attempt", "Percobaan gagal"), one.number);
        moments.push(moment(&one.date, what, &one.reason, "failed"));
    }
    let dates = [
        (&message.sent_date, t("Sent", "Terkirim"), "S"),
        (&message.delivered_date, t("Delivered", "Sampai"), "D"),
        (&message.read_date, t("Read", "Dibaca"), "R"),
    ];
    for (date, what, letter) in dates {
        moments.extend(date.as_ref().map(|at| moment(at, what, "", letter)));
    }
    let reason = message.reason.as_deref().unwrap_or_default();
    moments.extend(message.aborted_date.as_ref().map(|at| moment(at, t("Aborted", "Dibatalkan"), reason, "A")));
    if message.waits() {
        let what = t("Given up, if it has not left by then", "Dibatalkan, jika belum terkirim saat itu");
        moments.push(moment(&message.expire_date, what, "", "U"));
    }
    // What comes at the same second stays in the order of a message's life.
    moments.sort_by_key(|moment| moment.at.parse::<Timestamp>().ok());
    moments
}

async fn cancel(Path(ref_no): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    let ref_no = named(&visit, &ref_no)?;
    match visit.post::<Message>(&format!("/manage/1.0/messages/{ref_no}/cancel"), json!({})).await {
        Ok(_) => Ok(go(&format!("/console/messages/{ref_no}?done=cancelled"))),
        Err(refusal) => page(&visit, &ref_no, Some(NotSent { refusal, once: once::token(&visit) })).await,
    }
}

async fn resend(Path(ref_no): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    let ref_no = named(&visit, &ref_no)?;
    let path = format!("/manage/1.0/messages/{ref_no}/resend");
    match once::send::<Resent>(&visit, posted.fields.text("once"), &path, once::body(&json!({}))).await {
        Ok(new) => Ok(go(&format!("/console/messages/{}?done=resent&of={ref_no}", new.ref_no))),
        Err(not_sent) => page(&visit, &ref_no, Some(not_sent)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told_in_its_order() {
        let message: Message = serde_json::from_value(json!({"ref_no": "", "destination": "", "sender": "",
            "is_group": false, "queue": "", "status": "R", "create_date": "2026-01-01T00:00:00Z",
            "sent_date": "2026-01-01T00:00:09Z", "delivered_date": "2026-01-01T00:00:09Z",
            "read_date": "2026-01-01T00:00:08Z", "expire_date": "2026-01-02T00:00:00Z"}))
        .expect("a message");
        let attempts = vec![Attempt { number: 1, date: "2026-01-01T00:00:02Z".into(), reason: "no".into() }];
        let told = |message: &Message, attempts| {
            let moments = timeline(message, attempts, |english, _| english.to_owned());
            moments.into_iter().map(|moment| format!("{} {}", moment.what, moment.reason)).collect::<Vec<_>>()
        };
        assert_eq!(told(&message, attempts), ["Accepted ", "Failed attempt 1 no", "Read ", "Sent ", "Delivered "]);
        let waiting = Message { status: "U".into(), sent_date: None, delivered_date: None, read_date: None, ..message };
        assert_eq!(told(&waiting, Vec::new()), ["Accepted ", "Given up, if it has not left by then "]);
    }
}
