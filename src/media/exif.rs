//! Which way up a photograph is (EXIF, tag 0x0112): phones store the picture as their sensor lies and say so beside it.

/// A quarter turn, a mirror image, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// Width and height change places, before anything is mirrored.
    pub is_turned: bool,
    pub is_mirrored_across: bool,
    pub is_mirrored_down: bool,
}

impl Orientation {
    /// By the tag's number, 1 to 8.
    fn of(number: u16) -> Self {
        let (is_turned, is_mirrored_across, is_mirrored_down) = match number {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { is_turned, is_mirrored_across, is_mirrored_down }
    }

    /// How wide and high a picture stored as that is shown.
    pub fn shown(self, width: u32, height: u32) -> (u32, u32) {
        if self.is_turned { (height, width) } else { (width, height) }
    }

    /// Where a stored pixel is shown, in a picture shown as wide and high as that.
    pub fn place(self, (x, y): (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
        let (x, y) = if self.is_turned { (y, x) } else { (x, y) };
        let x = if self.is_mirrored_across { width - 1 - x } else { x };
        (x, if self.is_mirrored_down { height - 1 - y } else { y })
    }
}

/// What a block of EXIF says, with or without its `Exif` head. What cannot be read says nothing.
pub fn orientation(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    number(tiff).map(Orientation::of).unwrap_or_default()
}

fn number(tiff: &[u8]) -> Option<u16> {
    let is_little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }).ok()
    };
    let directory = long(4)?;
    (0..usize::from(short(directory)?))
        .map(|entry| directory + 2 + entry * 12)
        .find(|at| short(*at) == Some(0x0112))
        .and_then(|at| short(at + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_puts_the_first_pixel_where_cameras_mean_it() {
        // Of a picture three wide and two high: where its upper left corner is shown, and how large it then is.
        for (number, corner, size) in [
            (1, (0, 0), (3, 2)),
            (2, (2, 0), (3, 2)),
            (3, (2, 1), (3, 2)),
            (4, (0, 1), (3, 2)),
            (5, (0, 0), (2, 3)),
            (6, (1, 0), (2, 3)),
            (7, (1, 2), (2, 3)),
            (8, (0, 2), (2, 3)),
        ] {
            for tiff in [
                [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[number, 0, 0, 0]].concat(),
                [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".as_slice(), &[0, number, 0, 0]].concat(),
            ] {
                let orientation = orientation(&[&b"Exif\0\0"[..], &tiff].concat());
                let (width, height) = orientation.shown(3, 2);
                assert_eq!((width, height), size, "{number}");
                assert_eq!(orientation.place((0, 0), (width as usize, height as usize)), corner, "{number}");
            }
        }
    }

    #[test]
    fn what_is_no_exif_turns_nothing() {
        for bytes in [&b""[..], b"II", b"II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"nothing"] {
            assert_eq!(orientation(bytes), Orientation::default());
        }
    }
}
