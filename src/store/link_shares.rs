//! Pages on which somebody without a sign-in links an account to a device: for which device, who shared it, until when.

use super::links::{cancel, lock_device};
use super::row::row;
use super::{Conn, Store, StoreError, accounts, devices, sql};
use crate::account::{Caller, Client, KeyHash, Person, Role, SHARED_LINK};
use crate::clock::Millis;
use crate::device::{Device, Wish};
use crate::limits;

/// A page to share. It takes the place of the one that the device had.
#[derive(Debug, Clone)]
pub struct NewLinkShare {
    pub device_id: String,
    pub token: KeyHash,
    pub person_id: i64,
    /// The API key with which it is shared, where no person did it in the console.
    pub key_id: Option<i64>,
    pub expires_at: Millis,
}

/// A page that is shared.
#[derive(Debug, Clone)]
pub struct LinkShare {
    pub device_id: String,
    /// Nothing is begun on it after that. What was begun before is shown to its end.
    pub expires_at: Millis,
    pub is_expired: bool,
    /// Whether an account is linked, or was since.
    pub is_used: bool,
    /// Who shared it, with the device's client.
    pub caller: Caller,
}

/// A page of the device `$1` that does something at the moment `$2`.
macro_rules! good {
    () => {
        "device_id = $1 AND used_at IS NULL AND (expires_at > $2 OR EXISTS (SELECT 1 FROM devices \
         WHERE devices.id = link_shares.device_id AND devices.wish IN ('qr', 'code') AND devices.wish_at < link_shares.expires_at))"
    };
}

#[derive(Debug)]
struct Stored {
    device_id: String,
    person_id: i64,
    client_id: i64,
    expires_at: Millis,
    used_at: Option<Millis>,
    /// Whether the API key is no longer good with which it was shared.
    has_lost_key: bool,
}

row!(Stored { device_id, person_id, client_id, expires_at, used_at, has_lost_key });

impl Store {
    /// Stores a page to share; a link that is under way while another page is good is ended, as by [`Store::revoke_link_share`].
    /// `false` when the device is not there any more, or is not to be linked as it is by now.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn share_link(
        &self,
        share: NewLinkShare,
        now: Millis,
        may_be_linked: impl Fn(&Device) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                // A link that completes at this moment either came first, or ends the page.
                let device = lock_device(conn, &share.device_id).await?;
                let Some(device) = device.filter(|device| may_be_linked(device)) else { return Ok(false) };
                revoke(conn, &device, now).await?;
                sql!(
                    conn,
                    execute,
                    "INSERT INTO link_shares (device_id, token, person_id, expires_at, key_id) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (device_id) DO UPDATE SET token = excluded.token, person_id = excluded.person_id, \
                     expires_at = excluded.expires_at, key_id = excluded.key_id, used_at = NULL",
                    &share.device_id,
                    &share.token.0[..],
                    share.person_id,
                    share.expires_at,
                    share.key_id,
                )?;
                Ok(true)
            })
        })
        .await
    }

    /// The page with this token, while it is good and who shared it may still manage the device. It outlives its time with the attempt that
    /// was begun before, and a moment longer, so that how it ended is seen.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_link_share(&self, token: &KeyHash, now: Millis) -> Result<Option<LinkShare>, StoreError> {
        let mut conn = self.reader().await?;
        let stored = sql!(
            &mut conn,
            optional as Stored,
            "SELECT link_shares.device_id AS device_id, person_id, devices.client_id AS client_id, \
             link_shares.expires_at AS expires_at, used_at, \
             key_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM api_keys WHERE api_keys.id = key_id AND revoked_at IS NULL \
             AND (api_keys.expires_at IS NULL OR api_keys.expires_at > $2)) AS has_lost_key FROM link_shares \
             JOIN devices ON devices.id = link_shares.device_id AND devices.removed_at IS NULL \
             LEFT JOIN device_links ON device_links.device_id = link_shares.device_id \
             WHERE token = $1 AND (link_shares.expires_at > $2 OR (devices.wish_at < link_shares.expires_at \
             AND (devices.wish IN ('qr', 'code') OR device_links.changed_at > $3)))",
            &token.0[..],
            now,
            now - limits::LINK_END_SHOWN_MS,
        )?;
        let Some(stored) = stored.filter(|stored| !stored.has_lost_key) else { return Ok(None) };
        let person = sql!(&mut conn, one as Person, accounts::person!("WHERE id = $1"), stored.person_id)?;
        let client = sql!(&mut conn, one as Client, accounts::client!("WHERE id = $1"), stored.client_id)?;
        let is_disabled = person.disabled || client.disabled;
        let is_own = person.role == Role::Administrator || person.client_id == client.id;
        let caller = Caller { key_id: SHARED_LINK, person, client };
        if is_disabled || !is_own || !caller.manages(stored.client_id) {
            return Ok(None);
        }
        let Stored { device_id, expires_at, used_at, .. } = stored;
        let device = sql!(&mut conn, optional as Device, devices::device!(" AND id = $1"), &device_id)?;
        // An account can come back without a new link.
        let is_used = used_at.is_some() || device.as_ref().is_some_and(is_linked);
        Ok(Some(LinkShare { device_id, expires_at, is_expired: expires_at <= now, is_used, caller }))
    }

    /// Until when the page is good that is shared for a device; `None` where none is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_shared_until(&self, device_id: &str, now: Millis) -> Result<Option<Millis>, StoreError> {
        let mut conn = self.reader().await?;
        let query = concat!("SELECT expires_at FROM link_shares WHERE ", good!());
        let found = sql!(&mut conn, optional as (Millis,), query, device_id, now)?;
        Ok(found.map(|(expires_at,)| expires_at))
    }

    /// Takes back the page that is shared for a device, and ends the link that is under way: the page has shown its code. `false` when
    /// there is no page that is good.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn revoke_link_share(&self, device_id: &str, now: Millis) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                match lock_device(conn, &device_id).await? {
                    Some(device) => revoke(conn, &device, now).await,
                    None => Ok(false),
                }
            })
        })
        .await
    }
}

async fn revoke(conn: &mut Conn, device: &Device, now: Millis) -> Result<bool, StoreError> {
    let rows = sql!(&mut *conn, execute, concat!("DELETE FROM link_shares WHERE ", good!()), &device.id, now)?;
    if rows == 1 {
        cancel(conn, device, now).await?;
    }
    Ok(rows == 1)
}

/// Whether the device has an account. While it is linked again it still says since when the former one was.
fn is_linked(device: &Device) -> bool {
    device.has_account() && !matches!(device.wish(), Some(Wish::Link(_)))
}

/// An account was linked to the device: its page does nothing any more.
pub(super) async fn end(conn: &mut Conn, device_id: &str, now: Millis) -> Result<(), StoreError> {
    sql!(conn, execute, "UPDATE link_shares SET used_at = $2 WHERE device_id = $1 AND used_at IS NULL", device_id, now)
        .map(drop)
}
