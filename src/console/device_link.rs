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
use super::visit::{Answer, Refusal, Visit, go};
use crate::device_status::DeviceStatus;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/devices/{id}/link", get(show).post(begin))
        .route("/console/devices/{id}/pairing-code", post(begin_code))
        .route("/console/devices/{id}/qr.svg", get(show_qr))
}

#[derive(Template)]
#[template(path = "device_link.html")]
struct Page {
    frame: Frame,
    device: Device,
    link: Link,
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

/// What the page shows of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nobody links an account.
    Nothing,
    /// No code has come yet, or the last one is no longer good.
    Waiting,
    Qr,
    Code,
    Linked,
    Failed,
}

impl Page {
    fn step(&self) -> Step {
        step(&self.link, self.device.linked_at.is_some(), self.device.state)
    }

    /// Changes with the QR code, so that the browser asks for the new picture.
    fn version(&self) -> String {
        let hash = Sha256::digest(self.link.code.as_deref().unwrap_or_default());
        hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
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

fn step(link: &Link, is_linked: bool, state: DeviceStatus) -> Step {
    let is_gone = matches!(
        state,
        DeviceStatus::Unlinked | DeviceStatus::LoggedOut | DeviceStatus::Replaced | DeviceStatus::Linking
    );
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
    let title = visit.t("Link an account to", "Tautkan akun ke");
    let mut frame = visit.frame(Place::Devices, &format!("{title} {}", device.name));
    frame.is_live = true;
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    if let Some(refusal) = refusal {
        // A form's own address shows nothing by itself.
        frame.here = format!("/console/devices/{id}/link");
        frame.problem = Some(refusal.text);
    }
    Ok(draw(status, &Page { frame, device, link, phone }))
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
        let now = |status, way, code, is_linked, state| step(&link(status, way, code), is_linked, state);
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
    }
}
