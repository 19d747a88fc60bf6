//! Files that travel with messages, whole: their bytes on the shelf, and what is known of them in the store. Called by the
//! API, the inbox, the device loops and the command line.

mod looks;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use tokio::sync::Semaphore;

use crate::account::hex_upper;
use crate::clock::Clock;
use crate::limits;
use crate::media::File;
use crate::media::choice::Mismatch;
use crate::media::kind::MediaKind;
use crate::media::shelf::{Pieces, Shelf, ShelfError};
use crate::memory::FileMemory;
use crate::room::{Added, NoRoom, Refusal, Room};
use crate::store::{Store, StoreError, StoredMedia};

/// Keeps files and finds them again. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    store: Store,
    shelf: Shelf,
    room: Room,
    clock: Clock,
    memory: FileMemory,
    /// Files that are decoded, each in a thread of its own.
    decoding: Arc<Semaphore>,
}

/// A file that is kept to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub id: String,
    /// As what it is shown.
    pub kind: MediaKind,
}

/// Why a file is not kept to be sent.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It cannot be shown as what was asked for, or is too large for it.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a file was not kept or found, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file is no longer there")]
    Missing,
    /// Trying again later may help: a full disk, a lost connection.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    NoRoom(NoRoom),
    /// A fault of this program.
    #[error("{0}")]
    Internal(String),
}

impl Files {
    pub fn new(store: Store, shelf: Shelf, room: Room, clock: Clock) -> Self {
        let memory = FileMemory::new(clock.clone());
        Self { store, shelf, room, clock, memory, decoding: Arc::new(Semaphore::new(limits::PREVIEWS_AT_ONCE_MAX)) }
    }

    /// Keeps a file that came in for a client; when this returns, a crash does not lose it. Gives its id.
    ///
    /// # Errors
    /// [`FileError::Unavailable`] when it cannot be kept now.
    pub async fn keep(&self, client_id: i64, file: File) -> Result<String, FileError> {
        let added = self.room.for_file_that_came_in(client_id, bytes_of(&file));
        let sha256 = sha256(file.bytes.clone()).await?;
        self.put(client_id, file, sha256, added).await
    }

    /// Keeps a file that a client gives, as [`Files::keep`] does.
    ///
    /// # Errors
    /// [`FileError::NoRoom`] when the client's files take too much already.
    async fn keep_given(&self, client_id: i64, file: File) -> Result<String, FileError> {
        let (bytes, sha256) = (bytes_of(&file), sha256(file.bytes.clone()).await?);
        let added = match self.room.for_file(client_id, bytes).await {
            // One more file of the same content takes no room.
            Err(Refusal::NoRoom(NoRoom::Files { .. }))
                if self.store.has_same_file(client_id, &sha256, bytes).await? =>
            {
                Added::nothing()
            }
            added => added?,
        };
        self.put(client_id, file, sha256, added).await
    }

    async fn put(&self, client_id: i64, file: File, sha256: String, added: Added) -> Result<String, FileError> {
        let id = self.clock.new_id();
        let bytes = bytes_of(&file);
        let known = StoredMedia {
            id: id.clone(),
            client_id,
            kind: file.sniffed.kind.name().to_owned(),
            mime: file.sniffed.mime,
            file_name: file.name,
            bytes,
            created_at: self.clock.now(),
            sha256: Some(sha256),
            blob: None,
        };
        // The row first: by it the bytes are found and taken away, should nothing ever refer to them.
        let shared = self.store.add_media(known).await?;
        if let Some(blob) = &shared
            && self.shelf.has(blob).await?
        {
            added.give_back();
            return Ok(id);
        }
        self.shelf.put(&id, file.bytes).await?;
        if shared.is_some() {
            self.store.set_own_bytes(&id).await?;
        }
        Ok(id)
    }

    /// What is known of a file, and its bytes, once there is memory to send it: it is encrypted into a copy.
    ///
    /// # Errors
    /// [`FileError::Missing`] when it was never there or is there no more.
    pub async fn find(&self, id: &str) -> Result<(StoredMedia, Bytes), FileError> {
        let known = self.look(id).await?;
        let memory = self.memory.reserve(known.client_id, 2 * usize::try_from(known.bytes).unwrap_or_default()).await;
        let bytes = self.shelf.get(known.blob_id()).await?;
        Ok((known, memory.attach(bytes)))
    }

