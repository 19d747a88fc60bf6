//! The paying customers, for administrators: each can be changed, and its things looked at.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Refusal, Visit, go};
use super::{Console, audit_log};
use crate::account::Role;
use crate::store::audit;

const CLIENTS: &str = "/manage/1.0/clients";

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/account/clients", get(show).post(add))
        .route("/console/account/clients/{id}", get(show_one).post(change))
        .route("/console/account/clients/{id}/look", post(look))
}

#[derive(Template)]
#[template(path = "clients.html")]
struct Page {
    frame: Frame,
    clients: Vec<Client>,
    /// Whose things are looked at.
    looked_at: i64,
    name: String,
    country_code: String,
}

#[derive(Template)]
#[template(path = "client.html")]
struct ClientPage {
    frame: Frame,
    client: Client,
    devices: Vec<Device>,
    /// As they are, or as they were typed.
    waiting_quota: String,
    files_quota_mb: String,
}

#[derive(Deserialize)]
struct Client {
    id: i64,
    name: String,
    country_code: String,
    default_device: Option<String>,
    disabled: bool,
    waiting_quota: Option<i64>,
    files_quota_mb: Option<i64>,
}

#[derive(Deserialize)]
struct Device {
    device_id: String,
    name: String,
}

impl Client {
    fn sends_by(&self, device: &Device) -> bool {
        self.default_device.as_ref() == Some(&device.device_id)
    }
}

async fn show(visit: Visit) -> Answer {
    page(&visit, None, &Fields::default()).await
}

async fn page(visit: &Visit, refusal: Option<Refusal>, typed: &Fields) -> Answer {
    let clients = visit.get(CLIENTS).await?;
    let mut frame = visit.frame(Place::Account, visit.t("Clients", "Klien"));
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = refusal.map(|refusal| refusal.text);
    let country_code = typed.given("country_code").unwrap_or("62").to_owned();
    let name = typed.text("name").to_owned();
    Ok(draw(status, &Page { frame, clients, looked_at: visit.client().id, name, country_code }))
}

async fn add(Posted { visit, fields }: Posted) -> Answer {
    let body = json!({"name": fields.text("name"), "country_code": fields.text("country_code")});
    match visit.post::<Value>(CLIENTS, body).await {
        Ok(_) => Ok(go("/console/account/clients?done=added")),
        Err(refusal) => page(&visit, Some(refusal), &fields).await,
    }
}

async fn show_one(Path(id): Path<i64>, visit: Visit) -> Answer {
    one(&visit, id, None).await
}

/// The page of one client, with what was typed and why it was refused.
async fn one(visit: &Visit, id: i64, refused: Option<(Refusal, Fields)>) -> Answer {
    only_administrators(visit)?;
    let mut client: Client = visit.get(&format!("{CLIENTS}/{id}")).await?;
    let devices = visit.get(&format!("/manage/1.0/devices?client_id={id}&wait=false")).await?;
    let mut frame = visit.frame(Place::Account, &client.name);
    let mut status = StatusCode::OK;
    let written = |quota: Option<i64>| quota.map(|quota| quota.to_string()).unwrap_or_default();
    let (mut waiting_quota, mut files_quota_mb) = (written(client.waiting_quota), written(client.files_quota_mb));
    if let Some((refusal, typed)) = refused {
        status = refusal.status;
        frame.problem = Some(refusal.text);
        client.name = typed.text("name").to_owned();
        client.country_code = typed.text("country_code").to_owned();
        client.default_device = typed.given("default_device").map(ToOwned::to_owned);
        client.disabled = typed.has("disabled");
        waiting_quota = typed.text("waiting_quota").to_owned();
        files_quota_mb = typed.text("files_quota_mb").to_owned();
    }
    Ok(draw(status, &ClientPage { frame, client, devices, waiting_quota, files_quota_mb }))
}

async fn change(Path(id): Path<i64>, Posted { visit, fields }: Posted) -> Answer {
    let body = json!({
        "name": fields.text("name"),
        "country_code": fields.text("country_code"),
        "default_device": fields.text("default_device"),
        "disabled": fields.has("disabled"),
        "waiting_quota": quota(&fields, "waiting_quota"),
        "files_quota_mb": quota(&fields, "files_quota_mb"),
    });
    match visit.ask::<Value>(Method::PATCH, &format!("{CLIENTS}/{id}"), Some(body)).await {
        Ok(_) => Ok(go("/console/account/clients?done=saved")),
        Err(refusal) => one(&visit, id, Some((refusal, fields))).await,
    }
}

/// A quota of the client's own; nothing for the gateway's. What is no number is for the API to refuse.
fn quota(fields: &Fields, name: &str) -> Value {
    match fields.given(name).map(str::trim) {
        None | Some("") => Value::Null,
        Some(text) => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}

/// Lets this browser look at a client's things: an administrator's own way to answer for him.
async fn look(Path(id): Path<i64>, Posted { visit, .. }: Posted) -> Answer {
    only_administrators(&visit)?;
    let _: Client = visit.get(&format!("{CLIENTS}/{id}")).await?;
    let (person, store) = (visit.person(), &visit.console().api.store);
    let entry = audit_log::entry(visit.console(), person.client_id, &person.userid, audit_log::LOOKED, &id.to_string());
    let looked = audit::recording(entry, store.look_at_client(visit.signed_in().sign_in.id, id)).await;
    looked.map_err(|error| visit.refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    Ok(go("/console"))
}

/// # Errors
/// 403 for everybody else.
pub fn only_administrators(visit: &Visit) -> Result<(), Refusal> {
    if visit.person().role == Role::Administrator {
        return Ok(());
    }
    let text =
        visit.t("Only an administrator manages every client.", "Hanya administrator yang mengelola semua klien.");
    Err(visit.refusal(StatusCode::FORBIDDEN, text))
}
