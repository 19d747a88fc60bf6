//! Rows of a campaign as messages: which of them are known, and how the others are accepted. Called by the clerk and by the
//! command line.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sent_before::days_before;
use super::{DAY_MS, Urgency};
use crate::campaign::{Checked, Ready, beginning};
use crate::clock::{Clock, Millis};
use crate::device::{Device, Kind};
use crate::limits;
use crate::message::{NewMessage, RefNo};
use crate::store::{Accept, Idempotent, RenewedKey, Reuse, SaidBefore, SaidOnce, Store, StoreError};

/// Rows of which one question asks whether they are known.
const ASKED_AT_ONCE: usize = 500;

/// By what a row is recognized.
pub struct RowKeys {
    key: String,
    former_keys: Vec<String>,
    said: String,
    said_before: usize,
}

impl RowKeys {
    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.key).chain(&self.former_keys).map(String::as_str)
    }
}

impl From<&Ready> for RowKeys {
    fn from(ready: &Ready) -> Self {
        let said_before = usize::try_from(ready.said_before).unwrap_or(usize::MAX);
        Self { key: ready.key.clone(), former_keys: ready.former_keys.clone(), said: ready.said.clone(), said_before }
    }
}

/// Which rows of a file earlier imports have queued, by the places of the rows: their messages left, or still wait.
#[derive(Debug, Default)]
pub struct Before {
    /// Of the same campaign: they are not queued again.
    pub known: HashSet<usize>,
    /// Of another campaign.
    pub sent: HashMap<usize, Sent>,
}

/// Which campaign has queued a row before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SentBy {
    ThisCampaign,
    AnotherCampaign,
}

impl Before {
    /// Who has queued the row in a place.
    pub fn sent_by(&self, place: usize) -> Option<SentBy> {
        match () {
            () if self.known.contains(&place) => Some(SentBy::ThisCampaign),
            () if self.sent.contains_key(&place) => Some(SentBy::AnotherCampaign),
            () => None,
        }
    }
}

/// Who queued a row, and when.
#[derive(Debug)]
pub struct Sent {
    /// The id of the import.
    pub import: Vec<u8>,
    pub at: Millis,
}

/// What earlier imports have queued of some rows, those of other campaigns in the last days, where the rows go through a device of
/// that kind.
///
/// # Errors
/// When the store cannot be read.
pub async fn find_before(
    store: &Store,
    client_id: i64,
    rows: &[RowKeys],
    kind: Kind,
    now: Millis,
) -> Result<Before, StoreError> {
    let mut before = Before::default();
    for (chunk, rows) in rows.chunks(ASKED_AT_ONCE).enumerate() {
        let keys: Vec<&str> = rows.iter().flat_map(RowKeys::all).collect();
        let used = store.find_used_keys(client_id, &keys, kind, now).await?;
        let said: Vec<&str> = rows.iter().map(|row| row.said.as_str()).collect();
        let found = store.find_said(client_id, &said, kind, expires_at(days_before(now))).await?;
        let mut said: HashMap<&str, Vec<&SaidBefore>> = HashMap::new();
        for one in &found {
            said.entry(one.said.as_str()).or_default().push(one);
        }
        for (at, row) in rows.iter().enumerate() {
            let place = chunk * ASKED_AT_ONCE + at;
            if row.all().any(|key| used.contains(key)) {
                before.known.insert(place);
            } else if let Some(sent) = said.get(row.said.as_str()).and_then(|sent| sent.get(row.said_before)) {
                // A row that says something for the second time was sent before where two have said it, and so on.
                let at = sent.expires_at - limits::IMPORT_DAYS * DAY_MS;
                before.sent.insert(place, Sent { import: sent.body_hash.clone(), at });
            }
        }
    }
    Ok(before)
}

/// Rows without those that were queued under the keys of earlier versions, or by another campaign since `sent_since`; and how many
/// those are. From now on those are recognized by their own keys.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn without_known(
    store: &Store,
    client_id: i64,
    rows: Vec<Checked>,
    kind: Kind,
    (sent_since, now): (Millis, Millis),
) -> Result<(Vec<Checked>, i64), StoreError> {
    let keys: Vec<&str> = rows.iter().flatten().flat_map(|ready| &ready.former_keys).map(String::as_str).collect();
    let used = store.find_used_keys(client_id, &keys, kind, now).await?;
    let said: Vec<&str> = rows.iter().flatten().map(|ready| ready.said.as_str()).collect();
    let said = store.find_said(client_id, &said, kind, expires_at(sent_since)).await?;
    if used.is_empty() && said.is_empty() {
        return Ok((rows, 0));
    }
    let mut sent: HashMap<String, Vec<String>> = HashMap::new();
    for SaidBefore { said, name, .. } in said {
        sent.entry(said).or_default().push(name);
    }
    let mut renewed = Vec::new();
    let mut is_new = |row: &Checked| {
        let Ok(ready) = row else { return true };
        // What this campaign has queued itself is found by its own key.
        let others = sent.get(&ready.said).filter(|names| !names.contains(&ready.key));
        let said_before = usize::try_from(ready.said_before).unwrap_or(usize::MAX);
        let former = ready.former_keys.iter().find(|former| used.contains(*former));
        let former = former.or_else(|| others.and_then(|names| names.get(said_before)));
        renewed.extend(former.map(|former| RenewedKey { former: former.clone(), key: ready.key.clone() }));
        former.is_none()
    };
    let new = rows.into_iter().filter(|row| is_new(row)).collect();
    let known = i64::try_from(renewed.len()).unwrap_or(i64::MAX);
    store.renew_keys(client_id, renewed).await?;
    Ok((new, known))
}

/// Until when a row is remembered that is queued then.
fn expires_at(queued_at: Millis) -> Millis {
    queued_at + limits::IMPORT_DAYS * DAY_MS
}

/// By which import a row comes, and since when it counts as known what another one has queued.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    pub by: &'a str,
    pub sent_since: Millis,
}

/// How rows begin to say by what they came that no import of the gateway's queued; the campaign's name follows.
const BY_HAND: &str = "command line: ";

/// By what rows come that the command line queues.
pub fn by_hand(campaign: &str) -> String {
    format!("{BY_HAND}{}", beginning(campaign))
}

/// The campaign of rows that the command line has queued.
pub(super) fn campaign_by_hand(import: &[u8]) -> Option<&str> {
    std::str::from_utf8(import).ok()?.strip_prefix(BY_HAND)
}

/// A row as it is accepted: by `person_id`, through `device`, once for its key.
pub fn accept(
    ready: &Ready,
    client_id: i64,
    person_id: i64,
    device: &Device,
    import: Way<'_>,
    urgency: &Urgency,
    clock: &Clock,
) -> Accept {
    let (ref_no, now) = (RefNo::new(clock), clock.now());
    let idempotent = Idempotent {
        key: ready.key.clone(),
        body_hash: import.by.as_bytes().to_vec(),
        answer: format!("\"{ref_no}\""),
        expires_at: expires_at(now),
        reuse: Reuse::Unsent,
        said: Some(SaidOnce {
            said: ready.said.clone(),
            most: i64::try_from(ready.said_before).unwrap_or(i64::MAX),
            expires_after: expires_at(import.sent_since),
        }),
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
    Accept { message, daily_limit: device.daily_limit, idempotent: Some(idempotent), audit: None }
}
