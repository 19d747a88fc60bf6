//! How people, programs and spreadsheets write a phone number, reduced to its digits. Nothing here knows a numbering plan.
//! Called by `phone.rs`. `written/other.rs` says what else stands where a number belongs.

mod other;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::BadDestination;

/// A longer text is no phone number.
const CHARS_MAX: usize = 200;
/// More digits than the longest number with everything that may stand before it.
const DIGITS_MAX: usize = 24;
/// Digits of a whole number behind which a single dot begins a fraction; before fewer digits it separates groups.
const FRACTION_AFTER_DIGITS: usize = 7;
/// More digits than a country code with an area code and what is dialled before them: nothing behind them is in brackets.
const BEFORE_BRACKETS_MAX: usize = 6;
/// Digits of a group of a number.
const GROUP_DIGITS: usize = 3;
/// Digits of a whole number behind which a dash begins another ending, as in `0812345678-79`.
const WHOLE_DIGITS: usize = 8;
/// Fewer digits behind a slash are another ending of the number before it, as in `0812345678/79`.
const SUBSCRIBER_DIGITS_MIN: usize = 3;
/// A contact's address may be given whole.
pub(super) const CONTACT_SUFFIXES: [&str; 2] = ["@s.whatsapp.net", "@c.us"];
const SCHEMES: [&str; 3] = ["tel:", "whatsapp:", "callto:"];
/// What stands before the number in links that open a chat.
const CHAT_LINKS: [&str; 4] =
    ["wa.me/", "api.whatsapp.com/send?phone=", "api.whatsapp.com/send/?phone=", "whatsapp://send?phone="];
/// What may stand before those, in this order.
const LINK_STARTS: [&str; 3] = ["https://", "http://", "www."];
/// The zeros of the scripts in which phone numbers are typed; nine more digits follow each.
const ZEROS: [u32; 17] = [
    0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0x1040, 0x17e0,
    0xff10,
];

/// How a number begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// With `+` or `00`: a country code follows.
    International,
    /// With a trunk prefix, a country code or neither; which, only a numbering plan can tell.
    Open,
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub prefix: Prefix,
    /// Without the `00` of [`Prefix::International`].
    pub digits: String,
    /// How many digits stand before a trunk zero that was written as `(0)`.
    pub marked_zero_at: Option<usize>,
    /// Whether it begins with brackets, as an area code is written.
    pub begins_in_brackets: bool,
}

/// A text without what cannot be seen in it: direction marks that come with a copied contact, zero-width characters, and
/// spaces around it.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text.trim());
    }
    let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    Cow::Owned(text.trim().to_owned())
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Reads a visible text.
///
/// # Errors
/// [`BadDestination`] when it is no number, not exactly one number, or not the whole of one.
pub(super) fn read(text: &str) -> Result<Written, BadDestination> {
    if is_digits(text) && text.len() <= DIGITS_MAX && !text.starts_with("00") {
        // As programs write it.
        let digits = text.to_owned();
        return Ok(Written { prefix: Prefix::Open, digits, marked_zero_at: None, begins_in_brackets: false });
    }
    let text = unwrapped(text);
    if text.is_empty() {
        return Err(BadDestination::Empty);
    }
    if text.chars().nth(CHARS_MAX).is_some() {
        return Err(BadDestination::Characters);
    }
    let text = typed(text);
    // The address of a page, or a cell's error, is no number at all.
    other::check_chat(&text)?;
    let is_page = !text.contains(char::is_whitespace) && (text.starts_with("http://") || text.starts_with("https://"));
    if is_page || !text.contains(|c: char| c.is_ascii_digit()) {
        return Err(BadDestination::Characters);
    }
    let text = other::without_last_separator(&text);
    other::check_kind(text)?;
    let text = whole_number(text)?;
    other::check_letters(text)?;
    other::check_extension(text)?;
    other::check_separators(text)?;
    check_end(text)?;
    digits_of(text)
}

/// How many digits a text has that holds nothing but a number as it may be written, and whether it begins with `+`; nobody has
/// to have such a number.
pub(super) fn digits_alone(text: &str) -> Option<(usize, bool)> {
    let text = typed(unwrapped(text));
    let is_number = text.chars().all(|c| c.is_ascii_digit() || " +-.,()[]/".contains(c));
    is_number.then(|| (text.bytes().filter(u8::is_ascii_digit).count(), text.starts_with('+')))
}

