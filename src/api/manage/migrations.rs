//! `/manage/1.0/migrate` and `/manage/1.0/devices/{device_id}/go-live`: a customer moves in from another gateway, and his
//! device goes live.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::{changed, find, managed};
use super::found;
use super::links::{LinkView, private, view};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::device::{Kind, LinkWay};
use crate::moving::{self, Customer, MoveError, NumberHistory};
use crate::phone::{self, Dialling};
use crate::store::Migrated;

/// A customer of another WAChat gateway
#[derive(Debug, Deserialize, ToSchema)]
pub struct MigrationBody {
    /// The API key that is in the customer's programs.
    pub api_key: String,
    /// The device id (queue) that is in them.
    pub device_id: String,
    /// The phone number that sends.
    pub sender: String,
    #[serde(default)]
    pub push_url: Option<String>,
    /// The name of a client, which is made when there is none, or the number of one that is here. Without it: the client that
    /// has the key or the device already, else a new one.
    #[serde(default)]
    pub client: Option<String>,
    /// The user that the key belongs to, who is made when there is none.
    #[serde(default)]
    pub user: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MigrationView {
    pub client_id: i64,
    pub client: String,
    pub person_id: i64,
    pub userid: String,
    pub key_id: i64,
    pub device_id: String,
    pub sender: String,
    /// sandbox; web once it has gone live.
    #[schema(value_type = String)]
    pub kind: Kind,
    pub state: &'static str,
    pub push_url: Option<String>,
    /// What was made by this request: client, user, key, device, push_url. Empty when everything was here already.
    pub created: Vec<&'static str>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct GoLiveBody {
    /// Whether the number has been used on WhatsApp for some weeks or longer. Then there is no warm-up. Needed for a sandbox; of a
    /// device that went live before, what was said then stays.
    #[serde(default)]
    pub used_before: Option<bool>,
    /// Link by a code that is typed on the phone with this number, instead of a QR code.
    #[serde(default)]
    pub phone: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LiveView {
    pub device_id: String,
    pub sender: String,
    pub warm_up: bool,
    /// Messages that waited in the sandbox, and are not sent.
    pub aborted: u64,
    /// Imports through the sandbox that were under way.
    pub stopped_imports: u64,
    /// true when the device was no sandbox any more: its warm-up stays as it was, and an attempt to link that is under way goes on.
    pub was_live: bool,
    pub link: LinkView,
}

/// Move a customer in from another WAChat gateway: client, user, key and a sandbox device under the old id
#[utoipa::path(post, path = "/migrate", tag = "Management", security(("APIKey" = [])), request_body = MigrationBody,
    responses((status = 201, body = Envelope<MigrationView>),
    (status = 200, description = "Everything was here already", body = Envelope<MigrationView>),
    (status = 409, description = "Something that is here contradicts it")))]
pub async fn migrate(State(api): State<Api>, headers: HeaderMap, body: Body) -> Response {
    let migrated = async {
        let asker = api.administrator(&headers).await?;
        let given: MigrationBody = api.json(asker.client.id, &headers, body).await?;
        let customer = Customer {
            api_key: given.api_key,
            device_id: given.device_id,
            sender: given.sender,
            push_url: given.push_url,
            client: given.client,
            userid: given.user,
        };
        let migrated = moving::migrate(&api.store, &api.key_secret, &api.clock, customer).await?;
        changed(&api);
        Ok(MigrationView::from(migrated))
    };
    let migrated = migrated.await;
    let (status, message) = match &migrated {
        Ok(view) if view.created.is_empty() => (StatusCode::OK, "Everything was here already; nothing was changed"),
        _ => (StatusCode::CREATED, "Moved in"),
    };
    found(&headers, status, message, migrated)
}

/// End a device's trial: it becomes a web device under the same id, and an account is being linked to it. Again, it only continues the linking
#[utoipa::path(post, path = "/devices/{device_id}/go-live", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), request_body = GoLiveBody,
    responses((status = 202, body = Envelope<LiveView>),
    (status = 409, description = "It is live already, or of a kind that does not go live")))]
pub async fn go_live(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, body: Body) -> Response {
    let live = async {
        let device = managed(&api, &headers, &id).await?;
        let given: GoLiveBody = api.json(device.client_id, &headers, body).await?;
        let history = given.used_before.map(|used| if used { NumberHistory::UsedBefore } else { NumberHistory::New });
        let way = match given.phone {
            Some(phone) => {
                let client = api.store.find_client(device.client_id).await?;
                let client = client.ok_or(Problem::NotFound("client with that number"))?;
                let parse = |dialling: Dialling<'_>| phone::parse_destination(&phone, dialling);
                LinkWay::Code { phone: api.dial(&client, "phone", parse).await? }
            }
            None => LinkWay::Qr,
        };
        let live = moving::go_live(&api.store, &api.clock, &id, history, way).await?;
        crate::telemetry::count_aborted(&id, live.aborted);
        changed(&api);
        let device = find(&api, &id).await?;
        Ok(LiveView {
            device_id: device.id.clone(),
            sender: device.sender.clone(),
            warm_up: device.warm_up,
            aborted: live.aborted,
            stopped_imports: live.stopped_imports,
            was_live: live.was_live,
            link: view(&api, device).await?,
        })
    };
    let live = live.await;
    let message = match &live {
        Ok(view) if view.was_live => "Linking continues; the device went live before, and keeps its warm-up setting",
        _ => "Linking begins",
    };
    private(found(&headers, StatusCode::ACCEPTED, message, live))
}

impl From<Migrated> for MigrationView {
    fn from(migrated: Migrated) -> Self {
        let Migrated { client, person, key_id, device, push_url, created } = migrated;
        Self {
            client_id: client.id,
            client: client.name,
            person_id: person.id,
            userid: person.userid,
            key_id,
            device_id: device.id,
            sender: device.sender,
            kind: device.kind,
            state: device.state.name(),
            push_url: push_url.map(|url| url.to_string()),
            created: created.into_iter().map(crate::store::Created::name).collect(),
        }
    }
}

impl From<MoveError> for Problem {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Field { field, reason } => Self::field(field, reason),
            MoveError::Conflict(conflict) => Self::Conflict(conflict.to_string()),
            MoveError::Live(_) => Self::Conflict(error.to_string()),
            MoveError::Refused(why) => Self::Conflict(why.into()),
            MoveError::Missing => Self::NotFound("device with that id"),
            MoveError::Store(error) => error.into(),
        }
    }
}
