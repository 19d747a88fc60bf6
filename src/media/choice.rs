//! As what a file is shown: what was asked for, if its bytes can be that, or else what its bytes and its caption suggest.
//! Pure. Called where a file is kept, for the API and for the device loops.

use super::File;
use super::kind::{self, MediaKind, TooBig};
use super::{image, mp4};
use crate::{escapes, limits};

/// What a film or a sound needs.
const FILM: &str = "a file that can be played";

/// As what a file goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    AsItIs(MediaKind),
    /// As the picture that it is, if all of it can be decoded; else as `otherwise`.
    Image {
        otherwise: MediaKind,
    },
    /// As a sticker, if all of it can be decoded; else as `otherwise`.
    Sticker {
        otherwise: MediaKind,
    },
    /// As a picture that is made of it; where none can be made, as it is.
    Picture {
        otherwise: MediaKind,
    },
}

/// Why a file does not go out as it was asked for, in words for the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("kind {kind} shows no caption; send the text as a message of its own, or use kind document", kind = kind.name())]
    Caption { kind: MediaKind },
    #[error("kind {kind} needs {needs}, and the file is something else; use another kind, or leave kind out", kind = kind.name())]
    Format { kind: MediaKind, needs: &'static str },
    #[error(
        "kind {kind} needs {needs}, and the file is broken or not complete; send the whole file, or use kind document to send it as it is",
        kind = kind.name()
    )]
    Broken { kind: MediaKind, needs: &'static str },
    #[error(
        "kind voice needs Opus in Ogg (audio/ogg; codecs=opus), as phones record it, and the file is something else; \
         convert it, or use kind audio"
    )]
    Voice,
    #[error(
        "kind sticker needs a WebP of at most 512 x 512 pixels and 100 KB (500 KB where it moves); make it smaller, or use kind image"
    )]
    Sticker,
    #[error(transparent)]
    TooBig(#[from] TooBig),
}

/// Decides as what `file` goes out.
///
/// # Errors
/// [`Mismatch`] when what was asked for cannot be.
pub fn choose(file: &File, asked: Option<MediaKind>, caption: Option<&str>) -> Result<Choice, Mismatch> {
    let is_captioned = caption.is_some_and(|caption| !escapes::is_blank(caption));
    let choice = match asked {
        Some(kind) if is_captioned && !kind.shows_caption() => return Err(Mismatch::Caption { kind }),
        Some(kind) => as_asked(file, kind)?,
        None => by_itself(file, is_captioned.then_some(MediaKind::Document)),
    };
    let kind = match choice {
        Choice::AsItIs(kind) | Choice::Picture { otherwise: kind } => kind,
        Choice::Image { .. } => MediaKind::Image,
        Choice::Sticker { .. } => MediaKind::Sticker,
    };
    kind::allowed(kind, file.bytes.len())?;
    Ok(choice)
}

/// What the bytes suggest. Where there is a caption, what shows none gives way to `with_caption`.
fn by_itself(file: &File, with_caption: Option<MediaKind>) -> Choice {
    match (file.sniffed.kind, with_caption) {
        (MediaKind::Sticker, Some(otherwise)) => Choice::Picture { otherwise },
        (MediaKind::Sticker, None) if is_small(file) => Choice::Sticker { otherwise: MediaKind::Document },
        (MediaKind::Sticker, None) => Choice::Picture { otherwise: MediaKind::Document },
        (kind, Some(otherwise)) if !kind.shows_caption() => Choice::AsItIs(otherwise),
        (MediaKind::Image, _) => Choice::Image { otherwise: MediaKind::Document },
        (_, _) if is_cut_movie(file) => Choice::AsItIs(MediaKind::Document),
        (kind, _) => Choice::AsItIs(kind),
    }
}

