//! What a recipient will see of a file: as what it is kept to be sent, converted where it must be, and its preview, made once for
//! each content.

use bytes::Bytes;
use tokio::task::JoinError;

use super::{FileError, Files, TakeError, Taken, sha256};
use crate::media::choice::{self, Choice, Mismatch};
use crate::media::kind::MediaKind;
use crate::media::preview::Preview;
use crate::media::{File, pixels, preview};
use crate::store::{StoredMedia, StoredPreview};

impl Files {
    /// Keeps a file that is to be sent as `asked`, or as what its bytes and the caption suggest. A picture that is made of it is
    /// kept in its place.
    ///
    /// # Errors
    /// [`TakeError::Mismatch`] when it cannot be shown as what was asked for.
    pub async fn take(
        &self,
        client_id: i64,
        file: File,
        asked: Option<MediaKind>,
        caption: Option<&str>,
    ) -> Result<Taken, TakeError> {
        let mut made = None;
        let (file, kind) = match choice::choose(&file, asked, caption)? {
            Choice::AsItIs(kind) => (file, kind),
            Choice::Image { otherwise } => match self.seen(&file).await? {
                Seen::Broken => unreadable(file, asked, otherwise)?,
                Seen::Before => (file, MediaKind::Image),
                Seen::Now { hash, preview } => {
                    made = Some((hash, preview));
                    (file, MediaKind::Image)
                }
            },
            Choice::Sticker { .. } if self.can_be_decoded(&file).await? => (file, MediaKind::Sticker),
            Choice::Picture { otherwise } => match self.picture(&file).await? {
                Some(picture) => (picture, MediaKind::Image),
                None => unreadable(file, asked, otherwise)?,
            },
            Choice::Sticker { otherwise } => unreadable(file, asked, otherwise)?,
        };
        let id = self.keep_given(client_id, file).await?;
        if let Some((hash, preview)) = made {
            self.store.add_preview(&hash, stored(preview)).await.map_err(FileError::from)?;
        }
        Ok(Taken { id, kind })
    }

    /// Whether all of a JPEG or PNG can be shown, as far as anybody can say that. Of many messages with one picture, it is decoded for one.
    async fn seen(&self, file: &File) -> Result<Seen, FileError> {
        let hash = sha256(file.bytes.clone()).await?;
        let is_known = async || {
            Ok::<_, FileError>(self.store.find_preview(&hash).await?.is_some_and(|one| one.thumbnail.is_some()))
        };
        if is_known().await? {
            return Ok(Seen::Before);
        }
        let _turn = self.decoding.acquire().await.map_err(|error| FileError::Internal(error.to_string()))?;
        // Another message's file may have been the same, and its turn before.
        if is_known().await? {
            return Ok(Seen::Before);
        }
        let (bytes, mime) = (file.bytes.clone(), file.sniffed.mime.clone());
        let made = tokio::task::spawn_blocking(move || {
            let preview = preview::of(&bytes, &mime);
            let is_broken = preview.thumbnail.is_none() && pixels::is_broken(&bytes);
            (preview, is_broken)
        });
        match made.await {
            Ok((_, true)) => Ok(Seen::Broken),
            Ok((preview, false)) => Ok(Seen::Now { hash, preview }),
            Err(error) => {
                tracing::warn!(%error, "a picture could not be decoded");
                Ok(Seen::Broken)
            }
        }
    }

    /// The preview of a file: found, or made and kept for all files of the same content.
    ///
    /// # Errors
    /// [`FileError::Unavailable`] when the store cannot be read or written.
    pub async fn preview(&self, media: &StoredMedia, bytes: &Bytes) -> Result<Preview, FileError> {
        if !["image/", "video/", "audio/"].iter().any(|shown| media.mime.starts_with(shown)) {
            return Ok(Preview::default());
        }
        let hash = match &media.sha256 {
            Some(hash) => hash.clone(),
            None => sha256(bytes.clone()).await?,
        };
        if let Some(found) = self.store.find_preview(&hash).await? {
            return Ok(shown(found));
        }
        let _turn = self.decoding.acquire().await.map_err(|error| FileError::Internal(error.to_string()))?;
        // Another message's file may have been the same, and its turn before.
        if let Some(found) = self.store.find_preview(&hash).await? {
            return Ok(shown(found));
        }
        let (bytes, mime) = (bytes.clone(), media.mime.clone());
        let made = tokio::task::spawn_blocking(move || preview::of(&bytes, &mime)).await.unwrap_or_else(|error| {
            tracing::warn!(media = media.id, %error, "a file has no preview: it could not be decoded");
            Preview::default()
        });
        self.store.add_preview(&hash, stored(made.clone())).await?;
        Ok(made)
    }

    /// Whether all of a WebP can be decoded.
    async fn can_be_decoded(&self, file: &File) -> Result<bool, FileError> {
        let _turn = self.decoding.acquire().await.map_err(|error| FileError::Internal(error.to_string()))?;
        let bytes = file.bytes.clone();
        Ok(decoded(tokio::task::spawn_blocking(move || pixels::is_whole_webp(&bytes)).await))
    }

    /// The picture made of a WebP; none where it cannot be read.
    async fn picture(&self, file: &File) -> Result<Option<File>, FileError> {
        let _turn = self.decoding.acquire().await.map_err(|error| FileError::Internal(error.to_string()))?;
        let bytes = file.bytes.clone();
        let made = decoded(tokio::task::spawn_blocking(move || pixels::picture(&bytes)).await);
        Ok(made.map(|picture| {
            let name = file.name.as_deref().map(|name| {
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                format!("{stem}.{}", picture.ending)
            });
            File::new(picture.bytes.into(), name)
        }))
    }
}

/// What was found out of a picture by decoding it.
enum Seen {
    /// Another file of the same content was decoded.
    Before,
    Now {
        hash: String,
        preview: Preview,
    },
    Broken,
}

/// As what a picture goes out that cannot be decoded: as that which was asked for it is refused.
fn unreadable(file: File, asked: Option<MediaKind>, otherwise: MediaKind) -> Result<(File, MediaKind), Mismatch> {
    const NEEDS: &str = "a picture that can be read";
    match asked {
        Some(kind) if pixels::is_broken(&file.bytes) => Err(Mismatch::Broken { kind, needs: NEEDS }),
        // One that is too large to be decoded here.
        Some(kind) => Err(Mismatch::Format { kind, needs: NEEDS }),
        None => Ok((file, otherwise)),
    }
}

/// What came of decoding a picture; nothing where the decoder panicked.
fn decoded<T: Default>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| {
        tracing::warn!(%error, "a picture could not be decoded");
        T::default()
    })
}

fn shown(stored: StoredPreview) -> Preview {
    let side = |side: Option<i64>| side.and_then(|side| u32::try_from(side).ok());
    Preview {
        width: side(stored.width),
        height: side(stored.height),
        duration_ms: stored.duration_ms.and_then(|length| u64::try_from(length).ok()),
        is_animated: stored.is_animated,
        thumbnail: stored.thumbnail,
        waveform: stored.waveform,
    }
}

fn stored(preview: Preview) -> StoredPreview {
    StoredPreview {
        width: preview.width.map(i64::from),
        height: preview.height.map(i64::from),
        duration_ms: preview.duration_ms.and_then(|length| i64::try_from(length).ok()),
        is_animated: preview.is_animated,
        thumbnail: preview.thumbnail,
        waveform: preview.waveform,
    }
}
