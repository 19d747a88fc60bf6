//! `POST /message`: queue a text message.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::answer::{self, Format};
use super::fields::{self, MessageParams};
use super::idempotency::{Once, REPLAYED};
use super::key::Asker;
use super::problem::Problem;
use super::routes::BASE;
use crate::device::Device;
use crate::limits;
use crate::message::{Content, NewMessage, Priority, RefNo};
use crate::phone::Dialling;
use crate::room::Refusal;
use crate::store::{Accept, Idempotent, Reuse, StoreError};

/// What a program sends to `POST /message`. Checked by hand (`fields.rs`); this describes it.
#[derive(ToSchema)]
#[schema(example = json!({"destination": "628111111111", "message": "Hello", "timeout": 86400}))]
#[allow(dead_code, reason = "a description for the OpenAPI document")]
pub struct SendMessageParams {
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
    /// The text; `\n` and `\U0001F600` written out become the characters.
    message: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SendMessage {
    pub sender: Option<String>,
    pub queue: Option<String>,
    pub destination: String,
    pub message: String,
    pub ref_no: String,
}

/// What is told with a 201.
pub const ACCEPTED: &str = "Message accepted";

/// Send Message
///
/// `send_at`, `reply_to` and `mentions` are not available: a request that gives one of them is refused with 422, so that nothing leaves too
/// early or without what it refers to. Other unknown fields are ignored.
#[utoipa::path(post, context_path = BASE, path = "/message", tag = "WA Chat", security(("APIKey" = [])), request_body = SendMessageParams,
    params(("Idempotency-Key" = Option<String>, Header, description = "Send again safely: the first answer is replayed for 72 hours")),
    responses((status = 201, description = "Successful Response", body = answer::Envelope<SendMessage>),
        (status = 422, description = "Validation Error", body = answer::ValidationFailure)))]
pub async fn send(State(api): State<Api>, headers: HeaderMap, body: Body) -> Response {
    let format = Format::of(&headers);
    match accept(&api, &headers, body).await {
        Ok(Acceptance::New(data)) => answer::success(format, StatusCode::CREATED, ACCEPTED, &data),
        Ok(Acceptance::Replayed(data)) => replay::<SendMessage>(format, &data),
        Err(problem) => problem.response(format),
    }
}

/// How a request to send was answered.
pub enum Acceptance<T> {
    New(T),
    /// As it was answered before: the `data` as JSON.
    Replayed(String),
}

async fn accept(api: &Api, headers: &HeaderMap, body: Body) -> Result<Acceptance<SendMessage>, Problem> {
    let asker = api.asker(headers).await?;
    let body = api.read_body(asker.client.id, headers, body, limits::BODY_BYTES_MAX).await?;
    let once =
        api.parse(asker.client.id, body.len(), || api.once(asker.client.id, headers, "message", &body)).await??;
    if let Some(once) = &once
        && let Some(data) = api.first_answer(once).await?
    {
        return Ok(Acceptance::Replayed(data));
    }
    let (device, new) = check(api, &asker, &body).await?;
    let data = describe(&new);
    match api.outbox.accept(accept_of(&device, new, once.as_ref(), &data)?).await {
        Err(Refusal::Store(StoreError::KeyUsed)) => api.replay_of_race(once.as_ref()).await,
        stored => stored.map(|()| Acceptance::New(data)).map_err(|error| api.accept_problem(error)),
    }
}

/// Turns a body into a message that may be accepted, and the gateway that will send it.
///
/// # Errors
/// 400, 404 or 422 by what is wrong with the body.
pub async fn check(api: &Api, asker: &Asker, body: &[u8]) -> Result<(Device, NewMessage), Problem> {
    let read = |dialling: Dialling<'_>| fields::message(body, dialling);
    let params: MessageParams = api.check_recipient(&asker.client, body.len(), read).await?;
    let device = api.gateway(&asker.client, params.sender.as_deref(), params.queue.as_deref()).await?;
    let address = Address {
        destination: params.destination,
        is_group: params.is_group,
        timeout_seconds: params.timeout_seconds,
        priority: params.priority,
        tag: params.tag,
    };
    let new = new_message(api, asker, &device, address, Content::Text(params.message));
    Ok((device, new))
}

