//! `/manage/1.0/inbox`: what came in.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Listing, OfClient, cut, found, page, query, rows};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::media::name;
use crate::store::StoredInbound;

#[derive(Debug, Serialize, ToSchema)]
pub struct InboundView {
    pub id: String,
    pub gateway_number: String,
    /// The device id.
    pub queue: String,
    pub originator: String,
    pub name: Option<String>,
    #[schema(format = DateTime)]
    pub receive_date: String,
    /// When it was written; never after receive_date.
    #[schema(format = DateTime)]
    pub sent_date: String,
    pub msg: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub media_url: Option<String>,
    /// Whether its file is still being downloaded.
    pub media_pending: bool,
    pub file_name: Option<String>,
    pub is_group: bool,
    pub group_id: Option<String>,
    /// What it answers, changes or reacts to: a ref_no, or the id of an earlier message here.
    pub about: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct InboxOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    pub originator: Option<String>,
    /// A device id
    pub queue: Option<String>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

/// List inbound messages, newest first
#[utoipa::path(get, path = "/inbox", tag = "Management", security(("APIKey" = [])), params(InboxOf),
    responses((status = 200, body = Envelope<Listing<InboundView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let listing = async {
        let wanted: InboxOf = query(&uri)?;
        let (_, client_id) = api.manager(&headers, wanted.client_id).await?;
        let rows = rows(wanted.limit)?;
        let page = page(wanted.before.as_deref(), rows)?;
        let (originator, queue) = (wanted.originator.as_deref(), wanted.queue.as_deref());
        let mut messages = api.store.list_inbound(client_id, originator, queue, page).await?;
        let next = cut(&mut messages, rows, |message| message.seq.to_string());
        Ok(Listing { items: messages.into_iter().map(|message| view(&api, message)).collect(), next_before: next })
    };
    found(&headers, StatusCode::OK, "Inbox", listing.await)
}

/// Show an inbound message
#[utoipa::path(get, path = "/inbox/{id}", tag = "Management", security(("APIKey" = [])),
    params(("id" = String, Path), OfClient), responses((status = 200, body = Envelope<InboundView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let message = async {
        let (_, client_id) = api.manager(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let found = api.store.find_inbound(&id).await?.filter(|message| message.client_id == client_id);
        found.map(|message| view(&api, message)).ok_or(Problem::NotFound("inbound message with that id"))
    };
    found(&headers, StatusCode::OK, "Inbound message", message.await)
}

pub(super) fn view(api: &Api, message: StoredInbound) -> InboundView {
    InboundView {
        id: message.id,
        gateway_number: message.gateway,
        queue: message.device_id,
        originator: message.originator,
        name: message.name,
        receive_date: rfc3339(message.received_at),
        sent_date: rfc3339(message.sent_at),
        msg: message.body,
        kind: message.kind,
        media_url: message.media_id.map(|id| api.media_link(&id)),
        media_pending: message.media_pending,
        file_name: message.file_name.as_deref().and_then(name::clean),
        group_id: message.is_group.then_some(message.chat),
        about: message.about,
        is_group: message.is_group,
    }
}
