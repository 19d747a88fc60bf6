//! Messages: sending, reading and listing them, for one person.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::people::find;
use super::problem::{Body, Problem};
use crate::phone::content::{Content, EditForm};
use crate::phone::file::FileKind;
use crate::phone::{LoggedMessage, NewFile};
use crate::runtime::{Phones, Sent, address};
use crate::wire::stanza::Jid;

/// The body of `send`: one of `to` and `group`, and one of `text`, `media_base64`, `location`, `contact` and `poll`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    to: Option<String>,
    group: Option<String>,
    text: Option<String>,
    /// The id of the message in this chat that `text` replies to.
    reply_to: Option<String>,
    media_base64: Option<String>,
    /// The type of the file; used with `media_base64`, as are the next four.
    kind: Option<FileKind>,
    mime_type: Option<String>,
    caption: Option<String>,
    file_name: Option<String>,
    seconds: Option<u32>,
    location: Option<Location>,
    contact: Option<Contact>,
    poll: Option<Poll>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Poll {
    question: String,
    options: Vec<String>,
    /// How many options one person may choose; 0 or absent for any number.
    #[serde(default)]
    selectable: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Location {
    latitude: f64,
    longitude: f64,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    name: String,
    vcard: String,
}

/// The response of every request that sends a message.
#[derive(Serialize)]
pub struct SendResponse {
    id: String,
}

/// `POST /control/people/N/send`
pub async fn send(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(send): Body<Send>,
) -> Result<Json<SendResponse>, Problem> {
    let person = find(&phones, &number)?;
    let chat = match (&send.to, &send.group) {
        (Some(to), None) => address(to)?,
        (None, Some(group)) => known_group(&phones, group)?,
        _ => return Err(Problem::BadRequest("give either to or group".to_owned())),
    };
    let about_file =
        send.kind.is_some() || send.mime_type.is_some() || send.caption.is_some() || send.seconds.is_some();
    if send.media_base64.is_none() && (about_file || send.file_name.is_some()) {
        let text = "kind, mime_type, caption, file_name and seconds go with media_base64";
        return Err(Problem::BadRequest(text.to_owned()));
    }
    if send.reply_to.is_some() && send.text.is_none() {
        return Err(Problem::BadRequest("reply_to goes with text".to_owned()));
    }
    let id = match (&send.text, &send.media_base64, content_of(&send)) {
        (Some(text), None, None) => match &send.reply_to {
            Some(answered) => person.reply(&chat, answered, text).await?,
            None => person.send_text(&chat, text).await?,
        },
        (None, Some(media), None) => {
            let file = file_of(media, &send)?;
            person.send_file(&chat, file).await?
        }
        (None, None, Some(Ok(content))) => person.send(&chat, content).await?,
        _ => return Err(Problem::BadRequest("give one of text, media_base64, location, contact and poll".to_owned())),
    };
    Ok(Json(SendResponse { id }))
}

/// Content other than a text or a file; an error if there is more than one.
fn content_of(send: &Send) -> Option<Result<Content, ()>> {
    let location = send.location.as_ref().map(|Location { latitude, longitude, name }| Content::Location {
        latitude: *latitude,
        longitude: *longitude,
        name: name.clone(),
    });
    let contact = send.contact.as_ref();
    let contact = contact.map(|Contact { name, vcard }| Content::Contact { name: name.clone(), vcard: vcard.clone() });
    let poll = send.poll.as_ref().map(|Poll { question, options, selectable }| Content::Poll {
        question: question.clone(),
        options: options.clone(),
        selectable: *selectable,
    });
    let mut contents = [location, contact, poll].into_iter().flatten();
    let first = contents.next()?;
    Some(if contents.next().is_some() { Err(()) } else { Ok(first) })
}

fn known_group(phones: &Phones, text: &str) -> Result<Jid, Problem> {
    let group = address(text)?;
    match phones.network().groups().find(&group) {
        Some(_) => Ok(group),
        None => Err(Problem::NotFound(format!("there is no group {text}; make one with POST /control/groups"))),
    }
}

fn file_of(media_base64: &str, send: &Send) -> Result<NewFile, Problem> {
    let bytes = STANDARD
        .decode(media_base64)
        .map_err(|error| Problem::BadRequest(format!("media_base64 is no base64 with padding: {error}")))?;
    let kind = send
        .kind
        .filter(|kind| *kind != FileKind::History)
        .ok_or_else(|| Problem::BadRequest("give kind: image, video, audio, voice, document or sticker".to_owned()))?;
    let usual = match kind {
        FileKind::Image => "image/jpeg",
        FileKind::Video => "video/mp4",
        FileKind::Audio => "audio/mpeg",
        FileKind::Voice => "audio/ogg; codecs=opus",
        FileKind::Sticker => "image/webp",
        FileKind::Document | FileKind::History => "application/octet-stream",
    };
    Ok(NewFile {
        file: kind,
        mime_type: send.mime_type.clone().unwrap_or_else(|| usual.to_owned()),
        caption: send.caption.clone(),
        file_name: send.file_name.clone(),
        seconds: send.seconds,
        bytes,
    })
}

/// The body of `react`; an empty `emoji` removes the reaction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct React {
    chat: String,
    id: String,
    emoji: String,
}

