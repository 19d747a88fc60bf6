//! Who has written to a client. Such a number exists, whatever the numbering plans say, and can be answered as it is.

use std::collections::HashSet;

use super::{Store, StoreError, dialect, sql};
use crate::account::Client;
use crate::phone::{BadDestination, Dialling};

/// Numbers that one question asks about.
const NUMBERS_AT_ONCE: usize = 1_000;

impl Store {
    /// Whether somebody with this number has written to one of a client's devices, of now or removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_written(&self, client_id: i64, number: &str) -> Result<bool, StoreError> {
        let mut conn = self.reader().await?;
        sql!(
            &mut conn,
            scalar as bool,
            "SELECT EXISTS (SELECT 1 FROM inbound WHERE client_id = $1 AND originator = $2)",
            client_id,
            number,
        )
    }

    /// Those of `numbers` that have written to a client.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_writers(&self, client_id: i64, numbers: Vec<String>) -> Result<HashSet<String>, StoreError> {
        let mut writers = HashSet::new();
        if numbers.is_empty() {
            return Ok(writers);
        }
        let mut conn = self.reader().await?;
        for asked in numbers.chunks(NUMBERS_AT_ONCE) {
            let text = dialect::find_writers(&conn);
            let asked = serde_json::to_string(asked).unwrap_or_default();
            writers.extend(sql!(&mut conn, column as String, text, client_id, &asked)?);
        }
        Ok(writers)
    }

    /// Reads a number of a client's: what cannot be dialled is accepted exactly as it is where it has written to the client.
    /// The store is asked only about what was refused.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dial<T>(
        &self,
        client: &Client,
        parse: impl Fn(Dialling<'_>) -> Result<T, BadDestination>,
    ) -> Result<Result<T, BadDestination>, StoreError> {
        let country_code = client.country_code.as_str();
        let first = parse(country_code.into());
        let Some(number) = first.as_ref().err().and_then(BadDestination::digits) else { return Ok(first) };
        if !self.has_written(client.id, number).await? {
            return Ok(first);
        }
        let known = Some(number);
        Ok(parse(Dialling { country_code, known }))
    }
}
