//! Imports: campaigns whose rows the gateway queues by itself, so that a crash, a stop or another node's end loses none and
//! queues none twice. Called by the API; `clerk.rs` works through what was begun.
//!
//! An import is a row, its file is on the media shelf, and how far it is stands in the store: any node can show it and any
//! can go on with it. Every row of the file is accepted under a key of its own, so that a row which was accepted and not
//! noted is found again.

pub mod clerk;
mod outlook;
mod rows;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::account::Person;
use crate::bell::Bells;
use crate::campaign::{self, BadFile, Campaign, Checker, Counter, Refused, Source, Totals};
use crate::clock::{Clock, Millis};
use crate::device::Device;
use crate::limits;
use crate::media::shelf::{Shelf, ShelfError};
use crate::message::Priority;
use crate::store::{NewImport, Page, Store, StoreError, StoredImport};

pub use outlook::{Ahead, Outlook};
pub use rows::{RowKeys, accept, find_known, without_known};

const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 24 * HOUR_MS;
/// Rows of a preview.
const FIRST_ROWS: usize = 10;
/// Refused rows that are noted in one go, so that no acceptance waits long behind them.
const REFUSED_AT_ONCE: usize = 256;
/// How long the reading of a file can take at the very most; what is still being read after that broke off.
const READING_MS: Millis = HOUR_MS;
/// Imports that are forgotten in one round.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// What can be asked of imports. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    store: Store,
    shelf: Shelf,
    bells: Bells,
    clock: Clock,
}

/// Why an import is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    BadFile(#[from] BadFile),
    #[error("{most} imports of this client are under way; try again when one has ended", most = limits::IMPORTS_KEPT_MAX)]
    Busy,
    #[error("it is under way; stop it first")]
    UnderWay,
    /// Trying again later may help: a full disk, a lost connection.
    #[error("the media store cannot take this now: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ShelfError> for ImportError {
    fn from(error: ShelfError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// What an import gives to each of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urgency {
    pub priority: Priority,
    pub tag: Option<String>,
}

impl Default for Urgency {
    /// A campaign can wait.
    fn default() -> Self {
        Self { priority: Priority::Bulk, tag: None }
    }
}

/// A file that somebody wants to import.
pub struct Wanted {
    pub person_id: i64,
    pub device: Device,
    pub file_name: String,
    pub campaign: Campaign,
    pub urgency: Urgency,
    pub bytes: Bytes,
}

/// What a file was read as, to look at before anything is queued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    #[serde(flatten)]
    pub source: Source,
    #[serde(flatten)]
    pub totals: Totals,
    /// Good rows that were known already: they are not queued again.
    #[serde(default)]
    pub known: i64,
    /// The first rows that can be queued.
    pub first: Vec<Glimpse>,
}

/// The beginning of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    pub line: i64,
    /// The number as it is dialled, or the id of a group.
    pub destination: String,
    /// The same as the file has it.
    #[serde(default)]
    pub written: String,
    pub message: String,
    pub media_url: String,
}

impl Preview {
    /// As it is stored. An import of an earlier version has its first rows alone.
    pub fn of(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_else(|_| {
            let first = serde_json::from_str(stored).unwrap_or_default();
            Self { first, ..Self::default() }
        })
    }
}

impl Imports {
    pub fn new(store: Store, shelf: Shelf, bells: Bells, clock: Clock) -> Self {
        Self { store, shelf, bells, clock }
    }

