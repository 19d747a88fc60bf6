//! What a body may hold. The original API was FastAPI with pydantic v1; clients read its faults, so this finds every
//! fault and says each as that did: the same `loc`, `msg` and `type`.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::Value;

use super::json::{self, BadJson, Json};
use super::problem::Problem;
use super::text;
use crate::limits;
use crate::phone;

/// One fault, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub loc: Vec<Value>,
    pub msg: String,
    pub kind: &'static str,
}

impl Fault {
    pub fn at<const N: usize>(loc: [Value; N], msg: impl Into<String>, kind: &'static str) -> Self {
        Self { loc: loc.into(), msg: msg.into(), kind }
    }

    /// A value of a field of the body that cannot be used.
    pub fn value(name: &str, msg: impl Into<String>) -> Self {
        Self::field(name, msg, "value_error")
    }

    fn field(name: &str, msg: impl Into<String>, kind: &'static str) -> Self {
        Self::at(["body".into(), name.into()], msg, kind)
    }

    fn body(msg: &str, kind: &'static str) -> Self {
        Self::at(["body".into()], msg, kind)
    }

    fn missing(name: &str) -> Self {
        Self::field(name, "field required", "value_error.missing")
    }

    fn too_long(name: &str, most: usize) -> Self {
        Self::field(name, format!("ensure this value has at most {most} characters"), "value_error.any_str.max_length")
    }
}

/// A text message that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageParams {
    pub sender: Option<String>,
    pub queue: Option<String>,
    pub timeout_seconds: i64,
    pub is_group: bool,
    /// Digits, or a group's id.
    pub destination: String,
    /// With its escapes decoded.
    pub message: String,
}

/// A media message that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaParams {
    pub sender: Option<String>,
    pub queue: Option<String>,
    pub timeout_seconds: i64,
    pub is_group: bool,
    pub destination: String,
    pub caption: Option<String>,
    pub source: Source,
    pub file_name: Option<String>,
}

/// Where a media message's file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Url(String),
    Bytes(Bytes),
}

/// Checks the body of `POST /message`.
///
/// # Errors
/// 422 with every fault; 400 when it is not UTF-8 or nests too deep.
pub fn message(body: &[u8], country_code: &str) -> Result<MessageParams, Problem> {
    let mut form = Form::read(body)?;
    let (sender, queue) = (form.name("sender"), form.name("queue"));
    let (timeout_seconds, is_group) = (form.timeout(), form.is_group());
    let destination = form.destination(is_group, country_code);
    let message = form.required("message").and_then(|text| form.text("message", &text));
    if let Some("") = message.as_deref() {
        let msg = "ensure this value has at least 1 characters";
        form.faults.push(Fault::field("message", msg, "value_error.any_str.min_length"));
    }
    match (destination, message) {
        (Some(destination), Some(message)) if form.faults.is_empty() => {
            Ok(MessageParams { sender, queue, timeout_seconds, is_group, destination, message })
        }
        _ => Err(Problem::Invalid(form.faults)),
    }
}

/// Checks the body of `POST /media`.
///
/// # Errors
/// 422 with every fault; 400 when it is not UTF-8 or nests too deep.
pub fn media(body: &[u8], country_code: &str) -> Result<MediaParams, Problem> {
    let mut form = Form::read(body)?;
    let (sender, queue) = (form.name("sender"), form.name("queue"));
    let (timeout_seconds, is_group) = (form.timeout(), form.is_group());
    let destination = form.destination(is_group, country_code);
    let caption = form.optional("caption").and_then(|caption| form.text("caption", &caption)).filter(|c| !c.is_empty());
    let faults_before = form.faults.len();
    let url = form.optional("media_url").map(|url| url.trim().to_owned()).filter(|url| !url.is_empty());
    let base64 = form.optional("media_base64").filter(|text| !text.trim().is_empty());
    let file_name = form.optional("file_name").map(|name| file_name(&name)).filter(|name| !name.is_empty());
    let source = match (url, base64) {
        (Some(url), None) => form.url(url).map(Source::Url),
        (None, Some(text)) => {
            let bytes = form.bytes(&text);
            if file_name.is_none() && form.faults.len() == faults_before {
                form.faults.push(Fault::missing("file_name"));
            }
            bytes.map(Source::Bytes)
        }
        (url, _) => {
            if form.faults.len() == faults_before {
                let both = "give media_url or media_base64, not both";
                let none = "give media_url or media_base64: one of them is required";
                let msg = if url.is_some() { both } else { none };
                form.faults.push(Fault::field("__root__", msg, "value_error"));
            }
            None
        }
    };
    match (destination, source) {
        (Some(destination), Some(source)) if form.faults.is_empty() => {
            Ok(MediaParams { sender, queue, timeout_seconds, is_group, destination, caption, source, file_name })
        }
        _ => Err(Problem::Invalid(form.faults)),
    }
}

