//! Imports: campaigns whose rows the gateway queues by itself, so that a crash, a stop or another node's end loses none and
//! queues none twice. Called by the API; `clerk.rs` works through what was begun.
//!
//! An import is a row, its file is on the media shelf, and how far it is stands in the store: any node can show it and any
//! can go on with it. Every row of the file is accepted under a key of its own, so that a row which was accepted and not
//! noted is found again.

pub mod clerk;
mod outlook;
mod preview;
mod rows;
mod sent_before;

use std::collections::HashSet;

use bytes::Bytes;

use crate::account::Person;
use crate::bell::Bells;
use crate::campaign::{self, BadFile, Campaign, Name, Refused, State, Written};
use crate::clock::{Clock, Millis};
use crate::device::Device;
use crate::limits;
use crate::media::shelf::{Shelf, ShelfError};
use crate::message::Priority;
use crate::room::{NoRoom, Refusal, Room};
use crate::store::audit;
use crate::store::{NewImport, Page, Store, StoreError, StoredImport};

pub use outlook::{Ahead, Outlook};
pub use preview::{Glimpse, Preview};
use preview::{look, read};
pub use rows::{RowKeys, SentBy, Way, accept, by_hand, find_before, without_known};
pub use sent_before::{Earlier, SentBefore};

const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 24 * HOUR_MS;
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
    room: Room,
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
    #[error(
        "it was begun already, and something else was decided about rows that were queued before; this changed nothing"
    )]
    BegunOtherwise,
    #[error(
        "{campaign} already queued or sent {count} of its rows in the last {days} days, with the same text to the same recipients; begin it \
         with sent_before=skip to send only what is new, or with sent_before=send to send those again",
        days = limits::IMPORT_SENT_DAYS
    )]
    SentBefore { count: i64, campaign: String },
    #[error(transparent)]
    NoRoom(NoRoom),
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

impl From<Refusal> for ImportError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoRoom(why) => Self::NoRoom(why),
            Refusal::Store(error) => error.into(),
        }
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
    /// What somebody calls the campaign.
    pub campaign: Option<String>,
    pub client_id: i64,
    pub country_code: String,
    /// Of a workbook: the sheet that is read, where somebody says which.
    pub sheet: Option<String>,
    pub urgency: Urgency,
    pub bytes: Bytes,
}

impl Imports {
    pub fn new(store: Store, shelf: Shelf, room: Room, bells: Bells, clock: Clock) -> Self {
        Self { store, shelf, room, bells, clock }
    }

