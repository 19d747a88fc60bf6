//! `/manage/1.0/statistics`: what a client's gateways did, by hour and by day, and what waits.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counted, found, query};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::statistics::{Figures, Part, Span, Totals};
use crate::clock::rfc3339;

#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsView {
    pub client_id: i64,
    /// When this was counted: about a minute ago at the most, where it is asked for all the time.
    #[schema(format = DateTime)]
    pub as_of: String,
    pub totals: TotalsView,
    /// This hour and the 23 before it, oldest first.
    pub hours: Vec<SpanView>,
    /// This day (UTC) and the 29 before it, oldest first.
    pub days: Vec<SpanView>,
    /// How much of all that a sandbox handled: nothing of it reached WhatsApp.
    pub sandbox: PartView,
    /// The devices that have messages waiting.
    pub queues: Vec<QueueView>,
    /// Messages that came in and wait to be pushed.
    pub pushes_waiting: i64,
    /// The one of them that has waited for the longest time; null when none waits.
    pub oldest_push: Option<OldestPushView>,
}

/// What a sandbox handled, counted in the same way.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartView {
    pub totals: TotalsView,
    pub hours: Vec<SpanView>,
    pub days: Vec<SpanView>,
}

/// All messages, by the state that they are in.
#[derive(Debug, Serialize, ToSchema)]
pub struct TotalsView {
    pub waiting: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub aborted: i64,
}

/// What happened in an hour or on a day; a message that was sent and read in it counts as both.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanView {
    #[schema(format = DateTime)]
    pub from: String,
    pub accepted: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub aborted: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct QueueView {
    pub device_id: String,
    pub waiting: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OldestPushView {
    /// The inbound message's id.
    pub id: String,
    /// Since when it is tried.
    #[schema(format = DateTime)]
    pub since: String,
    /// For how long that is, in seconds.
    pub age_seconds: i64,
    pub attempts: i64,
}

/// Show a client's figures of the last day and the last 30 days; counted once a minute at the most
#[utoipa::path(get, path = "/statistics", tag = "Management", security(("APIKey" = [])), params(Counted),
    responses((status = 200, body = Envelope<Option<StatisticsView>>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let shown = async {
        let asked: Counted = query(&uri)?;
        let (_, client_id) = api.manager(&headers, asked.client_id).await?;
        let figures = match asked.wait {
            Some(false) => api.statistics_soon(client_id).await,
            _ => Some(api.statistics_of(client_id).await?),
        };
        Ok(figures.map(|figures| view(client_id, &figures, api.clock.now())))
    };
    found(&headers, StatusCode::OK, "Statistics", shown.await)
}

fn view(client_id: i64, figures: &Figures, now: crate::clock::Millis) -> StatisticsView {
    let PartView { totals, hours, days } = part(&figures.all);
    let queue = |(device_id, waiting): &(String, i64)| QueueView { device_id: device_id.clone(), waiting: *waiting };
    StatisticsView {
        client_id,
        as_of: rfc3339(figures.as_of),
        totals,
        hours,
        days,
        sandbox: part(&figures.sandbox),
        queues: figures.queues.iter().map(queue).collect(),
        pushes_waiting: figures.pushes_waiting,
        oldest_push: figures.oldest_push.as_ref().map(|push| OldestPushView {
            id: push.inbound_id.clone(),
            since: rfc3339(push.first_at),
            age_seconds: (now - push.first_at).max(0) / 1000,
            attempts: push.attempts,
        }),
    }
}

fn part(part: &Part) -> PartView {
    let Totals { waiting, sent, delivered, read, aborted } = part.totals;
    let span = |span: &Span| SpanView {
        from: rfc3339(span.from),
        accepted: span.accepted,
        sent: span.sent,
        delivered: span.delivered,
        read: span.read,
        aborted: span.aborted,
    };
    let (hours, days) = (part.hours.iter().map(span).collect(), part.days.iter().map(span).collect());
    PartView { totals: TotalsView { waiting, sent, delivered, read, aborted }, hours, days }
}
