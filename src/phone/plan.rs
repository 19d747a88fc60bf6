//! Which number some digits are by the numbering plans of the world (libphonenumber's metadata), and the forms beside them that
//! WhatsApp itself uses. Called by `phone.rs`.

use rlibphonenumber::{
    PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, get_national_significant_number_owned,
};

/// ITU-T E.164: at most 15 digits.
pub(super) const DIGITS_MAX: usize = 15;

/// What digits are by their numbering plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// A number that can be dialled, in international form. All its digits were written.
    Number { digits: String, has_trunk_prefix: bool, may_be_mobile: bool },
    /// The plan has a number for it, but with other digits than were written, such as a 9 for Argentina's 15.
    Rewritten(String),
}

/// Digits that begin with a country code. A trunk prefix behind it is dropped where its plan has one.
pub(super) fn international(digits: &str) -> Option<Reading> {
    if is_form_of_whatsapp(digits) {
        return Some(Reading::Number { digits: digits.to_owned(), has_trunk_prefix: false, may_be_mobile: true });
    }
    by_plan(digits).or_else(|| mexican(digits)).or_else(|| {
        // What WhatsApp's own forms do not know of, their plan drops all the same.
        let (country_code, national) = digits.split_at_checked(2)?;
        let number = format!("{country_code}{}", national.strip_prefix('0')?);
        is_form_of_whatsapp(&number).then_some(Reading::Number {
            digits: number,
            has_trunk_prefix: true,
            may_be_mobile: true,
        })
    })
}

/// A number of Mexico with a prefix that was dialled there before 2019: 01 from another area, 044 and 045 to a mobile. Their plan has
/// forgotten them, and the 1 of 01 is not that of a mobile in WhatsApp's form.
fn mexican(digits: &str) -> Option<Reading> {
    let national = digits.strip_prefix("52")?;
    let subscriber = ["01", "044", "045"].iter().find_map(|prefix| national.strip_prefix(prefix))?;
    let number = format!("52{subscriber}");
    (subscriber.len() == 10 && is_valid(&number)).then_some(Reading::Rewritten(number))
}

/// Whether digits are a mobile number of Indonesia to a client of that country. Most numbers are, and the plans need not be asked:
/// they allow each of these, and give it no second reading.
pub(super) fn is_indonesian_mobile(digits: &str, country_code: &str) -> bool {
    let is_mobile = |national: &str| matches!(national.as_bytes()[0], b'1'..=b'3' | b'5'..=b'9');
    country_code == "62" && (11..=14).contains(&digits.len()) && digits.strip_prefix("628").is_some_and(is_mobile)
}

/// How many of the first digits are a country code.
pub(super) fn country_code_digits(digits: &str) -> Option<usize> {
    let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()?;
    Some(number.country_code.to_string().len())
}

/// Digits as they are dialled within the country with that code.
pub(super) fn national(digits: &str, country_code: &str) -> Option<Reading> {
    international(&format!("{country_code}{digits}"))
}

fn by_plan(digits: &str) -> Option<Reading> {
    let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()?;
    let kind = number.get_type();
    // Of a number that its plan does not allow nothing is known.
    if kind == PhoneNumberType::Unknown {
        return None;
    }
    let (country_code, national) = (number.country_code.to_string(), get_national_significant_number_owned(&number));
    let dialled = format!("{country_code}{national}");
    let before = digits.strip_prefix(country_code.as_str()).and_then(|written| written.strip_suffix(national.as_str()));
    if dialled.len() > DIGITS_MAX {
        return None;
    }
    Some(match before {
        Some(dropped) if matches!(dropped, "" | "0") || is_trunk_prefix(dropped, &national, &number) => {
            Reading::Number {
                digits: dialled,
                has_trunk_prefix: !dropped.is_empty(),
                may_be_mobile: matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile),
            }
        }
        _ => Reading::Rewritten(dialled),
    })
}

/// Whether a prefix is the one with which the number is dialled within its country.
fn is_trunk_prefix(prefix: &str, national: &str, number: &PhoneNumber) -> bool {
    let dialled = number.format_as(PhoneNumberFormat::National);
    let digits: String = dialled.chars().filter(char::is_ascii_digit).collect();
    digits.strip_suffix(national) == Some(prefix)
}

fn is_valid(digits: &str) -> bool {
    PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).is_ok_and(|number| number.is_valid())
}

/// Whether WhatsApp knows accounts by such a number although its plan has given it another form: Brazil's mobiles without
/// their ninth digit, Mexico's with the 1 that it gave up, Argentina's with and without the 9.
fn is_form_of_whatsapp(digits: &str) -> bool {
    other_form(digits).is_some_and(|other| is_valid(&other))
}

/// The other form of a number that has two.
fn other_form(digits: &str) -> Option<String> {
    match (digits.get(..2)?, digits.len()) {
        ("55", 12) if digits.as_bytes()[4] >= b'6' => Some(format!("{}9{}", &digits[..4], &digits[4..])),
        ("52", 13) => digits.strip_prefix("521").map(|rest| format!("52{rest}")),
        ("54", 13) => digits.strip_prefix("549").map(|rest| format!("54{rest}")),
        ("54", 12) => Some(format!("549{}", &digits[2..])),
        _ => None,
    }
}

/// One form for all in which WhatsApp and people write the number of one account, to compare them by.
pub(super) fn canonical(digits: &str) -> String {
    if digits.len() == 12 && digits.starts_with("54") {
        return digits.to_owned();
    }
    other_form(digits).unwrap_or_else(|| digits.to_owned())
}

/// The form beside the canonical one, of a number that has two.
pub(super) fn beside_canonical(digits: &str) -> Option<String> {
    let other = match (digits.get(..2)?, digits.len()) {
        ("55", 13) if digits.as_bytes()[4] == b'9' => format!("{}{}", &digits[..4], &digits[5..]),
        ("52", 12) => format!("521{}", &digits[2..]),
        ("54", 12) => format!("549{}", &digits[2..]),
        _ => return None,
    };
    (canonical(&other) == digits).then_some(other)
}
