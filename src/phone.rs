//! Phone numbers and group ids as customers write them, turned into what WhatsApp addresses are made of.

use std::borrow::Cow;
use std::sync::LazyLock;

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// ITU-T E.164: at most 15 digits.
const DIGITS_MAX: usize = 15;
/// Those that are seen have 15.
const HIDDEN_DIGITS_MAX: usize = 24;
const GROUP_SUFFIX: &str = "@g.us";
/// How the address of a person ends who hides his number.
const HIDDEN_SUFFIX: &str = "@lid";
/// A contact's address may be given whole.
const CONTACT_SUFFIXES: [&str; 2] = ["@s.whatsapp.net", "@c.us"];

/// Why a destination is refused, in words for who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    #[error("the number is empty; give a phone number in international form, such as 6281234567890")]
    Empty,
    #[error(
        "a phone number has digits only, and + - . ( ) or spaces between them; give it in international form, such as 6281234567890"
    )]
    Characters,
    #[error(
        "no numbering plan allows the phone number {0}; give it in international form with its country code, such as 6281234567890"
    )]
    NoSuchNumber(String),
    #[error("a hidden id is digits and @lid, as an inbound message shows it")]
    Hidden,
    #[error("a group id is digits, or digits-digits, with or without @g.us")]
    Group,
}

/// Whom a message goes to that goes to no group: the digits of a phone number, or a hidden id as it is shown of who hides his.
///
/// # Errors
/// [`BadDestination`]. Of a hidden id only its form is looked at: which there are WhatsApp alone knows.
pub fn parse_recipient(text: &str, country_code: &str) -> Result<String, BadDestination> {
    match hidden_digits(text.trim()) {
        Some(digits)
            if (1..=HIDDEN_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(text.trim().to_owned())
        }
        Some(_) => Err(BadDestination::Hidden),
        None => parse_destination(text, country_code),
    }
}

/// What stands before the `@lid` of a hidden id; `None` of everything else.
pub fn hidden_digits(recipient: &str) -> Option<&str> {
    recipient.strip_suffix(HIDDEN_SUFFIX)
}

/// The last four digits of a number, a group's id or a hidden id.
pub fn last_four_digits(recipient: &str) -> Option<&str> {
    let digits = hidden_digits(recipient).unwrap_or(recipient);
    digits.get(digits.len().saturating_sub(4)..)
}

/// The digits of a phone number in international form. `country_code` replaces a leading `0`.
///
/// # Errors
/// [`BadDestination`] when no numbering plan allows such a number (libphonenumber's metadata).
pub fn parse_destination(text: &str, country_code: &str) -> Result<String, BadDestination> {
    let digits = international(text, country_code)?;
    let plus = format!("+{digits}");
    let is_valid =
        digits.len() <= DIGITS_MAX && PHONE_NUMBER_UTIL.parse(&plus, None).is_ok_and(|number| number.is_valid());
    if is_valid { Ok(digits) } else { Err(BadDestination::NoSuchNumber(digits)) }
}

/// Reads the numbering plans, some megabytes that stay in memory, so that no request waits for them.
pub fn read_plans() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}

/// The digits of a gateway's number as a customer writes it, to be compared with those of his gateways.
pub fn parse_sender(text: &str, country_code: &str) -> Option<String> {
    international(text, country_code).ok()
}

/// A group's id without its `@g.us`.
///
/// # Errors
/// [`BadDestination::Group`] when no group has such an id.
pub fn parse_group(text: &str) -> Result<String, BadDestination> {
    let id = text.trim();
    let id = id.strip_suffix(GROUP_SUFFIX).unwrap_or(id);
    let is_number = |part: &str| (1..=24).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    // Groups made before 2021 are named after their founder's number and the time: digits-digits.
    let parts: Vec<&str> = id.split('-').collect();
    if parts.len() <= 2 && parts.iter().all(|part| is_number(part)) {
        Ok(id.to_owned())
    } else {
        Err(BadDestination::Group)
    }
}

