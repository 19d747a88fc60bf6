//! Whom a message goes to, as people, programs and spreadsheets write it, turned into what WhatsApp addresses are made of.
//! `phone/written.rs` reads the text, `phone/plan.rs` knows the numbering plans, `phone/group.rs` the ids of groups, and `phone/bad.rs`
//! says why a text is refused.
//!
//! No digit is ever invented: those of a number were written, in that order, but for a country code that a trunk prefix stands
//! for. A text that can mean two numbers means none, as a stranger would read the message.

mod bad;
mod group;
mod plan;
#[cfg(test)]
mod tests;
mod written;

use std::sync::LazyLock;

pub use bad::BadDestination;
pub use group::{is_rounded_float, parse_group, rounded};
use plan::Reading;
use rlibphonenumber::PHONE_NUMBER_UTIL;
use written::{Prefix, Written};

/// Those that are seen have 15.
const HIDDEN_DIGITS_MAX: usize = 24;
/// Digits of a short number that is written with its `+`.
const MARKED_DIGITS_MIN: usize = 7;
const GROUP_SUFFIX: &str = "@g.us";
/// How the address of a person ends who hides his number.
const HIDDEN_SUFFIX: &str = "@lid";

/// Whom a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The digits of a phone number, or a hidden id.
    Person(String),
    /// A group's id without its `@g.us`.
    Group(String),
}

impl Recipient {
    pub fn id(&self) -> &str {
        match self {
            Self::Person(id) | Self::Group(id) => id,
        }
    }

    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_))
    }

    pub fn into_id(self) -> String {
        match self {
            Self::Person(id) | Self::Group(id) => id,
        }
    }
}

/// Whether a caller says that a destination is a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressee {
    /// A group's id is known by its `@g.us`; anything else is a person.
    ByItsForm,
    Group,
}

/// How a client's destinations are read.
#[derive(Debug, Clone, Copy)]
pub struct Dialling<'a> {
    /// What a national number's trunk prefix stands for.
    pub country_code: &'a str,
    /// A number that has written to the client: it is taken as it is, whatever the numbering plans say.
    pub known: Option<&'a str>,
}

impl<'a> From<&'a str> for Dialling<'a> {
    fn from(country_code: &'a str) -> Self {
        Self { country_code, known: None }
    }
}

/// Whom a message goes to.
///
/// # Errors
/// [`BadDestination`].
pub fn parse_recipient<'a>(
    text: &str,
    addressee: Addressee,
    dialling: impl Into<Dialling<'a>>,
) -> Result<Recipient, BadDestination> {
    let visible = written::visible(text);
    if addressee == Addressee::Group || has_suffix(&visible, GROUP_SUFFIX) {
        return parse_group(&visible).map(Recipient::Group);
    }
    parse_person(&visible, dialling).map(Recipient::Person)
}

/// A person: the digits of a phone number, or a hidden id as it is shown of who hides his.
///
/// # Errors
/// [`BadDestination`]. Of a hidden id only its form is looked at: which there are WhatsApp alone knows.
pub fn parse_person<'a>(text: &str, dialling: impl Into<Dialling<'a>>) -> Result<String, BadDestination> {
    let visible = written::visible(text);
    let Some(digits) = hidden_digits(&visible) else { return parse_destination(&visible, dialling) };
    let is_hidden_id = (1..=HIDDEN_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_hidden_id { Ok(format!("{digits}{HIDDEN_SUFFIX}")) } else { Err(BadDestination::Hidden) }
}

/// What stands before the `@lid` of a hidden id, in any letter case; `None` of everything else.
pub fn hidden_digits(recipient: &str) -> Option<&str> {
    has_suffix(recipient, HIDDEN_SUFFIX).then(|| &recipient[..recipient.len() - HIDDEN_SUFFIX.len()])
}

/// The digits of a phone number in international form.
///
/// # Errors
/// [`BadDestination`] when it is none that can be dialled (libphonenumber's metadata, and the forms that WhatsApp itself uses),
/// or when it could be two.
pub fn parse_destination<'a>(text: &str, dialling: impl Into<Dialling<'a>>) -> Result<String, BadDestination> {
    let Dialling { country_code, known } = dialling.into();
    let visible = written::visible(text);
    let written = written::read(&visible)?;
    resolve(&written, country_code).or_else(|bad| match bad {
        // Of two numbers that it could be it is that one only where it is written exactly as it was shown, or as WhatsApp addresses it.
        BadDestination::Ambiguous { ref number, .. } if !is_exactly(&visible, number) => Err(bad),
        _ if known.is_some() && bad.digits() == known => Ok(known.unwrap_or_default().to_owned()),
        _ => Err(bad),
    })
}

