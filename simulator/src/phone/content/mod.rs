//! What people say to each other: the contents of messages as plain values, to be composed into the protocol's form
//! (`encode.rs`) and read from it (`decode.rs`).

mod decode;
mod edit;
mod encode;
mod encrypted;
mod vote;

use serde::{Deserialize, Serialize};

use crate::phone::file::{FileKind, Seal};

pub use decode::{Decoded, Distribution, PeerRequest, Reading, decode};
pub use edit::{EditForm, packed, secret_of, with_secret};
pub use encode::{encode, for_own_devices};
pub use encrypted::{Purpose, Sealed};
pub use vote::vote;

/// The content of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Text {
        text: String,
    },
    File(Box<Attachment>),
    Location {
        latitude: f64,
        longitude: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Contact {
        name: String,
        vcard: String,
    },
    Reaction {
        to: Target,
        /// Empty when a reaction is taken back.
        emoji: String,
    },
    Edit {
        of: Target,
        text: String,
    },
    Delete {
        of: Target,
    },
    Poll {
        question: String,
        options: Vec<String>,
        /// How many options one person may choose; 0 for any number.
        #[serde(default)]
        selectable: u32,
    },
    Vote {
        #[serde(rename = "in")]
        poll: Target,
        /// What was chosen; nothing takes a vote back.
        options: Vec<String>,
    },
    /// Something that a simulated phone does not look into.
    Other {
        /// Bytes of the encoded content.
        size: u64,
    },
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub file: FileKind,
    pub mime_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// How long it plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    #[serde(default, rename = "looks", skip_serializing_if = "Preview::is_empty")]
    pub preview: Preview,
    pub seal: Seal,
}

/// What a message says of its file so that it can be shown before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// A JPEG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waveform: Option<Vec<u8>>,
    /// A sticker that moves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_animated: bool,
    /// A video in a circle.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_video_note: bool,
    /// A document in the wrapper of those with a caption.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_wrapped: bool,
}

impl Preview {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Another message that a message is about, as its sender sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub id: String,
    /// Whether the one who reacts, edits or deletes also wrote it.
    pub from_me: bool,
    /// Who wrote it, in a group and when somebody else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// The message that a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub id: String,
    /// Who wrote it.
    pub sender: String,
    /// Its text, as it is shown above the answer.
    pub text: String,
}

/// A content together with what it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageBody {
    #[serde(flatten)]
    pub content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Reply>,
}

impl MessageBody {
    pub fn text(text: &str) -> Self {
        Content::Text { text: text.to_owned() }.into()
    }
}

impl From<Content> for MessageBody {
    fn from(content: Content) -> Self {
        Self { content, reply_to: None }
    }
}

impl Content {
    /// The `type` of the `<message>`.
    pub fn stanza_type(&self) -> &'static str {
        match self {
            Self::Reaction { .. } => "reaction",
            Self::Poll { .. } | Self::Vote { .. } => "poll",
            Self::File(_) | Self::Location { .. } | Self::Contact { .. } => "media",
            _ => "text",
        }
    }

    /// The `mediatype` of each `<enc>`.
    pub fn media_type(&self) -> Option<&'static str> {
        match self {
            Self::File(attachment) => attachment.file.media_type(),
            Self::Location { .. } => Some("location"),
            Self::Contact { .. } => Some("vcard"),
            _ => None,
        }
    }

    /// The `edit` of the `<message>`: 1 for an edit, 7 for one's own message deleted, 8 for another's.
    pub fn edit_mark(&self) -> Option<&'static str> {
        match self {
            Self::Edit { .. } => Some("1"),
            Self::Delete { of } => Some(if of.from_me { "7" } else { "8" }),
            _ => None,
        }
    }

    /// The `polltype` of the `<meta>` beside the `<enc>`.
    pub fn poll_mark(&self) -> Option<&'static str> {
        match self {
            Self::Poll { .. } => Some("creation"),
            Self::Vote { .. } => Some("vote"),
            _ => None,
        }
    }

    /// Whether somebody who cannot decrypt it should be shown nothing.
    pub fn is_about_another(&self) -> bool {
        matches!(self, Self::Reaction { .. } | Self::Edit { .. } | Self::Delete { .. } | Self::Vote { .. })
    }

    /// The message that it is about.
    pub fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Reaction { to: target, .. }
            | Self::Edit { of: target, .. }
            | Self::Delete { of: target }
            | Self::Vote { poll: target, .. } => Some(target),
            _ => None,
        }
    }

    /// The text that a quotation shows.
    pub fn summary(&self) -> &str {
        match self {
            Self::Text { text } | Self::Edit { text, .. } => text,
            Self::File(attachment) => attachment.caption.as_deref().unwrap_or_default(),
            Self::Location { name, .. } => name.as_deref().unwrap_or_default(),
            Self::Contact { name, .. } => name,
            Self::Poll { question, .. } => question,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests;
