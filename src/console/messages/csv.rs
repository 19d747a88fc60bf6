//! Tables as files for spreadsheets: one that opens such a file must not take a text for a formula. Pure.

/// Lines of a CSV file.
pub fn lines<'t>(rows: impl IntoIterator<Item = Vec<&'t str>>) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        // Memory takes every row.
        let _ = writer.write_record(row.into_iter().map(|cell| harmless(cell).into_bytes()));
    }
    writer.into_inner().unwrap_or_default()
}

/// A cell that no spreadsheet calculates: <https://owasp.org/www-community/attacks/CSV_Injection>
fn harmless(cell: &str) -> String {
    let begins_one = |text: &str| text.trim_start().starts_with(['=', '+', '-', '@']);
    let is_formula = begins_one(cell) || cell.starts_with(['\t', '\r', '\n']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    // A program that takes another character for the end of a cell, or loses the quotation marks, finds cells within it.
    let mut harmless = String::with_capacity(cell.len());
    for (at, c) in cell.char_indices() {
        harmless.push(c);
        if matches!(c, ';' | '\t' | '\n' | '\r' | ',') && begins_one(&cell[at + c.len_utf8()..]) {
            harmless.push('\'');
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, wanted) in [
            ("=1+1", "'=1+1"),
            ("+62", "'+62"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "'\t'=1"),
            ("6281", "6281"),
            ("a=b", "a=b"),
            ("a;=1", "a;'=1"),
            ("a\t=1;+2", "a\t'=1;'+2"),
            ("a\n=1\r\n-2", "a\n'=1\r'\n'-2"),
            ("one, -two", "one,' -two"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), wanted, "{cell}");
        }
        let text = lines([vec!["a", "b"], vec!["=x", "one, \"two\"\nthree"]]);
        assert_eq!(String::from_utf8(text).unwrap(), "a,b\n'=x,\"one, \"\"two\"\"\nthree\"\n");
    }
}
