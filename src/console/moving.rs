//! Moving a customer in from another gateway, for administrators.

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::clients::only_administrators;
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Refusal, Visit};
use super::{Console, audit_log};
use crate::account::ApiKey;
use crate::device::Kind;

pub fn routes() -> Router<Console> {
    Router::new().route("/console/account/migrate", get(show).post(migrate))
}

#[derive(Template)]
#[template(path = "migrate.html")]
struct Page {
    frame: Frame,
    typed: Typed,
    moved: Option<Arrival>,
}

/// A customer who moved in, and what goes into their programs.
struct Arrival {
    moved: Moved,
    /// How the key begins that they have.
    key_hint: String,
    /// Where they reach this gateway.
    address: String,
    /// What pushes are signed with, where there is a Push URL.
    push_secret: Option<String>,
}

impl Arrival {
    /// Behind what was here before.
    fn was_here<'a>(&self, frame: &'a Frame, part: &str) -> &'a str {
        if self.moved.created.iter().any(|made| made == part) { "" } else { frame.t(" (was here)", " (sudah ada)") }
    }
}

/// What was typed, but the key: it is not shown again.
#[derive(Default)]
struct Typed {
    device_id: String,
    sender: String,
    push_url: String,
    client: String,
    user: String,
}

impl Typed {
    fn read(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            device_id: text("device_id"),
            sender: text("sender"),
            push_url: text("push_url"),
            client: text("client"),
            user: text("user"),
        }
    }
}

/// A customer as he is here now, as the API shows it.
#[derive(Deserialize)]
struct Moved {
    client_id: i64,
    client: String,
    userid: String,
    device_id: String,
    sender: String,
    kind: Kind,
    push_url: Option<String>,
    created: Vec<String>,
}

#[derive(Deserialize)]
struct Push {
    secret: String,
}

async fn show(visit: Visit) -> Answer {
    only_administrators(&visit)?;
    page(&visit, Typed::default(), None)
}

async fn migrate(Posted { visit, fields }: Posted) -> Answer {
    only_administrators(&visit)?;
    let body = json!({"api_key": fields.text("api_key"), "device_id": fields.text("device_id"),
        "sender": fields.text("sender"), "push_url": fields.given("push_url"), "client": fields.given("client"),
        "user": fields.given("user")});
    match visit.post::<Moved>("/manage/1.0/migrate", body).await {
        Ok(moved) => {
            let key_hint = ApiKey::import(fields.text("api_key").trim()).map(|key| key.hint()).unwrap_or_default();
            let arrival = arrival(&visit, moved, key_hint).await?;
            page(&visit, Typed::default(), Some(Ok(arrival)))
        }
        Err(refusal) => page(&visit, Typed::read(&fields), Some(Err(refusal))),
    }
}

async fn arrival(visit: &Visit, moved: Moved, key_hint: String) -> Result<Arrival, Refusal> {
    let push_secret = match moved.push_url {
        Some(_) => {
            let push: Push = visit.get(&format!("/manage/1.0/clients/{}/push", moved.client_id)).await?;
            let id = moved.client_id;
            audit_log::record_shown_of(visit, id, audit_log::PUSH_SECRET, &id.to_string()).await;
            Some(push.secret)
        }
        None => None,
    };
    let address = visit.console().api.public_url.clone();
    Ok(Arrival { moved, key_hint, address, push_secret })
}

fn page(visit: &Visit, typed: Typed, ended: Option<Result<Arrival, Refusal>>) -> Answer {
    let mut frame = visit.frame(Place::Account, visit.t("Move from another gateway", "Pindah dari gateway lain"));
    let (status, moved) = match ended {
        None => (StatusCode::OK, None),
        Some(Ok(moved)) => (StatusCode::OK, Some(moved)),
        Some(Err(refusal)) => {
            frame.problem = Some(refusal.text);
            (refusal.status, None)
        }
    };
    Ok(draw(status, &Page { frame, typed, moved }))
}