fn is_exactly(text: &str, number: &str) -> bool {
    let text = text.trim();
    text == number
        || written::CONTACT_SUFFIXES
            .iter()
            .any(|suffix| has_suffix(text, suffix) && &text[..text.len() - suffix.len()] == number)
}

/// Whether a text is written as phone numbers are, or is an address of WhatsApp, whether somebody has it or not.
pub fn is_like_an_address(text: &str) -> bool {
    // Most cells of a file, at once.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if text.is_ascii() && digits < MARKED_DIGITS_MIN && !text.contains('@') {
        return false;
    }
    let visible = written::visible(text);
    let digits = written::digits_alone(&visible);
    let is_number = digits
        .is_some_and(|(digits, is_marked)| (if is_marked { MARKED_DIGITS_MIN } else { 9 }..=16).contains(&digits));
    is_number || has_suffix(&visible, GROUP_SUFFIX) || has_suffix(&visible, HIDDEN_SUFFIX)
}

/// Whether some digits are the country code of a numbering plan.
pub fn is_country_code(code: &str) -> bool {
    let region = code.parse().ok().and_then(|code: i32| PHONE_NUMBER_UTIL.get_region_for_country_code(code));
    region.is_some() && code.bytes().all(|byte| byte.is_ascii_digit()) && !code.starts_with('0')
}

/// Reads the numbering plans, some megabytes that stay in memory, so that no request waits for them.
pub fn read_plans() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}

/// Whether two numbers in international form are one, of which WhatsApp and people write different forms.
pub fn is_same_number(one: &str, other: &str) -> bool {
    plan::canonical(one) == plan::canonical(other)
}

/// Numbers that have two forms stand between these in the order of their digits: those of Mexico, Argentina and Brazil.
pub const TWO_FORMED: [&str; 2] = ["52", "56"];

/// What the messages to a recipient have in common: of a number that people write in two forms, one of them. Groups and hidden
/// ids have one form only.
pub fn line_of(recipient: &str) -> String {
    if is_digits(recipient) { plan::canonical(recipient) } else { recipient.to_owned() }
}

/// The recipients whose messages have this in common.
pub fn forms_of(line: &str) -> Vec<String> {
    let other = is_digits(line).then(|| plan::beside_canonical(line)).flatten();
    std::iter::once(line.to_owned()).chain(other).collect()
}

