//! `/manage/1.0/messages`: what was sent, and what became of it.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{OfClient, cut, found, page, query, rows};
use crate::account::Client;
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::api::status::GetMessage;
use crate::clock::{Millis, rfc3339};
use crate::message::{RefNo, State as MessageState};
use crate::phone;
use crate::store::{MessageFilter, MessagePage};
use crate::telemetry;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct MessagesOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// A device id
    pub queue: Option<String>,
    /// A phone number as people write it, or a group's id
    pub destination: Option<String>,
    /// Q (or U: those wait), S, D, R or A
    pub status: Option<String>,
    /// Part of the text or caption
    pub text: Option<String>,
    /// The word that messages were given
    pub tag: Option<String>,
    /// RFC 3339
    pub from: Option<String>,
    /// RFC 3339
    pub until: Option<String>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

/// A page of messages, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageListing {
    pub items: Vec<GetMessage>,
    /// Give this as `before` for the next page; null on the last.
    pub next_before: Option<String>,
    /// Where the look for messages ended, when it ended before the page was full: older ones are on the pages that follow. Null
    /// otherwise.
    #[schema(format = DateTime)]
    pub looked_back_to: Option<String>,
}

/// A number for each state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub struct MessageCounts {
    pub q: i64,
    pub s: i64,
    pub d: i64,
    pub r: i64,
    pub a: i64,
}

/// List messages, newest first; a page looks through 20,000 messages for a text or a state, and may hold fewer than `limit`
#[utoipa::path(get, path = "/messages", tag = "Management", security(("APIKey" = [])), params(MessagesOf),
    responses((status = 200, body = Envelope<MessageListing>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    found(&headers, StatusCode::OK, "Messages", find_page(&api, &headers, &uri).await)
}

async fn find_page(api: &Api, headers: &HeaderMap, uri: &Uri) -> Result<MessageListing, Problem> {
    let wanted: MessagesOf = query(uri)?;
    let (_, client_id) = api.manager(headers, wanted.client_id).await?;
    let rows = rows(wanted.limit)?;
    let page = page(wanted.before.as_deref(), rows)?;
    let status = wanted.status.as_deref().map(|letter| {
        MessageState::from_letter(letter).ok_or_else(|| Problem::parameter("status", "status is U, Q, S, D, R or A"))
    });
    let client = client(api, client_id).await?;
    let filter = MessageFilter {
        client_id,
        device_id: wanted.queue,
        destination: wanted.destination.map(|text| phone::as_stored(&text, &client.country_code)),
        status: status.transpose()?,
        text: wanted.text,
        tag: wanted.tag,
        created_from: moment("from", wanted.from.as_deref())?,
        created_until: moment("until", wanted.until.as_deref())?,
    };
    // What looks through many messages does so in turn with other clients.
    let looks_through = filter.text.is_some() || filter.tag.is_some() || filter.status.is_some();
    let _turn = match looks_through {
        true => Some(api.searches.take(client_id).await?),
        false => None,
    };
    let MessagePage { mut messages, ended } = api.store.list_messages(&filter, page).await?;
    let follows = cut(&mut messages, rows, |message| message.seq.to_string());
    let items = api.show_messages(&client, messages).await?;
    let next_before = follows.or_else(|| ended.map(|end| end.seq.to_string()));
    Ok(MessageListing { items, next_before, looked_back_to: ended.map(|end| rfc3339(end.created_at)) })
}

/// Count messages by their state; what waits counts as Q
#[utoipa::path(get, path = "/messages/counts", tag = "Management", security(("APIKey" = [])), params(OfClient),
    responses((status = 200, body = Envelope<MessageCounts>)))]
pub async fn counts(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let counts = async {
        let (_, client_id) = api.manager(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let counted: HashMap<String, i64> = api.store.count_messages(Some(client_id)).await?.into_iter().collect();
        let of = |state: &str| counted.get(state).copied().unwrap_or(0);
        Ok(MessageCounts { q: of("Q"), s: of("S"), d: of("D"), r: of("R"), a: of("A") })
    };
    found(&headers, StatusCode::OK, "Messages by state", counts.await)
}

/// Show a message
#[utoipa::path(get, path = "/messages/{ref_no}", tag = "Management", security(("APIKey" = [])),
    params(("ref_no" = String, Path), OfClient), responses((status = 200, body = Envelope<GetMessage>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(ref_no): Named<String>, uri: Uri) -> Response {
    let message = async {
        let (_, client_id) = api.manager(&headers, query::<OfClient>(&uri)?.client_id).await?;
        find(&api, client_id, &ref_no).await
    };
    found(&headers, StatusCode::OK, "Message", message.await)
}

/// Give up a message that waits
#[utoipa::path(post, path = "/messages/{ref_no}/cancel", tag = "Management", security(("APIKey" = [])),
    params(("ref_no" = String, Path), OfClient), responses((status = 200, body = Envelope<GetMessage>),
    (status = 409, description = "It has left, has ended, or is leaving at this moment")))]
pub async fn cancel(State(api): State<Api>, headers: HeaderMap, Named(ref_no): Named<String>, uri: Uri) -> Response {
    let cancelled = async {
        let (_, client_id) = api.manager(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let message = find(&api, client_id, &ref_no).await?;
        let parsed = RefNo::parse(&ref_no).ok_or(Problem::NotFound("message with that ref_no"))?;
        if api.store.cancel_message(client_id, &parsed, api.clock.now()).await? {
            telemetry::count_aborted(&message.queue, 1);
            return find(&api, client_id, &ref_no).await;
        }
        Err(Problem::Conflict(format!("message {} has left, has ended, or is leaving at this moment", message.ref_no)))
    };
    found(&headers, StatusCode::OK, "Message cancelled", cancelled.await)
}

async fn find(api: &Api, client_id: i64, ref_no: &str) -> Result<GetMessage, Problem> {
    let ref_no = RefNo::parse(ref_no).ok_or(Problem::NotFound("message with that ref_no"))?;
    let found = api.store.find_message(client_id, &ref_no).await?;
    let message = found.ok_or(Problem::NotFound("message with that ref_no"))?;
    api.show_message(&client(api, client_id).await?, message).await
}

pub(super) async fn client(api: &Api, id: i64) -> Result<Client, Problem> {
    api.store.find_client(id).await?.ok_or(Problem::NotFound("client with that number"))
}

/// A moment in RFC 3339.
fn moment(name: &'static str, text: Option<&str>) -> Result<Option<Millis>, Problem> {
    let parsed = text.map(str::parse::<jiff::Timestamp>).transpose();
    let parsed = parsed.map_err(|_| Problem::parameter(name, "a date is RFC 3339, such as 2026-01-31T08:00:00Z"))?;
    Ok(parsed.map(jiff::Timestamp::as_millisecond))
}
