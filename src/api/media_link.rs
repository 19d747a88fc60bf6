//! `GET /media/{token}`: a file from the shelf, to whoever has its link, until the link expires. Whole, or the part that a
//! player of sound or video asks for (RFC 9110, section 14).

use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::Api;
use super::answer::Format;
use super::named::Named;
use super::problem::Problem;
use crate::clock::{self, Millis};
use crate::limits;
use crate::media::name;
use crate::media::range::{Asked, asked};
use crate::store::StoredMedia;

const DAY_MS: i64 = 86_400_000;

impl Api {
    /// A link to a file on the shelf. The same all day long, so that an answer that is asked for again does not change.
    pub fn media_link(&self, media_id: &str) -> String {
        let days = limits::MEDIA_LINK_HOURS / 24;
        let expires_at = (clock::day(self.clock.now()) + 1 + days) * DAY_MS;
        format!("{}/media/{}", self.public_url, self.links.link_token(media_id, expires_at))
    }
}

/// Serves a file. Whatever it is, a browser saves it instead of running it.
pub async fn show(State(api): State<Api>, method: Method, headers: HeaderMap, Named(token): Named<String>) -> Response {
    match answer(&api, &method, &headers, &token).await {
        Ok(response) => response,
        Err(problem) => problem.response(Format::of(&headers)),
    }
}

async fn answer(api: &Api, method: &Method, headers: &HeaderMap, token: &str) -> Result<Response, Problem> {
    let id = api.links.verify(token, api.clock.now()).map_err(|_| {
        Problem::NotFound("file behind this link, or the link has expired; ask for the message again to get a new one")
    })?;
    let media = api.files.look(&id).await?;
    let (length, stamp) = (u64::try_from(media.bytes).unwrap_or(0), Stamp::of(&media));
    if stamp.is_known(headers) {
        return Ok(response(StatusCode::NOT_MODIFIED, &media, &stamp, Body::empty()));
    }
    // Parts are for GET alone.
    let range = text(headers, &header::RANGE).filter(|_| method == Method::GET && stamp.may_be_part(headers));
    let (status, part) = match range.map_or(Asked::Whole, |range| asked(range, length)) {
        Asked::Whole => (StatusCode::OK, 0..length),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Beyond => return Err(Problem::NoSuchPart { file_bytes: length }),
    };
    let body = match *method {
        Method::HEAD if api.files.is_kept(&id).await? => Body::empty(),
        Method::HEAD => return Err(Problem::NotFound("such file any more")),
        _ => {
            let pieces = api.files.read(&media, part.clone()).await?;
            // The answer has begun: the connection is cut, and only the log can say why.
            Body::from_stream(pieces.inspect_err(|error| tracing::warn!(%error, "a file could not be read to its end")))
        }
    };
    let mut response = response(status, &media, &stamp, body);
    tell_part(response.headers_mut(), status, part, length);
    Ok(response)
}

/// What tells one file from another: it never changes, and neither does its id.
struct Stamp {
    tag: String,
    kept_at: Timestamp,
}

impl Stamp {
    fn of(media: &StoredMedia) -> Self {
        Self { tag: format!("\"{}\"", media.id), kept_at: second(media.created_at) }
    }

    fn modified(&self) -> Option<String> {
        DateTimePrinter::new().timestamp_to_rfc9110_string(&self.kept_at).ok()
    }

    /// Whether the asker has the file already (RFC 9110, section 13.1: a tag is asked before a date).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if let Some(tags) = text(headers, &header::IF_NONE_MATCH) {
            return tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.tag);
        }
        let since = text(headers, &header::IF_MODIFIED_SINCE);
        let since = since.and_then(|since| DateTimeParser::new().parse_timestamp(since).ok());
        since.is_some_and(|since| self.kept_at <= since)
    }

    /// Whether a part would be one of the file that the asker has parts of already.
    fn may_be_part(&self, headers: &HeaderMap) -> bool {
        let wanted = headers.get(header::IF_RANGE).map(|wanted| wanted.to_str().unwrap_or_default().trim());
        wanted.is_none_or(|wanted| wanted == self.tag || self.modified().is_some_and(|date| date == wanted))
    }
}

/// HTTP's dates have no milliseconds.
fn second(at: Millis) -> Timestamp {
    Timestamp::from_second(at.div_euclid(1_000)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The text of a header that stands there once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?.to_str().ok()?;
    lines.next().is_none().then_some(first)
}

fn response(status: StatusCode, media: &StoredMedia, stamp: &Stamp, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mime = HeaderValue::from_str(&media.mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, mime);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    put(headers, header::ETAG, &stamp.tag);
    put(headers, header::LAST_MODIFIED, &stamp.modified().unwrap_or_default());
    let inline = media.mime.starts_with("image/") && media.mime != "image/svg+xml";
    let kind = if inline { "inline" } else { "attachment" };
    let disposition = name::disposition(kind, media.file_name.as_deref().unwrap_or("file"));
    put(headers, header::CONTENT_DISPOSITION, &disposition);
    response
}

fn tell_part(headers: &mut HeaderMap, status: StatusCode, part: Range<u64>, length: u64) {
    headers.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        put(headers, header::CONTENT_RANGE, &format!("bytes {}-{}/{length}", part.start, part.end - 1));
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp { tag: "\"a1\"".into(), kept_at: second(1_790_000_000_999) }
    }

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_file_that_the_asker_has_is_not_sent_again() {
        let date = "Mon, 21 Sep 2026 14:13:20 GMT";
        assert_eq!(stamp().modified().as_deref(), Some(date));
        for known in ["\"a1\"", "W/\"a1\"", "\"b2\" , \"a1\"", "*"] {
            assert!(stamp().is_known(&with(header::IF_NONE_MATCH, known)), "{known}");
        }
        assert!(stamp().is_known(&with(header::IF_MODIFIED_SINCE, date)));
        assert!(stamp().is_known(&with(header::IF_MODIFIED_SINCE, "Tue, 22 Sep 2026 00:00:00 GMT")));
        for other in ["\"b2\"", "a1", ""] {
            assert!(!stamp().is_known(&with(header::IF_NONE_MATCH, other)), "{other}");
        }
        for other in ["Mon, 21 Sep 2026 14:13:19 GMT", "yesterday", ""] {
            assert!(!stamp().is_known(&with(header::IF_MODIFIED_SINCE, other)), "{other}");
        }
        // A tag says more than a date.
        let mut both = with(header::IF_NONE_MATCH, "\"b2\"");
        both.insert(header::IF_MODIFIED_SINCE, date.parse().unwrap());
        assert!(!stamp().is_known(&both) && !stamp().is_known(&HeaderMap::new()));
    }

    #[test]
    fn a_part_is_of_the_file_that_the_asker_means() {
        assert!(stamp().may_be_part(&HeaderMap::new()));
        for same in ["\"a1\"", "Mon, 21 Sep 2026 14:13:20 GMT"] {
            assert!(stamp().may_be_part(&with(header::IF_RANGE, same)), "{same}");
        }
        for other in ["W/\"a1\"", "\"b2\"", "Mon, 21 Sep 2026 14:13:19 GMT", "\"a1\", \"b2\"", "", "\u{e9}"] {
            assert!(!stamp().may_be_part(&with(header::IF_RANGE, other)), "{other}");
        }
    }
}
