//! `/manage/1.0/devices/{device_id}/passkey`: the passkey that WhatsApp asks for when some accounts are linked.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::devices::{changed, managed};
use super::found;
use super::links::private;
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::limits;
use crate::linking::{NOT_ASKED, Passkey, failure, pairing};
use crate::passkey::{self, PasskeyAnswer, Status};

#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyView {
    pub device_id: String,
    /// none (WhatsApp asked for no passkey), required (it waits for an assertion), sent (it was given an answer), confirm (the code
    /// is to be compared with the one on the phone) or failed.
    pub status: &'static str,
    /// What WhatsApp asks for, as it gave it: PublicKeyCredentialRequestOptions for parseRequestOptionsFromJSON().
    #[schema(value_type = Option<Object>)]
    pub options: Option<Value>,
    /// With required: where the browser extension gives the assertion, without another credential, once.
    pub pairing_link: Option<String>,
    /// XXXX-XXXX: with confirm, and with sent once it was confirmed here, for the phone may still show it.
    pub code: Option<String>,
    /// Until when WhatsApp waits.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// The same for programs, as in GET …/link.
    pub reason_code: Option<&'static str>,
}

/// What is wrong with a body without a code.
const NO_CODE: &str = "is missing; give the code that was compared, such as ABCD-1234, or send no body at all";

/// What a person compared with the phone.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Compared {
    /// The code that was shown; 409 where WhatsApp gives another by now.
    #[schema(value_type = String, required = true)]
    code: Option<String>,
}

/// Show what WhatsApp asks for before it links an account that has a passkey
#[utoipa::path(get, path = "/devices/{device_id}/passkey", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 200, body = Envelope<PasskeyView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let shown = async {
        managed(&api, &headers, &id).await?;
        view(&api, &id).await
    };
    private(found(&headers, StatusCode::OK, "Passkey", shown.await))
}

/// Give the assertion that WhatsApp asks for: the JSON of `PublicKeyCredential.toJSON()`, created on web.whatsapp.com
#[utoipa::path(post, path = "/devices/{device_id}/passkey", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), request_body(content = Object), responses(
    (status = 202, body = Envelope<PasskeyView>),
    (status = 409, description = "WhatsApp does not wait for an assertion at this moment")))]
pub async fn answer(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, body: Body) -> Response {
    let answered = async {
        let device = managed(&api, &headers, &id).await?;
        let assertion = api.json_value(device.client_id, &headers, body).await?;
        let asked = waiting(&api, &id, Status::Required).await?;
        let assertion =
            passkey::check(&assertion, &asked.options).map_err(|bad| Problem::field("response", bad.to_string()))?;
        api.linking.answer_passkey(&id, &asked, &PasskeyAnswer::Assertion(assertion)).await?;
        changed(&api);
        view(&api, &id).await
    };
    private(found(&headers, StatusCode::ACCEPTED, "The assertion is passed on to WhatsApp", answered.await))
}

/// Say that the code is the one that the phone shows; with a code, that this one is
#[utoipa::path(post, path = "/devices/{device_id}/passkey/confirm", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), request_body(content = Option<Compared>), responses(
    (status = 202, body = Envelope<PasskeyView>),
    (status = 409, description = "No code is to be compared at this moment, or another one")))]
pub async fn confirm(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, body: Body) -> Response {
    let confirmed = async {
        let device = managed(&api, &headers, &id).await?;
        let compared = compared(&api, device.client_id, &headers, body).await?;
        let asked = waiting(&api, &id, Status::Confirm).await?;
        let shown = asked.code.as_deref().map(plain);
        if compared.is_some_and(|code| shown != Some(plain(&code))) {
            return Err(Problem::Conflict("that is not the code that is shown now; compare again".into()));
        }
        api.linking.answer_passkey(&id, &asked, &PasskeyAnswer::Confirm).await?;
        changed(&api);
        view(&api, &id).await
    };
    private(found(&headers, StatusCode::ACCEPTED, "The confirmation is passed on to WhatsApp", confirmed.await))
}

/// A code as it is compared: people leave its dash out, and write it small.
fn plain(code: &str) -> String {
    code.chars().filter(|c| *c != '-' && !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// The code that was compared; a request may go without a body. One whose body holds no code may have lost it on its way from whoever
/// compared, or have misspelt it: it confirms nothing.
async fn compared(api: &Api, client_id: i64, headers: &HeaderMap, body: Body) -> Result<Option<String>, Problem> {
    let body = api.read_body(client_id, headers, body, limits::BODY_BYTES_MAX).await?;
    if body.is_empty() || body.trim_ascii() == b"null" {
        return Ok(None);
    }
    let Compared { code } = api.json(client_id, headers, Body::from(body)).await?;
    let code = code.filter(|code| !plain(code).is_empty());
    code.map(Some).ok_or_else(|| Problem::field("code", NO_CODE))
}

/// The step, if it waits for this answer.
async fn waiting(api: &Api, id: &str, status: Status) -> Result<Passkey, Problem> {
    let now = api.clock.now();
    let refusal = match api.linking.passkey(id).await? {
        Some(step) if step.status == status && step.expires_at > now => return Ok(step),
        None => "WhatsApp asked for no passkey; begin to link an account",
        Some(step) if step.status == Status::Failed => "the passkey step has failed; begin to link again",
        Some(step) if step.expires_at <= now => "WhatsApp's request has expired; begin to link again",
        Some(_) => NOT_ASKED,
    };
    Err(Problem::Conflict(refusal.into()))
}

async fn view(api: &Api, id: &str) -> Result<PasskeyView, Problem> {
    let Some(step) = api.linking.passkey(id).await? else {
        let device_id = id.to_owned();
        return Ok(PasskeyView {
            device_id,
            status: "none",
            options: None,
            pairing_link: None,
            code: None,
            expires_at: None,
            reason: None,
            reason_code: None,
        });
    };
    let is_failed = step.status == Status::Failed;
    let token = api.linking.pairing_token(id, &step);
    let link = if is_failed { api.linking.look(id).await? } else { None };
    let reason = link.map(|link| link.reason).filter(|reason| !reason.is_empty());
    Ok(PasskeyView {
        device_id: id.to_owned(),
        status: step.status.name(),
        options: serde_json::from_str(&step.options).ok().filter(|_| step.status == Status::Required),
        pairing_link: token.map(|token| format!("{}{}{token}", api.public_url, pairing::PATH)),
        code: step.code.filter(|_| matches!(step.status, Status::Confirm | Status::Sent)),
        expires_at: Some(rfc3339(step.expires_at)).filter(|_| !is_failed),
        reason_code: reason.as_deref().map(failure::code),
        reason,
    })
}
