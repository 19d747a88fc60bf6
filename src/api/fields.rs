//! What a body may hold. The original API was FastAPI with pydantic v1; clients read its faults, so this finds every
//! fault and says each as that did: the same `loc`, `msg` and `type`.

use bytes::Bytes;
use serde_json::Value;

use super::form::{Checked, Form};
use super::json::Json;
use super::problem::Problem;
use super::{media_url, python, upload};
use crate::customer_url::check_password;
use crate::escapes;
use crate::limits;
use crate::media::choice::Mismatch;
use crate::media::kind::MediaKind;
use crate::media::name;
use crate::message::{Priority, Unavailable};
use crate::phone::{self, Addressee, BadDestination, Dialling, Recipient};

#[rustfmt::skip]
const MESSAGE_FIELDS: [&str; 11] = [
    "sender", "queue", "timeout", "is_group", "destination", "priority", "tag", "message", "send_at", "reply_to", "mentions",
];
#[rustfmt::skip]
const MEDIA_FIELDS: [&str; 15] = [
    "sender", "queue", "timeout", "is_group", "destination", "priority", "tag", "caption", "media_url", "media_base64", "file_name", "kind",
    "send_at", "reply_to", "mentions",
];

/// One fault, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub loc: Vec<Value>,
    pub msg: String,
    pub kind: &'static str,
    /// A number that no plan allows, but that may be of somebody who has written to the client.
    pub number: Option<String>,
}

impl Fault {
    pub fn at<const N: usize>(loc: [Value; N], msg: impl Into<String>, kind: &'static str) -> Self {
        Self { loc: loc.into(), msg: msg.into(), kind, number: None }
    }

    /// A value of a field of the body that cannot be used.
    pub fn value(name: &str, msg: impl Into<String>) -> Self {
        Self::at(["body".into(), name.into()], msg, "value_error")
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
    pub priority: Priority,
    pub tag: Option<String>,
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
    pub priority: Priority,
    pub tag: Option<String>,
    pub caption: Option<String>,
    pub source: Source,
    pub file_name: Option<String>,
    /// How it is to be shown; the file and the caption decide where it is left out.
    pub kind: Option<MediaKind>,
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
/// 422 with every fault; 400 when it is not UTF-8, nests too deep or holds an integer of thousands of digits.
pub fn message<'a>(body: &[u8], dialling: impl Into<Dialling<'a>>) -> Result<MessageParams, Problem> {
    let mut form = Form::read(body, &MESSAGE_FIELDS)?;
    let (sender, queue) = (form.gateway("sender"), form.gateway("queue"));
    let (timeout_seconds, is_group) = (form.timeout(), form.is_group());
    let recipient = form.destination(is_group, dialling.into());
    let (priority, tag) = (form.priority(), form.tag());
    let message = form.message();
    let available = form.available();
    let params = || -> Checked<MessageParams> {
        let recipient = recipient?;
        available?;
        Ok(MessageParams {
            sender: sender?,
            queue: queue?,
            timeout_seconds: timeout_seconds?,
            is_group: recipient.is_group(),
            destination: recipient.into_id(),
            priority: priority?,
            tag: tag?,
            message: message?,
        })
    };
    form.finish(params())
}

/// Checks the body of `POST /media`.
///
/// # Errors
/// As [`message`].
pub fn media<'a>(body: &[u8], dialling: impl Into<Dialling<'a>>) -> Result<MediaParams, Problem> {
    let mut form = Form::read(body, &MEDIA_FIELDS)?;
    let (sender, queue) = (form.gateway("sender"), form.gateway("queue"));
    let (timeout_seconds, is_group) = (form.timeout(), form.is_group());
    let recipient = form.destination(is_group, dialling.into());
    let (priority, tag) = (form.priority(), form.tag());
    let caption = form.caption();
    let (url, bytes) = (form.media_url(), form.media_base64());
    let file_name = form.file_name(&bytes);
    let kind = form.kind(&caption);
    let source = form.source(url, bytes);
    let available = form.available();
    let params = || -> Checked<MediaParams> {
        let recipient = recipient?;
        available?;
        Ok(MediaParams {
            sender: sender?,
            queue: queue?,
            timeout_seconds: timeout_seconds?,
            is_group: recipient.is_group(),
            destination: recipient.into_id(),
            priority: priority?,
            tag: tag?,
            caption: caption?,
            source: source?,
            file_name: file_name?,
            kind: kind?,
        })
    };
    form.finish(params())
}

