//! Moving a customer in from another gateway, for administrators.

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::Console;
use super::clients::only_administrators;
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Refusal, Visit};
use crate::device::Kind;

pub fn routes() -> Router<Console> {
    Router::new().route("/console/account/migrate", get(show).post(migrate))
}

#[derive(Template)]
#[template(path = "migrate.html")]
struct Page {
    frame: Frame,
    typed: Typed,
    moved: Option<Moved>,
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
        Ok(moved) => page(&visit, Typed::default(), Some(Ok(moved))),
        Err(refusal) => page(&visit, Typed::read(&fields), Some(Err(refusal))),
    }
}

fn page(visit: &Visit, typed: Typed, ended: Option<Result<Moved, Refusal>>) -> Answer {
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
