//! Where files are kept: a folder, or an S3-like store; and the links that lead to them.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::bucket::Bucket;
use crate::clock::Millis;
use crate::limits;
use crate::settings::Hidden;

/// The file that says whether the folder can be written.
const PROBE: &str = "ready";

/// The bytes of a file, a piece at a time.
pub type Pieces = BoxStream<'static, Result<Bytes, ShelfError>>;

/// Keeps files under ids that this gateway makes. Cheap to clone.
#[derive(Clone)]
pub struct Shelf(Place);

#[derive(Clone)]
enum Place {
    Folder(Arc<PathBuf>),
    Bucket(Bucket),
}

#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// It was never there, or is there no more.
    #[error("there is no such file on the shelf")]
    Missing,
    /// Trying again later may help: a full disk, a network fault.
    #[error("the media store cannot take this now: {0}")]
    Unavailable(String),
    #[error("cannot open the media store {location}: {reason}")]
    CannotOpen { location: String, reason: String },
    #[error("'{0}' is no id of a file")]
    BadId(String),
}

impl Shelf {
    /// Opens a folder (made when it is not there) or `s3://bucket/prefix`, whose keys and endpoint come from the usual
    /// `AWS_…` variables.
    ///
    /// # Errors
    /// [`ShelfError::CannotOpen`] when there is no such place.
    pub fn open(location: &str) -> Result<Self, ShelfError> {
        Self::open_with(location, &[])
    }

    /// As [`Shelf::open`], with options of the S3 client besides those variables, such as `aws_region`.
    ///
    /// # Errors
    /// As [`Shelf::open`]; also for an option that there is not.
    pub fn open_with(location: &str, options: &[(String, Hidden)]) -> Result<Self, ShelfError> {
        let failed = |reason: String| ShelfError::CannotOpen { location: location.to_owned(), reason };
        let Some(bucket) = location.strip_prefix("s3://") else {
            let folder = PathBuf::from(location);
            std::fs::create_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
            return Ok(Self(Place::Folder(Arc::new(folder))));
        };
        Ok(Self(Place::Bucket(Bucket::open(bucket, options).map_err(failed)?)))
    }

    /// Keeps a file. When this returns, a crash does not lose it.
    ///
    /// # Errors
    /// [`ShelfError::Unavailable`] when there is no room or no connection; then nothing is kept.
    pub async fn put(&self, id: &str, bytes: Bytes) -> Result<(), ShelfError> {
        check_id(id)?;
        match &self.0 {
            Place::Folder(folder) => {
                let path = file_of(folder, id);
                tokio::task::spawn_blocking(move || write_durably(&path, &bytes))
                    .await
                    .map_err(|error| ShelfError::Unavailable(error.to_string()))?
                    .map_err(|error| ShelfError::Unavailable(error.to_string()))
            }
            Place::Bucket(bucket) => bucket.put(id, bytes).await,
        }
    }

    /// # Errors
    /// [`ShelfError::Missing`] when it is not there.
    pub async fn get(&self, id: &str) -> Result<Bytes, ShelfError> {
        check_id(id)?;
        match &self.0 {
            Place::Folder(folder) => {
                let read = tokio::fs::read(file_of(folder, id)).await;
                read.map(Bytes::from).map_err(|error| unread(folder, &error))
            }
            Place::Bucket(bucket) => bucket.get(id).await,
        }
    }

