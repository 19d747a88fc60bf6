//! Names of files that somebody else chose: what is stored and served of them is never a path, nothing that an operating system
//! takes for something else, and nothing that is read in another order than it stands. Called wherever such a name comes in or
//! goes out.

use std::fmt::Write as _;

use crate::limits;

/// Names of devices on Windows, with any ending (Microsoft, "Naming Files, Paths, and Namespaces").
const RESERVED: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// The longest name that common file systems take.
const NAME_BYTES_MAX: usize = 255;

/// A file's name without a path and without what no file system takes. `None` where nothing is left of it.
pub fn clean(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    let last = visible.rsplit(['/', '\\', '\u{2044}', '\u{2215}', '\u{ff0f}', '\u{ff3c}']).next().unwrap_or_default();
    // "C:name" is a path too.
    let mut last = last.trim();
    while let [drive, b':', ..] = last.as_bytes()
        && drive.is_ascii_alphabetic()
    {
        last = last[2..].trim_start();
    }
    // Windows drops what stands at the end, and would take the rest for another name.
    let trimmed = last.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if !trimmed.contains(|c: char| c != '.' && !c.is_whitespace()) {
        return None;
    }
    let name = if is_reserved(trimmed) { format!("_{trimmed}") } else { trimmed.to_owned() };
    Some(bounded(&name))
}

/// Control characters, those that change the direction of what follows, and others that nobody sees.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |port: &str| {
        let mut number = stem.strip_prefix(port).unwrap_or_default().chars();
        matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    RESERVED.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

/// Cuts a name in its middle, so that its ending stays.
fn bounded(name: &str) -> String {
    let fits = |name: &str| name.len() <= NAME_BYTES_MAX && name.chars().count() <= limits::FILE_NAME_CHARS_MAX;
    if fits(name) {
        return name.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 16 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let room = NAME_BYTES_MAX - ending.len();
    let end = stem.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}{ending}", stem[..end].trim_end_matches(|c: char| c == '.' || c.is_whitespace()))
}

/// A `Content-Disposition` that keeps every character of a name (RFC 6266; RFC 8187 for `filename*`), with one in ASCII for
/// clients that know no other.
pub fn disposition(kind: &str, name: &str) -> String {
    let name = clean(name).unwrap_or_else(|| "file".into());
    // A percent sign would be decoded by some clients (RFC 6266, appendix D).
    let plain = |c: char| if (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let mut header = format!("{kind}; filename=\"{ascii}\"");
    if ascii != name {
        header += "; filename*=UTF-8''";
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => header.push(char::from(byte)),
                b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~' => {
                    header.push(char::from(byte));
                }
                // Writing to a String cannot fail.
                _ => drop(write!(header, "%{byte:02X}")),
            }
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_files_name_is_never_a_path() {
        let long = format!("{}.pdf", "é".repeat(300));
        for (text, wanted) in [
            ("a.png", Some("a.png")),
            ("../../etc/passwd", Some("passwd")),
            (r"C:\photos\a b.png ", Some("a b.png")),
            ("C:evil.exe", Some("evil.exe")),
            ("\u{202a}C:evil.exe", Some("evil.exe")),
            ("a: b:c", Some("c")),
            ("..\u{2215}..\u{ff0f}x.txt", Some("x.txt")),
            ("a\u{0}\n\u{7f}b", Some("ab")),
            ("cod.\u{202e}gpj.exe", Some("cod.gpj.exe")),
            ("\u{feff}a\u{200b}b\u{2066}c.txt", Some("abc.txt")),
            (".profile", Some(".profile")),
            ("NUL", Some("_NUL")),
            ("con.txt", Some("_con.txt")),
            ("Lpt1 .pdf", Some("_Lpt1 .pdf")),
            ("COM10.txt", Some("COM10.txt")),
            ("console.txt", Some("console.txt")),
            ("report. . .", Some("report")),
            ("Faktur Juli – 2026 (rev).pdf", Some("Faktur Juli – 2026 (rev).pdf")),
            ("", None),
            (" ", None),
            (".", None),
            ("..", None),
            ("a/", None),
            (r"a\..", None),
            ("\u{1}", None),
            ("\u{202e}", None),
        ] {
            assert_eq!(clean(text).as_deref(), wanted, "{text:?}");
        }
        let cut = clean(&long).unwrap();
        assert!(cut.ends_with("é.pdf") && cut.len() <= NAME_BYTES_MAX, "{cut}");
    }

    #[test]
    fn a_header_keeps_spaces_and_every_letter() {
        for (name, wanted) in [
            ("in voice.pdf", "attachment; filename=\"in voice.pdf\""),
            ("é 1.pdf", "attachment; filename=\"_ 1.pdf\"; filename*=UTF-8''%C3%A9%201.pdf"),
            ("a\"b\".txt", "attachment; filename=\"a_b_.txt\"; filename*=UTF-8''a%22b%22.txt"),
            ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
            ("../x", "attachment; filename=\"x\""),
            ("", "attachment; filename=\"file\""),
        ] {
            assert_eq!(disposition("attachment", name), wanted);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_file_is_called_its_name_is_harmless(text in "\\PC{0,40}|.{0,400}|[./\\\\: a-zA-Z\u{202a}-\u{202e}\u{2066}]{0,20}") {
            let Some(name) = clean(&text) else { return Ok(()) };
            prop_assert!(!name.is_empty() && name != "." && name != "..");
            prop_assert!(!name.contains(['/', '\\']) && !name.chars().any(is_hidden) && !is_reserved(&name));
            prop_assert!(name.len() <= NAME_BYTES_MAX);
            prop_assert_eq!(clean(&name), Some(name.clone()));
            let header = disposition("attachment", &text);
            prop_assert!(header.is_ascii() && !header.contains(['\r', '\n']) && header.matches('"').count() == 2);
        }
    }
}
