//! What people wrote: conversations by number and group, each with what was sent there, and a form to answer.

use std::borrow::Cow;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Console;
use super::forms::Posted;
use super::frame::{Frame, Place, draw};
use super::once::{self, NotSent};
use super::visit::{Answer, Visit, go};

/// Messages of one page of a conversation.
const ROWS: usize = 30;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/inbox", get(list))
        .route("/console/inbox/message/{id}", get(find))
        .route("/console/inbox/{device_id}/{chat}", get(show).post(answer))
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct ListPage {
    frame: Frame,
    conversations: Vec<Conversation>,
    older: Option<String>,
    is_first: bool,
}

#[derive(Deserialize)]
struct Listing {
    items: Vec<Conversation>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Conversation {
    queue: String,
    gateway_number: String,
    chat: String,
    is_group: bool,
    name: Option<String>,
    received_count: i64,
    last_name: Option<String>,
    last_originator: String,
    last_text: String,
    last_date: String,
}

impl Conversation {
    fn address(&self) -> String {
        address(&self.queue, &self.chat)
    }

    fn title<'a>(&'a self, frame: &'a Frame) -> &'a str {
        match (&self.name, self.is_group) {
            (Some(name), _) => name,
            (None, true) => frame.t("Group", "Grup"),
            (None, false) => &self.chat,
        }
    }

    /// Who wrote last, where it is not plain from the chat.
    fn writer(&self) -> Option<&str> {
        self.is_group.then(|| self.last_name.as_deref().unwrap_or(&self.last_originator))
    }
}

async fn list(visit: Visit) -> Answer {
    let before = visit.query("before");
    let path = format!("/manage/1.0/conversations{}", query(before.as_deref(), None));
    let found: Listing = visit.get(&path).await?;
    let mut frame = visit.frame(Place::Inbox, visit.t("Inbox", "Kotak masuk"));
    frame.is_live = true;
    let older = found.next_before.map(|next| format!("/console/inbox{}", query(Some(&next), None)));
    let page = ListPage { frame, conversations: found.items, older, is_first: before.is_none() };
    Ok(draw(StatusCode::OK, &page))
}

/// Leads to the conversation of one message that came in.
async fn find(visit: Visit, Path(id): Path<String>) -> Answer {
    #[derive(Deserialize)]
    struct Message {
        queue: String,
        originator: String,
        group_id: Option<String>,
    }
    let message: Message = visit.get(&format!("/manage/1.0/inbox/{}", part(&id))).await?;
    Ok(go(&address(&message.queue, message.group_id.as_deref().unwrap_or(&message.originator))))
}

#[derive(Template)]
#[template(path = "conversation.html")]
struct TalkPage {
    frame: Frame,
    talk: Talk,
    address: String,
    older: Option<String>,
    is_first: bool,
    /// What was typed, and not sent.
    typed: String,
    /// The token of its form.
    once: String,
}

#[derive(Deserialize)]
struct Talk {
    queue: String,
    chat: String,
    is_group: bool,
    name: Option<String>,
    can_answer: bool,
    received_count: i64,
    items: Vec<Said>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    date: String,
    file: Option<File>,
    inbound: Option<Inbound>,
    push: Option<Push>,
    outbound: Option<Outbound>,
}

#[derive(Deserialize)]
struct File {
    kind: String,
    url: String,
    file_name: Option<String>,
}

impl File {
    /// The link without its host: the browser may know this gateway by another name.
    fn link(&self) -> &str {
        own_link(&self.url)
    }

    fn name<'a>(&'a self, frame: &'a Frame) -> &'a str {
        self.file_name.as_deref().unwrap_or_else(|| frame.t("file", "berkas"))
    }
}

#[derive(Deserialize)]
struct Inbound {
    id: String,
    originator: String,
    name: Option<String>,
    msg: String,
    #[serde(rename = "type")]
    kind: String,
    about: Option<String>,
    receive_date: String,
    sent_date: String,
    media_pending: bool,
}

impl Inbound {
    /// When it was written, where that was in another minute than when it came.
    fn written(&self) -> Option<&str> {
        let minute = |date: &str| date.get(..16).map(str::to_owned);
        (minute(&self.sent_date) != minute(&self.receive_date)).then_some(self.sent_date.as_str())
    }

    /// What it does to the message that it is about.
    fn deed<'a>(&self, frame: &'a Frame) -> &'a str {
        match self.kind.as_str() {
            "reaction" => frame.t("Reacts to", "Bereaksi terhadap"),
            "edit" => frame.t("Changes", "Mengubah"),
            "delete" => frame.t("Deletes", "Menghapus"),
            "poll_vote" => frame.t("Votes in", "Memilih di"),
            "comment" => frame.t("Comments on", "Mengomentari"),
            _ => frame.t("Answers", "Menjawab"),
        }
    }
}