/// A body's fields, and the faults found in them so far.
struct Form<'a> {
    fields: Vec<(Cow<'a, str>, Json<'a>)>,
    faults: Vec<Fault>,
}

impl<'a> Form<'a> {
    fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Problem::BadRequest("the body is not UTF-8; send JSON in UTF-8".into()))?;
        if text.is_empty() {
            return Err(Problem::Invalid(vec![Fault::body("field required", "value_error.missing")]));
        }
        match json::parse(text) {
            Ok(Json::Object(fields)) => Ok(Self { fields, faults: Vec::new() }),
            Ok(Json::Null) => Err(Problem::Invalid(vec![Fault::body("field required", "value_error.missing")])),
            Ok(_) => Err(Problem::Invalid(vec![Fault::body("value is not a valid dict", "type_error.dict")])),
            Err(BadJson::TooDeep) => Err(Problem::BadRequest(format!(
                "the body nests deeper than {} levels, or has more than {} fields",
                limits::JSON_DEPTH_MAX,
                limits::JSON_FIELDS_MAX
            ))),
            Err(BadJson::Syntax { message, position, line, column }) => {
                let msg = format!("{message}: line {line} column {column} (char {position})");
                Err(Problem::Invalid(vec![Fault::at(["body".into(), position.into()], msg, "value_error.jsondecode")]))
            }
        }
    }

    fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.swap_remove(at).1)
    }

    /// A string that must be there.
    fn required(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        match self.take(name) {
            None => self.faults.push(Fault::missing(name)),
            Some(Json::Null) => {
                self.faults.push(Fault::field(name, "none is not an allowed value", "type_error.none.not_allowed"));
            }
            Some(value) => return self.string(name, value),
        }
        None
    }

    /// A string that may be absent or null.
    fn optional(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        match self.take(name) {
            None | Some(Json::Null) => None,
            Some(value) => self.string(name, value),
        }
    }

    /// A name of a gateway; what is empty after trimming counts as absent.
    fn name(&mut self, name: &'static str) -> Option<String> {
        let text = self.optional(name)?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn string(&mut self, name: &'static str, value: Json<'a>) -> Option<Cow<'a, str>> {
        match value {
            Json::String(text) => Some(without_nul(text)),
            Json::Number(text) => Some(python_number(text)),
            Json::Bool(true) => Some(Cow::Borrowed("True")),
            Json::Bool(false) => Some(Cow::Borrowed("False")),
            Json::Null | Json::Array | Json::Object(_) => {
                self.faults.push(Fault::field(name, "str type expected", "type_error.str"));
                None
            }
        }
    }

    /// A text for people, its escapes decoded.
    fn text(&mut self, name: &'static str, raw: &str) -> Option<String> {
        let decoded = text::decode(raw);
        if decoded.len() > limits::TEXT_CHARS_MAX && decoded.chars().count() > limits::TEXT_CHARS_MAX {
            self.faults.push(Fault::too_long(name, limits::TEXT_CHARS_MAX));
            return None;
        }
        Some(decoded.into_owned())
    }

    fn timeout(&mut self) -> i64 {
        let parsed = match self.take("timeout") {
            None | Some(Json::Null) => return limits::TIMEOUT_SECONDS_DEFAULT,
            Some(Json::Number(text)) => whole(text),
            Some(Json::String(text)) => integer(&text),
            Some(Json::Bool(value)) => Some(i64::from(value)),
            Some(Json::Array | Json::Object(_)) => None,
        };
        let most = limits::TIMEOUT_SECONDS_MAX;
        let (msg, kind) = match parsed {
            None => ("value is not a valid integer".to_owned(), "type_error.integer"),
            Some(value) if value < 1 => {
                ("ensure this value is greater than or equal to 1".to_owned(), "value_error.number.not_ge")
            }
            Some(value) if value > most => {
                (format!("ensure this value is less than or equal to {most}"), "value_error.number.not_le")
            }
            Some(value) => return value,
        };
        self.faults.push(Fault::field("timeout", msg, kind));
        limits::TIMEOUT_SECONDS_DEFAULT
    }

    fn is_group(&mut self) -> bool {
        let word = match self.take("is_group") {
            None | Some(Json::Null) => return false,
            Some(Json::Bool(value)) => return value,
            Some(Json::String(text)) => text.to_lowercase(),
            Some(Json::Number(text)) => match text.parse::<f64>() {
                Ok(1.0) => "1".into(),
                Ok(0.0) => "0".into(),
                _ => String::new(),
            },
            Some(Json::Array | Json::Object(_)) => String::new(),
        };
        match word.as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => true,
            "0" | "off" | "f" | "false" | "n" | "no" => false,
            _ => {
                self.faults.push(Fault::field("is_group", "value could not be parsed to a boolean", "type_error.bool"));
                false
            }
        }
    }

    fn destination(&mut self, is_group: bool, country_code: &str) -> Option<String> {
        let text = self.required("destination")?;
        let parsed = if is_group { phone::parse_group(&text) } else { phone::parse_destination(&text, country_code) };
        parsed.map_err(|bad| self.faults.push(Fault::value("destination", bad.to_string()))).ok()
    }

    fn url(&mut self, text: String) -> Option<String> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let (msg, kind) = match scheme.as_deref() {
            None => ("invalid or missing URL scheme", "value_error.url.scheme"),
            Some("http" | "https") => match url::Url::parse(&text) {
                _ if text.chars().count() > limits::URL_CHARS_MAX => {
                    self.faults.push(Fault::too_long("media_url", limits::URL_CHARS_MAX));
                    return None;
                }
                Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => return Some(text),
                Err(url::ParseError::InvalidPort) => {
                    ("URL port invalid, port cannot exceed 65535", "value_error.url.port")
                }
                _ => ("URL host invalid", "value_error.url.host"),
            },
            Some(_) => ("URL scheme not permitted", "value_error.url.scheme"),
        };
        self.faults.push(Fault::field("media_url", msg, kind));
        None
    }

    fn bytes(&mut self, text: &str) -> Option<Bytes> {
        let decoded = decode_base64(text).filter(|bytes| !bytes.is_empty());
        if decoded.is_none() {
            let msg = "media_base64 is not base64; encode the whole file, with or without a data:…;base64, prefix";
            self.faults.push(Fault::value("media_base64", msg));
        }
        decoded.map(Bytes::from)
    }
}

fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

/// Standard or URL-safe, padded or not, line breaks and a `data:` prefix allowed.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    let text = text.trim();
    let text = match text.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("data:") => text.split_once(";base64,")?.1,
        _ => text,
    };
    let text = if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        Cow::Owned(text.split_ascii_whitespace().collect::<String>())
    } else {
        Cow::Borrowed(text)
    };
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(text.as_bytes()).ok()
}

/// A file's name without a path and without what no file system takes.
fn file_name(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(limits::FILE_NAME_CHARS_MAX).collect();
    let clean = clean.trim();
    if clean.chars().all(|c| c == '.') { String::new() } else { clean.to_owned() }
}

/// `int(text)` of Python, within what a timeout could be.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let separated = digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !separated {
        return None;
    }
    let value = digits.replace('_', "").parse::<i64>().unwrap_or(i64::MAX);
    Some(if text.starts_with('-') { -value } else { value })
}

/// `int(number)` of Python: cut to whole.
fn whole(text: &str) -> Option<i64> {
    if let Some(value) = integer(text) {
        return Some(value);
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    #[allow(clippy::cast_possible_truncation, reason = "cut to whole, and to the ends of i64")]
    Some(value.trunc() as i64)
}

/// `str(number)` of Python: a whole number as it stands, any other in the shortest form that names it.
fn python_number(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Cow::Borrowed(if text == "-0" { "0" } else { text });
    }
    let value = match text {
        "NaN" => return Cow::Borrowed("nan"),
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => text.parse::<f64>().unwrap_or(f64::NAN),
    };
    if value.is_infinite() {
        return Cow::Borrowed(if value > 0.0 { "inf" } else { "-inf" });
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return Cow::Owned(scientific) };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    Cow::Owned(if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    })
}
