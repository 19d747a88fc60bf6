//! `/manage/1.0/devices`: the gateways.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pacing::{self, PacingView, given};
use super::{Counted, audit, found, messages, query, refused};
use crate::account::check_name;
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::gateway;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::api::queues::Waiting;
use crate::clock;
use crate::device::{Device, Kind, UnknownWord, check_daily_limit, is_device_id, new_device_id};
use crate::device_status::{Condition, DeviceStatus, condition};
use crate::inbox::{InboxError, Received, sandbox_message};
use crate::limits;
use crate::phone;
use crate::reason::ReasonCode;
use crate::store::{DevicePatch, NewDevice, StoreError};
use crate::telemetry;

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceView {
    pub device_id: String,
    pub client_id: i64,
    pub sender: String,
    /// Whether that number was given up by unlinking: the phone of any number may be linked, and gives the device its own. Until then
    /// messages that name it as their sender wait here.
    pub sender_given_up: bool,
    pub name: String,
    /// sandbox or web.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What it is doing now: unlinked, linking, connecting, online, reconnecting, banned, logged_out, replaced, outdated, paused,
    /// holding (quiet hours, a used-up warm-up, or a block on new contacts), slowed, or offline (no node of the gateway runs it).
    #[schema(value_type = String)]
    pub state: DeviceStatus,
    /// What its messages wait for, as their `reason_code` says it; null while it sends at its own pace.
    pub state_code: Option<ReasonCode>,
    pub state_reason: String,
    /// When the state ends by itself, as with a ban or quiet hours; null when nobody knows.
    #[schema(format = DateTime)]
    pub state_until: Option<String>,
    /// How many of its messages wait; counted about once a second. Null where `wait=false` was asked and they are still counted.
    pub waiting: Option<i64>,
    /// How many of them wait for what, by `reason_code`; empty when none waits, null like `waiting`.
    #[schema(value_type = Option<BTreeMap<String, i64>>, example = json!({"warm_up": 980, "turn": 20}))]
    pub waiting_for: Option<BTreeMap<ReasonCode, i64>>,
    /// When the first of them was accepted; null when none waits.
    #[schema(format = DateTime)]
    pub oldest_waiting_at: Option<String>,
    /// How long ago that was.
    pub oldest_waiting_seconds: Option<i64>,
    /// Since when an account is linked; null when none is. Of a device in the state logged_out: when the account was linked whose link the
    /// phone has ended.
    #[schema(format = DateTime)]
    pub linked_at: Option<String>,
    /// WhatsApp takes no first messages to strangers before this date; null when it does.
    #[schema(format = DateTime)]
    pub strangers_after: Option<String>,
    /// Until this date it is slower than its pacing, because WhatsApp said that it was too much at once; null when it is not.
    #[schema(format = DateTime)]
    pub slow_until: Option<String>,
    /// The least time between two messages meanwhile, in milliseconds.
    pub slow_gap_ms: Option<i64>,
    pub paused: bool,
    /// Whether it sends what names neither sender nor queue.
    pub is_default: bool,
    /// Who paused it, and when; null when it is not paused, or that is not known.
    pub paused_by: Option<String>,
    #[schema(format = DateTime)]
    pub paused_at: Option<String>,
    /// Messages accepted today (UTC).
    pub counter: i64,
    /// Messages a day; 0 for no limit.
    pub limit: i64,
    #[serde(flatten)]
    pub pacing: PacingView,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewDeviceBody {
    #[serde(default)]
    pub client_id: Option<i64>,
    /// sandbox or web.
    pub kind: String,
    #[serde(default)]
    pub sender: Option<String>,
    /// An id that is in a customer's programs already.
    #[serde(default)]
    pub device_id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub limit: i64,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct DeviceChange {
    pub name: Option<String>,
    /// true pauses the device: nothing leaves until it is resumed by false.
    pub paused: Option<bool>,
    pub limit: Option<i64>,
    pub gap_ms: Option<i64>,
    pub gap_jitter_ms: Option<i64>,
    /// Whether a recipient sees that somebody types before a text comes.
    pub typing: Option<bool>,
    /// Whether it sends few messages a day at first, and more from day to day.
    pub warm_up: Option<bool>,
    /// From this time of day messages wait, such as 21:00; null, here and in quiet_to, for no quiet hours.
    #[schema(value_type = Option<String>)]
    #[serde(deserialize_with = "given")]
    pub quiet_from: Option<Option<String>>,
    /// Until this time of day, such as 07:00; it may be of the next day.
    #[schema(value_type = Option<String>)]
    #[serde(deserialize_with = "given")]
    pub quiet_to: Option<Option<String>>,
    /// Where its hours and days are: a name of the IANA database, such as Asia/Jakarta.
    pub time_zone: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct SandboxMessage {
    /// Who writes: a phone number.
    pub from: String,
    pub text: String,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReceivedMessage {
    /// The inbound message's.
    pub id: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedDevice {
    pub device_id: String,
}

/// List a client's devices
#[utoipa::path(get, path = "/devices", tag = "Management", security(("APIKey" = [])), params(Counted),
    responses((status = 200, body = Envelope<Vec<DeviceView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let devices = async {
        let asked: Counted = query(&uri)?;
        let (_, client_id) = api.manager(&headers, asked.client_id).await?;
        let devices = api.store.list_devices(Some(client_id)).await?;
        let queues = match asked.wait {
            Some(false) => api.queues_soon().await,
            _ => Some(api.queues().await?),
        };
        let client = messages::client(&api, client_id).await?;
        let default = gateway::default_of(&devices, &client).map(|device| device.id.clone());
        let mut views = Vec::new();
        for device in devices {
            let is_default = default.as_ref() == Some(&device.id);
            views.push(DeviceView { is_default, ..view(&api, device, queues.as_ref()).await? });
        }
        Ok(views)
    };
    found(&headers, StatusCode::OK, "Devices", devices.await)
}

/// Add a device
#[utoipa::path(post, path = "/devices", tag = "Management", security(("APIKey" = [])), request_body = NewDeviceBody,
    responses((status = 201, body = Envelope<DeviceView>),
    (status = 409, description = "The client has such a device already, or the device_id or sender is not available")))]
pub async fn add(State(api): State<Api>, headers: HeaderMap, body: Body) -> Response {
    let added = async {
        let asker = api.asker(&headers).await?;
        let new: NewDeviceBody = api.json(asker.client.id, &headers, body).await?;
        let (_, client_id) = api.managing(asker, new.client_id).await?;
        let client = api.store.find_client(client_id).await?.ok_or(Problem::NotFound("client with that number"))?;
        let kind: Kind = new.kind.parse().map_err(refused::<UnknownWord>("kind"))?;
        let sender = match &new.sender {
            Some(sender) => api.dial(&client, "sender", |dialling| phone::parse_destination(sender, dialling)).await?,
            None if kind == Kind::Web => String::new(),
            None => return Err(Problem::field("sender", "this kind of device needs a phone number")),
        };
        if new.device_id.as_ref().is_some_and(|id| !is_device_id(id)) {
            return Err(Problem::field("device_id", "a device id is a number, a dash and 15 digits"));
        }
        check_daily_limit(kind, new.limit).map_err(refused("limit"))?;
        if let Some(name) = &new.name {
            check_name(name).map_err(refused("name"))?;
        }
        let id = new.device_id.unwrap_or_else(|| new_device_id(client_id, &api.clock));
        let device = NewDevice {
            id: id.clone(),
            client_id,
            name: new.name.unwrap_or_else(|| format!("{} {sender}", kind.name()).trim().to_owned()),
            sender,
            kind,
            daily_limit: new.limit,
            created_at: api.clock.now(),
        };
        audit::made(&id);
        let (sender, added) = (device.sender.clone(), api.store.add_device(device).await);
        if matches!(added, Err(StoreError::Exists)) {
            return Err(taken(&api, client_id, &id, &sender).await?);
        }
        added?;
        changed(&api);
        view_one(&api, find(&api, &id).await?).await
    };
    found(&headers, StatusCode::CREATED, "Device added", added.await)
}

/// Why an id or a number cannot be used again. Ids and numbers are unique on the whole gateway, so a refusal cannot be avoided; but only what
/// the client has itself is named.
async fn taken(api: &Api, client_id: i64, id: &str, sender: &str) -> Result<Problem, Problem> {
    let own = api.store.list_devices(Some(client_id)).await?;
    let why = if own.iter().any(|device| device.id == id) {
        "this client has a device with this device_id already"
    } else if own.iter().any(|device| device.sender == sender) {
        "this client has a device with this sender already"
    } else {
        "this device_id or this sender is not available; leave device_id out, or give another number"
    };
    Ok(Problem::Conflict(why.into()))
}

/// Show a device
#[utoipa::path(get, path = "/devices/{device_id}", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 200, body = Envelope<DeviceView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let device = async { view_one(&api, managed(&api, &headers, &id).await?).await };
    found(&headers, StatusCode::OK, "Device", device.await)
}

/// Change a device: name, limit, pacing, paused
#[utoipa::path(patch, path = "/devices/{device_id}", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), request_body = DeviceChange,
    responses((status = 200, body = Envelope<DeviceView>)))]
pub async fn change(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, body: Body) -> Response {
    let changed_device = async {
        let device = managed(&api, &headers, &id).await?;
        let by = Some(api.asker(&headers).await?.person.userid.clone());
        let change: DeviceChange = api.json(device.client_id, &headers, body).await?;
        let pacing = pacing::patch(&device, &change)?;
        change.limit.map_or(Ok(()), |limit| check_daily_limit(device.kind, limit)).map_err(refused("limit"))?;
        if let Some(name) = &change.name {
            check_name(name).map_err(refused("name"))?;
        }
        let (name, paused, daily_limit, at) = (change.name, change.paused, change.limit, api.clock.now());
        let patch = DevicePatch { name, paused, by, at, daily_limit, ..pacing };
        api.store.update_device(&id, patch).await?;
        changed(&api);
        view_one(&api, find(&api, &id).await?).await
    };
    found(&headers, StatusCode::OK, "Device changed", changed_device.await)
}

/// Remove a device; what waits in its queue is aborted
#[utoipa::path(delete, path = "/devices/{device_id}", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 200, body = Envelope<RemovedDevice>)))]
pub async fn remove(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let removed = async {
        managed(&api, &headers, &id).await?;
        let aborted = api.store.remove_device(&id, api.clock.now()).await?.unwrap_or(0);
        telemetry::count_aborted(&id, aborted);
        changed(&api);
        Ok(RemovedDevice { device_id: id })
    };
    found(&headers, StatusCode::OK, "Device removed", removed.await)
}

/// Let a sandbox device receive a message
#[utoipa::path(post, path = "/devices/{device_id}/receive", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), request_body = SandboxMessage,
    responses((status = 201, body = Envelope<ReceivedMessage>)))]
