//! The null handlers, the baseline of the gateway's figures: the same work as the gateway's handlers without the store.
//! They run in a separate process, with the same server code and the same kind of runtime as the gateway.
//!
//! The caller is looked up in a real store and cached as in the gateway; the body is read, validated and described by
//! the gateway's own functions. The gateway's request counter and its other routes are left out, which makes this
//! baseline slightly faster than it could be.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wachat::api::Api;
use wachat::api::answer::{self, Format};
use wachat::api::message::{self, SendMessage};
use wachat::api::named::Named;
use wachat::api::problem::Problem;
use wachat::api::routes::BASE;
use wachat::api::status::GetMessage;
use wachat::clock::rfc3339;
use wachat::message::{Priority, RefNo};
use wachat::{http, limits};

use crate::instance;

#[derive(Clone)]
struct NullHandler {
    api: Api,
    message: Arc<GetMessage>,
}

impl FromRef<NullHandler> for Api {
    fn from_ref(state: &NullHandler) -> Self {
        state.api.clone()
    }
}

/// Serves until the process is killed.
pub async fn serve(address: SocketAddr, folder: &Path, database_url: Option<&str>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let app = instance::open(folder, address, database_url).await?;
    let state = NullHandler { api: app.api(), message: Arc::new(fixed_message(app.clock.now())) };
    let router = Router::new()
        .route(&format!("{BASE}/message"), post(send))
        .route(&format!("{BASE}/status/{{message_ref_no}}"), get(show))
        .with_state(state);
    let (clock, supervisor) = (app.clock.clone(), app.supervisor.clone());
    let instance = http::Served {
        is_secure: false,
        router,
        clock,
        supervisor,
        trusted_proxies: Vec::new(),
        connections_max: limits::CONNECTIONS_MAX,
    };
    http::serve(listener, instance, CancellationToken::new()).await;
    Ok(())
}

async fn send(State(state): State<NullHandler>, headers: HeaderMap, body: Body) -> Response {
    let format = Format::of(&headers);
    let described = describe(&state.api, &headers, body).await;
    answer::from(format, described.map(|data| (StatusCode::CREATED, message::ACCEPTED, data)))
}

async fn describe(api: &Api, headers: &HeaderMap, body: Body) -> Result<SendMessage, Problem> {
    let asker = api.asker(headers).await?;
    let body = api.read_body(asker.client.id, headers, body, limits::BODY_BYTES_MAX).await?;
    let (_, new) = message::check(api, &asker, &body).await?;
    Ok(message::describe(&new))
}

async fn show(State(state): State<NullHandler>, headers: HeaderMap, Named(ref_no): Named<String>) -> Response {
    let format = Format::of(&headers);
    answer::from(format, find(&state, &headers, &ref_no).await.map(|message| (StatusCode::OK, "Message info", message)))
}

async fn find<'state>(
    state: &'state NullHandler,
    headers: &HeaderMap,
    ref_no: &str,
) -> Result<&'state GetMessage, Problem> {
    state.api.asker(headers).await?;
    RefNo::parse(ref_no).ok_or(Problem::NotFound("message with this ref_no"))?;
    Ok(&state.message)
}

/// A message that was read, as long as the messages whose status the benchmark requests from the gateway.
fn fixed_message(now: i64) -> GetMessage {
    GetMessage {
        destination: crate::script::destination(0),
        sender: "628110000000".into(),
        is_group: false,
        create_date: rfc3339(now),
        sent_date: Some(rfc3339(now)),
        read_date: Some(rfc3339(now)),
        delivered_date: Some(rfc3339(now)),
        ref_no: "0123456789ABCDEF01".into(),
        status: "R",
        message: Some(crate::archive::TEXT.into()),
        caption: None,
        media_url: None,
        file_name: None,
        kind: "text".into(),
        queue: "1-000000000000000".into(),
        reason: None,
        reason_code: None,
        waits_until: None,
        position: None,
        aborted_date: None,
        expire_date: rfc3339(now),
        members: None,
        delivered_count: None,
        read_count: None,
        sandbox: true,
        priority: Priority::Normal,
        tag: None,
    }
}
