//! A JSON reader that says what is wrong, and at which character, in the words of Python's `json` module: clients of the
//! original API read those words. It accepts what that module accepts, `NaN` included, but nests only so deep, and keeps
//! only what it is asked for, so that a body takes no more room than it has bytes. Called by `form.rs`.

use std::borrow::Cow;

use super::python;
use crate::limits;

/// What a text says.
#[derive(Debug, Clone, PartialEq)]
pub enum Document<'a> {
    /// The fields asked for that are there: of an object, or of what Python's `dict()` makes one of.
    Object(Fields<'a>),
    /// Python makes a dictionary of it, but one whose keys are not all strings.
    OtherKeys,
    Other(Json<'a>),
}

/// Of two fields of one name the last counts.
pub type Fields<'a> = Vec<(&'static str, Json<'a>)>;

/// A value. Numbers keep their text, strings are borrowed where nothing had to be replaced.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    /// No field takes a list or an object: what stands in one is checked and forgotten.
    Array {
        is_empty: bool,
    },
    Object,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadJson {
    /// `message` and the character it is about, counted from 0.
    Syntax {
        message: &'static str,
        position: usize,
        line: usize,
        column: usize,
    },
    TooDeep,
    /// Python reads no integer of so many digits.
    IntegerTooLong,
}

/// Reads a whole text; of an object, the fields called `names`.
///
/// # Errors
/// [`BadJson`] with the place of the first fault.
pub fn parse<'a>(text: &'a str, names: &[&'static str]) -> Result<Document<'a>, BadJson> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let mut fields = Fields::new();
    let mut keep = |name: Cow<'a, str>, value| {
        if let Some(known) = names.iter().find(|known| **known == name) {
            fields.retain(|(name, _)| name != known);
            fields.push((known, value));
        }
    };
    let document = match reader.peek() {
        Some(b'{') => {
            reader.object(0, &mut keep)?;
            Document::Object(fields)
        }
        Some(b'[') => match reader.pairs(&mut keep)? {
            Keys::Strings => Document::Object(fields),
            Keys::Others => Document::OtherKeys,
            Keys::Impossible => Document::Other(Json::Array { is_empty: false }),
        },
        _ => match reader.value(0)? {
            Json::String(text) if text.is_empty() => Document::Object(fields),
            other => Document::Other(other),
        },
    };
    reader.skip_space();
    if reader.at < text.len() { Err(reader.fault("Extra data", reader.at)) } else { Ok(document) }
}

/// What Python's `dict()` makes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keys {
    Strings,
    /// Some keys are no strings.
    Others,
    /// Nothing: an element is no pair, or its first part can be no key.
    Impossible,
}

