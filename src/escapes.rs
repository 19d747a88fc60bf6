//! Escapes that clients write into a text: `\n`, `\r`, `\t`, `\uXXXX`, `\UXXXXXXXX`, with one or two backslashes.

use std::borrow::Cow;

/// The text with its escapes turned into the characters they stand for. A backslash that starts no escape stays as it
/// is; so does an escape that stands for no character (half of a surrogate pair, a number beyond Unicode).
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        match escape(rest) {
            Some((character, length)) => {
                decoded.push(character);
                rest = &rest[length..];
            }
            None => {
                decoded.push('\\');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Whether nothing is seen of a text: as a caption it is none. Spaces are those that Python strips.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// The character that the escape at the start of `text` stands for, and the escape's length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let after = text.strip_prefix("\\\\").or_else(|| text.strip_prefix('\\'))?;
    let slashes = text.len() - after.len();
    let (letter, digits) = after.split_at_checked(1)?;
    let (character, length) = match letter {
        "n" => ('\n', 1),
        "r" => ('\r', 1),
        "t" => ('\t', 1),
        "u" => utf16(digits)?,
        "U" => (char::from_u32(hex(digits, 8)?)?, 9),
        _ => return None,
    };
    // NUL is a character that neither store nor phone takes.
    (character != '\0').then_some((character, slashes + length))
}

/// `XXXX`, or `XXXX\uXXXX` for a surrogate pair; the length counts the first `u` too.
fn utf16(digits: &str) -> Option<(char, usize)> {
    let first = hex(digits, 4)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 5));
    }
    let after = &digits[4..];
    let second_digits = after.strip_prefix("\\\\u").or_else(|| after.strip_prefix("\\u"))?;
    let between = after.len() - second_digits.len();
    let second = hex(second_digits, 4)?;
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, 1 + 4 + between + 4))
}

fn hex(text: &str, length: usize) -> Option<u32> {
    let digits = text.get(..length)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_become_the_characters_they_stand_for() {
        for (text, wanted) in [
            (r"a\nb", "a\nb"),
            (r"a\\nb", "a\nb"),
            (r"\r\t", "\r\t"),
            (r"\u00e9", "é"),
            (r"\ud83d\ude00", "😀"),
            (r"\\ud83d\\ude00", "😀"),
            (r"\U0001F600", "😀"),
            (r"\\U0001F600", "😀"),
            // The seed's Python sample, as the server gets it.
            (
                "your message here.\\nGrinning face emoticon: \\\\U0001F600",
                "your message here.\nGrinning face emoticon: 😀",
            ),
            // None of these is an escape.
            (r"C:\dir", r"C:\dir"),
            (r"\", r"\"),
            (r"\\", r"\\"),
            (r"\\\", r"\\\"),
            (r"\\\n", "\\\n"),
            (r"\u12", r"\u12"),
            (r"\u+123", r"\u+123"),
            (r"\ud83d", r"\ud83d"),
            (r"\ud83d\u0041", "\\ud83dA"),
            (r"\U00110000", r"\U00110000"),
            (r"\u0000", r"\u0000"),
            (r"\x41", r"\x41"),
            ("\\é", "\\é"),
            ("\\u00é", "\\u00é"),
        ] {
            assert_eq!(decode(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_decoded_without_a_panic(text in r"(\\|u|U|n|d83d|de00|0001F600|[a-f0-9]|é|😀|.){0,40}") {
            let decoded = decode(&text);
            prop_assert!(decoded.len() <= text.len());
            if !text.contains('\\') {
                prop_assert_eq!(&*decoded, text.as_str());
            }
        }
    }
}
