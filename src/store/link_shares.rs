//! Pages on which somebody without a sign-in links an account to a device: for which device, who shared it, until when.

use super::links::{Cancelling, cancel, lock_device, store_wish};
use super::row::row;
use super::{Conn, Store, StoreError, accounts, devices, sql};
use crate::account::{Caller, Client, KeyHash, Person, SHARED_LINK};
use crate::clock::Millis;
use crate::device::{Device, LinkWay, Wish};
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
    /// Whether nothing has happened to a link since it was shared: what ended before is nothing to whoever has the page.
    pub is_fresh: bool,
    /// Who shared it, with the device's client.
    pub caller: Caller,
}

/// A page whose sharer may still manage its device at the moment `$now`, and whose API key is still good.
macro_rules! permitted {
    ($now:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM devices JOIN clients ON clients.id = devices.client_id \
             JOIN persons ON persons.id = link_shares.person_id JOIN clients AS own ON own.id = persons.client_id \
             WHERE devices.id = link_shares.device_id AND NOT clients.disabled AND NOT own.disabled AND NOT persons.disabled \
             AND (persons.role = 'administrator' OR (persons.role = 'owner' AND persons.client_id = devices.client_id))) \
             AND (key_id IS NULL OR EXISTS (SELECT 1 FROM api_keys WHERE api_keys.id = key_id AND revoked_at IS NULL \
             AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ",
            $now,
            ")))"
        )
    };
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
    /// When something last happened to the device's link.
    link_changed_at: Option<Millis>,
}

row!(Stored { device_id, person_id, client_id, expires_at, used_at, link_changed_at });

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
        self.act(move |conn| {
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

    /// Notes that an account is to be linked, on the page with this token. `false` when nothing is begun on it any more, or the device is
    /// not to be linked as it is by now.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn wish_link_on_page(
        &self,
        device_id: &str,
        way: LinkWay,
        token: KeyHash,
        now: Millis,
        may_be_linked: impl Fn(&Device) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.act(move |conn| {
            Box::pin(async move {
                // Whoever revokes the page either came first, or finds what is begun here.
                let device = lock_device(conn, &device_id).await?;
                if !device.is_some_and(|device| may_be_linked(&device)) {
                    return Ok(false);
                }
                let query = concat!(
                    "SELECT expires_at FROM link_shares \
                     WHERE device_id = $1 AND expires_at > $2 AND token = $3 AND used_at IS NULL AND ",
                    permitted!("$2")
                );
                let page = sql!(&mut *conn, optional as (Millis,), query, &device_id, now, &token.0[..])?;
                match page {
                    Some(_) => store_wish(conn, &device_id, &Wish::Link(way), now).await,
                    None => Ok(false),
                }
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
            concat!(
                "SELECT link_shares.device_id AS device_id, person_id, devices.client_id AS client_id, \
                 link_shares.expires_at AS expires_at, used_at, device_links.changed_at AS link_changed_at FROM link_shares \
                 JOIN devices ON devices.id = link_shares.device_id AND devices.removed_at IS NULL \
                 LEFT JOIN device_links ON device_links.device_id = link_shares.device_id \
                 WHERE token = $1 AND (link_shares.expires_at > $2 OR (devices.wish_at < link_shares.expires_at \
                 AND (devices.wish IN ('qr', 'code') OR device_links.changed_at > $3))) AND ",
                permitted!("$2")
            ),
            &token.0[..],
            now,
            now - limits::LINK_END_SHOWN_MS,
        )?;
        let Some(stored) = stored else { return Ok(None) };
        let person = sql!(&mut conn, one as Person, accounts::person!("WHERE id = $1"), stored.person_id)?;
        let client = sql!(&mut conn, one as Client, accounts::client!("WHERE id = $1"), stored.client_id)?;
        let caller = Caller { key_id: SHARED_LINK, page: Some(token.clone()), person, client };
        let Stored { device_id, expires_at, used_at, link_changed_at, .. } = stored;
        let device = sql!(&mut conn, optional as Device, devices::device!(" AND id = $1"), &device_id)?;
        // An account can come back without a new link.
        let is_used = used_at.is_some() || device.as_ref().is_some_and(is_linked);
        let is_fresh = link_changed_at.is_none_or(|at| at <= shared_at(expires_at));
        Ok(Some(LinkShare { device_id, expires_at, is_expired: expires_at <= now, is_used, is_fresh, caller }))
    }

    /// Until when something may be begun on the page that is shared for a device; `None` where none is, or its time has passed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_shared_until(&self, device_id: &str, now: Millis) -> Result<Option<Millis>, StoreError> {
        let mut conn = self.reader().await?;
        let query = concat!(
            "SELECT expires_at FROM link_shares WHERE device_id = $1 AND used_at IS NULL AND expires_at > $2 AND ",
            permitted!("$2")
        );
        let found = sql!(&mut conn, optional as (Millis,), query, device_id, now)?;
        Ok(found.map(|(expires_at,)| expires_at))
    }

    /// Ends the pages whose sharers' API keys have expired.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn end_unpermitted_shares(&self, now: Millis) -> Result<(), StoreError> {
        self.write(move |conn| Box::pin(end_unpermitted(conn, now))).await
    }

    /// Takes back the page that is shared for a device, and ends the link that is under way: the page has shown its code. `false` when
    /// there is no page that is good.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn revoke_link_share(&self, device_id: &str, now: Millis) -> Result<bool, StoreError> {
        let device_id = device_id.to_owned();
        self.act(move |conn| {
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

/// Ends the pages whose sharers have lost the permission to manage their devices, or their API keys, as revoking them does: the attempts
/// that were begun on them are cancelled. A page that ended so does not come back with the permission.
pub(super) async fn end_unpermitted(conn: &mut Conn, now: Millis) -> Result<(), StoreError> {
    // In one order, so that two of these do not wait for each other.
    let query = concat!("SELECT device_id FROM link_shares WHERE NOT (", permitted!("$1"), ") ORDER BY device_id");
    for (device_id,) in sql!(&mut *conn, all as (String,), query, now)? {
        end_unpermitted_of(conn, &device_id, now).await?;
    }
    Ok(())
}

/// As [`end_unpermitted`], of one device.
pub(super) async fn end_unpermitted_of(conn: &mut Conn, device_id: &str, now: Millis) -> Result<(), StoreError> {
    let Some(device) = lock_device(conn, device_id).await? else { return Ok(()) };
    let query = concat!(
        "DELETE FROM link_shares WHERE device_id = $1 AND NOT (",
        permitted!("$2"),
        ") RETURNING expires_at, used_at"
    );
    let ended = sql!(&mut *conn, optional as (Millis, Option<Millis>), query, device_id, now)?;
    // What somebody began without the page goes on.
    let was_begun_on = |(expires_at, used_at): (Millis, Option<Millis>)| {
        used_at.is_none() && (shared_at(expires_at)..expires_at).contains(&device.wish_at)
    };
    if ended.is_some_and(was_begun_on) {
        cancel(conn, &device, Cancelling::Wanted, now).await?;
    }
    Ok(())
}

fn shared_at(expires_at: Millis) -> Millis {
    expires_at.saturating_sub(limits::LINK_SHARE_MINUTES * 60_000)
}

async fn revoke(conn: &mut Conn, device: &Device, now: Millis) -> Result<bool, StoreError> {
    let rows = sql!(&mut *conn, execute, concat!("DELETE FROM link_shares WHERE ", good!()), &device.id, now)?;
    if rows == 1 {
        cancel(conn, device, Cancelling::Wanted, now).await?;
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
