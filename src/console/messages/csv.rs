//! Tables as files for spreadsheets: one that opens such a file must not take a text for a formula. Pure.

use crate::campaign::inert::harmless;

/// Lines of a CSV file.
pub fn lines<'t>(rows: impl IntoIterator<Item = Vec<&'t str>>) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        // Memory takes every row.
        let _ = writer.write_record(row.into_iter().map(|cell| harmless(cell).into_bytes()));
    }
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let text = lines([vec!["a", "b"], vec!["=x", "one, \"two\"\nthree"]]);
        assert_eq!(String::from_utf8(text).unwrap(), "a,b\n'=x,\"one, \"\"two\"\"\nthree\"\n");
    }
}
