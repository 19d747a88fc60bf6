//! The devices: all of them, and adding one.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::Console;
use super::asking::Asking;
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::states::{self, Restraint, Told};
use super::visit::{Answer, Refusal, Visit, go};
use crate::device::{Kind, NOT_LINKED, is_device_id};
use crate::device_status::DeviceStatus;
use crate::reason::ReasonCode;

/// So many devices are seen at a glance; among more one is looked for.
pub const AT_A_GLANCE: usize = 10;
/// Of its limit a device may use so many hundredths before somebody should know.
const NEARLY_PERCENT: i64 = 90;

pub fn routes() -> Router<Console> {
    Router::new().route("/console/devices", get(show).post(add))
}

/// A device, as the API shows it.
#[derive(Deserialize)]
pub struct Device {
    pub device_id: String,
    pub name: String,
    pub sender: String,
    pub kind: Kind,
    pub state: DeviceStatus,
    pub state_code: Option<ReasonCode>,
    pub state_reason: String,
    pub state_until: Option<String>,
    pub linked_at: Option<String>,
    /// Whether its number was given up by unlinking.
    pub sender_given_up: bool,
    pub strangers_after: Option<String>,
    pub slow_gap_ms: Option<i64>,
    pub paused: bool,
    pub paused_by: Option<String>,
    /// `None` while they are counted.
    pub waiting: Option<i64>,
    #[serde(default)]
    pub waiting_for: Option<BTreeMap<ReasonCode, i64>>,
    pub oldest_waiting_at: Option<String>,
    pub counter: i64,
    pub limit: i64,
    pub gap_ms: i64,
    pub gap_jitter_ms: i64,
    pub typing: bool,
    pub warm_up: bool,
    pub warm_up_allowance: Option<i64>,
    pub warm_up_used: Option<i64>,
    pub quiet_from: Option<String>,
    pub quiet_to: Option<String>,
    pub time_zone: String,
}

impl Device {
    pub fn is_sandbox(&self) -> bool {
        self.kind == Kind::Sandbox
    }

    /// Whether a phone's account is linked to devices of its kind.
    pub fn is_web(&self) -> bool {
        self.kind == Kind::Web
    }

    /// Whether an account may be linked as it is; else the link of now is ended first.
    pub fn may_link(&self) -> bool {
        let is_gone = matches!(
            self.state,
            DeviceStatus::Unlinked
                | DeviceStatus::Linking
                | DeviceStatus::Passkey
                | DeviceStatus::PasskeyConfirm
                | DeviceStatus::LoggedOut
                | DeviceStatus::Replaced
        );
        self.is_web() && (self.linked_at.is_none() || is_gone)
    }

    /// Whether an account is being linked to it at this moment.
    pub fn is_being_linked(&self) -> bool {
        // The phone has linked an account, and WhatsApp has not let the gateway in with it yet.
        let is_paired = self.is_web() && self.state == DeviceStatus::Connecting && self.linked_at.is_none();
        is_paired || matches!(self.state, DeviceStatus::Linking | DeviceStatus::Passkey | DeviceStatus::PasskeyConfirm)
    }

    /// What leads to its linking page.
    pub fn link_label<'a>(&self, frame: &'a Frame) -> &'a str {
        if self.is_being_linked() {
            frame.t("Go on with the linking", "Lanjutkan penautan")
        } else {
            frame.t("Link an account", "Tautkan akun")
        }
    }

    /// Whether the phone has ended the link of the account that the device last had.
    pub fn is_logged_out(&self) -> bool {
        self.state == DeviceStatus::LoggedOut
    }

    pub fn has_limit(&self) -> bool {
        self.limit > 0
    }

    /// From where on the day's limit is nearly used up.
    pub fn nearly(&self) -> i64 {
        (self.limit * NEARLY_PERCENT + 99) / 100
    }

    pub fn is_nearly_used_up(&self) -> bool {
        self.has_limit() && self.counter >= self.nearly()
    }

    pub fn needs_person(&self) -> bool {
        states::needs_person(self.kind, self.state, self.waiting.unwrap_or(0))
    }

    pub fn told<'a>(&self, frame: &'a Frame) -> Told<'a> {
        states::told(&frame.viewer, self.kind, self.state)
    }

    /// Its state in a word or two.
    pub fn label(&self, frame: &Frame) -> &'static str {
        states::label(&frame.viewer, self.state)
    }

    /// Its state in a sentence.
    pub fn headline(&self, frame: &Frame) -> String {
        self.sentence(frame).unwrap_or_else(|| self.told(frame).words.to_owned())
    }

    /// What to do about its state, where the headline does not say it.
    pub fn to_do<'a>(&self, frame: &'a Frame) -> &'a str {
        if self.sentence(frame).is_some() { "" } else { self.told(frame).to_do }
    }

    /// The same, beside why it is in its state: a reason may say what to do.
    pub fn to_do_beside_why<'a>(&self, frame: &'a Frame) -> &'a str {
        match self.state {
            DeviceStatus::Banned if self.state_reason.contains("; open WhatsApp on the phone") => {
                frame.t("Messages wait meanwhile.", "Pesan menunggu selama itu.")
            }
            _ => self.to_do(frame),
        }
    }

    /// Its state, and what to do about it, in sentences.
    pub fn said(&self, frame: &Frame) -> String {
        let Told { words, to_do } = self.told(frame);
        self.sentence(frame).unwrap_or_else(|| format!("{words}. {to_do}"))
    }

    fn sentence(&self, frame: &Frame) -> Option<String> {
        let restraint = Restraint {
            status: self.state,
            code: self.state_code,
            until: self.state_until.as_ref().map(|until| frame.time(until)),
            paused_by: self.paused_by.as_deref(),
        };
        states::sentence(&frame.viewer, &restraint)
    }

    /// What its messages wait for, and how many for each; empty where all of them only wait for their turn.
    pub fn waits_for(&self, frame: &Frame) -> String {
        self.waiting_for.as_ref().map_or_else(String::new, |counts| states::waits_for(&frame.viewer, counts))
    }

    /// Until when its state is expected to last, where neither the headline nor the reason says it.
    pub fn expected_until(&self) -> Option<&str> {
        self.state_until.as_deref().filter(|until| !self.is_restrained() && !self.state_reason.contains(until))
    }

    fn is_restrained(&self) -> bool {
        matches!(self.state, DeviceStatus::Paused | DeviceStatus::Holding | DeviceStatus::Slowed)
    }

    /// Until when WhatsApp blocks messages to new contacts, where the headline is about something else.
    pub fn blocked_until(&self) -> Option<&str> {
        self.strangers_after.as_deref().filter(|_| self.state_code != Some(ReasonCode::NewContacts))
    }

    /// Why it is in its state, where that says more than the state does.
    pub fn why(&self) -> &str {
        let is_new =
            self.state == DeviceStatus::Unlinked && self.linked_at.is_none() && self.state_reason == NOT_LINKED;
        // The headline says it already.
        let is_said = self.is_restrained() || self.state == DeviceStatus::Offline;
        if is_new || is_said || states::is_said(self.state, &self.state_reason) { "" } else { &self.state_reason }
    }

    /// Whether it is what somebody looks for, by a part of its name, number, id or state.
    fn is_found_by(&self, words: &str) -> bool {
        let own: [&str; 4] = [&self.name, &self.sender, &self.device_id, self.state.name()];
        own.iter().any(|text| text.to_lowercase().contains(words))
    }
}