impl Keys {
    fn of(key: &Json<'_>) -> Self {
        match key {
            Json::String(_) => Self::Strings,
            Json::Null | Json::Bool(_) | Json::Number(_) => Self::Others,
            Json::Array { .. } | Json::Object => Self::Impossible,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Reader<'a> {
    /// A value inside of `depth` lists and objects.
    fn value(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        let rest = &self.text[self.at..];
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match rest.bytes().next() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{') => self.object(depth, &mut |_, _| ()).map(|()| Json::Object),
            Some(b'[') => self.array(depth),
            _ => self.number(rest).map(Json::Number),
        }
    }

    fn number(&mut self, rest: &'a str) -> Result<&'a str, BadJson> {
        let length = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| rest.starts_with(word))
            .map_or_else(|| number_length(rest.as_bytes()), |word| Some(word.len()))
            .ok_or_else(|| self.fault("Expecting value", self.at))?;
        let number = &rest[..length];
        let digits = number.trim_start_matches('-');
        if digits.len() > python::INTEGER_DIGITS_MAX && python::is_integer(digits) {
            return Err(BadJson::IntegerTooLong);
        }
        self.at += length;
        Ok(number)
    }

    fn object(&mut self, depth: usize, keep: &mut dyn FnMut(Cow<'a, str>, Json<'a>)) -> Result<(), BadJson> {
        self.enter(depth)?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.fault("Expecting property name enclosed in double quotes", self.at));
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.fault("Expecting ':' delimiter", self.at));
            }
            self.skip_space();
            let value = self.value(depth + 1)?;
            keep(name, value);
            self.skip_space();
            if self.take(b'}') {
                return Ok(());
            }
            self.comma()?;
        }
    }

    /// A list as `dict()` reads it: each element a pair of a key and its value. pydantic v1 takes such a list for an object.
    fn pairs(&mut self, keep: &mut dyn FnMut(Cow<'a, str>, Json<'a>)) -> Result<Keys, BadJson> {
        let mut keys = Keys::Strings;
        self.elements(0, &mut |reader| {
            // Nothing that comes can make a dictionary of it any more.
            if keys == Keys::Impossible {
                return reader.value(1).map(drop);
            }
            match reader.pair()? {
                Some((key, value)) => {
                    keys = keys.max(Keys::of(&key));
                    if let Json::String(key) = key {
                        keep(key, value);
                    }
                }
                None => keys = Keys::Impossible,
            }
            Ok(())
        })?;
        Ok(keys)
    }

    /// An element of two parts: a list of two values, an object of two keys, or a text of two characters.
    fn pair(&mut self) -> Result<Option<(Json<'a>, Json<'a>)>, BadJson> {
        let mut parts: Vec<Json<'a>> = Vec::with_capacity(3);
        match self.peek() {
            Some(b'[') => self.elements(1, &mut |reader| {
                let value = reader.value(2)?;
                if parts.len() < 3 {
                    parts.push(value);
                }
                Ok(())
            })?,
            Some(b'{') => self.object(1, &mut |name, _| {
                let key = Json::String(name);
                if parts.len() < 3 && !parts.contains(&key) {
                    parts.push(key);
                }
            })?,
            _ => {
                if let Json::String(text) = self.value(1)? {
                    parts.extend(text.chars().take(3).map(|c| Json::String(Cow::Owned(c.to_string()))));
                }
            }
        }
        Ok(<[Json<'a>; 2]>::try_from(parts).ok().map(|[key, value]| (key, value)))
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        let mut is_empty = true;
        self.elements(depth, &mut |reader| {
            is_empty = false;
            reader.value(depth + 1).map(drop)
        })?;
        Ok(Json::Array { is_empty })
    }

    /// A list whose elements `read` reads.
    fn elements(
        &mut self,
        depth: usize,
        read: &mut dyn FnMut(&mut Self) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.enter(depth)?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            read(self)?;
            self.skip_space();
            if self.take(b']') {
                return Ok(());
            }
            self.comma()?;
        }
    }

    /// Goes past the bracket that opens a list or an object.
    fn enter(&mut self, depth: usize) -> Result<(), BadJson> {
        if depth == limits::JSON_DEPTH_MAX {
            return Err(BadJson::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn comma(&mut self) -> Result<(), BadJson> {
        if !self.take(b',') {
            return Err(self.fault("Expecting ',' delimiter", self.at));
        }
        self.skip_space();
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        let begin = self.at;
        self.at += 1;
        let mut decoded: Option<String> = None;
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20) else {
                return Err(self.fault("Unterminated string starting at", begin));
            };
            let plain = &rest[..length];
            self.at += length;
            match rest.as_bytes()[length] {
                b'"' => {
                    self.at += 1;
                    return Ok(match decoded {
                        Some(text) => Cow::Owned(text + plain),
                        None => Cow::Borrowed(plain),
                    });
                }
                b'\\' => {
                    let text = decoded.get_or_insert_default();
                    text.push_str(plain);
                    let character = self.escape(begin)?;
                    text.push(character);
                }
                _ => return Err(self.fault("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, begin: usize) -> Result<char, BadJson> {
        let slash = self.at;
        let Some(letter) = self.text[slash + 1..].chars().next() else {
            return Err(self.fault("Unterminated string starting at", begin));
        };
        self.at = slash + 1 + letter.len_utf8();
        Ok(match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex(slash)?;
                if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
                    let after_first = self.at;
                    self.at += 2;
                    if let Ok(second) = self.hex(after_first)
                        && let Some(Ok(pair)) = char::decode_utf16([first, second]).next()
                    {
                        return Ok(pair);
                    }
                    self.at = after_first;
                }
                // Half of a pair is no character; neither store nor phone takes NUL.
                char::from_u32(first.into()).filter(|c| *c != '\0').unwrap_or('\u{fffd}')
            }
            _ => return Err(self.fault("Invalid \\escape", slash)),
        })
    }

    /// Four hexadecimal digits.
    fn hex(&mut self, slash: usize) -> Result<u16, BadJson> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        // Python wants a character behind them too, which the closing quote is.
        let digits = digits.filter(|_| self.at + 4 < self.text.len());
        let value = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let value = value.ok_or_else(|| self.fault("Invalid \\uXXXX escape", slash + 1))?;
        self.at += 4;
        Ok(value)
    }

    fn skip_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| b" \t\n\r".contains(byte)).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn fault(&self, message: &'static str, at: usize) -> BadJson {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        BadJson::Syntax {
            message,
            position: before.chars().count(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?` at the start of `text`.
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from.min(text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = if text.get(sign) == Some(&b'0') { 1 } else { digits(sign) };
    if whole == 0 {
        return None;
    }
    let mut length = sign + whole;
    if text.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'-' | b'+')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    Some(length)
}
