//! What spreadsheets and databases leave in a text file where nobody wrote a text: errors, formulas, words for nothing. Pure; called
//! by `table.rs`.

use super::table::BadCell;

/// What a cell shows whose formula has no value.
const ERRORS: [&str; 16] = [
    "#REF!",
    "#REF",
    "#N/A",
    "#NAME?",
    "#VALUE!",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#ERROR!",
    "#SPILL!",
    "#CALC!",
    "#BLOCKED!",
    "#BUSY!",
    "#CONNECT!",
    "#FIELD!",
    "#UNKNOWN!",
];
/// What databases and programs write where nothing stands.
const NOTHINGS: [&str; 5] = ["NULL", "null", "\\N", "nan", "NaN"];
/// So many `#` are shown in the place of a number that is too long for its cell.
const HASHES_MIN: usize = 4;

/// Whether a text only says that there is none.
pub fn is_nothing(text: &str) -> bool {
    NOTHINGS.contains(&text)
}

/// Why a text is none that anybody wrote: the error that a cell showed or its formula.
pub fn bad_text(text: &str) -> Option<BadCell> {
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_hidden = text.len() >= HASHES_MIN && text.bytes().all(|byte| byte == b'#');
    let is_coded = text.strip_prefix("Err:").is_some_and(is_number);
    if ERRORS.contains(&text) || is_hidden || is_coded {
        return Some(BadCell::Error(text.to_owned()));
    }
    // A function's name and its bracket may stand before the reference, and so may a sheet's name.
    let rest = text.strip_prefix('=')?.trim_start_matches(['+', '-', ' ']);
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.')
    };
    let is_call = rest.split_once('(').is_some_and(|(name, _)| is_name(name));
    let of_sheet = rest.split_once('!').is_some_and(|(_, cell)| is_reference(cell));
    (is_call || of_sheet || is_reference(rest)).then_some(BadCell::Formula)
}

/// Whether a text begins with the name of a cell, as `$B$3`.
fn is_reference(text: &str) -> bool {
    let rest = text.strip_prefix('$').unwrap_or(text);
    let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
    let row = rest[letters..].trim_start_matches('$');
    (1..=3).contains(&letters) && row.starts_with(|c: char| ('1'..='9').contains(&c))
}
