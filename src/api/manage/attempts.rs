//! `/manage/1.0/messages/{ref_no}`: what went wrong with a message, and the same once more.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OfClient, audit, found, query};
use crate::api::Api;
use crate::api::answer::{self, Envelope, Format};
use crate::api::message::{ACCEPTED, Acceptance, Address, accept_of, new_message, replay};
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::message::kind::MediaKind;
use crate::message::{Content, MediaSource, NewMessage, RefNo};
use crate::room::Refusal;
use crate::store::{FailedAttempt, StoreError, StoredMessage};

/// An attempt that failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// From 1; a fetch of the message's file counts too.
    pub number: i64,
    #[schema(format = DateTime)]
    pub date: String,
    pub reason: String,
}

/// A message that was sent again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Resent {
    /// The new message's.
    pub ref_no: String,
    /// The message that it repeats.
    pub of_ref_no: String,
    pub queue: String,
    pub sender: String,
    pub destination: String,
}

/// List the attempts at a message that failed, in their order; the latest hundred
#[utoipa::path(get, path = "/messages/{ref_no}/attempts", tag = "Management", security(("APIKey" = [])),
    params(("ref_no" = String, Path), OfClient), responses((status = 200, body = Envelope<Vec<AttemptView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, Named(ref_no): Named<String>, uri: Uri) -> Response {
    let attempts = async {
        let (_, client_id) = api.manager(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let (ref_no, _) = find(&api, client_id, &ref_no).await?;
        let failed = api.store.list_failed_attempts(&ref_no).await?;
        let view = |one: FailedAttempt| AttemptView { number: one.number, date: rfc3339(one.at), reason: one.reason };
        Ok(failed.into_iter().map(view).collect::<Vec<_>>())
    };
    found(&headers, StatusCode::OK, "Failed attempts", attempts.await)
}

/// Send a message again: a new one with the same content, through the same device
#[utoipa::path(post, path = "/messages/{ref_no}/resend", tag = "Management", security(("APIKey" = [])),
    params(("ref_no" = String, Path), OfClient,
        ("Idempotency-Key" = Option<String>, Header, description = "Send again safely: the first answer is replayed for 72 hours")),
    responses((status = 201, body = Envelope<Resent>),
    (status = 409, description = "Its file or its device is not there any more")))]
pub async fn resend(
    State(api): State<Api>,
    headers: HeaderMap,
    Named(ref_no): Named<String>,
    uri: Uri,
    body: Body,
) -> Response {
    let format = Format::of(&headers);
    match accept(&api, &headers, &ref_no, &uri, body).await {
        Ok(Acceptance::New(data)) => answer::success(format, StatusCode::CREATED, ACCEPTED, &data),
        Ok(Acceptance::Replayed(data)) => replay::<Resent>(format, &data),
        Err(problem) => problem.response(format),
    }
}

async fn accept(
    api: &Api,
    headers: &HeaderMap,
    ref_no: &str,
    uri: &Uri,
    body: Body,
) -> Result<Acceptance<Resent>, Problem> {
    let (asker, client_id) = api.manager(headers, query::<OfClient>(uri)?.client_id).await?;
    let (ref_no, message) = find(api, client_id, ref_no).await?;
    api.check_available(headers, uri, body).await?;
    let once = api.once(client_id, headers, "resend", ref_no.as_str().as_bytes())?;
    if let Some(once) = &once
        && let Some(data) = api.first_answer(once).await?
    {
        return Ok(Acceptance::Replayed(data));
    }
    let devices = api.gateways_of(client_id).await?;
    let device = devices.iter().find(|device| device.id == message.device_id).ok_or_else(|| {
        Problem::Conflict(
            "the device that it went through was removed; send it as a new message through another".into(),
        )
    })?;
    let content = content_of(api, &message).await?;
    let new = NewMessage { client_id, ..new_message(api, &asker, device, address_of(&message), content) };
    let data = Resent {
        ref_no: new.ref_no.to_string(),
        of_ref_no: ref_no.to_string(),
        queue: new.device_id.clone(),
        sender: new.sender.clone(),
        destination: new.destination.clone(),
    };
    audit::made(&data.ref_no);
    match api.outbox.accept(accept_of(device, new, once.as_ref(), &data)?).await {
        Err(Refusal::Store(StoreError::KeyUsed)) => api.replay_of_race(once.as_ref()).await,
        Err(error) => Err(api.accept_problem(error)),
        Ok(()) => Ok(Acceptance::New(data)),
    }
}

/// To whom it went, with as much time as it had, and as urgent as it was.
fn address_of(message: &StoredMessage) -> Address {
    Address {
        destination: message.destination.clone(),
        is_group: message.is_group,
        timeout_seconds: (message.expires_at - message.created_at) / 1_000,
        priority: message.priority,
        tag: message.tag.clone(),
    }
}

async fn content_of(api: &Api, message: &StoredMessage) -> Result<Content, Problem> {
    if !message.is_media {
        return Ok(Content::Text(message.body.clone().unwrap_or_default()));
    }
    let kept = match &message.media_id {
        Some(id) => api.files.is_kept(id).await?.then(|| MediaSource::Shelf(id.clone())),
        None => None,
    };
    // What came from an address can be fetched from there once more.
    let source = match (kept, &message.media_url) {
        (Some(kept), _) => kept,
        (None, Some(url)) => MediaSource::Url(api.store.open_url(message.client_id, url).map_err(|_| {
            Problem::Conflict("the password in its media_url does not open any more; send it as a new message".into())
        })?),
        (None, None) => {
            return Err(Problem::Conflict("its file is not kept any more; send it as a new message".into()));
        }
    };
    let kind = message.kind.as_deref().and_then(MediaKind::from_name);
    Ok(Content::Media { caption: message.body.clone(), source, file_name: message.file_name.clone(), kind })
}

pub(super) async fn find(api: &Api, client_id: i64, ref_no: &str) -> Result<(RefNo, StoredMessage), Problem> {
    let ref_no = RefNo::parse(ref_no).ok_or(Problem::NotFound("message with that ref_no"))?;
    let message = api.store.find_message(client_id, &ref_no).await?;
    Ok((ref_no, message.ok_or(Problem::NotFound("message with that ref_no"))?))
}
