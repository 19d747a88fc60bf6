//! From an outgoing message to the protocol's. Pure.

use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::download::MediaType;
use whatsapp_rust::upload::UploadResponse;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::media::kind::MediaKind;
use crate::media::preview::Preview;

/// A text as it is: whether links in it are shown as links is the reader's client's to decide.
pub fn text(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

/// Kinds that the media hosts keep as one.
pub fn hosted_kind(kind: MediaKind) -> MediaKind {
    match kind {
        MediaKind::VideoNote => MediaKind::Video,
        MediaKind::Voice => MediaKind::Audio,
        kind => kind,
    }
}

/// What the media hosts call a kind of file.
pub fn media_type(kind: MediaKind) -> MediaType {
    match kind {
        MediaKind::Image => MediaType::Image,
        MediaKind::Video | MediaKind::VideoNote => MediaType::Video,
        MediaKind::Audio | MediaKind::Voice => MediaType::Audio,
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
    pub preview: &'a Preview,
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
        match self.kind {
            MediaKind::Image => wa::Message { image_message: self.image(upload), ..Default::default() },
            MediaKind::Video => wa::Message { video_message: self.video(upload), ..Default::default() },
            MediaKind::VideoNote => wa::Message { ptv_message: self.video(upload), ..Default::default() },
            MediaKind::Audio | MediaKind::Voice => {
                wa::Message { audio_message: self.audio(upload), ..Default::default() }
            }
            MediaKind::Sticker => wa::Message { sticker_message: self.sticker(upload), ..Default::default() },
            MediaKind::Document => {
                let message = wa::Message { document_message: self.document(upload), ..Default::default() };
                // As WhatsApp's own apps do: older ones would show the document without its caption.
                match self.caption() {
                    Some(_) => wa::Message {
                        document_with_caption_message: MessageField::some(wa::message::FutureProofMessage {
                            message: MessageField::some(message),
                        }),
                        ..Default::default()
                    },
                    None => message,
                }
            }
        }
    }

    fn caption(&self) -> Option<String> {
        self.caption.filter(|_| self.kind.shows_caption()).map(str::to_owned).filter(|caption| !caption.is_empty())
    }

    fn image(&self, upload: &UploadResponse) -> MessageField<wa::message::ImageMessage> {
        let Preview { width, height, thumbnail, .. } = self.preview;
        file!(ImageMessage, upload, self.mime, {
            caption: self.caption(), width: *width, height: *height, jpeg_thumbnail: thumbnail.clone(),
        })
    }

    fn video(&self, upload: &UploadResponse) -> MessageField<wa::message::VideoMessage> {
        let Preview { width, height, thumbnail, .. } = self.preview;
        file!(VideoMessage, upload, self.mime, {
            caption: self.caption(), seconds: self.preview.seconds(), width: *width, height: *height,
            jpeg_thumbnail: thumbnail.clone(), streaming_sidecar: upload.streaming_sidecar.clone(),
        })
    }

    fn audio(&self, upload: &UploadResponse) -> MessageField<wa::message::AudioMessage> {
        let is_voice = self.kind == MediaKind::Voice;
        // Phones play a voice note only when its codec is named, and sound alone only when it is not called a video.
        let mime = match self.mime {
            _ if is_voice => "audio/ogg; codecs=opus",
            "video/mp4" => "audio/mp4",
            "video/3gpp" => "audio/3gpp",
            mime => mime,
        };
        file!(AudioMessage, upload, mime, {
            ptt: Some(is_voice), seconds: self.preview.seconds(),
            waveform: self.preview.waveform.clone().filter(|_| is_voice),
            streaming_sidecar: upload.streaming_sidecar.clone(),
        })
    }

    fn sticker(&self, upload: &UploadResponse) -> MessageField<wa::message::StickerMessage> {
        let Preview { width, height, is_animated, .. } = self.preview;
        file!(StickerMessage, upload, self.mime, {
            width: *width, height: *height, is_animated: Some(*is_animated),
        })
    }

    fn document(&self, upload: &UploadResponse) -> MessageField<wa::message::DocumentMessage> {
        let name = self.file_name.unwrap_or("document").to_owned();
        file!(DocumentMessage, upload, self.mime, {
            caption: self.caption(), file_name: Some(name.clone()), title: Some(name),
            jpeg_thumbnail: self.preview.thumbnail.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_as_it_is() {
        assert_eq!(text("see https://example.com").conversation.as_deref(), Some("see https://example.com"));
    }
}
