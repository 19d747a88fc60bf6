//! `/manage/1.0/conversations`: what people wrote to a device and what it sent them, by number or group.

use std::cmp::Ordering;
use std::collections::HashMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::inbox::{self, InboundView};
use super::pushes::PushView;
use super::{Listing, cut, found, messages, page, query, rows};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::api::status::GetMessage;
use crate::clock::rfc3339;
use crate::phone;
use crate::store::{Chat, Page, StoredConversation, StoredInbound, StoredMessage, StoredPush};

#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationView {
    /// The device id.
    pub queue: String,
    pub gateway_number: String,
    /// The number, the hidden id of who hides his, or the group's id.
    pub chat: String,
    pub is_group: bool,
    /// How its writer last called himself; null for a group.
    pub name: Option<String>,
    /// Whether a message can be sent there.
    pub can_answer: bool,
    /// How many messages came in.
    pub received_count: i64,
    /// The last message that came in.
    pub last_id: String,
    pub last_originator: String,
    pub last_name: Option<String>,
    pub last_type: String,
    /// Its beginning.
    pub last_text: String,
    #[schema(format = DateTime)]
    pub last_date: String,
}

/// A page of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct TalkView {
    /// The device id.
    pub queue: String,
    /// The number, the hidden id of who hides his, or the group's id.
    pub chat: String,
    pub is_group: bool,
    /// How its writer last called himself; null for a group.
    pub name: Option<String>,
    /// Whether a message can be sent there.
    pub can_answer: bool,
    /// How many messages came in.
    pub received_count: i64,
    /// Both directions, newest first.
    pub items: Vec<SaidView>,
    /// Give this as `before` for the next page; null on the last.
    pub next_before: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SaidView {
    /// in or out.
    pub way: &'static str,
    /// When it came in, or was accepted.
    #[schema(format = DateTime)]
    pub date: String,
    pub file: Option<FileView>,
    /// What came in.
    pub inbound: Option<InboundView>,
    /// Its push; null when it has none.
    pub push: Option<PushView>,
    /// What was sent.
    pub outbound: Option<GetMessage>,
}

/// A file that travels with a message and is on the shelf.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileView {
    /// image, video, audio, document or sticker.
    pub kind: String,
    /// A link to our copy that expires.
    pub url: String,
    pub file_name: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ConversationsOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// A device id
    pub queue: Option<String>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TalkOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

/// List conversations, the one that was written in last first
#[utoipa::path(get, path = "/conversations", tag = "Management", security(("APIKey" = [])), params(ConversationsOf),
    responses((status = 200, body = Envelope<Listing<ConversationView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let listing = async {
        let wanted: ConversationsOf = query(&uri)?;
        let (_, client_id) = api.manager(&headers, wanted.client_id).await?;
        let rows = rows(wanted.limit)?;
        let page = page(wanted.before.as_deref(), rows)?;
        let mut all = api.store.list_conversations(client_id, wanted.queue.as_deref(), page).await?;
        let next_before = cut(&mut all, rows, |one| one.last_seq.to_string());
        Ok(Listing { items: all.into_iter().map(ConversationView::from).collect(), next_before })
    };
    found(&headers, StatusCode::OK, "Conversations", listing.await)
}

/// Show a conversation: what came in and what was sent, newest first
#[utoipa::path(get, path = "/conversations/{device_id}/{chat}", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path), ("chat" = String, Path, description = "A number, a hidden id, or a group's id"), TalkOf),
    responses((status = 200, body = Envelope<TalkView>)))]
pub async fn show(
    State(api): State<Api>,
    headers: HeaderMap,
    Named((device_id, chat)): Named<(String, String)>,
    uri: Uri,
) -> Response {
    let talk = async {
        let wanted: TalkOf = query(&uri)?;
        let (_, client_id) = api.manager(&headers, wanted.client_id).await?;
        let rows = rows(wanted.limit)?;
        let before = wanted.before.as_deref().map_or(Ok(Place::NEWEST), Place::parse)?;
        talk(&api, Chat { client_id, device_id: &device_id, chat: &chat }, before, rows).await
    };
    found(&headers, StatusCode::OK, "Conversation", talk.await)
}

async fn talk(api: &Api, of: Chat<'_>, before: Place, rows: i64) -> Result<TalkView, Problem> {
    let page = |before| Page { before: Some(before), rows: rows + 1 };
    let known = api.store.find_conversation(of).await?;
    let received = api.store.list_received(of, page(before.received)).await?;
    let sent = api.store.list_sent(of, page(before.sent)).await?;
    if known.is_none() && sent.is_empty() && before == Place::NEWEST {
        return Err(Problem::NotFound("conversation with that number or group"));
    }
    let is_group = known.as_ref().map_or_else(|| sent.iter().any(|message| message.is_group), |known| known.is_group);
    let (said, next) = merge(received, sent, usize::try_from(rows).unwrap_or(usize::MAX), before);
    let items = show_said(api, of, said, before, next.unwrap_or(Place::OLDEST)).await?;
    Ok(TalkView {
        queue: of.device_id.to_owned(),
        chat: of.chat.to_owned(),
        is_group,
        can_answer: can_answer(of.chat),
        received_count: known.as_ref().map_or(0, |known| known.received),
        name: known.and_then(|known| known.name),
        items,
        next_before: next.map(|next| format!("{}.{}", next.received, next.sent)),
    })
}

