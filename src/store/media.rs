//! What is known of the files on the shelf.

use super::row::row;
use super::{Store, StoreError, sql};
use crate::clock::Millis;

/// A file on the shelf. Its id is also its name there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoredMedia {
    pub id: String,
    pub client_id: i64,
    pub kind: String,
    pub mime: String,
    pub file_name: Option<String>,
    pub bytes: i64,
    pub created_at: Millis,
    /// The hash of its bytes, in hexadecimal digits; files of before it was noted have none.
    pub sha256: Option<String>,
}

row!(StoredMedia { id, client_id, kind, mime, file_name, bytes, created_at, sha256 });

/// What a recipient sees of a file before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPreview {
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub duration_ms: Option<i64>,
    pub is_animated: bool,
    pub thumbnail: Option<Vec<u8>>,
    pub waveform: Option<Vec<u8>>,
}

row!(StoredPreview { width, height, duration_ms, is_animated, thumbnail, waveform });

impl Store {
    /// Notes a file that is on the shelf already.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn add_media(&self, media: StoredMedia) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO media (id, client_id, kind, mime, file_name, bytes, created_at, sha256) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    &media.id,
                    media.client_id,
                    &media.kind,
                    &media.mime,
                    &media.file_name,
                    media.bytes,
                    media.created_at,
                    &media.sha256,
                )
                .map(drop)
            })
        })
        .await
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn find_media(&self, id: &str) -> Result<Option<StoredMedia>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as StoredMedia,
            "SELECT id, client_id, kind, mime, file_name, bytes, created_at, sha256 FROM media WHERE id = $1",
            id,
        )
    }

    /// The preview of a content, if one was made.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_preview(&self, sha256: &str) -> Result<Option<StoredPreview>, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            optional as StoredPreview,
            "SELECT width, height, duration_ms, is_animated, thumbnail, waveform FROM media_previews WHERE sha256 = $1",
            sha256,
        )
    }

    /// Keeps the preview of a content; one that is there already stays.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn add_preview(&self, sha256: &str, preview: StoredPreview) -> Result<(), StoreError> {
        let sha256 = sha256.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO media_previews (sha256, width, height, duration_ms, is_animated, thumbnail, waveform) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sha256) DO NOTHING",
                    &sha256,
                    preview.width,
                    preview.height,
                    preview.duration_ms,
                    preview.is_animated,
                    &preview.thumbnail,
                    &preview.waveform,
                )
                .map(drop)
            })
        })
        .await
    }
}
