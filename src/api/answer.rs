//! The envelope that every answer comes in, as JSON or as XML.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::problem::Problem;

/// What the asker wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    TextXml,
    ApplicationXml,
}

impl Format {
    /// By the `Accept` header's quality values (RFC 9110, section 12.5.1). XML must be asked for by name; `*/*` and
    /// everything else give JSON, and so does a tie in which JSON is named first.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut best = (Self::Json, 0);
        for accept in headers.get_all(header::ACCEPT) {
            for range in accept.to_str().unwrap_or_default().split(',') {
                let mut parts = range.split(';').map(str::trim);
                let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                    "text/xml" => Self::TextXml,
                    "application/xml" => Self::ApplicationXml,
                    "application/json" | "application/*" | "text/json" | "*/*" => Self::Json,
                    _ => continue,
                };
                let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
                if quality > best.1 {
                    best = (format, quality);
                }
            }
        }
        best.0
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::TextXml => "text/xml; charset=utf-8",
            Self::ApplicationXml => "application/xml; charset=utf-8",
        })
    }
}

/// A quality value in thousandths; what is none counts as 1.
pub(super) fn thousandths(quality: &str) -> u32 {
    quality.trim().parse::<f32>().map_or(1000, |quality| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let thousandths = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
        thousandths
    })
}

/// The envelope of a success.
#[derive(Serialize, ToSchema)]
pub struct Envelope<T> {
    #[schema(example = false)]
    pub error: bool,
    pub message: String,
    pub data: T,
}

#[derive(Serialize)]
struct BorrowedEnvelope<'a, T> {
    error: bool,
    message: &'a str,
    data: &'a T,
}

/// The envelope of a failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    #[schema(example = true)]
    pub error: bool,
    /// What is wrong, and what to do.
    pub message: String,
}

/// The envelope of a 422, with every fault that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationFailure {
    #[schema(example = true)]
    pub error: bool,
    pub message: String,
    pub detail: Vec<ValidationError>,
}

/// A name, or a position in a text.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "a description for the OpenAPI document")]
pub enum Location {
    Name(String),
    Position(u64),
}

/// One fault, as FastAPI with pydantic v1 describes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationError {
    /// Where it is: `body`, then the field or the position.
    #[schema(value_type = Vec<Location>)]
    pub loc: Vec<Value>,
    pub msg: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// Answers a success.
pub fn success<T: Serialize>(format: Format, status: StatusCode, message: &str, data: &T) -> Response {
    respond(format, status, &BorrowedEnvelope { error: false, message, data })
}

/// Answers a success with its status, message and data, or a problem.
pub fn from<T: Serialize>(format: Format, result: Result<(StatusCode, &str, T), Problem>) -> Response {
    match result {
        Ok((status, message, data)) => success(format, status, message, &data),
        Err(problem) => problem.response(format),
    }
}

/// Answers any envelope.
pub(super) fn respond<T: Serialize>(format: Format, status: StatusCode, envelope: &T) -> Response {
    let body = match format {
        Format::Json => serde_json::to_vec(envelope),
        Format::TextXml | Format::ApplicationXml => {
            serde_json::to_value(envelope).map(|value| xml(&value).into_bytes())
        }
    };
    let (status, body) = match body {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, format.content_type());
    response
}

/// A value as XML: an element a key, `<item>` for each of a list, an empty element for null.
fn xml(value: &Value) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    element(&mut text, "response", value);
    text
}

fn element(text: &mut String, name: &str, value: &Value) {
    text.push('<');
    text.push_str(name);
    text.push('>');
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| element(text, &element_name(key), value)),
        Value::Array(items) => items.iter().for_each(|item| element(text, "item", item)),
        Value::String(content) => escape(text, content),
        Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
    }
    text.push_str("</");
    text.push_str(name);
    text.push('>');
}

/// A key as the name of an element: what no name may hold becomes `_`.
fn element_name(key: &str) -> String {
    let mut name: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name
}

/// Text between tags. What XML 1.0 cannot hold (its production `Char`) becomes U+FFFD; a carriage return is written as a
/// reference, as readers would turn it into a line feed.
fn escape(text: &mut String, content: &str) {
    for c in content.chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '\r' => text.push_str("&#13;"),
            '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => text.push(c),
            _ => text.push('\u{fffd}'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        Format::of(&headers)
    }

    #[test]
    fn xml_is_given_only_to_who_prefers_it_by_name() {
        assert_eq!(Format::of(&HeaderMap::new()), Format::Json);
        for (accept, wanted) in [
            ("text/xml", Format::TextXml),
            ("application/xml", Format::ApplicationXml),
            ("*/*", Format::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::ApplicationXml),
            ("application/json, text/xml", Format::Json),
            ("application/json;q=0.5, text/xml;q=0.6", Format::TextXml),
            ("TEXT/XML; charset=utf-8; q=0.3, */*;q=0.1", Format::TextXml),
            ("text/xml;q=0", Format::Json),
            ("image/png", Format::Json),
            ("", Format::Json),
            (";;,,;q=x", Format::Json),
        ] {
            assert_eq!(format(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn xml_has_an_element_for_every_key_and_item() {
        let value = serde_json::json!({"error": false, "data": {"a": null, "b": [1, true], "1 c": "<&>\u{1}\r\n"}});
        let text = xml(&value);
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response>"), "{text}");
        for part in [
            "<error>false</error>",
            "<a></a>",
            "<b><item>1</item><item>true</item></b>",
            "<_1_c>&lt;&amp;&gt;\u{fffd}&#13;\n</_1_c>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let mut reader = quick_xml::Reader::from_str(&text);
        while reader.read_event().expect("well-formed") != quick_xml::events::Event::Eof {}
    }
}
