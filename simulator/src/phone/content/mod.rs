//! Message contents as plain values, encoded to protobuf (`encode.rs`) and decoded from it (`decode.rs`).

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
        /// Empty to remove a reaction.
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
        /// The chosen options; none removes a vote.
        options: Vec<String>,
    },
    /// A content that a simulated phone does not interpret.
    Other {
        /// Size of the encoded content in bytes.
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
    /// Playing time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    #[serde(default, rename = "looks", skip_serializing_if = "Preview::is_empty")]
    pub preview: Preview,
    pub seal: Seal,
}

/// What a message says about its file, so that it can be displayed before the download.
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
    /// An animated sticker.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_animated: bool,
    /// A round video note.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_video_note: bool,
    /// A document in the wrapper for those with a caption.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_wrapped: bool,
}

impl Preview {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A reference to another message, from its sender's point of view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub id: String,
    /// Whether the person who reacts, edits or deletes also wrote it.
    pub from_me: bool,
    /// Its author, in a group and if it is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// The message that this one replies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub id: String,
    /// Its author.
    pub sender: String,
    /// Its text, quoted above the reply.
    pub text: String,
}

/// A content and the message that it replies to.
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

    /// The `edit` of the `<message>`: 1 for an edit, 7 for deleting one's own message, 8 for deleting another's.
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

    /// Whether it refers to another message, so that an undecryptable one should show nothing.
    pub fn is_about_another(&self) -> bool {
        matches!(self, Self::Reaction { .. } | Self::Edit { .. } | Self::Delete { .. } | Self::Vote { .. })
    }

    /// The message it refers to.
    pub fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Reaction { to: target, .. }
            | Self::Edit { of: target, .. }
            | Self::Delete { of: target }
            | Self::Vote { poll: target, .. } => Some(target),
            _ => None,
        }
    }

    /// The text shown in a quotation.
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
