//! How the text of a file was encoded, read from its bytes. A text that cannot be read for certain is rejected: a message with
//! garbled letters must not go out. Pure.

use std::borrow::Cow;

use encoding_rs::{Encoding as Decoder, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::{Deserialize, Serialize};

/// Bytes at the beginning of a file by which UTF-16 without a byte order mark is recognized.
const SAMPLE_BYTES: usize = 4_096;
/// Letters beyond ASCII that follow one another in no language that Windows-1252 is for.
const FOREIGN_RUN: usize = 4;

/// What a file's text was encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    #[serde(rename = "UTF-8")]
    Utf8,
    #[serde(rename = "UTF-16LE")]
    Utf16Le,
    #[serde(rename = "UTF-16BE")]
    Utf16Be,
    #[serde(rename = "Windows-1252")]
    Windows1252,
}

/// The number of the line where a file's text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub u64);

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "Windows-1252",
        }
    }

    fn decoder(self) -> &'static Decoder {
        match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Windows1252 => WINDOWS_1252,
        }
    }
}

/// The text of a file without its byte order mark, and how it was encoded.
///
/// # Errors
/// [`Unreadable`] where it is in none of the encodings, or not for certain.
pub fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), Unreadable> {
    let (encoding, text) = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(Unreadable(1)),
        [0xef, 0xbb, 0xbf, rest @ ..] => (Encoding::Utf8, rest),
        [0xff, 0xfe, rest @ ..] => (Encoding::Utf16Le, rest),
        [0xfe, 0xff, rest @ ..] => (Encoding::Utf16Be, rest),
        _ => (without_mark(bytes)?, bytes),
    };
    let (text, had_errors) = encoding.decoder().decode_without_bom_handling(text);
    if had_errors {
        let before = text.split('\u{fffd}').next().unwrap_or_default();
        return Err(Unreadable(1 + line_breaks(before.as_bytes())));
    }
    // Windows-1252 has letters for five bytes too few: a file with one of those is in another encoding.
    let undefined = text.find(['\u{81}', '\u{8d}', '\u{8f}', '\u{90}', '\u{9d}']);
    match undefined.filter(|_| encoding == Encoding::Windows1252) {
        Some(at) => Err(Unreadable(1 + line_breaks(&text.as_bytes()[..at]))),
        None => Ok((text, encoding)),
    }
}

fn without_mark(bytes: &[u8]) -> Result<Encoding, Unreadable> {
    if let Some(encoding) = utf_16(&bytes[..bytes.len().min(SAMPLE_BYTES)]) {
        return Ok(encoding);
    }
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(Encoding::Utf8) };
    // Letters that are written as UTF-8 beside bytes that are not: the file was put together, and read as either it is garbled.
    // (The letters U+0180 to U+07FF are left out: in Windows-1252 their bytes are a capital or ß before a closing quote.)
    let is_letter = |c: char| !c.is_ascii() && !('\u{180}'..='\u{7ff}').contains(&c);
    let is_mixed = bytes.utf8_chunks().any(|chunk| chunk.valid().contains(is_letter));
    let foreign = is_mixed.then(|| error.valid_up_to()).or_else(|| foreign_at(bytes)).or_else(|| misplaced_at(bytes));
    foreign.map_or(Ok(Encoding::Windows1252), |at| Err(Unreadable(1 + line_breaks(&bytes[..at]))))
}

/// Every second byte of a mostly Latin text in UTF-16 is zero.
fn utf_16(sample: &[u8]) -> Option<Encoding> {
    let pairs = sample.len() / 2;
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let is_most = |many: usize, few: usize| pairs > 1 && many * 10 > pairs * 6 && few * 20 < pairs;
    match () {
        () if is_most(odd, even) => Some(Encoding::Utf16Le),
        () if is_most(even, odd) => Some(Encoding::Utf16Be),
        () => None,
    }
}

/// Where a word begins that Windows-1252 would garble: a Cyrillic, Greek or Asian text in an older encoding is a row of bytes that
/// Western languages do not have side by side.
fn foreign_at(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    for run in bytes.split(|byte| *byte < 0xa1) {
        if run.len() >= FOREIGN_RUN && run.iter().any(|byte| *byte != run[0]) {
            return Some(from);
        }
        from += run.len() + 1;
    }
    None
}