    /// The memory that files share.
    pub fn memory(&self) -> &FileMemory {
        &self.memory
    }

    /// What is known of a file, without its bytes.
    ///
    /// # Errors
    /// [`FileError::Missing`] when it was never there.
    pub async fn look(&self, id: &str) -> Result<StoredMedia, FileError> {
        self.store.find_media(id).await?.ok_or(FileError::Missing)
    }

    /// A part of a file's bytes, a piece at a time.
    ///
    /// # Errors
    /// [`FileError::Missing`] when it is there no more.
    pub async fn read(&self, known: &StoredMedia, part: Range<u64>) -> Result<Pieces, FileError> {
        Ok(self.shelf.read(known.blob_id(), part).await?)
    }

    /// Whether a file would be kept now.
    ///
    /// # Errors
    /// [`FileError::Unavailable`] when it would not, or nobody can tell in time.
    pub async fn check(&self) -> Result<(), FileError> {
        let limit = Duration::from_secs(limits::MEDIA_CHECK_SECONDS_MAX);
        match self.clock.within(limit, self.shelf.check()).await {
            Ok(checked) => Ok(checked?),
            Err(_) => {
                Err(FileError::Unavailable(format!("the media store did not answer within {} s", limit.as_secs())))
            }
        }
    }

    /// Whether a file is there, without its bytes.
    ///
    /// # Errors
    /// [`FileError::Unavailable`] when nobody can tell now.
    pub async fn is_kept(&self, id: &str) -> Result<bool, FileError> {
        match self.store.find_media(id).await? {
            Some(known) => Ok(self.shelf.has(known.blob_id()).await?),
            None => Ok(false),
        }
    }

    /// Takes a file away, unless something refers to it.
    ///
    /// # Errors
    /// [`FileError::Unavailable`] when it stays for a while.
    pub async fn discard(&self, id: &str) -> Result<(), FileError> {
        let Some(known) = self.store.find_media(id).await? else { return Ok(()) };
        if !self.store.retire_media(id).await? {
            return Ok(());
        }
        if known.blob.is_none() {
            self.shelf.delete(id).await?;
        }
        self.store.forget_media(id).await?;
        if known.blob.is_none() {
            self.room.file_is_gone(known.client_id, known.bytes);
        }
        Ok(())
    }

    /// Takes files away that were kept a while ago and that nothing refers to: their messages were never accepted. Goes on behind
    /// `after`; gives how far it came.
    ///
    /// # Errors
    /// [`FileError::Unavailable`] when the store or the shelf cannot be used.
    pub async fn sweep(&self, mut after: String) -> Result<String, FileError> {
        let kept_before = self.clock.now() - limits::UNREFERENCED_FILE_MS;
        for _ in 0..limits::FILE_SWEEP_PAGES {
            let (found, last) = self.store.find_unreferenced(&after, kept_before, limits::FILE_SWEEP_ROWS).await?;
            for unreferenced in found {
                self.discard(&unreferenced.id).await?;
                // The last that shared them.
                if let Some(blob) = unreferenced.blob {
                    self.discard(&blob).await?;
                }
            }
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        Ok(after)
    }
}

fn bytes_of(file: &File) -> i64 {
    i64::try_from(file.bytes.len()).unwrap_or(i64::MAX)
}

/// The hash of a file's bytes: a large one takes a while.
async fn sha256(bytes: Bytes) -> Result<String, FileError> {
    let hashed = tokio::task::spawn_blocking(move || hex_upper(digest(&SHA256, &bytes).as_ref())).await;
    hashed.map_err(|error| FileError::Internal(error.to_string()))
}

impl From<ShelfError> for FileError {
    fn from(error: ShelfError) -> Self {
        match error {
            ShelfError::Missing | ShelfError::BadId(_) => Self::Missing,
            ShelfError::Unavailable(reason) => Self::Unavailable(format!("the media store cannot be used: {reason}")),
            other @ ShelfError::CannotOpen { .. } => Self::Internal(other.to_string()),
        }
    }
}

impl From<Refusal> for FileError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoRoom(why) => Self::NoRoom(why),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for FileError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            other => Self::Internal(other.to_string()),
        }
    }
}
