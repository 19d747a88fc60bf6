//! A form with a file (multipart/form-data, RFC 7578), as a browser sends it.

use std::future::ready;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;

use crate::api::problem::Problem;
use crate::console::forms::{Fields, is_ours};
use crate::console::visit::{Refusal, Visit};
use crate::limits;

/// Letters of a part's own headers.
const PART_HEAD_BYTES_MAX: usize = 4 * 1024;

/// What a form holds.
pub struct Form {
    pub fields: Fields,
    pub file: Option<File>,
}

/// A file that was chosen.
pub struct File {
    pub name: String,
    pub bytes: Bytes,
}

struct Part {
    name: String,
    file_name: Option<String>,
    bytes: Bytes,
}

/// Reads a form that somebody sent from a page of ours.
///
/// # Errors
/// [`Refusal`]: 413 when it is too large, 403 when it is not from a page of ours, 400 when it is no such form.
pub async fn read(visit: &Visit, headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Form, Refusal> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    let no_form = || {
        let text = visit.t(
            "This is no form that can be read; load the page again.",
            "Formulir ini tidak dapat dibaca; muat ulang halamannya.",
        );
        visit.refusal(StatusCode::BAD_REQUEST, text)
    };
    let boundary = text(header::CONTENT_TYPE).and_then(boundary).ok_or_else(no_form)?;
    let foreign = || {
        let text = visit.t(
            "This form is out of date. Nothing was done; send it once more.",
            "Formulir ini kedaluwarsa. Tidak ada yang dilakukan; kirim sekali lagi.",
        );
        visit.refusal(StatusCode::FORBIDDEN, text)
    };
    if !is_ours(headers) {
        return Err(foreign());
    }
    if length.is_some_and(|length| length > limit_bytes) {
        drain(visit, body).await;
        let problem = Problem::TooLarge { limit_bytes };
        return Err(visit.refusal(problem.status(), &problem.told()));
    }
    let body = visit.console().api.read_body(visit.person().client_id, headers, body, limit_bytes).await;
    let body = body.map_err(|problem| visit.refusal(problem.status(), &problem.told()))?;
    let parts = parts(&body, boundary).ok_or_else(no_form)?;
    let (files, fields): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.file_name.is_some());
    let pairs = fields.into_iter().map(|part| (part.name, String::from_utf8_lossy(&part.bytes).into_owned()));
    let fields = Fields::of(pairs.collect());
    if !visit.owns(fields.raw("csrf")) {
        return Err(foreign());
    }
    // A browser sends a file without a name where none was chosen.
    let chosen =
        files.into_iter().filter_map(|part| Some((part.file_name.filter(|name| !name.is_empty())?, part.bytes)));
    let file = chosen.map(|(name, bytes)| File { name, bytes }).next();
    Ok(Form { fields, file })
}

/// Takes a body that nobody wants: a browser that cannot send it whole says that the connection broke, not why.
async fn drain(visit: &Visit, body: Body) {
    let limit = Duration::from_secs(limits::FORM_DRAIN_SECONDS_MAX);
    let drained = body.into_data_stream().take_while(|piece| ready(piece.is_ok())).for_each(|_| ready(()));
    // What takes longer is left: then the connection breaks.
    let _ = visit.console().api.clock.within(limit, drained).await;
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    let is_form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
    let (_, boundary) = rest
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    Some(boundary.trim_matches('"')).filter(|boundary| is_form && (1..=70).contains(&boundary.len()))
}

/// The parts of a body; `None` where it is none, or has more of them than any form of ours.
fn parts(body: &Bytes, boundary: &str) -> Option<Vec<Part>> {
    let delimiter = format!("--{boundary}");
    let between = format!("\r\n{delimiter}");
    let mut rest = body.slice(find(body, delimiter.as_bytes())? + delimiter.len()..);
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        if !rest.starts_with(b"\r\n") || parts.len() == limits::FORM_PARTS_MAX {
            return None;
        }
        let head_end = find(&rest[..rest.len().min(PART_HEAD_BYTES_MAX)], b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&rest[2.min(head_end)..head_end]).into_owned();
        let content = rest.slice(head_end + 4..);
        let end = find(&content, between.as_bytes())?;
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then(|| value.to_owned())
        })?;
        parts.push(Part {
            name: parameter(&disposition, "name")?,
            file_name: parameter(&disposition, "filename"),
            bytes: content.slice(..end),
        });
        rest = content.slice(end + between.len()..);
    }
    Some(parts)
}

/// A quoted parameter of a header. Browsers write a quotation mark in it as `%22`, other programs as `\"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let mut end = None;
        let mut is_escaped = false;
        for (at, c) in after.char_indices() {
            match c {
                '"' if !is_escaped => {
                    end = Some(at);
                    break;
                }
                c => is_escaped = c == '\\' && !is_escaped,
            }
        }
        let end = end?;
        if name.trim_matches([';', ' ', '\t']).eq_ignore_ascii_case(wanted) {
            return Some(after[..end].replace("\\\"", "\"").replace("%22", "\"").replace("%0D%0A", " "));
        }
        rest = &after[end + 1..];
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Option<Vec<(String, Option<String>, String)>> {
        let parts = parts(&Bytes::copy_from_slice(body.as_bytes()), "B")?;
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        Some(parts.into_iter().map(|part| (part.name, part.file_name, text(&part.bytes))).collect())
    }

    #[test]
    fn a_form_with_a_file_is_taken_apart() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\none\r\ntwo\r\n--B\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"a %22b%22; name=\\\"c\\\".png\"\r\n\
             Content-Type: image/png\r\n\r\n\r\n--\r\n-B\r\n--B--\r\n";
        let wanted = [
            ("text".to_owned(), None, "one\r\ntwo".to_owned()),
            ("file".to_owned(), Some("a \"b\"; name=\"c\".png".to_owned()), "\r\n--\r\n-B".to_owned()),
        ];
        assert_eq!(read(body).expect("a form"), wanted);
        assert_eq!(read("--B--").expect("a form"), []);
        let part = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
        assert_eq!(read(&format!("{part}--B--")).expect("a form"), [("a".to_owned(), None, String::new())]);
        for bad in ["", "--A--", part, "--B\r\n\r\n\r\n--B--", "--B", &part.repeat(limits::FORM_PARTS_MAX + 1)] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_form_with_a_boundary_is_one() {
        assert_eq!(boundary("multipart/form-data; boundary=----WebKit7"), Some("----WebKit7"));
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), Some("a b"));
        for bad in ["multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=a", ""] {
            assert_eq!(boundary(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reading_panic(pieces in proptest::collection::vec("--B|\r\n|\r\n\r\n|Content-Disposition: form-data;|name=\"|\"|\\\\|--|\\PC", 0..30)) {
            let _ = read(&pieces.concat());
        }
    }
}
