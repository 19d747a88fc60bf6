//! Linking an account to a device: by a QR code that a phone scans, or by a code that its owner types.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;

use super::Console;
use super::devices::at;
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::link_steps::{self, Shown, Steps, Wanted};
use super::session::{secret_cookie, set_cookie};
use super::visit::{Answer, Refusal, Visit, go};
use super::words::cookie;
use crate::account::KeyHash;
use crate::clock::rfc3339;
use crate::linking::sharing::PATH;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/devices/{id}/link", get(show).post(begin))
        .route("/console/devices/{id}/link/cancel", post(cancel).get(go_back))
        .route("/console/devices/{id}/pairing-code", post(begin_code).get(go_back))
        .route("/console/devices/{id}/passkey", post(answer_passkey).get(go_back))
        .route("/console/devices/{id}/passkey/confirm", post(confirm_passkey).get(go_back))
        .route("/console/devices/{id}/qr.svg", get(show_qr))
        .route("/console/devices/{id}/link/share", post(share).get(go_back))
        .route("/console/devices/{id}/link/share/revoke", post(revoke).get(go_back))
}

#[derive(Template)]
#[template(path = "device_link.html")]
struct Page {
    frame: Frame,
    steps: Steps,
    /// A page that was just shared: its address is shown this once.
    share: Option<Share>,
}

struct Share {
    url: String,
    expires_at: String,
}

/// What the API answers when a page is shared.
#[derive(Deserialize)]
struct Shared {
    url: String,
}

/// Holds the token of a page that was just shared, from the form to the page that shows its address: loaded again, that page shares none.
const SHARED_COOKIE: &str = "wachat_shared";
const SHARED_SECONDS: i64 = 60;

async fn show(Path(id): Path<String>, headers: HeaderMap, visit: Visit) -> Answer {
    let console = visit.console();
    // Whoever follows a page is no reader who sees the address.
    let token = cookie(&headers, &secret_cookie(console, SHARED_COOKIE)).filter(|_| !visit.is_by_itself());
    let Some(token) = token else { return page(&visit, &id, None, String::new(), None).await };
    let mut response = page(&visit, &id, None, String::new(), find_share(&visit, &id, &token).await).await?;
    set_cookie(&mut response, SHARED_COOKIE, "", console, 0, true);
    Ok(response)
}

/// The page with this token, where it is this device's and still good. Anybody may have set a cookie.
async fn find_share(visit: &Visit, id: &str, token: &str) -> Option<Share> {
    let api = &visit.console().api;
    let share = api.store.find_link_share(&KeyHash::of(token), api.clock.now()).await.ok()??;
    let is_good = share.device_id == id && !share.is_used && !share.is_expired;
    is_good.then(|| Share { url: format!("{}{PATH}{token}", api.public_url), expires_at: rfc3339(share.expires_at) })
}

/// A refused form stays at its own address: loaded again, it is the page.
async fn go_back(Path(id): Path<String>, visit: Visit) -> Answer {
    // Whoever is signed out signs in first.
    drop(visit);
    Ok(go(&format!("/console/devices/{id}/link")))
}

async fn page(visit: &Visit, id: &str, refusal: Option<Refusal>, phone: String, share: Option<Share>) -> Answer {
    let (here, base) = (format!("/console/devices/{id}/link"), format!("/console/devices/{id}"));
    let shown = Shown { here: here.clone(), base, csrf: Some(visit.csrf()), phone, may_begin: true, is_fresh: false };
    let steps = Steps::load(visit, id, shown).await?;
    let title = visit.t("Link an account to", "Tautkan akun ke");
    let mut frame = visit.frame(Place::Devices, &format!("{title} {}", steps.device.name));
    frame.is_live = true;
    // A form's own address shows nothing by itself.
    frame.here = here;
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = refusal.and_then(|refusal| steps.unsaid(refusal.text));
    Ok(draw(status, &Page { frame, steps, share }))
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Answer {
    act(&id, posted, Wanted::Qr).await
}

async fn begin_code(Path(id): Path<String>, posted: Posted) -> Answer {
    act(&id, posted, Wanted::Code).await
}

async fn answer_passkey(Path(id): Path<String>, posted: Posted) -> Answer {
    act(&id, posted, Wanted::PasskeyAnswer).await
}

async fn confirm_passkey(Path(id): Path<String>, posted: Posted) -> Answer {
    act(&id, posted, Wanted::PasskeyConfirm).await
}

async fn cancel(Path(id): Path<String>, posted: Posted) -> Answer {
    act(&id, posted, Wanted::Cancel).await
}

async fn act(id: &str, Posted { visit, fields }: Posted, wanted: Wanted) -> Answer {
    match link_steps::act(&visit, id, wanted, &fields).await {
        Ok(()) => Ok(go(&format!("/console/devices/{id}/link"))),
        Err(refusal) => page(&visit, id, Some(refusal), phone(&fields), None).await,
    }
}

fn phone(fields: &Fields) -> String {
    fields.text("phone").to_owned()
}

async fn share(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Answer {
    match visit.ask::<Shared>(Method::POST, &at(&visit, &id, "/link/share")?, None).await {
        Ok(shared) => {
            let mut response = go(&format!("/console/devices/{id}/link"));
            let token = shared.url.rsplit('/').next().unwrap_or_default();
            set_cookie(&mut response, SHARED_COOKIE, token, visit.console(), SHARED_SECONDS, true);
            Ok(response)
        }
        Err(refusal) => page(&visit, &id, Some(refusal), String::new(), None).await,
    }
}

async fn revoke(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Answer {
    match visit.ask::<Value>(Method::DELETE, &at(&visit, &id, "/link/share")?, None).await {
        Ok(_) => Ok(go(&format!("/console/devices/{id}/link?done=share_revoked"))),
        Err(refusal) => page(&visit, &id, Some(refusal), String::new(), None).await,
    }
}

async fn show_qr(Path(id): Path<String>, visit: Visit) -> Answer {
    link_steps::draw_qr(&visit, &id).await
}