fn as_asked(file: &File, asked: MediaKind) -> Result<Choice, Mismatch> {
    let (found, mime) = (file.sniffed.kind, file.sniffed.mime.as_str());
    let format = |needs| Err(Mismatch::Format { kind: asked, needs });
    match (asked, found) {
        (MediaKind::Document, _) => {}
        (MediaKind::Image, MediaKind::Image) => return Ok(Choice::Image { otherwise: MediaKind::Document }),
        (MediaKind::Image, MediaKind::Sticker) => return Ok(Choice::Picture { otherwise: MediaKind::Document }),
        (MediaKind::Video | MediaKind::VideoNote | MediaKind::Audio, MediaKind::Video | MediaKind::Audio)
            if is_cut_movie(file) =>
        {
            return Err(Mismatch::Broken { kind: asked, needs: FILM });
        }
        (MediaKind::Video | MediaKind::VideoNote, MediaKind::Video) => {}
        (MediaKind::Image, _) => return format("a JPEG, PNG or WebP"),
        (MediaKind::Video, _) => return format("an MP4 or 3GP"),
        (MediaKind::VideoNote, _) => return format("an MP4"),
        (MediaKind::Audio, MediaKind::Audio | MediaKind::Voice) => {}
        (MediaKind::Audio, MediaKind::Video) if mp4::is_sound(&file.bytes) => {}
        (MediaKind::Audio, _) => return format("an MP3, M4A, AAC, AMR or Ogg"),
        (MediaKind::Voice, MediaKind::Voice) => {}
        (MediaKind::Voice, _) => return Err(Mismatch::Voice),
        (MediaKind::Sticker, MediaKind::Sticker) if is_small(file) => {
            return Ok(Choice::Sticker { otherwise: MediaKind::Document });
        }
        (MediaKind::Sticker, MediaKind::Sticker) => return Err(Mismatch::Sticker),
        (MediaKind::Sticker, _) => return format("a WebP"),
    }
    // A 3GP is a film as well, and no phone shows it in a circle.
    if asked == MediaKind::VideoNote && mime != "video/mp4" {
        return format("an MP4");
    }
    Ok(Choice::AsItIs(asked))
}

/// Whether an MP4, M4A or 3GP has lost what says where its pictures and sound are, as one that was cut off: nothing plays it.
fn is_cut_movie(file: &File) -> bool {
    matches!(file.sniffed.mime.as_str(), "video/mp4" | "video/3gpp" | "audio/mp4") && !mp4::has_index(&file.bytes)
}

