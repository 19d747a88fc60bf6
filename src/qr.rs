//! Draws QR codes: as SVG and PNG for pages, as text for terminals. Called by `api/manage/links.rs` and `cli/link.rs`.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// The light margin around a code, in modules (ISO/IEC 18004, section 6.3.8).
const MARGIN: usize = 4;
/// How many pixels wide a module is in a PNG.
const MODULE_PIXELS: usize = 8;
const PNG_SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// The most that one stored block of a zlib stream holds (RFC 1951, section 3.2.4).
const STORED_BYTES_MAX: usize = 0xffff;

/// A QR code with its margin: a square of dark and light modules.
#[derive(Debug)]
pub struct Qr {
    width: usize,
    dark: Vec<bool>,
}

/// What a terminal shows behind its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Dark,
    Light,
}

/// The text is longer than a QR code can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code")]
pub struct TooLong;

impl Qr {
    /// The code of a text, as small as it can be: a screen needs no correction of dirt.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| TooLong)?;
        let (inner, colors) = (code.width(), code.to_colors());
        let width = inner + 2 * MARGIN;
        let mut dark = vec![false; width * width];
        for (at, color) in colors.into_iter().enumerate() {
            dark[(at / inner + MARGIN) * width + at % inner + MARGIN] = color == Color::Dark;
        }
        Ok(Self { width, dark })
    }

    /// What is outside is light.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// As SVG: a white square, and a path with a stroke of rectangles for each row.
    pub fn svg(&self) -> String {
        let (width, pixels) = (self.width, self.width * MODULE_PIXELS);
        let mut path = String::new();
        for y in 0..width {
            let mut x = 0;
            while x < width {
                let run = (x..width).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    // Writing into a text cannot fail.
                    let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{pixels}\" height=\"{pixels}\" \
             viewBox=\"0 0 {width} {width}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{width}v{width}H0z\"/><path d=\"{path}\"/></svg>\n"
        )
    }

    /// As PNG, a bit a pixel. Its rows are stored, not compressed: about 50 kB, for one reader, for a few seconds.
    pub fn png(&self) -> Vec<u8> {
        let pixels = self.width * MODULE_PIXELS;
        let mut rows = Vec::with_capacity(pixels * (self.width + 1));
        for y in 0..self.width {
            // A module is eight pixels wide and a pixel a bit, so that a module is a byte; a set bit is white.
            let row = (0..self.width).map(|x| if self.is_dark(x, y) { 0x00 } else { 0xff });
            let row: Vec<u8> = std::iter::once(0).chain(row).collect();
            rows.extend(std::iter::repeat_n(row, MODULE_PIXELS).flatten());
        }
        // The widest code has 185 modules.
        let side = u32::try_from(pixels).unwrap_or(u32::MAX).to_be_bytes();
        let header = [&side[..], &side[..], &[1, 0, 0, 0, 0]].concat();
        let mut png = PNG_SIGNATURE.to_vec();
        chunk(&mut png, *b"IHDR", &header);
        chunk(&mut png, *b"IDAT", &stored(&rows));
        chunk(&mut png, *b"IEND", &[]);
        png
    }

    /// As lines of half blocks, each two modules high. Only one of the two is ink, so which one depends on what is behind
    /// it: the wrong way round many phones do not read it.
    pub fn lines(&self, ground: Ground) -> Vec<String> {
        let is_ink = |x, y| self.is_dark(x, y) == (ground == Ground::Light);
        let letter = |x, y| match (is_ink(x, y), is_ink(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..self.width).step_by(2).map(|y| (0..self.width).map(|x| letter(x, y)).collect()).collect()
    }
}

/// Writes a chunk of a PNG: its length, name, bytes and checksum.
fn chunk(png: &mut Vec<u8>, name: [u8; 4], bytes: &[u8]) {
    let named = [&name[..], bytes].concat();
    png.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    png.extend_from_slice(&named);
    png.extend_from_slice(&crc32(&named).to_be_bytes());
}

/// A zlib stream that holds `bytes` as they are (RFC 1950).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(STORED_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend_from_slice(&adler32(bytes).to_be_bytes());
    stream
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a phone reads of a picture.
    fn read(width: usize, height: usize, is_dark: impl FnMut(usize, usize) -> bool) -> String {
        let mut picture = rqrr::PreparedImage::prepare_from_bitmap(width, height, is_dark);
        picture.detect_grids()[0].decode().expect("a code").1
    }

    fn text() -> String {
        format!("2@{},{},{},{}", "aB3+".repeat(30), "k/9=".repeat(11), "k/9=".repeat(11), "k/9=".repeat(11))
    }

    #[test]
    fn a_png_reads_as_the_text_it_was_drawn_of() {
        for text in ["1", &text(), &"long".repeat(700)] {
            let png = Qr::of(text).unwrap().png();
            let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let shape = reader.next_frame(&mut pixels).unwrap();
            reader.finish().unwrap();
            let (width, line) = (shape.width as usize, shape.line_size);
            let is_dark = |x: usize, y: usize| pixels[y * line + x / 8] & (0x80 >> (x % 8)) == 0;
            assert_eq!(read(width, shape.height as usize, is_dark), text);
        }
    }

    #[test]
    fn an_svg_reads_as_the_text_it_was_drawn_of() {
        let svg = Qr::of(&text()).unwrap().svg();
        let path = svg.split("d=\"").nth(2).unwrap().split('"').next().unwrap();
        let width = Qr::of(&text()).unwrap().width;
        let mut dark = vec![false; width * width];
        for run in path.split('z').filter(|run| !run.is_empty()) {
            let (at, rest) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let run: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            dark[y * width + x..][..run].fill(true);
        }
        // A module of one pixel is too small for a reader.
        assert_eq!(read(width * 4, width * 4, |x, y| dark[y / 4 * width + x / 4]), text());
    }

    #[test]
    fn a_terminals_lines_read_as_the_text_on_dark_and_on_light_ground() {
        let qr = Qr::of(&text()).unwrap();
        for (ground, ink_is_dark) in [(Ground::Light, true), (Ground::Dark, false)] {
            let lines: Vec<Vec<char>> = qr.lines(ground).iter().map(|line| line.chars().collect()).collect();
            let is_ink = |x: usize, y: usize| match lines[y / 2][x] {
                '█' => true,
                '▀' => y.is_multiple_of(2),
                '▄' => y % 2 == 1,
                _ => false,
            };
            let side = qr.width;
            assert_eq!(read(side * 4, side * 4, |x, y| is_ink(x / 4, y / 4) == ink_is_dark), text(), "{ground:?}");
        }
    }

    #[test]
    fn a_text_that_fits_no_code_is_refused() {
        assert_eq!(Qr::of(&"x".repeat(3_000)).unwrap_err(), TooLong);
    }
}
