//! `/manage/1.0/clients/{client_id}/push`: where a client's inbound messages go; and what became of each push.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Listing, audit, cut, found, query, rows};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::{Millis, rfc3339};
use crate::customer_url::check_password;
use crate::egress::Egress;
use crate::push::payload;
use crate::store::StoredPush;

#[derive(Debug, Serialize, ToSchema)]
pub struct PushUrlView {
    pub client_id: i64,
    /// A password in it is shown as `***`; given back so, it stays what it is.
    pub url: Option<String>,
    /// What pushes are signed with, as Standard Webhooks: `whsec_…`.
    pub secret: String,
    /// Why pushing rests; null while it does not.
    pub paused_reason: Option<String>,
    #[schema(format = DateTime)]
    pub paused_date: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewPushUrl {
    pub url: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PushView {
    /// The inbound message's id.
    pub id: String,
    /// due, done or failed; held was one that waited for its file, in earlier versions.
    pub status: String,
    pub attempts: i64,
    #[schema(format = DateTime)]
    pub create_date: String,
    #[schema(format = DateTime)]
    pub due_date: String,
    #[schema(format = DateTime)]
    pub done_date: Option<String>,
    /// The last answer's HTTP status.
    pub last_status: Option<i64>,
    /// The beginning of the last answer, or what went wrong.
    pub last_answer: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PushesOf {
    /// due, done, failed or held
    pub status: Option<String>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Replay {
    /// One inbound message.
    pub id: Option<String>,
    /// All that came in from this moment on (RFC 3339).
    pub from: Option<String>,
    /// … and before this one.
    pub until: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// How many messages are pushed again.
    pub replayed: u64,
}

/// Show a client's Push URL
#[utoipa::path(get, path = "/clients/{client_id}/push", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<PushUrlView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    let shown = async {
        let (asker, _) = api.manager(&headers, Some(id)).await?;
        audit::tell_shown(&api, &asker, id);
        view(&api, id).await
    };
    found(&headers, StatusCode::OK, "Push URL", shown.await)
}

/// Set a client's Push URL; a paused one goes on
#[utoipa::path(put, path = "/clients/{client_id}/push", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), request_body = NewPushUrl,
    responses((status = 200, body = Envelope<PushUrlView>)))]
pub async fn set(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>, body: Body) -> Response {
    let set = async {
        api.manager(&headers, Some(id)).await?;
        let new: NewPushUrl = api.json(id, &headers, body).await?;
        Egress::check_shape(&new.url).map_err(|bad| Problem::field("url", format!("the Push URL {bad}")))?;
        if !api.store.shows_push_url(id, &new.url).await? {
            check_password(&new.url).map_err(|masked| Problem::field("url", format!("the Push URL {masked}")))?;
        }
        api.store.set_push_url(id, Some(new.url), api.clock.now()).await?;
        api.bells.push.ring();
        view(&api, id).await
    };
    found(&headers, StatusCode::OK, "Push URL set", set.await)
}

/// Push nothing any more
#[utoipa::path(delete, path = "/clients/{client_id}/push", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<PushUrlView>)))]
pub async fn remove(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    let removed = async {
        api.manager(&headers, Some(id)).await?;
        api.store.set_push_url(id, None, api.clock.now()).await?;
        view(&api, id).await
    };
    found(&headers, StatusCode::OK, "Push URL removed", removed.await)
}

/// Sign with a new secret from now on
#[utoipa::path(post, path = "/clients/{client_id}/push/rotate-secret", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<PushUrlView>)))]
pub async fn rotate(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    let rotated = async {
        api.manager(&headers, Some(id)).await?;
        api.store.rotate_push_secret(id).await?;
        view(&api, id).await
    };
    found(&headers, StatusCode::OK, "Push secret rotated", rotated.await)
}

/// Rest a client's pushes; nothing is dropped
#[utoipa::path(post, path = "/clients/{client_id}/push/pause", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<PushUrlView>)))]
pub async fn pause(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    found(&headers, StatusCode::OK, "Pushing rests", rest(&api, &headers, id, Some("paused by a person")).await)
}

/// Set a client's pushes going again
#[utoipa::path(post, path = "/clients/{client_id}/push/resume", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<PushUrlView>)))]
pub async fn resume(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    found(&headers, StatusCode::OK, "Pushing goes on", rest(&api, &headers, id, None).await)
}

