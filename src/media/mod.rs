//! Files that travel with messages: what they are, how they are shown, where they are kept, how they are fetched.

mod bucket;
pub mod choice;
mod exif;
pub mod fetch;
pub mod image;
pub mod kind;
mod mp4;
pub mod name;
mod ogg;
pub mod page;
pub mod pixels;
pub mod preview;
pub mod range;
pub mod shelf;
mod sound;
mod waveform;

use bytes::Bytes;

use kind::Sniffed;

/// A file on its way to the shelf.
#[derive(Debug, Clone)]
pub struct File {
    pub bytes: Bytes,
    pub name: Option<String>,
    pub sniffed: Sniffed,
}

impl File {
    /// Finds out what a file is by its bytes, then by its name. Of a name only what is harmless stays.
    pub fn new(bytes: Bytes, name: Option<String>) -> Self {
        let name = name.as_deref().and_then(name::clean);
        let sniffed = kind::sniff(&bytes, name.as_deref());
        Self { bytes, name, sniffed }
    }
}
