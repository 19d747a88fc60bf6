//! Linking an account to a device: by a QR code that a phone scans, or by a code that its owner types.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Console;
use super::devices::{Device, at};
use super::forms::Posted;
use super::frame::{Frame, Place, draw};
use super::pairing_link;
use super::visit::{Answer, Refusal, Visit, go};
use crate::device_status::DeviceStatus;
use crate::passkey;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/devices/{id}/link", get(show).post(begin))
        .route("/console/devices/{id}/pairing-code", post(begin_code))
        .route("/console/devices/{id}/passkey", post(answer_passkey))
        .route("/console/devices/{id}/passkey/confirm", post(confirm_passkey))
        .route("/console/devices/{id}/qr.svg", get(show_qr))
}

#[derive(Template)]
#[template(path = "device_link.html")]
struct Page {
    frame: Frame,
    device: Device,
    link: Link,
    passkey: Passkey,
    phone: String,
}

/// How far linking is, as the API shows it.
#[derive(Deserialize)]
struct Link {
    status: String,
    way: Option<String>,
    code: Option<String>,
    expires_at: Option<String>,
    reason: Option<String>,
    notice: String,
}

/// How far the passkey step is, as the API shows it.
#[derive(Deserialize)]
struct Passkey {
    status: String,
    options: Option<Value>,
    pairing_link: Option<String>,
    code: Option<String>,
    expires_at: Option<String>,
}

/// What the page shows of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nobody links an account.
    Nothing,
    /// No code has come yet, or the last one is no longer good.
    Waiting,
    Qr,
    Code,
    /// WhatsApp waits for an assertion.
    Passkey,
    /// It was given an answer.
    PasskeySent,
    /// The code is to be compared with the one on the phone.
    Compare,
    Linked,
    Failed,
}

impl Page {
    fn step(&self) -> Step {
        step(&self.link, &self.passkey.status, self.device.linked_at.is_some(), self.device.state)
    }

    /// Changes with the QR code, so that the browser asks for the new picture.
    fn version(&self) -> String {
        let hash = Sha256::digest(self.link.code.as_deref().unwrap_or_default());
        hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn snippet(&self) -> String {
        self.passkey.options.as_ref().map(|options| passkey::snippet(&options.to_string())).unwrap_or_default()
    }

    /// Where the pairing link is handed over to the extension.
    fn handover(&self) -> String {
        self.passkey.pairing_link.as_deref().map(pairing_link::handover).unwrap_or_default()
    }

    /// A code of eight characters as WhatsApp shows it, in two halves.
    fn spaced(&self) -> String {
        let code = self.link.code.as_deref().unwrap_or_default();
        match code.split_at_checked(4) {
            Some((first, second)) if second.len() == 4 => format!("{first}-{second}"),
            _ => code.to_owned(),
        }
    }
}

fn step(link: &Link, passkey: &str, is_linked: bool, state: DeviceStatus) -> Step {
    let is_gone = matches!(
        state,
        DeviceStatus::Unlinked
            | DeviceStatus::LoggedOut
            | DeviceStatus::Replaced
            | DeviceStatus::Linking
            | DeviceStatus::Passkey
            | DeviceStatus::PasskeyConfirm
    );
    match (passkey, link.status.as_str()) {
        ("required", "waiting" | "shown") => return Step::Passkey,
        ("sent", "waiting" | "shown") => return Step::PasskeySent,
        ("confirm", "waiting" | "shown") => return Step::Compare,
        _ => {}
    }
    match (link.status.as_str(), link.way.as_deref(), &link.code) {
        ("waiting", ..) | ("shown", _, None) => Step::Waiting,
        ("shown", Some("code"), Some(_)) => Step::Code,
        ("shown", _, Some(_)) => Step::Qr,
        ("failed", ..) if !is_linked => Step::Failed,
        // What was linked once may have been ended by the phone since.
        _ if is_linked && !is_gone => Step::Linked,
        _ => Step::Nothing,
    }
}

async fn show(Path(id): Path<String>, visit: Visit) -> Answer {
    page(&visit, &id, None, String::new()).await
}

async fn page(visit: &Visit, id: &str, refusal: Option<Refusal>, phone: String) -> Answer {
    let device: Device = visit.get(&at(visit, id, "")?).await?;
    let link = visit.get(&at(visit, id, "/link")?).await?;
    let passkey = visit.get(&at(visit, id, "/passkey")?).await?;
    let title = visit.t("Link an account to", "Tautkan akun ke");
    let mut frame = visit.frame(Place::Devices, &format!("{title} {}", device.name));
    frame.is_live = true;
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    if let Some(refusal) = refusal {
        // A form's own address shows nothing by itself.
        frame.here = format!("/console/devices/{id}/link");
        frame.problem = Some(refusal.text);
    }
    Ok(draw(status, &Page { frame, device, link, passkey, phone }))
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    match visit.ask::<Value>(Method::POST, &at(&visit, &id, "/link")?, None).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}/link"))),
        Err(refusal) => page(&visit, &id, Some(refusal), String::new()).await,
    }
}

