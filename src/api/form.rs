//! A body taken apart: its fields, asked for by name, and the faults found in them so far. Called by `fields.rs`, which
//! knows the rules of each field.

use std::borrow::Cow;

use super::fields::Fault;
use super::json::{self, BadJson, Document, Fields, Json};
use super::problem::Problem;
use super::python;
use crate::limits;

/// A value that cannot be used; its fault is in the form's list.
#[derive(Debug, Clone, Copy)]
pub struct Listed;

/// A value that may be used.
pub type Checked<T> = Result<T, Listed>;

/// What the original's models call themselves in their own constructor, where no field can be called so too.
const SELF: &str = "__pydantic_self__";

/// A body's fields, and the faults found in them so far.
pub struct Form<'a> {
    fields: Fields<'a>,
    faults: Vec<Fault>,
}

impl<'a> Form<'a> {
    /// Reads the fields called `names`; all others are ignored. What Python's `dict()` takes is an object too, as pydantic v1
    /// has it: a list of pairs, an empty list, an empty text.
    ///
    /// # Errors
    /// 422 when the body is no object; 400 when it is not UTF-8, nests too deep or holds an integer of thousands of digits.
    pub fn read(body: &'a [u8], names: &[&'static str]) -> Result<Self, Problem> {
        let text = utf8(body).ok_or_else(|| Problem::BadRequest("the body is not UTF-8; send JSON in UTF-8".into()))?;
        let names: Vec<&'static str> = names.iter().copied().chain([SELF]).collect();
        let read = if text.is_empty() { Ok(Document::Other(Json::Null)) } else { json::parse(text, &names) };
        let whole = |msg: &str, kind| Err(Problem::Invalid(vec![Fault::at(["body".into()], msg, kind)]));
        match read {
            Ok(Document::Object(fields)) if fields.iter().any(|(name, _)| *name == SELF) => {
                whole(&format!("__init__() got multiple values for keyword argument '{SELF}'"), "type_error")
            }
            Ok(Document::OtherKeys) => whole("keywords must be strings", "type_error"),
            Ok(Document::Object(fields)) => Ok(Self { fields, faults: Vec::new() }),
            Ok(Document::Other(Json::Null)) => whole("field required", "value_error.missing"),
            Ok(Document::Other(_)) => whole("value is not a valid dict", "type_error.dict"),
            Err(BadJson::Syntax { message, position, line, column }) => {
                let msg = format!("{message}: line {line} column {column} (char {position})");
                Err(Problem::Invalid(vec![Fault::at(["body".into(), position.into()], msg, "value_error.jsondecode")]))
            }
            Err(BadJson::TooDeep) => {
                Err(Problem::BadRequest(format!("the body nests deeper than {} levels", limits::JSON_DEPTH_MAX)))
            }
            Err(BadJson::IntegerTooLong) => {
                let most = python::INTEGER_DIGITS_MAX;
                Err(Problem::BadRequest(format!("the body holds an integer of more than {most} digits")))
            }
        }
    }

    /// The outcome of all checks: what was made of the fields, or every fault.
    ///
    /// # Errors
    /// 422 when a field was refused.
    pub fn finish<T>(self, checked: Checked<T>) -> Result<T, Problem> {
        checked.map_err(|Listed| Problem::Invalid(self.faults))
    }

    /// Lists a fault of a field.
    ///
    /// # Errors
    /// Always: there is no value.
    pub fn refuse<T>(&mut self, name: &str, msg: impl Into<String>, kind: &'static str) -> Checked<T> {
        self.faults.push(Fault::at(["body".into(), name.into()], msg, kind));
        Err(Listed)
    }

    /// As [`Form::refuse`], for a number that may still be known: `number` are its digits.
    ///
    /// # Errors
    /// Always.
    pub fn refuse_number<T>(&mut self, name: &str, msg: String, number: Option<String>) -> Checked<T> {
        self.faults.push(Fault { number, ..Fault::value(name, msg) });
        Err(Listed)
    }

    /// As [`Form::refuse`], for an empty text.
    ///
    /// # Errors
    /// Always.
    pub fn refuse_empty<T>(&mut self, name: &str) -> Checked<T> {
        self.refuse(name, "ensure this value has at least 1 characters", "value_error.any_str.min_length")
    }

    /// A field's value; null where it is absent.
    pub fn take(&mut self, name: &str) -> Json<'a> {
        let at = self.fields.iter().position(|(known, _)| *known == name);
        at.map_or(Json::Null, |at| self.fields.swap_remove(at).1)
    }

    /// A string that must be there. Numbers and booleans are texts too, as Python shows them.
    ///
    /// # Errors
    /// [`Listed`] when it is absent, null, a list or an object.
    pub fn required(&mut self, name: &'static str) -> Checked<Cow<'a, str>> {
        if !self.fields.iter().any(|(known, _)| *known == name) {
            return self.refuse(name, "field required", "value_error.missing");
        }
        match self.optional(name)? {
            Some(text) => Ok(text),
            None => self.refuse(name, "none is not an allowed value", "type_error.none.not_allowed"),
        }
    }

    /// As [`Form::required`], but a number stands as it was written: a float that was made of it may have lost digits, and its
    /// exponent shows that they were lost before.
    ///
    /// # Errors
    /// As [`Form::required`].
    pub fn required_as_written(&mut self, name: &'static str) -> Checked<Cow<'a, str>> {
        self.number(name).map_or_else(|| self.required(name), |number| Ok(Cow::Borrowed(number)))
    }

    /// Whether a field holds a JSON number.
    pub fn is_number(&self, name: &str) -> bool {
        self.number(name).is_some()
    }

    fn number(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find_map(|(known, value)| match value {
            Json::Number(number) if *known == name => Some(*number),
            _ => None,
        })
    }

    /// A string that may be absent or null.
    ///
    /// # Errors
    /// [`Listed`] when it is a list or an object.
    pub fn optional(&mut self, name: &'static str) -> Checked<Option<Cow<'a, str>>> {
        match self.take(name) {
            Json::Null => Ok(None),
            Json::String(text) => Ok(Some(text)),
            Json::Number(number) => Ok(Some(python::number_text(number))),
            Json::Bool(true) => Ok(Some(Cow::Borrowed("True"))),
            Json::Bool(false) => Ok(Some(Cow::Borrowed("False"))),
            Json::Array { .. } | Json::Object => self.refuse(name, "str type expected", "type_error.str"),
        }
    }

    /// # Errors
    /// [`Listed`] when a text is longer than `most` characters.
    pub fn at_most(&mut self, name: &'static str, text: &str, most: usize) -> Checked<()> {
        if text.chars().nth(most).is_none() {
            return Ok(());
        }
        let msg = format!("ensure this value has at most {most} characters");
        self.refuse(name, msg, "value_error.any_str.max_length")
    }
}

/// The text of a body. UTF-16 and UTF-32 give themselves away by a NUL in the first character, as RFC 4627 section 3
/// tells; the bytes of plain English in them are UTF-8 too.
fn utf8(body: &[u8]) -> Option<&str> {
    let is_wide = body.len() != 1 && body.len() != 3 && body.iter().take(2).any(|byte| *byte == 0);
    std::str::from_utf8(body).ok().filter(|_| !is_wide)
}