    /// Checks a file and keeps it; nothing is queued. Gives the import's id.
    ///
    /// # Errors
    /// [`ImportError`] when its rows cannot be read or are too many, or when it cannot be kept.
    pub async fn add(&self, wanted: Wanted) -> Result<String, ImportError> {
        let client_id = wanted.campaign.client_id;
        self.make_room(client_id).await?;
        let (bytes, mut campaign) = (wanted.bytes.clone(), wanted.campaign.clone());
        let file = read(&self.store, bytes, &mut campaign).await?;
        // It takes a second for many rows.
        let checked = tokio::task::spawn_blocking(move || check(file, campaign)).await;
        // It panicked: a fault that its log tells.
        let mut checked = checked.map_err(|error| ImportError::Unavailable(error.to_string()))?;
        let now = self.clock.now();
        let known = find_known(&self.store, client_id, &checked.keys, wanted.device.kind, now).await?;
        checked.preview.known = i64::try_from(known.len()).unwrap_or(i64::MAX);
        let id = self.clock.new_id();
        let new = NewImport {
            id: id.clone(),
            client_id,
            person_id: wanted.person_id,
            device_id: wanted.device.id,
            file_name: wanted.file_name,
            former_names: serde_json::to_string(&wanted.campaign.name.former).unwrap_or_default(),
            campaign: wanted.campaign.name.shown,
            country_code: wanted.campaign.country_code,
            preview: serde_json::to_string(&checked.preview).unwrap_or_default(),
            row_count: checked.rows,
            created_at: self.clock.now(),
            priority: wanted.urgency.priority,
            tag: wanted.urgency.tag,
        };
        // The row first: what is on the shelf is taken away with it, though the rest never came.
        self.store.add_import(new).await?;
        self.shelf.put(&id, wanted.bytes).await?;
        let mut refused = checked.refused;
        while !refused.is_empty() {
            let later = refused.split_off(refused.len().min(REFUSED_AT_ONCE));
            self.store.refuse_import_rows(&id, std::mem::replace(&mut refused, later)).await?;
        }
        self.store.end_import_check(&id).await?;
        Ok(id)
    }

    /// The oldest import that is not under way gives way, where there are too many.
    async fn make_room(&self, client_id: i64) -> Result<(), ImportError> {
        let (count, oldest) = self.store.count_imports(client_id).await?;
        if count < limits::IMPORTS_KEPT_MAX {
            return Ok(());
        }
        let oldest = oldest.ok_or(ImportError::Busy)?;
        self.forget(&oldest).await.map(drop)
    }

    /// An import of a client; of one person's, where `person_id` says so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(
        &self,
        client_id: i64,
        person_id: Option<i64>,
        id: &str,
    ) -> Result<Option<StoredImport>, StoreError> {
        self.store.find_import(client_id, person_id, id).await
    }

    /// A client's imports, or one person's, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        client_id: i64,
        person_id: Option<i64>,
        page: Page,
    ) -> Result<Vec<StoredImport>, StoreError> {
        self.store.list_imports(client_id, person_id, page).await
    }

    /// The refused rows of an import in the order of the file, behind the one in place `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn refused(&self, import: &StoredImport, after: i64, rows: i64) -> Result<Vec<Refused>, StoreError> {
        self.store.list_refusals(&import.id, after, rows).await
    }

    /// Has the rows of an import queued from where it is, for `person`. One that is under way or done stays as it is.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn begin(&self, import: &StoredImport, person: &Person) -> Result<(), StoreError> {
        self.store.begin_import(&import.id, person.id, self.clock.now()).await?;
        self.bells.imports.ring();
        Ok(())
    }

    /// Stops an import; the rows in hand are still queued.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn stop(&self, import: &StoredImport) -> Result<(), StoreError> {
        self.store.stop_import(&import.id, self.clock.now()).await
    }

    /// Forgets an import with its file; what it queued stays queued.
    ///
    /// # Errors
    /// [`ImportError::UnderWay`]; else when it could not be stored.
    pub async fn remove(&self, import: &StoredImport) -> Result<(), ImportError> {
        let is_free = import.state != campaign::State::Running && self.forget(&import.id).await?;
        if is_free { Ok(()) } else { Err(ImportError::UnderWay) }
    }

    /// Forgets imports that ended long ago, each with its file. Called now and then.
    ///
    /// # Errors
    /// When the shelf or the store is away: then the rest waits for the next time.
    pub async fn sweep(&self) -> Result<(), ImportError> {
        let now = self.clock.now();
        let kept_since = now - limits::IMPORT_KEPT_DAYS * DAY_MS;
        for id in self.store.list_old_imports(kept_since, now - READING_MS, FORGOTTEN_AT_ONCE).await? {
            self.forget(&id).await?;
        }
        Ok(())
    }

    /// `false` when it is under way. First nobody may begin it any more; then the file goes, and then the row: as long as that is
    /// there, the file is not forgotten.
    async fn forget(&self, id: &str) -> Result<bool, ImportError> {
        if !self.store.retire_import(id).await? {
            return Ok(false);
        }
        self.shelf.delete(id).await?;
        Ok(self.store.forget_import(id).await?)
    }
}

