//! Fetches a customer's `media_url`, after its message was accepted. Called by the device loops.

use std::sync::atomic::AtomicBool;

use super::kind::MediaKind;
use super::page::{self, Told};
use super::{File, name};
use crate::clock::{Clock, Millis};
use crate::egress::{Answer, Egress, EgressError};
use crate::limits;
use crate::memory::Reservation;

/// Why a file could not be had, in words for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    /// Trying again later may help.
    #[error("{reason}")]
    Retry {
        reason: String,
        /// How long the server wants to be left alone, where it says so.
        wait_ms: Option<Millis>,
        /// Whether it was the server's answer: an error, or a part only.
        has_answered: bool,
    },
    #[error("{0}")]
    Never(String),
    /// It was downloaded, and could not be kept now: no fault of the server's.
    #[error("{0}")]
    Unkept(String),
}

/// What is wanted: the file at `url`, what the customer calls it, if they do, and as what it is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub url: &'a str,
    pub file_name: Option<&'a str>,
    pub asked: Option<MediaKind>,
}

/// Fetches a file. `is_answering` is set when its server begins to answer.
///
/// # Errors
/// [`FetchFault`] by whether trying again can help.
pub async fn fetch(
    egress: &Egress,
    clock: &Clock,
    wanted: Wanted<'_>,
    memory: Reservation,
    is_answering: &AtomicBool,
) -> Result<File, FetchFault> {
    let Wanted { url, file_name, asked } = wanted;
    let limit_bytes = limits::DOCUMENT_BYTES_MAX;
    let answer = egress.download(url, limit_bytes, clock, memory, is_answering).await.map_err(|error| {
        let reason = format!("media_url {error}");
        match error {
            EgressError::NoMemory(no_memory) => FetchFault::Unkept(no_memory.to_string()),
            EgressError::Refused(_) | EgressError::TooLarge { .. } => FetchFault::Never(reason),
            EgressError::Unreachable
            | EgressError::Untrusted(_)
            | EgressError::TimedOut
            | EgressError::BrokenOff
            | EgressError::TooSlow => FetchFault::Retry { reason, wait_ms: None, has_answered: false },
        }
    })?;
    check_status(answer.status, wait_told(&answer, clock.now()))?;
    check_coding(&answer)?;
    if answer.body.is_empty() {
        return Err(FetchFault::Never("media_url answered an empty file".into()));
    }
    let (told, in_address) = (name_told(&answer), name_in(url));
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    let other_names = [in_address.as_deref(), told.as_deref()];
    page::check(&answer.body, Told { asked, file_name, other_names, content_type })
        .map_err(|no_file| FetchFault::Never(no_file.to_string()))?;
    let file_name = file_name.map(str::to_owned).or(told).or(in_address);
    Ok(File::new(answer.body, file_name))
}

/// Names a server by its host and port.
pub fn host(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    let named = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    named.map(|(host, port)| format!("{host}:{port}")).unwrap_or_default()
}

/// What a `Retry-After` header says (RFC 9110, section 10.2.3): seconds, or a date.
fn wait_told(answer: &Answer, now: Millis) -> Option<Millis> {
    let header = answer.headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Millis::from(seconds) * 1_000);
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?;
    Some((date.timestamp().as_millisecond() - now).max(0))
}

/// Whether a body is the file as it is: no compression was asked for.
fn check_coding(answer: &Answer) -> Result<(), FetchFault> {
    let mut codings = answer.headers.get_all("content-encoding").iter().filter_map(|value| value.to_str().ok());
    match codings
        .find(|coding| !["", "identity", "none", "utf-8"].contains(&coding.trim().to_ascii_lowercase().as_str()))
    {
        Some(coding) => Err(FetchFault::Never(format!(
            "media_url answered a body in the content encoding '{coding}', which was not asked for; have the server send the file as it is"
        ))),
        None => Ok(()),
    }
}