fn international(text: &str, country_code: &str) -> Result<String, BadDestination> {
    let text = text.trim();
    let text = CONTACT_SUFFIXES.iter().find_map(|suffix| text.strip_suffix(suffix)).unwrap_or(text);
    if text.is_empty() {
        return Err(BadDestination::Empty);
    }
    let has_plus = text.starts_with('+');
    let mut digits = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if at == 0 => {}
            ' ' | '.' | '-' | '(' | ')' | '[' | ']' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' => {}
            _ => return Err(BadDestination::Characters),
        }
    }
    if digits.is_empty() {
        return Err(BadDestination::Characters);
    }
    let digits: Cow<'_, str> = match digits.strip_prefix('0') {
        // 00 is how most of the world dials abroad.
        Some(rest) if rest.starts_with('0') => Cow::Owned(rest.trim_start_matches('0').to_owned()),
        Some(rest) if !has_plus => Cow::Owned(format!("{country_code}{rest}")),
        _ => Cow::Owned(digits),
    };
    Ok(digits.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_understood_however_people_write_it() {
        for (text, wanted) in [
            ("628111111111", "628111111111"),
            ("+62 811-1111-111", "628111111111"),
            (" 0811 1111 111 ", "628111111111"),
            ("(0811) 1111.111", "628111111111"),
            ("0062 811 1111 111", "628111111111"),
            ("628111111111@s.whatsapp.net", "628111111111"),
            ("6281234567890", "6281234567890"),
            ("14155552671", "14155552671"),
            ("4915112345678", "4915112345678"),
        ] {
            assert_eq!(parse_destination(text, "62").as_deref(), Ok(wanted), "{text}");
        }
        assert_eq!(parse_destination("0151 12345678", "49").as_deref(), Ok("4915112345678"));
    }

    #[test]
    fn what_no_numbering_plan_allows_is_refused() {
        for text in [
            "",
            "   ",
            "+",
            "62",
            "628",
            "12345",
            "999999999999",
            "62811111111111111111",
            "0811x",
            "abc",
            "６２８",
            "1 2 3",
            "628111111111,628111111112",
        ] {
            assert!(parse_destination(text, "62").is_err(), "{text}");
        }
    }

    #[test]
    fn the_sandboxes_numbers_are_numbers() {
        for ending in 0..100 {
            let number = format!("62811100{ending:04}");
            assert_eq!(parse_destination(&number, "62"), Ok(number.clone()));
        }
    }

    #[test]
    fn who_hides_his_number_is_written_to_by_his_hidden_id() {
        assert_eq!(parse_recipient(" 99887766554433@lid ", "62").as_deref(), Ok("99887766554433@lid"));
        assert_eq!(parse_recipient("0811 1111 111", "62").as_deref(), Ok("628111111111"));
        for bad in ["@lid", "abc@lid", "9:1@lid", "9988 7766@lid", "+9988@lid", "1234567890123456789012345@lid"] {
            assert_eq!(parse_recipient(bad, "62"), Err(BadDestination::Hidden), "{bad}");
        }
        let endings = ["628111110001", "99887766550001@lid", "1"].map(last_four_digits);
        assert_eq!(endings, [Some("0001"), Some("0001"), Some("1")]);
        assert_eq!(parse_destination("99887766554433@lid", "62"), Err(BadDestination::Characters));
    }

    #[test]
    fn a_group_is_known_with_and_without_its_suffix() {
        assert_eq!(parse_group("120363025246125486@g.us").as_deref(), Ok("120363025246125486"));
        assert_eq!(parse_group("6281111-1600000000").as_deref(), Ok("6281111-1600000000"));
        for text in ["", "@g.us", "abc@g.us", "1-2-3", "1-", "120363025246125486@s.whatsapp.net"] {
            assert!(parse_group(text).is_err(), "{text}");
        }
    }
}