/// Whether a WebP is no larger than what WhatsApp shows as a sticker. One whose size cannot be read is: that it cannot be decoded says more.
fn is_small(file: &File) -> bool {
    let size = image::size(&file.bytes);
    let (side, moves) = size.map_or((0, false), |size| (size.width.max(size.height), size.is_animated));
    let bytes = if moves { limits::MOVING_STICKER_BYTES_MAX } else { limits::STICKER_BYTES_MAX };
    side <= limits::STICKER_SIDE_MAX && file.bytes.len() <= bytes
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::preview::samples;

    fn file(bytes: &[u8], name: &str) -> File {
        File::new(Bytes::copy_from_slice(bytes), Some(name.to_owned()))
    }

    /// The kind, with `picture` for what is made one.
    fn chosen(file: &File, asked: Option<MediaKind>, caption: Option<&str>) -> Result<String, Mismatch> {
        choose(file, asked, caption).map(|choice| match choice {
            Choice::AsItIs(kind) => kind.name().to_owned(),
            Choice::Image { .. } => "image".to_owned(),
            Choice::Sticker { .. } => "sticker".to_owned(),
            Choice::Picture { otherwise } => format!("picture or {}", otherwise.name()),
        })
    }

    #[test]
    fn without_a_kind_the_bytes_decide_and_no_caption_is_lost() {
        let large = [&samples::webp(8, 8)[..], &vec![0; limits::STICKER_BYTES_MAX]].concat();
        for (bytes, name, plain, captioned) in [
            (samples::png(4, 4), "a.png", "image", "image"),
            (samples::jpeg(4, 4), "a.jpg", "image", "image"),
            (samples::webp(8, 8), "a.webp", "sticker", "picture or document"),
            (samples::webp(600, 8), "a.webp", "picture or document", "picture or document"),
            (large, "a.webp", "picture or document", "picture or document"),
            (samples::mp4(), "a.mp4", "video", "video"),
            (samples::mp3(), "a.mp3", "audio", "document"),
            (samples::opus(), "a.ogg", "voice", "document"),
            (samples::wav(), "a.wav", "document", "document"),
            (b"%PDF-1.7".to_vec(), "a.pdf", "document", "document"),
        ] {
            let file = file(&bytes, name);
            assert_eq!(chosen(&file, None, None).as_deref(), Ok(plain), "{name}");
            assert_eq!(chosen(&file, None, Some("")).as_deref(), Ok(plain), "{name}");
            assert_eq!(chosen(&file, None, Some("look")).as_deref(), Ok(captioned), "{name}");
        }
    }

    #[test]
    fn what_is_asked_for_is_done_or_refused_and_never_something_else() {
        let files = [
            ("png", file(&samples::png(4, 4), "a.png")),
            ("webp", file(&samples::webp(8, 8), "a.webp")),
            ("huge", file(&samples::webp(600, 8), "a.webp")),
            ("mp4", file(&samples::mp4(), "a.mp4")),
            ("mp3", file(&samples::mp3(), "a.mp3")),
            ("opus", file(&samples::opus(), "a.ogg")),
            ("pdf", file(b"%PDF-1.7", "a.pdf")),
        ];
        let takes = |kind| match kind {
            MediaKind::Image => &["png", "webp", "huge"][..],
            MediaKind::Video | MediaKind::VideoNote => &["mp4"],
            MediaKind::Audio => &["mp3", "opus"],
            MediaKind::Voice => &["opus"],
            MediaKind::Sticker => &["webp"],
            MediaKind::Document => &["png", "webp", "huge", "mp4", "mp3", "opus", "pdf"],
        };
        for kind in MediaKind::ALL {
            for (name, file) in &files {
                let chosen = chosen(file, Some(kind), None);
                assert_eq!(chosen.is_ok(), takes(kind).contains(name), "{name} as {kind:?}: {chosen:?}");
                if let Err(captioned) = choose(file, Some(kind), Some("look")) {
                    assert_eq!(captioned == Mismatch::Caption { kind }, !kind.shows_caption(), "{name} as {kind:?}");
                } else {
                    assert!(kind.shows_caption(), "{name} as {kind:?}");
                }
            }
        }
        let refused = choose(&files[4].1, Some(MediaKind::Voice), None).unwrap_err().to_string();
        assert!(refused.contains("Opus in Ogg"), "{refused}");
    }

    #[test]
    fn a_film_that_was_cut_off_before_its_index_is_a_document_or_refused() {
        for (whole, name) in
            [(samples::mp4(), "a.mp4"), (samples::m4a(), "a.m4a"), (samples::fragmented_mp4(), "b.mp4")]
        {
            // The index of these stands at the end.
            let cut = file(&whole[..whole.windows(4).position(|name| name == b"moov").unwrap()], name);
            assert_eq!(chosen(&cut, None, None).as_deref(), Ok("document"), "{name}");
            assert_eq!(chosen(&cut, None, Some("look")).as_deref(), Ok("document"), "{name}");
            assert_eq!(chosen(&cut, Some(MediaKind::Document), None).as_deref(), Ok("document"), "{name}");
            let kind = if name == "a.m4a" { MediaKind::Audio } else { MediaKind::Video };
            assert_eq!(chosen(&cut, Some(kind), None), Err(Mismatch::Broken { kind, needs: FILM }), "{name}");
            // One whose end is missing plays as far as it goes.
            let index_first = [&whole[..20], &whole[20 + 108..], &whole[20..20 + 50]].concat();
            assert_eq!(chosen(&file(&index_first, name), None, None).as_deref(), Ok(kind.name()), "{name}");
        }
    }

    #[test]
    fn a_file_has_the_limit_of_what_it_is_shown_as() {
        let mut bytes = samples::mp3();
        bytes.resize(limits::MEDIA_BYTES_MAX + 1, 0);
        let sound = file(&bytes, "a.mp3");
        assert!(matches!(choose(&sound, None, None), Err(Mismatch::TooBig(_))));
        assert_eq!(choose(&sound, None, Some("listen")), Ok(Choice::AsItIs(MediaKind::Document)));
        assert_eq!(choose(&sound, Some(MediaKind::Document), None), Ok(Choice::AsItIs(MediaKind::Document)));
    }
}
