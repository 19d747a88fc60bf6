//! `/manage/1.0/devices/{device_id}/link/share`: a page on which somebody without a sign-in links an account to the device, once.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::devices::{changed, find, managed};
use super::found;
use super::links::private;
use crate::account::{CONSOLE, KeyHash, SHARED_LINK, hex_upper};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::limits;
use crate::store::NewLinkShare;

/// Where such a page is, before its token.
pub const PAGE: &str = "/console/link/";

#[derive(Debug, Serialize, ToSchema)]
pub struct LinkShareView {
    pub device_id: String,
    /// The page's address; null when it was revoked. It is given this once.
    pub url: Option<String>,
    /// Until when it is good, if no account is linked before.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// Share a page on which whoever has the phone links it to this device, without a sign-in; it is good once, for 15 minutes
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
        api.linking.check_begin(&device)?;
        let token = hex_upper(&api.clock.random::<16>());
        let now = api.clock.now();
        let expires_at = now + limits::LINK_SHARE_MINUTES * 60_000;
        let share = NewLinkShare {
            device_id: device.id.clone(),
            token: KeyHash::of(&token),
            person_id: asker.person.id,
            key_id: Some(asker.key_id).filter(|key_id| *key_id != CONSOLE),
            expires_at,
        };
        let linking = api.linking.clone();
        if !api.store.share_link(share, now, move |device| linking.check_begin(device).is_ok()).await? {
            api.linking.check_begin(&find(&api, &id).await?)?;
            return Err(Problem::Conflict("the device has changed at this moment; try again".into()));
        }
        // A link that another page showed has ended.
        changed(&api);
        let url = Some(format!("{}{PAGE}{token}", api.public_url));
        Ok(LinkShareView { device_id: device.id, url, expires_at: Some(rfc3339(expires_at)) })
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
        if !api.store.revoke_link_share(&device.id, api.clock.now()).await? {
            return Err(Problem::NotFound("page that is shared for this device"));
        }
        changed(&api);
        Ok(LinkShareView { device_id: device.id, url: None, expires_at: None })
    };
    private(found(&headers, StatusCode::OK, "The page is revoked", revoked.await))
}