async fn rest(api: &Api, headers: &HeaderMap, id: i64, reason: Option<&str>) -> Result<PushUrlView, Problem> {
    api.manager(headers, Some(id)).await?;
    api.store.pause_push(id, reason.map(str::to_owned), api.clock.now()).await?;
    api.bells.push.ring();
    view(api, id).await
}

/// List a client's pushes, newest first
#[utoipa::path(get, path = "/clients/{client_id}/pushes", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path), PushesOf), responses((status = 200, body = Envelope<Listing<PushView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>, uri: Uri) -> Response {
    let listing = async {
        let wanted: PushesOf = query(&uri)?;
        api.manager(&headers, Some(id)).await?;
        let rows = rows(wanted.limit)?;
        let before = wanted.before.as_deref().map(|before| {
            let parts = before.split_once('.').and_then(|(at, id)| Some((at.parse::<Millis>().ok()?, id.to_owned())));
            parts.ok_or_else(|| Problem::parameter("before", "before is the next_before of a page"))
        });
        if wanted.status.as_ref().is_some_and(|status| !StoredPush::STATUSES.contains(&status.as_str())) {
            return Err(Problem::parameter("status", "status is due, done, failed or held"));
        }
        let mut pushes = api.store.list_pushes(id, wanted.status.as_deref(), before.transpose()?, rows + 1).await?;
        let next = cut(&mut pushes, rows, |push| format!("{}.{}", push.created_at, push.inbound_id));
        Ok(Listing { items: pushes.into_iter().map(PushView::from).collect(), next_before: next })
    };
    found(&headers, StatusCode::OK, "Pushes", listing.await)
}

/// Push messages again: one, or all that came in between two moments
#[utoipa::path(post, path = "/clients/{client_id}/pushes/replay", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), request_body = Replay,
    responses((status = 200, body = Envelope<Replayed>)))]
pub async fn replay(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>, body: Body) -> Response {
    let replayed = async {
        api.manager(&headers, Some(id)).await?;
        let wanted: Replay = api.json(id, &headers, body).await?;
        if wanted.id.is_none() && wanted.from.is_none() {
            return Err(Problem::field("from", "give an id, or the moment from which on messages are pushed again"));
        }
        let from = moment("from", wanted.from.as_deref())?.unwrap_or(0);
        let until = moment("until", wanted.until.as_deref())?.unwrap_or(Millis::MAX);
        let is_one = wanted.id.is_some();
        let count = api.store.replay_pushes(id, wanted.id, from, until, api.clock.now()).await?;
        if is_one && count == 0 {
            return Err(Problem::NotFound("inbound message with that id"));
        }
        api.bells.push.ring();
        Ok(Replayed { replayed: count })
    };
    found(&headers, StatusCode::OK, "Pushed again", replayed.await)
}

fn moment(name: &'static str, text: Option<&str>) -> Result<Option<Millis>, Problem> {
    let parsed = text.map(str::parse::<jiff::Timestamp>).transpose();
    let parsed = parsed.map_err(|_| Problem::field(name, "a date is RFC 3339, such as 2026-01-31T08:00:00Z"))?;
    Ok(parsed.map(jiff::Timestamp::as_millisecond))
}

pub(super) async fn view(api: &Api, client_id: i64) -> Result<PushUrlView, Problem> {
    let settings =
        api.store.find_push_settings(client_id).await?.ok_or(Problem::NotFound("client with that number"))?;
    let secret = api.master_key.push_secret(client_id, settings.push_secret_version, settings.push_secret.as_deref());
    let secret = secret.map_err(|error| Problem::Internal(error.to_string()))?;
    Ok(PushUrlView {
        client_id,
        url: settings.push_url.map(|url| url.to_string()),
        secret: payload::shown(&secret),
        paused_reason: settings.push_paused_reason,
        paused_date: settings.push_paused_at.map(rfc3339),
    })
}

impl From<StoredPush> for PushView {
    fn from(push: StoredPush) -> Self {
        Self {
            id: push.inbound_id,
            status: push.status,
            attempts: push.attempts,
            create_date: rfc3339(push.created_at),
            due_date: rfc3339(push.due_at),
            done_date: push.done_at.map(rfc3339),
            last_status: push.last_status,
            last_answer: push.last_answer,
        }
    }
}
