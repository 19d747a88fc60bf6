//! What the store keeps of itself, under a name each.

use super::{Store, StoreError, sql};

/// Where the server that started last says that it is reached.
const ADDRESS: &str = "address";

impl Store {
    /// The value that the whole store keeps under `name`: the first one that was offered.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub async fn remember(&self, name: &'static str, offered: String) -> Result<String, StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                    name,
                    &offered
                )?;
                sql!(conn, scalar as String, "SELECT value FROM meta WHERE name = $1", name)
            })
        })
        .await
    }

    /// Notes where a server that starts is reached.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn note_address(&self, address: String) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sql!(
                    conn,
                    execute,
                    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    ADDRESS,
                    &address,
                )
                .map(drop)
            })
        })
        .await
    }

    /// Where the server that started last is reached; `None` where none of this release has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_address(&self) -> Result<Option<String>, StoreError> {
        let mut conn = self.reader().await?;
        let found = sql!(&mut conn, optional as (String,), "SELECT value FROM meta WHERE name = $1", ADDRESS)?;
        Ok(found.map(|(address,)| address))
    }
}
