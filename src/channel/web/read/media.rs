//! Files: pictures, videos, sounds, documents, stickers.

use whatsapp_rust::waproto::whatsapp as wa;

use super::{FileRef, Found, Said, lines, said};
use crate::media::kind::MediaKind;

/// Where a file of one of the protocol's kinds is.
macro_rules! file_ref {
    ($message:expr, $kind:ident, $name:expr) => {{
        let message = $message;
        FileRef {
            kind: MediaKind::$kind,
            direct_path: message.direct_path.clone().unwrap_or_default(),
            key: message.media_key.clone().unwrap_or_default(),
            sha256: message.file_sha256.clone().unwrap_or_default(),
            encrypted_sha256: message.file_enc_sha256.clone().unwrap_or_default(),
            bytes: message.file_length.unwrap_or_default(),
            mime: message.mimetype.clone().unwrap_or_default(),
            name: $name,
        }
    }};
}

pub(super) fn image(image: &wa::message::ImageMessage) -> FileRef {
    file_ref!(image, Image, None)
}

pub(super) fn video(video: &wa::message::VideoMessage) -> FileRef {
    file_ref!(video, Video, None)
}

pub(super) fn document(paper: &wa::message::DocumentMessage) -> FileRef {
    file_ref!(paper, Document, paper.file_name.clone().or_else(|| paper.title.clone()))
}

pub(super) fn read(message: &wa::Message) -> Found<'_> {
    if let Some(one) = message.image_message.as_option() {
        return Some((of(image(one), one.caption.as_deref()), one.context_info.as_option()));
    }
    if let Some(one) = message.video_message.as_option().or_else(|| message.ptv_message.as_option()) {
        return Some((of(video(one), one.caption.as_deref()), one.context_info.as_option()));
    }
    if let Some(one) = message.audio_message.as_option() {
        return Some((of(file_ref!(one, Audio, None), None), one.context_info.as_option()));
    }
    if let Some(one) = message.document_message.as_option() {
        return Some((of(document(one), one.caption.as_deref()), one.context_info.as_option()));
    }
    if let Some(one) = message.sticker_message.as_option() {
        return Some((of(file_ref!(one, Sticker, None), None), one.context_info.as_option()));
    }
    let pack = message.sticker_pack_message.as_option()?;
    let parts = [&pack.name, &pack.publisher, &pack.caption].map(Option::as_deref);
    Some((said("sticker_pack", lines(parts, "[sticker pack]")), pack.context_info.as_option()))
}

/// A file with its caption, or a word that stands for it.
fn of(file: FileRef, caption: Option<&str>) -> Said {
    let kind = file.kind.name();
    let text = caption.filter(|text| !text.is_empty()).map_or_else(|| format!("[{kind}]"), str::to_owned);
    Said { file: Some(file), ..said(kind, text) }
}