/// What is left of a text when all that is put around a number is taken away: a spreadsheet's mark of a text, the scheme of a
/// link, the domain of an address.
fn unwrapped(text: &str) -> &str {
    let text = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let text = text.trim_start_matches(['\'', '\u{2019}']).trim();
    if let Some(number) = in_chat_link(text) {
        return number;
    }
    let scheme = SCHEMES.iter().find(|scheme| find_ignoring_case(text, scheme) == Some(0));
    let text = scheme.map_or(text, |scheme| text[scheme.len()..].trim());
    let suffix = CONTACT_SUFFIXES.iter().find_map(|suffix| {
        let at = text.len().checked_sub(suffix.len())?;
        text.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(suffix)).then_some(at)
    });
    let Some(at) = suffix else { return text };
    // One device of an account is number:device.
    let number = &text[..at];
    match number.rsplit_once(':') {
        Some((number, device)) if is_digits(device) && device.len() <= 3 => number,
        _ => number,
    }
}

/// The number in a text that is a link to a chat and nothing else.
fn in_chat_link(text: &str) -> Option<&str> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let behind = |text: &'_ str, start: &str| find_ignoring_case(text, start) == Some(0);
    let mut rest = text;
    for start in LINK_STARTS {
        rest = if behind(rest, start) { &rest[start.len()..] } else { rest };
    }
    let link = CHAT_LINKS.iter().find(|link| behind(rest, link))?;
    let ends: &[char] = if link.ends_with('=') { &['&', '#'] } else { &['?', '#', '/'] };
    let number = rest[link.len()..].split(ends).next().unwrap_or_default();
    // A plus sign that was encoded.
    Some(number.strip_prefix("%2B").or_else(|| number.strip_prefix("%2b")).unwrap_or(number))
}

fn find_ignoring_case(text: &str, part: &str) -> Option<usize> {
    text.as_bytes().windows(part.len()).position(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// A text as an English keyboard types it.
fn typed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.chars().map(plain).collect()) }
}

