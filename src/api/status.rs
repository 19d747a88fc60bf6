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
use crate::media::{fetch, kind};
use crate::message::{Priority, RefNo};
use crate::reason::ReasonCode;
use crate::store::StoredMessage;
use crate::waiting::Waiting;

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
    /// Where the media is: the address it came from, a password in it as `***`, or a link to our copy that expires.
    pub media_url: Option<String>,
    /// The media's name, where it has one.
    pub file_name: Option<String>,
    /// As what it is shown: text, image, video, audio, voice, document, sticker or video_note. Before the file at an address was
    /// fetched, as what it is asked or expected to be.
    pub kind: String,
    /// The device id of the gateway.
    pub queue: String,
    /// Why it waits, while it is U or Q; why it was aborted, when it is A.
    pub reason: Option<String>,
    /// What it waits for, while it is U or Q.
    pub reason_code: Option<ReasonCode>,
    /// When that ends, where it is known.
    #[schema(format = DateTime)]
    pub waits_until: Option<String>,
    /// Its place in its device's queue, from 1, when it waits for its turn only.
    pub position: Option<i64>,
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
    pub priority: Priority,
    /// The word that the message was given when it was sent.
    pub tag: Option<String>,
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
    /// Messages of a client as customers see them, in their order.
    ///
    /// # Errors
    /// 503 when the store cannot tell why those that wait do.
    pub async fn show_messages(
        &self,
        client: &Client,
        messages: Vec<StoredMessage>,
    ) -> Result<Vec<GetMessage>, Problem> {
        let explained = self.explain(client.id, &messages).await?;
        Ok(messages.into_iter().zip(explained).map(|(message, waiting)| self.view_of(message, waiting)).collect())
    }

    /// A message as customers see it.
    ///
    /// # Errors
    /// 503 when the store cannot tell why it waits.
    pub async fn show_message(&self, client: &Client, message: StoredMessage) -> Result<GetMessage, Problem> {
        let mut waiting = self.explain(client.id, std::slice::from_ref(&message)).await?;
        Ok(self.view_of(message, waiting.pop().flatten()))
    }

    fn view_of(&self, message: StoredMessage, waiting: Option<Waiting>) -> GetMessage {
        let can_leave = waiting.as_ref().is_none_or(|waiting| waiting.code.can_leave());
        let state = message.state().shown(can_leave);
        let media_url = match (&message.media_url, &message.media_id) {
            (Some(url), _) => Some(url.to_string()),
            (None, Some(id)) => Some(self.media_link(id)),
            (None, None) => None,
        };
        let kind = shown_kind(&message);
        let date = |at: Option<Millis>| at.map(rfc3339);
        let (text, caption) = if message.is_media { (None, message.body) } else { (message.body, None) };
        let (reason, code, until, position) = match waiting {
            Some(Waiting { code, reason, until, position }) => (Some(reason), Some(code), until, position),
            None => (message.reason, None, None, None),
        };
        GetMessage {
            destination: message.destination,
            sender: message.sender,
            is_group: message.is_group,
            create_date: rfc3339(message.created_at),
            sent_date: date(message.sent_at),
            read_date: date(message.read_at),
            delivered_date: date(message.delivered_at),
            ref_no: message.ref_no,
            status: state.letter(),
            message: text,
            caption,
            media_url,
            file_name: message.file_name,
            kind,
            queue: message.device_id,
            reason,
            reason_code: code,
            waits_until: date(until),
            position,
            aborted_date: date(message.aborted_at),
            expire_date: rfc3339(message.expires_at),
            members: message.members,
            delivered_count: message.is_group.then_some(message.delivered_count),
            read_count: message.is_group.then_some(message.read_count),
            sandbox: message.sandbox,
            priority: message.priority,
            tag: message.tag,
        }
    }
}

/// Of a file that is not here yet and of which nothing was asked, its name says what it will probably be.
fn shown_kind(message: &StoredMessage) -> String {
    if !message.is_media {
        return "text".into();
    }
    message.kind.clone().unwrap_or_else(|| {
        let in_address = message.media_url.as_ref().and_then(|url| fetch::name_in(url.as_stored()));
        let name = message.file_name.as_ref().or(in_address.as_ref());
        kind::expected(name.map(String::as_str), message.body.as_deref()).name().to_owned()
    })
}
