//! What stands where a number belongs and is none, more than one, or more than a number: each is refused for what it is. Called by
//! `written.rs`.

use super::{BadDestination, FRACTION_AFTER_DIGITS, SUBSCRIBER_DIGITS_MIN, WHOLE_DIGITS, is_digits};

/// More digits than a country code with an area code: what a slash follows them with is another number.
const AREA_DIGITS_MAX: usize = 7;
/// What extensions are called, in English and Indonesian, the pauses of telephones before one, and the most digits.
const EXTENSIONS: [&str; 13] =
    ["ext", "extn", "extension", "x", "#", "ekst", "ekstensi", "pes", "pesawat", "p", "w", "pause", "wait"];
const EXTENSION_DIGITS_MAX: usize = 7;
/// What WhatsApp calls channels, and statuses and broadcast lists.
const OTHER_CHATS: [&str; 2] = ["@newsletter", "@broadcast"];
/// What stands for digits that are not shown.
const MASKS: [char; 9] = ['x', 'X', '*', '#', '?', '_', '\u{2022}', '\u{25cf}', '\u{b7}'];
/// What stands for anything that is left out.
const ELLIPSIS: char = '\u{2026}';
/// Digits of the shortest whole number.
const COMPLETE_DIGITS: usize = 10;

/// Refuses other addresses of WhatsApp, and of mail.
pub(super) fn check_chat(text: &str) -> Result<(), BadDestination> {
    let Some((name, domain)) = text.split_once('@') else { return Ok(()) };
    if OTHER_CHATS.iter().any(|chat| text[name.len()..].eq_ignore_ascii_case(chat)) {
        return Err(BadDestination::Chat(text.to_owned()));
    }
    let is_mail = !text.contains(char::is_whitespace)
        && !name.is_empty()
        && domain.split_once('.').is_some_and(|(host, top)| !host.is_empty() && top.contains(char::is_alphabetic));
    if is_mail { Err(BadDestination::Mail) } else { Ok(()) }
}

/// Refuses what has digits and is another thing than a number.
pub(super) fn check_kind(text: &str) -> Result<(), BadDestination> {
    if is_date(text) {
        return Err(BadDestination::Date(text.to_owned()));
    }
    if is_masked(text) { Err(BadDestination::Masked(text.to_owned())) } else { Ok(()) }
}

/// A day in digits with its year, perhaps with a time behind it: also one with two digits of its year, where nothing else has slashes so.
fn is_date(text: &str) -> bool {
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let is_time = time.contains(':') && time.starts_with(|c: char| c.is_ascii_digit());
    let Some(separator) = day.chars().find(|c| !c.is_ascii_digit()) else { return false };
    let parts: Vec<&str> = day.split(separator).collect();
    let [first, second, third] = parts[..] else { return false };
    let of = |part: &str, most: u32| part.len() <= 2 && part.parse().is_ok_and(|number| (1..=most).contains(&number));
    let is_year = |part: &str| part.len() == 4 && part.parse().is_ok_and(|year| (1900..2100).contains(&year));
    let is_day = |one: &str, other: &str| of(one, 31) && of(other, 12) || of(one, 12) && of(other, 31);
    let is_short = |part: &str| separator == '/' && part.len() == 2 && is_digits(part);
    matches!(separator, '-' | '/' | '.')
        && (time.is_empty() || is_time)
        && (is_year(first) && of(second, 12) && of(third, 31)
            || (is_year(third) || is_short(third)) && is_day(first, second))
}