/// Where the API has a device, or what is below it.
///
/// # Errors
/// 404 for what is no device's id.
pub fn at(asking: &Asking, id: &str, rest: &str) -> Result<String, Refusal> {
    if is_device_id(id) {
        return Ok(format!("/manage/1.0/devices/{id}{rest}"));
    }
    let text = asking.t("there is no device with that id", "tidak ada perangkat dengan id itu");
    Err(asking.refusal(StatusCode::NOT_FOUND, text))
}

/// A whole number from a form; `None` where nothing is given.
///
/// # Errors
/// 422 for what is none.
pub fn whole(visit: &Visit, fields: &Fields, name: &str) -> Result<Option<i64>, Refusal> {
    let parsed = fields.given(name).map(|text| text.parse().map_err(|_| text)).transpose();
    parsed.map_err(|text| {
        let reason = visit.t("is not a whole number", "bukan bilangan bulat");
        visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, &format!("'{text}' {reason}"))
    })
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Page {
    frame: Frame,
    /// Those that were looked for.
    devices: Vec<Device>,
    /// How many there are.
    count: usize,
    find: String,
    typed: Typed,
}

impl Page {
    fn is_long(&self) -> bool {
        self.count > AT_A_GLANCE
    }
}

/// What a form held whose device was not added.
#[derive(Default)]
struct Typed {
    kind: String,
    name: String,
    sender: String,
    limit: String,
}

async fn show(visit: Visit) -> Answer {
    page(&visit, None, Typed::default()).await
}

async fn page(visit: &Visit, refusal: Option<Refusal>, typed: Typed) -> Answer {
    let mut frame = visit.frame(Place::Devices, visit.t("Devices", "Perangkat"));
    frame.is_live = true;
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = refusal.map(|refusal| refusal.text);
    let mut devices: Vec<Device> = visit.get("/manage/1.0/devices?wait=false").await?;
    let (count, find) = (devices.len(), visit.query("find").unwrap_or_default());
    devices.retain(|device| device.is_found_by(&find.to_lowercase()));
    Ok(draw(status, &Page { frame, devices, count, find, typed }))
}

async fn add(posted: Posted) -> Answer {
    #[derive(Deserialize)]
    struct Added {
        device_id: String,
    }
    let Posted { visit, fields } = posted;
    let kind = fields.text("kind");
    let added = async {
        let limit = whole(&visit, &fields, "limit")?.unwrap_or(0);
        let new = json!({"client_id": visit.client().id, "kind": kind, "name": fields.given("name"),
            "sender": fields.given("sender"), "limit": limit});
        visit.post::<Added>("/manage/1.0/devices", new).await
    };
    match added.await {
        // A phone's account comes next.
        Ok(added) if kind == Kind::Web.name() => {
            Ok(go(&format!("/console/devices/{}/link?done=added", added.device_id)))
        }
        Ok(added) => Ok(go(&format!("/console/devices/{}?done=added", added.device_id))),
        Err(refusal) => {
            let [kind, name, sender, limit] =
                ["kind", "name", "sender", "limit"].map(|field| fields.text(field).to_owned());
            page(&visit, Some(refusal), Typed { kind, name, sender, limit }).await
        }
    }
}
