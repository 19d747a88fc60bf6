//! A message by hand: a text, or a file with a caption.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::Device;
use super::upload::{self, File};
use crate::console::Console;
use crate::console::forms::Fields;
use crate::console::frame::{Frame, Place, draw};
use crate::console::once::{self, NotSent};
use crate::console::visit::{Answer, Refusal, Visit, go};
use crate::limits;
use crate::media::kind::MediaKind;

pub fn routes() -> Router<Console> {
    Router::new().route("/console/messages/new", get(show).post(send))
}

#[derive(Template)]
#[template(path = "message_new.html")]
struct Page {
    frame: Frame,
    devices: Vec<Device>,
    typed: Typed,
    /// The token of the form.
    once: String,
    text_chars_max: usize,
    /// What a file can be shown as, each with its name for people.
    kinds: Vec<(&'static str, &'static str)>,
}

/// What was typed.
#[derive(Default)]
struct Typed {
    queue: String,
    destination: String,
    is_group: bool,
    text: String,
    /// Empty for the usual one.
    priority: String,
    tag: String,
    /// As what a file is shown; empty leaves it to the file.
    kind: String,
}

#[derive(Deserialize)]
struct Accepted {
    ref_no: String,
}

async fn show(visit: Visit) -> Answer {
    let text = |name| visit.query(name).unwrap_or_default();
    let typed = Typed {
        queue: text("queue"),
        destination: text("destination"),
        is_group: !text("is_group").is_empty(),
        text: text("text"),
        priority: text("priority"),
        tag: text("tag"),
        kind: text("kind"),
    };
    page(&visit, typed, None).await
}

async fn page(visit: &Visit, typed: Typed, not_sent: Option<NotSent>) -> Answer {
    let mut frame = visit.frame(Place::Messages, visit.t("New message", "Pesan baru"));
    // Who only sends may not list the devices: the client's usual one sends.
    let devices = if visit.manages() { visit.get("/manage/1.0/devices?wait=false").await? } else { Vec::new() };
    let status = not_sent.as_ref().map_or(StatusCode::OK, |not_sent| not_sent.refusal.status);
    let (problem, once) = match not_sent {
        Some(NotSent { refusal, once }) => (Some(refusal.text), once),
        None => (None, once::token(visit)),
    };
    frame.problem = problem;
    let kinds = MediaKind::ALL.iter().map(|kind| (kind.name(), kind_name(visit, *kind))).collect();
    let text_chars_max = limits::TEXT_CHARS_MAX;
    let mut response = draw(status, &Page { frame, devices, typed, once, text_chars_max, kinds });
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the form is not read.
        response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn send(visit: Visit, headers: HeaderMap, body: Body) -> Answer {
    let mut form = match upload::read(&visit, &headers, body, limits::FORM_FILE_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => {
            let not_sent = NotSent { refusal, once: once::token(&visit) };
            return page(&visit, Typed::default(), Some(not_sent)).await;
        }
    };
    let (typed, once) = (typed(&form.fields), form.fields.text("once"));
    let sent = match form.file.take() {
        Some(file) if file.bytes.is_empty() => {
            let text = visit.t("The file is empty.", "Berkasnya kosong.");
            Err(NotSent { refusal: visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text), once: once.to_owned() })
        }
        file => {
            let (path, body) = wanted(&typed, file.as_ref());
            // Its memory is wanted for what it was encoded to.
            drop(file);
            once::send::<Accepted>(&visit, once, path, body).await
        }
    };
    match sent {
        Ok(accepted) => Ok::<Response, Refusal>(go(&format!("/console/messages/{}?done=queued", accepted.ref_no))),
        Err(not_sent) => page(&visit, typed, Some(not_sent)).await,
    }
}

fn typed(fields: &Fields) -> Typed {
    Typed {
        queue: fields.text("queue").to_owned(),
        destination: fields.text("destination").to_owned(),
        is_group: fields.has("is_group"),
        // Forms end their lines in two characters.
        text: fields.raw("text").replace("\r\n", "\n"),
        priority: fields.text("priority").to_owned(),
        tag: fields.text("tag").to_owned(),
        kind: fields.text("kind").to_owned(),
    }
}

fn kind_name(visit: &Visit, kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => visit.t("Picture", "Gambar"),
        MediaKind::Video => visit.t("Video", "Video"),
        MediaKind::Audio => visit.t("Audio", "Audio"),
        MediaKind::Voice => visit.t("Voice note", "Pesan suara"),
        MediaKind::Document => visit.t("Document", "Dokumen"),
        MediaKind::Sticker => visit.t("Sticker", "Stiker"),
        MediaKind::VideoNote => visit.t("Video note", "Pesan video"),
    }
}

/// What a program would ask for it: where, and with which body.
fn wanted(typed: &Typed, file: Option<&File>) -> (&'static str, Bytes) {
    let queue = Some(&typed.queue).filter(|queue| !queue.is_empty());
    let mut body = json!({"queue": queue, "destination": typed.destination, "is_group": typed.is_group});
    for (name, value) in [("priority", &typed.priority), ("tag", &typed.tag)] {
        if !value.is_empty() {
            body[name] = value.as_str().into();
        }
    }
    match file {
        None => {
            body["message"] = verbatim(&typed.text).into();
            ("/wachat_api/1.0/message", once::body(&body))
        }
        Some(file) => {
            body["caption"] = verbatim(&typed.text).into();
            body["file_name"] = file.name.clone().into();
            if !typed.kind.is_empty() {
                body["kind"] = typed.kind.clone().into();
            }
            let mut text = body.to_string();
            // The file goes in at the end, so that it is in memory once.
            text.pop();
            text += ",\"media_base64\":\"";
            STANDARD.encode_string(&file.bytes, &mut text);
            text += "\"}";
            ("/wachat_api/1.0/media", text.into())
        }
    }
}

/// The API takes a backslash before some letters for an escape; a person who types it means it.
fn verbatim(text: &str) -> String {
    text.replace('\\', "\\u005C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escapes;

    #[test]
    fn what_is_typed_is_what_is_sent() {
        for typed in ["hello", r"C:\new\table", r"\\n", r"\u0041 \", "a\nb"] {
            assert_eq!(escapes::decode(&verbatim(typed)), typed);
        }
    }

    #[test]
    fn a_file_stands_whole_in_the_request() {
        let typed = Typed {
            destination: "+62".into(),
            is_group: true,
            text: "\"look\"".into(),
            priority: "high".into(),
            kind: "document".into(),
            ..Typed::default()
        };
        let file = File { name: "a.png".into(), bytes: bytes::Bytes::from_static(b"hello") };
        let (path, bytes) = wanted(&typed, Some(&file));
        assert_eq!(path, "/wachat_api/1.0/media");
        let body: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(
            body,
            json!({"queue": null, "destination": "+62", "is_group": true, "caption": "\"look\"", "file_name": "a.png", "kind": "document",
                "priority": "high",                "media_base64": "aGVsbG8="})
        );
    }
}
