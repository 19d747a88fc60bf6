//! What Python makes of numbers, spaces and texts. The original API was written in it, and clients read what came of
//! that: `int("1_000")`, `str(1e16)`, `repr("…")`. Called by the checks of a body.

use std::borrow::Cow;
use std::fmt::Write;

/// An integer of more digits is not read: `sys.int_info.default_max_str_digits`.
pub const INTEGER_DIGITS_MAX: usize = 4_300;

/// The zeros of every script whose digits `int` takes (category Nd of Unicode 14); nine more digits follow each.
#[rustfmt::skip]
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// `c.isspace()`, and `\s` of a regular expression.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `text.strip()`
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `unicodedata.decimal(c)`; a character has one where `\d` of a regular expression takes it.
pub fn decimal(c: char) -> Option<u32> {
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= c.into())].last()?;
    Some(u32::from(c) - zero).filter(|digit| *digit < 10)
}

/// `int(text)`, cut to the ends of `i64`: digits of any script, single underscores between them, spaces around them.
pub fn integer(text: &str) -> Option<i64> {
    if text.chars().nth(INTEGER_DIGITS_MAX).is_some() {
        return None;
    }
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut value = 0_i64;
    for part in digits.split('_') {
        if part.is_empty() {
            return None;
        }
        for c in part.chars() {
            value = value.saturating_mul(10).saturating_add(decimal(c)?.into());
        }
    }
    Some(if text.starts_with('-') { -value } else { value })
}

/// `int(number)` of a JSON number, cut to whole and to the ends of `i64`. Infinity and NaN have none.
pub fn whole(number: &str) -> Option<i64> {
    if is_integer(number) {
        return integer(number);
    }
    let value = float(number);
    #[allow(clippy::cast_possible_truncation, reason = "cut to whole, and to the ends of i64")]
    value.is_finite().then_some(value.trunc() as i64)
}

/// A JSON number as a float; what is too large is infinite.
pub fn float(number: &str) -> f64 {
    match number {
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => number.parse().unwrap_or(f64::NAN),
    }
}

/// `str(number)` of a JSON number: an integer as it stands, any other in the shortest form that names it.
pub fn number_text(number: &str) -> Cow<'_, str> {
    if is_integer(number) {
        return Cow::Borrowed(if number == "-0" { "0" } else { number });
    }
    let value = float(number);
    if value.is_nan() {
        return Cow::Borrowed("nan");
    }
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

/// Whether a JSON number is an `int` in Python.
pub fn is_integer(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// `repr(text)`
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '\\' => quoted.write_str(r"\\"),
            '\n' => quoted.write_str(r"\n"),
            '\r' => quoted.write_str(r"\r"),
            '\t' => quoted.write_str(r"\t"),
            _ if c == quote => write!(quoted, "\\{c}"),
            _ if is_printable(c) => quoted.write_char(c),
            '\0'..='\u{ff}' => write!(quoted, "\\x{:02x}", u32::from(c)),
            '\u{100}'..='\u{ffff}' => write!(quoted, "\\u{:04x}", u32::from(c)),
            _ => write!(quoted, "\\U{:08x}", u32::from(c)),
        };
    }
    quoted.push(quote);
    quoted
}

/// `c.isprintable()`. The standard library asks the same of a character before it escapes it, but keeps that to itself.
fn is_printable(c: char) -> bool {
    // Behind another, a combining character is not escaped for being one.
    let behind_another = String::from_iter(['x', c]);
    matches!(c, '\'' | '"') || behind_another.escape_debug().nth(1) == Some(c)
}
