//! Whose a thing is: the command line finds the client from what it is given. No client ever asks this way.

use super::{Store, StoreError, sql};

/// Something that belongs to a client.
#[derive(Debug, Clone, Copy)]
pub enum Owned<'a> {
    /// A message by its reference number.
    Message(&'a str),
    /// A message that came in, by its id.
    Inbound(&'a str),
    /// An API key by its number.
    Key(i64),
}

impl Store {
    /// The number of the client that a thing belongs to; `None` when there is no such thing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find_owner(&self, of: Owned<'_>) -> Result<Option<i64>, StoreError> {
        let mut conn = self.reader().await?;
        let found = match of {
            Owned::Message(ref_no) => {
                sql!(&mut conn, optional as (i64,), "SELECT client_id FROM messages WHERE ref_no = $1", ref_no)
            }
            Owned::Inbound(id) => {
                sql!(&mut conn, optional as (i64,), "SELECT client_id FROM inbound WHERE id = $1", id)
            }
            Owned::Key(id) => {
                sql!(&mut conn, optional as (i64,), "SELECT client_id FROM api_keys WHERE id = $1", id)
            }
        };
        Ok(found?.map(|(id,)| id))
    }
}
