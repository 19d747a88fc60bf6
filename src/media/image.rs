//! How large a picture is and which way up, by its first bytes: nothing is decoded before that is known, as a picture of a few
//! bytes may claim to have thousands of millions of pixels.

use super::exif::{self, Orientation};

/// What the head of a JPEG, PNG or WebP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// As it is shown: a photograph that lies on its side is stood up.
    pub width: u32,
    pub height: u32,
    pub is_animated: bool,
    /// As it is stored.
    pub(super) stored: (u32, u32),
    pub(super) orientation: Orientation,
    /// The most pixels that any part of the file claims to have.
    pub(super) pixels: u64,
    /// A JPEG of a kind that some phones show and others do not: arithmetic coding, lossless, or not eight bits a colour.
    pub(super) is_rare: bool,
}

/// The size of a picture; none of what is no picture, or of none.
pub fn size(bytes: &[u8]) -> Option<Size> {
    let head = if bytes.starts_with(b"\xff\xd8") {
        jpeg(bytes)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(bytes)
    } else {
        webp(bytes)
    }?;
    let Head { width, height, pixels, is_animated, orientation, is_rare } = head;
    let (shown_width, shown_height) = orientation.shown(width, height);
    let size = Size {
        width: shown_width,
        height: shown_height,
        is_animated,
        stored: (width, height),
        orientation,
        pixels: pixels.max(u64::from(width) * u64::from(height)),
        is_rare,
    };
    (width > 0 && height > 0).then_some(size)
}

#[derive(Debug, Clone, Copy, Default)]
struct Head {
    width: u32,
    height: u32,
    pixels: u64,
    is_animated: bool,
    orientation: Orientation,
    is_rare: bool,
}

/// Walks over the segments up to the frame's head (ITU T.81, B.2).
fn jpeg(bytes: &[u8]) -> Option<Head> {
    let mut head = Head::default();
    let mut at = 2;
    loop {
        // A marker may have filling before it, and some programs leave other bytes there, which decoders pass over.
        while bytes.get(at).is_some() && (bytes[at] != 0xff || matches!(bytes.get(at + 1), Some(0xff | 0))) {
            at += 1;
        }
        let (0xff, marker) = (*bytes.get(at)?, *bytes.get(at + 1)?) else { return None };
        let length = usize::from(be16(bytes, at + 2)?);
        let segment = bytes.get(at + 4..at + 2 + length)?;
        match marker {
            0xe1 if segment.starts_with(b"Exif\0\0") => head.orientation = exif::orientation(segment),
            // Frame heads; in between are tables of Huffman codes (C4), JPEG's extensions (C8) and arithmetic coding (CC).
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                (head.height, head.width) = (be16(segment, 1)?.into(), be16(segment, 3)?.into());
                head.is_rare = marker > 0xc2 || segment.first() != Some(&8);
                return Some(head);
            }
            // The picture's data begins, and there was no frame.
            0xda | 0xd9 => return None,
            _ => {}
        }
        at += 2 + length;
    }
}

/// How a JPEG ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With its marker: none that stands in what it carries along, such as another small picture.
    Marked,
    /// Without it. All colours are in one scan, whose end a decoder finds.
    Unmarked,
    /// Without it, and further scans were to come.
    Missing,
}

/// How a JPEG ends, whatever its head claims.
pub(super) fn end_of(jpeg: &[u8]) -> End {
    let (mut at, mut colours) = (2, None);
    loop {
        while jpeg.get(at).is_some() && (jpeg[at] != 0xff || matches!(jpeg.get(at + 1), Some(0xff | 0))) {
            at += 1;
        }
        let (Some(marker), Some(length)) = (jpeg.get(at + 1), be16(jpeg, at + 2)) else { return End::Missing };
        match marker {
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(marker) => colours = jpeg.get(at + 9),
            0xda if jpeg[at..].windows(2).rev().any(|pair| pair == b"\xff\xd9") => return End::Marked,
            0xda if colours.is_some() && jpeg.get(at + 4) == colours => return End::Unmarked,
            0xda => return End::Missing,
            _ => {}
        }
        at += 2 + usize::from(length);
    }
}

