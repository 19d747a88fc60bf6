//! `GET /status/{message_ref_no}`: one message's state and dates.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::answer::{self, Format};
use super::named::Named;
use super::problem::Problem;
use super::routes::BASE;
use crate::account::Client;
use crate::clock::{Millis, rfc3339};
use crate::message::RefNo;
use crate::store::StoredMessage;

#[derive(Debug, Serialize, ToSchema)]
pub struct GetMessage {
    pub destination: String,
    pub sender: String,
    pub is_group: bool,
    #[schema(format = DateTime)]
    pub create_date: String,
    #[schema(format = DateTime)]
    pub sent_date: Option<String>,
    #[schema(format = DateTime)]
    pub read_date: Option<String>,
    #[schema(format = DateTime)]
    pub delivered_date: Option<String>,
    pub ref_no: String,
    /// U, Q, S, D, R or A.
    pub status: &'static str,
    pub message: Option<String>,
    pub caption: Option<String>,
    /// Where the media is: the address it came from, or a link to our copy that expires.
    pub media_url: Option<String>,
    /// The media's name, where it has one.
    pub file_name: Option<String>,
    /// The device id of the gateway.
    pub queue: String,
    /// Why a message was aborted.
    pub reason: Option<String>,
    /// When it was aborted.
    #[schema(format = DateTime)]
    pub aborted_date: Option<String>,
    /// It leaves before this moment, or not at all.
    #[schema(format = DateTime)]
    pub expire_date: String,
    /// In a group: how many members it went to, and how many of their receipts have come.
    pub members: Option<i64>,
    pub delivered_count: Option<i64>,
    pub read_count: Option<i64>,
    /// true when a sandbox handled it: its states were simulated, and nothing was sent to WhatsApp.
    pub sandbox: bool,
}

/// Message Info
#[utoipa::path(get, context_path = BASE, path = "/status/{message_ref_no}", tag = "WA Chat", security(("APIKey" = [])),
    params(("message_ref_no" = String, Path, description = "The ref_no that accepting the message answered")),
    responses((status = 200, description = "Successful Response", body = answer::Envelope<GetMessage>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(ref_no): Named<String>) -> Response {
    let format = Format::of(&headers);
    answer::from(format, find(&api, &headers, &ref_no).await.map(|message| (StatusCode::OK, "Message info", message)))
}

async fn find(api: &Api, headers: &HeaderMap, ref_no: &str) -> Result<GetMessage, Problem> {
    let asker = api.asker(headers).await?;
    let ref_no = RefNo::parse(ref_no).ok_or(Problem::NotFound("message with that ref_no"))?;
    let found = api.store.find_message(asker.client.id, &ref_no).await?;
    let message = found.ok_or(Problem::NotFound("message with that ref_no"))?;
    api.show_message(&asker.client, message).await
}

impl Api {
    /// A message as customers see it.
    ///
    /// # Errors
    /// 503 when the store cannot tell its gateway's state.
    pub async fn show_message(&self, client: &Client, message: StoredMessage) -> Result<GetMessage, Problem> {
        let state = message.state();
        let takes = !state.is_waiting() || {
            let gateways = self.gateways_of(client.id).await?;
            gateways.iter().any(|device| device.id == message.device_id && device.takes_messages())
        };
        let media_url = match (&message.media_url, &message.media_id) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(id)) => Some(self.media_link(id)),
            (None, None) => None,
        };
        let date = |at: Option<Millis>| at.map(rfc3339);
        let (text, caption) = if message.is_media { (None, message.body) } else { (message.body, None) };
        Ok(GetMessage {
            destination: message.destination,
            sender: message.sender,
            is_group: message.is_group,
            create_date: rfc3339(message.created_at),
            sent_date: date(message.sent_at),
            read_date: date(message.read_at),
            delivered_date: date(message.delivered_at),
            ref_no: message.ref_no,
            status: state.shown(takes).letter(),
            message: text,
            caption,
            media_url,
            file_name: message.file_name,
            queue: message.device_id,
            reason: message.reason,
            aborted_date: date(message.aborted_at),
            expire_date: rfc3339(message.expires_at),
            members: message.members,
            delivered_count: message.is_group.then_some(message.delivered_count),
            read_count: message.is_group.then_some(message.read_count),
            sandbox: message.sandbox,
        })
    }
}
