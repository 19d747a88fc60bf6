//! What is known of the files on the shelf.

use super::row::row;
use super::{Store, StoreError, dialect, sql};
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
    /// The file whose bytes this one shares; none where it has its own.
    pub blob: Option<String>,
}

row!(StoredMedia { id, client_id, kind, mime, file_name, bytes, created_at, sha256, blob });

impl StoredMedia {
    /// Under which id its bytes are on the shelf.
    pub fn blob_id(&self) -> &str {
        self.blob.as_deref().unwrap_or(&self.id)
    }
}

/// A file that no message refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreferenced {
    pub id: String,
    pub blob: Option<String>,
}

row!(Unreferenced { id, blob });

/// That nothing refers to the file of a row of `media`: no message, and no file that shares its bytes.
macro_rules! unreferenced {
    () => {
        "NOT EXISTS (SELECT 1 FROM messages WHERE messages.media_id = media.id) \
         AND NOT EXISTS (SELECT 1 FROM inbound WHERE inbound.media_id = media.id) \
         AND NOT EXISTS (SELECT 1 FROM media AS sharing WHERE sharing.blob = media.id)"
    };
}

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
    /// Notes a file. Where the client has one of the same content, the new one shares its bytes: gives whose.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn add_media(&self, media: StoredMedia) -> Result<Option<String>, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                let text = dialect::find_same_file(conn);
                let blob = sql!(&mut *conn, optional as (String,), text, media.client_id, &media.sha256, media.bytes)?;
                let blob = blob.map(|(id,)| id);
                sql!(
                    conn,
                    execute,
                    "INSERT INTO media (id, client_id, kind, mime, file_name, bytes, created_at, sha256, blob) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    &media.id,
                    media.client_id,
                    &media.kind,
                    &media.mime,
                    &media.file_name,
                    media.bytes,
                    media.created_at,
                    &media.sha256,
                    &blob,
                )?;
                Ok(blob)
            })
        })
        .await
    }

    /// Whether a client has a file of this content.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_same_file(&self, client_id: i64, sha256: &str, bytes: i64) -> Result<bool, StoreError> {
        let mut conn = self.reader().await?;
        let text = "SELECT EXISTS (SELECT 1 FROM media WHERE client_id = $1 AND sha256 = $2 AND bytes = $3)";
        sql!(&mut conn, scalar as bool, text, client_id, sha256, bytes)
    }

    /// A file has bytes of its own: those that it was to share are not there.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn set_own_bytes(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            Box::pin(async move { sql!(conn, execute, "UPDATE media SET blob = NULL WHERE id = $1", &id).map(drop) })
        })
        .await
    }

    /// Of the `rows` files behind `after` that were kept before `kept_before`: those that nothing refers to; and the last that was
    /// looked at, if there was one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_unreferenced(
        &self,
        after: &str,
        kept_before: Millis,
        rows: i64,
    ) -> Result<(Vec<Unreferenced>, Option<String>), StoreError> {
        let mut conn = self.reader().await?;
        let last = sql!(
            &mut conn,
            optional as (String,),
            "SELECT MAX(id) AS id FROM (SELECT id FROM media WHERE id > $1 AND created_at < $2 ORDER BY id LIMIT $3) AS looked_at \
             HAVING MAX(id) IS NOT NULL",
            after,
            kept_before,
            rows,
        )?;
        let Some((last,)) = last else { return Ok((Vec::new(), None)) };
        let found = sql!(
            &mut conn,
            all as Unreferenced,
            concat!(
                "SELECT id, blob FROM media WHERE id > $1 AND id <= $2 AND created_at < $3 AND ",
                unreferenced!(),
                " ORDER BY id"
            ),
            after,
            &last,
            kept_before,
        )?;
        Ok((found, Some(last)))
    }

    /// Keeps others from sharing the bytes of a file that nothing refers to. `false` when something does.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn retire_media(&self, id: &str) -> Result<bool, StoreError> {
        let retired = id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                let text = concat!("UPDATE media SET sha256 = NULL WHERE id = $1 AND ", unreferenced!());
                Ok(sql!(conn, execute, text, &retired)? == 1)
            })
        })
        .await?;
        // On PostgreSQL one that shares them may have been added while that waited for it.
        let mut conn = self.reader().await?;
        let text = concat!("SELECT id FROM media WHERE id = $1 AND ", unreferenced!());
        Ok(sql!(&mut conn, optional as (String,), text, id)?.is_some())
    }

    /// Forgets a file that nothing refers to.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn forget_media(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            Box::pin(async move {
                sql!(conn, execute, concat!("DELETE FROM media WHERE id = $1 AND ", unreferenced!()), &id).map(drop)
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
            "SELECT id, client_id, kind, mime, file_name, bytes, created_at, sha256, blob FROM media WHERE id = $1",
            id,
        )
    }

    /// How many bytes a client's files have, those that are the same counted once. Reads an entry of an index for each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sum_file_bytes_of(&self, client_id: i64) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as i64,
            "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM media WHERE client_id = $1 AND blob IS NULL",
            client_id,
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
