//! One device: how it fares and why, what may be done with it, its settings, what happened to it.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Console;
use super::devices::{Device, at, whole};
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::states;
use super::visit::{Answer, Refusal, Visit, go};
use crate::device::NOT_LINKED;
use crate::device_status::DeviceStatus;

/// By which word a page's address says that the link is being ended.
const UNLINKING: &str = "unlinking";
/// Rows of a page of what happened.
const EVENTS: usize = 20;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/devices/{id}", get(show).post(change))
        .route("/console/devices/{id}/pause", post(pause))
        .route("/console/devices/{id}/resume", post(resume))
        .route("/console/devices/{id}/unlink", post(unlink))
        .route("/console/devices/{id}/relink", post(relink))
        .route("/console/devices/{id}/delete", post(remove))
        .route("/console/devices/{id}/receive", post(receive))
        .route("/console/devices/{id}/go-live", post(go_live))
}

#[derive(Template)]
#[template(path = "device.html")]
struct Page {
    frame: Frame,
    device: Device,
    typed: Typed,
    message: Message,
    events: Vec<Event>,
    /// Addresses of the pages of what happened after and before.
    newer: Option<String>,
    older: Option<String>,
}

#[derive(Deserialize)]
struct Events {
    items: Vec<Event>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    at: String,
    state: String,
    reason: String,
}

impl Page {
    /// The state that it entered, in a word or two; nothing for what is none.
    fn label(&self, event: &Event) -> Option<&'static str> {
        DeviceStatus::from_name(&event.state).map(|state| states::label(&self.frame.viewer, state))
    }

    /// Why, where the state that it entered does not say it.
    fn why<'a>(&self, event: &'a Event) -> &'a str {
        let state = DeviceStatus::from_name(&event.state);
        let is_said = state.is_some_and(|state| {
            states::is_said(state, &event.reason) || (state == DeviceStatus::Unlinked && event.reason == NOT_LINKED)
        });
        if is_said { "" } else { &event.reason }
    }

    fn happened<'a>(&'a self, event: &'a Event) -> &'a str {
        states::happened(&self.frame.viewer, self.device.kind, &event.state)
    }
}

/// The settings, as they are or as they were typed.
struct Typed {
    name: String,
    limit: String,
    gap_ms: String,
    gap_jitter_ms: String,
    typing: bool,
    warm_up: bool,
    quiet_from: String,
    quiet_to: String,
    time_zone: String,
}

impl Typed {
    fn of(device: &Device) -> Self {
        Self {
            name: device.name.clone(),
            limit: device.limit.to_string(),
            gap_ms: device.gap_ms.to_string(),
            gap_jitter_ms: device.gap_jitter_ms.to_string(),
            typing: device.typing,
            warm_up: device.warm_up,
            quiet_from: device.quiet_from.clone().unwrap_or_default(),
            quiet_to: device.quiet_to.clone().unwrap_or_default(),
            time_zone: device.time_zone.clone(),
        }
    }

    fn read(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            name: text("name"),
            limit: text("limit"),
            gap_ms: text("gap_ms"),
            gap_jitter_ms: text("gap_jitter_ms"),
            typing: fields.has("typing"),
            warm_up: fields.has("warm_up"),
            quiet_from: text("quiet_from"),
            quiet_to: text("quiet_to"),
            time_zone: text("time_zone"),
        }
    }
}

/// A message that a sandbox is to receive, as it was typed.
#[derive(Default)]
struct Message {
    from: String,
    name: String,
    group: String,
    text: String,
}

/// What a page shows beside the device: why something was not done, and what was typed for it.
#[derive(Default)]
struct Refused {
    refusal: Option<Refusal>,
    typed: Option<Typed>,
    message: Message,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::default() }
    }
}

async fn show(Path(id): Path<String>, visit: Visit) -> Answer {
    page(&visit, &id, Refused::default()).await
}

async fn page(visit: &Visit, id: &str, refused: Refused) -> Answer {
    let device: Device = visit.get(&at(visit, id, "")?).await?;
    // Where this page of what happened begins, and where those begin that were walked through before it.
    let before = visit.query("before");
    let trail = visit.query("trail").unwrap_or_default();
    let mut rows = format!("/events?limit={EVENTS}");
    if let Some(before) = &before {
        rows += &form_urlencoded::Serializer::new("&".to_owned()).append_pair("before", before).finish();
    }
    let events: Events = visit.get(&at(visit, id, &rows)?).await?;
    let [newer, older] = around(id, before.as_deref(), &trail, events.next_before.as_deref());
    let mut frame = visit.frame(Place::Devices, &device.name);
    frame.is_live = true;
    if device.linked_at.is_none() && visit.query("done").as_deref() == Some(UNLINKING) {
        // It is over: the device says so itself.
        frame.notice = None;
    }
    let status = refused.refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    if let Some(refusal) = refused.refusal {
        // A form's own address shows nothing by itself.
        frame.here = format!("/console/devices/{id}");
        frame.problem = Some(refusal.text);
    }
    let typed = refused.typed.unwrap_or_else(|| Typed::of(&device));
    let events = events.items;
    Ok(draw(status, &Page { frame, device, typed, message: refused.message, events, newer, older }))
}