/// What is answered for a message that was accepted.
pub fn describe(new: &NewMessage) -> SendMessage {
    let Content::Text(text) = &new.content else { unreachable!("POST /message makes text messages only") };
    SendMessage {
        sender: Some(new.sender.clone()),
        queue: Some(new.device_id.clone()),
        destination: new.destination.clone(),
        message: text.clone(),
        ref_no: new.ref_no.to_string(),
    }
}

/// Where a message goes, in which time, and how urgent it is.
pub struct Address {
    pub destination: String,
    pub is_group: bool,
    pub timeout_seconds: i64,
    pub priority: Priority,
    pub tag: Option<String>,
}

/// A message of `asker` through `device`, made now.
pub fn new_message(api: &Api, asker: &Asker, device: &Device, to: Address, content: Content) -> NewMessage {
    let now = api.clock.now();
    NewMessage {
        ref_no: RefNo::new(&api.clock),
        client_id: asker.client.id,
        person_id: asker.person.id,
        device_id: device.id.clone(),
        sender: device.sender.clone(),
        sandbox: device.is_sandbox(),
        destination: to.destination,
        is_group: to.is_group,
        content,
        created_at: now,
        expires_at: now + to.timeout_seconds * 1_000,
        priority: to.priority,
        tag: to.tag,
    }
}

/// A message with its gateway's limit and, for a request with a key, its answer.
///
/// # Errors
/// 500 when the answer is no JSON, which cannot happen.
pub fn accept_of<T: Serialize>(
    device: &Device,
    message: NewMessage,
    once: Option<&Once<'_>>,
    data: &T,
) -> Result<Accept, Problem> {
    let idempotent = match once {
        Some(once) => Some(Idempotent {
            key: once.key.clone(),
            body_hash: once.body_hash.clone(),
            answer: serde_json::to_string(data).map_err(|error| Problem::Internal(error.to_string()))?,
            expires_at: message.created_at + limits::IDEMPOTENCY_HOURS * 3_600_000,
            reuse: Reuse::Never,
            said: None,
        }),
        None => None,
    };
    Ok(Accept { message, daily_limit: device.daily_limit, idempotent, audit: None })
}

/// Answers as before, and says so.
pub fn replay<T: Serialize + for<'d> Deserialize<'d>>(format: Format, data: &str) -> Response {
    match serde_json::from_str::<T>(data) {
        Ok(data) => {
            let mut response = answer::success(format, StatusCode::CREATED, ACCEPTED, &data);
            response.headers_mut().insert(REPLAYED, axum::http::HeaderValue::from_static("true"));
            response
        }
        Err(error) => Problem::Internal(format!("a stored answer cannot be read: {error}")).response(format),
    }
}

impl Api {
    /// Another node stored an answer under the same key at the same moment: answer as it did.
    ///
    /// # Errors
    /// 409 when its answer is not to be seen yet.
    pub async fn replay_of_race<T>(&self, once: Option<&Once<'_>>) -> Result<Acceptance<T>, Problem> {
        let answer = match once {
            Some(once) => self.first_answer(once).await?,
            None => None,
        };
        answer.map(Acceptance::Replayed).ok_or_else(|| {
            Problem::Conflict("a request with this Idempotency-Key is being answered; ask again in a moment".into())
        })
    }

    /// What a customer is told when his message could not be accepted.
    pub fn accept_problem(&self, refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Store(StoreError::DailyLimit { limit }) => {
                let wait = crate::clock::until_next_day(self.clock.now());
                Problem::DailyLimit { limit, retry_after_seconds: wait.as_secs() + 1 }
            }
            other => other.into(),
        }
    }
}