async fn begin_code(Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let phone = fields.text("phone").to_owned();
    match visit.post::<Value>(&at(&visit, &id, "/pairing-code")?, json!({"phone": phone})).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}/link"))),
        Err(refusal) => page(&visit, &id, Some(refusal), phone).await,
    }
}

async fn answer_passkey(Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    // What is no JSON is refused by the API, which says what to paste.
    let assertion = serde_json::from_str(fields.text("assertion")).unwrap_or(Value::Null);
    after_passkey(&visit, &id, "/passkey", Some(assertion)).await
}

async fn confirm_passkey(Path(id): Path<String>, posted: Posted) -> Answer {
    after_passkey(&posted.visit, &id, "/passkey/confirm", None).await
}

async fn after_passkey(visit: &Visit, id: &str, path: &str, body: Option<Value>) -> Answer {
    match visit.ask::<Value>(Method::POST, &at(visit, id, path)?, body).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}/link"))),
        Err(refusal) => page(visit, id, Some(refusal), String::new()).await,
    }
}

/// The QR code's picture, as the API draws it.
async fn show_qr(Path(id): Path<String>, visit: Visit) -> Answer {
    let request = Request::builder().uri(at(&visit, &id, "/qr")?).header(header::ACCEPT, "image/svg+xml");
    let request = request.body(Body::empty());
    let request = request.map_err(|_| visit.refusal(StatusCode::NOT_FOUND, "there is no such device"))?;
    Ok(visit.forward(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(status: &str, way: &str, code: Option<&str>) -> Link {
        Link {
            status: status.into(),
            way: Some(way.into()),
            code: code.map(str::to_owned),
            expires_at: None,
            reason: None,
            notice: String::new(),
        }
    }

    #[test]
    fn a_page_shows_a_code_while_it_is_good_and_a_link_while_it_lasts() {
        let now = |status, way, code, is_linked, state| step(&link(status, way, code), "none", is_linked, state);
        assert_eq!(now("none", "qr", None, false, DeviceStatus::Unlinked), Step::Nothing);
        assert_eq!(now("waiting", "qr", None, false, DeviceStatus::Unlinked), Step::Waiting);
        assert_eq!(now("shown", "qr", Some("2@x"), false, DeviceStatus::Linking), Step::Qr);
        assert_eq!(now("shown", "qr", None, false, DeviceStatus::Linking), Step::Waiting);
        assert_eq!(now("shown", "code", Some("ABCD1234"), false, DeviceStatus::Linking), Step::Code);
        // An account that was linked before is linked anew.
        assert_eq!(now("shown", "qr", Some("2@x"), true, DeviceStatus::Linking), Step::Qr);
        assert_eq!(now("linked", "qr", None, true, DeviceStatus::Connecting), Step::Linked);
        assert_eq!(now("linked", "qr", None, true, DeviceStatus::Online), Step::Linked);
        assert_eq!(now("linked", "qr", None, true, DeviceStatus::LoggedOut), Step::Nothing);
        assert_eq!(now("failed", "qr", None, false, DeviceStatus::Unlinked), Step::Failed);
        let asked = |passkey, status| step(&link(status, "qr", None), passkey, true, DeviceStatus::Passkey);
        assert_eq!(asked("required", "shown"), Step::Passkey);
        assert_eq!(asked("sent", "waiting"), Step::PasskeySent);
        assert_eq!(asked("confirm", "shown"), Step::Compare);
        let failed = step(&link("failed", "qr", None), "failed", false, DeviceStatus::Unlinked);
        assert_eq!(failed, Step::Failed);
    }
}