/// The addresses of the pages around one. The API walks back in time only, so an address holds the way that was walked.
fn around(id: &str, before: Option<&str>, trail: &str, next: Option<&str>) -> [Option<String>; 2] {
    let address = |before: Option<&str>, trail: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("before", before.unwrap_or_default()), ("trail", trail)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/console/devices/{id}{mark}{query}#events")
    };
    let newer = before.map(|_| match trail.rsplit_once('.') {
        Some((rest, last)) => address(Some(last), rest),
        None => address(Some(trail), ""),
    });
    let walked = match before {
        None => String::new(),
        Some(before) if trail.is_empty() => before.to_owned(),
        Some(before) => format!("{trail}.{before}"),
    };
    [newer, next.map(|next| address(Some(next), &walked))]
}

async fn change(Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let changed = async {
        let typed = Typed::read(&fields);
        let hour = |text: String| Some(text).filter(|text| !text.is_empty());
        let change = json!({"name": typed.name, "limit": whole(&visit, &fields, "limit")?,
            "gap_ms": whole(&visit, &fields, "gap_ms")?.unwrap_or(0),
            "gap_jitter_ms": whole(&visit, &fields, "gap_jitter_ms")?.unwrap_or(0),
            "typing": typed.typing, "warm_up": typed.warm_up, "quiet_from": hour(typed.quiet_from),
            "quiet_to": hour(typed.quiet_to), "time_zone": typed.time_zone});
        visit.ask::<Value>(Method::PATCH, &at(&visit, &id, "")?, Some(change)).await
    };
    match changed.await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}?done=saved"))),
        Err(refusal) => {
            let refused = Refused { typed: Some(Typed::read(&fields)), ..refusal.into() };
            page(&visit, &id, refused).await
        }
    }
}

async fn pause(Path(id): Path<String>, posted: Posted) -> Answer {
    does(&posted.visit, &id, Method::PATCH, "", Some(json!({"paused": true})), "paused").await
}

async fn resume(Path(id): Path<String>, posted: Posted) -> Answer {
    does(&posted.visit, &id, Method::PATCH, "", Some(json!({"paused": false})), "resumed").await
}

async fn unlink(Path(id): Path<String>, posted: Posted) -> Answer {
    does(&posted.visit, &id, Method::POST, "/unlink", None, UNLINKING).await
}

/// Ends a link and goes on to where a new one begins.
async fn relink(Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    match visit.ask::<Value>(Method::POST, &at(&visit, &id, "/unlink")?, None).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}/link"))),
        Err(refusal) => page(&visit, &id, refusal.into()).await,
    }
}

async fn remove(Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    match visit.ask::<Value>(Method::DELETE, &at(&visit, &id, "")?, None).await {
        Ok(_) => Ok(go("/console/devices?done=removed")),
        Err(refusal) => page(&visit, &id, refusal.into()).await,
    }
}

async fn receive(Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let message = json!({"from": fields.text("from"), "text": fields.raw("text"), "group": fields.given("group"),
        "name": fields.given("name")});
    match visit.post::<Value>(&at(&visit, &id, "/receive")?, message).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}?done=received"))),
        Err(refusal) => {
            let [from, name, group] = ["from", "name", "group"].map(|field| fields.text(field).to_owned());
            let message = Message { from, name, group, text: fields.raw("text").to_owned() };
            page(&visit, &id, Refused { message, ..refusal.into() }).await
        }
    }
}

/// Ends a sandbox's trial, and goes on to where its account is linked.
async fn go_live(Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let used_before = match fields.text("used_before") {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let live = async { visit.post::<Value>(&at(&visit, &id, "/go-live")?, json!({"used_before": used_before})).await };
    match live.await {
        Ok(live) if live["was_live"] == true => Ok(go(&format!("/console/devices/{id}/link?done=still_live"))),
        Ok(_) => Ok(go(&format!("/console/devices/{id}/link?done=live"))),
        Err(refusal) => page(&visit, &id, refusal.into()).await,
    }
}

/// Has the API do something with a device; shows the device again, with what was done or why it was not.
async fn does(visit: &Visit, id: &str, method: Method, what: &str, body: Option<Value>, done: &str) -> Answer {
    match visit.ask::<Value>(method, &at(visit, id, what)?, body).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}?done={done}"))),
        Err(refusal) => page(visit, id, refusal.into()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_walked_through_in_both_directions() {
        let to = |query: &str| Some(format!("/console/devices/1-2{query}#events"));
        assert_eq!(around("1-2", None, "", None), [None, None]);
        assert_eq!(around("1-2", None, "", Some("90")), [None, to("?before=90")]);
        assert_eq!(around("1-2", Some("90"), "", Some("70")), [to(""), to("?before=70&trail=90")]);
        assert_eq!(around("1-2", Some("70"), "90", Some("50")), [to("?before=90"), to("?before=50&trail=90.70")]);
        assert_eq!(around("1-2", Some("50"), "90.70", None), [to("?before=70&trail=90"), None]);
        assert_eq!(around("1-2", Some("\"&x"), "", Some("1")), [to(""), to("?before=1&trail=%22%26x")]);
    }
}