/// What was said between two places, as customers see it.
async fn show_said(
    api: &Api,
    of: Chat<'_>,
    said: Vec<Said>,
    before: Place,
    from: Place,
) -> Result<Vec<SaidView>, Problem> {
    let pushes = api.store.list_pushes_of(of, from.received, before.received - 1).await?;
    let mut pushes: HashMap<String, StoredPush> =
        pushes.into_iter().map(|push| (push.inbound_id.clone(), push)).collect();
    let kinds: HashMap<String, String> =
        api.store.list_kinds_of(of, from.sent, before.sent - 1).await?.into_iter().collect();
    let client = messages::client(api, of.client_id).await?;
    let sent = said.iter().filter_map(|one| match one {
        Said::In(_) => None,
        Said::Out(message) => Some(message.clone()),
    });
    let mut sent = api.show_messages(&client, sent.collect()).await?.into_iter();
    let mut items = Vec::with_capacity(said.len());
    for one in said {
        items.push(match one {
            Said::In(message) => {
                let push = pushes.remove(&message.id).map(PushView::from);
                let (date, inbound) = (rfc3339(message.received_at), inbox::view(api, message));
                let (kind, file_name) = (inbound.kind.clone(), inbound.file_name.clone());
                let file = inbound.media_url.clone().map(|url| FileView { kind, url, file_name });
                SaidView { way: "in", date, file, push, inbound: Some(inbound), outbound: None }
            }
            Said::Out(message) => {
                let file = message.media_id.as_ref().map(|id| FileView {
                    kind: kinds.get(id).cloned().unwrap_or_else(|| "document".to_owned()),
                    url: api.media_link(id),
                    file_name: message.file_name.clone(),
                });
                let date = rfc3339(message.created_at);
                let outbound = sent.next();
                SaidView { way: "out", date, file, push: None, inbound: None, outbound }
            }
        });
    }
    Ok(items)
}

/// Digits are a number or a group; of addresses only hidden ids can be written to.
fn can_answer(chat: &str) -> bool {
    !chat.contains('@') || phone::hidden_digits(chat).is_some()
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    In(StoredInbound),
    Out(StoredMessage),
}

/// A place in a conversation: what came in and what was sent before it has smaller numbers than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    received: i64,
    sent: i64,
}

impl Place {
    const NEWEST: Self = Self { received: i64::MAX, sent: i64::MAX };
    const OLDEST: Self = Self { received: 0, sent: 0 };

    fn parse(text: &str) -> Result<Self, Problem> {
        let parsed = text.split_once('.').and_then(|(received, sent)| {
            let (received, sent): (i64, i64) = (received.parse().ok()?, sent.parse().ok()?);
            (received >= 0 && sent >= 0).then_some(Self { received, sent })
        });
        parsed.ok_or_else(|| Problem::parameter("before", "before is the next_before of a page"))
    }
}

/// The newest `rows` of two directions, each newest first, in the order of time; and where the next page begins, if one
/// follows. Each direction keeps its own order, whatever the clock did.
fn merge(
    received: Vec<StoredInbound>,
    sent: Vec<StoredMessage>,
    rows: usize,
    before: Place,
) -> (Vec<Said>, Option<Place>) {
    let follows = received.len() + sent.len() > rows;
    let (mut received, mut sent) = (received.into_iter().peekable(), sent.into_iter().peekable());
    let (mut said, mut next) = (Vec::new(), before);
    while said.len() < rows {
        let order = match (received.peek(), sent.peek()) {
            (Some(theirs), Some(ours)) => theirs.received_at.cmp(&ours.created_at),
            (Some(_), None) => Ordering::Greater,
            (None, _) => Ordering::Less,
        };
        if order == Ordering::Greater {
            let Some(message) = received.next() else { break };
            next.received = message.seq;
            said.push(Said::In(message));
        } else {
            let Some(message) = sent.next() else { break };
            next.sent = message.seq;
            said.push(Said::Out(message));
        }
    }
    (said, follows.then_some(next))
}

impl From<StoredConversation> for ConversationView {
    fn from(one: StoredConversation) -> Self {
        Self {
            can_answer: can_answer(&one.chat),
            queue: one.device_id,
            gateway_number: one.gateway,
            chat: one.chat,
            is_group: one.is_group,
            name: one.name,
            received_count: one.received,
            last_id: one.last_id,
            last_originator: one.last_originator,
            last_name: one.last_name,
            last_type: one.last_kind,
            last_text: one.last_text,
            last_date: rfc3339(one.last_at),
        }
    }
}

#[cfg(test)]
mod tests;
