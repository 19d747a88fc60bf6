//! What an address answers with 200 in place of a file: the page that asks to sign in, "this link has expired", an error in JSON.
//! It is not what the customer wanted sent, and nobody would see that it was. Pure; called where a file was fetched.

use std::borrow::Cow;

use super::kind::{self, MediaKind};

/// How a file begins that is compressed by gzip (RFC 1952).
const GZIP: &[u8] = b"\x1f\x8b";
/// So much of a file is looked at.
const LOOKED_AT: usize = 4_096;

/// What is known of an answer besides its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// What was asked for.
    pub asked: Option<MediaKind>,
    /// The name that the customer gave.
    pub file_name: Option<&'a str>,
    /// The name in the address, and the one in the answer.
    pub other_names: [Option<&'a str>; 2],
    pub content_type: Option<&'a str>,
}

/// Why what an address answered is not sent, in words for the customer. Asking again does not help: whoever has to sign in is
/// asked to each time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFile {
    #[error(
        "media_url answered a web page instead of a file, such as one that asks to sign in or says that the link has expired; \
         give an address that anybody can load the file from, or a file_name that ends in .html if the page is the file"
    )]
    Page,
    #[error(
        "media_url answered {found} where {wanted} was expected, such as an error message; give the address of the file itself"
    )]
    Text { found: &'static str, wanted: String },
}

/// Whether these bytes are the file that was wanted.
///
/// # Errors
/// [`NoFile`] when they are a page or a message in its place.
pub fn check(bytes: &[u8], told: Told<'_>) -> Result<(), NoFile> {
    let names = [told.file_name, told.other_names[0], told.other_names[1]];
    // The customer's own name says more than the address.
    let named = names.iter().flatten().find_map(|name| kind::ending(Some(name)).map(|mime| (*name, mime)));
    let asked = told.asked.filter(|asked| *asked != MediaKind::Document).map(|asked| format!("kind {}", asked.name()));
    if bytes.starts_with(GZIP) {
        // None of the types that are known by their names is compressed so.
        let wanted = asked.or_else(|| named.map(|(name, _)| format!("the file {name}")));
        return wanted.map_or(Ok(()), |wanted| Err(NoFile::Text { found: "a compressed file", wanted }));
    }
    let Some(text) = text(bytes) else { return Ok(()) };
    let text = text.as_ref();
    let markup = Markup::of(text, told.content_type);
    if markup == Some(Markup::Html) {
        let is_wanted = names.iter().flatten().any(|name| is_page(name)) || is_office(text, &names);
        return if is_wanted { Ok(()) } else { Err(NoFile::Page) };
    }
    let found = match markup {
        Some(Markup::Json) => "JSON",
        Some(Markup::Xml | Markup::Html) => "XML",
        None => "text",
    };
    let wanted =
        asked.or_else(|| named.filter(|(_, mime)| is_binary(mime)).map(|(name, _)| format!("the file {name}")));
    wanted.map_or(Ok(()), |wanted| Err(NoFile::Text { found, wanted }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Markup {
    Html,
    Json,
    Xml,
}

impl Markup {
    fn of(text: &str, content_type: Option<&str>) -> Option<Self> {
        let start = without_comments(text);
        let starts = |word: &str| start.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let type_is =
            |word: &str| content_type.is_some_and(|told| told.trim_start().to_ascii_lowercase().starts_with(word));
        let is_page =
            ["<!doctype html", "<html", "<head", "<body", "<title", "<script", "<meta"].into_iter().any(starts);
        // XHTML says that it is XML first.
        let is_xhtml = starts("<?xml") && start.to_ascii_lowercase().contains("<html");
        match start.chars().next() {
            _ if is_page || is_xhtml => Some(Self::Html),
            Some('<') if type_is("text/html") || type_is("application/xhtml") => Some(Self::Html),
            Some('<') => Some(Self::Xml),
            Some('{' | '[') => Some(Self::Json),
            _ => None,
        }
    }
}

/// The beginning of a file, if it is text: no file of pictures, sound or film is.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let text: Cow<'_, str> = match start {
        // These are files of their own, though all of their first bytes may be letters.
        _ if [&b"%PDF"[..], b"{\\rtf", b"#!AMR"].into_iter().any(|first| start.starts_with(first)) => return None,
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).into(),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).into(),
        _ => utf8(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start))?.into(),
    };
    let is_readable = text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}'));
    (is_readable && !text.trim_start().is_empty()).then_some(text)
}

