//! The ids of groups. New ones have 18 digits; those made before 2021 are named after their founder's number and the time. Called by
//! `phone.rs`, and where a group alone is asked for.
//!
//! A phone number is no group, and a number that was rounded is another group, or none: neither is taken for one. Who writes `@g.us`
//! behind an id says that it is one, and is believed.

use super::{BadDestination, GROUP_SUFFIX, MARKED_DIGITS_MIN, has_suffix, plan, written};

/// Digits of the id of a new group.
const NEW_DIGITS: usize = 18;
/// Digits of the time, in seconds, in the id of an old one.
const TIME_DIGITS: usize = 10;
/// Digits of the shortest phone number of a founder.
const FOUNDER_DIGITS_MIN: usize = 5;
/// Digits of either part of an id that is marked as one.
const MARKED_DIGITS_MAX: usize = 24;
/// Digits of a number that a spreadsheet keeps.
const SPREADSHEET_DIGITS: usize = 15;
/// Up to here a float holds every whole number (2^53).
const FLOAT_WHOLE_MAX: u64 = 1 << 53;

/// A group's id without its `@g.us`.
///
/// # Errors
/// [`BadDestination`] when no group has such an id, or it may have lost digits.
pub fn parse_group(text: &str) -> Result<String, BadDestination> {
    let visible = written::visible(text);
    if has_suffix(&visible, GROUP_SUFFIX) {
        return marked(&visible[..visible.len() - GROUP_SUFFIX.len()]);
    }
    let id = visible.as_ref();
    if let Some(rounded) = rounded(id) {
        return Err(BadDestination::Rounded(rounded));
    }
    if is_old(id) || is_digits(id) && id.len() == NEW_DIGITS {
        return Ok(id.to_owned());
    }
    let whole = written::whole_number(id)?;
    if whole.len() < id.len() && whole.len() > SPREADSHEET_DIGITS {
        // A fraction of zeros: it was calculated with.
        return Err(BadDestination::RoundedFloat(id.to_owned()));
    }
    match written::digits_alone(id) {
        Some((MARKED_DIGITS_MIN..=plan::DIGITS_MAX, _)) => Err(BadDestination::GroupOfNumber(id.to_owned())),
        _ => Err(BadDestination::Group),
    }
}

/// An id behind which `@g.us` stands.
fn marked(id: &str) -> Result<String, BadDestination> {
    let is_number = |part: &str| part.len() <= MARKED_DIGITS_MAX && is_digits(part);
    let parts: Vec<&str> = id.split('-').collect();
    if parts.len() <= 2 && parts.iter().all(|part| is_number(part)) {
        Ok(id.to_owned())
    } else {
        written::whole_number(id)?;
        Err(BadDestination::Group)
    }
}

/// A number of more digits than a spreadsheet keeps, all of which behind those are zeros: it may be the id of a group, rounded. The one
/// who writes `@g.us` behind it says that it is one.
pub fn rounded(text: &str) -> Option<String> {
    let visible = written::visible(text);
    // What has a dash is no number to a spreadsheet, as the id of an old group has.
    if visible.contains('-') {
        return None;
    }
    let (count, _) = written::digits_alone(&visible)?;
    let digits = visible.chars().filter_map(|c| c.to_digit(10).filter(|_| c.is_ascii()));
    (count > SPREADSHEET_DIGITS && digits.skip(SPREADSHEET_DIGITS).all(|digit| digit == 0))
        .then(|| visible.into_owned())
}

/// Whether a number in JSON is written as a program writes it whose numbers are floats, and is too large for them to be exact: of 16 ids
/// such a program writes 15 as another one. Of those that a program with whole numbers writes, one in 16 looks so.
pub fn is_rounded_float(number: &str) -> bool {
    let Ok(whole) = number.parse::<u64>() else { return false };
    // As all of them write floats: the fewest digits that mean it, and zeros.
    whole > FLOAT_WHOLE_MAX && number.parse::<f64>().is_ok_and(|float| float.to_string() == number)
}

/// Whether a text is a founder's number, a dash and a time.
fn is_old(id: &str) -> bool {
    id.split_once('-').is_some_and(|(founder, time)| {
        (FOUNDER_DIGITS_MIN..=plan::DIGITS_MAX).contains(&founder.len())
            && time.len() == TIME_DIGITS
            && is_digits(founder)
            && is_digits(time)
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