fn check_status(status: u16, wait_ms: Option<Millis>) -> Result<(), FetchFault> {
    match status {
        206 => Err(FetchFault::Retry {
            reason: "media_url answered a part of the file (206)".into(),
            wait_ms,
            has_answered: true,
        }),
        200..=299 => Ok(()),
        300..=399 => {
            Err(FetchFault::Never(format!("media_url answered a redirect ({status}); give the final address")))
        }
        408 | 425 | 429 | 500..=599 => {
            Err(FetchFault::Retry { reason: format!("media_url answered {status}"), wait_ms, has_answered: true })
        }
        _ => Err(FetchFault::Never(format!("media_url answered {status}"))),
    }
}

/// The name in a `Content-Disposition` header (RFC 6266).
fn name_told(answer: &Answer) -> Option<String> {
    let header = answer.headers.get("content-disposition")?.to_str().ok()?;
    let parameter = |name: &str| {
        header.split(';').map(str::trim).find_map(|part| part.strip_prefix(name)?.trim_start().strip_prefix('='))
    };
    let name = match parameter("filename*").and_then(|value| value.trim().split_once("''")) {
        Some((_, encoded)) => percent_decoded(encoded),
        None => parameter("filename")?.trim().trim_matches('"').to_owned(),
    };
    name::clean(&name)
}

/// The last part of an address' path.
pub fn name_in(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    name::clean(&percent_decoded(url.path_segments()?.next_back()?))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_status_says_whether_trying_again_can_help() {
        assert_eq!(check_status(200, None), Ok(()));
        for status in [206, 408, 425, 429, 500, 503] {
            assert!(matches!(check_status(status, None), Err(FetchFault::Retry { .. })), "{status}");
        }
        for status in [301, 302, 400, 401, 403, 404, 410] {
            assert!(matches!(check_status(status, None), Err(FetchFault::Never(_))), "{status}");
        }
    }

    #[test]
    fn a_compressed_body_is_not_the_file() {
        let checked = |value: &str| {
            let mut headers = reqwest_headers();
            headers.insert("content-encoding", value.parse().unwrap());
            check_coding(&Answer { status: 200, headers, body: Bytes::new() })
        };
        for value in ["gzip", "br", "x-gzip", "gzip, identity"] {
            assert!(matches!(checked(value), Err(FetchFault::Never(why)) if why.contains(&format!("'{value}'"))));
        }
        for value in ["identity", "", " Identity ", "utf-8", "none"] {
            assert_eq!(checked(value), Ok(()), "{value:?}");
        }
    }

    #[test]
    fn a_server_says_when_it_wants_to_be_asked_again() {
        let told = |value: &str| {
            let mut headers = reqwest_headers();
            headers.insert("retry-after", value.parse().unwrap());
            wait_told(&Answer { status: 429, headers, body: Bytes::new() }, 1_790_000_000_000)
        };
        assert_eq!(told("120"), Some(120_000));
        // 2026-09-21 14:13:20 is now.
        assert_eq!(told("Mon, 21 Sep 2026 14:15:20 GMT"), Some(120_000));
        assert_eq!(told("Mon, 21 Sep 2026 14:00:00 GMT"), Some(0));
        assert_eq!((told("soon"), told("-5"), told("")), (None, None, None));
        assert_eq!(
            (host("HTTP://A.example/x"), host("https://a.example:8443/")),
            ("a.example:80".into(), "a.example:8443".into())
        );
    }

    #[test]
    fn a_files_name_is_the_one_told_or_the_end_of_its_address() {
        let told = |value: &str| {
            let mut headers = reqwest_headers();
            headers.insert("content-disposition", value.parse().unwrap());
            name_told(&Answer { status: 200, headers, body: Bytes::new() })
        };
        assert_eq!(told("attachment; filename=\"in voice.pdf\"").as_deref(), Some("in voice.pdf"));
        assert_eq!(told("attachment; filename=a.pdf; filename*=UTF-8''f%C3%A9.pdf").as_deref(), Some("fé.pdf"));
        assert_eq!(told("attachment; filename=../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(told("inline"), None);
        assert_eq!(name_in("https://a.example/x/y%20z.png?q=1").as_deref(), Some("y z.png"));
        assert_eq!(name_in("https://a.example/"), None);
        assert_eq!(name_in("https://a.example/%2e%2e"), None);
        assert_eq!(name_in("https://a.example/100%"), Some("100%".into()));
    }

    fn reqwest_headers() -> axum::http::HeaderMap {
        axum::http::HeaderMap::new()
    }
}