fn utf8(start: &[u8]) -> Option<&str> {
    match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        // A character may be cut in two at the end, and a page may be written in an older alphabet.
        Err(error) if error.valid_up_to() + 4 > start.len() || is_angled(start) => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

fn utf16(start: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = start.as_chunks().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn is_angled(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'<')
}

fn without_comments(text: &str) -> &str {
    let mut start = text.trim_start();
    while let Some(comment) = start.strip_prefix("<!--") {
        start = comment.split_once("-->").map_or("", |(_, rest)| rest).trim_start();
    }
    start
}

fn is_page(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["html", "htm", "xhtml", "xht", "mhtml", "mht", "shtml"].into_iter().any(|page| ending.eq_ignore_ascii_case(page))
}

/// Programs export tables as pages that spreadsheets open, under the spreadsheet's name; no form is among them.
fn is_office(text: &str, names: &[Option<&str>]) -> bool {
    let is_named = names
        .iter()
        .flatten()
        .any(|name| matches!(kind::ending(Some(name)), Some("application/vnd.ms-excel" | "application/msword")));
    let text = text.to_ascii_lowercase();
    is_named
        && (text.contains("urn:schemas-microsoft-com:office") || text.contains("<table") && !text.contains("<form"))
}

/// Types whose files are never text. Old spreadsheets and documents may be.
fn is_binary(mime: &str) -> bool {
    let is_text = mime.starts_with("text/")
        || mime.ends_with("xml")
        || ["application/json", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"]
            .contains(&mime);
    !is_text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] =
        b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form></form></body></html>";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";

    fn named<'a>(file_name: Option<&'a str>, address: Option<&'a str>) -> Told<'a> {
        Told { file_name, other_names: [address, None], ..Told::default() }
    }

    #[test]
    fn a_page_is_a_file_only_where_one_was_named() {
        let xhtml = b"<?xml version=\"1.0\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">";
        let latin = b"<html><body>d\xe9sol\xe9</body></html>";
        let wide = |unit: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            let text = str::from_utf8(PAGE).expect("a page");
            mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
        };
        let wides = [wide(u16::to_le_bytes, [0xff, 0xfe]), wide(u16::to_be_bytes, [0xfe, 0xff])];
        for page in [
            PAGE,
            &wides[0],
            &wides[1],
            b"<HTML>",
            b"\xef\xbb\xbf<!-- a --><!-- b --> <html lang=en>",
            b"<script>location='/login'</script>",
            xhtml,
            latin,
        ] {
            for (file_name, address, is_sent) in [
                (None, None, false),
                (None, Some("invoice"), false),
                (None, Some("download.php"), false),
                (Some("invoice.pdf"), Some("page.pdf"), false),
                (Some("a.jpg"), None, false),
                (Some("report.html"), None, true),
                (None, Some("report.HTM"), true),
                (None, Some("report.xhtml"), true),
            ] {
                let checked = check(page, named(file_name, address));
                assert_eq!(checked.is_ok(), is_sent, "{} {file_name:?} {address:?}", String::from_utf8_lossy(page));
                assert!(is_sent || checked == Err(NoFile::Page));
            }
        }
        let in_the_answer = Told { other_names: [None, Some("report.html")], ..Told::default() };
        assert_eq!(check(PAGE, in_the_answer), Ok(()));
        // A piece of a page is one where the server calls it so.
        let told =
            |content_type| check(b"<div>Not found</div>", Told { content_type: Some(content_type), ..Told::default() });
        assert_eq!((told("text/html; charset=utf-8"), told("text/xml")), (Err(NoFile::Page), Ok(())));
    }

    #[test]
    fn a_table_exported_for_a_spreadsheet_is_a_file() {
        let table = b"<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><table><tr><td>1</table></html>";
        assert_eq!(check(table, named(Some("sales.xls"), None)), Ok(()));
        assert_eq!(check(PAGE, named(Some("sales.xls"), None)), Err(NoFile::Page));
        assert_eq!(check(table, named(Some("sales.pdf"), None)), Err(NoFile::Page));
    }

    #[test]
    fn a_message_is_no_picture() {
        for (bytes, found) in [
            (&b"{\"error\":\"expired\"}"[..], "JSON"),
            (b" [1]", "JSON"),
            (b"<Error><Code>AccessDenied</Code></Error>", "XML"),
            (b"Not found", "text"),
        ] {
            for (file_name, address, is_sent) in [
                (Some("a.jpg"), None, false),
                (None, Some("a.pdf"), false),
                (None, Some("a.mp4"), false),
                (Some("a.docx"), Some("b.json"), false),
                (None, None, true),
                (Some("a.txt"), Some("b.jpg"), true),
                (Some("a.json"), None, true),
                (Some("a.xls"), None, true),
                (Some("a.svg"), None, true),
            ] {
                let checked = check(bytes, named(file_name, address));
                assert_eq!(checked.is_ok(), is_sent, "{found} {file_name:?} {address:?}");
                if let Err(no_file) = checked {
                    assert!(matches!(no_file, NoFile::Text { found: said, .. } if said == found));
                }
            }
            let asked = |kind| check(bytes, Told { asked: Some(kind), ..Told::default() }).is_ok();
            assert!(!asked(MediaKind::Image) && !asked(MediaKind::Voice) && asked(MediaKind::Document), "{found}");
        }
    }

    #[test]
    fn a_compressed_file_is_none_of_those_that_names_tell() {
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0";
        for (name, is_sent) in [("a.pdf", false), ("a.txt", false), ("a.jpg", false), ("a.gz", true), ("a.svgz", true)]
        {
            assert_eq!(check(gzip, named(None, Some(name))).is_ok(), is_sent, "{name}");
        }
        assert_eq!(check(gzip, Told::default()), Ok(()));
        assert!(check(gzip, Told { asked: Some(MediaKind::Image), ..Told::default() }).is_err());
    }

    #[test]
    fn the_bytes_of_a_file_win_over_whatever_is_said_of_them() {
        let html = Told { content_type: Some("text/html"), file_name: Some("a.html"), ..Told::default() };
        for bytes in [PNG, b"%PDF-1.7", b"PK\x03\x04", b"#!AMR\n<", b"\xff\xd8\xff", b"", b"\0\0\0\x18ftyp", b"   "] {
            assert_eq!(check(bytes, html), Ok(()));
            assert_eq!(check(bytes, named(None, Some("a.jpg"))), Ok(()));
        }
    }
}