/// Where a byte stands that Windows-1252 would not have there: signs within a word, a capital letter behind a small one, letters
/// beyond ASCII alone in a word, the beginning of a character in UTF-8 whose end is missing. It was a letter in another encoding
/// (of a Macintosh, of DOS, of Japan or China), or a text that was cut.
fn misplaced_at(bytes: &[u8]) -> Option<usize> {
    let at = |place: Option<usize>| place.and_then(|place| bytes.get(place)).copied().unwrap_or(b' ');
    (0..bytes.len()).find(|place| {
        let (before, byte, behind) = (at(place.checked_sub(1)), bytes[*place], at(Some(place + 1)));
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte >= 0xc0;
        match byte {
            // Punctuation that may touch a word: €, …, single and double quotes, bullets, dashes, ™.
            0x80 | 0x85 | 0x91..=0x97 | 0x99 => false,
            // „ ‚ ‹ and › open or close a quotation.
            0x82 | 0x84 | 0x8b => is_letter(before),
            0x9b => is_letter(behind),
            // š, œ and ž are small letters.
            0x9a | 0x9c | 0x9e => false,
            // Š, Œ, Ž and Ÿ are capital letters, as are those above except ×.
            0x8a | 0x8c | 0x8e | 0x9f | 0xc0..=0xd6 | 0xd8..=0xde if before.is_ascii_lowercase() => true,
            0x80..=0x9f => !matches!(byte, 0x8a | 0x8c | 0x8e | 0x9f) && (is_letter(before) || is_letter(behind)),
            0xc0.. => {
                let begins_character = matches!((byte, behind), (0xe2, 0x80) | (0xf0, 0x9f));
                let is_word_of_two = behind >= 0xc0
                    && byte != behind
                    && !is_letter(before)
                    && !is_letter(at(Some(place + 2)))
                    && !matches!(at(Some(place + 2)), 0x80..=0xbf);
                begins_character || is_word_of_two
            }
            _ => false,
        }
    })
}

fn line_breaks(bytes: &[u8]) -> u64 {
    let breaks = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    breaks.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16_bytes(text: &str, encoding: Encoding) -> Vec<u8> {
        let bytes = |unit: u16| match encoding {
            Encoding::Utf16Be => unit.to_be_bytes(),
            _ => unit.to_le_bytes(),
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn read(bytes: &[u8]) -> Result<(String, Encoding), u64> {
        decode(bytes).map(|(text, encoding)| (text.into_owned(), encoding)).map_err(|Unreadable(line)| line)
    }

    #[test]
    fn a_text_is_read_in_the_encoding_in_which_it_was_written() {
        let text = "destination,message\n628111111111,Café “Süß” 😀 – pesan\n";
        assert_eq!(read(text.as_bytes()), Ok((text.into(), Encoding::Utf8)));
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()), Ok((text.into(), Encoding::Utf8)));
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            assert_eq!(read(&utf_16_bytes(text, encoding)), Ok((text.into(), encoding)));
            let marked = utf_16_bytes(&format!("\u{feff}{text}"), encoding);
            assert_eq!(read(&marked), Ok((text.into(), encoding)));
        }
        let western = b"destination,message\n628111111111,Caf\xe9 \x93S\xfc\xdf\x94 \x96 cr\xe9\xe9e \x80 5\n";
        let expected = "destination,message\n628111111111,Café “Süß” – créée € 5\n";
        assert_eq!(read(western), Ok((expected.into(), Encoding::Windows1252)));
        for western in [
            &b"\x84Gr\xfc\xdfe\x93 wait\x85what it\x92s 5 \x80\x99"[..],
            b"\x8aimon \x9a \x8ci b\x9cuf \x9fves LO\xcb\xcb NO\xcbL \xc9t\xe9 \xe0 \xe9",
            b"caf\xe9\x94 \x93\xc9cole\x94 \x8ba\x9b 5\x89 a \x96 b\x97c cr\xe9\xe9 \xab\xe9\xbb",
        ] {
            let text = [b"to,text\n1,", western].concat();
            assert_eq!(read(&text).map(|(_, encoding)| encoding), Ok(Encoding::Windows1252), "{western:?}");
        }
        assert_eq!(read(b""), Ok((String::new(), Encoding::Utf8)));
        assert_eq!(read(b"a"), Ok(("a".into(), Encoding::Utf8)));
    }

    #[test]
    fn what_cannot_be_read_for_certain_is_rejected_with_its_line() {
        for (bytes, line) in [
            // Letters in both encodings; Cyrillic in Windows-1251; Chinese in GBK; a byte that Windows-1252 lacks.
            (&b"destination,message\r\n1,Caf\xc3\xa9\r\n2,Caf\xe9\r\n"[..], 3),
            (b"destination,message\r1,a\r2,\xcf\xf0\xe8\xe2\xe5\xf2\r", 3),
            (b"destination,message\n1,\xc4\xe3\xba\xc3\n", 2),
            (b"destination,message\n1,\x81\n", 2),
            // The same letters on a Macintosh and under DOS; Japanese in Shift-JIS; two Chinese characters in GBK.
            (b"to,text\r1,Caf\x8e \x88 Zo\x91\r", 2),
            (b"to,text\r\n1,Caf\x82 d\x82j\x85 vu\r\n", 2),
            (b"to,text\n1,\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd\n", 2),
            (b"to,text\n1,\xc0\xee Rp5\n", 2),
            // Characters in UTF-8 that were cut.
            (b"to,text\n1,Halo\xf0\x9f\x98\n", 2),
            (b"to,text\n1,Caf\xc3\n", 2),
            (b"to,text\n1,Halo \xe2\x80\n", 2),
            // UTF-32, half a character of UTF-16, a broken character behind a mark.
            (b"\xff\xfe\0\0d\0\0\0", 1),
            (b"\xff\xfed\0\n\0\x00\xd8x\0", 2),
            (b"\xef\xbb\xbfa\nb\xff", 2),
        ] {
            assert_eq!(read(bytes), Err(line), "{bytes:?}");
        }
    }
}
