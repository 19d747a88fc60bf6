//! Pages on which somebody without a sign-in links an account to a device: for which device, who shared it, until when.

use super::row::row;
use super::{Conn, Store, StoreError, accounts, devices, sql};
use crate::account::{Caller, Client, KeyHash, Person, Role, SHARED_LINK};
use crate::clock::Millis;
use crate::device::{Device, Wish};

/// A page to share. It takes the place of the one that the device had.
#[derive(Debug, Clone)]
pub struct NewLinkShare {
    pub device_id: String,
    pub token: KeyHash,
    pub person_id: i64,
    pub expires_at: Millis,
}

/// A page that is shared.
#[derive(Debug, Clone)]
pub struct LinkShare {
    pub device_id: String,
    pub expires_at: Millis,
    /// Whether an account is linked, or was since.
    pub is_used: bool,
    /// Who shared it, with the device's client.
    pub caller: Caller,
}

#[derive(Debug)]
struct Stored {
    device_id: String,
    person_id: i64,
    client_id: i64,
    expires_at: Millis,
    used_at: Option<Millis>,
}

row!(Stored { device_id, person_id, client_id, expires_at, used_at });

impl Store {
    /// Stores a page to share. `false` when the device is not there any more, or is not to be linked as it is by now.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn share_link(
        &self,
        share: NewLinkShare,
        may_be_linked: impl Fn(&Device) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                // A link that completes at this moment either came first, or ends the page.
                let device = lock_device(conn, &share.device_id).await?;
                if !device.as_ref().is_some_and(may_be_linked) {
                    return Ok(false);
                }
                sql!(
                    conn,
                    execute,
                    "INSERT INTO link_shares (device_id, token, person_id, expires_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (device_id) DO UPDATE SET token = excluded.token, person_id = excluded.person_id, \
                     expires_at = excluded.expires_at, used_at = NULL",
                    &share.device_id,
                    &share.token.0[..],
                    share.person_id,
                    share.expires_at,
                )?;
                Ok(true)
            })
        })
        .await
    }

    /// The page with this token, while it is good and who shared it may still manage the device.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_link_share(&self, token: &KeyHash, now: Millis) -> Result<Option<LinkShare>, StoreError> {
        let mut conn = self.reader().await?;
        let stored = sql!(
            &mut conn,
            optional as Stored,
            "SELECT device_id, person_id, devices.client_id AS client_id, expires_at, used_at FROM link_shares \
             JOIN devices ON devices.id = device_id AND devices.removed_at IS NULL WHERE token = $1 AND expires_at > $2",
            &token.0[..],
            now,
        )?;
        let Some(stored) = stored else { return Ok(None) };
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
        Ok(Some(LinkShare { device_id, expires_at, is_used, caller }))
    }

    /// Takes back the page that is shared for a device. `false` when there is none that is good.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn revoke_link_share(&self, device_id: &str, now: Millis) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                let rows = sql!(
                    conn,
                    execute,
                    "DELETE FROM link_shares WHERE device_id = $1 AND expires_at > $2 AND used_at IS NULL",
                    &device_id,
                    now,
                )?;
                Ok(rows == 1)
            })
        })
        .await
    }
}

/// The device as it is, its row locked before that of its link, as whoever links it does.
async fn lock_device(conn: &mut Conn, device_id: &str) -> Result<Option<Device>, StoreError> {
    sql!(&mut *conn, execute, "UPDATE devices SET lease_epoch = lease_epoch WHERE id = $1", device_id)?;
    sql!(conn, optional as Device, devices::device!(" AND id = $1"), device_id)
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
