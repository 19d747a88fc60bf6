//! Files that travel with messages: what they are, where they are kept, how they are fetched.

mod bucket;
pub mod fetch;
pub mod kind;
pub mod range;
pub mod shelf;

use bytes::Bytes;

use kind::{Sniffed, TooBig};

/// A file on its way to the shelf.
#[derive(Debug, Clone)]
pub struct File {
    pub bytes: Bytes,
    pub name: Option<String>,
    pub sniffed: Sniffed,
}

impl File {
    /// Finds out what a file is by its bytes, then by its name.
    pub fn new(bytes: Bytes, name: Option<String>) -> Self {
        let sniffed = kind::sniff(&bytes, name.as_deref());
        Self { bytes, name, sniffed }
    }

    /// Whether WhatsApp takes a file of this kind that is as large.
    ///
    /// # Errors
    /// [`TooBig`] when it does not.
    pub fn check_size(&self) -> Result<(), TooBig> {
        kind::allowed(self.sniffed.kind, self.bytes.len())
    }
}