/// Whether some of a number's digits are replaced by others of one sign, as in `0812****789`, or left out, as in `0812...789`.
fn is_masked(text: &str) -> bool {
    let is_mask = |c: char| MASKS.contains(&c);
    let is_part = |c: char| c.is_ascii_digit() || is_mask(c) || c == ELLIPSIS || " -.()+".contains(c);
    if !text.chars().all(is_part) {
        return false;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let chars: Vec<char> = text.chars().collect();
    let is_hidden = |at: usize| {
        let (c, next) = (chars[at], chars.get(at + 1));
        c == ELLIPSIS || (is_mask(c) || c == '.') && next == Some(&c)
    };
    let is_followed = |at: usize| chars[at..].iter().any(char::is_ascii_digit);
    let is_begun = |at: usize| chars[..at].iter().any(char::is_ascii_digit);
    (0..chars.len())
        .any(|at| is_hidden(at) && is_begun(at) && (is_followed(at) || chars[at] != '.' && digits < COMPLETE_DIGITS))
}

/// A text without separators behind its only number: nothing follows that they could separate it from.
pub(super) fn without_last_separator(text: &str) -> &str {
    text.trim_end_matches([',', ';', ' '])
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|' | '&') || is_break(c)
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What a text is that separators divide.
fn separated(text: &str) -> BadDestination {
    let digits = |part: &&str| part.bytes().filter(u8::is_ascii_digit).count();
    let parts: Vec<&str> = text.split(is_separator).map(str::trim).filter(|part| !part.is_empty()).collect();
    let whole: Vec<usize> = (0..parts.len()).filter(|at| digits(&parts[*at]) >= FRACTION_AFTER_DIGITS).collect();
    let others = parts.iter().filter(|part| digits(part) > 0).count();
    match whole[..] {
        [_, _, ..] => BadDestination::Several,
        // Lines and cells are never one number.
        [_] if others > 1 && text.contains(is_break) => BadDestination::Several,
        [0] if parts.len() > 1 => BadDestination::Behind(parts[1..].join(", ")),
        [_] => before(text).unwrap_or(BadDestination::Characters),
        [] => BadDestination::Characters,
    }
}

/// What stands before the only number in a text, such as a name or a label.
pub(super) fn before(text: &str) -> Option<BadDestination> {
    let is_part = |c: char| c.is_ascii_digit() || " +-.()".contains(c);
    let mut at = 0;
    for run in text.split_inclusive(|c| !is_part(c)) {
        if run.bytes().filter(u8::is_ascii_digit).count() >= FRACTION_AFTER_DIGITS {
            let label = text[..at].trim();
            return (!label.is_empty()).then(|| BadDestination::Before(label.to_owned()));
        }
        at += run.len();
    }
    None
}

/// Refuses a letter that looks like a digit, among digits.
pub(super) fn check_letters(text: &str) -> Result<(), BadDestination> {
    let digit_of = |letter: char| match letter {
        'o' | 'O' => Some('0'),
        'l' | 'I' | 'i' => Some('1'),
        _ => None,
    };
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let are_alike = letters().all(|letter| digit_of(letter).is_some());
    match letters().find_map(|letter| Some((letter, digit_of(letter)?))) {
        Some((letter, digit)) if are_alike && digits >= FRACTION_AFTER_DIGITS => {
            Err(BadDestination::Letter { letter, digit })
        }
        _ => Ok(()),
    }
}

/// Refuses an extension, and what else stands behind a number in a link (RFC 3966, as in `;ext=12`): neither is another number.
pub(super) fn check_extension(text: &str) -> Result<(), BadDestination> {
    let Some(at) = text.find(|c: char| c.is_alphabetic() || c == '#') else { return Ok(()) };
    let (number, rest) = text.split_at(at);
    let name_end = rest.find(|c: char| !c.is_alphabetic() && c != '#').unwrap_or(rest.len());
    let (name, value) = rest.split_at(name_end);
    let before = number.trim_end_matches([' ', ',', ';', '(', '/', '-']);
    let is_one = before.bytes().filter(u8::is_ascii_digit).count() >= FRACTION_AFTER_DIGITS
        && !before.contains([',', ';', '|', '\n', '\r', '\t']);
    let is_parameter = number.ends_with(';') && value.starts_with('=');
    let digits = value.trim_matches([' ', '.', ':', '=', ')', '-']);
    let is_called = EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_one && is_called && is_digits(digits) && digits.len() <= EXTENSION_DIGITS_MAX {
        return Err(BadDestination::Extension);
    }
    if is_one && is_parameter { Err(BadDestination::Behind(rest.to_owned())) } else { Ok(()) }
}

/// Refuses what may be the rest of a calculated number, and more than one number.
pub(super) fn check_separators(text: &str) -> Result<(), BadDestination> {
    if text.contains(is_separator) {
        return Err(separated(text));
    }
    // Two that are whole, with spaces or a word between them.
    let is_part = |c: char| c.is_ascii_digit() || "+-.()".contains(c);
    let is_whole = |part: &&str| part.bytes().filter(u8::is_ascii_digit).count() >= WHOLE_DIGITS;
    if text.split(|c| !is_part(c)).filter(is_whole).count() > 1 {
        return Err(BadDestination::Several);
    }
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_lone = |at: &usize| bytes[*at] == b'.' && is_digit(at + 1) && !is_digit(at + 2);
    if (0..bytes.len()).any(|at| is_lone(&at)) {
        return Err(BadDestination::Fraction(text.to_owned()));
    }
    if let Some((number, note)) = text.split_once('/')
        && note.contains(char::is_alphabetic)
        && !note.contains(|c: char| c.is_ascii_digit())
    {
        let has_number = number.bytes().filter(u8::is_ascii_digit).count() >= FRACTION_AFTER_DIGITS;
        return Err(if has_number {
            BadDestination::Behind(note.trim().to_owned())
        } else {
            BadDestination::Characters
        });
    }
    if let Some((area, subscriber)) = text.split_once('/') {
        check_slash(area, subscriber)?;
    }
    Ok(())
}

/// Refuses what a slash does not follow as the subscriber's number follows an area code.
fn check_slash(area: &str, subscriber: &str) -> Result<(), BadDestination> {
    let count = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    let area = area.trim_start();
    let abroad = if area.starts_with("00") { 2 } else { 0 };
    let is_area = count(area) <= AREA_DIGITS_MAX + abroad;
    let begins_anew = area.starts_with('0') && subscriber.trim_start().starts_with('0');
    if is_area && subscriber.contains('/') {
        return Err(BadDestination::Characters);
    }
    let is_one = is_area && !begins_anew && count(subscriber) >= SUBSCRIBER_DIGITS_MIN;
    if is_one { Ok(()) } else { Err(BadDestination::Several) }
}

#[cfg(test)]
mod tests;