/// `POST /control/people/N/react`
pub async fn react(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(React { chat, id, emoji }): Body<React>,
) -> Result<Json<SendResponse>, Problem> {
    let id = find(&phones, &number)?.react(&address(&chat)?, &id, &emoji).await?;
    Ok(Json(SendResponse { id }))
}

/// The body of `edit`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    chat: String,
    id: String,
    text: String,
    #[serde(default)]
    form: EditForm,
}

/// `POST /control/people/N/edit`
pub async fn edit(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Edit { chat, id, text, form }): Body<Edit>,
) -> Result<Json<SendResponse>, Problem> {
    let id = find(&phones, &number)?.edit_as(&address(&chat)?, &id, &text, form).await?;
    Ok(Json(SendResponse { id }))
}

/// The body of `vote`; no options remove the vote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    chat: String,
    id: String,
    options: Vec<String>,
}

/// `POST /control/people/N/vote`
pub async fn vote(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Vote { chat, id, options }): Body<Vote>,
) -> Result<Json<SendResponse>, Problem> {
    let id = find(&phones, &number)?.vote(&address(&chat)?, &id, &options).await?;
    Ok(Json(SendResponse { id }))
}

/// The body of `delete` and `play`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    chat: String,
    id: String,
}

/// `POST /control/people/N/delete`
pub async fn delete(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Which { chat, id }): Body<Which>,
) -> Result<Json<SendResponse>, Problem> {
    let id = find(&phones, &number)?.delete(&address(&chat)?, &id).await?;
    Ok(Json(SendResponse { id }))
}

/// `POST /control/people/N/play`
pub async fn play(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Which { chat, id }): Body<Which>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.play(&address(&chat)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of `resend`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    id: String,
}

/// `POST /control/people/N/resend`
pub async fn resend(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Resend { id }): Body<Resend>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.resend(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /control/people/N/files/ID/expire`
pub async fn expire(
    State(phones): State<Phones>,
    Path((number, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.expire_file(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of `read`. Without a chat, all chats are marked as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    chat: Option<String>,
}

/// `POST /control/people/N/read`
pub async fn read(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(read): Body<Read>,
) -> Result<StatusCode, Problem> {
    let person = find(&phones, &number)?;
    match read.chat {
        Some(chat) => person.read(&address(&chat)?).await?,
        None => person.read_all().await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /control/people/N/received`
pub async fn received(
    State(phones): State<Phones>,
    Path(number): Path<String>,
) -> Result<Json<Vec<LoggedMessage>>, Problem> {
    Ok(Json(find(&phones, &number)?.received().await?))
}

/// `GET /control/people/N/messages`: own messages too.
pub async fn all(
    State(phones): State<Phones>,
    Path(number): Path<String>,
) -> Result<Json<Vec<LoggedMessage>>, Problem> {
    Ok(Json(find(&phones, &number)?.messages().await?))
}

/// `GET /control/people/N/sent`
pub async fn sent(State(phones): State<Phones>, Path(number): Path<String>) -> Result<Json<Vec<Sent>>, Problem> {
    Ok(Json(find(&phones, &number)?.sent().await?))
}

/// `GET /control/people/N/files/ID`: the file in a message, decrypted.
pub async fn file(
    State(phones): State<Phones>,
    Path((number, id)): Path<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let (_, bytes) = find(&phones, &number)?.file(&id).await?;
    // The sender chose the media type: a browser must not execute the file.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    Ok((headers, bytes))
}
