//! `/manage/1.0/devices/{device_id}/link` and what belongs to it: linking an account by a QR code or a typed code, and ending the link.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::{changed, find, managed};
use super::{found, query};
use crate::api::Api;
use crate::api::answer::{self, Envelope, Format};
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::{millis, rfc3339};
use crate::device::{Device, DeviceState, LinkWay, Wish};
use crate::limits;
use crate::linking::{Cancelling, Linking, NOTICE, Status, Way, failure};
use crate::phone::{self, BadDestination};
use crate::qr::Qr;

/// How often a code that is typed is looked for while a request waits for it.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Serialize, ToSchema)]
pub struct LinkView {
    pub device_id: String,
    /// The phone number of the account that is linked, or was; empty when none ever was.
    pub sender: String,
    /// The device's state.
    pub state: &'static str,
    /// none (nobody ever wanted a link), waiting (for the code), shown, connecting (the phone has linked the account, and WhatsApp has
    /// not let the gateway in with it yet), linked or failed.
    pub status: &'static str,
    /// qr or code.
    pub way: Option<&'static str>,
    /// What the phone is to scan, or a person to type; null while there is none.
    pub code: Option<String>,
    /// With a code to type: the number of the phone that it is for.
    pub phone: Option<String>,
    /// Until when the code is good, if no newer one comes first.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// The same for programs: unreachable, timed_out, no_code, too_many_codes, device_name_refused, not_on_whatsapp, code_too_old,
    /// code_not_offered, account_restricted, too_many_devices, not_let_in, outdated, passkey_timed_out, passkey_refused, phone_timed_out,
    /// code_not_compared, refused_on_phone, connection_lost, restarted, cancelled, codes_differ, other_number, number_taken, unlinked or failed.
    pub reason_code: Option<&'static str>,
    #[schema(format = DateTime)]
    pub changed_at: Option<String>,
    /// Until when a linking page is shared on which this may be begun without a sign-in; null where none is.
    #[schema(format = DateTime)]
    pub shared_until: Option<String>,
    /// The number whose phone alone may be linked; null where any phone may be.
    pub expected_sender: Option<String>,
    /// Whether the number in sender was given up by unlinking: the phone of any number may be linked, and gives the device its own.
    pub sender_given_up: bool,
    /// Whether the link is being ended at this moment, as was wanted.
    pub is_ending: bool,
    /// What to know before linking.
    pub notice: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct QrView {
    pub device_id: String,
    /// The text of the QR code.
    pub qr: String,
    pub status: &'static str,
    /// Until when it is good, if no newer one comes first.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct PairingPhone {
    /// The phone number of the account to link.
    pub phone: String,
}

/// How a QR code is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Text,
    Svg,
    Png,
}

/// Show how far the linking of a device is
#[utoipa::path(get, path = "/devices/{device_id}/link", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 200, body = Envelope<LinkView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let link = async { view(&api, managed(&api, &headers, &id).await?).await };
    private(found(&headers, StatusCode::OK, "Link", link.await))
}

/// Begin to link an account by a QR code, which GET …/qr shows
#[utoipa::path(post, path = "/devices/{device_id}/link", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 202, body = Envelope<LinkView>),
    (status = 409, description = "This device is not to be linked, or an account is linked to it")))]
pub async fn begin(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let begun = async {
        let device = managed(&api, &headers, &id).await?;
        begin_as(&api, &headers, &device, LinkWay::Qr).await?;
        view(&api, find(&api, &id).await?).await
    };
    private(found(&headers, StatusCode::ACCEPTED, "Linking begins", begun.await))
}

/// Why an attempt is cancelled.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CancelOf {
    /// true: because the phone shows another code than the one to compare; whoever looks at the device is then warned
    pub codes_differ: Option<bool>,
}

/// Cancel the attempt to link that is under way: what it has shown links nothing any more. The device keeps its number
#[utoipa::path(delete, path = "/devices/{device_id}/link", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path), CancelOf), responses((status = 202, body = Envelope<LinkView>),
    (status = 409, description = "No account is being linked to this device")))]
pub async fn cancel(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let cancelled = async {
        managed(&api, &headers, &id).await?;
        let CancelOf { codes_differ } = query(&uri)?;
        let why = if codes_differ == Some(true) { Cancelling::CodesDiffer } else { Cancelling::Wanted };
        api.linking.cancel(&id, why).await?;
        changed(&api);
        view(&api, find(&api, &id).await?).await
    };
    private(found(&headers, StatusCode::ACCEPTED, "Linking is cancelled", cancelled.await))
}

