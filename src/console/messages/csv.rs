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
    let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@']) || cell.starts_with(['\t', '\r']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
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
            ("\t=1", "'\t=1"),
            ("6281", "6281"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), wanted, "{cell}");
        }
        let text = lines([vec!["a", "b"], vec!["=x", "one, \"two\"\nthree"]]);
        assert_eq!(String::from_utf8(text).unwrap(), "a,b\n'=x,\"one, \"\"two\"\"\nthree\"\n");
    }
}
