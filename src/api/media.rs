//! `POST /media`: queue a media message.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::answer::{self, Format};
use super::fields::{self, Fault, MediaParams, Source};
use super::key::Asker;
use super::message::{ACCEPTED, Acceptance, Address, accept_of, new_message, replay};
use super::problem::Problem;
use super::routes::BASE;
use crate::customer_url::masked;
use crate::files::{TakeError, Taken};
use crate::limits;
use crate::media::File;
use crate::media::choice::Mismatch;
use crate::media::kind::MediaKind;
use crate::message::{Content, MediaSource, Priority};
use crate::phone::Dialling;
use crate::room::Refusal;
use crate::store::StoreError;

/// What a program sends to `POST /media`. Checked by hand (`fields.rs`); this describes it.
#[derive(ToSchema)]
#[schema(example = json!({
    "destination": "628111111111",
    "caption": "A dot",
    "file_name": "dot.png",
    "media_base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
}))]
#[allow(dead_code, reason = "a description for the OpenAPI document")]
pub struct SendMediaParams {
    /// The gateway's phone number.
    sender: Option<String>,
    /// The gateway's device id.
    queue: Option<String>,
    /// Seconds in which the message must leave.
    #[schema(default = 86400, minimum = 1, maximum = 2_592_000)]
    timeout: Option<i64>,
    /// Whether `destination` is a group's id; needed where it stands without `@g.us`.
    #[schema(default = false)]
    is_group: Option<bool>,
    /// A phone number as people and programs write it (docs/api.md), a hidden id as an inbound message shows it (`…@lid`), or
    /// a group's id: 18 digits, or a phone number, a dash and 10 digits, and `@g.us`.
    destination: String,
    /// `high` leaves before everything else, and in quiet hours too; `bulk` leaves when nothing else waits.
    #[schema(default = "normal")]
    priority: Option<Priority>,
    /// A word of your own, given back in the status.
    #[schema(max_length = 64)]
    tag: Option<String>,
    /// A blank one is none.
    caption: Option<String>,
    /// Where to fetch the file from; this or `media_base64`.
    #[schema(format = "uri")]
    media_url: Option<String>,
    /// The file itself; this or `media_url`.
    media_base64: Option<String>,
    /// The file's name; needed with `media_base64`.
    file_name: Option<String>,
    /// As what it is shown: image, video, audio, voice, document, sticker or video_note. The file's bytes and the caption decide
    /// where it is left out.
    #[schema(value_type = Option<String>, example = "image")]
    kind: Option<MediaKind>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SendMedia {
    pub sender: Option<String>,
    pub queue: Option<String>,
    pub destination: String,
    pub caption: Option<String>,
    /// The address given, a password in it as `***`, or a link to our copy that expires.
    pub media_url: Option<String>,
    pub ref_no: String,
}

/// Send Media
///
/// `send_at`, `reply_to` and `mentions` are refused as by `POST /message`.
#[utoipa::path(post, context_path = BASE, path = "/media", tag = "WA Chat", security(("APIKey" = [])), request_body = SendMediaParams,
    params(("Idempotency-Key" = Option<String>, Header, description = "Send again safely: the first answer is replayed for 72 hours")),
    responses((status = 201, description = "Successful Response", body = answer::Envelope<SendMedia>),
        (status = 422, description = "Validation Error", body = answer::ValidationFailure)))]
pub async fn send(State(api): State<Api>, headers: HeaderMap, body: Body) -> Response {
    let format = Format::of(&headers);
    match accept(&api, &headers, body).await {
        Ok(Acceptance::New(data)) => answer::success(format, StatusCode::CREATED, ACCEPTED, &data),
        Ok(Acceptance::Replayed(data)) => replay::<SendMedia>(format, &data),
        Err(problem) => problem.response(format),
    }
}

