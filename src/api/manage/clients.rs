//! `/manage/1.0/clients`: the paying customers.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pacing::given;
use super::{devices, found, refused};
use crate::account::{Client, Role, check_country_code, check_name, check_quota};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::device::Device;

#[derive(Debug, Serialize, ToSchema)]
pub struct ClientView {
    pub id: i64,
    pub name: String,
    /// Replaces the leading 0 of a national phone number.
    pub country_code: String,
    /// The device that sends when a request names none.
    pub default_device: Option<String>,
    pub disabled: bool,
    /// Messages that may wait at the same time, 0 for any number; null for as many as the gateway's settings say.
    pub waiting_quota: Option<i64>,
    /// Megabytes that its files may take, likewise.
    pub files_quota_mb: Option<i64>,
    #[schema(format = DateTime)]
    pub create_date: String,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewClient {
    pub name: String,
    #[serde(default = "indonesia")]
    pub country_code: String,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ClientChange {
    pub name: Option<String>,
    pub country_code: Option<String>,
    /// A device id; empty for none.
    pub default_device: Option<String>,
    pub disabled: Option<bool>,
    /// Messages that may wait at the same time, 0 for any number; null for as many as the gateway's settings say. For administrators.
    #[schema(value_type = Option<i64>)]
    #[serde(deserialize_with = "given")]
    pub waiting_quota: Option<Option<i64>>,
    /// Megabytes that its files may take, likewise.
    #[schema(value_type = Option<i64>)]
    #[serde(deserialize_with = "given")]
    pub files_quota_mb: Option<Option<i64>>,
}

fn indonesia() -> String {
    "62".into()
}

/// List every client
#[utoipa::path(get, path = "/clients", tag = "Management", security(("APIKey" = [])),
    responses((status = 200, body = Envelope<Vec<ClientView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap) -> Response {
    let clients = async {
        api.administrator(&headers).await?;
        Ok(api.store.list_clients().await?.into_iter().map(ClientView::from).collect::<Vec<_>>())
    };
    found(&headers, StatusCode::OK, "Clients", clients.await)
}

/// Add a client
#[utoipa::path(post, path = "/clients", tag = "Management", security(("APIKey" = [])), request_body = NewClient,
    responses((status = 201, body = Envelope<ClientView>)))]
pub async fn add(State(api): State<Api>, headers: HeaderMap, body: Body) -> Response {
    let added = async {
        let asker = api.administrator(&headers).await?;
        let new: NewClient = api.json(asker.client.id, &headers, body).await?;
        check_name(&new.name).map_err(refused("name"))?;
        check_country_code(&new.country_code).map_err(refused("country_code"))?;
        let id = api.store.add_client(&new.name, &new.country_code, api.clock.now()).await?;
        find(&api, id).await.map(ClientView::from)
    };
    found(&headers, StatusCode::CREATED, "Client added", added.await)
}

/// Show a client
#[utoipa::path(get, path = "/clients/{client_id}", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<ClientView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>) -> Response {
    let client = async {
        api.manager(&headers, Some(id)).await?;
        find(&api, id).await.map(ClientView::from)
    };
    found(&headers, StatusCode::OK, "Client", client.await)
}

/// Change a client
#[utoipa::path(patch, path = "/clients/{client_id}", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), request_body = ClientChange,
    responses((status = 200, body = Envelope<ClientView>)))]
pub async fn change(State(api): State<Api>, headers: HeaderMap, Named(id): Named<i64>, body: Body) -> Response {
    let changed = async {
        let (asker, _) = api.manager(&headers, Some(id)).await?;
        let change: ClientChange = api.json(id, &headers, body).await?;
        let is_administrators =
            change.disabled.is_some() || change.waiting_quota.is_some() || change.files_quota_mb.is_some();
        if is_administrators {
            if asker.person.role != Role::Administrator {
                return Err(Problem::NotAllowed("manage every client"));
            }
            if id == asker.person.client_id && change.disabled == Some(true) {
                return Err(Problem::Conflict("a client cannot disable itself".into()));
            }
        }
        let mut client = find(&api, id).await?;
        if let Some(name) = change.name {
            check_name(&name).map_err(refused("name"))?;
            client.name = name;
        }
        if let Some(code) = change.country_code {
            check_country_code(&code).map_err(refused("country_code"))?;
            client.country_code = code;
        }
        if let Some(device) = change.default_device {
            let devices = api.gateways_of(id).await?;
            let chosen = devices.iter().find(|known| known.id == device);
            if chosen.is_none() && !device.is_empty() {
                return Err(Problem::NotFound("device of this client with that id"));
            }
            // A form sends back what it shows: a sandbox that was the default before stays named, and is passed over.
            let is_new = client.default_device.as_ref() != Some(&device);
            let has_real = devices.iter().any(|known| !known.is_sandbox());
            if is_new && has_real && chosen.is_some_and(Device::is_sandbox) {
                let msg = "a sandbox is the default only while the client has no other device; choose another";
                return Err(Problem::field("default_device", msg));
            }
            client.default_device = Some(device).filter(|device| !device.is_empty());
        }
        client.disabled = change.disabled.unwrap_or(client.disabled);
        client.waiting_quota = quota("waiting_quota", change.waiting_quota, client.waiting_quota)?;
        client.files_quota_mb = quota("files_quota_mb", change.files_quota_mb, client.files_quota_mb)?;
        api.store.update_client(client.clone(), api.clock.now()).await?;
        api.room.quotas_changed(id);
        // A link that was begun on a shared page may have ended.
        devices::changed(&api);
        Ok(ClientView::from(client))
    };
    found(&headers, StatusCode::OK, "Client changed", changed.await)
}

/// A quota as it is wanted, else as it is.
fn quota(name: &'static str, wanted: Option<Option<i64>>, is: Option<i64>) -> Result<Option<i64>, Problem> {
    wanted.flatten().map_or(Ok(()), check_quota).map_err(refused(name))?;
    Ok(wanted.unwrap_or(is))
}

async fn find(api: &Api, id: i64) -> Result<Client, Problem> {
    api.store.find_client(id).await?.ok_or(Problem::NotFound("client with that number"))
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        Self {
            id: client.id,
            name: client.name,
            country_code: client.country_code,
            default_device: client.default_device,
            disabled: client.disabled,
            waiting_quota: client.waiting_quota,
            files_quota_mb: client.files_quota_mb,
            create_date: rfc3339(client.created_at),
        }
    }
}
