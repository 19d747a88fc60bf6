//! `/manage/1.0/devices/{device_id}/link/share`: a page on which somebody without a sign-in links an account to the device, once.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::devices::{changed, managed};
use super::found;
use super::links::private;
use crate::account::{CONSOLE, SHARED_LINK};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;

#[derive(Debug, Serialize, ToSchema)]
pub struct LinkShareView {
    pub device_id: String,
    /// The page's address; null when it was revoked. It is given this once.
    pub url: Option<String>,
    /// Until when it is good, if no account is linked before.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// Share a page on which whoever has the phone links it to this device, without a sign-in; it works once, for 15 minutes
#[utoipa::path(post, path = "/devices/{device_id}/link/share", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 201, body = Envelope<LinkShareView>),
    (status = 409, description = "This device is not to be linked, or an account is linked to it")))]
pub async fn add(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let shared = async {
        let device = managed(&api, &headers, &id).await?;
        let asker = api.asker(&headers).await?;
        if asker.key_id == SHARED_LINK {
            return Err(Problem::NotAllowed("a page that was shared shares no other"));
        }
        let key_id = Some(asker.key_id).filter(|key_id| *key_id != CONSOLE);
        let page = api.linking.share(&device, asker.person.id, key_id).await?;
        // A link that another page showed has ended.
        changed(&api);
        let url = Some(format!("{}{}", api.public_url, page.path));
        Ok(LinkShareView { device_id: device.id, url, expires_at: Some(rfc3339(page.expires_at)) })
    };
    private(found(&headers, StatusCode::CREATED, "The page is shared", shared.await))
}

/// Revoke the page that is shared for this device; a link that is under way ends, for the page has shown its code
#[utoipa::path(delete, path = "/devices/{device_id}/link/share", tag = "Management", security(("APIKey" = [])),
    params(("device_id" = String, Path)), responses((status = 200, body = Envelope<LinkShareView>),
    (status = 404, description = "No page is shared for this device")))]
pub async fn remove(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>) -> Response {
    let revoked = async {
        let device = managed(&api, &headers, &id).await?;
        if !api.linking.revoke(&device.id).await? {
            return Err(Problem::NotFound("page that is shared for this device"));
        }
        changed(&api);
        Ok(LinkShareView { device_id: device.id, url: None, expires_at: None })
    };
    private(found(&headers, StatusCode::OK, "The page is revoked", revoked.await))
}
