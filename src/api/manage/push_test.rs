//! `/manage/1.0/clients/{client_id}/push/test`: a sample of a push, so that a person sees what his Push URL is sent and what
//! it answers. Nothing is stored.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::Millis;
use crate::push::payload::PushMessage;
use crate::push::post::Post;

/// Who seems to write it.
const ORIGINATOR: &str = "628111111111";
const TEXT: &str = "This is a sample from your gateway. Nobody wrote it.";

#[derive(Debug, Serialize, ToSchema)]
pub struct PushTestView {
    pub url: String,
    /// The headers of the request that matter to a receiver.
    pub headers: BTreeMap<&'static str, String>,
    /// The form as it was sent.
    pub body: String,
    /// What the receiver answered; null when it did not.
    pub answer: Option<PushAnswerView>,
    /// Why it failed; null when it did not.
    pub failure: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PushAnswerView {
    pub status: u16,
    /// The first kilobyte.
    pub body: String,
}

/// Send the Push URL a sample, signed as a real push, once
#[utoipa::path(post, path = "/clients/{client_id}/push/test", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<PushTestView>),
    (status = 409, description = "There is no Push URL, or too many samples are under way")))]
pub async fn send(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    let sent = async {
        api.manager(&headers, Some(id)).await?;
        let settings = api.store.find_push_settings(id).await?.ok_or(Problem::NotFound("client with that number"))?;
        let url =
            settings.push_url.ok_or_else(|| Problem::Conflict("there is no Push URL yet; set one first".into()))?;
        let kept = settings.push_secret.as_deref();
        let secret = api.master_key.push_secret(id, settings.push_secret_version, kept);
        let secret = secret.map_err(|error| Problem::Internal(error.to_string()))?;
        let _turn = api.push_tests.try_take(id).map_err(|_| {
            Problem::Conflict("too many samples are under way at this moment; try again in a few seconds".into())
        })?;
        let gateways = api.gateways_of(id).await?;
        let number = gateways.first().map_or_else(|| ORIGINATOR.to_owned(), |device| device.sender.clone());
        let began = api.clock.now();
        let post = Post::of(&sample(format!("sample-{}", api.clock.new_id()), number, began), &secret, began);
        let shown = url.to_string();
        let url = api.store.open_url(id, &url).map_err(|error| Problem::Internal(error.to_string()))?;
        Ok(PushTestView { url: shown, ..ask(&api, url, post, began).await })
    };
    found(&headers, StatusCode::OK, "Sample sent", sent.await)
}

async fn ask(api: &Api, url: String, post: Post, began: Millis) -> PushTestView {
    let mut headers: BTreeMap<&'static str, String> = post.headers.iter().cloned().collect();
    headers.insert("content-type", "application/x-www-form-urlencoded".into());
    let body = post.body.clone();
    let (answer, failure) = match post.send(&api.egress, &url).await {
        Ok(answer) => {
            let status = answer.status;
            let failure = (!(200..300).contains(&status))
                .then(|| format!("the Push URL answered {status}; only a status from 200 to 299 counts as received"));
            (Some(PushAnswerView { status, body: String::from_utf8_lossy(&answer.body).into_owned() }), failure)
        }
        Err(error) => (None, Some(format!("the Push URL {error}"))),
    };
    PushTestView { url, headers, body, answer, failure, took_ms: api.clock.now() - began }
}

fn sample(id: String, gateway_number: String, now: Millis) -> PushMessage {
    PushMessage {
        id,
        gateway_number,
        originator: ORIGINATOR.into(),
        received_at: now,
        sent_at: now,
        msg: TEXT.into(),
        kind: "text".into(),
        media_url: None,
        media_pending: false,
        file_name: None,
        group_id: None,
        name: Some("Sample".into()),
        about: None,
        sandbox: false,
    }
}