    /// A part of a file, a piece at a time: it is never whole in memory. What the file does not have ends the pieces with a
    /// fault.
    ///
    /// # Errors
    /// [`ShelfError::Missing`] when it is not there.
    pub async fn read(&self, id: &str, part: Range<u64>) -> Result<Pieces, ShelfError> {
        check_id(id)?;
        match &self.0 {
            // No store gives a part without bytes.
            _ if part.is_empty() => match self.has(id).await? {
                true => Ok(stream::empty().boxed()),
                false => Err(ShelfError::Missing),
            },
            Place::Folder(folder) => {
                let opened = async {
                    let mut file = tokio::fs::File::open(file_of(folder, id)).await?;
                    file.seek(std::io::SeekFrom::Start(part.start)).await?;
                    Ok(file)
                };
                let file = opened.await.map_err(|error| unread(folder, &error))?;
                Ok(pieces(file, part.end - part.start))
            }
            Place::Bucket(bucket) => bucket.read(id, part).await,
        }
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// [`ShelfError::Unavailable`] when the place cannot be reached.
    pub async fn has(&self, id: &str) -> Result<bool, ShelfError> {
        check_id(id)?;
        match &self.0 {
            Place::Folder(folder) => {
                match tokio::fs::metadata(file_of(folder, id)).await.map_err(|error| unread(folder, &error)) {
                    Ok(_) => Ok(true),
                    Err(ShelfError::Missing) => Ok(false),
                    Err(other) => Err(other),
                }
            }
            Place::Bucket(bucket) => bucket.has(id).await,
        }
    }

    /// Whether a file would be kept now.
    ///
    /// # Errors
    /// [`ShelfError::Unavailable`] when it would not.
    pub async fn check(&self) -> Result<(), ShelfError> {
        match &self.0 {
            Place::Folder(folder) => {
                let written = tokio::fs::write(folder.join(PROBE), b"ready").await;
                written.map_err(|error| ShelfError::Unavailable(format!("{}: {error}", folder.display())))
            }
            Place::Bucket(bucket) => bucket.check().await,
        }
    }

    /// Takes a file away; one that is not there already is no fault.
    ///
    /// # Errors
    /// [`ShelfError::Unavailable`] when the place cannot be reached.
    pub async fn delete(&self, id: &str) -> Result<(), ShelfError> {
        check_id(id)?;
        let gone = match &self.0 {
            Place::Folder(folder) => {
                let file = file_of(folder, id);
                // What a crash left of writing it.
                let _ = tokio::fs::remove_file(unfinished(&file)).await;
                tokio::fs::remove_file(file).await.map_err(|error| unread(folder, &error))
            }
            Place::Bucket(bucket) => bucket.delete(id).await,
        };
        match gone {
            Err(ShelfError::Missing) => Ok(()),
            other => other,
        }
    }
}

/// Why a file could not be read: it is missing only where its folder is there, and not a disk that is not mounted.
fn unread(folder: &std::path::Path, error: &std::io::Error) -> ShelfError {
    match error.kind() {
        std::io::ErrorKind::NotFound if folder.is_dir() => ShelfError::Missing,
        _ => ShelfError::Unavailable(format!("{}: {error}", folder.display())),
    }
}

/// The next `left` bytes of a file.
fn pieces(file: tokio::fs::File, left: u64) -> Pieces {
    stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(limits::FILE_PIECE_BYTES_MAX);
        let mut piece = BytesMut::with_capacity(most);
        let read = (&mut file).take(most as u64).read_buf(&mut piece).await;
        let read = read.map_err(|error| ShelfError::Unavailable(error.to_string()))?;
        if read == 0 {
            return Err(ShelfError::Unavailable("the file is shorter than it was".into()));
        }
        Ok(Some((piece.freeze(), (file, left - read as u64))))
    })
    .boxed()
}

/// Ids are made by this gateway; nothing else may name a file.
fn check_id(id: &str) -> Result<(), ShelfError> {
    let ok = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if ok { Ok(()) } else { Err(ShelfError::BadId(id.chars().take(40).collect())) }
}

/// The last two digits, which are random, spread the files over 256 folders.
fn file_of(folder: &std::path::Path, id: &str) -> PathBuf {
    folder.join(&id[id.len() - 2..]).join(id)
}

/// Where a file is written before it has its name.
fn unfinished(path: &std::path::Path) -> PathBuf {
    path.with_extension("new")
}

/// The file's bytes, then its name, are on the disk when this returns.
fn write_durably(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let Some(folder) = path.parent() else { return Err(std::io::ErrorKind::InvalidInput.into()) };
    // The media folder itself is not made anew: where it is gone, so are the files that were in it.
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let beside = unfinished(path);
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        std::fs::File::open(folder)?.sync_all()
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Makes and checks links to files: a token that names the file and the moment it stops working, and proves that we
/// made it.
#[derive(Clone)]
pub struct Links {
    secret: [u8; 32],
}

/// A token that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    #[error("this link has expired")]
    Expired,
    #[error("this is no link of ours")]
    Wrong,
}

impl Links {
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A token for a file that works until `expires_at`.
    pub fn link_token(&self, media_id: &str, expires_at: Millis) -> String {
        let named = format!("{media_id}.{expires_at}");
        let proof = URL_SAFE_NO_PAD.encode(self.mac(&named).finalize().into_bytes());
        format!("{named}.{proof}")
    }

    /// The file that a token leads to.
    ///
    /// # Errors
    /// [`BadLink`] when it is not ours or its time is over.
    pub fn verify(&self, token: &str, now: Millis) -> Result<String, BadLink> {
        let (named, proof) = token.rsplit_once('.').ok_or(BadLink::Wrong)?;
        let proof = URL_SAFE_NO_PAD.decode(proof).map_err(|_| BadLink::Wrong)?;
        // In constant time.
        self.mac(named).verify_slice(&proof).map_err(|_| BadLink::Wrong)?;
        let (id, expires_at) = named.split_once('.').ok_or(BadLink::Wrong)?;
        let expires_at: Millis = expires_at.parse().map_err(|_| BadLink::Wrong)?;
        if now < expires_at { Ok(id.to_owned()) } else { Err(BadLink::Expired) }
    }