pub async fn receive(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, body: Body) -> Response {
    let received = async {
        let device = managed(&api, &headers, &id).await?;
        if device.kind != Kind::Sandbox {
            return Err(Problem::Conflict(
                "only a sandbox plays messages; a real person has to write to this device".into(),
            ));
        }
        let new: SandboxMessage = api.json(device.client_id, &headers, body).await?;
        if new.text.chars().count() > limits::TEXT_CHARS_MAX {
            return Err(Problem::field("text", format!("a text has at most {} characters", limits::TEXT_CHARS_MAX)));
        }
        if let Some(name) = new.name.as_ref().filter(|name| !name.is_empty()) {
            check_name(name).map_err(refused("name"))?;
        }
        let client =
            api.store.find_client(device.client_id).await?.ok_or(Problem::NotFound("client with that number"))?;
        let from = api.dial(&client, "from", |dialling| phone::parse_person(&new.from, dialling)).await?;
        let group = new.group.as_deref().map(phone::parse_group).transpose();
        let group = group.map_err(|bad| Problem::field("group", bad.to_string()))?;
        let message = sandbox_message(&api.clock, from, group, new.name, new.text, None);
        match api.inbox.receive(&device, message).await {
            Ok(Received::New(id)) => Ok(ReceivedMessage { id }),
            Ok(Received::Repeated) => Err(Problem::Conflict("that message is there already".into())),
            Err(InboxError::Store(error)) => Err(error.into()),
            Err(InboxError::File(error)) => Err(error.into()),
        }
    };
    found(&headers, StatusCode::CREATED, "Message received", received.await)
}