    /// Checks a file and keeps it; nothing is queued. Gives the import's id.
    ///
    /// # Errors
    /// [`ImportError`] when its rows cannot be read or are too many, or when it cannot be kept.
    pub async fn add(&self, wanted: Wanted) -> Result<String, ImportError> {
        let Wanted { client_id, country_code, campaign: given, file_name, .. } = wanted;
        // The file itself counts for no quota: there are few of them, and they go by themselves.
        self.room.check_file(client_id).await?;
        self.make_room(client_id).await?;
        let (name, known) = (Name::default(), HashSet::new());
        let mut campaign = Campaign { client_id, name, country_code, known };
        let file = read(&self.store, wanted.bytes.clone(), wanted.sheet, &mut campaign).await?;
        campaign.name = Name::chosen(given.as_deref(), &file_name, file.source.continues.as_deref())?;
        let Campaign { name, country_code, .. } = campaign.clone();
        let found = look(&self.store, file, campaign, wanted.device.kind, self.clock.now()).await?;
        let id = self.clock.new_id();
        let new = NewImport {
            id: id.clone(),
            client_id,
            person_id: wanted.person_id,
            device_id: wanted.device.id,
            file_name,
            former_names: serde_json::to_string(&name.former).unwrap_or_default(),
            campaign: name.shown,
            country_code,
            preview: serde_json::to_string(&found.preview).unwrap_or_default(),
            row_count: found.rows,
            created_at: self.clock.now(),
            priority: wanted.urgency.priority,
            tag: wanted.urgency.tag,
        };
        // The row first: what is on the shelf is taken away with it, though the rest never came.
        audit::add_subject(&id);
        self.store.add_import(new).await?;
        self.shelf.put(&id, wanted.bytes).await?;
        let mut refused = found.refused;
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

    /// Every refused row of an import as a CSV file that can be corrected and imported again, by what its file holds.
    ///
    /// # Errors
    /// When the store or the shelf is away.
    pub async fn refused_file(&self, import: &StoredImport) -> Result<String, ImportError> {
        let refused = all_refused(&self.store, &import.id).await?;
        let sheet = Preview::of(&import.preview).source.sheet;
        let lines = match self.shelf.get(&import.id).await {
            Ok(bytes) => read(&self.store, bytes, sheet, &mut campaign_of(import)).await.map(|file| file.lines),
            Err(ShelfError::Unavailable(reason)) => return Err(ImportError::Unavailable(reason)),
            Err(_) => Ok(Vec::new()),
        };
        let mut lines = match lines {
            // A file that cannot be read any more leaves what was noted.
            Err(ImportError::BadFile(_)) => Vec::new(),
            lines => lines?,
        };
        let mut written = |refused: &Refused| {
            let line = usize::try_from(refused.place).ok().and_then(|place| lines.get_mut(place))?;
            match &mut line.row {
                Ok(row) => Some(Written { row: std::mem::take(row), rest: Vec::new() }),
                Err(_) => line.written.take().map(|written| *written),
            }
        };
        let rows = refused.into_iter().map(|refused| {
            let written = written(&refused).unwrap_or_else(|| Written::of(&refused));
            (refused, written)
        });
        Ok(campaign::refused_file(&import.campaign, rows.collect()))
    }

    /// Has the rows of an import queued from where it is, for `person`, who decided that about rows that another campaign has sent.
    /// One that is under way or done stays as it is.
    ///
    /// # Errors
    /// [`ImportError::SentBefore`] where that is needed; else when it could not be stored.
    pub async fn begin(
        &self,
        import: &StoredImport,
        person: &Person,
        decided: Option<SentBefore>,
    ) -> Result<(), ImportError> {
        let before = import.sent_before.as_deref().and_then(SentBefore::from_name);
        // Whoever decided not to send them again is not asked twice; others may have been sent since.
        let decided = decided.or(before.filter(|before| *before == SentBefore::Skip));
        // What others queue from now on is seen by the rows themselves.
        let now = self.clock.now();
        if decided.is_none() && matches!(import.state, State::Checked | State::Stopped) {
            self.look_again(import).await?;
        }
        let decided = decided.map(SentBefore::name);
        if !self.store.begin_import(&import.id, person.id, decided, now).await? {
            let begun = self.store.find_import(import.client_id, None, &import.id).await?;
            let is_other = decided.is_some() && begun.is_some_and(|begun| begun.sent_before.as_deref() != decided);
            return if is_other { Err(ImportError::BegunOtherwise) } else { Ok(()) };
        }
        self.bells.imports.ring();
        Ok(())
    }

    /// Looks whether another campaign has sent its rows meanwhile. What cannot be read any more is left to the clerk, who says so.
    async fn look_again(&self, import: &StoredImport) -> Result<(), ImportError> {
        let Some(device) = self.store.find_device(&import.device_id).await? else { return Ok(()) };
        let bytes = match self.shelf.get(&import.id).await {
            Ok(bytes) => bytes,
            Err(ShelfError::Unavailable(reason)) => return Err(ImportError::Unavailable(reason)),
            Err(_) => return Ok(()),
        };
        let (sheet, mut campaign) = (Preview::of(&import.preview).source.sheet, campaign_of(import));
        let file = match read(&self.store, bytes, sheet, &mut campaign).await {
            Ok(file) => file,
            Err(ImportError::BadFile(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let preview = look(&self.store, file, campaign, device.kind, self.clock.now()).await?.preview;
        let allowed = preview.earlier.allow(None);
        if allowed.is_err() {
            let preview = serde_json::to_string(&preview).unwrap_or_default();
            self.store.note_import_preview(&import.id, preview).await?;
        }
        allowed
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
        let is_free = import.state != State::Running && self.forget(&import.id).await?;
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

/// The rows of an import that were refused so far, in the order of the file.
async fn all_refused(store: &Store, id: &str) -> Result<Vec<Refused>, StoreError> {
    let (mut refused, mut after): (Vec<Refused>, _) = (Vec::new(), -1);
    loop {
        let page = store.list_refusals(id, after, limits::PAGE_ROWS_MAX).await?;
        let Some(last) = page.last() else { return Ok(refused) };
        after = last.place;
        refused.extend(page);
    }
}

/// Whose campaign an import is, as it was when its file was checked.
fn campaign_of(import: &StoredImport) -> Campaign {
    let former = import.former_names.as_deref().and_then(|names| serde_json::from_str(names).ok());
    let name = match former {
        Some(former) => Name { shown: import.campaign.clone(), former },
        None => Name::of(Some(&import.campaign), &import.file_name),
    };
    let country_code = import.country_code.clone();
    Campaign { client_id: import.client_id, name, country_code, known: HashSet::new() }
}