/// A character as an English keyboard types it.
fn plain(c: char) -> char {
    let zero = ZEROS.iter().rev().find(|zero| **zero <= u32::from(c)).copied().unwrap_or(u32::MAX);
    match u32::from(c).checked_sub(zero).filter(|digit| *digit < 10) {
        Some(digit) => char::from_digit(digit, 10).unwrap_or(c),
        None => match c {
            '\u{ff0b}' | '\u{fe62}' => '+',
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '\u{30fc}' => '-',
            '\u{ff08}' => '(',
            '\u{ff09}' => ')',
            '\u{ff0e}' => '.',
            '\u{ff0f}' => '/',
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\t' => c,
            _ if c.is_whitespace() => ' ',
            _ => c,
        },
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number that a spreadsheet or a program made of a phone number: with a fraction, or with an exponent. A fraction of zeros
/// is taken off; digits that are not there are never guessed.
pub(super) fn whole_number(text: &str) -> Result<&str, BadDestination> {
    let number = text.strip_prefix('+').unwrap_or(text);
    if let Some((digits, power)) = number.split_once(['e', 'E']) {
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
        if is_digits(power) && is_decimal && digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(BadDestination::Exponent(text.to_owned()));
        }
    }
    let Some((whole, fraction)) = number.split_once(['.', ',']) else { return Ok(text) };
    if !is_digits(whole) || !is_digits(fraction) {
        return Ok(text);
    }
    let is_zero = fraction.bytes().all(|byte| byte == b'0');
    // No program calculates with a leading zero: so many zeros may be digits of the number.
    if is_zero && whole.starts_with('0') && fraction.len() >= GROUP_DIGITS {
        return Err(BadDestination::Fraction(text.to_owned()));
    }
    if is_zero {
        return Ok(&text[..text.len() - fraction.len() - 1]);
    }
    let is_comma = number.as_bytes().get(whole.len()) == Some(&b',');
    if whole.len() >= FRACTION_AFTER_DIGITS && (!is_comma || fraction.len() < FRACTION_AFTER_DIGITS) {
        return Err(BadDestination::Fraction(text.to_owned()));
    }
    Ok(text)
}

/// Refuses what stands behind a number and is no part of it: a note, a count, the digits behind a point, another ending or
/// another number with the same beginning.
fn check_end(text: &str) -> Result<(), BadDestination> {
    let runs: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    let [first, .., before, last] = runs[..] else {
        return match runs[..] {
            [whole, fraction] if whole.len() >= FRACTION_AFTER_DIGITS => check_last(text, whole, fraction, whole.len()),
            _ => Ok(()),
        };
    };
    if first.starts_with('0') && first.len() >= SUBSCRIBER_DIGITS_MIN && runs[1..].contains(&first) {
        return Err(BadDestination::Several);
    }
    let digits = runs.iter().map(|run| run.len()).sum::<usize>() - last.len();
    if digits < FRACTION_AFTER_DIGITS { Ok(()) } else { check_last(text, before, last, digits) }
}

/// What the `last` digits are, behind so many others of which those `before` stand together.
fn check_last(text: &str, before: &str, last: &str, digits: usize) -> Result<(), BadDestination> {
    let text = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let text = &text[..text.len() - last.len()];
    let separator = &text[text.trim_end_matches(|c: char| !c.is_ascii_digit()).len()..];
    let (is_short, is_apart) = (last.len() <= 2, separator.contains(' '));
    if separator.contains(['.', ',']) {
        // Groups of two are written with dots all along, as in 06.12.34.56.78.
        let is_fraction = before.len() >= FRACTION_AFTER_DIGITS || is_short && (before.len() != 2 || is_apart);
        return if is_fraction { Err(BadDestination::Fraction(text.to_owned() + last)) } else { Ok(()) };
    }
    let is_lone = last.len() == 1 && digits >= FRACTION_AFTER_DIGITS;
    let is_ending = is_short && separator.contains('-') && (is_apart || before.len() >= WHOLE_DIGITS);
    if is_lone || is_ending { Err(BadDestination::Behind(last.to_owned())) } else { Ok(()) }
}

fn digits_of(text: &str) -> Result<Written, BadDestination> {
    let (mut digits, mut prefix, mut marked_zero_at) = (String::new(), Prefix::Open, None);
    let compact: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    for (at, c) in compact.iter().enumerate() {
        match c {
            '0'..='9' => digits.push(*c),
            '+' if digits.is_empty() && prefix == Prefix::Open => prefix = Prefix::International,
            '(' | '[' if !digits.is_empty() && matches!(compact.get(at + 1..at + 3), Some(['0', ')' | ']'])) => {
                marked_zero_at = Some(digits.len());
            }
            '(' | '[' if digits.len() > BEFORE_BRACKETS_MAX => {
                let digits: String = compact[at..].iter().filter(|c| c.is_ascii_digit()).collect();
                let is_note = digits.is_empty();
                return Err(BadDestination::Behind(if is_note { compact[at..].iter().collect() } else { digits }));
            }
            // A minus sign: no phone number is negative.
            '-' if at == 0 => return Err(BadDestination::Characters),
            '+' => return Err(BadDestination::Plus),
            '.' | '-' | '(' | ')' | '[' | ']' | '/' => {}
            _ if *c != '@' && digits.len() >= FRACTION_AFTER_DIGITS && has_no_digits(&compact[at..]) => {
                return Err(BadDestination::Behind(compact[at..].iter().collect()));
            }
            'x' | 'X' | '#' if digits.len() >= FRACTION_AFTER_DIGITS => return Err(BadDestination::Extension),
            'e' | 'E' if digits.len() >= FRACTION_AFTER_DIGITS && is_extension(&compact[at..]) => {
                return Err(BadDestination::Extension);
            }
            _ => return Err(other::before(text).unwrap_or(BadDestination::Characters)),
        }
    }
    if digits.is_empty() {
        return Err(BadDestination::Characters);
    }
    if digits.len() > DIGITS_MAX {
        return Err(BadDestination::TooLong);
    }
    let begins_in_brackets = prefix == Prefix::Open && matches!(compact.first(), Some('(' | '['));
    if prefix == Prefix::Open && digits.starts_with("00") {
        if !text.contains("00") || text.find('0') != text.find("00") {
            // Two zeros of different meanings.
            return Err(BadDestination::NoSuchNumber(digits));
        }
        if digits == "00" {
            return Err(BadDestination::NoSuchNumber(digits));
        }
        // 00 is how most of the world dials abroad.
        digits.drain(..2);
        prefix = Prefix::International;
        marked_zero_at = marked_zero_at.and_then(|at: usize| at.checked_sub(2));
    }
    Ok(Written { prefix, digits, marked_zero_at, begins_in_brackets })
}

fn has_no_digits(rest: &[char]) -> bool {
    !rest.iter().any(char::is_ascii_digit)
}

fn is_extension(rest: &[char]) -> bool {
    matches!(rest, ['e' | 'E', 'x' | 'X', 't' | 'T', ..])
}
