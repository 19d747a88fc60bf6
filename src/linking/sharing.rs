//! Linking pages that are shared: whoever has the address of one links an account to one device, without a sign-in. Called by
//! `api/manage/shares.rs` and `cli/share.rs`; the page is `console/shared_link.rs`.

use super::{LinkError, Links};
use crate::account::{KeyHash, hex_upper};
use crate::clock::Millis;
use crate::device::Device;
use crate::limits;
use crate::store::NewLinkShare;

/// Below which path of the gateway shared linking pages are.
pub const PATH: &str = "/console/link/";

/// A page that was just shared.
#[derive(Debug)]
pub struct SharedPage {
    /// Its path with its token, which is kept nowhere.
    pub path: String,
    pub expires_at: Millis,
}

impl Links {
    /// Shares a page for the device as this person, by this API key if by one. It takes the place of the page that was shared before.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn share(&self, device: &Device, person_id: i64, key_id: Option<i64>) -> Result<SharedPage, LinkError> {
        self.check_begin(device)?;
        let token = hex_upper(&self.clock.random::<16>());
        let now = self.clock.now();
        let expires_at = now + limits::LINK_SHARE_MINUTES * 60_000;
        let (device_id, token_hash) = (device.id.clone(), KeyHash::of(&token));
        let share = NewLinkShare { device_id, token: token_hash, person_id, key_id, expires_at };
        let this = self.clone();
        if self.store.share_link(share, now, move |device| this.check_begin(device).is_ok()).await? {
            return Ok(SharedPage { path: format!("{PATH}{token}"), expires_at });
        }
        match self.store.find_device(&device.id).await? {
            Some(device) => self.check_begin(&device)?,
            None => return Err(LinkError::Refused("the device was removed at this moment")),
        }
        Err(LinkError::Refused("the device has changed at this moment; try again"))
    }

    /// Revokes the page that is shared for a device, and has the link cancelled that is under way. `false` when none is shared.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn revoke(&self, device_id: &str) -> Result<bool, LinkError> {
        Ok(self.store.revoke_link_share(device_id, self.clock.now()).await?)
    }

    /// Until when the page is good that is shared for a device; `None` where none is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn shared_until(&self, device_id: &str) -> Result<Option<Millis>, LinkError> {
        Ok(self.store.find_shared_until(device_id, self.clock.now()).await?)
    }
}
