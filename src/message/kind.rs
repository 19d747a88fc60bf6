//! As what a message with a file is shown.

use serde::{Deserialize, Serialize};

use crate::limits;

/// What WhatsApp shows a file as. Bytes alone are never found to be a [`Self::VideoNote`]: somebody asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    /// Sound that was spoken: a bubble with a waveform.
    Voice,
    Document,
    Sticker,
    /// A video in a circle.
    VideoNote,
}

impl MediaKind {
    /// In the order of the API's documentation.
    pub const ALL: [Self; 7] =
        [Self::Image, Self::Video, Self::Audio, Self::Voice, Self::Document, Self::Sticker, Self::VideoNote];

    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::VideoNote => "video_note",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the recipient sees a caption with it.
    pub fn shows_caption(self) -> bool {
        matches!(self, Self::Image | Self::Video | Self::Document)
    }

    /// The largest file of this kind that WhatsApp takes.
    pub fn bytes_max(self) -> usize {
        if self == Self::Document { limits::DOCUMENT_BYTES_MAX } else { limits::MEDIA_BYTES_MAX }
    }
}