/// The first chunk is the head (RFC 2083, 11.2).
fn png(bytes: &[u8]) -> Option<Head> {
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some(Head { width: number(16)?, height: number(20)?, ..Head::default() })
}

/// Walks over the chunks (RFC 9649): each frame has a size of its own, whatever the canvas claims.
fn webp(bytes: &[u8]) -> Option<Head> {
    (bytes.get(..4)? == b"RIFF" && bytes.get(8..12)? == b"WEBP").then_some(())?;
    let mut head = Head::default();
    for (name, data) in chunks(bytes.get(12..)?) {
        let found = match name {
            b"VP8X" => {
                head.is_animated = data.first().is_some_and(|flags| flags & 0x02 != 0);
                le24(data, 4).zip(le24(data, 7)).map(|(width, height)| (width + 1, height + 1))
            }
            b"EXIF" => {
                head.orientation = exif::orientation(data);
                None
            }
            b"ANMF" => {
                let frame = le24(data, 6).zip(le24(data, 9)).map(|(width, height)| (width + 1, height + 1));
                for (name, data) in chunks(data.get(16..).unwrap_or_default()) {
                    note(&mut head, coded(name, data));
                }
                note(&mut head, frame);
                continue;
            }
            _ => coded(name, data),
        };
        note(&mut head, found);
        if let Some((width, height)) = found.filter(|_| head.width == 0) {
            (head.width, head.height) = (width, height);
        }
    }
    Some(head)
}

fn note(head: &mut Head, found: Option<(u32, u32)>) {
    let (width, height) = found.unwrap_or_default();
    head.pixels = head.pixels.max(u64::from(width) * u64::from(height));
}

/// The size that coded pixels claim: of VP8 (RFC 6386, 9.1) or of VP8L (RFC 9649, 3.4).
fn coded(name: &[u8], data: &[u8]) -> Option<(u32, u32)> {
    match name {
        b"VP8 " if data.get(3..6)? == b"\x9d\x01\x2a" => {
            let side = |at: usize| Some(u32::from(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?) & 0x3fff));
            Some((side(6)?, side(8)?))
        }
        b"VP8L" if *data.first()? == 0x2f => {
            let bits = u32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// The chunks of a RIFF file, each with its name; one that is cut off has what there is.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (name, length) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let data = &rest[8..];
        let data = &data[..length.min(data.len())];
        let padded = 8 + data.len() + data.len() % 2;
        rest = rest.get(padded..).unwrap_or_default();
        Some((name, data))
    })
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    let [a, b, c]: [u8; 3] = bytes.get(at..at + 3)?.try_into().ok()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::preview::samples;

    #[test]
    fn a_pictures_size_stands_in_its_head() {
        for (bytes, wanted) in [
            (samples::png(40, 30), Some((40, 30, false))),
            (samples::jpeg(40, 30), Some((40, 30, false))),
            (samples::turned_jpeg(40, 30, 6), Some((30, 40, false))),
            (samples::turned_jpeg(40, 30, 3), Some((40, 30, false))),
            (samples::webp(40, 30), Some((40, 30, false))),
            (samples::moving_webp(40, 30), Some((40, 30, true))),
            (samples::png_bomb(), Some((65_535, 65_535, false))),
            (b"GIF89a".to_vec(), None),
            (Vec::new(), None),
        ] {
            let size = size(&bytes).map(|size| (size.width, size.height, size.is_animated));
            assert_eq!(size, wanted, "{:?}", &bytes[..bytes.len().min(12)]);
        }
    }

    #[test]
    fn a_frame_larger_than_its_canvas_is_counted() {
        let inner = b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f";
        let canvas = b"VP8X\x0a\0\0\0\0\0\0\0\x07\0\0\x07\0\0";
        let bytes = [&b"RIFF\0\0\0\0WEBP"[..], canvas, inner].concat();
        let size = size(&bytes).expect("a picture");
        assert_eq!((size.width, size.height, size.pixels), (8, 8, 16_383 * 16_383));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for head in [&b"\xff\xd8\xff\xe0"[..], b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"RIFF\0\0\0\0WEBPANMF", b"RIFF\0\0\0\0WEBPVP8X"] {
                let _ = size(&[head, &bytes].concat());
                let _ = end_of(&[head, &bytes].concat());
            }
        }
    }
}