/// That a body which needs no fields asks for nothing that is not available.
///
/// # Errors
/// 422 with every fault.
pub fn available(body: &[u8]) -> Result<(), Problem> {
    // What cannot be read asks for nothing.
    let Ok(mut form) = Form::read(body, &Unavailable::ALL.map(Unavailable::name)) else { return Ok(()) };
    let available = form.available();
    form.finish(available)
}

/// Each field's rules. Fields are asked for in the order of the documentation, which is that of the faults.
impl Form<'_> {
    /// A gateway's number or device id; what is empty after trimming counts as absent.
    fn gateway(&mut self, name: &'static str) -> Checked<Option<String>> {
        let text = self.optional(name)?;
        Ok(text.map(|text| python::strip(&text).to_owned()).filter(|text| !text.is_empty()))
    }

    fn timeout(&mut self) -> Checked<i64> {
        let seconds = match self.take("timeout") {
            Json::Null => Some(limits::TIMEOUT_SECONDS_DEFAULT),
            Json::Number(number) => python::whole(number),
            Json::String(text) => python::integer(&text),
            Json::Bool(value) => Some(value.into()),
            Json::Array { .. } | Json::Object => None,
        };
        let most = limits::TIMEOUT_SECONDS_MAX;
        let (msg, kind) = match seconds {
            None => ("value is not a valid integer".to_owned(), "type_error.integer"),
            Some(..1) => ("ensure this value is greater than or equal to 1".to_owned(), "value_error.number.not_ge"),
            Some(seconds) if seconds > most => {
                (format!("ensure this value is less than or equal to {most}"), "value_error.number.not_le")
            }
            Some(seconds) => return Ok(seconds),
        };
        self.refuse("timeout", msg, kind)
    }

    fn is_group(&mut self) -> Checked<bool> {
        let word = match self.take("is_group") {
            Json::Null => return Ok(false),
            Json::Bool(value) => return Ok(value),
            Json::String(text) => text.to_lowercase(),
            Json::Number(number) => match python::float(number) {
                1.0 => return Ok(true),
                0.0 => return Ok(false),
                _ => String::new(),
            },
            Json::Array { .. } | Json::Object => String::new(),
        };
        match word.as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Ok(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Ok(false),
            _ => self.refuse("is_group", "value could not be parsed to a boolean", "type_error.bool"),
        }
    }

    /// Which of both it should be is not known where `is_group` is not.
    fn destination(&mut self, is_group: Checked<bool>, dialling: Dialling<'_>) -> Checked<Recipient> {
        let is_number = self.is_number("destination");
        let text = self.required_as_written("destination")?;
        let addressee = if is_group? { Addressee::Group } else { Addressee::ByItsForm };
        if is_number && addressee == Addressee::Group && phone::is_rounded_float(&text) {
            return self.refuse(
                "destination",
                BadDestination::RoundedFloat(text.into_owned()).to_string(),
                "value_error",
            );
        }
        phone::parse_recipient(&text, addressee, dialling)
            .or_else(|bad| self.refuse_number("destination", bad.to_string(), bad.digits().map(str::to_owned)))
    }

    fn message(&mut self) -> Checked<String> {
        let text = self.required("message")?;
        let message = self.decoded("message", &text)?;
        if message.is_empty() { self.refuse_empty("message") } else { Ok(message) }
    }

    fn caption(&mut self) -> Checked<Option<String>> {
        match self.optional("caption")? {
            Some(text) => Ok(Some(self.decoded("caption", &text)?).filter(|caption| !escapes::is_blank(caption))),
            None => Ok(None),
        }
    }

    /// A text for people, its escapes decoded.
    fn decoded(&mut self, name: &'static str, text: &str) -> Checked<String> {
        let decoded = escapes::decode(text);
        self.at_most(name, &decoded, limits::TEXT_CHARS_MAX)?;
        Ok(decoded.into_owned())
    }

    fn media_url(&mut self) -> Checked<Option<String>> {
        let Some(text) = self.optional("media_url")? else { return Ok(None) };
        let url = python::strip(&text);
        if url.is_empty() {
            return self.refuse_empty("media_url");
        }
        self.at_most("media_url", url, limits::URL_CHARS_MAX)?;
        match media_url::check(url) {
            Ok(()) => match check_password(url) {
                Ok(()) => Ok(Some(url.to_owned())),
                Err(masked) => self.refuse("media_url", format!("media_url {masked}"), "value_error"),
            },
            Err(bad) => self.refuse("media_url", bad.to_string(), bad.kind()),
        }
    }

    /// What is blank counts as absent.
    fn media_base64(&mut self) -> Checked<Option<Bytes>> {
        let text = self.optional("media_base64")?.filter(|text| !python::strip(text).is_empty());
        let Some(text) = text else { return Ok(None) };
        match upload::decode(text) {
            Some(bytes) if bytes.is_empty() => {
                self.refuse("media_base64", "the file is empty; encode the whole file", "value_error")
            }
            Some(bytes) => Ok(Some(Bytes::from(bytes))),
            None => {
                let msg = "this is not base64; encode the whole file, with or without a data:…;base64, prefix";
                self.refuse("media_base64", msg, "value_error")
            }
        }
    }

    /// Needed with `media_base64`. What names no file, such as `/`, is no name.
    fn file_name(&mut self, bytes: &Checked<Option<Bytes>>) -> Checked<Option<String>> {
        let given = self.optional("file_name")?;
        let name = given.as_deref().and_then(name::clean);
        match (&given, &name, bytes) {
            (None, _, Ok(Some(_))) => self.refuse("file_name", "field required", "value_error.missing"),
            (Some(_), None, Ok(Some(_))) => {
                let msg = "this names no file; a file in media_base64 needs a name, such as photo.jpg";
                self.refuse("file_name", msg, "value_error")
            }
            _ => Ok(name),
        }
    }

    /// One of a fixed list, and none that would lose the caption.
    fn kind(&mut self, caption: &Checked<Option<String>>) -> Checked<Option<MediaKind>> {
        let named = match self.take("kind") {
            Json::Null => return Ok(None),
            Json::String(name) => MediaKind::from_name(&name),
            Json::Bool(_) | Json::Number(_) | Json::Array { .. } | Json::Object => None,
        };
        let Some(kind) = named else {
            let permitted: Vec<String> = MediaKind::ALL.iter().map(|kind| format!("'{}'", kind.name())).collect();
            let msg = format!("value is not a valid enumeration member; permitted: {}", permitted.join(", "));
            return self.refuse("kind", msg, "type_error.enum");
        };
        match caption {
            Ok(Some(_)) if !kind.shows_caption() => {
                self.refuse("kind", Mismatch::Caption { kind }.to_string(), "value_error")
            }
            _ => Ok(Some(kind)),
        }
    }

    /// That nothing is asked for which a message would leave without. What is empty asks for nothing.
    fn available(&mut self) -> Checked<()> {
        let mut all = Ok(());
        for one in Unavailable::ALL {
            let is_empty = match self.take(one.name()) {
                Json::Null => true,
                Json::String(text) => python::strip(&text).is_empty(),
                Json::Array { is_empty } => is_empty,
                Json::Bool(_) | Json::Number(_) | Json::Object => false,
            };
            if !is_empty {
                all = self.refuse(one.name(), one.why(), "value_error");
            }
        }
        all
    }

    fn source(&mut self, url: Checked<Option<String>>, bytes: Checked<Option<Bytes>>) -> Checked<Source> {
        let msg = match (url?, bytes?) {
            (Some(url), None) => return Ok(Source::Url(url)),
            (None, Some(bytes)) => return Ok(Source::Bytes(bytes)),
            (Some(_), Some(_)) => "give media_url or media_base64, not both",
            (None, None) => "give media_url or media_base64: one of them is required",
        };
        self.refuse("__root__", msg, "value_error")
    }
}

#[cfg(test)]
mod tests;
