//! Rows of a campaign as messages: which of them are known, and how the others are accepted. Called by the clerk and by the
//! command line.

use std::collections::HashSet;

use super::{DAY_MS, Urgency};
use crate::campaign::{Checked, Ready};
use crate::clock::{Clock, Millis};
use crate::device::{Device, Kind};
use crate::limits;
use crate::message::{NewMessage, RefNo};
use crate::store::{Accept, Idempotent, RenewedKey, Reuse, Store, StoreError};

/// Rows of which one question asks whether they are known.
const ASKED_AT_ONCE: usize = 500;

/// By what a row is recognized.
pub struct RowKeys {
    key: String,
    former_keys: Vec<String>,
}

impl RowKeys {
    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.key).chain(&self.former_keys).map(String::as_str)
    }
}

impl From<&Ready> for RowKeys {
    fn from(ready: &Ready) -> Self {
        Self { key: ready.key.clone(), former_keys: ready.former_keys.clone() }
    }
}

/// The places of rows that would not be queued through a device of that kind: their messages left, or still wait.
///
/// # Errors
/// When the store cannot be read.
pub async fn find_known(
    store: &Store,
    client_id: i64,
    rows: &[RowKeys],
    kind: Kind,
    now: Millis,
) -> Result<HashSet<usize>, StoreError> {
    let mut known = HashSet::new();
    for (chunk, rows) in rows.chunks(ASKED_AT_ONCE).enumerate() {
        let keys: Vec<&str> = rows.iter().flat_map(RowKeys::all).collect();
        let used = store.find_used_keys(client_id, &keys, kind, now).await?;
        let is_known = |row: &RowKeys| row.all().any(|key| used.contains(key));
        let places = rows.iter().enumerate().filter(|(_, row)| is_known(row));
        known.extend(places.map(|(at, _)| chunk * ASKED_AT_ONCE + at));
    }
    Ok(known)
}

/// Rows without those that were queued under the keys of earlier versions, and how many those are. From now on those are
/// recognized by their own keys.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn without_known(
    store: &Store,
    client_id: i64,
    rows: Vec<Checked>,
    kind: Kind,
    now: Millis,
) -> Result<(Vec<Checked>, i64), StoreError> {
    let keys: Vec<&str> = rows.iter().flatten().flat_map(|ready| &ready.former_keys).map(String::as_str).collect();
    let used = store.find_used_keys(client_id, &keys, kind, now).await?;
    if used.is_empty() {
        return Ok((rows, 0));
    }
    let mut renewed = Vec::new();
    let mut is_new = |row: &Checked| {
        let Ok(ready) = row else { return true };
        let former = ready.former_keys.iter().find(|former| used.contains(*former));
        renewed.extend(former.map(|former| RenewedKey { former: former.clone(), key: ready.key.clone() }));
        former.is_none()
    };
    let new = rows.into_iter().filter(|row| is_new(row)).collect();
    let known = i64::try_from(renewed.len()).unwrap_or(i64::MAX);
    store.renew_keys(client_id, renewed).await?;
    Ok((new, known))
}

/// A row as it is accepted: by `person_id`, through `device`, once for its key. `import` tells by which import it was.
pub fn accept(
    ready: &Ready,
    client_id: i64,
    person_id: i64,
    device: &Device,
    import: &str,
    urgency: &Urgency,
    clock: &Clock,
) -> Accept {
    let (ref_no, now) = (RefNo::new(clock), clock.now());
    let idempotent = Idempotent {
        key: ready.key.clone(),
        body_hash: import.as_bytes().to_vec(),
        answer: format!("\"{ref_no}\""),
        expires_at: now + limits::IMPORT_DAYS * DAY_MS,
        reuse: Reuse::Unsent,
    };
    let message = NewMessage {
        ref_no,
        client_id,
        person_id,
        device_id: device.id.clone(),
        sender: device.sender.clone(),
        sandbox: device.is_sandbox(),
        destination: ready.recipient.clone(),
        is_group: ready.is_group,
        content: ready.content.clone(),
        created_at: now,
        expires_at: now + ready.timeout_seconds * 1_000,
        priority: ready.priority.unwrap_or(urgency.priority),
        tag: ready.tag.clone().or_else(|| urgency.tag.clone()),
    };
    Accept { message, daily_limit: device.daily_limit, idempotent: Some(idempotent) }
}
