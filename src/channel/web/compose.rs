//! From an outgoing message to the protocol's. Pure.

use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::download::MediaType;
use whatsapp_rust::upload::UploadResponse;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::media::kind::MediaKind;

/// A text as it is: whether links in it are shown as links is the reader's client's to decide.
pub fn text(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

/// What the media hosts call a kind of file.
pub fn media_type(kind: MediaKind) -> MediaType {
    match kind {
        MediaKind::Image => MediaType::Image,
        MediaKind::Video => MediaType::Video,
        MediaKind::Audio => MediaType::Audio,
        MediaKind::Document => MediaType::Document,
        MediaKind::Sticker => MediaType::Sticker,
    }
}

/// Says where an uploaded file is, and what it is.
pub struct FileMessage<'a> {
    pub kind: MediaKind,
    pub mime: &'a str,
    pub file_name: Option<&'a str>,
    pub caption: Option<&'a str>,
    /// Whether a sound is shown as something that was spoken.
    pub is_voice: bool,
}

/// What all kinds of files say alike.
macro_rules! file {
    ($message:ident, $upload:ident, $mime:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(wa::message::$message {
            url: Some($upload.url.clone()),
            direct_path: Some($upload.direct_path.clone()),
            media_key: Some($upload.media_key.to_vec()),
            media_key_timestamp: Some($upload.media_key_timestamp),
            file_enc_sha256: Some($upload.file_enc_sha256.to_vec()),
            file_sha256: Some($upload.file_sha256.to_vec()),
            file_length: Some($upload.file_length),
            mimetype: Some($mime.to_owned()),
            $($field: $value,)*
            ..Default::default()
        })
    };
}

impl FileMessage<'_> {
    pub fn compose(&self, upload: &UploadResponse) -> wa::Message {
        let caption = self.caption.map(str::to_owned).filter(|caption| !caption.is_empty());
        let mime = self.mime;
        let mut message = wa::Message::default();
        match self.kind {
            MediaKind::Image => message.image_message = file!(ImageMessage, upload, mime, { caption: caption }),
            MediaKind::Video => {
                let sidecar = upload.streaming_sidecar.clone();
                message.video_message =
                    file!(VideoMessage, upload, mime, { caption: caption, streaming_sidecar: sidecar });
            }
            MediaKind::Audio => {
                // Phones play a voice note only when its codec is named.
                let mime = if self.is_voice { "audio/ogg; codecs=opus" } else { mime };
                let sidecar = upload.streaming_sidecar.clone();
                message.audio_message =
                    file!(AudioMessage, upload, mime, { ptt: Some(self.is_voice), streaming_sidecar: sidecar });
            }
            MediaKind::Document => {
                let name = self.file_name.unwrap_or("document").to_owned();
                message.document_message = file!(DocumentMessage, upload, mime, {
                    caption: caption, file_name: Some(name.clone()), title: Some(name),
                });
            }
            MediaKind::Sticker => message.sticker_message = file!(StickerMessage, upload, mime, {}),
        }
        message
    }
}

/// Whether a file is what phones record when somebody speaks: Opus in Ogg.
pub fn is_voice_note(bytes: &[u8]) -> bool {
    // The first page holds the codec's head behind the page's own of 28 bytes.
    bytes.starts_with(b"OggS") && bytes.get(28..36) == Some(b"OpusHead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_in_ogg_is_a_voice_note_and_other_sound_is_not() {
        let page = |codec: &[u8]| [&b"OggS"[..], &[0; 24], codec].concat();
        assert!(is_voice_note(&page(b"OpusHead\x01")));
        assert!(!is_voice_note(&page(b"\x01vorbis\0")));
        assert!(!is_voice_note(b"OggS") && !is_voice_note(b"ID3"));
    }

    #[test]
    fn a_text_stays_as_it_is() {
        assert_eq!(text("see https://example.com").conversation.as_deref(), Some("see https://example.com"));
    }
}
