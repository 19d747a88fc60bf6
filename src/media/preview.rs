//! What a recipient sees of a file before it is loaded: how large it is, how long it plays, a small picture, a waveform. Made
//! once for each content, in a thread of its own; a file of which none can be made is sent without.

use super::{image, mp4, ogg, pixels, sound, waveform};

/// What could be found out of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Of a picture or a film, as it is shown.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub is_animated: bool,
    /// A JPEG of a few kilobytes.
    pub thumbnail: Option<Vec<u8>>,
    /// 64 samples, 0 to 100.
    pub waveform: Option<Vec<u8>>,
}

impl Preview {
    /// Whole seconds; what plays at all plays for one.
    pub fn seconds(&self) -> Option<u32> {
        self.duration_ms.map(|length| u32::try_from(length.div_ceil(1_000)).unwrap_or(u32::MAX))
    }
}

/// Finds out what can be known of a file of this type. Takes up to a second; never to be called in a thread that serves others.
pub fn of(bytes: &[u8], mime: &str) -> Preview {
    match mime {
        "image/jpeg" | "image/png" | "image/webp" => {
            let Some(size) = image::size(bytes) else { return Preview::default() };
            Preview {
                width: Some(size.width),
                height: Some(size.height),
                is_animated: size.is_animated,
                thumbnail: pixels::thumbnail(bytes),
                ..Preview::default()
            }
        }
        "video/mp4" | "video/3gpp" | "audio/mp4" => {
            let movie = mp4::movie(bytes);
            let (width, height) = movie.size.unzip();
            Preview { width, height, duration_ms: movie.duration_ms, ..Preview::default() }
        }
        "audio/ogg" => Preview {
            duration_ms: ogg::duration_ms(bytes),
            waveform: super::kind::is_voice_note(bytes).then(|| waveform::of_opus(bytes)).flatten(),
            ..Preview::default()
        },
        _ => Preview { duration_ms: sound::duration_ms(bytes, mime), ..Preview::default() },
    }
}

#[cfg(test)]
#[path = "../../tests/it/files.rs"]
pub(super) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_shows_what_it_is() {
        let shown = |bytes: &[u8]| {
            let sniffed = crate::media::kind::sniff(bytes, None);
            let preview = of(bytes, &sniffed.mime);
            (
                preview.width.zip(preview.height),
                preview.seconds(),
                preview.thumbnail.is_some(),
                preview.waveform.is_some(),
            )
        };
        for (name, bytes, wanted) in [
            ("png", samples::png(40, 30), (Some((40, 30)), None, true, false)),
            ("turned", samples::turned_jpeg(40, 30, 6), (Some((30, 40)), None, true, false)),
            ("webp", samples::webp(40, 30), (Some((40, 30)), None, true, false)),
            ("bomb", samples::png_bomb(), (Some((65_535, 65_535)), None, false, false)),
            ("broken", b"\x89PNG\r\n\x1a\n".to_vec(), (None, None, false, false)),
            ("mp4", samples::mp4(), (Some((640, 360)), Some(13), false, false)),
            ("m4a", samples::m4a(), (None, Some(3), false, false)),
            ("mp3", samples::mp3(), (None, Some(3), false, false)),
            ("opus", samples::opus(), (None, Some(2), false, true)),
            ("amr", samples::amr(), (None, Some(1), false, false)),
            ("wav", samples::wav(), (None, Some(2), false, false)),
            ("pdf", b"%PDF-1.7".to_vec(), (None, None, false, false)),
        ] {
            assert_eq!(shown(&bytes), wanted, "{name}");
        }
    }
}
