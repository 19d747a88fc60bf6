//! Cells of the gateway's own files that a spreadsheet would take for formulas: `'` stands before them, and is taken away when such a
//! file is imported. In the files of others `'` stays where it is: a person typed it. Pure; called by `again.rs`, `table.rs` and the
//! console's exports.

/// Columns that stand together in the gateway's own files only: refused rows, and exported messages.
const OWN: [[&str; 2]; 2] = [["line", "reason"], ["ref_no", "reason_code"]];

/// A cell that no spreadsheet calculates (<https://owasp.org/www-community/attacks/CSV_Injection>), nor one that takes another character
/// for the end of a cell.
pub fn harmless(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    if is_formula(text) {
        cell.push('\'');
    }
    for (at, c) in text.char_indices() {
        cell.push(c);
        if ENDS.contains(&c) && begins_formula(&text[at + c.len_utf8()..]) {
            cell.push('\'');
        }
    }
    cell
}

/// What [`harmless`] was given; `None` where it had nothing to do.
pub fn unguarded(cell: &str) -> Option<String> {
    let rest = cell.strip_prefix('\'').filter(|text| is_formula(text)).unwrap_or(cell);
    let mut text = String::with_capacity(rest.len());
    let mut was_end = false;
    for (at, c) in rest.char_indices() {
        let is_guard = was_end && c == '\'' && begins_formula(&rest[at + 1..]);
        was_end = ENDS.contains(&c);
        if !is_guard {
            text.push(c);
        }
    }
    (text != cell).then_some(text)
}

/// Whether a file whose columns have these names is one of the gateway's own, perhaps corrected.
pub fn is_own_file(names: &[String]) -> bool {
    OWN.iter().any(|own| own.iter().all(|column| names.iter().any(|name| name.eq_ignore_ascii_case(column))))
}

/// How formulas begin, in full width too, as keyboards of East Asia write them.
const STARTS: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// What some programs take for the end of a cell, though it stands in quotation marks.
const ENDS: [char; 4] = [';', '\t', '\n', '\r'];

/// Whether what follows the end of a cell begins as a formula does.
fn begins_formula(text: &str) -> bool {
    text.trim_start_matches('\'').trim_start_matches(' ').starts_with(STARTS)
}

/// Whether a text begins as a formula does, behind whatever stands before it to say that it is none.
fn is_formula(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text.trim_start().starts_with(STARTS) || text.starts_with(['\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_each_is_read_as_it_was() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+62", "'+62"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
            ("a;\u{ff0b}1", "a;'\u{ff0b}1"),
            (" =1", "' =1"),
            ("\t=1", "'\t'=1"),
            // A person's own stays a person's own.
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'tis", "'tis"),
            ("'", "'"),
            ("6281", "6281"),
            ("a=b", "a=b"),
            ("a;=1", "a;'=1"),
            ("=1\t=1;+2", "'=1\t'=1;'+2"),
            ("a\n=1\r\n -2", "a\n'=1\r\n' -2"),
            ("a;'=1", "a;''=1"),
            ("one, -two; three", "one, -two; three"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), cell);
            assert_eq!(unguarded(cell).as_deref().unwrap_or(cell), text);
        }
    }

    #[test]
    fn the_gateways_own_files_are_known_by_their_columns() {
        let is_own = |names: &[&str]| is_own_file(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(is_own(&["destination", "message", "line", "reason"]) && is_own(&["Reason", "tag", "Line"]));
        assert!(is_own(&["ref_no", "destination", "text", "reason", "reason_code"]));
        assert!(!is_own(&["destination", "message", "reason"]) && !is_own(&["destination", "message"]));
    }
}