    fn mac(&self, named: &str) -> Hmac<Sha256> {
        // HMAC takes keys of every length.
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of any length");
        mac.chain_update(named.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn a_file_is_found_again_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().to_str().unwrap()).unwrap();
        let id = Clock::system().new_id();
        shelf.put(&id, Bytes::from_static(b"hello")).await.unwrap();
        assert_eq!(shelf.get(&id).await.unwrap(), "hello");
        assert!(shelf.has(&id).await.unwrap());
        shelf.delete(&id).await.unwrap();
        assert!(!shelf.has(&id).await.unwrap());
        assert!(matches!(shelf.get(&id).await, Err(ShelfError::Missing)));
        shelf.delete(&id).await.unwrap();
    }

    #[tokio::test]
    async fn a_part_of_a_file_comes_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().to_str().unwrap()).unwrap();
        let id = Clock::system().new_id();
        let most = limits::FILE_PIECE_BYTES_MAX;
        let bytes: Vec<u8> = (0..3 * most).map(|at| (at % 251) as u8).collect();
        shelf.put(&id, bytes.clone().into()).await.unwrap();
        for part in [0..bytes.len(), 5..6, most - 1..2 * most + 1, 7..7] {
            let pieces: Vec<Bytes> =
                shelf.read(&id, part.start as u64..part.end as u64).await.unwrap().try_collect().await.unwrap();
            assert!(pieces.iter().all(|piece| piece.len() <= most));
            assert!(pieces.concat() == bytes[part.clone()], "{part:?}");
        }
        // A file that has lost its end is no shorter file.
        let short: Result<Vec<Bytes>, _> =
            shelf.read(&id, 0..bytes.len() as u64 + 1).await.unwrap().try_collect().await;
        assert!(matches!(short, Err(ShelfError::Unavailable(_))));
        shelf.delete(&id).await.unwrap();
        for part in [0..1, 0..0] {
            assert!(matches!(shelf.read(&id, part).await.err(), Some(ShelfError::Missing)));
        }
    }

    #[tokio::test]
    async fn an_id_that_is_a_path_names_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().to_str().unwrap()).unwrap();
        for id in ["", "../../etc/passwd", &"A".repeat(32), "0123456789abcdef0123456789abcde/"] {
            assert!(matches!(shelf.get(id).await, Err(ShelfError::BadId(_))), "{id}");
        }
    }

    #[tokio::test]
    async fn a_place_without_room_says_so_and_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().to_str().unwrap()).unwrap();
        let id = Clock::system().new_id();
        // A file stands where the file's folder would: as on a full disk, nothing can be made there.
        std::fs::write(folder.path().join(&id[30..]), b"in the way").unwrap();
        assert!(matches!(shelf.put(&id, Bytes::from_static(b"x")).await, Err(ShelfError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_no_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let media = folder.path().join("media");
        let shelf = Shelf::open(media.to_str().unwrap()).unwrap();
        let id = Clock::system().new_id();
        shelf.put(&id, Bytes::from_static(b"hello")).await.unwrap();
        shelf.check().await.unwrap();
        // As a disk that is not mounted any more.
        std::fs::rename(&media, folder.path().join("away")).unwrap();
        assert!(matches!(shelf.get(&id).await, Err(ShelfError::Unavailable(_))));
        assert!(matches!(shelf.read(&id, 0..1).await.err(), Some(ShelfError::Unavailable(_))));
        assert!(matches!(shelf.has(&id).await, Err(ShelfError::Unavailable(_))));
        assert!(matches!(shelf.put(&id, Bytes::new()).await, Err(ShelfError::Unavailable(_))));
        assert!(matches!(shelf.delete(&id).await, Err(ShelfError::Unavailable(_))));
        assert!(matches!(shelf.check().await, Err(ShelfError::Unavailable(_))));
        std::fs::rename(folder.path().join("away"), &media).unwrap();
        assert_eq!(shelf.get(&id).await.unwrap(), "hello");
        assert!(matches!(shelf.get(&Clock::system().new_id()).await, Err(ShelfError::Missing)));
    }

    #[test]
    fn a_link_works_until_it_expires_and_cannot_be_changed() {
        let links = Links::new([7; 32]);
        let token = links.link_token("0123456789abcdef0123456789abcdef", 1_000);
        assert_eq!(links.verify(&token, 999).as_deref(), Ok("0123456789abcdef0123456789abcdef"));
        assert_eq!(links.verify(&token, 1_000), Err(BadLink::Expired));
        assert_eq!(Links::new([8; 32]).verify(&token, 0), Err(BadLink::Wrong));
        let later = token.replace(".1000.", ".9000.");
        for bad in [later.as_str(), "", ".", "a.b.c", &token[1..]] {
            assert_eq!(links.verify(bad, 0), Err(BadLink::Wrong), "{bad}");
        }
    }
}