/// What a file holds.
struct Found {
    rows: i64,
    preview: Preview,
    refused: Vec<Refused>,
    /// Of the good rows.
    keys: Vec<RowKeys>,
}

/// Reads a file, and notes in its campaign which of the numbers that cannot be dialled have written to the client.
async fn read(store: &Store, bytes: Bytes, campaign: &mut Campaign) -> Result<campaign::File, ImportError> {
    let country_code = campaign.country_code.clone();
    // It takes a second for many rows.
    let read = tokio::task::spawn_blocking(move || {
        let file = campaign::read(&bytes, limits::IMPORT_ROWS_MAX)?;
        let undialled = campaign::undialled(&file.lines, &country_code);
        Ok::<_, BadFile>((file, undialled))
    });
    let (file, undialled) = read.await.map_err(|error| ImportError::Unavailable(error.to_string()))??;
    campaign.known = store.find_writers(campaign.client_id, undialled).await?;
    Ok(file)
}

fn check(file: campaign::File, campaign: Campaign) -> Found {
    let rows = i64::try_from(file.lines.len()).unwrap_or(i64::MAX);
    let (mut first, mut refused, mut counter) = (Vec::new(), Vec::new(), Counter::default());
    let mut keys = Vec::new();
    let mut checker = Checker::new(campaign);
    for line in file.lines {
        let row = line.row.as_ref().ok().filter(|_| first.len() < FIRST_ROWS).cloned();
        match checker.check(line) {
            Ok(ready) => {
                counter.add(&ready);
                keys.push(RowKeys::from(&ready));
                first.extend(row.map(|row| Glimpse {
                    line: ready.line,
                    destination: ready.recipient,
                    written: campaign::beginning(&row.destination),
                    message: campaign::beginning(&row.message),
                    media_url: campaign::beginning(&row.media_url),
                }));
            }
            Err(bad) => refused.push(bad),
        }
    }
    let preview = Preview { source: file.source, totals: counter.totals, known: 0, first };
    Found { rows, preview, refused, keys }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_file_is_looked_at_before_anything_is_queued() {
        let campaign = Campaign {
            client_id: 1,
            name: campaign::Name::of(Some("a"), ""),
            country_code: "62".into(),
            known: HashSet::new(),
        };
        let good = "628111111111,x\n".repeat(FIRST_ROWS + 1);
        let read = |text: &str| campaign::read(text.as_bytes(), limits::IMPORT_ROWS_MAX);
        let found = check(read(&format!("destination,message\n12345,bad\n{good}")).expect("a file"), campaign);
        let preview = Preview::of(&serde_json::to_string(&found.preview).expect("JSON"));
        assert_eq!(preview, found.preview);
        assert_eq!((found.rows, preview.first.len(), found.refused.len()), (12, FIRST_ROWS, 1));
        assert_eq!((preview.first[0].line, preview.first[0].message.as_str(), found.refused[0].line), (3, "x", 2));
        assert_eq!((preview.totals.by_count(), preview.totals.repeated), (vec![("ID", 11)], 10));
        assert_eq!((preview.source.format.as_str(), preview.source.separator), ("csv", Some(',')));
        let many = format!("destination,message\n{}", "1,x\n".repeat(limits::IMPORT_ROWS_MAX + 1));
        assert!(matches!(read(&many), Err(BadFile::TooMany { most: limits::IMPORT_ROWS_MAX })));
        let old = r#"[{"line":2,"destination":"0811","message":"x","media_url":""}]"#;
        assert_eq!((Preview::of(old).first[0].line, Preview::of("?")), (2, Preview::default()));
        assert!(read("").is_err());
    }
}