fn is_digits(recipient: &str) -> bool {
    recipient.len() <= plan::DIGITS_MAX && recipient.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text names a gateway's number. Of two numbers that it could be it names each: a client has few gateways.
pub fn names_sender(text: &str, country_code: &str, sender: &str) -> bool {
    let is_it = |digits: &str| is_same_number(digits, sender);
    !sender.is_empty()
        && match parse_destination(text, country_code) {
            Ok(digits) => is_it(&digits),
            Err(BadDestination::Ambiguous { number, first, second }) => {
                [number, first, second].iter().any(|one| is_it(one))
            }
            Err(
                BadDestination::NoCountryCode { number, candidate } | BadDestination::OtherForm { number, candidate },
            ) => is_it(&number) || is_it(&candidate),
            Err(bad) => bad.digits().is_some_and(is_it),
        }
}

/// A recipient as the store has it, to look for what was sent to him; what can be none is looked for as it is.
pub fn as_stored(text: &str, country_code: &str) -> String {
    match parse_recipient(text, Addressee::ByItsForm, country_code) {
        Ok(recipient) => recipient.into_id(),
        Err(bad) => {
            let digits = bad.digits().map(str::to_owned);
            digits.or_else(|| parse_group(text).ok()).unwrap_or_else(|| text.to_owned())
        }
    }
}

fn has_suffix(text: &str, suffix: &str) -> bool {
    let at = text.len().checked_sub(suffix.len());
    at.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// The one number that was written.
fn resolve(written: &Written, country_code: &str) -> Result<String, BadDestination> {
    let is_plain = written.marked_zero_at.is_none() && !written.begins_in_brackets;
    match is_plain && plan::is_indonesian_mobile(&written.digits, country_code) {
        true => Ok(written.digits.clone()),
        false => resolve_by_plans(written, country_code),
    }
}

fn resolve_by_plans(written: &Written, country_code: &str) -> Result<String, BadDestination> {
    let digits = &written.digits;
    if let Some(at) = written.marked_zero_at {
        return resolve_marked(digits, at);
    }
    if written.prefix == Prefix::International {
        return only(digits, plan::international(digits));
    }
    if let Some(rest) = digits.strip_prefix('0') {
        // Where the plan has no trunk prefix, the zero stands for the country code alone.
        let reading = plan::national(digits, country_code).or_else(|| plan::national(rest, country_code));
        return unless_doubled(digits, rest, country_code, only(digits, reading)?);
    }
    let (abroad, at_home) = (plan::international(digits), plan::national(digits, country_code));
    let own = digits.strip_prefix(country_code);
    let chosen = choose(written, own.is_some(), abroad, at_home)?;
    match own {
        Some(rest) => unless_doubled(digits, rest.strip_prefix('0').unwrap_or(rest), country_code, chosen),
        None => Ok(chosen),
    }
}

/// A number behind whose zero or country code `rest` is a mobile number with its country code: one of them may be too much.
fn unless_doubled(digits: &str, rest: &str, country_code: &str, number: String) -> Result<String, BadDestination> {
    let doubled = if rest.starts_with(country_code) { plan::international(rest) } else { None };
    match doubled {
        Some(Reading::Number { digits: second, may_be_mobile: true, .. }) if second != number => {
            Err(BadDestination::Ambiguous { number: digits.to_owned(), first: number, second })
        }
        _ => Ok(number),
    }
}

/// A number with its trunk zero written as `(0)`, behind the country code: its plan says whether the zero is dialled from abroad.
/// Anywhere else a zero in parentheses marks nothing, and what it means is uncertain.
fn resolve_marked(digits: &str, at: usize) -> Result<String, BadDestination> {
    if plan::country_code_digits(digits) != Some(at) {
        return Err(BadDestination::NoSuchNumber(digits.to_owned()));
    }
    let without = format!("{}{}", &digits[..at], &digits[at + 1..]);
    match (plan::international(digits), plan::international(&without)) {
        (Some(Reading::Number { digits: first, .. }), Some(Reading::Number { digits: second, .. }))
            if first != second =>
        {
            Err(BadDestination::Ambiguous { number: digits.to_owned(), first, second })
        }
        (None, without) => only(digits, without),
        (reading, _) => only(digits, reading),
    }
}

/// Of digits that begin with neither + nor a zero, read with their country code and without it: some plans have no zero, and
/// spreadsheets drop it. A fixed line at home is no second reading of what begins with the client's own country code: some plans have
/// one for nearly any digits.
fn choose(
    written: &Written,
    is_own: bool,
    abroad: Option<Reading>,
    at_home: Option<Reading>,
) -> Result<String, BadDestination> {
    let number = written.digits.clone();
    match (abroad, at_home) {
        (
            Some(Reading::Number { digits: abroad, .. }),
            Some(Reading::Number { digits: at_home, has_trunk_prefix, may_be_mobile }),
        ) if abroad != at_home && (!is_own || has_trunk_prefix || may_be_mobile || written.begins_in_brackets) => {
            Err(BadDestination::Ambiguous { number, first: at_home, second: abroad })
        }
        // Such as a mobile of Argentina with its 15.
        (Some(Reading::Number { digits: abroad, .. }), Some(Reading::Rewritten(at_home))) if abroad != at_home => {
            Err(BadDestination::Ambiguous { number, first: at_home, second: abroad })
        }
        (Some(Reading::Number { digits, .. }), _) => Ok(digits),
        (_, Some(Reading::Number { digits, has_trunk_prefix: true, .. })) => Ok(digits),
        (_, Some(Reading::Number { digits: candidate, .. } | Reading::Rewritten(candidate))) => {
            Err(BadDestination::NoCountryCode { number, candidate })
        }
        (abroad, None) => only(&number, abroad),
    }
}

/// What digits are that can be read in one way only.
fn only(digits: &str, reading: Option<Reading>) -> Result<String, BadDestination> {
    let number = digits.to_owned();
    match reading {
        Some(Reading::Number { digits, .. }) => Ok(digits),
        Some(Reading::Rewritten(candidate)) => Err(BadDestination::OtherForm { number, candidate }),
        None if digits.len() > plan::DIGITS_MAX => Err(BadDestination::TooLong),
        None => Err(BadDestination::NoSuchNumber(number)),
    }
}
