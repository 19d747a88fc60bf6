//! What a file is: by its first bytes, then by its name.

pub use crate::message::kind::MediaKind;

/// What a file was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sniffed {
    pub kind: MediaKind,
    pub mime: String,
}

/// A file that is larger than its kind may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} files may have {limit_bytes} bytes at the most", kind = kind.name())]
pub struct TooBig {
    pub kind: MediaKind,
    pub limit_bytes: usize,
}

const FALLBACK: &str = "application/octet-stream";

/// Types by the name's ending, for files whose first bytes say nothing.
const BY_ENDING: &[(&str, &str)] = &[
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("csv", "text/csv"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("xhtml", "application/xhtml+xml"),
    ("json", "application/json"),
    ("xml", "application/xml"),
    ("md", "text/markdown"),
    ("svg", "image/svg+xml"),
    ("ics", "text/calendar"),
    ("vcf", "text/vcard"),
    ("pdf", "application/pdf"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("apk", "application/vnd.android.package-archive"),
    ("zip", "application/zip"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("mp4", "video/mp4"),
    ("3gp", "video/3gpp"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("aac", "audio/aac"),
    ("m4a", "audio/mp4"),
    ("amr", "audio/amr"),
];

/// What a file is. What no app plays or shows (a GIF, a WAV, an SVG) goes as a document, with its own type.
pub fn sniff(bytes: &[u8], file_name: Option<&str>) -> Sniffed {
    let by_ending = ending(file_name);
    let by_bytes = infer::get(bytes).map(|found| match found.mime_type() {
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        "audio/opus" => "audio/ogg",
        mime => mime,
    });
    // A .docx begins as every .zip does: there the name says more.
    let mime = match (by_bytes, by_ending) {
        (Some("application/zip"), Some(named)) if named.starts_with("application/vnd.") => named,
        (Some(mime), _) => mime,
        // The name alone makes no picture, video or sound of bytes that are none.
        (None, Some(named)) if ["image/", "video/", "audio/"].iter().any(|shown| named.starts_with(shown)) => {
            return Sniffed { kind: MediaKind::Document, mime: named.to_owned() };
        }
        (None, Some(named)) => named,
        (None, None) => FALLBACK,
    };
    let kind = match kind_of(mime) {
        MediaKind::Audio if is_voice_note(bytes) => MediaKind::Voice,
        kind => kind,
    };
    Sniffed { kind, mime: mime.to_owned() }
}

fn kind_of(mime: &str) -> MediaKind {
    match mime {
        "image/jpeg" | "image/png" => MediaKind::Image,
        "image/webp" => MediaKind::Sticker,
        "video/mp4" | "video/3gpp" => MediaKind::Video,
        "audio/mpeg" | "audio/ogg" | "audio/aac" | "audio/mp4" | "audio/amr" => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

/// What a file will probably be shown as, by its name alone: what is shown of a message before its file was fetched.
pub fn expected(file_name: Option<&str>, caption: Option<&str>) -> MediaKind {
    let caption = caption.filter(|caption| !caption.trim().is_empty());
    let kind = ending(file_name).map_or(MediaKind::Document, kind_of);
    match kind {
        MediaKind::Sticker if caption.is_some() => MediaKind::Image,
        kind if caption.is_some() && !kind.shows_caption() => MediaKind::Document,
        kind => kind,
    }
}

/// The type that a name's ending stands for.
pub fn ending(file_name: Option<&str>) -> Option<&'static str> {
    let (_, ending) = file_name?.rsplit_once('.')?;
    BY_ENDING.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending)).map(|(_, mime)| *mime)
}

/// Whether a file is what phones record when somebody speaks: Opus in Ogg.
pub fn is_voice_note(bytes: &[u8]) -> bool {
    // The first page holds the codec's head behind the page's own of 28 bytes.
    bytes.starts_with(b"OggS") && bytes.get(28..36) == Some(b"OpusHead")
}

/// Whether a file of this kind may be this large.
///
/// # Errors
/// [`TooBig`] when it may not.
pub fn allowed(kind: MediaKind, bytes: usize) -> Result<(), TooBig> {
    let limit_bytes = kind.bytes_max();
    if bytes <= limit_bytes { Ok(()) } else { Err(TooBig { kind, limit_bytes }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn the_bytes_decide_before_the_name() {
        let png = b"\x89PNG\r\n\x1a\n0000";
        let cases: &[(&[u8], Option<&str>, MediaKind, &str)] = &[
            (png, Some("a.txt"), MediaKind::Image, "image/png"),
            (b"\xff\xd8\xff\xe0", None, MediaKind::Image, "image/jpeg"),
            (b"RIFF\0\0\0\0WEBPVP8 ", None, MediaKind::Sticker, "image/webp"),
            (b"GIF89a", Some("a.gif"), MediaKind::Document, "image/gif"),
            (b"OggS\0\x02", Some("a.ogg"), MediaKind::Audio, "audio/ogg"),
            (b"ID3\x03", None, MediaKind::Audio, "audio/mpeg"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", None, MediaKind::Video, "video/mp4"),
            (b"%PDF-1.7", Some("a.jpg"), MediaKind::Document, "application/pdf"),
            (b"hello", Some("a.CSV"), MediaKind::Document, "text/csv"),
            (b"hello", Some("a.jpg"), MediaKind::Document, "image/jpeg"),
            (b"hello", None, MediaKind::Document, FALLBACK),
            (b"", None, MediaKind::Document, FALLBACK),
        ];
        for (bytes, name, kind, mime) in cases {
            assert_eq!(sniff(bytes, *name), Sniffed { kind: *kind, mime: (*mime).to_owned() }, "{bytes:?} {name:?}");
        }
    }

    #[test]
    fn opus_in_ogg_is_a_voice_note_and_other_sound_is_not() {
        let page = |codec: &[u8]| [&b"OggS"[..], &[0; 24], codec].concat();
        assert_eq!(sniff(&page(b"OpusHead\x01"), None).kind, MediaKind::Voice);
        assert_eq!(sniff(&page(b"\x01vorbis\0"), None).kind, MediaKind::Audio);
        assert!(!is_voice_note(b"OggS") && !is_voice_note(b"ID3"));
    }

    #[test]
    fn what_a_file_will_be_shown_as_is_expected_by_its_name_and_caption() {
        for (name, caption, wanted) in [
            (Some("a.JPG"), None, MediaKind::Image),
            (Some("a.webp"), None, MediaKind::Sticker),
            (Some("a.webp"), Some("look"), MediaKind::Image),
            (Some("a.mp3"), None, MediaKind::Audio),
            (Some("a.mp3"), Some("listen"), MediaKind::Document),
            (Some("a.mp4"), Some("look"), MediaKind::Video),
            (Some("a.pdf"), None, MediaKind::Document),
            (Some("a"), None, MediaKind::Document),
            (None, None, MediaKind::Document),
        ] {
            assert_eq!(expected(name, caption), wanted, "{name:?} {caption:?}");
        }
    }

    #[test]
    fn a_document_may_be_larger_than_a_picture() {
        assert!(allowed(MediaKind::Image, limits::MEDIA_BYTES_MAX + 1).is_err());
        assert!(allowed(MediaKind::Document, limits::MEDIA_BYTES_MAX + 1).is_ok());
        assert!(allowed(MediaKind::Document, limits::DOCUMENT_BYTES_MAX + 1).is_err());
    }
}
