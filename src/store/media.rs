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
}

row!(StoredMedia { id, client_id, kind, mime, file_name, bytes, created_at });

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
                    "INSERT INTO media (id, client_id, kind, mime, file_name, bytes, created_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    &media.id,
                    media.client_id,
                    &media.kind,
                    &media.mime,
                    &media.file_name,
                    media.bytes,
                    media.created_at,
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
            "SELECT id, client_id, kind, mime, file_name, bytes, created_at FROM media WHERE id = $1",
            id,
        )
    }
}