#[derive(Deserialize)]
struct Push {
    status: String,
    attempts: i64,
    due_date: String,
    last_status: Option<i64>,
    last_answer: Option<String>,
}

impl Push {
    fn state<'a>(&'a self, frame: &'a Frame) -> &'a str {
        super::push::status_name(frame, &self.status)
    }

    fn answer<'a>(&'a self, frame: &Frame) -> Cow<'a, str> {
        super::push::answer(frame, self.last_status, self.last_answer.as_deref())
    }
}

#[derive(Deserialize)]
struct Outbound {
    ref_no: String,
    status: String,
    message: Option<String>,
    caption: Option<String>,
    media_url: Option<String>,
    reason: Option<String>,
}

impl Outbound {
    fn state<'a>(&self, frame: &'a Frame) -> &'a str {
        match self.status.as_str() {
            "U" => frame.t("waits for its device", "menunggu perangkat"),
            "Q" => frame.t("waiting", "menunggu"),
            "S" => frame.t("sent", "terkirim"),
            "D" => frame.t("delivered", "sampai"),
            "R" => frame.t("read", "dibaca"),
            _ => frame.t("aborted", "dibatalkan"),
        }
    }

    fn text(&self) -> &str {
        self.message.as_deref().or(self.caption.as_deref()).unwrap_or_default()
    }
}

async fn show(visit: Visit, Path((device_id, chat)): Path<(String, String)>) -> Answer {
    draw_talk(&visit, &device_id, &chat, String::new(), None).await
}

async fn answer(Path((device_id, chat)): Path<(String, String)>, posted: Posted) -> Answer {
    let visit = posted.visit;
    // Browsers end the lines of a text in their own way.
    let typed = posted.fields.raw("message").replace("\r\n", "\n");
    let is_group = posted.fields.raw("is_group") == "true";
    let priority = if posted.fields.has("urgent") { "high" } else { "normal" };
    let message = json!({"queue": device_id, "destination": chat, "is_group": is_group, "message": typed,
        "priority": priority});
    let sent = once::send::<Value>(&visit, posted.fields.text("once"), "/wachat_api/1.0/message", once::body(&message));
    match sent.await {
        Ok(_) => Ok(go(&format!("{}?done=answered", address(&device_id, &chat)))),
        Err(not_sent) => draw_talk(&visit, &device_id, &chat, typed, Some(not_sent)).await,
    }
}

/// Draws a conversation; with what was typed and why it was not sent, if it was not.
async fn draw_talk(visit: &Visit, device_id: &str, chat: &str, typed: String, not_sent: Option<NotSent>) -> Answer {
    let before = visit.query("before");
    let address = address(device_id, chat);
    let path =
        format!("/manage/1.0/conversations/{}/{}{}", part(device_id), part(chat), query(before.as_deref(), Some(ROWS)));
    let talk: Talk = visit.get(&path).await?;
    let title = talk.name.clone().unwrap_or_else(|| match talk.is_group {
        true => format!("{} {}", visit.t("Group", "Grup"), talk.chat),
        false => talk.chat.clone(),
    });
    let mut frame = visit.frame(Place::Inbox, &title);
    frame.is_live = true;
    let status = not_sent.as_ref().map_or(StatusCode::OK, |not_sent| not_sent.refusal.status);
    let (problem, once) = match not_sent {
        Some(NotSent { refusal, once }) => (Some(refusal.text), once),
        None => (None, once::token(visit)),
    };
    frame.problem = problem;
    let older = talk.next_before.as_deref().map(|next| format!("{address}{}", query(Some(next), None)));
    let page = TalkPage { frame, talk, address, older, is_first: before.is_none(), typed, once };
    Ok(draw(status, &page))
}

/// Where a conversation is in the console.
fn address(device_id: &str, chat: &str) -> String {
    format!("/console/inbox/{}/{}", part(device_id), part(chat))
}

/// A part of an address, which may hold whatever it likes.
fn part(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn query(before: Option<&str>, rows: Option<usize>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(before) = before {
        query.append_pair("before", before);
    }
    if let Some(rows) = rows {
        query.append_pair("limit", &rows.to_string());
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// A link to a file of ours, from this very gateway.
fn own_link(url: &str) -> &str {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find("/media/").map(|at| &rest[at..]));
    path.unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_had_from_where_the_page_comes_from() {
        assert_eq!(own_link("https://gateway.example:8080/base/media/abc.def"), "/media/abc.def");
        assert_eq!(own_link("/media/abc"), "/media/abc");
    }

    #[test]
    fn an_address_holds_whatever_a_chat_is_called() {
        assert_eq!(address("1-2", "99@lid"), "/console/inbox/1-2/99%40lid");
        assert_eq!(address("a b", "x/y?z"), "/console/inbox/a%20b/x%2Fy%3Fz");
        assert_eq!((query(None, None), query(Some("3.9"), Some(2))), (String::new(), "?before=3.9&limit=2".into()));
    }
}