/// Show the QR code to scan as it is now: its text, or by Accept its picture as SVG or PNG
#[utoipa::path(get, path = "/devices/{device_id}/qr", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses(
    (status = 200, content((Envelope<QrView> = "application/json"), (String = "image/svg+xml"), (String = "image/png"))),
    (status = 409, description = "There is no QR code at this moment")))]
pub async fn show_qr(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let code = async {
        let device = managed(&api, &headers, &id).await?;
        qr_of(device, api.linking.look(&id).await?)
    };
    let drawn = Drawn::of(&headers);
    let response = match code.await {
        Ok(view) if drawn != Drawn::Text => picture(&view.qr, drawn, &headers),
        other => found(&headers, StatusCode::OK, "QR code", other),
    };
    private(response)
}

/// Begin to link an account by a code that its owner types; waits a few seconds for it
#[utoipa::path(post, path = "/devices/{device_id}/pairing-code", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), request_body = PairingPhone, responses(
    (status = 200, body = Envelope<LinkView>),
    (status = 202, description = "The code is not there yet; GET …/link shows it", body = Envelope<LinkView>),
    (status = 409, description = "This device is not to be linked, or not to this number, an account is linked to it, or WhatsApp gives no code")))]
pub async fn begin_code(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, body: Body) -> Response {
    let code = async {
        let device = managed(&api, &headers, &id).await?;
        let wanted: PairingPhone = api.json(device.client_id, &headers, body).await?;
        let client = api.store.find_client(device.client_id).await?;
        let client = client.ok_or(Problem::NotFound("client with that number"))?;
        let phone = api.store.dial(&client, |dialling| phone::parse_destination(&wanted.phone, dialling)).await?;
        let phone = phone.map_err(|bad| Problem::field("phone", phone_fault(&bad)))?;
        begin_as(&api, &headers, &device, LinkWay::Code { phone }).await?;
        await_code(&api, &id).await?;
        view(&api, find(&api, &id).await?).await
    };
    let code = code.await;
    let (status, message) = match &code {
        Ok(view) if view.code.is_none() => (StatusCode::ACCEPTED, "The code is not there yet; ask for the link again"),
        _ => (StatusCode::OK, "Pairing code"),
    };
    private(found(&headers, status, message, code))
}

/// End the link of a device's account; its queue is kept
#[utoipa::path(post, path = "/devices/{device_id}/unlink", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 202, body = Envelope<LinkView>),
    (status = 409, description = "A device of this kind has no link")))]
pub async fn end(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let ended = async {
        let device = managed(&api, &headers, &id).await?;
        api.linking.end(&device).await?;
        changed(&api);
        view(&api, find(&api, &id).await?).await
    };
    private(found(&headers, StatusCode::ACCEPTED, "Unlinking begins", ended.await))
}

impl Drawn {
    /// By the `Accept` header's quality values; of two that are wanted as much, the first.
    fn of(headers: &HeaderMap) -> Self {
        let mut best = (Self::Text, 0);
        for accept in headers.get_all(header::ACCEPT) {
            for range in accept.to_str().unwrap_or_default().split(',') {
                let mut parts = range.split(';').map(str::trim);
                let drawn = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                    "image/svg+xml" => Self::Svg,
                    "image/png" | "image/*" => Self::Png,
                    "application/json" | "text/json" | "application/xml" | "text/xml" | "application/*" | "*/*" => {
                        Self::Text
                    }
                    _ => continue,
                };
                let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, answer::thousandths);
                if quality > best.1 {
                    best = (drawn, quality);
                }
            }
        }
        best.0
    }
}

/// Why a text is no phone number of an account, where nobody has a message's recipient in mind.
fn phone_fault(bad: &BadDestination) -> String {
    match bad {
        BadDestination::TooLong => "a phone number has at most 15 digits".to_owned(),
        BadDestination::Several => "these are several numbers; give one".to_owned(),
        BadDestination::Chat(text) => {
            format!("{text} is no phone number; give one in international form, such as 6281234567890")
        }
        bad => bad.to_string(),
    }
}

