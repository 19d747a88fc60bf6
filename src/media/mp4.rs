//! How long an MP4, M4A or 3GP plays, and how large its picture is (ISO/IEC 14496-12). The boxes stand in memory; of each only
//! the head is read.

/// What the boxes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Movie {
    pub duration_ms: Option<u64>,
    /// Width and height of the first picture track, as it is shown.
    pub size: Option<(u32, u32)>,
    has_pictures: bool,
    has_sound: bool,
}

/// Reads a file; what it does not say stays empty.
pub fn movie(bytes: &[u8]) -> Movie {
    let mut movie = Movie::default();
    for (_, moov) in boxes(bytes).filter(|(name, _)| *name == b"moov") {
        for (name, data) in boxes(moov) {
            match name {
                b"mvhd" => movie.duration_ms = movie.duration_ms.or_else(|| duration(data)),
                // Of a file in fragments the movie's own length is zero, and this one counts.
                b"mvex" => {
                    let extended = boxes(data).find(|(name, _)| *name == b"mehd").map(|(_, data)| data);
                    let scale = boxes(moov).find(|(name, _)| *name == b"mvhd").and_then(|(_, data)| scale(data));
                    let length = extended.and_then(|data| number(data, 4, data.first() == Some(&1)));
                    movie.duration_ms = movie.duration_ms.or_else(|| milliseconds(length?, scale?));
                }
                b"trak" => track(&mut movie, data),
                _ => {}
            }
        }
    }
    movie
}

/// Whether a file has the box without which nothing of it can be played.
pub fn has_index(bytes: &[u8]) -> bool {
    boxes(bytes).any(|(name, _)| name == b"moov")
}

/// Whether a file that calls itself a video has sound and no picture.
pub fn is_sound(bytes: &[u8]) -> bool {
    let movie = movie(bytes);
    movie.has_sound && !movie.has_pictures
}

fn track(movie: &mut Movie, track: &[u8]) {
    let media = boxes(track).find(|(name, _)| *name == b"mdia").map_or(&[][..], |(_, data)| data);
    let handler = boxes(media).find(|(name, _)| *name == b"hdlr").and_then(|(_, data)| data.get(8..12));
    match handler {
        Some(b"soun") => movie.has_sound = true,
        Some(b"vide") => {
            movie.has_pictures = true;
            let head = boxes(track).find(|(name, _)| *name == b"tkhd").map(|(_, data)| data);
            movie.size = movie.size.or_else(|| shown_size(head?));
        }
        _ => {}
    }
}

/// Of a track's head: 16.16 numbers at the end, behind a matrix that may turn the picture.
fn shown_size(head: &[u8]) -> Option<(u32, u32)> {
    // Version, flags, dates, the track's number, its length, and sixteen bytes more stand before the matrix.
    let matrix = if head.first() == Some(&1) { 52 } else { 40 };
    let word = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (word(matrix + 36)? >> 16, word(matrix + 40)? >> 16);
    let is_turned = word(matrix)? == 0 && word(matrix + 4)? != 0;
    let size = if is_turned { (height, width) } else { (width, height) };
    (width > 0 && height > 0).then_some(size)
}

fn duration(head: &[u8]) -> Option<u64> {
    let is_long = head.first() == Some(&1);
    let length = number(head, if is_long { 24 } else { 16 }, is_long)?;
    // All ones stand for a length that is not known.
    let is_known = length != if is_long { u64::MAX } else { u64::from(u32::MAX) };
    milliseconds(length, scale(head)?).filter(|_| is_known && length > 0)
}

/// Units of a second.
fn scale(head: &[u8]) -> Option<u64> {
    number(head, if head.first() == Some(&1) { 20 } else { 12 }, false)
}

fn milliseconds(length: u64, scale: u64) -> Option<u64> {
    length.checked_mul(1_000)?.checked_div(scale)
}

/// A number of eight bytes or four.
fn number(bytes: &[u8], at: usize, is_long: bool) -> Option<u64> {
    if is_long {
        Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
    } else {
        Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?).into())
    }
}

/// The boxes side by side in `rest`, each with its name.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (size, name) = (number(rest, 0, false)?, rest.get(4..8)?);
        let (head, size) = match size {
            // The last box may go to the end of the file.
            0 => (8, rest.len()),
            1 => (16, usize::try_from(number(rest, 8, true)?).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        let data = rest.get(head..size.min(rest.len()))?;
        rest = rest.get(size..).unwrap_or_default();
        Some((name, data))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::preview::samples;

    #[test]
    fn a_films_length_and_size_stand_in_its_boxes() {
        let film = movie(&samples::mp4());
        assert_eq!((film.duration_ms, film.size), (Some(12_500), Some((640, 360))));
        assert_eq!(movie(&samples::turned_mp4()).size, Some((360, 640)));
        let fragments = movie(&samples::fragmented_mp4());
        assert_eq!((fragments.duration_ms, fragments.size), (Some(7_000), Some((640, 360))));
        assert!(is_sound(&samples::m4a()) && !is_sound(&samples::mp4()));
        assert_eq!(movie(&samples::m4a()).duration_ms, Some(3_000));
        assert_eq!(movie(b"\0\0\0\x18ftypmp42\0\0\0\0"), Movie::default());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let length = u32::try_from(bytes.len()).expect("few") + 16;
            for name in [b"mvhd", b"trak", b"mvex"] {
                let inner = [&length.to_be_bytes()[..], name, &bytes].concat();
                let _ = movie(&[&(length + 8).to_be_bytes()[..], b"moov", &inner].concat());
            }
            let _ = movie(&bytes);
        }
    }
}