async fn accept(api: &Api, headers: &HeaderMap, body: Body) -> Result<Acceptance<SendMedia>, Problem> {
    let asker = api.asker(headers).await?;
    let body = api.read_body(asker.client.id, headers, body, limits::MEDIA_BODY_BYTES_MAX).await?;
    let once = api.parse(asker.client.id, body.len(), || api.once(asker.client.id, headers, "media", &body)).await??;
    if let Some(once) = &once
        && let Some(data) = api.first_answer(once).await?
    {
        return Ok(Acceptance::Replayed(data));
    }
    let mut memory = api.files.memory().begin(asker.client.id);
    memory.grow_to(unpacked_bytes_max(&body)).await?;
    let read = |dialling: Dialling<'_>| fields::media(&body, dialling);
    let params = api.check_recipient(&asker.client, body.len(), read).await?;
    let device = api.gateway(&asker.client, params.sender.as_deref(), params.queue.as_deref()).await?;
    let (source, kind) = match &params.source {
        Source::Url(url) => (MediaSource::Url(url.clone()), params.kind),
        Source::Bytes(bytes) => {
            let taken = keep(api, &asker, bytes.clone(), &params).await?;
            (MediaSource::Shelf(taken.id), Some(taken.kind))
        }
    };
    let kept = match &source {
        MediaSource::Shelf(id) => Some(id.clone()),
        MediaSource::Url(_) => None,
    };
    let content =
        Content::Media { caption: params.caption.clone(), source: source.clone(), file_name: params.file_name, kind };
    let address = Address {
        destination: params.destination,
        is_group: params.is_group,
        timeout_seconds: params.timeout_seconds,
        priority: params.priority,
        tag: params.tag,
    };
    let new = new_message(api, &asker, &device, address, content);
    let data = SendMedia {
        sender: Some(new.sender.clone()),
        queue: Some(new.device_id.clone()),
        destination: new.destination.clone(),
        caption: params.caption,
        media_url: Some(match source {
            MediaSource::Url(url) => masked(&url).into_owned(),
            MediaSource::Shelf(id) => api.media_link(&id),
        }),
        ref_no: new.ref_no.to_string(),
    };
    match api.outbox.accept(accept_of(&device, new, once.as_ref(), &data)?).await {
        Ok(()) => Ok(Acceptance::New(data)),
        Err(refusal) => {
            discard(api, kept.as_deref(), &refusal).await;
            match refusal {
                Refusal::Store(StoreError::KeyUsed) => api.replay_of_race(once.as_ref()).await,
                refusal => Err(api.accept_problem(refusal)),
            }
        }
    }
}

/// Takes the file of a message away that was refused. Where nobody knows whether it was, the file stays until it is found that nothing
/// refers to it.
async fn discard(api: &Api, kept: Option<&str>, refused: &Refusal) {
    let Some(id) = kept.filter(|_| !matches!(refused, Refusal::Store(StoreError::Unavailable(_)))) else { return };
    if let Err(error) = api.files.discard(id).await {
        tracing::warn!(%error, "the file of a message that was refused is kept a while longer");
    }
}

/// What a body takes in memory beside itself while its file is decoded: the file, and its base64 once more where that has escapes.
fn unpacked_bytes_max(body: &[u8]) -> usize {
    if body.len() <= limits::SMALL_BODY_BYTES_MAX {
        return 0;
    }
    let file = (body.len() / 4 * 3).min(limits::DOCUMENT_BYTES_MAX);
    if body.contains(&b'\\') { body.len() + file } else { file }
}

/// Keeps a file before its message is accepted; gives its id, and as what it is shown.
async fn keep(api: &Api, asker: &Asker, bytes: Bytes, params: &MediaParams) -> Result<Taken, Problem> {
    let file = File::new(bytes, params.file_name.clone());
    let taken = api.files.take(asker.client.id, file, params.kind, params.caption.as_deref()).await;
    taken.map_err(|error| match error {
        TakeError::Mismatch(Mismatch::TooBig(too_big)) => Problem::TooLarge { limit_bytes: too_big.limit_bytes },
        TakeError::Mismatch(mismatch) => Problem::Invalid(vec![Fault::value("kind", mismatch.to_string())]),
        TakeError::File(error) => error.into(),
    })
}