/// The QR code that is shown now; where there is none, what to do.
fn qr_of(device: Device, link: Option<Linking>) -> Result<QrView, Problem> {
    let told = match link {
        Some(Linking { way: Way::Qr, status, code: Some(qr), expires_at, .. }) => {
            let expires_at = expires_at.map(rfc3339);
            return Ok(QrView { device_id: device.id, qr, status: status.name(), expires_at });
        }
        Some(Linking { status: Status::Waiting | Status::Shown, .. })
            if matches!(device.state, DeviceState::Passkey | DeviceState::PasskeyConfirm) =>
        {
            "WhatsApp waits for the account's passkey; GET …/passkey says how far that is"
        }
        Some(Linking { status: Status::Waiting | Status::Shown, way: Way::Qr, .. }) => {
            "there is no QR code at this moment; ask again in a second"
        }
        Some(Linking { status: Status::Waiting | Status::Shown, .. }) => {
            "an account is being linked by a code that is typed; GET …/link shows it, POST …/link begins with a QR code"
        }
        Some(Linking { status: Status::Connecting, .. }) => {
            "the phone has linked the account, and the gateway connects with it; GET …/link says when it is linked"
        }
        Some(Linking { status: Status::Linked, .. }) => "the account is linked; there is no QR code any more",
        Some(Linking { status: Status::Failed, .. }) => {
            "linking has ended; POST …/link begins again, GET …/link says why"
        }
        None => "nobody links an account to this device; POST …/link begins",
    };
    Err(Problem::Conflict(told.into()))
}

/// Begins as whoever asks: on a page that was shared, while it is good.
async fn begin_as(api: &Api, headers: &HeaderMap, device: &Device, way: LinkWay) -> Result<(), Problem> {
    match &api.asker(headers).await?.page {
        Some(page) => api.linking.begin_on_page(device, way, page).await?,
        None => api.linking.begin(device, way).await?,
    }
    changed(api);
    Ok(())
}

/// Waits for the code that was wished for, for a few seconds.
async fn await_code(api: &Api, id: &str) -> Result<(), Problem> {
    let until = api.clock.now() + millis(Duration::from_millis(limits::LINK_CODE_WAIT_MS_MAX));
    while api.clock.now() < until {
        match api.linking.look(id).await? {
            Some(link) if link.status == Status::Failed => {
                return Err(Problem::Conflict(format!("no code can be had: {}", link.reason)));
            }
            Some(link) if link.status == Status::Waiting => api.clock.sleep(LOOK).await,
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn picture(text: &str, drawn: Drawn, headers: &HeaderMap) -> Response {
    let Ok(qr) = Qr::of(text) else {
        let log = format!("a QR code of {} bytes cannot be drawn", text.len());
        return Problem::Internal(log).response(Format::of(headers));
    };
    let (kind, bytes) = match drawn {
        Drawn::Svg => ("image/svg+xml", qr.svg().into_bytes()),
        Drawn::Png | Drawn::Text => ("image/png", qr.png()),
    };
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A code links whoever has it: no cache on the way keeps it. One address answers in several forms.
pub(super) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(super) async fn view(api: &Api, device: Device) -> Result<LinkView, Problem> {
    let link = api.linking.look(&device.id).await?;
    let shared_until = api.linking.shared_until(&device.id).await?.map(rfc3339);
    let expected_sender = api.linking.expected_sender(&device).await?;
    let (sender_given_up, is_ending) = (device.has_given_up_its_number(), device.wish() == Some(Wish::Unlink));
    let phone = match device.wish() {
        Some(Wish::Link(LinkWay::Code { phone })) => Some(phone),
        _ => None,
    };
    let reason = link.as_ref().map(|link| link.reason.clone()).filter(|reason| !reason.is_empty());
    Ok(LinkView {
        state: device.state.name(),
        device_id: device.id,
        sender: device.sender,
        status: link.as_ref().map_or("none", |link| link.status.name()),
        way: link.as_ref().map(|link| link.way.name()),
        expires_at: link.as_ref().and_then(|link| link.expires_at).map(rfc3339),
        changed_at: link.as_ref().map(|link| rfc3339(link.changed_at)),
        code: link.and_then(|link| link.code),
        phone,
        reason_code: reason.as_deref().map(failure::code),
        reason,
        shared_until,
        expected_sender,
        sender_given_up,
        is_ending,
        notice: NOTICE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_given_to_who_asks_for_one() {
        for (accept, wanted) in [
            ("image/svg+xml", Drawn::Svg),
            ("image/png", Drawn::Png),
            ("image/*", Drawn::Png),
            ("image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8", Drawn::Svg),
            ("application/json", Drawn::Text),
            ("application/json, image/png;q=0.5", Drawn::Text),
            ("text/xml", Drawn::Text),
            ("*/*", Drawn::Text),
            ("image/png;q=0", Drawn::Text),
            ("image/webp", Drawn::Text),
            ("", Drawn::Text),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Drawn::of(&headers), wanted, "{accept}");
        }
    }
}
