//! What a body may hold. The original API was FastAPI with pydantic v1; clients read its faults, so this finds every
//! fault and says each as that did: the same `loc`, `msg` and `type`.

use bytes::Bytes;
use serde_json::Value;

use super::form::{Checked, Form};
use super::json::Json;
use super::problem::Problem;
use super::{media_url, python, upload};
use crate::escapes;
use crate::limits;
use crate::media::choice::Mismatch;
use crate::media::kind::MediaKind;
use crate::media::name;
use crate::message::Priority;
use crate::phone;

const MESSAGE_FIELDS: [&str; 8] =
    ["sender", "queue", "timeout", "is_group", "destination", "priority", "tag", "message"];
#[rustfmt::skip]
const MEDIA_FIELDS: [&str; 12] = [
    "sender", "queue", "timeout", "is_group", "destination", "priority", "tag", "caption", "media_url", "media_base64", "file_name", "kind",
];

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
pub fn message(body: &[u8], country_code: &str) -> Result<MessageParams, Problem> {
    let mut form = Form::read(body, &MESSAGE_FIELDS)?;
    let (sender, queue) = (form.gateway("sender"), form.gateway("queue"));
    let (timeout_seconds, is_group) = (form.timeout(), form.is_group());
    let destination = form.destination(is_group, country_code);
    let (priority, tag) = (form.priority(), form.tag());
    let message = form.message();
    let params = || -> Checked<MessageParams> {
        Ok(MessageParams {
            sender: sender?,
            queue: queue?,
            timeout_seconds: timeout_seconds?,
            is_group: is_group?,
            destination: destination?,
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
pub fn media(body: &[u8], country_code: &str) -> Result<MediaParams, Problem> {
    let mut form = Form::read(body, &MEDIA_FIELDS)?;
    let (sender, queue) = (form.gateway("sender"), form.gateway("queue"));
    let (timeout_seconds, is_group) = (form.timeout(), form.is_group());
    let destination = form.destination(is_group, country_code);
    let (priority, tag) = (form.priority(), form.tag());
    let caption = form.caption();
    let (url, bytes) = (form.media_url(), form.media_base64());
    let file_name = form.file_name(&bytes);
    let kind = form.kind(&caption);
    let source = form.source(url, bytes);
    let params = || -> Checked<MediaParams> {
        Ok(MediaParams {
            sender: sender?,
            queue: queue?,
            timeout_seconds: timeout_seconds?,
            is_group: is_group?,
            destination: destination?,
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
            Json::Array | Json::Object => None,
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
            Json::Array | Json::Object => String::new(),
        };
        match word.as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Ok(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Ok(false),
            _ => self.refuse("is_group", "value could not be parsed to a boolean", "type_error.bool"),
        }
    }

    /// Which of both it should be is not known where `is_group` is not.
    fn destination(&mut self, is_group: Checked<bool>, country_code: &str) -> Checked<String> {
        let text = self.required("destination")?;
        let parsed = if is_group? { phone::parse_group(&text) } else { phone::parse_recipient(&text, country_code) };
        parsed.or_else(|bad| self.refuse("destination", bad.to_string(), "value_error"))
    }

    fn message(&mut self) -> Checked<String> {
        let text = self.required("message")?;
        let message = self.decoded("message", &text)?;
        if message.is_empty() { self.refuse_empty("message") } else { Ok(message) }
    }

    fn caption(&mut self) -> Checked<Option<String>> {
        match self.optional("caption")? {
            Some(text) => Ok(Some(self.decoded("caption", &text)?).filter(|caption| !caption.is_empty())),
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
            Ok(()) => Ok(Some(url.to_owned())),
            Err(bad) => self.refuse("media_url", bad.to_string(), bad.kind()),
        }
    }

    /// What is blank counts as absent.
    fn media_base64(&mut self) -> Checked<Option<Bytes>> {
        let text = self.optional("media_base64")?.filter(|text| !python::strip(text).is_empty());
        let Some(text) = text else { return Ok(None) };
        match upload::decode(&text) {
            Some(bytes) => Ok(Some(Bytes::from(bytes))),
            None => {
                let msg = "this is not base64; encode the whole file, with or without a data:…;base64, prefix";
                self.refuse("media_base64", msg, "value_error")
            }
        }
    }

    /// Needed with `media_base64`.
    fn file_name(&mut self, bytes: &Checked<Option<Bytes>>) -> Checked<Option<String>> {
        let name = self.optional("file_name")?.and_then(|text| name::clean(&text));
        if name.is_none() && matches!(bytes, Ok(Some(_))) {
            return self.refuse("file_name", "field required", "value_error.missing");
        }
        Ok(name)
    }

    /// One of a fixed list, and none that would lose the caption.
    fn kind(&mut self, caption: &Checked<Option<String>>) -> Checked<Option<MediaKind>> {
        let named = match self.take("kind") {
            Json::Null => return Ok(None),
            Json::String(name) => MediaKind::from_name(&name),
            Json::Bool(_) | Json::Number(_) | Json::Array | Json::Object => None,
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The `(field, type)` of each fault.
    fn faults<T>(checked: Result<T, Problem>) -> Vec<(String, &'static str)> {
        match checked {
            Ok(_) => Vec::new(),
            Err(Problem::Invalid(faults)) => faults
                .iter()
                .map(|fault| (fault.loc.last().and_then(Value::as_str).unwrap_or_default().to_owned(), fault.kind))
                .collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn media_of(rest: &Value) -> Result<MediaParams, Problem> {
        let mut body = json!({"destination": "628111111111"});
        body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        media(body.to_string().as_bytes(), "62")
    }

    #[test]
    fn a_file_is_given_by_its_address_or_whole_with_its_name() {
        let url = "https://example.com/a.png";
        let by_address = media_of(&json!({"media_url": format!(" {url} "), "media_base64": " "})).expect("media");
        assert_eq!((by_address.source, by_address.file_name), (Source::Url(url.into()), None));
        let whole = media_of(&json!({"media_base64": "aGVs\nbG8", "file_name": "../a b.png"})).expect("media");
        assert_eq!(whole.source, Source::Bytes(Bytes::from_static(b"hello")));
        assert_eq!(whole.file_name.as_deref(), Some("a b.png"));
        for (rest, wanted) in [
            (json!({}), &[("__root__", "value_error")][..]),
            (json!({"media_url": url, "media_base64": "aGVs", "file_name": "a"}), &[("__root__", "value_error")]),
            (
                json!({"media_url": url, "media_base64": "aGVs"}),
                &[("file_name", "value_error.missing"), ("__root__", "value_error")],
            ),
            (json!({"media_base64": "aGVs"}), &[("file_name", "value_error.missing")]),
            (json!({"media_base64": "aGVs", "file_name": "/"}), &[("file_name", "value_error.missing")]),
            (json!({"media_base64": "%", "media_url": url}), &[("media_base64", "value_error")]),
        ] {
            let wanted: Vec<_> = wanted.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
            assert_eq!(faults(media_of(&rest)), wanted, "{rest}");
        }
    }

    #[test]
    fn a_group_is_addressed_by_its_id_and_a_person_by_a_number() {
        let ask = |destination: &str, is_group: &str| {
            message(
                json!({"destination": destination, "is_group": is_group, "message": "x"}).to_string().as_bytes(),
                "62",
            )
        };
        for (destination, is_group, wanted) in [
            (" 120363025246125486@g.us", "yes", "120363025246125486"),
            ("6281111-1600000000", "true", "6281111-1600000000"),
            ("0811 1111 111", "off", "628111111111"),
        ] {
            assert_eq!(ask(destination, is_group).expect("a message").destination, wanted);
        }
        for (destination, is_group) in
            [("120363025246125486@g.us", "no"), ("+62 811", "1"), ("", "0"), ("99887766@lid", "1"), ("x@lid", "0")]
        {
            assert_eq!(
                faults(ask(destination, is_group)),
                [("destination".to_owned(), "value_error")],
                "{destination}"
            );
        }
        assert_eq!(faults(ask("neither", "perhaps")), [("is_group".to_owned(), "type_error.bool")]);
    }

    #[test]
    fn a_body_that_no_text_could_be_is_a_bad_request() {
        let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        let digits = format!("{{\"unknown\":{}}}", "1".repeat(python::INTEGER_DIGITS_MAX + 1));
        let too_deep = deep(limits::JSON_DEPTH_MAX + 1);
        for body in [b"\xff", &utf16[..], too_deep.as_bytes(), deep(1_000_000).as_bytes(), digits.as_bytes()] {
            assert!(matches!(message(body, "62"), Err(Problem::BadRequest(_))), "{:?}", &body[..body.len().min(9)]);
        }
        assert_eq!(faults(message(deep(limits::JSON_DEPTH_MAX).as_bytes(), "62"))[0].1, "type_error.dict");
    }

    /// Bodies, and what nearly is one.
    fn bodies() -> impl Strategy<Value = Vec<u8>> {
        let piece = r#"[{}\[\],:"]|"(destination|message|media_url|media_base64|file_name|timeout|is_group)":|"[^"]{0,9}",|\\u[0-9a-f]{0,4}|-?[0-9]{1,9}|[.eE+_-]|null|true|"https?://[^"]{0,9}",|\PC|."#;
        let text = proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes());
        prop_oneof![text, proptest::collection::vec(any::<u8>(), 0..60)]
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_checks_panic(body in bodies()) {
            let _ = message(&body, "62");
            let _ = media(&body, "62");
            let braced = [b"{", &body[..], b"\"message\":1}"].concat();
            let _ = message(&braced, "62");
            let _ = media(&braced, "62");
        }

        #[test]
        fn no_text_makes_the_check_of_a_field_panic(text in any::<String>(), head in "(https?://|data:;base64,)?") {
            let value = head + &text;
            for name in ["sender", "timeout", "is_group", "destination", "message", "caption", "media_url", "media_base64", "file_name"] {
                let body = json!({ name: value }).to_string();
                let _ = message(body.as_bytes(), "62");
                let _ = media(body.as_bytes(), "62");
            }
        }
    }
}