/// What a device's change means to who remembers devices.
pub(super) fn changed(api: &Api) {
    api.gateways.forget();
    api.keys.forget();
    api.bells.devices.ring();
}

pub(super) async fn find(api: &Api, id: &str) -> Result<Device, Problem> {
    api.store.find_device(id).await?.ok_or(Problem::NotFound("device with that id"))
}

/// The device, if the asker may manage it.
pub(super) async fn managed(api: &Api, headers: &HeaderMap, id: &str) -> Result<Device, Problem> {
    let (asker, _) = api.manager(headers, None).await?;
    let device = find(api, id).await?;
    if !asker.manages(device.client_id) {
        return Err(Problem::NotFound("device with that id"));
    }
    audit::tell(&asker, device.client_id);
    Ok(device)
}

/// A device by itself, with whether it is its client's default.
async fn view_one(api: &Api, device: Device) -> Result<DeviceView, Problem> {
    let client = messages::client(api, device.client_id).await?;
    let devices = api.store.list_devices(Some(device.client_id)).await?;
    let is_default = gateway::default_of(&devices, &client).is_some_and(|default| default.id == device.id);
    let queues = api.queues().await?;
    Ok(DeviceView { is_default, ..view(api, device, Some(&queues)).await? })
}

/// As it is shown, with what waits for it, if that is known.
async fn view(api: &Api, device: Device, queues: Option<&Waiting>) -> Result<DeviceView, Problem> {
    let now = api.clock.now();
    let is_slow = now < device.slow_until;
    let standing = api.standing(&device).await?;
    let Condition { status, code, reason, until } = condition(&device, standing, now);
    let queue = queues.and_then(|queues| queues.get(&device.id));
    let oldest_at = queue.map(|queue| queue.oldest_at);
    Ok(DeviceView {
        counter: api.store.count_accepted(&device.id, clock::day(now)).await?,
        pacing: pacing::view(api, &device, standing.used),
        waiting_for: queues.map(|_| api.waiting_for(&device, standing, queue)),
        sender_given_up: device.has_given_up_its_number(),
        device_id: device.id,
        client_id: device.client_id,
        sender: device.sender,
        name: device.name,
        kind: device.kind,
        state: status,
        state_code: code,
        state_reason: reason,
        state_until: until.map(clock::rfc3339),
        waiting: queues.map(|_| queue.map_or(0, |queue| queue.waiting)),
        oldest_waiting_at: oldest_at.map(clock::rfc3339),
        oldest_waiting_seconds: oldest_at.map(|at| (now - at).max(0) / 1_000),
        linked_at: device.linked_at.map(clock::rfc3339),
        strangers_after: Some(device.strangers_after).filter(|at| *at > now).map(clock::rfc3339),
        slow_until: is_slow.then(|| clock::rfc3339(device.slow_until)),
        slow_gap_ms: is_slow.then_some(device.slow_gap_ms),
        paused: device.paused,
        is_default: false,
        paused_by: device.paused_by,
        paused_at: device.paused_at.map(clock::rfc3339),
        limit: device.daily_limit,
    })
}
