//! How long a sound plays that is made of frames: MP3, AAC, AMR; and WAV and FLAC, which say it in their heads.

/// The length of a file of this type; `None` where it does not say it.
pub fn duration_ms(bytes: &[u8], mime: &str) -> Option<u64> {
    let length = match mime {
        "audio/mpeg" => mp3(bytes),
        "audio/aac" => aac(bytes),
        "audio/amr" => amr(bytes),
        "audio/x-wav" | "audio/wav" => wav(bytes),
        "audio/x-flac" | "audio/flac" => flac(bytes),
        _ => None,
    };
    length.filter(|length| *length > 0)
}

/// A frame of MPEG sound (ISO/IEC 11172-3, 2.4.1.3).
struct Frame {
    bytes: usize,
    samples: u64,
    rate: u64,
    is_mono: bool,
    is_first_version: bool,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let field = |shift: u32, mask: u32| (head >> shift & mask) as usize;
        let (version, layer) = (field(19, 3), field(17, 3));
        if head >> 21 != 0x7ff || version == 1 || layer == 0 {
            return None;
        }
        let is_first_version = version == 3;
        let rates = match version {
            3 => [44_100, 48_000, 32_000],
            2 => [22_050, 24_000, 16_000],
            _ => [11_025, 12_000, 8_000],
        };
        let rate = *rates.get(field(10, 3))?;
        #[rustfmt::skip]
        let kilobits: [usize; 16] = match (is_first_version, layer) {
            (true, 3) => [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0],
            (true, 2) => [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
            (true, _) => [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
            (false, 3) => [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0],
            (false, _) => [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
        };
        let (kilobits, padding) = (kilobits[field(12, 15)], field(9, 1));
        let samples = match (layer, is_first_version) {
            (3, _) => 384,
            (1, false) => 576,
            _ => 1_152,
        };
        let size = match layer {
            3 => (12_000 * kilobits / rate + padding) * 4,
            _ => samples / 8 * 1_000 * kilobits / rate + padding,
        };
        let is_mono = field(6, 3) == 3;
        (kilobits > 0).then_some(Self {
            bytes: size,
            samples: samples as u64,
            rate: rate as u64,
            is_mono,
            is_first_version,
        })
    }
}

fn mp3(bytes: &[u8]) -> Option<u64> {
    let mut rest = without_tags(bytes);
    // Some encoders leave something before the first frame.
    let first = (0..rest.len().min(4_096)).find(|at| {
        let frame = Frame::read(&rest[*at..]);
        frame.is_some_and(|frame| rest.len() <= at + frame.bytes || Frame::read(&rest[at + frame.bytes..]).is_some())
    })?;
    rest = &rest[first..];
    let head = Frame::read(rest)?;
    if let Some(frames) = counted_frames(rest, &head) {
        return (frames * head.samples * 1_000).checked_div(head.rate);
    }
    let mut samples = 0;
    while let Some(frame) = Frame::read(rest) {
        samples += frame.samples;
        rest = rest.get(frame.bytes.max(4)..).unwrap_or_default();
    }
    (samples * 1_000).checked_div(head.rate)
}

/// The count of frames that encoders of a changing bit rate leave in the first one.
fn counted_frames(frame: &[u8], head: &Frame) -> Option<u64> {
    let word = |at: usize| Some(u32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?));
    let side = match (head.is_first_version, head.is_mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let xing = 4 + side;
    let frames = if matches!(frame.get(xing..xing + 4)?, b"Xing" | b"Info") {
        if word(xing + 4)? & 1 == 1 { word(xing + 8) } else { None }
    } else if frame.get(36..40)? == b"VBRI" {
        word(36 + 14)
    } else {
        None
    };
    frames.filter(|frames| *frames > 0).map(u64::from)
}

/// Without the names of song and singer in front (ID3v2) and at the end (ID3v1).
fn without_tags(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some([b'I', b'D', b'3', _, _, flags, size @ ..]) = rest.get(..10) {
        let size = size.iter().fold(0, |size, part| size << 7 | usize::from(part & 0x7f));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        rest = rest.get(10 + size + footer..).unwrap_or_default();
    }
    let tag = rest.len().saturating_sub(128);
    if rest[tag..].starts_with(b"TAG") { &rest[..tag] } else { rest }
}

/// Frames with ADTS heads (ISO/IEC 13818-7).
fn aac(bytes: &[u8]) -> Option<u64> {
    const RATES: [u64; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    let (mut rest, mut frames, mut rate) = (without_tags(bytes), 0, 0);
    while let Some([0xff, second, third, fourth, fifth, sixth, _]) = rest.get(..7)
        && second & 0xf6 == 0xf0
    {
        rate = *RATES.get(usize::from(third >> 2 & 15))?;
        frames += 1;
        let size = usize::from(fourth & 3) << 11 | usize::from(*fifth) << 3 | usize::from(sixth >> 5);
        rest = rest.get(size.max(7)..).unwrap_or_default();
    }
    (frames * 1_024 * 1_000_u64).checked_div(rate)
}

/// Frames of twenty milliseconds (RFC 4867, 5).
fn amr(bytes: &[u8]) -> Option<u64> {
    const NARROW: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0];
    const WIDE: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];
    let (sizes, mut rest) = match bytes.strip_prefix(b"#!AMR-WB\n") {
        Some(rest) => (WIDE, rest),
        None => (NARROW, bytes.strip_prefix(b"#!AMR\n")?),
    };
    let mut frames = 0;
    while let Some(head) = rest.first() {
        frames += 1;
        rest = rest.get(1 + sizes[usize::from(head >> 3 & 15)]..).unwrap_or_default();
    }
    Some(frames * 20)
}

fn wav(bytes: &[u8]) -> Option<u64> {
    let (mut rest, mut rate) = (bytes.get(12..)?, 0);
    while let (Some(name), Some(size)) = (rest.get(..4), rest.get(4..8)) {
        let size = u32::from_le_bytes(size.try_into().ok()?);
        if name == b"fmt " {
            rate = u64::from(u32::from_le_bytes(rest.get(16..20)?.try_into().ok()?));
        }
        if name == b"data" {
            // A recorder that was cut off left no size, or one too large.
            let there = u64::try_from(rest.len() - 8).ok()?;
            return (u64::from(size).min(there) * 1_000).checked_div(rate);
        }
        let next = 8 + usize::try_from(size).ok()?;
        rest = rest.get(next + next % 2..)?;
    }
    None
}

/// The first block says how many samples there are (RFC 9639, 8.2).
fn flac(bytes: &[u8]) -> Option<u64> {
    let packed = u64::from_be_bytes(bytes.strip_prefix(b"fLaC")?.get(14..22)?.try_into().ok()?);
    ((packed & 0xf_ffff_ffff) * 1_000).checked_div(packed >> 44)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::preview::samples;

    #[test]
    fn a_sounds_length_is_counted_or_read() {
        let tagged = [&b"ID3\x04\0\0\0\0\x01\x00"[..], &[0; 128], &samples::mp3(), b"TAG", &[0; 125]].concat();
        for (name, bytes, mime, wanted) in [
            // 100 frames of 1,152 samples at 44,100.
            ("mp3", samples::mp3(), "audio/mpeg", Some(2_612)),
            ("tagged", tagged, "audio/mpeg", Some(2_612)),
            ("xing", samples::xing_mp3(), "audio/mpeg", Some(26_122)),
            ("aac", samples::aac(), "audio/aac", Some(640)),
            ("amr", samples::amr(), "audio/amr", Some(1_000)),
            ("wav", samples::wav(), "audio/x-wav", Some(1_500)),
            ("flac", samples::flac(), "audio/x-flac", Some(4_000)),
            ("no frame", b"ID3\x03 nothing".to_vec(), "audio/mpeg", None),
            ("empty", Vec::new(), "audio/amr", None),
        ] {
            assert_eq!(duration_ms(&bytes, mime), wanted, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for (head, mime) in [
                (&b"ID3\x04\0\0\0\0\0\x01"[..], "audio/mpeg"), (b"\xff\xfb\x90\x64", "audio/mpeg"), (b"\xff\xf1\x50\x80", "audio/aac"),
                (b"#!AMR\n", "audio/amr"), (b"#!AMR-WB\n", "audio/amr"), (b"RIFF\0\0\0\0WAVE", "audio/x-wav"), (b"fLaC", "audio/x-flac"),
            ] {
                let _ = duration_ms(&[head, &bytes].concat(), mime);
                let _ = duration_ms(&bytes, mime);
            }
        }
    }
}
