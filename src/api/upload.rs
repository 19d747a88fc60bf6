//! A file that stands in a body itself: its bytes.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::python;

/// The bytes of base64 text, standard or URL-safe, padded or not, line breaks and a `data:…;base64,` prefix allowed.
/// None where it is something else, or no bytes at all.
pub fn decode(text: Cow<'_, str>) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    // Line breaks are taken out in place: the text may have 133 MB.
    let text = if python::strip(&text).bytes().any(|byte| byte.is_ascii_whitespace()) {
        let mut text = text.into_owned();
        let data = text.find(',').unwrap_or_default();
        let mut at = 0;
        text.retain(|c| {
            at += c.len_utf8();
            // A space stands where a form had a plus.
            at <= data || c == ' ' || !c.is_ascii_whitespace()
        });
        Cow::Owned(text)
    } else {
        text
    };
    let text = without_prefix(python::strip(&text))?;
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(text.as_bytes()).ok().filter(|bytes| !bytes.is_empty())
}

fn without_prefix(text: &str) -> Option<&str> {
    let starts = |text: &str, prefix: &str| text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    if !starts(text, "data:") {
        return Some(text);
    }
    let (header, data) = text.split_once(',')?;
    let encoding = &header[header.rfind(';')?..];
    encoding.eq_ignore_ascii_case(";base64").then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_understood_however_programs_write_it() {
        for text in [
            "+/+/aGVsbG8=",
            "-_-_aGVsbG8=",
            "-_-_aGVsbG8",
            " -_-_\r\naGVs\tbG8=\n ",
            "data:;base64,-_-_aGVsbG8",
            "data:image/png;base64,+/+/\naGVsbG8=",
            "DATA:text/plain;charset=utf-8;BASE64,+/+/aGVsbG8=",
            // Bits that stand for nothing may be set.
            "+/+/aGVsbG9=",
        ] {
            assert_eq!(decode(text.into()).as_deref(), Some(&b"\xfb\xff\xbfhello"[..]), "{text}");
        }
        for text in [
            "",
            " ",
            "=",
            "====",
            "a",
            "aGVsb",
            "aGVs=",
            "aGVsbG8==",
            "aG=VsbG8",
            "aGVsbG8=aGVs",
            "+_aa",
            "a.bc",
            "é",
            " / /aGVsbG8=",
            "aGVs bG8=",
            "data:;base64,aGVs bG8=",
            "%%%",
            "data:",
            "data:,aGVsbG8=",
            "data:;base64,",
            "data:text/plain;base64;aGVs",
            "text;base64,aGVs",
            "aGVs\u{0}",
        ] {
            assert_eq!(decode(text.into()), None, "{text}");
        }
    }
}
